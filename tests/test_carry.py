"""How the emotion gets into the synthesis: what is cut out of a recording, whose timbre is heard."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bilingual import check_says_the_same
from conftest import voiced
from hypothesis import given
from hypothesis import strategies as st

from gpt_sovits_emotion.audio import Recording, read_clip, recording_from_samples, write_wav
from gpt_sovits_emotion.backends.base import BackendLimits, SynthesisRequest
from gpt_sovits_emotion.banks import load_bank
from gpt_sovits_emotion.core.errors import BackendError, OutputError
from gpt_sovits_emotion.core.records import (
    Audio,
    ClipQuality,
    RecordingInfo,
    ReferenceBank,
    ReferenceClip,
    Segment,
    Sentence,
    TaggedSegment,
    TaggedTranscript,
    Word,
)
from gpt_sovits_emotion.engines import Engines
from gpt_sovits_emotion.heads import load_head
from gpt_sovits_emotion.pipeline import SpeakingOptions, choose_references, resynthesise, round_trip
from gpt_sovits_emotion.synthesis.prosody_source import (
    ProsodySource,
    carry_note,
    check_prosody_source,
    piece_of,
    prompt_folder,
    timbre_clips,
)
from gpt_sovits_emotion.synthesis.takes import TakeOptions
from gpt_sovits_emotion.testing import FakeBackend, FakeEncoder
from gpt_sovits_emotion.transcription import TranscribeOptions

LIMITS = BackendLimits(frozenset({"en", "zh"}), 3.0, 10.0, True, 32_000)
NOBODY = Sentence("somebody", "某人")


def transcript_of(*segments: Segment, duration_s: float = 30.0) -> TaggedTranscript:
    return TaggedTranscript(
        RecordingInfo("talk.wav", duration_s, 16_000, 1, -20.0, 0.0),
        tuple(TaggedSegment(segment, None, corrected_label="happy") for segment in segments),
        "en",
        "file:talk.srt",
        "fake-head",
        NOBODY,
        "global",
        NOBODY,
    )


def piece(*segments: Segment, index: int = 0, duration_s: float = 30.0):
    transcript = transcript_of(*segments, duration_s=duration_s)
    return piece_of(transcript, index, duration_s=duration_s, limits=LIMITS)


class Timbral(FakeBackend):
    """Hums, takes timbre references, and writes down what it was asked."""

    def __init__(self, *, averages: bool = False) -> None:
        super().__init__()
        self.limits = replace(self.limits, timbre_references=True, averages_timbre=averages)
        self.requests: list[SynthesisRequest] = []
        self.prompts: list[Audio] = []
        self.folder_modes: list[int] = []

    def synthesise(self, request: SynthesisRequest) -> Audio:
        self.requests.append(request)
        self.prompts.append(read_clip(request.reference.path))
        self.folder_modes.append(stat.S_IMODE(request.reference.path.parent.stat().st_mode))
        return super().synthesise(request)


@pytest.fixture
def backend() -> Timbral:
    return Timbral()


@pytest.fixture
def engines(fake_head: Path, backend: Timbral) -> Engines:
    head = load_head(fake_head)
    return Engines(head, head, backend, backend, FakeEncoder())


@pytest.fixture
def bank(tmp_path: Path) -> ReferenceBank:
    for number, emotion in enumerate(("angry", "happy", "neutral")):
        folder = tmp_path / "bank" / emotion
        write_wav(folder / f"{emotion}.wav", Audio(voiced(3.5 + number, f0_hz=150), 16_000))
        (folder / f"{emotion}.txt").write_text("Words of the clip.")
    return load_bank(tmp_path / "bank")


@pytest.fixture
def recording() -> Iterator[Recording]:
    """Four seconds of speech, a pause, one second, a pause, five seconds."""
    samples = np.zeros(20 * 16_000, np.float32)
    for start_s, duration_s in ((1.0, 4.0), (5.2, 1.0), (6.4, 5.0)):
        sound = voiced(duration_s)
        samples[round(start_s * 16_000) :][: len(sound)] = sound
    with recording_from_samples(samples, 16_000, name="talk.wav", also_at_hz=32_000) as opened:
        yield opened


SEGMENTS = (
    Segment(1.0, 5.0, "the first of them", "en"),
    Segment(5.2, 6.2, "short", "en"),
    Segment(6.4, 11.4, "the last one", "en"),
)


# --- the piece of the recording ----------------------------------------------------------------------


def test_a_segment_of_fitting_length_keeps_a_breath_at_each_side() -> None:
    found = piece(Segment(5.0, 9.0, "some words", "de"))
    assert (found.start_s, found.end_s) == pytest.approx((4.9, 9.1))
    assert (found.text, found.language) == ("some words", "de")


def test_the_language_of_the_whole_stands_in() -> None:
    assert piece(Segment(5.0, 9.0, "some words")).language == "en"


def test_a_short_segment_is_widened_into_the_pauses_and_no_further() -> None:
    left, right = Segment(0.0, 5.0, "left"), Segment(8.5, 12.0, "right")
    found = piece(left, Segment(5.6, 7.6, "short"), right, index=1)
    assert found.end_s - found.start_s == pytest.approx(3.02)
    assert left.end_s + 0.05 <= found.start_s
    assert found.end_s <= right.start_s - 0.05
    # Where there is little room at one side, more is taken at the other.
    found = piece(left, Segment(5.06, 7.0, "short"), right, index=1)
    assert found.start_s == pytest.approx(5.05)
    assert found.end_s == pytest.approx(8.0, abs=0.08)


def test_what_is_too_short_is_refused_with_a_sentence() -> None:
    near = (Segment(0.0, 5.0, "left"), Segment(5.1, 7.1, "short"), Segment(7.2, 12.0, "right"))
    with pytest.raises(BackendError, match=r"segment 2 lasts 2\.0 s .*it makes 2\.1 s") as caught:
        piece(*near, index=1)
    check_says_the_same(caught.value)
    with pytest.raises(
        BackendError, match="more than half of the prompt would be silence"
    ) as caught:
        piece(Segment(10.0, 11.0, "hm"))
    check_says_the_same(caught.value)
    with pytest.raises(BackendError, match="2\\.5 s and cannot"):
        piece(Segment(0.0, 2.5, "all"), duration_s=2.5)


def test_a_long_segment_is_cut_between_words_at_the_longest_pause() -> None:
    words = tuple(
        Word(start_s, start_s + 0.9, f" word{start_s:g}")
        for start_s in (0.0, 1.0, 2.0, 3.0, 4.0, 5.5, 6.5, 7.5, 8.5, 9.5, 10.5)
    )
    text = "".join(word.text for word in words).strip()
    found = piece(Segment(0.0, 11.4, text, "en", words), duration_s=11.4)
    assert found.text == "word5.5 word6.5 word7.5 word8.5 word9.5 word10.5"
    assert (found.start_s, found.end_s) == (5.5, 11.4)  # no room at either side


def test_a_long_segment_without_word_times_is_refused() -> None:
    with pytest.raises(BackendError, match="no times at which it could be cut") as caught:
        piece(Segment(0.0, 12.0, "a long text of which nobody knows when it was said"))
    check_says_the_same(caught.value)


def test_a_mended_text_is_what_was_said_and_another_text_is_not() -> None:
    segment = Segment(5.0, 9.0, "I scream for you", "en")
    for corrected, said in (("ice cream for you", "ice cream for you"), ("其他内容", segment.text)):
        tagged = replace(
            transcript_of(segment),
            segments=(TaggedSegment(segment, None, corrected_text=corrected),),
        )
        assert piece_of(tagged, 0, duration_s=30.0, limits=LIMITS).text == said


@given(
    st.lists(st.tuples(st.floats(0.0, 2.0), st.floats(0.05, 14.0)), min_size=1, max_size=5),
    st.data(),
)
def test_a_piece_is_always_within_the_limits_and_touches_no_neighbour(layout, data) -> None:
    segments, at_s = [], 0.0
    for pause_s, length_s in layout:
        segments.append(Segment(at_s + pause_s, at_s + pause_s + length_s, "words", "en"))
        at_s += pause_s + length_s
    duration_s = at_s + data.draw(st.floats(0.0, 2.0))
    index = data.draw(st.integers(0, len(segments) - 1))
    try:
        found = piece(*segments, index=index, duration_s=duration_s)
    except BackendError as error:
        check_says_the_same(error)
        return
    assert 3.0 <= found.end_s - found.start_s <= 10.0
    assert found.start_s >= 0.0
    assert found.end_s <= duration_s + 1e-9
    for number, other in enumerate(segments):
        if number < index:
            assert found.start_s >= other.end_s - 1e-9
        if number > index:
            assert found.end_s <= other.start_s + 1e-9


# --- timbre ------------------------------------------------------------------------------------------


def clip(name: str, **changes) -> ReferenceClip:
    return replace(ReferenceClip(Path(name), "happy", "text", "en", 5.0), **changes)


def test_the_best_clips_give_the_timbre() -> None:
    noisy = ClipQuality(-20.0, 8.0, 0.0, None, None)
    clean = replace(noisy, snr_db=45.0)
    clips = (
        clip("doubtful.wav", doubts=(NOBODY,), quality=clean),
        clip("noisy.wav", quality=noisy),
        clip("another.wav", consistency=0.1, quality=clean),
        clip("good.wav", consistency=0.9, quality=clean),
        clip("short.wav", consistency=0.9, quality=clean, duration_s=3.1),
        clip("broken.wav", problem=NOBODY),
        clip("clipped.wav", consistency=0.9, quality=replace(clean, clipped=0.2)),
    )
    bank = ReferenceBank("voice", Path(), "folders", clips)
    names = [
        found.path.name
        for found in timbre_clips(bank, ProsodySource("recording", n_timbre=6), LIMITS)
    ]
    assert names == [
        "good.wav", "short.wav", "clipped.wav", "noisy.wav", "another.wav", "doubtful.wav",
    ]  # fmt: skip
    assert len(timbre_clips(bank, ProsodySource("recording"), LIMITS)) == 4
    averaging = replace(LIMITS, averages_timbre=True)
    many = replace(bank, clips=tuple(clip(f"{number}.wav") for number in range(20)))
    assert len(timbre_clips(many, ProsodySource("recording"), averaging)) == 8


def test_what_a_host_cannot_do_is_said_before_any_work() -> None:
    title = Sentence("eSpeak NG", "eSpeak NG")
    mute = replace(LIMITS, timbre_references=False)
    check_prosody_source(ProsodySource(), mute, backend=title)
    for way in ("recording", "bank"):
        check_prosody_source(ProsodySource(way), LIMITS, backend=title)
        with pytest.raises(
            BackendError, match="would speak with the voice of the recording"
        ) as caught:
            check_prosody_source(ProsodySource(way), mute, backend=title)
        check_says_the_same(caught.value)
    with pytest.raises(BackendError, match="has no voice"):
        check_prosody_source(ProsodySource(), None, backend=title)
    with pytest.raises(ValueError, match="must be one of"):
        ProsodySource("telepathy")
    with pytest.raises(ValueError, match="1 or more"):
        ProsodySource("recording", n_timbre=0)


def test_whose_timbre_is_heard_is_said() -> None:
    averaging = replace(LIMITS, averages_timbre=True)
    assert (
        "gives the prosody, 4 clips of the voice the timbre"
        in carry_note(ProsodySource("recording"), LIMITS, n_timbre=4).en
    )
    found = carry_note(ProsodySource("recording"), averaging, n_timbre=8)
    assert "one part in 9 is not the voice's own" in found.en
    assert "9 分之一" in found.zh
    assert "clip of another voice" in carry_note(ProsodySource("bank"), LIMITS, n_timbre=4).en


# --- the whole ---------------------------------------------------------------------------------------


def test_the_recording_carries_its_own_emotion(recording, bank, engines, backend) -> None:
    transcript = transcript_of(*SEGMENTS, duration_s=20.0)
    choices = choose_references(transcript, bank)
    made = resynthesise(
        transcript,
        choices,
        engines,
        bank=bank,
        carry=ProsodySource("recording"),
        recording=recording,
    )
    assert [segment.audio is None for segment in made.segments] == [False, True, False]
    assert "segment 2 lasts 1.0 s" in made.segments[1].problem.en
    first, last = backend.requests
    assert (first.text, first.reference.text) == ("the first of them", "the first of them")
    assert first.timbre == last.timbre
    assert {path.name for path in first.timbre} == {"angry.wav", "happy.wav", "neutral.wav"}
    assert backend.prompts[0].duration_s == pytest.approx(4.2, abs=0.01)
    carried = made.segments[2].carried
    assert (carried.way, carried.prompt_text) == ("recording", "the last one")
    assert (carried.start_s, carried.end_s) == pytest.approx((6.3, 11.5))
    assert set(backend.folder_modes) == {0o700}
    assert not first.reference.path.parent.exists()
    assert made.carry == "recording"


def test_the_piece_is_cut_at_the_highest_rate(recording, bank, engines, backend) -> None:
    rates = []
    said = backend.synthesise

    def look(request: SynthesisRequest) -> Audio:
        import soundfile

        rates.append(soundfile.info(request.reference.path).samplerate)
        return said(request)

    backend.synthesise = look
    transcript = transcript_of(SEGMENTS[0], duration_s=20.0)
    choices = choose_references(transcript, bank)
    resynthesise(
        transcript,
        choices,
        engines,
        bank=bank,
        carry=ProsodySource("recording"),
        recording=recording,
    )
    assert rates == [32_000]


def test_a_clip_stands_in_where_it_may(recording, bank, engines, backend) -> None:
    transcript = transcript_of(*SEGMENTS, duration_s=20.0)
    choices = choose_references(transcript, bank)
    carry = ProsodySource("recording", or_clip=True)
    made = resynthesise(transcript, choices, engines, bank=bank, carry=carry, recording=recording)
    assert all(segment.audio is not None for segment in made.segments)
    assert backend.requests[1].reference == choices[1].pick
    assert backend.requests[1].timbre == ()
    assert made.segments[1].carried.way == "clip"
    assert (
        "a clip of the voice stands in: segment 2 lasts 1.0 s" in made.segments[1].carried.note.en
    )


def test_nothing_is_left_of_the_recording_after_a_failure(
    recording, bank, engines, backend, tmp_path: Path
) -> None:
    transcript = transcript_of(SEGMENTS[0], duration_s=20.0)
    choices = choose_references(transcript, bank)
    scratch = tmp_path / "scratch"
    scratch.mkdir()

    def fail(request: SynthesisRequest) -> Audio:
        assert request.reference.path.is_relative_to(scratch)
        raise KeyboardInterrupt

    backend.synthesise = fail
    with pytest.raises(KeyboardInterrupt):
        resynthesise(
            transcript,
            choices,
            engines,
            bank=bank,
            carry=ProsodySource("recording", scratch=scratch),
            recording=recording,
        )
    assert list(scratch.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match="name another with --scratch") as caught,
        prompt_folder(ProsodySource("recording", scratch=tmp_path / "gone")),
    ):
        pass
    check_says_the_same(caught.value)


def test_timbre_that_a_person_named_goes_first(recording, bank, engines, backend) -> None:
    transcript = transcript_of(SEGMENTS[0], duration_s=20.0)
    choices = choose_references(transcript, bank)
    named = [bank.usable[0].path]
    resynthesise(
        transcript,
        choices,
        engines,
        bank=bank,
        timbre=named,
        carry=ProsodySource("recording"),
        recording=recording,
    )
    assert backend.requests[0].timbre == tuple(named)


def test_several_takes_of_one_piece_differ_by_their_seed(recording, bank, engines, backend) -> None:
    transcript = transcript_of(SEGMENTS[0], duration_s=20.0)
    choices = choose_references(transcript, bank)
    made = resynthesise(
        transcript,
        choices,
        engines,
        bank=bank,
        seed=5,
        carry=ProsodySource("recording"),
        recording=recording,
        takes=TakeOptions(3),
    )
    assert [request.seed for request in backend.requests] == [5, 6, 7]
    assert {request.reference.path for request in backend.requests} == {
        backend.requests[0].reference.path
    }
    assert {str(take.clip.path) for take in made.segments[0].takes} == {"segment-001.wav"}
    assert not backend.requests[0].reference.path.exists()


def test_another_voice_gives_the_prosody(recording, bank, engines, backend, tmp_path: Path) -> None:
    for emotion in ("happy", "sad"):
        folder = tmp_path / "other" / emotion
        write_wav(folder / f"other-{emotion}.wav", Audio(voiced(5.0, f0_hz=220), 16_000))
        (folder / f"other-{emotion}.txt").write_text("Words of another.")
    cues = "1\n00:00:01,000 --> 00:00:05,000\n[happy] sentence\n"
    (tmp_path / "talk.srt").write_text(cues)
    result = round_trip(
        recording,
        bank,
        engines,
        whisper=TranscribeOptions(model="none", language="en"),
        transcript_file=tmp_path / "talk.srt",
        prosody_from=load_bank(tmp_path / "other"),
    )
    (request,) = backend.requests
    assert request.text == "sentence"
    assert request.reference.path.name == "other-happy.wav"
    assert {path.parent.parent.name for path in request.timbre} == {"bank"}
    report = result.verification.report
    assert (report.carry, report.segments[0].wanted) == ("bank", "happy")
    assert report.segments[0].carried.way == "bank"


def test_a_host_that_cannot_refuses_before_it_hears(bank, fake_head: Path) -> None:
    head, mute = load_head(fake_head), FakeBackend()
    engines = Engines(head, head, mute, mute, FakeEncoder())
    with pytest.raises(BackendError, match="a humming fake takes its timbre"):
        round_trip(
            None,  # it is never looked at
            bank,
            engines,
            whisper=TranscribeOptions(model="none"),
            speaking=SpeakingOptions(carry=ProsodySource("recording")),
        )
