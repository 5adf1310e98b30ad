"""Pins: which clip a person wants for an emotion, whatever anybody heard in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gpt_sovits_emotion.banks.library.choose_words import label_names
from gpt_sovits_emotion.core.labels import slot_label
from gpt_sovits_emotion.core.messages import in_both, tr
from gpt_sovits_emotion.core.records import ReferenceBank, ReferenceClip, Sentence

__all__ = ["pin_notes", "pinned_clips", "why_not_usable"]


def pinned_clips(bank: ReferenceBank) -> Mapping[str, ReferenceClip]:
    """Return emotion -> the clip pinned for it, "" for the default slot; of pins that can be used."""
    clips = {clip.path: clip for clip in reversed(bank.usable)}
    filed = {(clip.path, clip.emotion): clip for clip in reversed(bank.usable)}
    return {
        label: filed.get((path, label), clips[path])
        for label, path in _pins(bank).items()
        if path in clips
    }


def pin_notes(bank: ReferenceBank) -> tuple[Sentence, ...]:
    """Say which pins cannot be used, and why."""
    usable = pinned_clips(bank)
    notes = []
    for label, path in _pins(bank).items():
        if label not in usable:
            name, why = label_names(label), why_not_usable(bank, path)
            notes.append(
                tr(
                    "the clip pinned for {name}, {path}, cannot be used ({why}): another is chosen; put "
                    "it back, or pin another (refs pin)",
                    name=name,
                    path=path.name,
                    why=in_both(why.en.rstrip("."), why.zh.rstrip("。")),
                )
            )
    return tuple(notes)


def why_not_usable(bank: ReferenceBank, path: Path) -> Sentence:
    """Say why a clip of a bank cannot be used."""
    held = next((clip for clip in bank.clips if clip.path == path), None)
    why = held.problem if held else None
    return why or tr("it is not in the bank {root}", root=bank.root)


def _pins(bank: ReferenceBank) -> dict[str, Path]:
    return {slot_label(name): path for name, path in bank.pins.items()}
