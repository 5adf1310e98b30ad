"""What a page sends, checked before anything is done with it, and read into a dataclass.

A page is not the only one that can ask: whoever reaches the server can send what a text field would never
hold. Gradio would turn such values into text, fetch files that they name, or stumble over them. So it hands
all of them on as they arrived, and each is taken only if its component could have sent it.

What an event asks for are the fields of a dataclass: each is a component of the same name, or a dataclass of
such. Settings are read as their controls say (`controls`), anything else is taken as it was checked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import Field, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import gradio as gr

from webui_tab.controls import Menu, Offer, control_of
from webui_tab.sessions import PageError

__all__ = [
    "Nothing",
    "checked",
    "one_of",
    "read",
    "read_by",
    "row_of",
    "sent_by",
    "session_name",
    "several",
    "value_of",
]

Asked = TypeVar("Asked")

_LONGEST_TEXT = 20_000
_MOST_CHOICES = 200
_MOST_ROWS = 20_000
_MOST_COLUMNS = 32
_LARGEST_NUMBER = 2**53
_LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class Nothing:
    """What an event asks for that needs nothing but to happen."""


def read_by(reader: Callable[[Any], object]) -> Mapping[str, Callable[[Any], object]]:
    """Return the metadata of a field whose checked value is read by a function."""
    return {"reader": reader}


def several(names: Collection[str]) -> Mapping[str, tuple[str, ...]]:
    """Return the metadata of a field that holds what several components sent, by their names."""
    return {"several": tuple(names)}


def sent_by(asked: type) -> tuple[str, ...]:
    """Return the names of the components that a dataclass is read from."""
    names: list[str] = []
    for one, kind in _fields(asked):
        names += sent_by(kind) if is_dataclass(kind) else one.metadata.get("several", (one.name,))
    return tuple(dict.fromkeys(names))


def read(asked: type[Asked], sent: Mapping[str, Any], offer: Offer) -> Asked:
    """Make the dataclass that an event asks for.

    Args:
        asked: The dataclass.
        sent: Name of a component -> what it sent, which was checked.
        offer: What is here to be chosen from.

    Raises:
        PageError: A menu into which nothing can be typed does not offer what was sent.
    """
    values: dict[str, object] = {}
    for one, kind in _fields(asked):
        control = control_of(one)
        if is_dataclass(kind):
            values[one.name] = read(kind, sent, offer)
        elif "several" in one.metadata:
            values[one.name] = {name: sent[name] for name in one.metadata["several"]}
        elif "reader" in one.metadata:
            values[one.name] = one.metadata["reader"](sent[one.name])
        elif control is None:
            values[one.name] = sent[one.name]
        else:
            value = control.read(sent[one.name], one.default, offer)
            if isinstance(control, Menu) and control.closed:
                one_of(str(value), tuple(meaning for _, meaning in control.entries(offer)))
            values[one.name] = value
    return asked(**values)


def _fields(asked: type) -> list[tuple[Field[Any], type]]:
    kinds = get_type_hints(asked)
    return [(one, kinds[one.name]) for one in fields(asked)]


def checked(component: Any, value: Any) -> Any:
    """Return what was sent for a component, as an event takes it.

    Raises:
        PageError: It is nothing that the component sends.
    """
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


def _file(value: Any) -> Path | None:
    if value is None:
        return None
    path = _text(value.get("path")) if isinstance(value, dict) else None
    if not path:
        raise PageError("bad_value")
    return Path(path)
