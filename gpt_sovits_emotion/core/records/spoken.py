"""Records of what was said again, and of how it was heard then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gpt_sovits_emotion.core.records.banks import ReferenceChoice, ReferenceClip
from gpt_sovits_emotion.core.records.base import Record, Sentence
from gpt_sovits_emotion.core.records.features import Prosody
from gpt_sovits_emotion.core.records.sound import Audio
from gpt_sovits_emotion.core.records.tags import EmotionScores, TaggedTranscript

__all__ = [
    "Carried",
    "RoundTripReport",
    "RoundTripSegment",
    "Synthesis",
    "SynthesisedSegment",
    "Take",
]


@dataclass(frozen=True, slots=True)
class Carried(Record):
    """How the emotion got into one segment, where that was not by a clip of the voice alone.

    Attributes:
        way: ``recording`` (a piece of what was heard gave the prosody), ``bank`` (a clip of another voice
            did) or ``clip`` (a clip of the voice, because the piece could not serve).
        prompt_text: What is said in the prosody prompt.
        start_s, end_s: Which piece of the recording it is, seconds; None where it is a clip.
        timbre: File names of the voice's clips that gave the timbre.
        note: The same for a person.
    """

    way: str
    prompt_text: str
    start_s: float | None
    end_s: float | None
    timbre: tuple[str, ...]
    note: Sentence


@dataclass(frozen=True, slots=True)
class Take(Record):
    """One of several syntheses of a segment, with the numbers by which one was kept.

    None stands where nothing was measured: the judge does not know the wanted emotion, or no Whisper model
    listened.

    Attributes:
        number: From 1 on.
        clip: The reference it was said with.
        seed: The seed it was said with.
        duration_s: Its length; None when it could not be said.
        heard: What the judge heard in it.
        emotion: How much of the wanted emotion is left, 0 to 1: the judge's probability of the wanted label,
            or, where the original was unsure, the share in which the two distributions agree.
        text: What Whisper heard in it.
        character_errors: Edits that turn `text` into what was to be said, per character of that.
        score: Emotion times one minus the character errors; what is not known counts as 1.
        kept: Whether this is the one that was kept.
        problem: Why it could not be said, or not be judged.
    """

    number: int
    clip: ReferenceClip
    seed: int
    duration_s: float | None
    heard: EmotionScores | None = None
    emotion: float | None = None
    text: str | None = None
    character_errors: float | None = None
    score: float | None = None
    kept: bool = False
    problem: Sentence | None = None


@dataclass(frozen=True, slots=True, eq=False)
class SynthesisedSegment:
    """One segment said again.

    `start_s` is where it begins in the joined audio. `audio` is None when the segment was not spoken;
    `problem` then says why. `takes` holds all takes where there were several; `audio` is the one kept.
    """

    index: int
    start_s: float
    audio: Audio | None
    problem: Sentence | None = None
    carried: Carried | None = None
    takes: tuple[Take, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Synthesis:
    """All segments said again, and joined on the original timing.

    Attributes:
        segments: One per segment of the transcript, same order.
        joined: The whole, each segment at its original start or, where the one before it runs longer,
            right after it.
        host_id: Who spoke.
        host_title: The host's name for people.
        voice: Name of the bank's voice.
        carry: How the emotion was carried: ``clip``, ``recording`` or ``bank`` (`carry.ProsodySource`).
        carry_note: The same for a person.
    """

    segments: tuple[SynthesisedSegment, ...]
    joined: Audio
    host_id: str
    host_title: Sentence
    voice: str
    carry: str = "clip"
    carry_note: Sentence | None = None


@dataclass(frozen=True, slots=True)
class RoundTripSegment(Record):
    """What was wanted of one segment, and what is heard in its resynthesis.

    `survived` is True when the label heard is the one wanted, False when it is another, None when there
    was nothing to compare (not spoken, wanted ``unsure``, or the judge does not know the label).
    """

    index: int
    wanted: str
    choice: ReferenceChoice | None
    heard: EmotionScores | None
    prosody: Prosody | None
    survived: bool | None
    note: Sentence
    carried: Carried | None = None
    takes: tuple[Take, ...] = ()


@dataclass(frozen=True, slots=True)
class RoundTripReport(Record):
    """The whole round trip in one document.

    Attributes:
        transcript: What was heard.
        segments: One verdict per segment.
        host_id, host_title, voice: Who spoke, with which voice.
        bank_synthetic: True when the reference bank is synthetic.
        judge_id: The head that listened again.
        judge_is_tagger: True when that is the head that tagged the original: its verdict then says that
            the round trip is consistent, not that a person would agree.
        survived: How many segments kept their emotion, of `compared`.
        files: What was written, role -> file name.
        carry, carry_note: How the emotion was carried, as in `Synthesis`.
        judged_against: Against whose usual way of speaking the judge heard the output; None when nothing
            was spoken.
    """

    transcript: TaggedTranscript
    segments: tuple[RoundTripSegment, ...]
    host_id: str
    host_title: Sentence
    voice: str
    bank_synthetic: bool
    judge_id: str
    judge_is_tagger: bool
    files: Mapping[str, str] = field(default_factory=dict)
    carry: str = "clip"
    carry_note: Sentence | None = None
    judged_against: Sentence | None = None

    @property
    def compared(self) -> int:
        """Segments on which there was something to compare."""
        return sum(segment.survived is not None for segment in self.segments)

    @property
    def survived(self) -> int:
        """Segments whose emotion survived."""
        return sum(segment.survived is True for segment in self.segments)
