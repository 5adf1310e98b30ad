"""Train one network of a head, an epoch at a time, so that it can be watched and stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gpt_sovits_emotion.heads.head import Member
from gpt_sovits_emotion.training.layers import LayerSum, fold, softmax_weights, weigh
from gpt_sovits_emotion.training.measures import confusion_matrix, unweighted_average_recall

if TYPE_CHECKING:
    import torch

    from gpt_sovits_emotion.training.fit import Recipe

__all__ = ["Epoch", "Rows", "TrainedMember", "train_member"]

_LAYER_RATE = 10.0  # a handful of scores starts at 0 and has as many steps as a thousand weights


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Normalised embeddings with their classes.

    Attributes:
        z: ``(n_rows, dim)`` float32.
        targets: ``(n_rows,)`` places of the classes.
    """

    z: np.ndarray
    targets: np.ndarray


@dataclass(frozen=True, slots=True)
class Epoch:
    """How one pass over the rows went.

    Attributes:
        number: From 1.
        loss: Mean over the batches.
        held_out_uar: On the speakers held out; None when there are none.
    """

    number: int
    loss: float
    held_out_uar: float | None


@dataclass(frozen=True, slots=True, eq=False)
class TrainedMember:
    """A network and how far its training went.

    Attributes:
        member: With the weights of the best epoch, or the last where no speaker was held out.
        layer_weights: ``(n_layers,)`` learned weights, None where none are learned.
        finished: False when it was stopped before its last epoch.
    """

    member: Member
    layer_weights: np.ndarray | None
    finished: bool


def train_member(
    rows: Rows,
    *,
    n_labels: int,
    recipe: Recipe,
    seed: int,
    layers: LayerSum | None,
    held_out: Rows | None,
    after_epoch: Callable[[Epoch], bool],
) -> TrainedMember:
    """Train one network.

    Args:
        rows: What to train on.
        n_labels: Number of classes.
        recipe: How.
        seed: Of weights, order, mixing and dropping.
        layers: The layers to weigh; None to read the embedding as it is.
        held_out: Rows of other speakers; the epoch that hears them best is kept.
        after_epoch: Told after each epoch; training ends when it returns False.
    """
    import torch

    wanted = _soft_targets(rows.targets, n_labels, recipe)
    n_batches = -(-len(rows.z) // recipe.batch_size)
    rng = np.random.default_rng(seed)
    best: tuple[tuple[float, float], TrainedMember] | None = None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _Network(rows.z.shape[1], n_labels, recipe, layers)
        schedule = network.schedule(recipe, n_steps=recipe.n_epochs * n_batches)
        for number in range(1, recipe.n_epochs + 1):
            losses = []
            for batch in np.array_split(rng.permutation(len(rows.z)), n_batches):
                x, y = _mixed(rows.z[batch], wanted[batch], recipe, rng)
                losses.append(network.step(x, y))
                schedule.step()
            finished = number == recipe.n_epochs
            uar = None
            if held_out is not None:
                trained = network.trained(finished=finished)
                uar, surprise = _heard(trained.member, held_out, n_labels)
                if best is None or (uar, -surprise) >= best[0]:
                    best = (uar, -surprise), trained
            if not after_epoch(Epoch(number, float(np.mean(losses)), uar)):
                break
    last = network.trained(finished=finished)
    if best is None:
        return last
    return TrainedMember(best[1].member, best[1].layer_weights, finished)


class _Network:
    """The module that is trained, with its optimiser and, if wanted, its layers' weights."""

    def __init__(self, dim: int, n_labels: int, recipe: Recipe, layers: LayerSum | None) -> None:
        import torch

        from gpt_sovits_emotion.heads.classifier import EmotionClassifier

        self._layers = layers
        self._module = EmotionClassifier(
            dim if layers is None else layers.summed_dim,
            n_labels,
            hidden=recipe.hidden,
            dropout=recipe.dropout,
        ).train()
        groups = [{"params": list(self._module.parameters()), "lr": recipe.learning_rate}]
        if layers is not None:
            self._scores = torch.zeros(layers.n_layers, requires_grad=True)
            rate = _LAYER_RATE * recipe.learning_rate
            groups.append({"params": [self._scores], "lr": rate, "weight_decay": 0.0})
        self._optimiser = torch.optim.AdamW(groups, weight_decay=recipe.weight_decay)

    def schedule(self, recipe: Recipe, *, n_steps: int) -> torch.optim.lr_scheduler.LRScheduler:
        """Let the rate rise and fall once over all steps (Smith & Topin 2018)."""
        import torch

        rates = [group["lr"] for group in self._optimiser.param_groups]
        return torch.optim.lr_scheduler.OneCycleLR(self._optimiser, rates, total_steps=n_steps)

    def step(self, x: np.ndarray, y: np.ndarray) -> float:
        """Take one step on ``(n_rows, dim)`` inputs and weighted soft targets; return the loss."""
        import torch

        z = torch.from_numpy(x)
        if self._layers is not None:
            z = weigh(z, softmax_weights(self._scores), self._layers)
        scores = self._module(z)
        loss = -(torch.from_numpy(y) * scores.log_softmax(dim=1)).sum(1).mean()
        self._optimiser.zero_grad()
        loss.backward()
        self._optimiser.step()
        return float(loss.detach())

    def trained(self, *, finished: bool) -> TrainedMember:
        """Return what has been learned so far, as a head keeps it."""
        hidden, out = self._module.mlp[0], self._module.mlp[3]
        w1, b1, w2, b2 = (
            tensor.detach().numpy().copy()
            for tensor in (hidden.weight, hidden.bias, out.weight, out.bias)
        )
        if self._layers is None:
            return TrainedMember(Member(w1, b1, w2, b2), None, finished)
        weights = softmax_weights(self._scores).detach().numpy().copy()
        return TrainedMember(Member(fold(w1, weights, self._layers), b1, w2, b2), weights, finished)


def _heard(member: Member, held_out: Rows, n_labels: int) -> tuple[float, float]:
    """Return UAR and mean surprise (negative log-likelihood) on held-out rows."""
    logits = member.logits(held_out.z)
    confusion = confusion_matrix(held_out.targets, logits.argmax(1), n_labels)
    likeliest = logits.max(1, keepdims=True)
    log_sum = likeliest[:, 0] + np.log(np.exp(logits - likeliest).sum(1))
    surprise = log_sum - logits[np.arange(len(logits)), held_out.targets]
    return float(unweighted_average_recall(confusion)), float(surprise.mean())


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
