"""Broken and malicious heads: each is refused in one sentence, in two languages, and none does anything."""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from head_files import RAN, rewrite
from head_files.broken import BROKEN
from head_files.malicious import MALICIOUS

from gpt_sovits_emotion import heads
from gpt_sovits_emotion.cli import main
from gpt_sovits_emotion.core.errors import HeadError
from gpt_sovits_emotion.heads import find_head, list_heads
from gpt_sovits_emotion.heads.check import check_head
from gpt_sovits_emotion.heads.install import add_head
from gpt_sovits_emotion.heads.weights import read_weights
from gpt_sovits_emotion.testing import make_fake_head

BAD = {**BROKEN, **MALICIOUS}
_ACCEPTED = ("no corpus", "no golden triple")
"""What the contract asks of an author, but a head works without."""


@pytest.fixture(scope="module")
def sound_head(tmp_path_factory) -> Path:
    return make_fake_head(tmp_path_factory.mktemp("sound") / "fake-head")


@pytest.fixture
def spoiled(sound_head, tmp_path, monkeypatch):
    """Return what makes the folder of a spoiled head; the program runs in a folder of its own."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    def make(case: str) -> Path:
        folder = tmp_path / "heads" / "fake-head"
        shutil.copytree(sound_head, folder)
        BAD[case][0](folder)
        return folder

    yield make
    assert not (tmp_path / "here" / RAN).exists(), "the file ran code"


def test_there_are_enough_of_them() -> None:
    assert len(MALICIOUS) >= 10
    assert len(BROKEN) >= 20


@pytest.mark.parametrize("case", BAD)
def test_a_bad_head_is_refused_in_one_sentence(spoiled, case: str) -> None:
    folder = spoiled(case)
    with pytest.raises(HeadError, match=BAD[case][1]) as caught:
        check_head(folder)
    for language in ("en", "zh"):
        sentence = caught.value.say(language)
        assert "\n" not in sentence
        assert len(sentence) < 700
    assert caught.value.zh is not None


@pytest.mark.parametrize("case", [case for case in BAD if case not in _ACCEPTED])
def test_a_bad_head_is_listed_with_the_reason_and_hurts_no_other(spoiled, case: str) -> None:
    folder = spoiled(case)
    other = make_fake_head(folder.parent / "other")
    rewrite(other, "id: fake-head", "id: other")
    entries = {entry.path.name: entry for entry in list_heads([folder.parent])}
    assert entries["other"].state == "sound"
    assert find_head("other", [folder.parent]).card.id == "other"
    if folder.exists():
        bad = entries["fake-head"]
        assert bad.state in ("broken", "waiting")
        assert bad.problem is not None
        assert bad.say("zh") != bad.problem
        with pytest.raises(HeadError):
            find_head("fake-head", [folder.parent])


_CHECK_ALL = """
import json, resource, sys
from pathlib import Path
import torch, safetensors.numpy
from gpt_sovits_emotion.core.errors import HeadError
from gpt_sovits_emotion.heads.check import check_head
pages = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (pages + (1 << 30), pages + (1 << 30)))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
refused = []
for folder in sys.argv[1:]:
    try:
        check_head(folder)
    except HeadError:
        refused.append(folder)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"refused": refused, "grown_kb": after - before}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits and measures memory as Linux does")
def test_malicious_heads_take_little_memory(sound_head, tmp_path: Path) -> None:
    folders = []
    for number, (spoil, _) in enumerate(MALICIOUS.values()):
        folder = tmp_path / f"{number}" / "fake-head"
        shutil.copytree(sound_head, folder)
        spoil(folder)
        folders.append(str(folder))
    done = subprocess.run(
        [sys.executable, "-c", _CHECK_ALL, *folders],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    told = json.loads(done.stdout)
    assert told["refused"] == folders
    assert told["grown_kb"] < 400 << 10
    assert not (tmp_path / RAN).exists()


def test_what_is_wrong_with_weights_is_said_in_words_of_each_language(tmp_path: Path) -> None:
    path = tmp_path / "head.safetensors"
    for content in (b"", struct.pack("<Q", 20) + b"{" * 20, struct.pack("<Q", 2) + b"{}" + b"more"):
        path.write_bytes(content)
        with pytest.raises(HeadError) as caught:
            read_weights(path)
        told, told_zh = str(caught.value), caught.value.say("zh")
        assert "Expecting" not in told + told_zh
        words = re.findall(r"[A-Za-z]{3,}", told_zh.replace(str(path), ""))
        assert set(words) <= {"safetensors"}


def test_a_circle_of_links_is_told(tmp_path: Path) -> None:
    (tmp_path / "head").symlink_to("head")
    with pytest.raises(HeadError, match="links lead in a circle") as caught:
        add_head(tmp_path / "head", folders=[], into=tmp_path / "heads")
    assert "链接首尾相连" in caught.value.say("zh")


def test_a_circle_of_links_is_told_where_no_one_else_does(tmp_path, monkeypatch, capsys) -> None:
    def list_heads(folders) -> None:
        raise RuntimeError("Symlink loop from '/heads/mine'")  # pathlib, before Python 3.13

    monkeypatch.setattr(heads, "list_heads", list_heads)
    for language, told in [("en", "links lead in a circle"), ("zh", "链接首尾相连")]:
        with pytest.raises(SystemExit) as caught:
            main(["--lang", language, "heads", "list"])
        said = capsys.readouterr().err
        assert caught.value.code == 1
        assert "/heads/mine" in said
        assert told in said
