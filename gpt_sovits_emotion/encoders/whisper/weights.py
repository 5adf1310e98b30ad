"""An encoder's layers, ready to run: held once, read layer by layer, freed with whoever holds them last."""

from __future__ import annotations

import hashlib
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from weakref import WeakValueDictionary

from gpt_sovits_emotion.core.errors import WhisperModelError
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.unreadable import unreadable
from gpt_sovits_emotion.encoders.whisper.sizes import Precision
from gpt_sovits_emotion.encoders.whisper.slices import slice_source
from gpt_sovits_emotion.encoders.whisper.source import (
    STEM,
    WhisperSource,
    layer_tensors,
    model_source,
)

if TYPE_CHECKING:
    import numpy as np

__all__ = ["WhisperLayers", "fingerprint_of", "layers_in"]

_Mark: TypeAlias = "tuple[str, int, int]"
_LOCK = threading.Lock()
_PUT_BACK = tr(
    "; the Whisper model is not there (any more): put it back, or choose another head (heads list)"
)
_OPENED: WeakValueDictionary[tuple[object, ...], WhisperLayers] = WeakValueDictionary()
_DIGESTS: dict[tuple[_Mark, int], str] = {}


class WhisperLayers(ABC):
    """The stem and the layers of one encoder, on one device and in one precision.

    Attributes:
        source: Where they are read.
        device: ``cpu``, or as torch names it.
        precision: Of the factors of matrix products.
        batch_s: Seconds of audio that it does best at once.

    Args:
        source: Where they are read.
        mark: What `source` was when it was opened.
        device: Where they run.
        precision: Of the factors of matrix products.
    """

    batch_s: float

    def __init__(
        self, source: WhisperSource, mark: _Mark, device: str, precision: Precision
    ) -> None:
        self.source = source
        self.device, self.precision = device, precision
        self._mark = mark
        self._lock = threading.Lock()
        self._stem: Any = None
        self._layers: dict[int, Any] = {}

    @abstractmethod
    def frames(self, pieces: Sequence[np.ndarray], layers: Sequence[int]) -> list[list[np.ndarray]]:
        """Return, per piece, ``(n_frames, width)`` float32 of each layer, of its own frames alone.

        Args:
            pieces: Each ``(n_samples,)`` float32 at 16 kHz, at most `spectrogram.MOST_SAMPLES`.
            layers: Ascending; 0 is what enters the first layer, k what leaves the k-th. The norm that comes
                after the last layer of the encoder is not applied.

        Raises:
            WhisperModelError: A tensor that is read now is damaged.
        """

    @abstractmethod
    def _open_stem(self, tensors: Sequence[np.ndarray]) -> Any:
        """Return what runs of the tensors of `source.STEM`."""

    @abstractmethod
    def _open_layer(self, tensors: Sequence[np.ndarray]) -> Any:
        """Return what runs of the tensors of `source.LAYER`."""

    def stem(self) -> Any:
        """Return the stem, which is read when it is first asked for."""
        with self._lock:
            if self._stem is None:
                self._stem = self._open_stem(self._read(STEM))
            return self._stem

    def layer(self, number: int) -> Any:
        """Return a layer, which is read when it is first asked for; layers count from 0 here."""
        with self._lock:
            if number not in self._layers:
                self._layers[number] = self._open_layer(self._read(layer_tensors(number)))
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

    def _read(self, names: tuple[str, ...]) -> list[np.ndarray]:
        import numpy as np

        tensors = []
        for name in names:
            tensor = self.source.read(name).astype(np.float32)
            if not np.isfinite(tensor).all():
                raise WhisperModelError(
                    tr(
                        "{path}: the tensor {name} holds values that are no numbers; the file is "
                        "damaged: download or convert the model again",
                        path=self.source.path,
                        name=name,
                    )
                )
            tensors.append(tensor)
        return tensors


def layers_in(place: Path, size: str, *, device: str, precision: Precision) -> WhisperLayers:
    """Return the layers of a model, those that somebody else holds already where it is the same file.

    Args:
        place: A folder in CTranslate2's format, or a slice (``.safetensors``) that a head carries.
        size: What the model must be.
        device: ``cpu``, or as torch names it.
        precision: One that the device knows: on the CPU float32 or int8.

    Raises:
        WhisperModelError: The model is missing, damaged, or another.
    """
    from_slice = place.suffix == ".safetensors"
    mark = _mark_of(place if from_slice else place / "model.bin")
    key = (mark, size, device, precision)
    with _LOCK:
        opened = _OPENED.get(key)
    if opened is not None:
        return opened
    source = slice_source(place, size) if from_slice else model_source(place, size)
    kind = _kind_on(device)
    with _LOCK:
        opened = _OPENED.get(key)
        if opened is None:
            _OPENED[key] = opened = kind(source, mark, device, precision)
    return opened


def _kind_on(device: str) -> type[WhisperLayers]:
    if device == "cpu":
        from gpt_sovits_emotion.encoders.whisper.onnx_layers import OnnxLayers

        return OnnxLayers
    from gpt_sovits_emotion.encoders.whisper.torch_layers import TorchLayers

    return TorchLayers


def fingerprint_of(source: WhisperSource, n_layers: int) -> str:
    """Return a short name for the weights of the stem and the first layers.

    Every tensor counts with its float16 values, bit by bit, so that a model in float32 and its float16
    conversion are the same. What only the layers above would read does not count: a slice of the model has
    the fingerprint of the whole.

    Returns:
        Such as ``whisper-0123456789abcdef``.
    """
    import numpy as np

    digest = hashlib.sha256(f"{source.n_heads} heads, {n_layers} layers".encode())
    names = (*STEM, *(name for number in range(n_layers) for name in layer_tensors(number)))
    for name in names:
        with np.errstate(
            over="ignore"
        ):  # beyond float16 is infinite, which is a value as good as others
            values = np.ascontiguousarray(source.read(name), np.float16)
        digest.update(f"\n{name} {values.shape} ".encode())
        digest.update(values.data)
    return f"whisper-{digest.hexdigest()[:16]}"


def _mark_of(path: Path) -> _Mark:
    try:
        state = path.stat()
    except OSError as error:
        told = unreadable(path, error, _PUT_BACK)
        raise WhisperModelError(told.en, zh=told.zh) from error
    return str(path.resolve()), state.st_size, state.st_mtime_ns
