"""What a build has found out so far, so that a build that was killed goes on where it was.

One SQLite file beside the sidecar. Whatever is kept is found by what determines it (the content of a file,
who listened, how), so nothing has to be cleared when clips change or vanish: a clip that is as it was is not
heard again, and one that is not, is. The file may be deleted at any time; the next build then begins anew.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import numpy as np

from gpt_sovits_emotion.banks.library.sidecar import ClipContent, content_of
from gpt_sovits_emotion.core.errors import OutputError, ReferenceBankError
from gpt_sovits_emotion.core.locking import locked

__all__ = ["Journal", "Kept", "journal_path", "key_of", "only_build"]

_Answer = TypeVar("_Answer")

_SUFFIX = ".work"
_APPLICATION_ID = 0x67736557  # says whose file this is
_SCHEMA = 1
_SECONDS_BETWEEN_WRITES = 1.0  # what a kill may cost
_KEYS_PER_QUESTION = 500
_PATIENCE_S = 10.0

_TABLES = (
    "CREATE TABLE IF NOT EXISTS kept (key BLOB PRIMARY KEY, checksum INTEGER NOT NULL, "
    "words TEXT NOT NULL, numbers BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS files (path TEXT PRIMARY KEY, n_bytes INTEGER NOT NULL, "
    "modified_ns INTEGER NOT NULL, sha256 TEXT NOT NULL)",
)


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
        f"another build of {sidecar.name} in {folder} is running at this moment; wait for it, or stop it: "
        "what it has found out is kept",
        zh=f"{folder} 中的 {sidecar.name} 正在由另一个程序构建；请等它结束，或先停止它：已完成的部分会保留",
    )

    def unwritable(reason: str) -> OutputError:
        return OutputError(
            f"nothing can be written into {folder} ({reason}), where the bank's sidecar belongs; change its "
            "permissions, or copy the clips elsewhere",
            zh=f"无法写入 {folder}（{reason}），而音库的附属文件应放在那里；请修改权限，或把音频复制到别处",
        )

    lock = sidecar.with_name(f".{sidecar.name}.lock")
    with locked(lock, patience_s=0, busy=busy, unwritable=unwritable):
        yield lock


class Journal:
    """What is kept of a build; use it as a context manager.

    A damaged file is begun anew: that costs time alone. A full disk stops the build with a sentence.

    Args:
        path: The file; made if missing.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._unwritten: dict[bytes, Kept] = {}
        self._new_files: dict[str, ClipContent] = {}
        self._used: set[bytes] = set()
        self._written_at = time.monotonic()
        self._connection = self._opened()

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
        known = self._guarded(
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
        wanted = list(dict.fromkeys(keys))
        found: dict[bytes, Kept] = {}
        for start in range(0, len(wanted), _KEYS_PER_QUESTION):
            some = wanted[start : start + _KEYS_PER_QUESTION]
            rows = self._guarded(partial(_read, keys=some))
            for key, checksum, words, numbers in rows:
                if _checksum(words, numbers) == checksum:
                    found[key] = Kept(words, np.frombuffer(numbers, "<f4").astype(np.float32))
        self._used.update(found)
        return found

    def keep(self, key: bytes, kept: Kept) -> None:
        """Keep something; it is on the disk a second later, or after `flush`."""
        self._unwritten[key] = kept
        self._used.add(key)
        self._flush_when_due()

    def flush(self) -> None:
        """Write what `keep` was given."""
        if self._unwritten or self._new_files:
            rows = [(key, *_packed(kept)) for key, kept in self._unwritten.items()]
            files = [
                (name, content.n_bytes, content.modified_ns, content.sha256)
                for name, content in self._new_files.items()
            ]
            self._guarded(lambda connection: _write(connection, rows, files))
            self._unwritten.clear()
            self._new_files.clear()
        self._written_at = time.monotonic()

    def forget_unused(self) -> None:
        """Delete what this build neither found nor kept: clips that are gone, heads of another time."""
        self.flush()
        used = self._used
        self._guarded(lambda connection: _delete_but(connection, used))

    def close(self) -> None:
        """Write what is left and let go of the file."""
        try:
            self.flush()
        finally:
            self._connection.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # --- inside ------------------------------------------------------------------------------------

    def _flush_when_due(self) -> None:
        if time.monotonic() - self._written_at >= _SECONDS_BETWEEN_WRITES:
            self.flush()

    def _opened(self) -> sqlite3.Connection:
        for attempt in (1, 2):
            connection = sqlite3.connect(self.path, timeout=_PATIENCE_S, isolation_level=None)
            try:
                _prepare(connection)
            except sqlite3.OperationalError as error:
                connection.close()
                raise self._unwritable(error) from error
            except sqlite3.DatabaseError as error:
                connection.close()
                if attempt == 2:
                    raise self._unwritable(error) from error
                self._delete_file()
            else:
                return connection
        raise AssertionError("the second attempt returns or raises")

    def _guarded(self, work: Callable[[sqlite3.Connection], _Answer]) -> _Answer:
        """Do something with the file; once more, with a new one, where it turns out to be damaged."""
        try:
            return work(self._connection)
        except (sqlite3.OperationalError, sqlite3.ProgrammingError) as error:
            raise self._unwritable(error) from error
        except sqlite3.DatabaseError:
            self._connection.close()
            self._delete_file()
            self._connection = self._opened()
            return work(self._connection)

    def _delete_file(self) -> None:
        for suffix in ("", "-journal"):
            with suppress(FileNotFoundError):
                os.unlink(f"{self.path}{suffix}")  # noqa: PTH108 - a suffix to a name, not a path

    def _unwritable(self, error: sqlite3.Error) -> OutputError:
        return OutputError(
            f"{self.path} cannot be used ({error}), where a build keeps what it has found out; free some "
            "space or look at the folder's permissions, and build again: it goes on where it was",
            zh=f"无法使用 {self.path}（{error}），构建过程的中间结果保存在那里；请腾出空间或检查文件夹权限，"
            "然后重新构建：会从中断处继续",
        )


def _prepare(connection: sqlite3.Connection) -> None:
    """Make the tables of a new file; a file of another program or release is begun anew.

    The rollback journal of SQLite keeps a kill from leaving half a row; unlike a write-ahead log it needs no
    shared memory, which folders on a network do not have.

    Raises:
        sqlite3.DatabaseError: The file is damaged, or not ours.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (n_tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if n_tables and (application, version) != (_APPLICATION_ID, _SCHEMA):
        raise sqlite3.DatabaseError("it is of another release")
    connection.execute("PRAGMA synchronous=NORMAL")
    if n_tables:
        return
    connection.execute("BEGIN IMMEDIATE")
    for statement in _TABLES:
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id={_APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version={_SCHEMA}")
    connection.execute("COMMIT")


def _packed(kept: Kept) -> tuple[int, str, bytes]:
    numbers = b"" if kept.numbers is None else np.ascontiguousarray(kept.numbers, "<f4").tobytes()
    return _checksum(kept.words, numbers), kept.words, numbers


def _checksum(words: str, numbers: bytes) -> int:
    return zlib.crc32(numbers, zlib.crc32(words.encode("utf-8", "surrogatepass")))


def _read(
    connection: sqlite3.Connection, keys: Sequence[bytes]
) -> list[tuple[bytes, int, str, bytes]]:
    marks = ",".join("?" * len(keys))
    return connection.execute(
        f"SELECT key, checksum, words, numbers FROM kept WHERE key IN ({marks})", keys
    ).fetchall()


def _write(
    connection: sqlite3.Connection,
    rows: Sequence[tuple[bytes, int, str, bytes]],
    files: Sequence[tuple[str, int, int, str]],
) -> None:
    with _transaction(connection):
        connection.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?, ?, ?)", rows)
        connection.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", files)


def _delete_but(connection: sqlite3.Connection, used: set[bytes]) -> None:
    held = {key for (key,) in connection.execute("SELECT key FROM kept")}
    with _transaction(connection):
        connection.executemany("DELETE FROM kept WHERE key = ?", [(key,) for key in held - used])


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):  # SQLite has rolled back by itself after some failures
            connection.execute("ROLLBACK")
        raise
