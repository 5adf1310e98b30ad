"""What the page shows of a session: plain strings, numbers and paths, in the page's language."""

from __future__ import annotations

import html
import re
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gpt_sovits_emotion.core.labels import colour_of, display_name, percent
from gpt_sovits_emotion.core.records import (
    ReferenceBank,
    ReferenceClip,
    RoundTripSegment,
    TaggedSegment,
)
from gpt_sovits_emotion.core.visible import visible
from webui_tab.controls import SPOKEN_LANGUAGES
from webui_tab.markup import note
from webui_tab.sessions import Session
from webui_tab.texts import on_page, say

if TYPE_CHECKING:
    from gpt_sovits_emotion.report.data import TimelineData

__all__ = [
    "COLUMNS",
    "clip_name",
    "clock",
    "edited_columns",
    "emotions_of",
    "heard_timeline",
    "result_html",
    "said_timeline",
    "summary_html",
    "table_headers",
    "table_rows",
    "verdict_of",
    "words_html",
]

_FROM_FILE = "file:"
"""Begins what a transcript from a file says of where its words come from."""

COLUMNS = ("number", "start", "end", "text", "emotion", "sure", "why", "check")
"""The columns of the table of segments; `text` and `emotion` can be edited."""


# --- the table ---------------------------------------------------------------------------------------


def table_headers(language: str) -> list[str]:
    """Return the table's column names."""
    return [say(f"column_{name}", language) for name in COLUMNS]


def table_rows(session: Session, language: str) -> list[list[str]]:
    """Return one row per segment, in the order of `COLUMNS`; no row where nothing was analysed.

    The first cell carries a checksum of each of the others, by which `edited_columns` knows later what a
    person changed, even in a table that has been overtaken by another change.
    """
    if session.tagging is None:
        return []
    rows = []
    for index, tagged in enumerate(session.tagging.transcript.segments):
        cells = [
            clock(tagged.segment.start_s),
            clock(tagged.segment.end_s),
            tagged.text,
            display_name(tagged.label, language),
            _sure(tagged, language),
            _why(tagged, language),
            _check(session, index, language),
        ]
        rows.append([_number_cell(index, tagged, cells), *cells])
    return rows


def edited_columns(row: Sequence[object]) -> frozenset[str] | None:
    """Return which columns of a row differ from what `table_rows` gave; None when it is not our row."""
    sums = re.search(r'data-sums="([0-9a-f.]+)"', str(row[0])) if row else None
    if sums is None or len(row) != len(COLUMNS):
        return None
    now = _checksums([str(cell) for cell in row[1:]])
    changed = zip(COLUMNS[1:], sums[1].split("."), now.split("."), strict=True)
    return frozenset(name for name, was, is_now in changed if was != is_now)


def _checksums(cells: Sequence[str]) -> str:
    return ".".join(f"{zlib.crc32(cell.encode()):08x}" for cell in cells)


def clip_name(bank: ReferenceBank | None, clip: ReferenceClip) -> str:
    """Return a clip's path within its bank: all of a bank's files may have the same name."""
    if bank is not None and clip.path.is_relative_to(bank.root):
        return visible(clip.path.relative_to(bank.root).as_posix())
    return visible(clip.path.name)


def clock(time_s: float) -> str:
    """Return a time as minutes and seconds: ``1:02.5``.

    Examples:
        >>> clock(62.46), clock(3725.0)
        ('1:02.5', '1:02:05.0')
    """
    tenths = round(time_s * 10)
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    seconds = f"{tenths / 10:04.1f}"
    return f"{hours}:{minutes:02d}:{seconds}" if hours else f"{minutes}:{seconds}"


def _number_cell(index: int, tagged: TaggedSegment, cells: Sequence[str]) -> str:
    corrected = tagged.corrected_label is not None or tagged.corrected_text is not None
    colour = colour_of(tagged.label)
    return (
        f'<span class="emo-dot" style="background:{colour}" data-sums="{_checksums(cells)}"></span>'
        f"{index + 1}{' ✎' if corrected else ''}{_who(tagged)}"
    )


def _who(tagged: TaggedSegment) -> str:
    speaker = tagged.segment.speaker
    return f"<br><small>{html.escape(visible(speaker))}</small>" if speaker else ""


def _sure(tagged: TaggedSegment, language: str) -> str:
    if tagged.corrected_label is not None:
        return say("by_hand", language)
    return percent(tagged.scores.confidence) if tagged.scores else ""


def _why(tagged: TaggedSegment, language: str) -> str:
    if tagged.scores is None:
        return tagged.problem.say(language) if tagged.problem else ""
    reason = tagged.scores.reason.say(language)
    # The label and its share stand in columns of their own.
    return reason.partition("：" if language == "zh" else ": ")[2] or reason


