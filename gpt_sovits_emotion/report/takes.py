"""The takes of a segment, as lines that the page lays out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gpt_sovits_emotion.core.records import Sentence, Take
from gpt_sovits_emotion.synthesis.takes import told

__all__ = ["TakeLine", "take_lines"]


@dataclass(frozen=True, slots=True)
class TakeLine:
    """One take: the reference and the seed it was said with, what was heard, and whether it was kept."""

    number: int
    clip: str
    seed: int
    told: Sentence
    text: str
    kept: bool


def take_lines(takes: Sequence[Take]) -> tuple[TakeLine, ...]:
    """Return one line per take; a clip by its file name alone, since folders may name a person."""
    return tuple(
        TakeLine(
            take.number, take.clip.path.name, take.seed, told(take), take.text or "", take.kept
        )
        for take in takes
    )
