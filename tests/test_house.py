"""Rules of the house that no single room can check."""

from __future__ import annotations

import importlib.metadata
import pkgutil
import subprocess
import sys
from pathlib import Path

import yaml
from conftest import REPOSITORY
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import gpt_sovits_emotion
import webui_tab

TRAINS = {"gpt_sovits_emotion.heads.classifier"}
MODULES = sorted(
    module.name
    for package in (gpt_sovits_emotion, webui_tab)
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    if not module.name.endswith("__main__")
)

_IMPORT_QUIETLY = """
import importlib, os, random, sys
environment, folder, state = dict(os.environ), os.getcwd(), random.getstate()
for name in sys.argv[1:]:
    importlib.import_module(name)
assert dict(os.environ) == environment, "the environment was changed"
assert os.getcwd() == folder and random.getstate() == state, "the folder or a seed was changed"
print(*sorted({name.partition('.')[0] for name in sys.modules}))
"""


def test_nothing_happens_at_import(tmp_path: Path) -> None:
    ours = [name for name in MODULES if name not in TRAINS and not name.startswith("webui_tab")]
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT_QUIETLY, *ours],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={"PYTHONPATH": str(REPOSITORY), "HOME": str(tmp_path), "PATH": ""},
    )
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    slow = {
        "torch",
        "librosa",
        "gradio",
        "faster_whisper",
        "ctranslate2",
        "matplotlib",
        "av",
        "transformers",
    }
    assert slow & set(line.split()) == set()
    assert list(tmp_path.iterdir()) == []


def test_every_requirement_has_a_tested_version() -> None:
    needed = {
        canonicalize_name(Requirement(line).name)
        for line in importlib.metadata.requires("gpt-sovits-emotion") or ()
    }
    lines = (REPOSITORY / "constraints.txt").read_text().splitlines()
    constrained = {
        canonicalize_name(Requirement(line).name)
        for line in lines
        if line and not line.startswith("#")
    }
    assert needed - constrained == set()


def test_the_sample_sentences_are_sound() -> None:
    path = REPOSITORY / "gpt_sovits_emotion" / "sample_data" / "sentences.yaml"
    sentences = yaml.safe_load(path.read_text(encoding="utf-8"))["sentences"]
    assert len({sentence["id"] for sentence in sentences}) == len(sentences)
    assert {sentence["language"] for sentence in sentences} >= {"zh", "en"}
