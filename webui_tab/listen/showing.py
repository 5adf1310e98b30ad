"""What `view` says, laid into the components: one update per component, by groups."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from gpt_sovits_emotion.report.pictures import draw_svg
from webui_tab.app_context import AppContext
from webui_tab.components import Components, Updates, merged
from webui_tab.events import Events
from webui_tab.gradio_releases import rows_update
from webui_tab.listen import view
from webui_tab.listen.panel import SegmentView, segment_view
from webui_tab.markup import note
from webui_tab.pages import Pages
from webui_tab.sessions import Session

__all__ = [
    "AGAIN",
    "CHANGED",
    "FILES",
    "HEARD",
    "PANEL",
    "RESULT",
    "TAKEN",
    "WORDS",
    "Showing",
    "Step",
]

HEARD = ("step_heard", "step_again", "step_save", "summary", "timeline", "table", "table_note")
PANEL = (
    "index", "segment_title", "original", "text", "emotion", "probabilities", "why", "undo", "clip",
    "choice_note", "candidates", "other_clip", "again_clip", "heard_again",
    "verdict", "timbre",
)  # fmt: skip
RESULT = ("result_area", "result", "before", "after", "said_timeline")
WORDS = ("table", "table_note", "summary", "result")
FILES = ("files",)
AGAIN = ("table", "table_note", *PANEL, *RESULT, *FILES)
"""What shows that it was said again."""
CHANGED = ("timeline", *WORDS, *PANEL, *FILES)
"""What shows a session that was changed."""
TAKEN = ("words_note", "words_drop")
"""What shows where the words of a recording come from."""


class Showing:
    """Turns what a page holds into updates of its components."""

    def __init__(self, parts: Components, pages: Pages, app: AppContext) -> None:
        self._parts = parts
        self._pages = pages
        self._app = app

    def heard(self, session: Session, language: str) -> Updates:
        """Show what was heard: summary, timeline and table; nothing of it before an analysis."""
        analysed = session.tagging is not None
        has_segments = bool(view.table_rows(session, language))
        return self._parts.updates(
            step_heard=gr.update(visible=analysed),
            step_again=gr.update(visible=has_segments),
            step_save=gr.update(visible=has_segments),
            summary=view.summary_html(session, language),
        ) | merged(self.timeline(session), self.table(session, language))

    def taken(self, session: Session, language: str) -> Updates:
        """Show which file the words are taken from, and offer to have them recognised instead."""
        return self._parts.updates(
            words_note=view.words_html(session, language),
            words_drop=gr.update(visible=session.words is not None),
        )

    def table(self, session: Session, language: str) -> Updates:
        """Show the table of segments."""
        rows = view.table_rows(session, language)
        headers = view.table_headers(language)
        return self._parts.updates(
            table=gr.update(
                value={"headers": headers, "data": rows},
                headers=headers,
                **rows_update(len(rows)),
            )
            if rows
            else gr.update(headers=headers),
            table_note="",
        )

    def panel(self, page_id: str, session: Session, language: str) -> Updates:
        """Show the segment that the page looks at; where there is none, nothing changes."""
        index = self._pages.looking_at(page_id)
        shown = self._segment(page_id, session, index, language)
        if shown is None:
            return {}
        return self._parts.updates(
            index=index,
            segment_title=f"<h3>{shown.title}</h3>",
            original=_file(shown.original),
            text=shown.text,
            emotion=gr.update(choices=list(shown.emotions), value=shown.emotion),
            probabilities=gr.update(value=shown.probabilities or None),
            why=note("aside", shown.why) if shown.why else "",
            undo=gr.update(interactive=shown.changed),
            clip=_file(shown.clip),
            choice_note=shown.choice_note,
            candidates=gr.update(
                choices=list(shown.candidates), value=shown.picked, visible=bool(shown.candidates)
            ),
            other_clip=gr.update(
                choices=list(shown.others), value=None, visible=bool(shown.others)
            ),
            again_clip=_file(shown.again),
            heard_again=gr.update(value=shown.heard_again or None, visible=bool(shown.heard_again)),
            verdict=shown.verdict,
            timbre=gr.update(choices=_clip_names(session)),
        )

    def result(self, session: Session, language: str) -> Updates:
        """Show how the round trip went, with the whole before and after."""
        result = session.result
        return self._parts.updates(
            result_area=gr.update(visible=result is not None),
            result=view.result_html(session, language),
            before=_file(session.source if result else None),
            after=_file(result.folder / "joined.wav" if result else None),
            said_timeline=_picture(view.said_timeline(session), "after"),
        )

    def words(self, session: Session, language: str) -> Updates:
        """Show all that is said of the whole in words; no player is touched."""
        return self.table(session, language) | self._parts.updates(
            summary=view.summary_html(session, language),
            result=view.result_html(session, language),
        )

    def timeline(self, session: Session) -> Updates:
        """Draw the recording and its emotions; the drawing holds both of the page's languages."""
        return self._parts.updates(timeline=_picture(view.heard_timeline(session), "before"))

    def files(self, paths: tuple[Path, ...]) -> Updates:
        """Offer files to download; none takes away those offered before, which no longer hold."""
        shown = [str(path) for path in paths] or None
        return self._parts.updates(files=gr.update(value=shown, visible=bool(paths)))

    def clip_named(
        self, page_id: str, session: Session, index: int, name: str, *, among: str, language: str
    ) -> Path | None:
        """Return the clip that a menu of the panel names; None for leaving it to the program."""
        shown = self._segment(page_id, session, index, language)
        if shown is None:
            return None
        clips: tuple[Path | None, ...] = shown.candidate_clips
        names = shown.candidates
        if among == "others":
            clips, names = shown.other_clips, shown.others
        return clips[names.index(name)] if name in names else None

    def changed(self, page_id: str, session: Session, language: str) -> Updates:
        """Keep what became of a session, and show what of it this page shows."""
        before = self._pages.session(page_id)
        if session is before:
            return {}
        self._pages.keep(page_id, session)
        redrawn = {}
        if view.emotions_of(session) != view.emotions_of(before):
            redrawn = self.timeline(session)
        return {
            **redrawn,
            **self.words(session, language),
            **self.panel(page_id, session, language),
            **self.files(()),
        }

    def _segment(
        self, page_id: str, session: Session, index: int, language: str
    ) -> SegmentView | None:
        return segment_view(
            session,
            index,
            labels=self._labels(session),
            folder=self._pages.folder(page_id),
            language=language,
        )

    def _labels(self, session: Session) -> tuple[str, ...]:
        if session.tagging is None:
            return ()
        return self._app.labels(session.settings.head)


class Step:
    """A step or a page of the tab, whose methods are what its events do.

    Args:
        events: Connects them.
        showing: Shows what an open page holds.
    """

    def __init__(self, events: Events, showing: Showing) -> None:
        self._events = events
        self._parts = events.parts
        self._showing = showing


def _clip_names(session: Session) -> list[str]:
    bank = session.bank
    return [view.clip_name(bank, clip) for clip in bank.usable] if bank else []


def _file(path: Path | None) -> Any:
    return gr.update(value=str(path) if path else None)


def _picture(data: Any, name: str) -> str:
    if data is None:
        return ""
    picture = draw_svg(data, name=name)
    width = f"{100 * picture.screens:.0f}%"
    return f'<div class="emo-timeline"><div style="width:{width}">{picture.svg}</div></div>'
