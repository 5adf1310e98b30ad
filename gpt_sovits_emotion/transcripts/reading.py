"""Read transcripts that people have: our own files, subtitles, text beside a recording."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gpt_sovits_emotion.core.errors import TranscriptError
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import Segment, Sentence, TaggedTranscript, Transcript
from gpt_sovits_emotion.transcripts.beside import named_after
from gpt_sovits_emotion.transcripts.counted import are_counted, read_counted, read_sub
from gpt_sovits_emotion.transcripts.decoding import read_decoded, read_text
from gpt_sovits_emotion.transcripts.documents import TRANSCRIPT_FORMAT, parse_json, read_json
from gpt_sovits_emotion.transcripts.formats import (
    added_ending,
    added_endings,
    added_format,
    read_added,
)
from gpt_sovits_emotion.transcripts.held import ending_of
from gpt_sovits_emotion.transcripts.lines import FileLines, FilmRate, Line, unknown_rate
from gpt_sovits_emotion.transcripts.list_rows import row_of
from gpt_sovits_emotion.transcripts.other_programs import (
    is_foreign_table,
    lines_of_json,
    read_foreign_table,
    read_ttml,
)
from gpt_sovits_emotion.transcripts.row_forms import unread_times
from gpt_sovits_emotion.transcripts.sami import read_sami
from gpt_sovits_emotion.transcripts.speakers import with_speakers
from gpt_sovits_emotion.transcripts.substation import read_ass
from gpt_sovits_emotion.transcripts.subtitles import has_cues, read_subtitles
from gpt_sovits_emotion.transcripts.tables import is_txt, read_csv, read_txt
from gpt_sovits_emotion.transcripts.tagged_text import (
    has_rich_text_tags,
    read_list,
    read_rich_text,
)
from gpt_sovits_emotion.transcripts.timed_text import (
    read_lyrics,
    read_timed_text,
)
from gpt_sovits_emotion.transcripts.timing import fitted, with_ends
from gpt_sovits_emotion.transcripts.wording import clean, one_line, split_mark

__all__ = [
    "TextFile",
    "is_ours",
    "read_as",
    "read_file",
    "read_lines",
    "read_transcript",
    "timed_lines",
]


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file of text, and what is known of it.

    Attributes:
        path: The file.
        encoding: What a person says that it is in; "" to find that out.
        by_option: Whether who reads of it can name that with ``--encoding``.
        film_rate: Looks for the frames of the film that it belongs to.
        language: What is spoken; "" where nobody says. Only of files with several languages it decides.
    """

    path: Path
    encoding: str = ""
    by_option: bool = False
    film_rate: FilmRate = unknown_rate
    language: str = ""

    @classmethod
    def of(cls, source: Path | TextFile) -> TextFile:
        """Return a path as a file whose encoding nobody has named."""
        return source if isinstance(source, TextFile) else cls(Path(source))


def read_transcript(
    path: Path | TextFile,
    *,
    duration_s: float | None = None,
    language: str = "",
    recording_name: str = "",
) -> Transcript:
    """Read what was said from a file: the words and their times, without any emotion marks.

    Args:
        path: A file of any format of ``docs/formats.md`` that is read.
        duration_s: The recording's length; needed where the file has no times, whose text then is one
            segment over the whole, and checked against the times where it has some.
        language: Language code; "" to take it from the file or its name, where they say one.
        recording_name: File name of the recording: tells which row of a ``.list`` is meant.

    Raises:
        TranscriptError: The file cannot be read, has no text, its times run backwards, or most of its lines
            lie past the end of the recording.
    """
    file = TextFile.of(path)
    path = file.path
    named = named_after(path.name, recording_name) if recording_name else None
    by_name = named.language if named is not None else ""
    notes: list[Sentence] = []
    if is_ours(file):
        segments = _segments_of(read_json(path), language)
    else:
        found = read_file(replace(file, language=file.language or language))
        notes += found.notes
        lines: Sequence[Line] = found.lines
        if lines and all(line.audio for line in lines):
            lines = (row_of(lines, recording_name, path=path),)
        lines = _timed(lines, duration_s, path=path)
        lines, said = with_speakers(lines)
        notes += said
        segments = [_segment_of(line, language, by_name) for line in lines]
    ordered, changed = fitted(segments, duration_s, name=str(path))
    return Transcript(
        segments=ordered,
        language=language or _main_language(ordered),
        source=f"file:{path.name}",
        notes=(*notes, *changed),
    )


