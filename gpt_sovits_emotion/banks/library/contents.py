"""What the files of clips held when they were listened to, and whether they still do."""

from __future__ import annotations

import errno
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from gpt_sovits_emotion.core.files import is_ordinary
from gpt_sovits_emotion.core.records import Record

__all__ = ["ClipContent", "content_of", "is_unchanged"]


@dataclass(frozen=True, slots=True)
class ClipContent(Record):
    """The bytes that a clip held when it was listened to.

    Attributes:
        sha256: Of the whole file, hexadecimal.
        n_bytes: Size of the file.
        modified_ns: When it was last written, nanoseconds since 1970.
    """

    sha256: str
    n_bytes: int
    modified_ns: int


def content_of(clip: Path) -> ClipContent:
    """Describe what a clip's file holds now. Reads all of it. Raises `OSError`."""
    if not is_ordinary(clip):
        raise OSError(errno.EINVAL, "it is no ordinary file", str(clip))
    with clip.open("rb") as stream:
        status = os.fstat(stream.fileno())
        digest = hashlib.sha256()
        while block := stream.read(1 << 20):
            digest.update(block)
    return ClipContent(digest.hexdigest(), status.st_size, status.st_mtime_ns)


def is_unchanged(clip: Path, content: ClipContent) -> bool:
    """Say whether a clip's file still holds what it held. Reads it only where its time has changed.

    Raises:
        OSError: The file is gone, or cannot be read.
    """
    status = clip.stat()
    if status.st_size != content.n_bytes:
        return False
    if status.st_mtime_ns == content.modified_ns:
        return True
    return content_of(clip).sha256 == content.sha256
