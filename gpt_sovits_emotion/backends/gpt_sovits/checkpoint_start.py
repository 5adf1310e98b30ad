"""What the first bytes of a SoVITS checkpoint say: its version, or that it is something else."""

from __future__ import annotations

import hashlib
from pathlib import Path

from gpt_sovits_emotion.core.errors import BackendError
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.core.unreadable import unreadable

__all__ = [
    "ZIP_MARK",
    "start_of",
    "version_by_start",
]

_ZIP_START = b"PK\x03\x04"


ZIP_MARK = _ZIP_START[:2]
"""In LoRA and Pro files two digits stand in its place."""


# GPT_SoVITS/process_ckpt.py, head2version: version, and whether it is a LoRA.
_HEADS = {
    b"00": ("v1", False),
    b"01": ("v2", False),
    b"02": ("v3", False),
    b"03": ("v3", True),
    b"04": ("v4", True),
    b"05": ("v2Pro", False),
    b"06": ("v2ProPlus", False),
}


# GPT_SoVITS/process_ckpt.py, hash_pretrained_dict: the md5 of a base model's first 8,192 bytes. There v1's
# base is entered as v2 and corrected by its symbol table afterwards, which comes to the same.
_N_HASHED_BYTES = 8192


_BASE_MODELS = {
    "dc3c97e17592963677a4a1681f30c653": "v1",
    "6642b37f3dbb1f76882b69937c95a5f3": "v2",
    "43797be674a37c1c83ee81081941ed0f": "v3",
    "4f26b9476d0c5033e04162c486074374": "v4",
    "c7e9fce2223f3db685cdfa1e6368728a": "v2Pro",
    "66b313e39455b57ab1b0bc0b239c9d0a": "v2ProPlus",
}


def version_by_start(path: Path) -> tuple[str, bool] | None:
    """Return the version that the first bytes tell, and whether it is a LoRA; None where they tell none.

    Raises:
        BackendError: As `start_of`.
    """
    start = start_of(path)
    base = _BASE_MODELS.get(hashlib.md5(start, usedforsecurity=False).hexdigest())
    if base is not None:
        return base, False
    return _HEADS.get(start[:2])


def start_of(path: Path) -> bytes:
    """Return the first bytes of a file that looks like a checkpoint.

    Raises:
        BackendError: It cannot be read, or is something else.
    """
    try:
        with path.open("rb") as file:
            start = file.read(_N_HASHED_BYTES)
    except FileNotFoundError as error:
        raise BackendError(
            tr("there is no file {path}; a SoVITS checkpoint (.pth) was expected", path=path)
        ) from error
    except OSError as error:
        expected = tr(": a SoVITS checkpoint (.pth) was expected")
        told = unreadable(path, error, expected)
        raise BackendError(told.en, zh=told.zh) from error
    if start[2:4] == _ZIP_START[2:] and (start[:2] == ZIP_MARK or start[:2] in _HEADS):
        return start
    found = _what_it_is(start)
    raise BackendError(tr("{path} is not a SoVITS checkpoint: {found}", path=path, found=found))


def _what_it_is(start: bytes) -> Sentence:
    text = start.lstrip().lower()
    if not start:
        return tr("it is empty; download it again")
    if text.startswith(b"version https://git-lfs"):
        return tr(
            "it is a Git LFS pointer, not the model itself; run  git lfs pull  or download the model"
        )
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        return tr(
            "it is a web page, probably an error that was saved in place of the model; download it again"
        )
    if text.startswith((b"{", b"[")):
        return tr(
            "it is text, probably a server's error that was saved in place of the model; download it "
            "again"
        )
    if start[:1] == b"\x80":
        return tr(
            "it is a bare pickle, which cannot be read safely; let GPT-SoVITS save the weights again"
        )
    return tr(
        "it starts with {start!r} where a zip's start was expected; download it again",
        start=start[:4],
    )
