"""Transcripts on disk: tagged ones written and read in every format, plain ones read.

See ``docs/formats.md`` for what each format holds.
"""

from __future__ import annotations

from gpt_sovits_emotion.transcript_io.documents import (
    TRANSCRIPT_FORMAT,
    TRANSCRIPT_VERSION,
    document_text,
    read_document,
    read_json,
)
from gpt_sovits_emotion.transcript_io.lines import Line
from gpt_sovits_emotion.transcript_io.reading import (
    READABLE_ENDINGS,
    find_transcript_beside,
    read_lines,
    read_transcript,
)
from gpt_sovits_emotion.transcript_io.tagged_text import strip_rich_text_tags
from gpt_sovits_emotion.transcript_io.writing import FORMATS, format_of, to_text, write

__all__ = [
    "FORMATS",
    "READABLE_ENDINGS",
    "TRANSCRIPT_FORMAT",
    "TRANSCRIPT_VERSION",
    "Line",
    "document_text",
    "find_transcript_beside",
    "format_of",
    "read_document",
    "read_json",
    "read_lines",
    "read_transcript",
    "strip_rich_text_tags",
    "to_text",
    "write",
]
