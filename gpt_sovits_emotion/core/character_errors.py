"""Compare what was to be said with what was heard, character by character."""

from __future__ import annotations

import unicodedata

__all__ = ["character_error_rate", "spoken_characters"]

_SPOKEN = frozenset("LMN")  # letters, marks and digits; not punctuation, symbols or blanks


def spoken_characters(text: str) -> str:
    """Return the characters of a text that a listener could write down: no case, no punctuation.

    Full and half width become one (Unicode's NFKC). Digits stay digits: "3" and "three" differ, as do
    simplified and traditional characters.

    Examples:
        >>> spoken_characters("Ｈｅｌｌｏ, World！"), spoken_characters("你好，世界。")
        ('helloworld', '你好世界')
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in plain if unicodedata.category(char)[0] in _SPOKEN)


def character_error_rate(wanted: str, heard: str) -> float:
    """Return the fewest insertions, deletions and replacements per character of `wanted`.

    Both are compared by their `spoken_characters`. More than 1 is possible: much may be heard that nobody
    wanted. Where nothing was wanted it is 0 if nothing was heard, else 1.

    Examples:
        >>> character_error_rate("Hello there!", "hello, there"), character_error_rate("abcd", "abxd")
        (0.0, 0.25)
    """
    source, target = spoken_characters(wanted), spoken_characters(heard)
    if not source:
        return float(bool(target))
    return _distance(source, target) / len(source)


def _distance(source: str, target: str) -> int:
    """Return the Levenshtein distance, in memory proportional to the length of `target`."""
    row = list(range(len(target) + 1))
    for n_read, char in enumerate(source, start=1):
        diagonal, row[0] = row[0], n_read
        for place, other in enumerate(target, start=1):
            diagonal, row[place] = (
                row[place],
                min(row[place] + 1, row[place - 1] + 1, diagonal + (char != other)),
            )
    return row[-1]
