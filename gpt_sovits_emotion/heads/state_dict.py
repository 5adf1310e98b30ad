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

from gpt_sovits_emotion.core.errors import HeadError
from gpt_sovits_emotion.core.files import DAMAGED_ARCHIVE
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.core.unreadable import kind_of
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
        raise _damaged(path, tr("it does not load as tensors")) from error
    for name in _WRAPPINGS:
        if isinstance(loaded, Mapping) and isinstance(loaded.get(name), Mapping):
            loaded = loaded[name]
    if not isinstance(loaded, Mapping) or not loaded:
        what = kind_of(loaded)
        told = tr("it holds {what}, and no tensors by name", what=what)
        raise _damaged(path, told)
    return {str(name): _numbers(str(name), value, path) for name, value in loaded.items()}


def _numbers(name: str, tensor: Any, path: Path) -> np.ndarray:
    import torch

    if not isinstance(tensor, torch.Tensor) or tensor.ndim > 2:
        told = tr("its entry {name!r} is no vector or matrix", name=name[:80])
        raise _damaged(path, told)
    # A tensor may show one number a million times over; it must not be written out.
    if tensor.numel() * 4 > MAX_WEIGHTS_BYTES:
        told = tr("its tensor {name!r} has {numel} numbers", name=name[:80], numel=tensor.numel())
        raise _damaged(path, told)
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.float()
    return as_numbers(np.ascontiguousarray(tensor.detach().numpy()), name[:80], path)


def _looked_through(content: bytes, path: Path) -> io.BytesIO:
    """Return a new archive with the parts of a state dict, having looked at each."""
    if not content.startswith(b"PK\x03\x04"):
        if not content.strip(b"\0"):
            raise UnfinishedError(
                tr(
                    "{path} is empty: the copy is under way or was cut off; wait, or copy it again",
                    path=path,
                )
            )
        told = tr("it is no archive as torch.save has written since PyTorch 1.6")
        raise _unsafe(path, told)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as found:
            parts = _parts(found, len(content), path)
    except DAMAGED_ARCHIVE as error:
        if isinstance(error, HeadError):
            raise
        raise UnfinishedError(
            tr(
                "{path} is not a whole archive: the copy is under way or was cut off; wait, or copy it "
                "again",
                path=path,
            )
        ) from error
    if "data.pkl" not in parts:
        raise _unsafe(path, tr("it has no data.pkl"))
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
        told = tr("it has more parts than four tensors, or larger ones than the file itself")
        raise _unsafe(path, told)
    parts: dict[str, bytes] = {}
    for info in infos:
        if _ASIDE.match(info.filename):
            continue
        known = _PART.match(info.filename)
        if known is None:
            told = tr(
                "it holds {filename!r}, as programs and whole modules do",
                filename=info.filename[:60],
            )
            raise _unsafe(path, told)
        if info.compress_type != zipfile.ZIP_STORED or known[1] in parts:
            told = tr(
                "its part {filename!r} is packed, or there twice", filename=info.filename[:60]
            )
            raise _unsafe(path, told)
        parts[known[1]] = found.read(info)
    return parts


def _check_pickle(code: bytes, n_bytes: int, path: Path) -> None:
    """Look at every step of a pickle, taking none: it may name the parts of tensors and nothing else."""
    if len(code) > _MAX_PICKLE_BYTES:
        raise _unsafe(path, tr("its pickle has {code} bytes", code=len(code)))
    last: int | None = None
    try:
        for opcode, argument, last in pickletools.genops(code):  # noqa: B007 (wanted after the loop)
            if opcode.name not in _ALLOWED:
                step = opcode.name
                told = tr("its pickle has the step {step}", step=step)
                raise _unsafe(path, told)
            if opcode.name == "GLOBAL" and argument not in _GLOBALS:
                asked = str(argument)[:60].replace(" ", ".")
                raise _unsafe(path, tr("it asks for {asked!r}", asked=asked))
            if type(argument) is int and not 0 <= argument <= n_bytes:
                told = tr("its pickle counts further than the file is long")
                raise _unsafe(path, told)
    except (ValueError, IndexError, OverflowError) as error:
        if isinstance(error, HeadError):
            raise
        raise _unsafe(path, tr("its pickle is damaged")) from error
    if last != len(code) - 1:
        raise _unsafe(path, tr("its pickle goes on after its end"))


def _unsafe(path: Path, why: Sentence) -> HeadError:
    return HeadError(
        tr(
            "{path} was not opened, for it may run code: {why}; a plain state dict was expected, saved "
            "by torch.save(model.state_dict(), 'head.pt')",
            path=path,
            why=why,
        )
    )


def _damaged(path: Path, why: Sentence) -> HeadError:
    return HeadError(
        tr(
            "{path} is not a state dict of two linear layers ({why}); save it again by "
            "torch.save(model.state_dict(), 'head.pt')",
            path=path,
            why=why,
        )
    )
