"""Mel bands, cepstra and the shape of the spectrum, from power spectra."""

from __future__ import annotations

import itertools

import numpy as np

from gpt_sovits_emotion.encoders.prosody.frames import BIN_HZ, N_BINS

__all__ = [
    "MEL_CENTRES_HZ",
    "N_CEPSTRA",
    "N_MEL",
    "SHAPE_TRACKS",
    "cepstra",
    "mel_power",
    "relative_db",
    "spectral_shape",
]

N_MEL = 26
N_CEPSTRA = 19

_FREQUENCY_HZ = (np.arange(N_BINS) * BIN_HZ).astype(np.float32)
_MEL_LOW_HZ, _MEL_HIGH_HZ = 50.0, 7800.0


def _mel(frequency_hz: np.ndarray | float) -> np.ndarray:
    """O'Shaughnessy's mel scale, as in HTK: 2595 log10(1 + f / 700)."""
    return np.asarray(2595.0 * np.log10(1.0 + np.asarray(frequency_hz) / 700.0))


def _mel_bank() -> tuple[np.ndarray, np.ndarray]:
    edges_mel = np.linspace(_mel(_MEL_LOW_HZ), _mel(_MEL_HIGH_HZ), N_MEL + 2)
    edges_hz = 700.0 * (10.0 ** (edges_mel / 2595.0) - 1.0)
    left, centre, right = edges_hz[:-2], edges_hz[1:-1], edges_hz[2:]
    rising = (_FREQUENCY_HZ[:, None] - left) / (centre - left)
    falling = (right - _FREQUENCY_HZ[:, None]) / (right - centre)
    return np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32), centre


_MEL_BANK, MEL_CENTRES_HZ = _mel_bank()


def _cosine_matrix() -> np.ndarray:
    """DCT-II without its zeroth row, orthonormal: ``(N_MEL, N_CEPSTRA)``."""
    band = np.arange(N_MEL) + 0.5
    rows = np.cos(np.pi / N_MEL * np.outer(band, np.arange(1, N_CEPSTRA + 1)))
    return np.asarray((rows * np.sqrt(2.0 / N_MEL)).astype(np.float32))


_COSINES = _cosine_matrix()


def relative_db(power: np.ndarray) -> np.ndarray:
    """Return power in dB; zero becomes -200 dB."""
    return np.asarray(10.0 * np.log10(np.maximum(power, np.float32(1e-20))))


def mel_power(power: np.ndarray) -> np.ndarray:
    """Return the ``(n_frames, 26)`` power in triangular mel bands from 50 Hz to 7.8 kHz."""
    return np.asarray(power @ _MEL_BANK)


def cepstra(mel_db: np.ndarray) -> np.ndarray:
    """Return the ``(n_frames, 19)`` mel-frequency cepstral coefficients 1 to 19, in dB."""
    return np.asarray(mel_db @ _COSINES)


def _bins(low_hz: float, high_hz: float) -> slice:
    return slice(round(low_hz / BIN_HZ), round(high_hz / BIN_HZ))


_SHARES_HZ = (50, 250, 650, 1000, 1600, 2400, 3200, 4500, 6000, 7800)
_FLATNESS_HZ = ((250, 1000), (1000, 2500), (2500, 4500), (4500, 7800))
_SLOPES_HZ = ((50, 500), (500, 1500), (1500, 5000))

SHAPE_TRACKS: tuple[tuple[str, str], ...] = (
    ("alpha_ratio", "dB"),
    ("hammarberg_index", "dB"),
    *((f"slope_{low}_{high}_hz", "dB/kHz") for low, high in _SLOPES_HZ),
    ("centroid", "octave"),
    ("spread", "octave"),
    ("rolloff_50", "octave"),
    ("rolloff_85", "octave"),
    ("entropy", "bit"),
    *((f"share_{low}_{high}_hz", "dB") for low, high in itertools.pairwise(_SHARES_HZ)),
    *((f"flatness_{low}_{high}_hz", "dB") for low, high in _FLATNESS_HZ),
)
"""Name and unit of each column of `spectral_shape`. Octaves are relative to 1 kHz."""


def spectral_shape(power: np.ndarray) -> np.ndarray:
    """Describe the shape of each spectrum; nothing here depends on its level.

    Alpha ratio, Hammarberg index and the slopes 0-500 and 500-1500 Hz are defined as in Eyben et al.
    (2016), "The Geneva minimalistic acoustic parameter set (GeMAPS)", IEEE Trans. Affective Computing 7.

    Args:
        power: ``(n_frames, n_bins)`` float32, floored above zero.

    Returns:
        ``(n_frames, len(SHAPE_TRACKS))`` float32.
    """
    db = relative_db(power)
    low, high = power[:, _bins(50, 1000)].sum(1), power[:, _bins(1000, 5000)].sum(1)
    columns = [
        relative_db(low / high),
        db[:, _bins(50, 2000)].max(1) - db[:, _bins(2000, 5000)].max(1),
        *(_slope(db, *edges) for edges in _SLOPES_HZ),
        *_distribution(power),
    ]
    total = power[:, _bins(_SHARES_HZ[0], _SHARES_HZ[-1])].sum(1)
    for low_hz, high_hz in itertools.pairwise(_SHARES_HZ):
        columns.append(relative_db(power[:, _bins(low_hz, high_hz)].sum(1) / total))
    for low_hz, high_hz in _FLATNESS_HZ:
        band = _bins(low_hz, high_hz)
        columns.append(db[:, band].mean(1) - relative_db(power[:, band].mean(1)))
    return np.stack(columns, axis=1)


def _slope(db: np.ndarray, low_hz: float, high_hz: float) -> np.ndarray:
    band = _bins(low_hz, high_hz)
    khz = _FREQUENCY_HZ[band] / 1000.0
    centred = khz - khz.mean()
    return np.asarray(db[:, band] @ (centred / (centred**2).sum()))


def _distribution(power: np.ndarray) -> list[np.ndarray]:
    """Centroid, spread, two roll-off points and entropy of power along log frequency."""
    band = _bins(50, 7800)
    octave = np.log2(_FREQUENCY_HZ[band] / 1000.0)
    probability = power[:, band] / power[:, band].sum(1, keepdims=True)
    centroid = probability @ octave
    spread = np.sqrt(np.maximum(probability @ octave**2 - centroid**2, 0.0))
    cumulative = np.cumsum(probability, axis=1)
    last = len(octave) - 1
    rolloff_50 = octave[np.minimum((cumulative < 0.50).sum(1), last)]
    rolloff_85 = octave[np.minimum((cumulative < 0.85).sum(1), last)]
    entropy = -(probability * np.log2(np.maximum(probability, 1e-12))).sum(1)
    return [centroid, spread, rolloff_50, rolloff_85, entropy]
