"""Getting into a real checkout: installed or launched, the page that a user opens has both tabs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from browser import Tab, running_chromium

from host import checkouts
from host.journeys import OURS, PATIENCE_MS, say_again, tag
from host.test_real_pages import assert_audible, client_of, speak
from webui_tab import install as installing
from webui_tab.interpreter import inspect_python

pytestmark = [pytest.mark.checkout, pytest.mark.browser, pytest.mark.slow]

MAIN_URL, TTS_URL = (
    f"http://127.0.0.1:{port}" for port in (checkouts.MAIN_PORT, checkouts.TTS_PORT)
)
PICTURES = Path(os.environ.get("GPT_SOVITS_EMOTION_PICTURES", ""))
WRITTEN_BY_HOST = {"users.pth", "gradio/launches.json"}
"""In site-packages, at every start: where webui.py was started last, and how often gradio was."""
NO_PATH = {"PYTHONPATH": ""}  # as for a user: webui.py itself sees to the path of its children


@pytest.fixture
def untouched(checkout: Path, host_python: str) -> Iterator[Path]:
    """The python of the host, whose packages and checkout are in the end what they were."""
    packages = inspect_python(Path(host_python), checkout).packages
    users = packages / "users.pth"
    pointed = users.read_bytes() if users.is_file() else None
    before = listing(packages), git_status(checkout)
    yield Path(host_python)
    if pointed is None:
        users.unlink(missing_ok=True)
    else:
        users.write_bytes(pointed)
    after = listing(packages), git_status(checkout)
    assert {name for name in before[0] | after[0] if before[0].get(name) != after[0].get(name)} == (
        set()
    )
    assert after[1] == before[1]


def listing(packages: Path) -> dict[str, int]:
    """The size of every file that neither the host writes at its start, nor python by itself."""
    found = {}
    for folder, _, names in os.walk(packages):
        if not folder.endswith("__pycache__"):
            for name in names:
                path = Path(folder, name)
                found[path.relative_to(packages).as_posix()] = path.lstat().st_size
    return {name: size for name, size in found.items() if name not in WRITTEN_BY_HOST}


def git_status(checkout: Path) -> set[str]:
    done = subprocess.run(
        ["git", "status", "--porcelain"], cwd=checkout, capture_output=True, text=True, check=True
    )
    rewritten = {f" M {name}" for name in checkouts.REWRITTEN_BY_HOST}
    return set(done.stdout.splitlines()) - rewritten


@pytest.fixture(scope="module")
def chromium():
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def opened(chromium):
    context = chromium.new_context(locale="zh-CN", viewport={"width": 1360, "height": 950})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    yield page
    context.close()


def press_inference_button(page) -> None:
    """Open the main page, and from there the page for inference, as a user does."""
    page.goto(MAIN_URL)
    page.get_by_role("tab", name="1-GPT-SOVITS-TTS", exact=True).click()
    page.get_by_role("tab", name="1C-", exact=False).click()
    page.get_by_role("button", name="Open TTS Inference WebUI").click()
    checkouts.wait_for(TTS_URL)


def see_both_tabs(page, url: str, picture: str, *, language: str = "en") -> None:
    """Look at their tab, which is open, then at ours."""
    native = {"en": "Start inference", "zh": "合成语音"}[language]
    page.goto(url)
    page.get_by_role("tab", name="TTS", exact=True).wait_for()
    button = page.get_by_role("button", name=native, exact=True)
    button.wait_for()
    take(page, f"{picture}-theirs")
    page.get_by_role("tab", name=OURS).click()
    tab = Tab(page, language)
    page.get_by_role("button", name=tab.say("analyse"), exact=True).wait_for()
    assert not button.is_visible()
    take(page, f"{picture}-ours")
    page.get_by_role("tab", name="TTS", exact=True).click()
    button.wait_for()


def take(page, name: str) -> None:
    if PICTURES.name:
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PICTURES / f"{name}.png", full_page=True, animations="disabled")


def test_installed_the_page_behind_the_main_pages_button_has_the_tab(
    checkout: Path, untouched: Path, start_page, opened, two_sentences: Path
) -> None:
    """All that a user does: install, start, press the button, speak there, tag and say again here."""
    before = git_status(checkout)
    installing.install(checkout, python=untouched)
    assert git_status(checkout) == before
    with start_page(checkouts.MAIN_PAGE, environment=NO_PATH) as main:
        press_inference_button(opened)
        see_both_tabs(opened, TTS_URL, "installed-main")
        child = checkouts.RunningPage(TTS_URL, main.log, 0.0, main.process_id)
        assert_audible(*speak(client_of(child), checkout), expected_rate_hz=32_000)
        opened.get_by_role("tab", name=OURS).click()
        tab = Tab(opened, "en")
        tag(tab, two_sentences)
        say_again(tab)
        take(opened, "installed-main-said-again")
        assert "gpt-sovits-emotion:" not in main.log_text()
    assert "Removed" in installing.uninstall(checkout, python=untouched)[0].en


def test_installed_into_the_scripts_the_fast_page_has_the_tab(
    checkout: Path, untouched: Path, start_page, opened
) -> None:
    installing.install(checkout, python=untouched, route="scripts")
    assert {f" M {script}" for script in (checkouts.DEFAULT_PAGE, checkouts.FAST_PAGE)} <= (
        git_status(checkout)
    )
    try:
        with start_page(checkouts.FAST_PAGE, port=9985) as page:
            see_both_tabs(opened, page.url, "installed-fast")
    finally:
        said = installing.uninstall(checkout, python=untouched)
    assert [sentence.en.startswith("Removed") for sentence in said] == [True, True]


@contextmanager
def launched(checkout: Path, python: Path, log: Path, *arguments: str) -> Iterator[None]:
    quiet = {"BROWSER": "true", "GRADIO_ANALYTICS_ENABLED": "False", "HF_HUB_OFFLINE": "1"}
    where = ["--checkout", str(checkout), "--python", str(python)]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "gpt_sovits_emotion", "launch", *where, *arguments],
            env={**os.environ, **quiet, "infer_ttswebui": str(checkouts.TTS_PORT)},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            # As in a terminal: a test run in the background of a shell hands down that it is ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)
    assert process.returncode == 130
    with pytest.raises(checkouts.PageError):
        checkouts.wait_for(TTS_URL, timeout_s=1)


def test_launched_the_page_behind_the_main_pages_button_has_the_tab(
    checkout: Path, untouched: Path, opened, tmp_path: Path
) -> None:
    with launched(checkout, untouched, tmp_path / "log", "--", "en_US"):
        checkouts.wait_for(MAIN_URL)
        press_inference_button(opened)
        see_both_tabs(opened, TTS_URL, "launched-main")


@pytest.mark.parametrize("page", ["default", "fast"])
def test_launched_the_page_itself_has_the_tab(
    checkout: Path, untouched: Path, opened, tmp_path: Path, page: str
) -> None:
    with launched(checkout, untouched, tmp_path / "log", "--page", page, "--", "zh_CN"):
        checkouts.wait_for(TTS_URL)
        see_both_tabs(opened, TTS_URL, f"launched-{page}", language="zh")
