"""Plain text with times in it: what Whisper's programs print, labels, lyrics, copied transcripts, SBV.

    [00:16.020 --> 00:41.090] words    whisper, whisper.cpp, faster-whisper, WhisperX; also [0.00s -> 4.00s]
    16.020<TAB>41.090<TAB>words        Audacity's labels
    [00:12.00][01:15.30]words          LRC lyrics: one line at several times, each until the next
    0:16 words, or words a row below   a transcript copied from a video's page
    0:00:16.020,0:00:41.090            SBV, the words below
    0:00:16.020<TAB>0:00:41.090<TAB>words
    00:00:16:12 - 00:00:41:02          times of a film editor, with frames; the words below
    Anna  0:16                         minutes of a meeting: who, when, and the words below; also with an end
    0:16 Speaker 1                     the same the other way about
    Anna (0:16): words                 the same in one row; also [Anna] 0:16 - 0:20: words

Each counts only where a whole file looks so: "12:30 is when we meet" is a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from gpt_sovits_emotion.core.errors import TranscriptError
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.transcripts.lines import (
    FileLines,
    FilmRate,
    Line,
    above_first,
    check_times,
    marked_line,
    place,
    unknown_rate,
)
from gpt_sovits_emotion.transcripts.row_forms import EXACT, in_known_forms
from gpt_sovits_emotion.transcripts.speakers import is_program_name
from gpt_sovits_emotion.transcripts.timing import (
    ARROW,
    CLOCK,
    LATEST_S,
    NUMBER,
    seconds_of,
    to_ms,
)
from gpt_sovits_emotion.transcripts.wording import clean, plain_entities

__all__ = ["read_lyrics", "read_timed_text"]

_TIME = rf"(?:{CLOCK}|{NUMBER}s?)"
_SPAN = re.compile(
    rf"\s*(?:Transcript:\s*)?(?P<open>[\[(（【]?)\s*(?P<start>{_TIME})\s*(?P<arrow>{ARROW})"
    rf"\s*(?P<end>{_TIME})\s*(?P<close>[\])）】]?)\s*[:：]?\s*(?P<words>.*)"
)
_SBV = re.compile(
    r"\s*(?P<start>\d+:\d\d:\d\d(?:\.\d{1,3})?),(?P<end>\d+:\d\d:\d\d(?:\.\d{1,3})?)\s*(?P<words>)$"
)
_TWO_CLOCKS = re.compile(
    rf"\s*(?:\d+\t)?(?P<start>{EXACT})(?:\s*[\t;]\s*| +)(?P<end>{EXACT})(?:\s*[\t;]|\s|$)(?P<words>.*)"
)
_LABEL = re.compile(
    r"(?:\d+\t)?(?P<start>-?\d+[.,]\d+)(?:\t|[ ]+)(?P<end>-?\d+[.,]\d+)(?:(?:\t|[ ]+)(?P<words>.*))?$"
)
_STAMP = re.compile(
    rf"\s*(?:(?P<open>[\[(（【])\s*(?P<inner>{CLOCK})\s*[\])）】]|(?P<bare>{CLOCK})(?![.,:\d])"
    r"(?=\s|$|[^\w.,:%]|[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3]))"
    r"\s*[:：\-–—]?\s*(?P<words>.*)"
)
_HEADER = re.compile(
    rf"\s*(?P<who>[^\W\d_](?:[^\n:：]{{0,38}}[^\s:：,，(（\[|–—-])?)\s*(?:[:：|,，–—-]\s*)?(?:\s|(?=[\[(（]))"
    rf"(?P<open>[\[(（])?(?P<start>{CLOCK})(?:\s*{ARROW}\s*(?P<end>{CLOCK}))?[\])）]?\s*[:：]?\s*$"
)
_STAMPS = re.compile(r"\s*((?:\[\s*\d+:\d\d(?:[.:]\d{1,3})?\s*\]\s*)+)(?P<words>.*)")
_ONE_STAMP = re.compile(r"\[\s*(\d+):(\d\d)(?:[.:](\d{1,3}))?\s*\]")
_WORD_STAMP = re.compile(r"<\d+:\d\d(?:[.:]\d{1,3})?>")
_INFO = re.compile(r"\s*\[(?P<key>[A-Za-z#]{1,10}):(?P<value>[^\]]*)\]\s*$")
_SPELT = re.compile(
    r"(?:\d+ (?:hours?|minutes?|seconds?)(?:, )?)+|(?:\d+\s?(?:小时|分钟|分|秒钟|秒))+",
    re.IGNORECASE,
)
"""A time in words, which a video's page puts under the clock for those who listen to it."""

