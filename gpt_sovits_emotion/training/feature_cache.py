"""Embeddings on disk, so that no audio is embedded twice and an interrupted run goes on where it was.

One SQLite file. An embedding is found by what determines it: the content of the audio file, the encoder, the
fingerprint of its weights, and how the audio was altered. So a clip that was replaced, or a model that was
trained on, is embedded anew without anybody having to clear anything, and a clip that was renamed is not.

The cache may be lost at any moment: whatever goes wrong with it is said (`FeatureCache.warnings`) and costs
time alone. A damaged file is set aside and begun anew; on a full disk the run goes on without a cache.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import numpy as np

from gpt_sovits_emotion.core.files import cache_folder
from gpt_sovits_emotion.core.records import Sentence

__all__ = [
    "FILE_NAME",
    "FeatureCache",
    "content_digest",
    "default_cache",
    "feature_key",
]

_Answer = TypeVar("_Answer")

FILE_NAME = "features.sqlite"

_MAX_BYTES = 2 << 30
_APPLICATION_ID = 0x67736546  # says whose file this is
_SCHEMA = 1
_SECONDS_BETWEEN_WRITES = 1.0  # what a kill may cost
_PATIENCE_S = 30.0  # how long another process may hold the file
_KEYS_PER_QUESTION = 500
_FILL = 0.9  # of the limit, once old rows have been deleted

_TABLES = """
CREATE TABLE entries (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, checksum INTEGER NOT NULL,
    n_bytes INTEGER NOT NULL, used REAL NOT NULL);
CREATE INDEX entries_by_use ON entries (used, id);
CREATE TABLE vectors (id INTEGER PRIMARY KEY, data BLOB NOT NULL);
"""  # apart, because noting a use would write a vector again that stood in the same row


def default_cache() -> Path:
    """Return the user's cache file, in `files.cache_folder`; it need not exist."""
    return cache_folder() / FILE_NAME


