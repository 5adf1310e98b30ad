"""How good predictions are: recall, accuracy, intervals, calibration, and when to stay silent.

Conventions: `truth` and `predicted` are ``(n_segments,)`` integer places in the list of classes;
probabilities are ``(n_segments, n_labels)``. A class that does not occur in the truth does not count
towards the mean recall.

Counts and recalls are those of scikit-learn, against which a test holds them. They are taken here because
the bootstrap needs stacks of matrices, and because scikit-learn's recall takes 45 times as long and differs
in the last digit, by which ties between epochs are decided.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gpt_sovits_emotion.core.records import Record

__all__ = [
    "Coverage",
    "Difference",
    "ReliabilityBin",
    "area_under_risk_coverage",
    "bootstrap_over_speakers",
    "confusion_matrix",
    "expected_calibration_error",
    "paired_bootstrap_over_speakers",
    "rates",
    "recalls",
    "reliability",
    "risk_coverage",
    "risk_coverage_curve",
    "unweighted_average_recall",
]


def confusion_matrix(truth: np.ndarray, predicted: np.ndarray, n_labels: int) -> np.ndarray:
    """Return ``(n_labels, n_labels)`` counts: rows true, columns predicted."""
    flat = np.bincount(truth * n_labels + predicted, minlength=n_labels**2)
    return flat.reshape(n_labels, n_labels)


def unweighted_average_recall(truth: np.ndarray, predicted: np.ndarray, n_labels: int) -> float:
    """Return the mean over classes of the share predicted right (UAR), 0 to 1.

    Examples:
        >>> unweighted_average_recall(np.array([0] * 10 + [1] * 2), np.array([0] * 9 + [1, 0, 1]), 2)
        0.7
    """
    return float(rates(confusion_matrix(truth, predicted, n_labels))[0])


def recalls(confusion: np.ndarray) -> np.ndarray:
    """Return ``(..., n_labels)`` shares predicted right, NaN for a class that does not occur."""
    occurring = confusion.sum(-1)
    right = np.diagonal(confusion, axis1=-2, axis2=-1)
    return np.where(occurring > 0, right / np.maximum(occurring, 1), np.nan)


def rates(confusions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return UAR and accuracy of ``(..., n_labels, n_labels)`` counts, each of the leading shape."""
    wa = np.trace(confusions, axis1=-2, axis2=-1) / confusions.sum((-2, -1))
    return np.asarray(np.nanmean(recalls(confusions), axis=-1)), np.asarray(wa)


Interval = tuple[float, float]

_FEWEST_SPEAKERS = 6  # a sign test over fewer never comes under 5 %


def bootstrap_over_speakers(
    truth: np.ndarray,
    predicted: np.ndarray,
    speakers: np.ndarray,
    n_labels: int,
    *,
    n_draws: int = 10_000,
    seed: int = 0,
) -> tuple[Interval, Interval]:
    """Return the 95 % intervals of UAR and of accuracy, drawing whole speakers with replacement.

    Speakers, not clips, are drawn, because the question is how it goes with other speakers.
    """
    per_speaker = _confusion_per_speaker(truth, predicted, speakers, n_labels)
    draws = _drawn_speakers(len(per_speaker), n_draws, seed)
    uar, wa = rates(np.tensordot(draws, per_speaker, axes=1))
    return _interval(uar), _interval(wa)


@dataclass(frozen=True, slots=True)
class Difference(Record):
    """By how much one system is better than another on the same clips. Rates are 0 to 1.

    Attributes:
        uar, wa: The first's minus the second's.
        uar_interval, wa_interval: 95 % intervals by a paired bootstrap over speakers.
        uar_share_better: Share of the draws in which the first has the higher UAR (a tie counts half).
        n_speakers: How many speakers were drawn from; 0 where it was not written down.
    """

    uar: float
    uar_interval: Interval
    wa: float
    wa_interval: Interval
    uar_share_better: float
    n_speakers: int = 0

    @property
    def is_certain(self) -> bool:
        """Say whether the interval of the UAR lies on one side of zero, over speakers enough to tell.

        Of five speakers all may come out the same way by chance in one case of sixteen, which no bootstrap of
        five shows.
        """
        if 0 < self.n_speakers < _FEWEST_SPEAKERS:
            return False
        return self.uar_interval[0] > 0 or self.uar_interval[1] < 0


def paired_bootstrap_over_speakers(
    truth: np.ndarray,
    predicted: np.ndarray,
    other: np.ndarray,
    speakers: np.ndarray,
    n_labels: int,
    *,
    n_draws: int = 10_000,
    seed: int = 0,
) -> Difference:
    """Return how much better `predicted` is than `other`.

    Both are counted on the same drawn speakers, so that a hard speaker weighs on both: the interval of
    the difference is narrower than the two intervals suggest.
    """
    one = _confusion_per_speaker(truth, predicted, speakers, n_labels)
    two = _confusion_per_speaker(truth, other, speakers, n_labels)
    draws = _drawn_speakers(len(one), n_draws, seed)
    drawn = zip(
        rates(np.tensordot(draws, one, axes=1)),
        rates(np.tensordot(draws, two, axes=1)),
        strict=True,
    )
    uar, wa = (ours - theirs for ours, theirs in drawn)
    whole = zip(rates(one.sum(0)), rates(two.sum(0)), strict=True)
    uar_whole, wa_whole = (float(ours - theirs) for ours, theirs in whole)
    return Difference(
        uar=uar_whole,
        uar_interval=_interval(uar),
        wa=wa_whole,
        wa_interval=_interval(wa),
        uar_share_better=float((uar > 0).mean() + 0.5 * (uar == 0).mean()),
        n_speakers=len(one),
    )


