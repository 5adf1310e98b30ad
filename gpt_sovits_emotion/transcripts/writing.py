"""Write a tagged transcript in any of its formats."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gpt_sovits_emotion.core.errors import TranscriptError
from gpt_sovits_emotion.core.files import write_text
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import TaggedTranscript
from gpt_sovits_emotion.transcripts.formats import FORMATS, text_in, writable_formats

__all__ = ["FORMATS", "format_of", "to_text", "writable_formats", "write"]


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
        format: One of `writable_formats`; None to take it from the file's ending.
        language: ``"en"`` or ``"zh"``: the language in which emotions are named for people.
        clip_paths: For ``list`` only: one audio file per segment.
        speaker: For ``list`` only: the speaker's name, where a segment does not say who speaks.

    Raises:
        TranscriptError: The format is unknown, or cannot hold this transcript.
        OutputError: The file cannot be written.
        PluginError: The format is another package's, which failed.
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
    return text_in(transcript, format, language=language, clip_paths=clip_paths, speaker=speaker)


def format_of(path: Path) -> str:
    """Return the format that a file's ending stands for.

    Raises:
        TranscriptError: No format has this ending.
    """
    name = Path(path).name.casefold()
    # The longest ending first, because .rich.txt ends in .txt.
    known = writable_formats()
    for format, ending in sorted(known.items(), key=lambda item: -len(item[1])):
        if name.endswith(ending.casefold()):
            return format
    raise TranscriptError(
        tr(
            "{path} has the ending {suffix!r}; expected one of {values}, or name the format",
            path=path,
            suffix=Path(path).suffix,
            values=", ".join(known.values()),
        )
    )
