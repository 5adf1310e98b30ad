"""Giving memory back to the system, in a process that belongs to somebody else."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable

__all__ = ["trim_heap"]


def trim_heap() -> None:
    """Return what was allocated and freed to the system, where the C library keeps it (glibc).

    Encoding leaves nothing behind but the holes of its activations, and glibc keeps those, once for every
    thread that worked: 230 MB of GPT-SoVITS's page after one recording through HuBERT
    (`benchmarks/host_page.py`). Takes milliseconds.
    """
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@functools.cache
def _malloc_trim() -> Callable[[int], int] | None:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # another C library; TypeError on Windows
        return None
