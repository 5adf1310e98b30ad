"""Bring what was heard into segments, each fit to carry one emotion."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from gpt_sovits_emotion.core.records import Segment, Word
from gpt_sovits_emotion.transcription.heard import Heard
from gpt_sovits_emotion.transcription.placing import SENTENCE_END
from gpt_sovits_emotion.transcription.speech import Stretch

__all__ = ["segments_of"]

_PAUSE_S = 0.7  # a longer pause between two words ends a segment, ...
_CLAUSE_PAUSE_S = 0.5  # ... behind a comma a shorter one, ...
_SENTENCE_PAUSE_S = 0.25  # ... and a short one where a sentence ends
_SHORT_S = 1.0  # a segment shorter than this joins its neighbour
_JOINING_GAP_S = 0.4
_SNAP_S = 0.4  # word times may miss the edge of the speech by so much
_SHORTEST_S = 0.05
_CLAUSE_END = frozenset(",;:，；：、—")


def segments_of(
    heard: Sequence[Heard],
    *,
    duration_s: float,
    max_segment_s: float,
    speech: Sequence[Stretch] = (),
) -> tuple[Segment, ...]:
    """Clamp, order, split and merge what was heard.

    Args:
        heard: What the recogniser gave, guarded.
        duration_s: Length of the recording.
        max_segment_s: Longest segment.
        speech: Where speech was detected; edges of segments that lie near an edge of speech are moved
            there, because word times often miss the last syllable, and an emotion is heard in it, or
            reach into the silence.

    Returns:
        Segments in order of time, within the recording, not overlapping, none longer than
        `max_segment_s`; their words lie within them, in order.
    """
    pieces = [piece for one in heard for piece in _split(_piece(one), max_segment_s)]
    pieces.sort(key=lambda piece: (piece.start_s, piece.end_s))
    pieces = _apart(pieces, duration_s)
    pieces = _snapped(pieces, speech, duration_s, max_segment_s)
    pieces = _merged(pieces, max_segment_s)
    return tuple(_segment(piece) for piece in pieces)


@dataclass(frozen=True, slots=True)
class _Piece:
    start_s: float
    end_s: float
    text: str
    language: str
    words: tuple[Word, ...]

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s


def _piece(heard: Heard) -> _Piece:
    words = _in_order(heard.words)
    if words:
        return _Piece(words[0].start_s, words[-1].end_s, heard.text, heard.language, words)
    return _Piece(heard.start_s, max(heard.end_s, heard.start_s), heard.text, heard.language, ())


def _in_order(words: Sequence[Word]) -> tuple[Word, ...]:
    """Return words whose times never run backwards."""
    ordered: list[Word] = []
    time_s = 0.0
    for word in words:
        start_s = max(word.start_s, time_s)
        end_s = max(word.end_s, start_s)
        ordered.append(replace(word, start_s=start_s, end_s=end_s))
        time_s = end_s
    return tuple(ordered)


# --- splitting -------------------------------------------------------------------------------------


def _split(piece: _Piece, max_segment_s: float) -> list[_Piece]:
    """Split at pauses between sentences and at long ones, and further until nothing is too long."""
    for i, (word, following) in enumerate(zip(piece.words, piece.words[1:], strict=False)):
        if following.start_s - word.end_s >= _dividing_pause_s(word):
            return _cut(piece, i + 1, max_segment_s)
    if piece.duration_s <= max_segment_s:
        return [piece]
    if len(piece.words) > 1:
        return _cut(piece, _best_cut(piece.words), max_segment_s)
    return _split_evenly(piece, max_segment_s)


def _dividing_pause_s(word: Word) -> float:
    """Return how long a pause behind a word must be to end a segment."""
    mark = word.text.strip()[-1:]
    if mark in SENTENCE_END:
        return _SENTENCE_PAUSE_S
    return _CLAUSE_PAUSE_S if mark in _CLAUSE_END else _PAUSE_S


def _cut(piece: _Piece, at: int, max_segment_s: float) -> list[_Piece]:
    """Cut before word `at` and split both halves further."""
    pieces: list[_Piece] = []
    for words in (piece.words[:at], piece.words[at:]):
        text = "".join(word.text for word in words).strip()
        half = _Piece(words[0].start_s, words[-1].end_s, text, piece.language, words)
        pieces += _split(half, max_segment_s)
    return pieces


def _best_cut(words: Sequence[Word]) -> int:
    """Return the word before which to cut: at a gap, after punctuation, near the middle."""
    start_s, end_s = words[0].start_s, words[-1].end_s
    middle_s, half_s = (start_s + end_s) / 2, max((end_s - start_s) / 2, 1e-6)

    def worth(i: int) -> float:
        before, after = words[i - 1], words[i]
        gap_s = min(after.start_s - before.end_s, 1.0)
        mark = before.text.strip()[-1:]
        punctuation = 1.0 if mark in SENTENCE_END else 0.5 if mark in _CLAUSE_END else 0.0
        place_s = (before.end_s + after.start_s) / 2
        return 2.0 * gap_s + punctuation - 1.5 * abs(place_s - middle_s) / half_s

    return max(range(1, len(words)), key=worth)


def _split_evenly(piece: _Piece, max_segment_s: float) -> list[_Piece]:
    """Split a text without word times at punctuation or spaces, in proportion to its length."""
    if piece.words:  # one word that lasts too long: it cannot be shared out
        return [replace(piece, end_s=piece.start_s + max_segment_s)]
    n_pieces = math.ceil(piece.duration_s / max_segment_s)
    cuts = [_text_cut(piece.text, i / n_pieces) for i in range(n_pieces)] + [len(piece.text)]
    step_s = piece.duration_s / n_pieces
    return [
        replace(
            piece,
            start_s=piece.start_s + i * step_s,
            end_s=piece.start_s + (i + 1) * step_s,
            text=piece.text[cuts[i] : max(cuts[i + 1], cuts[i])].strip(),
        )
        for i in range(n_pieces)
    ]


def _text_cut(text: str, share: float) -> int:
    """Return the place nearest to `share` of the text at which it may be cut."""
    wanted = share * len(text)
    if share <= 0:
        return 0
    places = [i + 1 for i, c in enumerate(text) if c in SENTENCE_END or c in _CLAUSE_END]
    near = [place for place in places if abs(place - wanted) <= 0.15 * len(text)]
    if not near:
        near = [i for i, c in enumerate(text) if c.isspace()] or [round(wanted)]
    return min(near, key=lambda place: abs(place - wanted))


# --- clamping, snapping, merging -------------------------------------------------------------------


def _apart(pieces: Sequence[_Piece], duration_s: float) -> list[_Piece]:
    """Put pieces into the recording, one after the other, each with some time of its own.

    One for which no time is left, at the very end of the recording, joins the one before it.
    """
    apart: list[_Piece] = []
    time_s = 0.0
    for piece in pieces:
        latest_s = max(duration_s - _SHORTEST_S, 0.0)
        start_s = max(min(max(piece.start_s, 0.0), latest_s), time_s)
        end_s = min(max(piece.end_s, start_s + _SHORTEST_S), duration_s)
        if end_s <= start_s and apart:
            start_s, end_s = apart[-1].start_s, apart[-1].end_s
            piece = _joined(apart.pop(), piece)
        words = tuple(_within(word, start_s, end_s) for word in _in_order(piece.words))
        apart.append(replace(piece, start_s=start_s, end_s=end_s, words=words))
        time_s = end_s
    return apart


def _within(word: Word, start_s: float, end_s: float) -> Word:
    return replace(
        word,
        start_s=min(max(word.start_s, start_s), end_s),
        end_s=min(max(word.end_s, start_s), end_s),
    )


def _joined(first: _Piece, second: _Piece) -> _Piece:
    spaced = " " if first.text[-1:].isascii() and second.text[:1].isascii() else ""
    return _Piece(
        first.start_s,
        second.end_s,
        f"{first.text}{spaced}{second.text}".strip(),
        first.language,
        first.words + second.words,
    )


def _snapped(
    pieces: list[_Piece], speech: Sequence[Stretch], duration_s: float, max_segment_s: float
) -> list[_Piece]:
    """Move edges to a near edge of speech: out of silence, and out to the end of a word cut short."""
    snapped: list[_Piece] = []
    starts_s = [one.start_s for one in speech]
    ends_s = [one.end_s for one in speech]
    for i, piece in enumerate(pieces):
        # Of hours of speech only what is near.
        first = bisect_left(ends_s, piece.start_s - _SNAP_S)
        near = speech[first : bisect_right(starts_s, piece.end_s + _SNAP_S)]
        earliest_s = max(snapped[-1].end_s if snapped else 0.0, piece.start_s - _SNAP_S)
        latest_s = pieces[i + 1].start_s if i + 1 < len(pieces) else duration_s
        latest_s = min(latest_s, piece.end_s + _SNAP_S)
        start_s, end_s = piece.start_s, piece.end_s
        for stretch in near:
            if stretch.start_s < piece.start_s <= stretch.end_s:
                start_s = max(stretch.start_s, earliest_s)
            if stretch.start_s <= piece.end_s < stretch.end_s:
                end_s = min(stretch.end_s, latest_s)
        if not _lies_in(near, piece.start_s):
            nexts_s = (one.start_s for one in near if one.start_s > piece.start_s)
            start_s = _nearest(nexts_s, piece.start_s)
        if not _lies_in(near, piece.end_s):
            lasts_s = (one.end_s for one in near if one.end_s < piece.end_s)
            end_s = _nearest(lasts_s, piece.end_s)
        if _SHORTEST_S <= end_s - start_s <= max_segment_s:
            piece = replace(piece, start_s=start_s, end_s=end_s)
        snapped.append(piece)
    return snapped


def _lies_in(speech: Sequence[Stretch], time_s: float) -> bool:
    return any(one.holds(time_s) for one in speech)


def _nearest(candidates_s: Iterable[float], time_s: float) -> float:
    """Return the candidate nearest to `time_s`, or `time_s` itself when none is near."""
    best_s = min(candidates_s, key=lambda one: abs(one - time_s), default=time_s)
    return best_s if abs(best_s - time_s) <= _SNAP_S else time_s


def _merged(pieces: Sequence[_Piece], max_segment_s: float) -> list[_Piece]:
    """Join very short pieces to their neighbour when no sentence ends between them."""
    merged: list[_Piece] = []
    for piece in pieces:
        if merged and _belong_together(merged[-1], piece, max_segment_s):
            merged[-1] = _joined(merged[-1], piece)
        else:
            merged.append(piece)
    return merged


def _belong_together(last: _Piece, piece: _Piece, max_segment_s: float) -> bool:
    return (
        min(last.duration_s, piece.duration_s) < _SHORT_S
        and bool(last.text) == bool(piece.text)
        and piece.start_s - last.end_s <= _JOINING_GAP_S
        and last.text[-1:] not in SENTENCE_END
        and last.language == piece.language
        and piece.end_s - last.start_s <= max_segment_s
    )


def _segment(piece: _Piece) -> Segment:
    start_s, end_s = round(piece.start_s, 3), round(piece.end_s, 3)
    words = tuple(
        _within(
            replace(word, start_s=round(word.start_s, 3), end_s=round(word.end_s, 3)),
            start_s,
            end_s,
        )
        for word in piece.words
    )
    return Segment(start_s, end_s, piece.text, piece.language, words)
