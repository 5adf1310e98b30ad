"""Which event of the page sets off which action, and what becomes of its errors."""

from __future__ import annotations

import functools
import html
import logging
from collections.abc import Callable
from typing import Any

import gradio as gr

from gpt_sovits_emotion.core.errors import EmotionError
from gpt_sovits_emotion.core.registry import failed_plugin
from gpt_sovits_emotion.core.visible import visible
from webui_tab.actions import RESTING, STOPS, Actions, code_of
from webui_tab.again_actions import AgainActions
from webui_tab.gradio_releases import private
from webui_tab.handlers import sentence_of
from webui_tab.heads_menu import WATCH_SCRIPT
from webui_tab.incoming import checked
from webui_tab.segment_actions import SegmentActions
from webui_tab.sessions import Stopped
from webui_tab.showing import (
    AGAIN,
    CHANGED,
    FILES,
    HEARD,
    PANEL,
    RESULT,
    SETTINGS,
    SPEAKING,
    TAKEN,
    WORDS,
    Updates,
)
from webui_tab.texts import say
from webui_tab.view import note

__all__ = ["WORK_QUEUE", "Wire", "connect"]

WORK_QUEUE = "emotion-work"
"""The queue (Gradio's ``concurrency_id``) of work that takes its time: one piece at a time."""

_LOG = logging.getLogger(__name__)

# Gradio 4.24 does not turn to a tab that the server selects.
_TURN_TO_FIRST = """() => {
  document.querySelector("#emo-page-listen-button").click();
  return [];
}"""

_OPTIONS = (
    "whisper",
    "spoken_language",
    "head",
    "speaker_statistics",
    "smoothing",
    "speaker",
    "same_voice",
    "initial_prompt",
    "hotwords",
    "encoding",
)


def connect(actions: Actions, blocks: gr.Blocks, *, speaking_queue: str = WORK_QUEUE) -> Wire:
    """Connect every event of the tab's first page, and of the tab as a whole.

    Args:
        actions: What the events do.
        blocks: The app whose opening and closing is heeded.
        speaking_queue: The queue in which saying it again waits its turn.

    Returns:
        What connects events, for the other page.
    """
    wire = Wire(actions, speaking_queue)
    wire.quick(blocks.load, actions.opened, SETTINGS, ("page_language", "heads_note", *SETTINGS))
    _connect_heads(wire, actions, blocks)
    if hasattr(blocks, "unload"):
        blocks.unload(actions.closed)
    wire.quick(
        actions.parts.page_language.change,
        actions.switch_language,
        SETTINGS,
        (*actions.parts.speaking, *SETTINGS, *TAKEN, *WORDS, *PANEL),
    )
    again = AgainActions(actions)
    _connect_recording(wire, actions, again)
    _connect_segments(wire, SegmentActions(actions))
    _connect_again(wire, actions, again)
    return wire


def _connect_heads(wire: Wire, actions: Actions, blocks: gr.Blocks) -> None:
    parts = actions.parts
    # Neither is queued: the first is asked every second, and the menu should not wait behind work.
    wire.quick(
        parts.heads_mark.input,
        actions.mark_of_heads,
        (),
        ("heads_mark",),
        queue=False,
    )
    for event in (parts.heads_ask.click, parts.head.input, parts.page_language.change):
        wire.quick(
            event,
            actions.look_at_heads,
            ("head",),
            ("head", "heads_note"),
            queue=False,
            trigger_mode="multiple",
        )
    blocks.load(None, None, None, js=WATCH_SCRIPT, **private())


def _connect_recording(wire: Wire, actions: Actions, again: AgainActions) -> None:
    parts = actions.parts
    fresh = ("status", *TAKEN, *HEARD, *RESULT, *FILES)
    wire.quick(parts.recording.change, actions.take_recording, ("recording",), fresh)
    wire.quick(parts.video.upload, actions.take_video, ("video",), ("recording", *fresh))
    wire.quick(parts.words.upload, actions.take_words, ("words",), TAKEN)
    wire.quick(parts.words_drop.click, actions.drop_words, (), TAKEN)
    for name in STOPS:
        wire.quick(parts.named[name].click, actions.stop)

    inputs = ("consent", "voice", *_OPTIONS)
    heard = (*HEARD, *PANEL, *RESULT, *FILES)
    analysed = wire.work(parts.analyse.click, actions.analyse, inputs, ("status",))
    wire.finish(analysed, actions.show_heard, heard)

    loaded = wire.quick(
        parts.sample.click, actions.take_sample, ("head",), ("recording", "head", *SETTINGS, *fresh)
    )
    analysed = wire.work(loaded.then, actions.analyse, inputs, ("status",))
    shown = wire.finish(analysed, actions.show_heard, heard)
    said = wire.speak(shown.then, again.say_sample_again, (), ("again_status",))
    wire.finish(said, again.show_again, AGAIN)
    voiced = ("voice", "consent")
    for event, do in (
        (parts.voice.input, actions.choose_voice),
        (parts.consent.input, actions.give_consent),
    ):
        wire.in_order(event, do, voiced, ("voice", *CHANGED))


