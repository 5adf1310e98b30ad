"""The records that flow from room to room, one per arrow of ``docs/architecture.md``.

Conventions, here and everywhere: audio is ``(n_samples,)`` float32 mono in -1 to 1; frame tracks are
``(n_frames,)`` at one hop; embeddings are ``(n_segments, dim)``; probabilities are ``(n_segments,
n_labels)``. Times are seconds from the start of the recording. Levels are dB relative to full scale.

Every record is frozen. Those that are written to disk are `Record`: they go to JSON-ready dicts with
`Record.to_dict` and come back, checked, with `Record.from_dict`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typing_extensions import Self

from gpt_sovits_emotion.errors import TranscriptError
from gpt_sovits_emotion.labels import UNSURE

if TYPE_CHECKING:
    import numpy as np
    from pydantic import TypeAdapter

__all__ = [
    "Audio",
    "ClipQuality",
    "Cue",
    "EmotionScores",
    "FrameTracks",
    "Prosody",
    "Record",
    "RecordingInfo",
    "ReferenceBank",
    "ReferenceCandidate",
    "ReferenceChoice",
    "ReferenceClip",
    "RemovedText",
    "RoundTripReport",
    "RoundTripSegment",
    "Segment",
    "Sentence",
    "SpeakerStatistics",
    "Synthesis",
    "SynthesisedSegment",
    "TaggedSegment",
    "TaggedTranscript",
    "Transcript",
    "Word",
]


_ADAPTERS: dict[
    type, TypeAdapter[Any]
] = {}  # building one takes milliseconds, using it microseconds


def _adapter(cls: type) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    if cls not in _ADAPTERS:
        _ADAPTERS[cls] = TypeAdapter(cls)
    return _ADAPTERS[cls]


class Record:
    """A frozen dataclass that can be written as JSON and read back equal."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the record as dicts, lists, strings, numbers and None."""
        dumped: dict[str, Any] = _adapter(type(self)).dump_python(self, mode="json")
        return dumped

    @classmethod
    def from_dict(cls, data: object) -> Self:
        """Build the record from what `to_dict` gave, checking every field.

        Raises:
            TranscriptError: A field is missing, unknown in type, or out of place; the message names it.
        """
        from pydantic import ValidationError

        try:
            built: Self = _adapter(cls).validate_python(data)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or cls.__name__
            raise TranscriptError(
                f"{cls.__name__}: field {where!r} is not as expected ({first['msg']}); "
                "the data is damaged or was written by another program"
            ) from error
        return built


@dataclass(frozen=True, slots=True)
class Sentence(Record):
    """One sentence for a person, in English and Chinese."""

    en: str
    zh: str

    def say(self, language: str) -> str:
        """Return the sentence in ``"zh"`` or, for any other language, in English."""
        return self.zh if language == "zh" else self.en


# --- audio -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class Audio:
    """Validated mono audio.

    Attributes:
        samples: ``(n_samples,)`` float32, finite, at the recording's brought-up level.
        sampling_rate_hz: Samples per second.
        gain_db: Gain that was applied to bring the recording to level; subtract it to get the original.
    """

    samples: np.ndarray
    sampling_rate_hz: int
    gain_db: float = 0.0

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sampling_rate_hz


@dataclass(frozen=True, slots=True)
class RecordingInfo(Record):
    """What is known of a recording once it has been decoded.

    Attributes:
        name: File name without folders (a path may name a person; it is not kept).
        duration_s: Decoded length.
        original_sampling_rate_hz: Rate in the file, before resampling.
        original_channels: Channels in the file, before mixing down.
        level_dbfs: Level of the active speech as found, dB relative to full scale.
        gain_db: Gain applied to bring it to level.
        warnings: What a person should know: clipping, truncation, very low level.
    """

    name: str
    duration_s: float
    original_sampling_rate_hz: int
    original_channels: int
    level_dbfs: float
    gain_db: float
    warnings: tuple[Sentence, ...] = ()


# --- transcript ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Word(Record):
    """One word with its times; `probability` is the recogniser's own (0 to 1), None when unknown."""

    start_s: float
    end_s: float
    text: str
    probability: float | None = None


