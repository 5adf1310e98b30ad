"""The tab's components by name, and the texts of those that change with the page's language alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import gradio as gr

from webui_tab.app_context import AppContext
from webui_tab.controls import control_of
from webui_tab.gradio_releases import fitted
from webui_tab.settings import MENUS
from webui_tab.texts import say

__all__ = ["Components", "Updates", "merged", "style_html"]

Updates = dict[Any, Any]
"""Component -> what becomes of it."""


@dataclass(slots=True, eq=False)
class Components:
    """Every component that something happens to, by name, and which texts stand on which of them.

    Attributes:
        app: Says what menus offer.
        language: The page's first language.
        named: Name -> component.
        texts: Name of a component, its property, key of the text that stands there.
        html: Name of a component -> what makes its HTML in a language.
        resting: Buttons that rest while something is at work.
        stops: Buttons that are there only while something is at work.
    """

    app: AppContext
    language: str
    named: dict[str, Any] = field(default_factory=dict)
    texts: list[tuple[str, str, str]] = field(default_factory=list)
    html: dict[str, Callable[[str], str]] = field(default_factory=dict)
    resting: list[str] = field(default_factory=list)
    stops: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.named[name]
        except KeyError:
            raise AttributeError(name) from None

    # --- making them ---------------------------------------------------------------------------------

    def add(self, name: str, component: type, *args: Any, **properties: Any) -> Any:
        """Make a component; a property given as ``text:<key>`` is said in the page's language."""
        for prop, given in properties.items():
            if isinstance(given, str) and given.startswith("text:"):
                key = given.removeprefix("text:")
                self.texts.append((name, prop, key))
                properties[prop] = say(key, self.language)
        self.named[name] = component(*args, **fitted(component, properties))
        return self.named[name]

    def add_settings(self, settings: type, place: str) -> None:
        """Make the components of those settings of a dataclass that stand at a place, in its order."""
        for setting in fields(settings):
            control = control_of(setting)
            if control is None or control.place != place:
                continue
            said = {"label": f"text:{setting.name}"}
            if control.info is not None:
                said["info"] = f"text:{setting.name}_info"
            self.add(
                setting.name,
                getattr(gr, control.kind),
                elem_id=f"emo-{setting.name.replace('_', '-')}",
                **said,
                **control.properties(setting.default, self.app, self.language),
                **control.layout,
            )

    def add_html(self, name: str, html: Callable[[str], str]) -> None:
        """Make a piece of HTML that changes with the page's language alone.

        Args:
            name: Of the component.
            html: Language -> HTML.
        """
        self.html[name] = html
        self.add(name, gr.HTML, html(self.language))

    def add_heading(self, name: str, title: str, aside: str | None = None) -> None:
        """Make a heading of keys of texts, with a line below it."""

        def html(language: str) -> str:
            below = f'<p class="emo-note emo-aside">{say(aside, language)}</p>' if aside else ""
            return f"<h2>{say(title, language)}</h2>{below}"

        self.add_html(name, html)

    def add_aside(self, name: str, key: str) -> None:
        """Make a line that says a text and nothing else."""
        self.add_html(
            name, lambda language: f'<p class="emo-note emo-aside">{say(key, language)}</p>'
        )

    def add_work_button(self, name: str, kind: type = gr.Button, **properties: Any) -> None:
        """Make a button that rests while something is at work."""
        self.resting.append(name)
        self.add(name, kind, **properties)

    def add_stop_button(self, name: str, **properties: Any) -> None:
        """Make a button that asks what is at work to stop, and is there only while something is."""
        self.stops.append(name)
        self.add(name, gr.Button, value="text:stop", variant="stop", visible=False, **properties)

    def add_player(self, name: str, *, label: str = "") -> None:
        """Make a player of one of the page's files; its label is the text of its name by itself."""
        self.add(
            name,
            gr.Audio,
            label=f"text:{label or name}",
            interactive=False,
            show_download_button=False,
            elem_id=f"emo-{name.replace('_', '-')}",
        )

    def add_table(
        self, name: str, headers: list[str], widths: tuple[str, ...], **properties: Any
    ) -> None:
        """Make a table of one row per thing, which its events fill."""
        self.add(
            name,
            gr.Dataframe,
            headers=headers,
            col_count=(len(headers), "fixed"),
            row_count=(1, "fixed"),
            column_widths=list(widths),
            type="array",
            wrap=True,
            show_label=False,
            elem_classes=["emo-table"],
            elem_id=f"emo-{name.replace('_', '-')}",
            **properties,
        )

    @contextmanager
    def hidden(self, name: str) -> Iterator[None]:
        """Open a column that is hidden until there is something to do in it."""
        with gr.Column(visible=False) as column:
            self.named[name] = column
            yield

    # --- updating them -------------------------------------------------------------------------------

    def updates(self, **by_name: Any) -> Updates:
        """Return updates by component for those by name."""
        return {self.named[name]: update for name, update in by_name.items()}

    @property
    def speaking(self) -> tuple[str, ...]:
        """Names of the components that say something by themselves."""
        return (*self.html, *dict.fromkeys(name for name, _, _ in self.texts))

    def said(self, language: str) -> Updates:
        """Say all that stands on components by itself in a language."""
        updates: Updates = {}
        for name, prop, key in self.texts:
            component = self.named[name]
            updates[component] = {
                **updates.get(component, {}),
                **gr.update(**{prop: say(key, language)}),
            }
        return updates | self.updates(**{name: html(language) for name, html in self.html.items()})

    def menus(self, language: str, chosen: Mapping[str, str | None]) -> Updates:
        """Name the entries of menus in a language, keeping what is chosen.

        Args:
            language: The page's language.
            chosen: Setting -> what its menu shows or means now; None leaves it alone.
        """
        updates = {}
        for name, shown in chosen.items():
            if shown is None:
                continue
            menu = MENUS[name]
            choices = menu.choices(self.app, language)
            value = {}
            if menu.named:
                value["value"] = menu.name(menu.meaning(shown, self.app), self.app, language)
            updates[name] = gr.update(choices=list(choices), **value)
        return self.updates(**updates)


def merged(*groups: Updates) -> Updates:
    """Join updates; what two groups say of different properties of one component is both said."""
    joined: Updates = {}
    for group in groups:
        for component, update in group.items():
            known = joined.get(component, {})
            says_more = isinstance(update, dict) and "__type__" in update
            joined[component] = {**known, **update} if says_more else update
    return joined


def style_html(language: str) -> str:
    """Return the tab's style sheet, which shows one of the languages of what is said in two."""
    hidden = "zh" if language != "zh" else "en"
    css = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
    shown_once = ", ".join(
        f".emo-tab {inside} .{hidden}" for inside in (".emo-timeline", ".emo-both")
    )
    return f"<style>{css}\n{shown_once} {{ display: none; }}</style>"
