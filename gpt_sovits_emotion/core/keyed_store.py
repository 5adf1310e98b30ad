"""Values in one SQLite file, each found by what determines it.

So nothing has to be cleared when something changes, and the file may be lost at any moment: that costs time
alone. Two kinds of file are kept so, the features of clips (`encoders.feature_cache`) and the journal of a
bank that is built (`banks.building.journal`). They differ in their tables, and in what a failure means.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, TypeVar

import numpy as np
from typing_extensions import Self

__all__ = ["KeyedStore", "as_bytes", "as_floats", "transaction"]

_Answer = TypeVar("_Answer")

_SCHEMA = 1
_SECONDS_BETWEEN_WRITES = 1.0  # what a kill may cost
_KEYS_PER_QUESTION = 500


class KeyedStore(ABC):
    """A file of ours, opened at its first use, begun anew where it is damaged, written once a second.

    Attributes:
        application_id: Says whose file it is.
        tables: Statements that make what a new file holds.
        at_first: Statements for a new file, before its tables.
        at_opening: Statements for every connection.
        patience_s: How long another process may hold the file.
        foreign: Raised for a file of another program or release.
    """

    application_id: ClassVar[int]
    tables: ClassVar[tuple[str, ...]]
    at_first: ClassVar[tuple[str, ...]] = ()
    at_opening: ClassVar[tuple[str, ...]] = ("PRAGMA synchronous=NORMAL",)
    patience_s: ClassVar[float]
    foreign: ClassVar[type[Exception]]

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._off = False
        self._written_at = time.monotonic()

    def flush(self) -> None:
        """Write what was given to be kept."""
        with self._lock:
            self._write_kept()
            self._written_at = time.monotonic()

    def close(self) -> None:
        """Write what is left and let go of the file; a later use opens it again."""
        with self._lock:
            try:
                self.flush()
            finally:
                self._disconnect()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # --- for those who say what is kept ---------------------------------------------------------------

    @abstractmethod
    def _write_kept(self) -> None:
        """Write what is not yet in the file."""

    @abstractmethod
    def _failed(self, error: Exception) -> None:
        """Raise, or set `_off` so that the file is not asked again: it cannot be used."""

    @abstractmethod
    def _set_aside(self, error: Exception) -> None:
        """Take a damaged file away, so that it is begun anew."""

    def _flush_when_due(self) -> None:
        if time.monotonic() - self._written_at >= _SECONDS_BETWEEN_WRITES:
            self.flush()

    def _ask(self, work: Callable[[sqlite3.Connection], _Answer]) -> _Answer | None:
        """Do something with the file, once more where it was damaged; None where that has failed."""
        for _ in range(2):
            if self._off:
                return None
            try:
                return work(self._connected())
            except (sqlite3.OperationalError, OSError) as error:
                self._failed(error)
            except sqlite3.ProgrammingError:
                raise  # nothing is wrong with the file
            except sqlite3.DatabaseError as error:
                self._set_aside(error)
        if not self._off:
            self._failed(OSError("a new file was damaged at once"))
        return None

    def _rows(self, query: str, keys: Sequence[bytes]) -> list[tuple[Any, ...]]:
        """Return the rows of a query that ends in ``IN``, for any number of keys."""
        found: list[tuple[Any, ...]] = []
        for start in range(0, len(keys), _KEYS_PER_QUESTION):
            some = keys[start : start + _KEYS_PER_QUESTION]
            whole = f"{query} ({','.join('?' * len(some))})"
            found += self._ask(partial(_all_rows, query=whole, keys=some)) or ()
        return found

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):  # it may be let go of because it fails
                connection.close()

    def _is_as_opened(self) -> bool:
        """Say whether the file is the one that was opened, and not one that another process has begun."""
        return self._file is not None and _identity(self.path) == self._file

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = sqlite3.connect(
                self.path, timeout=self.patience_s, isolation_level=None, check_same_thread=False
            )
            self._file = _identity(self.path)
            try:
                self._prepare(self._connection)
            except BaseException:
                self._disconnect()
                raise
        return self._connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Make the tables of a new file; make sure that an old one is ours."""
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        is_new = not _n_tables(connection)
        if not is_new and (application, version) != (self.application_id, _SCHEMA):
            raise self.foreign("it belongs to another program or release")
        for statement in (*(self.at_first if is_new else ()), *self.at_opening):
            connection.execute(statement)
        if is_new:
            with transaction(connection):
                if not _n_tables(connection):  # else another process was quicker
                    for statement in self.tables:
                        connection.execute(statement)
                    connection.execute(f"PRAGMA application_id={self.application_id}")
                    connection.execute(f"PRAGMA user_version={_SCHEMA}")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Let everything that is written in it be written, or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):  # SQLite has rolled back by itself after some failures
            connection.execute("ROLLBACK")
        raise


def as_bytes(numbers: np.ndarray) -> bytes:
    """Return numbers as they are kept: float32, the lowest byte first."""
    return np.ascontiguousarray(numbers, "<f4").tobytes()


def as_floats(data: bytes) -> np.ndarray:
    """Return what `as_bytes` was given, ``(n,)`` float32."""
    return np.frombuffer(data, "<f4").astype(np.float32)


def _all_rows(
    connection: sqlite3.Connection, query: str, keys: Sequence[bytes]
) -> list[tuple[Any, ...]]:
    return connection.execute(query, keys).fetchall()


def _n_tables(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
