"""Find the transcript that lies beside a recording."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gpt_sovits_emotion.core.errors import TranscriptError
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.transcripts.beside import choose_beside, named_after
from gpt_sovits_emotion.transcripts.decoding import PICTURES, read_text
from gpt_sovits_emotion.transcripts.documents import TRANSCRIPT_FORMAT
from gpt_sovits_emotion.transcripts.formats import readable_endings
from gpt_sovits_emotion.transcripts.reading import is_ours
from gpt_sovits_emotion.transcripts.tagged_text import read_list

__all__ = ["find_transcript_beside"]


def find_transcript_beside(audio_path: Path, *, language: str = "") -> Path | None:
    """Return the transcript that lies beside a recording, or None.

    ``talk.srt``, ``talk.wav.srt`` and ``talk.en.srt`` belong to ``talk.wav``, in the order of
    `readable_endings`; a ``.json`` of another program comes after all that have times. Failing these, any
    ``.list`` in the folder that has a row for the recording.

    Args:
        audio_path: The recording.
        language: What is spoken in it: which of several transcripts is taken; "" where nobody says.

    Raises:
        TranscriptError: The folder cannot be read, or transcripts in several languages lie there and nobody
            says which is spoken.
    """
    audio_path = Path(audio_path)
    try:
        beside = [path for path in sorted(audio_path.parent.iterdir()) if path.is_file()]
    except OSError as error:
        raise TranscriptError(
            tr(
                "the folder {parent} could not be read ({strerror}); check the path",
                parent=audio_path.parent,
                strerror=error.strerror,
            )
        ) from error
    found, endings = [], readable_endings()
    for path in beside:
        if path == audio_path or path.suffix.casefold() not in endings:
            continue
        named = named_after(path.name, audio_path.name)
        if named is not None and _is_meant(path) and not _is_of_another(path, audio_path, beside):
            found.append((path, named))
    chosen = choose_beside(found, language, rank=lambda path: _rank(path, audio_path))
    if chosen is not None:
        return chosen
    lists = (path for path in beside if path.suffix.casefold() == ".list")
    return next((path for path in lists if _names_recording(path, audio_path.name)), None)


def _rank(path: Path, audio_path: Path) -> tuple[int, bool, str]:
    endings = readable_endings()
    ending = endings.index(path.suffix.casefold())
    if path.suffix.casefold() == ".json" and not _holds_ours(path):
        ending = endings.index(".list")  # may have no words of a person's, but has times
    return ending, not path.stem.casefold().startswith(audio_path.stem.casefold()), path.name


def _is_meant(path: Path) -> bool:
    if path.suffix.casefold() == ".sub":
        return not _holds_pictures(path)
    if path.suffix.casefold() != ".json" or _holds_ours(path):
        return True
    try:
        return not is_ours(path)
    except TranscriptError:
        return False  # nobody named this file: damaged JSON is simply not the transcript


def _holds_pictures(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return stream.read(len(PICTURES)) == PICTURES
    except OSError:
        return False  # reading it will say what is wrong with it


def _holds_ours(path: Path) -> bool:
    # The format's name is the first thing in our documents; other programs write .json too.
    try:
        with path.open("rb") as stream:
            return TRANSCRIPT_FORMAT.encode() in stream.read(1024)
    except OSError:
        return True  # reading it will say what is wrong with it


def _is_of_another(path: Path, audio_path: Path, beside: Sequence[Path]) -> bool:
    """Say whether a file is named after another recording still: ``talk.en.srt`` after ``talk.en.wav``."""
    stem = path.stem.casefold()
    if stem in (audio_path.stem.casefold(), audio_path.name.casefold()):
        return False
    endings = readable_endings()
    return any(
        other.stem.casefold() == stem and other.suffix.casefold() not in endings for other in beside
    )


def _names_recording(path: Path, recording_name: str) -> bool:
    try:
        lines = read_list(read_text(path), name=str(path))
    except TranscriptError:
        return False  # nobody named this file: one that is no list is simply not the transcript
    return any(line.audio.casefold() == recording_name.casefold() for line in lines)
