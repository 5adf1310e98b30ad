"""The second step of the first page: the table of what was heard, and the panel of one segment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from webui_tab.components import Components, Updates
from webui_tab.events import PageEvent
from webui_tab.inputs import Nothing, read_by
from webui_tab.listen import analysis
from webui_tab.listen.showing import CHANGED, PANEL, Step
from webui_tab.listen.view import COLUMNS, table_headers
from webui_tab.markup import note
from webui_tab.sessions import Session

__all__ = ["SegmentsStep", "build_segments_step", "place_of"]

_COLUMN_WIDTHS = ("6%", "7%", "7%", "28%", "10%", "7%", "24%", "11%")


# --- layout ------------------------------------------------------------------------------------------


def build_segments_step(parts: Components) -> None:
    """Make the step's components in the context that is open now."""
    parts.add_heading("heading_heard", "step_heard")
    parts.add("summary", gr.HTML, elem_id="emo-summary")
    parts.add("timeline", gr.HTML, elem_id="emo-timeline")
    parts.add_table(
        "table",
        table_headers(parts.language),
        _COLUMN_WIDTHS,
        datatype=["html", *["str"] * (len(COLUMNS) - 1)],
        height=640,
        interactive=True,
    )
    parts.add_aside("table_hint", "table_hint")
    parts.add("table_note", gr.HTML, elem_id="emo-table-note")
    _panel(parts)


def _panel(parts: Components) -> None:
    with gr.Column(elem_classes=["emo-panel"], elem_id="emo-segment"):
        with gr.Row(elem_classes=["emo-turn"]):
            parts.add("earlier", gr.Button, value="text:earlier", size="sm", scale=0, min_width=44)
            parts.add("segment_title", gr.HTML)
            parts.add("later", gr.Button, value="text:later", size="sm", scale=0, min_width=44)
        with gr.Row():
            parts.add(
                "text",
                gr.Textbox,
                label="text:text",
                lines=2,
                scale=4,
                interactive=True,
                elem_id="emo-text",
            )
            with gr.Column(scale=2, min_width=240):
                parts.add(
                    "emotion",
                    gr.Dropdown,
                    allow_custom_value=True,
                    interactive=True,
                    label="text:emotion",
                    elem_id="emo-emotion",
                )
                parts.add("undo", gr.Button, value="text:undo", size="sm", elem_id="emo-undo")
        with gr.Row():
            with gr.Column(min_width=290):
                parts.add_player("original")
                _bars(parts, "probabilities")
                parts.add("why", gr.HTML)
            with gr.Column(min_width=290):
                parts.add_player("clip", label="reference")
                parts.add("choice_note", gr.HTML, elem_id="emo-choice")
                parts.add(
                    "candidates",
                    gr.Radio,
                    label="text:candidates",
                    interactive=True,
                    elem_id="emo-candidates",
                )
                parts.add(
                    "other_clip",
                    gr.Dropdown,
                    label="text:other_clip",
                    interactive=True,
                    elem_id="emo-other",
                )
            with gr.Column(min_width=290):
                parts.add_player("again_clip", label="said_again")
                _bars(parts, "heard_again")
                parts.add("verdict", gr.HTML, elem_id="emo-verdict")


def _bars(parts: Components, name: str) -> None:
    parts.add(name, gr.Label, label=f"text:{name}", num_top_classes=4, elem_classes=["emo-bars"])


# --- what its events ask for -------------------------------------------------------------------------


def place_of(index: float | None) -> int:
    """Return which segment the panel shows; -1 where it shows none."""
    return -1 if index is None else int(index)


@dataclass(frozen=True, slots=True)
class ShownSegment:
    """The segment that the panel shows."""

    index: int = field(metadata=read_by(place_of))


@dataclass(frozen=True, slots=True)
class SentText(ShownSegment):
    """Its text."""

    text: str | None


@dataclass(frozen=True, slots=True)
class SentEmotion(ShownSegment):
    """Its emotion."""

    emotion: str | None


@dataclass(frozen=True, slots=True)
class SentClip(ShownSegment):
    """Its reference, chosen among the voice's other clips."""

    other_clip: str | None


