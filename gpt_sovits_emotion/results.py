"""What the front door gives: a voice, what was heard in a recording, what was said again."""

from __future__ import annotations

import json
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
from gpt_sovits_emotion.transcripts import to_text, write

if TYPE_CHECKING:
    import pandas

__all__ = ["Annotation", "Spoken", "Voice"]


@dataclass(frozen=True, slots=True, eq=False)
class Voice:
    """A voice that can be spoken with.

    Attributes:
        path: Where its clips lie.
        bank: Its clips, the unusable ones with their problem.
    """

    path: Path
    bank: ReferenceBank

    @property
    def name(self) -> str:
        """What it is called."""
        return self.bank.voice

    @property
    def emotions(self) -> tuple[str, ...]:
        """The emotions of the clips that can be used, sorted."""
        return tuple(sorted({clip.emotion for clip in self.bank.usable} - {"", UNSURE}))


@dataclass(frozen=True, slots=True, eq=False)
class Annotation:
    """What was said in a recording, when, and in which emotion.

    Attributes:
        transcript: All of it, as it is kept in files.
    """

    transcript: TaggedTranscript

    @property
    def segments(self) -> tuple[TaggedSegment, ...]:
        """The stretches of speech in order of time, each with its `text`, `label` and `scores`."""
        return self.transcript.segments

    @property
    def notes(self) -> tuple[Sentence, ...]:
        """What one must know before believing the labels."""
        return self.transcript.notes

    def save(self, path: str | Path, *, format: str | None = None, language: str = "en") -> Path:
        """Write it to a file in one step; return the file. One of that name is replaced whole.

        Args:
            path: Where to.
            format: ``json``, ``srt``, ``vtt``, ``ass``, ``txt``, ``csv`` or ``rich-text``, or one that a
                plug-in adds; told by the file's ending when None.
            language: ``en`` or ``zh``, in which emotions are named in what people read.

        Raises:
            TranscriptError: The format is unknown, or cannot hold this transcript.
            OutputError: The file cannot be written.
        """
        write(self.transcript, Path(path), format=format, language=language)
        return Path(path)

    def to_dict(self) -> dict[str, Any]:
        """Return what `save` writes as JSON, with the name and version of its format."""
        found: dict[str, Any] = json.loads(to_text(self.transcript, "json"))
        return found

    def to_frame(self, *, language: str = "en") -> pandas.DataFrame:
        """Return a table with a row per segment.

        Its columns are ``start_s``, ``end_s``, ``text``, ``speaker``, ``language``, ``label``, ``confidence``
        (missing where a segment could not be read), ``reason``, and ``p:LABEL`` with the probability of each
        of the head's labels.
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
    """What was said, and what the judge heard in it.

    Attributes:
        result: All of it.
    """

    result: RoundTrip
    _recording: Callable[[], Recording] | None

    @property
    def annotation(self) -> Annotation:
        """What was to be said; of texts, with the times at which they are heard."""
        return Annotation(self.result.tagging.transcript)

    @property
    def audio(self) -> Audio:
        """The whole: `samples` ``(n_samples,)`` float32, and `sampling_rate_hz`."""
        return self.result.synthesis.joined

    @property
    def report(self) -> RoundTripReport:
        """For every segment: which clip was taken, what is heard now, whether the emotion survived."""
        return self.result.verification.report

    def save(self, folder: str | Path, *, language: str = "en") -> RoundTripReport:
        """Write the audio, the transcripts and a page that shows all of it; return the report.

        Args:
            folder: Made if missing; files of these names are replaced.
            language: ``en`` or ``zh``.

        Raises:
            OutputError: The folder or a file cannot be written.
            AudioError: The recording has gone, or changed, since.
        """
        if self._recording is None:
            return deliver(self.result, None, Path(folder), language=language)
        with self._recording() as recording:
            return deliver(self.result, recording, Path(folder), language=language)
