"""The folders of heads: what is in them, and finding a head by name or path.

A head that is dropped in appears and one that is taken out goes, without a restart. One that is still being
copied waits; a broken one says why, and hurts no other. Two heads of one id with other content are never
taken for each other: one of them works, the other is refused, and both say so.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import os
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from gpt_sovits_emotion.core.errors import HeadError
from gpt_sovits_emotion.core.files import data_folder
from gpt_sovits_emotion.core.messages import in_both, tr
from gpt_sovits_emotion.heads.card import HeadCard, is_head_id
from gpt_sovits_emotion.heads.files import (
    CARD_NAME,
    ENCODER_NAME,
    GOLDEN_NAME,
    HEAD_FILES,
    WEIGHTS_NAME,
    load_card,
    load_head,
    weights_of,
)
from gpt_sovits_emotion.heads.golden import check_golden
from gpt_sovits_emotion.heads.head import Head
from gpt_sovits_emotion.heads.imported import STATE_DICT_NAMES
from gpt_sovits_emotion.heads.untrusted import UnfinishedError, read_file
from gpt_sovits_emotion.heads.weights import MAX_WEIGHTS_BYTES

__all__ = [
    "HEADS_VARIABLE",
    "HeadEntry",
    "HeadState",
    "HeadWatch",
    "Stamp",
    "content_digest",
    "find_head",
    "head_folders",
    "list_heads",
    "shipped_folder",
    "user_folder",
    "with_rivals_told",
]

HEADS_VARIABLE = "GPT_SOVITS_EMOTION_HEADS"
"""Environment variable that names further folders of heads, separated as in PATH."""

_COPYING_S = 20.0  # a copy over a network may pause for some seconds; longer, and it was broken off
_RACY_S = 2.0  # some file systems tell times to two seconds: two writes within them look like one
_LOOSE = (".safetensors", ".pt", ".pth", ".ckpt", ".pkl", ".zip")


def user_folder() -> Path:
    """Return the user's own folder of heads; it need not exist."""
    return data_folder() / "heads"


def shipped_folder() -> Path:
    """Return the folder of heads that comes with this package."""
    return Path(str(importlib.resources.files("pretrained_heads")))


def head_folders(extra: Sequence[str | Path] = ()) -> tuple[Path, ...]:
    """Return the folders that are searched, in order.

    Those named by the caller (``--heads-dir``), those in the environment variable
    ``GPT_SOVITS_EMOTION_HEADS``, the user's own, and the one that comes with this package.
    """
    named = [Path(folder) for folder in extra]
    named += [Path(part) for part in os.environ.get(HEADS_VARIABLE, "").split(os.pathsep) if part]
    return (*named, user_folder(), shipped_folder())


class HeadWatch:
    """Knows what is in folders of heads, and reads again only what changed since it was asked last."""

    def __init__(self) -> None:
        self._known: dict[Path, HeadEntry] = {}
        self._lock = threading.Lock()

    def entries(self, folders: Sequence[Path]) -> tuple[HeadEntry, ...]:
        """List the heads in `folders`, by name within a folder; see `list_heads`."""
        with self._lock:
            found = [
                self._entry(path) for folder in dict.fromkeys(folders) for path in _heads_in(folder)
            ]
            self._known = {entry.path: entry for entry in found}
        return with_rivals_told(found, shipped=shipped_folder())

    def look(self, path: Path) -> HeadEntry:
        """Return what lies in one folder, whoever else has its id."""
        with self._lock:
            return self._entry(path)

    def _entry(self, path: Path) -> HeadEntry:
        stamp, known = _stamp(path), self._known.get(path)
        settled = _unchanged_s(stamp) > _RACY_S
        if known and known.stamp == stamp and known.state != "waiting" and settled:
            return known
        return replace(_examined(path, stamp), stamp=stamp)


def list_heads(folders: Sequence[Path]) -> tuple[HeadEntry, ...]:
    """List the heads in `folders`, by name within a folder; each is read whole, and a bad one says why.

    Of heads with one id, the one that comes with this package works, else the one in the earliest folder;
    the others are refused, or hidden where they are copies of it.
    """
    return HeadWatch().entries(folders)


