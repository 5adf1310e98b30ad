"""What files of a bank hold, and where the files are that they name. They may come from anywhere."""

from __future__ import annotations

import codecs
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PureWindowsPath
from typing import Any

from gpt_sovits_emotion.core.errors import ReferenceBankError, TranscriptError
from gpt_sovits_emotion.core.files import is_ordinary
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.core.unreadable import why_unreadable
from gpt_sovits_emotion.transcripts.decoding import MAX_BYTES, Decoded, decoded

__all__ = [
    "MAX_BYTES",
    "Places",
    "check_ordinary",
    "is_file",
    "plain_problem",
    "read_json_file",
    "read_noted",
    "read_words",
]

_MOST_DEEP = 64
_LONGEST_TEXT_BYTES = 1 << 20  # of a file beside a clip
_N_ABOVE = 5
_CUT_INTO = ("slicer_opt", "denoise_opt")
"""Folders of GPT-SoVITS that its lists, which it puts into ``asr_opt`` beside them, name clips of."""


def read_words(path: Path, *, most_bytes: int = _LONGEST_TEXT_BYTES) -> str:
    """Read a text file of whatever encoding, without outer spaces; "" where it is too large for a text.

    Raises:
        OSError: It cannot be read.
    """
    return read_noted(path, most_bytes=most_bytes)[0]


def read_noted(path: Path, *, most_bytes: int = _LONGEST_TEXT_BYTES) -> tuple[str, Sentence | None]:
    """Read as `read_words`, and say in which older encoding, where that had to be guessed.

    Raises:
        OSError: It cannot be read.
    """
    if path.stat().st_size > most_bytes:
        return "", None
    found = _decoded(path.read_bytes(), path.name)
    return found.text.strip(), found.note


def _decoded(data: bytes, name: str) -> Decoded:
    """Decode a text of whatever encoding, or of two that were joined; a stray zero byte becomes a sign."""
    if 0 < 10 * data.count(0) < len(data) and _as_utf_8(data.replace(b"\0", b"?")) is not None:
        data = data.replace(b"\0", b"?")
    if not data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and b"\0" not in data:
        rows = data.split(b"\n")
        texts = [_as_utf_8(row) for row in rows]
        others = [row for row, text in zip(rows, texts, strict=True) if text is None]
        beyond_ascii = any(text is not None and not text.isascii() for text in texts)
        if others and beyond_ascii:
            part = _decoded(b"\n".join(others), name)
            older = iter(part.text.split("\n"))
            joined = "\n".join(next(older) if text is None else text for text in texts)
            return replace(part, text=joined)
    try:
        return decoded(data, name=name)
    except TranscriptError:
        # Neither is certain; replacement characters let a person see that, and mend the file.
        return Decoded(data.decode("gb18030", errors="replace"), "gb18030")


def _as_utf_8(data: bytes) -> str | None:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def check_ordinary(path: Path) -> None:
    """Make sure that a file that names clips is one that can be read as a whole.

    Raises:
        ReferenceBankError: It is a pipe, a device or a socket, or far too large.
        OSError: It is not there.
    """
    if not is_ordinary(path):
        raise ReferenceBankError(
            tr(
                "{path} is no ordinary file but a pipe, a device or a socket; name the file itself",
                path=path,
            )
        )
    n_bytes = path.stat().st_size
    if n_bytes > MAX_BYTES:
        raise ReferenceBankError(
            tr(
                "{path} has {n_bytes:.0f} MB, and no file that names clips has more than {max_bytes:.0f} "
                "MB; name the right one",
                path=path,
                n_bytes=n_bytes / 1e6,
                max_bytes=MAX_BYTES / 1e6,
            )
        )


def plain_problem(path: Path) -> Sentence | None:
    """Say why a path cannot be that of a clip, whatever it holds; None where it can, or where nothing is."""
    if "\0" in str(path):
        return tr("damaged row: its path holds a zero byte; correct it")
    try:
        ordinary = is_ordinary(path)
    except OSError:
        return None  # what is wrong shows when it is read
    if ordinary:
        return None
    return tr("cannot be read: it is a folder, a pipe, a device or a socket and no file")


