"""What a build has found out so far, so that a build that was killed goes on where it was.

One SQLite file beside the sidecar. Whatever is kept is found by what determines it (the content of a file,
who listened, how), so nothing has to be cleared when clips change or vanish: a clip that is as it was is not
heard again, and one that is not, is. The file may be deleted at any time; the next build then begins anew.
"""

from __future__ import annotations

import hashlib
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gpt_sovits_emotion.banks.library.sidecar import ClipContent, content_of
from gpt_sovits_emotion.core.errors import OutputError, ReferenceBankError
from gpt_sovits_emotion.core.keyed_store import KeyedStore, as_bytes, as_floats, transaction
from gpt_sovits_emotion.core.locking import locked
from gpt_sovits_emotion.core.messages import tr

__all__ = ["Journal", "Kept", "journal_path", "key_of", "only_build"]

_SUFFIX = ".work"


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """Something found out: words, and float32 numbers."""

    words: str = ""
    numbers: np.ndarray | None = None


def journal_path(sidecar: Path) -> Path:
    """Return where the journal of a build lies."""
    return sidecar.with_name(sidecar.name + _SUFFIX)


def key_of(*what: str | bytes) -> bytes:
    """Return the 32 bytes under which something is kept: a digest of all that determines it."""
    digest = hashlib.sha256()
    for part in what:
        data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.digest()


@contextmanager
def only_build(sidecar: Path) -> Iterator[Path]:
    """Make sure that nobody else builds this bank meanwhile; yield the lock's file.

    Raises:
        ReferenceBankError: Somebody does.
        OutputError: The folder may not be written to.
    """
    folder = sidecar.parent
    busy = ReferenceBankError(
        tr(
            "another build of {sidecar} in {folder} is running at this moment; wait for it, or stop it: "
            "what it has found out is kept",
            sidecar=sidecar.name,
            folder=folder,
        )
    )

    def unwritable(reason: str) -> OutputError:
        return OutputError(
            tr(
                "nothing can be written into {folder} ({reason}), where the bank's sidecar belongs; "
                "change its permissions, or copy the clips elsewhere",
                folder=folder,
                reason=reason,
            )
        )

    lock = sidecar.with_name(f".{sidecar.name}.lock")
    with locked(lock, patience_s=0, busy=busy, unwritable=unwritable):
        yield lock


class Journal(KeyedStore):
    """What is kept of a build; use it as a context manager.

    A damaged file, or one of another release, is begun anew: that costs time alone. A full disk stops the
    build with a sentence.

    Args:
        path: The file; made if missing.

    Raises:
        OutputError: The file cannot be used, from any method.
    """

    application_id = 0x67736557
    # SQLite's rollback journal keeps a kill from leaving half a row; unlike a write-ahead log it needs no
    # shared memory, which folders on a network do not have.
    tables = (
        "CREATE TABLE IF NOT EXISTS kept (key BLOB PRIMARY KEY, checksum INTEGER NOT NULL, "
        "words TEXT NOT NULL, numbers BLOB NOT NULL)",
        "CREATE TABLE IF NOT EXISTS files (path TEXT PRIMARY KEY, n_bytes INTEGER NOT NULL, "
        "modified_ns INTEGER NOT NULL, sha256 TEXT NOT NULL)",
    )
    patience_s = 10.0
    foreign = sqlite3.DatabaseError

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._unwritten: dict[bytes, Kept] = {}
        self._new_files: dict[str, ClipContent] = {}
        self._used: set[bytes] = set()
        self._ask(lambda connection: None)

    def content(self, clip: Path, *, name: str) -> ClipContent:
        """Return what a clip's file holds, reading it only if its size or time is another than last time.

        Args:
            clip: The file.
            name: What the journal calls it: its path relative to the bank.

        Raises:
            OSError: It cannot be read.
        """
        status = clip.stat()
        sought = name.encode("utf-8", "surrogateescape").hex()  # a name need not be valid text
        known = self._ask(
            lambda connection: connection.execute(
                "SELECT n_bytes, modified_ns, sha256 FROM files WHERE path = ?", (sought,)
            ).fetchone()
        )
        if known is not None and known[:2] == (status.st_size, status.st_mtime_ns):
            return ClipContent(known[2], known[0], known[1])
        content = content_of(clip)
        self._new_files[sought] = content
        self._flush_when_due()
        return content

    def find(self, keys: Iterable[bytes]) -> dict[bytes, Kept]:
        """Return what is kept under these keys."""
        self.flush()
        query = "SELECT key, checksum, words, numbers FROM kept WHERE key IN"
        found = {
            key: Kept(words, as_floats(numbers))
            for key, checksum, words, numbers in self._rows(query, list(dict.fromkeys(keys)))
            if _checksum(words, numbers) == checksum
        }
        self._used.update(found)
        return found

    def keep(self, key: bytes, kept: Kept) -> None:
        """Keep something; it is on the disk a second later, or after `flush`."""
        self._unwritten[key] = kept
        self._used.add(key)
        self._flush_when_due()

    def forget_unused(self) -> None:
        """Delete what this build neither found nor kept: clips that are gone, heads of another time."""
        self.flush()
        used = self._used
        self._ask(lambda connection: _delete_but(connection, used))

    # --- inside ------------------------------------------------------------------------------------

    def _write_kept(self) -> None:
        if self._unwritten or self._new_files:
            rows = [(key, *_packed(kept)) for key, kept in self._unwritten.items()]
            files = [
                (name, content.n_bytes, content.modified_ns, content.sha256)
                for name, content in self._new_files.items()
            ]
            self._ask(lambda connection: _write(connection, rows, files))
            self._unwritten.clear()
            self._new_files.clear()

    def _set_aside(self, error: Exception) -> None:
        self._disconnect()
        for suffix in ("", "-journal"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    def _failed(self, error: Exception) -> None:
        raise OutputError(
            tr(
                "{path} cannot be used ({error}), where a build keeps what it has found out; free some "
                "space or look at the folder's permissions, and build again: it goes on where it was",
                path=self.path,
                error=error,
            )
        ) from error


def _packed(kept: Kept) -> tuple[int, str, bytes]:
    numbers = b"" if kept.numbers is None else as_bytes(kept.numbers)
    return _checksum(kept.words, numbers), kept.words, numbers


def _checksum(words: str, numbers: bytes) -> int:
    return zlib.crc32(numbers, zlib.crc32(words.encode("utf-8", "surrogatepass")))


def _write(
    connection: sqlite3.Connection,
    rows: Sequence[tuple[bytes, int, str, bytes]],
    files: Sequence[tuple[str, int, int, str]],
) -> None:
    with transaction(connection):
        connection.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?, ?, ?)", rows)
        connection.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", files)


def _delete_but(connection: sqlite3.Connection, used: set[bytes]) -> None:
    held = {key for (key,) in connection.execute("SELECT key FROM kept")}
    with transaction(connection):
        connection.executemany("DELETE FROM kept WHERE key = ?", [(key,) for key in held - used])
