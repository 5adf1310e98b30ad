"""The formats of transcripts, each with what writes it and what reads it; and those that were added.

Ours are registered here as those of other packages are: an object with the endings of its files, and with
`to_text`, with `read`, or with both (docs/extending.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from gpt_sovits_emotion.core import registry
from gpt_sovits_emotion.core.errors import TranscriptError
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import TaggedTranscript
from gpt_sovits_emotion.transcripts import tagged_text
from gpt_sovits_emotion.transcripts.documents import (
    TRANSCRIPT_FORMAT,
    TRANSCRIPT_VERSION,
    document_text,
    parse_json,
)
from gpt_sovits_emotion.transcripts.lines import FileLines, Line, check_times, lines_of, place
from gpt_sovits_emotion.transcripts.substation import ass_text
from gpt_sovits_emotion.transcripts.subtitles import srt_text, vtt_text
from gpt_sovits_emotion.transcripts.tables import csv_text, txt_text

__all__ = [
    "FORMATS",
    "READABLE_ENDINGS",
    "TranscriptFormat",
    "added_ending",
    "added_endings",
    "added_format",
    "read_added",
    "readable_endings",
    "text_in",
    "writable_formats",
]


class TranscriptFormat(Protocol):
    """A format of transcripts: what an entry point in the group ``formats`` is.

    Beside its endings it has `to_text`, or `read`, or both. One that shares an ending with others (``.txt``,
    ``.json``) also has ``recognises(text) -> bool``, and is asked before them.

    Attributes:
        endings: Of its files, with the dot; the first is what is written.
    """

    @property
    def endings(self) -> Sequence[str]:
        """The endings of its files."""
        ...

    def to_text(self, transcript: TaggedTranscript, *, language: str) -> str:
        """Return a transcript as the text of a file; `language` is that in which emotions are named.

        Raises:
            TranscriptError: The format cannot hold it.
        """
        ...

    def read(self, text: str, *, name: str) -> Sequence[Line] | FileLines:
        """Return the lines of a file; `name` is what to call it.

        Raises:
            TranscriptError: It is not of this format, or damaged.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Format:
    """One of ours."""

    endings: tuple[str, ...]
    to_text: Callable[..., str] | None = None

    def read(self, text: str, *, name: str) -> FileLines:
        """Return the lines of a file."""
        from gpt_sovits_emotion.transcripts.reading import TextFile, read_as

        if self.endings == (".json",):
            data = parse_json(text, name=name)
            if isinstance(data, dict) and data.get("format") == TRANSCRIPT_FORMAT:
                return FileLines(lines_of(TaggedTranscript.from_dict(data.get("document"))))
        return read_as(Path(self.endings[0]).suffix or self.endings[0], text, TextFile(Path(name)))


def _json_text(transcript: TaggedTranscript, **more: object) -> str:
    lines_of(transcript)  # refuses times that no recording has
    return document_text(transcript, format_name=TRANSCRIPT_FORMAT, version=TRANSCRIPT_VERSION)


def _csv_text(transcript: TaggedTranscript, *, language: str = "en", **more: object) -> str:
    return csv_text(transcript, lines_of(transcript), language=language)


def _for_people(text_of: Callable[..., str]) -> Callable[..., str]:
    def to_text(transcript: TaggedTranscript, *, language: str = "en", **more: object) -> str:
        return text_of(lines_of(transcript), language=language)

    return to_text


def _rich_text(transcript: TaggedTranscript, **more: object) -> str:
    return tagged_text.rich_text(lines_of(transcript))


def _list_text(
    transcript: TaggedTranscript,
    *,
    language: str = "en",
    clip_paths: Sequence[Path | str] = (),
    speaker: str = "speaker",
) -> str:
    return tagged_text.list_text(lines_of(transcript), clip_paths=clip_paths, speaker=speaker)


_OURS: Mapping[str, _Format] = {
    "json": _Format((".json",), _json_text),
    "srt": _Format((".srt",), _for_people(srt_text)),
    "vtt": _Format((".vtt",), _for_people(vtt_text)),
    "ass": _Format((".ass", ".ssa"), _for_people(ass_text)),
    "txt": _Format((".txt",), _for_people(txt_text)),
    "csv": _Format((".csv",), _csv_text),
    "rich-text": _Format((".rich.txt",), _rich_text),
    "list": _Format((".list",), _list_text),
    "ttml": _Format((".ttml", ".dfxp")),
    "sami": _Format((".smi", ".sami")),
    "sub": _Format((".sub",)),
    "sbv": _Format((".sbv",)),
    "lrc": _Format((".lrc",)),
    "tsv": _Format((".tsv",)),
    "lab": _Format((".lab",)),
}


def __getattr__(name: str) -> _Format:
    """Return one of ours by its name with ``_`` for ``-``, as it is registered."""
    found = _OURS.get(name.replace("_", "-"))
    if found is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return found


FORMATS: Mapping[str, str] = MappingProxyType(
    {name: ours.endings[0] for name, ours in _OURS.items() if ours.to_text is not None}
)
"""Our format -> the ending of its files."""


