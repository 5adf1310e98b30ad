"""Put a finished head into a folder of heads: whole or not at all, and one training at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from gpt_sovits_emotion.core.errors import HeadError
from gpt_sovits_emotion.core.files import write_bytes
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.heads.card import HeadCard, is_head_id
from gpt_sovits_emotion.heads.check import check_head
from gpt_sovits_emotion.heads.files import save_head
from gpt_sovits_emotion.heads.folder import head_folders, list_heads
from gpt_sovits_emotion.heads.install import claimed, put_into_place, staging

__all__ = ["check_id", "free_id", "install_head", "reserved"]


def check_id(head_id: str) -> str:
    """Return `head_id` if a head may be called that. Raises `HeadError` if not."""
    if not is_head_id(head_id):
        raise HeadError(
            f"{head_id!r} cannot be the id of a head: small letters, digits and single hyphens, such as "
            "prosody-mine",
            zh=f"{head_id!r} 不能用作情感模型的 id：只能用小写字母、数字和单个连字符，例如 prosody-mine",
        )
    return head_id


def free_id(wanted: str, heads_dir: Path) -> str:
    """Return `wanted`, or with the first number from 2 on that no head of any folder has."""
    taken = {entry.id for entry in list_heads(head_folders([heads_dir]))}
    candidates = (wanted, *(f"{wanted}-{number}" for number in range(2, len(taken) + 3)))
    return next(candidate for candidate in candidates if candidate not in taken)


@contextmanager
def reserved(heads_dir: Path, head_id: str, *, replace: bool) -> Iterator[Path]:
    """Reserve the place of a head while it is being trained; yield the folder it will be.

    Args:
        heads_dir: Folder of heads; made if missing.
        head_id: See `check_id`.
        replace: Whether a head that is there already may be replaced, at the very end.

    Raises:
        HeadError: A head of this id is there already, here or in another folder of heads, or another
            training is making one.
        OutputError: The folder cannot be written.
    """
    folder = heads_dir / check_id(head_id)
    for entry in list_heads(head_folders([heads_dir])):
        if entry.id == head_id and entry.path.resolve() != folder.resolve():
            raise HeadError(
                f"a head {head_id!r} lies in {entry.path} already, and two of one id cannot be told apart; "
                "choose another id",
                zh=f"{entry.path} 中已有情感模型 {head_id!r}，同一个 id 不能有两个；请换一个 id",
            )
    if folder.exists() and not replace:
        raise HeadError(
            f"{folder} is there already; choose another id, remove it (heads remove {head_id}) or allow it "
            "to be replaced (--replace)",
            zh=f"{folder} 已经存在；请换一个 id，或先删除它（heads remove {head_id}），"
            "或允许替换（--replace）",
        )
    with claimed(heads_dir, head_id):
        yield folder


def install_head(
    folder: Path,
    card: HeadCard,
    tensors: Mapping[str, np.ndarray],
    *,
    beside: Mapping[str, bytes] | None = None,
) -> tuple[Sentence, ...]:
    """Write a head beside its place, check it, and move it there.

    Args:
        folder: The head's folder; what is there is replaced.
        card: The card.
        tensors: See `heads.save_head`.
        beside: Further files of the folder: name -> content.

    Returns:
        The remarks of `check_head`.

    Raises:
        HeadError: The head does not keep its contract.
        OutputError: It cannot be written; what was there before is as it was.
    """
    with staging(folder.parent) as work:
        ready = work / folder.name
        save_head(ready, card, tensors)
        for name, content in (beside or {}).items():
            write_bytes(ready / name, content)
        remarks = check_head(ready)
        put_into_place(ready, folder, work)
    return remarks
