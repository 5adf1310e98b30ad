"""The last steps of the first page: say it again, and save."""

from __future__ import annotations

from dataclasses import dataclass, field

import gradio as gr

from webui_tab.components import Components, Updates
from webui_tab.events import PageEvent
from webui_tab.inputs import Nothing, read_by
from webui_tab.listen import analysis, resynthesis
from webui_tab.listen.segments_step import place_of
from webui_tab.listen.showing import AGAIN, Step
from webui_tab.markup import note
from webui_tab.settings import SpeakingSettings

__all__ = ["AgainStep", "build_again_step", "build_save_step"]


# --- layout ------------------------------------------------------------------------------------------


def build_again_step(parts: Components) -> None:
    """Make the components of saying it again in the context that is open now."""
    samples = parts.app.spoken_by is not None  # the embedded host does not
    parts.add_heading("heading_again", "step_again")
    with gr.Row():
        parts.add_work_button("resynthesise", value="text:resynthesise", variant="primary", scale=4)
        parts.add_stop_button("stop_again", scale=1)
    with gr.Row():
        parts.add_settings(SpeakingSettings, "takes")
        with gr.Column(visible=samples):
            parts.add_settings(SpeakingSettings, "carry")
    parts.add_settings(SpeakingSettings, "directions")
    with (
        gr.Column(visible=samples),
        parts.add("how", gr.Accordion, label="text:how_to_speak", open=False),
    ):
        with gr.Row():
            parts.add_settings(SpeakingSettings, "sampling")
        parts.add_settings(SpeakingSettings, "timbre")
    parts.add("again_status", gr.HTML, elem_classes=["emo-status"], elem_id="emo-again-status")
    with parts.hidden("result_area"):
        parts.add("result", gr.HTML, elem_id="emo-result")
        with gr.Row():
            with gr.Column(min_width=320):
                parts.add_player("before")
            with gr.Column(min_width=320):
                parts.add_player("after")
        parts.add("said_timeline", gr.HTML, elem_id="emo-said-timeline")


def build_save_step(parts: Components) -> None:
    """Make the components of saving in the context that is open now."""
    parts.add_heading("heading_save", "step_save", "files_hint")
    parts.add_work_button("make_files", value="text:make_files", elem_id="emo-make-files")
    parts.add("save_status", gr.HTML)
    parts.add(
        "files",
        gr.File,
        label="text:files",
        file_count="multiple",
        interactive=False,
        visible=False,
        elem_id="emo-files",
    )


# --- events ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SpeakingRequest:
    """How to say it again, and what stands in the panel at this moment."""

    index: int = field(metadata=read_by(place_of))
    text: str | None
    emotion: str | None
    settings: SpeakingSettings = field(default_factory=SpeakingSettings)


class AgainStep(Step):
    """The events of saying it again and of saving."""

    def connect(self) -> None:
        """Connect the steps' events."""
        parts, events = self._parts, self._events
        said = events.speak(parts.resynthesise.click, self.resynthesise, ("again_status",))
        events.finish(said, self.show_again, AGAIN)
        events.finish(
            events.work(parts.make_files.click, self.make_files, ("save_status", "files"))
        )

    def resynthesise(self, event: PageEvent[SpeakingRequest]) -> Updates:
        """Say every segment again, with what stands in the panel at this moment."""
        asked = event.asked
        with event.job() as job:
            session = analysis.correct(
                job.session, asked.index, text=asked.text, label=asked.emotion
            )
            job.done(
                resynthesis.resynthesise(
                    session,
                    self._events.app,
                    job.folder,
                    speaking=asked.settings,
                    stopped=job.stopped,
                    progress=job.progress,
                )
            )
        return {self._parts.again_status: ""}

    def say_sample_again(self, event: PageEvent[Nothing]) -> Updates:
        """Say the sample again as soon as it was analysed, so that a newcomer sees the whole."""
        if event.session.choices:
            with event.job() as job:
                job.done(
                    resynthesis.resynthesise(
                        job.session,
                        self._events.app,
                        job.folder,
                        stopped=job.stopped,
                        progress=job.progress,
                    )
                )
        return {self._parts.again_status: ""}

    def show_again(self, event: PageEvent[Nothing]) -> Updates:
        """Show the resynthesis and its check."""
        session, language = event.session, event.language
        return {
            **self._showing.table(session, language),
            **self._showing.panel(event.page_id, session, language),
            **self._showing.result(session, language),
            **self._showing.files(()),
        }

    def make_files(self, event: PageEvent[Nothing]) -> Updates:
        """Write the files to download into the page's folder."""
        with event.job() as job:
            saved = resynthesis.make_files(
                job.session, job.folder, language=event.language, progress=job.progress
            )
        left_out = "".join(note("aside", sentence) for sentence in saved.left_out)
        return {self._parts.save_status: left_out, **self._showing.files(saved.files)}
