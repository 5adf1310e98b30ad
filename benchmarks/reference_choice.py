"""How often the reference clip that is chosen carries the emotion of the segment it is chosen for.

One speaker's clips are dealt into two halves. One is the bank: its clips have no labels, a head that never
met the speaker hears them, and their mean gives the speaker's statistics. The other half are the segments to
be said: the same head hears them with the bank's statistics, and a clip is chosen for each. The judge is the
corpus: is the true emotion of the chosen clip that of the segment? Which clips a host would take by length
does not matter here.

Conventions: rates are 0 to 1 and weigh every segment alike; intervals are 95 %, by a bootstrap that draws
whole speakers; "within three" is whether the true emotion is among the first three clips that are shown, so
that one minus it is how often a person would have to look further.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gpt_sovits_emotion.banks.library.choose import ChoiceOptions, choose_from
from gpt_sovits_emotion.banks.library.ranking import BankTable, SelectionContext
from gpt_sovits_emotion.core.errors import CorpusError
from gpt_sovits_emotion.core.labels import UNSURE
from gpt_sovits_emotion.core.records import Record, ReferenceBank, ReferenceClip
from gpt_sovits_emotion.heads.head import softmax
from gpt_sovits_emotion.training.calibration import fit_temperature, fit_threshold
from gpt_sovits_emotion.training.dataset import LabelledEmbeddings
from gpt_sovits_emotion.training.fit import FittedHead

__all__ = [
    "WAYS",
    "ChoiceOutcome",
    "Gain",
    "Half",
    "HeardSpeaker",
    "Interval",
    "gain_over",
    "hear_speakers",
    "measure_choice",
]

Interval = tuple[float, float]

_SHOWN = 3
_FEWEST_CLIPS = 8
_MATCHED_SHARE = 0.25  # of the bank is of about the segment's length
_N_DRAWS = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class Half:
    """One way to deal a speaker's clips.

    Attributes:
        in_bank: ``(n_clips,)`` bool.
        probabilities: ``(n_clips, n_labels)`` as heard with the statistics of the bank's clips.
        threshold: Probability under which the head stays unsure.
    """

    in_bank: np.ndarray
    probabilities: np.ndarray
    threshold: float


@dataclass(frozen=True, slots=True, eq=False)
class HeardSpeaker:
    """One speaker as a head hears it that never met the speaker.

    Attributes:
        name: The speaker.
        labels: What the probabilities are of.
        truth: ``(n_clips,)`` places in `labels`.
        durations_s: ``(n_clips,)``.
        halves: Several ways to deal the clips.
    """

    name: str
    labels: tuple[str, ...]
    truth: np.ndarray
    durations_s: np.ndarray
    halves: tuple[Half, ...]


@dataclass(frozen=True, slots=True)
class ChoiceOutcome(Record):
    """How one way of choosing did on a corpus.

    Attributes:
        way: Name of the way (`WAYS`).
        first: Share of segments whose first clip carries their emotion.
        first_interval: 95 %, over speakers.
        within_three: Share with a right one among the first three.
        within_three_interval: 95 %, over speakers.
        by_speaker: Speaker -> (first, within three).
        n_segments: Speaker -> choices judged, all halves together.
    """

    way: str
    first: float
    first_interval: Interval
    within_three: float
    within_three_interval: Interval
    by_speaker: Mapping[str, tuple[float, float]]
    n_segments: Mapping[str, int]

    @property
    def overruled(self) -> float:
        """Share of segments for which none of the first three clips is right."""
        return 1.0 - self.within_three


@dataclass(frozen=True, slots=True)
class Gain(Record):
    """By how much one way is better than another on the same segments, with 95 % intervals."""

    first: float
    first_interval: Interval
    within_three: float
    within_three_interval: Interval


def hear_speakers(
    data: LabelledEmbeddings,
    durations_s: np.ndarray,
    heads: Mapping[str, FittedHead],
    *,
    n_halves: int = 20,
    seed: int = 0,
) -> tuple[HeardSpeaker, ...]:
    """Deal every speaker's clips into halves and hear them.

    Temperature and threshold of a speaker's head come from how the other speakers' heads hear those
    speakers, whom they never met either.

    Args:
        data: A corpus.
        durations_s: ``(n_segments,)`` length of its clips.
        heads: Speaker -> a head with a mode ``speaker`` that was trained without this speaker.
        n_halves: Ways to deal each speaker's clips.
        seed: Of the dealing.

    Raises:
        CorpusError: There are fewer than two speakers, or one of them has fewer than eight clips.
    """
    names = [str(name) for name in np.unique(data.speakers)]
    if len(names) < 2:
        raise CorpusError(
            f"{len(names)} speaker was found: a head that never met the speaker needs two or more",
            zh=f"只找到 {len(names)} 位说话人：情感模型没见过该说话人的测试至少需要两位",
        )
    dealt: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for name in names:
        own = data.embeddings[data.speakers == name]
        if len(own) < _FEWEST_CLIPS:
            raise CorpusError(
                f"the speaker {name} has {len(own)} clips; at least {_FEWEST_CLIPS} are needed "
                "to make a bank of one half",
                zh=f"说话人 {name} 只有 {len(own)} 个片段；至少需要 {_FEWEST_CLIPS} 个才能用一半构成音库",
            )
        rng = np.random.default_rng([seed, *name.encode()])
        dealt[name] = []
        for _ in range(n_halves):
            in_bank = np.zeros(len(own), bool)
            in_bank[rng.permutation(len(own))[: len(own) // 2]] = True
            logits = heads[name].logits(own, mode="speaker", known=own[in_bank])
            dealt[name].append((in_bank, logits))
    truth = {name: data.targets(data.classes)[data.speakers == name] for name in names}
    heard = []
    for name in names:
        temperature, threshold = _calibrated(
            [
                (logits[~in_bank], truth[other][~in_bank])
                for other in names
                if other != name
                for in_bank, logits in dealt[other]
            ]
        )
        halves = tuple(
            Half(in_bank, softmax(logits, temperature), threshold)
            for in_bank, logits in dealt[name]
        )
        seconds = durations_s[data.speakers == name]
        heard.append(HeardSpeaker(name, data.classes, truth[name], seconds, halves))
    return tuple(heard)


def measure_choice(speakers: Sequence[HeardSpeaker], *, way: str, seed: int = 0) -> ChoiceOutcome:
    """Choose for every segment of every half in one way, and count.

    Args:
        speakers: As `hear_speakers` gives them.
        way: A name in `WAYS`.
        seed: Of what is drawn by lot.
    """
    right: dict[str, tuple[float, float]] = {}
    n_segments: dict[str, int] = {}
    for speaker in speakers:
        hits = []
        for number, half in enumerate(speaker.halves):
            rng = np.random.default_rng([seed, number, *speaker.name.encode()])
            shown = WAYS[way](speaker, half, rng)
            bank_truth, truth = speaker.truth[half.in_bank], speaker.truth[~half.in_bank]
            hits.append(bank_truth[shown] == truth[:, None])
        found = np.concatenate(hits)
        right[speaker.name] = (float(found[:, 0].mean()), float(found.any(1).mean()))
        n_segments[speaker.name] = len(found)
    shares, weights = _arrays(right, n_segments)
    first, within_three = weights @ shares / weights.sum()
    intervals = _intervals(shares, weights)
    return ChoiceOutcome(
        way, float(first), intervals[0], float(within_three), intervals[1], right, n_segments
    )


def gain_over(one: ChoiceOutcome, other: ChoiceOutcome) -> Gain:
    """Return how much better `one` did than `other` on the same segments."""
    ours, weights = _arrays(one.by_speaker, one.n_segments)
    theirs, _ = _arrays(other.by_speaker, other.n_segments)
    intervals = _intervals(ours - theirs, weights)
    return Gain(
        one.first - other.first,
        intervals[0],
        one.within_three - other.within_three,
        intervals[1],
    )


# --- ways of choosing: each returns (n_segments, 3) places in the bank ------------------------------


def _at_random(speaker: HeardSpeaker, half: Half, rng: np.random.Generator) -> np.ndarray:
    n_bank = int(half.in_bank.sum())
    return np.stack([rng.permutation(n_bank)[:_SHOWN] for _ in range(int((~half.in_bank).sum()))])


def _of_one_length(speaker: HeardSpeaker, half: Half, rng: np.random.Generator) -> np.ndarray:
    """Draw from the quarter of the bank whose length is nearest to the segment's."""
    bank_s, segments_s = speaker.durations_s[half.in_bank], speaker.durations_s[~half.in_bank]
    n_matched = max(round(_MATCHED_SHARE * len(bank_s)), _SHOWN)
    shown = []
    for duration_s in segments_s:
        nearest = np.argsort(np.abs(np.log(bank_s / duration_s)), kind="stable")[:n_matched]
        shown.append(rng.permutation(nearest)[:_SHOWN])
    return np.stack(shown)


