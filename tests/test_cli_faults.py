"""Interruptions, full disks, closed pipes, and names that would do something to a terminal."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import REPOSITORY, voiced
from test_cli import run

from gpt_sovits_emotion.audio import write_wav
from gpt_sovits_emotion.cli.console import styled, visible
from gpt_sovits_emotion.core.records import Audio

PROGRAM = [sys.executable, "-m", "gpt_sovits_emotion"]


def started(*arguments: object, **options) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
    words = [*PROGRAM, *(str(argument) for argument in arguments)]
    return subprocess.Popen(words, env=environment, **options)


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    write_wav(tmp_path / "talk.wav", Audio(voiced(4.0), 16_000))
    return tmp_path / "talk.wav"


# What is imported first comes first: from the interpreter's first line of ours on, Ctrl-C has an answer.
_INTERRUPTED_IMPORT = """
import builtins, os, signal, sys
genuine, seen = builtins.__import__, []
def importing(name, *rest):
    if (name + ".").startswith({name!r} + ".") and not seen:
        seen.append(name)
        os.kill(os.getpid(), signal.SIGINT)
    return genuine(name, *rest)
builtins.__import__ = importing
sys.argv = ["gpt-sovits-emotion", "annotate", "talk.wav", "--whisper", "none", "--head", "prosody-emodb"]
from gpt_sovits_emotion.__main__ import main
main()
"""


@pytest.mark.parametrize(
    "name",
    [
        "click", "gpt_sovits_emotion.cli", "secrets", "gpt_sovits_emotion.cli.chinese", "numpy", "av", "tqdm",
        "pydantic._internal",
    ],
)  # fmt: skip
def test_ctrl_c_while_it_starts_leaves_no_traceback(talk: Path, name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED_IMPORT.format(name=name)],
        capture_output=True,
        text=True,
        check=False,
        cwd=talk.parent,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    assert done.returncode == 130, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "stopped" in done.stderr


_INTERRUPTED_ELSEWHERE = """
import atexit, os, signal, sys, time
from gpt_sovits_emotion import heads

class Deleted:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)

def busy(*arguments, **options):
    Deleted()  # Python prints what is raised in there, and goes on
    time.sleep(600)

def interrupt():
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(600)

if {at_exit}:
    atexit.register(interrupt)
else:
    heads.list_heads = busy
sys.argv = ["gpt-sovits-emotion", "heads", "list"]
from gpt_sovits_emotion.__main__ import main
main()
"""


@pytest.mark.parametrize("at_exit", [False, True])
def test_ctrl_c_leaves_no_traceback_where_python_would_drop_it(tmp_path: Path, at_exit) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED_ELSEWHERE.format(at_exit=at_exit)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    assert done.returncode == (-signal.SIGINT if at_exit else 130), done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert ("stopped" in done.stderr) != at_exit


_BUSY = """
import sys, time
from pathlib import Path
from gpt_sovits_emotion import pipeline
from gpt_sovits_emotion.core.files import replacing
def busy(*arguments, **options):
    with replacing(Path("out", "half.json")):
        print("busy", flush=True)
        time.sleep(600)
pipeline.annotate = busy
from gpt_sovits_emotion.__main__ import main
sys.argv = ["x", "annotate", "talk.wav", "--whisper", "none", "--head", "prosody-emodb", "--out", "out"]
main()
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_command_that_is_asked_to_end_cleans_up(talk: Path, number: int, code: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _BUSY],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=talk.parent,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "busy\n"
        process.send_signal(number)
        out, err = process.communicate()
    assert process.returncode == code, err
    assert out == ""
    assert err.splitlines()[-1].endswith("stopped; files that were finished stay")
    assert "Traceback" not in err
    assert list((talk.parent / "out").iterdir()) == []


def test_a_standard_output_that_is_full_is_told(talk: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with Path("/dev/full").open("w") as full, started("heads", "list", stdout=full) as it:
        _, err = it.communicate()
    assert it.returncode == 1
    assert err.splitlines() == [
        "gpt-sovits-emotion: the result could not be printed (the disk is full): send the standard output "
        "elsewhere and run again"
    ]


def test_an_output_that_nobody_reads_is_no_fault(tmp_path: Path) -> None:
    shell = f"{sys.executable} -m gpt_sovits_emotion corpora list | head -1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", shell],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    assert len(done.stdout.splitlines()) == 1
    assert not re.search("Traceback|Exception|Error|rror:", done.stderr)
    for closed in (">&-", "2>&-", "<&-"):
        shell = f"{sys.executable} -m gpt_sovits_emotion heads list {closed}"
        done = subprocess.run(
            ["bash", "-c", shell],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        )
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr


