"""How well each clip of a bank serves one segment, in numbers.

    score = emotion + fitness

*Emotion*, 0 to about 1, is the probability that the clip carries what was heard: the sum over all labels of
what the label is worth to the segment (`choose_wish`) times how surely the clip carries it. *Fitness*, 0 to
`MOST_FITNESS`, weighs everything else about the clip. It decides between clips that carry the emotion about
equally surely, and never between a clip that a person filed under the wanted emotion and one that does not
carry it.

The weights and limits are chosen by us; the benchmark of ``docs/choosing.md`` measures the emotion alone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np

from gpt_sovits_emotion.banks.library.choose_query import DEFAULT, Query
from gpt_sovits_emotion.banks.library.given_texts import says_something_else
from gpt_sovits_emotion.banks.library.layouts import language_of_text
from gpt_sovits_emotion.core.labels import UNSURE, canonical_label
from gpt_sovits_emotion.core.records import ReferenceBank, ReferenceClip

__all__ = [
    "MOST_FITNESS",
    "WEIGHTS",
    "BankTable",
    "Ranking",
    "SelectionContext",
    "emotion_of",
    "spoken_length",
]

WEIGHTS: Mapping[str, float] = MappingProxyType(
    {
        "language": 0.035,
        "duration": 0.018,
        "sound": 0.015,
        "voice": 0.012,
        "variety": 0.012,
        "text": 0.012,
        "intensity": 0.006,
        "continuity": 0.006,
        "length": 0.004,
    }
)
"""What each property of a clip that fits entirely adds to its score."""

MOST_FITNESS = math.fsum(WEIGHTS.values())

_PERSON = (
    0.97  # how surely a clip carries what a person filed it under; the rest is as a head heard it
)
_SLOT = 0.8  # how much what a head heard counts in the default slot, whose emotion nobody stated
_UNHEARD = (
    0.7  # how surely a clip carries what a head filed it under, when its probabilities are lost
)

_COMFORTABLE_S = (4.0, 7.0)
_USABLE_S = (3.0, 10.0)
_SNR_DB = (5.0, 25.0)  # drowned in noise; clean
_CLIPPED = 0.01  # share of samples at full scale at which a clip is worth nothing
_PER_DOUBT = 0.7
_UNMEASURED = 0.7
_FALSE_TEXT = -10.0  # outweighs all else that decides between clips of one emotion
_LENGTHS_ALIKE = 3.0  # between a third and three times as long is all the same
_LENGTHS_APART = 12.0
_CLOSE_ST = 6.0
_NEAR_LANGUAGES = frozenset({frozenset({"zh", "yue"})})

_SYLLABLES = re.compile(
    r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\U00020000-\U0002ebef]"
    r"|[aeiouyäöüáéíóúàèâêîôûąę]+|\d",
    re.IGNORECASE,
)


def emotion_of(clip: ReferenceClip) -> str:
    """Return what a clip counts as: what it is filed under, else what was heard in it most.

    Examples:
        >>> emotion_of(ReferenceClip(Path("a.wav"), "unsure", "", "", 4.0, probabilities={"sad": 0.4}))
        'sad'
    """
    if clip.emotion != UNSURE:
        return clip.emotion
    if not clip.probabilities:
        return DEFAULT
    best = max(clip.probabilities, key=lambda label: clip.probabilities[label])
    return canonical_label(best)


def spoken_length(text: str) -> int:
    """Return about how many syllables a text has: East Asian characters, groups of vowels, and digits.

    Examples:
        >>> spoken_length("你好"), spoken_length("Good morning"), spoken_length("…")
        (2, 3, 0)
    """
    return len(_SYLLABLES.findall(text))


@dataclass(frozen=True, slots=True)
class SelectionContext:
    """What is known of the segment apart from its emotion.

    Attributes:
        text: What will be said.
        language: Its language; "" when unknown.
        intensity: How far the segment lies from its speaker's ordinary way, 0 to 1; None when unknown.
        previous: The clip that the segment before was said with.
        avoid: Clips used recently, the latest last.
    """

    text: str = ""
    language: str = ""
    intensity: float | None = None
    previous: ReferenceClip | None = None
    avoid: Sequence[Path] = ()


def _measured(clips: Sequence[ReferenceClip]) -> tuple[np.ndarray, np.ndarray]:
    """Return the median F0 in Hz and the syllables per second of clips, NaN where nothing was measured."""
    quality = [clip.quality for clip in clips]
    return (
        _known(each.f0_median_hz if each else None for each in quality),
        _known(each.rate_syl_per_s if each else None for each in quality),
    )


def _fixed_marks(clips: Sequence[ReferenceClip]) -> dict[str, np.ndarray]:
    """Mark what does not depend on the segment."""
    consistency = (clip.consistency for clip in clips)
    return {
        "duration": np.array([_duration_fit(clip.duration_s or 0.0) for clip in clips]),
        "sound": np.array([_sound_fit(clip) for clip in clips]),
        "voice": np.array([_UNMEASURED if mark is None else mark for mark in consistency]),
        "text": np.array([_text_fit(clip) for clip in clips]),
    }


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """Every clip's marks for one segment.

    Attributes:
        emotion: ``(n_clips,)`` how surely the clip carries what is wanted.
        parts: Name of a weight -> ``(n_clips,)`` how well the clip fits in that respect, 0 to 1; ``text`` is
            negative where other words are heard in a clip than its text has.
        score: ``(n_clips,)`` emotion and fitness.
        order: ``(n_clips,)`` places of the clips, the best first.
    """

    emotion: np.ndarray
    parts: Mapping[str, np.ndarray]
    score: np.ndarray
    order: np.ndarray


@dataclass(frozen=True, slots=True, eq=False)
class BankTable:
    """The usable clips of a bank as columns, made once and used for every segment.

    Attributes:
        clips: In order of their paths, which breaks ties.
        labels: Every label that a clip may carry.
        carried: ``(n_clips, n_labels)`` how surely each clip carries each label, 0 to 1.
        emotions: What each clip counts as (`emotion_of`).
        fixed: What does not depend on the segment: name of a weight -> ``(n_clips,)``.
        syllables: ``(n_clips,)`` length of each clip's text; 0 when unknown.
        intensity, f0_hz, rate: ``(n_clips,)``, NaN when unknown.
    """

    clips: tuple[ReferenceClip, ...]
    labels: tuple[str, ...]
    carried: np.ndarray
    emotions: tuple[str, ...]
    fixed: Mapping[str, np.ndarray]
    syllables: np.ndarray
    intensity: np.ndarray
    f0_hz: np.ndarray
    rate: np.ndarray

    @classmethod
    def of(cls, bank: ReferenceBank) -> BankTable:
        """Lay out the usable clips of a bank."""
        clips = tuple(sorted(bank.usable, key=lambda clip: str(clip.path)))
        carried = [_carried(clip) for clip in clips]
        labels = tuple(sorted({label for row in carried for label in row}))
        place = {label: column for column, label in enumerate(labels)}
        table = np.zeros((len(clips), len(labels)))
        for row, held in enumerate(carried):
            for label, share in held.items():
                table[row, place[label]] = share
        f0_hz, rate = _measured(clips)
        return cls(
            clips=clips,
            labels=labels,
            carried=table,
            emotions=tuple(emotion_of(clip) for clip in clips),
            fixed=_fixed_marks(clips),
            syllables=np.array([spoken_length(clip.text) for clip in clips], float),
            intensity=_known(clip.intensity for clip in clips),
            f0_hz=f0_hz,
            rate=rate,
        )

    def rank(self, query: Query, context: SelectionContext) -> Ranking:
        """Mark every clip for one segment."""
        worth = np.array([query.worth.get(label, 0.0) for label in self.labels])
        emotion = self.carried @ worth
        language = context.language or language_of_text(context.text)
        parts = {
            **self.fixed,
            "language": self._by_clip({clip.language for clip in self.clips}, language),
            "variety": self._variety(context.avoid),
            "intensity": self._intensity_fit(context.intensity),
            "continuity": self._continuity(context.previous),
            "length": self._length_fit(spoken_length(context.text)),
        }
        fitness = np.sum([WEIGHTS[name] * parts[name] for name in WEIGHTS], axis=0)
        score = np.round(emotion + fitness, 6)  # equal clips stay equal, whatever the order of sums
        order = np.lexsort((np.arange(len(score)), -score))
        return Ranking(emotion, parts, score, order)

    def place_of(self, path: Path, emotion: str = DEFAULT) -> int | None:
        """Return the place of the clip with this path; None if there is none.

        Of a file that is filed under several emotions the one under `emotion` is taken, else the first.
        """
        places = [place for place, clip in enumerate(self.clips) if clip.path == path]
        filed = (place for place in places if self.clips[place].emotion == emotion)
        return next(filed, places[0] if places else None)

    def _by_clip(self, languages: set[str], wanted: str) -> np.ndarray:
        fit = {language: _language_fit(language, wanted) for language in languages}
        return np.array([fit[clip.language] for clip in self.clips])

    def _variety(self, avoid: Sequence[Path]) -> np.ndarray:
        """Return 1 for a clip not used lately, less the more recently it was used."""
        uses_since = {path: since for since, path in reversed(list(enumerate(reversed(avoid))))}
        fit = np.ones(len(self.clips))
        if uses_since:
            for row, clip in enumerate(self.clips):
                if clip.path in uses_since:
                    fit[row] = 1.0 - 1.0 / (1.0 + uses_since[clip.path])
        return fit

    def _intensity_fit(self, wanted: float | None) -> np.ndarray:
        if wanted is None:
            return np.ones(len(self.clips))
        return _or(1.0 - np.abs(self.intensity - wanted), 0.5)

    def _continuity(self, previous: ReferenceClip | None) -> np.ndarray:
        """Return how alike each clip's pitch and pace are to those of the clip before, 0 to 1."""
        quality = previous.quality if previous else None
        fit = np.ones(len(self.clips))
        for own, before in (
            (self.f0_hz, quality.f0_median_hz if quality else None),
            (self.rate, quality.rate_syl_per_s if quality else None),
        ):
            if before:
                with np.errstate(divide="ignore"):
                    apart_st = 12.0 * np.abs(np.log2(own / before))
                fit *= _or(np.exp(-apart_st / _CLOSE_ST), 0.5)
        return fit

    def _length_fit(self, n_syllables: int) -> np.ndarray:
        """Return 1 where clip and segment are about equally long, 0 where one is a dozen times the other.

        The host continues the clip's text with the segment's: a long clip before two words, or two words
        before a long sentence, leaves it little to go by.
        """
        if not n_syllables:
            return np.ones(len(self.clips))
        apart = np.abs(np.log(np.maximum(self.syllables, 1.0) / n_syllables))
        span = math.log(_LENGTHS_APART / _LENGTHS_ALIKE)
        fit = np.clip(1.0 - (apart - math.log(_LENGTHS_ALIKE)) / span, 0.0, 1.0)
        return np.where(self.syllables > 0, fit, 0.5)


