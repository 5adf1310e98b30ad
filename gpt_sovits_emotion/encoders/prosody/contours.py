"""What single moments of an utterance stand out by: its contours, its highest pitch, its extreme windows."""

from __future__ import annotations

import numpy as np

from gpt_sovits_emotion.encoders.prosody.frames import HOP_S

__all__ = [
    "CONTOUR_NAMES",
    "PITCH_SHARE_NAMES",
    "WINDOW_FUNCTIONALS",
    "contours",
    "high_pitched",
    "pitch_shares",
    "windowed",
]

_SHARE_EDGES_ST = (-6.0, -4.0, -2.5, -1.2, 0.0, 1.2, 2.5, 4.0, 6.0, 9.0)
_SHARE_BLUR_ST = 0.5

PITCH_SHARE_NAMES: tuple[tuple[str, str], ...] = tuple(
    (f"share_above_median_{edge:+g}_st", "1") for edge in _SHARE_EDGES_ST
)
"""Name and unit of each value of `pitch_shares`."""


def _soft_step(distance: np.ndarray) -> np.ndarray:
    """Logistic function, written so that no distance overflows."""
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * distance))


def pitch_shares(f0_st: np.ndarray) -> np.ndarray:
    """Return which share of the voiced frames lies above each distance from the median pitch.

    That is a histogram, summed from above. The edges are soft, half a semitone wide, so that a frame on
    an edge does not tip over with rounding.

    Args:
        f0_st: ``(n_voice,)`` F0 in semitones.

    Returns:
        ``(len(PITCH_SHARE_NAMES),)`` float32, falling, 0 to 1.
    """
    distance_st = (f0_st - np.median(f0_st))[:, None] - np.array(_SHARE_EDGES_ST, np.float32)
    return np.asarray(_soft_step(distance_st / _SHARE_BLUR_ST).mean(0).astype(np.float32))


_HIGH_PERCENT = 80
_HIGH_BLUR_ST = 0.25


def high_pitched(f0_st: np.ndarray, tracks: np.ndarray) -> np.ndarray:
    """Compare the highest-pitched fifth of the voiced frames with all of them.

    Frames near the limit count in part: in a monotone voice all frames count alike, and the result is 0
    rather than chance.

    Args:
        f0_st: ``(n_voice,)`` F0 in semitones.
        tracks: ``(n_voice, n_tracks)``.

    Returns:
        ``(n_tracks,)`` float32, mean of the high frames less mean of all.
    """
    weight = _soft_step((f0_st - np.percentile(f0_st, _HIGH_PERCENT)) / _HIGH_BLUR_ST)
    weight = weight / weight.sum() - 1.0 / len(weight)
    return np.asarray(weight.astype(np.float32) @ tracks, np.float32)


_SHORTEST_RUN = round(0.06 / HOP_S)
_F0_PEAK_ST, _LEVEL_PEAK_DB = 0.5, 1.0  # frames this near to a peak share in its place

_CONTOUR_VALUES: tuple[tuple[str, str], ...] = (
    ("f0", "st"),
    ("f0_slope", "st"),
    ("f0_curvature", "st"),
    ("f0_slope_size", "st"),
    ("level_slope", "dB"),
    ("level_curvature", "dB"),
    ("level_slope_size", "dB"),
    ("f0_range", "st"),
    ("f0_peak_place", "1"),
    ("level_peak_place", "1"),
    ("f0_speed", "st/s"),
    ("f0_speed_size", "st/s"),
)
_CONTOUR_FUNCTIONALS = ("mean", "std", "highest", "lowest", "first", "last", "first_to_last")

CONTOUR_NAMES: tuple[tuple[str, str], ...] = tuple(
    (f"{value}.{functional}", unit)
    for value, unit in _CONTOUR_VALUES
    for functional in _CONTOUR_FUNCTIONALS
)
"""Name and unit of each value of `contours`."""


