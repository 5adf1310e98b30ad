"""Put words on their side of a pause.

Whisper's word times come from its attention. They follow one another without gaps, so that a pause is
part of a word's time: nearly always of the first word behind it, whose end is right and whose beginning
lies in the sentence before. Voice activity knows where the pauses are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gpt_sovits_emotion.core.records import Word
from gpt_sovits_emotion.transcription.heard import Heard
from gpt_sovits_emotion.transcription.speech import Stretch

__all__ = ["SENTENCE_END", "placed", "utterances"]

SENTENCE_END = frozenset(".!?。！？…")
"""Marks that end a sentence."""

_PAUSE_S = 0.3  # shorter pauses are left to the word times
_LATER_S = 0.12  # Whisper ends words too early by about so much
_COUNTED_PAUSE_S = 0.5  # where in a pause a word's end lies says little: all pauses count as short
_BEYOND_S = 0.15  # a word may end so far outside of its stretch for nothing
_BROKEN = 0.4  # cost of a pause inside of a sentence, in seconds of a misplaced word
_RUN_ON = 0.25  # cost of no pause between two sentences
_UNMARKED = 0.6  # how much of a sentence's end an end of Whisper's segments is, without a mark
_EMPTY = 0.2  # cost of an utterance without words
_LONGEST_WORD_S = 2.0  # what lies before that in a longer word is speech that got no words
_LONGEST_TAIL_S = 0.6  # the last word of a stretch is drawn out to its end over no more than this


def utterances(speech: Sequence[Stretch], pause_s: float = _PAUSE_S) -> list[Stretch]:
    """Join stretches of speech over pauses shorter than `pause_s`."""
    joined: list[Stretch] = []
    for one in speech:
        if joined and one.start_s - joined[-1].end_s < pause_s:
            joined[-1] = Stretch(joined[-1].start_s, max(one.end_s, joined[-1].end_s))
        else:
            joined.append(one)
    return joined


def placed(heard: Sequence[Heard], speech: Sequence[Stretch]) -> list[Heard]:
    """Return what was heard in a window with every word inside of the utterance it belongs to.

    Order and number of words stay. Each goes to an utterance, none before its predecessor's, so that the
    sum is smallest of how far words end outside of theirs, of pauses inside of sentences, of sentences that
    follow one another without a pause, and of utterances without words.

    Args:
        heard: Of one window, in order; texts without words stay as they are.
        speech: The stretches of speech in the window.
    """
    spoken = utterances(speech)
    words = [word for one in heard for word in one.words]
    if not words or not spoken:
        return list(heard)
    closing = [
        1.0
        if word.text.strip()[-1:] in SENTENCE_END
        else (_UNMARKED if i == len(one.words) - 1 else 0.0)
        for one in heard
        for i, word in enumerate(one.words)
    ]
    own = _utterance_of_each(words, closing, spoken)
    timed = iter(_timed(words, own, spoken))
    result: list[Heard] = []
    for one in heard:
        mine = tuple(next(timed) for _ in one.words)
        if mine:
            one = replace(one, start_s=mine[0].start_s, end_s=mine[-1].end_s, words=mine)
        result.append(one)
    return result


def _utterance_of_each(
    words: Sequence[Word], closing: Sequence[float], spoken: Sequence[Stretch]
) -> list[int]:
    """Return the index of each word's utterance: the cheapest path, by dynamic programming.

    Args:
        words: In order.
        closing: How surely a sentence ends with each, 0 to 1.
        spoken: The utterances.
    """
    starts, ends, clock = _short_paused(spoken)
    n_spoken = len(spoken)
    ends_at = np.interp([word.end_s + _LATER_S for word in words], *clock)
    outside = np.maximum(starts[None] - ends_at[:, None], ends_at[:, None] - ends[None])
    outside = np.maximum(outside - _BEYOND_S, 0.0)
    came_from = np.zeros((len(words), n_spoken), dtype=int)
    skipped = _EMPTY * np.arange(n_spoken)  # cost of all utterances before this one having no words
    cost = outside[0] + skipped
    for i in range(1, len(words)):
        stay = cost + _RUN_ON * closing[i - 1]
        # The cheapest of all earlier utterances, to come from over a pause.
        best = np.minimum.accumulate(cost - skipped)
        which = np.maximum.accumulate(np.where(cost - skipped <= best, np.arange(n_spoken), 0))
        moved = np.concatenate([[np.inf], best[:-1] + skipped[:-1]])
        moved += _BROKEN * (1.0 - closing[i - 1])
        before = np.concatenate([[0], which[:-1]])
        came_from[i] = np.where(stay <= moved, np.arange(n_spoken), before)
        cost = np.minimum(stay, moved) + outside[i]
    own = [int(np.argmin(cost + skipped[::-1]))]
    for i in range(len(words) - 1, 0, -1):
        own.append(int(came_from[i, own[-1]]))
    return own[::-1]


def _short_paused(
    spoken: Sequence[Stretch],
) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Return starts and ends on a clock on which no pause is long, and that clock as two rows of times."""
    real: list[float] = []
    counted: list[float] = []
    for one in spoken:
        if real:
            pause_s = one.start_s - real[-1]
            counted.append(counted[-1] + min(pause_s, _COUNTED_PAUSE_S))
        else:
            counted.append(one.start_s)
        real += [one.start_s, one.end_s]
        counted.append(counted[-1] + one.duration_s)
    # Beyond the first and the last the clock runs on.
    real = [real[0] - 60.0, *real, real[-1] + 60.0]
    counted = [counted[0] - 60.0, *counted, counted[-1] + 60.0]
    times = np.asarray(counted)
    return times[1:-1:2], times[2:-1:2], (np.asarray(real), times)


def _timed(words: Sequence[Word], own: Sequence[int], spoken: Sequence[Stretch]) -> list[Word]:
    """Bring the times of words into their utterances, the first to its beginning, the last to its end."""
    timed: list[Word] = []
    for i, (word, k) in enumerate(zip(words, own, strict=True)):
        one = spoken[k]
        start_s = min(max(word.start_s, one.start_s), one.end_s)
        end_s = min(max(word.end_s, start_s), one.end_s)
        is_first = i == 0 or own[i - 1] != k
        is_last = i == len(words) - 1 or own[i + 1] != k
        if not is_first:
            start_s = max(start_s, timed[-1].end_s)
        elif end_s - one.start_s <= _LONGEST_TAIL_S:
            start_s = one.start_s
        start_s = max(start_s, end_s - _LONGEST_WORD_S)
        if is_last and one.end_s - end_s <= _LONGEST_TAIL_S:
            end_s = one.end_s
        timed.append(replace(word, start_s=start_s, end_s=max(end_s, start_s)))
    return timed
