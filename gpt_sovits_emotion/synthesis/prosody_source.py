"""Carry: how the emotion gets into what the backend says.

A backend takes its prosody from one prompt and, where it can, its timbre from other clips. So there are three
ways, of which the first works with every backend:

    clip        a clip of the voice itself, chosen for the emotion, gives both
    recording   the piece of the recording that was heard gives the prosody, clips of the voice the timbre
    bank        a clip of another voice, chosen for the emotion, gives the prosody, the voice the timbre
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gpt_sovits_emotion.audio import Recording, write_wav
from gpt_sovits_emotion.backends.base import BackendLimits
from gpt_sovits_emotion.core.character_errors import character_error_rate
from gpt_sovits_emotion.core.errors import BackendError, OutputError
from gpt_sovits_emotion.core.messages import in_both, of_count, tr
from gpt_sovits_emotion.core.records import (
    ReferenceBank,
    ReferenceClip,
    Segment,
    Sentence,
    TaggedSegment,
    TaggedTranscript,
    Word,
)

__all__ = [
    "CARRIES",
    "Piece",
    "ProsodySource",
    "carry_note",
    "check_prosody_source",
    "piece_of",
    "prompt_folder",
    "timbre_clips",
    "write_prompt",
]

_NO_TIMES = tr("its words have no times at which it could be cut")
_MOSTLY_SILENT = tr("more than half of the prompt would be silence")

CARRIES = ("clip", "recording", "bank")

_EDGE_S = (
    0.1  # a prompt keeps so much of the pause at each side, where breath and the ends of words lie
)
_GUARD_S = 0.05  # never nearer than this to the words of a neighbour
_SPARE_S = 0.02  # so that rounding to samples crosses no limit
_LEAST_SPEECH = 0.5  # of a prompt; more silence than speech is no prosody to copy
_OTHER_WORDS = (
    0.5  # a corrected text with more character errors than this was not said in the recording
)
_LONGEST_PAUSE_S = 0.5  # a longer pause makes a place to cut no better
_N_TIMBRE, _N_TIMBRE_AVERAGED = 4, 8
_OWN_CLIPS = {
    "recording": ("--carry clip", "--carry clip"),
    "bank": ("leave out --prosody-from", "去掉 --prosody-from"),
}


@dataclass(frozen=True, slots=True)
class ProsodySource:
    """How the emotion is carried.

    Attributes:
        way: ``clip``, ``recording`` or ``bank``.
        or_clip: Whether the chosen clip of the voice stands in where the recording's piece cannot serve;
            otherwise the segment is left out, with the reason.
        n_timbre: How many clips of the voice give the timbre; None takes four, or eight where the backend
            averages them with the prompt, which then counts for a ninth.
        scratch: Folder in which the pieces lie while they are spoken; the system's own when None. A server
            on another machine has to see it.

    Raises:
        ValueError: There is no such way, or the number is not positive.
    """

    way: str = "clip"
    or_clip: bool = False
    n_timbre: int | None = None
    scratch: Path | None = None

    def __post_init__(self) -> None:
        if self.way not in CARRIES:
            raise ValueError(f"way is {self.way!r}; it must be one of {', '.join(CARRIES)}")
        if self.n_timbre is not None and self.n_timbre < 1:
            raise ValueError(f"n_timbre is {self.n_timbre}; it must be 1 or more")


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a recording that can be a prosody prompt: what is said in it, and when."""

    start_s: float
    end_s: float
    text: str
    language: str


def check_prosody_source(
    carry: ProsodySource, limits: BackendLimits | None, *, backend: Sentence
) -> None:
    """Make sure, before any work, that a backend can carry emotion in this way.

    Args:
        carry: The way.
        limits: Of the backend as it is now.
        backend: Its title.

    Raises:
        BackendError: It has no voice, or takes no timbre references.
    """
    if limits is None:
        raise BackendError(
            tr("the host {backend} lends encoders but has no voice", backend=backend)
        )
    if carry.way == "clip" or limits.timbre_references:
        return
    own, own_zh = _OWN_CLIPS[carry.way]
    raise BackendError(
        tr(
            "{backend} takes its timbre from the prosody prompt itself, so it would speak with the voice "
            "of the recording, or of the other bank: let a clip of the voice carry the emotion ({own}), "
            "or speak with a v1, v2, v2Pro or v2ProPlus model of GPT-SoVITS",
            backend=backend,
            own=in_both(own, own_zh),
        )
    )


