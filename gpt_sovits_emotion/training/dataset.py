"""Labelled embeddings: what training and evaluation work on, whichever encoder they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from gpt_sovits_emotion.errors import CorpusError

__all__ = ["FeatureStatistics", "LabelledEmbeddings", "normalise", "normalise_by_speaker"]

_SMALLEST_STD = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class LabelledEmbeddings:
    """Embeddings with who spoke, what was said and which emotion it was.

    Attributes:
        embeddings: ``(n_segments, dim)`` float32.
        labels: ``(n_segments,)`` str.
        speakers: ``(n_segments,)`` str.
        texts: ``(n_segments,)`` str, "" where unknown.
        copies: Name -> ``(n_segments, dim)`` embeddings of altered copies of the same audio, row by
            row. They are trained on, each normalised as a speaker of its own, and never tested on.
    """

    embeddings: np.ndarray
    labels: np.ndarray
    speakers: np.ndarray
    texts: np.ndarray
    copies: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n_segments = len(self.embeddings)
        if {len(self.labels), len(self.speakers), len(self.texts)} != {n_segments}:
            raise CorpusError(
                f"{n_segments} embeddings came with {len(self.labels)} labels, {len(self.speakers)} "
                f"speakers and {len(self.texts)} texts: one of each per embedding is needed"
            )
        for name, copy in self.copies.items():
            if copy.shape != self.embeddings.shape:
                raise CorpusError(
                    f"the copy {name!r} has shape {copy.shape}, the embeddings have "
                    f"{self.embeddings.shape}: copies go row by row"
                )

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels that occur, sorted."""
        return tuple(sorted(set(self.labels.tolist())))

    def targets(self, classes: Sequence[str]) -> np.ndarray:
        """Return ``(n_segments,)`` integer places of the labels in `classes`.

        Raises:
            CorpusError: A label is not among the classes.
        """
        place = {label: index for index, label in enumerate(classes)}
        unknown = sorted(set(self.labels.tolist()) - place.keys())
        if unknown:
            raise CorpusError(f"the labels {', '.join(unknown)} are not among {', '.join(classes)}")
        return np.array([place[label] for label in self.labels.tolist()], np.int64)

    def select(self, mask: np.ndarray) -> LabelledEmbeddings:
        """Return the rows where `mask` is True."""
        return LabelledEmbeddings(
            self.embeddings[mask],
            self.labels[mask],
            self.speakers[mask],
            self.texts[mask],
            {name: copy[mask] for name, copy in self.copies.items()},
        )


@dataclass(frozen=True, slots=True, eq=False)
class FeatureStatistics:
    """Statistics of the training embeddings; a head carries them.

    Attributes:
        mean: ``(dim,)`` float32.
        std: ``(dim,)`` float32, over all segments.
        within_speaker_std: ``(dim,)`` float32, around each speaker's own mean, pooled.
    """

    mean: np.ndarray
    std: np.ndarray
    within_speaker_std: np.ndarray

    @classmethod
    def measure(cls, embeddings: np.ndarray, speakers: np.ndarray) -> FeatureStatistics:
        """Measure them on ``(n_segments, dim)`` embeddings and their speakers."""
        exact = embeddings.astype(np.float64)
        residual = np.empty_like(exact)
        for speaker in np.unique(speakers):
            own = speakers == speaker
            residual[own] = exact[own] - exact[own].mean(0)
        return cls(
            exact.mean(0).astype(np.float32),
            np.maximum(exact.std(0), _SMALLEST_STD).astype(np.float32),
            np.maximum(residual.std(0), _SMALLEST_STD).astype(np.float32),
        )


def normalise(
    embeddings: np.ndarray, statistics: FeatureStatistics, *, clip_z: float
) -> np.ndarray:
    """Return z-scores by the training statistics, clipped to plus or minus `clip_z`."""
    z = (embeddings - statistics.mean) / statistics.std
    return np.asarray(np.clip(z, -clip_z, clip_z), np.float32)


def normalise_by_speaker(
    embeddings: np.ndarray,
    statistics: FeatureStatistics,
    *,
    clip_z: float,
    prior_segments: float,
    known: np.ndarray | None = None,
) -> np.ndarray:
    """Return z-scores by one speaker's own mean, clipped to plus or minus `clip_z`.

    The mean is shrunk towards the training mean as if `prior_segments` segments lay there (maximum a
    posteriori); the deviation is the one within the training speakers.

    Args:
        embeddings: ``(n_segments, dim)``, all of one speaker.
        statistics: Of the training embeddings.
        clip_z: Where to clip.
        prior_segments: Weight of the training mean.
        known: ``(n_known, dim)`` segments that the mean is taken from; `embeddings` when None.
    """
    own = embeddings if known is None else known
    total = own.astype(np.float64).sum(0) + prior_segments * statistics.mean
    mean = (total / (len(own) + prior_segments)).astype(np.float32)
    z = (embeddings - mean) / statistics.within_speaker_std
    return np.asarray(np.clip(z, -clip_z, clip_z), np.float32)
