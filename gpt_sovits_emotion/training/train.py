"""From corpora to a finished head: embed, measure on held-out speakers, fit, write, install.

The order is that of honesty. What the card says of a head is measured before the head itself is
fitted, by heads of the same recipe that never met the speakers they are tested on; the last fit
then uses everybody.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from gpt_sovits_emotion.core.errors import CorpusError
from gpt_sovits_emotion.core.messages import in_both, of_count, tr
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.encoders.base import Encoder
from gpt_sovits_emotion.encoders.feature_cache import FeatureCache
from gpt_sovits_emotion.encoders.fused import FusedEncoder
from gpt_sovits_emotion.heads.card import MODES, HeadCard
from gpt_sovits_emotion.heads.replay import REPLAY_NAME
from gpt_sovits_emotion.training.augmentation import Augmentation, copies_for
from gpt_sovits_emotion.training.calibration import LENGTHS
from gpt_sovits_emotion.training.corpora import Corpus, check, merge
from gpt_sovits_emotion.training.cross_validation import FoldLogits, held_out_predictions
from gpt_sovits_emotion.training.dataset import LabelledEmbeddings
from gpt_sovits_emotion.training.embed import embed_corpus
from gpt_sovits_emotion.training.fit import FitProgress, FittedHead
from gpt_sovits_emotion.training.folds import Fold, speaker_folds
from gpt_sovits_emotion.training.fusion import FusionScheme, choose_scheme, plain_scheme
from gpt_sovits_emotion.training.held_out import HeldOut
from gpt_sovits_emotion.training.metrics import unweighted_average_recall
from gpt_sovits_emotion.training.packaging import (
    K_SHOTS,
    MOST_FOLDS,
    UNFINISHED,
    head_card,
    install_head,
    replay_rows,
    reserved,
)
from gpt_sovits_emotion.training.recipes import TrainingPlan
from gpt_sovits_emotion.training.unseen_corpora import (
    UnseenCalibration,
    calibrate_on_unseen,
    check_training,
)

__all__ = [
    "ProgressEvent",
    "Reporter",
    "TrainedHead",
    "Watch",
    "train",
]

Stage = Literal["features", "measuring", "fitting", "calibrating", "writing"]
"""What a training does, in this order."""

# Where each stage begins and ends, as shares of the whole. Features take the longest the first time, and no
# time when they are cached: this only places the bar, the time left is reckoned within a stage.
_SPANS: Mapping[Stage, tuple[float, float]] = {
    "features": (0.0, 0.4),
    "measuring": (0.4, 0.9),
    "fitting": (0.9, 0.94),
    "calibrating": (0.94, 0.98),
    "writing": (0.98, 1.0),
}


@dataclass(frozen=True, slots=True)
class ProgressEvent:
    """Where a training stands.

    Attributes:
        stage: What is being done.
        fraction: Of the whole training, 0 to 1.
        doing: The same in words.
        loss: Mean loss of the last pass over the training rows, None outside fitting.
        held_out_uar: Unweighted average recall on the speakers that were held out so far, None before the
            first.
        epoch: Number of passes done of this network, None outside fitting.
        seconds_left: Of this stage, from how long it took so far; None at its beginning.
    """

    stage: Stage
    fraction: float
    doing: Sentence
    loss: float | None = None
    held_out_uar: float | None = None
    epoch: int | None = None
    seconds_left: float | None = None


Watch = Callable[[ProgressEvent], None]
"""Told where the training stands; called as often as anything changes."""


class Reporter:
    """Turns what each stage reports into moments."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._held_out_uar: float | None = None
        self._stage = ""
        self._began_s = time.monotonic()

    def at(
        self,
        stage: Stage,
        share_done: float,
        doing: Sentence,
        *,
        loss: float | None = None,
        epoch: int | None = None,
    ) -> None:
        """Tell of one moment; `share_done` is how much of the stage is done, 0 to 1."""
        if stage != self._stage:
            self._stage, self._began_s = stage, time.monotonic()
        took_s = time.monotonic() - self._began_s
        seconds_left = None
        if share_done > 0 and took_s > 1.0:
            seconds_left = took_s * (1.0 - share_done) / share_done
        start, end = _SPANS[stage]
        fraction = start + (end - start) * min(share_done, 1.0)
        self._watch(
            ProgressEvent(stage, fraction, doing, loss, self._held_out_uar, epoch, seconds_left)
        )

    def held_out(self, uar: float) -> None:
        """Remember how the speakers held out so far were predicted."""
        self._held_out_uar = uar

    def fitting(self, scheme: FusionScheme) -> Callable[[FitProgress], None]:
        """Return what tells of the last fit."""
        n_passes = 0
        n_modes = 1 if scheme.networks[0].recipe.heard else len(MODES)

        def watch(moment: FitProgress) -> None:
            nonlocal n_passes
            total = len(scheme.networks) * n_modes * moment.n_members * moment.n_epochs
            n_passes += 1 + moment.last - moment.first
            which_en, which_zh = f"network {moment.first}", f"{moment.first}"
            if moment.last > moment.first:
                which_en = f"networks {moment.first} to {moment.last}"
                which_zh = f"{moment.first}–{moment.last}"
            self.at(
                "fitting",
                n_passes / total,
                tr(
                    "fitting {which} of {n_members} ({mode})",
                    n_members=moment.n_members,
                    mode=moment.mode,
                    which=in_both(which_en, which_zh),
                ),
                loss=moment.loss,
                epoch=moment.epoch,
            )

        return watch


