"""Which reader reads what."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Protocol

from gpt_sovits_emotion.banks.library.layouts.files import (
    check_ordinary,
    plain_problem,
    read_json_file,
)
from gpt_sovits_emotion.banks.library.layouts.folders import read_folders
from gpt_sovits_emotion.banks.library.layouts.infer_config import INFER_CONFIG, read_infer_config
from gpt_sovits_emotion.banks.library.layouts.listing import EXPECTED, ClipEntry, Listing
from gpt_sovits_emotion.banks.library.layouts.lists import read_list
from gpt_sovits_emotion.banks.library.layouts.tables import (
    read_emotion_manager,
    read_emotion_table,
)
from gpt_sovits_emotion.core import registry
from gpt_sovits_emotion.core.errors import ReferenceBankError
from gpt_sovits_emotion.core.messages import tr

__all__ = [
    "READABLE_LAYOUTS",
    "BankLayout",
    "checked",
    "read_layout",
    "read_own_layout",
    "readable_layouts",
]

READABLE_LAYOUTS = (
    "infer_config", "brackets", "names", "folders", "clips", "list", "emotion_manager",
    "emotion_table",
)  # fmt: skip
"""What `Listing.layout` may be, of ours."""


class BankLayout(Protocol):
    """A way in which reference clips lie: what an entry point in the group ``bank_layouts`` is.

    One that can be written, too, has ``plan(bank) -> banks.library.plans.Plan``, which says where each clip
    of a `ReferenceBank` goes and which files stand beside them.
    """

    def recognises(self, path: Path) -> bool:
        """Say whether a folder or a file is a bank of this layout; it is asked of every bank."""
        ...

    def read(self, path: Path) -> Listing:
        """Return the clips that the bank names, usable or not.

        Raises:
            ReferenceBankError: It is damaged; the message says what is wrong and what to do.
        """
        ...


def readable_layouts() -> tuple[str, ...]:
    """Return the layouts that are read here: ours, and those that were added."""
    return tuple(registry.names("bank_layouts"))


def read_layout(path: Path, *, clips: Path | None = None) -> Listing:
    """Read a bank in whatever layout it lies: a folder, or a file that names clips.

    Args:
        path: The bank.
        clips: Of a bank that is a file, a folder in which its clips are looked for first.

    Raises:
        ReferenceBankError: There is nothing there, or it cannot be read, or holds several voices.
    """
    try:
        if "\0" in str(path) or not path.exists():
            raise ReferenceBankError(
                tr("there is no reference bank at {path}; {expected}", path=path, expected=EXPECTED)
            )
        return checked(_read(path, clips))
    except OSError as error:
        reason = error.strerror or str(error)
        if error.filename not in (None, str(path)):
            reason = f"{error.filename}: {reason}"
        raise ReferenceBankError(
            tr("the reference bank {path} cannot be read ({reason})", path=path, reason=reason)
        ) from error


def checked(listing: Listing) -> Listing:
    """Return a listing whose clips that are no files, but pipes, say, have a problem: none is ever opened."""
    entries = []
    for entry in listing.entries:
        problem = plain_problem(entry.path)
        if problem is not None:
            path = Path(str(entry.path).replace("\0", "\ufffd"))
            entry = replace(entry, path=path, problem=problem)
        entries.append(entry)
    return replace(listing, entries=tuple(entries))


def _read(path: Path, clips: Path | None) -> Listing:
    for plugin, layout in registry.added("bank_layouts"):
        if registry.recognised(plugin, layout.recognises, path):
            with registry.blamed(doing=tr("reading the bank {path}", path=path)):
                return _added(plugin, layout.read(path), path)
    return read_own_layout(path, clips=clips)


def _added(plugin: registry.Plugin, found: object, path: Path) -> Listing:
    """Refuse what is no listing of clips; the layout has the name by which it is registered."""
    if isinstance(found, Listing) and all(isinstance(each, ClipEntry) for each in found.entries):
        return replace(found, layout=plugin.name)
    raise ReferenceBankError(
        tr(
            "{path}: the bank layout {plugin!r} of {origin} gives no Listing of ClipEntry; that is a "
            "fault of that package: update or uninstall it",
            path=path,
            plugin=plugin.name,
            origin=plugin.origin,
        )
    )


def read_own_layout(path: Path, *, clips: Path | None = None) -> Listing:
    """Read a bank in one of our layouts.

    Raises:
        ReferenceBankError: It is in none of them, is damaged, or holds several voices.
        OSError: It cannot be read.
    """
    if path.is_dir():
        config = path / INFER_CONFIG
        return read_infer_config(config, clips=clips) if config.is_file() else read_folders(path)
    check_ordinary(path)
    suffix = path.suffix.casefold()
    if suffix == ".list":
        return read_list(path, clips=clips)
    if suffix == ".csv":
        return read_emotion_table(path, clips=clips)
    if suffix == ".json":
        is_manager = path.name != INFER_CONFIG and isinstance(read_json_file(path), list)
        return (read_emotion_manager if is_manager else read_infer_config)(path, clips=clips)
    raise ReferenceBankError(tr("{path} is a file; {expected}", path=path, expected=EXPECTED))
