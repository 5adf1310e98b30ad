"""Emotions that a person wrote into a text to be said: ``[开心]……``, ``(happy) …``, ``<|HAPPY|>…``.

What stands in brackets is a tag only at the beginning and only where it names an emotion; ``[laughs] hello``
stays what it is. What was split off must not be spoken.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from gpt_sovits_emotion.labels import EMOTIONS, UNSURE, canonical_label, is_default_slot
from gpt_sovits_emotion.records import ReferenceBank
from gpt_sovits_emotion.transcript_io.tagged_text import (
    has_rich_text_tags,
    read_rich_text,
    strip_rich_text_tags,
)
from gpt_sovits_emotion.transcript_io.wording import split_mark

__all__ = ["labels_of_bank", "split_tag"]

_BRACKETS = re.compile(
    r"\s*(?:\[(?P<square>[^\[\]\n]{1,40})\]|【(?P<lens>[^【】\n]{1,40})】"
    r"|［(?P<wide>[^［］\n]{1,40})］|\((?P<round>[^()\n]{1,40})\)|（(?P<full>[^（）\n]{1,40})）)"
    r"(?:：|:(?=\s))?\s*"
)
_ASIDES = frozenset({"ps", "other", "unknown", "其他", "其它"})
"""Words that name an emotion, but in round brackets more likely belong to the text."""


def split_tag(text: str, *, known: Collection[str] = ()) -> tuple[str | None, str]:
    """Split a text into the emotion that a person wrote before it and the words to be said.

    Args:
        text: One segment's text.
        known: Labels that count beside the canonical ones, such as a bank's own (`labels_of_bank`).

    Returns:
        The label in canonical form (``unsure`` and ``default``, the bank's default slot, are possible), None
        when there is no tag; and the words without it. Without a tag the text comes back as it was.

    Examples:
        >>> split_tag("[开心] 你好！"), split_tag("（生气）够了。"), split_tag("[angry 87 %] Enough.")
        (('happy', '你好！'), ('angry', '够了。'), ('angry', 'Enough.'))
        >>> split_tag("<|en|><|SAD|><|Speech|>I miss you."), split_tag("[laughs] Hello")
        (('sad', 'I miss you.'), (None, '[laughs] Hello'))
        >>> split_tag("【傲娇】哼！"), split_tag("【傲娇】哼！", known=["傲娇"])
        ((None, '【傲娇】哼！'), ('傲娇', '哼！'))
    """
    if has_rich_text_tags(text):
        label = next((line.label for line in read_rich_text(text) if line.label), None)
        return label, strip_rich_text_tags(text)
    names = frozenset(map(canonical_label, known))
    first: str | None = None
    while (found := _leading(text, names)) is not None:
        label, text = found
        first = first or label
    return first, text


def labels_of_bank(bank: ReferenceBank) -> frozenset[str]:
    """Return the free labels of a bank, which a text may name: those of its clips and of its pins."""
    named = {clip.emotion for clip in bank.clips} | set(bank.pins)
    return frozenset(canonical_label(label) for label in named if label) - {UNSURE}


def _leading(text: str, names: frozenset[str]) -> tuple[str, str] | None:
    """Return the label at the beginning of a text and what stands behind it; None without a tag."""
    mark, words = split_mark(text)
    # A tick is written by our own transcripts alone; a percentage might be anybody's.
    if mark is not None and (
        mark.by_hand or (mark.confidence is not None and _is_known(mark.label, names))
    ):
        return mark.label, words.strip()
    found = _BRACKETS.match(text)
    if found is None:
        return None
    kind, written = next((kind, held) for kind, held in found.groupdict().items() if held)
    label = canonical_label(written)
    if kind in ("round", "full") and written.strip().casefold() in _ASIDES:
        return None
    if is_default_slot(written):
        return "default", text[found.end() :]
    return (label, text[found.end() :]) if _is_known(label, names) else None


def _is_known(label: str, names: frozenset[str]) -> bool:
    return label in EMOTIONS or label == UNSURE or label in names