def read_json_file(path: Path) -> Any:
    """Return what a JSON file of whatever encoding holds, halves of two-part characters replaced.

    Raises:
        ReferenceBankError: It is not readable JSON, holds a name twice, or a number that is none, or is
            nested deeper than any bank.
        OSError: It cannot be opened.
    """
    check_ordinary(path)
    try:
        held = json.loads(
            read_words(path, most_bytes=MAX_BYTES),
            object_pairs_hook=_once,
            parse_constant=_finite,
            parse_float=_finite,
        )
        return _plain(held, 0)
    except (ValueError, RecursionError) as error:
        why = why_unreadable(error)
        raise ReferenceBankError(
            tr(
                "{path} is not readable JSON ({why}); correct it in a text editor",
                path=path,
                why=why,
            )
        ) from error


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    held = dict(pairs)
    if len(held) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ReferenceBankError(
            tr("the name {twice!a} stands twice in one place", twice=twice[:60])
        )
    return held


def _finite(written: str) -> float:
    number = float(written)
    if not math.isfinite(number):
        raise ReferenceBankError(tr("{written} is not a number in JSON", written=written[:20]))
    return number


def _plain(held: Any, depth: int) -> Any:
    if depth > _MOST_DEEP:
        raise ReferenceBankError(
            tr("it is nested deeper than {most_deep} levels", most_deep=_MOST_DEEP)
        )
    if isinstance(held, str):
        return held.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(held, list):
        return [_plain(each, depth + 1) for each in held]
    if isinstance(held, dict):
        return {_plain(name, depth): _plain(each, depth + 1) for name, each in held.items()}
    return held


@dataclass(frozen=True, slots=True)
class Places:
    """Where the files are that a list, a table or a configuration names.

    Attributes:
        folder: Where that file lies.
        clips: A folder that a person says the clips are in now; None where nobody said.
    """

    folder: Path
    clips: Path | None = None

    def find(self, written: str, *, suffixes: tuple[str, ...] = ("",)) -> Path | None:
        r"""Find a file that is named, wherever the whole was moved to.

        Tried in this order: the folder that a person named, with as many of the last parts of the path as
        lead to a file; the path as it is; below the file's own folder and each of the five above it (a path
        may be relative to the folder of the program that wrote it, or of another machine), with the last two
        parts at least; the mere name in the file's folder, and in ``slicer_opt`` beside it.

        Args:
            written: As it stands in the file, with ``/`` or ``\``.
            suffixes: What may follow the name.

        Returns:
            The file, None when there is none.
        """
        named = (
            path.with_name(path.name + suffix)
            for path in self._tried(written)
            if path.name
            for suffix in suffixes
        )
        return next((path for path in named if is_file(path)), None)

    def _tried(self, written: str) -> Iterator[Path]:
        plain, windows = Path(written), PureWindowsPath(written)
        parts = windows.parts[1:] if windows.anchor else windows.parts
        parts = tuple(part for part in parts if part != "..") if windows.anchor else parts
        if self.clips is not None:
            yield from (self.clips.joinpath(*parts[first:]) for first in range(len(parts)))
        if plain.is_absolute():
            yield plain
        bases = (self.folder, *list(self.folder.absolute().parents)[:_N_ABOVE])
        for base in bases:
            if not plain.is_absolute():
                yield base / plain
            if not windows.anchor:
                yield base.joinpath(*parts)
        for first in range(len(parts) - 1):
            yield from (base.joinpath(*parts[first:]) for base in bases)
        yield self.folder / windows.name
        for name in _CUT_INTO:
            yield self.folder.parent / name / windows.name


def is_file(path: Path) -> bool:
    """Say whether a path leads to a file; what cannot be a name of one does not."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # too long for any name, or with a zero byte: no name of a file
        return False
