"""SRT (SubRip) and WebVTT: writing and reading.

The two are read here and not with pysubs2, which (1.8) takes any text line with two times in it for a
new cue, drops a last line that is a number, keeps WebVTT's NOTE and STYLE blocks as text, and leaves
``&amp;`` as it is. Source for WebVTT: https://www.w3.org/TR/webvtt1/ (6.4, cue text parsing).
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from gpt_sovits_emotion.errors import TranscriptError
from gpt_sovits_emotion.labels import EMOTIONS, UNSURE, colour_of
from gpt_sovits_emotion.transcript_io.lines import Line, check_times
from gpt_sovits_emotion.transcript_io.wording import clean, guard, mark, split_mark, unguard

__all__ = ["read_srt", "read_vtt", "srt_text", "vtt_text"]

_TIME = r"(?P<{0}>-?(?:\d+:)?\d{{1,2}}:\d{{1,2}}[.,]\d{{1,3}})"
_TIMING = re.compile(rf"\s*{_TIME.format('start')}\s*-->\s*{_TIME.format('end')}(?:\s.*)?$")
_BROKEN_TIMING = re.compile(r"\s*-?\d+:.*-->")
_HTML_TAG = re.compile(r"</?(?:b|i|u|s|font|c|v|ruby|rt|lang|span)\b[^>]*>", re.IGNORECASE)
_OVERRIDE = re.compile(r"\{\\[^}]*\}")
_VTT_TAG = re.compile(r"<[^>]*>")
_FREE_CLASS = "free"


@dataclass(slots=True)
class _Cue:
    start_s: float
    end_s: float
    rows: list[str] = field(default_factory=list)


def srt_text(lines: Sequence[Line], *, language: str) -> str:
    """Write lines as SRT; times to the millisecond, the emotion as a mark before the text."""
    cues = (
        f"{number}\n{_clock(line.start_s, ',')} --> {_clock(line.end_s, ',')}\n"
        f"{_marked(line, guard(line.text), language)}\n"
        for number, line in enumerate(lines, start=1)
    )
    return "\n".join(cues)


def vtt_text(lines: Sequence[Line], *, language: str) -> str:
    """Write lines as WebVTT; each cue in a class span, coloured by the header's style.

    A class and not a voice span: ``<v ...>`` names who speaks, not how. Free labels share the class
    ``free``, which has no colour.
    """
    styles = "\n".join(
        f"::cue(.{name}) {{ color: {colour_of(name)} }}" for name in (*EMOTIONS, UNSURE)
    )
    cues = (
        f"{number}\n{_clock(line.start_s, '.')} --> {_clock(line.end_s, '.')}\n"
        f"<c.{_class_of(line)}>{_escape(_marked(line, line.text, language))}</c>\n"
        for number, line in enumerate(lines, start=1)
    )
    return "\n".join([f"WEBVTT\n\nSTYLE\n{styles}\n", *cues])


def read_srt(text: str, *, name: str) -> tuple[Line, ...]:
    """Read SRT. Blank lines inside a cue, missing numbers and HTML tags are put up with.

    Raises:
        TranscriptError: No cue, a damaged time, or times that are negative or run backwards.
    """
    cues = _cues(text, name=name, blank_row_ends_cue=False)
    return tuple(_line_of(cue, _srt_words(cue.rows)) for cue in cues)


def read_vtt(text: str, *, name: str) -> tuple[Line, ...]:
    """Read WebVTT; spans, styles and notes are dropped.

    Raises:
        TranscriptError: As `read_srt`.
    """
    cues = _cues(text, name=name, blank_row_ends_cue=True)
    return tuple(_line_of(cue, _vtt_words(cue.rows)) for cue in cues)


def _marked(line: Line, text: str, language: str) -> str:
    shown = mark(
        line.label or UNSURE, confidence=line.confidence, by_hand=line.by_hand, language=language
    )
    return f"{shown} {text}".rstrip()


def _class_of(line: Line) -> str:
    label = line.label or UNSURE
    return label if label in EMOTIONS or label == UNSURE else _FREE_CLASS


def _escape(text: str) -> str:
    return html.escape(text, quote=False)


def _clock(time_s: float | None, point: str) -> str:
    total_ms = round((time_s or 0.0) * 1000)
    minutes, ms = divmod(total_ms, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{ms // 1000:02d}{point}{ms % 1000:03d}"


def _seconds(clock: str) -> float:
    sign = -1 if clock.startswith("-") else 1
    *hours, minutes, seconds = clock.lstrip("-").replace(",", ".").split(":")
    whole_minutes = int(hours[0] if hours else 0) * 60 + int(minutes)
    return sign * (whole_minutes * 60_000 + round(float(seconds) * 1000)) / 1000


def _cues(text: str, *, name: str, blank_row_ends_cue: bool) -> list[_Cue]:
    cues: list[_Cue] = []
    current: _Cue | None = None
    for number, row in enumerate(_rows(text), start=1):
        timing = _TIMING.match(row)
        if timing is not None:
            if current is not None and not blank_row_ends_cue:
                _drop_number(current.rows)
            current = _Cue(_seconds(timing["start"]), _seconds(timing["end"]))
            check_times(current.start_s, current.end_s, where=f"{name}: the cue in line {number}")
            cues.append(current)
        elif _BROKEN_TIMING.match(row):
            raise TranscriptError(
                f"{name}: the times in line {number} ({row.strip()[:60]!r}) cannot be read; expected "
                "00:00:01,000 --> 00:00:02,000"
            )
        elif blank_row_ends_cue and not row.strip():
            current = None
        elif current is not None:
            current.rows.append(row)
    if not cues:
        raise TranscriptError(f"{name} has no cue with times; expected SubRip or WebVTT subtitles")
    return cues


def _rows(text: str) -> Iterator[str]:
    # Not str.splitlines: it also breaks at signs that may stand within a cue's line.
    yield from text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _drop_number(rows: list[str]) -> None:
    # The row right above a timing row is that next cue's number.
    if rows and rows[-1].strip().isdecimal():
        rows.pop()


def _srt_words(rows: Iterable[str]) -> str:
    text = "\n".join(rows)
    return unguard(clean(_OVERRIDE.sub("", _HTML_TAG.sub("", text))))


def _vtt_words(rows: Iterable[str]) -> str:
    return clean(html.unescape(_VTT_TAG.sub("", "\n".join(rows))))


def _line_of(cue: _Cue, words: str) -> Line:
    found, text = split_mark(words)
    return Line(
        text=text,
        start_s=cue.start_s,
        end_s=cue.end_s,
        label=found.label if found else None,
        confidence=found.confidence if found else None,
        by_hand=found.by_hand if found else False,
    )
