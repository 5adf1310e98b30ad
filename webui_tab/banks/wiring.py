"""Which event of the page of voices sets off which action."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr

from gpt_sovits_emotion.core.errors import EmotionError
from webui_tab.banks.actions import CLIP, OPENED, PINNED, BankActions
from webui_tab.banks.handlers import listing_of
from webui_tab.incoming import checked
from webui_tab.showing import CHANGED

if TYPE_CHECKING:
    from webui_tab.actions import Actions
    from webui_tab.wiring import Wire

__all__ = ["LISTING_API", "connect_banks"]

LISTING_API = "emotion_bank"
"""Name under which other programs ask for the listing of a bank (``/emotion_bank``)."""

_BUILT_BY = (
    "bank_source", "bank_transcribe", "bank_consent", "whisper", "spoken_language", "head",
    "initial_prompt", "hotwords",
)  # fmt: skip
_MENUS = ("bank_wanted", "bank_pin_emotion", "bank_shown", "bank_clips", "bank_clips_note")


def connect_banks(wire: Wire, banks: BankActions, page: Actions, blocks: gr.Blocks) -> None:
    """Connect every event of the page of voices.

    Args:
        wire: From `webui_tab.wiring.connect`.
        banks: What the events do.
        page: What lets the tab's buttons work again.
        blocks: The app whose opening is heeded.
    """
    parts = banks.parts
    for event in (blocks.load, parts.page_banks.select):
        wire.quick(event, banks.opened, ("bank_source",), ("bank_source",))
    built = wire.work(parts.bank_build.click, banks.build, _BUILT_BY, OPENED)
    wire.finish(built, page.show_saved, ())
    opened = wire.work(parts.bank_open.click, banks.open, ("bank_source", "bank_consent"), OPENED)
    wire.finish(opened, page.show_saved, ())
    wire.quick(parts.stop_bank.click, page.stop)

    lesson = {"failing_into": "bank_lesson"}
    shown = (*OPENED, "bank_sure")
    wire.quick(parts.bank_forget.click, banks.forget, ("bank_sure",), shown, **lesson)
    wire.quick(parts.bank_learn.click, banks.learn, ("bank_consent",), ("bank_lesson",), **lesson)
    clips = ("bank_clips", "bank_clips_note")
    wire.in_order(parts.bank_shown.input, banks.show_emotion, ("bank_shown",), clips)
    wire.in_order(parts.bank_clips.select, banks.select, ("bank_shown",), CLIP)
    pinned = ("bank_shown", "bank_pin_emotion", "bank_clip_name")
    wire.quick(parts.bank_pin.click, banks.pin, pinned, PINNED, failing_into="bank_pin_note")
    wire.quick(
        parts.bank_unpin.click, banks.unpin, pinned[:2], PINNED, failing_into="bank_pin_note"
    )
    wire.quick(parts.page_language.change, banks.relabel, ("bank_shown",), _MENUS)

    wished = ("bank_wanted", "bank_text")
    for event in (parts.bank_choose.click, parts.bank_text.submit):
        wire.quick(event, banks.choose, wished, ("bank_choice",), failing_into="bank_choice")
    used = wire.quick(parts.bank_use.click, banks.use, (), ("voice", *CHANGED))
    wire.turn_to_first(used)
    given_away = ("bank_format", "bank_to", "bank_consent")
    exported = wire.work(parts.bank_export.click, banks.export, given_away, ("bank_exported",))
    wire.finish(exported, page.show_saved, ())
    asked = [parts.bank_api_path, parts.bank_api_consent]
    parts.bank_api_ask.click(
        lambda *sent: _listing(asked, sent),
        asked,
        [parts.bank_api_listing],
        api_name=LISTING_API,
        preprocess=False,
    )


def _listing(asked: Sequence[Any], sent: Sequence[Any]) -> dict[str, Any]:
    try:
        path, consent = checked(asked, sent)
    except EmotionError as error:
        return {"error": str(error)}
    return listing_of(path, consent)