def _by_top_label(speaker: HeardSpeaker, half: Half, rng: np.random.Generator) -> np.ndarray:
    """Draw from the clips whose likeliest label is the segment's; then from those of its second."""
    top = half.probabilities[half.in_bank].argmax(1)
    shown = []
    for heard in half.probabilities[~half.in_bank]:
        line: list[int] = []
        for label in np.argsort(-heard, kind="stable"):
            line += rng.permutation(np.flatnonzero(top == label)).tolist()
        shown.append(line[:_SHOWN])
    return np.array(shown)


def _as_chosen(speaker: HeardSpeaker, half: Half, rng: np.random.Generator) -> np.ndarray:
    """Choose as the program does, from a bank of these clips."""
    clips = [
        ReferenceClip(
            Path(f"{place:06d}.wav"),
            _label(heard, speaker.labels, half.threshold),
            text="",
            language="",
            duration_s=float(duration_s),
            filed_by="head",
            probabilities=dict(zip(speaker.labels, heard.tolist(), strict=True)),
        )
        for place, (heard, duration_s) in enumerate(
            zip(half.probabilities[half.in_bank], speaker.durations_s[half.in_bank], strict=True)
        )
    ]
    bank = ReferenceBank(speaker.name, Path(), "folders", tuple(clips))
    table = BankTable.of(bank)
    options = ChoiceOptions(n_candidates=_SHOWN)
    shown = []
    for heard in half.probabilities[~half.in_bank]:
        choice = choose_from(
            bank,
            table,
            SelectionContext(),
            wanted=_label(heard, speaker.labels, half.threshold),
            scores=dict(zip(speaker.labels, heard.tolist(), strict=True)),
            pin=None,
            options=options,
        )
        shown.append([int(candidate.clip.path.stem) for candidate in choice.candidates])
    return np.array(shown)


