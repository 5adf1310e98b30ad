"""Where a training stands, as those who wait for it are told."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.heads.card import MODES
from gpt_sovits_emotion.training.fit import FitMoment
from gpt_sovits_emotion.training.ways import Way

__all__ = ["Moment", "Telling", "Watch"]

Stage = Literal["features", "measuring", "fitting", "calibrating", "writing"]
"""What a training does, in this order."""

# Where each stage begins and ends, as shares of the whole. Features take the longest the first time, and no
# time when they are cached: this only places the bar, the time left is reckoned within a stage.
_SPANS: Mapping[Stage, tuple[float, float]] = {
    "features": (0.0, 0.4),
    "measuring": (0.4, 0.9),
    "fitting": (0.9, 0.94),
    "calibrating": (0.94, 0.98),
    "writing": (0.98, 1.0),
}


@dataclass(frozen=True, slots=True)
class Moment:
    """Where a training stands.

    Attributes:
        stage: What is being done.
        fraction: Of the whole training, 0 to 1.
        doing: The same in words.
        loss: Mean loss of the last pass over the training rows, None outside fitting.
        held_out_uar: Unweighted average recall on the speakers that were held out so far, None before the
            first.
        epoch: Number of passes done of this network, None outside fitting.
        seconds_left: Of this stage, from how long it took so far; None at its beginning.
    """

    stage: Stage
    fraction: float
    doing: Sentence
    loss: float | None = None
    held_out_uar: float | None = None
    epoch: int | None = None
    seconds_left: float | None = None


Watch = Callable[[Moment], None]
"""Told where the training stands; called as often as anything changes."""


class Telling:
    """Turns what each stage reports into moments."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._held_out_uar: float | None = None
        self._stage = ""
        self._began_s = time.monotonic()

    def at(
        self,
        stage: Stage,
        share_done: float,
        doing: Sentence,
        *,
        loss: float | None = None,
        epoch: int | None = None,
    ) -> None:
        """Tell of one moment; `share_done` is how much of the stage is done, 0 to 1."""
        if stage != self._stage:
            self._stage, self._began_s = stage, time.monotonic()
        took_s = time.monotonic() - self._began_s
        seconds_left = None
        if share_done > 0 and took_s > 1.0:
            seconds_left = took_s * (1.0 - share_done) / share_done
        start, end = _SPANS[stage]
        fraction = start + (end - start) * min(share_done, 1.0)
        self._watch(Moment(stage, fraction, doing, loss, self._held_out_uar, epoch, seconds_left))

    def held_out(self, uar: float) -> None:
        """Remember how the speakers held out so far were heard."""
        self._held_out_uar = uar

    def fitting(self, way: Way) -> Callable[[FitMoment], None]:
        """Return what tells of the last fit."""
        n_passes = 0
        n_modes = 1 if way.networks[0].recipe.heard else len(MODES)

        def watch(moment: FitMoment) -> None:
            nonlocal n_passes
            total = len(way.networks) * n_modes * moment.n_members * moment.n_epochs
            n_passes += 1 + moment.last - moment.first
            which_en, which_zh = f"network {moment.first}", f"{moment.first}"
            if moment.last > moment.first:
                which_en = f"networks {moment.first} to {moment.last}"
                which_zh = f"{moment.first}–{moment.last}"
            self.at(
                "fitting",
                n_passes / total,
                Sentence(
                    f"fitting {which_en} of {moment.n_members} ({moment.mode})",
                    f"训练第 {which_zh} 个网络，共 {moment.n_members} 个（{moment.mode}）",
                ),
                loss=moment.loss,
                epoch=moment.epoch,
            )

        return watch
