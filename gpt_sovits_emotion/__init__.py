"""Emotion for GPT-SoVITS: transcribe a recording, label its emotions, and speak it again in them.

    import gpt_sovits_emotion as gse

    result = gse.load().annotate("talk.m4a")
    for segment in result.segments:
        print(segment.label, segment.text)

`__all__` is the public interface; everything else may change. See docs/python.md.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

__all__ = [
    "Annotation",
    "Annotator",
    "EmotionError",
    "Spoken",
    "Voice",
    "__version__",
    "load",
    "open_voice",
]

_MODULE_OF = {
    "Annotation": "results",
    "EmotionError": "core.errors",
    "Spoken": "results",
    "Voice": "results",
}


def __getattr__(name: str) -> Any:
    """Bring a public name when it is first asked for: importing the package loads nothing."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF.get(name, 'front')}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
