"""The events of the training page: what each asks for and does, and how it is connected."""

from __future__ import annotations

import html
from dataclasses import dataclass

import gradio as gr

from gpt_sovits_emotion.core.labels import labels_of
from webui_tab.components import Updates
from webui_tab.controls import ANYBODY
from webui_tab.events import Events, PageEvent
from webui_tab.gradio_releases import private
from webui_tab.inputs import Nothing
from webui_tab.listen.recording_step import ChosenHead
from webui_tab.markup import both, note_of
from webui_tab.sessions import PageError, require
from webui_tab.training import requests
from webui_tab.training.form import CorporaForm, HeadForm, SpeakerForm
from webui_tab.training.job import Look, Trainer
from webui_tab.training.speakers import Lesson, Lessons, known_speakers
from webui_tab.training.view import card_html, corpora_html, lesson_html, live_html

__all__ = ["TrainingPage"]

LIVE = (
    "train_seen", "train_live", "train_start", "train_stop", "train_result", "train_use",
    "train_remove", "train_sure",
)  # fmt: skip
"""What shows where the training stands."""
SPEAKER = ("speaker_name", "speaker_status", "speaker")
"""What shows which speakers are known, and what was learned of the one that is named."""
_OPENED = ("train_encoder", *LIVE, "speaker_name", "speaker")

# The browser asks, because no version of gradio that the tab runs on lets the server tell without holding
# one of its 40 places for every page. It asks while somebody looks at the page: each second while a
# training is under way, now and then otherwise, so that one that another page began is seen too.
_TICKING = """() => {
  if (window.emoTicking) return [];
  window.emoTicking = true;
  let asked = 0;
  window.setInterval(() => {
    const button = document.querySelector("#emo-train-tick");
    if (!button || !button.offsetParent || document.hidden) return;
    const live = document.querySelector("#emo-train-live .emo-live");
    const pause = live && live.dataset.running === "1" ? 1000 : 4000;
    if (Date.now() - asked < pause) return;
    asked = Date.now();
    button.click();
  }, 250);
  return [];
}"""


# --- what events ask for -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OpenedTraining(ChosenHead):
    """What the page shows when it is turned to."""

    train_encoder: str | None


@dataclass(frozen=True, slots=True)
class SeenTraining:
    """Which look at the training the page shows."""

    train_seen: float | None


@dataclass(frozen=True, slots=True)
class Removal(ChosenHead):
    """Whether the line about deleting the trained head is ticked."""

    train_sure: bool


@dataclass(frozen=True, slots=True)
class NamedSpeaker(ChosenHead):
    """Whom it is about, and with which head."""

    speaker_name: str | None


@dataclass(frozen=True, slots=True)
class ForgottenSpeaker(NamedSpeaker):
    """Whether the line about deleting what was learned is ticked."""

    speaker_sure: bool


@dataclass(frozen=True, slots=True)
class ChosenSpeaker(ChosenHead):
    """What the menu of speakers on the first page shows."""

    speaker: str | None


# --- events ------------------------------------------------------------------------------------------


