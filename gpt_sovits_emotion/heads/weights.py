"""Read a safetensors file that may come from anywhere: its header is checked before its numbers are read.

The format is eight bytes with the length of a JSON header, the header with each tensor's type, shape and
place, and the numbers (https://github.com/huggingface/safetensors, "Format"). It holds no code; what can be
wrong with it is that it is not what it says, or asks for more memory than there is.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from gpt_sovits_emotion.core.errors import HeadError
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.core.unreadable import why_unreadable
from gpt_sovits_emotion.heads.untrusted import UnfinishedError, open_file, read_file

__all__ = [
    "MAX_WEIGHTS_BYTES",
    "Numbers",
    "as_numbers",
    "is_pickle",
    "read_numbers",
    "read_weights",
]

MAX_WEIGHTS_BYTES = 256 << 20
"""No head has more: five members on twelve layers of HuBERT have 100 MB."""

_MAX_HEADER_BYTES = 1 << 20
_BYTES_OF = {"F16": 2, "F32": 4, "F64": 8}
_PICKLES = (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"\x1f\x8b")
_TAR_MAGIC = slice(257, 262)


def read_weights(path: Path) -> dict[str, np.ndarray]:
    """Return every tensor of a safetensors file as float32, all finite.

    Raises:
        UnfinishedError: The file is missing, or shorter than its header says.
        HeadError: It is too large, a pickle (which is not opened), no safetensors, holds integers, or
            values that are not finite; or its header contradicts itself.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    stream, n_bytes = open_file(path, max_bytes=MAX_WEIGHTS_BYTES)
    with stream:
        beginning = stream.read(512)
        if is_pickle(beginning):
            raise HeadError(
                tr(
                    "{path} is a pickle, which can run code when opened, so it was not; get the head as "
                    "safetensors, or call a plain state dict head.pt",
                    path=path,
                )
            )
        _check_header(stream, beginning, n_bytes, path)
        stream.seek(0)
        content = stream.read(n_bytes)
    try:
        tensors = load(content)
    except (SafetensorError, ValueError, TypeError, KeyError, OverflowError) as error:
        raise _not_whole(path, why_unreadable(error)) from error
    return {name: as_numbers(tensor, name, path) for name, tensor in tensors.items()}


def is_pickle(beginning: bytes) -> bool:
    """Say whether a file begins like a pickle or like an archive that may hold one."""
    return beginning.startswith(_PICKLES) or beginning[_TAR_MAGIC] == b"ustar"


def as_numbers(tensor: np.ndarray, name: str, path: Path) -> np.ndarray:
    """Return a tensor as float32. Raises `HeadError` unless it holds finite floating point numbers."""
    if tensor.dtype not in (np.float16, np.float32, np.float64):
        raise HeadError(
            tr(
                "{path}: tensor {name} holds {dtype}, floating point was expected",
                path=path,
                name=name,
                dtype=tensor.dtype,
            )
        )
    with np.errstate(over="ignore"):  # what does not fit into float32 becomes infinite, and is told
        numbers = np.asarray(tensor, np.float32)
    if not np.isfinite(numbers).all():
        raise HeadError(
            tr(
                "{path}: tensor {name} holds values that are not finite; the training went wrong or the "
                "file is damaged",
                path=path,
                name=name,
            )
        )
    return numbers


