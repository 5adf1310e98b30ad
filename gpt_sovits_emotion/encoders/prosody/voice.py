"""Voice quality of voiced frames: harmonics against each other, against formants, and against noise."""

from __future__ import annotations

import numpy as np

from gpt_sovits_emotion.encoders.prosody.bands import relative_db
from gpt_sovits_emotion.encoders.prosody.formants import N_FORMANTS, formants
from gpt_sovits_emotion.encoders.prosody.frames import BIN_HZ, N_BINS, SAMPLING_RATE_HZ
from gpt_sovits_emotion.encoders.prosody.pitch import (
    F0_MAX_HZ,
    F0_MIN_HZ,
    WINDOW_AUTOCORRELATION,
)

__all__ = ["VOICE_TRACKS", "voice_quality"]

_N_HARMONICS = 8
_NOISE_BANDS_HZ = ((50, 7800), (50, 1000), (1000, 2000), (2000, 4000), (4000, 7800))

VOICE_TRACKS: tuple[tuple[str, str], ...] = (
    *((f"f{k}", "octave") for k in range(1, N_FORMANTS + 1)),
    *((f"f{k}_bandwidth", "octave") for k in range(1, N_FORMANTS + 1)),
    *((f"f{k}_level", "dB") for k in range(1, N_FORMANTS + 1)),
    *((f"h1_a{k}", "dB") for k in range(1, N_FORMANTS + 1)),
    *((f"harmonic_{k}_level", "dB") for k in range(1, _N_HARMONICS + 1)),
    ("h1_h2", "dB"),
    ("h2_h4", "dB"),
    *((f"hnr_{low}_{high}_hz", "dB") for low, high in _NOISE_BANDS_HZ),
    ("subharmonic_level", "dB"),
    ("cepstral_peak_prominence", "dB"),
)
"""Name and unit of each column of `voice_quality`. Octaves: formants to 1 kHz, bandwidths to 100 Hz."""


def voice_quality(power: np.ndarray, f0_hz: np.ndarray) -> np.ndarray:
    """Describe the voice of each voiced frame.

    Harmonic differences and formant levels follow Eyben et al. (2016, GeMAPS). HNR is Boersma's (1993):
    the share r of the energy that repeats after one period, as 10 log10(r / (1 - r)), here also per
    band. Cepstral peak prominence follows Hillenbrand & Houde (1996), J. Speech Hear. Res. 39.

    Args:
        power: ``(n_frames, n_bins)`` float32, floored above zero.
        f0_hz: ``(n_frames,)`` float32, all finite.

    Returns:
        ``(n_frames, len(VOICE_TRACKS))`` float32.
    """
    db = relative_db(power)
    total_db = relative_db(power.sum(1))
    near = _highest_within(db, 1)
    wide = _highest_within(near, 3)  # within 62 Hz: the harmonic nearest to a formant

    frequency, bandwidth = formants(power)
    harmonic_db = _sample(near, f0_hz[:, None] * np.arange(1, _N_HARMONICS + 1))
    formant_db = _sample(wide, frequency)
    strongest = harmonic_db.max(1, keepdims=True)
    columns = [
        np.log2(frequency / 1000.0),
        np.log2(bandwidth / 100.0),
        formant_db - strongest,
        harmonic_db[:, :1] - formant_db,
        harmonic_db - strongest,
        harmonic_db[:, :1] - harmonic_db[:, 1:2],
        harmonic_db[:, 1:2] - harmonic_db[:, 3:4],
        _harmonics_to_noise(power, f0_hz),
        (_sample(near, f0_hz * 1.5) - total_db)[:, None],
        _cepstral_peak(db, f0_hz)[:, None],
    ]
    return np.asarray(np.concatenate(columns, axis=1).astype(np.float32))


def _highest_within(spectrum: np.ndarray, step: int) -> np.ndarray:
    """Return the highest of each bin and those `step` below and above, inside the spectrum.

    Of bins that are the highest of three already, with 3 steps: the highest of nine.
    """
    highest = spectrum.copy()
    np.maximum(highest[:, step:], spectrum[:, :-step], out=highest[:, step:])
    np.maximum(highest[:, :-step], spectrum[:, step:], out=highest[:, :-step])
    return highest


def _sample(spectrum: np.ndarray, frequency_hz: np.ndarray) -> np.ndarray:
    """Read each frame's spectrum at that frame's own frequencies."""
    bins = np.clip(np.rint(frequency_hz / BIN_HZ).astype(np.intp), 0, N_BINS - 1)
    if bins.ndim == 1:
        return np.take_along_axis(spectrum, bins[:, None], 1)[:, 0]
    return np.take_along_axis(spectrum, bins, 1)


def _harmonics_to_noise(power: np.ndarray, f0_hz: np.ndarray) -> np.ndarray:
    """Return ``(n_frames, n_bands)`` HNR in dB, each band's autocorrelation at exactly one period."""
    period = (SAMPLING_RATE_HZ / f0_hz).astype(np.float32)
    radians = np.arange(N_BINS, dtype=np.float32) * np.float32(
        2.0 * np.pi * BIN_HZ / SAMPLING_RATE_HZ
    )
    repeating = power * np.cos(period[:, None] * radians)
    window = np.interp(2.0 * period, np.arange(len(WINDOW_AUTOCORRELATION)), WINDOW_AUTOCORRELATION)
    columns = []
    for low_hz, high_hz in _NOISE_BANDS_HZ:
        band = slice(round(low_hz / BIN_HZ), round(high_hz / BIN_HZ))
        share = repeating[:, band].sum(1) / power[:, band].sum(1) / window
        share = np.clip(share, 0.01, 0.999)
        columns.append(10.0 * np.log10(share / (1.0 - share)))
    return np.stack(columns, axis=1)


def _cepstral_peak(db: np.ndarray, f0_hz: np.ndarray) -> np.ndarray:
    """Height of the cepstral peak near the period above the line through the cepstrum."""
    from scipy import fft

    cepstrum = np.abs(fft.irfft(db, axis=1))
    quefrency = np.arange(int(SAMPLING_RATE_HZ / F0_MAX_HZ), int(SAMPLING_RATE_HZ / F0_MIN_HZ))
    log_cepstrum = 20.0 * np.log10(cepstrum[:, quefrency] + 1e-6)
    centred = quefrency - quefrency.mean()
    slope = log_cepstrum @ centred / (centred**2).sum()
    level = log_cepstrum.mean(1)
    period = SAMPLING_RATE_HZ / f0_hz
    columns = np.clip(
        np.rint(period).astype(np.intp)[:, None] + np.arange(-2, 3) - quefrency[0],
        0,
        len(quefrency) - 1,
    )
    peak = np.take_along_axis(log_cepstrum, columns, 1).max(1)
    line = level + slope * (period - quefrency.mean())
    return np.asarray(peak - line)
