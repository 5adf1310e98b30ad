"""What the public interface returns: a voice, an annotated recording, synthesised speech."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpt_sovits_emotion.audio import Recording
from gpt_sovits_emotion.core.labels import UNSURE
from gpt_sovits_emotion.core.records import (
    Audio,
    ReferenceBank,
    RoundTripReport,
    Sentence,
    TaggedSegment,
    TaggedTranscript,
)
from gpt_sovits_emotion.deliver import deliver
from gpt_sovits_emotion.pipeline import RoundTrip
from gpt_sovits_emotion.transcripts import document_of, write

if TYPE_CHECKING:
    import pandas

__all__ = ["Annotation", "Spoken", "Voice"]


@dataclass(frozen=True, slots=True, eq=False)
class Voice:
    """A voice to speak with: its reference bank.

    Attributes:
        path: Where its clips are.
        bank: Its clips; unusable ones carry the reason.
    """

    path: Path
    bank: ReferenceBank

    @property
    def name(self) -> str:
        """The name of the voice."""
        return self.bank.voice

    @property
    def emotions(self) -> tuple[str, ...]:
        """The emotions of the usable clips, sorted."""
        return tuple(sorted({clip.emotion for clip in self.bank.usable} - {"", UNSURE}))


@dataclass(frozen=True, slots=True, eq=False)
class Annotation:
    """What was said in a recording, when, and in which emotion.

    Attributes:
        transcript: The complete document, as it is stored in files.
    """

    transcript: TaggedTranscript

    @property
    def segments(self) -> tuple[TaggedSegment, ...]:
        """The segments in order of time, each with its `text`, `label` and `scores`."""
        return self.transcript.segments

    @property
    def notes(self) -> tuple[Sentence, ...]:
        """What to know before relying on the labels."""
        return self.transcript.notes

    def save(self, path: str | Path, *, format: str | None = None, language: str = "en") -> Path:
        """Write the transcript to a file atomically, replacing an existing one; return the path.

        Args:
            path: File to write.
            format: ``json``, ``srt``, ``vtt``, ``ass``, ``txt``, ``csv``, ``rich-text``, or one that a
                plug-in adds; from the file's extension when None.
            language: ``en`` or ``zh``, for the names of emotions in formats that people read.

        Raises:
            TranscriptError: The format is unknown, or cannot hold this transcript.
            OutputError: The file cannot be written.
        """
        write(self.transcript, Path(path), format=format, language=language)
        return Path(path)

    def to_dict(self) -> dict[str, Any]:
        """Return the document that `save` writes as JSON, with the name and version of its format."""
        return document_of(self.transcript)

    def to_frame(self, *, language: str = "en") -> pandas.DataFrame:
        """Return a pandas table with a row per segment.

        Its columns are ``start_s``, ``end_s``, ``text``, ``speaker``, ``language``, ``label``, ``confidence``
        (missing where a segment could not be labelled), ``reason``, and ``p:LABEL`` with the probability of
        each of the head's labels.
        """
        import pandas

        rows = [_row(segment, language) for segment in self.segments]
        return pandas.DataFrame(rows, columns=None if rows else list(_COLUMNS))


_COLUMNS = ("start_s", "end_s", "text", "speaker", "language", "label", "confidence", "reason")


def _row(tagged: TaggedSegment, language: str) -> dict[str, Any]:
    segment, scores = tagged.segment, tagged.scores
    why = scores.reason if scores else tagged.problem
    told = (
        segment.start_s,
        segment.end_s,
        tagged.text,
        segment.speaker,
        segment.language,
        tagged.label,
        scores.confidence if scores else None,
        why.say(language) if why else "",
    )
    probabilities = scores.probabilities if scores else {}
    return {
        **dict(zip(_COLUMNS, told, strict=True)),
        **{f"p:{label}": share for label, share in probabilities.items()},
    }


@dataclass(frozen=True, slots=True, eq=False)
class Spoken:
    """Synthesised speech, and how the verifier labelled it.

    Attributes:
        result: The complete result.
    """

    result: RoundTrip
    _recording: Callable[[], Recording] | None

    @property
    def annotation(self) -> Annotation:
        """What was to be spoken; for texts, with the times at which they are spoken."""
        return Annotation(self.result.tagging.transcript)

    @property
    def audio(self) -> Audio:
        """The concatenated audio: `samples` ``(n_samples,)`` float32, and `sampling_rate_hz`."""
        return self.result.synthesis.joined

    @property
    def report(self) -> RoundTripReport:
        """For every segment: the reference clip, the output's label, and whether the emotion survived."""
        return self.result.verification.report

    def save(self, folder: str | Path, *, language: str = "en") -> RoundTripReport:
        """Write the audio, the transcripts and the report page; return the report.

        Args:
            folder: Created if missing; files of the same names are replaced.
            language: ``en`` or ``zh``.

        Raises:
            OutputError: The folder or a file cannot be written.
            AudioError: The recording has been removed or changed since.
        """
        if self._recording is None:
            return deliver(self.result, None, Path(folder), language=language)
        with self._recording() as recording:
            return deliver(self.result, recording, Path(folder), language=language)
