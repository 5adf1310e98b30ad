"""Records of what was heard in a segment, and the document that a person reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gpt_sovits_emotion.core.labels import UNSURE
from gpt_sovits_emotion.core.records.base import Record, Sentence
from gpt_sovits_emotion.core.records.features import Prosody
from gpt_sovits_emotion.core.records.sound import RecordingInfo
from gpt_sovits_emotion.core.records.words import RemovedText, Segment

__all__ = ["Cue", "EmotionScores", "TaggedSegment", "TaggedTranscript"]


@dataclass(frozen=True, slots=True)
class Cue(Record):
    """One audible difference from a baseline.

    Attributes:
        name: ``rate``, ``pitch``, ``pitch_range`` or ``loudness``.
        difference: Signed, in `unit`.
        unit: ``%`` (rate), ``st`` (semitones: pitch, pitch_range) or ``dB`` (loudness).
        baseline: ``speaker`` (median of this speaker's other segments) or ``training`` (median of the
            head's training speakers).
    """

    name: str
    difference: float
    unit: str
    baseline: str


@dataclass(frozen=True, slots=True)
class EmotionScores(Record):
    """A head's verdict on one segment.

    Attributes:
        probabilities: Label -> calibrated probability; sums to 1; in the head's order.
        label: The most probable label, or ``unsure`` when its probability is under the threshold.
        cues: What differs audibly, strongest first.
        reason: Label, probability and cues as one sentence.
    """

    probabilities: Mapping[str, float]
    label: str
    cues: tuple[Cue, ...]
    reason: Sentence

    @property
    def best_label(self) -> str:
        """The most probable label, sure or not."""
        return max(self.probabilities, key=lambda label: self.probabilities[label])

    @property
    def confidence(self) -> float:
        """Probability of `best_label`."""
        return max(self.probabilities.values())


@dataclass(frozen=True, slots=True)
class TaggedSegment(Record):
    """A segment with what was heard in it and, where a person disagreed, the correction.

    `scores` is None when the segment could not be tagged; `problem` then says why.
    """

    segment: Segment
    scores: EmotionScores | None
    prosody: Prosody | None = None
    problem: Sentence | None = None
    corrected_label: str | None = None
    corrected_text: str | None = None

    @property
    def label(self) -> str:
        """The label that counts: the person's if there is one, else the head's, else ``unsure``."""
        if self.corrected_label is not None:
            return self.corrected_label
        return self.scores.label if self.scores else UNSURE

    @property
    def text(self) -> str:
        """The text that counts: the person's if there is one, else the recogniser's."""
        return self.segment.text if self.corrected_text is None else self.corrected_text


@dataclass(frozen=True, slots=True)
class TaggedTranscript(Record):
    """The document a person reads, edits, saves and exports.

    Attributes:
        recording: What the audio was.
        segments: In order of time.
        language: Main language of the recording, "" when unknown.
        transcriber: Where the words come from (see `Transcript.source`).
        head_id: The head that tagged it.
        head_title: The head's name for people.
        normalisation: ``global`` (training statistics), ``speaker`` (this speaker's own) or ``mixed``.
        normalisation_note: Which statistics, from how many segments, and why, as a sentence.
        removed: What guards against hallucinated text took out.
        notes: What one must know before believing the labels: a language that the head was not taught.
    """

    recording: RecordingInfo
    segments: tuple[TaggedSegment, ...]
    language: str
    transcriber: str
    head_id: str
    head_title: Sentence
    normalisation: str
    normalisation_note: Sentence
    removed: tuple[RemovedText, ...] = ()
    notes: tuple[Sentence, ...] = ()

    @property
    def wordless_s(self) -> float:
        """Seconds of the segments in which somebody speaks and nobody could say what.

        0 where no words were looked for, as with the transcriber ``none``.
        """
        if self.transcriber.split(" ")[0] == "none":
            return 0.0
        return sum(one.segment.duration_s for one in self.segments if not one.text.strip())

    @property
    def wordless_note(self) -> Sentence | None:
        """`wordless_s` as a sentence; None where every segment has words."""
        if not self.wordless_s:
            return None
        return Sentence(
            f"{self.wordless_s:.1f} s of speech have no words: they were listened to twice",
            f"有 {self.wordless_s:.1f} 秒语音没有文字：已听过两遍",
        )
