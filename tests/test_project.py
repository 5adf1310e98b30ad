"""Rules of the whole project that no single package can check."""

from __future__ import annotations

import ast
import importlib.metadata
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import yaml
from conftest import REPOSITORY
from importlinter.api import read_configuration
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


_BUILD_THE_TAB = """
import sys, warnings
from pathlib import Path
warnings.simplefilter("ignore")
import gradio as gr
before = set(sys.modules)
from webui_tab import attach
from webui_tab.pages import Pages
from webui_tab.page import build_tab
from webui_tab.app_context import AppContext
root = Path(sys.argv[1])
with gr.Blocks() as blocks:
    build_tab(blocks, Pages(root), AppContext(), upload_root=root)
print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}))
"""


def test_the_tab_waits_with_what_is_heavy(tmp_path: Path) -> None:
    """GPT-SoVITS takes long to start already, and a python without the tab's engines can show it."""
    done = subprocess.run(
        [sys.executable, "-c", _BUILD_THE_TAB, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=REPOSITORY,
    )
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "webui_tab" in loaded
    heavy = {"torch", "librosa", "faster_whisper", "ctranslate2", "av", "scipy", "transformers"}
    assert heavy & loaded == set()


THEIR_NAMES = ("ssl_model", "vq_model", "get_tts_wav", "tts_pipeline", "cnhuhbert_model", "enc_q")


def test_the_names_of_gpt_sovits_stay_in_the_backends() -> None:
    """What it calls its parts may change with any release; one package is to know (docstrings may tell)."""
    told = []
    for package in (gpt_sovits_emotion, webui_tab):
        for path in Path(package.__path__[0]).rglob("*.py"):
            if "backends" in path.parts:
                continue
            tree = ast.parse(path.read_text("utf-8"))
            docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
            for node in ast.walk(tree):
                said = {ast.Name: "id", ast.Attribute: "attr", ast.Constant: "value"}.get(
                    type(node)
                )
                if said and id(node) not in docstrings and getattr(node, said) in THEIR_NAMES:
                    told.append((path.name, getattr(node, said)))
    assert told == []


def test_every_test_that_the_documentation_names_is_there() -> None:
    named = {
        (path, test)
        for page in (REPOSITORY / "docs").glob("*.md")
        for path, test in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page.read_text("utf-8"))
    }
    assert named
    missing = [
        (path, test)
        for path, test in named
        if f"def {test}(" not in (REPOSITORY / path).read_text("utf-8")
    ]
    assert missing == []


def test_the_layers_of_the_architecture_page_are_those_of_the_contract() -> None:
    page = (REPOSITORY / "docs" / "architecture.md").read_text("utf-8")
    (drawn,) = re.findall(r"```layers\n(.*?)```", page, re.DOTALL)
    contracts = read_configuration(str(REPOSITORY / "pyproject.toml"))["contracts_options"]
    (layers,) = (each["layers"] for each in contracts if each["type"] == "layers")
    assert len(layers) > 10
    assert drawn.splitlines() == layers


def test_the_architecture_page_tells_of_every_package() -> None:
    page = (REPOSITORY / "docs" / "architecture.md").read_text("utf-8")
    table = page.partition("## Packages")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    told = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    root = Path(gpt_sovits_emotion.__path__[0])
    there = {path.parent.name for path in root.glob("*/__init__.py")}
    assert len(there) >= 12
    assert there - told == set()
    known = there | {path.stem for path in root.glob("*.py")} | {"webui_tab"}
    assert told - known == set()


def test_every_module_that_the_documentation_names_is_there() -> None:
    ours = Path(gpt_sovits_emotion.__path__[0])
    roots = (REPOSITORY, ours, REPOSITORY / "webui_tab", REPOSITORY / "tests", ours / "transcripts")
    roots += (ours / "encoders" / "whisper",)
    named = {
        (page.name, module)
        for page in (*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").glob("*.md"))
        if page.name != "CHANGELOG.md"
        for module in re.findall(r"`([a-z_]+/[\w/]+\.py)\b", page.read_text("utf-8"))
    }
    assert len(named) > 20
    missing = [each for each in named if not any((root / each[1]).is_file() for root in roots)]
    assert missing == []


def heading_anchor(heading: str) -> str:
    """Return what GitHub calls a heading in an address."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def test_the_links_of_the_documentation_lead_somewhere() -> None:
    pages = [*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").glob("*.md")]
    anchors, links = {}, []
    for page in pages:
        written = re.sub(
            r"^```.*?^```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE
        )
        headings = re.findall(r"^#+ (.*)$", written, re.MULTILINE)
        anchors[page] = {heading_anchor(each) for each in headings}
        links += [(page, link) for link in re.findall(r"\]\(([^)\s]+)\)", written)]
    assert len(links) > 100
    lost = []
    for page, link in links:
        file, _, anchor = link.partition("#")
        leads_to = (page.parent / file).resolve() if file else page
        if "://" not in link and not (
            leads_to.exists() and (not anchor or anchor in anchors.get(leads_to, {anchor}))
        ):
            lost.append((page.name, link))
    assert lost == []


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