@dataclass(frozen=True, slots=True)
class TrainedHead:
    """A finished head.

    Attributes:
        folder: Where it lies.
        card: Its card, with what was measured.
        warnings: What a user must know about this training: thin classes, skipped clips, stopped early.
    """

    folder: Path
    card: HeadCard
    warnings: tuple[Sentence, ...]


def train(
    corpora: Sequence[Corpus],
    plan: TrainingPlan,
    *,
    encoder: Encoder,
    watch: Watch = lambda moment: None,
    cancelled: Callable[[], bool] = lambda: False,
    cache: FeatureCache | None = None,
) -> TrainedHead:
    """Train, measure and install a head.

    Args:
        corpora: See `training.corpora.open_corpora`.
        plan: What to train.
        encoder: What the head will read.
        watch: Told where it stands.
        cancelled: Asked often; once it says yes, the training ends with the best there is: a head measured on
            the speakers that were held out until then, or, before the first of them, `CorpusError`. During
            the last fit it leaves that fit unfinished, and the head says so.
        cache: Where features are kept for the next time; None keeps none.

    Raises:
        CorpusError: A corpus cannot be used, or it was stopped before anything was measured.
        EncoderError: The encoder failed.
        HeadError: A head of this id is there already, or another training is writing it.
        OutputError: The head cannot be written; nothing half written is left.
    """
    work = _Training(plan, encoder, Reporter(watch), cancelled, cache)
    moves = bool(plain_scheme(encoder, seed=plan.seed).networks[0].recipe.heard)
    check_training(corpora, plan.calibrate_on, encoder_id=encoder.id, moves=moves)
    with reserved(plan.heads_dir, plan.head_id, replace=plan.replace) as folder:
        warnings = list(check(corpora, plan.labels or None))
        corpus = merge(corpora, labels=plan.labels or None)
        data = work.embed(corpus, copies=copies_for(encoder.id))
        others = work.embed_others()
        warnings += data.skipped + (() if others is None else others.skipped)
        train_only = tuple(one.name for one in corpora if one.train_only)
        scheme, held_out, compared = work.measure(data, train_only)
        if not held_out.is_complete:
            warnings.append(_stopped_early(data, held_out))
        fitted = work.fit(scheme, data, held_out)
        if fitted.stopped:
            warnings.append(UNFINISHED)
        unseen = work.calibrate(scheme, data, others, held_out, fitted, train_only)
        work.reporter.at("writing", 0.0, tr("writing the head"))
        card = head_card(plan, corpora, corpus, encoder, data, fitted, held_out, compared, unseen)
        beside = {REPLAY_NAME: replay_rows(data, fitted)} if "speaker" in fitted.members else {}
        warnings += install_head(folder, card, fitted.tensors(), beside=beside)
        work.reporter.at("writing", 1.0, tr("finished"))
    return TrainedHead(folder, card, tuple(warnings))


_CALIBRATING = tr("calibrating on people whom it has not met")


class _StoppedError(Exception):
    """Raised through a progress callback to leave work that has nothing to show yet."""


