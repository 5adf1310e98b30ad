"""SRT (SubRip) and WebVTT: writing and reading.

The two are read here and not with pysubs2, which (1.8) takes any text line with two times in it for a
new cue, drops a last line that is a number, keeps WebVTT's NOTE and STYLE blocks as text, and leaves
``&amp;`` as it is. Source for WebVTT: https://www.w3.org/TR/webvtt1/ (6.4, cue text parsing).
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile

from gpt_sovits_emotion.core.counting import counted
from gpt_sovits_emotion.core.errors import TranscriptError
from gpt_sovits_emotion.core.labels import EMOTIONS, UNSURE, colour_of
from gpt_sovits_emotion.core.messages import of_count, tr
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.transcripts.lines import (
    FileLines,
    Line,
    above_first,
    check_times,
    from_zero,
    marked_line,
    place,
)
from gpt_sovits_emotion.transcripts.timing import CLOCK, seconds_of
from gpt_sovits_emotion.transcripts.wording import (
    clean,
    guard,
    mark,
    one_line,
    plain_entities,
    split_mark,
    split_told,
    told,
    unguard,
)

__all__ = [
    "Cue",
    "has_cues",
    "read_srt",
    "read_subtitles",
    "read_vtt",
    "srt_text",
    "unrolled",
    "vtt_text",
    "without_markup",
]

_TIMING = re.compile(
    rf"\s*(?P<start>-?{CLOCK})\s*(?:[-–—]{{1,3}}\s?>|→)\s*(?P<end>-?{CLOCK})(?P<behind>\s.*)?$"
)
# Word processors and translators make one sign of an arrow, and full-width colons.
_WIDE_TIMES = re.compile(r"\s*-?\d+\s*：[\d\s：.,，．]*(?:[-–—]{1,3}\s?>|→)")
# WebVTT's settings, SubRip's coordinates: anything else behind the times is words.
_SETTINGS = re.compile(r"(?:\s+[A-Za-z]\w*:\S*)*\s*")
_BROKEN_TIMING = re.compile(r"\s*-?\d+\s?[:：].*(?:-->|→)")
_LINE_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_RUBY_TEXT = re.compile(r"<rt\b[^<>]*>[^<]*(?:</rt>|(?=</ruby>))", re.IGNORECASE | re.DOTALL)
_HTML_TAG = re.compile(
    r"</?(?:b|i|u|s|em|strong|font|c|v|p|div|ruby|rt|rb|rp|lang|span|sub|sup|big|small|tt|center)"
    r"(?:[\s./][^<>]*)?>|<\d{1,3}:\d\d[\d:.,]{0,20}>",
    re.IGNORECASE,
)
_OVERRIDE = re.compile(r"\{(?:\\|[YyCcFfSsPpHh]:)[^{}]*\}")
_VTT_TAG = re.compile(r"<[^<>]*>")
_VOICE = re.compile(r"<v(?:\.[^\s<>]*)?\s+(?P<name>[^<>\s][^<>]*)>", re.IGNORECASE)
# No tag holds the sign that begins one: a file of nothing but "<" would take hours otherwise.
_BLOCKS = ("NOTE", "STYLE", "REGION", "WEBVTT")
_FREE_CLASS = "free"


def srt_text(lines: Sequence[Line], *, language: str) -> str:
    """Write lines as SRT; times to the millisecond, the emotion as a mark before the text, and who speaks."""
    cues = (
        f"{number}\n{_clock(line.start_s, ',')} --> {_clock(line.end_s, ',')}\n"
        f"{_marked(line, guard(told(line.speaker, line.text)), language)}\n"
        for number, line in enumerate(lines, start=1)
    )
    return "\n".join(cues)


def vtt_text(lines: Sequence[Line], *, language: str) -> str:
    """Write lines as WebVTT; each cue in a class span, coloured by the header's style.

    A class and not a voice span: ``<v ...>`` names who speaks, where that is known, not how. Free labels
    share the class ``free``, which has no colour.
    """
    styles = "\n".join(
        f"::cue(.{name}) {{ color: {colour_of(name)} }}" for name in (*EMOTIONS, UNSURE)
    )
    cues = (
        f"{number}\n{_clock(line.start_s, '.')} --> {_clock(line.end_s, '.')}\n"
        f"{_spoken_by(line)}<c.{_class_of(line)}>"
        f"{_escape(_marked(line, told('', line.text), language))}</c>\n"
        for number, line in enumerate(lines, start=1)
    )
    return "\n".join([f"WEBVTT\n\nSTYLE\n{styles}\n", *cues])


def has_cues(text: str) -> bool:
    """Say whether a text holds subtitles: WebVTT, or rows of two times with an arrow between them."""
    return text.lstrip(" \n").startswith("WEBVTT") or any(
        (found := _timing(row)) is not None and _SETTINGS.fullmatch(found["behind"] or "")
        for row in _rows(text)
    )


def read_subtitles(text: str, *, name: str) -> FileLines:
    """Read SRT or WebVTT, whichever it is; the first line says it, not the name.

    Raises:
        TranscriptError: As `read_srt`.
    """
    is_vtt = text.lstrip(" \n\r").startswith("WEBVTT")
    return read_vtt(text, name=name) if is_vtt else read_srt(text, name=name)


def read_srt(text: str, *, name: str) -> FileLines:
    """Read SRT. Blank lines inside a cue or missing between cues, missing numbers and tags are put up with.

    Raises:
        TranscriptError: No cue, a damaged time, or times that run backwards.
    """
    cues, _ = _cues(text, name=name, empty_row_ends_cue=False)
    found = _lines_of(cues, [_srt_words(cue.rows) for cue in cues])
    return FileLines(found.lines, (*above_first(_n_above(text)), *found.notes))


def read_vtt(text: str, *, name: str) -> FileLines:
    """Read WebVTT; spans, styles and notes are dropped; ``<v Ada>`` says who speaks.

    Raises:
        TranscriptError: As `read_srt`.
    """
    cues, n_outside = _cues(text, name=name, empty_row_ends_cue=True)
    found = _lines_of(cues, [without_markup("\n".join(cue.rows)) for cue in cues])
    if not n_outside:
        return found
    outside = Sentence(
        counted(
            n_outside,
            "row of text after an empty row belongs",
            "rows of text after an empty row belong",
        )
        + " to no cue, as WebVTT has it; left out",
        f"按 WebVTT 的规定，空行之后的 {n_outside} 行文字不属于任何字幕，已略去",
    )
    return FileLines(found.lines, (*found.notes, outside))


def _marked(line: Line, text: str, language: str) -> str:
    shown = mark(
        line.label or UNSURE, confidence=line.confidence, by_hand=line.by_hand, language=language
    )
    return f"{shown} {text}".rstrip()


def _spoken_by(line: Line) -> str:
    return f"<v {_escape(line.speaker)}>" if line.speaker else ""


def _class_of(line: Line) -> str:
    label = line.label or UNSURE
    return label if label in EMOTIONS or label == UNSURE else _FREE_CLASS


def _escape(text: str) -> str:
    return html.escape(text, quote=False)


def _clock(time_s: float | None, point: str) -> str:
    total_ms = round((time_s or 0.0) * 1000)
    minutes, ms = divmod(total_ms, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{ms // 1000:02d}{point}{ms % 1000:03d}"


def _cues(text: str, *, name: str, empty_row_ends_cue: bool) -> tuple[list[Cue], int]:
    """Return the cues, and how many rows of text stand outside all of them."""
    cues: list[Cue] = []
    current: Cue | None = None
    outside: list[str] = []
    n_outside = 0
    for number, row in enumerate(_rows(text), start=1):
        timing = _timing(row)
        if timing is not None:
            n_outside += _n_lost(outside[:-1] if cues else [])  # the last may be the cue's name
            outside = []
            if current is not None:
                _drop_number(current.rows, len(cues) + 1)
            current = Cue(seconds_of(timing["start"]), seconds_of(timing["end"]))
            if not _SETTINGS.fullmatch(timing["behind"] or ""):
                current.rows.append(timing["behind"])
            check_times(
                max(current.start_s, 0.0),
                max(current.end_s, 0.0) if current.start_s < 0 else current.end_s,
                where=place("the cue in line", number, name=name),
            )
            cues.append(current)
        elif _BROKEN_TIMING.match(row):
            raise TranscriptError(
                tr(
                    "{name}: the times in line {number} ({row!r}) cannot be read; expected 00:00:01,000 "
                    "--> 00:00:02,000",
                    name=name,
                    number=number,
                    row=row.strip()[:60],
                )
            )
        elif empty_row_ends_cue and not row:
            # A row of blanks is no empty row: YouTube writes one above the words.
            current = None
            n_outside += _n_lost(outside if cues else [])
            outside = []
        elif current is not None:
            current.rows.append(row)
        elif row.strip():
            outside.append(row)
    n_outside += _n_lost(outside if cues else [])
    if not cues:
        raise TranscriptError(
            tr("{name} has no cue with times; expected SubRip or WebVTT subtitles", name=name)
        )
    return cues, n_outside


def _timing(row: str) -> re.Match[str] | None:
    """Return the times of a cue, None where a row has none."""
    return _TIMING.match(row.replace("：", ":") if _WIDE_TIMES.match(row) else row)


def _n_above(text: str) -> int:
    """Return how many rows stand above the first cue, without its number."""
    rows = list(takewhile(lambda row: _timing(row) is None, _rows(text)))
    filled = [row for row in rows if row.strip()]
    return len(filled) - bool(filled and filled[-1].strip().isdecimal())


def _n_lost(block: Sequence[str]) -> int:
    """Return how many rows of a block that is no cue hold words."""
    return 0 if not block or block[0].startswith(_BLOCKS) else len(block)


def _rows(text: str) -> Iterator[str]:
    # Not str.splitlines: it also breaks at signs that may stand within a cue's line.
    yield from text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _drop_number(rows: list[str], number: int) -> None:
    """Take the next cue's number off, right above its times, or with blanks around and in order."""
    if rows and rows[-1].strip().isdecimal():
        rows.pop()
        return
    filled = [index for index, row in enumerate(rows) if row.strip()]
    if not filled or not rows[filled[-1]].strip().isdecimal():
        return
    last = filled[-1]
    counted = rows[last].strip()
    if len(counted) < 10 and int(counted) == number and last > 0 and not rows[last - 1].strip():
        del rows[last]


