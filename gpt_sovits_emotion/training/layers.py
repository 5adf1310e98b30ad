"""Which hidden layers of an encoder matter: one weight per layer, learned with the head.

An encoder that reads several layers puts them one after another in its embedding. A head may sum them,
each with its weight, before its first layer (Yang et al. 2021, "SUPERB", Interspeech, section 3.2: the
weights are a softmax over one number per layer). A weighted sum is linear, so afterwards it is folded
into the head's first layer, and a head file looks the same with it as without.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gpt_sovits_emotion.core.errors import CorpusError

if TYPE_CHECKING:
    import torch

__all__ = ["LayerSum", "Part", "fold", "place_layers", "softmax_weights", "weigh"]


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of an embedding that one encoder gave.

    Attributes:
        n_layers: Hidden layers in it, one after another, all of one length; 1 where there are none.
        dim: Its length; None for whatever the other parts leave, which one part may say.
    """

    n_layers: int
    dim: int | None = None


@dataclass(frozen=True, slots=True)
class LayerSum:
    """Where the layers lie that are summed.

    Attributes:
        start: First column of the first layer.
        n_layers: How many there are.
        layer_dim: Columns of each.
        dim: Of the whole embedding.
    """

    start: int
    n_layers: int
    layer_dim: int
    dim: int

    @property
    def stop(self) -> int:
        """The column after the last layer."""
        return self.start + self.n_layers * self.layer_dim

    @property
    def summed_dim(self) -> int:
        """Length of an embedding whose layers are summed."""
        return self.dim - (self.n_layers - 1) * self.layer_dim


def place_layers(parts: Sequence[Part], dim: int) -> LayerSum | None:
    """Find the part that has several layers.

    Args:
        parts: Of the embedding, in order; none for an encoder without layers.
        dim: Length of the embedding.

    Returns:
        Where the layers are; None when no part has several.

    Raises:
        CorpusError: The parts do not make up an embedding of this length, or two have layers.
    """
    known = sum(part.dim or 0 for part in parts)
    open_parts = sum(part.dim is None for part in parts)
    layered = [part for part in parts if part.n_layers > 1]
    if not layered:
        return None
    if len(layered) > 1 or open_parts > 1 or (known != dim if not open_parts else known >= dim):
        made_of = ", ".join("the rest" if part.dim is None else str(part.dim) for part in parts)
        raise CorpusError(
            f"an embedding of {dim} values cannot be made of {made_of} values with one part in layers",
            zh=f"{dim} 维的嵌入无法由 {made_of} 维的各部分（其中一个分层）组成",
        )
    start = 0
    for part in parts:
        length = dim - known if part.dim is None else part.dim
        if part.n_layers > 1:
            if length % part.n_layers:
                raise CorpusError(
                    f"{length} values cannot be {part.n_layers} layers of one length",
                    zh=f"{length} 个数值无法均分为 {part.n_layers} 层",
                )
            return LayerSum(start, part.n_layers, length // part.n_layers, dim)
        start += length
    return None


def softmax_weights(scores: torch.Tensor) -> torch.Tensor:
    """Return ``(n_layers,)`` weights that sum to 1."""
    weights: torch.Tensor = scores.softmax(dim=0)
    return weights


def weigh(z: torch.Tensor, weights: torch.Tensor, layers: LayerSum) -> torch.Tensor:
    """Sum the layers of normalised embeddings, each with its weight.

    Args:
        z: ``(n_rows, dim)``.
        weights: ``(n_layers,)``.
        layers: Where they are.

    Returns:
        ``(n_rows, summed_dim)``: what lies before the layers, their sum, what lies behind.
    """
    import torch

    block = z[:, layers.start : layers.stop].reshape(len(z), layers.n_layers, layers.layer_dim)
    summed = torch.einsum("rld,l->rd", block, weights)
    return torch.cat([z[:, : layers.start], summed, z[:, layers.stop :]], dim=1)


def fold(w1: np.ndarray, weights: np.ndarray, layers: LayerSum) -> np.ndarray:
    """Return the first layer that does on the whole embedding what `w1` does on the summed one.

    Args:
        w1: ``(hidden, summed_dim)``.
        weights: ``(n_layers,)``.
        layers: Where they are.

    Returns:
        ``(hidden, dim)``.
    """
    before, rest = w1[:, : layers.start], w1[:, layers.start :]
    block, behind = rest[:, : layers.layer_dim], rest[:, layers.layer_dim :]
    repeated = [np.float32(weight) * block for weight in weights]
    return np.concatenate([before, *repeated, behind], axis=1)
