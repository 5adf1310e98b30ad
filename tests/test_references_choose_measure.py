"""The measure of choosing: who is heard how, what counts as right, and how sure that is."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from gpt_sovits_emotion.core.errors import CorpusError
from gpt_sovits_emotion.training.dataset import LabelledEmbeddings

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))
from reference_choice import (
    WAYS,
    ChoiceOutcome,
    HeardSpeaker,
    gain_over,
    hear_speakers,
    measure_choice,
)

LABELS = ("angry", "happy", "sad")


@dataclass(frozen=True)
class Ear:
    """Hears what the first three values of an embedding say, against the mean of the known clips."""

    asked: list[int]

    def logits(
        self, embeddings: np.ndarray, *, mode: str, known: np.ndarray | None = None
    ) -> np.ndarray:
        assert mode == "speaker"
        assert known is not None
        self.asked.append(len(known))
        return 4.0 * (embeddings - known.mean(0))


def corpus(n_speakers: int = 4, n_clips: int = 30, noise: float = 0.6) -> LabelledEmbeddings:
    rng = np.random.default_rng(0)
    place = np.tile(np.arange(n_clips) % 3, n_speakers)
    speakers = np.repeat([f"s{i}" for i in range(n_speakers)], n_clips)
    offset = np.repeat(rng.normal(0, 5, (n_speakers, 3)), n_clips, axis=0)
    values = np.eye(3)[place] + offset + rng.normal(0, noise, (len(place), 3))
    texts = np.full(len(place), "")
    return LabelledEmbeddings(values.astype(np.float32), np.array(LABELS)[place], speakers, texts)


def heard(data: LabelledEmbeddings, **changes: object) -> tuple[HeardSpeaker, ...]:
    heads = {str(name): Ear([]) for name in np.unique(data.speakers)}
    seconds = np.linspace(1.0, 9.0, len(data.labels))
    return hear_speakers(data, seconds, heads, **{"n_halves": 6, **changes})


def test_clips_are_dealt_into_halves_and_heard_against_the_bank():
    data = corpus()
    heads = {str(name): Ear([]) for name in np.unique(data.speakers)}
    speakers = hear_speakers(data, np.ones(len(data.labels)), heads, n_halves=3, seed=1)
    assert [speaker.name for speaker in speakers] == ["s0", "s1", "s2", "s3"]
    assert all(ear.asked == [15, 15, 15] for ear in heads.values())
    for speaker in speakers:
        assert speaker.labels == LABELS
        for half in speaker.halves:
            assert half.in_bank.sum() == 15
            assert half.probabilities.shape == (30, 3)
            assert half.probabilities.sum(1) == pytest.approx(1.0)
        assert not np.array_equal(speaker.halves[0].in_bank, speaker.halves[1].in_bank)
    again = hear_speakers(data, np.ones(len(data.labels)), heads, n_halves=3, seed=1)
    assert np.array_equal(again[2].halves[2].in_bank, speakers[2].halves[2].in_bank)


def test_what_is_heard_clearly_is_chosen_rightly():
    speakers = heard(corpus(noise=0.01))
    outcomes = {way: measure_choice(speakers, way=way) for way in WAYS}
    assert outcomes["ours"].first == 1.0
    assert outcomes["top label only"].first == 1.0
    assert outcomes["ours"].overruled == 0.0
    assert outcomes["random"].first == pytest.approx(1 / 3, abs=0.06)
    assert outcomes["random"].within_three == pytest.approx(1 - (2 / 3) ** 3, abs=0.08)
    assert outcomes["ours"].n_segments == {f"s{i}": 90 for i in range(4)}


def test_ours_beats_the_top_label_where_hearing_is_hard():
    speakers = heard(corpus(n_speakers=8, n_clips=60))
    ours, top = (measure_choice(speakers, way=way) for way in ("ours", "top label only"))
    gain = gain_over(ours, top)
    assert gain.first == pytest.approx(ours.first - top.first)
    assert 0 < gain.first_interval[0] <= gain.first <= gain.first_interval[1]
    low, high = ours.first_interval
    assert low <= ours.first <= high
    assert ours.first == pytest.approx(np.mean([first for first, _ in ours.by_speaker.values()]))
    assert ChoiceOutcome.from_dict(json.loads(json.dumps(ours.to_dict()))) == ours


def test_the_true_labels_are_the_judge_alone():
    speakers = heard(corpus())
    for way in WAYS.values():
        for speaker in speakers:
            blind = replace(speaker, truth=np.zeros_like(speaker.truth))
            shown = [way(one, one.halves[0], np.random.default_rng(3)) for one in (speaker, blind)]
            assert np.array_equal(*shown)
            assert shown[0].shape == (15, 3)
            assert all(len(set(row)) == 3 for row in shown[0].tolist())


def test_clips_of_like_length_are_drawn():
    speaker = heard(corpus())[0]
    half = speaker.halves[0]
    shown = WAYS["random of like length"](speaker, half, np.random.default_rng(0))
    bank_s = speaker.durations_s[half.in_bank]
    apart = np.abs(np.log(bank_s[shown] / speaker.durations_s[~half.in_bank][:, None]))
    at_random = WAYS["random"](speaker, half, np.random.default_rng(0))
    farther = np.abs(np.log(bank_s[at_random] / speaker.durations_s[~half.in_bank][:, None]))
    assert apart.mean() < 0.6 * farther.mean()


def test_a_corpus_that_cannot_be_measured_is_refused():
    with pytest.raises(CorpusError, match="1 speaker was found"):
        heard(corpus(n_speakers=1))
    with pytest.raises(CorpusError, match="the speaker s0 has 6 clips; at least 8"):
        heard(corpus(n_clips=6))