READABLE_ENDINGS: tuple[str, ...] = (
    ".json", ".srt", ".vtt", ".ass", ".ssa", ".ttml", ".dfxp", ".smi", ".sami", ".sub", ".sbv", ".lrc",
    ".tsv", ".list", ".lab", ".txt",
)  # fmt: skip
"""What may lie beside a recording, best first: those with times before those without."""


def writable_formats() -> Mapping[str, str]:
    """Return every format that can be written, ours and those that were added -> the ending of its files."""
    others = {
        plugin.name: str(found.endings[0])
        for plugin, found in registry.added("formats")
        if getattr(found, "to_text", None) is not None
    }
    return {**FORMATS, **others}


def text_in(
    transcript: TaggedTranscript,
    format: str,
    *,
    language: str,
    clip_paths: Sequence[Path | str],
    speaker: str,
) -> str:
    """Return a transcript as the text of a file. Arguments and errors as for `transcripts.write`."""
    known = writable_formats()
    if format not in known:
        raise TranscriptError(
            tr(
                "{format!r} is no format; expected one of {known}",
                format=format,
                known=", ".join(known),
            )
        )
    found = registry.load("formats", format)
    if format == "list":
        ours: str = found.to_text(transcript, clip_paths=clip_paths, speaker=speaker)
        return ours
    lines_of(transcript)
    with registry.blamed(doing=tr("writing a transcript")):
        text = found.to_text(transcript, language=language)
    if not isinstance(text, str):
        raise TranscriptError(
            tr(
                "the format {format!r} gives {name} and no text; that is a fault of the package that "
                "adds it: choose another format",
                format=format,
                name=type(text).__name__,
            )
        )
    return text


# --- reading what was added -----------------------------------------------------------------------


def _readers() -> Iterator[tuple[registry.Plugin, TranscriptFormat]]:
    for plugin, found in registry.added("formats"):
        if getattr(found, "read", None) is not None:
            yield plugin, found


def added_endings() -> tuple[str, ...]:
    """Return the endings of the formats that other packages add and that can be read."""
    return tuple(
        dict.fromkeys(str(end).casefold() for _, found in _readers() for end in found.endings)
    )


def readable_endings() -> tuple[str, ...]:
    """Return what may lie beside a recording, best first; the formats that were added come last."""
    return (*READABLE_ENDINGS, *(end for end in added_endings() if end not in READABLE_ENDINGS))


def added_ending(path: Path) -> str:
    """Return the longest of these endings that a file has, "" where it has none."""
    name = path.name.casefold()
    return max((end for end in added_endings() if name.endswith(end)), key=len, default="")


def added_format(path: Path, text: str, *, is_ours: bool) -> registry.Plugin | None:
    """Return the format of another package that a file is in; None where it is one of ours.

    Args:
        path: The file.
        text: What it holds.
        is_ours: Whether the ending is one of ours: then a format that was added has to recognise the text.
    """
    ending, name = added_ending(path), path.name.casefold()
    for plugin, found in _readers() if ending else ():
        if not any(name.endswith(str(end).casefold()) for end in found.endings):
            continue
        recognises = getattr(found, "recognises", None)
        if recognises is None:
            if not is_ours:
                return plugin
            continue
        if registry.recognised(plugin, recognises, text):
            return plugin
    return None


def read_added(path: Path, text: str, *, is_ours: bool) -> FileLines | None:
    """Read a file in a format of another package, and see that its lines are such.

    Args:
        path: The file.
        text: What it holds.
        is_ours: Whether its ending is one of ours: then a file that nobody else recognises is None.

    Raises:
        TranscriptError: It is damaged, nobody recognises it, or a line of it has times that no recording has.
        PluginError: The plug-in failed.
    """
    plugin, name = added_format(path, text, is_ours=is_ours), str(path)
    if plugin is None and is_ours:
        return None
    if plugin is None:
        raise TranscriptError(
            tr(
                "{path} is not what its ending says: no format that was added recognises it; look into "
                "it, or name another file",
                path=path,
            )
        )
    found: TranscriptFormat = registry.load("formats", plugin.name)
    doing = tr("reading {name}", name=name)
    with registry.blamed(doing=doing):
        lines = found.read(text, name=name)
    notes = lines.notes if isinstance(lines, FileLines) else ()
    rows = lines.lines if isinstance(lines, FileLines) else lines
    given = FileLines(registry.listed(plugin, lambda: rows, doing=doing), notes)
    for number, line in enumerate(given.lines, start=1):
        if not isinstance(line, Line):
            raise TranscriptError(
                tr(
                    "{name}: the format {plugin!r} of {origin} gives {name_2} where a Line was expected; "
                    "that is a fault of that package",
                    name=name,
                    plugin=plugin.name,
                    origin=plugin.origin,
                    name_2=type(line).__name__,
                )
            )
        if line.start_s is not None and line.end_s is not None:
            check_times(line.start_s, line.end_s, where=place("line", number, name=name))
    return given
