"""Fundamental frequency by normalised autocorrelation and the cheapest path through its peaks.

The method and its costs are those of Boersma, P. (1993), "Accurate short-term analysis of the
fundamental frequency and the harmonics-to-noise ratio of a sampled sound", IFA Proceedings 17, 97-110:
the autocorrelation of the windowed frame is divided by that of the window, its peaks are candidates,
and a Viterbi path weighs their strength against octave jumps and changes of voicing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gpt_sovits_emotion.encoders.prosody.frames import N_FFT, SAMPLING_RATE_HZ, WINDOW, runs

__all__ = [
    "F0_MAX_HZ",
    "F0_MIN_HZ",
    "WINDOW_AUTOCORRELATION",
    "PitchCandidates",
    "pitch_candidates",
    "pitch_path",
    "without_stray_runs",
]

F0_MIN_HZ = 60.0
F0_MAX_HZ = 600.0

# Lags are in half samples: at whole ones the peak of a bright, high voice falls between two lags, looks
# lower than the peak an octave below, and the octave below wins.
_LAGS_PER_S = 2 * SAMPLING_RATE_HZ
_LAG_MIN = int(_LAGS_PER_S / F0_MAX_HZ)
_LAG_MAX = int(np.ceil(_LAGS_PER_S / F0_MIN_HZ))
_N_CANDIDATES = 6

# Boersma (1993), section 4, as shipped in Praat ("Sound: To Pitch (ac)"), for a hop of 10 ms.
_VOICING_THRESHOLD = 0.45
_SILENCE_THRESHOLD = 0.03
_OCTAVE_COST = 0.01
_OCTAVE_JUMP_COST = 0.35
_VOICING_CHANGE_COST = 0.14

# Set on Polish and English speech against pYIN: they bring the 5th to 95th percentile range of F0 from
# 4.5 to 1.6 semitones of pYIN's on German speech, which was not used for setting them.
_SHORTEST_RUN = 4
_FAR_SEMITONES = 9.0
_STRONG_PERIODICITY = 0.8


@dataclass(frozen=True, slots=True, eq=False)
class PitchCandidates:
    """Peaks of each frame's normalised autocorrelation.

    Attributes:
        frequency_hz: ``(n_frames, 6)`` float32, 0 where a frame has fewer peaks.
        strength: ``(n_frames, 6)`` float32 autocorrelation at the peak, 0 to 1.
        periodicity: ``(n_frames,)`` float32, the highest peak, 0 to 1.
    """

    frequency_hz: np.ndarray
    strength: np.ndarray
    periodicity: np.ndarray


def _window_autocorrelation() -> np.ndarray:
    spectrum = np.abs(np.fft.rfft(WINDOW, n=2 * N_FFT)) ** 2
    autocorrelation = np.fft.irfft(spectrum, n=4 * N_FFT)[: _LAG_MAX + 2]
    return np.asarray((autocorrelation / autocorrelation[0]).astype(np.float32))


WINDOW_AUTOCORRELATION = _window_autocorrelation()
"""``(n_lags,)`` float32 autocorrelation of the analysis window at half-sample lags, 1 at lag 0."""


def pitch_candidates(power: np.ndarray) -> PitchCandidates:
    """Find the pitch candidates of a block of frames.

    Args:
        power: ``(n_frames, n_bins)`` float32 power spectra.
    """
    from scipy import fft

    autocorrelation = fft.irfft(power, n=2 * N_FFT, axis=1)[:, : _LAG_MAX + 2]
    zero_lag = np.maximum(autocorrelation[:, :1], np.finfo(np.float32).tiny)
    normalised = autocorrelation / (zero_lag * WINDOW_AUTOCORRELATION)
    left, middle, right = (
        normalised[:, _LAG_MIN - 1 : _LAG_MAX],
        normalised[:, _LAG_MIN : _LAG_MAX + 1],
        normalised[:, _LAG_MIN + 1 : _LAG_MAX + 2],
    )
    is_peak = (middle > left) & (middle >= right) & (middle > 0.5 * _VOICING_THRESHOLD)
    lags = np.arange(_LAG_MIN, _LAG_MAX + 1, dtype=np.float32)
    preference = middle - _OCTAVE_COST * np.log2(F0_MIN_HZ * lags / _LAGS_PER_S)
    ranked = np.where(is_peak, preference, -np.inf)
    top = np.argpartition(-ranked, _N_CANDIDATES, axis=1)[:, :_N_CANDIDATES]

    here = np.take_along_axis(middle, top, 1)
    before, after = np.take_along_axis(left, top, 1), np.take_along_axis(right, top, 1)
    bend = np.minimum(before - 2.0 * here + after, -1e-9)
    offset = np.clip(0.5 * (before - after) / bend, -0.5, 0.5)
    strength = here - 0.25 * (before - after) * offset
    found = np.isfinite(np.take_along_axis(ranked, top, 1))
    frequency = np.where(found, _LAGS_PER_S / (lags[top] + offset), 0.0)
    # A peak above 1 is an artefact of dividing by the window; Boersma reflects it the same way.
    strength = np.where(strength > 1.0, 1.0 / np.maximum(strength, 1.0), strength)
    strength = np.where(found & (strength > 0.0), strength, 0.0).astype(np.float32)
    return PitchCandidates(frequency.astype(np.float32), strength, strength.max(axis=1))


def pitch_path(candidates: PitchCandidates, level_db: np.ndarray) -> np.ndarray:
    """Choose one candidate, or "unvoiced", per frame along the cheapest path.

    Args:
        candidates: Of all frames in order.
        level_db: ``(n_frames,)`` level of each frame; only differences matter.

    Returns:
        ``(n_frames,)`` float32 F0 in Hz, NaN where unvoiced.
    """
    n_frames = len(level_db)
    frequency = np.concatenate(
        [np.zeros((n_frames, 1), np.float32), candidates.frequency_hz], axis=1
    )
    scores = np.concatenate(
        [_unvoiced_strength(level_db)[:, None], _voiced_strength(candidates)], axis=1
    )
    change_cost = _change_costs(frequency)
    back = np.zeros(frequency.shape, np.intp)
    total = scores[0]
    columns = np.arange(frequency.shape[1])
    for t in range(1, n_frames):
        arriving = total[:, None] - change_cost[t - 1]
        back[t] = arriving.argmax(axis=0)
        total = arriving[back[t], columns] + scores[t]
    choice = np.empty(n_frames, np.intp)
    choice[-1] = total.argmax()
    for t in range(n_frames - 1, 0, -1):
        choice[t - 1] = back[t, choice[t]]
    chosen = frequency[np.arange(n_frames), choice]
    return np.where(chosen > 0.0, chosen, np.nan).astype(np.float32)


def without_stray_runs(f0_hz: np.ndarray, periodicity: np.ndarray) -> np.ndarray:
    """Unvoice what is too short to be a voice, and what is far from the others and weak.

    Hum, breath and friction give runs of a few frames, or of a pitch octaves away; they would dominate
    the range of F0 that people read.

    Args:
        f0_hz: ``(n_frames,)`` F0, NaN where unvoiced.
        periodicity: ``(n_frames,)`` height of the best peak.

    Returns:
        ``(n_frames,)`` float32, NaN where unvoiced.
    """
    voiced = np.isfinite(f0_hz)
    cleaned = f0_hz.copy()
    if not voiced.any():
        return cleaned
    median_hz = np.median(f0_hz[voiced])
    for start, stop in zip(*runs(voiced), strict=True):
        distance = 12.0 * abs(np.log2(np.median(f0_hz[start:stop]) / median_hz))
        weak = periodicity[start:stop].mean() < _STRONG_PERIODICITY
        if stop - start < _SHORTEST_RUN or (weak and distance > _FAR_SEMITONES):
            cleaned[start:stop] = np.nan
    return cleaned


def _voiced_strength(candidates: PitchCandidates) -> np.ndarray:
    octaves = np.log2(np.maximum(candidates.frequency_hz, 1.0) / F0_MIN_HZ)
    strength = candidates.strength + _OCTAVE_COST * octaves
    return np.where(candidates.frequency_hz > 0.0, strength, -np.inf).astype(np.float32)


def _unvoiced_strength(level_db: np.ndarray) -> np.ndarray:
    """Boersma's equation 23: quiet frames make "unvoiced" attractive."""
    relative_amplitude = 10.0 ** ((level_db - level_db.max()) / 20.0)
    quiet = 2.0 - relative_amplitude / (_SILENCE_THRESHOLD / (1.0 + _VOICING_THRESHOLD))
    return np.asarray((_VOICING_THRESHOLD + np.maximum(0.0, quiet)).astype(np.float32))


def _change_costs(frequency: np.ndarray) -> np.ndarray:
    """Return ``(n_frames - 1, n, n)`` costs of going from candidate i to candidate j."""
    octaves = np.log2(np.maximum(frequency, 1.0))
    jump = _OCTAVE_JUMP_COST * np.abs(octaves[:-1, :, None] - octaves[1:, None, :])
    voiced = frequency > 0.0
    changes = voiced[:-1, :, None] != voiced[1:, None, :]
    both_unvoiced = ~voiced[:-1, :, None] & ~voiced[1:, None, :]
    cost = np.where(changes, _VOICING_CHANGE_COST, np.where(both_unvoiced, 0.0, jump))
    return np.asarray(cost, np.float32)
