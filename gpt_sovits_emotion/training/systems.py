"""What can be evaluated, recipe, finished head or baseline, and that it is done honestly."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import time
import typing
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from gpt_sovits_emotion.audio import read_clip, resample
from gpt_sovits_emotion.core.errors import CorpusError
from gpt_sovits_emotion.core.messages import in_both, of_list, tr
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.encoders.base import Encoder
from gpt_sovits_emotion.heads.card import MODES
from gpt_sovits_emotion.heads.head import Head
from gpt_sovits_emotion.heads.recording import predict_recording
from gpt_sovits_emotion.training.baselines import LinearSvm, OpensmileEncoder
from gpt_sovits_emotion.training.corpora import KNOWN_CORPORA, Clip, Corpus, check
from gpt_sovits_emotion.training.dataset import LabelledEmbeddings
from gpt_sovits_emotion.training.evaluation_report import Contender, Cost
from gpt_sovits_emotion.training.folds import Protocol
from gpt_sovits_emotion.training.recipes import Recipe, recipe_for

__all__ = [
    "EvaluationPlan",
    "FinishedHead",
    "Fitted",
    "Fitter",
    "System",
    "checked_corpora",
    "fair_systems",
    "has_met",
    "measure_cost",
]


class Fitted(typing.Protocol):
    """What was trained and can be asked; `training.fit.FittedHead` is one."""

    def logits(
        self, embeddings: np.ndarray, *, mode: str, known: np.ndarray | None = None
    ) -> np.ndarray:
        """Return ``(n_segments, n_labels)`` logits; `known` gives the speaker's statistics."""
        ...


class Fitter(typing.Protocol):
    """Trains on one fold. Goes to other processes, so it can be pickled."""

    def __call__(
        self, data: LabelledEmbeddings, *, classes: Sequence[str], modes: Sequence[str]
    ) -> Fitted:
        """Train on `data`; the outputs are in the order of `classes`."""
        ...


_LEAST_PROBABILITY = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class FinishedHead:
    """A finished head, asked in the same way as one that was just fitted.

    Attributes:
        head: The head.
        classes: Among which it chooses; all of them labels of the head. Its probabilities of others are
            left out, and what remains is what `logits` gives the logarithm of: the head's own
            temperature is in it, and 1 is the temperature to score it with.
    """

    head: Head
    classes: tuple[str, ...]

    def logits(
        self, embeddings: np.ndarray, *, mode: str, known: np.ndarray | None = None
    ) -> np.ndarray:
        """Return ``(n_segments, n_labels)`` logarithms of probabilities, up to a constant per row.

        In mode ``speaker`` the head decides as it does at work: with fewer clips in `known` than its
        card asks for, it judges by the training statistics.
        """
        statistics = None
        if mode == "speaker":
            own = embeddings if known is None else known
            statistics = self.head.statistics(own, source="corpus", inclusive=known is None)
        columns = [self.head.card.labels.index(label) for label in self.classes]
        probabilities = self.head.probabilities(embeddings, statistics)[:, columns]
        return np.asarray(np.log(np.maximum(probabilities, _LEAST_PROBABILITY)))

    def judge(self, embeddings: np.ndarray) -> np.ndarray:
        """Return ``(n_segments, n_labels)`` probabilities of a recording, as the head gives them at work."""
        columns = [self.head.card.labels.index(label) for label in self.classes]
        found = predict_recording(self.head, embeddings).probabilities[:, columns]
        return np.asarray(found / np.maximum(found.sum(axis=1, keepdims=True), _LEAST_PROBABILITY))


_COST_CLIPS = 12


