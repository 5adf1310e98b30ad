"""How events of the page are connected: what they ask for, what becomes of their errors, and their queues."""

from __future__ import annotations

import html
import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar, get_args, get_type_hints

import gradio as gr
from gradio.context import LocalContext

from gpt_sovits_emotion.core.errors import EmotionError
from gpt_sovits_emotion.core.progress import Progress, doing_in, no_progress
from gpt_sovits_emotion.core.registry import failed_plugin
from gpt_sovits_emotion.core.visible import visible
from webui_tab.app_context import AppContext
from webui_tab.components import Components, Updates
from webui_tab.gradio_releases import private
from webui_tab.inputs import Nothing, checked, read, row_of, sent_by, session_name, value_of
from webui_tab.markup import note
from webui_tab.pages import Job, Pages
from webui_tab.sessions import Session, Stopped
from webui_tab.texts import LANGUAGES, say, sentence_of

__all__ = ["WORK_QUEUE", "Events", "PageEvent"]

WORK_QUEUE = "emotion-work"
"""The queue (Gradio's ``concurrency_id``) of work that takes its time: one piece at a time."""

_LOG = logging.getLogger(__name__)

# Gradio 4.24 does not turn to a tab that the server selects.
_TURN_TO_FIRST = """() => {
  document.querySelector("#emo-page-listen-button").click();
  return [];
}"""

_IN_ORDER: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "emotion-segments"}
_PROGRESS = gr.Progress()

Adds = Literal["nothing", "selected", "progress"]
"""What Gradio tells of an event beside what was asked for."""
Asked = TypeVar("Asked")


@dataclass(frozen=True, slots=True, eq=False)
class PageEvent(Generic[Asked]):
    """One event of an open page, as an action takes it.

    Attributes:
        asked: What the page sent, read into the dataclass that the action asks for.
        language: Code of the page's language.
        request: Gradio's.
        pages: What each open page holds.
        selected: What was clicked in a table or a list; None where nothing can be.
        bar: Where work shows how far it is; None where nothing does.
    """

    asked: Asked
    language: str
    request: gr.Request
    pages: Pages
    selected: gr.SelectData | None = None
    bar: gr.Progress | None = None

    @property
    def page_id(self) -> str:
        """What tells this open page from others. Raises `PageError` where the request does not say."""
        return page_id_of(self.request)

    @property
    def session(self) -> Session:
        """What the page holds. Raises `PageError` where it was closed."""
        return self.pages.session(self.page_id)

    @property
    def folder(self) -> Path:
        """The page's private folder. Raises as `session`."""
        return self.pages.folder(self.page_id)

    @property
    def row(self) -> int:
        """The row of a table that was clicked; -1 where none was."""
        return row_of(self.selected)

    @property
    def value(self) -> str:
        """The text that was selected. Raises `PageError` where it is none."""
        return value_of(self.selected)

    def job(self) -> AbstractContextManager[Job]:
        """Begin work for the page, as a context. Raises `PageError` where another job is at work."""
        return self.pages.job(self.page_id, self._progress)

    @property
    def _progress(self) -> Progress:
        bar = self.bar
        if bar is None:
            return no_progress
        return lambda fraction, what: bar(fraction, desc=doing_in(self.language, what))


Action = Callable[[PageEvent[Any]], Updates | None]
"""What an event does; the type of its argument, `PageEvent`'s parameter, says what it asks for."""


