"""What `view` says, laid into the components: one update per component, by groups."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from gpt_sovits_emotion.report.pictures import draw_svg
from webui_tab import view
from webui_tab.gradio_releases import rows_update
from webui_tab.menus import carry_choices, encoding_choices, spoken_choices
from webui_tab.pages import Pages
from webui_tab.parts import Parts, style_html
from webui_tab.segment import SegmentView, segment_view
from webui_tab.sessions import Session
from webui_tab.texts import LANGUAGES, say
from webui_tab.workshop import SAMPLE_VOICE, Workshop, whisper_choices

__all__ = [
    "AGAIN",
    "CHANGED",
    "FILES",
    "HEARD",
    "PANEL",
    "RESULT",
    "SETTINGS",
    "SPEAKING",
    "TAKEN",
    "WORDS",
    "Choosing",
    "Showing",
    "Updates",
    "merged",
]

Updates = dict[Any, Any]

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
SETTINGS = ("whisper", "spoken_language", "voice", "head", "carry", "encoding")
SPEAKING = (
    "speed", "temperature", "top_p", "top_k", "seed", "timbre", "takes", "carry", "directions",
)  # fmt: skip
TAKEN = ("words_note", "words_drop")
"""What shows where the words of a recording come from."""


class Choosing:
    """The names that stand in the page's menus, in any of its languages, and what they mean."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop

    def whisper(self, language: str) -> dict[str, str]:
        """Return name -> speech recognition model."""
        return whisper_choices(self._workshop, language)

    def spoken(self, language: str) -> dict[str, str]:
        """Return name -> code of the spoken language, "" for detecting it."""
        return spoken_choices(language)

    def carries(self, language: str) -> dict[str, str]:
        """Return name -> way in which emotion is carried."""
        return carry_choices(language)

    def encodings(self, language: str) -> dict[str, str]:
        """Return name -> encoding of a file of words, "" for finding it out."""
        return encoding_choices(language)

    def voices(self, language: str) -> dict[str, str]:
        """Return name -> voice: the sample's, or a path."""
        return {say("voice_sample", language): SAMPLE_VOICE}

    def heads(self) -> tuple[str, ...]:
        """Return the ids of the heads that can be used."""
        return tuple(entry.id for entry in self._workshop.heads())

    def meaning(self, menu: str, shown: str | None) -> str:
        """Return what a menu's entry means; what a person typed means itself."""
        shown = (shown or "").strip()
        names: dict[str, str] = {}
        for language in LANGUAGES:
            names |= getattr(self, menu)(language)
        return names.get(shown, shown)

    def name(self, menu: str, meaning: str, language: str) -> str:
        """Return how a menu names something in a language."""
        named: dict[str, str] = getattr(self, menu)(language)
        return next((shown for shown, means in named.items() if means == meaning), meaning)


class Showing:
    """Turns what a page holds into updates of its components."""

    def __init__(self, parts: Parts, pages: Pages, workshop: Workshop) -> None:
        self._parts = parts
        self._pages = pages
        self._workshop = workshop
        self.choosing = Choosing(workshop)

    def heard(self, session: Session, language: str) -> Updates:
        """Show what was heard: summary, timeline and table; nothing of it before an analysis."""
        analysed = session.tagging is not None
        has_segments = bool(view.table_rows(session, language))
        return self._named(
            step_heard=gr.update(visible=analysed),
            step_again=gr.update(visible=has_segments),
            step_save=gr.update(visible=has_segments),
            summary=view.summary_html(session, language),
        ) | merged(self.timeline(session), self.table(session, language))

    def taken(self, session: Session, language: str) -> Updates:
        """Show which file the words are taken from, and offer to have them recognised instead."""
        return self._named(
            words_note=view.words_html(session, language),
            words_drop=gr.update(visible=session.words is not None),
        )

    def table(self, session: Session, language: str) -> Updates:
        """Show the table of segments."""
        rows = view.table_rows(session, language)
        headers = view.table_headers(language)
        return self._named(
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
        return self._named(
            index=index,
            segment_title=f"<h3>{shown.title}</h3>",
            original=_file(shown.original),
            text=shown.text,
            emotion=gr.update(choices=list(shown.emotions), value=shown.emotion),
            probabilities=gr.update(value=shown.probabilities or None),
            why=view.note("aside", shown.why) if shown.why else "",
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
        return self._named(
            result_area=gr.update(visible=result is not None),
            result=view.result_html(session, language),
            before=_file(session.source if result else None),
            after=_file(result.folder / "joined.wav" if result else None),
            said_timeline=_picture(view.said_timeline(session), "after"),
        )

    def words(self, session: Session, language: str) -> Updates:
        """Show all that is said of the whole in words; no player is touched."""
        return self.table(session, language) | self._named(
            summary=view.summary_html(session, language),
            result=view.result_html(session, language),
        )

    def timeline(self, session: Session) -> Updates:
        """Draw the recording and its emotions; the drawing holds both of the page's languages."""
        return self._named(timeline=_picture(view.heard_timeline(session), "before"))

    def files(self, paths: tuple[Path, ...]) -> Updates:
        """Offer files to download; none takes away those offered before, which no longer hold."""
        shown = [str(path) for path in paths] or None
        return self._named(files=gr.update(value=shown, visible=bool(paths)))

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

    def labels(self, language: str) -> Updates:
        """Say every label of the page in a language."""
        updates: Updates = {}
        for name, prop, key in self._parts.texts:
            component = self._parts.named[name]
            said = {**updates.get(component, {}), **gr.update(**{prop: say(key, language)})}
            updates[component] = said
        return updates | self._named(
            **self._parts.static_html(language), style=style_html(language)
        )

    def settings(self, language: str, chosen: tuple[str | None, ...]) -> Updates:
        """Name the entries of the menus in a language, keeping what is chosen.

        Args:
            language: The page's language.
            chosen: What each of `SETTINGS` shows or means now; None leaves it alone.
        """
        menus = {
            "whisper": "whisper",
            "spoken_language": "spoken",
            "voice": "voices",
            "carry": "carries",
            "encoding": "encodings",
        }
        updates = {}
        for part, shown in zip(SETTINGS, chosen, strict=True):
            if shown is None:
                continue
            if part == "head":
                updates[part] = gr.update(choices=list(self.choosing.heads()))
                continue
            menu = menus[part]
            meaning = self.choosing.meaning(menu, shown)
            updates[part] = gr.update(
                choices=list(getattr(self.choosing, menu)(language)),
                value=self.choosing.name(menu, meaning, language),
            )
        return self._named(**updates)

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
        return self._workshop.labels(session.settings.head)

    def _named(self, **updates: Any) -> Updates:
        return {self._parts.named[name]: update for name, update in updates.items()}


def merged(*groups: Updates) -> Updates:
    """Join updates; what two groups say of different properties of one component is both said."""
    joined: Updates = {}
    for group in groups:
        for component, update in group.items():
            known = joined.get(component, {})
            says_more = isinstance(update, dict) and "__type__" in update
            joined[component] = {**known, **update} if says_more else update
    return joined


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
