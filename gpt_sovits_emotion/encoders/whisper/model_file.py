"""Read single tensors out of a CTranslate2 ``model.bin``, without loading the rest.

The file is a list (``ctranslate2/specs/model_spec.py``, ``_serialize``, binary versions 5 and 6), all numbers
little-endian: the version of the format, the name of the specification, its revision, how many tensors there
are; of each its name, rank, sizes, type, length in bytes and values; and at last the aliases, names under
which a tensor stands once more. Names are a 16-bit length with a closing zero byte counted in.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from gpt_sovits_emotion.core.errors import WhisperModelError
from gpt_sovits_emotion.core.messages import tr

if TYPE_CHECKING:
    import numpy as np

__all__ = ["BFLOAT16", "ModelFile", "Tensor", "copied", "open_model_file"]

_KNOWN_VERSIONS = (5, 6)
_BYTES_OF = {0: 4, 1: 1, 2: 2, 3: 4, 4: 2, 5: 2}
_NUMPY_TYPES = {0: "<f4", 1: "i1", 2: "<i2", 3: "<i4", 4: "<f2", 5: "<u2"}
BFLOAT16 = 5
"""The type whose 16 bits numpy has no name for: the upper half of a float32."""

_LONGEST_NAME = 512
_MOST_TENSORS = 20_000  # large-v3 quantised has some 1,900
_HIGHEST_RANK = 4


@dataclass(frozen=True, slots=True)
class Tensor:
    """Where a tensor lies in the file.

    Attributes:
        shape: Its sizes.
        dtype: CTranslate2's number of its type: 0 float32, 1 int8, 2 int16, 3 int32, 4 float16, 5 bfloat16.
        offset: Of its first byte.
    """

    shape: tuple[int, ...]
    dtype: int
    offset: int

    @property
    def n_bytes(self) -> int:
        """Its length in the file."""
        return prod(self.shape) * _BYTES_OF[self.dtype]


@dataclass(frozen=True, slots=True, eq=False)
class ModelFile:
    """A mapped ``model.bin``: what it holds, and its values where they are asked for.

    Attributes:
        path: The file.
        specification: What the model is, such as ``WhisperSpec``.
        tensors: Name -> where it lies, aliases included.
    """

    path: Path
    specification: str
    tensors: Mapping[str, Tensor]
    _mapped: mmap.mmap

    def values(self, name: str) -> np.ndarray:
        """Return a tensor as float32, as a copy; of quantised ones the bare integers, as float32.

        Raises:
            WhisperModelError: There is no such tensor.
        """
        import numpy as np

        raw = self.stored(name)
        if self.tensors[name].dtype == BFLOAT16:
            return (raw.astype(np.uint32) << 16).view(np.float32)
        return raw.astype(np.float32, copy=False)

    def stored(self, name: str) -> np.ndarray:
        """Return a tensor as it is stored, as a copy; bfloat16 as its bits. Raises as `values`."""
        return copied(self._mapped, self.raw(name), self.tensors[name].offset)

    def raw(self, name: str) -> np.ndarray:
        """Return a view of a tensor's values where they lie; bfloat16 as its bits. Raises as `values`."""
        import numpy as np

        tensor = self.tensors.get(name)
        if tensor is None:
            raise WhisperModelError(
                tr(
                    "{path} has no tensor {name!r}, so it is not a Whisper model as CTranslate2 writes "
                    "them; download the model again, or choose another folder",
                    path=self.path,
                    name=name,
                )
            )
        flat = np.frombuffer(
            self._mapped, _NUMPY_TYPES[tensor.dtype], count=prod(tensor.shape), offset=tensor.offset
        )
        return flat.reshape(tensor.shape)


def open_model_file(path: Path) -> ModelFile:
    """Map a ``model.bin`` and read where its tensors lie; no values are read.

    Raises:
        WhisperModelError: It is missing, cut off, of another format or version, or contradicts itself.
    """
    try:
        with path.open("rb") as stream:
            mapped = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:  # mmap refuses an empty file with a ValueError
        raise WhisperModelError(
            tr(
                "{path} cannot be read ({error}); the Whisper model is missing or empty: download it "
                "again, or choose another folder",
                path=path,
                error=error,
            )
        ) from error
    return _Reader(path, mapped).read()


def copied(mapped: mmap.mmap, view: np.ndarray, offset: int) -> np.ndarray:
    """Return a copy of what lies at `offset` of a mapped file, and let go of the file's pages.

    Pages that were looked at count as this process's memory for as long as the file is mapped: of base 25 MB,
    which nobody reads a second time. The system has them at hand where somebody does.
    """
    copy = view.copy()
    if hasattr(mapped, "madvise") and hasattr(mmap, "MADV_DONTNEED"):  # not on Windows
        start = offset // mmap.PAGESIZE * mmap.PAGESIZE
        mapped.madvise(mmap.MADV_DONTNEED, start, offset + view.nbytes - start)
    return copy


class _Reader:
    """Goes through the list of tensors."""

    def __init__(self, path: Path, mapped: mmap.mmap) -> None:
        self._path, self._mapped, self._at = path, mapped, 0

    def read(self) -> ModelFile:
        version = self._number("<I")
        if version not in _KNOWN_VERSIONS:
            known = " and ".join(map(str, _KNOWN_VERSIONS))
            raise self._unsound(f"its format has version {version}, {known} are known")
        specification = self._name()
        self._number("<I")  # the revision of the specification, which changes what decoding reads
        tensors: dict[str, Tensor] = {}
        for _ in range(self._count()):
            name = self._name()
            rank = self._number("<B")
            if rank > _HIGHEST_RANK:
                raise self._unsound(f"the tensor {name[:80]!r} has {rank} sizes")
            shape = tuple(self._number("<I") for _ in range(rank))
            dtype, n_bytes = self._number("<B"), self._number("<I")
            if dtype not in _BYTES_OF or prod(shape) * _BYTES_OF[dtype] != n_bytes:
                raise self._unsound(f"the size of the tensor {name[:80]!r} contradicts its shape")
            tensors[name] = Tensor(shape, dtype, self._at)
            self._skip(n_bytes)
        for _ in range(self._count()):
            alias, name = self._name(), self._name()
            if name in tensors:
                tensors[alias] = tensors[name]
        return ModelFile(self._path, specification, tensors, self._mapped)

    def _count(self) -> int:
        count = self._number("<I")
        if count > _MOST_TENSORS:
            raise self._unsound(f"it announces {count} tensors")
        return count

    def _number(self, kind: str) -> int:
        start = self._at
        self._skip(struct.calcsize(kind))
        value: int = struct.unpack_from(kind, self._mapped, start)[0]
        return value

    def _name(self) -> str:
        length = self._number("<H")
        if not 1 <= length <= _LONGEST_NAME:
            raise self._unsound(f"a name in it has {length} bytes")
        start = self._at
        self._skip(length)
        try:
            return self._mapped[start : start + length - 1].decode("utf-8")
        except UnicodeDecodeError as error:
            raise self._unsound("a name in it is no text") from error

    def _skip(self, n_bytes: int) -> None:
        self._at += n_bytes
        if self._at > len(self._mapped):
            raise WhisperModelError(
                tr(
                    "{path} ends after {mapped} bytes, in the middle of its list of tensors; the copy or "
                    "download was cut off: get it again whole",
                    path=self._path,
                    mapped=len(self._mapped),
                )
            )

    def _unsound(self, why: str) -> WhisperModelError:
        return WhisperModelError(
            tr(
                "{path} is not a Whisper model of CTranslate2 ({why}); download the model again, or "
                "choose another folder",
                path=self._path,
                why=why,
            )
        )
