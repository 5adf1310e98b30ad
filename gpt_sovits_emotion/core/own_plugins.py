"""What this package registers in its own groups of entry points: group, name, where it is.

The one table of it. ``setup.py`` makes the distribution's entry points of it, without importing the package;
`core.registry` reads it, so that all of it is there too where the package runs from a checkout on
``sys.path`` and nothing was installed.
"""

from __future__ import annotations

__all__ = ["OWN"]

_FAMILIES = "gpt_sovits_emotion.encoders.families"
_LAYOUTS = "gpt_sovits_emotion.banks.library.own_layouts"
_CORPORA = "gpt_sovits_emotion.training.corpora.readers"
_FORMATS = "gpt_sovits_emotion.transcripts.formats"

OWN: dict[str, dict[str, str]] = {
    "encoders": {
        "prosody": f"{_FAMILIES}:prosody",
        "whisper": f"{_FAMILIES}:whisper",
        "hubert": f"{_FAMILIES}:hubert",
        "sovits.style": f"{_FAMILIES}:sovits_style",
        "sovits.posterior": f"{_FAMILIES}:sovits_posterior",
    },
    "backends": {
        "embedded": "gpt_sovits_emotion.engines:open_embedded",
        "api_v2": "gpt_sovits_emotion.backends.api_v2:open_api_v2",
    },
    "transcribers": {
        "faster-whisper": "gpt_sovits_emotion.transcription.recogniser:transcribe",
    },
    "bank_layouts": {
        name: f"{_LAYOUTS}:{name}"
        for name in (
            "infer_config",
            "brackets",
            "names",
            "folders",
            "clips",
            "list",
            "emotion_manager",
            "emotion_table",
        )
    },
    "corpora": {
        name: f"{_CORPORA}:{name.replace('-', '_')}"
        for name in (
            "emodb",
            "ravdess",
            "crema-d",
            "tess",
            "savee",
            "emovo",
            "esd",
            "nemo",
            "casia",
            "iemocap",
            "csemotions",
            "marco-voice",
        )
    },
    "formats": {
        name: f"{_FORMATS}:{name.replace('-', '_')}"
        for name in (
            "json",
            "srt",
            "vtt",
            "ass",
            "txt",
            "csv",
            "rich-text",
            "list",
            "ttml",
            "sami",
            "sub",
            "sbv",
            "lrc",
            "tsv",
            "lab",
        )
    },
}
"""Group -> name -> ``module:object``."""
