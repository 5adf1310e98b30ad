"""Captions that roll: each cue repeats what still stands on the screen, as YouTube's automatic ones do.

Such a file shows every row two or three times, and between two cues one of 10 ms that only moves a row up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from gpt_sovits_emotion.transcripts.wording import split_mark

__all__ = ["Cue", "unrolled"]

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
