"""An evaluation as a record: what was measured on whom, how good it was, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from gpt_sovits_emotion.core.files import write_text
from gpt_sovits_emotion.core.records import Record, Sentence
from gpt_sovits_emotion.heads.card import CorpusCredit, Result
from gpt_sovits_emotion.training.measures import Coverage, Difference, ReliabilityBin
from gpt_sovits_emotion.training.scoring import Score, SituationScore
from gpt_sovits_emotion.transcripts import document_text, read_document

__all__ = [
    "EVALUATION_FORMAT",
    "EVALUATION_VERSION",
    "PROTOCOLS",
    "Comparison",
    "Contender",
    "Cost",
    "Evaluation",
    "FewClips",
    "Outcome",
    "Protocol",
    "SituationScore",
    "read_evaluation",
    "write_evaluation",
]

EVALUATION_FORMAT = "gpt-sovits-emotion/evaluation"
EVALUATION_VERSION = 1

Protocol = Literal["loso", "loso+text", "split", "cross"]

PROTOCOLS: Mapping[Protocol, Sentence] = {
    "loso": Sentence(
        "leave one speaker out: each speaker is judged by a head trained on all the others",
        "留一说话人：每位说话人都由用其余所有人训练的模型来判断",
    ),
    "loso+text": Sentence(
        "speaker and text held out: neither the speaker nor the sentence was trained on",
        "同时留出说话人与文本：训练时既没有见过该说话人，也没有见过该句子",
    ),
    "split": Sentence(
        "one fixed split: some speakers are tested, all others trained on",
        "固定划分：一部分说话人用于测试，其余用于训练",
    ),
    "cross": Sentence(
        "across corpora: trained on one, tested on another that it has never met",
        "跨语料：在一个语料上训练，在另一个从未见过的语料上测试",
    ),
}
"""Protocol -> what it does."""


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
class FewClips(Record):
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
        labels: The classes it chose among, in the order of `recalls` and `confusion`.
        n_utterances, n_speakers: Size of the test.
        uar, wa: Unweighted average recall and accuracy, pooled over all predictions.
        uar_interval, wa_interval: 95 % bootstrap intervals over speakers.
        recalls: Per class; None for a class that does not occur.
        confusion: ``(n_labels, n_labels)`` counts, rows true, columns heard.
        ece: Expected calibration error, 10 bins, after temperature.
        reliability: Confidence against accuracy in these bins.
        coverage: Accuracy against share of segments judged, by threshold.
        curve: The same in fine steps.
        aurc: Area under the curve of risk against coverage.
        few: Rates with a speaker's statistics from few clips; in mode ``speaker`` alone.
        note: What else one must know.
        situations: Clips alone, simulated recordings of a speaker, and all of a speaker, in the moods that
            recordings are put together from (`training.situations`); in mode ``speaker`` alone.
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
    few: tuple[FewClips, ...]
    note: Sentence
    situations: tuple[SituationScore, ...] = ()

    @classmethod
    def of(
        cls,
        score: Score,
        *,
        contender: str,
        protocol: Protocol,
        trained_on: str,
        corpus: str,
        normalisation: str,
        few: tuple[FewClips, ...],
        note: Sentence,
        situations: tuple[SituationScore, ...] = (),
    ) -> Outcome:
        """Make the record of a score."""
        return cls(
            contender=contender,
            protocol=protocol,
            trained_on=trained_on,
            corpus=corpus,
            normalisation=normalisation,
            labels=score.classes,
            n_utterances=score.n_segments,
            n_speakers=score.n_speakers,
            uar=score.uar,
            uar_interval=score.uar_interval,
            wa=score.wa,
            wa_interval=score.wa_interval,
            recalls=tuple(float(x) if x == x else None for x in score.recalls),  # NaN: not there
            confusion=tuple(tuple(int(count) for count in row) for row in score.confusion),
            ece=score.ece,
            reliability=score.reliability,
            coverage=score.coverage,
            curve=score.curve,
            aurc=score.aurc,
            few=few,
            note=note,
            situations=situations,
        )

    def to_result(self) -> Result:
        """Return the outcome as a line of a head's card, rounded to what it is worth."""

        def rounded(pair: tuple[float, float]) -> tuple[float, float]:
            return round(pair[0], 4), round(pair[1], 4)

        elsewhere = f"trained on {self.trained_on}" if self.protocol == "cross" else ""
        return Result(
            protocol=self.protocol,
            corpus=self.corpus,
            normalisation=self.normalisation,
            labels=self.labels,
            n_utterances=self.n_utterances,
            n_speakers=self.n_speakers,
            uar=round(self.uar, 4),
            uar_interval=rounded(self.uar_interval),
            wa=round(self.wa, 4),
            wa_interval=rounded(self.wa_interval),
            ece=round(self.ece, 4),
            confusion=self.confusion,
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
