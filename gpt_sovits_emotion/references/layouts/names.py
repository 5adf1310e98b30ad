"""Names that hold a label and the words: ``【label】text.wav`` and ``label_text.wav``.

Used by the reader and by the writer, so that what is written is by construction what is read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gpt_sovits_emotion.labels import EMOTIONS
from gpt_sovits_emotion.references.layouts.listing import emotion_of

__all__ = ["NamedClip", "are_labelled", "split_brackets", "split_underscore", "words_of_name"]

_BRACKETS = re.compile(r"【(?P<label>[^【】]+)】(?P<text>.*)", re.DOTALL)


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
