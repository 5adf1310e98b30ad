"""What clips are by their content: files that are the same, and their digests."""

from __future__ import annotations

import errno
import hashlib
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gpt_sovits_emotion.core.files import is_ordinary
from gpt_sovits_emotion.core.labels import display_name
from gpt_sovits_emotion.core.messages import in_both, tr
from gpt_sovits_emotion.core.records import Record, ReferenceClip

__all__ = [
    "ClipContent",
    "content_of",
    "is_unchanged",
    "with_duplicates_marked",
]


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


_SAMPLE_BYTES = 8192


def with_duplicates_marked(
    clips: Sequence[ReferenceClip], digests: Mapping[Path, str]
) -> list[ReferenceClip]:
    """Mark every clip whose file has the same content as an earlier one of the bank.

    The default slot is left alone: it usually points at one of the voice's other clips, and says which
    of them is the voice's ordinary one. So is one file that a person filed under several emotions.
    Cut recordings often have thousands of clips of one size, so a few bytes of each are compared before
    the whole of any.

    Args:
        clips: All of a bank, in its order.
        digests: Path -> SHA-256 of its content, where that is known without reading it.
    """
    looked_at = [
        clip
        for clip in clips
        if clip.problem is None and (clip.emotion or clip.filed_by != "person")
    ]
    first_with: dict[str, ReferenceClip] = {}
    duplicates: dict[int, ReferenceClip] = {}
    for group in _that_may_be_equal(looked_at):
        for clip in group:
            content = digests.get(clip.path)
            if content is None:
                content = hashlib.sha256(clip.path.read_bytes()).hexdigest()
            first = first_with.setdefault(content, clip)
            if first is not clip and not _one_file_of_two_emotions(clip, first):
                duplicates[id(clip)] = first
    return [
        _duplicate(clip, duplicates[id(clip)]) if id(clip) in duplicates else clip for clip in clips
    ]


def _that_may_be_equal(clips: Sequence[ReferenceClip]) -> list[list[ReferenceClip]]:
    """Group clips of equal size and equal middle; leave out those that stand alone."""
    by_size: defaultdict[int, list[ReferenceClip]] = defaultdict(list)
    for clip in clips:
        by_size[clip.path.stat().st_size].append(clip)
    groups: defaultdict[tuple[int, bytes], list[ReferenceClip]] = defaultdict(list)
    for n_bytes, of_size in by_size.items():
        if len(of_size) > 1:
            for clip in of_size:
                with clip.path.open("rb") as stream:
                    stream.seek(n_bytes // 2)
                    groups[n_bytes, stream.read(_SAMPLE_BYTES)].append(clip)
    return [group for group in groups.values() if len(group) > 1]


def _one_file_of_two_emotions(clip: ReferenceClip, first: ReferenceClip) -> bool:
    by_person = clip.filed_by == first.filed_by == "person"
    return by_person and clip.path == first.path and clip.emotion != first.emotion


def _duplicate(clip: ReferenceClip, first: ReferenceClip) -> ReferenceClip:
    other_label = first.emotion != clip.emotion
    also_en = f", which is filed under {display_name(first.emotion)}" if other_label else ""
    also_zh = f"（归在“{display_name(first.emotion, 'zh')}”下）" if other_label else ""
    return replace(
        clip,
        problem=tr(
            "duplicate: the same audio as {path}{also}",
            path=first.path.name,
            also=in_both(also_en, also_zh),
        ),
    )
