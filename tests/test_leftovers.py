"""What killed processes were writing is cleared away by the next; what a living one writes is not."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import REPOSITORY

from gpt_sovits_emotion.core import files
from gpt_sovits_emotion.core.leftovers import being_written, sweep
from gpt_sovits_emotion.heads import list_heads
from gpt_sovits_emotion.heads.install import add_head
from gpt_sovits_emotion.testing import make_fake_head

pytestmark = pytest.mark.skipif(os.name == "nt", reason="nothing can be locked there")

_WRITING = """
import sys, time
from pathlib import Path
from gpt_sovits_emotion.core.files import replacing
with replacing(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    print(temporary.name, flush=True)
    time.sleep(600)
"""
_ADDING = """
import sys, time
from pathlib import Path
from gpt_sovits_emotion.heads import install
def stuck(staged, place, work):
    if sys.argv[3] == "moved":
        (work / "before").mkdir()
        place.replace(work / "before" / place.name)
    print("staged", flush=True)
    time.sleep(600)
install.put_into_place = stuck
install.add_head(sys.argv[1], folders=[], into=Path(sys.argv[2]), replace=True)
"""


def stuck(code: str, *arguments: object) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    assert process.stdout is not None
    assert process.stdout.readline()
    return process


def grown_old(folder: Path) -> None:
    """Let the hidden things in a folder be as old as if the process had been killed a while ago."""
    before = time.time() - 60
    for path in folder.glob(".*"):
        os.utime(path, (before, before), follow_symlinks=False)


def test_a_file_that_was_being_written_goes_with_the_next(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(files, "_swept", set())
    target = tmp_path / "result.json"
    with stuck(_WRITING, target) as process:
        grown_old(tmp_path)
        files.write_text(tmp_path / "other.json", "whole")
        assert len(list(tmp_path.glob(".writing-*"))) == 1  # it is alive
        process.kill()
    monkeypatch.setattr(files, "_swept", set())
    grown_old(tmp_path)
    files.write_text(target, "whole")
    assert {path.name for path in tmp_path.iterdir()} == {"result.json", "other.json"}
    assert target.read_text() == "whole"


def test_a_head_that_was_being_added_leaves_nothing_behind(tmp_path: Path) -> None:
    source = make_fake_head(tmp_path / "source" / "fake-head")
    into = tmp_path / "heads"
    with stuck(_ADDING, source, into, "staged") as process:
        process.kill()
    assert list_heads([into]) == ()
    grown_old(into)
    add_head(source, folders=[into], into=into)
    assert [path.name for path in into.iterdir()] == ["fake-head"]


def test_a_head_that_was_moved_out_of_the_way_comes_back(tmp_path: Path) -> None:
    source = make_fake_head(tmp_path / "source" / "fake-head")
    into = tmp_path / "heads"
    place, _ = add_head(source, folders=[into], into=into)
    weights = (place / "head.safetensors").read_bytes()
    (source / "README.md").write_text("another")
    with (source / "head.yaml").open("a") as card:
        card.write("\n# changed\n")
    with stuck(_ADDING, source, into, "moved") as process:
        process.kill()
    assert not place.exists()
    grown_old(into)
    other = make_fake_head(tmp_path / "other" / "fake-head")
    add_head(other, folders=[into], into=into)
    assert (place / "head.safetensors").read_bytes() == weights
    assert [path.name for path in into.iterdir()] == ["fake-head"]


def test_what_is_young_or_alive_or_of_others_stays(tmp_path: Path) -> None:
    (tmp_path / ".writing-young").write_text("")
    (tmp_path / ".writing-alive").write_text("")
    (tmp_path / ".other").write_text("")
    (tmp_path / "sub").mkdir()
    (tmp_path / ".writing-link").symlink_to(tmp_path / "sub")
    (tmp_path / ".writing-dead").mkdir()
    (tmp_path / ".writing-dead" / "file").write_text("")
    grown_old(tmp_path)
    os.utime(tmp_path / ".writing-young")
    with being_written(tmp_path / ".writing-alive"):
        sweep(tmp_path, ".writing-")
    assert {path.name for path in tmp_path.iterdir()} == {
        ".writing-young",
        ".writing-alive",
        ".writing-link",
        ".other",
        "sub",
    }
    sweep(tmp_path / "missing", ".writing-")
