"""From frames to one embedding per segment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

__all__ = ["pool"]


def pool(frames: Sequence[np.ndarray]) -> np.ndarray:
    """Pool the frames of one audio over time: mean and standard deviation.

    Args:
        frames: Per layer ``(n_frames, n_channels)``, of any floating-point type; features that the backend
            has stored will do (its are ``(n_channels, n_frames)``: transpose them).

    Returns:
        ``(n_layers * 2 * n_channels,)`` float32: layer by layer the mean, then the standard deviation
        (of the frames as they are: over n, so that a single frame has 0).
    """
    import numpy as np

    pooled = [
        function(layer, axis=0, dtype=np.float64)
        for layer in frames
        for function in (np.mean, np.std)
    ]
    embedding: np.ndarray = np.concatenate(pooled).astype(np.float32)
    return embedding
