"""Which clips of a bank other tools are given, and under which emotion.

A pin counts as when we choose ourselves. A clip of which the head is unsure has no emotion that could be
written down for a tool that knows no doubt: it is left out, unless a person has pinned it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gpt_sovits_emotion.banks.library.choose_query import (
    DEFAULT,
    accepted,
    emotions_by_nearness,
    query_for,
)
from gpt_sovits_emotion.banks.library.pins import pinned_clips
from gpt_sovits_emotion.banks.library.ranking import BankTable, SelectionContext
from gpt_sovits_emotion.core.counting import counted
from gpt_sovits_emotion.core.labels import UNSURE
from gpt_sovits_emotion.core.records import ReferenceBank, ReferenceClip, Sentence

__all__ = ["all_labelled", "left_out_note", "most_ordinary", "one_per_emotion"]


def one_per_emotion(bank: ReferenceBank) -> dict[str, ReferenceClip]:
    """Return emotion -> its clip: the pinned one, else the one that would be chosen of those filed under it.

    A clip that is pinned for an emotion that it is not filed under is returned as filed there by a person.
    """
    table, pins = BankTable.of(bank), pinned_clips(bank)
    emotions = dict.fromkeys(clip.emotion for clip in bank.usable if clip.emotion != UNSURE)
    chosen = {}
    for emotion in (*emotions, *(label for label in pins if label not in emotions)):
        pinned = pins.get(emotion)
        if pinned is not None:
            chosen[emotion] = _filed(pinned, emotion)
            continue
        ranking = table.rank(
            query_for(set(emotions), wanted=emotion, scores=None), SelectionContext()
        )
        ranked = (table.clips[int(place)] for place in ranking.order)
        chosen[emotion] = next(clip for clip in ranked if clip.emotion == emotion)
    return chosen


def all_labelled(bank: ReferenceBank) -> tuple[ReferenceClip, ...]:
    """Return the usable clips whose emotion is known; what a head filed goes where a person pinned it."""
    pinned: dict[str, list[str]] = {}
    for label, clip in pinned_clips(bank).items():
        pinned.setdefault(str(clip.path), []).append(label)
    clips = []
    for clip in bank.usable:
        labels = pinned.get(str(clip.path), [])
        if labels and clip.filed_by != "person" and clip.emotion not in labels:
            clips.append(_filed(clip, labels[0]))
        elif clip.emotion != UNSURE:
            clips.append(clip)
    return tuple(clips)


def most_ordinary(chosen: Mapping[str, ReferenceClip]) -> str:
    """Return the emotion whose clip stands for the default slot of a bank that has none.

    Neutral, else calm, else the one nearest to them of those whose clip is not doubtful.
    """
    order = emotions_by_nearness(chosen, DEFAULT, {})
    plain = accepted(DEFAULT)
    return min(order, key=lambda emotion: emotion not in plain and bool(chosen[emotion].doubts))


def left_out_note(bank: ReferenceBank) -> Sentence | None:
    """Say how many usable clips no export takes, None where it takes all."""
    n_left = len(bank.usable) - len(all_labelled(bank))
    if not n_left:
        return None
    return Sentence(
        f"left out: {n_left} of {counted(len(bank.usable), 'clip')}, of which the head is unsure; put it "
        "into an "
        "emotion's folder, or pin it, to have it exported"
        if n_left == 1
        else f"left out: {n_left} of {len(bank.usable)} clips, of which the head is unsure; put them into an "
        "emotion's folder, or pin them, to have them exported",
        f"未导出：{len(bank.usable)} 个片段中有 {n_left} 个情感不确定；如需导出，"
        "请放入相应情感的文件夹，或固定它们",
    )


def _filed(clip: ReferenceClip, emotion: str) -> ReferenceClip:
    return clip if clip.emotion == emotion else replace(clip, emotion=emotion, filed_by="person")
