"""The records that flow from package to package, one per arrow of ``docs/architecture.md``.

Conventions, here and everywhere: audio is ``(n_samples,)`` float32 mono in -1 to 1; frame tracks are
``(n_frames,)`` at one hop; embeddings are ``(n_segments, dim)``; probabilities are ``(n_segments,
n_labels)``. Times are seconds from the start of the recording. Levels are dB relative to full scale.

Every record is frozen. Those that are written to disk are `Record`: they go to JSON-ready dicts with
`Record.to_dict` and come back, checked, with `Record.from_dict`.
"""

from __future__ import annotations

from gpt_sovits_emotion.core.records.banks import (
    ClipQuality,
    ReferenceBank,
    ReferenceCandidate,
    ReferenceChoice,
    ReferenceClip,
)
from gpt_sovits_emotion.core.records.base import Record, Sentence
from gpt_sovits_emotion.core.records.features import FrameTracks, Prosody, SpeakerStatistics
from gpt_sovits_emotion.core.records.sound import Audio, RecordingInfo
from gpt_sovits_emotion.core.records.spoken import (
    Carried,
    RoundTripReport,
    RoundTripSegment,
    Synthesis,
    SynthesisedSegment,
    Take,
)
from gpt_sovits_emotion.core.records.tags import Cue, EmotionScores, TaggedSegment, TaggedTranscript
from gpt_sovits_emotion.core.records.words import WRITTEN, RemovedText, Segment, Transcript, Word

__all__ = [
    "WRITTEN",
    "Audio",
    "Carried",
    "ClipQuality",
    "Cue",
    "EmotionScores",
    "FrameTracks",
    "Prosody",
    "Record",
    "RecordingInfo",
    "ReferenceBank",
    "ReferenceCandidate",
    "ReferenceChoice",
    "ReferenceClip",
    "RemovedText",
    "RoundTripReport",
    "RoundTripSegment",
    "Segment",
    "Sentence",
    "SpeakerStatistics",
    "Synthesis",
    "SynthesisedSegment",
    "TaggedSegment",
    "TaggedTranscript",
    "Take",
    "Transcript",
    "Word",
]
