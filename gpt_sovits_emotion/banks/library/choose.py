"""Choose the reference clip for a segment, and say why.

How the clips are ranked stands in `ranking`; what a segment asks for in `choose_wish`. A person's word comes
before any ranking: a clip chosen for the segment, then one pinned for the emotion.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from gpt_sovits_emotion.banks.library.choose_query import DEFAULT, Query, query_for
from gpt_sovits_emotion.banks.library.choose_words import (
    alternative,
    describe,
    granted,
    label_names,
    substitution,
)
from gpt_sovits_emotion.banks.library.layouts import language_of_text
from gpt_sovits_emotion.banks.library.pins import why_not_usable
from gpt_sovits_emotion.banks.library.ranking import BankTable, Ranking, SelectionContext
from gpt_sovits_emotion.core.errors import ReferenceBankError
from gpt_sovits_emotion.core.labels import UNSURE, slot_label
from gpt_sovits_emotion.core.messages import in_both, tr
from gpt_sovits_emotion.core.records import (
    ReferenceBank,
    ReferenceCandidate,
    ReferenceChoice,
    ReferenceClip,
    Sentence,
)

__all__ = ["ChoiceOptions", "ChoiceOrder", "choose", "choose_from"]

ChoiceOrder = Literal["best", "random", "rotate"]
"""Which of the clips that serve about equally well is taken: the best, one drawn by lot, or each in turn."""

_FIRST = 3  # candidates that are to cover the likely emotions together
_ABOUT_EQUAL = 0.15  # of the score for emotion, within which drawing by lot or in turn chooses


@dataclass(frozen=True, slots=True)
class ChoiceOptions:
    """How to choose.

    Attributes:
        n_candidates: How many ranked clips to return.
        substitute: Whether another emotion may stand in for a missing one; else it is an error.
        order: Which of the clips that carry the emotion about equally surely is taken.
        seed: Of drawing by lot.
        use_pins: Whether the bank's pins count.
    """

    n_candidates: int = 5
    substitute: bool = True
    order: ChoiceOrder = "best"
    seed: int = 0
    use_pins: bool = True


def choose(
    bank: ReferenceBank,
    *,
    wanted: str,
    text: str = "",
    language: str = "",
    scores: Mapping[str, float] | None = None,
    intensity: float | None = None,
    previous: ReferenceClip | None = None,
    n_candidates: int | None = None,
    avoid: Sequence[Path] = (),
    pin: Path | None = None,
    substitute: bool | None = None,
    options: ChoiceOptions | None = None,
) -> ReferenceChoice:
    """Rank the bank's clips for one segment and pick the best, or the one that a person wants.

    A missing emotion is replaced by the nearest on the valence-arousal plane (`labels.distance`), where
    `scores` pull towards what else was heard. ``unsure`` takes the clip that most likely carries what was
    heard; without `scores`, and for labels without a known place, a neutral, else a calm, else the default
    clip. Where several emotions were heard, the first three candidates cover them together.

    Args:
        bank: The voice's clips; those with a problem are never chosen.
        wanted: The emotion to be heard: canonical, an alias, a free label, or ``unsure``.
        text: What will be said; its script tells the language when `language` is "".
        language: Language of what will be said; "" when unknown.
        scores: Probability per label, as tagged; None when a person set `wanted`.
        intensity: How far the segment lies from its speaker's ordinary way, 0 to 1; None when unknown.
        previous: The clip that the segment before was said with; one like it is preferred.
        n_candidates: Instead of that of `options`.
        avoid: Clips used recently, the latest last.
        pin: The clip a person chose for this segment.
        substitute: Instead of that of `options`.
        options: How to choose; the defaults when None.

    Raises:
        ReferenceBankError: No clip can be used, `pin` cannot, or the emotion is missing and nothing may
            stand in.
    """
    options = options or ChoiceOptions()
    if n_candidates is not None:
        options = replace(options, n_candidates=n_candidates)
    if substitute is not None:
        options = replace(options, substitute=substitute)
    context = SelectionContext(
        text, language or language_of_text(text), intensity, previous, tuple(avoid)
    )
    return choose_from(
        bank, BankTable.of(bank), context, wanted=wanted, scores=scores, pin=pin, options=options
    )


def choose_from(
    bank: ReferenceBank,
    table: BankTable,
    context: SelectionContext,
    *,
    wanted: str,
    scores: Mapping[str, float] | None,
    pin: Path | None,
    options: ChoiceOptions,
) -> ReferenceChoice:
    """Do what `choose` does, with the bank laid out once for many segments.

    Raises:
        ReferenceBankError: As `choose` does.
    """
    if not table.clips:
        raise ReferenceBankError(
            tr("the voice {voice!r} has no clip that can be used", voice=bank.voice)
        )
    query = query_for(set(table.emotions), wanted=wanted, scores=scores)
    ranking = table.rank(query, context)
    selector = _Selector(bank, table, context, query, ranking, options)
    if pin is not None:
        return selector.by_hand(pin)
    pinned, trouble = selector.pinned() if options.use_pins else (None, None)
    if pinned is not None:
        return pinned
    if not query.present and not options.substitute:
        raise selector.missing()
    return selector.best(trouble)


@dataclass(frozen=True, slots=True, eq=False)
class _Selector:
    """Everything that lies on the table while one clip is chosen."""

    bank: ReferenceBank
    table: BankTable
    context: SelectionContext
    query: Query
    ranking: Ranking
    options: ChoiceOptions

    def best(self, trouble: Sentence | None) -> ReferenceChoice:
        """Pick by rank, by lot or in turn; `trouble` is what kept a person's pin from being used."""
        first = int(self.ranking.order[0])
        pick, how = self._drawn(first)
        described = self._described(pick)
        if not self.query.present:
            reason = substitution(self.query, self.table.emotions[pick], described)
        elif how is None:
            reason = granted(self.query, self.table, self.ranking, pick, described)
        else:
            reason = described
        for said in (how, trouble):
            if said is not None:
                reason = tr("{said}: {reason}", said=said, reason=reason)
        return self._choice(pick, reason, substituted=not self.query.present, manual=False)

    def by_hand(self, pin: Path) -> ReferenceChoice:
        """Pick what a person chose for this segment."""
        place = self.table.place_of(pin)
        if place is None:
            why = why_not_usable(self.bank, pin)
            raise ReferenceBankError(
                tr(
                    "the clip {pin} chosen by hand cannot be used: {why}; choose another",
                    pin=pin,
                    why=why,
                )
            )
        said = self._described(place)
        reason = tr("chosen by hand ({said})", said=said)
        return self._choice(place, reason, substituted=False, manual=True)

    def pinned(self) -> tuple[ReferenceChoice | None, Sentence | None]:
        """Pick what a person pinned for the emotion, or for the one that stands in for it.

        Returns:
            The choice, None where nothing is pinned; and why a pin cannot be used, if so.
        """
        pins = {slot_label(name): path for name, path in self.bank.pins.items()}
        stand_in = self.table.emotions[int(self.ranking.order[0])]
        by_wish = self.query.wanted if self.query.wanted != UNSURE else stand_in
        emotion = by_wish if by_wish in pins else stand_in
        if emotion not in pins:
            return None, None
        name = label_names(emotion)
        place = self.table.place_of(pins[emotion], emotion)
        if place is None:
            why = why_not_usable(self.bank, pins[emotion])
            file = pins[emotion].name
            return None, tr(
                "the clip pinned for {name}, {file}, cannot be used ({why})",
                name=name,
                file=file,
                why=in_both(why.en.rstrip("."), why.zh.rstrip("。")),
            )
        substituted = not self.query.present and emotion != self.query.wanted
        if substituted and not self.options.substitute:
            return None, None
        said = self._described(place)
        reason = tr("pinned for {name} ({said})", name=name, said=said)
        if substituted:
            reason = substitution(self.query, emotion, reason)
        return self._choice(place, reason, substituted=substituted, manual=True), None

    def missing(self) -> ReferenceBankError:
        """Return the error of a bank that lacks the emotion, where nothing may stand in."""
        names = map(label_names, set(self.table.emotions))
        has = sorted(names, key=lambda name: name.en)
        wanted = self.query.wanted
        name = label_names("neutral" if wanted in (UNSURE, DEFAULT) else wanted)
        voice = self.bank.voice
        return ReferenceBankError(
            tr(
                "the voice {voice!r} has no usable clip that is {name}; it has {one}: add a clip, choose "
                "one by hand, or allow another emotion to stand in",
                voice=voice,
                name=name,
                one=in_both(", ".join(one.en for one in has), "、".join(one.zh for one in has)),
            )
        )

    # --- inside ------------------------------------------------------------------------------------

    def _choice(
        self, pick: int, reason: Sentence, *, substituted: bool, manual: bool
    ) -> ReferenceChoice:
        shown = self._shown(max(self.options.n_candidates, 1))
        if pick not in shown:
            shown = [*shown[:-1], pick]
        candidates = []
        for place in shown:
            said = self._described(place)
            if place != shown[0]:
                said = alternative(self.query, self.table.emotions[place], said)
            score = float(self.ranking.score[place])
            candidates.append(ReferenceCandidate(self.table.clips[place], score, said))
        return ReferenceChoice(
            wanted=self.query.wanted,
            candidates=tuple(candidates),
            pick=self.table.clips[pick],
            reason=reason,
            substituted=substituted,
            manual=manual,
        )

    def _shown(self, n_candidates: int) -> list[int]:
        """Return the places of the clips to show: by score, but the first three by what they add.

        Where several emotions were heard, the second clip is the one that most probably serves if the
        first does not, and so on: what the clips before surely carry is taken off what was heard.
        """
        order = [int(place) for place in self.ranking.order]
        if not self.query.by_distribution:
            return order[:n_candidates]
        left = np.array([self.query.sought.get(label, 0.0) for label in self.table.labels])
        others = self.ranking.score - self.table.carried @ left  # fitness, and nearness
        shown = [order[0]]
        while len(shown) < min(_FIRST, n_candidates, len(order)):
            left = left * (1.0 - np.minimum(self.table.carried[shown[-1]], 1.0))
            gain = np.round(self.table.carried @ left + others, 6)
            gain[shown] = -np.inf
            shown.append(int(np.argmax(gain)))
        return [*shown, *(place for place in order if place not in shown[:_FIRST])][:n_candidates]

    def _drawn(self, first: int) -> tuple[int, Sentence | None]:
        """Return the clip to take, and how it was drawn; None when it is simply the best."""
        if self.options.order == "best":
            return first, None
        pool = [
            int(place)
            for place in self.ranking.order
            if self.table.emotions[place] == self.table.emotions[first]
            and self.ranking.emotion[place] >= self.ranking.emotion[first] - _ABOUT_EQUAL
        ]
        pool = [place for place in pool if not self.table.clips[place].doubts] or pool
        if len(pool) == 1:
            return pool[0], None
        if self.options.order == "random":
            pick = random.Random(f"{self.options.seed}").choice(pool)
            return pick, tr("drawn by lot from {pool} clips", pool=len(pool))
        used = {path: since for since, path in enumerate(self.context.avoid, start=1)}
        pick = min(pool, key=lambda place: used.get(self.table.clips[place].path, 0))
        return pick, tr("each of {pool} clips in turn", pool=len(pool))

    def _described(self, place: int) -> Sentence:
        return describe(self.table.clips[place], self.context, language=self.context.language)
