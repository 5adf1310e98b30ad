"""Which event of the training page sets off which action."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gradio as gr

from webui_tab.gradio_releases import private
from webui_tab.training.actions import LIVE, SPEAKER, TrainingActions

if TYPE_CHECKING:
    from webui_tab.actions import Actions
    from webui_tab.wiring import Wire

__all__ = ["connect_training"]

_CORPORA = ("train_corpora", "train_labels", "train_consent")
_ORDER = (
    "train_corpora", "train_encoder", "train_name", "train_labels", "train_replace", "train_consent",
)  # fmt: skip
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


def connect_training(
    wire: Wire, training: TrainingActions, page: Actions, blocks: gr.Blocks
) -> None:
    """Connect every event of the training page.

    Args:
        wire: From `webui_tab.wiring.connect`.
        training: What the events do.
        page: What lets the tab's buttons work again.
        blocks: The app whose opening is heeded.
    """
    parts = training.parts
    wire.quick(blocks.load, training.opened, ("train_encoder", "head"), _OPENED)
    wire.quick(parts.page_train.select, training.opened, ("train_encoder", "head"), _OPENED)
    blocks.load(None, None, None, js=_TICKING, **private())
    # Not in the queue: it is asked often, and a page should not wait behind others for it.
    wire.quick(parts.train_tick.click, training.tick, ("train_seen",), LIVE, queue=False)

    looked = wire.work(parts.train_look.click, training.look, _CORPORA, ("train_found",))
    wire.finish(looked, page.show_saved, ())
    fetched = wire.work(
        parts.train_fetch.click,
        training.fetch,
        ("train_corpora",),
        ("train_found", "train_corpora"),
    )
    wire.finish(fetched, page.show_saved, ())
    wire.quick(parts.stop_page.click, page.stop)

    begun = ("train_problem", *LIVE)
    wire.quick(parts.train_start.click, training.start, _ORDER, begun, failing_into="train_problem")
    wire.quick(parts.train_stop.click, training.stop, (), LIVE)
    used = wire.quick(parts.train_use.click, training.use, (), ("head", "speaker_name", "speaker"))
    wire.turn_to_first(used)
    wire.quick(parts.train_remove.click, training.remove, ("head", "train_sure"), (*LIVE, "head"))

    learned = wire.work(
        parts.speaker_learn.click,
        training.learn,
        ("speaker_name", "speaker_consent"),
        ("speaker_status", *SPEAKER),
    )
    wire.finish(learned, page.show_saved, ())
    asked = ("speaker_name", "head")
    failing = {"failing_into": "speaker_status"}
    wire.quick(parts.speaker_undo.click, training.undo_lesson, asked, SPEAKER, **failing)
    wire.quick(
        parts.speaker_forget.click,
        training.forget,
        (*asked, "speaker_sure"),
        (*SPEAKER, "speaker_sure"),
        **failing,
    )
    wire.quick(parts.speaker_name.change, training.look_at_speaker, asked, ("speaker_status",))
    wire.quick(
        parts.head.change, training.other_head, ("head", "speaker"), ("speaker_name", "speaker")
    )
