"""The figures of a training as they came, kept few enough to be drawn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gpt_sovits_emotion.training.train import ProgressEvent

__all__ = ["History"]

_MOST_GROUPS = 24
_MOST_RECALLS = 200


@dataclass(frozen=True, slots=True)
class History:
    """What a training said of itself so far.

    Attributes:
        losses: For each group of networks that were fitted side by side, oldest first, their loss after each
            pass: pairs of the number of passes and the loss. The last 24 groups.
        recalls: Unweighted average recall on the speakers held out so far, each time it changed.
    """

    losses: tuple[tuple[tuple[int, float], ...], ...] = ()
    recalls: tuple[float, ...] = ()

    def and_then(self, moment: ProgressEvent) -> History:
        """Return the history with one moment more."""
        history = self
        if moment.held_out_uar is not None and moment.held_out_uar not in self.recalls[-1:]:
            recalls = (*self.recalls, moment.held_out_uar)
            history = replace(history, recalls=_thinned(recalls))
        if moment.loss is not None:
            epoch = moment.epoch or 0
            *earlier, current = self.losses or ((),)
            if current and epoch <= current[-1][0]:
                earlier, current = [*earlier, current], ()
            groups = (*earlier, (*current, (epoch, moment.loss)))
            history = replace(history, losses=groups[-_MOST_GROUPS:])
        return history


def _thinned(recalls: tuple[float, ...]) -> tuple[float, ...]:
    """Drop every other one but the last once they are too many to be told apart."""
    return recalls if len(recalls) <= _MOST_RECALLS else (*recalls[:-1:2], recalls[-1])
