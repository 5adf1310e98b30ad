"""One Parquet file: its rows, and its audio unpacked into a folder."""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from gpt_sovits_emotion.core.errors import CorpusError, MissingExtraError, OutputError
from gpt_sovits_emotion.core.files import replacing, write_text
from gpt_sovits_emotion.core.messages import in_both, tr
from gpt_sovits_emotion.core.progress import Progress
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.core.unreadable import why_unreadable
from gpt_sovits_emotion.training.corpora.folders import AUDIO_SUFFIXES
from gpt_sovits_emotion.training.corpora.parquet_columns import Columns, HubCard, columns_of

if TYPE_CHECKING:
    import pyarrow.parquet

__all__ = ["PASSED_OVER", "ROWS_NAME", "ParquetFile", "Row", "Rows", "unpack_file"]

ROWS_NAME = "rows.json"
_VERSION = 1
_ROWS_AT_ONCE = 4  # a clip of 48 kHz and 24 bits takes 1.4 MB per 10 s
_BUFFER_BYTES = 1 << 20
_POINTER = b"version https://git-lfs.github.com/spec/"
_REMOTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")

PASSED_OVER: Mapping[str, Sentence] = MappingProxyType(
    {
        "no audio": tr("without audio"),
        "remote": tr(
            "the audio is an address on the network, and nothing is fetched from there; fetch it, and "
            "put paths in the column"
        ),
        "outside": tr("the path leads out of the data set's folder"),
        "missing": tr("the file that the path names is not in the data set's folder"),
        "no label": tr("without an emotion"),
        "no speaker": tr("without a speaker, whom others name"),
        "unknown class": tr("the number of the class has no name"),
    }
)  # fmt: skip
"""Why a row is no clip."""


@dataclass(frozen=True, slots=True)
class ParquetFile:
    """A Parquet file of a data set, and where its audio goes.

    Attributes:
        root: The data set's folder.
        path: The file, relative to it.
        config: The configuration that it belongs to.
        folder: The folder for its audio; its name changes when the file does.
    """

    root: Path
    path: Path
    config: str
    folder: Path


@dataclass(frozen=True, slots=True)
class Row:
    """One clip of a Parquet file.

    Attributes:
        audio: The unpacked file in the folder; without `sha256` a path within the data set.
        n_bytes: Its size when it was unpacked; 0 for a file of the data set itself.
        sha256: Of the unpacked audio; "" for a file of the data set itself.
    """

    audio: str
    n_bytes: int
    sha256: str
    emotion: str
    speaker: str = ""
    text: str = ""
    language: str = ""
    gender: str = ""
    intensity: str = ""


@dataclass(frozen=True, slots=True)
class Rows:
    """What a Parquet file holds.

    Attributes:
        folder: Where the audio was unpacked.
        rows: The clips.
        passed_over: Key of `PASSED_OVER` -> how many rows.
    """

    folder: Path
    rows: tuple[Row, ...]
    passed_over: Mapping[str, int]


class _NoClip(Exception):  # noqa: N818  no error: a row that is passed over
    """Carries a key of `PASSED_OVER`."""


def unpack_file(file: ParquetFile, card: HubCard, progress: Progress) -> Rows:
    """Return the rows of a Parquet file, its audio unpacked, from an earlier run where there was one.

    Raises:
        ColumnsError: It has no audio or no emotions.
        CorpusError: It is damaged.
        OutputError: The audio cannot be written.
        MissingExtraError: It must be unpacked and pyarrow is not installed.
    """
    classes = hashlib.sha256(repr(sorted(card.class_names.items())).encode()).hexdigest()
    kept = _kept(file.folder, classes)
    if kept is not None:
        return kept
    table = _open(file)
    where = str(file.root / file.path)
    columns = columns_of(table.schema_arrow, where, card=card, config=file.config)
    _check_room(file, table)
    rows: list[Row] = []
    passed_over = Counter[str]()
    n_rows = max(table.metadata.num_rows, 1)
    for number, values in enumerate(_values(file, table, columns)):
        progress(number / n_rows, "unpacking audio")
        try:
            rows.append(_row(file, columns, number, values))
        except _NoClip as reason:
            passed_over[str(reason)] += 1
    found = Rows(file.folder, tuple(rows), dict(passed_over))
    _keep(found, classes)
    progress(1.0, "unpacking audio")
    return found


def _open(file: ParquetFile) -> pyarrow.parquet.ParquetFile:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise MissingExtraError(
            "pyarrow",
            extra="parquet",
            purpose="reading a corpus in Parquet files",
            purpose_zh="读取 Parquet 格式的语料库",
        ) from error
    path = file.root / file.path
    try:
        with path.open("rb") as stream:
            if stream.read(len(_POINTER)) == _POINTER:
                raise CorpusError(
                    tr(
                        "{path} is a pointer of Git LFS and not the file itself; fetch it with  git lfs pull",
                        path=path,
                    )
                )
        # Streamed page by page. Writers that keep a dictionary put all audio of a row group into one page,
        # which takes three times its size here; the hub's own writer makes groups of 100 clips.
        return pyarrow.parquet.ParquetFile(path, buffer_size=_BUFFER_BYTES, pre_buffer=False)
    except (OSError, UnicodeDecodeError, pyarrow.ArrowException) as error:
        raise _damaged(path, error) from error


