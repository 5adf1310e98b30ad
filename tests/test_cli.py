"""The command line: the result on stdout, the talk on stderr, an exit code, never a traceback."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import REPOSITORY, voiced

from gpt_sovits_emotion import __version__
from gpt_sovits_emotion.audio import resample, write_wav
from gpt_sovits_emotion.backends.espeak import Espeak
from gpt_sovits_emotion.cli import main
from gpt_sovits_emotion.cli.console import clock, shown_width
from gpt_sovits_emotion.core.records import Audio
from gpt_sovits_emotion.testing import make_fake_head
from gpt_sovits_emotion.transcripts import TRANSCRIPT_FORMAT, document_of, read_json


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Run the command line in this process; return exit code, stdout and stderr."""
    with pytest.raises(SystemExit) as exit_:
        main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    return exit_.value.code, captured.out, captured.err


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    """A recording of six segments with its subtitles beside it."""
    speech = np.zeros((6, 32_000), np.float32)
    settings = ((30, 60), (80, 120), (50, 90), (20, 40), (60, 90), (40, 60))
    for row, (pitch, volume) in enumerate(settings):
        said, rate_hz = Espeak().say(
            "This is said aloud.", language="en", pitch=pitch, volume=volume
        )
        said = resample(Audio(said, rate_hz), 16_000).samples[:24_000]
        speech[row, : len(said)] = said
    write_wav(tmp_path / "talk.wav", Audio(speech.ravel(), 16_000))
    cues = [
        f"{i + 1}\n00:00:{2 * i:02d},000 --> 00:00:{2 * i + 1:02d},500\nsentence {i}\n"
        for i in range(6)
    ]
    (tmp_path / "talk.srt").write_text("\n".join(cues))
    return tmp_path / "talk.wav"


@pytest.fixture
def voice(tmp_path: Path) -> Path:
    for number, emotion in enumerate(("angry", "happy", "sad", "neutral", "fearful")):
        clip = Audio(voiced(3.5, f0_hz=100 + 25 * number, level=0.1), 16_000)
        write_wav(tmp_path / "voice" / emotion / "one.wav", clip)
        (tmp_path / "voice" / emotion / "one.txt").write_text("words of the clip")
    return tmp_path / "voice"


def test_help_answers_at_once_and_without_torch() -> None:
    started = time.monotonic()
    code = "import sys, runpy; sys.argv = ['x', '--help']\n"
    code += "try: runpy.run_module('gpt_sovits_emotion', run_name='__main__')\n"
    code += (
        "except SystemExit: print(sorted({'torch', 'numpy', 'gradio', 'av'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY
    )
    assert time.monotonic() - started < 10  # a hang, not a benchmark
    assert done.stdout.splitlines()[-1] == "[]"
    for command in ("annotate", "roundtrip", "demo", "heads", "web"):
        assert f"\n  {command} " in done.stdout


@pytest.mark.parametrize("words", [(), ("heads",), ("refs",)])
def test_a_group_without_a_command_shows_its_help(words: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gpt_sovits_emotion", *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONIOENCODING": "utf-8"},
    )
    told = done.stdout + done.stderr
    assert "Traceback" not in told
    assert "\\n" not in told
    assert re.match(r"Usage: |用法：", told)
    assert len(told.splitlines()) > 8


@pytest.mark.parametrize(
    "command", [["annotate"], ["roundtrip"], ["demo"], ["heads", "list"], ["web"]]
)
def test_every_command_explains_itself(capsys, command: list[str]) -> None:
    code, out, _ = run(capsys, *command, "--help")
    assert code == 0
    assert "Usage: gpt-sovits-emotion" in out


def test_version(capsys) -> None:
    assert run(capsys, "--version")[1].strip().endswith(__version__)


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["annotate"], ["annotate", "a.wav", "--format", "doc", "--out", "x"], ["--bad"]],
)
def test_wrong_usage_is_two(capsys, arguments: list[str]) -> None:
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert "Error" in err