def read_lines(path: Path | TextFile) -> tuple[Line, ...]:
    """Read every line of a transcript file other than our JSON, with emotions where it carries them.

    Raises:
        TranscriptError: The ending is unknown, or the file cannot be read.
    """
    return read_file(path).lines


def read_file(path: Path | TextFile) -> FileLines:
    """Read the lines as `read_lines` does, and what a person should know of how they were read.

    Raises:
        TranscriptError: As `read_lines`.
    """
    file = TextFile.of(path)
    ending = file.path.suffix.casefold()
    is_known = ending in _READERS or ending in _READERS_OF_FILES
    if not is_known and not added_ending(file.path):
        endings = ", ".join((*_READERS, *_READERS_OF_FILES, *added_endings()))
        raise TranscriptError(
            tr(
                "{path} has the ending {suffix!r}; expected one of {endings}",
                path=file.path,
                suffix=file.path.suffix,
                endings=endings,
            )
        )
    found = read_decoded(file.path, encoding=file.encoding, by_option=file.by_option)
    lines = read_added(file.path, found.joined, is_ours=is_known)
    lines = read_as(ending, found.joined, file) if lines is None else lines
    return FileLines(lines.lines, (*([found.note] if found.note else []), *lines.notes))


def is_ours(path: Path | TextFile) -> bool:
    """Say whether a file is a JSON document of ours, which `read_json` reads; or JSON that is none at all.

    Raises:
        TranscriptError: It cannot be read.
    """
    file = TextFile.of(path)
    if file.path.suffix.casefold() != ".json":
        return False
    text = read_text(file.path, encoding=file.encoding)
    if added_format(file.path, text, is_ours=True) is not None:
        return False
    data = parse_json(text, name=str(file.path))
    is_document = isinstance(data, dict) and data.get("format") == TRANSCRIPT_FORMAT
    return is_document or lines_of_json(data, name=str(file.path)) is None


def timed_lines(text: str, *, name: str, film_rate: FilmRate = unknown_rate) -> FileLines | None:
    """Return the lines of plain text that has times, None where it has none.

    Args:
        text: Without byte order marks (`Decoded.joined`).
        name: What to call it.
        film_rate: Looks for the frames of the film that it belongs to.

    Raises:
        TranscriptError: The times run backwards, or are frames and nothing says how many a second has.
    """
    if is_txt(text):
        return FileLines(read_txt(text, name=name))
    if are_counted(text):
        return read_counted(text, name=name, film_rate=film_rate)
    if has_cues(text):
        return read_subtitles(text, name=name)
    return read_timed_text(text, name=name, film_rate=film_rate)


def read_as(ending: str, text: str, file: TextFile) -> FileLines:
    """Read a text as a file of this ending, which is one of ours.

    Raises:
        TranscriptError: It is damaged, or something else.
    """
    if ending in _READERS_OF_FILES:
        return _READERS_OF_FILES[ending](text, file)
    return _READERS[ending](text, name=str(file.path))


# --- inside ------------------------------------------------------------------------------------------


def _alone(reader: Callable[..., tuple[Line, ...]]) -> Callable[..., FileLines]:
    def read(text: str, *, name: str) -> FileLines:
        return FileLines(reader(text, name=name))

    return read


def _read_text_file(text: str, file: TextFile) -> FileLines:
    name = str(file.path)
    ending = ending_of(text)
    if ending:
        return read_as(ending, text, file)
    timed = timed_lines(text, name=name, film_rate=file.film_rate)
    if timed is not None:
        return timed
    return FileLines(_read_words(text, name=name), unread_times(text))


def _read_label_file(text: str, file: TextFile) -> FileLines:
    name = file.path
    rows = [row.split() for row in text.splitlines() if row.strip()]
    if rows and all(len(row) == 3 and row[0].isdecimal() and row[1].isdecimal() for row in rows):
        raise TranscriptError(
            tr(
                "{name} holds labels of sounds with their times (HTK), not words; expected the words of "
                "the recording",
                name=name,
            )
        )
    return _read_text_file(text, file)


def _read_sami_file(text: str, file: TextFile) -> FileLines:
    return read_sami(text, name=str(file.path), language=file.language)


