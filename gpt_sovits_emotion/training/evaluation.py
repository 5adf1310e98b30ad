"""Evaluate systems on corpora: by protocol, and one system against another on the same folds."""

from __future__ import annotations

import datetime
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gpt_sovits_emotion.core.errors import AudioError, CorpusError, EncoderError
from gpt_sovits_emotion.core.labels import display_name
from gpt_sovits_emotion.core.messages import of_error, tr
from gpt_sovits_emotion.core.progress import Progress, no_progress, part_of
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.encoders.feature_cache import FeatureCache
from gpt_sovits_emotion.heads.card import MODES
from gpt_sovits_emotion.training.augmentation import copies_for
from gpt_sovits_emotion.training.calibration import LENGTHS, REPORTED_LENGTH
from gpt_sovits_emotion.training.cross_validation import held_out_predictions, predictions_as_is
from gpt_sovits_emotion.training.dataset import LabelledEmbeddings, join
from gpt_sovits_emotion.training.embed import embed_corpus
from gpt_sovits_emotion.training.evaluation_report import (
    Comparison,
    Cost,
    Evaluation,
    KShotScore,
    Outcome,
)
from gpt_sovits_emotion.training.folds import Trial, speaker_folds, trials_of
from gpt_sovits_emotion.training.held_out import (
    HeldOut,
    RecordingScore,
    calibrate,
    compare,
    score,
    score_k_shot,
    score_recordings,
)
from gpt_sovits_emotion.training.systems import (
    EvaluationPlan,
    System,
    checked_corpora,
    fair_systems,
    measure_cost,
)

__all__ = ["evaluate"]

_N_CALIBRATION_FOLDS = 3
_ALL_CLIPS = tr("statistics from all clips of the test speaker, without labels")
_AS_IS = tr("the finished head as it is")


def evaluate(
    plan: EvaluationPlan,
    *,
    cache: FeatureCache | None = None,
    progress: Progress = no_progress,
) -> Evaluation:
    """Measure what a plan says.

    Args:
        plan: See there.
        cache: Where embeddings are kept; None keeps none.
        progress: Told where it stands; what it raises stops the work.

    Raises:
        CorpusError: A corpus is unfit for the protocol, two have one name, or nothing can be shared.
        EncoderError: An encoder failed.
    """
    started_s = time.perf_counter()
    systems, plan, warnings = fair_systems(plan)
    warnings += [one for one in checked_corpora(plan, systems) if one not in warnings]
    features = part_of(progress, 0.0, 0.3)
    data: list[LabelledEmbeddings] = []
    for number, system in enumerate(systems):
        share = part_of(features, number / len(systems), (number + 1) / len(systems))
        data.append(_embedded(plan, system, cache, share))
        warnings += [sentence for sentence in data[-1].skipped if sentence not in warnings]
    trials = _trials(plan, systems, data[0])
    warnings += _untested(plan.labels or data[0].classes, trials)
    outcomes: list[Outcome] = []
    comparisons: list[Comparison] = []
    head_s = dict.fromkeys([system.name for system in systems], 0.0)
    judging = part_of(progress, 0.3, 0.97)
    n_parts = len(trials) * len(systems)
    for at, trial in enumerate(trials):
        found: list[HeldOut] = []
        for number, system in enumerate(systems):
            done = at * len(systems) + number
            share = part_of(judging, done / n_parts, (done + 1) / n_parts)
            held_out, temperatures = _predict(plan, trial, system, data[number], share)
            found.append(held_out)
            head_s[system.name] = held_out.head_s / max(len(held_out.truth), 1)
            outcomes += _outcomes(plan, trial, system, held_out, temperatures)
        comparisons += _comparisons(trial, systems, found)
    costs = [_cost(plan, system, head_s[system.name], warnings) for system in systems]
    progress(1.0, "measured")
    return Evaluation(
        protocol=plan.protocol,
        contenders=tuple(
            system.contender(cost) for system, cost in zip(systems, costs, strict=True)
        ),
        corpora=tuple(corpus.credit() for corpus in plan.corpora),
        outcomes=tuple(outcomes),
        comparisons=tuple(comparisons),
        warnings=tuple(warnings),
        measured_on=datetime.date.today().isoformat(),
        took_s=time.perf_counter() - started_s,
        command=plan.command,
    )


