"""Build the tab inside whatever Blocks are open: a page of its own today, a tab of a host tomorrow."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from webui_tab.actions import Actions
from webui_tab.layout import Choices, build
from webui_tab.sessions import Pages
from webui_tab.texts import say
from webui_tab.wiring import WORK_QUEUE, connect
from webui_tab.workshop import WHISPER_SIZES, Workshop

__all__ = ["build_tab"]


def build_tab(
    blocks: gr.Blocks,
    pages: Pages,
    workshop: Workshop,
    *,
    upload_root: Path,
    language: str = "auto",
    speaking_queue: str = WORK_QUEUE,
) -> None:
    """Build the tab's components in the context that is open now, and connect its events.

    Args:
        blocks: The app, for the events of opening and closing a page.
        pages: What each open page holds; its root lies inside `upload_root`, or else the server would
            copy every file it shows to a place where nobody deletes it.
        workshop: The engines.
        upload_root: Where the server files uploads (``GRADIO_TEMP_DIR``).
        language: ``auto`` to follow the browser, or ``en`` or ``zh`` to begin in.
        speaking_queue: The queue (Gradio's ``concurrency_id``) in which saying it again waits its turn.
            In a host that is the queue of its own synthesis, which cannot run twice at a time.
    """
    first = "en" if language == "auto" else language
    choices = Choices(
        language=first,
        # Which of them are here is looked up when a page is opened: that imports faster-whisper, and a
        # host that is starting should not wait for it.
        whisper=WHISPER_SIZES,
        heads=tuple(entry.id for entry in workshop.heads()),
        voices=(say("voice_sample", first),),
        spoken_by=workshop.spoken_by,
    )
    parts = build(choices)
    actions = Actions(parts, pages, workshop, upload_root=upload_root, language=language)
    connect(actions, blocks, speaking_queue=speaking_queue)
