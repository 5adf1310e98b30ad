"""Records of what was measured: frame tracks, prosody in a few numbers, a speaker's statistics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpt_sovits_emotion.core.records.base import Record

if TYPE_CHECKING:
    import numpy as np

__all__ = ["FrameTracks", "Prosody", "SpeakerStatistics"]


@dataclass(frozen=True, slots=True, eq=False)
class FrameTracks:
    """Frame-wise prosody of one stretch of audio, for plots and explanations.

    Attributes:
        hop_s: Seconds between frames; frame i is centred at ``i * hop_s``.
        f0_hz: ``(n_frames,)`` float32 fundamental frequency, NaN where unvoiced.
        loudness_db: ``(n_frames,)`` float32 level, dB relative to full scale.
        voicing: ``(n_frames,)`` float32 periodicity, 0 to 1.
        nuclei_s: ``(n_nuclei,)`` float32 times of syllable nuclei, seconds.
    """

    hop_s: float
    f0_hz: np.ndarray
    loudness_db: np.ndarray
    voicing: np.ndarray
    nuclei_s: np.ndarray


@dataclass(frozen=True, slots=True)
class Prosody(Record):
    """One segment's prosody in the few numbers that a person understands.

    None stands where there is nothing to measure (no voiced frame, no syllable).

    Attributes:
        duration_s: Length of the segment.
        speech_s: Length without leading and trailing silence and pauses.
        f0_median_hz: Median fundamental frequency of voiced frames.
        f0_range_st: 5th to 95th percentile of F0, in semitones.
        rate_syl_per_s: Syllable nuclei per second of speech.
        loudness_dbfs: Mean level of speech frames, dB relative to full scale, at the recording's level.
    """

    duration_s: float
    speech_s: float
    f0_median_hz: float | None
    f0_range_st: float | None
    rate_syl_per_s: float | None
    loudness_dbfs: float | None


@dataclass(frozen=True, slots=True, eq=False)
class SpeakerStatistics:
    """Mean and spread of one speaker's embeddings, from that speaker's own unlabelled segments.

    Attributes:
        mean: ``(dim,)`` float32, already shrunk towards the training mean by the number of segments.
        std: ``(dim,)`` float32.
        n_segments: How many segments it was gathered from.
        source: ``recording``, ``bank:<voice>``, ``file:<name>``.
    """

    mean: np.ndarray
    std: np.ndarray
    n_segments: int
    source: str