@dataclass(frozen=True, slots=True)
class Segment(Record):
    """A stretch of speech: the unit that is tagged and spoken again. `text` may be empty."""

    start_s: float
    end_s: float
    text: str
    language: str = ""
    words: tuple[Word, ...] = ()

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


@dataclass(frozen=True, slots=True)
class Transcript(Record):
    """What was said and when.

    Attributes:
        segments: In order of time, not overlapping.
        language: Code of the recording's main language ("zh", "en", …), "" when unknown.
        source: Where the words come from: ``faster-whisper:small``, ``file:talk.srt``, ``none``.
        removed: What guards against hallucinated text took out.
    """

    segments: tuple[Segment, ...]
    language: str
    source: str
    removed: tuple[RemovedText, ...] = ()


# --- features --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class FrameTracks:
    """Frame-wise prosody of one stretch of audio, for plots and explanations.

    Attributes:
        hop_s: Seconds between frames; frame i is centred at ``i * hop_s``.
        f0_hz: ``(n_frames,)`` float32 fundamental frequency, NaN where unvoiced.
        loudness_db: ``(n_frames,)`` float32 level, dB relative to full scale.
        voicing: ``(n_frames,)`` float32 periodicity, 0 to 1.
        nuclei_s: ``(n_nuclei,)`` float32 times of syllable nuclei, seconds.
    """

    hop_s: float
    f0_hz: np.ndarray
    loudness_db: np.ndarray
    voicing: np.ndarray
    nuclei_s: np.ndarray


@dataclass(frozen=True, slots=True)
class Prosody(Record):
    """One segment's prosody in the few numbers that a person understands.

    None stands where there is nothing to measure (no voiced frame, no syllable).

    Attributes:
        duration_s: Length of the segment.
        speech_s: Length without leading and trailing silence and pauses.
        f0_median_hz: Median fundamental frequency of voiced frames.
        f0_range_st: 5th to 95th percentile of F0, in semitones.
        rate_syl_per_s: Syllable nuclei per second of speech.
        loudness_dbfs: Mean level of speech frames, dB relative to full scale, at the recording's level.
    """

    duration_s: float
    speech_s: float
    f0_median_hz: float | None
    f0_range_st: float | None
    rate_syl_per_s: float | None
    loudness_dbfs: float | None


@dataclass(frozen=True, slots=True, eq=False)
class SpeakerStatistics:
    """Mean and spread of one speaker's embeddings, from that speaker's own unlabelled segments.

    Attributes:
        mean: ``(dim,)`` float32, already shrunk towards the training mean by the number of segments.
        std: ``(dim,)`` float32.
        n_segments: How many segments it was gathered from.
        source: ``recording``, ``bank:<voice>``, ``file:<name>``.
    """

    mean: np.ndarray
    std: np.ndarray
    n_segments: int
    source: str


# --- tags ------------------------------------------------------------------------------------------


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
        normalisation: ``global`` (training statistics) or ``speaker`` (this speaker's own).
        normalisation_note: How many segments the statistics came from, as a sentence.
        removed: What guards against hallucinated text took out.
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


# --- references ------------------------------------------------------------------------------------


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
    """

    voice: str
    root: Path
    layout: str
    clips: tuple[ReferenceClip, ...]
    synthetic: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    head_id: str = ""
    pins: Mapping[str, Path] = field(default_factory=dict)

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


# --- synthesis and check ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class SynthesisedSegment:
    """One segment said again.

    `start_s` is where it begins in the joined audio. `audio` is None when the segment was not spoken;
    `problem` then says why.
    """

    index: int
    start_s: float
    audio: Audio | None
    problem: Sentence | None = None


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
    """

    segments: tuple[SynthesisedSegment, ...]
    joined: Audio
    host_id: str
    host_title: Sentence
    voice: str


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

    @property
    def compared(self) -> int:
        """Segments on which there was something to compare."""
        return sum(segment.survived is not None for segment in self.segments)

    @property
    def survived(self) -> int:
        """Segments whose emotion survived."""
        return sum(segment.survived is True for segment in self.segments)
