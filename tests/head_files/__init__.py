"""Heads that must be refused, made anew for each test: `malicious.MALICIOUS` and `broken.BROKEN`.

Each is a function that spoils the folder of a sound head, and a pattern that the refusal must hold. A file
that runs code does so by making the folder ``unpickled`` where the program runs.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

__all__ = ["RAN", "Spoil", "resave", "rewrite", "rewrite_golden"]

RAN = "unpickled"
"""The folder that is there when code was run."""

Spoil = tuple[Callable[[Path], object], str]


def resave(folder: Path, **changes: np.ndarray | None) -> None:
    """Save the weights of a head anew, with other tensors; None leaves one out."""
    path = folder / "head.safetensors"
    tensors = {**load_file(path), **changes}
    save_file({name: tensor for name, tensor in tensors.items() if tensor is not None}, path)


def rewrite(folder: Path, old: str, new: str) -> None:
    """Replace a text in the card of a head."""
    path = folder / "head.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def rewrite_golden(folder: Path, content: str) -> None:
    """Replace the golden triple of a head."""
    (folder / "golden.json").write_text(content, encoding="utf-8")