def carry_note(carry: ProsodySource, limits: BackendLimits, *, n_timbre: int) -> Sentence:
    """Say how the emotion is carried, and whose timbre is heard."""
    if carry.way == "clip":
        return tr("each segment is said with a clip of the voice itself in its emotion")
    whose = (
        tr("each piece of the recording")
        if carry.way == "recording"
        else tr("a clip of another voice")
    )
    if limits.averages_timbre:
        return tr(
            "{whose} gives the prosody; the timbre is the mean of it and {n_timbre_2} of the voice: one "
            "part in {n_timbre} is not the voice's own",
            whose=whose,
            n_timbre=n_timbre + 1,
            n_timbre_2=of_count(n_timbre, "clip"),
        )
    return tr(
        "{whose} gives the prosody, {n_timbre} of the voice the timbre",
        whose=whose,
        n_timbre=of_count(n_timbre, "clip"),
    )


def timbre_clips(
    bank: ReferenceBank, carry: ProsodySource, limits: BackendLimits
) -> tuple[ReferenceClip, ...]:
    """Return the clips of a voice that show its timbre best; the same for every segment.

    Clips without doubts go first, then those that sound most like the others, are least clipped and least
    noisy, and are longest; what was not measured is taken for middling.
    """
    n_clips = carry.n_timbre or (_N_TIMBRE_AVERAGED if limits.averages_timbre else _N_TIMBRE)

    def merit(clip: ReferenceClip) -> tuple[float, ...]:
        quality = clip.quality
        clipped = quality.clipped if quality else 0.0
        snr_db = quality.snr_db if quality and quality.snr_db is not None else 20.0
        like_others = 0.5 if clip.consistency is None else clip.consistency
        return (
            -float(len(clip.doubts)),
            round(like_others, 1),
            -round(clipped, 3),
            min(round(snr_db / 10), 4),
            clip.duration_s or 0.0,
        )

    ranked = sorted(bank.usable, key=lambda clip: str(clip.path))
    return tuple(sorted(ranked, key=merit, reverse=True)[:n_clips])


# --- the recording's own piece as prompt -------------------------------------------------------------


def piece_of(
    transcript: TaggedTranscript, index: int, *, duration_s: float, limits: BackendLimits
) -> Piece:
    """Find the piece of the recording that can be the prompt of one segment.

    A segment that is too short is widened into the pauses at its sides, as long as at least half of the
    piece is speech; one that is too long is cut between two words, at the longest pause.

    Args:
        transcript: What was heard.
        index: Of the segment.
        duration_s: Length of the recording.
        limits: How long a reference the backend takes.

    Raises:
        BackendError: There is no such piece; the sentence says why.
    """
    tagged = transcript.segments[index]
    segment = tagged.segment
    language = segment.language or transcript.language
    shortest_s = limits.reference_min_s + _SPARE_S
    longest_s = limits.reference_max_s - _SPARE_S
    earliest_s, latest_s = _room(transcript, index, duration_s)
    if segment.duration_s > longest_s:
        words = _cut(segment.words, shortest_s, longest_s - 2 * _EDGE_S)
        if not words:
            raise _unfit(index, segment, limits, _NO_TIMES)
        text = "".join(word.text for word in words).strip()
        start_s, end_s = words[0].start_s, words[-1].end_s
        # What lies beside a cut is another word of the same segment, not a pause.
        earliest_s = earliest_s if words[0] is segment.words[0] else start_s
        latest_s = latest_s if words[-1] is segment.words[-1] else end_s
    else:
        text, start_s, end_s = _said(tagged), segment.start_s, segment.end_s
    before_s, after_s = _widening(
        start_s - earliest_s, latest_s - end_s, end_s - start_s, shortest_s, longest_s
    )
    piece = Piece(
        max(start_s - before_s, earliest_s), min(end_s + after_s, latest_s), text, language
    )
    if piece.end_s - piece.start_s < shortest_s - _SPARE_S / 2:
        found_s = max(piece.end_s - piece.start_s, 0.0)
        raise _unfit(
            index,
            segment,
            limits,
            tr("with the pauses beside it, it makes {found_s:.1f} s", found_s=found_s),
        )
    if segment.duration_s < _LEAST_SPEECH * (piece.end_s - piece.start_s):
        raise _unfit(index, segment, limits, _MOSTLY_SILENT)
    return piece


