"""Read a small safetensors file with its metadata, carefully: it may come from anywhere."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gpt_sovits_emotion.core.errors import HeadError
from gpt_sovits_emotion.heads.untrusted import read_file

__all__ = ["Numbers", "read_numbers"]


@dataclass(frozen=True, slots=True, eq=False)
class Numbers:
    """What a safetensors file holds: arrays by name, and words by name."""

    tensors: dict[str, np.ndarray]
    metadata: dict[str, str]


def read_numbers(path: Path, *, max_bytes: int) -> Numbers:
    """Read all arrays and the metadata of a safetensors file.

    Args:
        path: The file.
        max_bytes: Larger files are refused before they are read.

    Raises:
        HeadError: The file is missing, too large, damaged, or no safetensors at all.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    content = read_file(path, max_bytes=max_bytes)
    try:
        tensors: dict[str, np.ndarray] = load(content)  # which has checked the header
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    except (SafetensorError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise HeadError(
            f"{path} cannot be read as safetensors: it is damaged or was cut off; get a whole copy",
            zh=f"无法以 safetensors 格式读取 {path}：文件已损坏或不完整；请重新获取完整的文件",
        ) from error
    return Numbers(tensors, dict(header.get("__metadata__", {})))