WAYS: Mapping[str, Callable[[HeardSpeaker, Half, np.random.Generator], np.ndarray]] = {
    "random": _at_random,
    "random of like length": _of_one_length,
    "top label only": _by_top_label,
    "ours": _as_chosen,
}
"""Ways of choosing, by name."""


# --- inside ----------------------------------------------------------------------------------------


def _label(heard: np.ndarray, labels: Sequence[str], threshold: float) -> str:
    best = int(heard.argmax())
    return labels[best] if heard[best] >= threshold else UNSURE


def _calibrated(held_out: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[float, float]:
    logits = np.concatenate([rows for rows, _ in held_out])
    truth = np.concatenate([targets for _, targets in held_out])
    temperature = fit_temperature(logits, truth)
    return temperature, fit_threshold(softmax(logits, temperature), truth)


def _arrays(
    by_speaker: Mapping[str, tuple[float, float]], n_segments: Mapping[str, int]
) -> tuple[np.ndarray, np.ndarray]:
    names = sorted(by_speaker)
    shares = np.array([by_speaker[name] for name in names])
    return shares, np.array([n_segments[name] for name in names], float)


def _intervals(shares: np.ndarray, weights: np.ndarray) -> tuple[Interval, Interval]:
    """Return the 95 % intervals of two columns of rates per speaker, drawing speakers."""
    rng = np.random.default_rng(0)
    draws = rng.multinomial(len(shares), np.full(len(shares), 1 / len(shares)), size=_N_DRAWS)
    drawn = (draws * weights) @ shares / (draws @ weights)[:, None]
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    return (float(low[0]), float(high[0])), (float(low[1]), float(high[1]))
