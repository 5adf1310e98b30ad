"""Rows with times in forms that are brought to one of those that `timed_text` reads."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gpt_sovits_emotion.transcripts.clocks import ARROW, CLOCK, NUMBER, seconds_of

__all__ = ["in_known_forms"]

_TIMECODE = re.compile(r"(?<![\d:;])(?P<clock>\d\d[:;]\d\d[:;]\d\d)[:;](?P<frames>\d\d)(?![\d:;])")
_FRAMES_PER_S = 25.0
"""Of times with frames where nobody says how many a second has: never wrong by more than 0.2 s."""
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


def in_known_forms(rows: Sequence[str], *, frames_per_s: float | None) -> list[str]:
    """Return the rows with their times in a form that is read; as they are where they are in none of these.

    Args:
        rows: Of a whole text.
        frames_per_s: Of the film; None where that is not known.

    Examples:
        >>> in_known_forms(["00:00:16:12 - 00:00:17:00"], frames_per_s=24.0)
        ['00:00:16.500 - 00:00:17.000']
        >>> in_known_forms(["Anna (0:01): Hi", "Ben (0:02): Ho"], frames_per_s=None)
        ['Anna 0:01', 'Hi', 'Ben 0:02', 'Ho']
    """
    kept = list(rows)
    if _are_most(_EMPHASIS, kept, of=3):
        kept = [_EMPHASIS.sub(r"\g<before>\g<time>", row, count=1) for row in kept]
    if any(_TIMECODE.match(row.lstrip(" \t[(")) for row in kept):
        kept = [_without_frames(row, frames_per_s or _FRAMES_PER_S) for row in kept]
    if _are_most(_NAMED, kept, of=2):
        return [part for row in kept for part in _header_and_words(row)]
    if _are_most(_NAMED_SPAN, kept, of=2):
        return [_span_and_name(row) for row in kept]
    return kept


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
