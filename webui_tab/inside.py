"""Build the tab inside GPT-SoVITS's page: with its models, its voice, its queue and its language."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, MutableMapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import gradio as gr

from gpt_sovits_emotion.backends.webui import WebuiBackend
from webui_tab.door.guarding import guard
from webui_tab.door.names import ALLOW_HOST_VARIABLE, named_hosts
from webui_tab.door.receiving import Receiving
from webui_tab.pages import Pages
from webui_tab.private import private_folder
from webui_tab.tab import build_tab
from webui_tab.workshop import Workshop

__all__ = ["build_inside", "page_language"]

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
            Workshop(checkout=backend.root, backend=backend),
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
