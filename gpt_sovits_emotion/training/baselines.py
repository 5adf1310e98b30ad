"""What a head is held against: openSMILE's ComParE_2016 functionals and a linear support vector machine.

This is the reference of the INTERSPEECH paralinguistic challenges since 2016 (Schuller et al. 2016, "The
INTERSPEECH 2016 computational paralinguistics challenge", section 4): 6,373 functionals per clip, and a
linear machine whose complexity is chosen on speakers of the training part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gpt_sovits_emotion.core.errors import EncoderError, MissingExtraError
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import Audio
from gpt_sovits_emotion.training.dataset import (
    FeatureStatistics,
    LabelledEmbeddings,
    normalise,
    normalise_by_speaker,
    normalise_each_speaker,
)
from gpt_sovits_emotion.training.folds import speaker_folds
from gpt_sovits_emotion.training.metrics import unweighted_average_recall

__all__ = ["FittedSvm", "LinearSvm", "OpensmileEncoder"]

_SAMPLING_RATE_HZ = 16_000
_CLIP_Z = 6.0
_PRIOR_SEGMENTS = 5.0
_COMPLEXITIES = (
    0.1,
    1.0,
    10.0,
)  # for rows of about unit length: the kernel is divided by the dimension
_N_INNER_FOLDS = 3
_NEVER = -1e3  # score of a class that the machine has not met


class OpensmileEncoder:
    """ComParE_2016 functionals as an encoder.

    Raises:
        MissingExtraError: The package opensmile is not installed.
    """

    id = "opensmile.compare2016"
    dim = 6373
    sampling_rate_hz = _SAMPLING_RATE_HZ
    frame_rate_hz = 100.0
    input_scaling = "none"

    def __init__(self) -> None:
        try:
            import opensmile
        except ImportError as error:
            raise MissingExtraError(
                "opensmile",
                extra="benchmark",
                purpose="the openSMILE baseline",
                purpose_zh="openSMILE 基线",
            ) from error
        self._smile = opensmile.Smile(
            feature_set=opensmile.FeatureSet.ComParE_2016,
            feature_level=opensmile.FeatureLevel.Functionals,
        )
        self.fingerprint = f"opensmile-{opensmile.__version__}-ComParE_2016"

    def encode(self, audios: Sequence[Audio]) -> np.ndarray:
        """Return ``(n_segments, 6373)`` float32; what openSMILE leaves undefined is 0.

        Raises:
            EncoderError: An audio has another sampling rate.
        """
        rows = np.zeros((len(audios), self.dim), np.float32)
        for row, audio in zip(rows, audios, strict=True):
            if audio.sampling_rate_hz != self.sampling_rate_hz:
                raise EncoderError(
                    tr(
                        "openSMILE was given audio at {sampling_rate_hz} Hz; {sampling_rate_hz_2} Hz was "
                        "expected: resample it",
                        sampling_rate_hz=audio.sampling_rate_hz,
                        sampling_rate_hz_2=self.sampling_rate_hz,
                    )
                )
            found = self._smile.process_signal(audio.samples, audio.sampling_rate_hz)
            row[:] = np.nan_to_num(found.to_numpy()[0], nan=0.0, posinf=0.0, neginf=0.0)
        return rows


@dataclass(frozen=True, slots=True)
class LinearSvm:
    """Fits linear support vector machines, one per normalisation; a `training.systems.Fitter`.

    The classes are weighted against their sizes. The complexity is the one of `complexities` with the
    best mean UAR over groups of held-out speakers of the training part.
    """

    complexities: tuple[float, ...] = _COMPLEXITIES

    def __call__(
        self, data: LabelledEmbeddings, *, classes: Sequence[str], modes: Sequence[str]
    ) -> FittedSvm:
        """Fit on `data`, whose copies are left aside."""
        statistics = FeatureStatistics.measure(data.embeddings, data.speakers)
        targets = data.targets(classes)
        machines, rows, chosen = {}, {}, {}
        for mode in modes:
            z = _normalised(data.embeddings, data.speakers, statistics, mode)
            kernel = z @ z.T / z.shape[1]
            chosen[mode] = self._choose(kernel, targets, data, len(classes))
            machines[mode] = _machine(chosen[mode]).fit(kernel, targets)
            rows[mode] = z
        return FittedSvm(tuple(classes), statistics, machines, rows, chosen)

    def _choose(
        self, kernel: np.ndarray, targets: np.ndarray, data: LabelledEmbeddings, n_labels: int
    ) -> float:
        if len(self.complexities) == 1 or len(np.unique(data.speakers)) < 2:
            return self.complexities[len(self.complexities) // 2]
        totals = np.zeros(len(self.complexities))
        for fold in speaker_folds(data, at_most=_N_INNER_FOLDS):
            if len(np.unique(targets[fold.train])) < 2:
                continue
            inner = kernel[np.ix_(fold.train, fold.train)]
            outer = kernel[np.ix_(fold.test, fold.train)]
            for index, complexity in enumerate(self.complexities):
                predicted = _machine(complexity).fit(inner, targets[fold.train]).predict(outer)
                totals[index] += unweighted_average_recall(targets[fold.test], predicted, n_labels)
        return self.complexities[int(totals.argmax())]


@dataclass(frozen=True, slots=True, eq=False)
class FittedSvm:
    """Fitted machines; a `training.systems.Fitted`.

    Attributes:
        classes: Order of the outputs.
        statistics: Of the training embeddings.
        machines: Mode -> the machine, on a kernel that is given to it.
        rows: Mode -> ``(n_rows, dim)`` normalised training embeddings, for that kernel.
        complexities: Mode -> the one that was chosen.
    """

    classes: tuple[str, ...]
    statistics: FeatureStatistics
    machines: dict[str, Any]
    rows: dict[str, np.ndarray]
    complexities: dict[str, float] = field(default_factory=dict)

    def logits(
        self, embeddings: np.ndarray, *, mode: str, known: np.ndarray | None = None
    ) -> np.ndarray:
        """Return ``(n_segments, n_labels)`` scores, the higher the likelier.

        They are votes of pairs of classes, parted where equal by the margins, so that they rank the classes
        of one segment well, and segments among themselves badly: what is said of staying silent is no
        measure of this baseline.
        """
        if mode == "global":
            z = normalise(embeddings, self.statistics, clip_z=_CLIP_Z)
        else:
            z = normalise_by_speaker(
                embeddings,
                self.statistics,
                clip_z=_CLIP_Z,
                prior_segments=_PRIOR_SEGMENTS,
                known=known,
            )
        machine = self.machines[mode]
        scores = machine.decision_function(z @ self.rows[mode].T / z.shape[1])
        if scores.ndim == 1:  # of two classes scikit-learn scores the second alone
            scores = np.stack([-scores, scores], axis=1)
        logits = np.full((len(embeddings), len(self.classes)), _NEVER)
        logits[:, machine.classes_] = scores
        return logits


def _machine(complexity: float) -> Any:
    from sklearn.svm import SVC

    return SVC(C=complexity, kernel="precomputed", class_weight="balanced", break_ties=True)


def _normalised(
    embeddings: np.ndarray, speakers: np.ndarray, statistics: FeatureStatistics, mode: str
) -> np.ndarray:
    if mode == "global":
        return normalise(embeddings, statistics, clip_z=_CLIP_Z)
    return normalise_each_speaker(
        embeddings, speakers, statistics, clip_z=_CLIP_Z, prior_segments=_PRIOR_SEGMENTS
    )
