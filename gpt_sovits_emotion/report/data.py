"""What a timeline is drawn from: a few thousand numbers, however long the recording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gpt_sovits_emotion.core.labels import UNSURE, canonical_label
from gpt_sovits_emotion.core.records import Audio, FrameTracks, TaggedSegment

if TYPE_CHECKING:
    from gpt_sovits_emotion.audio import Recording

__all__ = ["TimelineData", "TimelineSegment", "timeline_of_audio", "timeline_of_recording"]

MAX_COLUMNS = 4800
"""Columns of the envelope: as many pixels as the widest picture has."""

_LEAST_HOP_S = 0.002
_BLOCK_S = 60.0


@dataclass(frozen=True, slots=True)
class TimelineSegment:
    """One box of the emotion ribbon; `confidence` is None where a person set the label."""

    start_s: float
    end_s: float
    label: str
    confidence: float | None = None
    by_hand: bool = False

    @classmethod
    def of(cls, tagged: TaggedSegment) -> TimelineSegment:
        """Return the box of a tagged segment."""
        label = canonical_label(tagged.label) or UNSURE
        by_hand = tagged.corrected_label is not None
        scores = None if by_hand else tagged.scores
        return cls(
            tagged.segment.start_s,
            tagged.segment.end_s,
            label,
            scores.confidence if scores else None,
            by_hand,
        )


@dataclass(frozen=True, slots=True, eq=False)
class TimelineData:
    """Everything that one timeline shows.

    Attributes:
        duration_s: Length of the recording.
        envelope: ``(n_columns, 2)`` float32, lowest and highest sample of each column.
        envelope_hop_s: Seconds per column.
        f0_hz: ``(n_frames,)`` float32, NaN where unvoiced or not measured.
        f0_hop_s: Seconds between frames; frame i stands at ``i * f0_hop_s``.
        segments: The emotion ribbon.
        title: What was recorded, for a person.
        lanes: Labels that get a lane even where no segment has them, so that two pictures compare.
    """

    duration_s: float
    envelope: np.ndarray
    envelope_hop_s: float
    f0_hz: np.ndarray
    f0_hop_s: float
    segments: tuple[TimelineSegment, ...]
    title: str = ""
    lanes: tuple[str, ...] = ()


def timeline_of_recording(
    recording: Recording,
    segments: Sequence[TaggedSegment],
    *,
    tracks: Sequence[FrameTracks | None] = (),
    title: str = "",
) -> TimelineData:
    """Gather a timeline from a recording, read in blocks of a minute.

    Args:
        recording: Hours long if need be.
        segments: Its tagged segments.
        tracks: Per segment its frame tracks, with times from the segment's start; none draws no F0.
        title: What was recorded; its file name when empty.
    """
    rate_hz = recording.sampling_rate_hz
    hop = _hop_samples(recording.duration_s, rate_hz)
    block_s = max(int(_BLOCK_S * rate_hz) // hop, 1) * hop / rate_hz
    n_blocks = int(np.ceil(recording.duration_s / block_s))
    parts = [
        _envelope(recording.read(i * block_s, (i + 1) * block_s).samples, hop)
        for i in range(n_blocks)
    ]
    return _timeline(
        np.concatenate(parts) if parts else np.zeros((0, 2), np.float32),
        hop / rate_hz,
        recording.duration_s,
        segments,
        tracks,
        title or recording.info.name,
    )


def timeline_of_audio(
    audio: Audio,
    segments: Sequence[TaggedSegment],
    *,
    tracks: Sequence[FrameTracks | None] = (),
    title: str = "",
) -> TimelineData:
    """Gather a timeline from audio in memory. Arguments as for `timeline_of_recording`."""
    hop = _hop_samples(audio.duration_s, audio.sampling_rate_hz)
    return _timeline(
        _envelope(audio.samples, hop),
        hop / audio.sampling_rate_hz,
        audio.duration_s,
        segments,
        tracks,
        title,
    )


def _timeline(
    envelope: np.ndarray,
    envelope_hop_s: float,
    duration_s: float,
    segments: Sequence[TaggedSegment],
    tracks: Sequence[FrameTracks | None],
    title: str,
) -> TimelineData:
    f0_hz, f0_hop_s = _whole_f0(segments, tracks, duration_s)
    return TimelineData(
        duration_s=duration_s,
        envelope=envelope,
        envelope_hop_s=envelope_hop_s,
        f0_hz=f0_hz,
        f0_hop_s=f0_hop_s,
        segments=tuple(TimelineSegment.of(tagged) for tagged in segments),
        title=title,
    )


def _hop_samples(duration_s: float, sampling_rate_hz: int) -> int:
    hop_s = max(_LEAST_HOP_S, duration_s / MAX_COLUMNS)
    return int(np.ceil(hop_s * sampling_rate_hz))


def _envelope(samples: np.ndarray, hop: int) -> np.ndarray:
    if len(samples) == 0:
        return np.zeros((0, 2), np.float32)
    edges = np.arange(0, len(samples), hop)
    low, high = np.minimum.reduceat(samples, edges), np.maximum.reduceat(samples, edges)
    envelope: np.ndarray = np.stack([low, high], axis=1).astype(np.float32, copy=False)
    return envelope


def _whole_f0(
    segments: Sequence[TaggedSegment], tracks: Sequence[FrameTracks | None], duration_s: float
) -> tuple[np.ndarray, float]:
    """Lay the segments' F0 tracks out over the whole recording."""
    measured = [track for track in tracks if track is not None]
    if not measured:
        return np.zeros(0, np.float32), 0.01
    hop_s = measured[0].hop_s
    whole = np.full(int(np.ceil(duration_s / hop_s)) + 1, np.nan, np.float32)
    for tagged, track in zip(segments, tracks, strict=True):
        if track is None:
            continue
        first = round(tagged.segment.start_s / hop_s)
        room = whole[first : first + len(track.f0_hz)]
        room[:] = track.f0_hz[: len(room)]
    return whole, hop_s