def test_annotate_as_json(capsys, talk: Path) -> None:
    code, out, _ = run(
        capsys, "annotate", talk, "--transcript", "beside", "--language", "en", "--json"
    )
    assert code == 0
    (line,) = out.splitlines()
    printed = json.loads(line)
    # The same that a file holds, after the recording's name.
    assert (printed["file"], printed["format"]) == (str(talk), TRANSCRIPT_FORMAT)
    kept = talk.with_name("printed.json")
    kept.write_text(line, "utf-8")
    assert document_of(read_json(kept))["document"] == printed["document"]
    found = printed["document"]
    assert found["head_id"] == "whisper-base-free"
    # A generated voice lies at the edge of what the head was trained on, on some processors beyond it.
    assert [note for note in found["notes"] if "unlike any voice" not in note["en"]] == []
    assert [one["segment"]["text"] for one in found["segments"]] == [
        f"sentence {i}" for i in range(6)
    ]
    for one in found["segments"]:
        assert sum(one["scores"]["probabilities"].values()) == pytest.approx(1, abs=0.01)
        assert one["scores"]["label"]
        assert one["scores"]["reason"]["zh"]


def test_annotate_without_words(capsys, talk: Path) -> None:
    code, out, _ = run(capsys, "annotate", talk, "--whisper", "none", "--json")
    segments = json.loads(out)["document"]["segments"]
    assert code == 0
    assert segments
    assert all(one["segment"]["text"] == "" and one["scores"] for one in segments)


def test_annotate_for_people_in_chinese(capsys, talk: Path) -> None:
    code, out, _ = run(capsys, "annotate", talk, "--transcript", "beside", "--lang", "zh")
    assert code == 0
    assert "sentence 3" in out
    assert "平时" in out


def test_who_speaks_stands_before_the_words_and_in_the_report(
    capsys, talk, voice, tmp_path
) -> None:
    words = tmp_path / "words.srt"
    cues = ("ANNA: Good morning.", "Nobody says who.")
    words.write_text(
        "".join(f"{n}\n00:00:0{n},000 --> 00:00:0{n},900\n{cue}\n\n" for n, cue in enumerate(cues))
    )
    heard = ("--transcript", words, "--head", "prosody-emodb")
    _, out, _ = run(capsys, "annotate", talk, *heard)
    assert re.search(r"  ANNA: Good morning\.\n", out)
    assert re.search(r"  Nobody says who\.\n", out)
    _, out, _ = run(capsys, "annotate", talk, *heard, "--lang", "zh")
    assert "  ANNA：Good morning." in out
    run(capsys, "roundtrip", talk, *heard, "--voice", voice, "--out", tmp_path / "trip")
    page = (tmp_path / "trip" / "report.html").read_text("utf-8")
    assert page.count('<p class="speaker" dir="auto">') == 1
    assert '<p class="speaker" dir="auto">ANNA</p>' in page
    assert "] ANNA:\u2060 Good morning." in (tmp_path / "trip" / "transcript.srt").read_text(
        "utf-8"
    )


def test_annotate_writes_files_and_resumes(capsys, talk: Path, tmp_path: Path) -> None:
    arguments = ["annotate", talk, "--transcript", "beside", "--out", tmp_path / "out"]
    formats = [part for name in ("json", "srt", "rich-text") for part in ("--format", name)]
    code, out, _ = run(capsys, *arguments, *formats)
    assert (code, out) == (0, "")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"talk.json", "talk.srt", "talk.rich.txt"}
    before = (tmp_path / "out" / "talk.json").stat().st_mtime_ns
    assert "done before" in run(capsys, *arguments, *formats, "--skip-done")[2]
    assert (tmp_path / "out" / "talk.json").stat().st_mtime_ns == before


def test_two_recordings_of_one_name_do_not_overwrite_each_other(
    capsys, talk: Path, tmp_path
) -> None:
    other = tmp_path / "talk.flac"
    other.write_bytes(talk.read_bytes())
    run(capsys, "annotate", talk, other, "--whisper", "none", "--out", tmp_path / "out")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"talk.wav.json", "talk.flac.json"}


def test_a_bad_file_among_good_ones_costs_only_itself(capsys, talk: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_text("not audio")
    code, out, err = run(capsys, "annotate", bad, talk, "--whisper", "none", "--json")
    first, second = map(json.loads, out.splitlines())
    assert code == 3
    assert "is not audio" in first["error"]
    assert second["document"]["segments"]
    assert err.count("is not audio") == 1


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["annotate", "missing.wav"], "there is no such file"),
        (["annotate", "{talk}", "--head", "nope"], "there is no head 'nope'"),
        (["annotate", "{talk}", "--head", "{fake}"], "reads the encoder 'fake'"),
        (["annotate", "{talk}", "--transcript", "missing.srt"], "missing.srt"),
        (["annotate", "{talk}", "--whisper", "no-such-size", "--offline"], "no-such-size"),
        (
            ["annotate", "{talk}", "--whisper", "none", "--max-hours", "0.001"],
            "longer than the limit",
        ),
        (["roundtrip", "{talk}", "--voice", "missing", "--out", "o"], "missing"),
        (
            ["roundtrip", "{talk}", "--voice", "{voice}", "--out", "o", "--whisper", "none"],
            "no words",
        ),
        (["heads", "show", "nope"], "there is no head"),
        (["heads", "check", "missing"], "is not a folder"),
    ],
)
def test_errors_are_one_sentence_and_exit_one(
    capsys, monkeypatch, talk: Path, voice: Path, tmp_path: Path, arguments, expected: str
) -> None:
    monkeypatch.chdir(tmp_path)
    fake = make_fake_head(tmp_path / "fake-head")
    filled = [argument.format(talk=talk, voice=voice, fake=fake) for argument in arguments]
    before = set(tmp_path.rglob("*"))
    code, out, err = run(capsys, *filled)
    assert (code, out) == (1, "")
    assert expected in err.splitlines()[-1]
    assert set(tmp_path.rglob("*")) == before


