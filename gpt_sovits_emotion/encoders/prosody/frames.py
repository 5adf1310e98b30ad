"""Cut audio into frames and give each frame its power spectrum: the one transform all tracks share.

One window of 40 ms serves pitch, voice quality and timbre alike. It is long enough to hold three
periods of a 75 Hz voice, which Boersma (1993) asks for, and short enough to follow syllables; sharing
it makes the encoder several times faster than one transform per descriptor.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

__all__ = [
    "BIN_HZ",
    "HOP_S",
    "N_BINS",
    "N_FFT",
    "SAMPLING_RATE_HZ",
    "WINDOW",
    "frame_levels_db",
    "n_frames_of",
    "runs",
    "spectrum_blocks",
]

SAMPLING_RATE_HZ = 16_000
HOP_S = 0.010
N_FFT = 1024
N_BINS = N_FFT // 2 + 1
BIN_HZ = SAMPLING_RATE_HZ / N_FFT

_HOP = round(HOP_S * SAMPLING_RATE_HZ)
_WINDOW_LENGTH = round(0.040 * SAMPLING_RATE_HZ)
_FRAMES_PER_BLOCK = 1024

WINDOW = np.hanning(_WINDOW_LENGTH + 2)[1:-1].astype(np.float32)
"""``(640,)`` float32 Hann window, without its zero ends."""


def n_frames_of(n_samples: int) -> int:
    """Return how many frames, centred at multiples of the hop, `n_samples` give."""
    return 1 + n_samples // _HOP


def spectrum_blocks(samples: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield the power spectra of all frames in blocks of about ten seconds.

    Blocks keep the memory bounded however long the audio is.

    Args:
        samples: ``(n_samples,)`` float32 audio at 16 kHz.

    Yields:
        Which frames these are, and their ``(n_block, 513)`` float32 power, scaled so that a sine of
        amplitude 1 has a peak of 1.
    """
    from scipy import fft

    half = _WINDOW_LENGTH // 2
    padded = np.pad(samples.astype(np.float32, copy=False), (half, half + _HOP))
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW_LENGTH)[::_HOP]
    n_frames = n_frames_of(len(samples))
    scale = np.float32((2.0 / WINDOW.sum()) ** 2)
    for start in range(0, n_frames, _FRAMES_PER_BLOCK):
        stop = min(start + _FRAMES_PER_BLOCK, n_frames)
        frames = windows[start:stop]
        padded_frames = np.zeros((stop - start, N_FFT), np.float32)
        centred = frames - frames.mean(axis=1, keepdims=True)
        np.multiply(centred, WINDOW, out=padded_frames[:, :_WINDOW_LENGTH])
        spectra = fft.rfft(padded_frames, axis=1)
        yield slice(start, stop), (spectra.real**2 + spectra.imag**2) * scale


def frame_levels_db(samples: np.ndarray) -> np.ndarray:
    """Return the ``(n_frames,)`` float32 level of each frame in dB relative to full scale.

    Digital silence is -120 dB.
    """
    squares = np.concatenate([[0.0], np.cumsum(samples.astype(np.float64) ** 2)])
    centres = np.arange(n_frames_of(len(samples))) * _HOP
    half = _WINDOW_LENGTH // 2
    starts = np.clip(centres - half, 0, len(samples))
    stops = np.clip(centres + half, 0, len(samples))
    mean_square = (squares[stops] - squares[starts]) / _WINDOW_LENGTH
    return np.asarray((10.0 * np.log10(np.maximum(mean_square, 1e-12))).astype(np.float32))


def runs(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the start and stop (exclusive) of each run of True."""
    edges = np.diff(np.concatenate([[0], mask.astype(np.int8), [0]]))
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