def _connect_again(wire: Wire, actions: Actions, again: AgainActions) -> None:
    said = wire.speak(
        actions.parts.resynthesise.click,
        again.resynthesise,
        ("index", "text", "emotion", *SPEAKING),
        ("again_status",),
    )
    wire.finish(said, again.show_again, AGAIN)
    saved = wire.work(
        actions.parts.make_files.click, again.make_files, (), ("save_status", "files")
    )
    wire.finish(saved, actions.show_saved, ())


def _connect_segments(wire: Wire, actions: SegmentActions) -> None:
    parts = actions.parts
    wire.in_order(parts.table.select, actions.select, (), PANEL)
    wire.in_order(parts.table.input, actions.edit_table, ("table",), CHANGED)
    wire.in_order(parts.earlier.click, actions.earlier, (), PANEL)
    wire.in_order(parts.later.click, actions.later, (), PANEL)
    for event in (parts.text.blur, parts.text.submit):
        wire.in_order(event, actions.correct_text, ("index", "text"), CHANGED)
    wire.in_order(parts.emotion.input, actions.correct_emotion, ("index", "emotion"), CHANGED)
    wire.in_order(parts.undo.click, actions.undo, ("index",), CHANGED)
    # Not `input`: a radio group tells of what the program put there too.
    wire.in_order(parts.candidates.select, actions.pin_candidate, ("index",), CHANGED)
    wire.in_order(parts.other_clip.input, actions.pin_other, ("index", "other_clip"), CHANGED)


class Wire:
    """Connects events by the names of their inputs and outputs."""

    def __init__(self, actions: Actions, speaking_queue: str) -> None:
        self._actions = actions
        self._parts = actions.parts
        self._speaking_queue = speaking_queue

    def quick(
        self,
        event: Callable[..., Any],
        do: Callable[..., Updates | None],
        inputs: tuple[str, ...] = (),
        outputs: tuple[str, ...] = (),
        *,
        failing_into: str | None = None,
        **options: Any,
    ) -> Any:
        """Connect an event whose action takes no time worth showing."""
        components = [self._parts.named[name] for name in dict.fromkeys(outputs)]
        failing = self._parts.named[failing_into] if failing_into else None
        given = [self._parts.named[name] for name in ("page_language", *inputs)]
        usual: dict[str, Any] = {
            "inputs": given,
            "outputs": components,
            "show_progress": "hidden",
            "concurrency_limit": None,
            **private(),
            # Gradio would turn what was sent into what the component might have meant (`incoming`); a
            # recording it would decode into memory, and leave temporary files of its own.
            "preprocess": False,
        }
        act = _in_one_sentence(do, given, components, failing)
        return event(act, **{**usual, **options})

    def in_order(
        self,
        event: Callable[..., Any],
        do: Callable[..., Updates | None],
        inputs: tuple[str, ...] = (),
        outputs: tuple[str, ...] = (),
    ) -> Any:
        """Connect a quick event that must not overtake another: typing and then stepping on are two."""
        return self.quick(
            event, do, inputs, outputs, concurrency_limit=1, concurrency_id="emotion-segments"
        )

    def work(
        self,
        event: Callable[..., Any],
        do: Callable[..., Updates],
        inputs: tuple[str, ...],
        outputs: tuple[str, ...],
        *,
        queue: str = WORK_QUEUE,
    ) -> Any:
        """Connect work that takes its time: buttons rest, and progress shows in the first output."""
        begun = self.quick(event, self._actions.begin, (), (*RESTING, *STOPS))
        return self.quick(
            begun.then,
            do,
            inputs,
            outputs,
            failing_into=outputs[0],
            show_progress="full",
            concurrency_limit=1,
            concurrency_id=queue,
        )

    def speak(
        self,
        event: Callable[..., Any],
        do: Callable[..., Updates],
        inputs: tuple[str, ...],
        outputs: tuple[str, ...],
    ) -> Any:
        """Connect work that makes the host speak: it waits its turn among the host's own."""
        return self.work(event, do, inputs, outputs, queue=self._speaking_queue)

    def finish(self, worked: Any, show: Callable[..., Updates], outputs: tuple[str, ...]) -> Any:
        """Show what came of work, and let the buttons work again, whether it went well or not."""
        return self.quick(worked.then, show, (), (*outputs, *RESTING, *STOPS))

    def turn_to_first(self, done: Any) -> None:
        """Turn to the tab's first page after an event."""
        done.then(None, None, None, js=_TURN_TO_FIRST, **private())


def _in_one_sentence(
    do: Callable[..., Updates | None], inputs: list[Any], outputs: list[Any], failing: Any
) -> Callable[..., Updates | None]:
    """Return an action that takes only what its inputs can send, and says its errors in one sentence.

    The sentence stands in `failing` too; nothing else is changed.

    Nothing is raised on to Gradio: it would print a traceback and stamp every output as an error.
    """

    @functools.wraps(do)
    def act(*arguments: Any) -> Updates | None:
        sent, added = arguments[: len(inputs)], arguments[len(inputs) :]
        language = code_of(sent[0] if isinstance(sent[0], str) else None)
        try:
            updates = do(*checked(inputs, sent), *added) or {}
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