def _srt_words(rows: Sequence[str]) -> str:
    text = _RUBY_TEXT.sub("", _LINE_BREAK.sub("\n", "\n".join(rows)))
    text = _OVERRIDE.sub("", _HTML_TAG.sub("", text))
    return unguard(clean(plain_entities(text)))


def without_markup(text: str) -> str:
    """Return the words of a text without tags, the readings of ruby, and entities."""
    text = _RUBY_TEXT.sub("", _LINE_BREAK.sub("\n", text))
    return clean(html.unescape(_VTT_TAG.sub("", text)))


def _lines_of(cues: Sequence[Cue], plain: Sequence[str]) -> FileLines:
    kept, n_repeated = unrolled(cues, plain)
    found = from_zero(_line_of(cue, words) for cue, words in kept)
    if not n_repeated:
        return found
    rolling = tr(
        "rolling captions: {n_repeated} what was shown before left out",
        n_repeated=of_count(n_repeated, "row that repeats", "rows that repeat"),
    )
    return FileLines(found.lines, (*found.notes, rolling))


def _line_of(cue: Cue, words: str) -> Line:
    line = marked_line(words, cue.start_s, cue.end_s)
    speaker, text = split_told(line.text)
    return replace(line, text=text, speaker=_voice_of(cue.rows) or speaker)


