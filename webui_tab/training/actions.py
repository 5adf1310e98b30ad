"""What each event of the training page does: ask the server's training, or teach a speaker, and show it.

Methods take what those of `webui_tab.actions.Actions` take: the name of the page's language first, then the
values of the event's inputs, then what Gradio adds.
"""

from __future__ import annotations

import html
from typing import Any

import gradio as gr

from gpt_sovits_emotion.core.labels import labels_of
from webui_tab.actions import Actions, code_of, page_id_of, shown_on
from webui_tab.consent import require
from webui_tab.sessions import PageError
from webui_tab.showing import Updates
from webui_tab.training import asking, installed
from webui_tab.training.card import card_html
from webui_tab.training.job import Look, Trainer
from webui_tab.training.layout import ANYBODY
from webui_tab.training.speakers import Lesson, Lessons, known_speakers
from webui_tab.training.view import corpora_html, lesson_html, live_html
from webui_tab.training.words import both, note_of

__all__ = ["LIVE", "SPEAKER", "TrainingActions"]

LIVE = (
    "train_seen", "train_live", "train_start", "train_stop", "train_result", "train_use",
    "train_remove", "train_sure",
)  # fmt: skip
"""What shows where the training stands."""
SPEAKER = ("speaker_name", "speaker_status", "speaker")
"""What shows which speakers are known, and what was learned of the one that is named."""

_PROGRESS = gr.Progress()


