"""The menu of heads of an open page: it follows the folders of heads without anybody reloading anything.

Every second the page asks the server for a mark of what lies there, and when that has changed, it clicks a
button that nobody sees, whose event brings the menu up to date. Gradio has a timer of its own from 4.40 on
only; and in 4.24 every event closes the page's accordions, so there must be none while nothing changes. A
page that is hidden, or stands behind another tab, does not ask.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gpt_sovits_emotion.encoders import WHISPER
from gpt_sovits_emotion.heads import HeadEntry
from gpt_sovits_emotion.whisper_models import WhisperModels
from webui_tab.markup import note
from webui_tab.texts import say

if TYPE_CHECKING:
    from webui_tab.app_context import AppContext

__all__ = ["ASK_ID", "MARK_ID", "WATCH_SCRIPT", "HeadsMenu", "heads_mark", "heads_menu"]

ASK_ID = "emo-heads-ask"
"""The button whose event brings the menu up to date."""
MARK_ID = "emo-heads-mark"
"""The component whose event answers with the mark."""

WATCH_SCRIPT = f"""() => {{
  const config = window.gradio_config;
  const source = config.components.find((one) => one.props.elem_id === '{MARK_ID}');
  const place = config.dependencies.findIndex((one) => one.targets.some(([id]) => id === source.id));
  const question = JSON.stringify({{fn_index: config.dependencies[place].id ?? place, data: ['']}});
  const address = `${{config.root}}${{config.api_prefix ?? ''}}/run/predict`;
  const headers = {{'Content-Type': 'application/json'}};
  let asking = false, known = null;
  const ask = async () => {{
    const tab = document.querySelector('.emo-tab'), button = document.querySelector('#{ASK_ID}');
    if (asking || document.hidden || !button || !tab?.offsetParent) return;
    asking = true;
    try {{
      const answer = await fetch(address, {{method: 'POST', headers, body: question}});
      const mark = (await answer.json()).data?.[0];
      if (typeof mark !== 'string') return;
      if (known !== null && mark !== known) button.click();
      known = mark;
    }} catch {{
      // The server is away; the page says so by itself as soon as somebody uses it.
    }} finally {{
      asking = false;
    }}
  }};
  clearInterval(window.emotionHeads);
  window.emotionHeads = setInterval(ask, 1000);
  return [];  // Gradio 4.24 lays what it gets into the event's outputs, of which there are none
}}"""
"""Run when a page is opened."""

_MOST_NOTES = 8


@dataclass(frozen=True, slots=True)
class HeadsMenu:
    """What the menu offers, and what is said below it.

    Attributes:
        choices: Ids that can be chosen.
        notes: HTML on the heads that cannot, and on the chosen one if it has gone.
    """

    choices: tuple[str, ...]
    notes: str


def heads_mark(app: AppContext) -> str:
    """Return what differs whenever something in the folders of heads does, also what a host provides."""
    seen = [
        (str(entry.path), entry.stamp, entry.state, app.provides_for(entry))
        for entry in app.all_heads()
    ]
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]


def heads_menu(app: AppContext, chosen: str | None, language: str) -> HeadsMenu:
    """Return what the menu of heads offers now.

    Args:
        app: Knows the folders of heads.
        chosen: What the menu shows: an id, or the path of a head.
        language: The page's language.
    """
    entries = app.all_heads()
    choices = tuple(entry.id for entry in app.usable(entries))
    lines = [line for entry in entries for line in _lines(entry, app, language)]
    if len(lines) > _MOST_NOTES:
        rest = say("heads_more", language, n=len(lines) - _MOST_NOTES)
        lines = [*lines[:_MOST_NOTES], note("aside", rest)]
    if chosen and chosen not in choices and not Path(chosen).is_dir():
        lines.insert(0, note("warning", say("head_gone", language, head=chosen)))
    return HeadsMenu(choices, "".join(lines))


def _lines(entry: HeadEntry, app: AppContext, language: str) -> list[str]:
    if entry.state == "hidden":
        return []
    kind = "aside" if entry.state == "waiting" else "warning"
    if entry.problem is not None:
        return [note(kind, entry.say(language) or "", badge=entry.id)]
    assert entry.card is not None
    lacks = sorted(app.lacks(entry))
    if lacks:
        encoder = entry.card.encoder.id
        told = say("head_needs", language, encoder=encoder)
        if lacks[0].startswith(WHISPER):
            size = lacks[0].removeprefix(WHISPER)
            remedy = WhisperModels.remedy(size)
            told = say("head_needs_whisper", language, size=size, remedy=remedy.say(language))
        return [note("aside", told, badge=entry.id)]
    return []