def _embedded(
    plan: EvaluationPlan, system: System, cache: FeatureCache | None, progress: Progress
) -> LabelledEmbeddings:
    """Embed all corpora. Speakers of several corpora are called ``corpus/speaker``."""
    trains_on_copies = system.is_trained_here and system.fit is None
    parts = []
    for number, corpus in enumerate(plan.corpora):
        part = embed_corpus(
            corpus,
            system.encoder,
            copies=copies_for(system.encoder.id) if trains_on_copies else {},
            cache=cache,
            n_jobs=plan.n_jobs,
            progress=part_of(
                progress, number / len(plan.corpora), (number + 1) / len(plan.corpora)
            ),
        )
        speakers = part.speakers
        if len(plan.corpora) > 1:
            speakers = np.array([f"{corpus.name}/{who}" for who in speakers])
        parts.append(replace(part, speakers=speakers, corpora=np.array(corpus.name)))
    return join(parts)


def _trials(
    plan: EvaluationPlan, systems: Sequence[System], data: LabelledEmbeddings
) -> list[Trial]:
    return trials_of(
        data,
        protocol=plan.protocol,
        corpora=[corpus.name for corpus in plan.corpora],
        labels=plan.labels,
        heads=[system.head for system in systems if system.head is not None],
        anything_trained=any(system.is_trained_here for system in systems),
        test_speakers=plan.test_speakers,
        train_only=[corpus.name for corpus in plan.corpora if corpus.train_only],
    )


def _untested(labels: Sequence[str], trials: Sequence[Trial]) -> list[Sentence]:
    left_out = sorted(set(labels) - {label for trial in trials for label in trial.classes})
    if not left_out:
        return []
    return [
        Sentence(
            f"not tested, because not everybody knows them: {', '.join(left_out)}",
            "以下类别并非各方都有，未参与评测："
            + "、".join(display_name(label, "zh") for label in left_out),
        )
    ]


def _predict(
    plan: EvaluationPlan,
    trial: Trial,
    system: System,
    data: LabelledEmbeddings,
    progress: Progress,
) -> tuple[HeldOut, dict[str, float]]:
    """Return predictions, and the temperature of each mode where it is not taken from the tested."""
    if len(data.labels) != len(trial.rows):
        raise CorpusError(
            tr(
                "{system} could read {labels} clips where another could read {rows}; drop the clips that "
                "only one can read, and measure again",
                system=system.name,
                labels=len(data.labels),
                rows=len(trial.rows),
            )
        )
    own = data.select(trial.rows)
    if system.head is not None:
        tested = np.any([fold.test for fold in trial.folds], axis=0)
        held_out = predictions_as_is(
            system.head,
            data.select(np.isin(data.speakers, own.speakers[tested])),
            classes=trial.classes,
            modes=plan.modes,
            k_shots=plan.k_shots,
            lengths=(REPORTED_LENGTH,),
        )
        progress(1.0, f"{system.name} on {' + '.join(trial.corpora)}")
        return held_out, dict.fromkeys(held_out.logits, 1.0)
    temperatures: dict[str, float] = {}
    if not trial.is_whole:
        temperatures = _from_training(plan, trial, system, own, part_of(progress, 0.0, 0.7))
        progress = part_of(progress, 0.7, 1.0)
    held_out = held_out_predictions(
        own,
        trial.folds,
        recipe=system.recipe,
        fit=system.fit,
        classes=trial.classes,
        modes=plan.modes,
        k_shots=plan.k_shots,
        lengths=() if plan.protocol == "loso+text" else LENGTHS,
        whole=trial.is_whole,
        n_jobs=plan.n_jobs,
        progress=progress,
    )
    return held_out, temperatures


