"""What a contract can be tried with everywhere: a voice of numbers, a request to say, a tagged transcript."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from gpt_sovits_emotion.backends.base import SynthesisRequest
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import (
    Audio,
    EmotionScores,
    Prosody,
    RecordingInfo,
    ReferenceClip,
    Segment,
    Sentence,
    TaggedSegment,
    TaggedTranscript,
)

__all__ = ["request_for", "sample_transcript", "unspoken", "voice"]


def voice(duration_s: float, rate_hz: int, level: float) -> Audio:
    """Return a harmonic tone in syllables, which is what a contract can be tried with everywhere."""
    t = np.arange(round(duration_s * rate_hz)) / rate_hz
    phase = 2 * np.pi * np.cumsum(150 * (1 + 0.1 * np.sin(2 * np.pi * 0.7 * t))) / rate_hz
    tone = np.sum([np.sin(number * phase) / number for number in range(1, 9)], axis=0)
    loud = 0.2 + 0.8 * np.sin(2 * np.pi * 2 * t) ** 2
    return Audio((level * tone * loud).astype(np.float32), rate_hz)


def request_for(clip: Path, duration_s: float, language: str) -> SynthesisRequest:
    """Return a request to say a few words of this language with a clip."""
    reference = ReferenceClip(clip, "neutral", "good morning", language, duration_s)
    prosody = Prosody(duration_s, duration_s, 150.0, 4.0, 4.0, -25.0)
    text = {"zh": "早上好。", "ja": "おはよう。", "ko": "안녕하세요."}.get(
        language, "Good morning."
    )
    return SynthesisRequest(text, language, reference, prosody, voice_f0_hz=150.0)


def unspoken(request: SynthesisRequest) -> SynthesisRequest:
    """Return the same in a language that nobody speaks."""
    return replace(request, language="qaa")  # reserved for local use: nobody's language


def sample_transcript() -> TaggedTranscript:
    """Return a transcript of two segments, each with its emotion."""
    told = (("Good morning.", "happy", 0.5, 1.5), ("It is late.", "sad", 2.0, 3.25))
    reason = tr("heard so")
    segments = tuple(
        TaggedSegment(
            Segment(start_s, end_s, text, "en"),
            EmotionScores({label: 0.8, "neutral": 0.2}, label, (), reason),
            None,
        )
        for text, label, start_s, end_s in told
    )
    info = RecordingInfo("talk.wav", 4.0, 16_000, 1, -20.0, 0.0, ())
    nothing = Sentence("", "")
    return TaggedTranscript(info, segments, "en", "fake", "fake-head", nothing, "global", nothing)
