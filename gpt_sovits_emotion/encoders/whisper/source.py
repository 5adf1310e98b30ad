"""Where an encoder's tensors come from, checked before any of them is read.

Tensors are named as CTranslate2 names them, without ``encoder/`` in front: `STEM`, and `LAYER` of each layer.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gpt_sovits_emotion.core.errors import WhisperModelError
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.encoders.whisper.model_file import (
    BFLOAT16,
    ModelFile,
    open_model_file,
)
from gpt_sovits_emotion.encoders.whisper.sizes import SIZES, WhisperSize, plain_size

if TYPE_CHECKING:
    import numpy as np

__all__ = [
    "LAYER",
    "STEM",
    "WhisperSource",
    "checked_shapes",
    "layer_tensors",
    "model_source",
    "sizes_of",
]

STEM = (
    "conv1/weight",
    "conv1/bias",
    "conv2/weight",
    "conv2/bias",
    "position_encodings/encodings",
)
"""What comes before the layers: two convolutions, and the positions."""

LAYER = (
    "self_attention/layer_norm/gamma",
    "self_attention/layer_norm/beta",
    "self_attention/linear_0/weight",
    "self_attention/linear_0/bias",
    "self_attention/linear_1/weight",
    "self_attention/linear_1/bias",
    "ffn/layer_norm/gamma",
    "ffn/layer_norm/beta",
    "ffn/linear_0/weight",
    "ffn/linear_0/bias",
    "ffn/linear_1/weight",
    "ffn/linear_1/bias",
)
"""What makes up one layer; ``linear_0`` of the attention is queries, keys and values one below the other."""

_SPECIFICATION = "WhisperSpec"
_PREFIX = "encoder/"
_LAYER_NAME = re.compile(r"layer_([0-9]{1,3})/")
_HEAD_WIDTH = 64  # of every Whisper that OpenAI has published
_N_CONTEXT = 1500  # frames in 30 seconds
_KERNEL = 3
_FLOATS = (0, 4, BFLOAT16)
_INT8, _INT16 = 1, 2
_VOCABULARY, _ENGLISH_TOKENS = "decoder/embeddings/weight", 51_864
_DECODER_LAYER = re.compile(r"decoder/layer_([0-9]{1,3})/")
_DECODER_LAYERS = {  # where models of one encoder differ
    "large-v3-turbo": 4,
    "distil-small.en": 4,
    "distil-medium.en": 2,
    "distil-large-v2": 2,
    "distil-large-v3": 2,
    "distil-large-v3.5": 2,
}


@dataclass(frozen=True, slots=True, eq=False)
class WhisperSource:
    """An encoder's tensors in a file, read one by one.

    Attributes:
        path: The file.
        shape: Of the encoder; of a slice, `WhisperSize.n_layers` counts the layers that it holds.
        n_heads: Attention heads.
        read: Returns a tensor by name, as a copy: float16 as it is stored, everything else in float32.
    """

    path: Path
    shape: WhisperSize
    n_heads: int
    read: Callable[[str], np.ndarray]


def layer_tensors(number: int) -> tuple[str, ...]:
    """Return the names of a layer's tensors; layers count from 0 here, as in the files."""
    return tuple(f"layer_{number}/{name}" for name in LAYER)


def model_source(folder: Path, size: str | None = None) -> WhisperSource:
    """Open a folder in CTranslate2's format; nothing but the list of its tensors is read.

    Args:
        folder: Holds ``model.bin``.
        size: What it must be; None takes any Whisper.

    Raises:
        WhisperModelError: It is missing, cut off, another architecture or size, quantised without scales,
            or holds tensors that do not fit each other.
    """
    model = _open_whisper(folder)
    shapes = {
        name.removeprefix(_PREFIX): tensor.shape
        for name, tensor in model.tensors.items()
        if name.startswith(_PREFIX)
    }
    shape = checked_shapes(shapes, model.path)
    if size is not None and SIZES.get(size) not in (None, shape):
        raise _another_size(model.path, size, shape)
    for name in (*STEM, *(name for i in range(shape.n_layers) for name in layer_tensors(i))):
        _check_scale(model, name)
    return WhisperSource(
        model.path, shape, _n_heads(model, shape), lambda name: _tensor(model, _PREFIX + name)
    )


def sizes_of(folder: Path) -> tuple[str, ...]:
    """Return which of `SIZES` a folder's model can be, by its shapes and by what the folder is called.

    Raises:
        WhisperModelError: As `model_source`.
    """
    model = _open_whisper(folder)
    shapes = {
        name.removeprefix(_PREFIX): tensor.shape
        for name, tensor in model.tensors.items()
        if name.startswith(_PREFIX)
    }
    shape = checked_shapes(shapes, model.path)
    alike = tuple(size for size, known in SIZES.items() if known == shape)
    title = plain_size(folder.resolve().name.removeprefix("faster-whisper-"))
    if title in alike:
        return (title,)
    vocabulary = model.tensors.get(_VOCABULARY)
    english = vocabulary is not None and vocabulary.shape[:1] == (_ENGLISH_TOKENS,)
    n_decoder = len({found[1] for name in model.tensors if (found := _DECODER_LAYER.match(name))})
    fits = tuple(
        size
        for size in alike
        if size.endswith(".en") == english
        and _DECODER_LAYERS.get(size, shape.n_layers) == n_decoder
    )
    return fits or alike  # of a model that somebody has cut down, the encoder alone tells


