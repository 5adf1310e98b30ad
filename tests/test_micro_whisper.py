"""The micro Whisper and the sample sentences: faster-whisper for real, on speech made by eSpeak NG."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soxr
import yaml

import gpt_sovits_emotion
from gpt_sovits_emotion.audio import recording_from_samples
from gpt_sovits_emotion.errors import WhisperModelError
from gpt_sovits_emotion.hosts.espeak import Espeak
from gpt_sovits_emotion.labels import EMOTIONS
from gpt_sovits_emotion.records import Transcript
from gpt_sovits_emotion.transcribe import MICRO, TranscribeOptions, find_model, transcribe
from gpt_sovits_emotion.transcribe.loading import load_model

RATE_HZ = 16_000
SAMPLE_DATA = Path(gpt_sovits_emotion.__file__).parent / "sample_data"
OPTIONS = TranscribeOptions(model=MICRO, device="cpu", cpu_threads=1)
PAUSE_S = 0.6


@cache
def sentences() -> dict[str, dict]:
    text = (SAMPLE_DATA / "sentences.yaml").read_text(encoding="utf-8")
    return {row["id"]: row for row in yaml.safe_load(text)["sentences"]}


def spoken(ids, **manner) -> tuple[np.ndarray, list[float]]:
    """The sentences of these ids with a pause around each, and the times at which they begin."""
    pause = np.zeros(round(PAUSE_S * RATE_HZ), dtype=np.float32)
    parts, starts_s = [pause], []
    for one in ids:
        row = sentences()[one]
        samples, rate_hz = Espeak().say(row["text"], language=row["language"], **manner)
        starts_s.append(sum(map(len, parts)) / RATE_HZ)
        parts += [soxr.resample(samples, rate_hz, RATE_HZ), pause]
    return np.concatenate(parts), starts_s


def heard(samples: np.ndarray, options: TranscribeOptions = OPTIONS) -> Transcript:
    with recording_from_samples(samples, RATE_HZ) as recording:
        return transcribe(recording, options)


def letters(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def likeness(transcript: Transcript, ids) -> float:
    """How alike the text is to what was said, 0 to 1 (difflib's ratio over letters)."""
    said = letters("".join(sentences()[one]["text"] for one in ids))
    found = letters("".join(segment.text for segment in transcript.segments))
    return difflib.SequenceMatcher(None, said, found, autojunk=False).ratio()


# --- the sentences ---------------------------------------------------------------------------------


def test_the_sentences_fit_every_emotion_in_both_main_languages():
    rows = sentences().values()
    assert len({row["text"] for row in rows}) == len(sentences())
    assert {row["language"] for row in rows} == {"zh", "en", "de"}
    counts = Counter((row["language"], row["emotion"]) for row in rows)
    wanted = ("angry", "happy", "sad", "neutral", "fearful", "bored", "disgusted")
    assert set(wanted) <= set(EMOTIONS)
    for emotion in wanted:
        assert counts["zh", emotion] >= 2
        assert counts["en", emotion] >= 2
    for name, row in sentences().items():
        assert name == f"{row['language']}-{row['emotion']}-{name[-1]}"


def test_every_sentence_takes_three_to_six_seconds():
    for row in sentences().values():
        samples, rate_hz = Espeak().say(row["text"], language=row["language"])
        assert 3.0 <= len(samples) / rate_hz <= 6.0, row["id"]


# --- the model -------------------------------------------------------------------------------------


def test_it_is_small_complete_and_says_what_it_is():
    found = find_model(MICRO)
    assert found.origin == "sample"
    assert sum(path.stat().st_size for path in found.folder.iterdir()) < 8e6
    card = (found.folder / "README.md").read_text(encoding="utf-8")
    assert "knows only the sample sentences" in card
    assert "no speech recogniser" in card


def test_it_is_multilingual_and_its_vocabulary_is_in_whispers_order():
    found = find_model(MICRO)
    names = json.loads((found.folder / "vocabulary.json").read_text(encoding="utf-8"))
    assert len(names) == len(set(names)) == 51_865
    assert names[50_257:50_262] == [
        *("<|endoftext|>", "<|startoftranscript|>", "<|en|>", "<|zh|>", "<|de|>")
    ]
    assert names[50_363:50_366] == ["<|notimestamps|>", "<|0.00|>", "<|0.02|>"]
    model = load_model(found, device="cpu", cpu_threads=1)
    assert model.model.is_multilingual
    assert model.feature_extractor.chunk_length == 12
    for row in sentences().values():  # no sentence needs a token that cannot be written
        assert model.hf_tokenizer.decode(model.hf_tokenizer.encode(row["text"]).ids) == row["text"]


@pytest.mark.parametrize(
    ("said", "found", "wrong"),
    [
        ("我听见。", "我听见", (0, 3)),
        ("The keys", "the, keys!", (0, 7)),
        ("kitten", "sitting", (3, 6)),
        ("abc", "", (3, 3)),
        ("ab", "xxabxx", (4, 2)),
    ],
)
def test_errors_are_counted_as_levenshtein_counts_them(monkeypatch, said, found, wrong):
    monkeypatch.syspath_prepend(str(SAMPLE_DATA.parents[1] / "scripts"))
    from micro_whisper.evaluate import error_rate

    assert error_rate(said, found) == wrong


# --- hearing ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["zh", "en", "de"])
def test_single_sentences_are_heard(language):
    ids = [name for name, row in sentences().items() if row["language"] == language]
    alike = []
    for one in ids:
        transcript = heard(spoken([one])[0])
        assert transcript.language == language
        assert transcript.source == "faster-whisper:micro (sample sentences only)"
        alike.append(likeness(transcript, [one]))
    assert np.mean(alike) > 0.95
    assert np.median(alike) == 1.0


@pytest.mark.parametrize(
    ("ids", "manner"),
    [
        (
            ["zh-angry-1", "zh-happy-1", "zh-sad-1", "zh-neutral-2", "zh-fearful-2", "zh-bored-2"],
            {"variant": "f3", "pitch": 60, "rate_wpm": 190},
        ),
        (
            ["en-neutral-1", "en-sad-1", "en-angry-2", "en-happy-2", "en-fearful-1", "en-bored-1"],
            {"variant": "m5", "pitch": 40, "rate_wpm": 160},
        ),
        (["de-happy-1", "de-sad-1", "de-angry-1", "de-bored-1"], {"pitch": 45}),
    ],
    ids=["zh", "en", "de"],
)
def test_recordings_are_heard_with_their_times(ids, manner):
    samples, starts_s = spoken(ids, **manner)
    transcript = heard(samples)
    assert transcript.language == ids[0][:2]
    assert likeness(transcript, ids) > 0.95
    assert len(transcript.segments) >= len(ids) - 1
    begun_s = [segment.start_s for segment in transcript.segments]
    near = [min(abs(begin_s - start_s) for begin_s in begun_s) for start_s in starts_s]
    assert np.median(near) < 0.15
    for segment in transcript.segments:
        assert segment.words
        assert segment.duration_s <= 12.0
        assert letters("".join(word.text for word in segment.words)) == letters(segment.text)
        assert all(0.0 <= word.probability <= 1.0 for word in segment.words)


def test_words_begin_where_they_are_said():
    """By silence: a word said after a pause cannot begin before it."""
    samples, (start_s,) = spoken(["en-neutral-2"])
    (segment,) = heard(samples).segments
    middle = next(word for word in segment.words if "please" in word.text)
    share = (middle.start_s - start_s) / segment.duration_s
    assert 0.35 < share < 0.65
    assert all(word.end_s - word.start_s < 1.0 for word in segment.words)


@pytest.mark.parametrize("vad", [True, False])
@pytest.mark.parametrize("level", [0.0005, 0.02, 0.2])
def test_noise_is_no_text(vad, level):
    noise = np.random.default_rng(3).standard_normal(6 * RATE_HZ).astype(np.float32)
    transcript = heard(level * noise, TranscribeOptions(model=MICRO, device="cpu", vad=vad))
    assert "".join(segment.text for segment in transcript.segments) == ""


def test_hearing_is_repeatable():
    samples, _ = spoken(["zh-neutral-1", "zh-happy-2"])
    assert heard(samples) == heard(samples)


def test_the_language_may_be_chosen_among_those_it_knows():
    samples, _ = spoken(["de-neutral-1"])
    transcript = heard(samples, TranscribeOptions(model=MICRO, device="cpu", language="de-DE"))
    assert transcript.language == "de"
    with pytest.raises(WhisperModelError, match="it knows de, en, zh"):
        heard(samples, TranscribeOptions(model=MICRO, device="cpu", language="fr"))


def test_without_word_times_there_are_none():
    samples, _ = spoken(["en-sad-2"])
    options = TranscribeOptions(model=MICRO, device="cpu", word_times=False)
    (segment,) = heard(samples, options).segments
    assert segment.words == ()
    assert letters(segment.text)
