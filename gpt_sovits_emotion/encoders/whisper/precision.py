"""On which device and in which precision Whisper's encoder runs."""

from __future__ import annotations

import sys
from typing import Literal

__all__ = ["Precision", "usual_device", "usual_precision"]

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