class TrainingActions:
    """The events of the training page.

    Args:
        page: Those of the tab's first page, with the components and the sessions of both.
        trainer: The server's one training.
    """

    def __init__(self, page: Actions, trainer: Trainer) -> None:
        self.parts = page.parts
        self.trainer = trainer
        self._page = page
        self._pages = page.pages
        self._workshop = page.workshop
        self._lessons = Lessons(page.workshop)

    # --- the page ------------------------------------------------------------------------------------

    def opened(self, _: str, encoder: str | None, head: str | None) -> Updates:
        """Show what is being trained, and offer what is lent now."""
        offered = asking.encoders_of(self._workshop.backend, self._workshop.whisper_models)
        return {
            self.parts.train_encoder: gr.update(choices=list(offered), value=encoder or offered[0]),
            **self._live(self.trainer.look),
            **self._speakers(head),
        }

    def tick(self, _: str, seen: float | None) -> Updates:
        """Show where the training stands, if that is news to the page."""
        look = self.trainer.look
        return {} if look.version == seen else self._live(look)

    # --- corpora -------------------------------------------------------------------------------------

    def look(
        self,
        language_name: str,
        corpora: str | None,
        labels: str | None,
        consent: bool,
        request: gr.Request,
        progress: gr.Progress = _PROGRESS,
    ) -> Updates:
        """Show how the corpora are read."""
        named = asking.named_corpora(corpora or "")
        with self._pages.job(
            page_id_of(request), shown_on(progress, code_of(language_name))
        ) as job:
            found = asking.find(
                named, labels_of(labels or ""), consent=consent, progress=job.progress
            )
        return {self.parts.train_found: corpora_html(found)}

    def fetch(
        self,
        language_name: str,
        corpora: str | None,
        request: gr.Request,
        progress: gr.Progress = _PROGRESS,
    ) -> Updates:
        """Fetch a free corpus, and name it among those to train on."""
        with self._pages.job(
            page_id_of(request), shown_on(progress, code_of(language_name))
        ) as job:
            folder = asking.fetch(progress=job.progress)
        said = note_of("good", both("train_fetched", folder=folder))
        return {
            self.parts.train_found: f'<div class="emo-both">{said}</div>',
            self.parts.train_corpora: asking.add_line(corpora or "", asking.FETCHED, folder),
        }

    # --- the training --------------------------------------------------------------------------------

    def start(
        self,
        _: str,
        corpora: str | None,
        encoder: str | None,
        head_id: str | None,
        labels: str | None,
        replace_head: bool,
        consent: bool,
    ) -> Updates:
        """Begin to train, if nobody else does."""
        self.trainer.start(
            asking.order_of(
                corpora=corpora or "",
                encoder=encoder or "",
                head_id=head_id or "",
                labels=labels or "",
                replace_head=replace_head,
                consent=consent,
            )
        )
        return {self.parts.train_problem: "", **self._live(self.trainer.look)}

    def stop(self, _: str) -> Updates:
        """Ask the training to end with the best that it has."""
        self.trainer.stop()
        return self._live(self.trainer.look)

    def use(self, _: str) -> Updates:
        """Choose the trained head on the first page."""
        trained = self.trainer.look.trained
        if trained is None:
            raise PageError("train_nothing_to_remove")
        heads = list(self._page.choosing.heads())
        return {
            self.parts.head: gr.update(choices=heads, value=trained.card.id),
            **self._speakers(trained.card.id),
        }

    def remove(self, _: str, head: str | None, sure: bool) -> Updates:
        """Take the trained head out of the folder of heads."""
        trained = self.trainer.look.trained
        if trained is None:
            raise PageError("train_nothing_to_remove")
        require(sure, "sure_missing")
        installed.remove(trained, heads_dir=self.trainer.heads_dir)
        self.trainer.forget_result()
        heads = list(self._page.choosing.heads())
        chosen = head if head in heads or head != trained.card.id else next(iter(heads), None)
        gone = note_of("aside", both("train_removed", head=trained.card.id))
        return {
            **self._live(self.trainer.look),
            self.parts.train_result: f'<div class="emo-both">{gone}</div>',
            self.parts.head: gr.update(choices=heads, value=chosen),
        }

    def _live(self, look: Look) -> Updates:
        trained = look.trained
        result = ""
        if trained is not None:
            done = both("train_done", head=html.escape(trained.card.id))
            result = f'<div class="emo-both">{note_of("good", done)}</div>' + card_html(
                trained.card, trained.warnings
            )
        return self._named(
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

    def learn(
        self,
        language_name: str,
        speaker: str | None,
        consent: bool,
        request: gr.Request,
        progress: gr.Progress = _PROGRESS,
    ) -> Updates:
        """Teach a speaker's profile what the first page has heard and a person has corrected."""
        with self._pages.job(
            page_id_of(request), shown_on(progress, code_of(language_name))
        ) as job:
            lesson = self._lessons.learn(
                job.session, speaker or "", consent=consent, progress=job.progress
            )
            head = job.session.settings.head
        return self._taught(lesson, head)

    def undo_lesson(self, _: str, speaker: str | None, head: str | None) -> Updates:
        """Take the last corrections that were learned back."""
        return self._taught(self._lessons.undo(head or "", speaker or ""), head)

    def forget(self, _: str, speaker: str | None, head: str | None, sure: bool) -> Updates:
        """Delete what was learned of a speaker."""
        lesson = self._lessons.forget(head or "", speaker or "", sure=sure)
        return {
            **self._speakers(head, chosen=ANYBODY),
            self.parts.speaker_name: gr.update(choices=list(known_speakers(head)), value=None),
            self.parts.speaker_status: lesson_html(lesson),
            self.parts.speaker_sure: False,
        }

    def look_at_speaker(self, _: str, speaker: str | None, head: str | None) -> Updates:
        """Show what is known of the speaker that is named; with nobody named, what was said last stays."""
        if not speaker:
            return {self.parts.speaker_status: gr.update()}
        return {self.parts.speaker_status: lesson_html(self._lessons.look(head or "", speaker))}

    def other_head(self, _: str, head: str | None, speaker: str | None) -> Updates:
        """Offer the speakers that another head was fitted to."""
        known = known_speakers(head, learned=True)
        return self._speakers(head, chosen=speaker if speaker in known else ANYBODY)

    def _taught(self, lesson: Lesson, head: str | None) -> Updates:
        return {**self._speakers(head), self.parts.speaker_status: lesson_html(lesson)}

    def _speakers(self, head: str | None, *, chosen: str | None = None) -> Updates:
        offered = [ANYBODY, *known_speakers(head, learned=True)]
        value = {} if chosen is None else {"value": chosen}
        return {
            self.parts.speaker_name: gr.update(choices=list(known_speakers(head))),
            self.parts.speaker: gr.update(choices=offered, **value),
        }

    def _named(self, **updates: Any) -> Updates:
        return {self.parts.named[name]: update for name, update in updates.items()}
