"""Text inside formats: what is cleaned, what is guarded, and how an emotion is written before a text.

A person's text may hold anything: arrows, tags, braces, commas. Where a format would read such signs as
its own, an invisible word joiner (U+2060) is put into them on writing and taken out on reading. One
joiner is added to however many are there already, so that nothing is ever mistaken.
"""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import quote, unquote

from gpt_sovits_emotion.core.labels import EMOTIONS, UNSURE, canonical_label, display_name, percent

__all__ = [
    "JOINER",
    "Mark",
    "clean",
    "guard",
    "mark",
    "one_line",
    "plain_entities",
    "split_mark",
    "split_told",
    "told",
    "unguard",
]

JOINER = "\u2060"
"""Word joiner: takes no room, allows no line break, and is no part of any subtitle syntax."""

BY_HAND = "✓"
"""Stands in a mark in place of the percentage when a person set the label."""

_ENTITY = r"(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});"
# What would be read as syntax: an SRT arrow, an HTML, time or rich-text tag, an ASS or MicroDVD override, an
# entity. What the sign is, and what must stand behind it.
_SYNTAX = (
    (r"(-)", ">"),
    (r"(<)", r"(?:[A-Za-z/|]|\d+:\d)"),
    (r"(\{)", r"(?:\\|[YyCcFfSsPpHh]:)"),
    (r"(&)", _ENTITY),
)
_GUARDED = tuple(re.compile(rf"{sign}(?={JOINER}*{behind})") for sign, behind in _SYNTAX)
_JOINED = tuple(re.compile(rf"{sign}{JOINER}(?={JOINER}*{behind})") for sign, behind in _SYNTAX)

# Between who speaks and the words; a joiner more where a text has it itself.
_TOLD = re.compile(rf"(?P<speaker>[^\n]*?\S):{JOINER}(?: |$)")
_TOLD_GUARDED = re.compile(rf":(?={JOINER}+(?:[ \n]|$))")
_TOLD_JOINED = re.compile(rf":{JOINER}(?={JOINER}+(?:[ \n]|$))")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_MARK = re.compile(
    rf"\s*\[(?P<label>[^\[\]\n]+?)(?:\s?(?P<percent>\d{{1,3}})\s?%|\s(?P<hand>{BY_HAND}))?\][ \t]*\n?"
)
_RESERVED = re.compile(rf"[%\[\]<>{{}}\\|&,\"{BY_HAND}\u2060]")


@dataclass(frozen=True, slots=True)
class Mark:
    """An emotion as it stands before a text: ``[angry 87 %]``, ``[愤怒 ✓]``, ``[unsure]``."""

    label: str
    confidence: float | None = None
    by_hand: bool = False


def clean(text: str) -> str:
    r"""Bring text to what every text format can hold.

    Any kind of line break becomes ``\n``, blank lines and the outer spaces of each line go, and so do
    control characters and byte order marks. JSON alone keeps text exactly as it is.

    Examples:
        >>> clean("  one\r\n\r\n two\x00 ")
        'one\ntwo'
    """
    lines = text.replace("\ufeff", "").splitlines()
    kept = (_without_controls(line).strip() for line in lines)
    return "\n".join(line for line in kept if line)


def one_line(text: str) -> str:
    r"""Join the lines of a cleaned text: with a space, and with nothing between Chinese or Japanese ones.

    Examples:
        >>> one_line("good\nmorning"), one_line("早上\n好")
        ('good morning', '早上好')
    """
    joined = ""
    for line in text.split("\n"):
        if joined and line:
            joined += "" if _is_wide(joined[-1]) and _is_wide(line[0]) else " "
        joined += line
    return joined


def guard(text: str) -> str:
    """Keep a person's arrows, tags and braces from being read as a format's own."""
    for pattern in _GUARDED:
        text = pattern.sub(rf"\1{JOINER}", text)
    return text


def unguard(text: str) -> str:
    """Take out what `guard` put in."""
    for pattern in _JOINED:
        text = pattern.sub(r"\1", text)
    return text


def told(speaker: str, text: str) -> str:
    """Write who speaks before the words: ``Anna: words``; a joiner tells it from words with a colon.

    Nobody in particular speaks where `speaker` is "".

    Examples:
        >>> split_told(told("Anna", "Note: hot")), split_told(told("", "Anna: Note: hot"))
        (('Anna', 'Note: hot'), ('', 'Anna: Note: hot'))
    """
    text = _TOLD_GUARDED.sub(f":{JOINER}", text)
    return f"{speaker}:{JOINER} {text}" if speaker else text


def split_told(text: str) -> tuple[str, str]:
    """Split what `told` joined; "" and the text where nobody is named in this way."""
    found = _TOLD.match(text)
    speaker, words = (found["speaker"], text[found.end() :]) if found else ("", text)
    return speaker, _TOLD_JOINED.sub(":", words)


def plain_entities(text: str) -> str:
    """Replace HTML's names of characters: ``&amp;``, ``&#39;``, ``&nbsp;``; only with their semicolon.

    Examples:
        >>> plain_entities("you &amp; me, AT&T &lt;3")
        'you & me, AT&T <3'
    """
    return re.sub(f"&{_ENTITY}", lambda found: html.unescape(found.group()), text)


def mark(label: str, *, confidence: float | None, by_hand: bool, language: str) -> str:
    """Write an emotion for a person: ``[angry 87 %]``, or ``[愤怒 87 %]`` with ``language="zh"``.

    A label set by a person has a tick in place of the percentage. Signs that the mark itself is made of
    are percent-encoded inside a label.
    """
    shown = _RESERVED.sub(lambda sign: quote(sign.group(), safe=""), display_name(label, language))
    if by_hand:
        return f"[{shown} {BY_HAND}]"
    if confidence is not None:
        # Never 100 %, which nobody can know.
        return f"[{shown} {percent(confidence)}]"
    return f"[{shown}]"


def split_mark(text: str) -> tuple[Mark | None, str]:
    """Split ``[angry 87 %] text`` into its mark and the text after it.

    Brackets without a percentage or a tick are a mark only when they name a known emotion, so that
    ``[laughs] hello`` stays what it is.
    """
    found = _MARK.match(text)
    if found is None:
        return None, text
    label = canonical_label(unquote(found["label"]))
    share, by_hand = found["percent"], found["hand"] is not None
    if share is None and not by_hand and label not in EMOTIONS and label != UNSURE:
        return None, text
    if share is not None and int(share) > 100:
        return None, text
    confidence = int(share) / 100 if share is not None else None
    return Mark(label, confidence, by_hand), text[found.end() :]


def _without_controls(line: str) -> str:
    return _CONTROLS.sub("", line.replace("\t", " "))


def _is_wide(char: str) -> bool:
    # Hangul is as wide, but Korean puts spaces between words.
    return unicodedata.east_asian_width(char) in "WF" and not "\uac00" <= char <= "\ud7a3"
