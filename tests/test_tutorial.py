"""The tutorials are followed: every command runs, in order, and says what the page shows.

A block of code is run; a block ``text`` below it shows what it says, ``text FILE`` what a file holds, and
``text edit FILE`` what a reader writes into one: subtitles in place of those of the same number. Words and
percentages depend on the processor (int8), so a shown line is held to be like one that was said.
"""

from __future__ import annotations

import contextlib
import difflib
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import REPOSITORY
from snippets import PROGRAM, transcribe_once, words_of

from gpt_sovits_emotion.cli import main

TUTORIALS = ["docs/tutorial.md", "docs/tutorial.zh.md"]
BLOCK = re.compile(r"^```(python|sh|text)([^\n]*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
ALIKE = 0.7


def blocks(document: str) -> Iterator[tuple[str, str, str]]:
    page = (REPOSITORY / document).read_text(encoding="utf-8")
    return ((kind, name.strip(), code) for kind, name, code in BLOCK.findall(page))


def run(line: str, folder: Path) -> str:
    said = io.StringIO()  # both streams, as a terminal shows them
    streams = contextlib.redirect_stdout(said), contextlib.redirect_stderr(said)
    with streams[0], streams[1], pytest.raises(SystemExit) as ended:
        main(words_of(line, folder))
    assert ended.value.code == 0, line
    return said.getvalue()


def _without_verdict(line: str) -> str:
    """Return a line without what was heard in the output again: eSpeak NG is not said twice alike."""
    return re.sub(r"(survived|lost|情感保留|情感丢失)[:：].*", "", line).strip()


def unlike(shown: str, told: str) -> list[str]:
    """Return the shown lines that are not, in this order, like lines that were told."""
    left, missing = [_without_verdict(line) for line in told.splitlines()], []
    for line in (_without_verdict(line) for line in shown.splitlines()):
        if line in ("", "…"):
            continue
        likeness = [difflib.SequenceMatcher(None, line, each).ratio() for each in left]
        if not likeness or max(likeness) < ALIKE:
            missing.append(line)
        else:
            left = left[likeness.index(max(likeness)) + 1 :]
    return missing


def edit(path: Path, cue: str) -> None:
    """Write the words of a subtitle into the one that has its number."""
    number, _, words = cue.split("\n", 2)
    old = re.compile(rf"^({number}\n.* --> .*\n).*\n", re.MULTILINE)
    written, n_found = old.subn(lambda found: found[1] + words, path.read_text(encoding="utf-8"))
    assert n_found == 1
    path.write_text(written, encoding="utf-8")


@pytest.fixture(scope="module")
def heard() -> dict[tuple[str, str], object]:
    """What Whisper has heard: both tutorials are of one recording, which it needs to hear once."""
    return {}


@pytest.mark.slow
@pytest.mark.parametrize("document", TUTORIALS)
def test_the_tutorial_can_be_followed(
    document: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, heard, whisper_base
) -> None:
    transcribe_once(monkeypatch, heard)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    told, unshown = "", {}
    for kind, name, code in blocks(document):
        if kind == "python":
            exec(compile(code, document, "exec"), {})
        elif kind == "sh":
            for line in code.splitlines():
                assert line.startswith(PROGRAM)
                told = run(line, tmp_path)
        elif name.startswith("edit "):
            edit(tmp_path / name.removeprefix("edit "), code)
        else:
            said = (tmp_path / name).read_text(encoding="utf-8") if name else told
            print(f"--- {name or line}\n{said}")
            assert code.strip()
            if missing := unlike(code, said):
                unshown[name or line] = missing
    assert unshown == {}
    assert (tmp_path / "said" / "report.html").is_file()


def test_both_tutorials_give_the_same_commands() -> None:
    english, chinese = (
        [(kind, name) if kind == "text" else (kind, code) for kind, name, code in blocks(each)]
        for each in TUTORIALS
    )
    assert [kind for kind, _ in english].count("sh") == 6
    assert [
        (kind, re.sub(r" --lang zh| \"\[.*\"", "", code) if kind == "sh" else code)
        for kind, code in chinese
        if kind != "python"
    ] == [
        (kind, re.sub(r" \"\[.*\"", "", code) if kind == "sh" else code)
        for kind, code in english
        if kind != "python"
    ]


def test_a_line_that_is_not_said_is_found() -> None:
    said = "happy      2      11 s    99 %\nsad        1      5 s     70 %\n"
    assert unlike("happy      2      11 s    98 %\n…\n", said) == []
    assert unlike("sad 1 5 s 70 %\nhappy 2 11 s 99 %", said) != []
    assert unlike("the report is in said/report.html", said) != []
