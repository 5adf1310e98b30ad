"""Calibrate a head on people whom it would meet for the first time, best on unseen corpora."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from gpt_sovits_emotion.core.errors import CorpusError
from gpt_sovits_emotion.core.messages import of_list, tr
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.training.calibration import (
    LENGTHS,
    REPORTED,
    REPORTED_LENGTH,
    SHARED_EMOTIONS,
    MovingCalibration,
    calibrate_moving,
)
from gpt_sovits_emotion.training.corpora import Corpus
from gpt_sovits_emotion.training.cross_validation import held_out_predictions
from gpt_sovits_emotion.training.dataset import FeatureStatistics, LabelledEmbeddings
from gpt_sovits_emotion.training.folds import Fold
from gpt_sovits_emotion.training.held_out import HeldOut, predicted_recordings, score_recordings
from gpt_sovits_emotion.training.metrics import expected_calibration_error
from gpt_sovits_emotion.training.systems import Fitted, Fitter

__all__ = ["UnseenCalibration", "calibrate_on_unseen", "check_training", "testable_corpora"]

_SURE = 0.8
_LEAST_MOODS = 3  # of a corpus, for recordings in several moods to be put together from it
_FARTHEST_PERCENTILE = 99.9
_FARTHEST_MARGIN = 1.15
"""Measured: clips of corpora left out lie within 1.1 of the percentile, noise and music beyond 1.3 of it."""


@dataclass(frozen=True, slots=True)
class UnseenCalibration:
    """A calibration with what it comes from.

    Attributes:
        fitted: Temperatures, thresholds, shares.
        farthest: Distance (`heads.head.Head.distances`) beyond which a segment is unlike the training.
        source: On whom it was fitted, in words.
        tested: Corpus -> predictions for it, by the head itself where that never met it, else by a head of
            the same recipe that was trained on the others.
    """

    fitted: MovingCalibration
    farthest: float
    source: Sentence
    tested: dict[str, HeldOut]

    def without(self, name: str) -> MovingCalibration:
        """Return the calibration that the other corpora of `tested` give, as far as there are any."""
        others = [
            found for other, found in self.tested.items() if other != name and found.recordings
        ]
        return _calibrated(others) if others else self.fitted

    def notes(self, name: str, calibration: MovingCalibration) -> tuple[str, ...]:
        """Return what was found in simulated recordings of one of `tested`, for the card.

        Temperatures and shares are to be those `without` it. Of a corpus that
        no recording can be put together from there is nothing to say.
        """
        held_out = self.tested[name]
        if not any(one.n_wanted == REPORTED_LENGTH for one in held_out.recordings):
            return ()
        scores = score_recordings(held_out, moves=True, calibration=calibration)
        kinds = ", ".join(f"{REPORTED[one.kind].en} {100 * one.uar:.1f}" for one in scores)
        probabilities, truth = predicted_recordings(held_out, calibration)
        error = expected_calibration_error(probabilities, truth)
        sure = probabilities.max(axis=1) >= _SURE
        right = (probabilities.argmax(axis=1) == truth)[sure]
        said = ""
        if len(right):
            said = f", of {len(right)} verdicts said with 80 % or more {100 * right.mean():.0f} % right"
        return (
            f"recordings of {REPORTED_LENGTH} segments, UAR: {kinds}",
            f"in these an ECE of {error:.3f}{said}",
        )


def check_training(
    corpora: Sequence[Corpus], calibrate_on: Sequence[Corpus], *, encoder_id: str, moves: bool
) -> None:
    """Make sure that a head can be measured and calibrated on these corpora.

    Args:
        corpora: To train on.
        calibrate_on: To calibrate on.
        encoder_id: What the head will read.
        moves: Whether heads on it have moving statistics.

    Raises:
        CorpusError: All of them are for training only, or those to calibrate on are of no use: trained on
            too, for training only, or named for an encoder whose heads are not calibrated so.
    """
    if all(corpus.train_only for corpus in corpora):
        names = [corpus.name for corpus in corpora]
        raise CorpusError(
            tr(
                "{names}: for training only, so that nobody is left to measure the head on; add a corpus "
                "of recorded speech (--corpus)",
                names=of_list(names),
            )
        )
    if calibrate_on and not moves:
        raise CorpusError(
            tr(
                "heads on {encoder_id} are calibrated on the speakers that are held out; leave "
                "--calibrate-on out, or train on Whisper (--encoder whisper-base:1-4)",
                encoder_id=encoder_id,
            )
        )
    known = {corpus.info.id for corpus in corpora} | {
        corpus.info.made_from for corpus in corpora if corpus.info.made_from
    }
    for corpus in calibrate_on:
        if reason := corpus.train_only_reason():
            raise CorpusError(tr("{reason}; leave it out of --calibrate-on", reason=reason))
        same = corpus.root.resolve() in {one.root.resolve() for one in corpora}
        if same or corpus.info.id in known:
            raise CorpusError(
                tr(
                    "{corpus} is trained on, so that calibrating on it would flatter; leave it out of "
                    "--calibrate-on or of the training",
                    corpus=corpus.name,
                )
            )


def testable_corpora(data: LabelledEmbeddings, train_only: Sequence[str]) -> tuple[str, ...]:
    """Return the corpora that calibration can be measured on: real speech, in three moods or more."""
    names = [str(name) for name in np.unique(data.corpora) if name not in train_only]
    return tuple(
        name
        for name in names
        if sum(mood in set(data.labels[data.corpora == name].tolist()) for mood in SHARED_EMOTIONS)
        >= _LEAST_MOODS
    )


def calibrate_on_unseen(
    data: LabelledEmbeddings,
    held_out: HeldOut,
    fitted: Fitted,
    *,
    fit: Fitter,
    train_only: Sequence[str],
    others: LabelledEmbeddings | None,
    n_jobs: int,
    cancelled: Callable[[], bool],
    progress: Callable[[float, str], None],
) -> UnseenCalibration:
    """Calibrate a head on people that it would meet for the first time.

    In this order, as far as there is any: corpora that take no part in the training (`others`), which the
    finished head itself is asked about; corpora of the training, each judged by a head of the same recipe
    that was trained on the rest; the speakers that were held out one by one.

    Args:
        data: What the head was trained on.
        held_out: Predictions for its speakers, each held out, with simulated recordings.
        fitted: The head.
        fit: Trains another one by the same recipe.
        train_only: Names of corpora that are never tested.
        others: Clips of corpora that were not trained on; None where there are none.
        n_jobs: Processes.
        cancelled: Once it says yes, what was measured until then is taken.
        progress: Told after each corpus.

    Raises:
        CorpusError: Nobody has the moods that recordings are put together from.
    """
    far: list[float] = []
    tested: dict[str, HeldOut] = {}
    if others is not None:
        for name in testable_corpora(others, ()):
            part = others.select(others.corpora == name)
            known = part.select(np.isin(part.labels, held_out.classes))
            if not len(known.labels):
                continue
            tested[name] = _as_is(fitted, known, held_out.classes)
            far.append(_distance(known, data))
    corpora = testable_corpora(data, train_only)
    if len(np.unique(data.corpora)) > 1 and len(corpora) > 1:
        for place, name in enumerate(corpora):
            if cancelled():
                break
            tested[name], distance = _left_out(data, name, held_out.classes, fit=fit, n_jobs=n_jobs)
            far.append(distance)
            progress((place + 1) / len(corpora), name)
    source = tr("corpora that were left out: {tested}", tested=of_list(tested))
    unseen = list(tested.values())
    if not any(one.recordings for one in unseen):
        unseen, far = [held_out], [_distance(data, data)]
        source = tr("speakers that were left out")
    farthest = round(_FARTHEST_MARGIN * max(far), 3)
    return UnseenCalibration(_calibrated(unseen), farthest, source, tested)


def _calibrated(unseen: Sequence[HeldOut]) -> MovingCalibration:
    recordings = [one for found in unseen for one in found.recordings]
    return calibrate_moving(
        recordings, [part for found in unseen for part in found.predicted_clips()]
    )


def _left_out(
    data: LabelledEmbeddings, name: str, classes: Sequence[str], *, fit: Fitter, n_jobs: int
) -> tuple[HeldOut, float]:
    """Return predictions for one corpus by a head that was trained on the others, and its distance."""
    rest = data.corpora != name
    known = np.isin(data.labels, np.unique(data.labels[rest]))
    own = data.select(rest | known)
    fold = Fold(name, own.corpora != name, own.corpora == name)
    found = held_out_predictions(
        own, [fold], fit=fit, classes=classes, lengths=LENGTHS, whole=False, n_jobs=n_jobs
    )
    return found, _distance(own.select(fold.test), own.select(fold.train))


def _as_is(fitted: Fitted, data: LabelledEmbeddings, classes: Sequence[str]) -> HeldOut:
    """Return predictions of a head that is there already, for people that it never met."""
    everybody = np.ones(len(data.labels), bool)
    fold = Fold("not trained on", ~everybody, everybody)
    return held_out_predictions(
        data,
        [fold],
        fit=_Ready(fitted),
        classes=classes,
        lengths=LENGTHS,
        whole=True,
        trains=False,
    )


@dataclass(frozen=True, slots=True)
class _Ready:
    """A fitter that has nothing to do: the head is there."""

    fitted: Fitted

    def __call__(
        self, data: LabelledEmbeddings, *, classes: Sequence[str], modes: Sequence[str]
    ) -> Fitted:
        return self.fitted


def _distance(tested: LabelledEmbeddings, trained: LabelledEmbeddings) -> float:
    """Return how far out the farthest voices of one set lie from another. See `Head.distances`."""
    statistics = FeatureStatistics.measure(trained.versions[0], trained.speakers)
    z = (tested.embeddings.astype(np.float64) - statistics.mean) / statistics.std
    return float(np.percentile(np.sqrt(np.square(z).mean(axis=1)), _FARTHEST_PERCENTILE))
