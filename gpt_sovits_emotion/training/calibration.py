"""Calibration on unseen speakers: temperatures, thresholds, and what a recording's own mean is worth.

All of it is fitted on predictions for speakers that the network never met and, where there are
several corpora, for corpora that it never met: what a head is sure of within one corpus says
nothing of another language, studio and microphone.

What a recording's own mean is worth is fitted on simulated recordings. A speaker's clips in a
corpus are spread evenly over the emotions; a recording's are not. A person argues for ten minutes,
or reads calmly and laughs once. So recordings of several kinds are put together from the clips of
one speaker each, and every segment is predicted twice: alone, and against the mean of the
recording's own segments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gpt_sovits_emotion.core.errors import CorpusError
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.heads.head import softmax
from gpt_sovits_emotion.heads.moving import MovingStatistics, own_share, spread_of
from gpt_sovits_emotion.heads.recording import blend

__all__ = [
    "KINDS",
    "LENGTHS",
    "REPORTED",
    "REPORTED_LENGTH",
    "SHARED_EMOTIONS",
    "MovingCalibration",
    "PredictedClips",
    "PredictedRecording",
    "SimulatedRecording",
    "calibrate_moving",
    "fit_temperature",
    "fit_threshold",
    "probabilities_in",
    "simulate_recordings",
]


def fit_temperature(
    logits: np.ndarray, truth: np.ndarray, weights: np.ndarray | None = None
) -> float:
    """Return the temperature that makes held-out predictions most likely (Guo et al. 2017).

    Args:
        logits: ``(n_segments, n_labels)`` of speakers that were not trained on.
        truth: Their classes.
        weights: ``(n_segments,)`` how much each counts; all the same when None.
    """
    from scipy.optimize import minimize_scalar

    rows = np.arange(len(truth))

    def surprise(log_temperature: float) -> float:
        probabilities = softmax(logits, float(np.exp(log_temperature)))
        likelihoods = np.log(np.maximum(probabilities[rows, truth], 1e-12))
        return -float(np.average(likelihoods, weights=weights))

    found = minimize_scalar(surprise, bounds=(-3.0, 3.0), method="bounded")
    return float(np.exp(found.x))


def fit_threshold(
    probabilities: np.ndarray, truth: np.ndarray, weights: np.ndarray | None = None
) -> float:
    """Return the probability below which staying silent is better than speaking.

    A right verdict counts +1, a wrong one -1, ``unsure`` 0; the threshold with the highest sum on
    held-out speakers is taken, from 0.00 to 0.95 in steps of 0.01, the lowest among equals.

    Args:
        probabilities: ``(n_segments, n_labels)``.
        truth: ``(n_segments,)`` places of the true labels.
        weights: ``(n_segments,)`` how much each counts; all the same when None.
    """
    confidence = probabilities.max(axis=1)
    gain = np.where(probabilities.argmax(axis=1) == truth, 1.0, -1.0)
    if weights is not None:
        gain *= weights
    candidates = np.arange(96) / 100.0
    sums = [gain[confidence >= threshold].sum() for threshold in candidates]
    return float(candidates[int(np.argmax(sums))])


KINDS: Mapping[str, Sentence] = {
    "several": tr("several moods"),
    "one": tr("one mood throughout"),
    "neutral": tr("mostly neutral"),
    "two": tr("two moods"),
    "outlier": tr("one mood and one outlier"),
}
"""Kind -> what it is."""

REPORTED: Mapping[str, Sentence] = {
    "alone": tr("one clip alone"),
    **KINDS,
    "all": tr("all of a speaker"),
}
"""What evaluations report: no recording at all, those of `KINDS`, and everything that there is."""

LENGTHS = (2, 3, 5, 10, 20, 40)
"""Numbers of segments that calibration draws."""

REPORTED_LENGTH = 10
"""Number of segments that evaluations report, as far as a speaker has clips for it."""

SHARED_EMOTIONS = ("angry", "happy", "neutral", "sad")
"""What recordings are put together from: all corpora share them."""
_DRAWS = 2
_LEAST_CLIPS = 2  # of a mood, for it to be drawn from
_FEWEST_IN_ONE_MOOD = (
    4  # a recording in one mood may be shorter than asked for, but not as short as this
)
_NEUTRAL_SHARE = 0.7


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedRecording:
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
class PredictedRecording:
    """A simulated recording, predicted by a head that never met the speaker.

    Attributes:
        kind, n_wanted: As of the recording.
        speaker: Who speaks.
        truth: ``(n_segments,)`` places of the true labels.
        speaker_logits: ``(n_segments, n_labels)`` against the mean of the recording's segments.
        global_logits: ``(n_segments, n_labels)`` of each segment against the training speakers.
        probabilities: ``(n_segments, n_labels)`` as a finished head gives them at work; None where the
            two are still to be mixed.
    """

    kind: str
    n_wanted: int
    speaker: str
    truth: np.ndarray
    speaker_logits: np.ndarray
    global_logits: np.ndarray
    probabilities: np.ndarray | None = None


def simulate_recordings(
    labels: np.ndarray,
    *,
    lengths: Sequence[int] = (REPORTED_LENGTH,),
    n_draws: int = _DRAWS,
    seed: int = 0,
) -> list[SimulatedRecording]:
    """Put recordings together from the clips of one speaker.

    The moods are those of `SHARED_EMOTIONS` of which the speaker has two clips or more.

    Args:
        labels: ``(n_clips,)`` str, the labels of the speaker's clips.
        lengths: How many segments a recording shall have.
        n_draws: How many recordings of each kind and length, and of one mood one for every mood.
        seed: Of the draw.
    """
    rng = np.random.default_rng(seed)
    rows = {mood: np.flatnonzero(labels == mood) for mood in SHARED_EMOTIONS}
    moods = [mood for mood in SHARED_EMOTIONS if len(rows[mood]) >= _LEAST_CLIPS]
    if len(moods) < 2:
        return []
    draw = _Drawer(rows, moods, rng)
    found: list[SimulatedRecording] = []
    for n in lengths:
        found += [
            draw.recording("one", n, {mood: n})
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

    def mixed(self, n: int) -> list[SimulatedRecording]:
        """Return one recording of each kind with several moods that has room in `n` segments."""
        order = [str(mood) for mood in self._rng.permutation(np.array(self._moods))]
        shares = {mood: n // len(order) + (i < n % len(order)) for i, mood in enumerate(order)}
        found = [self.recording("several", n, shares)]
        if n < 5:
            return found
        first, second = order[:2]
        found.append(self.recording("two", n, {first: n - n // 2, second: n // 2}))
        found.append(self.recording("outlier", n, {first: n - 1, second: 1}))
        others = [mood for mood in order if mood != "neutral"]
        if "neutral" in self._moods and others:
            each = max(round((1 - _NEUTRAL_SHARE) * n / len(others)), 1)
            neutral = {"neutral": n - each * len(others), **dict.fromkeys(others, each)}
            found.append(self.recording("neutral", n, neutral))
        return found

    def recording(self, kind: str, n: int, numbers: Mapping[str, int]) -> SimulatedRecording:
        """Draw so many clips of each mood, or all that there are, and lay them in any order."""
        drawn = [
            self._rng.choice(self._rows[mood], min(number, len(self._rows[mood])), replace=False)
            for mood, number in numbers.items()
            if number > 0
        ]
        return SimulatedRecording(kind, n, self._rng.permutation(np.concatenate(drawn)))


_SMOOTHING = 0.5
_KIND_WEIGHT = {"several": 1.0, "one": 1.0, "neutral": 1.0, "two": 0.5, "outlier": 0.5}
_RIDGE = 1e-3


@dataclass(frozen=True, slots=True)
class MovingCalibration:
    """What was fitted.

    Attributes:
        temperature: Mode -> temperature.
        threshold: Mode -> probability below which the verdict is ``unsure``.
        moving: How both are mixed in a recording.
    """

    temperature: dict[str, float]
    threshold: dict[str, float]
    moving: MovingStatistics


@dataclass(frozen=True, slots=True, eq=False)
class PredictedClips:
    """Clips of one corpus, predicted by a head that never met their speakers.

    Attributes:
        global_logits: ``(n_clips, n_labels)`` against the training speakers.
        speaker_logits: ``(n_clips, n_labels)`` against the other clips of their speaker, or of the recording.
        truth: ``(n_clips,)`` places of the true labels.
    """

    global_logits: np.ndarray
    speaker_logits: np.ndarray
    truth: np.ndarray


def calibrate_moving(
    recordings: Sequence[PredictedRecording], clips: Sequence[PredictedClips]
) -> MovingCalibration:
    """Fit temperatures, thresholds and shares on speakers that were held out.

    Each of `clips` counts as much as another, however many there are: the next unseen one may be as hard to
    hear as the people of the smallest corpus.

    The weights of `MovingStatistics` maximise the likelihood of the true labels under the mixed
    probabilities; kinds of recordings count as `_KIND_WEIGHT` says, recordings of a kind the same.

    Args:
        recordings: Of all kinds, and of several lengths.
        clips: What temperatures and thresholds come from; one or more.

    Raises:
        CorpusError: There are none with several moods.
    """
    if not any(one.kind == "several" for one in recordings):
        raise CorpusError(
            tr(
                "no held-out speaker has two clips or more of two of the moods angry, happy, neutral and "
                "sad, so that nothing can be said of recordings; add a corpus that has them"
            )
        )
    truth = np.concatenate([one.truth for one in clips])
    weights = np.concatenate([np.full(len(one.truth), 1.0 / len(one.truth)) for one in clips])
    temperature, threshold = {}, {}
    for mode, logits in (
        ("global", np.concatenate([one.global_logits for one in clips])),
        ("speaker", np.concatenate([one.speaker_logits for one in clips])),
    ):
        temperature[mode] = fit_temperature(logits, truth, weights)
        threshold[mode] = fit_threshold(softmax(logits, temperature[mode]), truth, weights)
    return MovingCalibration(temperature, threshold, _fit_share(recordings, temperature))


def probabilities_in(one: PredictedRecording, calibration: MovingCalibration) -> np.ndarray:
    """Return ``(n_segments, n_labels)`` probabilities of a recording, as a head so calibrated gives them."""
    own = softmax(one.speaker_logits, calibration.temperature["speaker"])
    alone = softmax(one.global_logits, calibration.temperature["global"])
    share = own_share(calibration.moving, own, alone)
    temperature = (calibration.temperature["global"], calibration.temperature["speaker"])
    return blend(one.speaker_logits, one.global_logits, temperature, calibration.moving, share)


def _fit_share(
    recordings: Sequence[PredictedRecording], temperature: dict[str, float]
) -> MovingStatistics:
    from scipy.optimize import minimize

    several = [one for one in recordings if len(one.truth) > 1]
    features, own_right, alone_right, recording = [], [], [], []
    for place, one in enumerate(several):
        own = softmax(one.speaker_logits, temperature["speaker"])
        alone = softmax(one.global_logits, temperature["global"])
        logits = one.global_logits
        smoothed = (1 - _SMOOTHING) * logits + _SMOOTHING * logits.mean(axis=0)
        rows = np.arange(len(one.truth))
        features.append(spread_of(own, alone))
        own_right.append(own[rows, one.truth])
        alone_right.append(softmax(smoothed, temperature["global"])[rows, one.truth])
        recording.append(np.full(len(rows), place))
    of, own_p, alone_p = (np.concatenate(part) for part in (recording, own_right, alone_right))
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
        per_recording = np.bincount(of, slope, len(several)) * share * (1 - share)
        held = np.concatenate([[0.0], weights[1:]])
        value = -float(weight @ np.log(mixed)) + _RIDGE * float(held @ held)
        return value, z.T @ per_recording + 2 * _RIDGE * held

    fitted = minimize(loss, np.zeros(3), jac=True, method="L-BFGS-B").x
    slopes = fitted[1:] / scale
    bias = float(fitted[0] - slopes @ centre)
    return MovingStatistics(
        round(bias, 4), round(float(slopes[0]), 4), round(float(slopes[1]), 4), _SMOOTHING
    )