_FIRST_MINUTE_S = 60.0
"""Where a clock without brackets or fractions could be that of a day, the first must be this early."""

_MOST_NAMES = 4
"""So many words a speaker's name has at most; a sentence that ends with a time has more."""


@dataclass(slots=True)
class _Piece:
    """A stretch of text and its times; the end is None where the next piece says it."""

    start_s: float
    end_s: float | None
    rows: list[str] = field(default_factory=list)
    speaker: str = ""


def read_timed_text(
    text: str, *, name: str, film_rate: FilmRate = unknown_rate
) -> FileLines | None:
    """Read text that has times in one of the ways above; None where it has none.

    The end of a line is None where it is the last and only the next would say it.

    Args:
        text: Without byte order marks.
        name: What to call it.
        film_rate: Looks for the frames of the film that it belongs to.

    Raises:
        TranscriptError: Times run backwards.
    """
    rows = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    rows, notes = in_known_forms(rows, film_rate=film_rate)
    filled = [row for row in rows if row.strip()]
    for fits, split in _FORMS:
        if filled and fits(filled):
            found = _gathered(rows, split, name=name)
            return FileLines(found.lines, (*notes, *found.notes))
    if _are_lyrics(filled):
        return read_lyrics(text, name=name)
    return None


def read_lyrics(text: str, *, name: str) -> FileLines:
    """Read an LRC file: each line from its time to the next one's, as often as it has times.

    Raises:
        TranscriptError: No line has a time.
    """
    offset_s = 0.0
    pieces: list[_Piece] = []
    n_before = 0
    for row in text.splitlines():
        found, info = _STAMPS.match(row), _INFO.match(row)
        if found is not None:
            words = _WORD_STAMP.sub(" ", found["words"]).strip()
            words = re.sub(r" {2,}", " ", words)
            for minutes, seconds, fraction in _ONE_STAMP.findall(found[1]):
                whole_s = float(minutes) * 60 + int(seconds)
                start_s = to_ms((whole_s + float(f"0.{fraction or 0}")) * 1000) / 1000
                pieces.append(_Piece(start_s, None, [words]))
        elif info is not None:
            if info["key"].casefold() == "offset":
                offset_s = _offset_s(info["value"])
        elif row.strip() and pieces:
            pieces[-1].rows.append(row)
        elif row.strip():
            n_before += 1
    if not pieces:
        raise TranscriptError(
            tr(
                "{name} has no line with a time; expected lyrics, such as [00:12.00]words",
                name=name,
            )
        )
    pieces.sort(key=lambda piece: piece.start_s)
    for piece in pieces:
        # A positive offset lets the lyrics come earlier.
        piece.start_s = round(max(piece.start_s - offset_s, 0.0), 3)
    return FileLines(_lines_of(pieces), above_first(n_before))


def _offset_s(value: str) -> float:
    try:
        return max(min(int(value), LATEST_S * 1000), -LATEST_S * 1000) / 1000
    except ValueError:
        return 0.0


# --- what a file looks like --------------------------------------------------------------------------


def _are_spans(rows: Sequence[str]) -> bool:
    found = [match for row in rows if (match := _SPAN.match(row)) is not None]
    if any(_is_surely_span(match) for match in found):
        return True
    numbers = [match for match in found if _are_bracketed_seconds(match)]
    if len(numbers) >= 2 and 2 * len(numbers) >= len(rows) and _SPAN.match(rows[0]) is not None:
        return True
    plain = [match for match in found if ":" in match["start"] and ":" in match["end"]]
    return (
        len(plain) >= 2
        and 2 * len(plain) >= len(rows)
        and _SPAN.match(rows[0]) is not None
        and seconds_of(plain[0]["start"]) < _FIRST_MINUTE_S
    )


