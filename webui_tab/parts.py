"""The tab's components by name, and the HTML of those that change with the page's language alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gpt_sovits_emotion.core.records import Sentence
from webui_tab.banks.headings import headings as bank_headings
from webui_tab.gradio_releases import fitted
from webui_tab.texts import say
from webui_tab.training.headings import headings as training_headings

__all__ = ["Choices", "Parts", "static_html", "style_html"]


@dataclass(frozen=True, slots=True)
class Choices:
    """What the page offers when it opens, in its first language.

    Attributes:
        language: The first language.
        whisper: Names of the speech recognition models; the first is taken.
        heads: Ids of the heads; the first is taken.
        voices: Names of the voices; the first is taken.
        spoken_by: The host that speaks, None for the embedded one.
    """

    language: str
    whisper: tuple[str, ...]
    heads: tuple[str, ...]
    voices: tuple[str, ...]
    spoken_by: Sentence | None = None


@dataclass(slots=True, eq=False)
class Parts:
    """Every component that something happens to, by name, and which texts stand on which of them."""

    language: str
    spoken_by: Sentence | None = None
    named: dict[str, Any] = field(default_factory=dict)
    texts: list[tuple[str, str, str]] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.named[name]
        except KeyError:
            raise AttributeError(name) from None

    def add(self, name: str, component: type, *args: Any, **properties: Any) -> Any:
        """Make a component; a property given as ``text:<key>`` is said in the page's language."""
        for prop, given in properties.items():
            if isinstance(given, str) and given.startswith("text:"):
                key = given.removeprefix("text:")
                self.texts.append((name, prop, key))
                properties[prop] = say(key, self.language)
        self.named[name] = component(*args, **fitted(component, properties))
        return self.named[name]

    @property
    def speaking(self) -> tuple[str, ...]:
        """Names of the components that say something by themselves."""
        labelled = (name for name, _, _ in self.texts)
        return ("style", *self.static_html(self.language), *dict.fromkeys(labelled))

    def static_html(self, language: str) -> dict[str, str]:
        """Return the HTML of the parts that change with the page's language alone."""
        return static_html(language, embedded=self.spoken_by is None)


def style_html(language: str) -> str:
    """Return the tab's style sheet, which shows one of the languages of what is said in two."""
    hidden = "zh" if language != "zh" else "en"
    css = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
    shown_once = ", ".join(
        f".emo-tab {inside} .{hidden}" for inside in (".emo-timeline", ".emo-both")
    )
    return f"<style>{css}\n{shown_once} {{ display: none; }}</style>"


def static_html(language: str, *, embedded: bool) -> dict[str, str]:
    """Return the HTML of the parts that change with the page's language alone."""
    lead = f'<p class="emo-lead">{say("subtitle", language)}</p>'
    spoken_by = "voice_notice" if embedded else "voice_notice_host"
    notice = f'<p class="emo-notice">{say(spoken_by, language)}</p>'
    return {
        "title": f"<h1>{say('title', language)}</h1>{lead}",
        "voice_notice": notice,
        "heading_recording": f"<h2>{say('step_recording', language)}</h2>",
        "heading_heard": f"<h2>{say('step_heard', language)}</h2>",
        "table_hint": f'<p class="emo-note emo-aside">{say("table_hint", language)}</p>',
        "heading_again": f"<h2>{say('step_again', language)}</h2>",
        "heading_save": f"<h2>{say('step_save', language)}</h2>"
        f'<p class="emo-note emo-aside">{say("files_hint", language)}</p>',
        **bank_headings(language),
        **training_headings(language),
    }