NAMES = [
    pytest.param(b"red\x1b[31m.wav", "red\\x1b[31m.wav", id="escape"),
    pytest.param(b"title\x1b]0;owned\x07.wav", "\\x1b]0;owned\\x07", id="title"),
    pytest.param("c1\x9b31m.wav".encode(), "c1\\x9b31m.wav", id="c1"),
    pytest.param(b"two\nlines\r.wav", "two\\nlines\\r.wav", id="lines"),
    pytest.param("gnp\u202eexe.wav".encode(), "gnp\\u202eexe.wav", id="direction"),
    pytest.param(b"caf\xe9.wav", "caf\\xe9.wav", id="latin-1"),
    pytest.param("开心".encode("gbk") + b".wav", "\\xbf\\xaa\\xd0\\xc4.wav", id="gbk"),
    pytest.param(b"\xed\xa0\xbd.wav", "\\xed\\xa0\\xbd.wav", id="half an emoji"),
    pytest.param("😀 开心.wav".encode(), "😀 开心.wav", id="whole"),
]


@pytest.mark.parametrize(("name", "shown"), NAMES)
def test_a_file_may_have_any_name(capsys, talk: Path, name: bytes, shown: str) -> None:
    named = talk.with_name(os.fsdecode(name))
    talk.rename(named)
    arguments = ("annotate", named, "--whisper", "none", "--head", "prosody-emodb")
    code, out, err = run(capsys, *arguments)
    assert code == 0, err
    assert shown in out
    assert not set(map(chr, [*range(10), *range(11, 32), *range(127, 160)])) & set(out + err)
    code, out, err = run(capsys, *arguments, "--json")
    assert code == 0, err
    assert len(out.splitlines()) == 1
    assert json.loads(out)["file"] == str(named)
    out_folder = talk.parent / "out"
    formats = [word for one in ("json", "srt", "csv", "txt", "ass") for word in ("--format", one)]
    code, _, err = run(capsys, *arguments, "--out", out_folder, *formats)
    assert code == 0, err
    assert {path.suffix for path in out_folder.iterdir()} == {
        ".json",
        ".srt",
        ".csv",
        ".txt",
        ".ass",
    }
    code, _, err = run(capsys, *arguments, "--out", out_folder, *formats, "--skip-done")
    assert code == 0
    assert "done before" in err
    missing = named.with_name("not " + named.name)
    code, out, err = run(capsys, "annotate", missing)
    assert (code, out) == (1, "")
    assert len(err.splitlines()) == 1


def test_a_terminal_that_is_not_utf_8_gets_valid_json(talk: Path) -> None:
    named = talk.with_name("开心 é 😀.wav")
    talk.rename(named)
    for encoding in ("ascii", "gbk", "latin-1"):
        done = subprocess.run(
            [*PROGRAM, "annotate", named, "--whisper", "none", "--head", "prosody-emodb", "--json"],
            capture_output=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY), "PYTHONIOENCODING": encoding},
        )
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout.decode(encoding))["file"] == str(named)


def test_what_styles_is_ours_alone() -> None:
    assert visible("plain 中文 😀 caf\u00e9") == "plain 中文 😀 caf\u00e9"
    assert visible("\x1b[1m") == "\\x1b[1m"
    assert "\x1b" not in styled("a\x1b[0mb", bold=True)


@pytest.mark.parametrize(
    ("error", "said", "said_zh"),
    [
        (MemoryError(), "not enough memory", "内存不足"),
        (
            NotADirectoryError(20, "Not a directory", "a/b"),
            "a/b cannot be used (Not a directory)",
            "a/b",
        ),
        (
            PermissionError(13, "Permission denied", b"caf\xe9"),
            "caf\\xe9 cannot be used",
            "caf\\xe9",
        ),
    ],
)
def test_what_the_machine_refuses_is_no_fault_of_ours(
    capsys, monkeypatch, error: Exception, said: str, said_zh: str
) -> None:
    def refuse(*arguments, **options):
        raise error

    monkeypatch.setattr("gpt_sovits_emotion.heads.list_heads", refuse)
    code, _, err = run(capsys, "heads", "list")
    assert code == 1
    assert said in err
    assert "unexpected" not in err
    assert "Errno" not in err
    assert said_zh in run(capsys, "heads", "list", "--lang", "zh")[2]


@pytest.mark.parametrize("command", ["annotate", "refs list", "refs build", "adapt", "heads add"])
def test_nothing_waits_for_a_pipe(capsys, monkeypatch, tmp_path: Path, command: str) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe.wav")
    more = {
        "adapt": ("--speaker", "ann", "--head", "prosody-emodb"),
        "heads add": ("--heads-dir", "heads"),
    }.get(command, ())
    code, out, err = run(capsys, *command.split(), "pipe.wav", *more)
    assert (code, out) == (1, "")
    assert len(err.splitlines()) == 1
    assert "unexpected" not in err
    assert [path.name for path in tmp_path.iterdir()] == ["pipe.wav"]
