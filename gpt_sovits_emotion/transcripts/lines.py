"""What every text format holds of a segment: its times, its text, its emotion."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from gpt_sovits_emotion.core.errors import TranscriptError
from gpt_sovits_emotion.core.labels import UNSURE, canonical_label
from gpt_sovits_emotion.core.messages import of_count, tr
from gpt_sovits_emotion.core.records import Sentence, TaggedSegment, TaggedTranscript
from gpt_sovits_emotion.transcripts.wording import JOINER, clean, one_line, split_mark

__all__ = [
    "FileLines",
    "FilmRate",
    "Line",
    "above_first",
    "check_times",
    "from_zero",
    "lines_of",
    "marked_line",
    "place",
    "unknown_rate",
]


FilmRate = Callable[[], float | None]
"""Looks how many frames a second the film has that a text belongs to; None where that is not known.

It opens the film, and those that lie beside the text: only a text whose times count frames asks for it.
"""


def unknown_rate() -> float | None:
    """Look for no film: how many frames a second it has is not known."""
    return None


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
        speaker: Who says it, "" when the line does not say.
    """

    text: str
    start_s: float | None = None
    end_s: float | None = None
    label: str | None = None
    confidence: float | None = None
    by_hand: bool = False
    language: str = ""
    audio: str = ""
    speaker: str = ""


@dataclass(frozen=True, slots=True)
class FileLines:
    """The lines of a transcript file, and what a person should know of how they were read."""

    lines: tuple[Line, ...]
    notes: tuple[Sentence, ...] = ()


def marked_line(
    words: str, start_s: float, end_s: float | None, *, speaker: str = "", language: str = ""
) -> Line:
    """Make a line of cleaned words, in front of which the mark of an emotion may stand.

    Examples:
        >>> line = marked_line("[angry 87 %] Stop!", 0.5, 1.0)
        >>> line.label, line.confidence, line.text
        ('angry', 0.87, 'Stop!')
    """
    found, text = split_mark(words)
    line = Line(text, start_s, end_s, speaker=speaker, language=language)
    if found is None:
        return line
    return replace(line, label=found.label, confidence=found.confidence, by_hand=found.by_hand)


def from_zero(lines: Iterable[Line]) -> FileLines:
    """Let lines begin at 0 at the earliest, and leave out those that lie before; a note says so.

    Subtitles that were shifted have negative times where a film was cut.
    """
    kept, n_before, n_cut = [], 0, 0
    for line in lines:
        if line.start_s is None or line.start_s >= 0:
            kept.append(line)
        elif line.end_s is not None and line.end_s <= 0:
            n_before += 1
        else:
            n_cut += 1
            kept.append(replace(line, start_s=0.0))
    if not n_before and not n_cut:
        return FileLines(tuple(kept))
    note = tr(
        "{n_before_2} before the recording: {n_before} left out, {n_cut} cut at 0 s",
        n_before=n_before,
        n_cut=n_cut,
        n_before_2=of_count(n_before + n_cut, "line begins", "lines begin"),
    )
    return FileLines(tuple(kept), (note,))


def above_first(n_rows: int) -> tuple[Sentence, ...]:
    """Return what to say of rows above the first time, which nobody knows the place of."""
    if not n_rows:
        return ()
    note = tr(
        "{n_rows} left out",
        n_rows=of_count(n_rows, "row above the first time is", "rows above the first time are"),
    )
    return (note,)


def lines_of(transcript: TaggedTranscript) -> tuple[Line, ...]:
    """Return what the text formats hold of a transcript, one line per segment.

    Raises:
        TranscriptError: A segment's times are not finite, are negative or run backwards, or its text
            holds half a character that no file can store.
    """
    for number, tagged in enumerate(transcript.segments, start=1):
        where = place("segment", number)
        check_times(tagged.segment.start_s, tagged.segment.end_s, where=where)
        _check_storable(tagged.text, where=where)
        _check_storable(tagged.label, where=where)
        _check_storable(tagged.segment.speaker, where=where)
    return tuple(_line_of(tagged, transcript.language) for tagged in transcript.segments)


def place(kind: str, number: int | float, *, name: str = "") -> Sentence:
    """Name a place in a file for an error, in both languages.

    Examples:
        >>> place("line", 2, name="a.srt")
        Sentence(en='a.srt: line 2', zh='a.srt：第 2 行')
    """
    named, named_zh = (f"{name}: ", f"{name}：") if name else ("", "")
    shown = f"{number:g}" if isinstance(number, float) else str(number)
    return Sentence(f"{named}{kind} {shown}", named_zh + _PLACES[kind].format(shown))


_PLACES = {
    "segment": "第 {} 段",
    "line": "第 {} 行",
    "row": "第 {} 行",
    "line of dialogue": "第 {} 行对白",
    "the cue in line": "第 {} 行的字幕",
    "the paragraph at second": "{} 秒处的段落",
}


def check_times(start_s: float, end_s: float, *, where: Sentence) -> None:
    """Refuse times that no recording has.

    Raises:
        TranscriptError: A time is not finite, is negative, or the end lies before the start.
    """
    if not (math.isfinite(start_s) and math.isfinite(end_s)):
        raise TranscriptError(
            tr("{where} has a time that is not a number; correct it and try again", where=where)
        )
    if start_s < 0 or end_s < 0:
        raise TranscriptError(
            tr(
                "{where} has a negative time ({start_s:g} s to {end_s:g} s); times are seconds from the "
                "start of the recording: shift them and try again",
                where=where,
                start_s=start_s,
                end_s=end_s,
            )
        )
    if end_s < start_s:
        raise TranscriptError(
            tr(
                "{where} ends at {end_s:g} s, before it starts at {start_s:g} s; correct its times and "
                "try again",
                where=where,
                end_s=end_s,
                start_s=start_s,
            )
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
        speaker=one_line(clean(tagged.segment.speaker.replace(JOINER, ""))),
    )


def _check_storable(text: str, *, where: Sentence) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise TranscriptError(
            tr(
                "{where} holds half of a two-part character ({text!a}), which no text file can store; "
                "delete it from the text and try again",
                where=where,
                text=text[error.start],
            )
        ) from error
