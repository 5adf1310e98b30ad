"""Write a tagged transcript in any of its formats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from gpt_sovits_emotion.core.errors import TranscriptError
from gpt_sovits_emotion.core.files import write_text
from gpt_sovits_emotion.core.records import TaggedTranscript
from gpt_sovits_emotion.transcripts.documents import (
    TRANSCRIPT_FORMAT,
    TRANSCRIPT_VERSION,
    document_text,
)
from gpt_sovits_emotion.transcripts.lines import lines_of
from gpt_sovits_emotion.transcripts.substation import ass_text
from gpt_sovits_emotion.transcripts.subtitles import srt_text, vtt_text
from gpt_sovits_emotion.transcripts.tables import csv_text, txt_text
from gpt_sovits_emotion.transcripts.tagged_text import list_text, rich_text

__all__ = ["FORMATS", "format_of", "to_text", "write"]

FORMATS: Mapping[str, str] = MappingProxyType(
    {
        "json": ".json",
        "srt": ".srt",
        "vtt": ".vtt",
        "ass": ".ass",
        "txt": ".txt",
        "csv": ".csv",
        "rich-text": ".rich.txt",
        "list": ".list",
    }
)
"""Format -> the ending of its files."""


def write(
    transcript: TaggedTranscript,
    path: Path,
    *,
    format: str | None = None,
    language: str = "en",
    clip_paths: Sequence[Path | str] = (),
    speaker: str = "speaker",
) -> None:
    """Write a transcript to a file in one step; a file of that name is replaced whole.

    Args:
        transcript: What to write.
        path: Where.
        format: One of `FORMATS`; None to take it from the file's ending.
        language: ``"en"`` or ``"zh"``: the language in which emotions are named for people.
        clip_paths: For ``list`` only: one audio file per segment.
        speaker: For ``list`` only: the speaker's name, where a segment does not say who speaks.

    Raises:
        TranscriptError: The format is unknown, or cannot hold this transcript.
        OutputError: The file cannot be written.
    """
    path = Path(path)
    text = to_text(
        transcript,
        format_of(path) if format is None else format,
        language=language,
        clip_paths=clip_paths,
        speaker=speaker,
    )
    write_text(path, text)


def to_text(
    transcript: TaggedTranscript,
    format: str,
    *,
    language: str = "en",
    clip_paths: Sequence[Path | str] = (),
    speaker: str = "speaker",
) -> str:
    """Return a transcript as the text of a file. Arguments and errors as for `write`."""
    lines = lines_of(transcript)
    if format == "json":
        return document_text(transcript, format_name=TRANSCRIPT_FORMAT, version=TRANSCRIPT_VERSION)
    if format == "csv":
        return csv_text(transcript, lines, language=language)
    if format == "list":
        return list_text(lines, clip_paths=clip_paths, speaker=speaker)
    if format == "rich-text":
        return rich_text(lines)
    for_people = {"srt": srt_text, "vtt": vtt_text, "ass": ass_text, "txt": txt_text}
    if format not in for_people:
        raise TranscriptError(
            f"{format!r} is no format; expected one of {', '.join(FORMATS)}",
            zh=f"{format!r} 不是已知格式；应为 {', '.join(FORMATS)} 之一",
        )
    return for_people[format](lines, language=language)


def format_of(path: Path) -> str:
    """Return the format that a file's ending stands for.

    Raises:
        TranscriptError: No format has this ending.
    """
    name = Path(path).name.casefold()
    # The longest ending first, because .rich.txt ends in .txt.
    for format, ending in sorted(FORMATS.items(), key=lambda item: -len(item[1])):
        if name.endswith(ending):
            return format
    raise TranscriptError(
        f"{path} has the ending {Path(path).suffix!r}; expected one of {', '.join(FORMATS.values())}, "
        "or name the format",
        zh=f"{path} 的扩展名是 {Path(path).suffix!r}；应为 {', '.join(FORMATS.values())} 之一，或指定格式",
    )
