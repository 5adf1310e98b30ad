"""What each event of the table and of the panel of a segment does.

Methods take what those of `webui_tab.actions.Actions` take: the name of the page's language first, then the
values of the event's inputs, then what Gradio adds.
"""

from __future__ import annotations

import gradio as gr

from webui_tab import correcting
from webui_tab.actions import Actions, code_of, page_id_of
from webui_tab.incoming import row_of, value_of
from webui_tab.showing import Updates
from webui_tab.view import note

__all__ = ["SegmentActions"]


class SegmentActions:
    """The events of the segments.

    Args:
        page: Those of the page as a whole.
    """

    def __init__(self, page: Actions) -> None:
        self.parts = page.parts
        self._page = page

    def select(self, language_name: str, event: gr.SelectData, request: gr.Request) -> Updates:
        """Show the segment whose row was clicked."""
        return self._look_at(language_name, row_of(event), request)

    def earlier(self, language_name: str, request: gr.Request) -> Updates:
        """Show the segment before."""
        index = self._page.pages.looking_at(page_id_of(request))
        return self._look_at(language_name, index - 1, request)

    def later(self, language_name: str, request: gr.Request) -> Updates:
        """Show the segment after."""
        index = self._page.pages.looking_at(page_id_of(request))
        return self._look_at(language_name, index + 1, request)

    def edit_table(
        self, language_name: str, rows: list[list[object]], request: gr.Request
    ) -> Updates:
        """Take the corrections made in the table."""
        language, page_id = code_of(language_name), page_id_of(request)
        old = self._page.pages.session(page_id)
        session, refused = correcting.edit_table(old, rows, language=language)
        if session is old and not refused:
            return {}  # Gradio tells of every change of the table, our own too
        # What was refused still stands in the page's table, so that is shown anew in any case. A toast
        # would go at once: showing the table anew is an event of the table, which clears its toasts.
        return {
            **self._page.changed(language, page_id, session),
            **self._page.showing.table(session, language),
            self.parts.table_note: "".join(note("warning", sentence) for sentence in refused),
        }

    def correct_text(
        self, language_name: str, index: float | None, text: str | None, request: gr.Request
    ) -> Updates:
        """Take a corrected text from the panel."""
        page_id = page_id_of(request)
        session = correcting.correct(self._page.pages.session(page_id), _place(index), text=text)
        return self._page.changed(code_of(language_name), page_id, session)

    def correct_emotion(
        self, language_name: str, index: float | None, emotion: str | None, request: gr.Request
    ) -> Updates:
        """Take a corrected emotion from the panel."""
        page_id = page_id_of(request)
        session = correcting.correct(
            self._page.pages.session(page_id), _place(index), label=emotion
        )
        return self._page.changed(code_of(language_name), page_id, session)

    def undo(self, language_name: str, index: float | None, request: gr.Request) -> Updates:
        """Take a segment's corrections back."""
        page_id = page_id_of(request)
        session = correcting.undo(self._page.pages.session(page_id), _place(index))
        return self._page.changed(code_of(language_name), page_id, session)

    def pin_candidate(
        self, language_name: str, index: float | None, event: gr.SelectData, request: gr.Request
    ) -> Updates:
        """Take the reference that was chosen among the candidates."""
        return self._pin(language_name, _place(index), value_of(event), "candidates", request)

    def pin_other(
        self, language_name: str, index: float | None, name: str | None, request: gr.Request
    ) -> Updates:
        """Take a reference that was chosen among the voice's other clips."""
        return self._pin(language_name, _place(index), name, "others", request)

    def _pin(
        self, language_name: str, index: int, name: str | None, among: str, request: gr.Request
    ) -> Updates:
        language, page_id = code_of(language_name), page_id_of(request)
        session = self._page.pages.session(page_id)
        clip = self._page.showing.clip_named(
            page_id, session, index, name or "", among=among, language=language
        )
        if session.pins.get(index) == clip:
            return {}  # Gradio tells of what the program chose, too
        return self._page.changed(language, page_id, correcting.pin(session, index, clip))

    def _look_at(self, language_name: str, index: int, request: gr.Request) -> Updates:
        page_id = page_id_of(request)
        session = self._page.pages.session(page_id)
        n_segments = len(session.tagging.transcript.segments) if session.tagging else 0
        if not 0 <= index < n_segments:
            return {}
        self._page.pages.look_at(page_id, index)
        return self._page.showing.panel(page_id, session, code_of(language_name))


def _place(index: float | None) -> int:
    """Return which segment the panel shows; -1 where it shows none."""
    return -1 if index is None else int(index)
