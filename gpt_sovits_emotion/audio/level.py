"""The level of a recording, the gain that brings a quiet one up, and the speed at which audio is played."""

from __future__ import annotations

import math

import numpy as np

from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import Sentence

__all__ = [
    "SILENCE_DBFS",
    "LevelMeter",
    "at_speed",
    "gain_to_target_db",
    "level_warnings",
]

SILENCE_DBFS = -80.0
"""Below this there is nothing but dither and converter noise."""

_TARGET_LEVEL_DBFS = -26.0  # nominal active speech level of ITU-T P.56 and P.830
_PEAK_CEILING_DBFS = -1.0
_QUIET_DBFS = -50.0
_FRAME_S = 0.05
_ACTIVE_RANGE_DB = 20.0
_CLIPPED_SHARE = 1e-3
_BEYOND_DBFS = 6.0
_WILD_PEAK = 100.0
_FEWEST_FRAMES = 4  # 0.2 s of sound, the shortest recording that is taken


def gain_to_target_db(meter: LevelMeter) -> float:
    """Return the gain that brings speech to -26 dBFS without clipping.

    It is negative only where the speech is louder than full scale allows: the samples are floating-point
    numbers that some program wrote in the range of integers.
    """
    gain_db = _TARGET_LEVEL_DBFS - meter.level_dbfs
    if meter.is_beyond_full_scale:
        return gain_db
    room_db = _PEAK_CEILING_DBFS - _decibels(meter.peak**2)
    return max(min(gain_db, room_db), 0.0)


class LevelMeter:
    """Level, peak and clipping of a stream of samples, in one pass."""

    def __init__(self, sampling_rate_hz: int) -> None:
        self._frame = round(_FRAME_S * sampling_rate_hz)
        self._rest = np.empty(0, np.float32)
        self._powers: list[np.ndarray] = []
        self.peak = 0.0
        self.n_clipped = 0
        self.n_samples = 0

    def add(self, samples: np.ndarray) -> None:
        """Take in the next ``(n_samples,)`` of the stream."""
        magnitude = np.abs(samples)
        self.peak = max(self.peak, float(magnitude.max(initial=0.0)))
        self.n_clipped += int(np.count_nonzero(magnitude >= 0.999))
        self.n_samples += len(samples)
        samples = np.concatenate([self._rest, samples])
        n_frames = len(samples) // self._frame
        frames = samples[: n_frames * self._frame].reshape(n_frames, self._frame)
        self._powers.append(np.mean(np.square(frames, dtype=np.float64), axis=1))
        self._rest = samples[n_frames * self._frame :]

    @property
    def is_beyond_full_scale(self) -> bool:
        """Whether the speech is louder than anything that fits between -1 and 1."""
        return _decibels(self._loud()) > _BEYOND_DBFS

    @property
    def has_wild_samples(self) -> bool:
        """Whether single samples stand far beyond full scale in a recording that fits it."""
        return self.peak > _WILD_PEAK and not self.is_beyond_full_scale

    @property
    def level_dbfs(self) -> float:
        """Mean power of the frames that lie within 20 dB of the loud ones: of the speech, roughly."""
        powers, loud = self._frames(), self._loud()
        return _decibels(float(powers[powers >= loud * 10 ** (-_ACTIVE_RANGE_DB / 10)].mean()))

    def _frames(self) -> np.ndarray:
        powers = np.concatenate(self._powers) if self._powers else np.empty(0)
        return (
            powers if len(powers) else np.array([np.mean(np.square(self._rest, dtype=np.float64))])
        )

    def _loud(self) -> float:
        """Return the power of the loud frames."""
        powers = self._frames()
        loud = float(np.quantile(powers, 0.95))
        if _decibels(loud) < SILENCE_DBFS:
            # A few words in a long recording: more than 95 % of it may be digital silence.
            heard = powers[powers > 10 ** (SILENCE_DBFS / 10)]
            loud = float(np.quantile(heard, 0.95)) if len(heard) >= _FEWEST_FRAMES else loud
        return loud


def level_warnings(level_dbfs: float, meter: LevelMeter) -> tuple[Sentence, ...]:
    """Say what a person should know of a recording's level."""
    warnings = []
    if meter.is_beyond_full_scale:
        warnings.append(
            tr(
                "the samples reach {peak:.3g} times full scale (floating-point numbers in the range of "
                "integers): it was turned down",
                peak=meter.peak,
            )
        )
        return tuple(warnings)
    if level_dbfs < _QUIET_DBFS:
        warnings.append(
            tr(
                "very quiet ({level_dbfs:.0f} dBFS): noise was raised along with the voice",
                level_dbfs=level_dbfs,
            )
        )
    if meter.n_clipped > _CLIPPED_SHARE * meter.n_samples:
        share = 100 * meter.n_clipped / meter.n_samples
        warnings.append(
            tr(
                "clipped: {share:.1f} % of the samples are at full scale, loudness is unreliable",
                share=share,
            )
        )
    return tuple(warnings)


def _decibels(power: float) -> float:
    return 10 * math.log10(max(power, 1e-20))


_FINEST = 50  # speeds are taken to the nearest fraction with no larger denominator


def at_speed(samples: np.ndarray, speed: float) -> np.ndarray:
    """Return samples as a tape gives them that runs `speed` times as fast: it sounds like another speaker.

    Args:
        samples: ``(n_samples,)``.
        speed: Above 1 is faster, shorter and higher.

    Returns:
        About ``n_samples / speed`` samples at the same sampling rate; the same array where `speed` is 1.
    """
    if speed == 1.0:
        return samples
    from fractions import Fraction

    from scipy.signal import resample_poly

    ratio = Fraction(speed).limit_denominator(_FINEST)
    played: np.ndarray = resample_poly(samples, ratio.denominator, ratio.numerator)
    return played.astype(samples.dtype, copy=False)
