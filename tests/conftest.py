"""Fixtures that the tests of every package share."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import numpy as np
import pytest

REPOSITORY = Path(__file__).resolve().parents[1]

# How long an example takes depends on what else the machine does; speed is measured in benchmarks.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

# What a shell starts in the background ignores Ctrl-C, and so would the commands that the tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def corpora_dir() -> Path:
    """The folder of corpora: ``$GPT_SOVITS_EMOTION_CORPORA``, else ``../shared/data``."""
    default = REPOSITORY.parent / "shared" / "data"
    folder = Path(os.environ.get("GPT_SOVITS_EMOTION_CORPORA", default))
    if not (folder / "emodb" / "manifest.csv").is_file():
        pytest.skip(f"no audio corpora in {folder} (set GPT_SOVITS_EMOTION_CORPORA)")
    return folder


@pytest.fixture(autouse=True)
def _no_heads_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path_factory) -> None:
    """Keep heads and speakers of the person who runs the tests out of them."""
    monkeypatch.delenv("GPT_SOVITS_EMOTION_HEADS", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path_factory.getbasetemp() / "no-user-data"))


@pytest.fixture(autouse=True)
def _english() -> None:
    """Let each test begin in English: a command that was asked for Chinese leaves it behind."""
    from gpt_sovits_emotion.cli.language import set_language

    set_language("en")


@pytest.fixture(autouse=True)
def _remedies_name_options_that_are_there(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Look at all that any command says in any test: an option that it names is one that it has."""
    from remedies import watched

    from gpt_sovits_emotion import cli

    wrong = watched(cli, monkeypatch)
    yield
    assert wrong == []


@pytest.fixture(autouse=True, scope="session")
def _a_cache_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the cache of the person who runs the tests out of them; servers of a module have it too.

    It is deleted at the end: the joined Whisper has 145 MB, and pytest keeps its folders of three runs.
    """
    folder = tmp_path_factory.getbasetemp() / "cache"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GPT_SOVITS_EMOTION_CACHE", str(folder))
        yield
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def whisper_base(_a_cache_of_its_own: None) -> Path:
    """The folder of the real Whisper base, as ``find_model("base")`` finds it: what the tests hear with."""
    from gpt_sovits_emotion.transcription import find_model

    return find_model("base", allow_download=False).folder


def voiced(
    duration_s: float = 2.0,
    *,
    f0_hz: float = 150.0,
    level: float = 0.1,
    sampling_rate_hz: int = 16_000,
    syllables_per_s: float = 4.0,
) -> np.ndarray:
    """A harmonic tone with syllable-like loudness and a gliding pitch: ``(n_samples,)`` float32."""
    t = np.arange(round(duration_s * sampling_rate_hz)) / sampling_rate_hz
    phase = (
        2 * np.pi * np.cumsum(f0_hz * (1 + 0.1 * np.sin(2 * np.pi * 0.7 * t))) / sampling_rate_hz
    )
    tone = sum(np.sin(k * phase) / k for k in range(1, 12))
    envelope = 0.15 + 0.85 * np.clip(np.sin(2 * np.pi * syllables_per_s * t / 2) ** 2, 0, 1)
    return (level * tone * envelope).astype(np.float32)


@pytest.fixture
def fake_head(tmp_path: Path) -> Path:
    """The folder of a sound little head with random weights, for an encoder of 20 features."""
    from gpt_sovits_emotion.testing import make_fake_head

    return make_fake_head(tmp_path / "fake-head")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how many tests had what cannot be shipped, and how many could not run for want of it."""
    for marker, what in (("corpus", "audio corpora"), ("checkout", "a GPT-SoVITS checkout")):
        outcomes = {
            outcome: sum(
                marker in report.keywords and report.when == when
                for report in terminalreporter.getreports(outcome)
            )
            for outcome, when in (("passed", "call"), ("failed", "call"), ("skipped", "setup"))
        }
        counts = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items())
        terminalreporter.write_line(f"tests that need {what}: {counts}")
