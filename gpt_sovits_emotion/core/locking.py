"""One process at a time: whoever reads a file, changes what it says and writes it again holds its lock.

A file that is replaced in one step is never half a file, but two processes that both read the old one still
lose what the first of them wrote. The lock is the operating system's: it is gone with the process that held
it, however that ended. The lock's own file is empty and hidden, and stays where it is, unless that is a
folder in which people look for other things.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from gpt_sovits_emotion.core.errors import EmotionError, OutputError
from gpt_sovits_emotion.core.messages import tr

__all__ = ["PATIENCE_S", "lock_beside", "locked"]

PATIENCE_S = 60.0
"""How long to wait for somebody who reads, changes and writes a file, which takes seconds."""


def lock_beside(path: Path) -> Path:
    """Return the lock of a file: hidden, in the same folder, so that whoever shares the file shares it.

    Examples:
        >>> lock_beside(Path("bank/voice.list.bank.json")).as_posix()
        'bank/.voice.list.bank.json.change.lock'
    """
    return path.with_name(f".{path.name}.change.lock")


@contextmanager
def locked(
    lock: Path,
    *,
    patience_s: float = PATIENCE_S,
    busy: EmotionError | None = None,
    unwritable: Callable[[str], EmotionError] | None = None,
    keep: bool = True,
) -> Iterator[None]:
    """Hold a lock. It must not be taken twice in one thread: the second time would wait for the first.

    Args:
        lock: Its file; made if missing, as is its folder.
        patience_s: How long to wait for whoever holds it.
        keep: Whether the lock's file stays. Deleted, it costs those who wait a try more (filelock sees that
            the file it holds is gone).
        busy: What to raise when that was not long enough; an `OutputError` when None.
        unwritable: Makes of the system's reason what to raise where the folder cannot be written to; an
            `OutputError` when None.

    Raises:
        OutputError: The folder may not be written to (without `unwritable`), or (without `busy`) somebody has
            the lock.
    """
    from filelock import FileLock, Timeout

    held = FileLock(lock)
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        held.acquire(timeout=patience_s)
    except Timeout as error:
        raise busy or OutputError(
            tr(
                "{parent} is being changed by another process, for {patience_s:g} s by now; wait for it "
                "or stop it, and run again",
                parent=lock.parent,
                patience_s=patience_s,
            )
        ) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise (unwritable or partial(_unwritable, lock.parent))(reason) from error
    try:
        yield
    finally:
        if not keep:
            lock.unlink(
                missing_ok=True
            )  # while it is held: nobody takes a file that is about to go
        held.release()


def _unwritable(folder: Path, reason: str) -> OutputError:
    return OutputError(
        tr(
            "nothing can be written into {folder} ({reason}); change its permissions, or choose another "
            "folder",
            folder=folder,
            reason=reason,
        )
    )
