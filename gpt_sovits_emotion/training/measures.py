"""How good predictions are: recall, accuracy, intervals, calibration, and when to stay silent.

Conventions: `truth` and `predicted` are ``(n_segments,)`` integer places in the list of classes;
probabilities are ``(n_segments, n_labels)``. A class that does not occur in the truth does not count
towards the mean recall.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gpt_sovits_emotion.heads.head import softmax

__all__ = [
    "Coverage",
    "bootstrap_over_speakers",
    "confusion_matrix",
    "expected_calibration_error",
    "fit_temperature",
    "fit_threshold",
    "risk_coverage",
    "unweighted_average_recall",
]


def confusion_matrix(truth: np.ndarray, predicted: np.ndarray, n_labels: int) -> np.ndarray:
    """Return ``(n_labels, n_labels)`` counts: rows what it was, columns what was heard."""
    flat = np.bincount(truth * n_labels + predicted, minlength=n_labels**2)
    return flat.reshape(n_labels, n_labels)


def unweighted_average_recall(confusion: np.ndarray) -> np.ndarray | float:
    """Return the mean over classes of the share heard right.

    Args:
        confusion: ``(..., n_labels, n_labels)`` counts; the result has the leading shape.

    Examples:
        >>> float(unweighted_average_recall(np.array([[9, 1], [1, 1]])))
        0.7
    """
    occurring = confusion.sum(-1)
    right = np.diagonal(confusion, axis1=-2, axis2=-1)
    recall = np.where(occurring > 0, right / np.maximum(occurring, 1), np.nan)
    return np.asarray(np.nanmean(recall, axis=-1))


def bootstrap_over_speakers(
    truth: np.ndarray,
    predicted: np.ndarray,
    speakers: np.ndarray,
    n_labels: int,
    *,
    n_draws: int = 10_000,
    seed: int = 0,
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the 95 % intervals of UAR and of accuracy, drawing whole speakers with replacement.

    Speakers, not clips, are drawn, because the question is how it goes with other speakers.
    """
    per_speaker = np.stack(
        [
            confusion_matrix(truth[speakers == who], predicted[speakers == who], n_labels)
            for who in np.unique(speakers)
        ]
    )
    n_speakers = len(per_speaker)
    chance = np.full(n_speakers, 1.0 / n_speakers)
    draws = np.random.default_rng(seed).multinomial(n_speakers, chance, size=n_draws)
    confusions = np.tensordot(draws, per_speaker, axes=1)
    uar = np.asarray(unweighted_average_recall(confusions))
    wa = np.trace(confusions, axis1=1, axis2=2) / confusions.sum((1, 2))
    low_high = [np.percentile(values, (2.5, 97.5)) for values in (uar, wa)]
    (uar_low, uar_high), (wa_low, wa_high) = low_high
    return (float(uar_low), float(uar_high)), (float(wa_low), float(wa_high))


def expected_calibration_error(
    probabilities: np.ndarray, truth: np.ndarray, *, n_bins: int = 10
) -> float:
    """Return how far confidence and accuracy lie apart, weighted over equal bins of confidence.

    Guo et al. (2017), "On calibration of modern neural networks", ICML, equation 3.
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    bins = np.minimum((confidence * n_bins).astype(int), n_bins - 1)
    gaps = [
        abs(right[bins == b].mean() - confidence[bins == b].mean()) * (bins == b).mean()
        for b in np.unique(bins)
    ]
    return float(np.sum(gaps))


def fit_temperature(logits: np.ndarray, truth: np.ndarray) -> float:
    """Return the temperature that makes held-out predictions most likely (Guo et al. 2017).

    Args:
        logits: ``(n_segments, n_labels)`` of speakers that were not trained on.
        truth: Their classes.
    """
    from scipy.optimize import minimize_scalar

    rows = np.arange(len(truth))

    def surprise(log_temperature: float) -> float:
        probabilities = softmax(logits, float(np.exp(log_temperature)))
        return -float(np.log(np.maximum(probabilities[rows, truth], 1e-12)).mean())

    found = minimize_scalar(surprise, bounds=(-3.0, 3.0), method="bounded")
    return float(np.exp(found.x))


def fit_threshold(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """Return the probability below which staying silent is better than speaking.

    A right verdict counts +1, a wrong one -1, ``unsure`` 0; the threshold with the highest sum on
    held-out speakers is taken, from 0.00 to 0.95 in steps of 0.01, the lowest among equals.
    """
    confidence = probabilities.max(axis=1)
    gain = np.where(probabilities.argmax(axis=1) == truth, 1, -1)
    candidates = np.arange(96) / 100.0
    sums = [gain[confidence >= threshold].sum() for threshold in candidates]
    return float(candidates[int(np.argmax(sums))])


@dataclass(frozen=True, slots=True)
class Coverage:
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
