"""A head out of a zip archive that may come from anywhere."""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from gpt_sovits_emotion.core.errors import HeadError
from gpt_sovits_emotion.core.files import DAMAGED_ARCHIVE
from gpt_sovits_emotion.core.loaded_models import MAX_CARRIED_BYTES
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.heads.files import (
    CARD_NAME,
    ENCODER_NAME,
    HEAD_FILES,
)
from gpt_sovits_emotion.heads.weights import MAX_WEIGHTS_BYTES

__all__ = ["TAKEN", "most_bytes", "unpacked"]


_BESIDE = ("replay.safetensors", "LICENSE", "LICENSE.txt", "README.md")


TAKEN = (*HEAD_FILES, *_BESIDE)


_MAX_ENTRIES = 200


def most_bytes(name: str) -> int:
    """Return how large a file of this name in a head may be."""
    return MAX_CARRIED_BYTES if name == ENCODER_NAME else MAX_WEIGHTS_BYTES


def unpacked(archive: Path, work: Path) -> Path:
    """Unpack the files of the one head in an archive; no name in it decides where anything is written."""
    try:
        with _opened(archive) as packed:
            infos = packed.infolist()
            cards = [info for info in infos if PurePosixPath(info.filename).name == CARD_NAME]
            if len(infos) > _MAX_ENTRIES or len(cards) != 1:
                raise HeadError(
                    tr(
                        "{archive} holds {cards} files {card_name} among {infos}; one head was expected",
                        archive=archive,
                        cards=len(cards),
                        card_name=CARD_NAME,
                        infos=len(infos),
                    )
                )
            inside = PurePosixPath(cards[0].filename).parent
            target = work / (inside.name if inside.name not in ("", "..") else archive.stem)
            target.mkdir(parents=True)
            for info in infos:
                path = PurePosixPath(info.filename)
                if path.parent == inside and path.name in TAKEN:
                    _unpack(packed, info, target / path.name)
    except zipfile.BadZipFile as error:
        raise HeadError(
            tr(
                "{archive} cannot be unpacked ({error}); download it again",
                archive=archive,
                error=error,
            )
        ) from error
    return target


def _unpack(packed: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path) -> None:
    link = stat.S_ISLNK(info.external_attr >> 16)
    if link or info.file_size > most_bytes(target.name) or target.exists():
        raise HeadError(
            tr(
                "{filename}: {filename_2!r} is a link, there twice, or larger than any file of a head",
                filename=packed.filename,
                filename_2=info.filename,
            )
        )
    with target.open("wb") as copy:
        for block in _blocks(packed, info):
            copy.write(block)


def _opened(archive: Path) -> zipfile.ZipFile:
    """Open an archive. Raises `zipfile.BadZipFile` where it is damaged, however that shows."""
    try:
        return zipfile.ZipFile(archive)
    except DAMAGED_ARCHIVE as error:
        raise zipfile.BadZipFile(_why(error)) from error


def _blocks(packed: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """Yield what a file in an archive holds. Raises `zipfile.BadZipFile` where it is damaged."""
    try:
        with packed.open(info) as stream:
            left = info.file_size  # zipfile stops there too; a bomb is cut short in any case
            while left > 0 and (block := stream.read(min(left, 1 << 20))):
                yield block
                left -= len(block)
    except DAMAGED_ARCHIVE as error:
        raise zipfile.BadZipFile(_why(error)) from error


def _why(error: Exception) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