def _confusion_per_speaker(
    truth: np.ndarray, predicted: np.ndarray, speakers: np.ndarray, n_labels: int
) -> np.ndarray:
    """Return ``(n_speakers, n_labels, n_labels)`` counts."""
    return np.stack(
        [
            confusion_matrix(truth[speakers == who], predicted[speakers == who], n_labels)
            for who in np.unique(speakers)
        ]
    )


def _drawn_speakers(n_speakers: int, n_draws: int, seed: int) -> np.ndarray:
    """Return ``(n_draws, n_speakers)`` counts: how often each draw has each speaker."""
    chance = np.full(n_speakers, 1.0 / n_speakers)
    return np.random.default_rng(seed).multinomial(n_speakers, chance, size=n_draws)


def _interval(values: np.ndarray) -> Interval:
    low, high = np.percentile(values, (2.5, 97.5))
    return float(low), float(high)


@dataclass(frozen=True, slots=True)
class ReliabilityBin(Record):
    """Verdicts of about one confidence, and how often they were right.

    Attributes:
        low, high: Edges of the bin.
        n_segments: Verdicts in it.
        confidence: Their mean confidence.
        accuracy: Share of right ones.
    """

    low: float
    high: float
    n_segments: int
    confidence: float
    accuracy: float


def reliability(
    probabilities: np.ndarray, truth: np.ndarray, *, n_bins: int = 10
) -> tuple[ReliabilityBin, ...]:
    """Return the occupied ones among `n_bins` equal bins of confidence, from low to high."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    return tuple(
        ReliabilityBin(
            low=float(b / n_bins),
            high=float((b + 1) / n_bins),
            n_segments=int((bins == b).sum()),
            confidence=float(confidence[bins == b].mean()),
            accuracy=float(right[bins == b].mean()),
        )
        for b in np.unique(bins)
    )


def expected_calibration_error(
    probabilities: np.ndarray, truth: np.ndarray, *, n_bins: int = 10
) -> float:
    """Return how far confidence and accuracy lie apart, weighted over equal bins of confidence.

    Guo et al. (2017), "On calibration of modern neural networks", ICML, equation 3.
    """
    return sum(
        abs(found.accuracy - found.confidence) * found.n_segments / len(truth)
        for found in reliability(probabilities, truth, n_bins=n_bins)
    )


@dataclass(frozen=True, slots=True)
class Coverage(Record):
    """What is left when only verdicts of a certain confidence are given.

    Attributes:
        threshold: Smallest probability at which a verdict is given.
        coverage: Share of segments with a verdict.
        accuracy: Share of right ones among these; None when there is none.
    """

    threshold: float
    coverage: float
    accuracy: float | None


def risk_coverage(
    probabilities: np.ndarray,
    truth: np.ndarray,
    thresholds: tuple[float, ...] = (0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
) -> tuple[Coverage, ...]:
    """Return coverage and accuracy at each threshold."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    rows = []
    for threshold in thresholds:
        given = confidence >= threshold
        accuracy = float(right[given].mean()) if given.any() else None
        rows.append(Coverage(threshold, float(given.mean()), accuracy))
    return tuple(rows)


_FEWEST_VERDICTS = 10


def risk_coverage_curve(
    probabilities: np.ndarray, truth: np.ndarray, *, n_points: int = 50
) -> tuple[Coverage, ...]:
    """Return accuracy against the share of verdicts given, the most confident first.

    Geifman & El-Yaniv (2017), "Selective classification for deep neural networks", NeurIPS, section 2.

    Returns:
        About `n_points` points of rising coverage, the last at 1; none of fewer than ten verdicts, of
        which the share would jump about. Verdicts of equal confidence are given or withheld together.
    """
    confidence, accuracy = _selective(probabilities, truth)
    n_segments = len(confidence)
    last_of_its_confidence = np.flatnonzero(np.append(np.diff(confidence) < 0, True))
    enough = last_of_its_confidence >= min(_FEWEST_VERDICTS, n_segments) - 1
    last_of_its_confidence = last_of_its_confidence[enough]
    wanted = np.unique(
        np.linspace(0, len(last_of_its_confidence) - 1, n_points).round().astype(int)
    )
    return tuple(
        Coverage(float(confidence[i]), float((i + 1) / n_segments), float(accuracy[i]))
        for i in last_of_its_confidence[wanted]
    )


def area_under_risk_coverage(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """Return the mean share of wrong verdicts over all coverages (AURC): 0 is perfect, low is good."""
    return float(1.0 - _selective(probabilities, truth)[1].mean())


def _selective(probabilities: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return confidences, falling, and the accuracy among the segments up to each."""
    confidence = probabilities.max(axis=1)
    order = np.argsort(-confidence, kind="stable")
    right = (probabilities.argmax(axis=1) == truth)[order]
    return confidence[order], right.cumsum() / np.arange(1, len(right) + 1)