class Events:
    """Connects events with what they do.

    Attributes:
        blocks: The app whose opening and closing is heeded.
        parts: The components.
        app: The engines, and what menus offer.
        pages: What each open page holds.
    """

    def __init__(
        self,
        blocks: gr.Blocks,
        parts: Components,
        app: AppContext,
        pages: Pages,
        speaking_queue: str = WORK_QUEUE,
    ) -> None:
        """Take what events work with.

        Args:
            blocks: See above.
            parts: See above.
            app: See above.
            pages: See above.
            speaking_queue: The queue in which work that makes the host speak waits its turn.
        """
        self.blocks = blocks
        self.parts = parts
        self.app = app
        self.pages = pages
        self._speaking_queue = speaking_queue

    def quick(
        self,
        trigger: Callable[..., Any],
        do: Action,
        outputs: tuple[str, ...] = (),
        *,
        failing_into: str | None = None,
        adds: Adds = "nothing",
        **options: Any,
    ) -> Any:
        """Connect an event whose action takes no time worth showing.

        Args:
            trigger: Gradio's, such as ``button.click``.
            do: What it does.
            outputs: Names of the components that it may update.
            failing_into: Name of the one in which an error stands.
            adds: What Gradio tells of the event beside what was asked for.
            **options: Further ones of Gradio's.
        """
        components = [self.parts.named[name] for name in dict.fromkeys(outputs)]
        failing = self.parts.named[failing_into] if failing_into else None
        names = ("page_language", *sent_by(_asked_by(do)))
        usual: dict[str, Any] = {
            # A set, so that what arrives is a dict: by component, never by place.
            "inputs": {self.parts.named[name] for name in names},
            "outputs": components,
            "show_progress": "hidden",
            "concurrency_limit": None,
            **private(),
            # Gradio would turn what was sent into what the component might have meant (`inputs`); a
            # recording it would decode into memory, and leave temporary files of its own.
            "preprocess": False,
        }
        act = _as_gradio_calls(self._act(do, names, components, failing), adds)
        return trigger(act, **{**usual, **options})

    def in_order(
        self, trigger: Callable[..., Any], do: Action, outputs: tuple[str, ...] = ()
    ) -> Any:
        """Connect a quick event that must not overtake another: typing and then stepping on are two."""
        return self.quick(trigger, do, outputs, **_IN_ORDER)

    def selected(
        self, trigger: Callable[..., Any], do: Action, outputs: tuple[str, ...] = ()
    ) -> Any:
        """Connect the selecting of a row or an entry, in its order too."""
        return self.quick(trigger, do, outputs, adds="selected", **_IN_ORDER)

    def work(
        self,
        trigger: Callable[..., Any],
        do: Action,
        outputs: tuple[str, ...],
        *,
        queue: str = WORK_QUEUE,
    ) -> Any:
        """Connect work that takes its time: buttons rest, and progress shows in the first output."""
        begun = self.quick(trigger, self._begin, self._buttons)
        return self.quick(
            begun.then,
            do,
            outputs,
            failing_into=outputs[0],
            adds="progress",
            show_progress="full",
            concurrency_limit=1,
            concurrency_id=queue,
        )

    def speak(self, trigger: Callable[..., Any], do: Action, outputs: tuple[str, ...]) -> Any:
        """Connect work that makes the host speak: it waits its turn among the host's own."""
        return self.work(trigger, do, outputs, queue=self._speaking_queue)

    def finish(self, worked: Any, show: Action | None = None, outputs: tuple[str, ...] = ()) -> Any:
        """Show what came of work, and let the buttons work again, whether it went well or not."""

        def act(event: PageEvent[Nothing]) -> Updates:
            shown = (show(event) or {}) if show is not None else {}
            return {**shown, **self._rested()}

        return self.quick(worked.then, act, (*outputs, *self._buttons))

    def turn_to_first(self, done: Any) -> None:
        """Turn to the tab's first page after an event."""
        done.then(None, None, None, js=_TURN_TO_FIRST, **private())

    def stop_by(self, names: list[str]) -> None:
        """Let buttons ask what is at work on their page to stop."""
        for name in names:
            self.quick(self.parts.named[name].click, self._stop)

    def closed(self, request: gr.Request) -> None:
        """Forget all that a page held, which was closed."""
        self.pages.forget(page_id_of(request))

    # --- inside --------------------------------------------------------------------------------------

    @property
    def _buttons(self) -> tuple[str, ...]:
        return (*self.parts.resting, *self.parts.stops)

    def _begin(self, _: PageEvent[Nothing]) -> Updates:
        """Let the buttons rest while something is at work, and offer to stop it."""
        resting = {name: gr.update(interactive=False) for name in self.parts.resting}
        stops = {name: gr.update(visible=True) for name in self.parts.stops}
        return self.parts.updates(**resting, **stops)

    def _rested(self) -> Updates:
        """Let the buttons work again, and take those for stopping away."""
        working = {name: gr.update(interactive=True) for name in self.parts.resting}
        stops = {name: gr.update(visible=False) for name in self.parts.stops}
        return self.parts.updates(**working, **stops)

    def _stop(self, event: PageEvent[Nothing]) -> None:
        """Ask what is at work to stop."""
        self.pages.stop(event.page_id)

    def _act(
        self, do: Action, names: tuple[str, ...], outputs: list[Any], failing: Any
    ) -> Callable[..., Updates | None]:
        """Return an action that takes only what its inputs can send, and says its errors in one sentence.

        The sentence stands in `failing` too; nothing else is changed.

        Nothing is raised on to Gradio: it would print a traceback and stamp every output as an error.
        """
        inputs, asked = {name: self.parts.named[name] for name in names}, _asked_by(do)

        def act(sent: Mapping[Any, Any], request: gr.Request, **added: Any) -> Updates | None:
            language = _code_of(sent[inputs["page_language"]])
            try:
                values = {name: checked(one, sent[one]) for name, one in inputs.items()}
                form: Any = read(asked, values, self.app)
                updates = do(PageEvent(form, language, request, self.pages, **added)) or {}
            except Stopped:
                updates = {failing: note("aside", say("stopped", language))} if failing else {}
            except Exception as error:
                if isinstance(error, EmotionError):
                    sentence = sentence_of(error, language)
                else:
                    _LOG.exception("an action of the page failed")
                    failed = failed_plugin(error)
                    sentence = (
                        say("unexpected", language, kind=type(error).__name__)
                        if failed is None
                        else sentence_of(failed, language)
                    )
                gr.Warning(html.escape(visible(sentence)))
                updates = {failing: note("bad", sentence)} if failing else {}
            if not outputs:
                return None
            return updates or {outputs[0]: gr.update()}

        return act


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


def _asked_by(do: Action) -> type:
    """Return the dataclass that an action asks for: the parameter of its argument's type."""
    hints = get_type_hints(do)
    (event, *_) = (kind for name, kind in hints.items() if name != "return")
    asked: type = next(iter(get_args(event)), Nothing)
    return asked


def _as_gradio_calls(act: Callable[..., Updates | None], adds: Adds) -> Callable[..., Any]:
    """Return an action with the signature by which Gradio knows what to add to what was sent."""

    def plain(sent: dict[Any, Any], request: gr.Request) -> Updates | None:
        return act(sent, request)

    def with_selected(
        sent: dict[Any, Any], selected: gr.SelectData, request: gr.Request
    ) -> Updates | None:
        return act(sent, request, selected=selected)

    def with_progress(
        sent: dict[Any, Any], request: gr.Request, bar: gr.Progress = _PROGRESS
    ) -> Updates | None:
        return act(sent, request, bar=bar)

    called: dict[Adds, Callable[..., Any]] = {
        "nothing": plain,
        "selected": with_selected,
        "progress": with_progress,
    }
    return called[adds]


def _code_of(language_name: object) -> str:
    """Return the code of a page language that is given by its own name."""
    return next((code for code, name in LANGUAGES.items() if name == language_name), "en")
