"""What a page sends, checked before anything is done with it.

A page is not the only one that can ask: whoever reaches the server can send what a text field would never
hold. Gradio would turn such values into text, fetch files that they name, or stumble over them. So it hands
all of them on as they arrived, and each is taken only if its component could have sent it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

import gradio as gr

from webui_tab.sessions import PageError

__all__ = ["checked", "one_of", "row_of", "session_name", "value_of"]

_LONGEST_TEXT = 20_000
_MOST_CHOICES = 200
_MOST_ROWS = 20_000
_MOST_COLUMNS = 32
_LARGEST_NUMBER = 2**53
_LONGEST_NAME = 64


def checked(components: Sequence[Any], values: Sequence[Any]) -> list[Any]:
    """Return the values of an event's inputs, as an action takes them.

    Args:
        components: The inputs.
        values: What was sent for each.

    Raises:
        PageError: One of them is nothing that its component sends.
    """
    return [_checked(*pair) for pair in zip(components, values, strict=True)]


def one_of(value: str, offered: Collection[str]) -> str:
    """Return a value that a menu offers. Raises `PageError` for any other."""
    if value not in offered:
        raise PageError("bad_choice", value=value[:_LONGEST_NAME], offered=" / ".join(offered))
    return value


def row_of(event: gr.SelectData) -> int:
    """Return the row of a table that was clicked; -1 where an event names none."""
    index = event.index
    if isinstance(index, (list, tuple)) and index:
        index = index[0]
    return index if isinstance(index, int) and not isinstance(index, bool) else -1


def value_of(event: gr.SelectData) -> str:
    """Return the text that was selected. Raises `PageError` where it is none."""
    return _text(event.value) or ""


def session_name(name: object) -> str:
    """Return the name by which an open page tells itself from others.

    Raises:
        PageError: It has none: all requests without one would share what they hold.
    """
    if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME:
        raise PageError("no_session")
    return name


# --- by component ------------------------------------------------------------------------------------


def _checked(component: Any, value: Any) -> Any:
    if isinstance(component, gr.Checkbox):
        return _flag(value)
    if isinstance(component, (gr.Slider, gr.Number)):
        return _number(component, value)
    if isinstance(component, gr.Dataframe):
        return _table(value)
    if isinstance(component, (gr.Audio, gr.UploadButton, gr.File)):
        return _file(value)
    if isinstance(component, gr.Dropdown) and component.multiselect:
        return _choices(value)
    return _text(value)


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or "\0" in value:
        raise PageError("bad_value")
    if len(value) > _LONGEST_TEXT:
        raise PageError("too_long", most=_LONGEST_TEXT)
    return value.encode("utf-8", "replace").decode("utf-8")  # half an emoji is no text


def _flag(value: Any) -> bool:
    if value is not None and not isinstance(value, bool):
        raise PageError("bad_value")
    return bool(value)


def _number(component: Any, value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise PageError("bad_number")
    low = -_LARGEST_NUMBER if component.minimum is None else component.minimum
    high = _LARGEST_NUMBER if component.maximum is None else component.maximum
    if not low <= value <= high:
        raise PageError("number_outside", value=f"{value:g}", low=f"{low:g}", high=f"{high:g}")
    return value


def _choices(value: Any) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > _MOST_CHOICES:
        raise PageError("bad_value")
    return [text for text in map(_text, value) if text]


def _table(value: Any) -> list[list[Any]]:
    rows = value.get("data") if isinstance(value, dict) else value
    if rows is None:
        return []
    if not isinstance(rows, list) or len(rows) > _MOST_ROWS:
        raise PageError("bad_value")
    for row in rows:
        if not isinstance(row, list) or len(row) > _MOST_COLUMNS:
            raise PageError("bad_value")
        if any(isinstance(cell, (dict, list)) for cell in row):
            raise PageError("bad_value")
    return [[_text(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]


def _file(value: Any) -> dict[str, Any] | None:
    if value is None:
        return None
    path = value.get("path") if isinstance(value, dict) else None
    if not _text(path):
        raise PageError("bad_value")
    return {"path": path}
