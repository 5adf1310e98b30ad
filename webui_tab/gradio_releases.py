"""What differs between the releases of gradio that the tab runs on: 4.24 to 4.44 in GPT-SoVITS, to 6 alone.

What a release can do is read from the signatures of its own functions, never from its number. The tab is
written in the words of gradio 4; here they are translated.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

import gradio as gr

__all__ = ["fitted", "launch_options", "page_options", "private", "rows_update"]


def fitted(component: type, properties: dict[str, Any]) -> dict[str, Any]:
    """Return a component's properties, given in the words of gradio 4, in those of the one that runs.

    Args:
        component: The component's class.
        properties: What it is to be made with.
    """
    known, fitting = _parameters(component), dict(properties)
    if "show_download_button" in properties and "show_download_button" not in known:
        shows = fitting.pop("show_download_button")
        fitting["buttons"] = ["download"] if shows else []
    if component is not gr.Dataframe:
        return fitting
    if "height" not in known and "height" in properties:
        fitting["max_height"] = fitting.pop("height")
    for count, new_name in (("row_count", "row_count"), ("col_count", "column_count")):
        if "column_count" in known and count in properties:
            number, _ = fitting.pop(count)  # gradio 6 announces limits, and has none yet
            fitting[new_name] = number
    return fitting


def rows_update(n_rows: int) -> dict[str, Any]:
    """Return what sets a table to a number of rows."""
    return fitted(gr.Dataframe, {"row_count": (n_rows, "fixed")})


def private() -> dict[str, Any]:
    """Return the options of an event that is no part of the HTTP interface that the page describes."""
    if "api_visibility" in _parameters(gr.Button.click):
        return {"api_visibility": "private"}
    return {"api_name": False, "show_api": False}


def page_options(theme: Any) -> dict[str, Any]:
    """Return the options with which a page of our own is built."""
    return {} if _launch_takes("theme") else {"theme": theme}


def launch_options(theme: Any) -> dict[str, Any]:
    """Return the options with which a page of our own is launched, beside those of every release.

    Gradio 6 has the browser keep what was sent and answered ("run history") unless it is told not to, and
    gradio 5 and 6 have a second server draw the page where the machine happens to have Node. All of them ask
    the page for itself within seconds, and give up where a machine is too busy to answer so soon.
    """
    wanted = {
        "theme": theme,
        "run_history": False,
        "ssr_mode": False,
        "footer_links": [],
        "_frontend": False,
    }
    options = {name: value for name, value in wanted.items() if _launch_takes(name)}
    return options if _launch_takes("footer_links") else {**options, "show_api": False}


def _launch_takes(name: str) -> bool:
    return name in _parameters(gr.Blocks.launch)


@cache
def _parameters(called: Callable[..., Any]) -> frozenset[str]:
    # A class's own signature is that of gradio's metaclass.
    if isinstance(called, type):
        called = next(vars(one)["__init__"] for one in called.__mro__ if "__init__" in vars(one))
    return frozenset(inspect.signature(called).parameters)