def find_head(name: str | Path, folders: Sequence[Path]) -> Head:
    """Load a head by its id, looked up in `folders`, or by the path of its folder.

    An id goes before a folder of that name: write ``./my-head`` for the folder.

    Raises:
        HeadError: There is no such head, it is unsound, or a folder that was named on purpose holds another
            head of this id.
    """
    path = Path(name)
    if not is_head_id(str(name)) and _is_head(path):
        return load_head(path)
    everything = list_heads(folders)
    entries = [entry for entry in everything if entry.id == str(name)]
    for entry in entries:
        if entry.state == "sound":
            _check_not_meant(entry, folders)
            return load_head(entry.path)
    if _is_head(path):
        return load_head(path)
    for entry in entries:
        raise HeadError(entry.problem or f"{entry.path} has no card", zh=entry.problem_zh)
    known = sorted({entry.id for entry in everything if entry.state == "sound"})
    raise HeadError(
        tr(
            "there is no head {name!r}; heads found: {known}. Name one of them, or the folder of a head, "
            "or put it into {user_folder}",
            name=str(name),
            user_folder=user_folder(),
            known=in_both(", ".join(known) or "none", "、".join(known) or "无"),
        )
    )


def _check_not_meant(entry: HeadEntry, folders: Sequence[Path]) -> None:
    """Raise where somebody named the folder of a refused head for this very call: that one is meant."""
    standing = head_folders()
    named = [folder for folder in folders if folder not in standing]
    for rival in entry.rivals:
        if rival.parent in named and entry.path.parent not in named[: named.index(rival.parent)]:
            raise HeadError(
                tr(
                    "two heads are called {entry!r} and are not the same: {rival} and {path}; name the "
                    "folder of the one that is meant",
                    entry=entry.id,
                    rival=rival,
                    path=entry.path,
                )
            )


def _is_head(path: Path) -> bool:
    return any((path / name).is_file() for name in (CARD_NAME, WEIGHTS_NAME, *STATE_DICT_NAMES))


def _heads_in(folder: Path) -> Iterator[Path]:
    """Yield what looks like a head: folders with a card or weights, and weights that lie loose."""
    try:
        paths = sorted(folder.iterdir())
    except OSError:
        return  # there is no such folder (any more), or it is not ours to read
    for path in paths:
        if path.name.startswith((".", "_")):
            continue
        try:
            if _is_head(path) or (path.suffix.lower() in _LOOSE and path.is_file()):
                yield path
        except OSError:
            yield path


def _examined(path: Path, stamp: Stamp) -> HeadEntry:
    """Read a head whole, and say what it is or what is wrong with it."""
    card: HeadCard | None = None
    try:
        if path.suffix.lower() in _LOOSE and path.is_file():
            raise _loose(path)
        card = load_card(path)
        head = load_head(path)
        if (path / GOLDEN_NAME).exists():
            check_golden(head, path / GOLDEN_NAME)
    except UnfinishedError as error:
        if _unchanged_s(stamp) > _COPYING_S:
            return HeadEntry(path, card, str(error), error.zh, "broken")
        return HeadEntry(
            path,
            card,
            f"the copy seems to be under way: {error}",
            f"似乎正在复制：{error.say('zh')}",
            "waiting",
        )
    except (HeadError, OSError) as error:
        zh = error.zh if isinstance(error, HeadError) else None
        return HeadEntry(path, card, str(error), zh, "broken")
    return HeadEntry(path, head.card, None)


def _loose(path: Path) -> HeadError:
    if path.suffix.lower() == ".zip":
        return HeadError(
            tr(
                "{path} is an archive; unpack it, or run  gpt-sovits-emotion heads add {path_2}",
                path=path,
                path_2=path.name,
            )
        )
    return HeadError(
        tr(
            "{path} lies loose in a folder of heads; a head is a folder of its own, with {card_name} "
            "beside its weights",
            path=path,
            card_name=CARD_NAME,
        )
    )


def _stamp(path: Path) -> Stamp:
    stamps = []
    for name in HEAD_FILES if path.is_dir() else ("",):
        try:
            found = (path / name).stat()
        except OSError:
            continue
        stamps.append((name, found.st_size, found.st_mtime_ns, found.st_ino))
    return tuple(stamps)


def _unchanged_s(stamp: Stamp) -> float:
    """Return for how many seconds nothing was written; a time in the future is no news."""
    age_s = time.time() - max((written / 1e9 for _, _, written, _ in stamp), default=0.0)
    return age_s if age_s >= 0 else float("inf")


