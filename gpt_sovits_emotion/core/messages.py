"""Messages for people: written in English where they are said, in Chinese in a gettext catalogue.

    raise AudioError(tr("{name} is silent; choose another recording", name=path.name))

The English text is the key of the catalogue, ``locale/zh/LC_MESSAGES/gpt_sovits_emotion.po``, which
``scripts/catalogue.py`` brings up to date and compiles. What fills a place of a text may itself be in two
languages (a `Sentence`).
"""

from __future__ import annotations

import functools
import gettext
from collections.abc import Iterable, Mapping
from pathlib import Path

from gpt_sovits_emotion.core.counting import counted
from gpt_sovits_emotion.core.labels import display_name
from gpt_sovits_emotion.core.records import Sentence

__all__ = ["DOMAIN", "LOCALE", "in_both", "of_count", "of_error", "of_label", "of_list", "tr"]

DOMAIN = "gpt_sovits_emotion"
"""Name of the catalogue."""

LOCALE = Path(__file__).resolve().parents[1] / "locale"
"""Folder of the catalogues."""


def tr(text: str, /, **values: object) -> Sentence:
    """Return a message in English and Chinese.

    Args:
        text: In English, with places for the values as `str.format` has them. It is written out where it is
            said, because the catalogue is made by reading the code.
        values: What fills the places; a `Sentence` in the language of each.

    Examples:
        >>> tr("{path} does not exist; check the name", path="talk.srt")
        Sentence(en='talk.srt does not exist; check the name', zh='talk.srt 不存在；请检查文件名')
    """
    chinese = _chinese().gettext(text)
    if not values:
        return Sentence(text, chinese)
    return Sentence(
        text.format_map(_in_language(values, "en")), chinese.format_map(_in_language(values, "zh"))
    )


def in_both(en: object, zh: object) -> Sentence:
    """Return what is written in two ways, for a place of a message."""
    return Sentence(str(en), str(zh))


def of_error(error: object) -> Sentence:
    """Return what an error says, for a place of a message; errors of ours say it in both languages."""
    say = getattr(error, "say", None)
    return Sentence(str(error), say("zh") if callable(say) else str(error))


def of_list(items: Iterable[object]) -> Sentence:
    """Return things one after the other, parted as either language does.

    Examples:
        >>> of_list(["a", "b"])
        Sentence(en='a, b', zh='a、b')
    """
    words = [str(item) for item in items]
    return Sentence(", ".join(words), "、".join(words))


def of_label(label: str) -> Sentence:
    """Return the name of an emotion."""
    return Sentence(display_name(label), display_name(label, "zh"))


def of_count(n: int, one: str, many: str = "") -> Sentence:
    """Return a number, in English with what it counts (`counted`); a Chinese message says that itself.

    Examples:
        >>> of_count(1, "clip")
        Sentence(en='1 clip', zh='1')
    """
    return Sentence(counted(n, one, many), str(n))


def _in_language(values: Mapping[str, object], language: str) -> dict[str, object]:
    return {
        name: value.say(language) if isinstance(value, Sentence) else value
        for name, value in values.items()
    }


@functools.cache
def _chinese() -> gettext.NullTranslations:
    """Return the catalogue; where a package was built without it, English stands in."""
    return gettext.translation(DOMAIN, str(LOCALE), languages=["zh"], fallback=True)
