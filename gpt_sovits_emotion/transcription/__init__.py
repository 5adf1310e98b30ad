"""Transcription: what was said in a recording, and when.

`transcribe` runs faster-whisper, a block of minutes at a time, and makes segments that can be labelled one by
one; hallucinated text that its guards remove is kept in the transcript's ``removed``. Other packages add
transcribers of their own (`Transcriber`, docs/extending.md). With the model ``none`` it finds speech without
transcribing it, as `segment_speech` does. Models are found by `find_model`, and by `find_local_model` where
nothing may be downloaded.
"""

from __future__ import annotations

from gpt_sovits_emotion.transcription.installed import is_installed
from gpt_sovits_emotion.transcription.models import (
    FoundModel,
    checkout_models_dir,
    find_local_model,
    find_model,
    known_models,
)
from gpt_sovits_emotion.transcription.options import (
    AUTO,
    FASTER_WHISPER,
    NO_MODEL,
    TranscribeOptions,
)
from gpt_sovits_emotion.transcription.speech import segment_speech
from gpt_sovits_emotion.transcription.transcribers import (
    Transcriber,
    known_transcriber,
    transcribe,
)

__all__ = [
    "AUTO",
    "FASTER_WHISPER",
    "NO_MODEL",
    "FoundModel",
    "TranscribeOptions",
    "Transcriber",
    "checkout_models_dir",
    "find_local_model",
    "find_model",
    "is_installed",
    "known_models",
    "known_transcriber",
    "segment_speech",
    "transcribe",
]
