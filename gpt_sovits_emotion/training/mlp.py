"""Train the networks of one mode side by side, an epoch at a time, to be watched and stopped.

All networks see the same mixed rows, and differ in their first weights and in the hidden units that are
dropped. One matrix product then serves all of them: four networks cost less than two trained alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from gpt_sovits_emotion.heads.head import Member
from gpt_sovits_emotion.training.linear_maps import LayerSum, fold, softmax_weights, weigh
from gpt_sovits_emotion.training.metrics import unweighted_average_recall

if TYPE_CHECKING:
    import torch

    from gpt_sovits_emotion.training.recipes import Recipe

__all__ = ["Epoch", "Rows", "TrainedMembers", "train_members"]

_LEAST_STEPS = 240
_LEAST_ROWS = 16
_LAYER_RATE = 10.0  # a handful of scores starts at 0 and has as many steps as a thousand weights


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Normalised embeddings with their classes.

    Attributes:
        z: ``(n_rows, dim)`` float32.
        targets: ``(n_rows,)`` places of the classes.
        weights: ``(n_rows,)`` of mean 1; None to let every class weigh the same.
    """

    z: np.ndarray
    targets: np.ndarray
    weights: np.ndarray | None = None

    def at(self, columns: np.ndarray) -> Rows:
        """Return the rows with these columns alone."""
        return Rows(np.ascontiguousarray(self.z[:, columns]), self.targets, self.weights)


@dataclass(frozen=True, slots=True)
class Epoch:
    """How one pass over the rows went.

    Attributes:
        number: From 1.
        losses: Of each network, mean over the batches.
        held_out_uar: Of all networks together on the speakers held out; None when there are none.
    """

    number: int
    losses: tuple[float, ...]
    held_out_uar: float | None


@dataclass(frozen=True, slots=True, eq=False)
class TrainedMembers:
    """Networks and how far their training went.

    Attributes:
        members: With the weights of the best epoch, or the last where no speaker was held out.
        layer_weights: ``(n_layers,)`` learned weights, None where none are learned.
        finished: False when training was stopped before its last epoch.
    """

    members: tuple[Member, ...]
    layer_weights: np.ndarray | None
    finished: bool


def train_members(
    rows: Rows,
    *,
    n_labels: int,
    recipe: Recipe,
    layers: LayerSum | None,
    held_out: Rows | None,
    after_epoch: Callable[[Epoch], bool],
) -> TrainedMembers:
    """Train the networks of one mode.

    Args:
        rows: What to train on.
        n_labels: Number of classes.
        recipe: How.
        layers: The layers to weigh; None to read the embedding as it is.
        held_out: Rows of other speakers; the epoch that predicts them best is kept.
        after_epoch: Told after each epoch; training ends when it returns False.
    """
    import torch

    z, wanted = torch.from_numpy(rows.z), _soft_targets(rows, n_labels, recipe)
    n_batches = _batches_per_epoch(len(z), recipe)
    rng = np.random.default_rng(recipe.seed)
    best: tuple[tuple[float, float], TrainedMembers] | None = None
    networks = _Networks(z.shape[1], n_labels, recipe, layers, rng)
    schedule = networks.schedule(recipe, n_steps=recipe.n_epochs * n_batches)
    for number in range(1, recipe.n_epochs + 1):
        losses = []
        for batch in np.array_split(rng.permutation(len(z)), n_batches):
            kept = networks.draw_features()
            x, y = _mixed(networks.seen(z[batch], kept), wanted[batch], recipe, rng)
            losses.append(networks.step(x, y, kept))
            schedule.step()
        uar = None
        if held_out is not None:
            uar, surprise = _uar_and_surprise(networks.logits(held_out.z), held_out.targets)
            if best is None or (uar, -surprise) >= best[0]:
                best = (uar, -surprise), networks.trained()
        epoch = Epoch(number, tuple(np.mean(losses, axis=0).tolist()), uar)
        if not after_epoch(epoch):
            break
    trained = networks.trained() if best is None else best[1]
    return replace(trained, finished=number == recipe.n_epochs)


def _batches_per_epoch(n_rows: int, recipe: Recipe) -> int:
    """Return into how many batches the rows are dealt: a small corpus in smaller ones, not in fewer steps."""
    planned = math.ceil(n_rows / recipe.batch_size)
    enough = math.ceil(_LEAST_STEPS / recipe.n_epochs)
    return max(planned, min(enough, math.ceil(n_rows / _LEAST_ROWS)))


