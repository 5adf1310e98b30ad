"""The part of an encoder that a head reads, in a file of its own: its stem and its first layers, in float16.

A safetensors file (https://github.com/huggingface/safetensors, "Format") with the tensors of `source`, and
with ``size``, ``n_heads``, ``licence`` and ``source`` in its metadata. It may come from anywhere, so its
header is checked against the file and against itself before a tensor is read; it is mapped, not loaded.
"""

from __future__ import annotations

import json
import math
import mmap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpt_sovits_emotion.core.errors import EncoderError, WhisperModelError
from gpt_sovits_emotion.core.files import replacing
from gpt_sovits_emotion.core.loaded_models import MAX_CARRIED_BYTES
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.encoders.whisper.model_file import copied
from gpt_sovits_emotion.encoders.whisper.sizes import SIZES
from gpt_sovits_emotion.encoders.whisper.source import (
    STEM,
    WhisperSource,
    checked_shapes,
    layer_tensors,
)

if TYPE_CHECKING:
    import numpy as np

__all__ = ["slice_licence", "slice_source", "write_slice"]

_LICENCE = "MIT, Copyright (c) 2022 OpenAI"
_PERMISSION = (
    "Permission is hereby granted, free of charge, to any person obtaining a copy of this software "
    'and associated documentation files (the "Software"), to deal in the Software without '
    "restriction, including without limitation the rights to use, copy, modify, merge, publish, "
    "distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the "
    "Software is furnished to do so, subject to the following conditions: The above copyright notice "
    "and this permission notice shall be included in all copies or substantial portions of the "
    'Software. THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, '
    "INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE "
    "AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, "
    "DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, "
    "OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE."
)

_MAX_HEADER_BYTES = 1 << 20
_BYTES_OF_F16 = 2


def write_slice(source: WhisperSource, n_layers: int, path: Path, *, size: str, origin: str) -> int:
    """Write the stem and the first layers of an encoder, one tensor at a time.

    Args:
        source: The encoder.
        n_layers: How many layers.
        path: Where to; replaced in one step.
        size: Name of the model.
        origin: Where the weights come from, for people.

    Returns:
        The file's length in bytes.

    Raises:
        EncoderError: The encoder has fewer layers, or values that float16 cannot hold.
        OutputError: It cannot be written.
    """
    import numpy as np

    if n_layers > source.shape.n_layers:
        raise EncoderError(
            tr(
                "{path} has {n_layers} layers, {n_layers_2} were to be written; choose a whole Whisper "
                "{size}",
                path=source.path,
                n_layers=source.shape.n_layers,
                n_layers_2=n_layers,
                size=size,
            )
        )
    names = (*STEM, *(name for number in range(n_layers) for name in layer_tensors(number)))
    header: dict[str, Any] = {
        "__metadata__": {
            "size": size,
            "n_heads": str(source.n_heads),
            "licence": _LICENCE,
            "permission": _PERMISSION,
            "source": origin,
        }
    }
    reached = 0
    for name in names:
        shape = list(source.read(name).shape)
        end = reached + _BYTES_OF_F16 * math.prod(shape)
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [reached, end]}
        reached = end
    spelled = json.dumps(header, ensure_ascii=True).encode()
    spelled += b" " * (-len(spelled) % 8)  # numbers begin where a processor likes them
    with replacing(path) as temporary, temporary.open("wb") as stream:
        stream.write(len(spelled).to_bytes(8, "little") + spelled)
        for name in names:
            with np.errstate(over="ignore"):
                values = np.ascontiguousarray(source.read(name), np.float16)
            if not np.isfinite(values).all():
                raise EncoderError(
                    tr(
                        "{path}: the tensor {name} does not fit into float16, so it cannot be written "
                        "with the head",
                        path=source.path,
                        name=name,
                    )
                )
            stream.write(values.data)
    return 8 + len(spelled) + reached


