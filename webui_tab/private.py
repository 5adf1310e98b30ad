"""A folder that only this process's user may read, and that is gone when the process is.

A process that was killed could not delete its own; the next one does, as it can tell by a lock that
nobody holds any more.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

__all__ = ["private_folder"]

_LOCK = "in-use"


@contextlib.contextmanager
def private_folder(parent: Path, *, prefix: str) -> Iterator[Path]:
    """Make a folder (mode 0700) in `parent`, yield it, and delete it with all that it holds.

    Args:
        parent: Where to make it; folders of `prefix` that were left there by killed processes go.
        prefix: How its name begins.
    """
    _sweep(parent, prefix)
    folder = Path(tempfile.mkdtemp(dir=parent, prefix=prefix))
    try:
        with (folder / _LOCK).open("wb") as lock:
            _hold(lock)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(parent: Path, prefix: str) -> None:
    for folder in parent.glob(f"{prefix}*"):
        try:
            with (folder / _LOCK).open("r+b") as lock:
                if not _hold(lock):
                    continue
        except OSError:
            continue  # just made by a process that starts, or another person's
        shutil.rmtree(folder, ignore_errors=True)


def _hold(lock: IO[bytes]) -> bool:
    """Lock an open file until it is closed or the process ends; say whether it was free."""
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