HeadState = Literal["sound", "waiting", "broken", "refused", "hidden"]
"""``refused``: another head has its id; ``hidden``: the same head lies elsewhere too."""

Stamp = tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class HeadEntry:
    """One head found in a folder of heads: its card, or the reason why it cannot be used.

    Attributes:
        path: Its folder.
        card: None where it cannot be read.
        problem: Why it cannot be used, None for a sound one; `problem_zh` says the same in Chinese.
        state: ``sound``, ``waiting`` (a copy that seems to be under way), ``broken``, ``refused`` or
            ``hidden``.
        rivals: Folders of heads that have its id and other content; they are refused.
        stamp: Name, size, time and place of its files: another stamp, another head.
    """

    path: Path
    card: HeadCard | None
    problem: str | None
    problem_zh: str | None = None
    state: HeadState = "sound"
    rivals: tuple[Path, ...] = ()
    stamp: Stamp = ()

    @property
    def id(self) -> str:
        """The card's id, or the folder's name where there is no sound card."""
        return self.card.id if self.card else self.path.name

    def say(self, language: str) -> str | None:
        """Return the problem in ``"zh"`` or, for any other language, in English; None where there is none."""
        return self.problem_zh if language == "zh" and self.problem_zh else self.problem


def content_digest(folder: Path) -> str:
    """Return a digest of a head's card and weights: equal for copies of one head.

    Raises:
        HeadError: A file cannot be read.
    """
    digest = hashlib.sha256()
    for path in (folder / CARD_NAME, weights_of(folder)):
        content = read_file(path, max_bytes=MAX_WEIGHTS_BYTES)
        digest.update(f"{path.name} {len(content)} ".encode())
        digest.update(content)
    return digest.hexdigest()


def with_rivals_told(entries: Sequence[HeadEntry], *, shipped: Path) -> tuple[HeadEntry, ...]:
    """Let one head of each id work, and refuse or hide the others.

    The one that comes with the package works: nothing that is dropped in passes for it. Else it is the first,
    and within a folder the one whose folder is called like it.
    """
    told = list(entries)
    by_id: dict[str, list[int]] = {}
    for place, entry in enumerate(entries):
        if entry.state == "sound":
            by_id.setdefault(entry.id, []).append(place)
    for places in by_id.values():
        if len(places) > 1:
            _tell(told, places, shipped)
    return tuple(told)


def _carries(entry: HeadEntry) -> bool:
    return (entry.path / ENCODER_NAME).is_file()


def _tell(entries: list[HeadEntry], places: list[int], shipped: Path) -> None:
    first_folder = entries[places[0]].path.parent

    def precedence(place: int) -> tuple[bool, bool, bool, int]:
        path = entries[place].path
        return (
            path.parent != shipped,
            path.parent != first_folder,
            path.name != entries[place].id,
            place,
        )

    best, *others = sorted(places, key=precedence)
    working, rivals = entries[best], []
    try:
        digest = content_digest(working.path)
        same = {place: content_digest(entries[place].path) == digest for place in others}
    except HeadError:  # one of them went this very moment: told at the next look
        same = dict.fromkeys(others, False)
    carrying = [place for place in others if same[place] and _carries(entries[place])]
    if carrying and not _carries(working):  # the same head, and it works where its encoder is not
        others = [best if place == carrying[0] else place for place in others]
        same[best], best = True, carrying[0]
        working = entries[best]
    for place in others:
        entry = entries[place]
        if same[place]:
            entries[place] = replace(
                entry,
                state="hidden",
                problem=f"a copy of {working.path}, which is used",
                problem_zh=f"与 {working.path} 相同，使用的是那一份",
            )
            continue
        rivals.append(entry.path)
        entries[place] = replace(
            entry,
            state="refused",
            problem=f"refused: another head, {working.path}, has the id {entry.id!r} and other content; "
            f"change the id in {entry.path / CARD_NAME}, or remove one of the two",
            problem_zh=f"不使用：另一个情感模型 {working.path} 的 id 也是 {entry.id!r}，但内容不同；"
            f"请修改 {entry.path / CARD_NAME} 中的 id，或删除其中一个",
        )
    entries[best] = replace(working, rivals=tuple(rivals))
