"""Wrap GPT-SoVITS's inference page into tabs: its own part in the first, ours in the second.

The page's ``Blocks`` stays the same object, and everything in it keeps its id, its place in the order of
events, its name in the HTTP interface, its style and its scripts. Either the tab stands in the end, or
the page is exactly as it was. The tab works with that page's models, voice, queue and language.
"""

from __future__ import annotations

import atexit
import copy
import os
import sys
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.context import Context

from gpt_sovits_emotion.backends.webui import WebuiBackend
from webui_tab.app_context import AppContext
from webui_tab.page import build_tab
from webui_tab.pages import Pages
from webui_tab.request_guard.access import ALLOW_HOST_VARIABLE, named_hosts
from webui_tab.request_guard.guard import guard
from webui_tab.request_guard.receiving import Receiving
from webui_tab.storage import private_folder

__all__ = ["OURS", "THEIRS", "attach", "build_inside", "page_language"]

THEIRS = "TTS"
OURS = "情感 Emotion"


def attach(app: gr.Blocks, namespace: MutableMapping[str, Any]) -> None:
    """Put the tab into the page of an inference script, before it is launched.

    Args:
        app: The page, built but not launched.
        namespace: The live globals of the script (``__main__.__dict__``).

    Raises:
        Exception: Whatever went wrong; the page is as it was.
    """
    if not app.exited:
        app.__exit__()  # a script that launches inside its own `with`: launching would do the same
    with ExitStack() as tidying, _unchanged_on_failure(app), _no_second_load_events(app):
        theirs = list(app.children)
        with app:
            app.children = []
            with gr.Tabs(elem_id="emo-host-tabs"):
                with gr.Tab(THEIRS) as native:
                    pass
                with gr.Tab(OURS, elem_id="emo-host-tab"):
                    tidying.callback(build_inside(app, namespace))
            native.children.extend(theirs)
            for child in theirs:
                child.parent = native
        atexit.register(tidying.pop_all().close)


@contextmanager
def _no_second_load_events(app: gr.Blocks) -> Iterator[None]:
    """Hide the page's components that load their value anew from the second leaving of its context.

    Leaving it connects a load event for each of them (``Blocks.attach_load_events``), and did so when the
    page was built.
    """
    hidden = [
        (component, component.load_event_to_attach)
        for component in app.blocks.values()
        if getattr(component, "load_event_to_attach", None)
    ]
    for component, _ in hidden:
        component.load_event_to_attach = None
    try:
        yield
    finally:
        for component, event in hidden:
            component.load_event_to_attach = event


@contextmanager
def _unchanged_on_failure(app: gr.Blocks) -> Iterator[None]:
    """Restore the page, its components, its queue and gradio's building context if the body raises."""
    parts = [app, *app.blocks.values(), app._queue, getattr(app, "default_config", None)]
    with ExitStack() as restoring:
        for part in parts:
            if part is not None:
                restoring.callback(_restorer(part))
        context = {name: getattr(Context, name) for name in ("root_block", "block", "id")}
        try:
            yield
        except BaseException:
            for name, value in context.items():
                setattr(Context, name, value)
            raise
        restoring.pop_all()


def _restorer(thing: Any) -> Any:
    """Remember an object's attributes, and what its lists, dicts and sets hold; return what restores it.

    Containers are restored in place: gradio's queue and its page may hold the same list of events.
    """
    attributes = dict(vars(thing))
    contents = [
        (value, copy.copy(value))
        for value in attributes.values()
        if isinstance(value, (list, dict, set))
    ]

    def restore() -> None:
        vars(thing).clear()
        vars(thing).update(attributes)
        for value, content in contents:
            value.clear()
            value.extend(content) if isinstance(value, list) else value.update(content)

    return restore


_PREFIX = "gpt-sovits-emotion-"


def build_inside(app: gr.Blocks, namespace: MutableMapping[str, Any]) -> Callable[[], None]:
    """Build the tab's components in the context that is open now, and connect its events.

    What open pages hold lies in a private folder among the server's uploads, because it serves files from
    there without copying them. The host keeps that place under its ``TEMP``, which it empties whenever its
    main page starts: nothing that should last may be put there.

    Args:
        app: The host's page.
        namespace: The live globals of its script.

    Returns:
        What deletes all that its pages hold, to be called when the process ends.
    """
    backend = WebuiBackend(namespace)
    uploads = Path(app.GRADIO_CACHE)
    uploads.mkdir(parents=True, exist_ok=True)
    with ExitStack() as cleaning:
        folder = cleaning.enter_context(private_folder(uploads, prefix=_PREFIX))
        pages = Pages(folder, shares_uploads=True)
        cleaning.callback(pages.forget_all)
        end_training = build_tab(
            app,
            pages,
            AppContext(checkout=backend.root, backend=backend),
            upload_root=uploads,
            language=page_language(namespace),
            speaking_queue=backend.concurrency_id,
        )
        cleaning.callback(end_training)
        allowed = named_hosts([os.environ.get(ALLOW_HOST_VARIABLE, "")])
        guard(app, allowed=allowed, receiving=Receiving(pages.uploads, presence=pages.presence))
        return cleaning.pop_all().close


def page_language(namespace: MutableMapping[str, Any]) -> str:
    """Return the tab's first language, by the locale that the host's page was started in.

    Returns:
        ``zh`` for the Chinese locales, ``auto`` where the host chooses by itself too (the browser then
        decides), ``en`` for every other.
    """
    locale = namespace.get("language")
    if not isinstance(locale, str):
        locale = sys.argv[-1]
    if locale == "Auto":
        return "auto"
    return "zh" if locale.startswith("zh") else "en"