@dataclass(frozen=True, slots=True, eq=False)
class System:
    """Somebody who is measured; made by one of the class methods.

    Attributes:
        name: For tables.
        encoder: What embeds the clips.
        recipe: How a head is trained in each fold; None for a baseline, and for a finished head whose
            recipe is not known.
        head: The finished head; None for a recipe.
        fit: Trains in each fold in place of a recipe.
    """

    name: str
    encoder: Encoder
    recipe: Recipe | None = None
    head: Head | None = None
    fit: Fitter | None = None

    @classmethod
    def of_recipe(cls, encoder: Encoder, recipe: Recipe | None = None) -> System:
        """Measure a recipe on an encoder; the encoder's default when None."""
        return cls(f"recipe on {encoder.id}", encoder, recipe or recipe_for(encoder.id))

    @classmethod
    def of_head(cls, head: Head, encoder: Encoder) -> System:
        """Measure a finished head with the encoder it was trained on.

        Raises:
            HeadMismatchError: It is another encoder, or one with other weights.
        """
        head.check_encoder(encoder.id, dim=encoder.dim, fingerprint=encoder.fingerprint)
        return cls(head.card.id, encoder, _recipe_of(head), head)

    @classmethod
    def opensmile(cls) -> System:
        """Measure openSMILE's ComParE_2016 with a linear support vector machine.

        Raises:
            MissingExtraError: opensmile is not installed.
        """
        return cls("openSMILE ComParE_2016 + linear SVM", OpensmileEncoder(), fit=LinearSvm())

    @property
    def is_trained_here(self) -> bool:
        """Say whether it is trained anew in each fold."""
        return self.head is None

    def by_recipe(self) -> System:
        """Return the recipe of a finished head, to be trained anew in each fold.

        Raises:
            CorpusError: The head's card does not say how it was trained.
        """
        if self.recipe is None:
            raise CorpusError(
                tr(
                    "head {name!r} was trained on this corpus, so that measuring it there would only "
                    "show what it remembers, and its card does not hold a recipe that could be trained "
                    "anew; measure it on a corpus that it has not met",
                    name=self.name,
                )
            )
        return replace(self, name=f"recipe of {self.name}", head=None)

    def contender(self, cost: Cost | None) -> Contender:
        """Return what the evaluation says of it."""
        kind: Literal["recipe", "head", "baseline"]
        settings: dict[str, Any] = {}
        if self.head is not None:
            kind, settings = "head", dict(self.head.card.recipe)
        elif self.fit is not None:
            kind = "baseline"
        else:
            kind, settings = "recipe", self.recipe.to_dict() if self.recipe else {}
        return Contender(
            self.name,
            kind,
            self.encoder.id,
            self.encoder.fingerprint,
            json.loads(json.dumps(settings)),  # as it is read back: lists, no tuples
            cost,
        )


def _recipe_of(head: Head) -> Recipe | None:
    """Read the recipe out of a card; None when it holds too little to train by."""
    said = head.card.recipe
    if not {"hidden", "n_epochs"} <= set(said):
        return None
    default = recipe_for(head.card.encoder.id)
    known = {
        one.name: said[one.name]
        for one in dataclasses.fields(Recipe)
        if one.name in said and isinstance(said[one.name], (bool, int, float))
    }
    heard = said.get("heard", default.heard)
    if all(isinstance(number, int) for number in heard):
        known["heard"] = tuple(heard)
    return replace(default, **known)


def has_met(head: Head, corpus: Corpus) -> bool:
    """Say whether a head was trained on this corpus, or on a synthesis that was made from it.

    The head's card names corpora in whatever spelling. A voice that a synthesis took over from a corpus is no
    unseen speaker for a head that was trained on its outputs.
    """
    trained_on = {_plain(credit.name) for credit in head.card.corpora}
    made_from = {
        info.made_from
        for info in KNOWN_CORPORA.values()
        if info.made_from and trained_on & {_plain(info.id), _plain(info.title)}
    }
    names = {_plain(corpus.name), _plain(corpus.info.id), _plain(corpus.info.title)}
    return bool(names & (trained_on | {_plain(corpus_id) for corpus_id in made_from}))


def _plain(name: str) -> str:
    return "".join(char for char in name.casefold() if char.isalnum())


