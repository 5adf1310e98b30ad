"""Which reader reads what."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gpt_sovits_emotion.banks.library.layouts.files import (
    check_ordinary,
    plain_problem,
    read_json_file,
)
from gpt_sovits_emotion.banks.library.layouts.folders import read_folders
from gpt_sovits_emotion.banks.library.layouts.infer_config import INFER_CONFIG, read_infer_config
from gpt_sovits_emotion.banks.library.layouts.listing import EXPECTED, Listing
from gpt_sovits_emotion.banks.library.layouts.lists import read_list
from gpt_sovits_emotion.banks.library.layouts.tables import (
    read_emotion_manager,
    read_emotion_table,
)
from gpt_sovits_emotion.core.errors import ReferenceBankError

__all__ = ["READABLE_LAYOUTS", "checked", "read_layout"]

READABLE_LAYOUTS = (
    "infer_config", "brackets", "names", "folders", "clips", "list", "emotion_manager",
    "emotion_table",
)  # fmt: skip
"""What `Listing.layout` may be."""


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
                f"there is no reference bank at {path}; {EXPECTED.en}",
                zh=f"{path} 处没有参考音库；{EXPECTED.zh}",
            )
        return checked(_read(path, clips))
    except OSError as error:
        reason = error.strerror or str(error)
        if error.filename not in (None, str(path)):
            reason = f"{error.filename}: {reason}"
        raise ReferenceBankError(
            f"the reference bank {path} cannot be read ({reason})",
            zh=f"无法读取参考音库 {path}（{reason}）",
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
    raise ReferenceBankError(f"{path} is a file; {EXPECTED.en}", zh=f"{path} 是文件；{EXPECTED.zh}")
