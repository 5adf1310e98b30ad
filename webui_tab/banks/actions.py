"""What each event of the page of voices does: look the session up, call a handler, keep and show the outcome.

Methods take what those of `webui_tab.actions.Actions` take: the name of the page's language first, then the
values of the event's inputs, then what Gradio adds.
"""

from __future__ import annotations

import html
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote_to_bytes

import gradio as gr

from gpt_sovits_emotion.banks.library.clips_to_export import left_out_note
from gpt_sovits_emotion.banks.library.ranking import emotion_of
from gpt_sovits_emotion.core.labels import canonical_label, display_name
from gpt_sovits_emotion.core.records import ReferenceBank, ReferenceClip
from gpt_sovits_emotion.core.visible import visible
from webui_tab.actions import Actions, code_of, page_id_of, shown_on
from webui_tab.banks import handlers
from webui_tab.banks.layout import emotion_choices
from webui_tab.banks.view import (
    N_SHOWN,
    choice_html,
    clip_headers,
    clip_rows,
    coverage_html,
    lesson_html,
    opened_html,
)
from webui_tab.gradio_releases import rows_update
from webui_tab.incoming import row_of
from webui_tab.segment import lent_clip
from webui_tab.sessions import PageError, Session, Settings
from webui_tab.showing import Updates
from webui_tab.texts import LANGUAGES, say
from webui_tab.training.words import both, note_of, sentence

__all__ = ["CLIP", "OPENED", "PINNED", "SHOWN", "BankActions"]

SHOWN = (
    "bank_area", "bank_coverage", "bank_lesson", "bank_shown", "bank_clips", "bank_clips_note",
    "bank_choice",
)  # fmt: skip
"""What shows the bank that is open."""
OPENED = ("bank_status", "bank_source", *SHOWN)
CLIP = ("bank_clip_name", "bank_player", "bank_pin_emotion")
"""What shows the clip that was selected in the table."""
PINNED = ("bank_pin_note", "bank_clips", "bank_coverage", "bank_choice")

_PROGRESS = gr.Progress()