def _is_surely_span(found: re.Match[str]) -> bool:
    bracketed = bool(found["open"]) and bool(found["close"])
    if ":" not in found["start"] or ":" not in found["end"]:
        return bracketed and ">" in found["arrow"]
    return (
        bracketed or ">" in found["arrow"] or re.search(r"[.,，．]\d", found["start"]) is not None
    )


def _are_bracketed_seconds(found: re.Match[str]) -> bool:
    """Say whether a span is ``[1.2 - 3.4]``, which one row alone may hold for another reason."""
    both = (found["start"], found["end"])
    return bool(found["open"] and found["close"]) and all("." in one for one in both)


def _are_two_clocks(rows: Sequence[str]) -> bool:
    found = [match for row in rows if (match := _TWO_CLOCKS.match(row)) is not None]
    times = [seconds_of(match["start"]) for match in found]
    return (
        2 * len(found) >= len(rows)
        and any(_TWO_CLOCKS.match(row) for row in rows[:2])  # a header may stand above
        and times == sorted(times)
        and all(seconds_of(match["end"]) >= seconds_of(match["start"]) for match in found)
    )


def _is_sbv(rows: Sequence[str]) -> bool:
    return _SBV.match(rows[0]) is not None


def _are_labels(rows: Sequence[str]) -> bool:
    # Rows of a backslash give Audacity's frequencies.
    return all(row.startswith("\\") or _LABEL.match(row) for row in rows)


def _are_stamps(rows: Sequence[str]) -> bool:
    found = [match for row in rows if (match := _STAMP.match(row)) is not None]
    if not found or _STAMP.match(rows[0]) is None or 3 * len(found) < len(rows):
        return False
    times = [seconds_of(match["inner"] or match["bare"]) for match in found]
    if times != sorted(times):
        return False
    if all(match["open"] for match in found) and len(found) >= 2:
        return True
    return times[0] == 0 if len(found) == 1 else times[0] < _FIRST_MINUTE_S


def _are_headers(rows: Sequence[str]) -> bool:
    found = [match for row in rows if (match := _HEADER.match(row)) is not None]
    # A title may stand above the first; words stand below each.
    if len(found) < 2 or not any(_HEADER.match(row) for row in rows[:3]):
        return False
    if any(_HEADER.match(row) and _HEADER.match(below) for row, below in pairwise(rows)):
        return False
    times = [seconds_of(match["start"]) for match in found]
    return (
        times == sorted(times)
        and times[0] < _FIRST_MINUTE_S
        and all(_may_be_name(match["who"].split()) for match in found)
    )


def _may_be_name(words: Sequence[str]) -> bool:
    small = [word for word in words if word[0].islower()]
    return len(words) <= _MOST_NAMES and (not small or words[-1].isdigit())  # "speaker 1"


def _are_lyrics(rows: Sequence[str]) -> bool:
    found = [match[1] for row in rows if (match := _STAMPS.match(row)) is not None]
    n_info = sum(_INFO.match(row) is not None and not _STAMPS.match(row) for row in rows)
    return (
        bool(found)
        and ("." in "".join(found) or n_info > 0)
        and 2 * len(found) >= len(rows) - n_info
    )


# --- reading it --------------------------------------------------------------------------------------


def _span(row: str) -> tuple[_Piece, str] | None:
    found = _SPAN.match(row)
    if found is None:
        return None
    plain = (":" in found["start"] and ":" in found["end"]) or _are_bracketed_seconds(found)
    if not _is_surely_span(found) and not plain:
        return None
    return _Piece(seconds_of(found["start"]), seconds_of(found["end"])), found["words"]


