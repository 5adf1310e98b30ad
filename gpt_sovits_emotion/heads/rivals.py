"""Heads of one id: which of them works, and what the others say."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gpt_sovits_emotion.core.errors import HeadError
from gpt_sovits_emotion.heads.entry import HeadEntry
from gpt_sovits_emotion.heads.files import CARD_NAME, ENCODER_NAME, weights_of
from gpt_sovits_emotion.heads.untrusted import read_file
from gpt_sovits_emotion.heads.weights import MAX_WEIGHTS_BYTES

__all__ = ["content_digest", "with_rivals_told"]


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