def _check(session: Session, index: int, language: str) -> str:
    verdict = verdict_of(session, index)
    if verdict is None:
        return ""
    if verdict.survived is None or verdict.heard is None:
        return say("kept_unknown", language)
    heard = display_name(verdict.heard.label, language)
    return say("kept_yes" if verdict.survived else "kept_no", language, heard=heard)


def verdict_of(session: Session, index: int) -> RoundTripSegment | None:
    """Return how a segment came through the round trip, None before there was one."""
    return session.result.verification.report.segments[index] if session.result else None


# --- the whole ---------------------------------------------------------------------------------------


def summary_html(session: Session, language: str) -> str:
    """Return what was heard in a line or two, with the warnings about the recording, as HTML."""
    if session.tagging is None:
        return ""
    transcript = session.tagging.transcript
    if not transcript.segments:
        return note("warning", say("no_segments", language, name=transcript.recording.name))
    code = transcript.language
    spoken = SPOKEN_LANGUAGES[code].say(language) if code in SPOKEN_LANGUAGES else code
    one = len(transcript.segments) == 1
    line = say(
        "heard_one" if one else "heard_summary",
        language,
        n=len(transcript.segments),
        duration=clock(transcript.recording.duration_s),
        spoken=spoken or say("language_unknown", language),
        transcriber=_source(transcript.transcriber, language),
        note=transcript.normalisation_note.say(language),
    )
    notes = [note("plain", line)]
    notes += [note("warning", each.say(language)) for each in transcript.recording.warnings]
    notes += [note("warning", on_page(each.say(language), language)) for each in transcript.notes]
    if transcript.wordless_note is not None:
        notes.append(note("warning", transcript.wordless_note.say(language)))
    if transcript.removed:
        texts = "; ".join(f"“{removed.text}”" for removed in transcript.removed)
        notes.append(
            note("warning", say("removed", language, n=len(transcript.removed), texts=texts))
        )
    return "".join(notes)


def _source(transcriber: str, language: str) -> str:
    if transcriber.startswith(_FROM_FILE):
        return say("words_file", language, name=transcriber.removeprefix(_FROM_FILE))
    if transcriber.split(" ")[0] != "none":
        return transcriber
    return say("words_none" if transcriber == "none" else "words_none_by_loudness", language)


def words_html(session: Session, language: str) -> str:
    """Return which file the words are taken from, as HTML; nothing where they are recognised."""
    if session.words is None:
        return ""
    return note("good", say("words_from", language, name=session.words.name))


def result_html(session: Session, language: str) -> str:
    """Return how the round trip went, as HTML."""
    if session.result is None:
        return ""
    report = session.result.verification.report
    line = say(
        "result" if report.compared else "result_nothing",
        language,
        kept=report.survived,
        compared=report.compared,
        judge=report.judge_id,
        voice=report.voice,
        backend=session.result.host_title.say(language),
    )
    notes = [note("plain", line)]
    known = session.result.transcript.notes  # shown above, with what was heard
    notes += [
        note("warning", on_page(each.say(language), language))
        for each in report.transcript.notes
        if each not in known
    ]
    if session.is_stale:
        notes.insert(0, note("warning", say("result_stale", language)))
    asides = [say("judge_is_tagger", language)] if report.judge_is_tagger else []
    asides += [say("bank_synthetic", language)] if report.bank_synthetic else []
    if asides:
        notes.append(note("aside", " ".join(asides)))
    return "".join(notes)


def heard_timeline(session: Session) -> TimelineData | None:
    """Return the timeline of the recording, None where nothing was analysed."""
    from gpt_sovits_emotion.report.data import timeline_of_recording

    if session.recording is None or session.tagging is None:
        return None
    return timeline_of_recording(
        session.recording, session.tagging.transcript.segments, tracks=session.tagging.tracks
    )


def said_timeline(session: Session) -> TimelineData | None:
    """Return the timeline of the resynthesis, None where there is none."""
    from gpt_sovits_emotion.report.data import timeline_of_audio

    if session.result is None or session.result.verification.outputs is None:
        return None
    outputs = session.result.verification.outputs
    return timeline_of_audio(
        session.result.synthesis.joined,
        outputs.transcript.segments,
        tracks=outputs.tracks,
        title=session.result.synthesis.voice,
    )


def emotions_of(session: Session) -> tuple[tuple[str, bool], ...]:
    """Return what the timeline shows of the segments: their emotions, and which a person set."""
    segments = session.tagging.transcript.segments if session.tagging else ()
    return tuple((tagged.label, tagged.corrected_label is not None) for tagged in segments)
