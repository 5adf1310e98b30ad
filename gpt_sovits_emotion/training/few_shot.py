"""Measure what adapting to a speaker is worth, on speakers that the head never met.

For every speaker a head is fitted on the others. Some clips of the speaker are drawn, the head is
adapted with these alone, and all the others of the speaker are tested.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.progress import Progress, no_progress
from gpt_sovits_emotion.heads.card import EncoderSpec, HeadCard
from gpt_sovits_emotion.heads.head import Head
from gpt_sovits_emotion.heads.moving import MovingStatistics
from gpt_sovits_emotion.heads.profiles import Replay, for_speaker
from gpt_sovits_emotion.training.adapt import AdaptRecipe, adapt, choose_replay
from gpt_sovits_emotion.training.calibration import fit_temperature
from gpt_sovits_emotion.training.dataset import LabelledEmbeddings
from gpt_sovits_emotion.training.fit import FittedHead, fit_head
from gpt_sovits_emotion.training.metrics import (
    bootstrap_over_speakers,
    expected_calibration_error,
    unweighted_average_recall,
)
from gpt_sovits_emotion.training.recipes import Recipe

__all__ = [
    "AdaptationScore",
    "FoldHead",
    "evaluate_adaptation",
    "fold_heads",
    "score_adaptation",
]

N_DRAWS = 10
_BANKS = ("bank_unlabelled", "bank")  # both are given the same clips


@dataclass(frozen=True, slots=True)
class AdaptationScore:
    """What some clips of a speaker were worth. Rates are 0 to 1, means over the draws.

    Attributes:
        kind: ``unlabelled``, ``labelled`` (clips per emotion) or ``none``; ``bank`` where half of the
            speaker's clips, with their labels, are the voice's bank, and ``bank_unlabelled`` for that
            half without them.
        count: How many clips, or how many of each emotion, of a bank on average.
        mean_clips: How many clips of a speaker that came to, on average.
        uar, wa: Unweighted average recall and accuracy on the speaker's other clips, pooled over speakers.
        uar_interval: 95 % interval over speakers, mean over draws of its ends.
        spread: Standard deviation of the recall over draws.
        ece: Expected calibration error of the probabilities as the adapted head gives them.
        mean_only_uar: The recall when the labelled clips gave the speaker's mean alone.
    """

    kind: str
    count: int
    mean_clips: float
    uar: float
    uar_interval: tuple[float, float]
    wa: float
    spread: float
    ece: float
    mean_only_uar: float


@dataclass(frozen=True, slots=True, eq=False)
class FoldHead:
    """A head fitted without one speaker, and that speaker's clips.

    Attributes:
        speaker: Who is held out.
        head: Fitted on the others.
        replay: Rows of the others.
        own: The speaker's clips.
    """

    speaker: str
    head: Head
    replay: Replay
    own: LabelledEmbeddings


def evaluate_adaptation(
    data: LabelledEmbeddings,
    *,
    labelled: Sequence[int] = (1, 2, 3, 5),
    unlabelled: Sequence[int] = (5, 10, 20),
    n_draws: int = N_DRAWS,
    recipe: Recipe | None = None,
    adapt_recipe: AdaptRecipe | None = None,
    with_replay: bool = True,
    progress: Progress = no_progress,
) -> tuple[AdaptationScore, ...]:
    """Leave each speaker out in turn, adapt to some of its clips, test on the rest.

    Args:
        data: Clips of several speakers.
        labelled: Numbers of labelled clips per emotion. Where a speaker has fewer of an emotion, one of
            them is left to be tested and the others are taken.
        unlabelled: Numbers of clips without labels.
        n_draws: How often the clips are drawn.
        recipe: How the heads are fitted.
        adapt_recipe: How they are adapted.
        with_replay: Whether replay rows are there.
        progress: Told after each speaker.

    Raises:
        CorpusError: There are too few speakers or classes.
    """
    heads = fold_heads(data, recipe=recipe, progress=progress)
    kinds = [("none", 0)]
    kinds += [("unlabelled", n) for n in unlabelled] + [("labelled", k) for k in labelled]
    kinds += [(kind, _per_emotion(heads)) for kind in _BANKS]
    return tuple(
        score_adaptation(
            heads,
            kind,
            count,
            n_draws=n_draws if count else 1,
            recipe=adapt_recipe,
            with_replay=with_replay,
        )
        for kind, count in kinds
    )


def fold_heads(
    data: LabelledEmbeddings, *, recipe: Recipe | None = None, progress: Progress = no_progress
) -> tuple[FoldHead, ...]:
    """Fit one head per speaker, without that speaker. Raises `CorpusError` when there are too few."""
    speakers = np.unique(data.speakers)
    heads = []
    for number, who in enumerate(speakers):
        own = data.speakers == who
        others = data.select(~own)
        fitted = fit_head(others, recipe=recipe, classes=data.classes)
        replay = choose_replay(
            others,
            fitted.statistics,
            fitted.classes,
            clip_z=fitted.recipe.clip_z,
            prior_segments=fitted.recipe.prior_segments,
        )
        heads.append(FoldHead(str(who), _as_head(fitted), replay, data.select(own)))
        progress((number + 1) / len(speakers), f"without {who}")
    return _calibrated(heads)


def score_adaptation(
    heads: Sequence[FoldHead],
    kind: str,
    count: int,
    *,
    n_draws: int = N_DRAWS,
    recipe: AdaptRecipe | None = None,
    with_replay: bool = True,
) -> AdaptationScore:
    """Adapt each fold's head to clips drawn from its speaker and test on the speaker's others.

    Args:
        heads: From `fold_heads`.
        kind: As `AdaptationScore.kind`.
        count: How many clips, or how many of each emotion.
        n_draws: How often they are drawn.
        recipe: How to adapt.
        with_replay: Whether replay rows are there.
    """
    labels = list(heads[0].head.card.labels)
    draws: list[list[_Tested]] = [[] for _ in range(n_draws)]
    n_clips = []
    for number, fold in enumerate(heads):
        truth = fold.own.targets(labels)
        for draw, chosen in enumerate(_draws(truth, kind, count, n_draws, number)):
            rest = np.setdiff1d(np.arange(len(truth)), chosen)
            n_clips.append(len(chosen))
            for_all, for_mean = _tested(fold, kind, chosen, rest, recipe, with_replay=with_replay)
            draws[draw].append(
                _Tested(truth[rest], for_all, for_mean, np.repeat(fold.speaker, len(rest)))
            )
    scores = [_Tested.join(draw).score(len(labels)) for draw in draws]
    uars, mean_only, was, eces, lows, highs = (list(values) for values in zip(*scores, strict=True))
    return AdaptationScore(
        kind=kind,
        count=count,
        mean_clips=float(np.mean(n_clips)),
        uar=float(np.mean(uars)),
        uar_interval=(float(np.mean(lows)), float(np.mean(highs))),
        wa=float(np.mean(was)),
        spread=float(np.std(uars)),
        ece=float(np.mean(eces)),
        mean_only_uar=float(np.mean(mean_only)),
    )


# --- inside ----------------------------------------------------------------------------------------
def _per_emotion(heads: Sequence[FoldHead]) -> int:
    """Return how many clips of an emotion half of a speaker's are, on average."""
    halves = [
        count // 2 for fold in heads for count in np.unique(fold.own.labels, return_counts=True)[1]
    ]
    return round(float(np.mean(halves)))


