"""What a person corrects: texts, emotions and references; plain functions from one `Session` to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gpt_sovits_emotion.core.labels import canonical_label, display_name
from gpt_sovits_emotion.core.records import TaggedSegment
from webui_tab.handlers import tagging_of, with_choices
from webui_tab.sessions import PageError, Session
from webui_tab.texts import say
from webui_tab.view import COLUMNS, edited_columns

__all__ = ["correct", "edit_table", "pin", "undo"]


def correct(
    session: Session, index: int, *, text: str | None = None, label: str | None = None
) -> Session:
    """Correct a segment's text or emotion; what equals the heard one is no correction.

    Args:
        session: Analysed.
        index: Which segment.
        text: What was said, None to leave it; "" takes the words away.
        label: Emotion, under any name; None or blank to leave it.

    Returns:
        The new session, or the same object where nothing changed.

    Raises:
        PageError: Nothing was analysed, or there is no such segment.
    """
    tagged = _segment(session, index)
    if text is not None:
        text = " ".join(text.split())
        tagged = replace(tagged, corrected_text=None if text == tagged.segment.text else text)
    if label is not None and label.strip():
        label = canonical_label(label)
        heard = tagged.scores.label if tagged.scores else None
        tagged = replace(tagged, corrected_label=None if label == heard else label)
    return _with_segment(session, index, tagged)


def undo(session: Session, index: int) -> Session:
    """Take a segment's corrections and its chosen clip back. Raises as `correct`."""
    tagged = replace(_segment(session, index), corrected_text=None, corrected_label=None)
    return _with_segment(pin(session, index, None), index, tagged)


def edit_table(
    session: Session, rows: Sequence[Sequence[object]], *, language: str
) -> tuple[Session, tuple[str, ...]]:
    """Take the edits of the table of segments.

    Only cells that a person changed count: the table that is sent back may have been overtaken by a
    correction made elsewhere, which must not be undone.

    Args:
        session: What the page holds.
        rows: The table as the page has it now, in the form of `view.table_rows`.
        language: The page's language.

    Returns:
        The session with the corrections (the same object where there are none), and a sentence for every
        edit that was not taken.
    """
    n_segments = len(session.tagging.transcript.segments) if session.tagging else 0
    if len(rows) != n_segments:
        return session, ()  # the table of an earlier recording
    refused: list[str] = []
    for index, row in enumerate(rows):
        edited = edited_columns(row)
        if edited is None or edited - {"text", "emotion"}:
            refused.append(say("only_text_and_emotion", language))
            continue
        if "text" in edited:
            session = correct(session, index, text=str(row[COLUMNS.index("text")]))
        if "emotion" in edited:
            label = str(row[COLUMNS.index("emotion")])
            if label.strip():
                session = correct(session, index, label=label)
            else:
                name = display_name(_segment(session, index).label, language)
                refused.append(say("no_emotion_given", language, number=index + 1, label=name))
    return session, tuple(dict.fromkeys(refused))


def pin(session: Session, index: int, clip: Path | None) -> Session:
    """Choose a segment's reference by hand, or leave the choice to the program again (None).

    Raises:
        ReferenceBankError: The clip is not in the bank, or cannot be used.
    """
    _segment(session, index)
    pins = {segment: path for segment, path in session.pins.items() if segment != index}
    if clip is not None:
        pins[index] = clip
    return with_choices(replace(session, pins=pins))


def _segment(session: Session, index: int) -> TaggedSegment:
    segments = tagging_of(session).transcript.segments
    if not 0 <= index < len(segments):
        raise PageError("not_analysed")
    return segments[index]


def _with_segment(session: Session, index: int, tagged: TaggedSegment) -> Session:
    tagging = tagging_of(session)
    if tagged == tagging.transcript.segments[index]:
        return session
    transcript = tagging.transcript
    segments = (*transcript.segments[:index], tagged, *transcript.segments[index + 1 :])
    tagging = replace(tagging, transcript=replace(transcript, segments=segments))
    return with_choices(replace(session, tagging=tagging))
