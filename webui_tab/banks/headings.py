"""The headings of the page of voices, which change with the page's language alone."""

from __future__ import annotations

from webui_tab.texts import say

__all__ = ["headings"]


def headings(language: str) -> dict[str, str]:
    """Return the HTML of the page that changes with its language alone."""
    return {
        "heading_bank_source": f"<h2>{say('bank_step_source', language)}</h2>"
        f'<p class="emo-note emo-aside">{say("bank_lead", language)}</p>',
        "heading_bank_holds": f"<h2>{say('bank_step_holds', language)}</h2>",
        "heading_bank_choose": f"<h2>{say('bank_step_choose', language)}</h2>",
        "heading_bank_export": f"<h2>{say('bank_step_export', language)}</h2>",
    }
