"""Statistics that move: from the training speakers' to a speaker's own, with each segment heard.

A head with moving statistics has one network. It was trained on segments as they look against nobody, against
a few others of their speaker and against all of them, so that it serves unseen speakers and known ones alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from gpt_sovits_emotion.core.records import Record

__all__ = ["MovingStatistics", "Spread", "moving_statistics", "own_share", "spread_of"]


class Spread(Protocol):
    """The statistics of the training embeddings, each ``(dim,)``; a head and a training have them."""

    @property
    def mean(self) -> np.ndarray:
        """Of all segments."""
        ...

    @property
    def std(self) -> np.ndarray:
        """Over all segments."""
        ...

    @property
    def within_speaker_std(self) -> np.ndarray:
        """Around each speaker's own mean."""
        ...


@dataclass(frozen=True, slots=True)
class MovingStatistics(Record):
    """What a head's card says of how a recording of one unknown speaker is judged.

    Each segment is judged twice: alone, against the training speakers, and against the mean of all segments
    of the recording. In a recording of one mood throughout that mean holds the mood itself, and takes it
    away from every segment. How much the second judgement counts is therefore decided by what was heard: it
    counts with a share of ``1 / (1 + exp(-x))``, where x is `bias` plus each weight times what it weighs. The
    numbers are fitted on simulated recordings of people that were held out (`training.calibration`).

    Attributes:
        bias: See above.
        spread_weight: Of the logarithm of the variance of the probabilities from segment to segment, summed
            over the labels, as the recording's own mean gives them.
        concentration_weight: Of the negative entropy, in nats, of the mean of the probabilities that the
            segments get alone: near zero where all moods seem to occur equally.
        smoothing: Of what a segment's scores alone are mixed of: this share of the mean over the recording,
            the rest its own.
    """

    bias: float
    spread_weight: float
    concentration_weight: float
    smoothing: float


def moving_statistics(
    training: Spread, total: np.ndarray, n_heard: float, *, prior_segments: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return ``(dim,)`` mean and deviation to judge a segment by, once others of its speaker were heard.

    The mean is a maximum a posteriori estimate: the speaker's, pulled towards the training mean as if
    `prior_segments` segments lay there. What it may be wrong by is part of the deviation, which so goes from
    that over all training segments, when nothing was heard, to that within a training speaker.

    Args:
        training: Of the training embeddings.
        total: ``(dim,)`` sum of the other segments' embeddings.
        n_heard: How many they are.
        prior_segments: Weight of the training mean, in segments; above 0.
    """
    weight = prior_segments / (n_heard + prior_segments)
    mean = (total + prior_segments * training.mean) / (n_heard + prior_segments)
    within = np.square(training.within_speaker_std)
    between = np.maximum(np.square(training.std) - within, 0.0)
    std = np.sqrt(within + weight * between)
    return np.asarray(mean, np.float32), np.asarray(std, np.float32)


def spread_of(own: np.ndarray, alone: np.ndarray) -> tuple[float, float]:
    """Return what tells a recording in one mood from one in several.

    Args:
        own: ``(n_segments, n_labels)`` probabilities against the recording's own mean.
        alone: The same of each segment against the training speakers.

    Returns:
        The logarithm of the variance over segments, and the negative entropy, as `MovingStatistics` weighs
        them.
    """
    variance = float(own.var(axis=0).sum())
    mean = alone.mean(axis=0)
    return float(np.log(variance + _LEAST_VARIANCE)), float(np.sum(mean * np.log(mean + 1e-9)))


def own_share(moving: MovingStatistics, own: np.ndarray, alone: np.ndarray) -> float:
    """Return how much the judgement against the recording's own mean counts, 0 to 1. See `spread_of`."""
    spread, concentration = spread_of(own, alone)
    x = moving.bias + moving.spread_weight * spread + moving.concentration_weight * concentration
    return float(1.0 / (1.0 + np.exp(-np.clip(x, -30.0, 30.0))))


_LEAST_VARIANCE = 1e-4
