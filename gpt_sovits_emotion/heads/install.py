"""Put a head that somebody sent into the user's folder of heads, or take one out: whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from gpt_sovits_emotion.core.errors import HeadError, OutputError
from gpt_sovits_emotion.core.files import making_folder, remove_folder
from gpt_sovits_emotion.core.leftovers import being_written, sweep
from gpt_sovits_emotion.core.locking import locked
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.core.unreadable import unreadable
from gpt_sovits_emotion.heads.archives import TAKEN, most_bytes, unpacked
from gpt_sovits_emotion.heads.check import check_head, remark_on_name
from gpt_sovits_emotion.heads.files import (
    CARD_NAME,
    WEIGHTS_NAME,
    load_head,
    save_head,
)
from gpt_sovits_emotion.heads.folder import (
    HeadEntry,
    content_digest,
    list_heads,
    shipped_folder,
    user_folder,
)
from gpt_sovits_emotion.heads.head import Head
from gpt_sovits_emotion.heads.untrusted import open_file

__all__ = [
    "add_head",
    "claimed",
    "copy_head",
    "put_into_place",
    "removable",
    "remove_head",
    "staging",
]

_ADDING = ".adding-"
_BEFORE = "before"
_PATIENCE_S = 2.0  # adding takes less, training longer than anybody waits


def add_head(
    source: str | Path,
    *,
    folders: Sequence[Path],
    into: Path | None = None,
    replace: bool = False,
) -> tuple[Path, tuple[Sentence, ...]]:
    """Copy a head into a folder of heads, under its id, after checking the copy.

    A head from a notebook is written as safetensors with its whole card and a golden triple.

    Args:
        source: The head's folder, or a zip archive with one head in it.
        folders: All folders of heads, where its id is looked up.
        into: The folder of heads that it goes to; the user's own when None.
        replace: Whether a head of this id in `into` may be replaced.

    Returns:
        Where it lies now, and the remarks of `check_head`. A head that is there already stays as it is.

    Raises:
        HeadError: It is broken, or another head has its id.
        OutputError: It cannot be written; what was there before is as it was.
    """
    into = into or user_folder()
    with staging(into) as work:
        staged = _staged(Path(source), work / "copy")
        with _told_of(source, staged):
            remarks = check_head(staged)
            head = load_head(staged)
        other_name = remark_on_name(staged, head.card.id)
        if not (staged / WEIGHTS_NAME).exists():
            staged = _rewritten(head, work / "written")
        place = into / head.card.id
        with claimed(into, head.card.id):
            if _is_there(head.card.id, staged, place, folders, replace=replace):
                return place, remarks
            put_into_place(staged, place, work)
    # It is called like its id now.
    return place, tuple(remark for remark in remarks if remark != other_name)


@contextmanager
def claimed(into: Path, head_id: str) -> Iterator[None]:
    """Keep the place of a head in a folder for whoever trains or adds it.

    Raises:
        HeadError: Somebody else does, at this moment.
        OutputError: The folder may not be written to.
    """
    busy = HeadError(
        tr(
            "another process is training or adding the head {head_id!r} in {into} at this moment; wait "
            "for it, or choose another id",
            head_id=head_id,
            into=into,
        )
    )
    with locked(into / f".{head_id}.lock", patience_s=_PATIENCE_S, busy=busy, keep=False):
        yield


def removable(head_id: str, folders: Sequence[Path]) -> HeadEntry:
    """Find the head that `remove_head` would remove, by its id or its folder's name.

    Raises:
        HeadError: There is none, there are several, or it comes with the package.
    """
    entries = [entry for entry in list_heads(folders) if head_id in (entry.id, entry.path.name)]
    own = [entry for entry in entries if entry.path.parent != shipped_folder()]
    if len(own) == 1:
        return own[0]
    if own:
        where = ", ".join(str(entry.path) for entry in own)
        raise HeadError(
            tr(
                "several heads are called {head_id!r}: {where}; delete the folder of the one that is meant",
                head_id=head_id,
                where=where,
            )
        )
    if entries:
        raise HeadError(
            tr(
                "the head {head_id!r} comes with the program and cannot be removed; leave it unused",
                head_id=head_id,
            )
        )
    raise HeadError(
        tr(
            "there is no head {head_id!r} to remove; heads list shows what there is",
            head_id=head_id,
        )
    )


def remove_head(entry: HeadEntry) -> None:
    """Delete a head; of a link, the link alone. It is gone at once, or not at all.

    Raises:
        OutputError: It cannot be deleted.
    """
    remove_folder(entry.path)


@contextmanager
def _told_of(source: Path | str, staged: Path) -> Iterator[None]:
    """Let errors name what a person named, and not our copy of it, which is gone when they are read."""
    try:
        yield
    except HeadError as error:
        said = (told.replace(str(staged), str(source)) for told in (str(error), error.say("zh")))
        raise type(error)(next(said), zh=next(said)) from error


@contextmanager
def staging(into: Path) -> Iterator[Path]:
    """Yield a hidden folder on the disk where the head is to lie, and delete it in the end.

    Those that killed processes left go first.
    """
    with ExitStack() as held:
        try:
            held.enter_context(making_folder(into))
            sweep(into, _ADDING, rescue=_put_back)
            work = Path(tempfile.mkdtemp(dir=into, prefix=_ADDING))
        except OSError as error:
            raise OutputError(
                tr(
                    "{into} cannot be written ({strerror}); name another folder of heads",
                    into=into,
                    strerror=error.strerror or error,
                )
            ) from error
        held.callback(shutil.rmtree, work, ignore_errors=True)
        held.enter_context(being_written(work))
        yield work


def _put_back(work: Path) -> None:
    """Put a head back that a killed process had moved out of the way, and had put nothing in its place."""
    for head in (work / _BEFORE).glob("*"):
        place = work.parent / head.name
        if not place.exists():
            with suppress(OSError):
                head.replace(place)


def _staged(source: Path, work: Path) -> Path:
    """Copy the files of a head, and nothing else, into a folder named like its own; return that."""
    if source.is_file():
        if not zipfile.is_zipfile(source) or source.suffix.lower() in (".pt", ".pth"):
            raise HeadError(
                tr(
                    "{source} is neither the folder of a head nor a zip archive of one; put the weights "
                    "and {card_name} into a folder and name that",
                    source=source,
                    card_name=CARD_NAME,
                )
            )
        return unpacked(source, work)
    try:
        name = source.resolve().name
    except (OSError, RuntimeError) as error:
        told = unreadable(source, error, tr("; name the folder itself"))
        raise HeadError(told.en, zh=told.zh) from error
    target = work / (name or "head")
    target.mkdir(parents=True)
    copy_head(source, target)
    if not any(target.iterdir()):
        raise HeadError(
            tr(
                "{source} is not the folder of a head: {card_name} and {weights_name} were expected in it",
                source=source,
                card_name=CARD_NAME,
                weights_name=WEIGHTS_NAME,
            )
        )
    return target


def copy_head(source: Path, target: Path) -> None:
    """Copy the files of a head, and nothing else, into a folder that is there.

    Raises:
        HeadError: One of them is no ordinary file, or too large.
    """
    for name in TAKEN:
        if (source / name).exists():
            stream, _ = open_file(source / name, max_bytes=most_bytes(name))
            with stream, (target / name).open("wb") as copy:
                shutil.copyfileobj(stream, copy)


def _rewritten(head: Head, work: Path) -> Path:
    """Write a head from a notebook as every other is written, without torch from here on."""
    member = head.members["global"][0]
    tensors = {
        "global.0.mlp.0.weight": member.w1,
        "global.0.mlp.0.bias": member.b1,
        "global.0.mlp.3.weight": member.w2,
        "global.0.mlp.3.bias": member.b2,
        "features.mean": head.mean,
        "features.std": head.std,
        "features.within_speaker_std": head.within_speaker_std,
    }
    folder = work / head.card.id
    save_head(folder, head.card, tensors)
    return folder


def _is_there(
    head_id: str, staged: Path, place: Path, folders: Sequence[Path], *, replace: bool
) -> bool:
    """Say whether this very head is in its place already. Raises `HeadError` where another is in its way."""
    digest = content_digest(staged)
    if place.exists():
        try:
            if content_digest(place) == digest:
                return True
        except HeadError:
            pass  # what lies there is no sound head; it may be replaced like any other
        if not replace:
            raise HeadError(
                tr(
                    "{place} is there already, with other content; give the new head another id, remove "
                    "the old one (heads remove {head_id}), or allow it to be replaced (--replace)",
                    place=place,
                    head_id=head_id,
                )
            )
    for entry in list_heads(folders):
        if entry.id != head_id or entry.path == place or entry.state not in ("sound", "refused"):
            continue
        if content_digest(entry.path) != digest:
            raise HeadError(
                tr(
                    "another head is called {head_id!r}: {path}; give the new one another id in its "
                    "{card_name}",
                    head_id=head_id,
                    path=entry.path,
                    card_name=CARD_NAME,
                )
            )
    return False


def put_into_place(staged: Path, place: Path, work: Path) -> None:
    """Move a finished folder to where it belongs; what was there goes when `work` goes.

    Args:
        staged: The folder.
        place: Where it belongs.
        work: From `staging`, on the same disk.

    Raises:
        OutputError: It cannot be moved; what was there is as it was.
    """
    before = work / _BEFORE / place.name
    try:
        before.parent.mkdir(exist_ok=True)
        if place.exists():
            place.replace(before)
        try:
            staged.replace(place)
        except OSError:
            if before.exists():
                before.replace(place)
            raise
    except OSError as error:
        raise OutputError(
            tr(
                "the head was not put into {place} ({strerror}); nothing was changed there",
                place=place,
                strerror=error.strerror or error,
            )
        ) from error
