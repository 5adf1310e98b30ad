"""The folders of heads: what is in them, and finding a head by name or path.

A folder is read anew at every call, so a head that is dropped in appears and one that is taken out goes.
"""

from __future__ import annotations

import importlib.resources
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gpt_sovits_emotion.errors import HeadError
from gpt_sovits_emotion.heads.card import HeadCard
from gpt_sovits_emotion.heads.files import CARD_NAME, WEIGHTS_NAME, load_card, load_head
from gpt_sovits_emotion.heads.head import Head

__all__ = ["HEADS_VARIABLE", "HeadEntry", "find_head", "head_folders", "list_heads", "user_folder"]

HEADS_VARIABLE = "GPT_SOVITS_EMOTION_HEADS"
"""Environment variable that names further folders of heads, separated as in PATH."""


@dataclass(frozen=True, slots=True)
class HeadEntry:
    """One head found in a folder of heads: its card, or the reason why it cannot be used."""

    path: Path
    card: HeadCard | None
    problem: str | None

    @property
    def id(self) -> str:
        """The card's id, or the folder's name where there is no sound card."""
        return self.card.id if self.card else self.path.name


def user_folder() -> Path:
    """Return the user's own folder of heads; it need not exist."""
    if os.name == "nt":
        base = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    else:
        base = Path(os.environ.get("XDG_DATA_HOME", Path.home() / ".local" / "share"))
    return base / "gpt-sovits-emotion" / "heads"


def head_folders(extra: Sequence[str | Path] = ()) -> tuple[Path, ...]:
    """Return the folders that are searched, in order.

    Those named by the caller (``--heads-dir``), those in the environment variable
    ``GPT_SOVITS_EMOTION_HEADS``, the user's own, and the one that comes with this package.
    """
    named = [Path(folder) for folder in extra]
    named += [Path(part) for part in os.environ.get(HEADS_VARIABLE, "").split(os.pathsep) if part]
    shipped = Path(str(importlib.resources.files("pretrained_heads")))
    return (*named, user_folder(), shipped)


def list_heads(folders: Sequence[Path]) -> tuple[HeadEntry, ...]:
    """List the heads in `folders`, by id within a folder; a broken one comes with its problem.

    A head whose id was met in an earlier folder is hidden by that one, and says so. Only cards are
    read here; weights are checked when a head is loaded.
    """
    entries: list[HeadEntry] = []
    seen: dict[str, Path] = {}
    for folder in folders:
        if not folder.is_dir():
            continue
        for path in sorted(folder.iterdir()):
            if not path.is_dir() or not (path / CARD_NAME).exists():
                continue
            entry = _entry(path)
            if entry.card is not None and entry.id in seen:
                problem = f"hidden by the head of the same id in {seen[entry.id]}"
                entry = HeadEntry(path, entry.card, problem)
            elif entry.card is not None:
                seen[entry.id] = path
            entries.append(entry)
    return tuple(entries)


def find_head(name: str | Path, folders: Sequence[Path]) -> Head:
    """Load a head by its id, looked up in `folders`, or by the path of its folder.

    Raises:
        HeadError: There is no such head, or it is unsound.
    """
    path = Path(name)
    if (path / CARD_NAME).is_file():
        return load_head(path)
    entries = list_heads(folders)
    for entry in entries:
        if entry.id == str(name) and entry.card is not None:
            return load_head(entry.path)
    for entry in entries:
        if entry.id == str(name):
            raise HeadError(entry.problem or f"{entry.path} has no card")
    known = sorted({entry.id for entry in entries if entry.card})
    raise HeadError(
        f"there is no head {str(name)!r}; heads found: {', '.join(known) or 'none'}. Name one of "
        f"them, or the folder of a head, or put it into {user_folder()}",
        zh=f"没有情感模型 {str(name)!r}；找到的有：{'、'.join(known) or '无'}。请填写其中之一，"
        f"或填写情感模型的文件夹，或把它放到 {user_folder()}",
    )


def _entry(path: Path) -> HeadEntry:
    try:
        card = load_card(path)
    except HeadError as error:
        return HeadEntry(path, None, str(error))
    if not (path / WEIGHTS_NAME).is_file():
        return HeadEntry(
            path, card, f"{WEIGHTS_NAME} is not there (yet): the copy may be under way"
        )
    return HeadEntry(path, card, None)
