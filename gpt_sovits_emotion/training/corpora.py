"""Corpora on disk: a folder of audio with a ``manifest.csv`` beside it."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from gpt_sovits_emotion.errors import CorpusError
from gpt_sovits_emotion.labels import canonical_label

__all__ = ["MANIFEST_NAME", "Clip", "Corpus", "read_corpus"]

MANIFEST_NAME = "manifest.csv"

_REQUIRED = ("path", "speaker", "emotion")


@dataclass(frozen=True, slots=True)
class Clip:
    """One labelled recording.

    Attributes:
        path: Audio file.
        speaker: Who speaks; unique within the corpus.
        emotion: Canonical label, or the corpus's own where it has no canonical form.
        language: Language code, "" when unknown.
        text: What is said, "" when unknown.
        gender: As the corpus gives it, "" when unknown.
        intensity: As the corpus gives it, "" when unknown.
    """

    path: Path
    speaker: str
    emotion: str
    language: str = ""
    text: str = ""
    gender: str = ""
    intensity: str = ""


@dataclass(frozen=True, slots=True)
class Corpus:
    """A named set of clips.

    Attributes:
        name: Name of the folder.
        root: The folder.
        clips: In the order of the manifest.
    """

    name: str
    root: Path
    clips: tuple[Clip, ...]

    @property
    def speakers(self) -> tuple[str, ...]:
        """The speakers, sorted."""
        return tuple(sorted({clip.speaker for clip in self.clips}))

    @property
    def emotions(self) -> tuple[str, ...]:
        """The labels, sorted."""
        return tuple(sorted({clip.emotion for clip in self.clips}))

    @property
    def languages(self) -> tuple[str, ...]:
        """The known languages, sorted."""
        return tuple(sorted({clip.language for clip in self.clips if clip.language}))


def read_corpus(folder: str | Path) -> Corpus:
    """Read a corpus from its manifest.

    The manifest is a CSV table in UTF-8 with the columns ``path`` (relative to the folder), ``speaker``
    and ``emotion``, and, where known, ``language``, ``text``, ``gender`` and ``intensity``.

    Raises:
        CorpusError: The folder or the manifest is missing or unreadable, a column is missing, a row is
            incomplete, or a file it names does not exist.
    """
    root = Path(folder)
    manifest = root / MANIFEST_NAME
    try:
        with manifest.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream)
            columns = reader.fieldnames or ()
            rows = list(reader)
    except FileNotFoundError as error:
        raise CorpusError(
            f"{manifest} does not exist: a corpus is a folder with a {MANIFEST_NAME} that has the "
            f"columns {', '.join(_REQUIRED)}"
        ) from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(f"{manifest} cannot be read as a CSV table in UTF-8 ({error})") from error
    missing = [name for name in _REQUIRED if name not in columns]
    if missing:
        raise CorpusError(
            f"{manifest} has no column {', '.join(missing)}; it needs {', '.join(_REQUIRED)}"
        )
    clips = tuple(
        _read_row(row, root, f"{manifest}, line {number}") for number, row in enumerate(rows, 2)
    )
    if not clips:
        raise CorpusError(f"{manifest} lists no clips: add one row per audio file")
    return Corpus(root.resolve().name, root, clips)


def _read_row(row: dict[str, str | None], root: Path, where: str) -> Clip:
    values = {name: (value or "").strip() for name, value in row.items() if isinstance(name, str)}
    empty = [name for name in _REQUIRED if not values.get(name)]
    if empty:
        raise CorpusError(
            f"{where}: the field {', '.join(empty)} is empty; fill it or drop the row"
        )
    path = root / values["path"]
    if not path.is_file():
        raise CorpusError(f"{where}: {path} does not exist; restore the file or drop the row")
    return Clip(
        path=path,
        speaker=values["speaker"],
        emotion=canonical_label(values["emotion"]),
        language=values.get("language", ""),
        text=values.get("text", ""),
        gender=values.get("gender", ""),
        intensity=values.get("intensity", ""),
    )
