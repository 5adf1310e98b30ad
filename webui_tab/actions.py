"""What each event of the page does: look the session up, call a handler, keep and show what came of it.

Here are those of the page as a whole and of the recording; `segment_actions` and `again_actions` hold those
of its further steps.

Every method that is connected to an event takes the name of the page's language first, then the values
of the event's inputs, then what Gradio adds: the request, what was selected, the progress bar. It returns
updates by component.
"""

from __future__ import annotations

import contextlib
import html
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.context import LocalContext

from gpt_sovits_emotion.core.errors import ConsentError
from gpt_sovits_emotion.core.progress import Progress
from gpt_sovits_emotion.core.progress_words import doing_in
from gpt_sovits_emotion.engines import DEFAULT_HEAD, WHISPER_HEAD
from gpt_sovits_emotion.transcription.options import AUTO
from webui_tab import handlers
from webui_tab.heads_menu import heads_mark, heads_menu
from webui_tab.incoming import session_name
from webui_tab.pages import Pages
from webui_tab.parts import Parts
from webui_tab.sessions import PageError, Session, Settings
from webui_tab.showing import Showing, Updates, merged
from webui_tab.texts import LANGUAGES, language_of_browser, say
from webui_tab.training.layout import ANYBODY
from webui_tab.view import emotions_of, note
from webui_tab.workshop import SAMPLE_VOICE, Workshop

__all__ = ["RESTING", "STOPS", "Actions", "code_of", "page_id_of", "shown_on"]

RESTING = (
    "analyse", "sample", "video", "words", "words_drop", "resynthesise", "make_files",
    "train_look", "train_fetch", "speaker_learn", "speaker_undo", "speaker_forget",
    "bank_build", "bank_open", "bank_export", "bank_use", "bank_forget", "bank_learn",
)  # fmt: skip
"""Buttons that rest while something is at work."""
STOPS = ("stop", "stop_again", "stop_page", "stop_bank")
"""Buttons that are there only while something is at work."""

_PROGRESS = gr.Progress()


def code_of(language_name: str | None) -> str:
    """Return the code of a page language that is given by its own name."""
    return next((code for code, name in LANGUAGES.items() if name == language_name), "en")


