"""Shapes in a track that no single number catches: how often each of a set of patterns fits it.

After Dempster, Schmidt & Webb (2021), "MiniRocket: a very fast (almost) deterministic transform for time
series classification", KDD 2021: the 84 kernels of nine taps, three of weight 2 and six of weight -1, are
laid over the track at several dilations, and the share of frames whose response exceeds a threshold
describes it. MiniRocket draws its thresholds from the data and pads with zeros; here they are fixed, so that
they mean the same in every recording, and the track goes on as it ends. Every third kernel is used: all 84
say little more and are three times as many values.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

__all__ = ["SHARES_PER_TRACK", "kernel_share_names", "kernel_shares"]

_N_TAPS = 9
_DILATIONS = (1, 2, 4, 8)  # frames between taps: patterns of 80 to 640 ms
_HEAVY_TAPS = tuple(combinations(range(_N_TAPS), 3))[::3]
_REACH = _N_TAPS // 2 * max(_DILATIONS)
_FRAMES_PER_BLOCK = 4096

SHARES_PER_TRACK = len(_DILATIONS) * 2 * len(_HEAVY_TAPS)


def _kernels() -> np.ndarray:
    kernels = np.full((len(_HEAVY_TAPS), _N_TAPS), -1.0, np.float32)
    for kernel, heavy in zip(kernels, _HEAVY_TAPS, strict=True):
        kernel[list(heavy)] = 2.0
    return kernels


_KERNELS = _kernels()


def kernel_share_names(
    track: str, thresholds: tuple[float, float], unit: str
) -> tuple[tuple[str, str], ...]:
    """Return name and unit of each value of `kernel_shares`.

    ``f0.taps_047_every_40_ms_above_1.5_st`` has its weights of 2 on the first, fifth and eighth tap.
    """
    return tuple(
        (
            f"{track}.taps_{''.join(map(str, heavy))}_every_{dilation}0_ms_above_{threshold:g}_{unit}",
            "1",
        )
        for dilation in _DILATIONS
        for threshold in thresholds
        for heavy in _HEAVY_TAPS
    )


def kernel_shares(
    track: np.ndarray, frames: np.ndarray, thresholds: tuple[float, float]
) -> np.ndarray:
    """Measure how often each kernel's response to a track exceeds each threshold.

    The weights of a kernel sum to 0, so that a constant added to the track changes nothing.

    Args:
        track: ``(n_track,)`` without gaps, from the first to the last frame that counts.
        frames: ``(n_rows,)`` places in the track that are counted.
        thresholds: In the track's unit, above 0: a track that does not move exceeds none of them,
            whatever the rounding.

    Returns:
        ``(SHARES_PER_TRACK,)`` float32, 0 to 1.
    """
    padded = np.pad(track.astype(np.float32, copy=False), _REACH, mode="edge")
    counts = np.zeros((len(_DILATIONS), len(thresholds), len(_KERNELS)), np.intp)
    for start in range(0, len(frames), _FRAMES_PER_BLOCK):
        centres = frames[start : start + _FRAMES_PER_BLOCK] + _REACH
        for row, dilation in enumerate(_DILATIONS):
            offsets = (np.arange(_N_TAPS) - _N_TAPS // 2) * dilation
            responses = _KERNELS @ padded[centres + offsets[:, None]]
            for column, threshold in enumerate(thresholds):
                counts[row, column] += np.count_nonzero(responses > threshold, axis=1)
    return (counts / len(frames)).astype(np.float32).ravel()
