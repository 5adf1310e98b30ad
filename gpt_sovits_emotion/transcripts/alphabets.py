"""Tell apart the encodings whose letters beyond ASCII are those of one alphabet: Cyrillic, Greek, Hebrew.

Any byte is a letter in most of them: Greek in Windows-1253 is Cyrillic letters in Windows-1251. What tells
them apart is how frequent the letters are, and what no text does: a capital behind a small letter, a final
letter in the middle of a word, a tone mark without a consonant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import MappingProxyType

__all__ = ["ALPHABETS", "fitting_alphabets"]

# The letters in order of how frequent they are in running text; in Cyrillic those of Ukrainian, Belarusian,
# Bulgarian and Serbian behind the Russian ones.
_CYRILLIC = "оеаинтсрвлкмдпуяыьгзбчйхжшюіцщэфїєёъўґјњљћђџ"
ALPHABETS = MappingProxyType(
    {
        "cp1251": _CYRILLIC,
        "koi8-r": _CYRILLIC,
        "cp1253": "αοιτενσηυρπκμλςίδόγέάχθήώύφβξζψϊΐϋΰ",
        "cp1255": "יוהלאתרבשמםנעדחקכפגצזסטןךץף",
        "cp1256": "الينمتروبدعكهفسقحةجأشصىخطزئضءغإذؤثظآپچژگـ",
        "cp874": "านรอกเงมยลวดทสต่ัีบป้คิหแจพชขใไผโซศะำณถฟืึุูธษ็ฐภญฉฎฏฆฬฮฝ์ๆฑฒฌฤฃฅ",
    }
)
"""Name of an encoding -> its letters, the most frequent first."""

_SIGNS = frozenset("«»—–„“”‘’…№·•°§\xa0،؛؟­\u200c\u200d\u200e\u200f׳״־₪฿")
_IMPOSSIBLE = -1.0
_NEAR = 0.08
_LEAST = 0.35
_FINAL = frozenset("ςםןךףץ")
"""Only at the end of a word; one that stands there says more than that it is frequent."""
_NOT_FINAL = frozenset("כמנצ")
_LAST_ONLY = frozenset("ةى")
_ABOVE_CONSONANT = re.compile(r"[\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]")
_CONSONANT = re.compile(r"[\u0e01-\u0e2e]")
_BEFORE_CONSONANT = re.compile(r"[\u0e40-\u0e44]")


def fitting_alphabets(data: bytes) -> list[tuple[float, str]]:
    """Return the encodings in which bytes are words of the alphabet, the best first; near ones alone.

    Each comes with how frequent its letters are: 1 is the most frequent alone.

    Examples:
        >>> [name for _, name in fitting_alphabets("Καλημέρα σας, τι κάνετε;".encode("cp1253"))]
        ['cp1253']
        >>> [name for _, name in fitting_alphabets("ЧТО ТЫ ТАМ ДЕЛАЕШЬ?".encode("cp1251"))]
        ['cp1251']
    """
    found = []
    for name, letters in ALPHABETS.items():
        try:
            text = data.decode(name)
        except UnicodeDecodeError:
            continue
        marks = list(_marks(text, letters))
        if marks and _is_written_in(text, letters):
            found.append((sum(marks) / len(marks), name))
    found.sort(reverse=True)
    return [one for one in found if one[0] >= max(_LEAST, found[0][0] - _NEAR)]


def _is_written_in(text: str, letters: str) -> bool:
    """Say whether words are of the alphabet as a whole: Latin ones have single letters beyond ASCII."""
    mixed = re.findall(r"[A-Za-z][^\W\d_a-zA-Z]|[^\W\d_a-zA-Z][A-Za-z]", text)
    n_own = sum(char.lower() in letters for char in text)
    return len(mixed) <= 0.1 * n_own and 2 * n_own >= len(re.findall("[A-Za-z]", text))


def _marks(text: str, letters: str) -> Iterator[float]:
    """Yield how frequent each character beyond ASCII is, or that it cannot stand where it stands."""
    ranks = {letter: 1 - rank / len(letters) for rank, letter in enumerate(letters)}
    for word in re.findall(r"[^\x00-\x7f]+", text):
        # Signs part words as blanks do.
        for part in re.split(f"([{re.escape(''.join(_SIGNS))}])", word):
            if part and part not in _SIGNS:
                yield from _marks_of(part, ranks)


def _marks_of(word: str, ranks: dict[str, float]) -> Iterator[float]:
    for index, char in enumerate(word):
        known = ranks.get(char.lower())
        if known is None or _is_misplaced(word, index) or _is_unjoined(word, index):
            yield _IMPOSSIBLE
        else:
            yield 1.0 if char in _FINAL else known


def _is_misplaced(word: str, index: int) -> bool:
    """Say whether a letter has a form that this place of a word does not allow."""
    char, is_last = word[index], index + 1 == len(word)
    if index > 0 and char != char.lower() and not word.isupper():
        return True
    if is_last:
        return char in _NOT_FINAL and len(word) > 1
    return char in _FINAL or char in _LAST_ONLY


def _is_unjoined(word: str, index: int) -> bool:
    """Say whether a vowel sign and its consonant do not stand together."""
    char, before = word[index], word[index - 1] if index else ""
    if _BEFORE_CONSONANT.match(before) and not _CONSONANT.match(char):
        return True
    return bool(_ABOVE_CONSONANT.match(char)) and not _follows_consonant(before)


def _follows_consonant(before: str) -> bool:
    return bool(_CONSONANT.match(before) or _ABOVE_CONSONANT.match(before))