class _Networks:
    """The networks that are trained, stacked, with their optimiser and, if wanted, layer weights."""

    def __init__(
        self,
        dim: int,
        n_labels: int,
        recipe: Recipe,
        layers: LayerSum | None,
        rng: np.random.Generator,
    ) -> None:
        import torch

        self._layers, self._rng = layers, rng
        self._dropout, self._input_dropout = recipe.dropout, recipe.input_dropout
        dim = dim if layers is None else layers.summed_dim
        n_members, hidden = recipe.n_members, recipe.hidden
        self._shape = (n_members, hidden)
        self._w1, self._b1, self._w2, self._b2 = (
            self._fresh(shape, fan_in)
            for shape, fan_in in (
                ((dim, n_members * hidden), dim),
                ((n_members * hidden,), dim),
                ((n_members, hidden, n_labels), hidden),
                ((n_members, 1, n_labels), hidden),
            )
        )
        tensors = [self._w1, self._b1, self._w2, self._b2]
        groups = [{"params": tensors, "lr": recipe.learning_rate}]
        if layers is not None:
            self._scores = torch.zeros(layers.n_layers, requires_grad=True)
            rate = _LAYER_RATE * recipe.learning_rate
            groups.append({"params": [self._scores], "lr": rate, "weight_decay": 0.0})
        self._optimiser = _adamw(groups, weight_decay=recipe.weight_decay)

    def _fresh(self, shape: tuple[int, ...], fan_in: int) -> torch.Tensor:
        """Return first weights as ``torch.nn.Linear`` has them: uniform to one over the root of `fan_in`."""
        import torch

        reach = fan_in**-0.5
        values = self._rng.uniform(-reach, reach, shape).astype(np.float32)
        return torch.from_numpy(values).requires_grad_()

    def schedule(self, recipe: Recipe, *, n_steps: int) -> torch.optim.lr_scheduler.LRScheduler:
        """Let the rate rise and fall once over all steps (Smith & Topin 2018)."""
        import torch

        rates = [group["lr"] for group in self._optimiser.param_groups]
        return torch.optim.lr_scheduler.OneCycleLR(self._optimiser, rates, total_steps=n_steps)

    def draw_features(self) -> torch.Tensor | None:
        """Return the places of the features that are kept for the next step, None for all of them.

        They are the same ones for all rows of a batch: what is multiplied with nothing need not be
        multiplied, so half the features take half the time, and held-out speakers are predicted as well as
        with a mask per row. The weights of a feature lie side by side, to be picked quickly.
        """
        import torch

        if not self._input_dropout:
            return None
        dim = len(self._w1)
        n_kept = max(round((1.0 - self._input_dropout) * dim), 1)
        return torch.from_numpy(np.sort(self._rng.permutation(dim)[:n_kept]))

    def seen(self, rows: torch.Tensor, kept: torch.Tensor | None) -> torch.Tensor:
        """Return of ``(n_rows, dim)`` rows what a step reads; layers are summed first, with all features."""
        return rows if kept is None or self._layers is not None else rows.index_select(1, kept)

    def step(self, x: torch.Tensor, y: torch.Tensor, kept: torch.Tensor | None) -> np.ndarray:
        """Take one step.

        Args:
            x: ``(n_rows, n_seen)`` inputs, from `seen`.
            y: ``(n_rows, n_labels)`` soft targets, weighted.
            kept: ``(n_kept,)`` places of the features that count, from `draw_features`.

        Returns:
            ``(n_members,)`` losses.
        """
        logits = self._forward(x, kept, training=True)
        losses = -(y * logits.log_softmax(dim=2)).sum(2).mean(1)
        self._optimiser.zero_grad()
        losses.sum().backward()
        self._optimiser.step()
        loss_of_each: np.ndarray = losses.detach().numpy()
        return loss_of_each

    def logits(self, z: np.ndarray) -> np.ndarray:
        """Return ``(n_rows, n_labels)`` mean logits of the networks as they stand."""
        import torch

        with torch.no_grad():
            mean: np.ndarray = (
                self._forward(torch.from_numpy(z), None, training=False).mean(0).numpy()
            )
        return mean

    def trained(self) -> TrainedMembers:
        """Return what has been learned so far, as a head keeps it."""
        n_members, hidden = self._shape
        w1, b1, w2, b2 = (
            tensor.detach().numpy().copy() for tensor in (self._w1, self._b1, self._w2, self._b2)
        )
        w1, weights = np.ascontiguousarray(w1.T), None
        if self._layers is not None:
            weights = softmax_weights(self._scores).detach().numpy().copy()
            w1 = fold(w1, weights, self._layers)
        own = [slice(i * hidden, (i + 1) * hidden) for i in range(n_members)]
        members = tuple(
            Member(w1[rows], b1[rows], np.ascontiguousarray(w2[i].T), b2[i, 0])
            for i, rows in enumerate(own)
        )
        return TrainedMembers(members, weights, finished=False)

    def _forward(
        self, x: torch.Tensor, kept: torch.Tensor | None, *, training: bool
    ) -> torch.Tensor:
        """Return ``(n_members, n_rows, n_labels)`` logits.

        Where features were dropped, the sum over the others is raised so that its mean stays.
        """
        import torch

        w1, raise_by = self._w1, 1.0
        if self._layers is not None:
            x = weigh(x, softmax_weights(self._scores), self._layers)
            x = x if kept is None else x.index_select(1, kept)
        if kept is not None:
            raise_by = len(w1) / len(kept)
            w1 = w1.index_select(0, kept)
        hidden = torch.addmm(self._b1, x, w1, alpha=raise_by).relu()
        if training:
            hidden = _dropped(hidden, self._dropout, self._rng)
        by_member = hidden.view(len(x), *self._shape).transpose(0, 1)
        logits: torch.Tensor = by_member @ self._w2 + self._b2
        return logits


