"""Records of what was said and when."""

from __future__ import annotations

from dataclasses import dataclass

from gpt_sovits_emotion.core.records.base import Record, Sentence

__all__ = ["WRITTEN", "RemovedText", "Segment", "Transcript", "Word"]


@dataclass(frozen=True, slots=True)
class Word(Record):
    """One word with its times; `probability` is the recogniser's own (0 to 1), None when unknown."""

    start_s: float
    end_s: float
    text: str
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class Segment(Record):
    """A stretch of speech: the unit that is tagged and spoken again.

    `text` may be empty; `speaker` is who says it, "" where nobody said so.
    """

    start_s: float
    end_s: float
    text: str
    language: str = ""
    words: tuple[Word, ...] = ()
    speaker: str = ""

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class RemovedText(Record):
    """Text that the recogniser gave and a guard took out, with the reason; never silently lost."""

    start_s: float
    end_s: float
    text: str
    reason: str


WRITTEN = "written"
"""Source of a transcript that a person wrote to have it said: there is no recording behind it."""


@dataclass(frozen=True, slots=True)
class Transcript(Record):
    """What was said and when.

    Attributes:
        segments: In order of time, not overlapping.
        language: Code of the recording's main language ("zh", "en", …), "" when unknown.
        source: Where the words come from: ``faster-whisper:small``, ``file:talk.srt``, ``none``, `WRITTEN`.
        removed: What guards against hallucinated text took out.
        notes: What a person should know of how a file was read.
    """

    segments: tuple[Segment, ...]
    language: str
    source: str
    removed: tuple[RemovedText, ...] = ()
    notes: tuple[Sentence, ...] = ()
