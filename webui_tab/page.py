"""Build the tab inside whatever Blocks are open, a page of its own or a host's, and connect its events."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr

from gpt_sovits_emotion.backends.base import never
from webui_tab.app_context import AppContext
from webui_tab.banks.events import BanksPage
from webui_tab.banks.layout import build_banks
from webui_tab.components import Components, Updates, merged, style_html
from webui_tab.events import WORK_QUEUE, Events, PageEvent
from webui_tab.gradio_releases import private
from webui_tab.heads_menu import ASK_ID, MARK_ID, WATCH_SCRIPT, heads_mark, heads_menu
from webui_tab.inputs import Nothing, several
from webui_tab.listen.again_step import AgainStep, build_again_step, build_save_step
from webui_tab.listen.recording_step import ChosenHead, RecordingStep, build_recording_step
from webui_tab.listen.segments_step import SegmentsStep, build_segments_step
from webui_tab.listen.showing import PANEL, TAKEN, WORDS, Showing, Step
from webui_tab.pages import Pages
from webui_tab.settings import MENUS
from webui_tab.texts import LANGUAGES, language_of_browser, say
from webui_tab.training.events import TrainingPage
from webui_tab.training.job import Trainer
from webui_tab.training.layout import build_training

__all__ = ["WholePage", "build_components", "build_tab"]


def build_tab(
    blocks: gr.Blocks,
    pages: Pages,
    app: AppContext,
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
        app: The engines.
        upload_root: Where the server files uploads (``GRADIO_TEMP_DIR``).
        language: ``auto`` to follow the browser, or ``en`` or ``zh`` to begin in.
        speaking_queue: The queue (Gradio's ``concurrency_id``) in which saying it again waits its turn.
            In a host that is the queue of its own synthesis, which cannot run twice at a time.

    Returns:
        What ends a training that is under way, to be called when the server ends.
    """
    parts = Components(app, "en" if language == "auto" else language)
    build_components(parts)
    events = Events(blocks, parts, app, pages, speaking_queue)
    showing = Showing(parts, pages, app)
    WholePage(events, showing, language).connect()
    again = AgainStep(events, showing)
    RecordingStep(events, showing, upload_root).connect(again)
    SegmentsStep(events, showing).connect()
    again.connect()
    BanksPage(events, showing).connect()
    speaking = never if app.backend is None else _at_work(blocks, speaking_queue)
    trainer = Trainer(backend=app.backend, speaking=speaking, whisper=app.whisper_models)
    TrainingPage(events, trainer).connect()
    return trainer.close


def _at_work(blocks: gr.Blocks, queue: str) -> Callable[[], bool]:
    """Return what says whether an event of a queue is at work at this moment."""

    def is_at_work() -> bool:
        jobs = list(blocks._queue.active_jobs)
        return any(event.concurrency_id == queue for job in jobs for event in job or ())

    return is_at_work


# --- layout ------------------------------------------------------------------------------------------


def build_components(parts: Components) -> None:
    """Make all components in the Blocks context that is open now."""
    with gr.Column(elem_classes=["emo-tab"]):
        parts.add_html("style", style_html)
        # Gradio 4.44.1 hears a page close only if the app holds a State or if the event of closing happens
        # to be the last one connected (utils.connect_heartbeat); this State is for that and nothing else.
        gr.State()
        # A field of the page, not of the server: what is typed into the panel goes with its own index.
        parts.add("index", gr.Number, 0, precision=0, visible=False)
        parts.add("heads_mark", gr.Textbox, "", visible=False, elem_id=MARK_ID)
        # Not invisible: what is, is not in the page, and cannot be clicked. The style sheet hides it.
        parts.add("heads_ask", gr.Button, value="", elem_id=ASK_ID)
        _head(parts)
        with gr.Tabs(elem_id="emo-pages"):
            with _page(parts, "listen"):
                build_recording_step(parts)
                with parts.hidden("step_heard"):
                    build_segments_step(parts)
                with parts.hidden("step_again"):
                    build_again_step(parts)
                with parts.hidden("step_save"):
                    build_save_step(parts)
            with _page(parts, "banks"):
                build_banks(parts)
            with _page(parts, "train"):
                build_training(parts)