def _carried(clip: ReferenceClip) -> dict[str, float]:
    """Return how surely a clip carries each label."""
    heard: dict[str, float] = {}
    for label, share in clip.probabilities.items():
        name = canonical_label(label)
        heard[name] = heard.get(name, 0.0) + share
    if clip.emotion == DEFAULT:
        return {**{label: _SLOT * share for label, share in heard.items()}, DEFAULT: 1.0}
    if clip.filed_by == "person" and clip.emotion != UNSURE:
        mixed = {label: (1 - _PERSON) * share for label, share in heard.items()}
        mixed[clip.emotion] = mixed.get(clip.emotion, 0.0) + _PERSON
        return mixed
    return heard or {emotion_of(clip): _UNHEARD}


def _language_fit(have: str, want: str) -> float:
    if not want or have == want:
        return 1.0
    if not have or frozenset({have, want}) in _NEAR_LANGUAGES:
        return 0.5
    return 0.0


def _duration_fit(duration_s: float) -> float:
    """Return 1 between 4 and 7 s, falling to 0 at the limits of 3 and 10 s.

    Short clips hold too little prosody to copy, long ones wander and cost the host time.
    """
    below = (duration_s - _USABLE_S[0]) / (_COMFORTABLE_S[0] - _USABLE_S[0])
    above = (_USABLE_S[1] - duration_s) / (_USABLE_S[1] - _COMFORTABLE_S[1])
    return min(max(min(below, above), 0.0), 1.0)


def _sound_fit(clip: ReferenceClip) -> float:
    """Return how clean a clip is, 0 to 1, from its noise, its clipping and its doubts."""
    fit = _UNMEASURED
    if clip.quality is not None:
        if clip.quality.snr_db is not None:
            noisy, clean = _SNR_DB
            fit = min(max((clip.quality.snr_db - noisy) / (clean - noisy), 0.0), 1.0)
        fit *= 1.0 - min(clip.quality.clipped / _CLIPPED, 1.0)
    return fit * float(_PER_DOUBT ** len(clip.doubts))


def _text_fit(clip: ReferenceClip) -> float:
    """Return 1 for a clip with its text, 0 without; far less where other words are heard in it.

    The host says the clip's text again, or loses words, where it is not what is said there.
    """
    return _FALSE_TEXT if says_something_else(clip) else float(bool(clip.text))


def _known(values: object) -> np.ndarray:
    return np.array([math.nan if v is None else v for v in values], float)  # type: ignore[attr-defined]


def _or(values: np.ndarray, unknown: float) -> np.ndarray:
    return np.where(np.isfinite(values), values, unknown)
