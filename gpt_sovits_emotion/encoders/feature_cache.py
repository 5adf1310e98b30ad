"""Embeddings on disk, so that no audio is embedded twice and an interrupted run goes on where it was.

One SQLite file. An embedding is found by what determines it: the content of the audio file, the
encoder, the fingerprint of its weights, and how the audio was altered. So a clip that was replaced,
or a model that was trained on, is embedded anew without anybody having to clear anything, and a
clip that was renamed is not.

The cache may be lost at any moment: whatever goes wrong with it is said (`FeatureCache.warnings`)
and costs time alone. A damaged file is set aside and begun anew; on a full disk the run goes on
without a cache.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
import zlib
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from gpt_sovits_emotion.core.files import cache_folder
from gpt_sovits_emotion.core.keyed_store import KeyedStore, as_bytes, as_floats, transaction
from gpt_sovits_emotion.core.messages import in_both, tr
from gpt_sovits_emotion.core.records import Sentence

__all__ = [
    "FILE_NAME",
    "FeatureCache",
    "content_digest",
    "default_cache",
    "feature_key",
]

FILE_NAME = "features.sqlite"

_MAX_BYTES = 2 << 30
_FILL = 0.9  # of the limit, once old rows have been deleted


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


class FeatureCache(KeyedStore):
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

    application_id = 0x67736546
    tables = (
        "CREATE TABLE entries (id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, "
        "checksum INTEGER NOT NULL, n_bytes INTEGER NOT NULL, used REAL NOT NULL)",
        "CREATE INDEX entries_by_use ON entries (used, id)",
        # apart, because noting a use would write a vector again that stood in the same row
        "CREATE TABLE vectors (id INTEGER PRIMARY KEY, data BLOB NOT NULL)",
    )
    at_first = ("PRAGMA auto_vacuum=INCREMENTAL",)
    # A kill loses at most the last second: with a write-ahead log nothing half written is ever read. It need
    # not be synchronised at every commit, because after a power cut a few features fewer do no harm.
    at_opening = ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=NORMAL")
    patience_s = 30.0
    foreign = OSError

    def __init__(self, path: str | Path | None = None, max_bytes: int = _MAX_BYTES) -> None:
        path = default_cache() if path is None else Path(path)
        super().__init__(path / FILE_NAME if path.is_dir() else path)
        self.max_bytes = max_bytes
        self._warnings: list[Sentence] = []
        self._unwritten: dict[bytes, bytes] = {}
        self._touched: set[int] = set()

    @property
    def warnings(self) -> tuple[Sentence, ...]:
        """What went wrong so far, for the person who waits for the run."""
        return tuple(self._warnings)

    @property
    def size_bytes(self) -> int:
        """How much of the file is in use."""
        with self._lock:
            return self._ask(_used_bytes) or 0

    def find(self, keys: Iterable[bytes], *, dim: int) -> dict[bytes, np.ndarray]:
        """Return those of the embeddings that are here: key -> ``(dim,)`` float32.

        What does not have `dim` values, or not those that were written, counts as not here.
        """
        found: dict[bytes, np.ndarray] = {}
        with self._lock:
            self.flush()
            for key, number, checksum, data in self._rows(
                "SELECT key, id, checksum, data FROM entries JOIN vectors USING (id) WHERE key IN",
                list(dict.fromkeys(keys)),
            ):
                if len(data) == 4 * dim and zlib.crc32(data) == checksum:
                    found[key] = as_floats(data)
                    self._touched.add(number)
                else:
                    self._ask(partial(_delete, numbers=[number]))
        return found

    def keep(self, embeddings: Mapping[bytes, np.ndarray]) -> None:
        """Keep embeddings, key -> ``(dim,)``; they are on the disk a second later, or after `flush`."""
        with self._lock:
            if self._off:
                return
            for key, row in embeddings.items():
                self._unwritten[key] = as_bytes(row)
            self._flush_when_due()

    # --- inside ------------------------------------------------------------------------------------

    def _write_kept(self) -> None:
        """Write what `keep` was given, and note what `find` has found."""
        if self._unwritten or self._touched:
            rows, touched = dict(self._unwritten), sorted(self._touched)
            self._unwritten.clear()
            self._touched.clear()
            self._ask(partial(_write, rows=rows, touched=touched, max_bytes=self.max_bytes))

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return super()._connected()

    def _failed(self, error: Exception) -> None:
        """Keep nothing and find nothing from now on."""
        self._disconnect()
        self._off = True
        self._unwritten.clear()
        if "full" in str(error) or "No space left" in str(error):
            why, why_zh = "the disk is full: free some space", "磁盘已满：请腾出空间"
        else:
            said = getattr(error, "strerror", None) or error
            why, why_zh = f"{said}: choose another place for it", f"{said}：请换个位置"
        self._warnings.append(
            tr(
                "features are no longer kept in {path} ({why}); the run goes on, but the next one will "
                "compute them again",
                path=self.path,
                why=in_both(why, why_zh),
            )
        )

    def _set_aside(self, error: Exception) -> None:
        """Rename a damaged file, unless another process has done so already."""
        as_opened = self._is_as_opened()
        self._disconnect()
        if not as_opened:
            return
        aside = self.path.with_suffix(".damaged.sqlite")
        try:
            self.path.replace(aside)
            for suffix in ("-wal", "-shm"):
                self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        except OSError as reason:
            self._failed(reason)
            return
        self._warnings.append(
            tr(
                "{path} was damaged ({error}); it was set aside as {aside} and begun anew, so the "
                "features are computed again",
                path=self.path,
                error=error,
                aside=aside.name,
            )
        )


def _used_bytes(connection: sqlite3.Connection) -> int:
    n_pages, n_free, page_bytes = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((n_pages - n_free) * page_bytes)


def _write(
    connection: sqlite3.Connection, rows: Mapping[bytes, bytes], touched: list[int], max_bytes: int
) -> None:
    now = time.time()
    with transaction(connection):
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
