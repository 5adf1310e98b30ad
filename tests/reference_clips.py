"""Clips for banks in tests: short files of their own content, written without an encoder."""

from __future__ import annotations

import itertools
import struct
from pathlib import Path

import numpy as np

from gpt_sovits_emotion.core.records import ReferenceBank, ReferenceClip

_SEEDS = itertools.count()
RATE_HZ = 4_000  # the lowest that is read: thousands of clips stay small


def write_clip(path: Path, *, duration_s: float = 4.0, seed: int | None = None) -> Path:
    """Write noise of its own as 16-bit WAV, so that no two clips have the same content."""
    rng = np.random.default_rng(next(_SEEDS) if seed is None else seed)
    body = rng.integers(-9000, 9000, round(duration_s * RATE_HZ), dtype="<i2").tobytes()
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE_HZ, 2 * RATE_HZ, 2, 16)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(
        struct.pack("<4sI4s", b"RIFF", 36 + len(body), b"WAVE")
        + form
        + struct.pack("<4sI", b"data", len(body))
        + body
    )
    return path


def only(bank: ReferenceBank, name: str) -> ReferenceClip:
    """Return the one clip of a bank whose file has this name."""
    (found,) = [clip for clip in bank.clips if clip.path.name == name]
    return found


def said(bank: ReferenceBank) -> list[tuple[str, str, str]]:
    """Return emotion, text and language of the usable clips, sorted."""
    return sorted((clip.emotion, clip.text, clip.language) for clip in bank.usable)
