"""What a fit gives, which can be asked and written down."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from gpt_sovits_emotion.heads.files import SHARED
from gpt_sovits_emotion.heads.head import Member
from gpt_sovits_emotion.heads.moving import moving_statistics
from gpt_sovits_emotion.training.dataset import (
    FeatureStatistics,
    normalise,
    normalise_by_speaker,
    normalise_moving,
)
from gpt_sovits_emotion.training.recipe import Recipe

__all__ = ["FittedHead"]


@dataclass(frozen=True, slots=True, eq=False)
class FittedHead:
    """What training gives: everything of a head but its calibration and its card.

    Attributes:
        classes: Labels, in the order of the outputs.
        statistics: Of the training embeddings.
        members: Mode -> networks.
        recipe: How it was trained.
        layer_weights: Mode -> learned weight of each hidden layer; empty where none are learned.
        stopped: The fit was cancelled: members or a whole mode may be missing.
    """

    classes: tuple[str, ...]
    statistics: FeatureStatistics
    members: dict[str, tuple[Member, ...]]
    recipe: Recipe
    layer_weights: dict[str, tuple[float, ...]] = field(default_factory=dict)
    stopped: bool = False

    def logits(
        self, embeddings: np.ndarray, *, mode: str, known: np.ndarray | None = None
    ) -> np.ndarray:
        """Return ``(n_segments, n_labels)`` mean logits of the members.

        Args:
            embeddings: ``(n_segments, dim)``; in mode ``speaker`` all of one speaker.
            mode: ``global`` or ``speaker``.
            known: In mode ``speaker``, the segments that the speaker's mean is taken from.
        """
        if mode == "global":
            z = normalise(embeddings, self.statistics, clip_z=self.recipe.clip_z)
        elif self.recipe.heard:
            z = _normalise_known(embeddings, known, self.statistics, self.recipe)
        else:
            z = normalise_by_speaker(
                embeddings,
                self.statistics,
                clip_z=self.recipe.clip_z,
                prior_segments=self.recipe.prior_segments,
                known=known,
            )
        return np.asarray(np.mean([member.logits(z) for member in self.members[mode]], axis=0))

    def tensors(self) -> dict[str, np.ndarray]:
        """Return the tensors of a head file."""
        tensors = {
            "features.mean": self.statistics.mean,
            "features.std": self.statistics.std,
            "features.within_speaker_std": self.statistics.within_speaker_std,
        }
        shared = {SHARED: next(iter(self.members.values()))}
        for mode, members in (shared if self.recipe.heard else self.members).items():
            for i, member in enumerate(members):
                layers = (member.w1, member.b1, member.w2, member.b2)
                for layer, tensor in zip(_LAYERS, layers, strict=True):
                    tensors[f"{mode}.{i}.{layer}"] = tensor
        return tensors


def _normalise_known(
    embeddings: np.ndarray,
    known: np.ndarray | None,
    statistics: FeatureStatistics,
    recipe: Recipe,
) -> np.ndarray:
    """Return z-scores against `known` segments of the speaker, or each against all the others when None."""
    if known is None:
        return normalise_moving(
            embeddings,
            np.zeros(len(embeddings)),
            statistics,
            clip_z=recipe.clip_z,
            prior_segments=recipe.prior_segments,
            n_others=None,
        )
    mean, std = moving_statistics(
        statistics,
        known.sum(0, dtype=np.float64),
        len(known),
        prior_segments=recipe.prior_segments,
    )
    z = (embeddings - mean) / std
    return np.asarray(np.clip(z, -recipe.clip_z, recipe.clip_z), np.float32)


_LAYERS = ("mlp.0.weight", "mlp.0.bias", "mlp.3.weight", "mlp.3.bias")
