"""The front door: what a program gets from ``import gpt_sovits_emotion``."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import REPOSITORY

import gpt_sovits_emotion as gse
from gpt_sovits_emotion.cli import main
from gpt_sovits_emotion.core.errors import AudioError, HeadError, ReferenceBankError
from gpt_sovits_emotion.deliver import DELIVERED_FILES
from gpt_sovits_emotion.transcripts import read_json

SAMPLES = Path(str(resources.files("gpt_sovits_emotion"))) / "sample_data"
VOICE = SAMPLES / "voice_bank"
HEAD = "prosody-emodb"
WORDS = """1
00:00:00,300 --> 00:00:02,000
good morning

2
00:00:02,600 --> 00:00:05,000
[happy] what a day
"""


@pytest.fixture(scope="module")
def annotator() -> gse.Annotator:
    return gse.load(HEAD, whisper="none", offline=True)


@pytest.fixture(scope="module")
def talk(tmp_path_factory) -> Path:
    """The first seconds of the sample, with words beside it."""
    folder = tmp_path_factory.mktemp("talk")
    samples, rate_hz = soundfile.read(SAMPLES / "sample_en.flac", dtype="float32")
    soundfile.write(folder / "talk.wav", samples[: 8 * rate_hz], rate_hz, subtype="FLOAT")
    (folder / "talk.srt").write_text(WORDS)
    return folder / "talk.wav"


@pytest.fixture(scope="module")
def result(annotator: gse.Annotator, talk: Path) -> gse.Annotation:
    return annotator.annotate(talk, transcript=talk.with_suffix(".srt"))


def printed(capsys, *arguments: object) -> dict:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    assert ended.value.code == 0
    return json.loads(capsys.readouterr().out)


# --- the names --------------------------------------------------------------------------------------


def test_every_public_name_is_there_and_no_other() -> None:
    assert all(getattr(gse, name) is not None for name in gse.__all__)
    assert set(gse.__all__) <= set(dir(gse))
    with pytest.raises(AttributeError, match="no attribute 'annotator'"):
        _ = gse.annotator


def test_importing_it_loads_nothing() -> None:
    code = "import sys, gpt_sovits_emotion as gse; dir(gse); print(gse.__version__, 'numpy' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(REPOSITORY)},
    )
    assert done.stdout.split() == [gse.__version__, "False"]


def test_type_checkers_see_what_is_public() -> None:
    stub = (Path(gse.__file__).with_suffix(".pyi")).read_text()
    for name in gse.__all__:
        assert f"{name} as {name}\n" in stub or f"{name}: str" in stub, name


def test_the_reference_is_what_the_docstrings_say() -> None:
    script = REPOSITORY / "scripts" / "api_reference.py"
    done = subprocess.run([sys.executable, script, "--check"], cwd=REPOSITORY, check=False)
    assert done.returncode == 0, "run python scripts/api_reference.py"


# --- annotate ---------------------------------------------------------------------------------------


def test_it_gives_what_the_command_line_gives(capsys, result: gse.Annotation, talk: Path) -> None:
    told = printed(
        capsys,
        *(
            "annotate",
            talk,
            "--transcript",
            "beside",
            "--whisper",
            "none",
            "--head",
            HEAD,
            "--json",
        ),
    )
    lines = told["document"]["segments"]
    assert len(result.segments) == len(lines) == 2
    for segment, line in zip(result.segments, lines, strict=True):
        assert (segment.text, segment.label) == (line["segment"]["text"], line["scores"]["label"])
        scores = line["scores"]["probabilities"]
        assert segment.scores.probabilities == pytest.approx(scores, abs=1e-4)


def test_what_is_saved_is_read_back(result: gse.Annotation, tmp_path: Path) -> None:
    assert result.save(tmp_path / "talk.json") == tmp_path / "talk.json"
    assert json.loads((tmp_path / "talk.json").read_text("utf-8")) == result.to_dict()
    assert read_json(tmp_path / "talk.json") == result.transcript
    assert result.to_dict()["format"] == "gpt-sovits-emotion/tagged-transcript"
    result.save(tmp_path / "subtitles", format="srt", language="zh")
    assert "good morning" in (tmp_path / "subtitles").read_text("utf-8")


def test_a_table_has_a_row_per_segment(result: gse.Annotation) -> None:
    frame = result.to_frame()
    assert frame["text"].tolist() == [segment.text for segment in result.segments]
    assert frame["label"].tolist() == [segment.label for segment in result.segments]
    shares = frame[[name for name in frame.columns if name.startswith("p:")]]
    assert np.allclose(shares.sum(axis=1), 1.0, atol=1e-6)
    assert np.allclose(shares.max(axis=1), frame["confidence"], atol=1e-6)
    assert frame["start_s"].is_monotonic_increasing
    assert all(frame["reason"])


def test_a_table_of_nothing_still_has_its_columns(result: gse.Annotation) -> None:
    from dataclasses import replace

    nothing = gse.Annotation(replace(result.transcript, segments=()))
    frame = nothing.to_frame()
    assert len(frame) == 0
    assert {"start_s", "text", "label", "confidence"} <= set(frame.columns)


@pytest.mark.parametrize("kind", ["float32", "int16", "stereo"])
def test_samples_are_heard_as_their_file(annotator, talk: Path, result, kind: str) -> None:
    samples, rate_hz = soundfile.read(talk, dtype="float32")
    if kind == "int16":
        samples = np.round(samples * 32767).astype(np.int16)
    if kind == "stereo":
        samples = np.stack([samples, samples], axis=1)
    heard = annotator.annotate(samples, rate_hz, transcript=talk.with_suffix(".srt"))
    for own, other in zip(heard.segments, result.segments, strict=True):
        assert own.label == other.label
        assert own.scores.probabilities == pytest.approx(other.scores.probabilities, abs=0.02)


def test_a_rate_belongs_to_samples_and_to_nothing_else(annotator, talk: Path) -> None:
    with pytest.raises(AudioError, match="give it as well"):
        annotator.annotate(np.zeros(16_000, np.float32))
    with pytest.raises(AudioError, match="leave sampling_rate_hz out"):
        annotator.annotate(talk, 16_000)


def test_what_is_missing_is_said(annotator, tmp_path: Path) -> None:
    with pytest.raises(gse.EmotionError, match=r"no\.wav"):
        annotator.annotate(tmp_path / "no.wav")
    with pytest.raises(HeadError, match="no-such-head"):
        gse.load("no-such-head")
    with pytest.raises(ReferenceBankError):
        gse.open_voice(tmp_path / "nobody")


def test_the_best_head_that_can_work_is_taken_where_none_is_named() -> None:
    opened = gse.load(whisper="base", offline=True)
    assert opened.head_id == "whisper-base-free"
    assert opened.note is None


# --- a voice ----------------------------------------------------------------------------------------


def test_a_voice_says_what_it_has() -> None:
    voice = gse.open_voice(VOICE)
    assert {"angry", "happy", "neutral", "sad"} <= set(voice.emotions)
    assert voice.name
    assert voice.bank.usable


def test_a_round_trip_is_that_of_the_command_line(capsys, annotator, talk: Path, tmp_path) -> None:
    trip = annotator.round_trip(talk, gse.open_voice(VOICE), transcript=talk.with_suffix(".srt"))
    assert [segment.text for segment in trip.annotation.segments] == ["good morning", "what a day"]
    assert trip.audio.samples.dtype == np.float32
    assert np.abs(trip.audio.samples).max() > 0.01
    report = trip.save(tmp_path / "trip")
    written = {path.name for path in (tmp_path / "trip").iterdir()}
    assert set(report.files.values()) <= written <= set(DELIVERED_FILES)
    told = printed(
        capsys,
        *("roundtrip", talk, "--voice", VOICE, "--out", tmp_path / "cli", "--head", HEAD, "--json"),
        *("--transcript", "beside", "--whisper", "none"),
    )
    for own, other in zip(trip.report.segments, told["segments"], strict=True):
        assert own.wanted == other["wanted"]
        assert str(own.choice.candidates[0].clip.path).endswith(
            other["choice"]["candidates"][0]["clip"]["path"]
        )
        assert own.survived == other["survived"]


def test_a_recording_that_went_is_missed_when_saving(annotator, talk: Path, tmp_path) -> None:
    copy = shutil.copy(talk, tmp_path / "copy.wav")
    trip = annotator.round_trip(copy, VOICE, transcript=talk.with_suffix(".srt"))
    Path(copy).unlink()
    with pytest.raises(AudioError, match=r"copy\.wav"):
        trip.save(tmp_path / "trip")


def test_texts_are_said_in_their_emotion(annotator, tmp_path: Path) -> None:
    one = annotator.say("[happy] What a day!", VOICE)
    assert [segment.wanted for segment in one.report.segments] == ["happy"]
    several = annotator.say(["Well.", "[sad] It is late."], VOICE, emotion="angry", language="en")
    assert [segment.wanted for segment in several.report.segments] == ["angry", "sad"]
    assert several.audio.duration_s > 0.5
    several.save(tmp_path / "said", language="zh")
    assert (tmp_path / "said" / "report.html").is_file()
