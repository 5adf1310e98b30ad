"""Heads dropped into the folder while the page is open: seen without reloading, in a real browser."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from browser import LONG_MS, Tab, running_chromium, running_server, until
from head_files import rewrite

from gpt_sovits_emotion.heads.folder import shipped_folder, user_folder
from webui_tab.texts import say

pytestmark = [pytest.mark.browser, pytest.mark.slow]

W = "head.safetensors"
SHIPPED = ["whisper-base-free", "prosody-emodb", "prosody-multi-nc", "whisper-base-nc"]


def make_head(folder: Path, head_id: str) -> Path:
    """Make a head that the page can use: the one of the program under another name."""
    shutil.copytree(shipped_folder() / "prosody-emodb", folder)
    rewrite(folder, "id: prosody-emodb", f"id: {head_id}")
    return folder


def offered(tab: Tab) -> list[str]:
    """Open the menu of heads, read it, and close it."""
    box = tab.page.locator("#emo-head input")
    box.click()
    box.fill("")
    names = tab.page.locator("#emo-head [role=option]").all_inner_texts()
    box.press("Escape")
    return [name.replace("✓", "").strip() for name in names]


def note_says(tab: Tab, text: str) -> None:
    """Wait until the note below the menu says something, or nothing."""
    note = tab.page.locator("#emo-heads-note")
    until(lambda: text in note.inner_text() if text else not note.inner_text().strip())


@pytest.mark.parametrize(("locale", "language"), [("en-US", "en"), ("zh-CN", "zh")])
def test_heads_come_wait_and_go_while_the_page_is_open(tmp_path, monkeypatch, locale, language):
    from playwright.sync_api import expect

    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    heads, aside = user_folder(), tmp_path / "aside"
    heads.mkdir(parents=True)
    made = make_head(aside / "mine", "mine")
    (tmp_path / "server").mkdir()
    with running_server(tmp_path / "server") as server, running_chromium() as chromium:
        page = chromium.new_context(locale=locale).new_page()
        page.set_default_timeout(LONG_MS)
        asked = []
        page.on(
            "request",
            lambda request: asked.append(request.url) if "/run/predict" in request.url else None,
        )
        page.goto(server.url)
        tab = Tab(page, language)
        expect(page.get_by_role("button", name=tab.say("analyse"), exact=True)).to_be_visible()
        page.wait_for_timeout(
            2000
        )  # in Gradio 4.24 the events of opening a page close what is open
        page.get_by_text(tab.say("more_settings"), exact=True).click()
        more = page.locator("#emo-speaker")
        page.wait_for_timeout(2500)
        assert more.is_visible(), "asking leaves the page alone"
        assert not page.locator("#emo-heads-ask").is_visible()
        assert offered(tab) == SHIPPED

        # Half a copy waits, and says so.
        (heads / "mine").mkdir()
        for name in ("head.yaml", "golden.json"):
            shutil.copyfile(made / name, heads / "mine" / name)
        content = (made / W).read_bytes()
        (heads / "mine" / W).write_bytes(content[: len(content) // 2])
        note_says(tab, {"en": "the copy seems to be under way", "zh": "似乎正在复制"}[language])
        assert offered(tab) == SHIPPED

        # The rest of it arrives.
        (heads / "mine" / W).write_bytes(content)
        note_says(tab, "")
        assert offered(tab) == ["mine", *SHIPPED]

        # It can be used at once.
        tab.choose("#emo-head", "mine")
        page.locator("#emo-consent input").check()
        tab.press("try_sample")
        tab.shows("#emo-segment h3", {"en": "Segment 1 of", "zh": "第 1 /"}[language])
        tab.rests()

        # A broken one and an impostor say why, and change nothing else.
        (heads / "broken").mkdir()
        (heads / "broken" / "head.yaml").write_text("- <img src=x onerror=alert(1)>")
        note_says(tab, {"en": "is not the card of a head", "zh": "不是情感模型的卡片"}[language])
        shutil.copytree(made, heads / "prosody-emodb")
        rewrite(heads / "prosody-emodb", "id: mine", "id: prosody-emodb")
        rewrite(heads / "prosody-emodb", "min_duration_s: 0.6", "min_duration_s: 0.7")
        note_says(tab, {"en": "refused: another head", "zh": "不使用：另一个情感模型"}[language])
        assert page.locator("#emo-heads-note img").count() == 0
        assert page.locator("#emo-head input").input_value() == "mine"

        # Taken out, it goes; what was tagged with it can still be looked at.
        shutil.rmtree(heads / "mine")
        note_says(tab, say("head_gone", language, head="mine"))
        assert offered(tab) == SHIPPED
        tab.press("later")
        tab.shows("#emo-segment h3", {"en": "Segment 2 of", "zh": "第 2 /"}[language])

        # A page that nobody looks at asks nothing. (Chromium without a window has no hidden pages.)
        assert asked, "a page that is looked at asks"
        page.evaluate("Object.defineProperty(document, 'hidden', {get: () => true})")
        page.wait_for_timeout(1500)  # the question that was under way
        asked.clear()
        page.wait_for_timeout(4000)
        assert asked == []
