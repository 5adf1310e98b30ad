r"""Text in which every character can be seen.

File names and the words of others may hold characters that move a terminal's cursor, colour its screen, or
turn the direction of writing, on a page too.
"""

from __future__ import annotations

import re

__all__ = ["UNSEEN", "visible"]

# C0, DEL and C1; separators of lines; marks that turn the direction of writing; surrogates.
UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufff9-\ufffb\ud800-\udfff]"
)
"""Characters that nobody sees and that do something."""


def visible(text: str) -> str:
    r"""Return a text in which every character can be seen, and none does anything to a terminal.

    Examples:
        >>> print(visible("a\x1b[31mred\nb"), visible("caf\udce9.wav"), visible("\u202egnp"))
        a\x1b[31mred\nb caf\xe9.wav \u202egnp
    """
    return UNSEEN.sub(_as_escape, text)


def _as_escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file name that is no UTF-8 (PEP 383)
        return f"\\x{code - 0xDC00:02x}"
    return {0x0A: "\\n", 0x0D: "\\r", 0x09: " "}.get(
        code, f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
    )