@dataclass(frozen=True, slots=True)
class _Training:
    """The steps of a training, with what all of them need."""

    plan: TrainingPlan
    encoder: Encoder
    reporter: Reporter
    cancelled: Callable[[], bool]
    cache: FeatureCache | None

    def embed(self, corpus: Corpus, *, copies: Mapping[str, Augmentation]) -> LabelledEmbeddings:
        """Embed a corpus. Raises `CorpusError` when it is stopped on the way."""
        n_clips = len(corpus.clips)

        def progress(fraction: float, doing: str) -> None:
            if self.cancelled():
                raise _StoppedError
            self.reporter.at(
                "features",
                fraction,
                tr(
                    "listening to the clips ({fraction} of {n_clips})",
                    fraction=round(fraction * n_clips),
                    n_clips=n_clips,
                ),
            )

        try:
            return embed_corpus(
                corpus,
                self.encoder,
                copies=copies,
                cache=self.cache,
                n_jobs=self.plan.n_jobs,
                progress=progress,
            )
        except _StoppedError:
            raise CorpusError(
                tr(
                    "stopped before anything was measured, so there is no head; the features that were "
                    "computed are kept, and the same command goes on from there"
                )
            ) from None

    def embed_others(self) -> LabelledEmbeddings | None:
        """Embed the corpora that are calibrated on and not trained on; None where there are none."""
        if not self.plan.calibrate_on:
            return None
        corpus = merge(self.plan.calibrate_on, labels=self.plan.labels or None)
        return self.embed(corpus, copies={})

    def measure(
        self, data: LabelledEmbeddings, train_only: Sequence[str]
    ) -> tuple[FusionScheme, HeldOut, dict[str, Any]]:
        """Return the best scheme, its held-out predictions, and what the comparison found."""
        folds = speaker_folds(data, at_most=MOST_FOLDS, never_tested=train_only)
        n_schemes = 1 + len(self.encoder.parts) if isinstance(self.encoder, FusedEncoder) else 1
        schemes_done = 0

        def measure(scheme: FusionScheme) -> HeldOut:
            nonlocal schemes_done
            kept: dict[str, FoldLogits] = {}

            def progress(fraction: float, doing: str) -> None:
                self.reporter.held_out(_uar_so_far(data, folds, kept))
                place = f"{len(kept)}/{len(folds)}"
                encoder_id = scheme.networks[0].encoder_id
                self.reporter.at(
                    "measuring",
                    (schemes_done + fraction) / n_schemes,
                    tr(
                        "measuring on speakers that were held out, {encoder_id} ({place})",
                        encoder_id=encoder_id,
                        place=place,
                    ),
                )

            found = held_out_predictions(
                scheme.view(data),
                folds,
                fit=scheme,
                k_shots=K_SHOTS,
                lengths=LENGTHS,
                whole=not train_only,
                kept=kept,
                cancelled=self.cancelled,
                n_jobs=self.plan.n_jobs,
                progress=progress,
            )
            schemes_done += 1
            return found

        plan = self.plan
        return choose_scheme(
            self.encoder,
            seed=plan.seed,
            measure=measure,
            even_without_gain=plan.even_without_gain,
        )

    def fit(self, scheme: FusionScheme, data: LabelledEmbeddings, held_out: HeldOut) -> FittedHead:
        """Fit the head on everybody.

        The figures are those of whole fits: after a stop while measuring it is still fitted to the end,
        which takes as long as one of the speakers took.
        """
        stopped_before = self.cancelled()
        return scheme(
            data,
            classes=held_out.classes,
            watch=self.reporter.fitting(scheme),
            cancelled=lambda: self.cancelled() and not stopped_before,
        )

    def calibrate(
        self,
        scheme: FusionScheme,
        data: LabelledEmbeddings,
        others: LabelledEmbeddings | None,
        held_out: HeldOut,
        fitted: FittedHead,
        train_only: Sequence[str],
    ) -> UnseenCalibration | None:
        """Calibrate a head with moving statistics on unseen corpora; None for any other head."""
        if not fitted.recipe.heard:
            return None
        self.reporter.at("calibrating", 0.0, _CALIBRATING)
        return calibrate_on_unseen(
            scheme.view(data),
            held_out,
            fitted,
            fit=scheme,
            train_only=train_only,
            others=None if others is None else scheme.view(others),
            n_jobs=self.plan.n_jobs,
            cancelled=self.cancelled,
            progress=lambda share, name: self.reporter.at("calibrating", share, _CALIBRATING),
        )


def _uar_so_far(
    data: LabelledEmbeddings, folds: Sequence[Fold], kept: Mapping[str, FoldLogits]
) -> float:
    """Return the UAR on the speakers that were held out until now, mean over the modes."""
    done = [fold for fold in folds if fold.name in kept]
    truth = np.concatenate([data.targets(data.classes)[fold.test] for fold in done])
    uars = []
    for mode in MODES:
        predicted = np.concatenate([kept[fold.name].logits[mode].argmax(1) for fold in done])
        uars.append(unweighted_average_recall(truth, predicted, len(data.classes)))
    return sum(uars) / len(uars)


def _stopped_early(data: LabelledEmbeddings, held_out: HeldOut) -> Sentence:
    return tr(
        "stopped early: its figures come from {n_tested} of {n_speakers}",
        n_tested=len(np.unique(held_out.speakers)),
        n_speakers=of_count(len(np.unique(data.speakers)), "speaker"),
    )
