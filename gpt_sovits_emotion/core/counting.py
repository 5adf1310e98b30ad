"""Small matters of writing: numbers of things in English, and names within Chinese sentences."""

from __future__ import annotations

__all__ = ["beside_chinese", "counted"]


def counted(n: int, one: str, many: str = "") -> str:
    """Return a number with what it counts, in the singular where it is one.

    Args:
        n: How many.
        one: What stands behind 1.
        many: What stands behind any other number; `one` with an s when "".

    Examples:
        >>> counted(1, "clip"), counted(0, "clip"), counted(2, "row is", "rows are")
        ('1 clip', '0 clips', '2 rows are')
    """
    return f"{n} {one if n == 1 else many or f'{one}s'}"


def beside_chinese(text: str) -> str:
    """Return a text as it stands behind Chinese characters: Latin letters and digits after a space.

    Examples:
        >>> beside_chinese("开心 99 %"), beside_chinese("cheeky 87 %")
        ('开心 99 %', ' cheeky 87 %')
    """
    return f" {text}" if text[:1].isascii() and text[:1].isalnum() else text
