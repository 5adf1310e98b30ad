"""``say``, and the options on choosing and carrying that ``roundtrip`` shares with it."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bilingual import check_says_the_same
from conftest import voiced

from gpt_sovits_emotion.audio import read_clip, write_wav
from gpt_sovits_emotion.banks import load_bank
from gpt_sovits_emotion.banks.building.voice import clip_named, voice_statistics, with_pins
from gpt_sovits_emotion.banks.library.choose import ChoiceOptions
from gpt_sovits_emotion.banks.library.sidecar import Sidecar, sidecar_path, write_sidecar
from gpt_sovits_emotion.cli import main
from gpt_sovits_emotion.core.errors import ReferenceBankError, TranscriptError
from gpt_sovits_emotion.core.labels import slot_label
from gpt_sovits_emotion.core.records import (
    WRITTEN,
    Audio,
    RecordingInfo,
    ReferenceBank,
    Segment,
    Sentence,
    SpeakerStatistics,
    TaggedSegment,
    TaggedTranscript,
)
from gpt_sovits_emotion.engines import Engines, open_engines
from gpt_sovits_emotion.heads import load_head
from gpt_sovits_emotion.heads.profiles import head_digest
from gpt_sovits_emotion.pipeline import SpeakingOptions, choose_references, say
from gpt_sovits_emotion.synthesis.text_input import (
    labels_written,
    lines_to_say,
    with_labels_of_file,
    with_written_tags,
    written_transcript,
)
from gpt_sovits_emotion.testing import FAKE_DIM, FakeBackend, FakeEncoder
from gpt_sovits_emotion.transcripts import Line, read_json, write


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as exit_:
        main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return exit_.value.code, captured.out, captured.err


@pytest.fixture
def voice(tmp_path: Path) -> Path:
    for number, emotion in enumerate(("angry", "happy", "sad", "neutral", "傲娇")):
        clip = Audio(voiced(3.5, f0_hz=100 + 25 * number), 16_000)
        write_wav(tmp_path / "voice" / emotion / f"{number}.wav", clip)
        (tmp_path / "voice" / emotion / f"{number}.txt").write_text("words of the clip")
    return tmp_path / "voice"


@pytest.fixture
def bank(voice: Path) -> ReferenceBank:
    return load_bank(voice)


@pytest.fixture
def engines(fake_head: Path) -> Engines:
    head, backend = load_head(fake_head), FakeBackend()
    return Engines(head, head, backend, backend, FakeEncoder())


def heard(*texts: str, duration_s: float = 10.0) -> TaggedTranscript:
    nobody = Sentence("somebody", "某人")
    segments = tuple(
        TaggedSegment(Segment(2.0 * i, 2.0 * i + 1.5, text, "en"), None)
        for i, text in enumerate(texts)
    )
    info = RecordingInfo("talk.wav", duration_s, 16_000, 1, -20.0, 0.0)
    return TaggedTranscript(info, segments, "en", "x", "fake-head", nobody, "global", nobody)


# --- what a person wrote -----------------------------------------------------------------------------


def test_texts_become_segments_in_the_emotion_written_before_them(bank) -> None:
    transcript = written_transcript(
        ["[happy] What a day!", " ", "【傲娇】哼！", "<|SAD|>I miss you.", "plain\nwords"], bank
    )
    assert [(each.label, each.text, each.segment.language) for each in transcript.segments] == [
        ("happy", "What a day!", "en"),
        ("傲娇", "哼！", "zh"),
        ("sad", "I miss you.", "en"),
        ("neutral", "plain words", "en"),
    ]
    assert transcript.transcriber == WRITTEN
    angry = written_transcript([Line("a"), Line("b", label="sad", language="de")], emotion="生气")
    assert [(each.label, each.segment.language) for each in angry.segments] == [
        ("angry", "en"),
        ("sad", "de"),
    ]


@pytest.mark.parametrize("texts", [[], ["", "  \n"], ["[happy]"]])
def test_nothing_to_say_is_one_sentence(texts) -> None:
    with pytest.raises(TranscriptError, match=r"there is nothing to say in lines\.txt") as caught:
        written_transcript(texts, name="lines.txt")
    check_says_the_same(caught.value)


def test_a_written_tag_is_a_correction_and_no_text(bank) -> None:
    transcript = heard("[sad] one", "two", "【傲娇】three")
    tagged = with_written_tags(transcript, bank)
    assert [(each.label, each.text) for each in tagged.segments] == [
        ("sad", "one"),
        ("unsure", "two"),
        ("傲娇", "three"),
    ]
    assert with_written_tags(tagged, bank) == tagged
    by_hand = replace(
        transcript, segments=(replace(transcript.segments[0], corrected_label="angry"),)
    )
    assert with_written_tags(by_hand).segments[0].label == "angry"
    assert with_written_tags(by_hand).segments[0].text == "one"


def test_what_a_person_wrote_into_a_transcript_counts(tmp_path: Path) -> None:
    transcript = heard("one", "two", "three")
    (tmp_path / "talk.srt").write_text(
        "1\n00:00:00,000 --> 00:00:01,500\n[sad ✓] one\n\n"
        "2\n00:00:02,000 --> 00:00:03,500\n[happy 87 %] two\n\n"
        "3\n00:00:04,000 --> 00:00:05,500\n[生气] three\n",
        encoding="utf-8",
    )
    found = with_labels_of_file(transcript, tmp_path / "talk.srt")
    assert [each.corrected_label for each in found.segments] == ["sad", None, "angry"]
    write(found, tmp_path / "talk.json", format="json")
    again = with_labels_of_file(transcript, tmp_path / "talk.json")
    assert [each.corrected_label for each in again.segments] == ["sad", None, "angry"]
    (tmp_path / "talk.lab").write_text("[happy] all of it")
    whole = with_labels_of_file(heard("all of it"), tmp_path / "talk.lab")
    assert whole.segments[0].corrected_label == "happy"
    (tmp_path / "talk.list").write_text("talk.wav|anna|EN|one")
    assert with_labels_of_file(transcript, tmp_path / "talk.list") == transcript


def test_files_of_lines(tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text("[happy] one\n\ntwo\n")
    assert [line.text for line in lines_to_say(tmp_path / "lines.txt")] == [
        "[happy] one",
        "",
        "two",
    ]
    (tmp_path / "gbk.txt").write_bytes("【开心】你好\n".encode("gbk"))
    assert lines_to_say(tmp_path / "gbk.txt")[0].text == "【开心】你好"
    tagged = with_written_tags(heard("[sad] one", "two"))
    for ending in ("json", "srt", "txt", "vtt"):
        write(tagged, tmp_path / f"talk.{ending}", format=ending)
        lines = lines_to_say(tmp_path / f"talk.{ending}")
        assert [line.text for line in lines] == ["one", "two"], ending
        assert lines[0].label == "sad"


# --- saying ------------------------------------------------------------------------------------------


def test_texts_are_said_one_after_the_other(bank, engines) -> None:
    result = say(
        ["[sad] one two three", "[angry] four", "[傲娇] five"], bank, engines, name="lines"
    )
    transcript, segments = result.tagging.transcript, result.synthesis.segments
    assert [choice.pick.emotion for choice in result.choices] == ["sad", "angry", "傲娇"]
    for tagged, said in zip(transcript.segments, segments, strict=True):
        assert tagged.segment.start_s == said.start_s
        assert tagged.segment.duration_s == pytest.approx(said.audio.duration_s)
    for one, other in zip(transcript.segments, transcript.segments[1:], strict=False):
        assert other.segment.start_s - one.segment.end_s == pytest.approx(0.3)
    assert transcript.recording.duration_s == result.synthesis.joined.duration_s
    report = result.verification.report
    assert [segment.wanted for segment in report.segments] == ["sad", "angry", "傲娇"]
    assert report.segments[2].survived is None
    assert not report.judge_is_tagger


def test_the_order_of_clips_is_a_persons(voice, engines) -> None:
    for number in range(3):
        write_wav(voice / "sad" / f"more-{number}.wav", Audio(voiced(4.0 + number / 4), 16_000))
        (voice / "sad" / f"more-{number}.txt").write_text("words")
    bank = load_bank(voice)
    speaking = SpeakingOptions(choice=ChoiceOptions(order="rotate"))
    result = say(["[sad] again"] * 4, bank, engines, speaking=speaking)
    assert len({choice.pick.path for choice in result.choices}) == 4


def test_substitution_can_be_refused(bank, engines) -> None:
    refuse = SpeakingOptions(choice=ChoiceOptions(substitute=False))
    with pytest.raises(ReferenceBankError, match="no usable clip that is fearful"):
        say(["[fearful] no"], bank, engines, speaking=refuse)
    assert say(["[fearful] no"], bank, engines).choices[0].substituted


# --- pins and statistics -----------------------------------------------------------------------------


def test_a_pin_is_found_by_path_or_name(bank, voice) -> None:
    happy = voice / "happy" / "1.wav"
    for name in (str(happy), "happy/1.wav", "1.wav"):
        assert clip_named(bank, name) == happy
    pinned = with_pins(bank, {"难过": "1.wav", "default": "0.wav"})
    assert pinned.pins == {"sad": happy, "": voice / "angry" / "0.wav"}
    transcript = with_written_tags(heard("[sad] one"))
    choice = choose_references(transcript, pinned)[0]
    assert (choice.pick.path, choice.manual) == (happy, True)


def test_a_pin_is_for_a_label_that_somebody_knows(bank, voice) -> None:
    known = labels_written(["[hapy] Hi!", Line("Oh.", label="cheeky")], {"hapy", "cheeky", "angri"})
    assert known == {"hapy", "cheeky"}
    for label in ("happy", "傲娇", "default", "hapy", "cheeky", "生气"):
        assert slot_label(label) in with_pins(bank, {label: "1.wav"}, known=known).pins
    for label, near in (("angri", "near ones are angry"), ("xyz", "known are angry, bored, calm")):
        with pytest.raises(ReferenceBankError, match=near) as caught:
            with_pins(bank, {label: "1.wav"}, known=known)
        check_says_the_same(caught.value)
    with pytest.raises(ReferenceBankError) as caught:
        with_pins(bank, {"开心心": "1.wav"}, known=known)
    assert "相近的有：开心" in caught.value.say("zh")
    assert "near ones are happy" in str(caught.value)


def test_say_and_roundtrip_take_a_pin_for_a_label_of_the_text_alone(
    capsys, voice, tmp_path
) -> None:
    pin = ("--pin", "hapy=1.wav")
    out = tmp_path / "out"
    code, stdout, stderr = run(capsys, "say", voice, "[hapy] Hi there!", "--out", out, *pin)
    assert code == 0, stderr
    assert "pinned for hapy" in stdout
    usual = ("plain words", "--emotion", "hapy")
    code, stdout, _ = run(capsys, "say", voice, *usual, "--out", tmp_path / "two", *pin)
    assert (code, "pinned for hapy" in stdout) == (0, True)

    talk = tmp_path / "talk.wav"
    write_wav(talk, Audio(voiced(3.0), 16_000))
    words = tmp_path / "words.txt"
    words.write_text("[hapy] Hi there!")
    made = ("roundtrip", talk, "--voice", voice, "--whisper", "none", *pin)
    code, _, stderr = run(capsys, *made, "--out", tmp_path / "no")
    assert code == 1
    assert "near ones are happy" in stderr
    code, stdout, stderr = run(capsys, *made, "--transcript", words, "--out", tmp_path / "trip")
    assert code == 0, stderr
    assert "pinned for hapy" in stdout


def test_a_pin_that_is_no_clip_is_one_sentence(voice) -> None:
    write_wav(voice / "sad" / "1.wav", Audio(voiced(3.7), 16_000))
    write_wav(voice / "sad" / "tiny.wav", Audio(voiced(1.0), 16_000))
    bank = load_bank(voice)
    for name, why in (
        ("1.wav", "has 2 clips called"),
        ("x.wav", "no clip called"),
        ("tiny.wav", "cannot be pinned"),
    ):
        with pytest.raises(ReferenceBankError, match=why) as caught:
            clip_named(bank, name)
        check_says_the_same(caught.value)


def test_statistics_of_a_built_bank_serve_the_head_that_built_it(bank, voice, engines) -> None:
    verifier = engines.verifier
    assert "has not been built" in voice_statistics(voice, verifier).note.en
    speaker = SpeakerStatistics(
        np.ones(FAKE_DIM, np.float32), np.ones(FAKE_DIM, np.float32), 12, "bank:voice"
    )
    built = Sidecar(
        replace(bank, head_id="fake-head"),
        head_digest=head_digest(verifier.head),
        encoder_fingerprint="fake-1",
        speaker=speaker,
    )
    write_sidecar(sidecar_path(voice), built)
    found = voice_statistics(voice, verifier)
    np.testing.assert_array_equal(found.speaker.mean, speaker.mean)
    assert "12 clips" in found.note.en
    for change, why in (
        ({"head_digest": "another"}, "built with another head"),
        ({"encoder_fingerprint": "other weights"}, "built with another head"),
        ({"speaker": None}, "without statistics"),
    ):
        write_sidecar(sidecar_path(voice), replace(built, **change))
        missing = voice_statistics(voice, verifier)
        assert missing.speaker is None
        assert why in missing.note.en
    spoken = say(["[sad] one"], bank, engines, speaking=SpeakingOptions(voice=speaker))
    judged_against = spoken.verification.report.judged_against
    assert judged_against.en == "judged against 12 segments of this speaker from bank:voice"


# --- the command line --------------------------------------------------------------------------------


def test_say_writes_sound_and_report(capsys, voice, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, stdout, stderr = run(
        capsys,
        "say",
        voice,
        "[happy] What a day!",
        "Plain words.",
        "--out",
        out,
        "--pin",
        "neutral=2.wav",
    )
    assert code == 0, stderr
    assert "What a day!" in stdout
    assert "pinned for neutral" in stdout
    names = {path.name for path in out.iterdir()}
    assert {
        "after.wav",
        "report.html",
        "report.json",
        "transcript.srt",
        "timeline-after.png",
    } <= names
    assert "timeline.png" not in names
    assert read_clip(out / "after.wav").duration_s > 1.0
    assert "[happy ✓] What a day!" in (out / "transcript.srt").read_text("utf-8")
    assert read_json(out / "transcript.json").segments[1].text == "Plain words."
    page = (out / "report.html").read_text("utf-8")
    assert 'id="audio-after"' in page
    assert 'id="audio-before"' not in page
    assert 'data-play="before"' not in page
    assert "Said in emotion" in page
    assert str(tmp_path) not in page + (out / "report.json").read_text("utf-8")


def test_say_lines_of_a_file_in_several_takes_as_json(capsys, voice, tmp_path: Path) -> None:
    (tmp_path / "lines.txt").write_text("[sad] one of two\n\n[angry] the other\n")
    code, stdout, stderr = run(
        capsys,
        *("say", voice, "--file", tmp_path / "lines.txt", "--out", tmp_path / "out", "--json"),
        *("--takes", 2, "--whisper", "none"),
    )
    assert code == 0, stderr
    report = json.loads(stdout)
    assert [segment["wanted"] for segment in report["segments"]] == ["sad", "angry"]
    for segment in report["segments"]:
        assert [take["number"] for take in segment["takes"]] == [1, 2]
        assert sum(take["kept"] for take in segment["takes"]) == 1
        assert 0 <= segment["takes"][0]["emotion"] <= 1
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "Takes: 2" in page
    assert "合成次数：2" in page


def test_say_takes_the_standard_input(capsys, voice, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("【难过】你好。\n".encode())))
    code, stdout, stderr = run(capsys, "say", voice, "--file", "-", "--out", tmp_path / "out")
    assert code == 0, stderr
    assert "你好。" in stdout


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        ([], 2, "give texts, or a file"),
        (["text", "--file", "-"], 2, "give texts, or a file"),
        (["text", "--pin", "neutral"], 2, "EMOTION=CLIP"),
        (["text", "--takes", "0"], 2, "--takes"),
        (["[happy]"], 1, "there is nothing to say"),
        (["text", "--prosody-from", "{voice}"], 1, "takes its timbre from the prosody prompt"),
        (["[fearful] x", "--no-substitute"], 1, "no usable clip that is fearful"),
        (["text", "--pin", "neutral=nowhere.wav"], 1, "no clip called 'nowhere.wav'"),
        (["text", "--pin", "hapy=1.wav"], 1, "nor the text knows it; near ones are happy\n"),
        (["[angri] x", "--pin", "hapy=1.wav"], 1, "for 'hapy'"),
        (["text", "--pin", "happy=1.wav", "--prosody-from", "{voice}"], 2, "exclude each other"),
        (["--file", "{voice}/gone.txt"], 1, "gone.txt"),
    ],
)
def test_say_refuses_in_one_sentence(capsys, voice, tmp_path: Path, arguments, code, why) -> None:
    filled = [argument.format(voice=voice) for argument in arguments]
    found, stdout, stderr = run(capsys, "say", voice, *filled, "--out", tmp_path / "out")
    assert (found, stdout) == (code, "")
    assert why in stderr
    assert not (tmp_path / "out").exists()


def test_roundtrip_says_before_it_reads_what_a_host_cannot(capsys, voice, tmp_path: Path) -> None:
    for options in (("--carry", "recording"), ("--prosody-from", voice)):
        code, _, stderr = run(
            capsys,
            *(
                "roundtrip",
                voice / "angry" / "0.wav",
                "--voice",
                voice,
                "--out",
                tmp_path / "out",
            ),
            *options,
        )
        assert code == 1
        assert "takes its timbre from the prosody prompt itself" in stderr
    code, _, stderr = run(
        capsys,
        *("roundtrip", voice / "angry" / "0.wav", "--voice", voice, "--out", tmp_path / "out"),
        *("--carry", "recording", "--prosody-from", voice),
    )
    assert code == 2
    assert "exclude each other" in stderr


def test_the_embedded_voice_takes_no_statistics_of_a_clone() -> None:
    assert open_engines().backend.limits.clones_voice is False
