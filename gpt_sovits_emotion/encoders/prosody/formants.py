"""Formants by linear prediction on the power spectrum below 5.5 kHz.

Selective linear prediction (Makhoul, J. 1975, "Linear prediction: a tutorial review", Proc. IEEE 63,
561-580, section VI) takes the autocorrelation from the part of the spectrum that holds the formants,
so that the audio need not be resampled. Order 10 and the 5.5 kHz ceiling are the usual choice for
five formants of an adult voice.
"""

from __future__ import annotations

import numpy as np

from gpt_sovits_emotion.encoders.prosody.frames import BIN_HZ, SAMPLING_RATE_HZ

__all__ = [
    "N_FORMANTS",
    "find_peaks",
    "formants",
]

N_FORMANTS = 3

_CEILING_HZ = 5500.0
_ORDER = 10
_N_BINS = round(_CEILING_HZ / BIN_HZ) + 1
_PRE_EMPHASIS = 0.97
_LOWEST_HZ, _WIDEST_HZ = 150.0, 800.0
_NEUTRAL_HZ = np.array([500.0, 1500.0, 2500.0])  # a uniform tube of 17 cm
_NEUTRAL_WIDTH_HZ = np.array([80.0, 120.0, 160.0])


def _autocorrelation_matrix() -> np.ndarray:
    angles = np.pi * np.arange(_N_BINS) / (_N_BINS - 1)
    weights = np.ones(_N_BINS)
    weights[[0, -1]] = 0.5
    frequency = 2.0 * np.pi * np.arange(_N_BINS) * BIN_HZ / SAMPLING_RATE_HZ
    emphasis = 1.0 + _PRE_EMPHASIS**2 - 2.0 * _PRE_EMPHASIS * np.cos(frequency)
    cosines = np.cos(np.outer(angles, np.arange(_ORDER + 1)))
    return np.asarray(cosines * (weights * emphasis)[:, None])


_TO_AUTOCORRELATION = _autocorrelation_matrix()


def formants(power: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the three lowest formants of each frame.

    Args:
        power: ``(n_frames, n_bins)`` float32 power spectra of voiced frames.

    Returns:
        ``(n_frames, 3)`` float32 frequencies and ``(n_frames, 3)`` bandwidths, Hz. A frame in which
        fewer poles qualify takes those of a neutral tube.
    """
    coefficients = _predictor(power[:, :_N_BINS].astype(np.float64) @ _TO_AUTOCORRELATION)
    companion = np.zeros((len(power), _ORDER, _ORDER))
    companion[:, 0, :] = -coefficients
    companion[:, np.arange(1, _ORDER), np.arange(_ORDER - 1)] = 1.0
    poles = np.linalg.eigvals(companion)

    frequency = np.angle(poles) * _CEILING_HZ / np.pi
    bandwidth = -np.log(np.maximum(np.abs(poles), 1e-6)) * 2.0 * _CEILING_HZ / np.pi
    qualifies = (
        (frequency > _LOWEST_HZ) & (frequency < 0.98 * _CEILING_HZ) & (bandwidth < _WIDEST_HZ)
    )
    order = np.argsort(np.where(qualifies, frequency, np.inf), axis=1)[:, :N_FORMANTS]
    found = np.take_along_axis(qualifies, order, 1)
    frequency = np.where(found, np.take_along_axis(frequency, order, 1), _NEUTRAL_HZ)
    bandwidth = np.where(found, np.take_along_axis(bandwidth, order, 1), _NEUTRAL_WIDTH_HZ)
    return frequency.astype(np.float32), np.maximum(bandwidth, 1.0).astype(np.float32)


def _predictor(autocorrelation: np.ndarray) -> np.ndarray:
    """Solve for the predictor of each frame by Levinson's recursion, all frames at once.

    Returns:
        ``(n_frames, order)`` coefficients a1..ap of ``1 + a1 z^-1 + ... + ap z^-p``.
    """
    r = autocorrelation / np.maximum(autocorrelation[:, :1], np.finfo(np.float64).tiny)
    r[:, 0] += 1e-9  # the -90 dB floor keeps a pure tone's matrix from being singular
    a = np.zeros((len(r), _ORDER + 1))
    a[:, 0] = 1.0
    error = r[:, 0].copy()
    for i in range(1, _ORDER + 1):
        reflection = -np.einsum("ij,ij->i", a[:, :i], r[:, i:0:-1]) / error
        reflection = np.clip(reflection, -0.99999, 0.99999)  # rounding must not make it unstable
        a[:, 1 : i + 1] += reflection[:, None] * a[:, i - 1 :: -1][:, :i]
        error = np.maximum(error * (1.0 - reflection**2), 1e-12)
    return a[:, 1:]


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
