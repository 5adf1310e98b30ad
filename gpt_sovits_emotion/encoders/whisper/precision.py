"""On which device and in which precision Whisper's encoder runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import torch

__all__ = ["Precision", "dtype_for", "usual_device"]

Precision = Literal["float32", "bfloat16", "float16"]


def usual_device() -> torch.device:
    """Return the graphics card where torch has one, else the CPU."""
    import torch

    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def dtype_for(device: torch.device, precision: Precision | None = None) -> torch.dtype:
    """Return the floating-point type of weights and activations.

    On a graphics card float16, which Whisper was published in. On a CPU that multiplies bfloat16 in its
    hardware that, else float32: emulated, bfloat16 is the slower one.

    Args:
        device: Where it runs.
        precision: Forces one.
    """
    import torch

    if precision is not None:
        dtype: torch.dtype = getattr(torch, precision)
        return dtype
    if device.type != "cpu":
        return torch.float16 if device.type == "cuda" else torch.float32
    return torch.bfloat16 if _multiplies_bfloat16() else torch.float32


def _multiplies_bfloat16() -> bool:
    """Say whether this CPU has matrix products in bfloat16 and torch knows of them (since its 2.4 or 2.6)."""
    import torch

    asked = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return any(bool(getattr(torch.cpu, name, lambda: False)()) for name in asked)
