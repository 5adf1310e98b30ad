"""An encoder's weights in memory: held once, read layer by layer, freed with whoever holds them last."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from weakref import WeakValueDictionary

from gpt_sovits_emotion.encoders.whisper.slices import slice_source
from gpt_sovits_emotion.encoders.whisper.source import (
    STEM,
    WhisperSource,
    layer_tensors,
    model_source,
)
from gpt_sovits_emotion.errors import WhisperModelError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

__all__ = ["WhisperWeights", "fingerprint_of", "weights_in"]

_IN_FLOAT32 = ("layer_norm", "position_encodings")
"""What acts on the sum of all layers, which stays in float32 whatever is multiplied in less."""

_Mark: TypeAlias = "tuple[str, int, int]"
_LOCK = threading.Lock()
_OPENED: WeakValueDictionary[tuple[object, ...], WhisperWeights] = WeakValueDictionary()
_DIGESTS: dict[tuple[_Mark, int], str] = {}


class WhisperWeights:
    """The stem and the layers of one encoder, on one device and in one precision.

    Args:
        source: Where they are read.
        mark: What `source` was when it was opened.
        device: Where they go.
        dtype: What the factors of matrix products become.
    """

    def __init__(
        self, source: WhisperSource, mark: _Mark, device: torch.device, dtype: torch.dtype
    ) -> None:
        self.source = source
        self.device, self.dtype = device, dtype
        self._mark = mark
        self._lock = threading.Lock()
        self._stem: tuple[Tensor, ...] | None = None
        self._layers: dict[int, tuple[Tensor, ...]] = {}

    def stem(self) -> tuple[Tensor, ...]:
        """Return the tensors of `source.STEM`, in that order."""
        with self._lock:
            if self._stem is None:
                self._stem = self._read(STEM)
            return self._stem

    def layer(self, number: int) -> tuple[Tensor, ...]:
        """Return the tensors of `source.LAYER` of a layer, in that order; layers count from 0 here."""
        with self._lock:
            if number not in self._layers:
                self._layers[number] = self._read(layer_tensors(number))
            return self._layers[number]

    def fingerprint(self, n_layers: int) -> str:
        """Return the `fingerprint_of` the stem and the first `n_layers` layers."""
        key = (self._mark, n_layers)
        with _LOCK:
            known = _DIGESTS.get(key)
        if known is None:
            known = fingerprint_of(self.source, n_layers)
            with _LOCK:
                _DIGESTS[key] = known
        return known

    def _read(self, names: tuple[str, ...]) -> tuple[Tensor, ...]:
        import torch

        tensors = []
        for name in names:
            own = torch.float32 if name.split("/")[-2] in _IN_FLOAT32 else self.dtype
            tensor = self.source.read(name).to(own)
            if not torch.isfinite(tensor).all():
                raise WhisperModelError(
                    f"{self.source.path}: the tensor {name} holds values that are no numbers; the file is "
                    "damaged: download or convert the model again",
                    zh=f"{self.source.path}：张量 {name} 含有无效数值；文件已损坏：请重新下载或转换该模型",
                )
            tensors.append(tensor.to(self.device))
        return tuple(tensors)


def weights_in(
    place: Path, size: str, *, device: torch.device, dtype: torch.dtype
) -> WhisperWeights:
    """Return the weights of a model, those that somebody else holds already where it is the same file.

    Args:
        place: A folder in CTranslate2's format, or a slice (``.safetensors``) that a head carries.
        size: What the model must be.
        device: Where to have the weights.
        dtype: In which precision.

    Raises:
        WhisperModelError: The model is missing, damaged, or another.
    """
    from_slice = place.suffix == ".safetensors"
    mark = _mark_of(place if from_slice else place / "model.bin")
    key = (mark, size, str(device), str(dtype))
    with _LOCK:
        opened = _OPENED.get(key)
    if opened is not None:
        return opened
    source = slice_source(place, size) if from_slice else model_source(place, size)
    with _LOCK:
        opened = _OPENED.get(key)
        if opened is None:
            _OPENED[key] = opened = WhisperWeights(source, mark, device, dtype)
    return opened


def fingerprint_of(source: WhisperSource, n_layers: int) -> str:
    """Return a short name for the weights of the stem and the first layers.

    Every tensor counts with its float16 values, bit by bit, so that a model in float32 and its float16
    conversion are the same. What only the layers above would read does not count: a slice of the model has
    the fingerprint of the whole.

    Returns:
        Such as ``whisper-0123456789abcdef``.
    """
    import torch

    digest = hashlib.sha256(f"{source.n_heads} heads, {n_layers} layers".encode())
    names = (*STEM, *(name for number in range(n_layers) for name in layer_tensors(number)))
    for name in names:
        values = source.read(name).to(torch.float16).contiguous()
        digest.update(f"\n{name} {tuple(values.shape)} ".encode())
        digest.update(values.numpy())
    return f"whisper-{digest.hexdigest()[:16]}"


def _mark_of(path: Path) -> _Mark:
    try:
        state = path.stat()
    except OSError as error:
        raise WhisperModelError(
            f"{path} cannot be read ({error.strerror or error}); the Whisper model is not there (any more): "
            "put it back, or choose another head (heads list)",
            zh=f"无法读取 {path}（{error.strerror or error}）；Whisper 模型不在（或已不在）该处："
            "请放回，或换一个情感模型（heads list）",
        ) from error
    return str(path.resolve()), state.st_size, state.st_mtime_ns
