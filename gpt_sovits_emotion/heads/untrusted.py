"""Files that may come from anywhere: how much is read of them, and what a half-copied one looks like."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from gpt_sovits_emotion.core.errors import HeadError
from gpt_sovits_emotion.core.files import is_ordinary
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.unreadable import unreadable

__all__ = ["UnfinishedError", "open_file", "read_file"]

_LOOK = tr("; look at its permissions or copy it again")


class UnfinishedError(HeadError):
    """Something of the head is missing as if it were still being copied; where it stays so, it is broken."""


def open_file(path: Path, *, max_bytes: int) -> tuple[BinaryIO, int]:
    """Open a file of a head after looking at what it is; return it with its size in bytes.

    Args:
        path: The file. A link may lead to it, but not out of the head's folder: a head that was sent to
            somebody must not read that person's other files.
        max_bytes: Larger files are not opened.

    Raises:
        UnfinishedError: There is no such file.
        HeadError: It is no ordinary file, lies elsewhere, is too large, or may not be read.
    """
    try:
        inside = path.resolve().is_relative_to(path.parent.resolve())
        if not is_ordinary(path) or not inside:
            raise HeadError(
                tr(
                    "{path} is no ordinary file of this folder but leads elsewhere; put a copy of the "
                    "file there",
                    path=path,
                )
            )
        n_bytes = path.stat().st_size
        if n_bytes > max_bytes:
            raise HeadError(
                tr(
                    "{path} has {n_bytes:.1f} MB and was not read: it may have no more than {max_bytes} "
                    "MB; this is something else",
                    path=path,
                    n_bytes=n_bytes / 2**20,
                    max_bytes=max_bytes >> 20,
                )
            )
        stream = path.open("rb")
        return stream, os.fstat(stream.fileno()).st_size
    except FileNotFoundError as error:
        raise UnfinishedError(
            tr(
                "{path} is not there: a head is a folder with {path_2} in it; copy the whole folder",
                path=path,
                path_2=path.name,
            )
        ) from error
    except (OSError, RuntimeError) as error:
        told = unreadable(path, error, _LOOK)
        raise HeadError(told.en, zh=told.zh) from error


def read_file(path: Path, *, max_bytes: int) -> bytes:
    """Read a whole small file. Raises what `open_file` raises."""
    stream, n_bytes = open_file(path, max_bytes=max_bytes)
    with stream:
        return stream.read(min(n_bytes, max_bytes))