def _check_header(stream: BinaryIO, beginning: bytes, n_bytes: int, path: Path) -> None:
    """Hold the header against the file's size and against itself."""
    n_header = int.from_bytes(beginning[:8], "little")
    if n_bytes < 10 or n_header == 0:
        raise _cut_off(path, tr("{n_bytes} bytes, and no header", n_bytes=n_bytes))
    if n_header > _MAX_HEADER_BYTES:
        told = tr("it announces a header of {n_header} bytes", n_header=n_header)
        raise _not_whole(path, told)
    if beginning[8:9] != b"{":
        raise _not_whole(path, tr("its header is no JSON object"))
    stream.seek(8)
    header_text = stream.read(n_header)
    if len(header_text) < n_header:
        told = tr("{n_bytes} bytes of a header of {n_header}", n_bytes=n_bytes, n_header=n_header)
        raise _cut_off(path, told)
    try:
        header = json.loads(header_text.decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError, HeadError) as error:
        why = why_unreadable(error)
        told = tr("its header is unreadable: {why}", why=why)
        raise _not_whole(path, told) from error
    header.pop("__metadata__", None)
    end = _check_places(header, path)
    if n_bytes < 8 + n_header + end:
        n_wanted = 8 + n_header + end
        told = tr("{n_bytes} of {n_wanted} bytes are there", n_bytes=n_bytes, n_wanted=n_wanted)
        raise _cut_off(path, told)
    if n_bytes > 8 + n_header + end:
        n_over = n_bytes - 8 - n_header - end
        told = tr("{n_over} bytes are left over at its end", n_over=n_over)
        raise _not_whole(path, told)


def _check_places(header: dict[str, Any], path: Path) -> int:
    """Make sure that the tensors fill their part of the file, one after another; return its length."""
    places: list[tuple[int, int, str]] = []
    for name, entry in header.items():
        try:
            dtype, shape = entry["dtype"], [_natural(size) for size in entry["shape"][:3]]
            begin, end = (_natural(offset) for offset in entry["data_offsets"])
        except (TypeError, KeyError, ValueError) as error:
            told = tr("what it says of tensor {name!r} is unclear", name=name[:80])
            raise _not_whole(path, told) from error
        if not isinstance(dtype, str) or dtype not in _BYTES_OF:
            raise HeadError(
                tr(
                    "{path}: tensor {name} holds {dtype}, floating point was expected (F16, F32 or F64)",
                    path=path,
                    name=name[:80],
                    dtype=str(dtype)[:20],
                )
            )
        if len(shape) > 2 or end - begin != math.prod(shape) * _BYTES_OF[dtype]:
            told = tr("the size of tensor {name!r} contradicts its shape", name=name[:80])
            raise _not_whole(path, told)
        places.append((begin, end, name))
    reached = 0
    for begin, end, name in sorted(places):
        if begin != reached:
            told = tr("tensor {name!r} overlaps another, or leaves a gap", name=name[:80])
            raise _not_whole(path, told)
        reached = end
    return reached


def _natural(value: object) -> int:
    if type(value) is not int or not 0 <= value <= MAX_WEIGHTS_BYTES:
        raise ValueError(value)
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build a JSON object in which no name stands twice: readers differ on which of the two counts."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise HeadError(tr("a tensor stands there twice"))
    return found


def _not_whole(path: Path, why: Sentence) -> HeadError:
    return HeadError(
        tr(
            "{path} is not a whole safetensors file ({why}); copy or download it again",
            path=path,
            why=why,
        )
    )


def _cut_off(path: Path, why: Sentence) -> UnfinishedError:
    return UnfinishedError(
        tr(
            "{path} is not a whole safetensors file ({why}): the copy is under way or was cut off; wait, "
            "or copy it again",
            path=path,
            why=why,
        )
    )


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """What a safetensors file holds: arrays by name, and words by name."""

    tensors: dict[str, np.ndarray]
    metadata: dict[str, str]


def read_numbers(path: Path, *, max_bytes: int) -> Numbers:
    """Read all arrays and the metadata of a safetensors file.

    Args:
        path: The file.
        max_bytes: Larger files are refused before they are read.

    Raises:
        HeadError: The file is missing, too large, damaged, or no safetensors at all.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    content = read_file(path, max_bytes=max_bytes)
    try:
        tensors: dict[str, np.ndarray] = load(content)  # which has checked the header
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    except (SafetensorError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise HeadError(
            tr(
                "{path} cannot be read as safetensors: it is damaged or was cut off; get a whole copy",
                path=path,
            )
        ) from error
    return Numbers(tensors, dict(header.get("__metadata__", {})))
