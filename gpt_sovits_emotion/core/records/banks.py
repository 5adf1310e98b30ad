"""Records of a voice's reference clips, and of the choice among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gpt_sovits_emotion.core.records.base import Record, Sentence

__all__ = ["ClipQuality", "ReferenceBank", "ReferenceCandidate", "ReferenceChoice", "ReferenceClip"]


@dataclass(frozen=True, slots=True)
class ClipQuality(Record):
    """How a clip was recorded, in a few numbers; None where there is nothing to measure.

    Attributes:
        level_dbfs: Level of the active speech as it lies on disk, dB relative to full scale.
        snr_db: Estimated level of the speech over that of the background, dB.
        clipped: Share of samples at full scale, 0 to 1.
        rate_syl_per_s: Syllable nuclei per second of speech.
        f0_median_hz: Median fundamental frequency of voiced frames.
    """

    level_dbfs: float | None
    snr_db: float | None
    clipped: float
    rate_syl_per_s: float | None
    f0_median_hz: float | None


@dataclass(frozen=True, slots=True)
class ReferenceClip(Record):
    """One clip of a voice that could be given to the host as reference.

    Attributes:
        path: Audio file.
        emotion: Canonical label or free string; "" for the bank's default slot.
        text: What is said in it; "" when unknown.
        language: Language code; "" when unknown.
        duration_s: Length, None when the file cannot be read.
        problem: Why it cannot be used (unreadable, too short, too long, duplicate), None when it can.
        filed_by: Who says that it carries `emotion`: ``person`` (the maker of the bank) or ``head``.
        probabilities: Label -> calibrated probability, as a head heard it; empty when none has listened.
        intensity: How far it lies from this voice's ordinary way of speaking, 0 (not at all) to 1 (as far
            as any clip of the voice); None when unknown.
        quality: How it was recorded; None when not measured.
        consistency: How much it sounds like the other clips of its bank, 0 to 1: low is another speaker,
            or a damaged clip; None when not measured.
        doubts: What a person should know of a clip that can be used all the same.
        text_error: Character error rate of what Whisper hears in it against `text`, where that was given;
            None where nobody compared the two.
    """

    path: Path
    emotion: str
    text: str
    language: str
    duration_s: float | None
    problem: Sentence | None = None
    filed_by: str = "person"
    probabilities: Mapping[str, float] = field(default_factory=dict)
    intensity: float | None = None
    quality: ClipQuality | None = None
    consistency: float | None = None
    doubts: tuple[Sentence, ...] = ()
    text_error: float | None = None


@dataclass(frozen=True, slots=True)
class ReferenceBank(Record):
    """The reference clips of one voice.

    Attributes:
        voice: Name of the voice.
        root: Folder of the bank.
        layout: How it lies on disk: ``folders``, ``infer_config``, ``names``, ``list``, … (`references`).
        clips: All clips found, the unusable ones with their problem.
        synthetic: True when the bank was made by a speech synthesiser and says so.
        settings: What else the bank's file holds (gpt_path, sovits_path, …), kept as it was.
        head_id: The head that listened to its clips; "" when none has.
        pins: Emotion -> the clip that a person wants for it.
        notes: What a person should know of the bank as a whole, from whoever built it.
    """

    voice: str
    root: Path
    layout: str
    clips: tuple[ReferenceClip, ...]
    synthetic: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    head_id: str = ""
    pins: Mapping[str, Path] = field(default_factory=dict)
    notes: tuple[Sentence, ...] = ()

    @property
    def usable(self) -> tuple[ReferenceClip, ...]:
        """The clips without a problem."""
        return tuple(clip for clip in self.clips if clip.problem is None)


@dataclass(frozen=True, slots=True)
class ReferenceCandidate(Record):
    """A clip with its rank score (higher is better) and the reason for it."""

    clip: ReferenceClip
    score: float
    reason: Sentence


@dataclass(frozen=True, slots=True)
class ReferenceChoice(Record):
    """The clip chosen for one segment, and what else was on the table.

    Attributes:
        wanted: The emotion asked for.
        candidates: Ranked, best first; the pick is among them.
        pick: The clip that will be used.
        reason: Why it was picked.
        substituted: True when the bank has no clip of `wanted` and another emotion stands in.
        manual: True when a person chose it.
    """

    wanted: str
    candidates: tuple[ReferenceCandidate, ...]
    pick: ReferenceClip
    reason: Sentence
    substituted: bool = False
    manual: bool = False
