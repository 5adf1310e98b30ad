"""A finished head among those who are measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gpt_sovits_emotion.heads.head import Head
from gpt_sovits_emotion.heads.recording import predict_recording

__all__ = ["FinishedHead"]

_LEAST_PROBABILITY = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class FinishedHead:
    """A finished head, asked in the same way as one that was just fitted.

    Attributes:
        head: The head.
        classes: Among which it chooses; all of them labels of the head. Its probabilities of others are
            left out, and what remains is what `logits` gives the logarithm of: the head's own
            temperature is in it, and 1 is the temperature to score it with.
    """

    head: Head
    classes: tuple[str, ...]

    def logits(
        self, embeddings: np.ndarray, *, mode: str, known: np.ndarray | None = None
    ) -> np.ndarray:
        """Return ``(n_segments, n_labels)`` logarithms of probabilities, up to a constant per row.

        In mode ``speaker`` the head decides as it does at work: with fewer clips in `known` than its
        card asks for, it judges by the training statistics.
        """
        statistics = None
        if mode == "speaker":
            own = embeddings if known is None else known
            statistics = self.head.statistics(own, source="corpus", inclusive=known is None)
        columns = [self.head.card.labels.index(label) for label in self.classes]
        probabilities = self.head.probabilities(embeddings, statistics)[:, columns]
        return np.asarray(np.log(np.maximum(probabilities, _LEAST_PROBABILITY)))

    def judge(self, embeddings: np.ndarray) -> np.ndarray:
        """Return ``(n_segments, n_labels)`` probabilities of a recording, as the head gives them at work."""
        columns = [self.head.card.labels.index(label) for label in self.classes]
        found = predict_recording(self.head, embeddings).probabilities[:, columns]
        return np.asarray(found / np.maximum(found.sum(axis=1, keepdims=True), _LEAST_PROBABILITY))
