"""Rows with times in forms that are brought to one of those that `timed_text` reads, and in unknown ones."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.transcripts.lines import FilmRate
from gpt_sovits_emotion.transcripts.timing import ARROW, CLOCK, NUMBER, seconds_of

__all__ = ["EXACT", "in_known_forms", "unread_times"]

EXACT = r"(?:\d+:\d\d:\d\d(?:[.,]\d{1,6})?|\d{1,3}:\d\d[.,]\d{1,6})"
"""A clock that is no time of day: with hours, minutes and seconds, or with a fraction."""
_UNREAD = re.compile(rf"\W*{EXACT}\b|.*(?<![\w:.,]){EXACT}\W*$")

_TIMECODE = re.compile(r"(?<![\d:;])(?P<clock>\d\d[:;]\d\d[:;]\d\d)[:;](?P<frames>\d\d)(?![\d:;])")
_USUAL_RATES = (25, 30, 50, 60)
"""Frames a second, of which the first that fits is taken where nobody says it."""
_EMPHASIS = re.compile(
    rf"(?P<before>\s*)(?P<sign>\*{{1,2}}|__?)(?P<time>[\[(（]?{CLOCK}[\])）]?)(?P=sign)"
)
_NAMED = re.compile(
    rf"\s*(?P<who>[^\W\d_][^\n:：\[\](（）)]{{0,38}}?)\s*[\[(（](?P<times>{CLOCK}(?:\s*{ARROW}\s*{CLOCK})?)[\])）]"
    r"\s*[:：]\s*(?P<words>\S.*)"
)
_TIME = rf"(?:{CLOCK}|{NUMBER})"
_NAMED_SPAN = re.compile(
    rf"\s*\[(?P<who>[^\W\d_][^\n\[\]]{{0,38}})\]\s*(?P<start>{_TIME})\s*{ARROW}\s*(?P<end>{_TIME})"
    r"\s*[:：]\s*(?P<words>\S.*)"
)


def in_known_forms(
    rows: Sequence[str], *, film_rate: FilmRate
) -> tuple[list[str], tuple[Sentence, ...]]:
    """Return the rows with their times in a form that is read; as they are where they are in none of these.

    With them comes what a person should know of how their times were read.

    Args:
        rows: Of a whole text.
        film_rate: Looks for the frames of the film; called only if times have some.

    Examples:
        >>> from gpt_sovits_emotion.transcripts.lines import unknown_rate
        >>> in_known_forms(["00:00:16:12 - 00:00:17:00"], film_rate=lambda: 24.0)[0]
        ['00:00:16.500 - 00:00:17.000']
        >>> in_known_forms(["Anna (0:01): Hi", "Ben (0:02): Ho"], film_rate=unknown_rate)[0]
        ['Anna 0:01', 'Hi', 'Ben 0:02', 'Ho']
    """
    kept = list(rows)
    notes: tuple[Sentence, ...] = ()
    if _are_most(_EMPHASIS, kept, of=3):
        kept = [_EMPHASIS.sub(r"\g<before>\g<time>", row, count=1) for row in kept]
    if any(_TIMECODE.match(row.lstrip(" \t[(")) for row in kept):
        rate = film_rate()
        if not rate:
            rate = _usual_rate(kept)
            notes = (_assumed(rate),)
        kept = [_without_frames(row, rate) for row in kept]
    if _are_most(_NAMED, kept, of=2):
        kept = [part for row in kept for part in _header_and_words(row)]
    elif _are_most(_NAMED_SPAN, kept, of=2):
        kept = [_span_and_name(row) for row in kept]
    return kept, notes


def unread_times(text: str) -> tuple[Sentence, ...]:
    r"""Return what to say of a text without times of a known form whose rows hold times all the same.

    Examples:
        >>> unread_times("Hello (0:00:01)\nGoodbye (0:00:03)")[0].en
        '2 rows hold times in a form that is not known, and count as words; save them as subtitles (.srt)'
        >>> unread_times("We meet at 12:30.\nOr at 13:00.")
        ()
    """
    rows = [row for row in text.splitlines() if row.strip()]
    n_rows = sum(_UNREAD.match(row) is not None for row in rows)
    if n_rows < 2 or 3 * n_rows < len(rows):
        return ()
    note = tr(
        "{n_rows} rows hold times in a form that is not known, and count as words; save them as "
        "subtitles (.srt)",
        n_rows=n_rows,
    )
    return (note,)


def _usual_rate(rows: Sequence[str]) -> float:
    """Return the first usual rate at which the last frame of a second has the highest number that occurs."""
    last = max(int(found["frames"]) for row in rows for found in _TIMECODE.finditer(row))
    return float(next((rate for rate in _USUAL_RATES if rate > last), last + 1))


def _assumed(rate: float) -> Sentence:
    return tr(
        "its times end in frames, and nothing says how many a second has: {rate:.0f} are assumed; put it "
        "beside its film",
        rate=rate,
    )


def _are_most(form: re.Pattern[str], rows: Sequence[str], *, of: int) -> bool:
    """Say whether two rows or more are of a form, and one in so many of those that hold something."""
    n_filled = sum(bool(row.strip()) for row in rows)
    n_found = sum(form.match(row) is not None for row in rows)
    return n_found >= 2 and of * n_found >= n_filled


def _header_and_words(row: str) -> tuple[str, ...]:
    found = _NAMED.match(row)
    return (row,) if found is None else (f"{found['who']} {found['times']}", found["words"])


def _span_and_name(row: str) -> str:
    found = _NAMED_SPAN.match(row)
    if found is None:
        return row
    start_s, end_s = seconds_of(found["start"]), seconds_of(found["end"])
    return f"[{start_s:.3f}s -> {end_s:.3f}s] {found['who']}: {found['words']}"


def _without_frames(row: str, per_s: float) -> str:
    """Write the frames of a film editor's times as fractions of a second."""
    return _TIMECODE.sub(
        lambda found: (
            f"{found['clock'].replace(';', ':')}.{min(round(int(found['frames']) / per_s * 1000), 999):03d}"
        ),
        row,
    )
