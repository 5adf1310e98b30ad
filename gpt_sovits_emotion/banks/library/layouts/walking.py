"""Look into the folders of a bank, whatever lies in them: links in a circle, pipes, locked folders."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from gpt_sovits_emotion.banks.library.layouts.listing import AUDIO_SUFFIXES
from gpt_sovits_emotion.core.messages import in_both, tr
from gpt_sovits_emotion.core.records import Sentence

__all__ = ["MOST_DEEP", "Content", "Walk"]

MOST_DEEP = 6
_TEXTS = (".lab", ".txt")


@dataclass(frozen=True, slots=True)
class Content:
    """What lies in a folder: its clips, its folders, and the texts that may lie beside clips."""

    audio: tuple[Path, ...] = ()
    folders: tuple[Path, ...] = ()
    texts: dict[str, Path] = field(default_factory=dict)


@dataclass(slots=True)
class Walk:
    """One walk through a bank: what cannot be read is passed over and told of."""

    _known: dict[str, Content] = field(default_factory=dict)
    _unreadable: dict[Path, str] = field(default_factory=dict)
    _circles: list[Path] = field(default_factory=list)
    _no_files: list[Path] = field(default_factory=list)

    def content(self, folder: Path) -> Content:
        """List a folder; nothing where it cannot be read, or where it is a link to a folder that holds it."""
        key = os.path.abspath(folder)  # noqa: PTH100 (resolve() would follow links)
        if key not in self._known:
            self._known[key] = self._listed(folder)
        return self._known[key]

    def has_audio(self, folder: Path) -> bool:
        """Say whether clips lie in a folder, or in any folder below it."""
        return any(content.audio for content in self._below(folder, 0))

    def notes(self) -> tuple[Sentence, ...]:
        """Say what was passed over."""
        notes = []
        if self._unreadable:
            first, why = next(iter(self._unreadable.items()))
            n_more = len(self._unreadable) - 1
            notes.append(
                tr(
                    "the folder {first} cannot be read ({why}){more}: its clips are left out; look at "
                    "its permissions",
                    first=first,
                    why=why,
                    more=in_both(_more(n_more), _more_zh(n_more)),
                )
            )
        if self._circles:
            first, n_more = self._circles[0], len(self._circles) - 1
            notes.append(
                tr(
                    "{first} is a link to a folder that it lies in{more}: it was not followed",
                    first=first,
                    more=in_both(_more(n_more), _more_zh(n_more)),
                )
            )
        if self._no_files:
            first, n_more = self._no_files[0], len(self._no_files) - 1
            notes.append(
                tr(
                    "{first} is no file, but a link that leads nowhere, a pipe or a device{more}: it is "
                    "left out",
                    first=first,
                    more=in_both(_more(n_more), _more_zh(n_more)),
                )
            )
        return tuple(notes)

    def _below(self, folder: Path, depth: int) -> Iterator[Content]:
        content = self.content(folder)
        yield content
        if depth < MOST_DEEP:
            for inner in content.folders:
                yield from self._below(inner, depth + 1)

    def _listed(self, folder: Path) -> Content:
        try:
            with os.scandir(folder) as listed:
                entries = sorted(
                    (entry for entry in listed if not entry.name.startswith(".")),
                    key=lambda entry: entry.name,
                )
        except OSError as error:
            self._unreadable[folder] = error.strerror or str(error)
            return Content()
        audio, folders, texts = [], [], {}
        for entry in entries:
            path, suffix = folder / entry.name, PurePath(entry.name).suffix.casefold()
            kind = _kind(entry)
            if kind == "folder":
                if entry.is_symlink() and _holds(path):
                    self._circles.append(path)
                else:
                    folders.append(path)
            elif suffix in AUDIO_SUFFIXES or suffix in _TEXTS:
                if kind == "other":
                    self._no_files.append(path)
                elif suffix in AUDIO_SUFFIXES:
                    audio.append(path)
                else:
                    texts[entry.name[: -len(suffix)] + suffix] = path
        return Content(tuple(audio), tuple(folders), texts)


def _kind(entry: os.DirEntry[str]) -> str:
    try:
        if entry.is_dir():
            return "folder"
        return "file" if entry.is_file() else "other"
    except OSError:  # links in a circle
        return "other"


def _holds(link: Path) -> bool:
    """Say whether a link leads to a folder that it lies in itself."""
    target = Path(os.path.realpath(link))
    return Path(os.path.realpath(link.parent)).is_relative_to(target)


def _more(n: int) -> str:
    return f", like {n} more" if n else ""


def _more_zh(n: int) -> str:
    return f"，另有 {n} 个同样如此" if n else ""