def _from_training(
    plan: EvaluationPlan,
    trial: Trial,
    system: System,
    data: LabelledEmbeddings,
    progress: Progress,
) -> dict[str, float]:
    """Find the temperatures on speakers of the training part, as a finished head has them."""
    (fold,) = trial.folds
    trained = data.select(fold.train)
    train_only = [corpus.name for corpus in plan.corpora if corpus.train_only]
    nobody = np.isin(trained.corpora, train_only).all()
    if nobody or len(np.unique(trained.speakers)) < 2:
        return dict.fromkeys(plan.modes, 1.0)
    inner = held_out_predictions(
        trained,
        speaker_folds(trained, at_most=_N_CALIBRATION_FOLDS, never_tested=train_only),
        recipe=system.recipe,
        fit=system.fit,
        classes=trial.classes,
        modes=plan.modes,
        whole=not train_only,
        n_jobs=plan.n_jobs,
        progress=progress,
    )
    return {mode: calibrate(inner, mode=mode)[0] for mode in plan.modes}


def _outcomes(
    plan: EvaluationPlan,
    trial: Trial,
    system: System,
    held_out: HeldOut,
    temperatures: dict[str, float],
) -> list[Outcome]:
    outcomes = []
    for corpus, part in _parts(trial, held_out):
        for mode in plan.modes:
            if mode not in part.logits:
                continue
            few = part.few if mode == "speaker" else {}
            outcomes.append(
                Outcome.of(
                    score(part, mode=mode, temperature=temperatures.get(mode)),
                    contender=system.name,
                    protocol=plan.protocol,
                    trained_on=_trained_on(trial, system),
                    corpus=corpus,
                    normalisation=mode,
                    few=tuple(KShotScore(n, *score_k_shot(part, count=n)) for n in sorted(few)),
                    note=_note(system, mode),
                    situations=_recordings(system, part) if mode == "speaker" else (),
                )
            )
    return outcomes


def _recordings(system: System, part: HeldOut) -> tuple[RecordingScore, ...]:
    moves = system.recipe is not None and bool(system.recipe.heard)
    return score_recordings(part, moves=moves)


def _parts(trial: Trial, held_out: HeldOut) -> list[tuple[str, HeldOut]]:
    """Return what is scored: all that was tested and, of several corpora, each by itself."""
    parts = [(" + ".join(trial.corpora), held_out)]
    if len(trial.corpora) > 1:
        for name in trial.corpora:
            mine = np.char.startswith(held_out.speakers.astype(str), f"{name}/")
            if mine.any():
                parts.append((name, held_out.select(mine)))
    return parts


def _trained_on(trial: Trial, system: System) -> str:
    if system.head is None:
        return trial.trained_on
    return " + ".join(credit.name for credit in system.head.card.corpora) or "(unknown)"


def _note(system: System, mode: str) -> Sentence:
    said = [_AS_IS] if system.head is not None else []
    said += [_ALL_CLIPS] if mode == "speaker" else []
    return Sentence("; ".join(one.en for one in said), "；".join(one.zh for one in said))


def _comparisons(
    trial: Trial, systems: Sequence[System], found: Sequence[HeldOut]
) -> list[Comparison]:
    first = dict(_parts(trial, found[0]))
    return [
        Comparison(
            first=systems[0].name,
            second=system.name,
            trained_on=_trained_on(trial, systems[0]),
            corpus=corpus,
            normalisation=mode,
            labels=trial.classes,
            difference=compare(first[corpus], part, mode=mode),
        )
        for system, held_out in zip(systems[1:], found[1:], strict=True)
        for corpus, part in _parts(trial, held_out)
        for mode in MODES
        if mode in first[corpus].logits and mode in part.logits
    ]


def _cost(
    plan: EvaluationPlan, system: System, head_s: float, warnings: list[Sentence]
) -> Cost | None:
    if not plan.cost:
        return None
    clips = [clip for corpus in plan.corpora if not corpus.train_only for clip in corpus.clips]
    try:
        return measure_cost(system.encoder, clips, head_s_per_clip=head_s)
    except (AudioError, EncoderError) as error:
        warnings.append(
            tr(
                "the time that {system} takes was not measured: {error}",
                system=system.name,
                error=of_error(error),
            )
        )
        return None
