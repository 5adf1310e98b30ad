"""Which reader reads what."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gpt_sovits_emotion.errors import ReferenceBankError
from gpt_sovits_emotion.references.layouts.folders import read_folders
from gpt_sovits_emotion.references.layouts.infer_config import INFER_CONFIG, read_infer_config
from gpt_sovits_emotion.references.layouts.listing import EXPECTED, Listing, read_json_file
from gpt_sovits_emotion.references.layouts.tables import (
    read_emotion_manager,
    read_emotion_table,
    read_list,
)

__all__ = ["READABLE_LAYOUTS", "read_layout"]

READABLE_LAYOUTS = (
    "infer_config", "brackets", "names", "folders", "clips", "list", "emotion_manager",
    "emotion_table",
)  # fmt: skip
"""What `Listing.layout` may be."""


def read_layout(path: Path) -> Listing:
    """Read a bank in whatever layout it lies: a folder, or a file that names clips.

    Raises:
        ReferenceBankError: There is nothing there, or it cannot be read, or holds several voices.
    """
    try:
        if not path.exists():
            raise ReferenceBankError(
                f"there is no reference bank at {path}; {EXPECTED.en}",
                zh=f"{path} 处没有参考音库；{EXPECTED.zh}",
            )
        return _reader_for(path)(path)
    except OSError as error:
        reason = error.strerror or str(error)
        if error.filename not in (None, str(path)):
            reason = f"{error.filename}: {reason}"
        raise ReferenceBankError(
            f"the reference bank {path} cannot be read ({reason})",
            zh=f"无法读取参考音库 {path}（{reason}）",
        ) from error


def _reader_for(path: Path) -> Callable[[Path], Listing]:
    if path.is_dir():
        if (path / INFER_CONFIG).is_file():
            return lambda folder: read_infer_config(folder / INFER_CONFIG)
        return read_folders
    suffix = path.suffix.casefold()
    if suffix == ".list":
        return read_list
    if suffix == ".csv":
        return read_emotion_table
    if suffix == ".json":
        return _reader_of_json(path)
    raise ReferenceBankError(f"{path} is a file; {EXPECTED.en}", zh=f"{path} 是文件；{EXPECTED.zh}")


def _reader_of_json(path: Path) -> Callable[[Path], Listing]:
    if path.name == INFER_CONFIG:
        return read_infer_config
    held = read_json_file(path)
    return read_emotion_manager if isinstance(held, list) else read_infer_config
