"""Measure a recipe on speakers, or speakers and texts, that it was not trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context

import numpy as np

from gpt_sovits_emotion.errors import CorpusError
from gpt_sovits_emotion.heads.card import MODES, Result
from gpt_sovits_emotion.heads.head import softmax
from gpt_sovits_emotion.progress import Progress, no_progress
from gpt_sovits_emotion.training.dataset import LabelledEmbeddings
from gpt_sovits_emotion.training.fit import Recipe, fit_head
from gpt_sovits_emotion.training.measures import (
    Coverage,
    bootstrap_over_speakers,
    confusion_matrix,
    expected_calibration_error,
    fit_temperature,
    fit_threshold,
    risk_coverage,
    unweighted_average_recall,
)

__all__ = [
    "Fold",
    "HeldOut",
    "Score",
    "calibrate",
    "held_out_predictions",
    "score",
    "score_few",
    "speaker_and_text_folds",
    "speaker_folds",
]

_FEW_DRAWS = 8


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """One split of the segments.

    Attributes:
        name: Who or what is held out.
        train: ``(n_segments,)`` bool.
        test: ``(n_segments,)`` bool; no speaker of `test` is in `train`.
    """

    name: str
    train: np.ndarray
    test: np.ndarray


def speaker_folds(data: LabelledEmbeddings) -> tuple[Fold, ...]:
    """Leave one speaker out (LOSO).

    Raises:
        CorpusError: There are fewer than two speakers.
    """
    speakers = np.unique(data.speakers)
    if len(speakers) < 2:
        raise CorpusError(
            f"{len(speakers)} speaker was found: measuring on unknown speakers needs two or more"
        )
    return tuple(Fold(str(who), data.speakers != who, data.speakers == who) for who in speakers)


def speaker_and_text_folds(data: LabelledEmbeddings, *, n_groups: int = 5) -> tuple[Fold, ...]:
    """Hold out a speaker and, at the same time, a group of texts: neither is ever trained on.

    Args:
        data: Segments with texts.
        n_groups: Into how many groups the texts are dealt, in alphabetic order.

    Raises:
        CorpusError: Texts are unknown, or there are fewer than two.
    """
    texts = np.unique(data.texts)
    if len(texts) < 2 or "" in texts:
        raise CorpusError(
            "the corpus does not say what is said in every clip, or it is the same in all: "
            "holding texts out needs the column 'text'"
        )
    n_groups = min(n_groups, len(texts))
    group_of = {text: index % n_groups for index, text in enumerate(texts)}
    group = np.array([group_of[text] for text in data.texts])
    folds = []
    for who in np.unique(data.speakers):
        for index in range(n_groups):
            test = (data.speakers == who) & (group == index)
            train = (data.speakers != who) & (group != index)
            if test.any():
                folds.append(Fold(f"{who}, texts {index + 1}", train, test))
    return tuple(folds)


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Predictions for every segment, by heads that never met its speaker.

    Attributes:
        classes: Labels.
        truth: ``(n_segments,)`` places in `classes`.
        speakers: ``(n_segments,)`` str.
        logits: Mode -> ``(n_segments, n_labels)``. In mode ``speaker`` the statistics come from all
            clips of the test speaker, without their labels.
        few: Number of clips -> ``(n_draws, n_segments, n_labels)`` logits in mode ``speaker`` when the
            statistics come from that many clips of the speaker, drawn at random.
    """

    classes: tuple[str, ...]
    truth: np.ndarray
    speakers: np.ndarray
    logits: Mapping[str, np.ndarray]
    few: Mapping[int, np.ndarray] = field(default_factory=dict)


