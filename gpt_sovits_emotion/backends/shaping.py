"""Reference clips as backends want them; a voice's spectrum and noise, and renderings brought to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gpt_sovits_emotion.audio import ANALYSIS_RATE_HZ, read_clip
from gpt_sovits_emotion.core.errors import AudioError, BackendError
from gpt_sovits_emotion.core.messages import of_error, tr
from gpt_sovits_emotion.core.records import Audio, ReferenceClip

__all__ = [
    "REFERENCE_S",
    "SpectralBalance",
    "harmonicity_db",
    "limit_peaks",
    "match_balance",
    "read_reference",
    "spectral_balance",
    "trim_silence",
]

_BANDS_PER_OCTAVE = 3
_LOWEST_BAND_HZ = 100.0
_N_BANDS = 19  # third octaves from 100 Hz to 6.4 kHz
_FRAME_S = 0.032
_ACTIVE_RANGE_DB = 30.0
_MOST_CORRECTION_DB = 15.0
_PERIOD_FRAME_S = 0.04
_LOWEST_F0_HZ, _HIGHEST_F0_HZ = 75.0, 450.0
_VOICED_RANGE_DB = 20.0
_VOICING_THRESHOLD = 0.45
_CEILING = 0.89  # -1 dBFS
_LIMITER_S = 0.005
_EDGE_S = 0.03
_FADE_S = 0.005


@dataclass(frozen=True, slots=True, eq=False)
class SpectralBalance:
    """Long-term average spectrum of speech, in third octaves.

    Attributes:
        centres_hz: ``(n_bands,)`` band centres.
        level_db: ``(n_bands,)`` level of each band, relative to all bands together; the audio's rate does
            not matter as long as it holds them.
    """

    centres_hz: np.ndarray
    level_db: np.ndarray


def spectral_balance(audio: Audio) -> SpectralBalance:
    """Measure the long-term average spectrum over the frames within 30 dB of the loudest."""
    from scipy import fft

    n_frame = 2 * round(_FRAME_S * audio.sampling_rate_hz / 2)
    n_fft = fft.next_fast_len(n_frame, real=True)
    samples = np.pad(audio.samples, (0, max(n_frame - len(audio.samples), 0)))
    frames = np.lib.stride_tricks.sliding_window_view(samples, n_frame)[:: n_frame // 2]
    window = np.hanning(n_frame).astype(np.float32)
    power = np.abs(fft.rfft(frames * window, n_fft, axis=1)) ** 2
    frame_power = power.sum(axis=1)
    active = frame_power >= frame_power.max() * 10 ** (-_ACTIVE_RANGE_DB / 10)
    spectrum = power[active].mean(axis=0)
    frequency_hz = fft.rfftfreq(n_fft, 1 / audio.sampling_rate_hz)
    centres_hz = _LOWEST_BAND_HZ * 2 ** (np.arange(_N_BANDS) / _BANDS_PER_OCTAVE)
    half_band = 2 ** (0.5 / _BANDS_PER_OCTAVE)
    levels = []
    for centre_hz in centres_hz:
        inside = (frequency_hz >= centre_hz / half_band) & (frequency_hz < centre_hz * half_band)
        if not inside.any():
            inside = np.abs(frequency_hz - centre_hz) == np.abs(frequency_hz - centre_hz).min()
        levels.append(spectrum[inside].sum())
    band_power = np.asarray(levels)
    relative = band_power / max(float(band_power.sum()), 1e-20)
    return SpectralBalance(centres_hz, 10 * np.log10(np.maximum(relative, 1e-9)))


def match_balance(audio: Audio, *, have: SpectralBalance, want: SpectralBalance) -> Audio:
    """Filter `audio` so that its long-term spectrum goes from `have` to `want`.

    Third-octave differences, smoothed over neighbours and held to 15 dB, as a zero-phase filter. This
    carries over how bright or dull, tense or lax a reference sounds; it does not carry over a voice.
    """
    difference_db = np.convolve(
        np.pad(want.level_db - have.level_db, 1, mode="edge"), (0.25, 0.5, 0.25), mode="valid"
    )
    difference_db = np.clip(difference_db, -_MOST_CORRECTION_DB, _MOST_CORRECTION_DB)
    from scipy import fft

    n_samples = len(audio.samples)
    n_fft = fft.next_fast_len(n_samples + round(0.1 * audio.sampling_rate_hz), real=True)
    frequency_hz = fft.rfftfreq(n_fft, 1 / audio.sampling_rate_hz)
    gain_db = np.interp(
        np.log2(np.maximum(frequency_hz, 1.0)), np.log2(have.centres_hz), difference_db
    )
    gain = (10 ** (gain_db / 20)).astype(np.float32)
    filtered = fft.irfft(fft.rfft(audio.samples, n_fft) * gain, n_fft)[:n_samples]
    return Audio(filtered, audio.sampling_rate_hz, audio.gain_db)


def harmonicity_db(audio: Audio) -> float | None:
    """Measure how far the voice stands out of its own noise: breathiness, creak and waver lower it.

    The highest peak of each frame's normalised autocorrelation between 75 and 450 Hz, as a ratio of
    periodic to other power (Boersma 1993, IFA Proceedings 17, 97-110), median over the voiced frames
    within 20 dB of the loudest.

    Returns:
        The ratio in dB, None where there is no voiced frame.
    """
    rate_hz = audio.sampling_rate_hz
    n_frame = 2 * round(_PERIOD_FRAME_S * rate_hz / 2)
    if len(audio.samples) < n_frame:
        return None
    from scipy import fft

    frames = audio.samples[: len(audio.samples) // n_frame * n_frame].reshape(-1, n_frame)
    frames = frames - frames.mean(axis=1, keepdims=True)
    power = np.square(frames).sum(axis=1)
    frames = frames[(power > 0.0) & (power >= power.max() * 10 ** (-_VOICED_RANGE_DB / 10))]
    window = np.hanning(n_frame).astype(np.float32)
    of_frames, of_window = (
        fft.irfft(np.abs(fft.rfft(signal * window, 2 * n_frame)) ** 2)[..., :n_frame]
        for signal in (frames, np.ones(n_frame, np.float32))
    )
    lags = slice(round(rate_hz / _HIGHEST_F0_HZ), round(rate_hz / _LOWEST_F0_HZ) + 1)
    normalised = of_frames[:, lags] / of_frames[:, :1] * (of_window[0] / of_window[lags])
    periodicity = np.clip(normalised.max(axis=1, initial=0.0), 0.0, 0.999)
    voiced = periodicity[periodicity > _VOICING_THRESHOLD]
    if not len(voiced):
        return None
    return float(10 * np.log10(np.median(voiced / (1.0 - voiced))))


def limit_peaks(audio: Audio) -> Audio:
    """Hold peaks under -1 dBFS by turning the level down around them, 5 ms ahead and after."""
    magnitude = np.abs(audio.samples)
    if magnitude.max(initial=0.0) <= _CEILING:
        return audio
    from scipy.ndimage import minimum_filter1d

    n_ahead = max(round(_LIMITER_S * audio.sampling_rate_hz), 1)
    width = 2 * n_ahead + 1
    needed = np.minimum(1.0, _CEILING / np.maximum(magnitude, 1e-9))
    held = minimum_filter1d(needed, 2 * width - 1, mode="nearest")
    window = np.hanning(width + 2)[1:-1]
    padded = np.pad(held, n_ahead, mode="edge")
    gain = np.convolve(padded, window / window.sum(), mode="valid")
    return Audio((audio.samples * gain).astype(np.float32), audio.sampling_rate_hz, audio.gain_db)


def trim_silence(audio: Audio, *, below_db: float = 45.0) -> Audio:
    """Cut leading and trailing silence, 30 ms of it left, with short fades.

    Args:
        audio: The rendering.
        below_db: What lies this far under the loudest 10 ms is silence.

    Returns:
        The speech; empty when there is none.
    """
    n_frame = max(round(0.01 * audio.sampling_rate_hz), 1)
    n_frames = len(audio.samples) // n_frame
    frames = audio.samples[: n_frames * n_frame].reshape(n_frames, n_frame)
    power = np.square(frames, dtype=np.float64).mean(axis=1)
    if not n_frames or power.max() <= 1e-10:
        return Audio(np.empty(0, np.float32), audio.sampling_rate_hz, audio.gain_db)
    loud = np.flatnonzero(power >= power.max() * 10 ** (-below_db / 10))
    edge = round(_EDGE_S * audio.sampling_rate_hz)
    first = max(int(loud[0]) * n_frame - edge, 0)
    last = min((int(loud[-1]) + 1) * n_frame + edge, len(audio.samples))
    samples = audio.samples[first:last].copy()
    n_fade = min(round(_FADE_S * audio.sampling_rate_hz), len(samples) // 2)
    ramp = np.linspace(0.0, 1.0, n_fade, dtype=np.float32)
    samples[:n_fade] *= ramp
    samples[len(samples) - n_fade :] *= ramp[::-1]
    return Audio(samples, audio.sampling_rate_hz, audio.gain_db)


REFERENCE_S = (3.0, 10.0)
"""Shortest and longest reference: GPT-SoVITS's own rule, so that a bank that fits one backend fits all."""


def read_reference(clip: ReferenceClip) -> Audio:
    """Read a reference clip, at the analysis rate and brought to level.

    Raises:
        BackendError: It cannot be used, cannot be read, or has a length outside 3 to 10 s.
    """
    if clip.problem is not None:
        raise BackendError(
            tr(
                "the reference clip {path} cannot be used: {problem}",
                path=clip.path.name,
                problem=clip.problem,
            )
        )
    try:
        audio = read_clip(clip.path)
    except AudioError as error:
        raise BackendError(
            tr("the reference clip cannot be used: {error}", error=of_error(error))
        ) from error
    shortest, longest = (round(limit_s * ANALYSIS_RATE_HZ) for limit_s in REFERENCE_S)
    if not shortest <= len(audio.samples) <= longest:
        raise BackendError(
            tr(
                "the reference clip {path} lasts {duration_s:.2f} s; {reference_s:g} to "
                "{reference_s_2:g} s was expected: choose another",
                path=clip.path.name,
                duration_s=audio.duration_s,
                reference_s=REFERENCE_S[0],
                reference_s_2=REFERENCE_S[1],
            )
        )
    return audio