def checked_shapes(shapes: Mapping[str, tuple[int, ...]], path: Path) -> WhisperSize:
    """Make sure that an encoder's tensors are there and fit each other; return its shape.

    Raises:
        WhisperModelError: They do not.
    """
    first, positions = shapes.get(STEM[0], ()), shapes.get(STEM[4], ())
    if len(first) != 3 or len(positions) != 2:
        raise _unfit(path, "its encoder does not begin with two convolutions and positions")
    width, n_mels, _ = first
    numbers = {int(found[1]) for name in shapes if (found := _LAYER_NAME.match(name))}
    n_layers = len(numbers)
    if not 0 < width <= 1 << 14 or numbers != set(range(n_layers)):
        raise _unfit(path, "its layers are not numbered one after another")
    expected: dict[str, tuple[int, ...]] = {
        STEM[0]: (width, n_mels, _KERNEL),
        STEM[1]: (width,),
        STEM[2]: (width, width, _KERNEL),
        STEM[3]: (width,),
        STEM[4]: (_N_CONTEXT, width),
    }
    inner = 4 * width
    of_layer = (
        *((width,), (width,), (3 * width, width), (3 * width,), (width, width), (width,)),
        *((width,), (width,), (inner, width), (inner,), (width, inner), (width,)),
    )
    for number in range(n_layers):
        expected.update(zip(layer_tensors(number), of_layer, strict=True))
    for name, shape in expected.items():
        found_shape = shapes.get(name)
        if found_shape is None:
            raise _unfit(path, f"it lacks the tensor {name}")
        if found_shape != shape:
            raise _unfit(path, f"the tensor {name} has shape {found_shape} instead of {shape}")
    return WhisperSize(n_layers, width, n_mels)


def _open_whisper(folder: Path) -> ModelFile:
    model = open_model_file(folder / "model.bin")
    if model.specification != _SPECIFICATION:
        raise WhisperModelError(
            tr(
                "{path} is a {specification} of CTranslate2, not a Whisper model ({specification_2}); "
                "choose the folder of a Whisper model",
                path=model.path,
                specification=model.specification[:60],
                specification_2=_SPECIFICATION,
            )
        )
    return model


def _n_heads(model: ModelFile, shape: WhisperSize) -> int:
    name = f"{_PREFIX}num_heads"
    stated = model.tensors.get(name)
    single = stated is not None and math.prod(stated.shape) == 1
    n_heads = int(model.raw(name).reshape(())) if single else shape.width // _HEAD_WIDTH
    if n_heads < 1 or shape.width % n_heads:
        raise _unfit(model.path, f"{n_heads} attention heads cannot share a width of {shape.width}")
    return n_heads


def _check_scale(model: ModelFile, name: str) -> None:
    tensor = model.tensors[_PREFIX + name]
    if tensor.dtype in _FLOATS:
        return
    scale = model.tensors.get(f"{_PREFIX}{name}_scale")
    n_scales = None if scale is None else math.prod(scale.shape)
    if tensor.dtype not in (_INT8, _INT16) or n_scales not in (1, tensor.shape[0]):
        raise WhisperModelError(
            tr(
                "{path}: the tensor {prefix}{name} holds whole numbers without the scales that turn them "
                "into weights, so it cannot be read; convert or download the model again",
                path=model.path,
                prefix=_PREFIX,
                name=name,
            )
        )


def _tensor(model: ModelFile, name: str) -> np.ndarray:
    """Return a tensor's values; where CTranslate2 stores ``round(scale * value)``, divide by the scales."""
    dtype = model.tensors[name].dtype
    if dtype == BFLOAT16:
        return model.values(name)
    stored = model.stored(name)
    if dtype in _FLOATS:
        return stored
    scale = model.values(f"{name}_scale").reshape((-1,) + (1,) * (stored.ndim - 1))
    return _divided(stored, scale)


def _divided(whole: np.ndarray, scale: np.ndarray) -> np.ndarray:
    import numpy as np

    with np.errstate(
        divide="ignore", invalid="ignore"
    ):  # a scale of 0 is found out by what comes of it
        divided: np.ndarray = whole.astype(np.float32) / scale
    return divided


def _unfit(path: Path, why: str) -> WhisperModelError:
    return WhisperModelError(
        tr(
            "{path} is not the encoder of a Whisper model as CTranslate2 writes it ({why}); download the "
            "model again, or choose another folder",
            path=path,
            why=why,
        )
    )


def _another_size(path: Path, size: str, shape: WhisperSize) -> WhisperModelError:
    known = SIZES[size]
    return WhisperModelError(
        tr(
            "{path} is no Whisper {size}: its encoder has {n_layers} layers of {width} numbers and reads "
            "{n_mels} bands, that of {size} has {n_layers_2} of {width_2} and {n_mels_2}; choose the "
            "folder of {size}",
            path=path,
            size=size,
            n_layers=shape.n_layers,
            width=shape.width,
            n_mels=shape.n_mels,
            n_layers_2=known.n_layers,
            width_2=known.width,
            n_mels_2=known.n_mels,
        )
    )
