"""Who can be measured: a recipe that is trained anew in each fold, or a finished head as it is."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from gpt_sovits_emotion.audio import read_clip, resample
from gpt_sovits_emotion.core.errors import CorpusError
from gpt_sovits_emotion.encoders.base import Encoder
from gpt_sovits_emotion.heads.head import Head
from gpt_sovits_emotion.training.baselines import LinearSvm, OpensmileEncoder
from gpt_sovits_emotion.training.corpora import KNOWN_CORPORA, Clip, Corpus
from gpt_sovits_emotion.training.evaluate import Fitter
from gpt_sovits_emotion.training.evaluation import Contender, Cost
from gpt_sovits_emotion.training.fit import Recipe, recipe_for

__all__ = ["Candidate", "has_met", "measure_cost"]

_COST_CLIPS = 12


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
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
    def of_recipe(cls, encoder: Encoder, recipe: Recipe | None = None) -> Candidate:
        """Measure a recipe on an encoder; the usual one when None."""
        return cls(f"recipe on {encoder.id}", encoder, recipe or recipe_for(encoder.id))

    @classmethod
    def of_head(cls, head: Head, encoder: Encoder) -> Candidate:
        """Measure a finished head with the encoder it was trained on.

        Raises:
            HeadMismatchError: It is another encoder, or one with other weights.
        """
        head.check_encoder(encoder.id, dim=encoder.dim, fingerprint=encoder.fingerprint)
        return cls(head.card.id, encoder, _recipe_of(head), head)

    @classmethod
    def opensmile(cls) -> Candidate:
        """Measure openSMILE's ComParE_2016 with a linear support vector machine.

        Raises:
            MissingExtraError: opensmile is not installed.
        """
        return cls("openSMILE ComParE_2016 + linear SVM", OpensmileEncoder(), fit=LinearSvm())

    @property
    def is_trained_here(self) -> bool:
        """Say whether it is trained anew in each fold."""
        return self.head is None

    def by_recipe(self) -> Candidate:
        """Return the recipe of a finished head, to be trained anew in each fold.

        Raises:
            CorpusError: The head's card does not say how it was trained.
        """
        if self.recipe is None:
            raise CorpusError(
                f"head {self.name!r} was trained on this corpus, so that measuring it there would only "
                "show what it remembers, and its card does not hold a recipe that could be trained anew; "
                "measure it on a corpus that it has not met",
                zh=f"情感模型 {self.name!r} 正是用这个语料训练的，在其上评测只会反映它记住了什么；"
                "其卡片中也没有可重新训练的配方；请换一个它没有见过的语料",
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
    usual = recipe_for(head.card.encoder.id)
    known = {
        one.name: said[one.name]
        for one in dataclasses.fields(Recipe)
        if one.name in said and isinstance(said[one.name], (bool, int, float))
    }
    heard = said.get("heard", usual.heard)
    if all(isinstance(number, int) for number in heard):
        known["heard"] = tuple(heard)
    return replace(usual, **known)


def has_met(head: Head, corpus: Corpus) -> bool:
    """Say whether a head was trained on this corpus, or on a synthesis that was made from it.

    The head's card names corpora in whatever spelling. A voice that a synthesis took over from a corpus is no
    stranger to a head that was trained on its outputs.
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
