"""Play audio faster or slower, pitch and formants going along."""

from __future__ import annotations

import numpy as np

__all__ = ["at_speed"]

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