def _sbv(row: str) -> tuple[_Piece, str] | None:
    found = _SBV.match(row)
    if found is None:
        return None
    return _Piece(seconds_of(found["start"]), seconds_of(found["end"])), ""


def _two_clocks(row: str) -> tuple[_Piece, str] | None:
    found = _TWO_CLOCKS.match(row)
    if found is None:
        return None
    return _Piece(seconds_of(found["start"]), seconds_of(found["end"])), found["words"]


def _label(row: str) -> tuple[_Piece, str] | None:
    found = _LABEL.match(row)
    if found is None:
        return None
    start_s, end_s = (float(found[name].replace(",", ".")) for name in ("start", "end"))
    return _Piece(start_s, end_s), found["words"] or ""


def _header(row: str) -> tuple[_Piece, str] | None:
    found = _HEADER.match(row)
    if found is None:
        return None
    end_s = seconds_of(found["end"]) if found["end"] else None
    return _Piece(seconds_of(found["start"]), end_s, speaker=found["who"].strip()), ""


def _stamp(row: str) -> tuple[_Piece, str] | None:
    found = _STAMP.match(row)
    if found is None:
        return None
    return _Piece(seconds_of(found["inner"] or found["bare"]), None), found["words"]


_Split = Callable[[str], tuple[_Piece, str] | None]
_FORMS: tuple[tuple[Callable[[Sequence[str]], bool], _Split], ...] = (
    (_are_spans, _span),
    (_is_sbv, _sbv),
    (_are_two_clocks, _two_clocks),
    (_are_labels, _label),
    (lambda rows: _are_stamps(rows) and not _are_lyrics(rows), _stamp),
    (_are_headers, _header),
)


def _gathered(rows: Sequence[str], split: _Split, *, name: str) -> FileLines:
    pieces: list[_Piece] = []
    n_before = 0
    for number, row in enumerate(rows, start=1):
        found = split(row)
        if found is not None:
            piece, words = found
            if piece.end_s is not None:
                check_times(piece.start_s, piece.end_s, where=place("line", number, name=name))
            piece.rows.append(words)
            pieces.append(piece)
        elif not row.strip() or row.startswith("\\") or _is_spelt_time(row, pieces):
            continue
        elif pieces:
            pieces[-1].rows.append(row.replace("[br]", "\n"))
        else:
            n_before += 1
    _take_names(pieces)
    return FileLines(_lines_of(pieces), above_first(n_before))


def _take_names(pieces: Sequence[_Piece]) -> None:
    """Take a program's name of a speaker, alone behind the time, for who says the rows below."""
    for piece in pieces:
        filled = [row for row in piece.rows if row.strip()]
        if not piece.speaker and len(filled) >= 2 and is_program_name(filled[0].strip(" :：")):
            piece.speaker = filled[0].strip(" :：")
            piece.rows = filled[1:]


def _is_spelt_time(row: str, pieces: Sequence[_Piece]) -> bool:
    return bool(pieces) and not any(pieces[-1].rows) and _SPELT.fullmatch(row.strip()) is not None


def _lines_of(pieces: Sequence[_Piece]) -> tuple[Line, ...]:
    """Make lines of pieces; where one has no end, that is where the next begins that begins later."""
    lines = []
    for piece, later_s in zip(pieces, _later_starts(pieces), strict=True):
        end_s = later_s if piece.end_s is None else piece.end_s
        words = clean(plain_entities("\n".join(piece.rows)))
        line = marked_line(words, piece.start_s, end_s, speaker=piece.speaker)
        if line.text or line.label:
            lines.append(line)
    return tuple(lines)


def _later_starts(pieces: Sequence[_Piece]) -> list[float | None]:
    """Return for each piece when the next begins that begins later; None behind the last."""
    later: list[float | None] = []
    behind: list[float] = []  # the starts behind a piece that could be its next, nearest last
    for piece in reversed(pieces):
        while behind and behind[-1] <= piece.start_s:
            behind.pop()
        later.append(behind[-1] if behind else None)
        behind.append(piece.start_s)
    return later[::-1]
