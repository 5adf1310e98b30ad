"""What a bank has and what it lacks: emotions, seconds, how sure, and what stands in for the missing."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gpt_sovits_emotion.banks.library.choose_query import (
    DEFAULT,
    expected_distance,
    has_place,
    query_for,
)
from gpt_sovits_emotion.banks.library.choose_words import label_names
from gpt_sovits_emotion.banks.library.pins import pinned_clips
from gpt_sovits_emotion.banks.library.ranking import BankTable, SelectionContext, emotion_of
from gpt_sovits_emotion.core.labels import EMOTIONS, canonical_label, percent, slot_label
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import Record, ReferenceBank, ReferenceClip, Sentence

__all__ = [
    "Coverage",
    "EmotionCoverage",
    "MissingEmotion",
    "coverage",
    "coverage_table",
    "missing_sentence",
]

_FARTHEST = math.hypot(2.0, 2.0)
_NEAR, _FAR = 0.5, 1.0  # distances on the valence-arousal plane, whose axes run from -1 to 1


@dataclass(frozen=True, slots=True)
class EmotionCoverage(Record):
    """What a bank has of one emotion.

    Attributes:
        label: Canonical or free label; "" for the default slot.
        n_clips: Usable clips.
        n_refused: Clips of this emotion that cannot be used.
        n_doubtful: Usable clips that a person should look at.
        usable_s: Length of the usable clips together.
        confidence: Mean probability that the head gives this emotion over the clips that it listened to; None
            where it listened to none, or does not know the emotion.
        by_person: Usable clips that a person filed here.
        by_head: Usable clips that a head filed here.
        pinned: Name of the file that a person pinned for the emotion, "" when none. It may be filed under
            another one, so that an emotion may have a pin and no clips.
        pin_works: Whether that clip can be used.
    """

    label: str
    n_clips: int
    n_refused: int
    n_doubtful: int
    usable_s: float
    confidence: float | None
    by_person: int
    by_head: int
    pinned: str = ""
    pin_works: bool = True


@dataclass(frozen=True, slots=True)
class MissingEmotion(Record):
    """A canonical emotion of which a bank has no usable clip.

    Attributes:
        label: The emotion.
        stand_in: What will be used instead; "" for the default slot.
        distance: How far that lies away on the valence-arousal plane, 0 to about 2.8; None where one of
            the two has no place there.
        nearness: ``near``, ``rather far``, ``far`` or ``unknown``.
    """

    label: str
    stand_in: str
    distance: float | None
    nearness: str


@dataclass(frozen=True, slots=True)
class Coverage(Record):
    """What a voice can be made to feel with its bank.

    Attributes:
        voice: Name of the voice.
        head_id: The head that listened to the clips, "" when none has.
        emotions: What is there, in the order in which emotions are shown, then free labels, then the default
            slot. An emotion of which all clips were refused has zero clips, and is missing too.
        missing: The canonical emotions that are not there (other than ``other``), and not pinned.
        n_clips: Usable clips.
        n_refused: Clips that cannot be used.
        usable_s: Length of the usable clips together.
    """

    voice: str
    head_id: str
    emotions: tuple[EmotionCoverage, ...]
    missing: tuple[MissingEmotion, ...]
    n_clips: int
    n_refused: int
    usable_s: float


def coverage(bank: ReferenceBank) -> Coverage:
    """Count what a bank has of each emotion, and find what will stand in for what it lacks.

    A clip that no person filed counts under what was heard in it most, sure or not. A bank without a usable
    clip has nothing that could stand in: then ``missing`` is empty and every count is zero.
    """
    by_emotion: dict[str, list[ReferenceClip]] = {}
    for clip in bank.clips:
        by_emotion.setdefault(emotion_of(clip), []).append(clip)
    pins = {slot_label(name): path.name for name, path in bank.pins.items()}
    works = pinned_clips(bank).keys()
    shown = by_emotion.keys() | works
    order = [*EMOTIONS, *sorted(shown - EMOTIONS.keys() - {DEFAULT}), DEFAULT]
    emotions = tuple(
        _emotion_coverage(
            label, by_emotion.get(label, []), pins.get(label, ""), pin_works=label in works
        )
        for label in order
        if label in shown
    )
    table, usable = BankTable.of(bank), bank.usable
    present = set(table.emotions)
    return Coverage(
        voice=bank.voice,
        head_id=bank.head_id,
        emotions=emotions,
        missing=tuple(
            _missing(label, table, present)
            for label in EMOTIONS
            if present and label != "other" and label not in present | works
        ),
        n_clips=len(usable),
        n_refused=len(bank.clips) - len(usable),
        usable_s=_seconds(usable),
    )


def missing_sentence(missing: MissingEmotion) -> Sentence:
    """Say what will be used for an emotion that a bank lacks, and how near it is."""
    name, other = label_names(missing.label), label_names(missing.stand_in)
    how = _NEARNESS[missing.nearness]
    apart = "" if missing.distance is None else f" ({missing.distance:.2f})"
    return tr(
        "{name}: {other} stands in, {how}{apart}", name=name, other=other, how=how, apart=apart
    )


def coverage_table(
    found: Coverage, *, language: str = "en"
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Return a heading and one row of strings per emotion, for a terminal or a page.

    Args:
        found: What `coverage` returned.
        language: ``"zh"``, or anything else for English.
    """
    rows = [_row(one, language) for one in found.emotions]
    for one in found.missing:
        said = missing_sentence(one).say(language)
        name = label_names(one.label).say(language)
        note = said.removeprefix(name).lstrip(":： ")
        rows.append((name, "0", "0 s" if language != "zh" else "0 秒", "", "", note))
    heading = tuple(sentence.say(language) for sentence in _HEADING)
    return heading, tuple(rows)


