"""Where files of open pages lie, and whose they are: private folders and uploads. No Gradio here.

The server files an upload under the hash of its content, whichever page it came from, and gives out what
lies there to whoever knows the path. So two pages that upload one recording share one file, and a path alone
proves nothing. Each arrival therefore can be claimed once, by the page that names it first; a file goes when
nobody holds it any more and no arrival of it waits to be claimed.

A private folder may be read by this process's user alone, and is gone when the process is. A process that was
killed could not delete its own; the next one does, as it can tell by a lock that nobody holds any more.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

__all__ = ["Uploads", "private_folder"]

_UNCLAIMED_S = 600.0


@dataclass(slots=True)
class _File:
    owners: set[str] = field(default_factory=set)
    arrivals: int = 0
    arrived_s: float = 0.0


class Uploads:
    """The files that were uploaded to one server.

    Args:
        shared: Whether other parts of the server's page take uploads too: what nobody of ours has claimed is
            theirs then, and stays.
    """

    def __init__(self, *, shared: bool = False) -> None:
        self._shared = shared
        self._files: dict[Path, _File] = defaultdict(_File)
        self._lock = threading.RLock()

    def arrived(self, paths: Iterable[Path]) -> None:
        """Note that files were uploaded, by a page that is not known yet."""
        with self._lock:
            for path in paths:
                known = self._files[path.resolve()]
                known.arrivals += 1
                known.arrived_s = time.monotonic()
            self.forget_unclaimed(older_than_s=_UNCLAIMED_S)

    def claim(self, owner: str, path: Path) -> bool:
        """Let a page have a file that has arrived for it; say whether it may."""
        with self._lock:
            known = self._files.get(path.resolve())
            if known is None or not (known.arrivals or owner in known.owners):
                return False
            known.arrivals = max(known.arrivals - 1, 0)
            known.owners.add(owner)
            return True

    def release(self, owner: str, *, but: Path | None = None) -> None:
        """Let go of all that a page has claimed, except one file; delete what nobody holds any more."""
        kept = but.resolve() if but is not None else None
        with self._lock:
            for path, known in list(self._files.items()):
                if path != kept and owner in known.owners:
                    known.owners.discard(owner)
                    self._delete_if_free(path)

    def let_go(self, owner: str, path: Path) -> None:
        """Let go of one file that a page has claimed; delete it where nobody holds it any more."""
        with self._lock:
            known = self._files.get(path.resolve())
            if known is not None:
                known.owners.discard(owner)
                self._delete_if_free(path.resolve())

    def owned_by(self, owner: str, path: Path) -> bool:
        """Say whether a page has claimed a file."""
        with self._lock:
            known = self._files.get(path.resolve())
            return known is not None and owner in known.owners

    def forget_unclaimed(self, *, older_than_s: float = 0.0) -> None:
        """Delete what was uploaded so long ago and never claimed: the page was closed before it could."""
        since_s = time.monotonic() - older_than_s
        with self._lock:
            for path, known in list(self._files.items()):
                if self._shared and path.exists():
                    continue
                if known.arrivals and known.arrived_s <= since_s:
                    known.arrivals = 0
                    self._delete_if_free(path)

    def _delete_if_free(self, path: Path) -> None:
        known = self._files[path]
        if known.owners or known.arrivals:
            return
        del self._files[path]
        with contextlib.suppress(OSError):  # gone already, or its folder holds another name
            path.unlink(missing_ok=True)
            path.parent.rmdir()


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
