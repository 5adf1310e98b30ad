"""The first step of the first page: a recording, its words, how to analyse it, and the voice."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr

from gpt_sovits_emotion.core.errors import ConsentError
from gpt_sovits_emotion.engines import DEFAULT_HEAD, WHISPER_HEAD
from gpt_sovits_emotion.transcription.options import AUTO
from webui_tab.components import Components, Updates
from webui_tab.controls import SAMPLE_VOICE
from webui_tab.events import Events, PageEvent
from webui_tab.inputs import Nothing
from webui_tab.listen import analysis
from webui_tab.listen.again_step import AgainStep
from webui_tab.listen.showing import (
    AGAIN,
    CHANGED,
    FILES,
    HEARD,
    PANEL,
    RESULT,
    TAKEN,
    Showing,
    Step,
)
from webui_tab.markup import note
from webui_tab.sessions import PageError, Session
from webui_tab.settings import MENUS, AnalysisSettings, VoiceSettings
from webui_tab.texts import say

__all__ = ["RecordingStep", "build_recording_step"]


# --- layout ------------------------------------------------------------------------------------------


def build_recording_step(parts: Components) -> None:
    """Make the step's components in the context that is open now."""
    speaks = "voice_notice" if parts.app.spoken_by is None else "voice_notice_host"
    parts.add_html(
        "voice_notice", lambda language: f'<p class="emo-notice">{say(speaks, language)}</p>'
    )
    parts.add_heading("heading_recording", "step_recording")
    with gr.Row():
        with gr.Column(scale=3, min_width=340):
            _recording(parts)
        with gr.Column(scale=2, min_width=300):
            parts.add_settings(AnalysisSettings, "words")
            parts.add_settings(VoiceSettings, "voice")
            parts.add_settings(AnalysisSettings, "head")
            parts.add("heads_note", gr.HTML, elem_id="emo-heads-note")
            with parts.add("more", gr.Accordion, label="text:more_settings", open=False):
                parts.add_settings(AnalysisSettings, "more")
    parts.add_settings(VoiceSettings, "consent")
    with gr.Row():
        parts.add_work_button("analyse", value="text:analyse", variant="primary", scale=4)
        parts.add_stop_button("stop", scale=1)
    parts.add("status", gr.HTML, elem_classes=["emo-status"], elem_id="emo-status")


def _recording(parts: Components) -> None:
    parts.add(
        "recording",
        gr.Audio,
        sources=["upload", "microphone"],
        type="filepath",
        label="text:recording",
        show_download_button=False,
        elem_id="emo-recording",
    )
    upload = gr.UploadButton
    with gr.Row():
        parts.add_work_button("sample", value="text:try_sample", size="sm")
        parts.add_work_button("video", upload, label="text:open_video", size="sm")
        parts.add_work_button("words", upload, label="text:words", size="sm", elem_id="emo-words")
    parts.add("words_note", gr.HTML, elem_id="emo-words-note")
    parts.add_work_button(
        "words_drop",
        value="text:words_drop",
        size="sm",
        visible=False,
        elem_id="emo-words-drop",
    )


# --- what its events ask for -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AnalysisRequest:
    """What an analysis needs."""

    voice: VoiceSettings = field(default_factory=VoiceSettings)
    settings: AnalysisSettings = field(default_factory=AnalysisSettings)


@dataclass(frozen=True, slots=True)
class SentRecording:
    """The file of the player; None where it was taken out."""

    recording: Path | None


@dataclass(frozen=True, slots=True)
class SentVideo:
    """A video, or a file of a kind that the player's own upload does not offer."""

    video: Path | None


@dataclass(frozen=True, slots=True)
class SentWords:
    """A file of words."""

    words: Path | None


@dataclass(frozen=True, slots=True)
class ChosenHead:
    """What the menu of heads shows."""

    head: str | None


# --- events ------------------------------------------------------------------------------------------


