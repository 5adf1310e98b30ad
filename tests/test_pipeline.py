"""The wiring: one recording through every package, with fakes where a model would be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from bilingual import check_says_the_same
from conftest import voiced
from media_files import film

import gpt_sovits_emotion
from gpt_sovits_emotion.audio import (
    Recording,
    open_recording,
    read_clip,
    recording_from_samples,
    write_wav,
)
from gpt_sovits_emotion.banks import load_bank
from gpt_sovits_emotion.core.errors import (
    BackendError,
    HeadMismatchError,
    OutputError,
    ReferenceBankError,
    TranscriptError,
)
from gpt_sovits_emotion.core.records import Audio, ReferenceBank, Segment, TaggedTranscript
from gpt_sovits_emotion.deliver import deliver
from gpt_sovits_emotion.engines import WHISPER_HEAD, Engines, open_engines
from gpt_sovits_emotion.heads import load_head
from gpt_sovits_emotion.pipeline import (
    annotate,
    choose_references,
    resynthesise,
    round_trip,
)
from gpt_sovits_emotion.synthesis.prosody_source import Piece, write_prompt
from gpt_sovits_emotion.testing import FakeBackend, FakeEncoder
from gpt_sovits_emotion.transcription import TranscribeOptions
from gpt_sovits_emotion.transcripts import read_json

SAMPLE = Path(gpt_sovits_emotion.__file__).parent / "sample_data" / "sample_en.flac"
NO_WHISPER = TranscribeOptions(model="none")


@pytest.fixture
def engines(fake_head: Path) -> Engines:
    head, backend = load_head(fake_head), FakeBackend()
    return Engines(head, head, backend, backend, FakeEncoder())


@pytest.fixture
def bank(tmp_path: Path) -> ReferenceBank:
    for number, emotion in enumerate(("angry", "sad", "neutral")):
        clip = Audio(voiced(3.5 + number, f0_hz=120 + 40 * number, level=0.01 * 4**number), 16_000)
        write_wav(tmp_path / "bank" / emotion / "one.wav", clip)
        (tmp_path / "bank" / emotion / "one.txt").write_text("What is said in it.")
    return load_bank(tmp_path / "bank")


@pytest.fixture
def recording() -> Iterator[Recording]:
    parts = [voiced(2.0, level=level) for level in (0.1, 0.3, 0.2, 0.15, 0.25, 0.12)]
    with recording_from_samples(np.concatenate(parts), 16_000, name="talk.wav") as opened:
        yield opened


@pytest.fixture
def subtitles(tmp_path: Path) -> Path:
    cues = [
        f"{i + 1}\n00:00:{2 * i:02d},000 --> 00:00:{2 * i + 1:02d},500\nsentence {i}\n"
        for i in range(6)
    ]
    (tmp_path / "talk.srt").write_text("\n".join(cues))
    return tmp_path / "talk.srt"


def _tagged(recording: Recording, engines: Engines, subtitles: Path) -> TaggedTranscript:
    options = replace(NO_WHISPER, language="en")
    return annotate(recording, engines, whisper=options, transcript_file=subtitles).transcript


def test_the_whole_way_round(recording, bank, engines, subtitles, tmp_path: Path) -> None:
    seen: list[float] = []
    result = round_trip(
        recording,
        bank,
        engines,
        whisper=replace(NO_WHISPER, language="en"),
        transcript_file=subtitles,
        progress=lambda fraction, doing: seen.append(fraction),
    )
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
    assert [choice.pick.emotion for choice in result.choices] == [
        segment.label if segment.label != "unsure" else "neutral"
        for segment in result.tagging.transcript.segments
    ]
    report = deliver(result, recording, tmp_path / "out")
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert set(report.files.values()) == written
    assert read_json(tmp_path / "out" / "transcript.json") == result.tagging.transcript
    assert read_clip(tmp_path / "out" / "after.wav").duration_s >= recording.duration_s
    document = json.loads((tmp_path / "out" / "report.json").read_text())
    assert "report" in document["format"]
    assert str(tmp_path) not in (tmp_path / "out" / "report.json").read_text()
    assert str(tmp_path) not in (tmp_path / "out" / "report.html").read_text()


def test_segments_keep_their_place_and_never_overlap(recording, bank, engines, subtitles) -> None:
    transcript = _tagged(recording, engines, subtitles)
    long = replace(transcript.segments[1], corrected_text="x" * 40)  # four seconds of humming
    transcript = replace(
        transcript, segments=(transcript.segments[0], long, *transcript.segments[2:])
    )
    synthesis = resynthesise(transcript, choose_references(transcript, bank), engines, bank=bank)
    starts = [segment.start_s for segment in synthesis.segments]
    assert starts[:2] == [0.0, 2.0]
    assert starts[2] == pytest.approx(6.15, abs=0.01)  # pushed back by the long one
    for one, other in zip(synthesis.segments, synthesis.segments[1:], strict=False):
        assert one.start_s + one.audio.duration_s <= other.start_s
    first = synthesis.segments[0].audio.samples
    np.testing.assert_array_equal(synthesis.joined.samples[: len(first)], first)
    assert synthesis.joined.duration_s >= recording.duration_s


def test_a_segment_that_cannot_be_said_leaves_the_others(
    recording, bank, engines, subtitles
) -> None:
    transcript = _tagged(recording, engines, subtitles)
    klingon = replace(
        transcript.segments[0], segment=replace(transcript.segments[0].segment, language="tlh")
    )
    silent = replace(transcript.segments[1], corrected_text="  ")
    transcript = replace(transcript, segments=(klingon, silent, *transcript.segments[2:]))
    choices = choose_references(transcript, bank)
    assert choices[1] is None
    synthesis = resynthesise(transcript, choices, engines, bank=bank)
    assert [segment.audio is None for segment in synthesis.segments[:3]] == [True, True, False]
    assert "not 'tlh'" in synthesis.segments[0].problem.en
    assert synthesis.segments[1].problem.en == "there are no words to say"
    mute = replace(engines, backend=FakeBackend(languages=()))
    with pytest.raises(BackendError, match="the fake speaks"):
        resynthesise(transcript, choices, mute, bank=bank)


def test_two_voices_are_never_mixed(recording, bank, engines, subtitles) -> None:
    class Switching(FakeBackend):
        n_said = 0

        def synthesise(self, request):
            self.n_said += 1
            if self.n_said == 3:
                self.voice_mark = "another"
            return super().synthesise(request)

    backend = Switching()
    transcript = _tagged(recording, engines, subtitles)
    choices = choose_references(transcript, bank)
    with pytest.raises(BackendError, match="another voice was loaded while segment 3 of") as caught:
        resynthesise(transcript, choices, replace(engines, backend=backend), bank=bank)
    check_says_the_same(caught.value)
    assert backend.n_said == 3


def test_a_pin_and_a_correction_are_obeyed(recording, bank, engines, subtitles) -> None:
    transcript = _tagged(recording, engines, subtitles)
    corrected = replace(transcript.segments[0], corrected_label="sad")
    transcript = replace(transcript, segments=(corrected, *transcript.segments[1:]))
    pinned = next(clip.path for clip in bank.usable if clip.emotion == "neutral")
    choices = choose_references(transcript, bank, pins={1: pinned})
    assert choices[0].pick.emotion == "sad"
    assert (choices[1].pick.path, choices[1].manual) == (pinned, True)


def test_substitution_can_be_refused(recording, bank, engines, subtitles) -> None:
    transcript = _tagged(recording, engines, subtitles)
    corrected = replace(transcript.segments[0], corrected_label="fearful")
    transcript = replace(transcript, segments=(corrected,))
    assert choose_references(transcript, bank)[0].substituted
    with pytest.raises(ReferenceBankError):
        choose_references(transcript, bank, substitute=False)


def test_a_soft_reference_is_spoken_as_softly_as_it_is_kept(bank, engines) -> None:
    soft, loud = (
        engines.reference_prosody(next(clip for clip in bank.usable if clip.emotion == emotion))
        for emotion in ("angry", "neutral")
    )
    assert loud.loudness_dbfs - soft.loudness_dbfs == pytest.approx(24.1, abs=0.5)


def test_no_words_is_an_error_of_the_round_trip_only(recording, bank, engines) -> None:
    assert annotate(recording, engines, whisper=NO_WHISPER).transcript.segments
    with pytest.raises(TranscriptError, match=r"no words were found in talk\.wav"):
        round_trip(recording, bank, engines, whisper=NO_WHISPER)


def test_a_transcript_of_another_recording_is_refused(recording, engines, tmp_path: Path) -> None:
    (tmp_path / "late.srt").write_text("1\n00:10:00,000 --> 00:10:02,000\nlater\n")
    with pytest.raises(TranscriptError, match="past the end of the recording"):
        annotate(recording, engines, whisper=NO_WHISPER, transcript_file=tmp_path / "late.srt")


def test_stopping_leaves_no_half_files(recording, bank, engines, subtitles, tmp_path: Path) -> None:
    result = round_trip(
        recording,
        bank,
        engines,
        whisper=replace(NO_WHISPER, language="en"),
        transcript_file=subtitles,
    )

    def stop(fraction: float, doing: str) -> None:
        if doing == "writing the report":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        deliver(result, recording, tmp_path / "out", progress=stop)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"after.wav", "transcript.json", "transcript.srt", "transcript.txt"}


def test_a_folder_that_cannot_be_written_is_one_sentence(
    recording, bank, engines, subtitles, tmp_path: Path
) -> None:
    result = round_trip(
        recording,
        bank,
        engines,
        whisper=replace(NO_WHISPER, language="en"),
        transcript_file=subtitles,
    )
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="was not written"):
        deliver(result, recording, tmp_path / "file" / "out")


def test_the_default_engines_open_and_know_what_they_are() -> None:
    engines = open_engines()
    assert engines.tagger.card.id == WHISPER_HEAD
    assert engines.note is None
    assert engines.verifier_head is engines.tagger
    assert "eSpeak" in engines.backend.title.en
    assert "GPT-SoVITS" in engines.backend.title.en


def test_a_head_for_another_host_is_refused(fake_head: Path) -> None:
    with pytest.raises(HeadMismatchError, match="reads the encoder 'fake'"):
        open_engines(head=fake_head)


def test_segment_lengths_are_real(recording, engines, subtitles) -> None:
    transcript = _tagged(recording, engines, subtitles)
    assert [tagged.segment for tagged in transcript.segments][1] == Segment(
        2.0, 3.5, "sentence 1", "en"
    )


def test_all_that_is_written_fits_a_film_whose_sound_starts_late(
    bank, engines, tmp_path: Path
) -> None:
    said, rate_hz = soundfile.read(SAMPLE, dtype="float32")
    sentences = said[: 5 * rate_hz], said[5 * rate_hz : 9 * rate_hz]  # at 0.4 s and at 0.2 s
    stretches = [(2.0, sentences[0]), (12.0, sentences[1])]
    path = tmp_path / "film.mkv"
    film(path, stretches, "pcm_s16le", rate_hz=rate_hz, picture=(0.0, 20.0))
    starts = (2.0, 12.0)
    (tmp_path / "film.srt").write_text(
        "1\n00:00:02,000 --> 00:00:06,800\none\n\n2\n00:00:12,000 --> 00:00:15,900\ntwo\n"
    )
    with open_recording(path) as recording:
        assert recording.duration_s == pytest.approx(16.0, abs=0.01)
        heard = annotate(recording, engines, whisper=NO_WHISPER).transcript
        firsts = [tagged.segment.start_s for tagged in heard.segments]
        assert firsts[0] == pytest.approx(2.4, abs=0.2)
        assert any(first_s == pytest.approx(12.2, abs=0.2) for first_s in firsts)
        assert not any(6.9 < first_s < 11.9 for first_s in firsts)
        transcript = _tagged(recording, engines, tmp_path / "film.srt")
        result = resynthesise(transcript, choose_references(transcript, bank), engines, bank=bank)
        piece = Piece(11.5, 15.5, "two", "en")
        prompt = read_clip(write_prompt(recording, piece, tmp_path, number=2).path).samples
    joined, rate_hz = result.joined.samples, result.joined.sampling_rate_hz
    assert not joined[: 2 * rate_hz].any()
    for segment, at_s in zip(result.segments, starts, strict=True):
        assert segment.start_s == at_s
        assert joined[round((at_s + 0.1) * rate_hz) :][: rate_hz // 10].any()
    assert np.abs(prompt[:7_900]).max() < 1e-4  # the gap before it
    assert np.abs(prompt[16_000:]).max() > 0.1