def held_out_predictions(
    data: LabelledEmbeddings,
    folds: Sequence[Fold],
    *,
    recipe: Recipe | None = None,
    modes: Sequence[str] = MODES,
    few_counts: Sequence[int] = (),
    tested: np.ndarray | None = None,
    n_jobs: int = 1,
    progress: Progress = no_progress,
) -> HeldOut:
    """Train on each fold's training part and predict its test part.

    Args:
        data: All segments.
        folds: From `speaker_folds` or `speaker_and_text_folds`.
        recipe: How to train; the same for every fold.
        modes: Which normalisations to measure.
        few_counts: Numbers of clips for `HeldOut.few`; needs mode ``speaker``.
        tested: ``(n_segments, dim)`` embeddings to predict and to take the speaker's statistics from,
            in place of those trained on: the same clips, row by row, as another channel gives them.
        n_jobs: Processes; with 1 all is done in this one.
        progress: Told after each fold.

    Raises:
        CorpusError: A segment is tested by no fold or by two, or a fold trains on a test speaker.
    """
    _check_folds(data, folds)
    classes = data.classes
    tested = data.embeddings if tested is None else tested
    jobs = [
        _Job(data, tested, fold, recipe or Recipe(), classes, tuple(modes), tuple(few_counts))
        for fold in folds
    ]
    shape = (len(data.labels), len(classes))
    logits = {mode: np.zeros(shape) for mode in modes}
    few = {count: np.zeros((_FEW_DRAWS, *shape)) for count in few_counts}

    def keep(number: int, found: _FoldLogits) -> None:
        fold = folds[number]
        for mode in modes:
            logits[mode][fold.test] = found.logits[mode]
        for count in few_counts:
            few[count][:, fold.test] = found.few[count]
        progress((number + 1) / len(folds), f"held out: {fold.name}")

    if n_jobs == 1:
        for number, job in enumerate(jobs):
            keep(number, _run_fold(job))
    else:
        context = get_context("spawn")
        with ProcessPoolExecutor(n_jobs, mp_context=context, initializer=_use_one_thread) as pool:
            for number, found in enumerate(pool.map(_run_fold, jobs)):
                keep(number, found)
    return HeldOut(classes, data.targets(classes), data.speakers, logits, few)


@dataclass(frozen=True, slots=True, eq=False)
class _FoldLogits:
    logits: dict[str, np.ndarray]
    few: dict[int, np.ndarray]


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    data: LabelledEmbeddings
    tested: np.ndarray
    fold: Fold
    recipe: Recipe
    classes: tuple[str, ...]
    modes: tuple[str, ...]
    few_counts: tuple[int, ...]


def _use_one_thread() -> None:
    import torch

    torch.set_num_threads(1)


def _run_fold(job: _Job) -> _FoldLogits:
    fold, speakers = job.fold, job.data.speakers
    head = fit_head(
        job.data.select(fold.train), recipe=job.recipe, classes=job.classes, modes=job.modes
    )
    tested = job.tested[fold.test]
    shape = (len(tested), len(job.classes))
    logits = {mode: np.zeros(shape) for mode in job.modes}
    few = {count: np.zeros((_FEW_DRAWS, *shape)) for count in job.few_counts}
    if "global" in logits:
        logits["global"] = head.logits(tested, mode="global")
    if "speaker" not in logits:
        return _FoldLogits(logits, few)
    for who in np.unique(speakers[fold.test]):
        mine = speakers[fold.test] == who
        known = job.tested[speakers == who]
        logits["speaker"][mine] = head.logits(tested[mine], mode="speaker", known=known)
        for count in job.few_counts:
            rng = np.random.default_rng(count)
            for draw in range(_FEW_DRAWS):
                chosen = rng.choice(len(known), min(count, len(known)), replace=False)
                few[count][draw, mine] = head.logits(
                    tested[mine], mode="speaker", known=known[chosen]
                )
    return _FoldLogits(logits, few)


def _check_folds(data: LabelledEmbeddings, folds: Sequence[Fold]) -> None:
    times_tested = np.sum([fold.test for fold in folds], axis=0)
    if not (times_tested == 1).all():
        raise CorpusError("the folds do not test every segment exactly once")
    for fold in folds:
        both = set(data.speakers[fold.train]) & set(data.speakers[fold.test])
        if both:
            raise CorpusError(
                f"fold {fold.name!r} trains on a speaker it tests ({sorted(both)[0]}); "
                "such figures would flatter"
            )