@dataclass(frozen=True, slots=True)
class SentTable:
    """The table as the page has it now."""

    table: list[list[object]]


# --- events ------------------------------------------------------------------------------------------


class SegmentsStep(Step):
    """The events of the step."""

    def connect(self) -> None:
        """Connect the step's events."""
        parts, events = self._parts, self._events
        events.selected(parts.table.select, self.select, PANEL)
        events.in_order(parts.table.input, self.edit_table, CHANGED)
        events.in_order(parts.earlier.click, self.earlier, PANEL)
        events.in_order(parts.later.click, self.later, PANEL)
        for trigger in (parts.text.blur, parts.text.submit):
            events.in_order(trigger, self.correct_text, CHANGED)
        events.in_order(parts.emotion.input, self.correct_emotion, CHANGED)
        events.in_order(parts.undo.click, self.undo, CHANGED)
        # Not `input`: a radio group tells of what the program put there too.
        events.selected(parts.candidates.select, self.pin_candidate, CHANGED)
        events.in_order(parts.other_clip.input, self.pin_other, CHANGED)

    def select(self, event: PageEvent[Nothing]) -> Updates:
        """Show the segment whose row was clicked."""
        return self._look_at(event, event.row)

    def earlier(self, event: PageEvent[Nothing]) -> Updates:
        """Show the segment before."""
        return self._look_at(event, event.pages.looking_at(event.page_id) - 1)

    def later(self, event: PageEvent[Nothing]) -> Updates:
        """Show the segment after."""
        return self._look_at(event, event.pages.looking_at(event.page_id) + 1)

    def edit_table(self, event: PageEvent[SentTable]) -> Updates:
        """Take the corrections made in the table."""
        old = event.session
        session, refused = analysis.edit_table(old, event.asked.table, language=event.language)
        if session is old and not refused:
            return {}  # Gradio tells of every change of the table, our own too
        # What was refused still stands in the page's table, so that is shown anew in any case. A toast
        # would go at once: showing the table anew is an event of the table, which clears its toasts.
        return {
            **self._changed(event, session),
            **self._showing.table(session, event.language),
            self._parts.table_note: "".join(note("warning", sentence) for sentence in refused),
        }

    def correct_text(self, event: PageEvent[SentText]) -> Updates:
        """Take a corrected text from the panel."""
        asked = event.asked
        session = analysis.correct(event.session, asked.index, text=asked.text)
        return self._changed(event, session)

    def correct_emotion(self, event: PageEvent[SentEmotion]) -> Updates:
        """Take a corrected emotion from the panel."""
        asked = event.asked
        session = analysis.correct(event.session, asked.index, label=asked.emotion)
        return self._changed(event, session)

    def undo(self, event: PageEvent[ShownSegment]) -> Updates:
        """Take a segment's corrections back."""
        return self._changed(event, analysis.undo(event.session, event.asked.index))

    def pin_candidate(self, event: PageEvent[ShownSegment]) -> Updates:
        """Take the reference that was chosen among the candidates."""
        return self._pin(event, event.asked.index, event.value, among="candidates")

    def pin_other(self, event: PageEvent[SentClip]) -> Updates:
        """Take a reference that was chosen among the voice's other clips."""
        return self._pin(event, event.asked.index, event.asked.other_clip or "", among="others")

    def _pin(self, event: PageEvent[Any], index: int, name: str, *, among: str) -> Updates:
        session = event.session
        clip = self._showing.clip_named(
            event.page_id, session, index, name, among=among, language=event.language
        )
        if session.pins.get(index) == clip:
            return {}  # Gradio tells of what the program chose, too
        return self._changed(event, analysis.pin(session, index, clip))

    def _changed(self, event: PageEvent[Any], session: Session) -> Updates:
        return self._showing.changed(event.page_id, session, event.language)

    def _look_at(self, event: PageEvent[Nothing], index: int) -> Updates:
        session = event.session
        n_segments = len(session.tagging.transcript.segments) if session.tagging else 0
        if not 0 <= index < n_segments:
            return {}
        event.pages.look_at(event.page_id, index)
        return self._showing.panel(event.page_id, session, event.language)
