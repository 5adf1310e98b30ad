"""What a process that was killed could not delete: files and folders that it was still writing.

Whoever writes holds a lock of the operating system on the thing itself, which ends with the process. The next
who writes beside it can tell by that, and clears it away.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["being_written", "sweep"]

_YOUNGEST_S = 5.0  # younger things may be of a process that has not come to lock them yet
_OLDEST_S = 86_400.0  # where nothing can be locked (Windows): nobody writes for a day


@contextmanager
def being_written(path: Path) -> Iterator[None]:
    """Mark a file or folder as being written, as long as this process lives."""
    descriptor = _held(path)
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


def sweep(folder: Path, prefix: str, *, rescue: Callable[[Path], None] | None = None) -> None:
    """Delete what killed processes were writing in a folder; what cannot be deleted stays.

    Args:
        folder: The folder; it need not be there.
        prefix: How names begin of what is being written, and of nothing else.
        rescue: Told each before it is deleted, to take out of it what is not to be lost.
    """
    with suppress(OSError):
        with os.scandir(folder) as entries:
            found = [Path(entry.path) for entry in entries if entry.name.startswith(prefix)]
        for path in found:
            if _is_abandoned(path):
                if rescue is not None:
                    rescue(path)
                _delete(path)


def _is_abandoned(path: Path) -> bool:
    try:
        age_s = time.time() - path.lstat().st_mtime
    except OSError:
        return False
    if os.name == "nt" or path.is_symlink():
        return age_s > _OLDEST_S
    if age_s < _YOUNGEST_S:
        return False
    descriptor = _held(path)
    if descriptor is None:
        return False
    os.close(descriptor)
    return True


def _held(path: Path) -> int | None:
    """Return a descriptor that holds the lock of a file or folder, None where somebody else does."""
    if os.name == "nt":
        return None
    import fcntl

    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()
