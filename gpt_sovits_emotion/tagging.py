"""Tag: segments and a head in, a tagged transcript out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from gpt_sovits_emotion.audio import Recording
from gpt_sovits_emotion.core.errors import AudioError, EncoderError
from gpt_sovits_emotion.core.memory import trim_heap
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.progress import Progress, no_progress
from gpt_sovits_emotion.core.records import (
    Audio,
    EmotionScores,
    FrameTracks,
    Prosody,
    Segment,
    Sentence,
    SpeakerStatistics,
    TaggedSegment,
    TaggedTranscript,
    Transcript,
)
from gpt_sovits_emotion.core.registry import blamed
from gpt_sovits_emotion.encoders.base import Encoder
from gpt_sovits_emotion.explain import (
    Usual,
    cues_of,
    reason_sentence,
    usual_of_speaker,
    usual_of_training,
)
from gpt_sovits_emotion.heads import Head, Judgement, predict_recording
from gpt_sovits_emotion.heads.recording import judgement_notes, judgement_sentence

__all__ = ["Analyser", "TagOptions", "Tagging", "embed_segments", "tag"]

_EMBEDDING = tr("embedding segments")
_BATCH_S = 60.0
_MAX_SEGMENT_S = 60.0
_HALVING_GAP_S = 2.0  # a pause of so many seconds halves the weight of a neighbour


class Tracker(Protocol):
    """Whoever measures prosody frame by frame; the prosody encoder does."""

    def tracks(self, audio: Audio) -> FrameTracks:
        """Return the frame tracks of one stretch of audio."""
        ...

    def summarise(self, tracks: FrameTracks, *, duration_s: float) -> Prosody:
        """Return the tracks in a few numbers."""
        ...


class Describer(Tracker, Encoder, Protocol):
    """An encoder that gives embeddings and tracks in one pass over the audio."""

    def describe(self, audios: Sequence[Audio]) -> tuple[np.ndarray, tuple[FrameTracks, ...]]:
        """Return ``(n_segments, dim)`` embeddings and one `FrameTracks` per segment."""
        ...


@dataclass(frozen=True, slots=True)
class Analyser:
    """A head with the encoder it reads, and the tracker that explanations are measured by.

    Attributes:
        head: The head.
        encoder: Its encoder; `Head.check_encoder` has passed.
        tracker: Measures prosody. Where it is also the encoder, the audio is gone through once.
        speaker: Statistics of the speaker that the head was fitted to; they go before a recording's own.
    """

    head: Head
    encoder: Encoder
    tracker: Describer
    speaker: SpeakerStatistics | None = None

    def __post_init__(self) -> None:
        self.head.check_encoder(
            self.encoder.id, dim=self.encoder.dim, fingerprint=self.encoder.fingerprint
        )

    def analyse(
        self, recording: Recording, stretches: Sequence[tuple[float, float]]
    ) -> tuple[np.ndarray, tuple[FrameTracks, ...]]:
        """Analyse stretches of a recording, each read at the rate of whoever listens.

        Args:
            recording: Readable at the encoder's rate and the tracker's.
            stretches: Start and end of each, in seconds.

        Returns:
            ``(n_segments, dim)`` embeddings and the tracks of each stretch.

        Raises:
            EncoderError: The encoder failed, or gives something else.
        """
        audios = self._read(recording, stretches, self.tracker.sampling_rate_hz)
        if self.encoder is self.tracker:
            return self.tracker.describe(audios)
        tracks = tuple(self.tracker.tracks(audio) for audio in audios)
        if self.encoder.sampling_rate_hz != self.tracker.sampling_rate_hz:
            audios = self._read(recording, stretches, self.encoder.sampling_rate_hz)
        with blamed(doing=_EMBEDDING):
            embedded = self.encoder.encode(audios)
        if np.shape(embedded) != (len(audios), self.encoder.dim):
            raise EncoderError(
                tr(
                    "the encoder {encoder!r} gives {shape} for {audios} segments where ({audios}, {dim}) "
                    "was expected; that is a fault of the package that adds it",
                    encoder=self.encoder.id,
                    shape=np.shape(embedded),
                    audios=len(audios),
                    dim=self.encoder.dim,
                )
            )
        return embedded, tracks

    @staticmethod
    def _read(
        recording: Recording, stretches: Sequence[tuple[float, float]], sampling_rate_hz: int
    ) -> list[Audio]:
        return [
            recording.read(start_s, end_s, sampling_rate_hz=sampling_rate_hz)
            for start_s, end_s in stretches
        ]


@dataclass(frozen=True, slots=True)
class TagOptions:
    """How to tag.

    Attributes:
        speaker_statistics: Judge against the statistics of the recording's own segments, once there are
            enough: None as far as the recording seems to hold several moods (`heads.predict_recording`), True
            always, False never. They are right for one speaker in several moods; wrong for a crowd, or for
            one mood throughout.
        smoothing: 0 to 1: how much of a segment's probabilities comes from its neighbours in time.
    """

    speaker_statistics: bool | None = None
    smoothing: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Tagging:
    """A tagged transcript with what was measured on the way.

    Attributes:
        transcript: The document.
        tracks: Per segment its frame tracks (times from the segment's start), None where not measured.
    """

    transcript: TaggedTranscript
    tracks: tuple[FrameTracks | None, ...]


def tag(
    transcript: Transcript,
    recording: Recording,
    analyser: Analyser,
    *,
    options: TagOptions | None = None,
    speaker: SpeakerStatistics | None = None,
    progress: Progress = no_progress,
) -> Tagging:
    """Tag every segment of a transcript.

    Args:
        transcript: Segments with times in `recording`.
        recording: The audio.
        analyser: Head and encoder.
        options: See `TagOptions`.
        speaker: Statistics of this speaker from elsewhere (a voice's bank); they go before the
            analyser's, and these before the recording's own.
        progress: Told how far it is.

    Raises:
        EncoderError: The encoder failed.
    """
    options = options or TagOptions()
    head = analyser.head
    heard = _analyse_segments(transcript.segments, recording, analyser, progress)
    judgement = predict_recording(
        head,
        heard.embeddings,
        use_own=options.speaker_statistics,
        speaker=speaker or analyser.speaker,
    )
    segments = [transcript.segments[index] for index in heard.indices]
    probabilities = _smooth(judgement.probabilities, segments, options.smoothing)
    judgement = replace(judgement, probabilities=probabilities)
    usual = usual_of_speaker(heard.prosodies) or usual_of_training(head.card.baseline)
    scores = {
        index: _scores(head, judgement, row, heard.prosodies[index], usual)
        for row, index in enumerate(heard.indices)
    }
    tagged = tuple(
        TaggedSegment(segment, scores.get(index), heard.prosodies[index], heard.problems[index])
        for index, segment in enumerate(transcript.segments)
    )
    document = TaggedTranscript(
        recording=recording.info,
        segments=tagged,
        language=transcript.language,
        transcriber=transcript.source,
        head_id=head.card.id,
        head_title=head.card.title,
        normalisation=judgement.mode,
        normalisation_note=judgement_sentence(
            head, judgement, forbidden=options.speaker_statistics is False
        ),
        removed=transcript.removed,
        notes=(*transcript.notes, *judgement_notes(head, transcript, judgement)),
    )
    return Tagging(document, heard.tracks)


def embed_segments(
    segments: Sequence[Segment], recording: Recording, analyser: Analyser
) -> np.ndarray:
    """Embed segments as `tag` does, to teach a head what they were.

    Args:
        segments: With times in `recording`.
        recording: The audio.
        analyser: Head and encoder.

    Returns:
        ``(n_segments, dim)``.

    Raises:
        AudioError: One of them cannot be judged: too short, silent, or outside the recording.
        EncoderError: The encoder failed.
    """
    heard = _analyse_segments(segments, recording, analyser, no_progress)
    for problem in heard.problems:
        if problem is not None:
            raise AudioError(tr("{info}: {problem}", info=recording.info.name, problem=problem))
    return heard.embeddings


# --- inside ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, eq=False)
class _Heard:
    """What was measured of the segments: row i of `embeddings` belongs to segment ``indices[i]``."""

    indices: list[int]
    embeddings: np.ndarray
    prosodies: list[Prosody | None]
    tracks: tuple[FrameTracks | None, ...]
    problems: list[Sentence | None]


def _analyse_segments(
    segments: Sequence[Segment], recording: Recording, analyser: Analyser, progress: Progress
) -> _Heard:
    minimum_s = analyser.head.card.min_duration_s
    prosodies: list[Prosody | None] = [None] * len(segments)
    tracks: list[FrameTracks | None] = [None] * len(segments)
    problems: list[Sentence | None] = [None] * len(segments)
    indices: list[int] = []
    rows: list[np.ndarray] = []
    batch: list[tuple[int, float, float]] = []  # index, start and end in seconds

    def flush() -> None:
        if not batch:
            return
        embedded, tracked = analyser.analyse(recording, [(start, end) for _, start, end in batch])
        trim_heap()  # or the holes that each batch leaves add up over a long recording
        rows.append(embedded)
        for (index, start_s, end_s), track in zip(batch, tracked, strict=True):
            indices.append(index)
            tracks[index] = track
            prosodies[index] = analyser.tracker.summarise(track, duration_s=end_s - start_s)
        batch.clear()

    for index, segment in enumerate(segments):
        problems[index] = _unfit(segment, minimum_s)
        if problems[index] is None:
            # One verdict over minutes would be none; the first minute of a very long segment speaks
            # for it. Transcribing cuts segments to a few seconds, so this is for foreign transcripts.
            end_s = min(segment.end_s, segment.start_s + _MAX_SEGMENT_S)
            end_s = min(end_s, recording.duration_s)
            audio = recording.read(segment.start_s, end_s)
            problems[index] = _inaudible(audio, minimum_s)
            if problems[index] is None:
                batch.append((index, segment.start_s, end_s))
        if sum(end_s - start_s for _, start_s, end_s in batch) >= _BATCH_S:
            flush()
            progress((index + 1) / len(segments), "listening for emotion")
    flush()
    trim_heap()
    progress(1.0, "listening for emotion")
    empty = np.empty((0, analyser.encoder.dim), np.float32)
    return _Heard(indices, np.concatenate([empty, *rows]), prosodies, tuple(tracks), problems)


def _unfit(segment: Segment, minimum_s: float) -> Sentence | None:
    if segment.duration_s >= minimum_s:
        return None
    return tr(
        "{duration_s:.2f} s is too short to judge (at least {minimum_s:g} s)",
        duration_s=segment.duration_s,
        minimum_s=minimum_s,
    )


def _inaudible(audio: Audio, minimum_s: float) -> Sentence | None:
    if audio.duration_s < minimum_s:
        return tr("lies outside the recording; the transcript may belong to another one")
    if not np.any(np.abs(audio.samples) > 1e-5):
        return tr("there is no sound in this segment")
    return None


def _scores(
    head: Head, judgement: Judgement, row: int, prosody: Prosody | None, usual: Usual
) -> EmotionScores:
    labels = head.card.labels
    probabilities = {
        label: float(value)
        for label, value in zip(labels, judgement.probabilities[row], strict=True)
    }
    label = judgement.label(row, labels)
    cues = cues_of(prosody, usual)
    reason = reason_sentence(probabilities, label, cues, baseline=usual.source)
    if judgement.outside[row]:
        reason = tr(
            "unlike any voice that this head was trained on (noise, music, another kind of sound?); "
            "{reason}",
            reason=reason,
        )
    return EmotionScores(probabilities, label, cues, reason)


def _smooth(probabilities: np.ndarray, segments: Sequence[Segment], smoothing: float) -> np.ndarray:
    """Mix each row with its neighbours' mean, weighted by their nearness in time."""
    if smoothing <= 0 or len(segments) < 2:
        return probabilities
    smoothed = probabilities.copy()
    for index in range(len(segments)):
        total, weight = np.zeros(probabilities.shape[1]), 0.0
        for left, right, other in ((index - 1, index, index - 1), (index, index + 1, index + 1)):
            if left >= 0 and right < len(segments):
                share = 0.5 ** (
                    max(segments[right].start_s - segments[left].end_s, 0.0) / _HALVING_GAP_S
                )
                total += share * probabilities[other]
                weight += share
        mixed = min(smoothing, 1.0) * weight / 2
        if weight:
            smoothed[index] = (1 - mixed) * probabilities[index] + mixed * total / weight
    return smoothed
