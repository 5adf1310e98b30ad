"""What each event of saying it again and of saving does.

Methods take what those of `webui_tab.actions.Actions` take: the name of the page's language first, then the
values of the event's inputs, then what Gradio adds.
"""

from __future__ import annotations

import gradio as gr

from gpt_sovits_emotion.backends.base import Sampling
from webui_tab import correcting, saving, saying
from webui_tab.actions import Actions, code_of, page_id_of, shown_on
from webui_tab.incoming import one_of
from webui_tab.sessions import Speaking
from webui_tab.showing import Updates
from webui_tab.view import note

__all__ = ["AgainActions"]

_CARRIED = ("clip", "recording")
_PROGRESS = gr.Progress()


class AgainActions:
    """The events of saying it again.

    Args:
        page: Those of the page as a whole.
    """

    def __init__(self, page: Actions) -> None:
        self.parts = page.parts
        self._page = page

    def resynthesise(
        self,
        language_name: str,
        index: float | None,
        text: str | None,
        emotion: str | None,
        speed: float | None,
        temperature: float | None,
        top_p: float | None,
        top_k: float | None,
        seed: float | None,
        timbre: list[str],
        takes: float | None,
        carry: str | None,
        directions: bool,
        request: gr.Request,
        progress: gr.Progress = _PROGRESS,
    ) -> Updates:
        """Say every segment again, with what stands in the panel at this moment."""
        usual = Sampling()
        speaking = Speaking(
            Sampling(
                top_k=int(top_k or usual.top_k),
                top_p=top_p or usual.top_p,
                temperature=temperature or usual.temperature,
                speed=speed or usual.speed,
            ),
            int(seed or 0),
            tuple(timbre),
            takes=int(takes or 1),
            carry=one_of(self._page.choosing.meaning("carries", carry) or "clip", _CARRIED),
            directions=directions,
        )
        language = code_of(language_name)
        with self._page.pages.job(page_id_of(request), shown_on(progress, language)) as job:
            place = -1 if index is None else int(index)
            session = correcting.correct(job.session, place, text=text, label=emotion)
            job.done(
                saying.resynthesise(
                    session,
                    self._page.workshop,
                    job.folder,
                    speaking=speaking,
                    stopped=job.stopped,
                    progress=job.progress,
                )
            )
        return {self.parts.again_status: ""}

    def say_sample_again(
        self, language_name: str, request: gr.Request, progress: gr.Progress = _PROGRESS
    ) -> Updates:
        """Say the sample again as soon as it was analysed, so that a newcomer sees the whole."""
        language, page_id = code_of(language_name), page_id_of(request)
        if self._page.pages.session(page_id).choices:
            with self._page.pages.job(page_id, shown_on(progress, language)) as job:
                job.done(
                    saying.resynthesise(
                        job.session,
                        self._page.workshop,
                        job.folder,
                        stopped=job.stopped,
                        progress=job.progress,
                    )
                )
        return {self.parts.again_status: ""}

    def show_again(self, language_name: str, request: gr.Request) -> Updates:
        """Show the resynthesis and its check."""
        language, page_id = code_of(language_name), page_id_of(request)
        session = self._page.pages.session(page_id)
        return {
            **self._page.showing.table(session, language),
            **self._page.showing.panel(page_id, session, language),
            **self._page.showing.result(session, language),
            **self._page.showing.files(()),
            **self._page.rested(),
        }

    def make_files(
        self, language_name: str, request: gr.Request, progress: gr.Progress = _PROGRESS
    ) -> Updates:
        """Write the files to download into the page's folder."""
        language = code_of(language_name)
        with self._page.pages.job(page_id_of(request), shown_on(progress, language)) as job:
            saved = saving.make_files(
                job.session, job.folder, language=language, progress=job.progress
            )
        left_out = "".join(note("aside", sentence) for sentence in saved.left_out)
        return {self.parts.save_status: left_out, **self._page.showing.files(saved.files)}
