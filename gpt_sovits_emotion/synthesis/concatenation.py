"""Lay what was said out on the timing of the original."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gpt_sovits_emotion.audio import ANALYSIS_RATE_HZ, resample
from gpt_sovits_emotion.core.records import Audio, Synthesis, SynthesisedSegment, TaggedTranscript

__all__ = ["LEAST_GAP_S", "join", "timed_as_spoken"]

LEAST_GAP_S = 0.15
"""Silence between two parts of which the first outlasts its original."""


def join(
    starts: Sequence[float],
    parts: Sequence[SynthesisedSegment],
    duration_s: float,
    *,
    gap_s: float = LEAST_GAP_S,
) -> tuple[tuple[SynthesisedSegment, ...], Audio]:
    """Lay each part at its original start, or right after a part before it that runs longer.

    The backend may have changed its rate in between (another model version was loaded); the highest rate
    that it spoke at is kept.

    Args:
        starts: Where each part began in the original, seconds.
        parts: What was said.
        duration_s: Length of the original; the whole is at least as long.
        gap_s: Silence between two parts of which the first outlasts its original.
    """
    rates = {part.audio.sampling_rate_hz for part in parts if part.audio is not None}
    sampling_rate_hz = max(rates, default=ANALYSIS_RATE_HZ)
    segments: list[SynthesisedSegment] = []
    free_s = 0.0
    for start_s, part in zip(starts, parts, strict=True):
        at_s = max(start_s, free_s)
        audio = None if part.audio is None else resample(part.audio, sampling_rate_hz)
        segments.append(replace(part, start_s=at_s, audio=audio))
        if audio is not None:
            free_s = at_s + audio.duration_s + gap_s
    end_s = max(duration_s, free_s)
    samples = np.zeros(round(end_s * sampling_rate_hz) + 1, np.float32)
    for segment in segments:
        if segment.audio is not None:
            first = round(segment.start_s * sampling_rate_hz)
            samples[first : first + len(segment.audio.samples)] += segment.audio.samples
    return tuple(segments), Audio(samples, sampling_rate_hz)


def timed_as_spoken(transcript: TaggedTranscript, synthesis: Synthesis) -> TaggedTranscript:
    """Give the segments of a written transcript the times at which they were said.

    Args:
        transcript: From `written_transcript`.
        synthesis: Of it.
    """
    segments = []
    for tagged, said in zip(transcript.segments, synthesis.segments, strict=True):
        end_s = said.start_s + (said.audio.duration_s if said.audio else 0.0)
        segments.append(
            replace(tagged, segment=replace(tagged.segment, start_s=said.start_s, end_s=end_s))
        )
    info = replace(
        transcript.recording,
        duration_s=synthesis.joined.duration_s,
        original_sampling_rate_hz=synthesis.joined.sampling_rate_hz,
        original_channels=1,
    )
    return replace(transcript, recording=info, segments=tuple(segments))
