"""Predictions for held-out speakers, and their scores: rates with intervals, calibration, comparison."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from gpt_sovits_emotion.core.errors import CorpusError
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import Record
from gpt_sovits_emotion.heads.card import Result
from gpt_sovits_emotion.heads.head import softmax
from gpt_sovits_emotion.training.calibration import (
    KINDS,
    REPORTED_LENGTH,
    SHARED_EMOTIONS,
    MovingCalibration,
    PredictedClips,
    PredictedRecording,
    calibrate_moving,
    fit_temperature,
    fit_threshold,
    probabilities_in,
)
from gpt_sovits_emotion.training.metrics import (
    Coverage,
    Difference,
    ReliabilityBin,
    area_under_risk_coverage,
    bootstrap_over_speakers,
    confusion_matrix,
    expected_calibration_error,
    paired_bootstrap_over_speakers,
    rates,
    recalls,
    reliability,
    risk_coverage,
    risk_coverage_curve,
    unweighted_average_recall,
)

__all__ = [
    "HeldOut",
    "RecordingScore",
    "Score",
    "calibrate",
    "compare",
    "predicted_recordings",
    "score",
    "score_k_shot",
    "score_recordings",
]

_GROUPS = 10  # of speakers, each calibrated on the others


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Predictions for segments, by heads that never met their speakers.

    Attributes:
        classes: Labels.
        truth: ``(n_segments,)`` places in `classes`.
        speakers: ``(n_segments,)`` str.
        logits: Mode -> ``(n_segments, n_labels)``. In mode ``speaker`` the statistics come from all
            clips of the test speaker, without their labels.
        few: Number of clips -> ``(n_draws, n_segments, n_labels)`` logits in mode ``speaker`` when the
            statistics come from that many clips of the speaker, drawn at random.
        head_s: Seconds in which all these segments were predicted from their embeddings, in one mode.
        recordings: Recordings put together from each tested speaker's clips.
        is_complete: False when the work was stopped before all folds were done.
    """

    classes: tuple[str, ...]
    truth: np.ndarray
    speakers: np.ndarray
    logits: Mapping[str, np.ndarray]
    few: Mapping[int, np.ndarray] = field(default_factory=dict)
    head_s: float = 0.0
    recordings: tuple[PredictedRecording, ...] = ()
    is_complete: bool = True

    def predicted_clips(self, speakers: Collection[str] | None = None) -> list[PredictedClips]:
        """Return what a head with moving statistics said of the clips of these speakers, of all when None.

        Once of every clip, and once of recordings in several moods, which hold the four that all corpora
        share. The first alone would make a head too modest where people speak as they mostly do, the second
        too sure of everything else.
        """
        kept = np.ones(len(self.truth), bool)
        if speakers is not None:
            kept = np.isin(self.speakers, list(speakers))
        logits = self.logits
        found = [PredictedClips(logits["global"][kept], logits["speaker"][kept], self.truth[kept])]
        recordings = [
            one
            for one in self.recordings
            if one.kind == "several"
            and one.n_wanted >= REPORTED_LENGTH
            and (speakers is None or one.speaker in speakers)
        ]
        if recordings:
            alone, own, truth = (
                np.concatenate(part)
                for part in zip(
                    *((one.global_logits, one.speaker_logits, one.truth) for one in recordings),
                    strict=True,
                )
            )
            found.append(PredictedClips(alone, own, truth))
        return found

    def select(self, mask: np.ndarray) -> HeldOut:
        """Return the segments where ``(n_segments,)`` `mask` is True; `head_s` shrinks with them."""
        return replace(
            self,
            truth=self.truth[mask],
            speakers=self.speakers[mask],
            logits={mode: rows[mask] for mode, rows in self.logits.items()},
            few={count: draws[:, mask] for count, draws in self.few.items()},
            head_s=self.head_s * float(mask.mean()),
            recordings=tuple(
                one for one in self.recordings if one.speaker in set(self.speakers[mask].tolist())
            ),
        )


