"""Hear: what was said in a recording, and when.

`transcribe` runs faster-whisper, a block of minutes at a time, and brings what it heard into segments that
are fit to be tagged one by one; what its guards take out for being hallucinated stays in the transcript's
``removed``. With the model ``none`` it finds the stretches of speech and no words, as `segment_speech` does.
Models are found by `find_model`; the model ``micro`` comes with this package and knows only its sample
sentences.
"""

from __future__ import annotations

from gpt_sovits_emotion.transcribe.models import (
    FoundModel,
    checkout_models_dir,
    find_model,
    known_models,
)
from gpt_sovits_emotion.transcribe.options import MICRO, NO_MODEL, TranscribeOptions
from gpt_sovits_emotion.transcribe.recogniser import transcribe
from gpt_sovits_emotion.transcribe.speech import segment_speech

__all__ = [
    "MICRO",
    "NO_MODEL",
    "FoundModel",
    "TranscribeOptions",
    "checkout_models_dir",
    "find_model",
    "known_models",
    "segment_speech",
    "transcribe",
]
