"""A corpus in Parquet files, as the Hugging Face hub distributes data sets.

The audio of such a corpus lies inside tables. Everything else here reads files, so the audio is unpacked
once: into a folder for each Parquet file, row by row, with ``rows.json`` as its last file. A run that was
stopped goes on at the first row that is missing; a Parquet file that has changed is unpacked anew, into
another folder. Nothing is written into the corpus's own folder.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from gpt_sovits_emotion.core.counting import counted
from gpt_sovits_emotion.core.errors import CorpusError
from gpt_sovits_emotion.core.messages import in_both, of_count, of_error, tr
from gpt_sovits_emotion.core.progress import Progress, no_progress, part_of
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.encoders.feature_cache import default_cache
from gpt_sovits_emotion.training.corpora.corpus import Clip, label_from
from gpt_sovits_emotion.training.corpora.parquet_columns import ColumnsError, HubCard
from gpt_sovits_emotion.training.corpora.parquet_rows import (
    PASSED_OVER,
    ParquetFile,
    Row,
    Rows,
    unpack_file,
)

__all__ = ["default_unpacked", "hub_root", "parquet_files", "read_parquet"]

_MOST_FILES = 10_000
_SLUG = re.compile(r"[^\w.-]+")
_CODE = re.compile(r"([a-z]{2,3})[-_][A-Za-z]{2,4}")


def parquet_files(root: Path) -> tuple[Path, ...]:
    """Return the Parquet files in a folder and its subfolders, sorted, as paths relative to it.

    Hidden folders (such as the ``.cache`` that a download leaves) are passed over.
    """
    found = []
    for folder, inner, names in os.walk(root):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        found += [
            Path(folder, name).relative_to(root)
            for name in names
            if name.casefold().endswith(".parquet") and not name.startswith(".")
        ]
        if len(found) > _MOST_FILES:
            raise CorpusError(
                tr(
                    "{root} holds more than {most_files} Parquet files; name the folder of one corpus",
                    root=root,
                    most_files=_MOST_FILES,
                )
            )
    return tuple(sorted(found))


def hub_root(folder: Path) -> tuple[Path, str]:
    """Return where a data set's files lie, and its name.

    The hub's cache keeps ``datasets--owner--name/snapshots/COMMIT``; both that folder and the snapshot may
    be named. Any other folder is taken as it is.
    """
    main = folder / "refs" / "main"
    if main.is_file() and (folder / "snapshots").is_dir():
        commit = main.read_text(encoding="ascii", errors="replace").strip()
        if re.fullmatch(r"[0-9a-f]{6,64}", commit) and (folder / "snapshots" / commit).is_dir():
            return folder / "snapshots" / commit, folder.resolve().name.rpartition("--")[2]
    whole = Path(os.path.abspath(folder))  # noqa: PTH100  resolve() would follow the links of the cache
    if whole.parent.name == "snapshots":
        return folder, whole.parent.parent.name.rpartition("--")[2]
    return folder, folder.resolve().name


def default_unpacked(root: Path, name: str) -> Path:
    """Return the folder, beside the features that are kept, for the audio of a data set."""
    digest = hashlib.sha256(str(root.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:10]
    return default_cache().parent / "corpora" / f"{_slug(name)}-{digest}"


def read_parquet(
    root: Path,
    files: Sequence[Path],
    *,
    card: HubCard,
    name: str,
    unpack_to: Path,
    progress: Progress = no_progress,
) -> tuple[tuple[Clip, ...], list[Sentence]]:
    """Read a corpus in Parquet files, and unpack its audio where that has not been done.

    All configurations and splits are taken together; a clip that lies in several is taken once.

    Args:
        root: The data set's folder.
        files: Its Parquet files, relative to it.
        card: What its ``README.md`` says.
        name: Its name: who speaks, where no column says it.
        unpack_to: The folder for the audio.
        progress: Told how much has been unpacked; may raise to stop.

    Returns:
        The clips, with their full paths, and warnings.

    Raises:
        CorpusError: No file has audio and emotions, a file is damaged, or no row can be used.
        OutputError: The audio cannot be written.
        MissingExtraError: Something must be unpacked and pyarrow is not installed.
    """
    read: list[Rows] = []
    refused: list[ColumnsError] = []
    for index, path in enumerate(files):
        told = part_of(progress, index / len(files), (index + 1) / len(files))
        config = (
            path.parent.name if len(path.parts) > 1 and path.parent.name != "data" else "default"
        )
        file = ParquetFile(root, path, config, unpack_to / _folder_name(root, path))
        try:
            read.append(unpack_file(file, card, told))
        except ColumnsError as error:
            refused.append(error)
    if not read:
        raise refused[0]
    clips, n_twice = _clips(root, read, name)
    if not clips:
        raise _nothing_usable(root, read)
    return clips, [
        *card.warnings,
        *(tr("passed over: {error}", error=of_error(error)) for error in refused),
        *_warnings(read, n_twice, speakers=any(row.speaker for rows in read for row in rows.rows)),
    ]


def _clips(root: Path, read: Sequence[Rows], name: str) -> tuple[tuple[Clip, ...], int]:
    clips, seen, n_twice = [], set(), 0
    for rows in read:
        for row in rows.rows:
            clip = _clip(root, rows.folder, row, name)
            key = (row.sha256 or clip.path, clip.speaker, clip.emotion)
            n_twice += key in seen
            if key not in seen:
                clips.append(clip)
            seen.add(key)
    return tuple(clips), n_twice


def _clip(root: Path, folder: Path, row: Row, name: str) -> Clip:
    code = _CODE.fullmatch(row.language)
    return Clip(
        path=folder / row.audio if row.sha256 else root / row.audio,
        speaker=row.speaker or name,
        emotion=label_from(row.emotion),
        language=code[1] if code else row.language,
        text=row.text,
        gender=row.gender,
        intensity=row.intensity,
        label=row.emotion,
    )


def _warnings(read: Sequence[Rows], n_twice: int, *, speakers: bool) -> Iterator[Sentence]:
    for why, count in _reasons(read):
        yield tr(
            "{count} passed over: {why}", why=why, count=of_count(count, "row was", "rows were")
        )
    if n_twice:
        yield tr(
            "{n_twice} audio, speaker and emotion of another row: taken once",
            n_twice=of_count(n_twice, "row holds", "rows hold"),
        )
    if not speakers:
        yield tr(
            "no column says who speaks (speaker, speaker_id, actor, …): all clips count as one speaker's"
        )


def _reasons(read: Sequence[Rows]) -> Iterator[tuple[Sentence, int]]:
    counts: Counter[str] = sum((Counter(rows.passed_over) for rows in read), Counter())
    for reason, count in counts.items():
        yield PASSED_OVER[reason], count


def _nothing_usable(root: Path, read: Sequence[Rows]) -> CorpusError:
    reasons = list(_reasons(read))
    en = (
        "; ".join(f"{counted(count, 'row')}: {why.en}" for why, count in reasons)
        or "they have no rows"
    )
    zh = "；".join(f"{count} 行：{why.zh}" for why, count in reasons) or "其中没有行"
    return CorpusError(
        tr(
            "no row of the Parquet files in {root} is a labelled clip ({said}); name another data set",
            root=root,
            said=in_both(en, zh),
        )
    )


def _folder_name(root: Path, path: Path) -> str:
    """Return a name that changes when the Parquet file does."""
    found = (root / path).stat()
    what = f"{path.as_posix()}\n{found.st_size}\n{found.st_mtime_ns}"
    digest = hashlib.sha256(what.encode("utf-8", "surrogateescape")).hexdigest()[:10]
    return f"{_slug(path.stem)}-{digest}"


def _slug(name: str) -> str:
    return _SLUG.sub("_", name).strip("._")[:60] or "data"
