"""Read transcripts that people have: our own files, subtitles, text beside a recording."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path, PureWindowsPath

from gpt_sovits_emotion.errors import TranscriptError
from gpt_sovits_emotion.records import Segment, TaggedTranscript, Transcript
from gpt_sovits_emotion.transcript_io.decoding import read_text
from gpt_sovits_emotion.transcript_io.documents import TRANSCRIPT_FORMAT, read_json
from gpt_sovits_emotion.transcript_io.lines import Line
from gpt_sovits_emotion.transcript_io.substation import read_ass
from gpt_sovits_emotion.transcript_io.subtitles import read_srt, read_vtt
from gpt_sovits_emotion.transcript_io.tables import is_txt, read_csv, read_txt
from gpt_sovits_emotion.transcript_io.tagged_text import (
    has_rich_text_tags,
    read_list,
    read_rich_text,
)
from gpt_sovits_emotion.transcript_io.wording import clean, one_line, split_mark

__all__ = ["READABLE_ENDINGS", "find_transcript_beside", "read_lines", "read_transcript"]

READABLE_ENDINGS = (".json", ".srt", ".vtt", ".ass", ".ssa", ".list", ".lab", ".txt")
"""What may lie beside a recording, best first: those with times before those without."""

TOLERATED_OVERLAP_S = 0.1
"""Subtitle editors round and snap; a cue that ends this little after the next begins is cut short."""

TOLERATED_OVERRUN_S = 1.0
"""A last cue may end this much after the recording, whose length the writer had rounded."""


def read_transcript(
    path: Path,
    *,
    duration_s: float | None = None,
    language: str = "",
    recording_name: str = "",
) -> Transcript:
    """Read what was said from a file: the words and their times, without any emotion marks.

    Args:
        path: ``.json`` (ours), ``.srt``, ``.vtt``, ``.ass``, ``.ssa``, ``.csv`` (ours), ``.list``,
            ``.lab`` or ``.txt``.
        duration_s: The recording's length; needed where the file has no times, whose text then is one
            segment over the whole, and checked against the times where it has some.
        language: Language code; "" to take it from the file, where it says one.
        recording_name: File name of the recording: tells which row of a ``.list`` is meant.

    Raises:
        TranscriptError: The file cannot be read, has no text, or its times are impossible, overlap, or
            lie past the end of the recording.
    """
    path = Path(path)
    if path.suffix.casefold() == ".json":
        segments = _segments_of(read_json(path), language)
    else:
        lines = read_lines(path)
        if path.suffix.casefold() == ".list":
            lines = (_row_of(lines, recording_name, path=path),)
        segments = [_segment_of(line, language) for line in _timed(lines, duration_s, path=path)]
    segments = _in_order(segments, duration_s, path=path)
    return Transcript(
        segments=tuple(segments),
        language=language or _main_language(segments),
        source=f"file:{path.name}",
    )


def read_lines(path: Path) -> tuple[Line, ...]:
    """Read every line of a transcript file other than JSON, with emotions where it carries them.

    Raises:
        TranscriptError: The ending is unknown, or the file cannot be read.
    """
    path = Path(path)
    readers = {
        ".srt": read_srt, ".vtt": read_vtt, ".ass": read_ass, ".ssa": read_ass, ".csv": read_csv,
        ".list": read_list, ".lab": _read_words, ".txt": _read_words,
    }  # fmt: skip
    reader = readers.get(path.suffix.casefold())
    if reader is None:
        raise TranscriptError(
            f"{path} has the ending {path.suffix!r}; expected one of {', '.join(readers)} or .json"
        )
    return reader(read_text(path), name=str(path))


def find_transcript_beside(audio_path: Path) -> Path | None:
    """Return the transcript that lies beside a recording, or None.

    ``talk.srt`` and ``talk.wav.srt`` belong to ``talk.wav``, in the order of `READABLE_ENDINGS`; a
    ``.json`` only when it is ours. Failing these, any ``.list`` in the folder that has a row for the
    recording.

    Raises:
        TranscriptError: The folder cannot be read.
    """
    audio_path = Path(audio_path)
    try:
        beside = {
            path.name.casefold(): path
            for path in sorted(audio_path.parent.iterdir())
            if path.is_file()
        }
    except OSError as error:
        raise TranscriptError(
            f"the folder {audio_path.parent} could not be read ({error.strerror}); check the path"
        ) from error
    for ending in READABLE_ENDINGS:
        for stem in (audio_path.stem, audio_path.name):
            path = beside.get(f"{stem}{ending}".casefold())
            if path is not None and path != audio_path and _is_meant(path):
                return path
    lists = (path for name, path in beside.items() if name.endswith(".list"))
    return next((path for path in lists if _names_recording(path, audio_path.name)), None)


def _read_words(text: str, *, name: str) -> tuple[Line, ...]:
    if is_txt(text):
        return read_txt(text, name=name)
    if has_rich_text_tags(text):
        return read_rich_text(text)
    found, words = split_mark(clean(text))
    if not words:
        raise TranscriptError(f"{name} has no text; expected the words of the recording")
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
            )
        )
    return segments


def _segment_of(line: Line, language: str) -> Segment:
    return Segment(
        start_s=line.start_s or 0.0,
        end_s=line.end_s or 0.0,
        text=one_line(line.text),
        language=language or line.language,
    )


def _timed(lines: Sequence[Line], duration_s: float | None, *, path: Path) -> list[Line]:
    """Return lines with times: as they are, or joined to one over the whole recording."""
    if all(line.start_s is not None for line in lines):
        timed = [line for line in lines if line.text or line.label]
        if not timed:
            raise TranscriptError(f"{path} has no text; expected the words of the recording")
        return timed
    text = one_line("\n".join(line.text for line in lines if line.text))
    if not text:
        raise TranscriptError(f"{path} has no text; expected the words of the recording")
    if duration_s is None:
        raise TranscriptError(
            f"{path} has no times, and the length of its recording is not known; "
            "read it together with the recording, or use subtitles (.srt, .vtt, .ass)"
        )
    languages = {line.language for line in lines if line.language}
    language = languages.pop() if len(languages) == 1 else ""
    return [Line(text=text, start_s=0.0, end_s=duration_s, language=language)]


def _in_order(
    segments: Iterable[Segment], duration_s: float | None, *, path: Path
) -> list[Segment]:
    ordered: list[Segment] = []
    for segment in sorted(segments, key=lambda segment: (segment.start_s, segment.end_s)):
        start_s, end_s = segment.start_s, segment.end_s
        if duration_s is not None and (
            start_s >= duration_s or end_s > duration_s + TOLERATED_OVERRUN_S
        ):
            raise TranscriptError(
                f"{path}: the line at {start_s:.3f} s to {end_s:.3f} s lies past the end of the "
                f"recording, which is {duration_s:.3f} s long; is it the transcript of another one?"
            )
        if duration_s is not None and end_s > duration_s:
            segment = _ending_at(segment, duration_s)
        if ordered and start_s < ordered[-1].end_s:
            before = ordered[-1]
            if before.end_s - start_s > TOLERATED_OVERLAP_S or start_s <= before.start_s:
                raise TranscriptError(
                    f"{path}: the lines at {before.start_s:.3f} s and {start_s:.3f} s overlap; a "
                    "segment is one voice at a time: shift or join them"
                )
            ordered[-1] = _ending_at(before, start_s)
        ordered.append(segment)
    return ordered


def _ending_at(segment: Segment, end_s: float) -> Segment:
    words = tuple(word for word in segment.words if word.end_s <= end_s)
    return Segment(segment.start_s, end_s, segment.text, segment.language, words)


def _row_of(lines: Sequence[Line], recording_name: str, *, path: Path) -> Line:
    """Return the row of a list that names the recording; its only row when no name is asked for."""
    if not recording_name and len(lines) == 1:
        return lines[0]
    wanted = PureWindowsPath(recording_name or path.stem).name
    for same in (_same_name, _same_stem):
        found = [line for line in lines if same(line.audio, wanted)]
        texts = {line.text for line in found}
        if len(texts) > 1:
            raise TranscriptError(
                f"{path} has {len(found)} rows with different texts for {wanted!r}; leave one"
            )
        if found:
            return found[0]
    raise TranscriptError(
        f"{path} has {len(lines)} rows and none for {wanted!r}; expected a row whose audio file has the "
        "recording's name"
    )


def _same_name(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()


def _same_stem(one: str, other: str) -> bool:
    # A recording that was converted after the list was made keeps its stem.
    return PureWindowsPath(one).stem.casefold() == PureWindowsPath(other).stem.casefold()


def _main_language(segments: Sequence[Segment]) -> str:
    seconds: dict[str, float] = {}
    for segment in segments:
        if segment.language:
            spoken_s = seconds.get(segment.language, 0.0) + segment.duration_s
            seconds[segment.language] = spoken_s
    return max(seconds, key=lambda code: seconds[code], default="")


def _is_meant(path: Path) -> bool:
    if path.suffix.casefold() != ".json":
        return True
    # The format's name is the first thing in our documents; other programs write .json too.
    try:
        with path.open("rb") as stream:
            return TRANSCRIPT_FORMAT.encode() in stream.read(1024)
    except OSError:
        return True  # reading it will say what is wrong with it


def _names_recording(path: Path, recording_name: str) -> bool:
    try:
        lines = read_list(read_text(path), name=str(path))
    except TranscriptError:
        return False  # nobody named this file: one that is no list is simply not the transcript
    return any(_same_name(line.audio, recording_name) for line in lines)
