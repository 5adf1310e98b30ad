"""What Whisper's encoder reads of a clip: the logarithm of its energy in bands.

Formulas: ``whisper/audio.py`` of https://github.com/openai/whisper. As a product with the Fourier basis: 400
samples are few, so that it costs no more than a fast transform, and it is in float32 throughout.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

__all__ = ["HOP", "MOST_SAMPLES", "log_mel", "n_own_frames"]

HOP = 320
"""Samples per frame: two spectra, which the second convolution halves."""
MOST_SAMPLES = 480_000
"""The positions reach for 30 seconds."""

_RATE_HZ = 16_000
_N_FFT, _SPECTRUM_HOP = 400, 160
_AFTER = 8_000  # half a second of silence is heard after a clip: it was trained on speech that ends
_FLOOR = 1e-10
_RANGE = 8.0  # decades of energy below the loudest
_N_FRAMES_AT_LEAST = 1


def n_own_frames(n_samples: int) -> int:
    """Return how many frames a clip has of its own, the silence after it left out."""
    return max(_N_FRAMES_AT_LEAST, math.ceil(n_samples / HOP))


def log_mel(samples: np.ndarray, n_mels: int) -> np.ndarray:
    """Return what the encoder reads of a clip and the silence after it: ``(n_mels, n_spectra)`` float32.

    The same as faster-whisper's ``FeatureExtractor``: the loudest value is the reference.

    Args:
        samples: ``(n_samples,)`` float32 at 16 kHz, at most `MOST_SAMPLES`.
        n_mels: Bands.
    """
    import numpy as np

    after = min(_AFTER, MOST_SAMPLES - len(samples))
    clip = np.pad(np.asarray(samples, np.float32), (0, after))
    clip = np.pad(clip, _N_FFT // 2, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(clip, _N_FFT)[::_SPECTRUM_HOP][:-1]
    # A copy: windows that overlap in memory are multiplied without BLAS, ten times as slowly.
    parts = np.ascontiguousarray(windows) @ _basis()
    np.square(parts, out=parts)
    decades = np.log10(np.maximum(parts @ _filters(n_mels), _FLOOR))
    decades = np.maximum(decades, decades.max() - _RANGE)
    scaled: np.ndarray = ((decades + 4.0) / 4.0).T
    return np.ascontiguousarray(scaled, np.float32)


@functools.cache
def _basis() -> np.ndarray:
    """Return ``(400, 402)``: windowed cosines, then windowed sines, a column for each of 201 frequencies."""
    import numpy as np

    # Whole turns are taken off first, so that the angles are exact.
    steps = np.outer(np.arange(_N_FFT), np.arange(_N_FFT // 2 + 1)) % _N_FFT
    angles = 2 * np.pi / _N_FFT * steps
    window = np.hanning(_N_FFT + 1)[:-1, None]
    both: np.ndarray = np.concatenate([window * np.cos(angles), window * np.sin(angles)], axis=1)
    return both.astype(np.float32)


@functools.lru_cache(maxsize=2)
def _filters(n_mels: int) -> np.ndarray:
    """Return ``(402, n_mels)``: the transcriber's triangles, for the squares of cosines and of sines."""
    import numpy as np
    from faster_whisper.feature_extractor import FeatureExtractor

    triangles = FeatureExtractor.get_mel_filters(_RATE_HZ, _N_FFT, n_mels=n_mels)
    twice: np.ndarray = np.concatenate([triangles.T, triangles.T])
    return twice.astype(np.float32)
