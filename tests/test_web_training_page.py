"""The training page in a real browser: two people, one training; and one speaker, learned and forgotten."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from browser import BACKSTOP_S, LONG_MS, Tab, running_chromium, until
from conftest import voiced

from gpt_sovits_emotion.audio import recording_from_samples, write_wav

pytestmark = [pytest.mark.browser, pytest.mark.slow]

_SCRIPT = Path(__file__).with_name("training_server.py")
_NARROW = 500


@dataclass(frozen=True)
class Server:
    """A server under test: its page, where it keeps what is the user's, and what holds its training up."""

    url: str
    data: Path
    hold: Path
    corpus: Path

    @property
    def heads(self) -> Path:
        return self.data / "gpt-sovits-emotion" / "heads"

    @property
    def speakers(self) -> Path:
        return self.data / "gpt-sovits-emotion" / "speakers"


def write_corpus(folder: Path) -> Path:
    folder.mkdir()
    rows = ["path,speaker,emotion"]
    for s, speaker in enumerate(("anna", "ben", "cleo")):
        for e, emotion in enumerate(("anger", "sad")):
            for take in range(3):
                name = f"{speaker}-{emotion}-{take}.wav"
                tone = voiced(
                    0.8, f0_hz=110 + 40 * s + 90 * e + 5 * take, syllables_per_s=3 + 2 * e
                )
                with recording_from_samples(tone, 16_000, name=name) as recording:
                    write_wav(folder / name, recording.read())
                rows.append(f"{name},{speaker},{emotion}")
    (folder / "manifest.csv").write_text("\n".join(rows), encoding="utf-8")
    return folder


def served(folder: Path, *, port: int) -> Iterator[Server]:
    log = folder / "server.log"
    data, corpus = folder / "data", write_corpus(folder / "corpus")
    (folder / "tmp").mkdir()
    environment = {
        **os.environ,
        "TMPDIR": str(folder / "tmp"),
        "XDG_DATA_HOME": str(data),
        "GPT_SOVITS_EMOTION_CACHE": str(folder / "cache"),
        "PYTHONUNBUFFERED": "1",
    }
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, str(_SCRIPT), str(port), str(folder)],
            stdout=stream,
            stderr=stream,
            env=environment,
        )
    try:
        said = until(
            lambda: re.search(r"http://127\.0\.0\.1:\d+/", log.read_text(encoding="utf-8")),
            alive=process,
            log=log,
        )
        yield Server(said[0], data, folder / "hold", corpus)
    finally:
        process.terminate()
        process.wait(timeout=BACKSTOP_S)
    assert process.returncode == 0
    assert "Traceback" not in log.read_text(encoding="utf-8")
    assert list((folder / "tmp").iterdir()) == [], "the server leaves nothing"


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    yield from served(tmp_path_factory.mktemp("training"), port=18_790)


@pytest.fixture(scope="module")
def chromium():
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def open_tab(chromium, server):
    contexts = []

    def opened(locale: str = "en-US", *, width: int = 1280) -> Tab:
        from playwright.sync_api import expect

        context = chromium.new_context(locale=locale, viewport={"width": width, "height": 900})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(LONG_MS)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(server.url)
        tab = Tab(page, "zh" if locale.startswith("zh") else "en")
        button = page.get_by_role("tab", name=tab.say("page_train"), exact=True)
        expect(button).to_be_visible()
        button.click()
        expect(page.locator("#emo-train-corpora textarea")).to_be_visible()
        return tab

    errors: list[str] = []
    yield opened
    for context in contexts:
        context.close()
    assert errors == []


def write(tab: Tab, selector: str, text: str) -> None:
    box = tab.page.locator(f"{selector} textarea, {selector} input").first
    box.fill(text)
    box.blur()


def train(tab: Tab, server: Server, head_id: str) -> None:
    write(tab, "#emo-train-corpora", f"mine={server.corpus}")
    write(tab, "#emo-train-name", head_id)
    tab.page.locator("#emo-train-consent input").check()
    tab.press("train_start")


