"""Records of audio: samples, and what is known of a recording."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpt_sovits_emotion.core.records.base import Record, Sentence

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Audio", "RecordingInfo"]


@dataclass(frozen=True, slots=True, eq=False)
class Audio:
    """Validated mono audio.

    Attributes:
        samples: ``(n_samples,)`` float32, finite, at the recording's brought-up level.
        sampling_rate_hz: Samples per second.
        gain_db: Gain that was applied to bring the recording to level; subtract it to get the original.
    """

    samples: np.ndarray
    sampling_rate_hz: int
    gain_db: float = 0.0

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sampling_rate_hz


@dataclass(frozen=True, slots=True)
class RecordingInfo(Record):
    """What is known of a recording once it has been decoded.

    Attributes:
        name: File name without folders (a path may name a person; it is not kept).
        duration_s: Decoded length.
        original_sampling_rate_hz: Rate in the file, before resampling.
        original_channels: Channels in the file, before mixing down.
        level_dbfs: Level of the active speech as found, dB relative to full scale.
        gain_db: Gain applied to bring it to level.
        warnings: What a person should know: clipping, truncation, very low level.
    """

    name: str
    duration_s: float
    original_sampling_rate_hz: int
    original_channels: int
    level_dbfs: float
    gain_db: float
    warnings: tuple[Sentence, ...] = ()
