"""The seed's module, for training: two linear layers on one embedding."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["EmotionClassifier"]


class EmotionClassifier(nn.Module):
    """``(n_segments, dim)`` normalised embeddings to ``(n_segments, n_labels)`` logits.

    The names of its parameters (``mlp.0.weight``, ``mlp.0.bias``, ``mlp.3.weight``, ``mlp.3.bias``) are
    those of a head file. `heads.head.Member` is the same function in numpy.

    Args:
        dim: Length of an embedding.
        n_labels: Number of classes.
        hidden: Width of the hidden layer.
        dropout: Share of hidden units dropped in training.
    """

    def __init__(self, dim: int, n_labels: int, *, hidden: int = 128, dropout: float = 0.3) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(dim, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, n_labels)
        )

    def forward(self, embeddings: torch.Tensor) -> torch.Tensor:
        """Return ``(n_segments, n_labels)`` logits."""
        logits: torch.Tensor = self.mlp(embeddings)
        return logits
