"""Recordings as they are made: put together from a corpus's clips, to see how a speaker's own mean serves.

A speaker's clips in a corpus are spread evenly over the emotions; a recording's are not. A person argues for
ten minutes, or reads calmly and laughs once. Situations of these kinds are drawn from the clips of one
speaker each, and every segment is judged twice: alone, and against the mean of the situation's own segments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gpt_sovits_emotion.core.records import Sentence

__all__ = [
    "KINDS",
    "LENGTHS",
    "MOODS",
    "REPORTED",
    "REPORTED_LENGTH",
    "HeardSituation",
    "Situation",
    "draw_situations",
]

KINDS: Mapping[str, Sentence] = {
    "several": Sentence("several moods", "多种情绪"),
    "one": Sentence("one mood throughout", "始终一种情绪"),
    "neutral": Sentence("mostly neutral", "多数为中性"),
    "two": Sentence("two moods", "两种情绪"),
    "outlier": Sentence("one mood and one outlier", "一种情绪加一个例外"),
}
"""Kind -> what it is."""

REPORTED: Mapping[str, Sentence] = {
    "alone": Sentence("one clip alone", "单独一条"),
    **KINDS,
    "all": Sentence("all of a speaker", "该说话人的全部录音"),
}
"""What evaluations report: no recording at all, those of `KINDS`, and everything that there is."""

LENGTHS = (2, 3, 5, 10, 20, 40)
"""Numbers of segments that calibration draws."""

REPORTED_LENGTH = 10
"""Number of segments that evaluations report, as far as a speaker has clips for it."""

MOODS = ("angry", "happy", "neutral", "sad")
"""What recordings are put together from: all corpora share them."""
_DRAWS = 2
_LEAST_CLIPS = 2  # of a mood, for it to be drawn from
_FEWEST_IN_ONE_MOOD = (
    4  # a recording in one mood may be shorter than asked for, but not as short as this
)
_NEUTRAL_SHARE = 0.7


@dataclass(frozen=True, slots=True, eq=False)
class Situation:
    """Clips of one speaker that make up a recording.

    Attributes:
        kind: See `KINDS`.
        n_wanted: How many segments were asked for.
        rows: ``(n_segments,)`` places of the clips.
    """

    kind: str
    n_wanted: int
    rows: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class HeardSituation:
    """A situation, judged by somebody who never met the speaker.

    Attributes:
        kind, n_wanted: As of the situation.
        speaker: Who speaks.
        truth: ``(n_segments,)`` places of the true labels.
        own: ``(n_segments, n_labels)`` logits against the mean of the situation's segments.
        alone: ``(n_segments, n_labels)`` logits of each segment against the training speakers.
        judged: ``(n_segments, n_labels)`` probabilities as a finished head gives them at work; None where the
            two are still to be mixed (`training.calibration`).
    """

    kind: str
    n_wanted: int
    speaker: str
    truth: np.ndarray
    own: np.ndarray
    alone: np.ndarray
    judged: np.ndarray | None = None


def draw_situations(
    labels: np.ndarray,
    *,
    lengths: Sequence[int] = (REPORTED_LENGTH,),
    n_draws: int = _DRAWS,
    seed: int = 0,
) -> list[Situation]:
    """Draw situations from the clips of one speaker.

    The moods are those of `MOODS` of which the speaker has two clips or more.

    Args:
        labels: ``(n_clips,)`` str, the labels of the speaker's clips.
        lengths: How many segments a situation shall have.
        n_draws: How many situations of each kind and length, and of one mood one for every mood.
        seed: Of the draw.
    """
    rng = np.random.default_rng(seed)
    rows = {mood: np.flatnonzero(labels == mood) for mood in MOODS}
    moods = [mood for mood in MOODS if len(rows[mood]) >= _LEAST_CLIPS]
    if len(moods) < 2:
        return []
    draw = _Drawer(rows, moods, rng)
    found: list[Situation] = []
    for n in lengths:
        found += [
            draw.situation("one", n, {mood: n})
            for mood in moods
            if len(rows[mood]) >= min(n, _FEWEST_IN_ONE_MOOD)
        ]
        for _ in range(n_draws):
            found += draw.mixed(n)
    return found


class _Drawer:
    """Draws clips of moods in numbers."""

    def __init__(
        self, rows: Mapping[str, np.ndarray], moods: Sequence[str], rng: np.random.Generator
    ) -> None:
        self._rows, self._moods, self._rng = rows, moods, rng

    def mixed(self, n: int) -> list[Situation]:
        """Return one situation of each kind with several moods that has room in `n` segments."""
        order = [str(mood) for mood in self._rng.permutation(np.array(self._moods))]
        shares = {mood: n // len(order) + (i < n % len(order)) for i, mood in enumerate(order)}
        found = [self.situation("several", n, shares)]
        if n < 5:
            return found
        first, second = order[:2]
        found.append(self.situation("two", n, {first: n - n // 2, second: n // 2}))
        found.append(self.situation("outlier", n, {first: n - 1, second: 1}))
        others = [mood for mood in order if mood != "neutral"]
        if "neutral" in self._moods and others:
            each = max(round((1 - _NEUTRAL_SHARE) * n / len(others)), 1)
            neutral = {"neutral": n - each * len(others), **dict.fromkeys(others, each)}
            found.append(self.situation("neutral", n, neutral))
        return found

    def situation(self, kind: str, n: int, numbers: Mapping[str, int]) -> Situation:
        """Draw so many clips of each mood, or all that there are, and lay them in any order."""
        drawn = [
            self._rng.choice(self._rows[mood], min(number, len(self._rows[mood])), replace=False)
            for mood, number in numbers.items()
            if number > 0
        ]
        return Situation(kind, n, self._rng.permutation(np.concatenate(drawn)))
