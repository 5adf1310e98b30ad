"""Several takes of a segment: how each is judged, and which is kept."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import voiced
from hypothesis import given
from hypothesis import strategies as st

from gpt_sovits_emotion.audio import write_wav
from gpt_sovits_emotion.backends.base import SynthesisRequest
from gpt_sovits_emotion.banks import load_bank
from gpt_sovits_emotion.core.character_errors import character_error_rate, spoken_characters
from gpt_sovits_emotion.core.errors import BackendError, WhisperModelError
from gpt_sovits_emotion.core.records import (
    Audio,
    EmotionScores,
    RecordingInfo,
    ReferenceBank,
    ReferenceCandidate,
    ReferenceChoice,
    ReferenceClip,
    Segment,
    Sentence,
    TaggedSegment,
    TaggedTranscript,
    Take,
    Transcript,
)
from gpt_sovits_emotion.engines import Engines
from gpt_sovits_emotion.heads import load_head
from gpt_sovits_emotion.pipeline import check, choose_references, resynthesise
from gpt_sovits_emotion.synthesis.takes import (
    TakeOptions,
    TakeTarget,
    judged_take,
    told,
    way_of_takes,
    with_best_kept,
    words_where_there,
)
from gpt_sovits_emotion.tagging import Analyser
from gpt_sovits_emotion.testing import FAKE_LABELS, FakeBackend, FakeEncoder
from gpt_sovits_emotion.transcription import TranscribeOptions

SAID = Sentence("because", "因为")
TEXTS = st.text(st.characters(codec="utf-8"), max_size=30)


def clip(name: str, emotion: str = "angry") -> ReferenceClip:
    return ReferenceClip(Path(name), emotion, "text", "en", 4.0)


def take(number: int, **changes) -> Take:
    return replace(Take(number, clip("a.wav"), 0, 1.0), **changes)


def hum(duration_s: float = 2.0, level: float = 0.2) -> Audio:
    return Audio(voiced(duration_s, level=level), 16_000)


@pytest.fixture
def verifier(fake_head: Path) -> Analyser:
    encoder = FakeEncoder()
    return Analyser(load_head(fake_head), encoder, encoder)


# --- words -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "heard", "rate"),
    [
        ("kitten", "sitting", 0.5),  # the textbook's example: 3 edits of 6
        ("Saturday", "Sunday", 3 / 8),
        ("Hello, world!", "hello world", 0.0),
        ("今天天气很好。", "今天天气真好", 1 / 6),
        ("ＡＢＣ", "abc", 0.0),
        ("abc", "", 1.0),
        ("", "", 0.0),
        ("…！", "", 0.0),
        ("", "noise", 1.0),
        ("a", "abcd", 3.0),
        ("été", unicodedata.normalize("NFD", "été"), 0.0),
    ],
)
def test_character_errors(wanted: str, heard: str, rate: float) -> None:
    assert character_error_rate(wanted, heard) == pytest.approx(rate)


@given(TEXTS, TEXTS)
def test_character_errors_are_a_distance(one: str, other: str) -> None:
    rate = character_error_rate(one, other)
    n_one, n_other = len(spoken_characters(one)), len(spoken_characters(other))
    assert character_error_rate(one, one) == 0.0
    if n_one and n_other:
        assert rate * n_one == pytest.approx(character_error_rate(other, one) * n_other)
        assert abs(n_one - n_other) <= round(rate * n_one) <= max(n_one, n_other)


# --- which references and seeds ----------------------------------------------------------------------


def choice_of(*clips: ReferenceClip, **changes) -> ReferenceChoice:
    candidates = tuple(ReferenceCandidate(each, 1.0, SAID) for each in clips)
    return replace(ReferenceChoice("angry", candidates, clips[0], SAID), **changes)


def test_other_clips_come_before_other_seeds() -> None:
    one, other, sad = clip("one.wav"), clip("other.wav"), clip("sad.wav", "sad")
    ways = way_of_takes(choice_of(one, sad, other), n=5, seed=3, n_segments=10)
    assert ways == ((one, 3), (other, 3), (one, 13), (other, 13), (one, 23))


def test_a_clip_that_a_person_chose_stays() -> None:
    one, other = clip("one.wav"), clip("other.wav")
    ways = way_of_takes(choice_of(one, other, manual=True), n=3, seed=0, n_segments=2)
    assert ways == ((one, 0), (one, 2), (one, 4))


# --- which is kept -----------------------------------------------------------------------------------


def test_the_best_score_is_kept_and_the_earlier_of_equals() -> None:
    takes = with_best_kept([take(1, score=0.2), take(2, score=0.7), take(3, score=0.7)])
    assert [each.kept for each in takes] == [False, True, False]


def test_where_no_word_was_understood_the_emotion_decides() -> None:
    takes = with_best_kept(
        [take(1, score=0.0, emotion=0.2), take(2, score=0.0, emotion=0.9, character_errors=1.2)]
    )
    assert takes[1].kept


def test_what_could_not_be_said_is_never_kept() -> None:
    broken = take(1, duration_s=None, problem=SAID)
    assert [each.kept for each in with_best_kept([broken, take(2)])] == [False, True]
    assert with_best_kept([broken]) == (broken,)
    assert with_best_kept([take(1), take(2, score=0.0)])[1].kept


# --- how a take is judged ----------------------------------------------------------------------------


def judged(verifier: Analyser, aim: TakeTarget, audio: Audio | None = None, words=None) -> Take:
    return judged_take(
        audio or hum(),
        aim,
        verifier,
        number=1,
        clip=clip("a.wav"),
        seed=0,
        options=TakeOptions(2, words),
    )


def test_the_share_of_the_wanted_emotion_is_its_probability(verifier) -> None:
    found = judged(verifier, TakeTarget("text", "en", "sad"))
    assert found.emotion == found.heard.probabilities["sad"]
    assert found.score == pytest.approx(found.emotion, abs=1e-4)
    assert (found.text, found.character_errors) == (None, None)


def test_where_the_original_was_unsure_the_distributions_are_compared(verifier) -> None:
    sure = judged(verifier, TakeTarget("text", "en", "sad")).heard.probabilities
    assert judged(
        verifier, TakeTarget("text", "en", "unsure", dict(sure))
    ).emotion == pytest.approx(1.0)
    apart = judged(
        verifier,
        TakeTarget("text", "en", "unsure", {**dict.fromkeys(FAKE_LABELS, 0.0), "sad": 1.0}),
    )
    assert apart.emotion == pytest.approx(sure["sad"])


def test_an_emotion_that_the_judge_does_not_know_is_left_open(verifier) -> None:
    for aim in (
        TakeTarget("text", "en", "傲娇"),
        TakeTarget("text", "en", "unsure"),
        TakeTarget("", "", "unsure", {"?": 1.0}),
    ):
        found = judged(verifier, aim)
        assert (found.emotion, found.score) == (None, None)
        assert found.heard is not None


def test_a_silent_or_tiny_take_scores_nothing(verifier) -> None:
    silent = judged(
        verifier, TakeTarget("text", "en", "sad"), Audio(np.zeros(32_000, np.float32), 16_000)
    )
    assert (silent.score, silent.heard) == (0.0, None)
    assert "is silent" in silent.problem.en
    short = judged(verifier, TakeTarget("text", "en", "sad"), hum(0.3))
    assert short.heard is None
    assert "too short to judge" in short.problem.en
    assert "too short to judge" in told(short).en


def test_words_are_counted_where_a_model_listens(verifier, monkeypatch) -> None:
    asked = []

    def transcribe(recording, options) -> Transcript:
        asked.append(options.language)
        if options.language == "yue":
            raise WhisperModelError("this model does not know yue")
        return Transcript((Segment(0.0, 1.0, " What a dax!"),), "en", "fake")

    monkeypatch.setattr("gpt_sovits_emotion.transcription.transcribe", transcribe)
    found = judged(
        verifier, TakeTarget("What a day!", "en", "sad"), words=TranscribeOptions(model="base")
    )
    assert found.text == "What a dax!"
    assert found.character_errors == pytest.approx(1 / 8)
    assert found.score == pytest.approx(found.emotion * 7 / 8, abs=1e-4)
    judged(verifier, TakeTarget("你好", "yue", "sad"), words=TranscribeOptions(model="base"))
    judged(verifier, TakeTarget("你好", "auto", "sad"), words=TranscribeOptions(model="base"))
    assert asked == ["en", "yue", None, None]


def test_a_model_that_is_not_there_is_not_fetched(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert words_where_there(TranscribeOptions(model="none")) is None
    assert words_where_there(TranscribeOptions(model="large-v1")) is None
    base = words_where_there(TranscribeOptions(model="base"))
    assert (base.model, base.allow_download) == ("base", False)


def test_a_take_is_told_in_one_line() -> None:
    scores = EmotionScores({"angry": 0.7, "sad": 0.3}, "angry", (), SAID)
    full = take(1, heard=scores, emotion=0.3, character_errors=0.125, score=0.2625)
    assert told(full).en == (
        "heard as angry 70 %, wanted emotion 30 %, 12 % of the characters wrong, score 0.26"
    )
    assert told(full).zh == "听起来是愤怒 70 %，目标情感 30 %，错字率 12 %，得分 0.26"
    assert told(take(1)).en == "not judged"
    assert told(take(1, duration_s=None, problem=SAID)) == SAID


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="1 or more"):
        TakeOptions(0)


# --- the whole ---------------------------------------------------------------------------------------


class Uneven(FakeBackend):
    """Hums every take at another level, and fails where it is told to."""

    def __init__(self, *, failing: frozenset[int] = frozenset()) -> None:
        super().__init__()
        self.requests: list[SynthesisRequest] = []
        self.failing = failing

    def synthesise(self, request: SynthesisRequest) -> Audio:
        self.requests.append(request)
        if len(self.requests) in self.failing:
            raise BackendError("out of breath", zh="没有气了")
        audio = super().synthesise(request)
        return replace(audio, samples=audio.samples * 0.1 * len(self.requests))


@pytest.fixture
def bank(tmp_path: Path) -> ReferenceBank:
    for name in ("one", "two"):
        write_wav(tmp_path / "bank" / "sad" / f"{name}.wav", hum(4.0))
        (tmp_path / "bank" / "sad" / f"{name}.txt").write_text(f"Words of {name}.")
    write_wav(tmp_path / "bank" / "sad" / "two.wav", hum(4.5))
    return load_bank(tmp_path / "bank")


def transcript_of(n: int = 2) -> TaggedTranscript:
    nobody = Sentence("somebody", "某人")
    segments = tuple(
        TaggedSegment(
            Segment(3.0 * i, 3.0 * i + 2, f"sentence number {i}", "en"), None, corrected_label="sad"
        )
        for i in range(n)
    )
    info = RecordingInfo("talk.wav", 3.0 * n, 16_000, 1, -20.0, 0.0)
    return TaggedTranscript(info, segments, "en", "file:talk.srt", "", nobody, "global", nobody)


def engines_with(backend: FakeBackend, fake_head: Path) -> Engines:
    head = load_head(fake_head)
    return Engines(head, head, backend, backend, FakeEncoder())


def test_the_best_of_three_is_said_and_told(bank, fake_head) -> None:
    backend, transcript = Uneven(), transcript_of()
    engines = engines_with(backend, fake_head)
    choices = choose_references(transcript, bank)
    seen: list[float] = []
    made = resynthesise(
        transcript,
        choices,
        engines,
        bank=bank,
        seed=7,
        takes=TakeOptions(3),
        progress=lambda fraction, doing: seen.append(fraction),
    )
    assert seen == sorted(seen)
    assert len(seen) >= 6
    assert [request.seed for request in backend.requests] == [7, 7, 9, 8, 8, 10]
    assert len({request.reference.path for request in backend.requests[:2]}) == 2
    for segment in made.segments:
        assert [each.number for each in segment.takes] == [1, 2, 3]
        (kept,) = (each for each in segment.takes if each.kept)
        assert kept.score == max(each.score for each in segment.takes)
        assert segment.audio.duration_s == pytest.approx(kept.duration_s, abs=1e-3)
    verification = check(transcript, choices, made, engines, bank=bank)
    for segment, said in zip(verification.report.segments, made.segments, strict=True):
        (kept,) = (each for each in said.takes if each.kept)
        assert segment.takes == said.takes
        assert segment.choice.pick == kept.clip
    report = verification.report
    assert type(report).from_dict(report.to_dict()) == report


def test_takes_that_fail_leave_the_others(bank, fake_head) -> None:
    backend, transcript = Uneven(failing=frozenset({1, 4, 5, 6})), transcript_of()
    choices = choose_references(transcript, bank)
    made = resynthesise(
        transcript, choices, engines_with(backend, fake_head), bank=bank, takes=TakeOptions(3)
    )
    first, second = made.segments
    assert [each.duration_s is None for each in first.takes] == [True, False, False]
    assert first.takes[0].problem.zh == "没有气了"
    assert first.audio is not None
    assert (second.audio, len(second.takes)) == (None, 3)
    assert second.problem.en == "out of breath"


def test_whoever_stops_keeps_the_takes_that_were_made(bank, fake_head) -> None:
    backend, transcript = Uneven(), transcript_of(1)
    choices = choose_references(transcript, bank)
    made = resynthesise(
        transcript,
        choices,
        engines_with(backend, fake_head),
        bank=bank,
        takes=TakeOptions(9),
        cancelled=lambda: len(backend.requests) >= 2,
    )
    assert len(made.segments[0].takes) == 2
    assert made.segments[0].audio is not None


def test_one_take_is_not_judged(bank, fake_head) -> None:
    transcript = transcript_of(1)
    made = resynthesise(
        transcript,
        choose_references(transcript, bank),
        engines_with(Uneven(), fake_head),
        bank=bank,
    )
    assert made.segments[0].takes == ()
    assert made.segments[0].carried is None


def test_a_clip_that_vanished_is_a_sentence_of_its_segment(bank, fake_head) -> None:
    transcript = transcript_of(2)
    choices = choose_references(transcript, bank)
    choices[0].pick.path.unlink()
    made = resynthesise(transcript, choices, engines_with(Uneven(), fake_head), bank=bank)
    gone = [segment for segment in made.segments if segment.audio is None]
    assert [segment.index for segment in gone] == [
        index for index, choice in enumerate(choices) if choice.pick == choices[0].pick
    ]
    assert "the reference clip cannot be used" in gone[0].problem.en
