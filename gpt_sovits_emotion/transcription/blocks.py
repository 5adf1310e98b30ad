"""Go through a recording of any length in blocks of some minutes, cut where it is quietest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from gpt_sovits_emotion.audio import Recording

__all__ = ["blocks", "quietest_s"]

BLOCK_S = 300.0
"""Whisper's features of five minutes peak at about 250 MB; ten would double that."""

_SEARCHED_S = 45.0  # the end of a block in which the cut is looked for
_FRAME_S = 0.02
_PAUSE_S = 0.4  # the cut is the middle of the quietest stretch of this length


def blocks(recording: Recording, block_s: float = BLOCK_S) -> Iterator[tuple[float, float]]:
    """Yield consecutive (start, end) times of blocks of at most `block_s` that cover `recording`."""
    start_s = 0.0
    while recording.duration_s - start_s > block_s:
        searched_s = min(_SEARCHED_S, block_s / 4)
        end_s = start_s + block_s
        audio = recording.read(end_s - searched_s, end_s)
        end_s = end_s - searched_s + quietest_s(audio.samples, audio.sampling_rate_hz)
        yield start_s, end_s
        start_s = end_s
    yield start_s, recording.duration_s


def quietest_s(samples: np.ndarray, sampling_rate_hz: int) -> float:
    """Return the time of the middle of the quietest 0.4 s in ``(n_samples,)`` samples.

    Samples shorter than that are cut in the middle.
    """
    frame = round(_FRAME_S * sampling_rate_hz)
    n_frames = len(samples) // frame
    width = round(_PAUSE_S / _FRAME_S)
    if n_frames <= width:
        return len(samples) / sampling_rate_hz / 2
    power = np.square(samples[: n_frames * frame], dtype=np.float64).reshape(n_frames, frame)
    summed = np.concatenate([[0.0], np.cumsum(power.mean(axis=1))])
    quietest = int(np.argmin(summed[width:] - summed[:-width]))
    return (quietest + width / 2) * _FRAME_S