@dataclass(frozen=True, slots=True)
class Score(Record):
    """What the held-out predictions of one mode are worth. Rates are 0 to 1.

    Attributes:
        labels: The classes that were chosen among, in the order of `recalls` and `confusion`.
        n_utterances, n_speakers: Size of the test.
        uar, wa: Unweighted average recall and accuracy, pooled over all held-out predictions.
        uar_interval, wa_interval: 95 % bootstrap intervals over speakers.
        recalls: Per class; None for a class that does not occur.
        confusion: ``(n_labels, n_labels)`` counts, rows true, columns predicted.
        ece: Expected calibration error of the calibrated probabilities, 10 bins.
        reliability: Confidence against accuracy in these bins.
        coverage: Accuracy against share of segments with a verdict, by threshold.
        curve: The same in fine steps.
        aurc: Area under the curve of risk against coverage.
    """

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

    def to_result(
        self, *, protocol: str, corpus: str, normalisation: str, note: str = ""
    ) -> Result:
        """Return the score as a line of a head's card, rounded to what it is worth."""

        def rounded(pair: tuple[float, float]) -> tuple[float, float]:
            return round(pair[0], 4), round(pair[1], 4)

        return Result(
            protocol=protocol,
            corpus=corpus,
            normalisation=normalisation,
            labels=self.labels,
            n_utterances=self.n_utterances,
            n_speakers=self.n_speakers,
            uar=round(self.uar, 4),
            uar_interval=rounded(self.uar_interval),
            wa=round(self.wa, 4),
            wa_interval=rounded(self.wa_interval),
            ece=round(self.ece, 4),
            confusion=self.confusion,
            note=note,
        )


def score(held_out: HeldOut, *, mode: str, temperature: float | None = None) -> Score:
    """Score one mode.

    Args:
        held_out: Predictions.
        mode: ``global`` or ``speaker``.
        temperature: Divides the logits. When None, the temperature of each speaker's predictions comes
            from the other speakers; where there are none, it is 1.
    """
    logits, truth, speakers = held_out.logits[mode], held_out.truth, held_out.speakers
    n_labels = len(held_out.classes)
    probabilities = _calibrated(logits, truth, speakers, temperature)
    predicted = logits.argmax(1)
    confusion = confusion_matrix(truth, predicted, n_labels)
    uar_interval, wa_interval = bootstrap_over_speakers(truth, predicted, speakers, n_labels)
    return Score(
        labels=held_out.classes,
        n_utterances=len(truth),
        n_speakers=len(np.unique(speakers)),
        uar=unweighted_average_recall(truth, predicted, n_labels),
        uar_interval=uar_interval,
        wa=float((predicted == truth).mean()),
        wa_interval=wa_interval,
        recalls=tuple(None if np.isnan(one) else float(one) for one in recalls(confusion)),
        confusion=tuple(map(tuple, confusion.tolist())),
        ece=expected_calibration_error(probabilities, truth),
        reliability=reliability(probabilities, truth),
        coverage=risk_coverage(probabilities, truth),
        curve=risk_coverage_curve(probabilities, truth),
        aurc=area_under_risk_coverage(probabilities, truth),
    )


def _calibrated(
    logits: np.ndarray, truth: np.ndarray, speakers: np.ndarray, temperature: float | None
) -> np.ndarray:
    if temperature is not None:
        return softmax(logits, temperature)
    probabilities = np.zeros_like(logits)
    for who in np.unique(speakers):
        mine = speakers == who
        of_others = 1.0 if mine.all() else fit_temperature(logits[~mine], truth[~mine])
        probabilities[mine] = softmax(logits[mine], of_others)
    return probabilities


def score_k_shot(held_out: HeldOut, *, count: int) -> tuple[float, float]:
    """Return mean UAR and accuracy over draws when `count` clips gave the speaker's statistics."""
    n_labels = len(held_out.classes)
    confusions = np.stack(
        [confusion_matrix(held_out.truth, draw.argmax(1), n_labels) for draw in held_out.few[count]]
    )
    uar, wa = rates(confusions)
    return float(uar.mean()), float(wa.mean())


def calibrate(held_out: HeldOut, *, mode: str) -> tuple[float, float]:
    """Return temperature and threshold for a head that is trained on all of these speakers.

    Both are fitted on predictions for held-out speakers.
    """
    logits = held_out.logits[mode]
    temperature = fit_temperature(logits, held_out.truth)
    return temperature, fit_threshold(softmax(logits, temperature), held_out.truth)


def compare(held_out: HeldOut, other: HeldOut, *, mode: str) -> Difference:
    """Return by how much the first is better than the second, clip by clip on the same speakers.

    Raises:
        CorpusError: They were not tested on the same clips.
    """
    same = (
        held_out.classes == other.classes
        and np.array_equal(held_out.truth, other.truth)
        and np.array_equal(held_out.speakers, other.speakers)
    )
    if not same:
        raise CorpusError(
            tr(
                "the two were not tested on the same clips, so their difference would mean nothing: some "
                "clips can be read by one of them only; drop these from the corpus and measure again"
            )
        )
    return paired_bootstrap_over_speakers(
        held_out.truth,
        held_out.logits[mode].argmax(1),
        other.logits[mode].argmax(1),
        held_out.speakers,
        len(held_out.classes),
    )