class Actions:
    """The events of one tab.

    Args:
        parts: Its components.
        pages: What each open page holds.
        workshop: The engines.
        upload_root: Where the server files uploads.
        language: ``auto`` to follow the browser, else the language to begin in.
    """

    def __init__(
        self,
        parts: Parts,
        pages: Pages,
        workshop: Workshop,
        *,
        upload_root: Path,
        language: str,
    ) -> None:
        self.parts = parts
        self.pages = pages
        self.workshop = workshop
        self.upload_root = upload_root
        self.language = language
        self.showing = Showing(parts, pages, workshop)
        self.choosing = self.showing.choosing

    # --- the page ------------------------------------------------------------------------------------

    def opened(
        self,
        _: str,
        whisper: str | None,
        spoken: str | None,
        voice: str | None,
        head: str | None,
        carry: str | None,
        encoding: str | None,
        request: gr.Request,
    ) -> Updates:
        """Greet a page in its browser's language, with the heads and models that are there now."""
        with contextlib.suppress(AttributeError):  # gradio 4.24 may not know it yet
            self.pages.session(page_id_of(request))  # from now on it is an open one
        language = self.language
        if language == "auto":
            language = language_of_browser(request.headers.get("accept-language"))
        offered = self.choosing.whisper(language)
        if self.choosing.meaning("whisper", whisper) not in offered.values():
            whisper = next(iter(offered))
        menus = self.showing.settings(language, (whisper, spoken, voice, head, carry, encoding))
        notes = {self.parts.heads_note: heads_menu(self.workshop, head, language).notes}
        return {self.parts.page_language: LANGUAGES[language], **menus, **notes}

    def mark_of_heads(self, _: str) -> Updates:
        """Answer with a mark of what lies in the folders of heads."""
        return {self.parts.heads_mark: heads_mark(self.workshop)}

    def look_at_heads(self, language_name: str, head: str | None) -> Updates:
        """Bring the menu of heads up to date, and say below it which cannot be used."""
        menu = heads_menu(self.workshop, head, code_of(language_name))
        return {
            self.parts.head: gr.update(choices=list(menu.choices)),
            self.parts.heads_note: menu.notes,
        }

    def closed(self, request: gr.Request) -> None:
        """Forget all that a page held."""
        self.pages.forget(page_id_of(request))

    def switch_language(
        self,
        language_name: str,
        whisper: str | None,
        spoken: str | None,
        voice: str | None,
        head: str | None,
        carry: str | None,
        encoding: str | None,
        request: gr.Request,
    ) -> Updates:
        """Say everything on the page in its other language."""
        language, page_id = code_of(language_name), page_id_of(request)
        session = self.pages.session(page_id)
        return merged(
            self.showing.labels(language),
            self.showing.settings(language, (whisper, spoken, voice, head, carry, encoding)),
            self.showing.taken(session, language),
            self.showing.words(session, language),
            self.showing.panel(page_id, session, language),
        )

    def begin(self, _: str) -> Updates:
        """Let the buttons rest while something is at work, and offer to stop it."""
        resting = {self.parts.named[name]: gr.update(interactive=False) for name in RESTING}
        return resting | {self.parts.named[name]: gr.update(visible=True) for name in STOPS}

    def stop(self, _: str, request: gr.Request) -> None:
        """Ask what is at work to stop."""
        self.pages.stop(page_id_of(request))

    def rested(self) -> Updates:
        """Let the buttons work again, and take those for stopping away."""
        working = {self.parts.named[name]: gr.update(interactive=True) for name in RESTING}
        return working | {self.parts.named[name]: gr.update(visible=False) for name in STOPS}

    # --- the recording -------------------------------------------------------------------------------

    def take_recording(
        self, language_name: str, payload: dict[str, Any] | None, request: gr.Request
    ) -> Updates:
        """Take what was recorded, uploaded or removed; the payload is raw, so nothing is decoded yet."""
        page_id = page_id_of(request)
        path = Path(payload["path"]).resolve() if payload else None
        old = self.pages.session(page_id)
        session = handlers.take_recording(old, path, upload_root=self.upload_root)
        if session is old:
            return {}
        if path is not None and not path.is_relative_to(self.pages.folder(page_id)):
            self.pages.own_upload(page_id, path)
        return self._new_recording(page_id, session, language_name)

    def take_video(
        self, language_name: str, payload: dict[str, Any] | None, request: gr.Request
    ) -> Updates:
        """Take a video, or a file of a kind that the player's own upload does not offer."""
        if payload is None:
            return {}
        return {
            self.parts.recording: gr.update(value=payload["path"]),
            **self.take_recording(language_name, payload, request),
        }

    def take_words(
        self, language_name: str, payload: dict[str, Any] | None, request: gr.Request
    ) -> Updates:
        """Take the words from a file that was uploaded, from the next analysis on."""
        if payload is None:
            return {}
        page_id = page_id_of(request)
        path = Path(payload["path"]).resolve()
        if not path.is_relative_to(self.upload_root.resolve()) or not path.is_file():
            raise PageError("not_of_this_page")
        return self._with_words(language_name, page_id, self.pages.copied_upload(page_id, path))

    def drop_words(self, language_name: str, request: gr.Request) -> Updates:
        """Have the words recognised again."""
        return self._with_words(language_name, page_id_of(request), None)

    def _with_words(self, language_name: str, page_id: str, path: Path | None) -> Updates:
        session = handlers.take_words(self.pages.session(page_id), path)
        self.pages.keep(page_id, session)
        return self.showing.taken(session, code_of(language_name))

    def take_sample(self, language_name: str, head: str | None, request: gr.Request) -> Updates:
        """Load the sample recording, the sample voice, and say which language is spoken in it."""
        language, page_id = code_of(language_name), page_id_of(request)
        session = handlers.take_sample(
            self.pages.session(page_id), self.pages.folder(page_id), language=language
        )
        # Its language is known, and a synthetic voice is easily taken for another one's.
        menus = (AUTO, language, SAMPLE_VOICE, None, None, None)
        # A formant synthesiser changes pitch, rate and loudness and nothing else: the prosody head hears
        # that, a head on Whisper has met people only. What a person chose stays.
        offered = DEFAULT_HEAD in [entry.id for entry in self.workshop.heads()]
        untouched = offered and head == WHISPER_HEAD
        return {
            self.parts.head: gr.update(value=DEFAULT_HEAD) if untouched else gr.update(),
            self.parts.recording: gr.update(value=str(session.source)),
            **self._new_recording(page_id, session, language_name),
            **self.showing.settings(language, menus),
            self.parts.status: note("aside", say("ready_sample", language)),
        }

    def analyse(
        self,
        language_name: str,
        consent: bool,
        voice: str | None,
        whisper: str | None,
        spoken_language: str | None,
        head: str | None,
        speaker_statistics: bool,
        smoothing: float | None,
        speaker: str | None,
        same_voice: bool,
        initial_prompt: str | None,
        hotwords: str | None,
        encoding: str | None,
        request: gr.Request,
        progress: gr.Progress = _PROGRESS,
    ) -> Updates:
        """Hear and tag the recording."""
        language, page_id = code_of(language_name), page_id_of(request)
        meaning = self.choosing.meaning
        settings = Settings(
            whisper=meaning("whisper", whisper),
            language=meaning("spoken", spoken_language),
            head=head or "",
            speaker_statistics=speaker_statistics,
            smoothing=smoothing or 0.0,
            speaker="" if speaker in (None, ANYBODY) else speaker.strip(),
            same_voice=same_voice,
            initial_prompt=(initial_prompt or "").strip(),
            hotwords=(hotwords or "").strip(),
            encoding=meaning("encodings", encoding),
        )
        with self.pages.job(page_id, shown_on(progress, language)) as job:
            session = job.session
            if session.bank is None:
                session = handlers.choose_voice(session, meaning("voices", voice), consent=consent)
            session = handlers.analyse(
                session,
                settings,
                self.workshop,
                job.folder,
                consent=consent,
                progress=job.progress,
            )
            job.done(session)
        return {self.parts.status: ""}

    def show_heard(self, language_name: str, request: gr.Request) -> Updates:
        """Show what was heard, its first segment, and that nothing is said again yet."""
        language, page_id = code_of(language_name), page_id_of(request)
        session = self.pages.session(page_id)
        self.pages.look_at(page_id, 0)
        return {
            **self.showing.heard(session, language),
            **self.showing.panel(page_id, session, language),
            **self.showing.result(session, language),
            **self.showing.files(()),
            **self.rested(),
        }

    def _new_recording(self, page_id: str, session: Session, language_name: str) -> Updates:
        self.pages.keep(page_id, session)
        if session.source is None or self.pages.folder(page_id) in session.source.parents:
            self.pages.drop_uploads(page_id)
        language = code_of(language_name)
        return {
            **self.showing.heard(session, language),
            **self.showing.result(session, language),
            **self.showing.files(()),
            **self.showing.taken(session, language),
            self.parts.status: "",
        }

    def choose_voice(
        self, language_name: str, voice: str | None, consent: bool, request: gr.Request
    ) -> Updates:
        """Take another voice; one that needs consent is taken as soon as that is given."""
        language, page_id = code_of(language_name), page_id_of(request)
        old, path = self.pages.session(page_id), self.choosing.meaning("voices", voice)
        try:
            return self.changed(
                language, page_id, handlers.choose_voice(old, path, consent=consent)
            )
        except ConsentError:
            # What was chosen before must not speak in its place.
            without = handlers.choose_voice(old, "", consent=consent)
            updates = self.changed(language, page_id, without)
            gr.Warning(html.escape(say("voice_consent_missing", language)))
            return updates or {self.parts.voice: gr.update()}

    def give_consent(
        self, language_name: str, voice: str | None, consent: bool, request: gr.Request
    ) -> Updates:
        """Take the voice that waited for the line about consent to be ticked."""
        session = self.pages.session(page_id_of(request))
        waits = session.tagging is not None and session.bank is None
        return (
            self.choose_voice(language_name, voice, consent, request) if consent and waits else {}
        )

    # --- for the tab's other events ------------------------------------------------------------------

    def changed(self, language: str, page_id: str, session: Session) -> Updates:
        """Keep what became of a session, and show what of it this page shows."""
        before = self.pages.session(page_id)
        if session is before:
            return {}
        self.pages.keep(page_id, session)
        redrawn = {}
        if emotions_of(session) != emotions_of(before):
            redrawn = self.showing.timeline(session)
        return {
            **redrawn,
            **self.showing.words(session, language),
            **self.showing.panel(page_id, session, language),
            **self.showing.files(()),
        }

    def show_saved(self, _: str) -> Updates:
        """Let the buttons work again."""
        return self.rested()


def page_id_of(request: gr.Request) -> str:
    """Return what tells one open page from another.

    In gradio 4.24, which GPT-SoVITS pinned from v2 to v3, a request does not know it; the queue does.
    """
    try:
        return session_name(request.session_hash)
    except AttributeError:
        blocks, event_id = LocalContext.blocks.get(), LocalContext.event_id.get()
        jobs = blocks._queue.active_jobs if blocks is not None else ()
        for event in (event for job in jobs for event in job or ()):
            if event._id == event_id:
                return session_name(event.session_hash)
        raise


def shown_on(progress: gr.Progress, language: str) -> Progress:
    """Return what shows on a progress bar what work tells of itself."""

    def report(fraction: float, what: str) -> None:
        progress(fraction, desc=doing_in(language, what))

    return report