def content_digest(path: Path) -> bytes:
    """Return the SHA-256 of a file's content. Raises `OSError` when it cannot be read."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.digest()


def feature_key(content: bytes, *, encoder_id: str, fingerprint: str, alteration: str) -> bytes:
    """Return the 32 bytes under which an embedding is kept.

    Args:
        content: `content_digest` of the audio file.
        encoder_id: `Encoder.id`.
        fingerprint: `Encoder.fingerprint`.
        alteration: Everything that is done to the audio between the file and the encoder.
    """
    what = "\n".join((encoder_id, fingerprint, alteration))
    return hashlib.sha256(content + what.encode()).digest()


class FeatureCache:
    """Embeddings by `feature_key`, in one file of bounded size that several processes may share.

    Nothing is opened before the first use. Whatever fails afterwards is added to `warnings`, and from then on
    nothing is found and nothing is kept: no method raises because of the file.

    Args:
        path: The file, or the folder, which is there already, to keep it in; `default_cache` when None.
        max_bytes: Size of the file beyond which the least recently used embeddings are deleted.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder, FeatureCache(folder) as cache:
        ...     cache.keep({b"key": np.ones(3, np.float32)})
        ...     cache.find([b"key", b"other"], dim=3)
        {b'key': array([1., 1., 1.], dtype=float32)}
    """

    def __init__(self, path: str | Path | None = None, max_bytes: int = _MAX_BYTES) -> None:
        path = default_cache() if path is None else Path(path)
        self.path = path / FILE_NAME if path.is_dir() else path
        self.max_bytes = max_bytes
        self._warnings: list[Sentence] = []
        self._connection: sqlite3.Connection | None = None
        self._off = False
        self._file: tuple[int, int] | None = None
        self._lock = threading.RLock()
        self._unwritten: dict[bytes, bytes] = {}
        self._touched: set[int] = set()
        self._written_at = time.monotonic()

    @property
    def warnings(self) -> tuple[Sentence, ...]:
        """What went wrong so far, for the person who waits for the run."""
        return tuple(self._warnings)

    @property
    def size_bytes(self) -> int:
        """How much of the file is in use."""
        with self._lock:
            return self._guarded(_used_bytes) or 0

    def find(self, keys: Iterable[bytes], *, dim: int) -> dict[bytes, np.ndarray]:
        """Return those of the embeddings that are here: key -> ``(dim,)`` float32.

        What does not have `dim` values, or not those that were written, counts as not here.
        """
        wanted = list(dict.fromkeys(keys))
        found: dict[bytes, np.ndarray] = {}
        with self._lock:
            self.flush()
            for start in range(0, len(wanted), _KEYS_PER_QUESTION):
                some = wanted[start : start + _KEYS_PER_QUESTION]
                rows = self._guarded(partial(_read, keys=some)) or ()
                for key, number, checksum, data in rows:
                    if len(data) == 4 * dim and zlib.crc32(data) == checksum:
                        found[key] = np.frombuffer(data, "<f4").astype(np.float32)
                        self._touched.add(number)
                    else:
                        self._guarded(partial(_delete, numbers=[number]))
        return found

    def keep(self, embeddings: Mapping[bytes, np.ndarray]) -> None:
        """Keep embeddings, key -> ``(dim,)``; they are on the disk a second later, or after `flush`."""
        with self._lock:
            if self._off:
                return
            for key, row in embeddings.items():
                self._unwritten[key] = np.ascontiguousarray(row, "<f4").tobytes()
            if time.monotonic() - self._written_at >= _SECONDS_BETWEEN_WRITES:
                self.flush()

    def flush(self) -> None:
        """Write what `keep` was given, and note what `find` has found."""
        with self._lock:
            if self._unwritten or self._touched:
                rows, touched = dict(self._unwritten), sorted(self._touched)
                self._unwritten.clear()
                self._touched.clear()
                self._guarded(partial(_write, rows=rows, touched=touched, max_bytes=self.max_bytes))
            self._written_at = time.monotonic()

    def close(self) -> None:
        """Write what is left and let go of the file; a later use opens it again."""
        with self._lock:
            self.flush()
            self._disconnect()

    def __enter__(self) -> FeatureCache:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # --- inside ------------------------------------------------------------------------------------

    def _guarded(self, work: Callable[[sqlite3.Connection], _Answer]) -> _Answer | None:
        """Do something with the file; once more where it was damaged; never again after another failure."""
        for _ in range(2):
            if self._off:
                return None
            try:
                return work(self._connected())
            except sqlite3.ProgrammingError:
                raise  # nothing is wrong with the file
            except (sqlite3.OperationalError, OSError) as error:
                self._switch_off(error)
            except sqlite3.DatabaseError as error:
                self._set_aside(error)
        if not self._off:
            self._switch_off(OSError("a new file was damaged at once"))
        return None

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            connection = sqlite3.connect(
                self.path, timeout=_PATIENCE_S, isolation_level=None, check_same_thread=False
            )
            self._connection = connection
            self._file = _identity(self.path)
            _prepare(connection)
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):  # it is being let go of because it fails
                connection.close()

    def _switch_off(self, error: Exception) -> None:
        self._disconnect()
        self._off = True
        self._unwritten.clear()
        if "full" in str(error) or "No space left" in str(error):
            why, why_zh = "the disk is full: free some space", "磁盘已满：请腾出空间"
        else:
            said = getattr(error, "strerror", None) or error
            why, why_zh = f"{said}: choose another place for it", f"{said}：请换个位置"
        self._warnings.append(
            Sentence(
                f"features are no longer kept in {self.path} ({why}); the run goes on, but the next one will "
                "compute them again",
                f"特征不再存入 {self.path}（{why_zh}）；本次运行照常进行，但下次要重新计算",
            )
        )

    def _set_aside(self, error: Exception) -> None:
        """Rename a damaged file, unless another process has done so already."""
        opened = self._file
        self._disconnect()
        if opened is None or _identity(self.path) != opened:
            return
        aside = self.path.with_suffix(".damaged.sqlite")
        try:
            self.path.replace(aside)
            for suffix in ("-wal", "-shm"):
                self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        except OSError as reason:
            self._switch_off(reason)
            return
        self._warnings.append(
            Sentence(
                f"{self.path} was damaged ({error}); it was set aside as {aside.name} and begun anew, so the "
                "features are computed again",
                f"{self.path} 已损坏（{error}）；已改名为 {aside.name} 并重新建立，特征将重新计算",
            )
        )


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _prepare(connection: sqlite3.Connection) -> None:
    """Make the tables of a new file; make sure that an old one is ours.

    A kill loses at most the last second: with a write-ahead log nothing half written is ever read. It need
    not be synchronised at every commit, because after a power cut a few features fewer do no harm.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (n_tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if n_tables and (application, version) != (_APPLICATION_ID, _SCHEMA):
        raise OSError("it belongs to another program or release")
    if not n_tables:
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    if n_tables:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have been quicker.
        if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            for statement in _TABLES.split(";")[:-1]:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id={_APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version={_SCHEMA}")
        connection.execute("COMMIT")
    except BaseException:
        _roll_back(connection)
        raise


def _used_bytes(connection: sqlite3.Connection) -> int:
    n_pages, n_free, page_bytes = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((n_pages - n_free) * page_bytes)


def _read(connection: sqlite3.Connection, keys: list[bytes]) -> list[tuple[bytes, int, int, bytes]]:
    marks = ",".join("?" * len(keys))
    return connection.execute(
        "SELECT key, id, checksum, data FROM entries JOIN vectors USING (id) "
        f"WHERE key IN ({marks})",
        keys,
    ).fetchall()


def _write(
    connection: sqlite3.Connection, rows: Mapping[bytes, bytes], touched: list[int], max_bytes: int
) -> None:
    now = time.time()
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.executemany(
            "UPDATE entries SET used = ? WHERE id = ?", [(now, number) for number in touched]
        )
        for key, data in rows.items():
            entered = connection.execute(
                "INSERT OR IGNORE INTO entries (key, checksum, n_bytes, used) VALUES (?, ?, ?, ?)",
                (key, zlib.crc32(data), len(data), now),
            )
            if entered.rowcount:  # else another process has embedded the same clip meanwhile
                connection.execute(
                    "INSERT INTO vectors (id, data) VALUES (?, ?)", (entered.lastrowid, data)
                )
        emptied = _make_room(connection, max_bytes)
        connection.execute("COMMIT")
    except BaseException:
        _roll_back(connection)
        raise
    if emptied:
        # It gives one page back at each step and has no columns: from Python 3.11 on only a script steps on.
        connection.executescript("PRAGMA incremental_vacuum;")


def _make_room(connection: sqlite3.Connection, max_bytes: int) -> bool:
    """Delete the least recently used embeddings until the file is well below its limit."""
    emptied = False
    while (surplus := _used_bytes(connection) - max_bytes) > 0:
        surplus += round((1 - _FILL) * max_bytes)
        oldest: list[int] = []
        for number, n_bytes in connection.execute(
            "SELECT id, n_bytes FROM entries ORDER BY used, id"
        ):
            if surplus <= 0:
                break
            oldest.append(number)
            surplus -= n_bytes
        if not oldest:
            break
        _delete(connection, oldest)
        emptied = True
    return emptied


def _delete(connection: sqlite3.Connection, numbers: list[int]) -> None:
    for table in ("entries", "vectors"):
        connection.executemany(
            f"DELETE FROM {table} WHERE id = ?", [(number,) for number in numbers]
        )


def _roll_back(connection: sqlite3.Connection) -> None:
    with suppress(sqlite3.Error):  # SQLite has rolled back by itself after some failures
        connection.execute("ROLLBACK")
