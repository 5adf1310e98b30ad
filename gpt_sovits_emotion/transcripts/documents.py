"""Documents: a record in JSON, with the name and version of its format around it.

The wrapper is ``{"format": NAME, "version": N, "written_by": PROGRAM, "document": RECORD}``. Keys that
this version does not know are passed over on reading, so that a later version may add some without
changing its number; they are lost when the document is written again.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

from gpt_sovits_emotion import __version__
from gpt_sovits_emotion.core.errors import TranscriptError
from gpt_sovits_emotion.core.messages import of_error, tr
from gpt_sovits_emotion.core.records import Record, TaggedTranscript
from gpt_sovits_emotion.core.unreadable import why_unreadable
from gpt_sovits_emotion.transcripts.decoding import read_text
from gpt_sovits_emotion.transcripts.lines import check_times, place

__all__ = [
    "TRANSCRIPT_FORMAT",
    "TRANSCRIPT_VERSION",
    "document_of",
    "document_text",
    "parse_json",
    "read_document",
    "read_json",
    "wrap",
]

TRANSCRIPT_FORMAT = "gpt-sovits-emotion/tagged-transcript"
TRANSCRIPT_VERSION = 1

AnyRecord = TypeVar("AnyRecord", bound=Record)


def wrap(record: Record, *, format_name: str, version: int) -> dict[str, Any]:
    """Return a record as a JSON-ready dict with its format's name and version around it."""
    return {
        "format": format_name,
        "version": version,
        "written_by": f"gpt-sovits-emotion {__version__}",
        "document": record.to_dict(),
    }


def document_of(transcript: TaggedTranscript) -> dict[str, Any]:
    """Return a tagged transcript as its JSON has it: the one shape of files, terminal and Python."""
    return wrap(transcript, format_name=TRANSCRIPT_FORMAT, version=TRANSCRIPT_VERSION)


def document_text(record: Record, *, format_name: str, version: int) -> str:
    """Return a record as the text of a JSON document.

    Raises:
        TranscriptError: A number in it is not finite; JSON has no word for that.
    """
    document = wrap(record, format_name=format_name, version=version)
    try:
        return json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    except ValueError as error:
        raise TranscriptError(
            tr(
                "the {format_name} holds a number that is not finite, which JSON cannot store; correct "
                "the segment's times or scores and try again",
                format_name=format_name,
            )
        ) from error


def read_document(path: Path, cls: type[AnyRecord], *, format_name: str, version: int) -> AnyRecord:
    """Read a document that `document_text` made.

    Raises:
        TranscriptError: The file is unreadable, is no JSON, is another format, is of a later version,
            or a field of it is damaged; the message says which.
    """
    path = Path(path)
    data = parse_json(read_text(path), name=str(path))
    found_format = data.get("format") if isinstance(data, dict) else None
    if not isinstance(data, dict) or found_format != format_name:
        found = f"of the format {found_format!r}" if found_format else "JSON of another program"
        raise TranscriptError(
            tr(
                "{path} is {found}; expected {format_name!r}",
                path=path,
                found=found,
                format_name=format_name,
            )
        )
    found_version = data.get("version")
    if not isinstance(found_version, int) or isinstance(found_version, bool) or found_version < 1:
        raise TranscriptError(
            tr(
                "{path} has the version {found_version!r}; expected a whole number from 1 to {version}: "
                "the file is damaged",
                path=path,
                found_version=found_version,
                version=version,
            )
        )
    if found_version > version:
        raise TranscriptError(
            tr(
                "{path} has version {found_version} of {format_name}, and this program reads up to "
                "{version}; update gpt-sovits-emotion",
                path=path,
                found_version=found_version,
                format_name=format_name,
                version=version,
            )
        )
    try:
        return cls.from_dict(data.get("document"))
    except TranscriptError as error:
        raise TranscriptError(tr("{path}: {error}", path=path, error=of_error(error))) from error


def read_json(path: Path) -> TaggedTranscript:
    """Read a tagged transcript from our JSON; it is wholly equal to the one that was written.

    Raises:
        TranscriptError: As `read_document`, and when a segment's times are impossible.
    """
    transcript = read_document(
        path, TaggedTranscript, format_name=TRANSCRIPT_FORMAT, version=TRANSCRIPT_VERSION
    )
    for number, tagged in enumerate(transcript.segments, start=1):
        where = place("segment", number, name=str(path))
        check_times(tagged.segment.start_s, tagged.segment.end_s, where=where)
    return transcript


def parse_json(text: str, *, name: str) -> object:
    """Parse JSON.

    Raises:
        TranscriptError: It is damaged, or holds numbers that are not finite.
    """

    def refuse(word: str) -> float:
        raise TranscriptError(tr("{word} is not a number in JSON", word=word))

    try:
        parsed: object = json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise TranscriptError(
            tr(
                "{name} is damaged JSON: {said}; save it again or write it anew",
                name=name,
                said=why_unreadable(error),
            )
        ) from error
    return parsed
