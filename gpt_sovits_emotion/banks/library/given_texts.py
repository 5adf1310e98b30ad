"""When a clip's given text counts as another one than what is said in it."""

from __future__ import annotations

from gpt_sovits_emotion.core.records import ReferenceClip, Sentence

__all__ = ["ANOTHER_TEXT", "is_of_the_text", "says_something_else"]

ANOTHER_TEXT = 0.7
"""Character error rate above which a text is another one.

Of texts that belong to their clips fewer than 3 in 100 lie above it with Whisper base, of texts of other
clips 95 and more (``benchmarks/given_texts.py``; docs/banks.md)."""

_OF_THE_TEXT = ("its text ", "the text ")


def says_something_else(clip: ReferenceClip) -> bool:
    """Say whether Whisper heard other words in a clip than its text has."""
    return clip.text_error is not None and clip.text_error > ANOTHER_TEXT


def is_of_the_text(doubt: Sentence) -> bool:
    """Say whether a doubt is about a clip's text, so that it goes when the text is corrected."""
    return doubt.en.startswith(_OF_THE_TEXT)
