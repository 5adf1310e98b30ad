"""From what was measured of every clip to what is said of each, and of the bank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from gpt_sovits_emotion.banks.building.consistency import DOUBTFUL, consistency
from gpt_sovits_emotion.banks.building.measured import Measured
from gpt_sovits_emotion.banks.building.quality_warnings import quality_warnings_of, text_pace
from gpt_sovits_emotion.banks.building.style_check import is_one_mood
from gpt_sovits_emotion.banks.building.teaching import Taught, held_out
from gpt_sovits_emotion.banks.library.given_texts import says_something_else
from gpt_sovits_emotion.banks.library.sidecar import ClipContent
from gpt_sovits_emotion.core.messages import of_count, tr
from gpt_sovits_emotion.core.records import ReferenceClip, Sentence, SpeakerStatistics
from gpt_sovits_emotion.heads import Head
from gpt_sovits_emotion.heads.profiles import for_speaker

__all__ = ["Judged", "files_of", "judge", "once_each"]

_MANY_DOUBTED = 0.05
_DIGITS = 4
_BANK = "bank:"  # what the source of a voice's own statistics begins with
_ORDINARY = ("neutral", "calm")
_LEAST_ORDINARY = 1.0  # clips, all probabilities summed


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What is said of a bank.

    Attributes:
        clips: One per `Measured`, in the same order.
        speaker: Statistics of the voice that the clips were judged with; None where they were judged with
            the training statistics.
        notes: What a person should know of the bank.
    """

    clips: tuple[ReferenceClip, ...]
    speaker: SpeakerStatistics | None
    notes: tuple[Sentence, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Verdicts:
    """Per content: what the head says, and how far it lies from the voice's ordinary way of speaking."""

    probabilities: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    intensities: Mapping[str, float] = field(default_factory=dict)


def judge(
    measured: Sequence[Measured],
    head: Head,
    *,
    voice: str,
    known_speaker: SpeakerStatistics | None = None,
    taught: Taught | None = None,
) -> Judged:
    """Judge every clip of a bank, each by itself and by what is usual in the bank.

    Args:
        measured: All clips of the bank.
        head: The head that judges.
        voice: Name of the voice.
        known_speaker: Statistics of the speaker that the head was fitted to; they go before the bank's.
        taught: What the bank's own labels taught the head. Then the fitted head judges, and each
            labelled clip a head that was not taught with it; the statistics are the bank's all the same.
    """
    rows = once_each(measured, head.card.min_duration_s)
    speaker, notes = _speaker_of(rows, head, voice, known_speaker)
    if taught is not None and taught.profile is not None and rows:
        verdicts = _fitted_verdicts(rows, head, taught)
        notes = [taught.note]
    else:
        verdicts = _verdicts(rows, head, speaker)
        notes += [taught.note] if taught is not None else []
    scores = _consistencies(measured)
    paces = text_pace(measured)
    clips = tuple(
        _clip(each, head, verdicts, scores, paces.get(number))
        for number, each in enumerate(measured)
    )
    return Judged(clips, speaker, (*notes, *_notes(clips, measured)))


def once_each(measured: Sequence[Measured], least_s: float) -> dict[str, np.ndarray]:
    """Return the embeddings of what is long enough to be judged, each content once, in order."""
    rows: dict[str, np.ndarray] = {}
    for each in measured:
        duration_s = each.facts.duration_s if each.facts else None
        if (
            each.content is not None
            and each.embedding is not None
            and duration_s is not None
            and duration_s >= least_s
        ):
            rows.setdefault(each.content.sha256, each.embedding)
    return rows


def _speaker_of(
    rows: Mapping[str, np.ndarray],
    head: Head,
    voice: str,
    known_speaker: SpeakerStatistics | None,
) -> tuple[SpeakerStatistics | None, list[Sentence]]:
    """Gather the voice's statistics, unless they would do harm; say what was done."""
    if known_speaker is not None:
        return known_speaker, []
    if not rows:
        return None, []
    table = np.stack(list(rows.values()))
    speaker = head.statistics(table, source=f"{_BANK}{voice}")
    if speaker is None:
        least = head.card.min_speaker_segments
        return None, [
            tr(
                "judged against the training speakers: {table} fewer than the {least} that tell a "
                "voice's own way of speaking",
                least=least,
                table=of_count(len(table), "clip is", "clips are"),
            )
        ]
    if (label := is_one_mood(head, table)) is not None:
        return None, [
            tr(
                "judged against the training speakers: nearly all clips sound {label}, and measured "
                "against themselves that would vanish",
                label=label,
            )
        ]
    return speaker, [tr("judged against this voice's own {table} clips", table=len(table))]


def _verdicts(
    rows: Mapping[str, np.ndarray], head: Head, speaker: SpeakerStatistics | None
) -> _Verdicts:
    if not rows:
        return _Verdicts()
    table = np.stack(list(rows.values()))
    mode = "global" if speaker is None else "speaker"
    against = speaker
    if speaker is not None and speaker.source.startswith(_BANK):
        against = head.statistics(table, source=speaker.source, inclusive=True)
    return _verdicts_of(rows, head, head.probabilities(table, against), mode)


def _fitted_verdicts(rows: Mapping[str, np.ndarray], head: Head, taught: Taught) -> _Verdicts:
    """Judge by what the voice taught, and what it taught with by what the rest of it taught."""
    profile = taught.profile
    assert profile is not None
    fitted, statistics = for_speaker(head, profile)
    table = np.stack(list(rows.values()))
    found = fitted.probabilities(table, statistics)
    without = held_out(profile, head, taught.replay)
    for place, row in enumerate(table):
        found[place] = without.get(np.ascontiguousarray(row, np.float32).tobytes(), found[place])
    return _verdicts_of(rows, head, found, "speaker")


def _verdicts_of(
    rows: Mapping[str, np.ndarray], head: Head, found: np.ndarray, mode: str
) -> _Verdicts:
    labels = head.card.labels
    table = np.stack(list(rows.values()))
    return _Verdicts(
        {
            sha256: {
                label: round(float(value), _DIGITS)
                for label, value in zip(labels, row, strict=True)
            }
            for sha256, row in zip(rows, found, strict=True)
        },
        {sha256: head.decide(row, mode=mode) for sha256, row in zip(rows, found, strict=True)},
        dict(zip(rows, _intensities(table, head, found), strict=True)),
    )


def _intensities(table: np.ndarray, head: Head, found: np.ndarray) -> list[float]:
    """Return how far each clip lies from the voice's ordinary way of speaking, over the farthest of all.

    The ordinary is the mean of the clips, each counting as much as it sounds neutral or calm; where none
    does, the median clip. Distances are in the deviations that the training speakers have within themselves,
    cut off as the head cuts them off. On RAVDESS, with heads that had not met the speaker, it tells strongly
    from ordinarily spoken clips of one emotion with an area of 0.86 (0.78 with the median alone).
    """
    ordinary = found[
        :, [head.card.labels.index(name) for name in _ORDINARY if name in head.card.labels]
    ]
    weights = ordinary.sum(axis=1)
    centre = np.median(table, axis=0)
    if weights.sum() >= _LEAST_ORDINARY:
        centre = weights @ table / weights.sum()
    z = (table - centre) / head.within_speaker_std
    distances = np.sqrt(np.mean(np.square(np.clip(z, -head.card.clip_z, head.card.clip_z)), axis=1))
    nearest, farthest = float(distances.min()), float(distances.max())
    if farthest <= nearest:
        return [0.0] * len(table)
    return [round(float((each - nearest) / (farthest - nearest)), 3) for each in distances]


def _consistencies(measured: Sequence[Measured]) -> dict[str, float]:
    rows: dict[str, np.ndarray] = {}
    for each in measured:
        if each.content is not None and each.voice is not None:
            rows.setdefault(each.content.sha256, each.voice)
    found = consistency(np.stack(list(rows.values()))) if rows else None
    if found is None:
        return {}
    return {sha256: round(float(value), 3) for sha256, value in zip(rows, found, strict=True)}


def _clip(
    each: Measured,
    head: Head,
    verdicts: _Verdicts,
    scores: Mapping[str, float],
    pace: Sentence | None,
) -> ReferenceClip:
    source, sha256 = each.source, each.content.sha256 if each.content else ""
    label = verdicts.labels.get(sha256)
    by_person = source.filed_by == "person"
    probabilities = verdicts.probabilities.get(sha256, {})
    score = scores.get(sha256)
    doubts = quality_warnings_of(
        each,
        label=label,
        probabilities=probabilities,
        consistency=score,
        pace=pace,
        by_person=by_person,
        min_duration_s=head.card.min_duration_s,
    )
    return ReferenceClip(
        source.path,
        source.emotion if by_person or label is None else label,
        each.text,
        each.language,
        each.facts.duration_s if each.facts else None,
        each.problem,
        filed_by="person" if by_person else "head",
        probabilities=probabilities,
        intensity=verdicts.intensities.get(sha256),
        quality=each.facts.quality if each.facts else None,
        consistency=score,
        doubts=doubts if each.problem is None else (),
        text_error=each.text_error,
    )


def _notes(clips: Sequence[ReferenceClip], measured: Sequence[Measured]) -> list[Sentence]:
    notes = []
    scored = [clip for clip in clips if clip.consistency is not None]
    odd = sum((clip.consistency or 0.0) < DOUBTFUL for clip in scored)
    if scored and odd > max(_MANY_DOUBTED * len(scored), 1):
        notes.append(
            tr(
                "{odd} of {scored} clips sound unlike the others: another speaker, another microphone, "
                "or shouting and whispering; listen to them",
                odd=odd,
                scored=len(scored),
            )
        )
    others = [clip for clip in clips if clip.problem is None and says_something_else(clip)]
    if others:
        notes.append(
            tr(
                "the text of {others} is not what is said (the first: {path}): such clips come after all "
                "others; correct the text",
                path=others[0].path.name,
                others=of_count(len(others), "clip"),
            )
        )
    unheard = sum(each.remark is not None and each.problem is None for each in measured)
    if unheard:
        first = next(each for each in measured if each.remark is not None and each.problem is None)
        assert first.remark is not None
        notes.append(
            tr(
                "in {unheard} of {clips} no emotion was heard; the first: {remark}",
                unheard=unheard,
                remark=first.remark,
                clips=of_count(len(clips), "clip"),
            )
        )
    return notes


def files_of(measured: Sequence[Measured]) -> dict[Path, ClipContent]:
    """Return what the files of the clips held when they were listened to."""
    return {each.source.path: each.content for each in measured if each.content is not None}
