"""Bring the times of a foreign transcript to what a recording has: one voice at a time, from 0 to its end.

Subtitles overlap, run past the end, or have no length, and are whole files all the same. What was changed
is said.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import replace

from gpt_sovits_emotion.core.errors import TranscriptError
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import Segment, Sentence
from gpt_sovits_emotion.transcripts.lines import Line
from gpt_sovits_emotion.transcripts.wording import one_line

__all__ = [
    "ARROW",
    "CLOCK",
    "LATEST_S",
    "NUMBER",
    "fitted",
    "seconds_of",
    "to_ms",
    "with_ends",
]

TOLERATED_S = 0.1
"""Subtitle editors round and snap: an overlap of this much is cut without a word."""

TOLERATED_OVERRUN_S = 1.0
"""The same of a last line after the end of the recording, whose length the writer had rounded."""

_SHORTEST_S = 0.3
"""A line of which an overlap would leave less is joined with the next."""

_LATE_SHARE = 0.1
"""So many lines may lie past the end before the transcript is taken to be another recording's."""


def with_ends(lines: Iterable[Line], duration_s: float | None) -> tuple[Line, ...]:
    """Give lines without an end one: the recording's, or as long as their words take to be said."""
    return tuple(
        replace(line, end_s=_end_of(line.start_s, line.text, duration_s))
        if line.start_s is not None and line.end_s is None
        else line
        for line in lines
    )


def fitted(
    segments: Iterable[Segment], duration_s: float | None, *, name: str
) -> tuple[tuple[Segment, ...], tuple[Sentence, ...]]:
    """Return segments in order of time, without overlaps, inside the recording; and what was done for it.

    Args:
        segments: As a file has them; none ends before it begins.
        duration_s: Length of the recording, None where it is not known.
        name: What to call the file in an error.

    Raises:
        TranscriptError: More lines than a few lie past the end of the recording.
    """
    ordered = sorted(segments, key=lambda segment: (segment.start_s, segment.end_s))
    ordered, notes = _inside(ordered, duration_s, name=name)
    ordered, n_given = _with_lengths(ordered, duration_s)
    ordered, n_cut, n_joined = _apart(ordered)
    if n_given:
        notes.append(
            Sentence(
                _lines(
                    n_given,
                    "has no length: it is given the time that its words take",
                    "have no length: each is given the time that its words take",
                ),
                f"有 {n_given} 行没有时长：按朗读其文字所需的时间计",
            )
        )
    if n_cut:
        notes.append(
            Sentence(
                _lines(
                    n_cut,
                    "overlaps the next one and ends where that begins",
                    "overlap the next one and end where that begins",
                ),
                f"有 {n_cut} 行与下一行重叠，改为在下一行开始处结束",
            )
        )
    if n_joined:
        notes.append(
            Sentence(
                _lines(
                    n_joined,
                    "begins together with another and is joined with it",
                    "begin together with another and are joined with it",
                ),
                f"有 {n_joined} 行与另一行同时开始，已合并",
            )
        )
    return tuple(ordered), tuple(notes)


def _inside(
    segments: Sequence[Segment], duration_s: float | None, *, name: str
) -> tuple[list[Segment], list[Sentence]]:
    if duration_s is None:
        return list(segments), []
    late = [segment for segment in segments if segment.start_s >= duration_s]
    if late and (len(late) > max(1, _LATE_SHARE * len(segments)) or len(late) == len(segments)):
        first = late[0]
        raise TranscriptError(
            tr(
                "{name}: the line at {start_s:.3f} s to {end_s:.3f} s lies past the end of the "
                "recording, which is {duration_s:.3f} s long; is it the transcript of another one?",
                name=name,
                start_s=first.start_s,
                end_s=first.end_s,
                duration_s=duration_s,
            )
        )
    notes = []
    if late:
        texts = "; ".join(f"“{segment.text}”" for segment in late)
        notes.append(
            Sentence(
                _lines(
                    len(late),
                    f"past the end of the recording is left out: {texts}",
                    f"past the end of the recording are left out: {texts}",
                ),
                f"略去录音结束之后的 {len(late)} 行：{texts}",
            )
        )
    kept = [segment for segment in segments if segment.start_s < duration_s]
    n_over = sum(segment.end_s > duration_s + TOLERATED_OVERRUN_S for segment in kept)
    if n_over:
        notes.append(
            Sentence(
                _lines(
                    n_over,
                    "lasts longer than the recording and ends with it",
                    "last longer than the recording and end with it",
                ),
                f"有 {n_over} 行超过录音长度，改为与录音同时结束",
            )
        )
    return [
        _ending_at(segment, duration_s) if segment.end_s > duration_s else segment
        for segment in kept
    ], notes


