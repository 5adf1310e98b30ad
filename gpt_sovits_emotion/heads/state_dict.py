"""Read a plain state dict that ``torch.save`` wrote, without running anything that the file might ask for.

``torch.load(weights_only=True)`` builds tensors and plain containers only. Before it sees a byte, the archive
and its pickle are looked through as data, because it was not always enough: before PyTorch 2.6 a TorchScript
program under the same name was run all the same (CVE-2025-32434). What is handed on is a new archive of the
parts that were looked at, so that no second reading of the file can find others in it.
"""

from __future__ import annotations

import io
import pickle
import pickletools
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gpt_sovits_emotion.errors import HeadError
from gpt_sovits_emotion.files import DAMAGED_ARCHIVE
from gpt_sovits_emotion.heads.untrusted import UnfinishedError, read_file
from gpt_sovits_emotion.heads.weights import MAX_WEIGHTS_BYTES, as_numbers

__all__ = ["read_state_dict"]

_MAX_PICKLE_BYTES = 1 << 18  # four tensors take half a kilobyte
_MAX_PARTS = 512
_PART = re.compile(r"[^/]+/(data\.pkl|data/[0-9]{1,4}|byteorder)\Z")
_ASIDE = re.compile(
    r"[^/]+/(version|\.format_version|\.storage_alignment|\.data/serialization_id)\Z"
)
_WRAPPINGS = ("state_dict", "model_state_dict", "model")

_GLOBALS = frozenset(
    {
        "collections OrderedDict",
        "torch._utils _rebuild_tensor_v2",
        "torch._utils _rebuild_parameter",
        *(f"torch {kind}Storage" for kind in ("Float", "Half", "Double", "BFloat16")),
    }
)
_OPCODES = """
    PROTO STOP GLOBAL REDUCE BUILD MARK BINPERSID BINPUT LONG_BINPUT BINGET LONG_BINGET
    BINUNICODE BININT BININT1 BININT2 LONG1 BINFLOAT NONE NEWTRUE NEWFALSE
    EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_DICT SETITEM SETITEMS EMPTY_LIST APPEND APPENDS
"""
"""Steps of a pickle that build plain containers, and call what `_GLOBALS` names."""
_ALLOWED = frozenset(_OPCODES.split())


def read_state_dict(path: Path) -> dict[str, np.ndarray]:
    """Return the tensors of a state dict as float32, by name, all finite.

    A dict that holds the state dict under ``state_dict``, ``model_state_dict`` or ``model`` will do too.

    Raises:
        UnfinishedError: The file is missing or cut off.
        HeadError: It is too large; is a whole module, a TorchScript program or any other pickle (nothing of
            which is run); or holds something else than a few small tensors of finite numbers.
    """
    archive = _looked_through(read_file(path, max_bytes=MAX_WEIGHTS_BYTES), path)
    import torch

    try:
        loaded = torch.load(archive, map_location="cpu", weights_only=True)
    except (
        *(pickle.UnpicklingError, RuntimeError, ValueError, TypeError, KeyError, IndexError),
        *(AttributeError, EOFError, OSError, OverflowError, AssertionError, MemoryError),
    ) as error:
        why = " ".join(str(error).split())[:120]
        raise _damaged(path, why) from error
    for name in _WRAPPINGS:
        if isinstance(loaded, Mapping) and isinstance(loaded.get(name), Mapping):
            loaded = loaded[name]
    if not isinstance(loaded, Mapping) or not loaded:
        raise _damaged(path, f"it holds a {type(loaded).__name__}, no tensors by name")
    return {str(name): _numbers(str(name), value, path) for name, value in loaded.items()}


def _numbers(name: str, tensor: Any, path: Path) -> np.ndarray:
    import torch

    if not isinstance(tensor, torch.Tensor) or tensor.ndim > 2:
        raise _damaged(path, f"its entry {name[:80]!r} is no vector or matrix")
    # A tensor may show one number a million times over; it must not be written out.
    if tensor.numel() * 4 > MAX_WEIGHTS_BYTES:
        raise _damaged(path, f"its tensor {name[:80]!r} has {tensor.numel()} numbers")
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.float()
    return as_numbers(np.ascontiguousarray(tensor.detach().numpy()), name[:80], path)


