"""What a person does in the tab, inside a page of a real checkout."""

from __future__ import annotations

from pathlib import Path

from browser import Tab

from gpt_sovits_emotion.transcription import find_model

OURS = "情感 Emotion"
PATIENCE_MS = 600_000


def tag(tab: Tab, recording: Path) -> None:
    """Upload a recording of two sentences of the sample, and have it analysed."""
    tab.upload(recording)
    _choose_whisper(tab)
    tab.page.locator("#emo-consent input").check()
    tab.work("analyse", timeout_ms=PATIENCE_MS)
    assert tab.rows.count() == 2


def _choose_whisper(tab: Tab) -> None:
    # By its folder: the host's own Python need not have it installed.
    tab.choose("#emo-whisper", str(find_model("base", allow_download=False).folder))


def picture(tab: Tab, name: str, folder: Path) -> None:
    """Take a picture in which the model has its name: its folder is a matter of this machine alone."""
    tab.choose("#emo-whisper", "base")
    tab.picture(name, folder)
    _choose_whisper(tab)


def say_again(tab: Tab) -> None:
    """Have it said again; every segment was said, and heard again."""
    tab.work("resynthesise", timeout_ms=PATIENCE_MS)
    checks = [tab.cell(row, 7).inner_text().strip() for row in range(tab.rows.count())]
    assert all(check[:1] in ("✓", "✗") for check in checks), checks


def build_voice(tab: Tab, folder: Path) -> None:
    """Have the page of voices listen to a folder of clips, and see what it holds."""
    tab.page.get_by_role("tab", name=tab.say("page_banks"), exact=True).click()
    tab.choose("#emo-bank-source", str(folder))
    tab.page.locator("#emo-bank-transcribe input").uncheck()
    tab.page.locator("#emo-bank-consent input").check()
    tab.press("bank_build")
    picture = tab.page.locator("#emo-bank-coverage svg").locator("visible=true")
    picture.wait_for(timeout=PATIENCE_MS)
    tab.page.get_by_role("tab", name=tab.say("page_listen"), exact=True).click()
