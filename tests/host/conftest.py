"""Fixtures of the tests that need a real GPT-SoVITS checkout."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest
import soundfile
import yaml

from host import checkouts
from webui_tab.app_context import sample_data


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The root of a GPT-SoVITS checkout that has weights: ``$GPT_SOVITS_ROOT``."""
    named = os.environ.get("GPT_SOVITS_ROOT")
    if not named:
        pytest.skip("no GPT-SoVITS checkout (set GPT_SOVITS_ROOT, see tests/host/README.md)")
    root = Path(named).resolve()
    if reason := checkouts.why_unusable(root):
        pytest.skip(reason)
    return root


@pytest.fixture(scope="session")
def host_python() -> str:
    """The interpreter of GPT-SoVITS's environment: ``$GPT_SOVITS_PYTHON``, else this one."""
    named = os.environ.get("GPT_SOVITS_PYTHON", sys.executable)
    # Its pages are started in the checkout, from where a relative path would lead elsewhere. Links are
    # kept: the python of an environment is one.
    return str(Path(shutil.which(named) or named).absolute())


@pytest.fixture
def start_page(
    checkout: Path, host_python: str, tmp_path: Path
) -> Callable[..., AbstractContextManager[checkouts.RunningPage]]:
    """`checkouts.running_page` for the checkout under test, with its log in the test's folder."""
    return partial(checkouts.running_page, checkout, python=host_python, log=tmp_path / "page.log")


@pytest.fixture
def two_sentences(tmp_path: Path) -> Path:
    """Two segments of the sample whose emotion is plain, so that saying them again takes seconds."""
    samples, rate_hz = soundfile.read(sample_data() / "sample_en.flac")
    said = yaml.safe_load((sample_data() / "sample_en.truth.yaml").read_text(encoding="utf-8"))
    first, second = said["segments"][1:3]
    start, stop = (
        round(at_s * rate_hz) for at_s in (first["start_s"] - 0.4, second["end_s"] + 0.3)
    )
    soundfile.write(tmp_path / "two.wav", samples[start:stop], rate_hz)
    return tmp_path / "two.wav"


@pytest.fixture(autouse=True)
def _tracked_files_kept(request: pytest.FixtureRequest) -> Iterator[None]:
    """Put back the tracked files that GPT-SoVITS itself rewrites while it runs."""
    if "checkout" not in request.fixturenames:
        yield
        return
    root: Path = request.getfixturevalue("checkout")
    files = [root / name for name in checkouts.REWRITTEN_BY_HOST if (root / name).is_file()]
    before = {file: file.read_bytes() for file in files}
    yield
    for file, content in before.items():
        if file.read_bytes() != content:
            file.write_bytes(content)