def fits(tab: Tab) -> bool:
    return bool(tab.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1"))


@pytest.mark.parametrize(("locale", "width"), [("en-US", 1280), ("zh-CN", _NARROW)])
def test_corpora_are_looked_at_before_anything_is_trained(
    open_tab, server, tmp_path, locale, width
):
    tab = open_tab(locale, width=width)
    tab.press("train_look")
    tab.shows("#emo-train-found .emo-bad", tab.say("train_no_corpora"))
    write(tab, "#emo-train-corpora", f"mine={server.corpus}")
    tab.press("train_look")
    tab.shows("#emo-train-found .emo-bad", tab.say("train_consent_missing"))
    tab.page.locator("#emo-train-consent input").check()
    tab.press("train_look")
    tab.shows("#emo-train-found table", {"en": "angry", "zh": "愤怒"}[tab.language])
    tab.shows("#emo-train-found table", "anger")
    tab.shows("#emo-train-found", {"en": "9 clips only", "zh": "只有 9 个片段"}[tab.language])
    write(tab, "#emo-train-corpora", f"mine={server.corpus}-nowhere")
    tab.press("train_look")
    tab.shows("#emo-train-found .emo-bad", "corpus-nowhere")
    assert fits(tab)


def test_two_people_share_one_training(open_tab, server, tmp_path):
    from playwright.sync_api import expect

    server.hold.touch()
    first = open_tab()
    train(first, server, "shared-head")
    first.shows(
        "#emo-train-live", re.compile(r"Training shared-head.* · 60 %.* · about 1 min left")
    )
    expect(first.page.locator("#emo-train-live svg")).to_have_count(2)
    first.page.close()

    second = open_tab("zh-CN", width=_NARROW)
    second.shows("#emo-train-live", "正在训练 shared-head")
    expect(second.page.locator("#emo-train-live svg").first).to_be_visible()
    assert fits(second)
    start = second.page.get_by_role("button", name=second.say("train_start"), exact=True)
    expect(start).to_be_disabled()
    third = open_tab()
    second.picture("training-narrow", tmp_path)

    second.press("train_stop")
    second.shows("#emo-train-result", "shared-head 已安装")
    second.shows("#emo-train-result", "提前停止")
    third.shows("#emo-train-result", "shared-head is installed")
    third.shows("#emo-train-result .emo-confusion", "5")
    assert (server.heads / "shared-head" / "head.yaml").is_file()
    assert fits(second)

    # It was named in Chinese; everything on the page is said in the other language at once.
    second.page.locator("#emo-language label", has_text="English").click()
    second.language = "en"
    second.shows("#emo-train-result", "it was stopped early")
    expect(second.page.get_by_role("tab", name="Train heads", exact=True)).to_be_visible()
    expect(second.page.locator("#emo-train-result .zh").first).to_be_hidden()

    third.press("train_use")
    expect(third.page.locator("#emo-recording")).to_be_visible()
    expect(third.page.locator("#emo-head input")).to_have_value("shared-head")
    third.page.get_by_role("tab", name=third.say("page_train"), exact=True).click()

    third.press("train_remove")
    third.shows(".toast-wrap", third.say("sure_missing"))
    assert (server.heads / "shared-head" / "head.yaml").is_file()
    third.page.locator("#emo-train-sure input").check()
    third.press("train_remove")
    third.shows("#emo-train-result", "shared-head is removed")
    assert not (server.heads / "shared-head").exists()
    server.hold.unlink()


def test_a_wrong_name_is_one_sentence(open_tab, server):
    tab = open_tab("zh-CN")
    train(tab, server, "My Head")
    tab.shows("#emo-train-problem .emo-bad", "不能作为模型名称")


def test_a_speaker_is_learned_from_corrections_used_and_forgotten(open_tab, server):
    from playwright.sync_api import expect

    tab = open_tab()
    page = tab.page
    page.get_by_role("tab", name=tab.say("page_listen"), exact=True).click()
    page.locator("#emo-consent input").check()
    tab.press("try_sample")
    # Where the small voice is installed the sample is said again too; corrections wait for the end of it.
    said = page.locator("#emo-result .emo-note, #emo-again-status .emo-bad")
    expect(said.first).to_be_visible(timeout=LONG_MS)
    tab.rests()
    tab.cell(2, 3).click()
    tab.shows("#emo-segment h3", "Segment 3")
    page.locator("#emo-emotion input").click()
    page.get_by_role("option", name="sad", exact=True).click()
    expect(tab.cell(2, 4)).to_have_text("sad")

    page.get_by_role("tab", name=tab.say("page_train"), exact=True).click()
    tab.choose("#emo-speaker-name", "Anna")
    tab.press("speaker_learn")
    tab.shows("#emo-speaker-status .emo-bad", tab.say("speaker_consent_missing"))
    page.locator("#emo-speaker-consent input").check()
    expect(page.get_by_role("button", name=tab.say("speaker_learn"))).to_be_enabled()
    tab.press("speaker_learn")
    tab.shows("#emo-speaker-status table", "sample_en.flac #3")
    tab.shows("#emo-speaker-status", "1 labelled")
    (folder,) = server.speakers.glob("*/Anna")
    assert folder.stat().st_mode & 0o077 == 0

    page.get_by_role("tab", name=tab.say("page_listen"), exact=True).click()
    page.get_by_role("button", name=tab.say("more_settings")).click()
    tab.choose("#emo-speaker", "Anna")
    tab.work("analyse")
    tab.shows("#emo-summary", "what was learned of the speaker Anna")

    page.get_by_role("tab", name=tab.say("page_train"), exact=True).click()
    tab.press("speaker_undo")
    tab.shows("#emo-speaker-status", "0 labelled")
    tab.press("speaker_undo")
    tab.shows("#emo-speaker-status .emo-bad", "to take back")
    tab.press("speaker_forget")
    tab.shows("#emo-speaker-status .emo-bad", tab.say("sure_missing"))
    page.locator("#emo-speaker-sure input").check()
    tab.press("speaker_forget")
    tab.shows("#emo-speaker-status", "is deleted")
    expect(page.locator("#emo-speaker-sure input")).not_to_be_checked()
    assert not list(server.speakers.glob("*/Anna"))
