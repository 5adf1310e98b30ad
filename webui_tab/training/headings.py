"""The headings of the training page, which change with the page's language alone."""

from __future__ import annotations

from webui_tab.texts import say

__all__ = ["headings"]


def headings(language: str) -> dict[str, str]:
    """Return the HTML of the page that changes with its language alone."""
    return {
        "heading_corpora": f"<h2>{say('train_step_corpora', language)}</h2>",
        "heading_head": f"<h2>{say('train_step_head', language)}</h2>"
        f'<p class="emo-note emo-aside">{say("train_hint", language)}</p>',
        "heading_speaker": f"<h2>{say('speaker_step', language)}</h2>"
        f'<p class="emo-note emo-aside">{say("speaker_lead", language)}</p>',
    }
