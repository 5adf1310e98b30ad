"""What options refuse: numbers that are none, empty paths, text that is none, files that are pipes."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from test_cli import run

from gpt_sovits_emotion.cli import command
from gpt_sovits_emotion.cli.arguments import FilePath, Folder, Number, Place, Words


def commands(group: click.Group = command, path: tuple[str, ...] = ()) -> Iterator[tuple]:
    """Yield every command with the words that name it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None
        if isinstance(found, click.Group):
            yield from commands(found, (*path, name))
        else:
            yield (*path, name), found


COMMANDS = dict(commands())
PARAMETERS = [
    pytest.param(words, parameter, id=f"{'-'.join(words)}-{parameter.name}")
    for words, found in COMMANDS.items()
    for parameter in found.params
]


@pytest.mark.parametrize(("words", "parameter"), PARAMETERS)
def test_no_parameter_takes_what_is_no_value(words, parameter: click.Parameter) -> None:
    kind = parameter.type
    assert not isinstance(kind, click.Path), "Place, Folder and FilePath refuse what is empty"
    assert kind is not click.STRING, "Words refuses what is no text"
    assert kind is not click.INT, "a number has ends"
    assert type(kind) is not click.FloatRange, "Number refuses what is not finite"
    refused: list[str] = []
    if isinstance(kind, Number):
        refused = ["nan", "inf", "-inf", "-1e308", "1e400", "", "x", "NaN"]
        if kind.max is not None:
            refused.append(str(kind.max * 1.001 + 1e-9))
    elif isinstance(kind, click.IntRange):
        refused = ["-1" if kind.min is None or kind.min >= 0 else str(kind.min - 1), "", "1.5", "x"]
        if kind.max is not None:
            refused += [str(kind.max + 1), "9" * 40]
    elif isinstance(kind, Place):
        refused = ["", "  ", "a\0b", "half \ud83d"]
    elif isinstance(kind, Words):
        refused = ["a\0b", "half \ud83d"]
        if parameter.default != "" and parameter.name != "texts":
            refused += ["", " "]
    for value in refused:
        with pytest.raises(click.UsageError):
            kind.convert(value, parameter, None)


def test_numbers_have_an_upper_end_where_they_allot_something() -> None:
    jobs = [p for _, c in COMMANDS.items() for p in c.params if p.name == "jobs"]
    assert jobs
    for parameter in jobs:
        with pytest.raises(click.UsageError):
            parameter.type.convert("1000000", parameter, None)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["annotate", "x.wav", "--smoothing", "nan"], "nan is not a number"),
        (["annotate", "x.wav", "--max-hours", "inf"], "inf is not a number"),
        (["annotate", "x.wav", "--out", ""], "a path was expected"),
        (["annotate", ""], "a path was expected"),
        (["annotate", "x.wav", "--head", ""], "it is empty"),
        (["annotate", "x.wav", "--skip-done"], "--out"),
        (["say", "bank", "hello", "--out", ""], "a path was expected"),
        (["say", "bank", "half \ud83d of it", "--out", "o"], "is no valid text"),
        (["say", "bank", "byte \udcff", "--out", "o"], "is no valid text"),
        (["say", "bank", "x", "--out", "o", "--seed", "-1"], "not in the range"),
        (["heads", "export", "x", "--out", ""], "a path was expected"),
        (["refs", "choose", "bank", "--emotion", ""], "it is empty"),
        (["annotate", "x.wav", "--out", "{pipe}"], "a folder was expected"),
        (["annotate", "x.wav", "--transcript", "{pipe}"], "is no ordinary file"),
        (["say", "bank", "--file", "{pipe}", "--out", "o"], "is no ordinary file"),
        (["say", "bank", "--file", "{socket}", "--out", "o"], "is no ordinary file"),
        (["say", "bank", "--file", "/dev/zero", "--out", "o"], "is no ordinary file"),
        (["say", "bank", "--file", "{folder}", "--out", "o"], "is a folder"),
        (["evaluate", "--corpus", "a=b", "--json", "/dev/full"], "is no ordinary file"),
    ],
)
def test_wrong_values_are_told(capsys, monkeypatch, tmp_path: Path, arguments, expected) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    Path("folder").mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        code, out, err = run(
            capsys,
            *(each.format(pipe="pipe", socket="socket", folder="folder") for each in arguments),
        )
    assert (code, out) == (2, "")
    assert expected in err.splitlines()[-1]
    assert {path.name for path in tmp_path.iterdir()} == {"pipe", "socket", "folder"}


def test_a_name_that_is_no_utf_8_may_be_that_of_a_file(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.wav")
    assert FilePath().convert(str(tmp_path / name), None, None).name == name
    assert Folder().convert(str(tmp_path / name), None, None).name == name
    assert Words(names=True).convert(name, None, None) == name


def test_what_lies_there_is_not_replaced_unless_asked(capsys, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    Path("said").mkdir()
    for name in ("after.wav", "report.html"):
        Path("said", name).write_text("mine")
    Path("mine.html").write_text("mine")
    for arguments in (
        ["say", "bank", "hello", "--out", "said"],
        ["roundtrip", "x.wav", "--voice", "bank", "--out", "said"],
        ["demo", "--out", "said"],
        ["evaluate", "--corpus", "emodb=x", "--page", "mine.html"],
        ["refs", "coverage", "bank", "--picture", "mine.html"],
    ):
        code, out, err = run(capsys, *arguments)
        assert (code, out) == (1, "")
        assert "is there already and was not touched" in err
        assert "--replace" in err
    assert {path.read_text() for path in tmp_path.rglob("*.*")} == {"mine"}
