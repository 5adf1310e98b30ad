"""Start the pages of a real GPT-SoVITS checkout as its users do, and stop them again.

The command line and the environment are those that the checkout's ``webui.py`` gives to its children
(``change_tts_inference``), so that what is tested is what runs.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from host import weights

DEFAULT_PAGE = "GPT_SoVITS/inference_webui.py"
FAST_PAGE = "GPT_SoVITS/inference_webui_fast.py"
API = "api_v2.py"
MAIN_PAGE = "webui.py"

MAIN_PORT, TTS_PORT, API_PORT = (
    9874,
    9872,
    9880,
)  # config.py; nothing overrides the first two in webui.py

REWRITTEN_BY_HOST = (
    "GPT_SoVITS/configs/tts_infer.yaml",  # the fast page and api_v2, at every start
    "GPT_SoVITS/text/g2pw/polyphonic.md5",  # the first Chinese text
)
"""Tracked files that a run changes by itself, so that ``git status`` alone proves nothing."""

ON_PATH = (".", "GPT_SoVITS/BigVGAN", "tools", "tools/asr", "GPT_SoVITS", "tools/uvr5")
"""What ``webui.py`` writes into ``users.pth`` in site-packages, so that its children find it."""

NEEDED = (weights.HUBERT, weights.BERT)


class PageError(AssertionError):
    """A page of the checkout ended or stayed silent; the message ends with its log."""


@dataclass(frozen=True, slots=True)
class RunningPage:
    """A page that answers.

    Attributes:
        url: Where, without a slash at the end.
        log: The file that its standard output and error go to.
        start_s: Seconds from the start of the process to the first answer.
        process_id: Of the process, which leads a process group of its own.
    """

    url: str
    log: Path
    start_s: float
    process_id: int

    def log_text(self) -> str:
        """What the page has printed so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")


def why_unusable(root: Path) -> str | None:
    """Say in one sentence why no page of a checkout could start, or give None."""
    if not (root / DEFAULT_PAGE).is_file():
        return f"{root} is not a GPT-SoVITS checkout: no {DEFAULT_PAGE}"
    missing = [folder for folder in NEEDED if not (root / folder / "config.json").is_file()]
    if not available_versions(root):
        missing.append("a SoVITS and a GPT base model")
    if missing:
        return f"{root} lacks {', '.join(missing)}; fill it with tests/host/weights.py"
    return None


def available_versions(root: Path) -> list[str]:
    """The model versions whose SoVITS and GPT base files a checkout has."""
    sovits = weights.table_of(root, "pretrained_sovits_name", weights.BASE_SOVITS)
    gpt = weights.table_of(root, "pretrained_gpt_name", weights.BASE_GPT)
    return [
        version
        for version in weights.VERSIONS
        if (root / sovits[version]).is_file() and (root / gpt[version]).is_file()
    ]


def page_environment(root: Path, *, version: str = "v2", port: int = TTS_PORT) -> dict[str, str]:
    """The environment in which ``webui.py`` starts a speech page, on a CPU.

    Args:
        root: The checkout.
        version: The model version to load first: its base models.
        port: What the page listens on.
    """
    sovits = weights.table_of(root, "pretrained_sovits_name", weights.BASE_SOVITS)
    gpt = weights.table_of(root, "pretrained_gpt_name", weights.BASE_GPT)
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}
    path = [str(root / folder) for folder in ON_PATH] + [os.environ.get("PYTHONPATH", "")]
    return inherited | {
        "PYTHONPATH": os.pathsep.join(filter(None, path)),
        "version": version,
        "language": "en_US",
        "infer_ttswebui": str(port),
        "sovits_path": sovits[version],
        "gpt_path": gpt[version],
        "cnhubert_base_path": weights.HUBERT,
        "bert_path": weights.BERT,
        "is_half": "False",
        "is_share": "False",
        "TEMP": str(root / "TEMP"),
        "no_proxy": "localhost, 127.0.0.1, ::1",
        "all_proxy": "",
        # From here on: what only a test needs. No browser window, no call home, data from the tool.
        "BROWSER": "true",
        "GRADIO_ANALYTICS_ENABLED": "False",
        "HF_HUB_OFFLINE": "1",
        "NLTK_DATA": str(root / weights.NLTK_DATA),
        "PYTHONUNBUFFERED": "1",
    }


@contextmanager
def running_page(
    root: Path,
    script: str = DEFAULT_PAGE,
    *,
    python: str,
    log: Path,
    port: int | None = None,
    version: str = "v2",
    environment: Mapping[str, str] | None = None,
    arguments: Sequence[str] | None = None,
    timeout_s: float = 600.0,
) -> Iterator[RunningPage]:
    """Run one page of a checkout until the block ends, then kill it with all its children.

    Args:
        root: The checkout, which becomes the working directory.
        script: Which page, relative to ``root``: one of the constants above, or a launcher of your own.
        python: The interpreter of GPT-SoVITS's environment.
        log: Where to write what the page prints.
        port: What to listen on; ``webui.py`` cannot be told and always takes 9874.
        version: The model version to start with.
        environment: Variables on top of `page_environment`.
        arguments: The command line after the script, instead of the usual one.
        timeout_s: How long to wait for the first answer.

    Yields:
        The page, which answers.

    Raises:
        PageError: If the port is taken, or the process ends or stays silent for ``timeout_s``.
    """
    usual_port = {MAIN_PAGE: MAIN_PORT, API: API_PORT}.get(script, TTS_PORT)
    port = usual_port if port is None else port
    url = f"http://127.0.0.1:{port}"
    if _answers(url):
        raise PageError(f"something already answers on {url}: stop it, or choose another port")
    if arguments is None:
        arguments = ["-a", "127.0.0.1", "-p", str(port)] if script == API else ["en_US"]
    started = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [python, "-s", script, *arguments],
            cwd=root,
            env=page_environment(root, version=version, port=port) | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            while not _answers(url):
                waited_s = time.monotonic() - started
                if process.poll() is not None or waited_s > timeout_s:
                    state = "is silent" if process.poll() is None else f"ended ({process.poll()})"
                    tail = log.read_text(encoding="utf-8", errors="replace")[-3000:]
                    raise PageError(f"{script} {state} after {waited_s:.0f} s:\n{tail}")
                time.sleep(0.05)
            yield RunningPage(url, log, time.monotonic() - started, process.pid)
        finally:
            _kill_group(process)


def wait_for(url: str, *, timeout_s: float = 600.0) -> None:
    """Wait until something answers at ``url``, such as a page that another page has started.

    Raises:
        PageError: If nothing does within ``timeout_s``.
    """
    deadline = time.monotonic() + timeout_s
    while not _answers(url):
        if time.monotonic() > deadline:
            raise PageError(f"nothing answered at {url} within {timeout_s:.0f} s")
        time.sleep(0.3)


def _answers(url: str) -> bool:
    """Whether a server answers at all; an error page is an answer."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        opener.open(url, timeout=5).close()
    except urllib.error.HTTPError as error:
        error.close()
        return True
    except OSError:
        return False
    return True


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and whatever it started: children of a shell keep the process group."""
    with suppress(ProcessLookupError, subprocess.TimeoutExpired):
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=10)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=10)