@dataclass(frozen=True, slots=True)
class RecordingScore(Record):
    """How well recordings of one kind were predicted, of clips in `calibration.SHARED_EMOTIONS` alone.

    Attributes:
        kind: See `calibration.REPORTED`.
        n_segments: Of one recording, as far as a speaker has as many clips; of ``all`` the median.
        n_recordings: How many recordings; of ``alone`` how many clips.
        n_speakers: Of how many speakers.
        uar: Unweighted average recall over all their segments, 0 to 1, by whichever label was the likeliest
            of all that the head has.
        uar_interval: 95 % bootstrap interval over speakers.
    """

    kind: str
    n_segments: int
    n_recordings: int
    n_speakers: int
    uar: float
    uar_interval: tuple[float, float]


def score_recordings(
    held_out: HeldOut, *, moves: bool, calibration: MovingCalibration | None = None
) -> tuple[RecordingScore, ...]:
    """Return the scores of clips alone, of simulated recordings, kind by kind, and of all of a speaker.

    Args:
        held_out: With recordings of several lengths; those of `REPORTED_LENGTH` are scored. Without any
            there is nothing to return.
        moves: Both predictions are mixed, as a head with moving statistics does. Otherwise the
            recording's own mean is always used.
        calibration: How they are mixed; fitted on the recordings of other speakers when None.
    """
    pairs = _predicted(held_out, moves=moves, calibration=calibration)
    if not pairs:
        return ()
    moods = [held_out.classes.index(mood) for mood in SHARED_EMOTIONS if mood in held_out.classes]
    told = np.isin(held_out.truth, moods)
    truth, speakers = held_out.truth[told], held_out.speakers[told]
    sizes = np.unique(speakers, return_counts=True)[1]
    n_labels = len(held_out.classes)

    def scored(
        kind: str, shape: tuple[int, int], truth: np.ndarray, scores: np.ndarray, who: np.ndarray
    ) -> RecordingScore:
        predicted = scores.argmax(1)
        uar = unweighted_average_recall(truth, predicted, n_labels)
        interval, _ = bootstrap_over_speakers(truth, predicted, who, n_labels)
        return RecordingScore(kind, *shape, len(np.unique(who)), uar, interval)

    scores = [scored("alone", (1, len(truth)), truth, held_out.logits["global"][told], speakers)]
    for kind in KINDS:
        found = [pair for pair in pairs if pair[0].kind == kind]
        if found:
            scores.append(
                scored(
                    kind,
                    (REPORTED_LENGTH, len(found)),
                    np.concatenate([one.truth for one, _ in found]),
                    np.concatenate([rows for _, rows in found]),
                    np.concatenate([np.repeat(one.speaker, len(one.truth)) for one, _ in found]),
                )
            )
    everything = (round(float(np.median(sizes))), len(sizes))
    scores.append(scored("all", everything, truth, held_out.logits["speaker"][told], speakers))
    return tuple(scores)


def predicted_recordings(
    held_out: HeldOut, calibration: MovingCalibration
) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities and truth of all segments of the recordings of `REPORTED_LENGTH`."""
    pairs = _predicted(held_out, moves=True, calibration=calibration)
    return (
        np.concatenate([rows for _, rows in pairs]),
        np.concatenate([one.truth for one, _ in pairs]),
    )


def _predicted(
    held_out: HeldOut, *, moves: bool, calibration: MovingCalibration | None
) -> list[tuple[PredictedRecording, np.ndarray]]:
    scored = [one for one in held_out.recordings if one.n_wanted == REPORTED_LENGTH]
    if not moves or all(one.probabilities is not None for one in scored):
        return [
            (one, one.speaker_logits if one.probabilities is None else one.probabilities)
            for one in scored
        ]
    if calibration is not None:
        return [(one, probabilities_in(one, calibration)) for one in scored]
    pairs = []
    speakers = sorted({one.speaker for one in scored})
    for group in (set(speakers[start::_GROUPS]) for start in range(min(_GROUPS, len(speakers)))):
        others = [one for one in held_out.recordings if one.speaker not in group]
        try:
            of_others = calibrate_moving(others, held_out.predicted_clips(set(speakers) - group))
        except CorpusError:  # there is nobody else
            of_others = calibrate_moving(held_out.recordings, held_out.predicted_clips())
        mine = [one for one in scored if one.speaker in group]
        pairs += [(one, probabilities_in(one, of_others)) for one in mine]
    return pairs
