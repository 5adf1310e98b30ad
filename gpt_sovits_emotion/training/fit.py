"""Fit the members of a head: small two-layer networks on normalised embeddings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from gpt_sovits_emotion.core.errors import CorpusError
from gpt_sovits_emotion.core.messages import in_both, tr
from gpt_sovits_emotion.heads.card import MODES
from gpt_sovits_emotion.heads.files import SHARED
from gpt_sovits_emotion.heads.head import Member
from gpt_sovits_emotion.training.dataset import (
    FeatureStatistics,
    LabelledEmbeddings,
    normalise,
    normalise_against,
    normalise_by_speaker,
    normalise_each_speaker,
    normalise_moving,
)
from gpt_sovits_emotion.training.linear_maps import LayerSum, SpeakerShrinkage, place_layers, widen
from gpt_sovits_emotion.training.mlp import Epoch, Rows, TrainedMembers, train_members
from gpt_sovits_emotion.training.recipes import Recipe

__all__ = ["FitProgress", "FittedHead", "fit_head"]


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
            z = normalise_against(
                embeddings,
                known,
                self.statistics,
                clip_z=self.recipe.clip_z,
                prior_segments=self.recipe.prior_segments,
            )
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


_LAYERS = ("mlp.0.weight", "mlp.0.bias", "mlp.3.weight", "mlp.3.bias")


_VALIDATION_SHARE = 8
_LEAST_SPEAKERS = 4


@dataclass(frozen=True, slots=True)
class FitProgress:
    """Where a fit stands: some networks, trained side by side, have gone over the rows once more.

    Attributes:
        mode: Normalisation that is being fitted.
        first, last, n_members: Which networks of the mode, from 1, of how many.
        epoch, n_epochs: Which pass, from 1, of how many.
        loss: Training loss in this pass, mean over these networks.
        held_out_uar: Unweighted average recall on `validation` of these networks together, 0 to 1; None
            without it.
    """

    mode: str
    first: int
    last: int
    n_members: int
    epoch: int
    n_epochs: int
    loss: float
    held_out_uar: float | None


def fit_head(
    data: LabelledEmbeddings,
    *,
    recipe: Recipe | None = None,
    classes: Sequence[str] | None = None,
    modes: Sequence[str] = MODES,
    validation: LabelledEmbeddings | None = None,
    watch: Callable[[FitProgress], None] = lambda moment: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> FittedHead:
    """Fit all members of a head, mode by mode, ``global`` first.

    Args:
        data: What to train on; its copies are trained on too.
        recipe: How to train; when None as prosody heads are, with all networks alike (see `recipe_for`).
        classes: Order of the outputs; the sorted labels of `data` when None.
        modes: Which normalisations to fit members for.
        validation: Speakers that are not in `data`; of each mode the epoch that predicts them best is kept.
            All epochs are gone through, as the learning rate is planned to the end. When None and the recipe
            stops early, some of the speakers in `data` are held out for it, if there are enough of them.
        watch: Told after each epoch.
        cancelled: Asked after each epoch; once it says True the fit ends. The first mode is then
            returned as far as it came, another only if it was finished.

    Returns:
        The fitted head. The same data, recipe, number of threads and torch build give the same head.

    Raises:
        CorpusError: There are fewer than two classes, a label is not among `classes`, a value is not
            finite, a speaker of `validation` is trained on too, or the embedding does not have the
            layers that the recipe weighs or the columns that it names.
    """
    recipe = recipe or Recipe()
    classes = tuple(classes or data.classes)
    _check(data, classes, validation)
    if validation is None and recipe.early_stopping:
        data, validation = _some_held_out(data)
    layers = (
        place_layers(recipe.parts, data.embeddings.shape[1]) if recipe.layer_weighting else None
    )
    statistics = FeatureStatistics.measure(data.versions[0], data.speakers)
    members: dict[str, tuple[Member, ...]] = {}
    layer_weights: dict[str, tuple[float, ...]] = {}
    stopped = False
    wanted = sorted(modes, key=MODES.index)
    for mode in [SHARED] if recipe.heard else wanted:
        if stopped := stopped or (bool(members) and cancelled()):
            break
        trained = _ModeFit(mode, recipe, classes, statistics, layers, watch, cancelled).run(
            data, validation
        )
        stopped = not trained.finished
        if trained.finished or not members:
            members[mode] = trained.members
            if trained.layer_weights is not None:
                weights = trained.layer_weights.astype(float).round(6)
                layer_weights[mode] = tuple(weights.tolist())
    if recipe.heard:
        members = dict.fromkeys(wanted, members[SHARED])
    return FittedHead(classes, statistics, members, recipe, layer_weights, stopped)


def _check(
    data: LabelledEmbeddings, classes: tuple[str, ...], validation: LabelledEmbeddings | None
) -> None:
    if len(classes) < 2:
        found = ", ".join(classes)
        raise CorpusError(
            tr(
                "only the class {found} was found: a head needs two or more",
                found=in_both(found or "(none)", found or "无"),
            )
        )
    broken = np.unique(
        [row for x in data.versions for row in np.flatnonzero(~np.isfinite(x).all(1))]
    )
    if len(broken):
        raise CorpusError(
            tr(
                "{broken} of {labels} embeddings hold values that are not finite (the first: segment "
                "{broken_2} of {speakers}); leave those clips out",
                broken=len(broken),
                labels=len(data.labels),
                broken_2=broken[0],
                speakers=data.speakers[broken[0]],
            )
        )
    both = sorted(set(data.speakers) & set(validation.speakers)) if validation is not None else []
    if both:
        raise CorpusError(
            tr(
                "the speaker {both} is both trained on and held out; the held-out figure would flatter",
                both=both[0],
            )
        )


def _some_held_out(
    data: LabelledEmbeddings,
) -> tuple[LabelledEmbeddings, LabelledEmbeddings | None]:
    """Return what to train on and the speakers to stop by, None where there are too few."""
    speakers = np.unique(data.speakers)
    held_out = np.isin(data.speakers, speakers[::_VALIDATION_SHARE])
    if len(speakers) < _LEAST_SPEAKERS or set(data.labels[~held_out]) != set(data.labels):
        return data, None
    return data.select(~held_out), data.select(held_out)


def _columns(ranges: Sequence[tuple[int, int]], dim: int) -> np.ndarray:
    """Return the columns in `ranges`, which must lie in an embedding of this length."""
    if any(not 0 <= start < stop <= dim for start, stop in ranges):
        last = max(stop for _, stop in ranges)
        raise CorpusError(
            tr(
                "the recipe names columns up to {last}, and the embedding has {dim}; take the recipe of "
                "its encoder (recipe_for)",
                last=last,
                dim=dim,
            )
        )
    return np.array([column for start, stop in ranges for column in range(start, stop)], int)


def _balanced(data: LabelledEmbeddings) -> np.ndarray:
    """Return ``(n_segments,)`` weights of mean 1 by which every class of every corpus weighs the same."""
    pairs = np.char.add(np.char.add(data.corpora.astype(str), "\n"), data.labels.astype(str))
    _, place, counts = np.unique(pairs, return_inverse=True, return_counts=True)
    weights = 1.0 / counts[place]
    return np.asarray(weights / weights.mean())


@dataclass(frozen=True, slots=True, eq=False)
class _ModeFit:
    """The fit of one mode's networks, or of those that both modes share."""

    mode: str
    recipe: Recipe
    classes: tuple[str, ...]
    statistics: FeatureStatistics
    layers: LayerSum | None
    watch: Callable[[FitProgress], None]
    cancelled: Callable[[], bool]

    def run(
        self, data: LabelledEmbeddings, validation: LabelledEmbeddings | None
    ) -> TrainedMembers:
        """Return the mode's networks, with everything linear before them folded in."""
        recipe, targets, versions = self.recipe, data.targets(self.classes), data.versions
        views = [self._views(version, data.speakers) for version in versions]
        z = np.concatenate([view for of_version in views for view in of_version])
        shrinkage = None
        if self.mode == "global" and recipe.speaker_shrinkage:
            shrinkage = SpeakerShrinkage.measure(
                z[: len(targets)], targets, data.speakers, strength=recipe.speaker_shrinkage
            )
            z = shrinkage.apply(z)
        held_out = None
        if validation is not None:
            seen = self._views(validation.embeddings, validation.speakers)
            others = np.concatenate(seen)
            others = others if shrinkage is None else shrinkage.apply(others)
            held_out = Rows(others, np.tile(validation.targets(self.classes), len(seen)))
        n_views = len(z) // len(targets)
        weights = _balanced(data) if recipe.balance_corpora else None
        rows = Rows(
            z,
            np.tile(targets, n_views),
            None if weights is None else np.tile(weights, n_views),
        )
        trained = self._trained(rows, held_out)
        if shrinkage is None:
            return trained
        members = tuple(replace(each, w1=shrinkage.apply(each.w1)) for each in trained.members)
        return replace(trained, members=members)

    def _trained(self, rows: Rows, held_out: Rows | None) -> TrainedMembers:
        """Train the networks that see everything, then those that see the core alone."""
        recipe, dim = self.recipe, rows.z.shape[1]
        core = _columns(recipe.core, dim)
        n_core = recipe.n_members // 2 if len(core) else 0
        first = train_members(
            rows,
            n_labels=len(self.classes),
            recipe=replace(recipe, n_members=recipe.n_members - n_core),
            layers=self.layers,
            held_out=held_out,
            after_epoch=partial(self._report, n_before=0),
        )
        if not n_core or not first.finished:
            return first
        second = train_members(
            rows.at(core),
            n_labels=len(self.classes),
            recipe=replace(recipe, n_members=n_core),
            layers=None,
            held_out=None if held_out is None else held_out.at(core),
            after_epoch=partial(self._report, n_before=len(first.members)),
        )
        widened = tuple(replace(each, w1=widen(each.w1, core, dim)) for each in second.members)
        return replace(second, members=(*first.members, *widened))

    def _report(self, epoch: Epoch, *, n_before: int) -> bool:
        """Tell the watcher; return whether to go on."""
        self.watch(
            FitProgress(
                self.mode,
                n_before + 1,
                n_before + len(epoch.losses),
                self.recipe.n_members,
                epoch.number,
                self.recipe.n_epochs,
                sum(epoch.losses) / len(epoch.losses),
                epoch.held_out_uar,
            )
        )
        return not self.cancelled()

    def _views(self, embeddings: np.ndarray, speakers: np.ndarray) -> list[np.ndarray]:
        """Return the z-scores that are trained on: one array of the mode's, or one per number in `heard`."""
        recipe = self.recipe
        if self.mode == "global":
            return [normalise(embeddings, self.statistics, clip_z=recipe.clip_z)]
        if self.mode == "speaker":
            z = normalise_each_speaker(
                embeddings,
                speakers,
                self.statistics,
                clip_z=recipe.clip_z,
                prior_segments=recipe.prior_segments,
            )
            return [z]
        rng = np.random.default_rng(recipe.seed)
        return [
            normalise_moving(
                embeddings,
                speakers,
                self.statistics,
                clip_z=recipe.clip_z,
                prior_segments=recipe.prior_segments,
                n_others=None if n_others < 0 else n_others,
                rng=rng,
            )
            for n_others in recipe.heard
        ]