class RecordingStep(Step):
    """The events of the step.

    Args:
        events: Connects them.
        showing: Shows what a page holds.
        upload_root: Where the server files uploads.
    """

    def __init__(self, events: Events, showing: Showing, upload_root: Path) -> None:
        super().__init__(events, showing)
        self._upload_root = upload_root

    def connect(self, again: AgainStep) -> None:
        """Connect the step's events.

        Args:
            again: Says the sample again as soon as it was analysed.
        """
        parts, events = self._parts, self._events
        fresh = ("status", *TAKEN, *HEARD, *RESULT, *FILES)
        events.quick(parts.recording.change, self.take_recording, fresh)
        events.quick(parts.video.upload, self.take_video, ("recording", *fresh))
        events.quick(parts.words.upload, self.take_words, TAKEN)
        events.quick(parts.words_drop.click, self.drop_words, TAKEN)

        heard = (*HEARD, *PANEL, *RESULT, *FILES)
        analysed = events.work(parts.analyse.click, self.analyse, ("status",))
        events.finish(analysed, self.show_heard, heard)

        loaded = events.quick(
            parts.sample.click, self.take_sample, ("recording", "head", *MENUS, *fresh)
        )
        analysed = events.work(loaded.then, self.analyse, ("status",))
        shown = events.finish(analysed, self.show_heard, heard)
        said = events.speak(shown.then, again.say_sample_again, ("again_status",))
        events.finish(said, again.show_again, AGAIN)
        for trigger, do in (
            (parts.voice.input, self.choose_voice),
            (parts.consent.input, self.give_consent),
        ):
            events.in_order(trigger, do, ("voice", *CHANGED))

    def take_recording(self, event: PageEvent[SentRecording]) -> Updates:
        """Take what was recorded, uploaded or removed; it is not decoded yet."""
        return self._taken(event, event.asked.recording)

    def take_video(self, event: PageEvent[SentVideo]) -> Updates:
        """Take a video, or a file of a kind that the player's own upload does not offer."""
        path = event.asked.video
        if path is None:
            return {}
        return {
            self._parts.recording: gr.update(value=str(path)),
            **self._taken(event, path),
        }

    def _taken(self, event: PageEvent[Any], path: Path | None) -> Updates:
        pages, page_id = event.pages, event.page_id
        path = None if path is None else path.resolve()
        old = event.session
        session = analysis.take_recording(old, path, upload_root=self._upload_root)
        if session is old:
            return {}
        if path is not None and not path.is_relative_to(event.folder):
            pages.own_upload(page_id, path)
        return self._new_recording(event, session)

    def take_words(self, event: PageEvent[SentWords]) -> Updates:
        """Take the words from a file that was uploaded, from the next analysis on."""
        path = event.asked.words
        if path is None:
            return {}
        path = path.resolve()
        if not path.is_relative_to(self._upload_root.resolve()) or not path.is_file():
            raise PageError("not_of_this_page")
        return self._with_words(event, event.pages.copied_upload(event.page_id, path))

    def drop_words(self, event: PageEvent[Nothing]) -> Updates:
        """Have the words recognised again."""
        return self._with_words(event, None)

    def _with_words(self, event: PageEvent[Any], path: Path | None) -> Updates:
        session = analysis.take_words(event.session, path)
        event.pages.keep(event.page_id, session)
        return self._showing.taken(session, event.language)

    def take_sample(self, event: PageEvent[ChosenHead]) -> Updates:
        """Load the sample recording, the sample voice, and say which language is spoken in it."""
        language = event.language
        session = analysis.take_sample(event.session, event.folder, language=language)
        # Its language is known, and a synthetic voice is easily taken for another one's.
        menus = {"whisper": AUTO, "spoken_language": language, "voice": SAMPLE_VOICE}
        # A formant synthesiser changes pitch, rate and loudness and nothing else: the prosody head hears
        # that, a head on Whisper has met people only. What a person chose stays.
        offered = DEFAULT_HEAD in [entry.id for entry in self._events.app.heads()]
        untouched = offered and event.asked.head == WHISPER_HEAD
        return {
            self._parts.head: gr.update(value=DEFAULT_HEAD) if untouched else gr.update(),
            self._parts.recording: gr.update(value=str(session.source)),
            **self._new_recording(event, session),
            **self._parts.menus(language, menus),
            self._parts.status: note("aside", say("ready_sample", language)),
        }

    def _new_recording(
        self,
        event: PageEvent[Any],
        session: Session,
    ) -> Updates:
        event.pages.keep(event.page_id, session)
        if session.source is None or event.folder in session.source.parents:
            event.pages.drop_uploads(event.page_id)
        return {
            **self._showing.heard(session, event.language),
            **self._showing.result(session, event.language),
            **self._showing.files(()),
            **self._showing.taken(session, event.language),
            self._parts.status: "",
        }

    def analyse(self, event: PageEvent[AnalysisRequest]) -> Updates:
        """Hear and tag the recording."""
        voice, settings = event.asked.voice, event.asked.settings
        with event.job() as job:
            session = job.session
            if session.bank is None:
                session = analysis.choose_voice(session, voice.voice, consent=voice.consent)
            session = analysis.analyse(
                session,
                settings,
                self._events.app,
                job.folder,
                consent=voice.consent,
                progress=job.progress,
            )
            job.done(session)
        return {self._parts.status: ""}

    def show_heard(self, event: PageEvent[Nothing]) -> Updates:
        """Show what was heard, its first segment, and that nothing is said again yet."""
        session = event.session
        event.pages.look_at(event.page_id, 0)
        return {
            **self._showing.heard(session, event.language),
            **self._showing.panel(event.page_id, session, event.language),
            **self._showing.result(session, event.language),
            **self._showing.files(()),
        }

    def choose_voice(self, event: PageEvent[VoiceSettings]) -> Updates:
        """Take another voice; one that needs consent is taken as soon as that is given."""
        old, asked = event.session, event.asked
        try:
            chosen = analysis.choose_voice(old, asked.voice, consent=asked.consent)
        except ConsentError:
            # What was chosen before must not speak in its place.
            without = analysis.choose_voice(old, "", consent=asked.consent)
            updates = self._showing.changed(event.page_id, without, event.language)
            gr.Warning(html.escape(say("voice_consent_missing", event.language)))
            return updates or {self._parts.voice: gr.update()}
        return self._showing.changed(event.page_id, chosen, event.language)

    def give_consent(self, event: PageEvent[VoiceSettings]) -> Updates:
        """Take the voice that waited for the line about consent to be ticked."""
        session = event.session
        waits = session.tagging is not None and session.bank is None
        return self.choose_voice(event) if event.asked.consent and waits else {}
