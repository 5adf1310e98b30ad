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

from webui_tab.texts import say

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SERVER_PYTHON = os.environ.get("GPT_SOVITS_EMOTION_SERVER_PYTHON", sys.executable)
"""What serves the page: this python, or that of another environment, with other releases of everything."""
COMMAND = (SERVER_PYTHON, "-m", "gpt_sovits_emotion", "web", "--no-browser", "--port")

BACKSTOP_S = 900
"""Nothing that works takes so long, on however busy a machine; a test that waits is never about time."""
LONG_MS = 900_000
INSIST_MS = 20_000

_IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
_NAMES = ("chromium", "chromium-browser", "google-chrome")


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
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=LONG_MS)  # by itself it gives up after five seconds
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
        # Not rglob: that raises when the server deletes a folder while it is looked into.
        return sorted(
            Path(folder, name)
            for folder, folders, files in os.walk(self.root / "files")
            for name in (*folders, *files)
            if name != "vibe_edit_history"  # gradio 6's own, and empty
        )


# Processes of tests that start servers at the same time must not look for a port in the same place.
FIRST_PORT = 18_760 + 200 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))


@contextmanager
def running_server(folder: Path, *options: str, port: int = FIRST_PORT) -> Iterator[RunningServer]:
    """Start ``gpt-sovits-emotion web`` with its temporary files in `folder`, and end it by SIGTERM."""
    log = folder / "server.log"
    environment = {**os.environ, "TMPDIR": str(folder), "PYTHONUNBUFFERED": "1"}
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [*COMMAND, str(port), *options],
            stdout=stream,
            stderr=stream,
            env=environment,
            cwd=folder,
        )
    try:
        said = until(
            lambda: re.search(r"http://127\.0\.0\.1:\d+/", log.read_text(encoding="utf-8")),
            alive=process,
            log=log,
        )
        (root,) = folder.glob("gpt-sovits-emotion-web-*")
        yield RunningServer(said[0], root, process)
    finally:
        process.terminate()
        process.wait(timeout=BACKSTOP_S)


def until(
    ask: Callable[[], object],
    *,
    timeout_s: float = BACKSTOP_S,
    alive: subprocess.Popen[bytes] | None = None,
    log: Path | None = None,
):
    """Return the first true answer; for what the browser cannot wait for, such as files that go.

    Args:
        ask: Asked again and again.
        timeout_s: After which something must be wrong.
        alive: Waiting ends with the process that is waited for.
        log: What it has said, to be shown when it does.
    """
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


def insist(act: Callable[[], object], seen: Callable[[], object], *, times: int = 4) -> None:
    """Act until it is seen to work, as a person does when a click falls into a redrawing of the page.

    Gradio redraws a table or a button whenever it is updated; what is typed or clicked in that moment is
    lost in the browser, before anything of ours hears of it.
    """
    from playwright.sync_api import TimeoutError as NotSeenError

    for _ in range(times - 1):
        try:
            act()
            seen()
        except (AssertionError, NotSeenError):
            continue
        return
    act()
    seen()


TABLE_CELLS = "td, .body-cell"
"""The cells of a table's row, in gradio 4 and in gradio 6."""


def table_rows(table: str) -> str:
    """Return the selector of a table's rows, in gradio 4 and in gradio 6."""
    return f"{table} svelte-virtual-table-viewport tbody tr, {table} .virtual-row"


class Tab:
    """The page as a person sees it, in one language."""

    def __init__(self, page, language: str) -> None:
        self.page = page
        self.language = language
        self.rows = page.locator(table_rows("#emo-table"))

    def say(self, key: str) -> str:
        return say(key, self.language)

    def press(self, key: str, *, timeout_ms: float = LONG_MS) -> None:
        button = self.page.get_by_role("button", name=self.say(key), exact=True).first
        button.click(timeout=timeout_ms)

    def shows(
        self, selector: str, text: str | re.Pattern[str], *, timeout_ms: float = LONG_MS
    ) -> None:
        from playwright.sync_api import expect

        expect(self.page.locator(selector)).to_contain_text(text, timeout=timeout_ms)

    def cell(self, row: int, column: int):
        return self.rows.nth(row).locator(TABLE_CELLS).nth(column)

    def write_into(self, row: int, column: int, text: str) -> None:
        """Write into a cell of the table as a person does."""
        self.cell(row, column).dblclick()
        self.cell(row, column).locator("input, textarea").first.wait_for(timeout=INSIST_MS)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)
        self.page.keyboard.press("Enter")

    def work(self, key: str, *, timeout_ms: float = LONG_MS) -> None:
        """Press a button that starts work, see that it begins, and wait for its end."""
        self.begins(key)
        self.rests(timeout_ms=timeout_ms)

    def begins(self, key: str):
        """Press a button until the work that it starts is seen to begin; return the button that stops it."""
        stop = self.page.get_by_role("button", name=self.say("stop"), exact=True).first
        insist(
            lambda: self.press(key, timeout_ms=INSIST_MS),
            lambda: stop.wait_for(timeout=INSIST_MS),
            times=10,
        )
        return stop

    def choose(self, selector: str, text: str) -> None:
        """Type into a menu that takes what is typed."""
        box = self.page.locator(f"{selector} input")
        box.click(timeout=INSIST_MS)
        # Key by key: what is put there at once, gradio 6 does not take for typed.
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)
        self.page.keyboard.press("Enter")

    def upload(self, path: Path) -> None:
        self.page.locator("#emo-recording input[type=file]").set_input_files(path)
        self.page.locator("#emo-recording [data-testid^=waveform]").first.wait_for()

    def rests(self, *, timeout_ms: float = LONG_MS) -> None:
        """Wait until nothing is at work: the buttons work again."""
        from playwright.sync_api import expect

        button = self.page.get_by_role("button", name=self.say("analyse"), exact=True)
        expect(button).to_be_enabled(timeout=timeout_ms)

    def try_sample(self, spoken_by: str = "eSpeak NG", *, timeout_ms: float = LONG_MS) -> None:
        self.page.locator("#emo-consent input").check()
        self.press("try_sample")
        self.shows("#emo-result", spoken_by, timeout_ms=timeout_ms)
        self.rests(timeout_ms=timeout_ms)

    def picture(self, name: str, folder: Path) -> None:
        self.page.mouse.move(0, 0)
        target = _IMAGES if os.environ.get("UPDATE_SCREENSHOTS") == "1" else folder
        target.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=target / f"{name}.png", full_page=True, animations="disabled")
