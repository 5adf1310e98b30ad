"""Write files so that a reader sees the old content or the new, never a half of either.

And where the user's data lie: what can be made again (`cache_folder`), and what cannot (`data_folder`).
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import struct
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gpt_sovits_emotion.core.errors import OutputError
from gpt_sovits_emotion.core.leftovers import being_written, sweep
from gpt_sovits_emotion.core.messages import tr

__all__ = [
    "CACHE_VARIABLE",
    "DAMAGED_ARCHIVE",
    "WRITING",
    "cache_folder",
    "data_folder",
    "is_ordinary",
    "making_folder",
    "remove_folder",
    "replacing",
    "write_bytes",
    "write_text",
]

WRITING = ".writing-"
"""How the names begin of files and folders that are still being written."""

_swept: set[Path] = set()
_NAME = "gpt-sovits-emotion"

CACHE_VARIABLE = "GPT_SOVITS_EMOTION_CACHE"
"""Environment variable that names the folder for what can be made again."""

DAMAGED_ARCHIVE: tuple[type[Exception], ...] = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, struct.error, EOFError, OSError),
    *(NotImplementedError, RuntimeError, ValueError, LookupError, OverflowError),
)
"""What reading a damaged zip archive raises, from `zipfile` and the decompressors that it calls."""

with suppress(ImportError):  # a Python may be built without it
    import lzma

    DAMAGED_ARCHIVE = (*DAMAGED_ARCHIVE, lzma.LZMAError)


def is_ordinary(path: Path) -> bool:
    """Say whether a path leads to an ordinary file: a pipe or a device would let a reader wait for ever.

    Raises:
        OSError: Nothing is there, or it may not be looked at.
    """
    return stat.S_ISREG(path.stat().st_mode)


def cache_folder() -> Path:
    """Return the user's folder for what can be made again; it need not exist.

    The one that ``GPT_SOVITS_EMOTION_CACHE`` names, else where the system keeps caches (`platformdirs`):
    ``gpt-sovits-emotion`` under ``$XDG_CACHE_HOME`` (``~/.cache``) on Linux.
    """
    from platformdirs import user_cache_path

    named = os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(named)
    return _where_it_was(user_cache_path(_NAME, appauthor=False), ".cache")


def data_folder() -> Path:
    """Return the user's folder for what cannot be made again, heads and profiles; it need not exist.

    It is where the system keeps such data (`platformdirs`): ``gpt-sovits-emotion`` under ``$XDG_DATA_HOME``
    (``~/.local/share``) on Linux.
    """
    from platformdirs import user_data_path

    return _where_it_was(user_data_path(_NAME, appauthor=False), ".local/share")


def _where_it_was(folder: Path, before: str) -> Path:
    """Return a user's folder, on macOS the one of before where that is there and the new is not."""
    earlier = Path.home() / before / _NAME
    is_moved = sys.platform == "darwin" and earlier.is_dir() and not folder.is_dir()
    return earlier if is_moved else folder


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it takes `path`'s place, else it is removed.

    The temporary name keeps the suffix, because encoders choose their format by it.

    Raises:
        OutputError: The folder cannot be made or written, or the disk is full. `path` is untouched.
    """
    path = Path(path)
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _sweep_once(path.parent)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=WRITING, suffix=path.suffix)
        os.close(descriptor)
        temporary = Path(name)
        with being_written(temporary):
            yield temporary
        _give_ordinary_mode(temporary)
        temporary.replace(path)
        temporary = None
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        raise _unwritten(path, error) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` in one step. Raises `OutputError` like `replacing`."""
    with replacing(path) as temporary, temporary.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def write_text(path: Path, text: str) -> None:
    r"""Write `text` to `path` as UTF-8, line ends as given, in one step. Raises `OutputError`.

    Half a surrogate pair, of which no UTF-8 can be made, is written as an escape (``\udce9``), which JSON
    reads back as it was: a file name that is no UTF-8 holds such.
    """
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


@contextmanager
def making_folder(folder: Path) -> Iterator[None]:
    """Make a folder, with those that it lies in; take away in the end what was made and is empty.

    Raises:
        OSError: It cannot be made.
    """
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        with suppress(OSError):  # where something lies in one, it stays, and so do those around it
            for each in missing:
                each.rmdir()


def remove_folder(folder: Path) -> None:
    """Delete a folder, so that it is gone at once, or not at all; of a link, the link alone.

    Raises:
        OutputError: It cannot be deleted.
    """
    try:
        if folder.is_symlink() or folder.is_file():
            folder.unlink()
            return
        gone = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".removing-"))
        folder.replace(gone / folder.name)
        shutil.rmtree(gone)
    except OSError as error:
        raise OutputError(
            tr(
                "{folder} could not be deleted ({strerror}); look at its permissions, or delete it by hand",
                folder=folder,
                strerror=error.strerror or error,
            )
        ) from error


def _sweep_once(folder: Path) -> None:
    """Clear away what killed processes left in a folder, the first time that anything is written there."""
    whole = Path(os.path.abspath(folder))  # noqa: PTH100 (resolve() asks the disk)
    if whole not in _swept:
        _swept.add(whole)
        sweep(folder, WRITING)


def _give_ordinary_mode(path: Path) -> None:
    # mkstemp makes 0600 files; a result should have the mode that open() would have given it.
    mask = os.umask(0)
    os.umask(mask)
    path.chmod(0o666 & ~mask)


def _unwritten(path: Path, error: OSError) -> OutputError:
    if error.errno == errno.ENOSPC:
        return OutputError(
            tr("{path} was not written: the disk is full; free some space and run again", path=path)
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return OutputError(
            tr(
                "{path} was not written: this folder may not be written to; choose another with --out or "
                "change its permissions",
                path=path,
            )
        )
    reason = error.strerror or str(error)
    return OutputError(
        tr(
            "{path} was not written ({reason}); choose another place and run again",
            path=path,
            reason=reason,
        )
    )
