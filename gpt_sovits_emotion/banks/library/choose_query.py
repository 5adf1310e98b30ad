"""What a segment asks of a bank: how much a clip is worth to it, by the emotion that the clip carries.

A segment's emotion is known in three ways. A person said it: then it alone counts. A head heard it: then
every label counts by its probability, and the one that stands in the transcript a little more. Nobody knows
(``unsure`` and no probabilities): then the plainest clip does least harm.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from gpt_sovits_emotion.core.labels import EMOTIONS, UNSURE, canonical_label, distance, slot_label

__all__ = ["DEFAULT", "Query", "accepted", "has_place", "query_for"]

DEFAULT = ""
"""The emotion of a bank's default slot."""

_SURE_SHARE = 0.2
"""What the label in the transcript gets before the rest is shared out as heard. It makes a clip that a person
filed under that label win over one of the second likeliest emotion even where both were heard alike."""

_NEARNESS_SHARE = 0.05
"""Orders the clips that carry nothing of what was heard; smaller than anything that was heard counts."""

_LIKELY = 0.5
"""An emotion heard at least this fraction as strongly as the strongest one is likely, when unsure."""

_DEFAULT_SLOT_HANDICAP = 0.1


@dataclass(frozen=True, slots=True)
class Query:
    """What is wanted of a clip.

    Attributes:
        wanted: Canonical label, free label, ``unsure``, or "" for the default slot.
        heard: Label -> share of what was heard, summing to 1; empty when a person said what is wanted, or
            when what was heard does not bear on the choice (a substitution).
        sought: Label -> share in which it is sought: as heard, with some more for `wanted`; empty as `heard`.
        worth: Label -> what a clip that surely carries it is worth, 0 to about 1.
        present: Whether the bank has what is wanted, so that nothing needs to stand in.
    """

    wanted: str
    heard: Mapping[str, float]
    sought: Mapping[str, float]
    worth: Mapping[str, float]
    present: bool

    @property
    def by_distribution(self) -> bool:
        """Say whether several emotions are in question, each with its share."""
        return bool(self.heard)


def accepted(wanted: str) -> tuple[str, ...]:
    """Return the emotions that fulfil the wish, the best first; none of them is a substitution."""
    if wanted == UNSURE:
        return ("neutral", "calm", DEFAULT)
    return (DEFAULT, "neutral", "calm") if wanted == DEFAULT else (wanted,)


def query_for(
    emotions: Collection[str], *, wanted: str, scores: Mapping[str, float] | None
) -> Query:
    """Return what a segment asks of a bank.

    Args:
        emotions: What the clips of the bank carry; "" for its default slot.
        wanted: The emotion to be heard: canonical, an alias, a free label, or ``unsure``.
        scores: Probability per label, as tagged; None when a person set `wanted`.
    """
    wanted = slot_label(wanted)
    heard = _shares(scores)
    if wanted == UNSURE and heard:
        strongest = max(heard.values())
        likely = {label for label, share in heard.items() if share >= _LIKELY * strongest}
        if likely & set(emotions):
            near = _by_rank(emotions_by_nearness(emotions, UNSURE, heard))
            return Query(UNSURE, heard, heard, _sum(heard, near), present=True)
    order = emotions_by_nearness(emotions, wanted, heard)
    present = order[0] in accepted(wanted)
    if wanted in (UNSURE, DEFAULT) or not present:
        places = order if present else [wanted, *order]
        return Query(wanted, {}, {}, _by_rank(places), present)
    near = _by_rank(order)
    if heard.get(wanted, 0.0) < max(heard.values(), default=1.0):
        # The label was set by hand, or by another head: what was heard says nothing about it.
        return Query(wanted, {}, {}, _sum({wanted: 1.0}, near), present=True)
    sought = {label: (1 - _SURE_SHARE) * share for label, share in heard.items()}
    sought[wanted] += _SURE_SHARE
    return Query(wanted, heard, sought, _sum(sought, near), present=True)


def emotions_by_nearness(
    emotions: Collection[str], wanted: str, heard: Mapping[str, float]
) -> list[str]:
    """Order the emotions of a bank from the wanted one outwards.

    Distances are those of the valence-arousal plane (`labels.distance`); what else was heard pulls. The
    default slot, whose emotion nobody stated, counts as slightly worse than neutral. Where no direction is
    known (neutral, a free label) the plainest clip does least harm; by distance alone, sad would lie nearer
    to neutral than calm does.
    """
    first = accepted(wanted)
    if wanted == "neutral" or not has_place(wanted):
        first = (*first, "neutral", "calm", DEFAULT)

    def key(emotion: str) -> tuple[int, float, str]:
        place = first.index(emotion) if emotion in first else len(first)
        return (place, expected_distance(emotion, wanted, heard), emotion)

    return sorted(emotions, key=key)


def expected_distance(emotion: str, wanted: str, heard: Mapping[str, float]) -> float:
    """Return the mean of the distance to `wanted` and that to what was heard, weighted as heard."""
    to_wanted = _distance(emotion, wanted if has_place(wanted) else "neutral")
    if not heard:
        return to_wanted
    to_heard = math.fsum(share * _distance(emotion, label) for label, share in heard.items())
    return (to_wanted + to_heard) / 2


def has_place(label: str) -> bool:
    """Say whether a label lies on the valence-arousal plane, so that others can be near it."""
    return label in EMOTIONS and label != "other"


def _distance(emotion: str, other: str) -> float:
    if emotion == DEFAULT:
        return distance("neutral", other) + _DEFAULT_SLOT_HANDICAP
    return distance(emotion, other)


def _shares(scores: Mapping[str, float] | None) -> dict[str, float]:
    """Bring scores to canonical labels and to a sum of 1; none when there is nothing to share out."""
    shares: dict[str, float] = {}
    for label, share in (scores or {}).items():
        name = canonical_label(label)
        shares[name] = shares.get(name, 0.0) + share
    total = math.fsum(shares.values())
    return {label: share / total for label, share in shares.items()} if total > 0 else {}


def _by_rank(order: Collection[str]) -> dict[str, float]:
    """Return 1 for the first, and for every further one half of what the one before it has."""
    worth: dict[str, float] = {}
    for rank, label in enumerate(order):
        worth.setdefault(label, 0.5**rank)
    return worth


def _sum(shares: Mapping[str, float], near: Mapping[str, float]) -> dict[str, float]:
    labels = dict.fromkeys((*shares, *near))
    return {
        label: shares.get(label, 0.0) + _NEARNESS_SHARE * near.get(label, 0.0) for label in labels
    }