class BankActions:
    """The events of the page of voices.

    Args:
        page: Those of the tab's first page, with the components and the sessions of all.
    """

    def __init__(self, page: Actions) -> None:
        self.parts = page.parts
        self._page = page
        self._pages = page.pages
        self._workshop = page.workshop

    # --- building and opening ------------------------------------------------------------------------

    def opened(self, _: str, source: str | None) -> Updates:
        """Offer the voices that lie in the checkout now."""
        offered = list(handlers.sources_offered(self._workshop.checkout))
        if not offered:  # what a person types before this answer comes would be lost
            return {self.parts.bank_source: gr.update()}
        return {self.parts.bank_source: gr.update(choices=offered, value=source or None)}

    def open(
        self,
        language_name: str,
        source: str | None,
        consent: bool,
        request: gr.Request,
        progress: gr.Progress = _PROGRESS,
    ) -> Updates:
        """Show a bank as it lies there."""
        language = code_of(language_name)
        place = handlers.place_of(source)
        with self._pages.job(page_id_of(request), shown_on(progress, language)) as job:
            session = handlers.open_as_it_is(
                job.session, place, consent=consent, progress=job.progress
            )
            job.done(session)
        return self._shown(session, language)

    def build(
        self,
        language_name: str,
        source: str | None,
        transcribe: bool,
        consent: bool,
        whisper: str | None,
        spoken: str | None,
        head: str | None,
        initial_prompt: str | None,
        hotwords: str | None,
        request: gr.Request,
        progress: gr.Progress = _PROGRESS,
    ) -> Updates:
        """Listen to a voice's clips and show what they hold."""
        language = code_of(language_name)
        choosing = self._page.choosing
        settings = Settings(
            whisper=choosing.meaning("whisper", whisper),
            language=choosing.meaning("spoken", spoken),
            head=head or "",
            initial_prompt=(initial_prompt or "").strip(),
            hotwords=(hotwords or "").strip(),
        )
        place = handlers.place_of(source)
        with self._pages.job(page_id_of(request), shown_on(progress, language)) as job:
            session = handlers.build(
                job.session,
                place,
                settings,
                self._workshop,
                transcribe=transcribe,
                consent=consent,
                stopped=job.stopped,
                progress=job.progress,
            )
            job.done(session)
        return self._shown(session, language)

    def _shown(self, session: Session, language: str) -> Updates:
        shown = session.shown
        if shown is None:
            raise PageError("bank_none_open")
        every = say("bank_all", language)
        return self._named(
            bank_status=opened_html(shown.bank),
            bank_source=str(shown.place),
            bank_area=gr.update(visible=True),
            bank_coverage=coverage_html(shown.bank),
            bank_lesson=lesson_html(handlers.lessons_of(session)),
            bank_shown=gr.update(choices=_emotions_shown(shown.bank, language), value=every),
            bank_choice="",
            **self._table(session, None, language),
        )

    # --- what it taught ------------------------------------------------------------------------------

    def forget(self, language_name: str, sure: bool, request: gr.Request) -> Updates:
        """Forget what the voice taught heads, and let it teach none."""
        page_id, language = page_id_of(request), code_of(language_name)
        session = handlers.forget_lesson(self._pages.session(page_id), sure=sure)
        self._pages.keep(page_id, session)
        shown = self._shown(session, language)
        lesson = lesson_html((), "bank_forgotten")
        return {**shown, **self._named(bank_lesson=lesson, bank_sure=False)}

    def learn(self, _: str, consent: bool, request: gr.Request) -> Updates:
        """Let the voice teach heads again."""
        handlers.allow_teaching(self._pages.session(page_id_of(request)), consent=consent)
        return self._named(bank_lesson=lesson_html((), "bank_may_teach"))

    # --- its clips -----------------------------------------------------------------------------------

    def show_emotion(self, language_name: str, shown: str | None, request: gr.Request) -> Updates:
        """Show the clips of one emotion."""
        session = self._pages.session(page_id_of(request))
        return self._named(**self._table(session, _label(shown), code_of(language_name)))

    def select(
        self, language_name: str, shown: str | None, event: gr.SelectData, request: gr.Request
    ) -> Updates:
        """Let the clip of a row be listened to."""
        page_id, language = page_id_of(request), code_of(language_name)
        clips = self._clips(self._pages.session(page_id), _label(shown))
        row = row_of(event)
        if not 0 <= row < len(clips):
            return {}
        clip = clips[row]
        folder = self._pages.folder(page_id)
        audio = lent_clip(clip.path, folder)
        names = emotion_choices(language)
        name = display_name(emotion_of(clip), language) or next(iter(names))
        mark, path = quote(os.fsencode(clip.path)), html.escape(visible(str(clip.path)))
        return self._named(
            bank_clip_name=f'<p class="emo-note emo-aside"><code data-clip="{mark}">{path}</code><br>'
            f"{html.escape(visible(clip.text))}</p>",
            bank_player=gr.update(value=str(audio) if audio else None),
            bank_pin_emotion=gr.update(choices=list(names), value=name),
        )

    def pin(
        self,
        language_name: str,
        shown: str | None,
        emotion: str | None,
        named: str | None,
        request: gr.Request,
    ) -> Updates:
        """Take the selected clip for an emotion always."""
        return self._pinned(language_name, shown, emotion, _clip_in(named), request)

    def unpin(
        self, language_name: str, shown: str | None, emotion: str | None, request: gr.Request
    ) -> Updates:
        """Let the program choose for an emotion again."""
        return self._pinned(language_name, shown, emotion, None, request)

    def _pinned(
        self,
        language_name: str,
        shown: str | None,
        emotion: str | None,
        clip: Path | None,
        request: gr.Request,
    ) -> Updates:
        page_id, language = page_id_of(request), code_of(language_name)
        session = handlers.pin(self._pages.session(page_id), emotion or "", clip)
        self._pages.keep(page_id, session)
        label = canonical_label(emotion or "")
        name = display_name(label, language)
        key, fields = ("bank_unpinned", {"label": name})
        if clip is not None:
            key, fields = "bank_pinned", {"label": name, "clip": clip.name}
        said = f'<div class="emo-both">{note_of("good", both(key, **fields))}</div>'
        return self._named(
            bank_pin_note=said,
            bank_clips=self._table(session, _label(shown), language)["bank_clips"],
            bank_coverage=coverage_html(_shown_bank(session)),
            bank_choice="",  # what was tried was chosen without this pin
        )

    def _clips(self, session: Session, label: str | None) -> tuple[ReferenceClip, ...]:
        if session.shown is None:
            raise PageError("bank_none_open")
        return handlers.shown_clips(session.shown.bank, label)

    def _table(self, session: Session, label: str | None, language: str) -> dict[str, Any]:
        clips = self._clips(session, label)
        assert session.shown is not None
        rows = clip_rows(session.shown.bank, clips, language)
        headers = clip_headers(language)
        more = len(clips) - N_SHOWN
        return {
            "bank_clips": gr.update(
                value={"headers": headers, "data": rows},
                headers=headers,
                **rows_update(len(rows)),
            ),
            "bank_clips_note": note_of("aside", say("bank_more", language, n=more))
            if more > 0
            else "",
        }

    # --- choosing, speaking, giving away -------------------------------------------------------------

    def choose(self, _: str, wanted: str | None, text: str | None, request: gr.Request) -> Updates:
        """Show which clip would be taken, and why."""
        session = self._pages.session(page_id_of(request))
        choice = handlers.choose_clip(session, wanted or "", text or "")
        assert session.shown is not None
        return {self.parts.bank_choice: choice_html(session.shown.bank, choice)}

    def use(self, language_name: str, request: gr.Request) -> Updates:
        """Let this bank be the voice of the first page."""
        page_id, language = page_id_of(request), code_of(language_name)
        session = handlers.use(self._pages.session(page_id))
        changed = self._page.changed(language, page_id, session)
        assert session.shown is not None
        return {**changed, self.parts.voice: str(session.shown.place)}

    def export(
        self,
        language_name: str,
        layout: str | None,
        destination: str | None,
        consent: bool,
        request: gr.Request,
        progress: gr.Progress = _PROGRESS,
    ) -> Updates:
        """Copy the bank for other programs."""
        with self._pages.job(
            page_id_of(request), shown_on(progress, code_of(language_name))
        ) as job:
            written = handlers.export(
                job.session,
                destination or "",
                layout=layout or "",
                consent=consent,
                progress=job.progress,
            )
        said = note_of("good", both("bank_exported", path=written))
        left_out = left_out_note(_shown_bank(job.session))
        said += "" if left_out is None else note_of("aside", sentence(left_out))
        return {self.parts.bank_exported: f'<div class="emo-both">{said}</div>'}

    def relabel(self, language_name: str, shown: str | None, request: gr.Request) -> Updates:
        """Say the menus and the table in the page's language."""
        language, session = code_of(language_name), self._pages.session(page_id_of(request))
        names = list(emotion_choices(language))
        menus = {
            "bank_wanted": gr.update(choices=names, value=names[0]),
            "bank_pin_emotion": gr.update(choices=names, value=names[0]),
        }
        if session.shown is None:
            return self._named(**menus)
        every = say("bank_all", language)
        menu = _emotions_shown(session.shown.bank, language)
        label = _label(shown)
        value = every if label is None else display_name(label, language)
        return self._named(
            **menus,
            bank_shown=gr.update(choices=menu, value=value),
            **self._table(session, label, language),
        )

    def _named(self, **updates: Any) -> Updates:
        return {self.parts.named[name]: update for name, update in updates.items()}


def _shown_bank(session: Session) -> ReferenceBank:
    """Return the bank that the page shows. Raises `PageError` where it shows none."""
    if session.shown is None:
        raise PageError("bank_none_open")
    return session.shown.bank


def _emotions_shown(bank: ReferenceBank, language: str) -> list[str]:
    """Return the menu of emotions: all of them, then those that the bank has."""
    present = sorted({emotion_of(clip) for clip in bank.clips} - {""})
    return [say("bank_all", language), *(display_name(label, language) for label in present)]


def _label(shown: str | None) -> str | None:
    """Return the label that the menu of emotions shows; None for all of them."""
    every = {say("bank_all", language) for language in LANGUAGES}
    return None if not shown or shown in every else canonical_label(shown)


def _clip_in(named: str | None) -> Path:
    """Return the clip whose path the page shows."""
    _, mark, rest = (named or "").partition('data-clip="')
    if not mark:
        raise PageError("bank_no_clip")
    return Path(os.fsdecode(unquote_to_bytes(rest.partition('"')[0])))
