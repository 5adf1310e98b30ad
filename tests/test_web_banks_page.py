"""The page of voices in a real browser: build, see, pin, choose, speak; and the listing for programs."""

from __future__ import annotations

import json
import re
import shutil
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import (
    INSIST_MS,
    LONG_MS,
    TABLE_CELLS,
    RunningServer,
    Tab,
    insist,
    running_chromium,
    running_server,
    table_rows,
)

from gpt_sovits_emotion.core.labels import display_name
from webui_tab.app_context import sample_data

pytestmark = [pytest.mark.browser, pytest.mark.slow]

_ROWS = table_rows("#emo-bank-clips")

# So that the picture in the documentation shows no path of whoever made it.
_IN_A_FOLDER_OF_VOICES = """(folder) => {
  const shorter = (text) => text.replace(folder, "/voices");
  for (const input of document.querySelectorAll("input")) input.value = shorter(input.value);
  for (const code of document.querySelectorAll("#emo-bank-clip code"))
    code.textContent = shorter(code.textContent);
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[RunningServer]:
    with running_server(tmp_path_factory.mktemp("server")) as running:
        yield running
    assert running.process.returncode == 0


@pytest.fixture(scope="module")
def chromium():
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def open_tab(chromium, server):
    contexts = []

    def opened(locale: str, *, width: int = 1280) -> Tab:
        context = chromium.new_context(locale=locale, viewport={"width": width, "height": 900})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(LONG_MS)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(server.url)
        return Tab(page, "zh" if locale.startswith("zh") else "en")

    errors: list[str] = []
    yield opened
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def voice(tmp_path) -> Path:
    return shutil.copytree(sample_data() / "voice_bank", tmp_path / "anna")


def turn_to(tab: Tab, page: str) -> None:
    tab.page.get_by_role("tab", name=tab.say(f"page_{page}"), exact=True).click()


def works(tab: Tab, key: str, *, timeout_ms: float) -> None:
    """Press a button that starts work, see that it begins, and wait for its end."""
    tab.begins(key).wait_for(state="hidden", timeout=timeout_ms)


def build(tab: Tab, voice: Path) -> None:
    turn_to(tab, "banks")
    insist(
        lambda: tab.choose("#emo-bank-source", str(voice)),
        lambda: _holds(tab, "#emo-bank-source input", str(voice)),
    )
    tab.page.locator("#emo-bank-transcribe input").uncheck()
    tab.page.locator("#emo-bank-consent input").check()
    works(tab, "bank_build", timeout_ms=2 * LONG_MS)


def look_at(tab: Tab, label: str, clip: str) -> None:
    """Show the clips of one emotion, and select one of them."""
    from playwright.sync_api import expect

    rows = tab.page.locator(_ROWS)
    insist(
        lambda: tab.choose("#emo-bank-shown", display_name(label, tab.language)),
        lambda: expect(rows).to_have_count(2, timeout=INSIST_MS),
    )
    cell = rows.filter(has_text=clip).locator(TABLE_CELLS).first
    insist(cell.click, lambda: tab.shows("#emo-bank-clip", clip, timeout_ms=INSIST_MS))


def _holds(tab: Tab, selector: str, value: str) -> None:
    from playwright.sync_api import expect

    expect(tab.page.locator(selector)).to_have_value(value, timeout=INSIST_MS)


@pytest.mark.parametrize(
    ("locale", "language", "line"),
    [
        ("en-US", "en", "[happy] How nice to see you here!"),
        ("zh-CN", "zh", "[开心]能在这里见到你，真是太好了！"),
    ],
)
def test_a_voice_is_built_seen_pinned_and_chosen_from(
    open_tab, voice, tmp_path, locale, language, line
):
    tab = open_tab(locale)
    build(tab, voice)
    tab.shows("#emo-bank-status", "whisper-base-free")
    assert tab.page.locator("#emo-bank-coverage svg").locator("visible=true").count() == 1
    tab.shows("#emo-bank-status", re.compile("14.*14"))

    tab.page.locator("#emo-bank-text textarea").fill(line)
    tab.press("bank_choose")
    taken = tab.page.locator("#emo-bank-choice li.emo-taken code")
    taken.wait_for()
    first = taken.inner_text()
    assert first.startswith("happy/")

    other = f"happy/{'en' if first == 'happy/zh.flac' else 'zh'}.flac"
    look_at(tab, "happy", other)
    tab.page.locator("#emo-bank-player [data-testid^=waveform]").first.wait_for()
    insist(
        lambda: tab.press("bank_pin"),
        lambda: tab.shows("#emo-bank-pin-note", Path(other).name, timeout_ms=INSIST_MS),
    )
    insist(
        lambda: tab.press("bank_choose"),
        lambda: tab.shows("#emo-bank-choice li.emo-taken", other, timeout_ms=INSIST_MS),
    )
    tab.page.evaluate(_IN_A_FOLDER_OF_VOICES, str(tmp_path))
    tab.picture(f"voices-{language}", tmp_path)


def test_a_built_voice_speaks_with_the_clip_that_was_pinned(open_tab, voice):
    tab = open_tab("en-US")
    tab.try_sample()
    build(tab, voice)
    look_at(tab, "sad", "sad/zh.flac")
    insist(
        lambda: tab.press("bank_pin"),
        lambda: tab.shows("#emo-bank-pin-note", "zh.flac", timeout_ms=INSIST_MS),
    )
    insist(
        lambda: tab.press("bank_use"),
        lambda: tab.page.locator("#emo-recording").wait_for(timeout=INSIST_MS),
    )
    _holds(tab, "#emo-voice input", str(voice))
    sad = tab.rows.filter(has_text="sad").locator(TABLE_CELLS).nth(1)
    insist(sad.click, lambda: tab.shows("#emo-choice", "sad/zh.flac", timeout_ms=INSIST_MS))
    tab.page.locator("#emo-takes input[type=number]").fill("2")
    tab.page.locator("#emo-takes input[type=number]").press("Tab")
    works(tab, "resynthesise", timeout_ms=4 * LONG_MS)
    tab.shows("#emo-verdict", "take 2")
    tab.shows("#emo-verdict", "zh.flac")


def test_the_page_fits_a_telephone(open_tab, voice):
    tab = open_tab("zh-CN", width=400)
    build(tab, voice)
    wide = tab.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 400


def test_other_programs_ask_for_the_listing_by_name(server, voice):
    with urllib.request.urlopen(f"{server.url}config", timeout=30) as answer:
        prefix = json.load(answer).get("api_prefix", "")  # since gradio 5
    url = f"{server.url.rstrip('/')}{prefix}/call/emotion_bank"
    body = json.dumps({"data": [str(voice), True]}).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=600) as answer:
        event = json.load(answer)["event_id"]
    with urllib.request.urlopen(f"{url}/{event}", timeout=600) as answer:
        lines = answer.read().decode().splitlines()
    data = next(line for line in reversed(lines) if line.startswith("data: "))
    listing = json.loads(data.removeprefix("data: "))[0]
    assert len(listing["voices"][0]["clips"]) == 14
