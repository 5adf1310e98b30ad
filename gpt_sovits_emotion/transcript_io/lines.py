"""What every text format holds of a segment: its times, its text, its emotion."""

from __future__ import annotations

import math
from dataclasses import dataclass

from gpt_sovits_emotion.errors import TranscriptError
from gpt_sovits_emotion.labels import UNSURE, canonical_label
from gpt_sovits_emotion.records import TaggedSegment, TaggedTranscript
from gpt_sovits_emotion.transcript_io.wording import clean, one_line

__all__ = ["Line", "check_times", "lines_of"]


@dataclass(frozen=True, slots=True)
class Line:
    r"""One cue, row or line of a transcript file.

    Attributes:
        text: What is said; may be empty; line breaks are ``\n``.
        start_s: Seconds from the start of the recording; None where the format has no times.
        end_s: As `start_s`.
        label: Emotion in canonical form, None when the line carries none.
        confidence: Probability of `label`, 0 to 1; None when the line carries none.
        by_hand: True when a person set the label.
        language: Language code, "" when the line carries none.
        audio: The clip that the line names, "" when it names none.
    """

    text: str
    start_s: float | None = None
    end_s: float | None = None
    label: str | None = None
    confidence: float | None = None
    by_hand: bool = False
    language: str = ""
    audio: str = ""


def lines_of(transcript: TaggedTranscript) -> tuple[Line, ...]:
    """Return what the text formats hold of a transcript, one line per segment.

    Raises:
        TranscriptError: A segment's times are not finite, are negative or run backwards, or its text
            holds half a character that no file can store.
    """
    for number, tagged in enumerate(transcript.segments, start=1):
        where = f"segment {number}"
        check_times(tagged.segment.start_s, tagged.segment.end_s, where=where)
        _check_storable(tagged.text, where=where)
        _check_storable(tagged.label, where=where)
    return tuple(_line_of(tagged, transcript.language) for tagged in transcript.segments)


def check_times(start_s: float, end_s: float, *, where: str) -> None:
    """Refuse times that no recording has.

    Raises:
        TranscriptError: A time is not finite, is negative, or the end lies before the start.
    """
    if not (math.isfinite(start_s) and math.isfinite(end_s)):
        raise TranscriptError(f"{where} has a time that is not a number; correct it and try again")
    if start_s < 0 or end_s < 0:
        raise TranscriptError(
            f"{where} has a negative time ({start_s:g} s to {end_s:g} s); times are seconds from the "
            "start of the recording: shift them and try again"
        )
    if end_s < start_s:
        raise TranscriptError(
            f"{where} ends at {end_s:g} s, before it starts at {start_s:g} s; "
            "correct its times and try again"
        )


def _line_of(tagged: TaggedSegment, language: str) -> Line:
    by_hand = tagged.corrected_label is not None
    label = canonical_label(one_line(clean(tagged.label))) or UNSURE
    sure = tagged.scores is not None and not by_hand and label != UNSURE
    return Line(
        text=clean(tagged.text),
        start_s=tagged.segment.start_s,
        end_s=tagged.segment.end_s,
        label=label,
        confidence=tagged.scores.confidence if tagged.scores is not None and sure else None,
        by_hand=by_hand and label != UNSURE,
        language=tagged.segment.language or language,
    )


def _check_storable(text: str, *, where: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise TranscriptError(
            f"{where} holds half of a two-part character ({text[error.start]!a}), which no text file can "
            "store; delete it from the text and try again"
        ) from error