def _draws(
    truth: np.ndarray, kind: str, count: int, n_draws: int, seed: int
) -> Iterator[np.ndarray]:
    """Yield ``(n_chosen,)`` rows, drawn anew each time."""
    for draw in range(n_draws):
        rng = np.random.default_rng([draw, count, seed])
        if kind == "none":
            yield np.zeros(0, np.int64)
        elif kind in _BANKS:
            halves: list[int] = []
            for place in np.unique(truth):
                rows = np.flatnonzero(truth == place)
                halves += rng.choice(rows, len(rows) // 2, replace=False).tolist()
            yield np.array(sorted(halves), np.int64)
        elif kind == "labelled":
            chosen: list[int] = []
            for place in np.unique(truth):
                rows = np.flatnonzero(truth == place)
                chosen += rng.choice(rows, min(count, len(rows) - 1), replace=False).tolist()
            yield np.array(sorted(chosen), np.int64)
        else:
            yield rng.choice(len(truth), min(count, len(truth) - 1), replace=False)


def _tested(
    fold: FoldHead,
    kind: str,
    chosen: np.ndarray,
    rest: np.ndarray,
    recipe: AdaptRecipe | None,
    *,
    with_replay: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities of the rest, with all that was learned and with the mean alone."""
    embeddings = fold.own.embeddings
    if len(chosen) < fold.head.card.min_speaker_segments:  # nothing is learned from so few
        found = fold.head.probabilities(embeddings[rest])
        return found, found
    if kind in ("unlabelled", "bank_unlabelled"):
        profile = adapt(fold.head, speaker=fold.speaker, unlabelled=embeddings[chosen])
    else:
        mask = np.isin(np.arange(len(embeddings)), chosen)
        profile = adapt(
            fold.head,
            speaker=fold.speaker,
            labelled=fold.own.select(mask),
            replay=fold.replay if with_replay else None,
            recipe=recipe,
        )
    head, statistics = for_speaker(fold.head, profile)
    found = head.probabilities(embeddings[rest], statistics)
    return found, fold.head.probabilities(embeddings[rest], statistics)


@dataclass(frozen=True, slots=True, eq=False)
class _Tested:
    truth: np.ndarray
    probabilities: np.ndarray
    mean_only: np.ndarray
    speakers: np.ndarray

    @classmethod
    def join(cls, parts: Sequence[_Tested]) -> _Tested:
        return cls(
            *(
                np.concatenate([getattr(part, name) for part in parts])
                for name in ("truth", "probabilities", "mean_only", "speakers")
            )
        )

    def score(self, n_labels: int) -> tuple[float, float, float, float, float, float]:
        """Return UAR, UAR by the mean alone, accuracy, ECE, and the ends of the UAR's interval."""
        predicted = self.probabilities.argmax(1)
        uar, mean_only = (
            unweighted_average_recall(self.truth, found, n_labels)
            for found in (predicted, self.mean_only.argmax(1))
        )
        (low, high), _ = bootstrap_over_speakers(
            self.truth, predicted, self.speakers, n_labels, n_draws=1000
        )
        ece = expected_calibration_error(self.probabilities, self.truth)
        return uar, mean_only, float((predicted == self.truth).mean()), ece, low, high


def _calibrated(heads: Sequence[FoldHead]) -> tuple[FoldHead, ...]:
    """Give each head the temperature that fits the other held-out speakers, as training gives it."""
    truths = [fold.own.targets(fold.head.card.labels) for fold in heads]
    temperatures: list[dict[str, float]] = [{} for _ in heads]
    for mode in heads[0].head.members:
        said = []
        for fold in heads:
            own = fold.own.embeddings
            statistics = fold.head.statistics(own, source="") if mode == "speaker" else None
            said.append(np.log(np.maximum(fold.head.probabilities(own, statistics), 1e-12)))
        for place, temperature in enumerate(temperatures):
            others = [number for number in range(len(heads)) if number != place]
            temperature[mode] = fit_temperature(
                np.concatenate([said[number] for number in others]),
                np.concatenate([truths[number] for number in others]),
            )
    return tuple(
        replace(
            fold,
            head=replace(fold.head, card=replace(fold.head.card, temperature=temperature)),
        )
        for fold, temperature in zip(heads, temperatures, strict=True)
    )


_EVENLY = MovingStatistics(0.0, 0.0, 0.0, 0.0)
"""Marks a fold's head as one whose statistics move; nobody asks it about recordings."""


def _as_head(fitted: FittedHead) -> Head:
    """Make a head of what was fitted, with a card that holds what measuring needs."""
    modes = tuple(fitted.members)
    dim = len(fitted.statistics.mean)
    card = HeadCard(
        id="fold",
        title=tr("fold"),
        labels=fitted.classes,
        encoder=EncoderSpec("fold", dim, "fold", 16_000, ""),
        licence="",
        clip_z=fitted.recipe.clip_z,
        min_duration_s=0.0,
        min_speaker_segments=2 if fitted.recipe.heard else 5,
        prior_segments=fitted.recipe.prior_segments,
        temperature=dict.fromkeys(modes, 1.0),
        threshold=dict.fromkeys(modes, 0.0),
        baseline={},
        corpora=(),
        recipe={},
        results=(),
        moving=_EVENLY if fitted.recipe.heard else None,
    )
    statistics = fitted.statistics
    return Head(
        card, fitted.members, statistics.mean, statistics.std, statistics.within_speaker_std
    )
