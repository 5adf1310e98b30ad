"""Which audio files there are in a folder, and which of them are copies of one another by name."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from gpt_sovits_emotion.core.counting import counted
from gpt_sovits_emotion.core.errors import CorpusError
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.training.corpora.corpus import Clip

__all__ = ["AUDIO_SUFFIXES", "audio_files", "passed_over", "without_copies"]

AUDIO_SUFFIXES = (
    ".wav", ".flac", ".aif", ".aiff", ".mp3", ".ogg", ".oga", ".opus", ".m4a", ".aac", ".wma",
    ".webm", ".mka",
)  # fmt: skip
"""Endings of audio files, those without loss first."""

MAX_FILES = 500_000
"""The largest corpora of emotions have a fifth of it; a folder with more is a whole disk."""


def audio_files(root: Path) -> tuple[Path, ...]:
    """Return the audio files in a folder and its subfolders, sorted, as paths relative to it.

    Hidden files and folders (such as the ``._*`` that macOS leaves) are passed over, and links to
    folders are not followed.

    Raises:
        CorpusError: The folder is missing, cannot be read, or holds more than `MAX_FILES` files.
    """
    if not root.is_dir():
        raise CorpusError(
            f"there is no folder {root}; name the folder of a corpus",
            zh=f"没有文件夹 {root}；请指定语料库所在的文件夹",
        )
    found: list[Path] = []
    n_files = 0
    for folder, inner, names in os.walk(root, onerror=_unreadable):
        inner[:] = sorted(name for name in inner if not name.startswith("."))
        n_files += len(names)
        if n_files > MAX_FILES:
            raise CorpusError(
                f"{root} holds more than {MAX_FILES} files; name the folder of one corpus",
                zh=f"{root} 中的文件超过 {MAX_FILES} 个；请指定单个语料库的文件夹",
            )
        found += (
            Path(folder, name).relative_to(root)
            for name in names
            if not name.startswith(".") and Path(name).suffix.casefold() in AUDIO_SUFFIXES
        )
    return tuple(sorted(found))


def without_copies(clips: Iterable[Clip]) -> tuple[tuple[Clip, ...], list[Sentence]]:
    """Keep one of the clips that a corpus holds several times, as copies in other folders or formats.

    Clips are the same when speaker, emotion and file name (without its ending) are. The format without
    loss is kept, then the first.

    Returns:
        The clips that stay, in their order, and a warning if any went.
    """
    clips = tuple(clips)
    kept: dict[tuple[str, str, str], Clip] = {}
    for clip in clips:
        key = (clip.speaker, clip.emotion, clip.path.stem.casefold())
        other = kept.get(key)
        if other is None or _rank(clip) < _rank(other):
            kept[key] = clip
    stay = {clip.path for clip in kept.values()}
    gone = [clip.path for clip in clips if clip.path not in stay]
    warnings = []
    if gone:
        warnings.append(
            Sentence(
                f"{counted(len(gone), 'file that lies', 'files that lie')} there twice under one name: "
                "taken once "
                f"(such as {gone[0]})",
                f"有 {len(gone)} 个文件同名重复存放，只取一份（如 {gone[0]}）",
            )
        )
    return tuple(clip for clip in clips if clip.path in stay), warnings


def passed_over(paths: Sequence[Path], why: Sentence) -> list[Sentence]:
    """Return the warning that files were passed over; none if there are no such files."""
    if not paths:
        return []
    example = f"{paths[0]}" if len(paths) == 1 else f"{paths[0]}, …"
    return [
        Sentence(
            f"{counted(len(paths), 'audio file was', 'audio files were')} passed over, {why.en} ({example})",
            f"跳过了 {len(paths)} 个音频文件：{why.zh}（{example}）",
        )
    ]


def _rank(clip: Clip) -> int:
    return AUDIO_SUFFIXES.index(clip.path.suffix.casefold())


def _unreadable(error: OSError) -> None:
    raise CorpusError(
        f"the folder {error.filename} cannot be read ({error.strerror}); change its permissions",
        zh=f"无法读取文件夹 {error.filename}（{error.strerror}）；请修改其权限",
    ) from error
