"""Transcripts on disk: tagged ones written and read in every format, plain ones read.

See ``docs/formats.md`` for what each format holds.
"""

from __future__ import annotations

from gpt_sovits_emotion.transcripts.documents import (
    TRANSCRIPT_FORMAT,
    TRANSCRIPT_VERSION,
    document_of,
    document_text,
    read_document,
    read_json,
)
from gpt_sovits_emotion.transcripts.finding import find_transcript_beside
from gpt_sovits_emotion.transcripts.formats import READABLE_ENDINGS, readable_endings
from gpt_sovits_emotion.transcripts.lines import FileLines, Line
from gpt_sovits_emotion.transcripts.reading import (
    TextFile,
    is_ours,
    read_file,
    read_lines,
    read_transcript,
    timed_lines,
)
from gpt_sovits_emotion.transcripts.tagged_text import strip_rich_text_tags
from gpt_sovits_emotion.transcripts.writing import (
    FORMATS,
    format_of,
    to_text,
    writable_formats,
    write,
)

__all__ = [
    "FORMATS",
    "READABLE_ENDINGS",
    "TRANSCRIPT_FORMAT",
    "TRANSCRIPT_VERSION",
    "FileLines",
    "Line",
    "TextFile",
    "document_of",
    "document_text",
    "find_transcript_beside",
    "format_of",
    "is_ours",
    "read_document",
    "read_file",
    "read_json",
    "read_lines",
    "read_transcript",
    "readable_endings",
    "strip_rich_text_tags",
    "timed_lines",
    "to_text",
    "writable_formats",
    "write",
]
