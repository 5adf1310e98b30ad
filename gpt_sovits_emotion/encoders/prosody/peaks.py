"""Peaks of a curve, as ``scipy.signal.find_peaks`` finds them.

That function would do, but importing ``scipy.signal`` brings ``scipy.stats`` along: a quarter of a second and
30 MB in every process that tags, for one call. A test holds the two against each other.
"""

from __future__ import annotations

import numpy as np

__all__ = ["find_peaks"]


def find_peaks(curve: np.ndarray, *, prominence: float, distance: int) -> np.ndarray:
    """Find local maxima that stand out, and of those too near each other the highest.

    Args:
        curve: ``(n_samples,)``.
        prominence: How far one must come down from a peak, on both sides, before it goes up higher.
        distance: Samples between two peaks, at least.

    Returns:
        ``(n_peaks,)`` ascending sample numbers; of a plateau its middle.
    """
    peaks = _distant(curve, _local_maxima(curve), distance)
    return np.array(
        [peak for peak in peaks if _prominence(curve, peak) >= prominence], dtype=np.intp
    )


def _local_maxima(curve: np.ndarray) -> np.ndarray:
    if len(curve) < 3:
        return np.empty(0, np.intp)
    last = np.append(np.flatnonzero(curve[1:] != curve[:-1]), len(curve) - 1)  # of each plateau
    first = np.append(0, last[:-1] + 1)
    level = curve[first]
    higher = np.flatnonzero((level[1:-1] > level[:-2]) & (level[1:-1] > level[2:])) + 1
    return np.asarray((first[higher] + last[higher]) // 2)


def _distant(curve: np.ndarray, peaks: np.ndarray, distance: int) -> list[int]:
    """Keep the highest peaks: each removes those that are nearer to it than `distance`."""
    kept = np.ones(len(peaks), bool)
    for row in np.argsort(curve[peaks])[::-1]:
        if kept[row]:
            kept[np.abs(peaks - peaks[row]) < distance] = False
            kept[row] = True
    found: list[int] = peaks[kept].tolist()
    return found


def _prominence(curve: np.ndarray, peak: int) -> float:
    height = curve[peak]
    higher = np.flatnonzero(curve > height)
    at = int(np.searchsorted(higher, peak))
    start = int(higher[at - 1]) + 1 if at > 0 else 0
    stop = int(higher[at]) if at < len(higher) else len(curve)
    base = max(curve[start : peak + 1].min(), curve[peak:stop].min())
    return float(height - base)