def slice_source(path: Path, size: str | None = None) -> WhisperSource:
    """Map a slice and check what it says of itself; no tensor is read.

    Args:
        path: The file.
        size: What it must be a part of; None takes what it says.

    Raises:
        WhisperModelError: It is missing, cut off, no slice, or one of another size.
    """
    mapped = _mapped(path)
    header, start = _header(mapped, path)
    metadata = header.pop("__metadata__", {})
    stated = metadata.get("size") if isinstance(metadata, dict) else None
    if stated not in SIZES or size not in (None, stated):
        raise _unsound(
            path, f"it says that it is of {str(stated)[:40]!r}, {size or 'a Whisper'} was expected"
        )
    shapes = _places(header, len(mapped) - start, path)
    shape = checked_shapes({name: place[0] for name, place in shapes.items()}, path)
    whole = SIZES[stated]
    if (shape.width, shape.n_mels) != (
        whole.width,
        whole.n_mels,
    ) or shape.n_layers > whole.n_layers:
        raise _unsound(path, f"its tensors are not of the shape of {stated}")
    heads = str(metadata.get("n_heads", ""))
    if not (heads.isascii() and heads.isdigit() and 1 <= int(heads[:6]) <= shape.width):
        raise _unsound(path, "it does not say how many attention heads there are")
    if shape.width % int(heads):
        raise _unsound(path, f"{heads} attention heads cannot share a width of {shape.width}")

    def read(name: str) -> np.ndarray:
        import numpy as np

        sizes, offset = shapes[name]
        flat = np.frombuffer(mapped, "<f2", count=math.prod(sizes), offset=start + offset)
        return copied(mapped, flat.reshape(sizes), start + offset)

    return WhisperSource(path, shape, int(heads), read)


def slice_licence(path: Path) -> str:
    """Return what a slice says of its licence and its source. Raises as `slice_source`."""
    metadata = _header(_mapped(path), path)[0].get("__metadata__")
    stated = metadata if isinstance(metadata, dict) else {}
    return "; ".join(str(stated.get(key, "not stated"))[:200] for key in ("licence", "source"))


def _mapped(path: Path) -> mmap.mmap:
    try:
        if path.stat().st_size > MAX_CARRIED_BYTES:
            raise _unsound(path, f"it has more than {MAX_CARRIED_BYTES >> 30} GB")
        with path.open("rb") as stream:
            return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:  # mmap refuses an empty file with a ValueError
        raise _unsound(path, f"it cannot be read: {error}") from error


def _header(mapped: mmap.mmap, path: Path) -> tuple[dict[str, Any], int]:
    n_header = int.from_bytes(mapped[:8], "little")
    if not 2 <= n_header <= _MAX_HEADER_BYTES or 8 + n_header > len(mapped):
        raise _unsound(path, "it has no header, or was cut off")
    try:
        header = json.loads(mapped[8 : 8 + n_header].decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise _unsound(path, "its header is unreadable") from error
    if not isinstance(header, dict):
        raise _unsound(path, "its header is no JSON object")
    return header, 8 + n_header


def _places(
    header: dict[str, Any], n_bytes: int, path: Path
) -> dict[str, tuple[tuple[int, ...], int]]:
    """Return each tensor's shape and its first byte; together they fill the file, one after another."""
    found: dict[str, tuple[tuple[int, ...], int]] = {}
    spans = []
    for name, entry in header.items():
        try:
            shape = tuple(_natural(size) for size in entry["shape"])
            begin, end = (_natural(offset) for offset in entry["data_offsets"])
            if entry["dtype"] != "F16" or end - begin != _BYTES_OF_F16 * math.prod(shape):
                raise ValueError(name)
        except (TypeError, KeyError, ValueError) as error:
            raise _unsound(path, f"what it says of the tensor {name[:60]!r} is unsound") from error
        found[name] = shape, begin
        spans.append((begin, end))
    reached = 0
    for begin, end in sorted(spans):
        if begin != reached:
            raise _unsound(path, "its tensors overlap, or leave gaps")
        reached = end
    if reached != n_bytes:
        raise _unsound(path, f"{n_bytes} of {reached} bytes of tensors are there")
    return found


def _natural(value: object) -> int:
    if type(value) is not int or not 0 <= value <= MAX_CARRIED_BYTES:
        raise ValueError(value)
    return value


def _unsound(path: Path, why: str) -> WhisperModelError:
    return WhisperModelError(
        tr(
            "{path} is not the part of a Whisper encoder that a head carries ({why}); get the head again "
            "whole, or remove that file and have the Whisper model itself",
            path=path,
            why=why,
        )
    )
