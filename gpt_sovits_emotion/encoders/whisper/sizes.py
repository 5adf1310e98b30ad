"""The Whisper models that heads can read, by name; the device and the precision that they run in."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Literal

__all__ = [
    "SIZES",
    "Precision",
    "WhisperSize",
    "plain_size",
    "usual_device",
    "usual_precision",
]


@dataclass(frozen=True, slots=True)
class WhisperSize:
    """The shape of an encoder.

    Attributes:
        n_layers: Transformer layers.
        width: Length of one frame's hidden state.
        n_mels: Bands of the spectrogram that it reads.
    """

    n_layers: int
    width: int
    n_mels: int = 80


_TINY, _BASE, _SMALL = WhisperSize(4, 384), WhisperSize(6, 512), WhisperSize(12, 768)
_MEDIUM, _LARGE, _LARGE_V3 = (
    WhisperSize(24, 1024),
    WhisperSize(32, 1280),
    WhisperSize(32, 1280, n_mels=128),
)

SIZES = {
    "tiny": _TINY,
    "tiny.en": _TINY,
    "base": _BASE,
    "base.en": _BASE,
    "small": _SMALL,
    "small.en": _SMALL,
    "medium": _MEDIUM,
    "medium.en": _MEDIUM,
    "large-v1": _LARGE,
    "large-v2": _LARGE,
    "large-v3": _LARGE_V3,
    "large-v3-turbo": _LARGE_V3,
    "distil-small.en": _SMALL,
    "distil-medium.en": _MEDIUM,
    "distil-large-v2": _LARGE,
    "distil-large-v3": _LARGE_V3,
    "distil-large-v3.5": _LARGE_V3,
}
"""Model name -> shape. Several models have one shape; fingerprints tell their weights apart."""

_ALIASES = {"large": "large-v3", "turbo": "large-v3-turbo"}


def plain_size(name: str) -> str:
    """Return the name under which a model stands in `SIZES`, itself where it has no other.

    >>> plain_size("turbo"), plain_size("base")
    ('large-v3-turbo', 'base')
    """
    return _ALIASES.get(name, name)


Precision = Literal["float32", "int8", "bfloat16", "float16"]


def usual_device() -> str:
    """Return ``cuda`` where torch has a graphics card, else ``cpu``.

    Torch is asked only where it is loaded already, or where there is a card at all: loading it takes a second
    and 180 MB, and a process that only transcribes and tags on the CPU needs it for nothing else.
    """
    if "torch" not in sys.modules:
        import ctranslate2

        if ctranslate2.get_cuda_device_count() == 0:
            return "cpu"
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def usual_precision(device: str) -> Precision:
    """Return the precision that suits a device: of a card float16, which Whisper was published in.

    On a CPU int8, as the transcriber has it: half of float32's time and a quarter of its memory, and heads
    hear the same in it (``benchmarks/whisper_speed.py`` compares their labels).
    """
    if device == "cpu":
        return "int8"
    return "float16" if device.startswith("cuda") else "float32"