def _looked_through(content: bytes, path: Path) -> io.BytesIO:
    """Return a new archive with the parts of a state dict, having looked at each."""
    if not content.startswith(b"PK\x03\x04"):
        if not content.strip(b"\0"):
            raise UnfinishedError(
                f"{path} is empty: the copy is under way or was cut off; wait, or copy it again",
                zh=f"{path} 是空的：正在复制，或复制中断；请稍候，或重新复制",
            )
        raise _unsafe(path, "it is no archive as torch.save has written since PyTorch 1.6")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as found:
            parts = _parts(found, len(content), path)
    except DAMAGED_ARCHIVE as error:
        if isinstance(error, HeadError):
            raise
        raise UnfinishedError(
            f"{path} is not a whole archive ({error}): the copy is under way or was cut off; wait, or copy "
            "it again",
            zh=f"{path} 不完整（{error}）：正在复制，或复制中断；请稍候，或重新复制",
        ) from error
    if "data.pkl" not in parts:
        raise _unsafe(path, "it has no data.pkl")
    _check_pickle(parts["data.pkl"], len(content), path)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as written:
        for name, part in {**parts, "version": b"3\n"}.items():
            written.writestr(f"archive/{name}", part)
    archive.seek(0)
    return archive


def _parts(found: zipfile.ZipFile, n_bytes: int, path: Path) -> dict[str, bytes]:
    infos = found.infolist()
    if len(infos) > _MAX_PARTS or sum(info.file_size for info in infos) > n_bytes:
        raise _unsafe(
            path, "it has more parts than four tensors, or larger ones than the file itself"
        )
    parts: dict[str, bytes] = {}
    for info in infos:
        if _ASIDE.match(info.filename):
            continue
        known = _PART.match(info.filename)
        if known is None:
            raise _unsafe(
                path, f"it holds {info.filename[:60]!r}, as programs and whole modules do"
            )
        if info.compress_type != zipfile.ZIP_STORED or known[1] in parts:
            raise _unsafe(path, f"its part {info.filename[:60]!r} is packed, or there twice")
        parts[known[1]] = found.read(info)
    return parts


def _check_pickle(code: bytes, n_bytes: int, path: Path) -> None:
    """Look at every step of a pickle, taking none: it may name the parts of tensors and nothing else."""
    if len(code) > _MAX_PICKLE_BYTES:
        raise _unsafe(path, f"its pickle has {len(code)} bytes")
    last: int | None = None
    try:
        for opcode, argument, last in pickletools.genops(code):  # noqa: B007 (wanted after the loop)
            if opcode.name not in _ALLOWED:
                raise _unsafe(path, f"its pickle has the step {opcode.name}")
            if opcode.name == "GLOBAL" and argument not in _GLOBALS:
                raise _unsafe(path, f"it asks for {str(argument)[:60].replace(' ', '.')!r}")
            if type(argument) is int and not 0 <= argument <= n_bytes:
                raise _unsafe(path, "its pickle counts further than the file is long")
    except (ValueError, IndexError, OverflowError) as error:
        if isinstance(error, HeadError):
            raise
        raise _unsafe(path, "its pickle is damaged") from error
    if last != len(code) - 1:
        raise _unsafe(path, "its pickle goes on after its end")


def _unsafe(path: Path, why: str) -> HeadError:
    return HeadError(
        f"{path} was not opened, for it may run code: {why}; a plain state dict was expected, saved by "
        "torch.save(model.state_dict(), 'head.pt')",
        zh=f"没有打开 {path}，因为它可能执行代码（{why}）；应为纯 state dict："
        "torch.save(model.state_dict(), 'head.pt')",
    )


def _damaged(path: Path, why: str) -> HeadError:
    return HeadError(
        f"{path} is not a state dict of two linear layers ({why}); save it again by "
        "torch.save(model.state_dict(), 'head.pt')",
        zh=f"{path} 不是两层线性网络的 state dict（{why}）；请重新保存："
        "torch.save(model.state_dict(), 'head.pt')",
    )
