"""From frame tracks of any length to a fixed number of values, and to the few that a person understands."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from gpt_sovits_emotion.core.records import FrameTracks, Prosody
from gpt_sovits_emotion.encoders.prosody.rhythm import is_speech

__all__ = [
    "FUNCTIONALS",
    "functional_unit",
    "summarise",
    "summarise_tracks",
]


class _Rows:
    """Tracks over the frames that count, with what several functionals share computed once."""

    def __init__(self, values: np.ndarray, frames: np.ndarray) -> None:
        self.values = values
        first, last = float(frames[0]), float(frames[-1])
        middle, half = (first + last) / 2.0, max((last - first) / 2.0, 1.0)
        self.position = ((frames - middle) / half).astype(np.float32)
        self.neighbours = np.diff(frames) == 1

    @cached_property
    def mean(self) -> np.ndarray:
        return np.asarray(self.values.mean(0))

    @cached_property
    def centred(self) -> np.ndarray:
        return np.asarray(self.values - self.mean)

    @cached_property
    def std(self) -> np.ndarray:
        return np.asarray(np.sqrt((self.centred**2).mean(0)))

    @cached_property
    def standardised(self) -> np.ndarray:
        return np.asarray(self.centred / np.where(self.std > 1e-6, self.std, 1.0))

    @cached_property
    def ordered(self) -> np.ndarray:
        return np.sort(self.values, axis=0)

    def percentile(self, percent: float) -> np.ndarray:
        """Linear interpolation between order statistics, as `numpy.percentile`."""
        rank = (len(self.values) - 1) * percent / 100.0
        low = int(rank)
        high = min(low + 1, len(self.values) - 1)
        share = np.float32(rank - low)
        return np.asarray((1 - share) * self.ordered[low] + share * self.ordered[high])

    @cached_property
    def squared(self) -> np.ndarray:
        return np.asarray(self.standardised**2)

    @cached_property
    def skewness(self) -> np.ndarray:
        """Third standardised moment; 0 for a track that does not move."""
        # A product: `**3` goes through `pow`, ten times as slow.
        return np.where(self.std > 1e-6, (self.squared * self.standardised).mean(0), 0.0)

    @cached_property
    def kurtosis(self) -> np.ndarray:
        """Fourth standardised moment; 0 for a track that does not move."""
        return np.where(self.std > 1e-6, (self.squared**2).mean(0), 0.0)

    @cached_property
    def trend(self) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients of the first two Legendre polynomials over the utterance, by regression."""
        x = self.position
        basis = np.stack([np.ones_like(x), x, 1.5 * x**2 - 0.5], axis=1)
        gram = basis.T @ basis + 1e-3 * len(x) * np.eye(3, dtype=x.dtype)
        coefficients = np.linalg.solve(gram, basis.T @ self.centred)
        return coefficients[1], coefficients[2]

    @cached_property
    def steps(self) -> np.ndarray:
        """Differences between neighbouring frames, never across a gap; one row of 0 if none."""
        if not self.neighbours.any():
            return np.zeros_like(self.values[:1])
        return np.asarray(np.diff(self.values, axis=0)[self.neighbours])


FUNCTIONALS = {
    "mean": lambda rows: rows.mean,
    "std": lambda rows: rows.std,
    "p5": lambda rows: rows.percentile(5),
    "p20": lambda rows: rows.percentile(20),
    "p50": lambda rows: rows.percentile(50),
    "p95": lambda rows: rows.percentile(95),
    "range": lambda rows: rows.percentile(95) - rows.percentile(5),
    "skewness": lambda rows: np.clip(rows.skewness, -5.0, 5.0),
    "kurtosis": lambda rows: np.clip(rows.kurtosis, 0.0, 12.0),
    "slope": lambda rows: rows.trend[0],
    "curvature": lambda rows: rows.trend[1],
    "mean_abs": lambda rows: np.abs(rows.values).mean(0),
    "step": lambda rows: np.abs(rows.steps).mean(0),
}
"""Name -> function from rows to one value per track.

Slope and curvature are the change over the utterance (Legendre polynomials over -1 to 1), so that a
slow and a fast speaker with the same contour agree. `step` is the mean absolute change from frame to frame.
"""

_UNITLESS = frozenset({"skewness", "kurtosis"})


def functional_unit(functional: str, track_unit: str) -> str:
    """Return the unit of a functional of a track: the track's own, or 1 for shape moments."""
    return "1" if functional in _UNITLESS else track_unit


def summarise_tracks(
    values: np.ndarray, frames: np.ndarray, functionals: Sequence[str]
) -> np.ndarray:
    """Apply functionals to every column.

    Args:
        values: ``(n_rows, n_tracks)`` with at least one row.
        frames: ``(n_rows,)`` ascending frame numbers of the rows.
        functionals: Keys of `FUNCTIONALS`.

    Returns:
        ``(n_tracks * n_functionals,)`` float32, the functionals of a track next to each other.
    """
    rows = _Rows(values.astype(np.float32, copy=False), frames)
    table = np.stack([FUNCTIONALS[name](rows) for name in functionals], axis=1)
    return np.asarray(table.astype(np.float32).ravel())


_SILENT_DB = -90.0
_FEWEST_VOICED = 5


def summarise(tracks: FrameTracks, duration_s: float) -> Prosody:
    """Measure median pitch, pitch range, syllable rate and loudness of speech.

    Args:
        tracks: Frame tracks of one segment.
        duration_s: Length of the segment.

    Returns:
        The numbers; None where there is nothing to measure.
    """
    voiced = np.isfinite(tracks.f0_hz)
    if tracks.loudness_db.max() <= _SILENT_DB:
        return Prosody(duration_s, 0.0, None, None, None, None)
    speech = is_speech(tracks.loudness_db, voiced)
    speech_s = min(float(speech.sum() * tracks.hop_s), duration_s)
    f0_hz = tracks.f0_hz[voiced]
    f0_median_hz = f0_range_st = None
    if len(f0_hz) >= _FEWEST_VOICED:
        low, median, high = np.percentile(f0_hz, (5, 50, 95))
        f0_median_hz, f0_range_st = float(median), float(12.0 * np.log2(high / low))
    n_nuclei = len(tracks.nuclei_s)
    mean_power = float(np.mean(10.0 ** (tracks.loudness_db[speech] / 10.0)))
    return Prosody(
        duration_s=duration_s,
        speech_s=speech_s,
        f0_median_hz=f0_median_hz,
        f0_range_st=f0_range_st,
        rate_syl_per_s=n_nuclei / speech_s if n_nuclei else None,
        loudness_dbfs=10.0 * float(np.log10(mean_power)),
    )
