"""Predict speakers, or speakers and texts, that were not trained on."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from multiprocessing import get_context

import numpy as np

from gpt_sovits_emotion.core.errors import CorpusError
from gpt_sovits_emotion.core.messages import of_list, tr
from gpt_sovits_emotion.core.progress import Progress, no_progress
from gpt_sovits_emotion.heads.card import MODES
from gpt_sovits_emotion.heads.head import Head
from gpt_sovits_emotion.training.calibration import (
    PredictedRecording,
    SimulatedRecording,
    simulate_recordings,
)
from gpt_sovits_emotion.training.dataset import LabelledEmbeddings
from gpt_sovits_emotion.training.fit import fit_head
from gpt_sovits_emotion.training.folds import Fold, check_folds
from gpt_sovits_emotion.training.held_out import HeldOut
from gpt_sovits_emotion.training.recipes import Recipe
from gpt_sovits_emotion.training.systems import FinishedHead, Fitted, Fitter

__all__ = ["FoldLogits", "held_out_predictions", "predictions_as_is"]

_K_SHOT_DRAWS = 8


@dataclass(frozen=True, slots=True)
class _ByRecipe:
    """The default fitter: a head by its recipe."""

    recipe: Recipe | None

    def __call__(
        self, data: LabelledEmbeddings, *, classes: Sequence[str], modes: Sequence[str]
    ) -> Fitted:
        return fit_head(data, recipe=self.recipe, classes=classes, modes=modes)


@dataclass(frozen=True, slots=True, eq=False)
class FoldLogits:
    """Predictions for one fold's test part; fields as in `HeldOut`."""

    logits: dict[str, np.ndarray]
    few: dict[int, np.ndarray]
    head_s: float
    recordings: tuple[PredictedRecording, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class _Work:
    """What all folds share; every process gets it once."""

    data: LabelledEmbeddings
    tested: np.ndarray
    classes: tuple[str, ...]
    fit: Fitter
    modes: tuple[str, ...]
    k_shots: tuple[int, ...]
    lengths: tuple[int, ...]


def held_out_predictions(
    data: LabelledEmbeddings,
    folds: Sequence[Fold],
    *,
    recipe: Recipe | None = None,
    fit: Fitter | None = None,
    classes: Sequence[str] | None = None,
    modes: Sequence[str] = MODES,
    k_shots: Sequence[int] = (),
    lengths: Sequence[int] = (),
    tested: np.ndarray | None = None,
    whole: bool = True,
    trains: bool = True,
    kept: MutableMapping[str, FoldLogits] | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    n_jobs: int = 1,
    progress: Progress = no_progress,
) -> HeldOut:
    """Train on each fold's training part and predict its test part.

    Args:
        data: All segments.
        folds: From `speaker_folds`, `speaker_and_text_folds`, `split_fold` or `corpus_fold`.
        recipe: How to train a head; the same for every fold.
        fit: Trains something else than a head by `recipe`.
        classes: Order of the outputs; the sorted labels of `data` when None.
        modes: Which normalisations to measure.
        k_shots: Numbers of clips for `HeldOut.few`; needs mode ``speaker``.
        lengths: Numbers of segments for `HeldOut.recordings`; needs both modes.
        tested: ``(n_segments, dim)`` embeddings to predict and to take the speaker's statistics from,
            in place of those trained on: the same clips, row by row, as another channel gives them.
        whole: Every segment must be tested; when False, those that are tested are returned, in order.
        trains: False where `fit` gives back something that was trained elsewhere.
        kept: Fold name -> what came of it. Finished folds are put there, and folds found there are not
            trained again, so that work that was stopped goes on where it was. For these data alone.
        cancelled: Asked after each fold; once it says yes, what was predicted until then is returned,
            with `HeldOut.is_complete` False.
        n_jobs: Processes; with 1 all is done in this one.
        progress: Told after each fold. What it raises stops the work and is passed on.

    Raises:
        CorpusError: A segment is tested by no fold or by two, a fold trains on a test speaker, a process
            died, or `cancelled` said yes before the first fold was done.
    """
    check_folds(data, folds, whole=whole, trains=trains)
    labels = tuple(classes or data.classes)
    pool_of = data.embeddings if tested is None else tested
    fit = fit or _ByRecipe(recipe)
    work = _Work(data, pool_of, labels, fit, tuple(modes), tuple(k_shots), tuple(lengths))
    kept = {} if kept is None else kept
    waiting = [fold for fold in folds if fold.name not in kept]
    for fold, found in _run(work, waiting, n_jobs, cancelled):
        kept[fold.name] = found
        n_done = sum(one.name in kept for one in folds)
        progress(n_done / len(folds), f"held out: {fold.name}")
    return _gathered(work, folds, kept)


def predictions_as_is(
    head: Head,
    data: LabelledEmbeddings,
    *,
    classes: Sequence[str] | None = None,
    modes: Sequence[str] = MODES,
    k_shots: Sequence[int] = (),
    lengths: Sequence[int] = (),
) -> HeldOut:
    """Predict with a finished head that has met none of the speakers.

    The speakers' statistics come from all their clips; then the clips of other classes are left out.

    Args:
        head: The head; nothing is trained.
        data: Segments.
        classes: Among which the head chooses, and which are tested; those that both have when None.
        modes: Which normalisations to measure; one that the head lacks is left out.
        k_shots: As in `held_out_predictions`.
        lengths: As there.

    Raises:
        CorpusError: Head and data share fewer than two classes.
    """
    known_to_both = [label for label in head.card.labels if label in set(data.labels.tolist())]
    labels = tuple(classes or known_to_both)
    if len(set(labels) & set(known_to_both)) < 2:
        raise CorpusError(
            tr(
                "head {card!r} knows {labels}, and the corpus has {classes}: fewer than two classes are "
                "shared, so nothing can be measured",
                card=head.card.id,
                labels=of_list(head.card.labels),
                classes=of_list(data.classes),
            )
        )
    finished = FinishedHead(head, labels)
    possible = tuple(mode for mode in modes if mode in head.members)
    few = tuple(k_shots) if "speaker" in possible else ()
    everything = np.ones(len(data.labels), bool)
    found = _predict(finished, data.embeddings, data.speakers, everything, possible, few, labels)
    work = _Work(data, data.embeddings, labels, _ByRecipe(None), possible, few, tuple(lengths))
    mine = np.isin(data.labels, labels)
    held_out = HeldOut(
        labels,
        # The places of segments of other classes are wrong, and are left out in the next line.
        np.array([labels.index(label) if label in labels else 0 for label in data.labels]),
        data.speakers,
        found.logits,
        found.few,
        found.head_s,
    )
    return replace(
        held_out.select(mine), recordings=_predict_recordings(finished, work, everything)
    )


def _run(
    work: _Work, folds: Sequence[Fold], n_jobs: int, cancelled: Callable[[], bool]
) -> Iterator[tuple[Fold, FoldLogits]]:
    """Yield each fold as it is done, until `cancelled`."""
    if n_jobs == 1 or len(folds) < 2:
        for fold in folds:
            if cancelled():
                return
            yield fold, _run_fold(work, fold)
        return
    pool = ProcessPoolExecutor(
        min(n_jobs, len(folds)),
        mp_context=get_context("spawn"),
        initializer=_start_process,
        initargs=(work,),
    )
    try:
        waiting = {pool.submit(_run_fold_in_process, fold): fold for fold in folds}
        for done in as_completed(waiting):
            yield waiting[done], done.result()
            if cancelled():
                return
    except BrokenProcessPool as error:
        raise CorpusError(
            tr(
                "one of {n_jobs} processes died, most likely for want of memory; run again with fewer "
                "(--jobs 1)",
                n_jobs=n_jobs,
            )
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


_work_of_this_process: list[_Work] = []
"""In a process of the pool: the one thing that its folds share. Empty everywhere else."""


def _start_process(work: _Work) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started this one
    from threadpoolctl import threadpool_limits  # its import alone changes the environment

    # One thread each, or numpy and torch in every process would use all cores, and wait for one another.
    threadpool_limits(1)  # what is loaded by now
    os.environ["OMP_NUM_THREADS"] = "1"  # what is loaded later
    _work_of_this_process[:] = [work]


def _run_fold_in_process(fold: Fold) -> FoldLogits:
    return _run_fold(_work_of_this_process[0], fold)


def _run_fold(work: _Work, fold: Fold) -> FoldLogits:
    fitted = work.fit(work.data.select(fold.train), classes=work.classes, modes=work.modes)
    found = _predict(
        fitted,
        work.tested,
        work.data.speakers,
        fold.test,
        work.modes,
        work.k_shots if "speaker" in work.modes else (),
        work.classes,
    )
    return replace(found, recordings=_predict_recordings(fitted, work, fold.test))


def _predict_recordings(
    fitted: Fitted, work: _Work, test: np.ndarray
) -> tuple[PredictedRecording, ...]:
    """Put recordings together from each tested speaker's clips, and judge them in both ways."""
    if not work.lengths or not {"global", "speaker"} <= set(work.modes):
        return ()
    place = {label: index for index, label in enumerate(work.classes)}
    predicted = []
    for who in np.unique(work.data.speakers[test]):
        mine = np.flatnonzero(test & (work.data.speakers == who))
        mine = mine[np.isin(work.data.labels[mine], work.classes)]
        for one in simulate_recordings(work.data.labels[mine], lengths=work.lengths):
            rows = mine[one.rows]
            truth = np.array([place[label] for label in work.data.labels[rows].tolist()])
            predicted.append(_predict_recording(fitted, work.tested[rows], one, str(who), truth))
    return tuple(predicted)


def _predict_recording(
    fitted: Fitted,
    embeddings: np.ndarray,
    recording: SimulatedRecording,
    who: str,
    truth: np.ndarray,
) -> PredictedRecording:
    alone = fitted.logits(embeddings, mode="global")
    own = fitted.logits(embeddings, mode="speaker") if len(embeddings) > 1 else alone
    judged = fitted.judge(embeddings) if isinstance(fitted, FinishedHead) else None
    return PredictedRecording(recording.kind, recording.n_wanted, who, truth, own, alone, judged)


def _predict(
    fitted: Fitted,
    embeddings: np.ndarray,
    speakers: np.ndarray,
    test: np.ndarray,
    modes: Sequence[str],
    k_shots: Sequence[int],
    classes: Sequence[str],
) -> FoldLogits:
    """Predict the segments where `test` is True; a speaker's statistics come from all their segments."""
    tested = embeddings[test]
    shape = (len(tested), len(classes))
    logits = {mode: np.zeros(shape) for mode in modes}
    few = {count: np.zeros((_K_SHOT_DRAWS, *shape)) for count in k_shots}
    started_s = time.perf_counter()
    if "global" in logits:
        logits["global"] = fitted.logits(tested, mode="global")
    head_s = time.perf_counter() - started_s
    if "speaker" not in logits:
        return FoldLogits(logits, few, head_s)
    for who in np.unique(speakers[test]):
        mine = speakers[test] == who
        known = embeddings[speakers == who]
        # Where all of a speaker is tested, the clips are the known ones, and each is one of them.
        others = None if len(known) == mine.sum() else known
        logits["speaker"][mine] = fitted.logits(tested[mine], mode="speaker", known=others)
        for count in k_shots:
            rng = np.random.default_rng(count)
            for draw in range(_K_SHOT_DRAWS):
                chosen = rng.choice(len(known), min(count, len(known)), replace=False)
                few[count][draw, mine] = fitted.logits(
                    tested[mine], mode="speaker", known=known[chosen]
                )
    return FoldLogits(logits, few, head_s)


def _gathered(
    work: _Work, folds: Sequence[Fold], found: MutableMapping[str, FoldLogits]
) -> HeldOut:
    finished = [fold for fold in folds if fold.name in found]
    if not finished:
        raise CorpusError(
            tr("stopped before the first speaker was measured, so there is nothing to show")
        )
    shape = (len(work.data.labels), len(work.classes))
    k_shots = work.k_shots if "speaker" in work.modes else ()
    logits = {mode: np.zeros(shape) for mode in work.modes}
    few = {count: np.zeros((_K_SHOT_DRAWS, *shape)) for count in k_shots}
    for fold in finished:
        for mode in work.modes:
            logits[mode][fold.test] = found[fold.name].logits[mode]
        for count in k_shots:
            few[count][:, fold.test] = found[fold.name].few[count]
    tested = np.any([fold.test for fold in finished], axis=0)
    return HeldOut(
        work.classes,
        work.data.targets(work.classes)[tested],
        work.data.speakers[tested],
        {mode: rows[tested] for mode, rows in logits.items()},
        {count: draws[:, tested] for count, draws in few.items()},
        sum(found[fold.name].head_s for fold in finished),
        tuple(one for fold in finished for one in found[fold.name].recordings),
        is_complete=len(finished) == len(folds),
    )
