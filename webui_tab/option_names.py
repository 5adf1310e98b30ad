"""Remedies that name options of the command line, in the words of the page."""

from __future__ import annotations

import re

from webui_tab.texts import say

__all__ = ["on_page"]

_FIELDS = {
    "--encoding": "encoding",
    "--directions say": "directions",
    "--language": "spoken_language",
}
_OPTION = re.compile(rf" ?(?P<option>{'|'.join(_FIELDS)})(?![\w-]) ?")


def on_page(sentence: str, language: str) -> str:
    """Return a sentence that names options of the command line with the names of the page's own fields.

    Examples:
        >>> on_page("if letters are wrong, name its encoding with --encoding", "en")
        'if letters are wrong, name its encoding with “Encoding of the file of words”'
    """

    def named(found: re.Match[str]) -> str:
        shown = f"“{say(_FIELDS[found['option']], language)}”"
        if language == "zh":
            return shown
        begin, end = (" " if found[0][place] == " " else "" for place in (0, -1))
        return f"{begin}{shown}{end}"

    return _OPTION.sub(named, sentence)
