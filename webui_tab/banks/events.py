"""The events of the page of voices: what each asks for and does, and how it is connected."""

from __future__ import annotations

import html
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote_to_bytes

import gradio as gr

from gpt_sovits_emotion.banks.library.clips_to_export import left_out_note
from gpt_sovits_emotion.banks.library.ranking import emotion_of
from gpt_sovits_emotion.core.errors import EmotionError
from gpt_sovits_emotion.core.labels import canonical_label, display_name
from gpt_sovits_emotion.core.records import ReferenceBank, ReferenceClip
from gpt_sovits_emotion.core.visible import visible
from webui_tab.banks import bank as banks
from webui_tab.banks.form import SourceForm
from webui_tab.banks.layout import emotion_choices
from webui_tab.components import Updates
from webui_tab.events import PageEvent
from webui_tab.gradio_releases import rows_update
from webui_tab.inputs import Nothing, checked, read_by
from webui_tab.listen.panel import lent_clip
from webui_tab.listen.showing import CHANGED, Step
from webui_tab.markup import both, note_of, sentence
from webui_tab.sessions import PageError, Session
from webui_tab.settings import AnalysisSettings
from webui_tab.texts import LANGUAGES, say

__all__ = ["LISTING_API", "BanksPage"]

LISTING_API = "emotion_bank"
"""Name under which other programs ask for the listing of a bank (``/emotion_bank``)."""

SHOWN = (
    "bank_area", "bank_coverage", "bank_lesson", "bank_shown", "bank_clips", "bank_clips_note",
    "bank_choice",
)  # fmt: skip
"""What shows the bank that is open."""
OPENED = ("bank_status", "bank_source", *SHOWN)
CLIP = ("bank_clip_name", "bank_player", "bank_pin_emotion")
"""What shows the clip that was selected in the table."""
PINNED = ("bank_pin_note", "bank_clips", "bank_coverage", "bank_choice")

_MENUS = ("bank_wanted", "bank_pin_emotion", "bank_shown", "bank_clips", "bank_clips_note")


# --- what events ask for -----------------------------------------------------------------------------


def _written(text: str | None) -> str:
    return text or ""


def _label(shown: str | None) -> str | None:
    """Return the label that the menu of emotions shows; None for all of them."""
    every = {say("bank_all", language) for language in LANGUAGES}
    return None if not shown or shown in every else canonical_label(shown)


def _clip_in(named: str | None) -> Path | None:
    """Return the clip whose path the page shows; None where it shows none."""
    _, mark, rest = (named or "").partition('data-clip="')
    return Path(os.fsdecode(unquote_to_bytes(rest.partition('"')[0]))) if mark else None


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """Which voice is listened to, and with what."""

    source: SourceForm = field(default_factory=SourceForm)
    settings: AnalysisSettings = field(default_factory=AnalysisSettings)


@dataclass(frozen=True, slots=True)
class Consent:
    """Whether the line about consent is ticked."""

    bank_consent: bool


@dataclass(frozen=True, slots=True)
class Sure:
    """Whether the line about deleting is ticked."""

    bank_sure: bool


@dataclass(frozen=True, slots=True)
class ShownEmotion:
    """The emotion whose clips the table shows; None for all."""

    bank_shown: str | None = field(metadata=read_by(_label))


@dataclass(frozen=True, slots=True)
class PinRequest(ShownEmotion):
    """Which clip is meant for which emotion."""

    bank_pin_emotion: str = field(metadata=read_by(_written))
    bank_clip_name: Path | None = field(metadata=read_by(_clip_in))


@dataclass(frozen=True, slots=True)
class ChoiceRequest:
    """What is to be said, and in which emotion."""

    bank_wanted: str = field(metadata=read_by(_written))
    bank_text: str = field(metadata=read_by(_written))


@dataclass(frozen=True, slots=True)
class ExportRequest(Consent):
    """In which form the bank is copied, and where to."""

    bank_format: str = field(metadata=read_by(_written))
    bank_to: str = field(metadata=read_by(_written))


# --- events ------------------------------------------------------------------------------------------


