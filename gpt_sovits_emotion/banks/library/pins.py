"""Pins: which clip a person wants for an emotion, whatever anybody heard in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gpt_sovits_emotion.banks.library.choose_words import label_names
from gpt_sovits_emotion.core.labels import slot_label
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
                Sentence(
                    f"the clip pinned for {name.en}, {path.name}, cannot be used ({why.en.rstrip('.')}): "
                    "another is chosen; put it back, or pin another (refs pin)",
                    f"为“{name.zh}”固定的片段 {path.name} 无法使用（{why.zh.rstrip('。')}）："
                    "将另选片段；请放回原处，或重新固定（refs pin）",
                )
            )
    return tuple(notes)


def why_not_usable(bank: ReferenceBank, path: Path) -> Sentence:
    """Say why a clip of a bank cannot be used."""
    held = next((clip for clip in bank.clips if clip.path == path), None)
    why = held.problem if held else None
    return why or Sentence(f"it is not in the bank {bank.root}", f"它不在音库 {bank.root} 中")


def _pins(bank: ReferenceBank) -> dict[str, Path]:
    return {slot_label(name): path for name, path in bank.pins.items()}
