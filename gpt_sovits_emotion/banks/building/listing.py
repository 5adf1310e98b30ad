"""A bank as plain JSON, for programs that are not ours.

The shape is a promise: fields are added, none is renamed or taken away while ``version`` stays. It is
described in ``docs/banks.md``.
"""

from __future__ import annotations

from typing import Any

from gpt_sovits_emotion.core.labels import display_name
from gpt_sovits_emotion.core.records import ReferenceBank, ReferenceClip, Sentence

__all__ = ["LISTING_FORMAT", "LISTING_VERSION", "listing"]

LISTING_FORMAT = "gpt-sovits-emotion/listing"
LISTING_VERSION = 1


def listing(*banks: ReferenceBank) -> dict[str, Any]:
    """Return voices, emotions, clips and texts.

    Args:
        banks: As `banks.load_bank` gives them.

    Returns:
        Dicts, lists, strings, numbers, booleans and None.
    """
    return {
        "format": LISTING_FORMAT,
        "version": LISTING_VERSION,
        "voices": [_voice(bank) for bank in banks],
    }


def _voice(bank: ReferenceBank) -> dict[str, Any]:
    labels = sorted({clip.emotion for clip in bank.clips} | set(bank.pins))
    return {
        "voice": bank.voice,
        "folder": str(bank.root.absolute()),
        "layout": bank.layout,
        "synthetic": bank.synthetic,
        "head": bank.head_id or None,
        "n_clips": len(bank.clips),
        "n_usable": len(bank.usable),
        "notes": [_said(note) for note in bank.notes],
        "emotions": [_emotion(bank, label) for label in labels],
        "clips": [_clip(bank, clip) for clip in bank.clips],
    }


def _emotion(bank: ReferenceBank, label: str) -> dict[str, Any]:
    clips = [clip for clip in bank.usable if clip.emotion == label]
    pin = bank.pins.get(label)
    return {
        "label": label,
        "name": {"en": display_name(label), "zh": display_name(label, "zh")}
        if label
        else {"en": "default", "zh": "默认"},
        "n_usable": len(clips),
        "seconds": round(sum(clip.duration_s or 0.0 for clip in clips), 2),
        "pinned": None if pin is None else str(pin.absolute()),
    }


def _clip(bank: ReferenceBank, clip: ReferenceClip) -> dict[str, Any]:
    quality = clip.quality
    return {
        "path": str(clip.path.absolute()),
        "emotion": clip.emotion,
        "filed_by": clip.filed_by,
        "text": clip.text,
        "language": clip.language,
        "duration_s": clip.duration_s,
        "usable": clip.problem is None,
        "problem": None if clip.problem is None else _said(clip.problem),
        "probabilities": dict(clip.probabilities),
        "intensity": clip.intensity,
        "consistency": clip.consistency,
        "quality": None if quality is None else quality.to_dict(),
        "doubts": [_said(doubt) for doubt in clip.doubts],
        "pinned_for": sorted(label for label, pin in bank.pins.items() if pin == clip.path),
    }


def _said(sentence: Sentence) -> dict[str, str]:
    return {"en": sentence.en, "zh": sentence.zh}