def _read_sub_file(text: str, file: TextFile) -> FileLines:
    return read_sub(text, name=str(file.path), film_rate=file.film_rate)


def _read_sbv(text: str, *, name: str) -> FileLines:
    timed = read_timed_text(text, name=name)
    if timed is None:
        raise TranscriptError(
            tr(
                "{name} has no line with a time; expected SBV, such as 0:00:01.000,0:00:02.000",
                name=name,
            )
        )
    return timed


def _read_csv(text: str, *, name: str) -> FileLines:
    if is_foreign_table(text) and "start_s" not in text.partition("\n")[0]:
        return read_foreign_table(text, name=name)
    return FileLines(read_csv(text, name=name))


def _read_json(text: str, *, name: str) -> FileLines:
    lines = lines_of_json(parse_json(text, name=name), name=name)
    if lines is None:
        raise TranscriptError(
            tr(
                "{name} is JSON without segments that have times and text; expected a transcript",
                name=name,
            )
        )
    return lines


_READERS: Mapping[str, Callable[..., FileLines]] = {
    ".srt": read_subtitles,
    ".vtt": read_subtitles,
    ".ass": read_ass,
    ".ssa": read_ass,
    ".ttml": read_ttml,
    ".dfxp": read_ttml,
    ".sbv": _read_sbv,
    ".lrc": read_lyrics,
    ".tsv": read_foreign_table,
    ".csv": _read_csv,
    ".list": _alone(read_list),
    ".json": _read_json,
}
_READERS_OF_FILES: Mapping[str, Callable[[str, TextFile], FileLines]] = {
    ".smi": _read_sami_file,
    ".sami": _read_sami_file,
    ".sub": _read_sub_file,
    ".lab": _read_label_file,
    ".txt": _read_text_file,
}
"""Those that need more than the text: of which film it is, and what is spoken."""


def _read_words(text: str, *, name: str) -> tuple[Line, ...]:
    if has_rich_text_tags(text):
        return read_rich_text(text)
    found, words = split_mark(clean(text))
    if not words:
        raise _no_text(name)
    return (Line(text=words, label=found.label if found else None),)


def _segments_of(transcript: TaggedTranscript, language: str) -> list[Segment]:
    segments = []
    for tagged in transcript.segments:
        heard = tagged.segment
        segments.append(
            Segment(
                start_s=heard.start_s,
                end_s=heard.end_s,
                text=tagged.text,
                language=language or heard.language or transcript.language,
                # The recogniser's word times do not fit the words of a correction.
                words=heard.words if tagged.corrected_text is None else (),
                speaker=heard.speaker,
            )
        )
    return segments


def _segment_of(line: Line, language: str, by_name: str) -> Segment:
    return Segment(
        start_s=line.start_s or 0.0,
        end_s=line.end_s or 0.0,
        text=one_line(line.text),
        language=language or line.language or by_name,
        speaker=line.speaker,
    )


def _timed(lines: Sequence[Line], duration_s: float | None, *, path: Path) -> list[Line]:
    """Return lines with times: as they are, or joined to one over the whole recording."""
    if all(line.start_s is not None for line in lines):
        timed = [line for line in lines if line.text or line.label]
        if not timed:
            raise _no_text(path)
        return list(with_ends(timed, duration_s))
    text = one_line("\n".join(line.text for line in lines if line.text))
    if not text:
        raise _no_text(path)
    if duration_s is None:
        raise TranscriptError(
            tr(
                "{path} has no times, and the length of its recording is not known; read it together "
                "with the recording, or use subtitles (.srt, .vtt, .ass)",
                path=path,
            )
        )
    languages = {line.language for line in lines if line.language}
    language = languages.pop() if len(languages) == 1 else ""
    return [Line(text=text, start_s=0.0, end_s=duration_s, language=language)]


def _main_language(segments: Sequence[Segment]) -> str:
    seconds: dict[str, float] = {}
    for segment in segments:
        if segment.language:
            spoken_s = seconds.get(segment.language, 0.0) + segment.duration_s
            seconds[segment.language] = spoken_s
    return max(seconds, key=lambda code: seconds[code], default="")


def _no_text(name: object) -> TranscriptError:
    return TranscriptError(tr("{name} has no text; expected the words of the recording", name=name))