def _values(
    file: ParquetFile, table: pyarrow.parquet.ParquetFile, columns: Columns
) -> Iterator[dict[str, Any]]:
    import pyarrow

    wanted = [columns.audio, *columns.fields.values()]
    try:
        batches = table.iter_batches(_ROWS_AT_ONCE, columns=wanted, use_threads=False)
        for batch in batches:
            yield from batch.to_pylist()
    except (OSError, UnicodeDecodeError, pyarrow.ArrowException) as error:
        raise _damaged(file.root / file.path, error) from error
    finally:
        table.close()
        pyarrow.default_memory_pool().release_unused()


def _row(file: ParquetFile, columns: Columns, number: int, values: dict[str, Any]) -> Row:
    """Return the clip of a row, its audio unpacked. Raises `_NoClip` where it is none."""
    said = {
        field: _said(values[column], columns.names.get(field, ()))
        for field, column in columns.fields.items()
    }
    if said["emotion"] is None:
        raise _NoClip("unknown class")
    if not said["emotion"]:
        raise _NoClip("no label")
    if not said.get("speaker", "as all others"):
        raise _NoClip("no speaker")
    texts = {field: text or "" for field, text in said.items()}
    data, named = _audio_of(values[columns.audio])
    if not data:
        return Row(_file_of(file, named), n_bytes=0, sha256="", **texts)
    audio = f"{number:06d}{_suffix(data, named)}"
    _write_once(file.folder / audio, data)
    return Row(audio, len(data), hashlib.sha256(data).hexdigest(), **texts)


def _said(value: Any, names: tuple[str, ...]) -> str | None:
    """Return a value as text; None for a number without a name."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        if not names:
            return str(value)
        return names[value].strip() if 0 <= value < len(names) else None
    return value.strip() if isinstance(value, str) else ""


def _audio_of(value: Any) -> tuple[bytes, str]:
    if isinstance(value, dict):
        return value.get("bytes") or b"", str(value.get("path") or "")
    return (value, "") if isinstance(value, bytes) else (b"", str(value or ""))


def _file_of(file: ParquetFile, named: str) -> str:
    """Return the file of the data set that a path names, relative to it. Raises `_NoClip`."""
    if not named.strip():
        raise _NoClip("no audio")
    if _REMOTE.match(named):
        raise _NoClip("remote")
    plain = named.replace("\\", "/")
    if "\0" in plain or re.match(r"/|[A-Za-z]:", plain):
        raise _NoClip("outside")
    candidates = {
        posixpath.normpath(posixpath.join(folder, plain))
        for folder in (".", file.path.parent.as_posix())
    }
    within = sorted(each for each in candidates if each.split("/")[0] != "..")
    if not within:
        raise _NoClip("outside")
    there = next((each for each in within if (file.root / each).is_file()), None)
    if there is None:
        raise _NoClip("missing")
    return there


def _suffix(data: bytes, named: str) -> str:
    for start, suffix in (
        (b"RIFF", ".wav"),
        (b"fLaC", ".flac"),
        (b"OggS", ".ogg"),
        (b"ID3", ".mp3"),
    ):
        if data.startswith(start):
            return suffix
    suffix = PurePosixPath(named).suffix.casefold()
    return suffix if suffix in AUDIO_SUFFIXES else ".audio"


def _write_once(path: Path, data: bytes) -> None:
    # written whole or not at all, so the size tells; without fsync, which takes longer than all else
    if path.is_file() and path.stat().st_size == len(data):
        return
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def _check_room(file: ParquetFile, table: pyarrow.parquet.ParquetFile) -> None:
    groups = (table.metadata.row_group(index) for index in range(table.metadata.num_row_groups))
    there = file.folder.iterdir() if file.folder.is_dir() else ()
    needed = sum(group.total_byte_size for group in groups) - sum(
        each.stat().st_size for each in there
    )
    disk = next(each for each in (file.folder, *file.folder.parents) if each.exists())
    free = shutil.disk_usage(disk).free
    if needed > free:
        raise OutputError(
            tr(
                "the audio of {path} takes {needed:.1f} GB in {parent}, where {free:.1f} GB are free; "
                "free some, or choose another folder with  corpora unpack --to",
                path=file.path.name,
                needed=needed / 1e9,
                parent=file.folder.parent,
                free=free / 1e9,
            )
        )


def _keep(rows: Rows, classes: str) -> None:
    held = {
        "version": _VERSION,
        "classes": classes,
        "passed_over": dict(rows.passed_over),
        "rows": [asdict(row) for row in rows.rows],
    }
    write_text(rows.folder / ROWS_NAME, json.dumps(held, ensure_ascii=False) + "\n")


def _kept(folder: Path, classes: str) -> Rows | None:
    """Return what an earlier run unpacked; None where it did not finish, or something has changed since."""
    try:
        held = json.loads((folder / ROWS_NAME).read_text(encoding="utf-8"))
        if (held["version"], held["classes"]) != (_VERSION, classes):
            return None
        passed_over = {reason: int(held["passed_over"][reason]) for reason in held["passed_over"]}
        if not passed_over.keys() <= PASSED_OVER.keys() - {"missing"}:  # which may have come since
            return None
        rows = tuple(Row(**row) for row in held["rows"])
        whole = all(
            (folder / row.audio).stat().st_size == row.n_bytes for row in rows if row.sha256
        )
        return Rows(folder, rows, passed_over) if whole else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # it can be made again


def _damaged(path: Path, error: Exception) -> CorpusError:
    # What the library says is of its own format's insides; what the system says may help.
    why = why_unreadable(error) if isinstance(error, OSError) and error.errno else None
    return CorpusError(
        tr(
            "{path} cannot be read as a Parquet file{why}; it may be cut short or damaged: fetch it again",
            path=path,
            why=in_both(f" ({why.en})" if why else "", f"（{why.zh}）" if why else ""),
        )
    )