def _voice_of(rows: Sequence[str]) -> str:
    """Return who speaks a cue as WebVTT's voice spans say it, "" where there is none or more than one."""
    names = {html.unescape(found["name"]) for found in _VOICE.finditer("\n".join(rows))}
    return one_line(clean(names.pop())) if len(names) == 1 else ""


_TOUCHING_S = 0.06
_FLASH_S = 0.06
_SHARE = 0.5
"""So many of the cues must repeat rows before a file is taken to roll: people do say a thing twice."""


@dataclass(slots=True)
class Cue:
    """One cue: its times in seconds and its rows, which may be blank."""

    start_s: float
    end_s: float
    rows: list[str] = field(default_factory=list)


def unrolled(cues: Sequence[Cue], plain: Sequence[str]) -> tuple[list[tuple[Cue, str]], int]:
    r"""Take out of each cue the rows that the one before it has shown already.

    Args:
        cues: In the order of the file.
        plain: Their texts without markup, rows parted by ``\n``.

    Returns:
        Each cue that has something new with its text, and how many rows were taken out; all cues as they are,
        and 0, where the file does not roll.
    """
    rows = [text.split("\n") if _has_words(text) else [] for text in plain]
    repeated = [0] * len(cues)
    shown: list[str] = []
    n_rolling = n_following = 0
    last_end_s = float("-inf")
    for index, cue in enumerate(cues):
        follows = cue.start_s - last_end_s <= _TOUCHING_S and index > 0
        repeated[index] = _overlap(shown, rows[index]) if follows and rows[index] else 0
        if follows and rows[index]:
            n_following += 1
            grows = repeated[index] < len(rows[index]) or cue.end_s - cue.start_s <= _FLASH_S
            n_rolling += repeated[index] > 0 and grows
        if rows[index]:
            shown = rows[index]
        last_end_s = max(last_end_s, cue.end_s)
    whole = list(zip(cues, plain, strict=True))
    if n_rolling < 2 or n_rolling < _SHARE * n_following:
        return whole, 0
    kept = [
        (cue, "\n".join(own[n:]))
        for cue, own, n in zip(cues, rows, repeated, strict=True)
        if len(own) > n
    ]
    return kept, sum(repeated)


def _has_words(text: str) -> bool:
    """Say whether a cue has words, beside the mark of an emotion; segments without any are alike."""
    return bool(split_mark(text)[1].strip())


def _overlap(shown: Sequence[str], rows: Sequence[str]) -> int:
    """Return how many rows at the beginning were the last ones shown."""
    most = min(len(shown), len(rows))
    return next((n for n in range(most, 0, -1) if list(shown[-n:]) == list(rows[:n])), 0)
