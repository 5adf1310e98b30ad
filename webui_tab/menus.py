"""What the menus of the tab offer: name in the page's language -> value."""

from __future__ import annotations

from gpt_sovits_emotion.transcripts.encodings import ENCODING_NAMES
from webui_tab.texts import SPOKEN_LANGUAGES, say

__all__ = ["carry_choices", "encoding_choices", "spoken_choices"]


def carry_choices(language: str) -> dict[str, str]:
    """Return the ways in which emotion is carried: name -> `carry.ProsodySource.way`."""
    return {say(f"carry_{way}", language): way for way in ("clip", "recording")}


def encoding_choices(language: str) -> dict[str, str]:
    """Return the encodings offered for a file of words: name -> ``--encoding``, "" for finding it out."""
    named = {f"{code} · {name}": code for code, name in ENCODING_NAMES.items()}
    return {say("encoding_auto", language): "", **named}


def spoken_choices(language: str) -> dict[str, str]:
    """Return the spoken languages offered: name -> code, "" for detecting it."""
    named = {name.say(language): code for code, name in SPOKEN_LANGUAGES.items()}
    return {say("spoken_auto", language): "", **named}
