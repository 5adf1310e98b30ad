"""From frame tracks to the few numbers that a person understands."""

from __future__ import annotations

import numpy as np

from gpt_sovits_emotion.core.records import FrameTracks, Prosody
from gpt_sovits_emotion.encoders.prosody.rhythm import is_speech

__all__ = ["summarise"]

_SILENT_DB = -90.0
_FEWEST_VOICED = 5


def summarise(tracks: FrameTracks, duration_s: float) -> Prosody:
    """Measure median pitch, pitch range, syllable rate and loudness of speech.

    Args:
        tracks: Frame tracks of one segment.
        duration_s: Length of the segment.

    Returns:
        The numbers; None where there is nothing to measure.
    """
    voiced = np.isfinite(tracks.f0_hz)
    if tracks.loudness_db.max() <= _SILENT_DB:
        return Prosody(duration_s, 0.0, None, None, None, None)
    speech = is_speech(tracks.loudness_db, voiced)
    speech_s = min(float(speech.sum() * tracks.hop_s), duration_s)
    f0_hz = tracks.f0_hz[voiced]
    f0_median_hz = f0_range_st = None
    if len(f0_hz) >= _FEWEST_VOICED:
        low, median, high = np.percentile(f0_hz, (5, 50, 95))
        f0_median_hz, f0_range_st = float(median), float(12.0 * np.log2(high / low))
    n_nuclei = len(tracks.nuclei_s)
    mean_power = float(np.mean(10.0 ** (tracks.loudness_db[speech] / 10.0)))
    return Prosody(
        duration_s=duration_s,
        speech_s=speech_s,
        f0_median_hz=f0_median_hz,
        f0_range_st=f0_range_st,
        rate_syl_per_s=n_nuclei / speech_s if n_nuclei else None,
        loudness_dbfs=10.0 * float(np.log10(mean_power)),
    )
