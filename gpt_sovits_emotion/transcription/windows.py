"""Pack speech into the windows of 30 s that Whisper hears, never cutting inside of a stretch."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gpt_sovits_emotion.transcription.speech import Stretch

__all__ = ["WINDOW_S", "Window", "packed", "window_of"]

WINDOW_S = 29.5
"""Whisper hears 30 s at once; a little of that is left for its frames to end in silence."""

_LONGEST_PAUSE_S = 2.0
"""Of a longer pause so much is left: Whisper tells sentences apart by their pauses, and a window with
all of a long silence in it is paid for in full, and tempts it to write what nobody said."""
_EDGE_S = 0.5  # of silence before the first stretch and behind the last, as far as there is any
_CUT_PAUSE_S = 0.8  # a shorter pause between two windows may lie inside of a sentence ...
_CUT_COST = 0.4  # ... which is worth up to this share of a window to avoid


@dataclass(frozen=True, slots=True)
class Window:
    """What Whisper hears at once.

    Attributes:
        speech: The stretches of speech in it.
        heard: The stretches of the recording that it is made of: the speech and the silence around it, of
            longer silences only a part.
    """

    speech: tuple[Stretch, ...]
    heard: tuple[Stretch, ...]


def window_of(speech: Sequence[Stretch], *, earliest_s: float, latest_s: float) -> Window:
    """Return the window that holds these stretches, with silence around them within the given times."""
    heard: list[Stretch] = []
    half_s = _LONGEST_PAUSE_S / 2
    start_s = max(speech[0].start_s - _EDGE_S, earliest_s)
    for one, following in itertools.pairwise(speech):
        if following.start_s - one.end_s > _LONGEST_PAUSE_S:
            heard.append(Stretch(start_s, one.end_s + half_s))
            start_s = following.start_s - half_s
    heard.append(Stretch(start_s, min(speech[-1].end_s + _EDGE_S, latest_s)))
    return Window(tuple(speech), tuple(heard))


def packed(speech: Sequence[Stretch], duration_s: float) -> list[Window]:
    """Pack the speech of a recording into as few windows as will do, cut at its longer pauses.

    A stretch that is longer than a window gets one of its own.

    Args:
        speech: In order.
        duration_s: Length of the recording.
    """
    windows: list[Window] = []
    if not speech:
        return windows
    firsts = _firsts(speech)
    for first, last in zip(firsts, [*firsts[1:], len(speech)], strict=True):
        before_s = speech[first - 1].end_s if first else 0.0
        after_s = speech[last].start_s if last < len(speech) else duration_s
        windows.append(
            window_of(
                speech[first:last],
                # Half of the pause to the neighbour is left to it.
                earliest_s=(before_s + speech[first].start_s) / 2 if first else 0.0,
                latest_s=(speech[last - 1].end_s + after_s) / 2 if last < len(speech) else after_s,
            )
        )
    return windows


def _firsts(speech: Sequence[Stretch]) -> list[int]:
    """Return the first stretch of each window, chosen by dynamic programming."""
    n = len(speech)
    pauses_s = [b.start_s - a.end_s for a, b in itertools.pairwise(speech)]
    cost = np.zeros(n + 1)
    first_of = np.zeros(n + 1, dtype=int)
    for end in range(1, n + 1):
        cost[end] = np.inf
        length_s = 2 * _EDGE_S
        for first in range(end - 1, -1, -1):
            length_s += speech[first].duration_s
            if first < end - 1:
                length_s += min(pauses_s[first], _LONGEST_PAUSE_S)
                if length_s > WINDOW_S:
                    break
            shortness = max(0.0, 1 - pauses_s[first - 1] / _CUT_PAUSE_S) if first else 0.0
            total = cost[first] + 1.0 + _CUT_COST * shortness
            if total < cost[end]:
                cost[end], first_of[end] = total, first
    firsts: list[int] = []
    end = n
    while end > 0:
        end = int(first_of[end])
        firsts.append(end)
    return firsts[::-1]
