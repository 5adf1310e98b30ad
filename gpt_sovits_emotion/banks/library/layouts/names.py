"""Names that hold a label and the words: ``【label】text.wav`` and ``label_text.wav``.

Used by the reader and by the writer, so that what is written is by construction what is read. Names that
people give their files, with a label anywhere in them, are read by `spot_label`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gpt_sovits_emotion.banks.library.layouts.label_words import labels_in_name
from gpt_sovits_emotion.banks.library.layouts.listing import emotion_of
from gpt_sovits_emotion.core.labels import EMOTIONS, display_name
from gpt_sovits_emotion.core.messages import in_both, tr
from gpt_sovits_emotion.core.records import Sentence

__all__ = [
    "NamedClip",
    "are_labelled",
    "split_brackets",
    "split_underscore",
    "spot_label",
    "words_of_name",
]

_BRACKETS = re.compile(r"【(?P<label>[^【】]+)】(?P<text>.*)", re.DOTALL)
_LABEL_THEN_TEXT = re.compile(
    r"(?:.*【(?P<inner>[^【】]+)】|[\[(（「《](?P<outer>[^\])）」》]+)[\])）」》]|(?P<plain>[^_]+)_)(?P<text>.*)",
    re.DOTALL,
)
_NUMBERED = re.compile(r"[_-]\d+$")


@dataclass(frozen=True, slots=True)
class NamedClip:
    """What a file's name says: a label as `emotion_of` returns it, and the words ("" when unknown)."""

    emotion: str
    text: str


def split_brackets(stem: str) -> NamedClip | None:
    """Split ``【label】text``; None for any other name.

    Examples:
        >>> split_brackets("【开心_happy】太好了！")
        NamedClip(emotion='happy', text='太好了！')
        >>> split_brackets("开心_太好了") is None
        True
    """
    found = _BRACKETS.fullmatch(stem)
    if found is None or not found["label"].strip():
        return None
    return NamedClip(emotion_of(found["label"].strip()), words_of_name(found["text"]))


def split_underscore(stem: str) -> NamedClip:
    """Split ``label_text`` at the first ``_``; without one the whole is the text of the default slot.

    Examples:
        >>> split_underscore("angry_Go_away")
        NamedClip(emotion='angry', text='Go_away')
        >>> split_underscore("你好")
        NamedClip(emotion='', text='你好')
    """
    label, separator, text = stem.partition("_")
    if not separator or not label.strip():
        return NamedClip("", words_of_name(text if separator else stem))
    return NamedClip(emotion_of(label.strip()), words_of_name(text))


def spot_label(stem: str) -> NamedClip | Sentence | None:
    """Find the label in a name that a person gave a file; None where it holds none.

    What follows a label and ``_``, or a label in brackets, are the words, unless it ends in a number of its
    own; any other name says nothing of the words.

    Returns:
        Label and words; or, where the name holds several labels, a sentence that says which.

    Examples:
        >>> spot_label("voice_angry_03"), spot_label("01【生气】你好")
        (NamedClip(emotion='angry', text=''), NamedClip(emotion='angry', text='你好'))
        >>> spot_label("happy_sad").en
        'its name holds several emotions (happy, sad), so that none was taken; name it after one of them'
    """
    found = labels_in_name(stem)
    if len(found) > 1:
        return _two_labels(found)
    if not found:
        return None
    split = _LABEL_THEN_TEXT.fullmatch(stem)
    label = (
        next((part for part in split.group("inner", "outer", "plain") if part), "") if split else ""
    )
    if split is None or labels_in_name(label) != found or _NUMBERED.search(split["text"]):
        return NamedClip(found[0], "")
    return NamedClip(found[0], words_of_name(split["text"]))


def _two_labels(labels: Sequence[str]) -> Sentence:
    """Say that a name holds several labels."""
    names = ", ".join(display_name(label) or "default" for label in labels)
    names_zh = "、".join(display_name(label, "zh") or "默认" for label in labels)
    return tr(
        "its name holds several emotions ({names}), so that none was taken; name it after one of them",
        names=in_both(names, names_zh),
    )


def are_labelled(stems: list[str]) -> bool:
    """Say whether names of one folder are ``label_text``: at least one label must be a known one.

    Without this condition every folder of cut recordings (``talk_0000003200_0000148480``) would be a bank
    of one emotion named after its recording.

    Examples:
        >>> are_labelled(["傲娇_哼", "happy_好"]), are_labelled(["talk_0000003200_0000148480"])
        (True, False)
    """
    for stem in stems:
        label, separator, _ = stem.partition("_")
        if separator and label.strip() and emotion_of(label.strip()) in ("", *EMOTIONS):
            return True
    return False


def words_of_name(name: str) -> str:
    """Return the words that a name holds: "" where it holds no letter, but a number or signs.

    Examples:
        >>> words_of_name("你好 "), words_of_name("0001"), words_of_name("……")
        ('你好', '', '')
    """
    return name.strip() if any(sign.isalpha() for sign in name) else ""