def test_roundtrip(capsys, talk: Path, voice: Path, tmp_path: Path) -> None:
    code, out, err = run(
        capsys,
        *["roundtrip", talk, "--voice", voice, "--out", tmp_path / "out"],
        *["--transcript", "beside", "--language", "en", "--json"],
    )
    assert code == 0, err
    report = json.loads(out)
    assert {segment["wanted"] for segment in report["segments"]}
    assert (tmp_path / "out" / "report.html").stat().st_size > 10_000
    assert all((tmp_path / "out" / name).is_file() for name in report["files"].values())


def test_heads_are_listed_shown_and_checked(capsys, tmp_path: Path) -> None:
    make_fake_head(tmp_path / "fake-head")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "head.yaml").write_text("nothing")
    code, out, err = run(capsys, "heads", "list", "--heads-dir", tmp_path)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == [
        "broken",
        "fake-head",
        "prosody-emodb",
        "prosody-multi-nc",
        "whisper-base-free",
        "whisper-base-nc",
    ]
    assert "is not the card of a head" in err
    rows = json.loads(run(capsys, "heads", "list", "--heads-dir", tmp_path, "--json")[1])
    assert [row["problem"] is None for row in rows] == [False, True, True, True, True, True]
    shown = run(capsys, "heads", "show", "prosody-emodb")[1]
    assert "EmoDB" in shown
    assert "UAR" in shown
    assert "confusion" in shown
    assert "sound" in run(capsys, "heads", "check", tmp_path / "fake-head")[1]


def test_ctrl_c_leaves_the_finished_files(capsys, monkeypatch, talk: Path, tmp_path: Path) -> None:
    import gpt_sovits_emotion.pipeline as pipeline

    genuine, calls = pipeline.annotate, []

    def interrupted(*args, **kwargs):
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return genuine(*args, **kwargs)

    monkeypatch.setattr(pipeline, "annotate", interrupted)
    second = tmp_path / "second.wav"
    second.write_bytes(talk.read_bytes())
    code, _, err = run(
        capsys, "annotate", talk, second, "--whisper", "none", "--out", tmp_path / "out"
    )
    assert code == 130
    assert "files that were finished stay" in err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["talk.json"]


def test_a_fault_of_ours_is_one_line_unless_asked(capsys, monkeypatch, talk: Path) -> None:
    def fault(*args, **kwargs):
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("gpt_sovits_emotion.pipeline.annotate", fault)
    code, _, err = run(capsys, "annotate", talk)
    assert code == 1
    assert "unexpected ZeroDivisionError" in err
    with pytest.raises(ZeroDivisionError):
        main(["--debug", "annotate", str(talk)])


def test_clock_and_width() -> None:
    assert [clock(s) for s in (0, 59.96, 61.25, 3661)] == [
        "0:00.0",
        "1:00.0",
        "1:01.2",
        "1:01:01.0",
    ]
    assert (shown_width("angry"), shown_width("愤怒")) == (5, 4)


@pytest.mark.corpus
def test_twenty_clips_of_emodb_each_get_scores_label_and_reason(capsys, corpora_dir: Path) -> None:
    clips = sorted((corpora_dir / "emodb").glob("*.flac"))[::27][:20]
    code, out, _ = run(capsys, "annotate", *clips, "--whisper", "none", "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [line["file"] for line in lines] == [str(clip) for clip in clips]
    for line in lines:
        segments = line["document"]["segments"]
        assert segments
        for scores in (one["scores"] for one in segments):
            assert len(scores["probabilities"]) == 7
            assert scores["label"]
            assert scores["reason"]["en"]