def _adamw(groups: list[dict[str, Any]], *, weight_decay: float) -> torch.optim.Optimizer:
    """Return the optimiser whose step goes over the weights once: a third of a training's time.

    torch has it for processors since 2.4; with an older one each step takes ten passes.
    """
    import torch

    try:
        return torch.optim.AdamW(groups, weight_decay=weight_decay, fused=True)
    except RuntimeError:
        return torch.optim.AdamW(groups, weight_decay=weight_decay)


def _uar_and_surprise(logits: np.ndarray, targets: np.ndarray) -> tuple[float, float]:
    """Return UAR and mean surprise (negative log-likelihood)."""
    likeliest = logits.max(1, keepdims=True)
    log_sum = likeliest[:, 0] + np.log(np.exp(logits - likeliest).sum(1))
    surprise = log_sum - logits[np.arange(len(logits)), targets]
    uar = unweighted_average_recall(targets, logits.argmax(1), logits.shape[1])
    return uar, float(surprise.mean())


def _mixed(
    x: torch.Tensor, y: torch.Tensor, recipe: Recipe, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mix each row with a partner (Zhang et al. 2018, "mixup", ICLR)."""
    import torch

    if not recipe.mixup:
        return x, y
    share = float(rng.beta(recipe.mixup, recipe.mixup))
    partner = torch.from_numpy(rng.permutation(len(x)))
    return torch.lerp(x[partner], x, share), torch.lerp(y[partner], y, share)


def _dropped(x: torch.Tensor, share: float, rng: np.random.Generator) -> torch.Tensor:
    """Set a share of the values to 0 and raise the others, so that the mean stays.

    The masks are drawn as bytes, because torch's own dropout would take most of the training's time; and from
    a generator of our own, because in a host another thread may be drawing from torch's at the same time.
    """
    import torch

    if not share:
        return x
    dropped = round(256 * share)
    kept = torch.from_numpy(rng.integers(0, 256, tuple(x.shape), np.uint8) >= dropped)
    return x * kept * (256.0 / (256 - dropped))


def _soft_targets(rows: Rows, n_labels: int, recipe: Recipe) -> torch.Tensor:
    """Return ``(n_rows, n_labels)`` smoothed targets, weighted, by default against their classes' sizes."""
    import torch

    targets, weights = rows.targets, rows.weights
    if weights is None:
        counts = np.bincount(targets, minlength=n_labels)
        weights = (len(targets) / (n_labels * np.maximum(counts, 1)))[targets]
    hard = np.eye(n_labels)[targets]
    smooth = (1.0 - recipe.label_smoothing) * hard + recipe.label_smoothing / n_labels
    return torch.from_numpy((smooth * weights[:, None]).astype(np.float32))
