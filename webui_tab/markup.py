"""Pieces of HTML: a marked sentence in one language, or in both, of which the style sheet shows one.

What is shown of a training is the same for all pages that look at it, whichever language they are in.
"""

from __future__ import annotations

import html

from gpt_sovits_emotion.core.labels import display_name
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.core.visible import visible
from webui_tab.texts import filled

__all__ = ["bilingual", "both", "label_name", "note", "note_of", "sentence"]


def note(kind: str, text: str, *, badge: str = "") -> str:
    """Return a sentence as HTML, marked as ``plain``, ``aside``, ``good``, ``warning`` or ``bad``."""
    mark = f"<b>{html.escape(visible(badge))}</b> " if badge else ""
    return f'<p class="emo-note emo-{kind}">{mark}{html.escape(visible(text))}</p>'


def bilingual(en: str, zh: str) -> str:
    """Return two strings of HTML, of which the page shows one."""
    return en if en == zh else f'<span class="en">{en}</span><span class="zh">{zh}</span>'


def sentence(said: Sentence) -> str:
    """Return a sentence as HTML."""
    return bilingual(html.escape(visible(said.en)), html.escape(visible(said.zh)))


def both(key: str, **fields: object) -> str:
    """Return one of the page's own sentences as HTML."""
    return sentence(filled(key, **fields))


def label_name(label: str) -> str:
    """Return an emotion's name as HTML."""
    return bilingual(html.escape(display_name(label, "en")), html.escape(display_name(label, "zh")))


def note_of(kind: str, said: str) -> str:
    """Return HTML that was said by the functions above, marked as `note` marks it."""
    return f'<p class="emo-note emo-{kind}">{said}</p>'