@contextmanager
def prompt_folder(carry: ProsodySource) -> Iterator[Path]:
    """Yield a folder that this user alone can read, and delete it with all it holds.

    Raises:
        OutputError: It cannot be made.
    """
    try:
        folder = tempfile.TemporaryDirectory(prefix="emotion-prompts-", dir=carry.scratch)
    except OSError as error:
        place = carry.scratch or tempfile.gettempdir()
        reason = error.strerror or str(error)
        raise OutputError(
            tr(
                "no folder for the pieces of the recording could be made in {place} ({reason}); name "
                "another with --scratch",
                place=place,
                reason=reason,
            )
        ) from error
    with folder as name:
        yield Path(name)


def write_prompt(recording: Recording, piece: Piece, folder: Path, *, number: int) -> ReferenceClip:
    """Write a piece of the recording into a folder, at the highest rate at which it was kept.

    Raises:
        OutputError: It cannot be written.
    """
    audio = recording.read(piece.start_s, piece.end_s, sampling_rate_hz=max(recording.rates_hz))
    path = folder / f"segment-{number:03d}.wav"
    write_wav(path, audio)
    return ReferenceClip(path, "", piece.text, piece.language, audio.duration_s)


# --- inside ----------------------------------------------------------------------------------------


def _room(transcript: TaggedTranscript, index: int, duration_s: float) -> tuple[float, float]:
    """Return how far a segment could reach without touching its neighbours' words."""
    segment = transcript.segments[index].segment
    earliest_s, latest_s = 0.0, duration_s
    for other_index, other in enumerate(transcript.segments):
        if other_index == index:
            continue
        if other.segment.start_s >= segment.start_s and other.segment.end_s >= segment.end_s:
            latest_s = min(latest_s, max(other.segment.start_s - _GUARD_S, segment.end_s))
        else:
            earliest_s = max(earliest_s, min(other.segment.end_s + _GUARD_S, segment.start_s))
    return earliest_s, latest_s


def _widening(
    room_before_s: float, room_after_s: float, speech_s: float, shortest_s: float, longest_s: float
) -> tuple[float, float]:
    """Return by how much a piece is widened at each side: by a little, or to the shortest length."""
    before_s, after_s = min(room_before_s, _EDGE_S), min(room_after_s, _EDGE_S)
    spare_s = max(longest_s - speech_s, 0.0)
    before_s, after_s = min(before_s, spare_s / 2), min(after_s, spare_s / 2)
    missing_s = shortest_s - (speech_s + before_s + after_s)
    if missing_s > 0:
        more_after_s = min(missing_s / 2, room_after_s - after_s)
        more_before_s = min(missing_s - more_after_s, room_before_s - before_s)
        more_after_s = min(missing_s - more_before_s, room_after_s - after_s)
        before_s, after_s = before_s + more_before_s, after_s + more_after_s
    return max(before_s, 0.0), max(after_s, 0.0)


def _cut(words: Sequence[Word], shortest_s: float, longest_s: float) -> tuple[Word, ...]:
    """Return the consecutive words between the longest pauses that fit; none when none do."""
    best: tuple[Word, ...] = ()
    best_merit = (-1.0, 0.0)
    for first in range(len(words)):
        for last in range(first, len(words)):
            length_s = words[last].end_s - words[first].start_s
            if length_s > longest_s:
                break
            if length_s < shortest_s:
                continue
            merit = (_pause(words, first) + _pause(words, last + 1), length_s)
            if merit > best_merit:
                best, best_merit = tuple(words[first : last + 1]), merit
    return best


def _pause(words: Sequence[Word], place: int) -> float:
    """Return the pause before the word at `place`; a segment begins and ends with one."""
    if place in (0, len(words)):
        return _LONGEST_PAUSE_S
    pause_s = words[place].start_s - words[place - 1].end_s
    return min(max(round(pause_s, 2), 0.0), _LONGEST_PAUSE_S)


def _said(tagged: TaggedSegment) -> str:
    """Return what is said in the recording: a person may have mended the text, or written another."""
    heard, text = tagged.segment.text.strip(), tagged.text.strip()
    if heard and character_error_rate(heard, text) > _OTHER_WORDS:
        return heard
    return text


def _unfit(index: int, segment: Segment, limits: BackendLimits, why: Sentence) -> BackendError:
    return BackendError(
        tr(
            "segment {index} lasts {duration_s:.1f} s and cannot be a prosody prompt, for which "
            "{reference_min_s:g} to {reference_max_s:g} s are needed: {why}; let a clip of the voice "
            "stand in (--or-clip)",
            index=index + 1,
            duration_s=segment.duration_s,
            reference_min_s=limits.reference_min_s,
            reference_max_s=limits.reference_max_s,
            why=why,
        )
    )