def contours(f0_st: np.ndarray, level_db: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Describe pitch and level within each voiced run, and how the runs differ.

    Slope and curvature are Legendre coefficients over the run, fitted by least squares; speed is the
    slope per second; a place is 0 at the start of a run and 1 at its end. Runs under 60 ms do not count;
    where there is no longer one, all the frames count as one run.

    Args:
        f0_st: ``(n_voice,)`` F0 in semitones.
        level_db: ``(n_voice,)`` level.
        frames: ``(n_voice,)`` ascending frame numbers.

    Returns:
        ``(len(CONTOUR_NAMES),)`` float32.
    """
    breaks = np.flatnonzero(np.diff(frames) != 1) + 1
    lengths = np.diff(np.concatenate([[0], breaks, [len(frames)]]))
    long_enough = lengths >= _SHORTEST_RUN
    if long_enough.any():
        kept = np.repeat(long_enough, lengths)
        f0_st, level_db, lengths = f0_st[kept], level_db[kept], lengths[long_enough]
    else:
        lengths = np.array([len(frames)])
    values = _describe_runs(f0_st.astype(np.float64), level_db.astype(np.float64), lengths)
    table = [
        values.mean(0),
        values.std(0),
        values.max(0),
        values.min(0),
        values[0],
        values[-1],
        values[-1] - values[0],
    ]
    return np.asarray(np.stack(table, axis=1), np.float32).ravel()


def _describe_runs(f0_st: np.ndarray, level_db: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return ``(n_runs, len(_CONTOUR_VALUES))`` of runs that follow each other without gaps."""
    starts = np.cumsum(lengths) - lengths

    def centre(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        mean = np.add.reduceat(values, starts) / lengths
        return mean, values - np.repeat(mean, lengths)

    def project(values: np.ndarray, basis: np.ndarray) -> np.ndarray:
        power = np.add.reduceat(basis**2, starts)
        return np.asarray(np.add.reduceat(values * basis, starts) / np.maximum(power, 1e-9))

    def peak_place(values: np.ndarray, width: float) -> np.ndarray:
        highest = np.repeat(np.maximum.reduceat(values, starts), lengths)
        weight = np.exp((values - highest) / width)
        place = np.add.reduceat(weight * (0.5 + 0.5 * position), starts)
        return np.asarray(place / np.add.reduceat(weight, starts))

    step = np.arange(len(f0_st)) - np.repeat(starts, lengths)
    position = 2.0 * step / np.repeat(np.maximum(lengths - 1, 1), lengths) - 1.0
    _, bend = centre(1.5 * position**2 - 0.5)
    f0_mean, f0_centred = centre(f0_st)
    _, level_centred = centre(level_db)
    f0_slope, level_slope = project(f0_centred, position), project(level_centred, position)
    f0_speed = f0_slope * 2.0 / (lengths * HOP_S)  # the run spans -1 to 1
    columns = [
        f0_mean,
        f0_slope,
        project(f0_centred, bend),
        np.abs(f0_slope),
        level_slope,
        project(level_centred, bend),
        np.abs(level_slope),
        np.maximum.reduceat(f0_st, starts) - np.minimum.reduceat(f0_st, starts),
        peak_place(f0_st, _F0_PEAK_ST),
        peak_place(level_db, _LEVEL_PEAK_DB),
        f0_speed,
        np.abs(f0_speed),
    ]
    return np.stack(columns, axis=1)


_WINDOW_HOP = round(0.1 / HOP_S)
_HOPS_PER_WINDOW = 3
_FEWEST_IN_WINDOW = 5

WINDOW_FUNCTIONALS = (
    "highest_mean",
    "highest_std",
    "lowest_mean",
    "lowest_std",
    "std_of_means",
    "step_of_means",
)
"""Functionals of `windowed`; all have the unit of their track."""


def windowed(tracks: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Find the extreme ones among windows of 300 ms, about a syllable or two, every 100 ms.

    A window counts if it lies between the first and the last frame and holds at least five frames; if
    none does, all the frames are one window.

    Args:
        tracks: ``(n_rows, n_tracks)``.
        frames: ``(n_rows,)`` ascending frame numbers.

    Returns:
        ``(n_tracks * len(WINDOW_FUNCTIONALS),)`` float32, the functionals of a track next to each other.
    """
    means, stds = _window_moments(tracks, frames)
    if len(means) == 0:
        means, stds = tracks.mean(0, keepdims=True), tracks.std(0, keepdims=True)
    steps = np.abs(np.diff(means, axis=0)) if len(means) > 1 else np.zeros_like(means)
    table = [
        means.max(0),
        stds.max(0),
        means.min(0),
        stds.min(0),
        means.std(0),
        steps.mean(0),
    ]
    return np.asarray(np.stack(table, axis=1), np.float32).ravel()


def _window_moments(tracks: np.ndarray, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation in each window that counts, ``(n_windows, n_tracks)``.

    A window is three hops long, so that its sums are those of three hops.
    """
    length = int(frames[-1] - frames[0]) + 1
    n_windows = max(length // _WINDOW_HOP - _HOPS_PER_WINDOW, 0) + 1
    n_hops = n_windows + _HOPS_PER_WINDOW - 1
    hop = (frames - frames[0]) // _WINDOW_HOP
    occupied, starts = np.unique(hop, return_index=True)
    middle = tracks.mean(0)
    centred = tracks - middle

    def sums(values: np.ndarray) -> np.ndarray:
        by_hop = np.zeros((max(n_hops, int(hop[-1]) + 1), values.shape[1]))
        by_hop[occupied] = np.add.reduceat(values, starts, axis=0, dtype=np.float64)
        return np.asarray(sum(by_hop[k : k + n_windows] for k in range(_HOPS_PER_WINDOW)))

    counts = sums(np.ones((len(frames), 1)))
    counts_enough = counts[:, 0] >= _FEWEST_IN_WINDOW
    counts = counts[counts_enough]
    mean = sums(centred)[counts_enough] / counts
    variance = sums(centred**2)[counts_enough] / counts - mean**2
    return mean + middle, np.sqrt(np.maximum(variance, 0.0))