class TrainingPage:
    """The events of the training page.

    Args:
        events: Connects them.
        trainer: The server's one training.
    """

    def __init__(self, events: Events, trainer: Trainer) -> None:
        self.trainer = trainer
        self._events = events
        self._parts = events.parts
        self._app = events.app
        self._lessons = Lessons(events.app)

    def connect(self) -> None:
        """Connect every event of the page."""
        parts, events, blocks = self._parts, self._events, self._events.blocks
        events.quick(blocks.load, self.opened, _OPENED)
        events.quick(parts.page_train.select, self.opened, _OPENED)
        blocks.load(None, None, None, js=_TICKING, **private())
        # Not in the queue: it is asked often, and a page should not wait behind others for it.
        events.quick(parts.train_tick.click, self.tick, LIVE, queue=False)

        events.finish(events.work(parts.train_look.click, self.look, ("train_found",)))
        fetched = ("train_found", "train_corpora")
        events.finish(events.work(parts.train_fetch.click, self.fetch, fetched))

        begun = ("train_problem", *LIVE)
        events.quick(parts.train_start.click, self.start, begun, failing_into="train_problem")
        events.quick(parts.train_stop.click, self.stop, LIVE)
        used = events.quick(parts.train_use.click, self.use, ("head", "speaker_name", "speaker"))
        events.turn_to_first(used)
        events.quick(parts.train_remove.click, self.remove, (*LIVE, "head"))

        learned = ("speaker_status", *SPEAKER)
        events.finish(events.work(parts.speaker_learn.click, self.learn, learned))
        events.quick(
            parts.speaker_undo.click, self.undo_lesson, SPEAKER, failing_into="speaker_status"
        )
        forgotten = (*SPEAKER, "speaker_sure")
        events.quick(
            parts.speaker_forget.click, self.forget, forgotten, failing_into="speaker_status"
        )
        events.quick(parts.speaker_name.change, self.look_at_speaker, ("speaker_status",))
        events.quick(parts.head.change, self.other_head, ("speaker_name", "speaker"))

    # --- the page ------------------------------------------------------------------------------------

    def opened(self, event: PageEvent[OpenedTraining]) -> Updates:
        """Show what is being trained, and offer what is provided now."""
        offered = requests.encoders_of(self._app.backend, self._app.whisper_models)
        encoder = event.asked.train_encoder or offered[0]
        return {
            self._parts.train_encoder: gr.update(choices=list(offered), value=encoder),
            **self._live(self.trainer.look),
            **self._speakers(event.asked.head),
        }

    def tick(self, event: PageEvent[SeenTraining]) -> Updates:
        """Show where the training stands, if that is news to the page."""
        look = self.trainer.look
        return {} if look.version == event.asked.train_seen else self._live(look)

    # --- corpora -------------------------------------------------------------------------------------

    def look(self, event: PageEvent[CorporaForm]) -> Updates:
        """Show how the corpora are read."""
        asked = event.asked
        named = requests.named_corpora(asked.train_corpora)
        with event.job() as job:
            found = requests.find(
                named,
                labels_of(asked.train_labels),
                consent=asked.train_consent,
                progress=job.progress,
            )
        return {self._parts.train_found: corpora_html(found)}

    def fetch(self, event: PageEvent[CorporaForm]) -> Updates:
        """Fetch a free corpus, and name it among those to train on."""
        with event.job() as job:
            folder = requests.fetch(progress=job.progress)
        said = note_of("good", both("train_fetched", folder=folder))
        named = requests.add_line(event.asked.train_corpora, requests.FETCHED, folder)
        return self._parts.updates(
            train_found=f'<div class="emo-both">{said}</div>', train_corpora=named
        )

    # --- the training --------------------------------------------------------------------------------

    def start(self, event: PageEvent[HeadForm]) -> Updates:
        """Begin to train, if nobody else does."""
        self.trainer.start(requests.order_of(event.asked))
        return {self._parts.train_problem: "", **self._live(self.trainer.look)}

    def stop(self, _: PageEvent[Nothing]) -> Updates:
        """Ask the training to end with the best that it has."""
        self.trainer.stop()
        return self._live(self.trainer.look)

    def use(self, _: PageEvent[Nothing]) -> Updates:
        """Choose the trained head on the first page."""
        trained = self.trainer.look.trained
        if trained is None:
            raise PageError("train_nothing_to_remove")
        return {
            self._parts.head: gr.update(choices=self._heads(), value=trained.card.id),
            **self._speakers(trained.card.id),
        }

    def remove(self, event: PageEvent[Removal]) -> Updates:
        """Take the trained head out of the folder of heads."""
        trained, head = self.trainer.look.trained, event.asked.head
        if trained is None:
            raise PageError("train_nothing_to_remove")
        require(event.asked.train_sure, "sure_missing")
        requests.remove(trained, heads_dir=self.trainer.heads_dir)
        self.trainer.forget_result()
        heads = self._heads()
        chosen = head if head in heads or head != trained.card.id else next(iter(heads), None)
        gone = note_of("aside", both("train_removed", head=trained.card.id))
        return {
            **self._live(self.trainer.look),
            self._parts.train_result: f'<div class="emo-both">{gone}</div>',
            self._parts.head: gr.update(choices=heads, value=chosen),
        }

    def _heads(self) -> list[str]:
        return [entry.id for entry in self._app.heads()]

    def _live(self, look: Look) -> Updates:
        trained = look.trained
        result = ""
        if trained is not None:
            done = both("train_done", head=html.escape(trained.card.id))
            result = f'<div class="emo-both">{note_of("good", done)}</div>' + card_html(
                trained.card, trained.warnings
            )
        return self._parts.updates(
            train_seen=look.version,
            train_live=live_html(look),
            train_start=gr.update(interactive=not look.running),
            train_stop=gr.update(visible=look.running, interactive=not look.stopping),
            train_result=result,
            train_use=gr.update(visible=trained is not None),
            train_remove=gr.update(visible=trained is not None),
            train_sure=gr.update(visible=trained is not None, value=False),
        )

    # --- one speaker ---------------------------------------------------------------------------------

    def learn(self, event: PageEvent[SpeakerForm]) -> Updates:
        """Teach a speaker's profile what the first page has heard and a person has corrected."""
        asked = event.asked
        with event.job() as job:
            lesson = self._lessons.learn(
                job.session,
                asked.speaker_name,
                consent=asked.speaker_consent,
                progress=job.progress,
            )
            head = job.session.settings.head
        return self._taught(lesson, head)

    def undo_lesson(self, event: PageEvent[NamedSpeaker]) -> Updates:
        """Take the last corrections that were learned back."""
        head, speaker = event.asked.head, event.asked.speaker_name
        return self._taught(self._lessons.undo(head or "", speaker or ""), head)

    def forget(self, event: PageEvent[ForgottenSpeaker]) -> Updates:
        """Delete what was learned of a speaker."""
        head, speaker = event.asked.head, event.asked.speaker_name
        lesson = self._lessons.forget(head or "", speaker or "", sure=event.asked.speaker_sure)
        return {
            **self._speakers(head, chosen=ANYBODY),
            self._parts.speaker_name: gr.update(choices=list(known_speakers(head)), value=None),
            self._parts.speaker_status: lesson_html(lesson),
            self._parts.speaker_sure: False,
        }

    def look_at_speaker(self, event: PageEvent[NamedSpeaker]) -> Updates:
        """Show what is known of the speaker that is named; with nobody named, what was said last stays."""
        head, speaker = event.asked.head, event.asked.speaker_name
        if not speaker:
            return {self._parts.speaker_status: gr.update()}
        return {self._parts.speaker_status: lesson_html(self._lessons.look(head or "", speaker))}

    def other_head(self, event: PageEvent[ChosenSpeaker]) -> Updates:
        """Offer the speakers that another head was fitted to."""
        head, speaker = event.asked.head, event.asked.speaker
        known = known_speakers(head, learned=True)
        return self._speakers(head, chosen=speaker if speaker in known else ANYBODY)

    def _taught(self, lesson: Lesson, head: str | None) -> Updates:
        return {**self._speakers(head), self._parts.speaker_status: lesson_html(lesson)}

    def _speakers(self, head: str | None, *, chosen: str | None = None) -> Updates:
        offered = [ANYBODY, *known_speakers(head, learned=True)]
        value = {} if chosen is None else {"value": chosen}
        return {
            self._parts.speaker_name: gr.update(choices=list(known_speakers(head))),
            self._parts.speaker: gr.update(choices=offered, **value),
        }
