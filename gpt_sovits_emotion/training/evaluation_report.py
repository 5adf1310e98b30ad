"""An evaluation as a record and a file: what was measured on whom, how good it was, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from gpt_sovits_emotion.core.files import write_text
from gpt_sovits_emotion.core.records import Record, Sentence
from gpt_sovits_emotion.heads.card import CorpusCredit, Result
from gpt_sovits_emotion.training.folds import Protocol
from gpt_sovits_emotion.training.held_out import RecordingScore, Score
from gpt_sovits_emotion.training.metrics import Coverage, Difference, ReliabilityBin
from gpt_sovits_emotion.transcripts import document_text, read_document

__all__ = [
    "EVALUATION_FORMAT",
    "EVALUATION_VERSION",
    "Comparison",
    "Contender",
    "Cost",
    "Evaluation",
    "KShotScore",
    "Outcome",
    "read_evaluation",
    "write_evaluation",
]

EVALUATION_FORMAT = "gpt-sovits-emotion/evaluation"
EVALUATION_VERSION = 1


@dataclass(frozen=True, slots=True)
class Cost(Record):
    """What one contender's judging takes, one clip after another. RTF: seconds per second of audio.

    Attributes:
        encoder_rtf: From samples to embedding.
        head_rtf: From embedding to probabilities.
        n_clips: Measured on so many clips.
        audio_s: Their length.
        machine: Where it was measured.
    """

    encoder_rtf: float
    head_rtf: float
    n_clips: int
    audio_s: float
    machine: str


@dataclass(frozen=True, slots=True)
class Contender(Record):
    """Who was measured.

    Attributes:
        name: Unique within the evaluation.
        kind: ``recipe`` (trained anew in each fold), ``head`` (finished, as it is) or ``baseline``.
        encoder: Id of the encoder.
        fingerprint: Of the encoder's weights.
        recipe: Hyper-parameters.
        cost: What it takes; None where it was not measured.
    """

    name: str
    kind: Literal["recipe", "head", "baseline"]
    encoder: str
    fingerprint: str
    recipe: Mapping[str, Any]
    cost: Cost | None = None


@dataclass(frozen=True, slots=True)
class KShotScore(Record):
    """Rates when the speaker's statistics come from `n_clips` unlabelled clips; mean over draws."""

    n_clips: int
    uar: float
    wa: float


@dataclass(frozen=True, slots=True)
class Outcome(Record):
    """How good one contender was on one test in one normalisation. Rates are 0 to 1.

    Attributes:
        contender: Its name.
        protocol: See `PROTOCOLS`.
        trained_on: What it was trained on, in words.
        corpus: What it was tested on.
        normalisation: ``global`` or ``speaker``.
        labels, …, aurc: As in `held_out.Score`.
        few: Rates with a speaker's statistics from few clips; in mode ``speaker`` alone.
        note: What else one must know.
        situations: Clips alone, simulated recordings of a speaker, and all of a speaker, in the moods that
            recordings are put together from (`training.calibration`); in mode ``speaker`` alone.
    """

    contender: str
    protocol: Protocol
    trained_on: str
    corpus: str
    normalisation: str
    labels: tuple[str, ...]
    n_utterances: int
    n_speakers: int
    uar: float
    uar_interval: tuple[float, float]
    wa: float
    wa_interval: tuple[float, float]
    recalls: tuple[float | None, ...]
    confusion: tuple[tuple[int, ...], ...]
    ece: float
    reliability: tuple[ReliabilityBin, ...]
    coverage: tuple[Coverage, ...]
    curve: tuple[Coverage, ...]
    aurc: float
    few: tuple[KShotScore, ...]
    note: Sentence
    situations: tuple[RecordingScore, ...] = ()

    @classmethod
    def of(cls, score: Score, **about: Any) -> Outcome:
        """Make the record of a score; `about` is every field that a score does not have."""
        return cls(**{one.name: getattr(score, one.name) for one in fields(score)}, **about)

    def to_result(self) -> Result:
        """Return the outcome as a line of a head's card, rounded to what it is worth."""
        score = Score(**{one.name: getattr(self, one.name) for one in fields(Score)})
        elsewhere = f"trained on {self.trained_on}" if self.protocol == "cross" else ""
        return score.to_result(
            protocol=self.protocol,
            corpus=self.corpus,
            normalisation=self.normalisation,
            note="; ".join(filter(None, (elsewhere, self.note.en))),
        )


@dataclass(frozen=True, slots=True)
class Comparison(Record):
    """By how much the first contender is better than the second, clip by clip on the same speakers."""

    first: str
    second: str
    trained_on: str
    corpus: str
    normalisation: str
    labels: tuple[str, ...]
    difference: Difference


@dataclass(frozen=True, slots=True)
class Evaluation(Record):
    """Everything that one evaluation found.

    Attributes:
        protocol: See `PROTOCOLS`.
        contenders: Who was measured; the first is what the evaluation is about.
        corpora: What was tested on, and in part trained on.
        outcomes: By test, contender and normalisation.
        comparisons: The first contender against each of the others.
        warnings: What a reader must know.
        measured_on: Date, ISO 8601.
        took_s: How long it took.
        command: How to measure it again; "" where it was not a command.
    """

    protocol: Protocol
    contenders: tuple[Contender, ...]
    corpora: tuple[CorpusCredit, ...]
    outcomes: tuple[Outcome, ...]
    comparisons: tuple[Comparison, ...]
    warnings: tuple[Sentence, ...]
    measured_on: str
    took_s: float
    command: str = ""

    def results(self) -> tuple[Result, ...]:
        """Return what a head's card says of the first contender."""
        first = self.contenders[0].name
        return tuple(outcome.to_result() for outcome in self.outcomes if outcome.contender == first)


def write_evaluation(evaluation: Evaluation, path: Path) -> None:
    """Write it as JSON.

    Raises:
        OutputError: The file cannot be written.
    """
    text = document_text(evaluation, format_name=EVALUATION_FORMAT, version=EVALUATION_VERSION)
    write_text(Path(path), text)


def read_evaluation(path: Path) -> Evaluation:
    """Read what `write_evaluation` wrote, wholly equal.

    Raises:
        TranscriptError: The file is unreadable, damaged, another format or of a later version.
    """
    return read_document(
        path, Evaluation, format_name=EVALUATION_FORMAT, version=EVALUATION_VERSION
    )
