"""Unpack an archive that came from the network, trusting nothing in it."""

from __future__ import annotations

import shutil
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from gpt_sovits_emotion.core.errors import CorpusError, OutputError
from gpt_sovits_emotion.core.files import DAMAGED_ARCHIVE
from gpt_sovits_emotion.core.progress import Progress

__all__ = ["MAX_FILES", "MAX_UNPACKED_BYTES", "unpack"]

MAX_UNPACKED_BYTES = 4 << 30
MAX_FILES = 50_000

_BLOCK_BYTES = 1 << 20


def unpack(archive: Path, folder: Path, *, progress: Progress) -> None:
    """Unpack a zip into an empty folder.

    Nothing is written outside the folder, no link is made, and no more than `MAX_UNPACKED_BYTES` in
    `MAX_FILES` files: all of that is checked before the first file is written. Each file's checksum is
    checked on the way.

    Raises:
        CorpusError: It is no zip, is damaged, or holds what a corpus does not.
        OutputError: There is no room, or the folder cannot be written.
    """
    try:
        with zipfile.ZipFile(archive) as held:
            members = [each for each in held.infolist() if not each.is_dir()]
            _check(members, archive, folder)
            for index, member in enumerate(members):
                progress(index / len(members), "unpacking")
                target = folder.joinpath(*PurePosixPath(member.filename).parts)
                _write(held, member, target)
    except DAMAGED_ARCHIVE as error:
        if isinstance(error, (CorpusError, OutputError)):
            raise
        raise _damaged(archive, " ".join(str(error).split())[:120]) from error


def _check(members: list[zipfile.ZipInfo], archive: Path, folder: Path) -> None:
    n_bytes = sum(member.file_size for member in members)
    if n_bytes > MAX_UNPACKED_BYTES or len(members) > MAX_FILES:
        raise _refused(
            archive,
            f"{len(members)} files of {n_bytes / 1e9:.1f} GB in all",
            f"{len(members)} 个文件、共 {n_bytes / 1e9:.1f} GB",
        )
    for member in members:
        if not _is_harmless(member):
            raise _refused(archive, f"the entry {member.filename!r}", f"条目 {member.filename!r}")
    if not members:
        raise _damaged(archive, "it holds no files")
    free = shutil.disk_usage(folder).free
    if n_bytes > free:
        raise OutputError(
            f"{archive.name} needs {n_bytes / 1e6:.0f} MB to be unpacked in {folder.parent}, and "
            f"{free / 1e6:.0f} MB are free; make room or choose another folder",
            zh=f"解压 {archive.name} 需要 {n_bytes / 1e6:.0f} MB，而 {folder.parent} 只剩 "
            f"{free / 1e6:.0f} MB；请腾出空间或另选文件夹",
        )


def _is_harmless(member: zipfile.ZipInfo) -> bool:
    name = PurePosixPath(member.filename)
    kind = stat.S_IFMT(member.external_attr >> 16)
    return (
        not name.is_absolute()
        and bool(name.parts)
        and ".." not in name.parts
        and not any(char in member.filename for char in "\\:\0")
        and kind in (0, stat.S_IFREG)
        and not member.flag_bits & 0x1  # encrypted
    )


def _write(held: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as stream:
            # Not shutil.copyfileobj: a name that stands there twice and a full disk are told apart.
            for block in _blocks(held, member):
                stream.write(block)
    except FileExistsError as error:
        raise zipfile.BadZipFile(f"{member.filename} stands in it twice") from error
    except OSError as error:
        raise OutputError(
            f"{target} was not written ({error.strerror or error}); make room or choose another folder",
            zh=f"没有写入 {target}（{error.strerror or error}）；请腾出空间或另选文件夹",
        ) from error


def _blocks(held: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield what a member holds. Raises `zipfile.BadZipFile` where it is damaged, however that shows."""
    try:
        with held.open(member) as source:
            while block := source.read(_BLOCK_BYTES):
                yield block
    except DAMAGED_ARCHIVE as error:
        raise zipfile.BadZipFile(" ".join(str(error).split())[:120]) from error


def _damaged(archive: Path, why: str) -> CorpusError:
    return CorpusError(
        f"{archive.name} is no sound zip archive ({why}); fetch it again",
        zh=f"{archive.name} 不是完好的 zip 文件（{why}）；请重新下载",
    )


def _refused(archive: Path, what: str, what_zh: str) -> CorpusError:
    return CorpusError(
        f"{archive.name} was not unpacked: {what} is not what a corpus holds; tell its makers",
        zh=f"没有解压 {archive.name}：其中的{what_zh}不应出现在语料库里；请告知其作者",
    )