_HEADING = (
    tr("emotion"),
    tr("clips"),
    tr("usable"),
    tr("confidence"),
    tr("filed by"),
    tr("note"),
)
_NEARNESS = {
    "near": tr("near"),
    "rather far": tr("rather far"),
    "far": tr("far"),
    "unknown": tr("how near is unknown"),
}


def _emotion_coverage(
    label: str, clips: list[ReferenceClip], pinned: str, *, pin_works: bool
) -> EmotionCoverage:
    usable = [clip for clip in clips if clip.problem is None]
    heard = []
    for clip in usable:
        by_label = {canonical_label(name): share for name, share in clip.probabilities.items()}
        if label in by_label:
            heard.append(by_label[label])
    by_person = sum(clip.filed_by == "person" for clip in usable)
    return EmotionCoverage(
        label=label,
        n_clips=len(usable),
        n_refused=len(clips) - len(usable),
        n_doubtful=sum(bool(clip.doubts) for clip in usable),
        usable_s=_seconds(usable),
        confidence=math.fsum(heard) / len(heard) if heard else None,
        by_person=by_person,
        by_head=len(usable) - by_person,
        pinned=pinned,
        pin_works=pin_works or not pinned,
    )


def _missing(label: str, table: BankTable, present: set[str]) -> MissingEmotion:
    """Ask for the emotion as a person would, and see what comes."""
    query = query_for(present, wanted=label, scores=None)
    stand_in = table.emotions[int(table.rank(query, SelectionContext()).order[0])]
    if not has_place(label) or not (stand_in == DEFAULT or has_place(stand_in)):
        return MissingEmotion(label, stand_in, None, "unknown")
    apart = expected_distance(stand_in, label, {})
    nearness = "near" if apart <= _NEAR else "rather far" if apart <= _FAR else "far"
    return MissingEmotion(label, stand_in, round(min(apart, _FARTHEST), 3), nearness)


def _seconds(clips: list[ReferenceClip] | tuple[ReferenceClip, ...]) -> float:
    return round(math.fsum(clip.duration_s or 0.0 for clip in clips), 3)


def _row(one: EmotionCoverage, language: str) -> tuple[str, ...]:
    zh = language == "zh"
    filed = []
    if one.by_person:
        filed.append(f"人工 {one.by_person}" if zh else f"person {one.by_person}")
    if one.by_head:
        filed.append(f"模型 {one.by_head}" if zh else f"head {one.by_head}")
    notes = []
    if one.n_refused:
        notes.append(f"{one.n_refused} 个不可用" if zh else f"{one.n_refused} refused")
    if one.n_doubtful:
        notes.append(f"{one.n_doubtful} 个存疑" if zh else f"{one.n_doubtful} doubtful")
    if one.pinned:
        broken = "" if one.pin_works else "（无法使用）" if zh else " (cannot be used)"
        notes.append(f"固定：{one.pinned}{broken}" if zh else f"pinned: {one.pinned}{broken}")
    return (
        label_names(one.label).say(language),
        str(one.n_clips),
        f"{one.usable_s:.0f} 秒" if zh else f"{one.usable_s:.0f} s",
        "" if one.confidence is None else percent(one.confidence),
        ("，" if zh else ", ").join(filed),
        ("；" if zh else "; ").join(notes),
    )
