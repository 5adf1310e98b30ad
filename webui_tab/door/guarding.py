"""Put the door before the app that gradio makes of a page, whoever launches it."""

from __future__ import annotations

import functools
from typing import Any
from urllib.parse import urlsplit

import gradio as gr
from gradio import route_utils
from gradio.routes import App

from webui_tab.door.door import Door
from webui_tab.door.names import Served
from webui_tab.door.receiving import ARRIVING, Receiving

__all__ = ["guard"]

_DOOR = "_gpt_sovits_emotion_door"
_WRAPPED = "_gpt_sovits_emotion_create_app"


def guard(
    blocks: gr.Blocks,
    *,
    address: str = "",
    allowed: tuple[str, ...] = (),
    receiving: Receiving | None = None,
) -> None:
    """Let every request to a page go through the door from when it is launched on.

    Gradio makes the app while it launches the page, and the server runs before launching returns, so the
    door is put up in between: outside of what gradio puts there itself, which lets ``Origin: null`` and other
    ports of this machine pass.

    Args:
        blocks: The page, not launched yet.
        address: What its server will be bound to; asked of the page itself when "".
        allowed: Names that a person has added (`Served.allowed`).
        receiving: What looks after uploads; None where others do.
    """

    def served() -> Served:
        bound = address or getattr(blocks, "server_name", None) or ""
        share = getattr(blocks, "share_url", None) or ""
        return Served(bound, allowed, (urlsplit(share).hostname or "").lower())

    setattr(blocks, _DOOR, {"served": served, "receiving": receiving})
    _watch_apps()
    _watch_temporary_files()


def _watch_apps() -> None:
    original = App.create_app
    if hasattr(original, _WRAPPED):
        return

    @functools.wraps(original)
    def create_app(blocks: gr.Blocks, *args: Any, **kwargs: Any) -> Any:
        app = original(blocks, *args, **kwargs)
        door = getattr(blocks, _DOOR, None)
        if door is not None:
            app.add_middleware(Door, **door)
        return app

    setattr(create_app, _WRAPPED, True)
    App.create_app = staticmethod(create_app)


def _watch_temporary_files() -> None:
    """Note the files that gradio writes uploads into: it leaves those of one that breaks off."""
    original = getattr(route_utils, "NamedTemporaryFile", None)
    if original is None or hasattr(original, _WRAPPED):
        return

    @functools.wraps(original)
    def named_temporary_file(*args: Any, **kwargs: Any) -> Any:
        file = original(*args, **kwargs)
        arriving = ARRIVING.get()
        if arriving is not None:
            arriving.append(file)
        return file

    setattr(named_temporary_file, _WRAPPED, True)
    route_utils.NamedTemporaryFile = named_temporary_file
