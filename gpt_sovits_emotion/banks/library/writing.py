"""Write a bank in a layout that other tools read, into a new folder, with its clips and our sidecar.

What is written is read back before it takes its place: a layout that cannot hold a clip's label or text
says so, naming the clip, and nothing is left behind.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from gpt_sovits_emotion.banks.library.clips_to_export import left_out_note
from gpt_sovits_emotion.banks.library.layouts import read_layout
from gpt_sovits_emotion.banks.library.own_layouts import EXPORT_LAYOUTS
from gpt_sovits_emotion.banks.library.plans import Placed, Plan
from gpt_sovits_emotion.banks.library.sidecar import (
    SIDECAR_NAME,
    ClipContent,
    Sidecar,
    content_of,
    write_sidecar,
)
from gpt_sovits_emotion.core import registry
from gpt_sovits_emotion.core.errors import OutputError, ReferenceBankError
from gpt_sovits_emotion.core.files import WRITING, remove_folder, write_bytes, write_text
from gpt_sovits_emotion.core.leftovers import being_written, sweep
from gpt_sovits_emotion.core.locking import lock_beside, locked
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.progress import Progress, no_progress
from gpt_sovits_emotion.core.records import ReferenceBank, ReferenceClip

__all__ = ["EXPORT_LAYOUTS", "export_bank", "export_layouts", "exported_clips"]


def export_layouts() -> tuple[str, ...]:
    """Return the layouts that can be written: ours, and those that were added."""
    others = (
        plugin.name
        for plugin, layout in registry.added("bank_layouts")
        if getattr(layout, "plan", None) is not None
    )
    return (*EXPORT_LAYOUTS, *others)


def exported_clips(bank: ReferenceBank, layout: str) -> tuple[ReferenceClip, ...]:
    """Return the clips that a layout takes: all usable ones, or one per emotion (``infer_config``).

    Raises:
        ReferenceBankError: The layout is unknown, or cannot hold one of the clips.
    """
    return tuple(placed.clip for placed in _plan(bank, layout).placed)


def export_bank(
    bank: ReferenceBank,
    destination: str | Path,
    *,
    layout: str,
    sidecar: Sidecar | None = None,
    overwrite: bool = False,
    progress: Progress = no_progress,
) -> Path:
    """Copy a bank's usable clips into a new folder, in a layout that other tools read.

    The folder appears whole or not at all. Clips are copied byte for byte; texts that a file name cannot
    hold are written with look-alike signs in the name and exactly in a ``.lab`` beside the clip.

    Args:
        bank: As `load_bank` gives it.
        destination: A folder that is not there yet, or is empty.
        layout: One of `export_layouts`.
        sidecar: The bank's own: what it says of the head and the speaker goes along.
        overwrite: Whether an earlier export may be replaced; nothing else ever is.
        progress: Told how many clips have been copied. It may raise to stop.

    Returns:
        The folder, which is a bank.

    Raises:
        ReferenceBankError: The layout is unknown or cannot hold a clip, or a clip cannot be read.
        OutputError: The folder is not free, or cannot be written.
    """
    destination = Path(destination)
    plan = _plan(bank, layout)
    _check_free(destination, bank, overwrite=overwrite)
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        sweep(destination.parent, WRITING)
        folder = Path(tempfile.mkdtemp(dir=destination.parent, prefix=WRITING))
        try:
            with being_written(folder):
                _write(bank, plan, folder, sidecar, layout, progress)
                _check_reads_back(plan, folder)
                with locked(lock_beside(destination), keep=False):
                    # Somebody else may have been quicker.
                    _check_free(destination, bank, overwrite=overwrite)
                    _put_in_place(folder, destination)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        reason = error.strerror or str(error)
        raise OutputError(
            tr(
                "the bank was not written to {destination} ({reason}); choose another place and run again",
                destination=destination,
                reason=reason,
            )
        ) from error
    progress(1.0, "copying clips")
    return destination


def _plan(bank: ReferenceBank, layout: str) -> Plan:
    layouts = export_layouts()
    if layout not in layouts:
        known = ", ".join(layouts)
        raise ReferenceBankError(
            tr(
                "a bank cannot be written as {layout!r}; choose one of {known}",
                layout=layout,
                known=known,
            )
        )
    if not bank.usable:
        raise ReferenceBankError(
            tr(
                "the reference bank {root} has no usable clip: there is nothing to export",
                root=bank.root,
            )
        )
    planner, left_out = registry.load("bank_layouts", layout), left_out_note(bank)
    with registry.blamed(doing=tr("planning an export")):
        plan: Plan = planner.plan(bank)
    _check_plan(plan, layout)
    if not plan.placed and left_out is not None:
        raise ReferenceBankError(
            tr(
                "nothing of the reference bank {root} can be exported ({left_out})",
                root=bank.root,
                left_out=left_out,
            )
        )
    return plan


def _check_plan(plan: object, layout: str) -> None:
    """Refuse a plan that is none, or that would write anywhere but into the new folder."""
    sound = isinstance(plan, Plan) and all(isinstance(each, Placed) for each in plan.placed)
    names = [*(each.name for each in plan.placed), *plan.files] if isinstance(plan, Plan) else []
    inside = all(
        name and not PurePosixPath(name).is_absolute() and ".." not in PurePosixPath(name).parts
        for name in names
    )
    if not (sound and inside):
        raise ReferenceBankError(
            tr(
                "the bank layout {layout!r} plans no files inside of the new folder; that is a fault of "
                "the package that adds it: choose another layout",
                layout=layout,
            )
        )


def _check_free(destination: Path, bank: ReferenceBank, *, overwrite: bool) -> None:
    whole = Path(os.path.abspath(destination))  # noqa: PTH100 (resolve() would follow links)
    sources = [Path(os.path.abspath(clip.path)) for clip in bank.clips]  # noqa: PTH100
    root = Path(os.path.abspath(bank.root))  # noqa: PTH100
    if whole == root or any(source.is_relative_to(whole) for source in sources):
        raise OutputError(
            tr(
                "{destination} holds the bank itself: what is the user's is never changed; name a new "
                "folder",
                destination=destination,
            )
        )
    if whole.is_relative_to(root) and bank.layout not in (
        "list",
        "emotion_manager",
        "emotion_table",
    ):
        raise OutputError(
            tr(
                "{destination} lies inside the bank {root}, whose clips would then be there twice; name "
                "a folder outside it",
                destination=destination,
                root=bank.root,
            )
        )
    if not destination.exists() and not destination.is_symlink():
        return
    if destination.is_dir() and not any(destination.iterdir()):
        return
    if not overwrite:
        raise OutputError(
            tr(
                "{destination} is there already and not empty; name a new folder, or say that it may be "
                "replaced",
                destination=destination,
            )
        )
    if not (destination / SIDECAR_NAME).is_file():
        raise OutputError(
            tr(
                "{destination} was not written by an export (it has no {sidecar_name}) and is not "
                "replaced; name a new folder",
                destination=destination,
                sidecar_name=SIDECAR_NAME,
            )
        )


def _write(
    bank: ReferenceBank,
    plan: Plan,
    folder: Path,
    sidecar: Sidecar | None,
    layout: str,
    progress: Progress,
) -> None:
    contents: dict[Path, ClipContent] = {}
    copies: list[ReferenceClip] = []
    for index, placed in enumerate(plan.placed):
        progress(index / len(plan.placed), "copying clips")
        copy = folder / placed.name
        if copy not in contents:
            copy.parent.mkdir(parents=True, exist_ok=True)
            _copy(placed.clip.path, copy)
            contents[copy] = content_of(copy)
        if placed.lab is not None:
            write_bytes(copy.with_suffix(".lab"), placed.lab)
        copies.append(replace(placed.clip, path=copy))
    for name, text in plan.files.items():
        write_text(folder / name, text)
    written = replace(
        bank,
        root=folder,
        layout=layout,
        clips=tuple(copies),
        pins=_pins(bank.pins, plan, folder),
        notes=sidecar.bank.notes if sidecar is not None else (),
    )
    about = sidecar or Sidecar(written)
    write_sidecar(
        folder / SIDECAR_NAME, replace(about, bank=written, contents=contents, clips_folder=None)
    )


def _copy(source: Path, copy: Path) -> None:
    try:
        shutil.copyfile(source, copy)
        shutil.copystat(source, copy)
    except FileNotFoundError as error:
        raise ReferenceBankError(
            tr(
                "the clip {source} is not there any more: load the bank again, and export that",
                source=source,
            )
        ) from error


def _pins(pins: Mapping[str, Path], plan: Plan, folder: Path) -> dict[str, Path]:
    kept = {}
    for label, path in pins.items():
        copies = [placed for placed in plan.placed if placed.clip.path == path]
        # A file that is both the default and an emotion's clip was copied for each of the two.
        of_label = [placed for placed in copies if placed.clip.emotion == label]
        if copies:
            kept[label] = folder / (of_label or copies)[0].name
    return kept


def _check_reads_back(plan: Plan, folder: Path) -> None:
    read = {
        (entry.path.relative_to(folder).as_posix(), entry.emotion): entry.text
        for entry in read_layout(folder).entries
    }
    for placed in plan.placed:
        text = read.get((placed.name, placed.clip.emotion))
        if text != placed.clip.text:
            raise ReferenceBankError(
                tr(
                    "the clip {path} cannot be exported: its label or text would not be read back as it "
                    "is (written as {placed}); change them, or choose another format",
                    path=placed.clip.path,
                    placed=placed.name,
                )
            )
    if len(read) != len({(placed.name, placed.clip.emotion) for placed in plan.placed}):
        raise OutputError(
            tr(
                "the bank written to {folder} holds other clips than were to be written; run again",
                folder=folder,
            )
        )


def _put_in_place(folder: Path, destination: Path) -> None:
    mask = os.umask(0)
    os.umask(mask)
    folder.chmod(0o777 & ~mask)  # mkdtemp makes folders for the owner alone
    if destination.is_dir() and not destination.is_symlink() and not any(destination.iterdir()):
        destination.rmdir()
    if not destination.exists() and not destination.is_symlink():
        folder.replace(destination)
        return
    aside = Path(tempfile.mkdtemp(dir=destination.parent, prefix=".removing-"))
    destination.replace(aside / destination.name)
    try:
        folder.replace(destination)
    except OSError:
        (aside / destination.name).replace(destination)
        raise
    finally:
        remove_folder(aside)