def _with_lengths(
    segments: Sequence[Segment], duration_s: float | None
) -> tuple[list[Segment], int]:
    """Give those without a length one, up to the next that begins later."""
    starts = [segment.start_s for segment in segments]
    given, n_given = [], 0
    for index, segment in enumerate(segments):
        if segment.end_s <= segment.start_s:
            n_given += 1
            end_s = segment.start_s + _spoken_s(segment.text)
            later = next((start for start in starts[index + 1 :] if start > segment.start_s), end_s)
            end_s = min(end_s, later, *([] if duration_s is None else [duration_s]))
            segment = replace(segment, end_s=max(end_s, segment.start_s))
        given.append(segment)
    return given, n_given


def _apart(segments: Sequence[Segment]) -> tuple[list[Segment], int, int]:
    """Cut each segment where the next begins; join those of which nothing would be left."""
    apart: list[Segment] = []
    n_cut = n_joined = 0
    for segment in segments:
        if not apart or segment.start_s >= apart[-1].end_s:
            apart.append(segment)
            continue
        before = apart[-1]
        overlap_s = min(before.end_s, segment.end_s) - segment.start_s
        left_s = segment.start_s - before.start_s
        if left_s <= 0 or (overlap_s > TOLERATED_S and left_s < _SHORTEST_S):
            apart[-1] = _joined(before, segment)
            n_joined += 1
            continue
        n_cut += overlap_s > TOLERATED_S
        apart[-1] = _ending_at(before, segment.start_s)
        apart.append(segment)
    return apart, n_cut, n_joined


def _joined(one: Segment, other: Segment) -> Segment:
    return Segment(
        one.start_s,
        max(one.end_s, other.end_s),
        one_line("\n".join(text for text in (one.text, other.text) if text)),
        one.language or other.language,
        (*one.words, *other.words),
        one.speaker if one.speaker == other.speaker else "",
    )


def _ending_at(segment: Segment, end_s: float) -> Segment:
    words = tuple(word for word in segment.words if word.end_s <= end_s)
    return replace(segment, end_s=end_s, words=words)


def _end_of(start_s: float, text: str, duration_s: float | None) -> float:
    return max(start_s + _spoken_s(text) if duration_s is None else duration_s, start_s)


def _spoken_s(text: str) -> float:
    """Return about how long a text takes to be said: 15 letters, or 5 of Chinese, a second."""
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return max(wide / 5 + (len(text) - wide) / 15, 0.5)


def _lines(n_lines: int, one: str, several: str) -> str:
    return f"1 line {one}" if n_lines == 1 else f"{n_lines} lines {several}"


CLOCK = r"(?:\d+:)?\d{1,3}:\d{1,2}(?:[.,，．]\d{1,9}|:\d{3})?"
"""Pattern of a clock: hours and the fraction of a second may be missing; minutes may be more than 59."""

ARROW = r"(?:-{1,3}>|[-–—~～])"
"""Pattern of what stands between two times."""

LATEST_S = 1e9
"""Seconds; 31 years."""

NUMBER = r"\d+(?:\.\d+)?"
"""Pattern of seconds."""


def seconds_of(clock: str) -> float:
    """Return a clock (`CLOCK`) or a number (`NUMBER`, also with ``s``) in seconds, to the millisecond.

    Examples:
        >>> seconds_of("00:00:16,020"), seconds_of("1:02"), seconds_of("0:00:01:500"), seconds_of("-2.5s")
        (16.02, 62.0, 1.5, -2.5)
    """
    clock = clock.strip()
    sign = -1.0 if clock.startswith("-") else 1.0
    clock = clock.lstrip("-").removesuffix("s")
    found = re.fullmatch(r"(?:(\d+):)?(\d{1,3}):(\d{1,2})(?:[.,，．]|:(?=\d{3}$))?(\d{0,9})", clock)
    if found is None:
        return sign * to_ms(float(clock) * 1000) / 1000
    hours, minutes, whole, fraction = found.groups()
    total_s = float(hours or 0) * 3600 + int(minutes) * 60 + int(whole)
    return sign * to_ms((total_s + float(f"0.{fraction or 0}")) * 1000) / 1000


def to_ms(time_ms: float) -> int:
    """Return whole milliseconds; a time of hundreds of digits is `LATEST_S`, later than any recording.

    Example:
        >>> to_ms(1234.4), to_ms(float("9" * 400))
        (1234, 1000000000000)
    """
    return round(min(time_ms, LATEST_S * 1000))
