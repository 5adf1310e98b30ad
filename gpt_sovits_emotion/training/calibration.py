"""Fit what a head with moving statistics says of unseen speakers: temperatures, shares, thresholds.

All of it comes from speakers that the judging network never met, and where there are several corpora, from
corpora that it never met: what a head is sure of within one corpus says nothing of another language, studio
and microphone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gpt_sovits_emotion.core.errors import CorpusError
from gpt_sovits_emotion.heads.head import softmax
from gpt_sovits_emotion.heads.moving import MovingStatistics, own_share, spread_of
from gpt_sovits_emotion.heads.recording import blend
from gpt_sovits_emotion.training.measures import (
    confusion_matrix,
    fit_temperature,
    fit_threshold,
    unweighted_average_recall,
)
from gpt_sovits_emotion.training.situations import HeardSituation

__all__ = ["MovingCalibration", "ScoredClips", "calibrate_moving", "probabilities_in", "recall_in"]

_SMOOTHING = 0.5
_KIND_WEIGHT = {"several": 1.0, "one": 1.0, "neutral": 1.0, "two": 0.5, "outlier": 0.5}
_RIDGE = 1e-3


@dataclass(frozen=True, slots=True)
class MovingCalibration:
    """What was fitted.

    Attributes:
        temperature: Mode -> temperature.
        threshold: Mode -> probability below which the verdict is ``unsure``.
        moving: How a recording is judged.
    """

    temperature: dict[str, float]
    threshold: dict[str, float]
    moving: MovingStatistics


@dataclass(frozen=True, slots=True, eq=False)
class ScoredClips:
    """Clips of one corpus, judged by somebody who never met their speakers (`scoring.HeldOut.judged`).

    Attributes:
        alone: ``(n_clips, n_labels)`` logits against the training speakers.
        own: ``(n_clips, n_labels)`` logits against the other clips of their speaker, or of the recording.
        truth: ``(n_clips,)`` places of the true labels.
    """

    alone: np.ndarray
    own: np.ndarray
    truth: np.ndarray


def calibrate_moving(
    heard: Sequence[HeardSituation], clips: Sequence[ScoredClips]
) -> MovingCalibration:
    """Fit temperatures, thresholds and shares on speakers that were held out.

    Each of `clips` counts as much as another, however many there are: the next stranger may be as hard to
    hear as the people of the smallest corpus.

    The weights of `MovingStatistics` maximise the likelihood of the true labels under the mixed
    probabilities; kinds of situations count as `_KIND_WEIGHT` says, situations of a kind the same.

    Args:
        heard: Of all kinds, and of several lengths.
        clips: What temperatures and thresholds come from; one or more.

    Raises:
        CorpusError: There are none with several moods.
    """
    if not any(one.kind == "several" for one in heard):
        raise CorpusError(
            "no held-out speaker has two clips or more of two of the moods angry, happy, neutral and sad, so "
            "that nothing can be said of recordings; add a corpus that has them",
            zh="留出的说话人中，没有人在愤怒、高兴、中性、悲伤中的两类各有至少两条录音，无法校准；"
            "请添加这样的语料",
        )
    truth = np.concatenate([one.truth for one in clips])
    weights = np.concatenate([np.full(len(one.truth), 1.0 / len(one.truth)) for one in clips])
    temperature, threshold = {}, {}
    for mode, logits in (
        ("global", np.concatenate([one.alone for one in clips])),
        ("speaker", np.concatenate([one.own for one in clips])),
    ):
        temperature[mode] = fit_temperature(logits, truth, weights)
        threshold[mode] = fit_threshold(softmax(logits, temperature[mode]), truth, weights)
    return MovingCalibration(temperature, threshold, _fit_share(heard, temperature))


def probabilities_in(one: HeardSituation, calibration: MovingCalibration) -> np.ndarray:
    """Return ``(n_segments, n_labels)`` probabilities of a situation, as a head so calibrated gives them."""
    own = softmax(one.own, calibration.temperature["speaker"])
    alone = softmax(one.alone, calibration.temperature["global"])
    share = own_share(calibration.moving, own, alone)
    temperature = (calibration.temperature["global"], calibration.temperature["speaker"])
    return blend(one.own, one.alone, temperature, calibration.moving, share)


def recall_in(
    heard: Sequence[HeardSituation], found: Sequence[np.ndarray], *, n_labels: int
) -> float:
    """Return the UAR over all segments of situations, from their ``(n_segments, n_labels)`` scores."""
    truth = np.concatenate([one.truth for one in heard])
    predicted = np.concatenate([rows.argmax(axis=1) for rows in found])
    return float(unweighted_average_recall(confusion_matrix(truth, predicted, n_labels)))


# --- inside ----------------------------------------------------------------------------------------


def _fit_share(heard: Sequence[HeardSituation], temperature: dict[str, float]) -> MovingStatistics:
    from scipy.optimize import minimize

    several = [one for one in heard if len(one.truth) > 1]
    features, own_right, alone_right, situation = [], [], [], []
    for place, one in enumerate(several):
        own, alone = (
            softmax(one.own, temperature["speaker"]),
            softmax(one.alone, temperature["global"]),
        )
        smoothed = (1 - _SMOOTHING) * one.alone + _SMOOTHING * one.alone.mean(axis=0)
        rows = np.arange(len(one.truth))
        features.append(spread_of(own, alone))
        own_right.append(own[rows, one.truth])
        alone_right.append(softmax(smoothed, temperature["global"])[rows, one.truth])
        situation.append(np.full(len(rows), place))
    of, own_p, alone_p = (np.concatenate(part) for part in (situation, own_right, alone_right))
    x = np.array(features)
    centre, scale = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-6)
    z = np.column_stack([np.ones(len(x)), (x - centre) / scale])
    kinds = np.array([_KIND_WEIGHT[one.kind] for one in several])
    weight = (kinds / [len(one.truth) for one in several])[of]
    weight /= weight.sum()

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        share = 1.0 / (1.0 + np.exp(-np.clip(z @ weights, -30.0, 30.0)))
        mixed = np.maximum(share[of] * own_p + (1 - share[of]) * alone_p, 1e-12)
        slope = -weight * (own_p - alone_p) / mixed
        per_situation = np.bincount(of, slope, len(several)) * share * (1 - share)
        held = np.concatenate([[0.0], weights[1:]])
        value = -float(weight @ np.log(mixed)) + _RIDGE * float(held @ held)
        return value, z.T @ per_situation + 2 * _RIDGE * held

    fitted = minimize(loss, np.zeros(3), jac=True, method="L-BFGS-B").x
    slopes = fitted[1:] / scale
    bias = float(fitted[0] - slopes @ centre)
    return MovingStatistics(
        round(bias, 4), round(float(slopes[0]), 4), round(float(slopes[1]), 4), _SMOOTHING
    )
