"""The tab in the pages of a real checkout, in a real browser: tagged, said again, and shared with others."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Tab, running_chromium

from host import checkouts, weights
from host.journeys import OURS, PATIENCE_MS, build_voice, picture, say_again, tag
from host.test_real_pages import assert_audible, client_of, speak
from webui_tab.interpreter import ENVIRONMENT

pytestmark = [pytest.mark.checkout, pytest.mark.browser, pytest.mark.slow]

PORT = 9973
TOGETHER_S = float(os.environ.get("GPT_SOVITS_EMOTION_TOGETHER_S", "60"))
"""How long the users share a page; the figures in the documentation are from 300 s."""


@pytest.fixture(scope="module")
def chromium():
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def our_tab(chromium) -> Iterator:
    contexts = []

    def opened(url: str, *, locale: str = "zh-CN") -> Tab:
        context = chromium.new_context(locale=locale, viewport={"width": 1360, "height": 950})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(url)
        page.get_by_role("tab", name=OURS).click()
        tab = Tab(page, "zh" if locale.startswith("zh") else "en")
        page.get_by_role("button", name=tab.say("analyse"), exact=True).wait_for()
        return tab

    yield opened
    for context in contexts:
        context.close()


def with_tab(checkout: Path, tmp_path: Path) -> dict[str, str]:
    """The variables that put the tab into a page without installing anything."""
    uploads = tmp_path / "uploads"
    uploads.mkdir(exist_ok=True)
    return {
        "PYTHONPATH": os.pathsep.join(
            (str(ENVIRONMENT), checkouts.page_environment(checkout)["PYTHONPATH"])
        ),
        "GRADIO_TEMP_DIR": str(uploads),
        "GPT_SOVITS_EMOTION_DEBUG": "1",
    }


@pytest.mark.parametrize(
    ("script", "locale"),
    [(checkouts.DEFAULT_PAGE, "zh_CN"), (checkouts.FAST_PAGE, "en_US")],
)
def test_a_recording_is_tagged_and_said_again(
    start_page, our_tab, checkout, tmp_path, two_sentences, script, locale
):
    environment = with_tab(checkout, tmp_path)
    with start_page(script, port=PORT, environment=environment, arguments=[locale]) as page:
        tab = our_tab(page.url, locale=locale.replace("_", "-"))
        tag(tab, two_sentences)
        say_again(tab)
        picture(tab, f"inside-{tab.language}", tmp_path)
        build_voice(tab, _clips(tmp_path / "anna", checkout))
        if script == checkouts.DEFAULT_PAGE:
            _switch_and_speak(page, checkout)
            say_again(tab)
        assert "Traceback" not in page.log_text()


def _clips(folder: Path, checkout: Path) -> Path:
    folder.mkdir()
    for number in range(3):
        shutil.copyfile(checkout / weights.REFERENCE, folder / f"{number}.wav")
    return folder


def _switch_and_speak(page: checkouts.RunningPage, checkout: Path) -> None:
    """Load fine-tuned weights in the native tab, and let it speak."""
    tuned = Path(weights.weights_folder("SoVITS", "v2"), f"{weights.TUNED_NAME}.pth").as_posix()
    client = client_of(page)
    client.predict(tuned, "中文", "中文", api_name="/change_sovits_weights")
    samples, rate_hz = speak(
        client, checkout, prompt_language="中文", text_language="中文", how_to_cut="不切"
    )
    assert_audible(samples, rate_hz, expected_rate_hz=32_000)


def test_three_users_at_once(start_page, our_tab, checkout, tmp_path, two_sentences):
    """One synthesises natively, one tags and says again, one switches weights."""
    tuned = Path(weights.weights_folder("SoVITS", "v2"), f"{weights.TUNED_NAME}.pth").as_posix()
    base = weights.table_of(checkout, "pretrained_sovits_name", weights.BASE_SOVITS)["v2"]
    assert (checkout / tuned).is_file()
    environment = with_tab(checkout, tmp_path)
    with start_page(port=PORT, environment=environment) as page:
        tab = our_tab(page.url, locale="en-US")
        tag(tab, two_sentences)
        say_again(tab)
        ended = threading.Event()
        native, switched = _Worker(ended), _Worker(ended)
        native.start(lambda client: speak(client, checkout), page)
        paths = [tuned, base]

        def switch(client) -> None:
            paths.reverse()
            # The page has more than one event of this name's shape; the first is the list's own.
            client.predict(paths[0], "Chinese", "Chinese", api_name="/change_sovits_weights")
            ended.wait(50)  # so that about every other round of ours meets no switch

        switched.start(switch, page)
        said: dict[int, set[str]] = defaultdict(set)
        sizes_mb: list[tuple[float, float]] = []
        sentences: set[str] = set()
        rounds = 0
        begun = time.monotonic()
        while time.monotonic() - begun < TOGETHER_S or rounds < 2:
            tab.work("analyse", timeout_ms=PATIENCE_MS)
            tab.work("resynthesise", timeout_ms=PATIENCE_MS)
            rounds += 1
            for name, digest in _said(tmp_path / "uploads").items():
                said[name].add(digest)
            sentences |= _sentences(tab)
            sizes_mb.append((time.monotonic() - begun, _resident_mb(page.process_id)))
        ended.set()
        native.join()
        switched.join()
        log = page.log_text()
    print(f"\n{rounds} rounds of ours, {native.n_done} native, {switched.n_done} switches")
    print(f"sentences: {sentences or 'none'}; native: {native.errors or 'no error'}")
    print("resident MB:", " ".join(f"{at:.0f}s:{size:.0f}" for at, size in sizes_mb))
    assert (native.errors, switched.errors) == (set(), set())
    assert native.n_done >= 2
    assert switched.n_done >= 2
    # Sampling is seeded, so a segment has one sound for each of the two models and never a third:
    # neither the other users' random numbers nor half-switched weights found their way in.
    assert said
    assert all(len(digests) <= 2 for digests in said.values()), said
    expected = "another voice was loaded|weights were switched"
    assert all(re.search(expected, sentence) for sentence in sentences), sentences
    assert not _tracebacks_of_ours(log)
    # The floor, since a switch holds two models for a moment, and what it frees goes back late.
    half = len(sizes_mb) // 2
    early, late = (min(size for _, size in part) for part in (sizes_mb[:half], sizes_mb[half:]))
    assert late - early < 100.0, sizes_mb


class _Worker:
    """Somebody who does one thing again and again until the event is set."""

    def __init__(self, ended: threading.Event) -> None:
        self._ended = ended
        self.n_done = 0
        self.errors: set[str] = set()

    def start(self, do, page: checkouts.RunningPage) -> None:
        client = client_of(page)

        def work() -> None:
            while not self._ended.is_set():
                self._once(do, client)

        self._thread = threading.Thread(target=work, daemon=True)
        self._thread.start()

    def _once(self, do, client) -> None:
        try:
            do(client)
        except Exception as error:  # told by the test, which allows none
            self.errors.add(f"{type(error).__name__}: {error}")
        else:
            self.n_done += 1

    def join(self) -> None:
        self._thread.join(timeout=180)
        assert not self._thread.is_alive()


def _said(uploads: Path) -> dict[int, str]:
    """Segment -> digest of what was said of it in the latest round."""
    rounds = sorted(uploads.rglob("again-*"), key=lambda folder: folder.stat().st_mtime)
    if not rounds:
        return {}
    return {
        int(path.stem): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in rounds[-1].glob("[0-9][0-9][0-9].wav")
    }


def _sentences(tab: Tab) -> set[str]:
    shown = [tab.page.locator(name).inner_text() for name in ("#emo-status", "#emo-again-status")]
    return {" ".join(text.split()) for text in shown if text.strip()}


def _resident_mb(process_id: int) -> float:
    status = Path(f"/proc/{process_id}/status").read_text(encoding="ascii")
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024


def _tracebacks_of_ours(log: str) -> list[str]:
    return [part for part in log.split("Traceback")[1:] if "webui_tab" in part[:4000]]
