"""Which format a plain text holds, whatever its name: a transcript that somebody named ``.txt``.

What is syntax would be spoken otherwise. Each counts only where the beginning of the text says so.
"""

from __future__ import annotations

import json
import re

from gpt_sovits_emotion.transcripts.other_programs import is_foreign_table

__all__ = ["ending_of"]

_SIGNS = (
    (".ass", re.compile(r"\s*\[Script Info\]", re.IGNORECASE)),
    (".smi", re.compile(r"\s*<sami\b", re.IGNORECASE)),
    (
        ".ttml",
        re.compile(
            r"\s*(?:<\?xml\b[^<>]*\?>\s*)?(?:<!--(?:(?!-->).)*-->\s*)*<(?:\w+:)?tt\b", re.DOTALL
        ),
    ),
)
_AUDIO = r"[^|\n]*\.(?:wav|flac|mp3|m4a|ogg|opus|aac|wma|amr|aiff?)"
_LIST_ROW = re.compile(rf"\s*{_AUDIO}\s*\|[^|\n]*\|[^|\n]*\|[^\n]*", re.IGNORECASE)


def ending_of(text: str) -> str:
    r"""Return the ending that a file of this content should have, "" where it is words or text with times.

    Examples:
        >>> ending_of("[Script Info]\nScriptType: v4.00+"), ending_of("start\tend\ttext\n0\t1\tHi")
        ('.ass', '.tsv')
        >>> ending_of("a.wav|ann|en|Hi"), ending_of('{"segments": []}'), ending_of("{sighs} Hi")
        ('.list', '.json', '')
    """
    for ending, sign in _SIGNS:
        if sign.match(text):
            return ending
    rows = [row for row in text.splitlines() if row.strip()]
    if len(rows) > 1 and is_foreign_table(rows[0]):
        return ".tsv"
    if rows and all(_LIST_ROW.fullmatch(row) for row in rows):
        return ".list"
    return ".json" if _is_json(text) else ""


def _is_json(text: str) -> bool:
    if text.lstrip()[:1] not in ("{", "["):
        return False
    try:
        held = json.loads(text)
    except (ValueError, RecursionError):
        return False
    rows = held if isinstance(held, list) else [held]
    return bool(rows) and all(isinstance(row, dict) for row in rows)