def measure_cost(
    encoder: Encoder, clips: Sequence[Clip], *, head_s_per_clip: float, n_clips: int = _COST_CLIPS
) -> Cost:
    """Measure how long an encoder takes for clips one after another, as it would at work.

    Args:
        encoder: What embeds; warmed up by the first clip.
        clips: Some are picked, evenly.
        head_s_per_clip: What the head took per clip, in one batch.
        n_clips: How many to pick.

    Raises:
        AudioError: A picked clip cannot be read.
        EncoderError: A picked clip cannot be embedded.
    """
    step = max(len(clips) // n_clips, 1)
    rate_hz = encoder.sampling_rate_hz
    audios = [resample(read_clip(clip.path), rate_hz) for clip in clips[::step][:n_clips]]
    encoder.encode(audios[:1])
    started_s = time.perf_counter()
    for audio in audios:
        encoder.encode([audio])
    took_s = time.perf_counter() - started_s
    audio_s = sum(audio.duration_s for audio in audios)
    return Cost(
        encoder_rtf=took_s / audio_s,
        head_rtf=head_s_per_clip * len(audios) / audio_s,
        n_clips=len(audios),
        audio_s=audio_s,
        machine=f"{platform.machine()}, {os.cpu_count()} processors",
    )


@dataclass(frozen=True, slots=True, eq=False)
class EvaluationPlan:
    """What is to be measured.

    Attributes:
        corpora: On what; of different names.
        system: Who is measured.
        others: Who is measured on the same folds, to compare.
        protocol: How. A finished head is never trained: where it is to be measured on a corpus it was
            trained on, its recipe is trained anew in each fold instead, and a warning says so.
        labels: The classes; all that the corpora have when empty.
        test_speakers: Of protocol ``split``.
        modes: Which normalisations.
        k_shots: From how many clips of a speaker the speaker mode is measured, besides all.
        cost: Whether to measure the time that it takes.
        n_jobs: Processes.
        command: How to do it again, for the record.
    """

    corpora: tuple[Corpus, ...]
    system: System
    others: tuple[System, ...] = ()
    protocol: Protocol = "loso"
    labels: tuple[str, ...] = ()
    test_speakers: tuple[str, ...] = ()
    modes: tuple[str, ...] = MODES
    k_shots: tuple[int, ...] = (5, 10, 20)
    cost: bool = True
    n_jobs: int = 1
    command: str = ""


def fair_systems(
    plan: EvaluationPlan,
) -> tuple[tuple[System, ...], EvaluationPlan, list[Sentence]]:
    """See to it that no finished head is asked about a corpus it was trained on."""
    names = [corpus.name for corpus in plan.corpora]
    if len(set(names)) < len(names):
        raise CorpusError(
            tr(
                "two corpora are called {names!r}; give them names of their own (--corpus NAME=DIR)",
                names=max(names, key=names.count),
            )
        )
    systems: list[System] = []
    warnings = _never_tested(plan.corpora)
    for system in (plan.system, *plan.others):
        met = [one.name for one in plan.corpora if system.head and has_met(system.head, one)]
        if system.head is None or not met:
            systems.append(system)
        elif plan.protocol == "cross" and system is plan.system and len(met) < len(names):
            rest = tuple(corpus for corpus in plan.corpora if corpus.name not in met)
            _never_tested(rest)
            plan = replace(plan, corpora=rest)
            warnings.append(_left_out(system.name, met))
            systems.append(system)
        else:
            systems.append(system.by_recipe())
            warnings.append(_trained_anew(system.name, met))
    if len({system.name for system in systems}) < len(systems):
        raise CorpusError(
            tr(
                "{name!r} is to be compared with itself; name two different ones",
                name=systems[0].name,
            )
        )
    return tuple(systems), plan, warnings


def checked_corpora(plan: EvaluationPlan, systems: Sequence[System]) -> list[Sentence]:
    """Return what a reader must know of the corpora; what only matters to training is left aside."""
    if not any(system.is_trained_here for system in systems):
        return [warning for corpus in plan.corpora for warning in corpus.warnings]
    labels = plan.labels
    if plan.protocol == "cross" and not labels:
        having = Counter(label for corpus in plan.corpora for label in corpus.emotions)
        labels = tuple(sorted(label for label, n_corpora in having.items() if n_corpora > 1))
    return list(check(plan.corpora, labels or None))


def _never_tested(corpora: Sequence[Corpus]) -> list[Sentence]:
    """Return why some corpora are trained on alone. Raises `CorpusError` when none is left to test on."""
    reasons = [reason for corpus in corpora if (reason := corpus.train_only_reason())]
    if len(reasons) == len(corpora):
        raise CorpusError(
            tr(
                "{reason}: nothing is left to measure on, name a corpus of recorded speech as well "
                "(--corpus)",
                reason=in_both(
                    "; ".join(reason.en for reason in reasons),
                    "；".join(reason.zh for reason in reasons),
                ),
            )
        )
    return reasons


def _left_out(name: str, met: Sequence[str]) -> Sentence:
    return tr("{met} was left out: head {name!r} was trained on it", name=name, met=of_list(met))


def _trained_anew(name: str, met: Sequence[str]) -> Sentence:
    return tr(
        "head {name!r} was trained on {met}, where it would only show what it remembers; its recipe was "
        "trained anew in each fold on these corpora alone, and that is what is measured",
        name=name,
        met=of_list(met),
    )
