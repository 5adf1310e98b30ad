"""Build the tab inside whatever Blocks are open: a page of its own today, a tab of a host tomorrow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import gradio as gr

from gpt_sovits_emotion.backends.base import never
from gpt_sovits_emotion.transcription.options import AUTO
from webui_tab.actions import Actions
from webui_tab.banks.actions import BankActions
from webui_tab.banks.wiring import connect_banks
from webui_tab.layout import build
from webui_tab.pages import Pages
from webui_tab.parts import Choices
from webui_tab.texts import say
from webui_tab.training.actions import TrainingActions
from webui_tab.training.job import Trainer
from webui_tab.training.wiring import connect_training
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
) -> Callable[[], None]:
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

    Returns:
        What ends a training that is under way, to be called when the server ends.
    """
    first = "en" if language == "auto" else language
    choices = Choices(
        language=first,
        # Which of them are here is looked up when a page is opened: that imports faster-whisper, and a
        # host that is starting should not wait for it.
        whisper=(AUTO, *WHISPER_SIZES),
        heads=tuple(entry.id for entry in workshop.heads()),
        voices=(say("voice_sample", first),),
        spoken_by=workshop.spoken_by,
    )
    parts = build(choices)
    actions = Actions(parts, pages, workshop, upload_root=upload_root, language=language)
    wire = connect(actions, blocks, speaking_queue=speaking_queue)
    speaking = never if workshop.backend is None else _at_work(blocks, speaking_queue)
    connect_banks(wire, BankActions(actions), actions, blocks)
    trainer = Trainer(backend=workshop.backend, speaking=speaking, whisper=workshop.whisper_models)
    connect_training(wire, TrainingActions(actions, trainer), actions, blocks)
    return trainer.close


def _at_work(blocks: gr.Blocks, queue: str) -> Callable[[], bool]:
    """Return what says whether an event of a queue is at work at this moment."""

    def is_at_work() -> bool:
        jobs = list(blocks._queue.active_jobs)
        return any(event.concurrency_id == queue for job in jobs for event in job or ())

    return is_at_work