@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """What the held-out predictions of one mode are worth. Rates are 0 to 1.

    Attributes:
        classes: Labels, in the order of `confusion` and `recalls`.
        uar, wa: Unweighted average recall and accuracy, pooled over all held-out predictions.
        uar_interval, wa_interval: 95 % bootstrap intervals over speakers.
        confusion: ``(n_labels, n_labels)`` counts, rows true, columns heard.
        recalls: ``(n_labels,)``.
        ece: Expected calibration error of the calibrated probabilities.
        coverage: Accuracy against share of segments judged, by threshold.
        n_segments, n_speakers: Size of the test.
    """

    classes: tuple[str, ...]
    uar: float
    uar_interval: tuple[float, float]
    wa: float
    wa_interval: tuple[float, float]
    confusion: np.ndarray
    recalls: np.ndarray
    ece: float
    coverage: tuple[Coverage, ...]
    n_segments: int
    n_speakers: int

    def to_result(
        self, *, protocol: str, corpus: str, normalisation: str, note: str = ""
    ) -> Result:
        """Return the score as a line of a head's card, rounded to what it is worth."""

        def rounded(pair: tuple[float, float]) -> tuple[float, float]:
            return round(pair[0], 4), round(pair[1], 4)

        return Result(
            protocol=protocol,
            corpus=corpus,
            normalisation=normalisation,
            labels=self.classes,
            n_utterances=self.n_segments,
            n_speakers=self.n_speakers,
            uar=round(self.uar, 4),
            uar_interval=rounded(self.uar_interval),
            wa=round(self.wa, 4),
            wa_interval=rounded(self.wa_interval),
            ece=round(self.ece, 4),
            confusion=tuple(tuple(int(count) for count in row) for row in self.confusion),
            note=note,
        )


def score(held_out: HeldOut, *, mode: str) -> Score:
    """Score one mode. The temperature of each speaker's predictions comes from the other speakers."""
    logits, truth, speakers = held_out.logits[mode], held_out.truth, held_out.speakers
    n_labels = len(held_out.classes)
    probabilities = np.zeros_like(logits)
    for who in np.unique(speakers):
        mine = speakers == who
        temperature = fit_temperature(logits[~mine], truth[~mine])
        probabilities[mine] = softmax(logits[mine], temperature)
    predicted = logits.argmax(1)
    confusion = confusion_matrix(truth, predicted, n_labels)
    uar_interval, wa_interval = bootstrap_over_speakers(truth, predicted, speakers, n_labels)
    occurring = np.maximum(confusion.sum(1), 1)
    return Score(
        classes=held_out.classes,
        uar=float(unweighted_average_recall(confusion)),
        uar_interval=uar_interval,
        wa=float((predicted == truth).mean()),
        wa_interval=wa_interval,
        confusion=confusion,
        recalls=np.diagonal(confusion) / occurring,
        ece=expected_calibration_error(probabilities, truth),
        coverage=risk_coverage(probabilities, truth),
        n_segments=len(truth),
        n_speakers=len(np.unique(speakers)),
    )


def score_few(held_out: HeldOut, *, count: int) -> tuple[float, float]:
    """Return mean UAR and accuracy over draws when `count` clips gave the speaker's statistics."""
    n_labels = len(held_out.classes)
    confusions = np.stack(
        [confusion_matrix(held_out.truth, draw.argmax(1), n_labels) for draw in held_out.few[count]]
    )
    uar = float(np.mean(unweighted_average_recall(confusions)))
    wa = float(np.mean(np.trace(confusions, axis1=1, axis2=2) / len(held_out.truth)))
    return uar, wa


def calibrate(held_out: HeldOut, *, mode: str) -> tuple[float, float]:
    """Return temperature and threshold for a head that is trained on all of these speakers.

    Both are fitted on predictions for held-out speakers.
    """
    logits = held_out.logits[mode]
    temperature = fit_temperature(logits, held_out.truth)
    return temperature, fit_threshold(softmax(logits, temperature), held_out.truth)
