"""Write Chinese as it is written: one script, full-width punctuation, a full stop where a sentence ends.

Whisper mixes simplified and traditional characters in one recording, sets half-width commas, or blanks in
place of marks, and leaves the end of a sentence open. A prompt with punctuation brings some more marks, but
Whisper base lost a clause and wrote stray signs with it, so that marks are set here: by what Whisper wrote,
and by the pauses.
"""

from __future__ import annotations

import functools
import itertools
import logging
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from gpt_sovits_emotion.core.records import Segment, Word
from gpt_sovits_emotion.transcription.options import SIMPLIFIED, TRADITIONAL

__all__ = ["written_in_chinese"]

_log = logging.getLogger(__name__)

_CONVERSIONS = {SIMPLIFIED: "t2s", TRADITIONAL: "s2t"}
_HAN = "㐀-䶿一-鿿豈-﫿"
_FULL_WIDTH = str.maketrans(",.!?;:()", "，。！？；：（）")
_BESIDE_HAN = re.compile(rf"(?<=[{_HAN}])[,.!?;:()]|[,.!?;:()](?=[{_HAN}])")
_BLANK_FOR_MARK = re.compile(rf"(?<=[{_HAN}]) (?=[{_HAN}])")
_BLANK_BEHIND_MARK = re.compile(r"(?<=[，。！？；：、）]) ")
_CLOSED = frozenset("。！？…；：!?.”」』）)")
_OPEN = frozenset("，、,")
_STOP_PAUSE_S = 0.5  # a shorter pause behind a segment is a comma's
_COMMA_PAUSE_S = 0.3  # and so is a pause inside of one


def written_in_chinese(segments: Sequence[Segment], script: str) -> tuple[Segment, ...]:
    """Return segments whose Chinese is in one script and punctuated; others stay as they are.

    Args:
        segments: In order of time.
        script: ``simplified``, ``traditional``, or ``as-heard``, which leaves the characters alone.
    """
    written: list[Segment] = []
    for i, segment in enumerate(segments):
        if segment.language == "zh" and segment.text:
            follows = segments[i + 1] if i + 1 < len(segments) else None
            pause_s = follows.start_s - segment.end_s if follows else _STOP_PAUSE_S
            segment = _written(segment, script, pause_s)
        written.append(segment)
    return tuple(written)


def _written(segment: Segment, script: str, pause_s: float) -> Segment:
    segment = _with_commas(segment)
    spoken = "".join(word.text for word in segment.words)
    if segment.words and spoken.strip() == segment.text:
        text = _punctuated(_converted(spoken, script))
        if len(text) == len(spoken):
            return _closed(segment, text, pause_s)
    words = tuple(
        replace(word, text=_punctuated(_converted(word.text, script))) for word in segment.words
    )
    text = _punctuated(_converted(segment.text, script))
    text = _BLANK_BEHIND_MARK.sub("", text)
    return replace(segment, text=_with_end(text, pause_s), words=words)


def _with_commas(segment: Segment) -> Segment:
    """Set a comma at each pause between words that has no mark."""
    words = list(segment.words)
    if "".join(word.text for word in words).strip() != segment.text:
        return segment
    for i, (word, follows) in enumerate(itertools.pairwise(words)):
        is_open = re.search(rf"[{_HAN}]$", word.text) and re.match(rf"[{_HAN}]", follows.text)
        if is_open and follows.start_s - word.end_s >= _COMMA_PAUSE_S:
            words[i] = replace(word, text=word.text + "，")
    text = "".join(word.text for word in words).strip()
    return replace(segment, text=text, words=tuple(words))


def _closed(segment: Segment, text: str, pause_s: float) -> Segment:
    """Share `text`, of as many characters as the segment's words have, out to the words, and end it."""
    words: list[Word] = []
    place = 0
    for word in segment.words:
        own = text[place : place + len(word.text)]
        place += len(word.text)
        words.append(replace(word, text=own))
    last = words[-1]
    words[-1] = replace(last, text=_with_end(last.text.rstrip(), pause_s))
    whole = _BLANK_BEHIND_MARK.sub("", "".join(word.text for word in words)).strip()
    return replace(segment, text=whole, words=tuple(words))


def _converted(text: str, script: str) -> str:
    converter = _converter(script)
    return text if converter is None else str(converter.convert(text))


@functools.cache
def _converter(script: str) -> Any:
    if script not in _CONVERSIONS:
        return None
    try:
        from opencc import OpenCC
    except ImportError:
        # An old environment of GPT-SoVITS may lack it; what was heard must not be lost for that.
        _log.warning("opencc is not installed, so Chinese stays as heard: pip install opencc")
        return None
    return OpenCC(_CONVERSIONS[script])


def _punctuated(text: str) -> str:
    """Return text of the same length with the marks beside Chinese characters in full width."""
    text = _BESIDE_HAN.sub(lambda found: found[0].translate(_FULL_WIDTH), text)
    return _BLANK_FOR_MARK.sub("，", text)


def _with_end(text: str, pause_s: float) -> str:
    """Return text that ends in a mark: a full stop before a pause, else a comma."""
    if not text or text[-1] in _CLOSED:
        return text
    if pause_s < _STOP_PAUSE_S:
        return text if text[-1] in _OPEN else text + "，"
    return (text[:-1] if text[-1] in _OPEN else text) + "。"