def _page(parts: Components, name: str) -> Any:
    """Return one of the tab's pages, to be filled."""
    label, elem_id = f"text:page_{name}", f"emo-page-{name}"
    return parts.add(f"page_{name}", gr.Tab, label=label, id=name, elem_id=elem_id)


def _head(parts: Components) -> None:
    with gr.Row(equal_height=True):
        with gr.Column(scale=4, min_width=320):
            parts.add_html(
                "title",
                lambda language: (
                    f"<h1>{say('title', language)}</h1>"
                    f'<p class="emo-lead">{say("subtitle", language)}</p>'
                ),
            )
        with gr.Column(scale=1, min_width=180):
            parts.add(
                "page_language",
                gr.Radio,
                choices=list(LANGUAGES.values()),
                value=LANGUAGES[parts.language],
                show_label=False,
                container=False,
                elem_id="emo-language",
            )


# --- events ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ShownMenus:
    """What each menu of a setting shows now."""

    menus: Mapping[str, str | None] = field(metadata=several(MENUS))


class WholePage(Step):
    """The events of the tab as a whole: its opening, its language, its menus, its closing.

    Args:
        events: Connects them.
        showing: Shows what a page holds.
        language: ``auto`` to follow the browser, else the language to begin in.
    """

    def __init__(self, events: Events, showing: Showing, language: str) -> None:
        super().__init__(events, showing)
        self._language = language

    def connect(self) -> None:
        """Connect the events of the tab as a whole."""
        blocks, parts, events = self._events.blocks, self._parts, self._events
        events.quick(blocks.load, self.opened, ("page_language", "heads_note", *MENUS))
        # Neither is queued: the first is asked every second, and the menu should not wait behind work.
        events.quick(parts.heads_mark.input, self.mark_of_heads, ("heads_mark",), queue=False)
        for trigger in (parts.heads_ask.click, parts.head.input, parts.page_language.change):
            events.quick(
                trigger,
                self.look_at_heads,
                ("head", "heads_note"),
                queue=False,
                trigger_mode="multiple",
            )
        blocks.load(None, None, None, js=WATCH_SCRIPT, **private())
        if hasattr(blocks, "unload"):
            blocks.unload(events.closed)
        events.stop_by(parts.stops)
        events.quick(
            parts.page_language.change,
            self.switch_language,
            (*parts.speaking, *MENUS, *TAKEN, *WORDS, *PANEL),
        )

    def opened(self, event: PageEvent[ShownMenus]) -> Updates:
        """Greet a page in its browser's language, with the heads and models that are there now."""
        with contextlib.suppress(AttributeError):  # gradio 4.24 may not know it yet
            _ = event.session  # from now on it is an open one
        language, app = self._language, self._events.app
        if language == "auto":
            language = language_of_browser(event.request.headers.get("accept-language"))
        shown = dict(event.asked.menus)
        offered = MENUS["whisper"].choices(app, language)
        if MENUS["whisper"].meaning(shown["whisper"], app) not in offered.values():
            shown["whisper"] = next(iter(offered))
        return {
            self._parts.page_language: LANGUAGES[language],
            **self._parts.menus(language, shown),
            self._parts.heads_note: heads_menu(app, shown["head"], language).notes,
        }

    def mark_of_heads(self, _: PageEvent[Nothing]) -> Updates:
        """Answer with a mark of what lies in the folders of heads."""
        return {self._parts.heads_mark: heads_mark(self._events.app)}

    def look_at_heads(self, event: PageEvent[ChosenHead]) -> Updates:
        """Bring the menu of heads up to date, and say below it which cannot be used."""
        menu = heads_menu(self._events.app, event.asked.head, event.language)
        return {
            self._parts.head: gr.update(choices=list(menu.choices)),
            self._parts.heads_note: menu.notes,
        }

    def switch_language(self, event: PageEvent[ShownMenus]) -> Updates:
        """Say everything on the page in its other language."""
        language, session = event.language, event.session
        return merged(
            self._parts.said(language),
            self._parts.menus(language, event.asked.menus),
            self._showing.taken(session, language),
            self._showing.words(session, language),
            self._showing.panel(event.page_id, session, language),
        )
