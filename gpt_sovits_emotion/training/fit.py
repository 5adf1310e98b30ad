"""Fit the members of a head: small two-layer networks on normalised embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from gpt_sovits_emotion.errors import CorpusError
from gpt_sovits_emotion.heads.card import MODES
from gpt_sovits_emotion.heads.head import Member
from gpt_sovits_emotion.training.dataset import (
    FeatureStatistics,
    LabelledEmbeddings,
    normalise,
    normalise_by_speaker,
)

__all__ = ["FittedHead", "Recipe", "fit_head"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a head is trained. Fixed before any test speaker is looked at.

    Attributes:
        hidden: Width of the hidden layer.
        dropout, input_dropout: Share of hidden units and of features dropped.
        mixup: Parameter of the Beta distribution that mixes pairs of training rows; 0 for none.
        label_smoothing: Share of each target spread over all classes.
        learning_rate, weight_decay: Of AdamW; the rate follows one cycle.
        n_epochs, batch_size: Passes over the training rows, rows per step.
        clip_z: Normalised features are clipped to plus or minus this.
        prior_segments: Weight of the training mean in a speaker's mean.
        n_members: Networks per mode, different by seed alone; their logits are averaged.
        seed: Seed of the first member.
    """

    hidden: int = 128
    dropout: float = 0.3
    input_dropout: float = 0.5
    mixup: float = 0.2
    label_smoothing: float = 0.1
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    n_epochs: int = 20
    batch_size: int = 128
    clip_z: float = 6.0
    prior_segments: float = 5.0
    n_members: int = 3
    seed: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return the recipe as plain numbers, for a head's card."""
        return asdict(self)


@dataclass(frozen=True, slots=True, eq=False)
class FittedHead:
    """What training gives: everything of a head but its calibration and its card.

    Attributes:
        classes: Labels, in the order of the outputs.
        statistics: Of the training embeddings.
        members: Mode -> networks.
        recipe: How it was trained.
    """

    classes: tuple[str, ...]
    statistics: FeatureStatistics
    members: dict[str, tuple[Member, ...]]
    recipe: Recipe

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
        for mode, members in self.members.items():
            for i, member in enumerate(members):
                layers = (member.w1, member.b1, member.w2, member.b2)
                for layer, tensor in zip(_LAYERS, layers, strict=True):
                    tensors[f"{mode}.{i}.{layer}"] = tensor
        return tensors


_LAYERS = ("mlp.0.weight", "mlp.0.bias", "mlp.3.weight", "mlp.3.bias")


def fit_head(
    data: LabelledEmbeddings,
    *,
    recipe: Recipe | None = None,
    classes: Sequence[str] | None = None,
    modes: Sequence[str] = MODES,
) -> FittedHead:
    """Fit all members of a head.

    Args:
        data: What to train on; its copies are trained on too.
        recipe: How to train; the recipe of the shipped heads when None.
        classes: Order of the outputs; the sorted labels of `data` when None.
        modes: Which normalisations to fit members for.

    Returns:
        The fitted head. The same data, recipe and torch build give the same head.

    Raises:
        CorpusError: There are fewer than two classes, or a label is not among `classes`.
    """
    recipe = recipe or Recipe()
    classes = tuple(classes or data.classes)
    if len(classes) < 2:
        raise CorpusError(
            f"only the class {', '.join(classes) or '(none)'} was found: a head needs two or more"
        )
    targets = data.targets(classes)
    statistics = FeatureStatistics.measure(data.embeddings, data.speakers)
    versions = (data.embeddings, *data.copies.values())
    members = {}
    for mode in modes:
        rows = [
            _normalised(version, data.speakers, statistics, mode, recipe) for version in versions
        ]
        z, repeated = np.concatenate(rows), np.tile(targets, len(versions))
        members[mode] = tuple(
            _fit_member(z, repeated, n_labels=len(classes), recipe=recipe, seed=recipe.seed + i)
            for i in range(recipe.n_members)
        )
    return FittedHead(classes, statistics, members, recipe)


def _normalised(
    embeddings: np.ndarray,
    speakers: np.ndarray,
    statistics: FeatureStatistics,
    mode: str,
    recipe: Recipe,
) -> np.ndarray:
    if mode == "global":
        return normalise(embeddings, statistics, clip_z=recipe.clip_z)
    z = np.empty_like(embeddings, np.float32)
    for speaker in np.unique(speakers):
        own = speakers == speaker
        z[own] = normalise_by_speaker(
            embeddings[own],
            statistics,
            clip_z=recipe.clip_z,
            prior_segments=recipe.prior_segments,
        )
    return z


def _fit_member(
    z: np.ndarray, targets: np.ndarray, *, n_labels: int, recipe: Recipe, seed: int
) -> Member:
    """Train one network on ``(n_rows, dim)`` normalised rows and integer targets."""
    import torch

    from gpt_sovits_emotion.heads.classifier import EmotionClassifier

    wanted = _soft_targets(targets, n_labels, recipe)
    n_batches = -(-len(z) // recipe.batch_size)
    rng = np.random.default_rng(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = EmotionClassifier(
            z.shape[1], n_labels, hidden=recipe.hidden, dropout=recipe.dropout
        )
        optimiser = torch.optim.AdamW(
            network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, recipe.learning_rate, total_steps=recipe.n_epochs * n_batches
        )
        network.train()
        for _ in range(recipe.n_epochs):
            for batch in np.array_split(rng.permutation(len(z)), n_batches):
                x, y = _mixed(z[batch], wanted[batch], recipe, rng)
                scores = network(torch.from_numpy(x))
                loss = -(torch.from_numpy(y) * scores.log_softmax(dim=1)).sum(1).mean()
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                schedule.step()
    layers = [
        network.mlp[0].weight,
        network.mlp[0].bias,
        network.mlp[3].weight,
        network.mlp[3].bias,
    ]
    return Member(*(layer.detach().numpy().copy() for layer in layers))


def _mixed(
    x: np.ndarray, y: np.ndarray, recipe: Recipe, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Mix each row with a partner (Zhang et al. 2018, "mixup", ICLR), then drop features.

    The masks are drawn as bytes: torch's own dropout would take most of the training's time here.
    """
    if recipe.mixup:
        share = np.float32(rng.beta(recipe.mixup, recipe.mixup))
        partner = rng.permutation(len(x))
        x = share * x + (1 - share) * x[partner]
        y = share * y + (1 - share) * y[partner]
    if recipe.input_dropout:
        dropped = round(256 * recipe.input_dropout)
        kept = rng.integers(0, 256, x.shape, np.uint8) >= dropped
        x = x * kept * np.float32(256 / (256 - dropped))
    return x, y


def _soft_targets(targets: np.ndarray, n_labels: int, recipe: Recipe) -> np.ndarray:
    """Return ``(n_rows, n_labels)`` smoothed targets, each row weighted against its class's size."""
    counts = np.bincount(targets, minlength=n_labels)
    weights = len(targets) / (n_labels * np.maximum(counts, 1))
    hard = np.eye(n_labels)[targets]
    smooth = (1.0 - recipe.label_smoothing) * hard + recipe.label_smoothing / n_labels
    return np.asarray(smooth * weights[targets, None], np.float32)