class BanksPage(Step):
    """The events of the page of voices."""

    def connect(self) -> None:
        """Connect every event of the page."""
        parts, events = self._parts, self._events
        for trigger in (events.blocks.load, parts.page_banks.select):
            events.quick(trigger, self.opened, ("bank_source",))
        events.finish(events.work(parts.bank_build.click, self.build, OPENED))
        events.finish(events.work(parts.bank_open.click, self.open, OPENED))

        lesson, shown = "bank_lesson", (*OPENED, "bank_sure")
        events.quick(parts.bank_forget.click, self.forget, shown, failing_into=lesson)
        events.quick(parts.bank_learn.click, self.learn, (lesson,), failing_into=lesson)
        clips, pinned = ("bank_clips", "bank_clips_note"), "bank_pin_note"
        events.in_order(parts.bank_shown.input, self.show_emotion, clips)
        events.selected(parts.bank_clips.select, self.select, CLIP)
        events.quick(parts.bank_pin.click, self.pin, PINNED, failing_into=pinned)
        events.quick(parts.bank_unpin.click, self.unpin, PINNED, failing_into=pinned)
        events.quick(parts.page_language.change, self.relabel, _MENUS)

        for trigger in (parts.bank_choose.click, parts.bank_text.submit):
            events.quick(trigger, self.choose, ("bank_choice",), failing_into="bank_choice")
        events.turn_to_first(events.quick(parts.bank_use.click, self.use, ("voice", *CHANGED)))
        events.finish(events.work(parts.bank_export.click, self.export, ("bank_exported",)))
        asked = {parts.bank_api_path, parts.bank_api_consent}
        parts.bank_api_ask.click(
            self._listing, asked, [parts.bank_api_listing], api_name=LISTING_API, preprocess=False
        )

    # --- building and opening ------------------------------------------------------------------------

    def opened(self, event: PageEvent[SourceForm]) -> Updates:
        """Offer the voices that lie in the checkout now."""
        offered = list(banks.sources_offered(self._events.app.checkout))
        if not offered:  # what a person types before this answer comes would be lost
            return {self._parts.bank_source: gr.update()}
        value = event.asked.bank_source or None
        return {self._parts.bank_source: gr.update(choices=offered, value=value)}

    def open(self, event: PageEvent[SourceForm]) -> Updates:
        """Show a bank as it lies there."""
        asked = event.asked
        place = banks.place_of(asked.bank_source)
        with event.job() as job:
            session = banks.open_as_it_is(
                job.session, place, consent=asked.bank_consent, progress=job.progress
            )
            job.done(session)
        return self._opened(session, event.language)

    def build(self, event: PageEvent[BuildRequest]) -> Updates:
        """Listen to a voice's clips and show what they hold."""
        source = event.asked.source
        place = banks.place_of(source.bank_source)
        with event.job() as job:
            session = banks.build(
                job.session,
                place,
                event.asked.settings,
                self._events.app,
                transcribe=source.bank_transcribe,
                consent=source.bank_consent,
                stopped=job.stopped,
                progress=job.progress,
            )
            job.done(session)
        return self._opened(session, event.language)

    def _opened(self, session: Session, language: str) -> Updates:
        shown = session.shown
        if shown is None:
            raise PageError("bank_none_open")
        every = say("bank_all", language)
        return self._parts.updates(
            bank_status=banks.opened_html(shown.bank),
            bank_source=str(shown.place),
            bank_area=gr.update(visible=True),
            bank_coverage=banks.coverage_html(shown.bank),
            bank_lesson=banks.lesson_html(banks.lessons_of(session)),
            bank_shown=gr.update(choices=_emotions_shown(shown.bank, language), value=every),
            bank_choice="",
            **self._table(session, None, language),
        )

    # --- what it taught ------------------------------------------------------------------------------

    def forget(self, event: PageEvent[Sure]) -> Updates:
        """Forget what the voice taught heads, and let it teach none."""
        session = banks.forget_lesson(event.session, sure=event.asked.bank_sure)
        event.pages.keep(event.page_id, session)
        lesson = banks.lesson_html((), "bank_forgotten")
        return {
            **self._opened(session, event.language),
            **self._parts.updates(bank_lesson=lesson, bank_sure=False),
        }

    def learn(self, event: PageEvent[Consent]) -> Updates:
        """Let the voice teach heads again."""
        banks.allow_teaching(event.session, consent=event.asked.bank_consent)
        return self._parts.updates(bank_lesson=banks.lesson_html((), "bank_may_teach"))

    # --- its clips -----------------------------------------------------------------------------------

    def show_emotion(self, event: PageEvent[ShownEmotion]) -> Updates:
        """Show the clips of one emotion."""
        rows = self._table(event.session, event.asked.bank_shown, event.language)
        return self._parts.updates(**rows)

    def select(self, event: PageEvent[ShownEmotion]) -> Updates:
        """Let the clip of a row be listened to."""
        clips = _clips(event.session, event.asked.bank_shown)
        if not 0 <= event.row < len(clips):
            return {}
        clip = clips[event.row]
        audio = lent_clip(clip.path, event.folder)
        names = emotion_choices(event.language)
        name = display_name(emotion_of(clip), event.language) or next(iter(names))
        mark, path = quote(os.fsencode(clip.path)), html.escape(visible(str(clip.path)))
        return self._parts.updates(
            bank_clip_name=f'<p class="emo-note emo-aside"><code data-clip="{mark}">{path}</code><br>'
            f"{html.escape(visible(clip.text))}</p>",
            bank_player=gr.update(value=str(audio) if audio else None),
            bank_pin_emotion=gr.update(choices=list(names), value=name),
        )

    def pin(self, event: PageEvent[PinRequest]) -> Updates:
        """Take the selected clip for an emotion always."""
        clip = event.asked.bank_clip_name
        if clip is None:
            raise PageError("bank_no_clip")
        return self._pinned(event, clip)

    def unpin(self, event: PageEvent[PinRequest]) -> Updates:
        """Let the program choose for an emotion again."""
        return self._pinned(event, None)

    def _pinned(self, event: PageEvent[PinRequest], clip: Path | None) -> Updates:
        emotion, language = event.asked.bank_pin_emotion, event.language
        session = banks.pin(event.session, emotion, clip)
        event.pages.keep(event.page_id, session)
        name = display_name(canonical_label(emotion), language)
        key, fields = ("bank_unpinned", {"label": name})
        if clip is not None:
            key, fields = "bank_pinned", {"label": name, "clip": clip.name}
        said = f'<div class="emo-both">{note_of("good", both(key, **fields))}</div>'
        return self._parts.updates(
            bank_pin_note=said,
            bank_clips=self._table(session, event.asked.bank_shown, language)["bank_clips"],
            bank_coverage=banks.coverage_html(_shown_bank(session)),
            bank_choice="",  # what was tried was chosen without this pin
        )

    def _table(self, session: Session, label: str | None, language: str) -> dict[str, Any]:
        clips, bank = _clips(session, label), _shown_bank(session)
        rows, headers = banks.clip_rows(bank, clips, language), banks.clip_headers(language)
        more = len(clips) - banks.N_SHOWN
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

    def choose(self, event: PageEvent[ChoiceRequest]) -> Updates:
        """Show which clip would be taken, and why."""
        session = event.session
        choice = banks.choose_clip(session, event.asked.bank_wanted, event.asked.bank_text)
        return {self._parts.bank_choice: banks.choice_html(_shown_bank(session), choice)}

    def use(self, event: PageEvent[Nothing]) -> Updates:
        """Let this bank be the voice of the first page."""
        session = banks.use(event.session)
        changed = self._showing.changed(event.page_id, session, event.language)
        assert session.shown is not None
        return {**changed, self._parts.voice: str(session.shown.place)}

    def export(self, event: PageEvent[ExportRequest]) -> Updates:
        """Copy the bank for other programs."""
        asked = event.asked
        with event.job() as job:
            written = banks.export(
                job.session,
                asked.bank_to,
                layout=asked.bank_format,
                consent=asked.bank_consent,
                progress=job.progress,
            )
        said = note_of("good", both("bank_exported", path=written))
        left_out = left_out_note(_shown_bank(job.session))
        said += "" if left_out is None else note_of("aside", sentence(left_out))
        return {self._parts.bank_exported: f'<div class="emo-both">{said}</div>'}

    def relabel(self, event: PageEvent[ShownEmotion]) -> Updates:
        """Say the menus and the table in the page's language."""
        language, session = event.language, event.session
        names = list(emotion_choices(language))
        menus = {
            "bank_wanted": gr.update(choices=names, value=names[0]),
            "bank_pin_emotion": gr.update(choices=names, value=names[0]),
        }
        if session.shown is None:
            return self._parts.updates(**menus)
        label = event.asked.bank_shown
        every = say("bank_all", language)
        value = every if label is None else display_name(label, language)
        menu = _emotions_shown(session.shown.bank, language)
        return self._parts.updates(
            **menus,
            bank_shown=gr.update(choices=menu, value=value),
            **self._table(session, label, language),
        )

    def _listing(self, sent: dict[Any, Any]) -> dict[str, Any]:
        try:
            path, consent = (
                checked(one, sent[one])
                for one in (self._parts.bank_api_path, self._parts.bank_api_consent)
            )
        except EmotionError as error:
            return {"error": str(error)}
        return banks.listing_of(path, consent)


def _clips(session: Session, label: str | None) -> tuple[ReferenceClip, ...]:
    return banks.shown_clips(_shown_bank(session), label)


def _shown_bank(session: Session) -> ReferenceBank:
    """Return the bank that the page shows. Raises `PageError` where it shows none."""
    if session.shown is None:
        raise PageError("bank_none_open")
    return session.shown.bank


def _emotions_shown(bank: ReferenceBank, language: str) -> list[str]:
    """Return the menu of emotions: all of them, then those that the bank has."""
    present = sorted({emotion_of(clip) for clip in bank.clips} - {""})
    return [say("bank_all", language), *(display_name(label, language) for label in present)]
