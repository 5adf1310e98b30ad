"""The language in which a command speaks: English, or Chinese after ``--lang zh``.

It is known before the arguments are understood, because what is wrong with them is said in it as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpt_sovits_emotion.core.records import Sentence

__all__ = ["in_language", "language", "language_of", "set_language"]

_OPTION = "--lang"
_LANGUAGES = ("en", "zh")
_language: ContextVar[str] = ContextVar("language", default="en")


def language_of(arguments: Sequence[str]) -> str:
    """Return the language that arguments ask for, whichever command they are for.

    Examples:
        >>> language_of(["annotate", "talk.wav", "--lang", "zh"]), language_of(["heads", "--lang=zh"])
        ('zh', 'zh')
        >>> language_of(["say", "bank", "--", "--lang", "zh"]), language_of([])
        ('en', 'en')
    """
    found = "en"
    for argument, following in zip(arguments, [*arguments, ""][1:], strict=True):
        if argument == "--":
            break
        if argument == _OPTION and following in _LANGUAGES:
            found = following
        elif argument.startswith(f"{_OPTION}=") and argument[len(_OPTION) + 1 :] in _LANGUAGES:
            found = argument[len(_OPTION) + 1 :]
    return found


def set_language(chosen: str) -> None:
    """Speak this language from now on."""
    _language.set(chosen)


def language() -> str:
    """Return ``en`` or ``zh``."""
    return _language.get()


def in_language(message: str | Sentence, zh: str | None = None) -> str:
    """Return a sentence in the language that is spoken.

    Args:
        message: In two languages, or in English.
        zh: The same in Chinese, where `message` is English alone.
    """
    if not isinstance(message, str):
        return message.say(language())
    return zh if zh is not None and language() == "zh" else message
