"""Choose the reference clips of a whole transcript, each with an eye on those before it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from gpt_sovits_emotion.banks.library.choose import ChoiceOptions, choose_from
from gpt_sovits_emotion.banks.library.layouts import language_of_text
from gpt_sovits_emotion.banks.library.ranking import BankTable, SelectionContext
from gpt_sovits_emotion.banks.library.tagged_text import labels_of_bank, split_tag
from gpt_sovits_emotion.core.records import (
    Prosody,
    ReferenceBank,
    ReferenceChoice,
    ReferenceClip,
    TaggedSegment,
    TaggedTranscript,
)

__all__ = ["choose_all", "intensities"]

_RECENT = 3
"""So many of the clips used last step back when the best is taken."""

_FEWEST_FOR_INTENSITY = 5
"""Segments from which a speaker's ordinary way of speaking can be told."""

_MEASURES: tuple[Callable[[Prosody], float | None], ...] = (
    lambda prosody: 12.0 * math.log2(prosody.f0_median_hz) if prosody.f0_median_hz else None,
    lambda prosody: prosody.f0_range_st,
    lambda prosody: prosody.rate_syl_per_s,
    lambda prosody: prosody.loudness_dbfs,
)


def choose_all(
    transcript: TaggedTranscript,
    bank: ReferenceBank,
    *,
    pins: Mapping[int, Path] | None = None,
    options: ChoiceOptions | None = None,
) -> tuple[ReferenceChoice | None, ...]:
    """Choose a clip for every segment that has words; None for the others.

    What counts as the wanted emotion is, in this order: the label that a person set, the tag that a person
    wrote into the text (`tagged_text.split_tag`), what the head heard.

    Args:
        transcript: What was heard or written, with a person's corrections.
        bank: The voice.
        pins: Segment index -> the clip that a person chose.
        options: How to choose; the defaults when None.

    Raises:
        ReferenceBankError: See `choose`.
    """
    options = options or ChoiceOptions()
    pins = pins or {}
    table = BankTable.of(bank)
    known = labels_of_bank(bank)
    intensity = intensities(transcript.segments)
    choices: list[ReferenceChoice | None] = []
    used: list[Path] = []
    previous: ReferenceClip | None = None
    for index, tagged in enumerate(transcript.segments):
        written, words = split_tag(tagged.text, known=known)
        if not words.strip():
            choices.append(None)
            continue
        language = tagged.segment.language or transcript.language or language_of_text(words)
        recent = used if options.order == "rotate" else used[-_RECENT:]
        by_head = tagged.corrected_label is None and written is None
        choice = choose_from(
            bank,
            table,
            SelectionContext(words, language, intensity[index], previous, tuple(recent)),
            wanted=_wanted(tagged, written),
            scores=tagged.scores.probabilities if by_head and tagged.scores else None,
            pin=pins.get(index),
            options=replace(options, seed=options.seed + index),
        )
        previous = choice.pick
        used.append(choice.pick.path)
        choices.append(choice)
    return tuple(choices)


def intensities(segments: Sequence[TaggedSegment]) -> tuple[float | None, ...]:
    """Return how far each segment lies from the speaker's ordinary way of speaking, 0 to 1.

    Pitch, pitch range, pace and loudness are compared with their medians over all segments, in units of
    their own spread; the segment that lies farthest has 1. None where there are too few segments to tell, or
    where nothing was measured.
    """
    columns = [
        [None if one.prosody is None else measure(one.prosody) for one in segments]
        for measure in _MEASURES
    ]
    deviations: list[list[float]] = [[] for _ in segments]
    for column in columns:
        known = [value for value in column if value is not None]
        if len(known) < _FEWEST_FOR_INTENSITY:
            continue
        middle = statistics.median(known)
        spread = statistics.median(abs(value - middle) for value in known)
        for row, value in enumerate(column):
            if value is not None and spread > 0:
                deviations[row].append(abs(value - middle) / spread)
    means = [statistics.fmean(row) if row else None for row in deviations]
    most = max((mean for mean in means if mean is not None), default=0.0)
    return tuple(None if mean is None or most <= 0 else mean / most for mean in means)


def _wanted(tagged: TaggedSegment, written: str | None) -> str:
    if tagged.corrected_label is not None or written is None:
        return tagged.label
    return written
