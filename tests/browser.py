"""What the browser test needs: a Chromium, a server of its own, and waiting without sleeping."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

COMMAND = (sys.executable, "-m", "gpt_sovits_emotion", "web", "--no-browser", "--port")

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_START_S = 60.0


def find_chromium() -> str:
    """Return the browser to drive: ``$CHROMIUM``, else the first found on the path.

    Raises:
        AssertionError: There is none; the sentence says what to install.
    """
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    assert found, (
        "the browser test needs Chromium: install it (on Debian and Ubuntu: apt-get install chromium), "
        "name one in the variable CHROMIUM, or leave the test out with -m 'not browser'"
    )
    return found


@contextmanager
def running_chromium(*arguments: str) -> Iterator[Browser]:
    """Start a headless Chromium. Raises `AssertionError` where there is none to start."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=["--no-sandbox", *arguments]
        )
        yield browser
        browser.close()


@dataclass(frozen=True)
class RunningServer:
    """A server under test.

    Attributes:
        url: Its page.
        root: Its private folder.
        process: It.
    """

    url: str
    root: Path
    process: subprocess.Popen[bytes]

    @property
    def files(self) -> list[Path]:
        """Everything that it keeps of pages, files and folders alike."""
        return sorted((self.root / "files").rglob("*"))


@contextmanager
def running_server(folder: Path, *, port: int = 18_760) -> Iterator[RunningServer]:
    """Start ``gpt-sovits-emotion web`` with its temporary files in `folder`, and end it by SIGTERM."""
    log = folder / "server.log"
    environment = {**os.environ, "TMPDIR": str(folder), "PYTHONUNBUFFERED": "1"}
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [*COMMAND, str(port)], stdout=stream, stderr=stream, env=environment
        )
    try:
        said = until(
            lambda: re.search(r"http://127\.0\.0\.1:\d+/", log.read_text(encoding="utf-8")),
            timeout_s=_START_S,
            alive=process,
            log=log,
        )
        (root,) = folder.glob("gpt-sovits-emotion-web-*")
        yield RunningServer(said[0], root, process)
    finally:
        process.terminate()
        process.wait(timeout=20)


def until(
    ask: Callable[[], object],
    *,
    timeout_s: float = 10.0,
    alive: subprocess.Popen[bytes] | None = None,
    log: Path | None = None,
):
    """Return the first true answer; for what the browser cannot wait for, such as files that go."""
    ends = time.monotonic() + timeout_s
    while not (answer := ask()):
        ended = alive is not None and alive.poll() is not None
        if ended or time.monotonic() > ends:
            said = log.read_text(encoding="utf-8") if log else ""
            raise AssertionError(
                f"{'the server ended' if ended else f'waited {timeout_s} s in vain'}\n{said}"
            )
        time.sleep(0.05)
    return answer
