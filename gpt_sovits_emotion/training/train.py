"""From corpora to a finished head: embed, measure on held-out speakers, fit, write, install.

The order is that of honesty. What the card says of a head is measured before the head itself is fitted, by
heads of the same recipe that never met the speakers they are tested on; the last fit then uses everybody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from gpt_sovits_emotion import __version__
from gpt_sovits_emotion.core.counting import counted
from gpt_sovits_emotion.core.errors import CorpusError
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.encoders.base import Encoder
from gpt_sovits_emotion.encoders.fused import FusedEncoder
from gpt_sovits_emotion.heads.card import MODES, HeadCard
from gpt_sovits_emotion.heads.folder import user_folder
from gpt_sovits_emotion.heads.replay import REPLAY_NAME
from gpt_sovits_emotion.training.adapt import choose_replay
from gpt_sovits_emotion.training.corpora import Corpus, check, merge
from gpt_sovits_emotion.training.dataset import LabelledEmbeddings
from gpt_sovits_emotion.training.describe import (
    encoder_spec,
    licence_of,
    measure_baseline,
    title_of,
)
from gpt_sovits_emotion.training.embed import embed_corpus
from gpt_sovits_emotion.training.evaluate import FoldLogits, held_out_predictions
from gpt_sovits_emotion.training.feature_cache import FeatureCache
from gpt_sovits_emotion.training.fit import FittedHead
from gpt_sovits_emotion.training.folds import Fold, speaker_folds
from gpt_sovits_emotion.training.installing import install_head, reserved
from gpt_sovits_emotion.training.measures import confusion_matrix, unweighted_average_recall
from gpt_sovits_emotion.training.moments import Moment, Telling, Watch
from gpt_sovits_emotion.training.results import FEW_COUNTS, MOST_FOLDS, card_results
from gpt_sovits_emotion.training.scoring import HeldOut, calibrate
from gpt_sovits_emotion.training.situations import LENGTHS
from gpt_sovits_emotion.training.strangers import (
    StrangerCalibration,
    calibrate_on_strangers,
    check_training,
)
from gpt_sovits_emotion.training.versions import Alteration, copies_for
from gpt_sovits_emotion.training.ways import Way, choose_way, plain_way

__all__ = ["Moment", "TrainedHead", "TrainingPlan", "Watch", "train"]

_MIN_DURATION_S = 0.6
_LEAST_SEGMENTS_MOVING = 2  # a mean that moves needs no more than another segment


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """What is to be trained.

    Attributes:
        head_id: Id of the new head: small letters, digits, hyphens.
        labels: The classes; empty for all that the corpora have.
        title: Name for people; made from encoder and corpora when None.
        note: What a user must know.
        licence: Of the head; put together from those of its corpora when "".
        seed: Of the first network; the same seed gives the same head on one machine.
        heads_dir: Folder of heads that the new one is put into.
        replace: Whether a head of this id that is there already may be replaced.
        even_without_gain: Whether a head on several encoders is kept that is no better than one on the best
            of them alone.
        command: How to make it again, for the card.
        n_jobs: Processes.
        calibrate_on: Corpora that are not trained on, for temperatures and thresholds that hold for unseen
            speakers; of heads with moving statistics alone.
    """

    head_id: str
    labels: tuple[str, ...] = ()
    title: Sentence | None = None
    note: Sentence | None = None
    licence: str = ""
    seed: int = 0
    heads_dir: Path = field(default_factory=user_folder)
    replace: bool = False
    even_without_gain: bool = False
    command: str = ""
    n_jobs: int = 1
    calibrate_on: tuple[Corpus, ...] = ()


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
    telling = Telling(watch)
    moves = bool(plain_way(encoder, seed=plan.seed).networks[0].recipe.heard)
    check_training(corpora, plan.calibrate_on, encoder_id=encoder.id, moves=moves)
    with reserved(plan.heads_dir, plan.head_id, replace=plan.replace) as folder:
        warnings = list(check(corpora, plan.labels or None))
        corpus = merge(corpora, labels=plan.labels or None)
        data = _embed(corpus, encoder, plan, telling, cancelled, cache)
        others = _embed_others(plan, encoder, telling, cancelled, cache)
        warnings += data.skipped + (() if others is None else others.skipped)
        train_only = tuple(one.name for one in corpora if one.train_only)
        way, held_out, compared = _measure(data, encoder, plan, train_only, telling, cancelled)
        if not held_out.is_complete:
            warnings.append(_stopped_early(data, held_out))
        # The figures are those of whole fits: after a stop while measuring it is still fitted to the end,
        # which takes as long as one of the speakers took.
        stopped_before = cancelled()
        fitted = way(
            data,
            classes=held_out.classes,
            watch=telling.fitting(way),
            cancelled=lambda: cancelled() and not stopped_before,
        )
        if fitted.stopped:
            warnings.append(_UNFINISHED)
        strangers = None
        if fitted.recipe.heard:
            telling.at("calibrating", 0.0, _CALIBRATING)
            strangers = calibrate_on_strangers(
                way.view(data),
                held_out,
                fitted,
                fit=way,
                train_only=train_only,
                others=None if others is None else way.view(others),
                n_jobs=plan.n_jobs,
                cancelled=cancelled,
                progress=lambda share, name: telling.at("calibrating", share, _CALIBRATING),
            )
        telling.at("writing", 0.0, Sentence("writing the head", "写入情感模型"))
        card = _card(plan, corpora, corpus, encoder, data, fitted, held_out, compared, strangers)
        beside = {REPLAY_NAME: _replay_rows(data, fitted)} if "speaker" in fitted.members else {}
        remarks = install_head(folder, card, fitted.tensors(), beside=beside)
        warnings += remarks
        telling.at("writing", 1.0, Sentence("finished", "完成"))
    return TrainedHead(folder, card, tuple(warnings))


# --- inside ----------------------------------------------------------------------------------------


_UNFINISHED = Sentence(
    "Its fit was stopped before the end, so it hears less well than its figures say.",
    "训练在结束前被停止，实际效果不如各项指标所示。",
)

_CALIBRATING = Sentence("calibrating on people whom it has not met", "用未见过的人进行校准")


class _StoppedError(Exception):
    """Raised through a progress callback to leave work that has nothing to show yet."""


def _embed(
    corpus: Corpus,
    encoder: Encoder,
    plan: TrainingPlan,
    telling: Telling,
    cancelled: Callable[[], bool],
    cache: FeatureCache | None,
    *,
    copies: Mapping[str, Alteration] | None = None,
) -> LabelledEmbeddings:
    n_clips = len(corpus.clips)

    def progress(fraction: float, doing: str) -> None:
        if cancelled():
            raise _StoppedError
        telling.at(
            "features",
            fraction,
            Sentence(
                f"listening to the clips ({round(fraction * n_clips)} of {n_clips})",
                f"提取特征（{round(fraction * n_clips)}/{n_clips}）",
            ),
        )

    try:
        return embed_corpus(
            corpus,
            encoder,
            copies=copies_for(encoder.id) if copies is None else copies,
            cache=cache,
            n_jobs=plan.n_jobs,
            progress=progress,
        )
    except _StoppedError:
        raise CorpusError(
            "stopped before anything was measured, so there is no head; the features that were computed are "
            "kept, and the same command goes on from there",
            zh="在得到任何结果之前就停止了，因此没有情感模型；已提取的特征会保留，用同样的设置可以接着训练",
        ) from None


def _embed_others(
    plan: TrainingPlan,
    encoder: Encoder,
    telling: Telling,
    cancelled: Callable[[], bool],
    cache: FeatureCache | None,
) -> LabelledEmbeddings | None:
    """Embed the corpora that are calibrated on and not trained on; None where there are none."""
    if not plan.calibrate_on:
        return None
    corpus = merge(plan.calibrate_on, labels=plan.labels or None)
    return _embed(corpus, encoder, plan, telling, cancelled, cache, copies={})


def _measure(
    data: LabelledEmbeddings,
    encoder: Encoder,
    plan: TrainingPlan,
    train_only: Sequence[str],
    telling: Telling,
    cancelled: Callable[[], bool],
) -> tuple[Way, HeldOut, dict[str, Any]]:
    folds = speaker_folds(data, at_most=MOST_FOLDS, never_tested=train_only)
    n_ways = 1 + len(encoder.parts) if isinstance(encoder, FusedEncoder) else 1
    ways_done = 0

    def measure(way: Way) -> HeldOut:
        nonlocal ways_done
        kept: dict[str, FoldLogits] = {}

        def progress(fraction: float, doing: str) -> None:
            telling.held_out(_uar_so_far(data, folds, kept))
            place = f"{len(kept)}/{len(folds)}"
            telling.at(
                "measuring",
                (ways_done + fraction) / n_ways,
                Sentence(
                    f"measuring on speakers that were held out, {way.networks[0].encoder_id} ({place})",
                    f"在留出的说话人上检验，{way.networks[0].encoder_id}（{place}）",
                ),
            )

        found = held_out_predictions(
            way.view(data),
            folds,
            fit=way,
            few_counts=FEW_COUNTS,
            lengths=LENGTHS,
            whole=not train_only,
            kept=kept,
            cancelled=cancelled,
            n_jobs=plan.n_jobs,
            progress=progress,
        )
        ways_done += 1
        return found

    return choose_way(
        encoder, seed=plan.seed, measure=measure, even_without_gain=plan.even_without_gain
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
        confusion = confusion_matrix(truth, predicted, len(data.classes))
        uars.append(float(unweighted_average_recall(confusion)))
    return sum(uars) / len(uars)


def _stopped_early(data: LabelledEmbeddings, held_out: HeldOut) -> Sentence:
    n_speakers = len(np.unique(data.speakers))
    n_tested = len(np.unique(held_out.speakers))
    return Sentence(
        f"stopped early: its figures come from {n_tested} of {counted(n_speakers, 'speaker')}",
        f"提前停止：各项指标只来自 {n_speakers} 位说话人中的 {n_tested} 位",
    )


def _replay_rows(data: LabelledEmbeddings, fitted: FittedHead) -> bytes:
    """Return the training rows that the head keeps for being fitted to a speaker later."""
    return choose_replay(
        data,
        fitted.statistics,
        fitted.classes,
        clip_z=fitted.recipe.clip_z,
        prior_segments=fitted.recipe.prior_segments,
    ).to_bytes()


def _card(
    plan: TrainingPlan,
    corpora: Sequence[Corpus],
    corpus: Corpus,
    encoder: Encoder,
    data: LabelledEmbeddings,
    fitted: FittedHead,
    held_out: HeldOut,
    compared: Mapping[str, Any],
    strangers: StrangerCalibration | None,
) -> HeadCard:
    modes = [mode for mode in MODES if mode in fitted.members]
    if strangers is None:
        calibration = {mode: calibrate(held_out, mode=mode) for mode in modes}
        temperature = {mode: pair[0] for mode, pair in calibration.items()}
        threshold = {mode: pair[1] for mode, pair in calibration.items()}
    else:
        temperature = dict(strangers.fitted.temperature)
        threshold = dict(strangers.fitted.threshold)
    return HeadCard(
        id=plan.head_id,
        title=plan.title or title_of(encoder.id, corpora),
        labels=fitted.classes,
        encoder=encoder_spec(encoder),
        licence=plan.licence or licence_of(corpora),
        clip_z=fitted.recipe.clip_z,
        min_duration_s=_MIN_DURATION_S,
        min_speaker_segments=min(FEW_COUNTS) if strangers is None else _LEAST_SEGMENTS_MOVING,
        prior_segments=fitted.recipe.prior_segments,
        temperature={mode: round(value, 4) for mode, value in temperature.items()},
        threshold=threshold,
        baseline=measure_baseline(corpus.clips),
        corpora=tuple(one.credit() for one in corpora),
        recipe={
            **fitted.recipe.to_dict(),
            "copies": ", ".join(data.copies),
            **({"several encoders": dict(compared)} if compared else {}),
            **({"command": plan.command} if plan.command else {}),
            "made with": f"gpt-sovits-emotion {__version__}",
        },
        results=card_results(corpora, data, held_out, strangers, plan.calibrate_on),
        layer_weights=fitted.layer_weights or {},
        note=_both(plan.note, _UNFINISHED) if fitted.stopped else plan.note,
        moving=None if strangers is None else strangers.fitted.moving,
        farthest=None if strangers is None else strangers.farthest,
        calibrated_on=None if strangers is None else strangers.source,
    )


def _both(note: Sentence | None, more: Sentence) -> Sentence:
    if note is None:
        return more
    return Sentence(f"{note.en} {more.en}", f"{note.zh}{more.zh}")
