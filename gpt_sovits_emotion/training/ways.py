"""The ways in which a head can be fitted on one encoder or on several, and choosing among them.

On several encoders (``A+B``) there are two: one head on both embeddings (*joint*), or one head per encoder
whose logits are averaged (*ensemble*). Which of them, and whether either is worth more than the best encoder
alone, is measured on held-out speakers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gpt_sovits_emotion.core.errors import HeadError
from gpt_sovits_emotion.encoders.base import Encoder
from gpt_sovits_emotion.encoders.fused import FusedEncoder
from gpt_sovits_emotion.heads.card import MODES
from gpt_sovits_emotion.training.combine import average, columns, pad_together
from gpt_sovits_emotion.training.dataset import LabelledEmbeddings
from gpt_sovits_emotion.training.fit import FitMoment, FittedHead, Recipe, fit_head, recipe_for
from gpt_sovits_emotion.training.measures import (
    Difference,
    confusion_matrix,
    unweighted_average_recall,
)
from gpt_sovits_emotion.training.scoring import HeldOut, compare

__all__ = ["Measure", "Network", "Way", "choose_way", "plain_way", "uar_of", "ways_of"]


@dataclass(frozen=True, slots=True)
class Network:
    """What one kind of network of a head sees.

    Attributes:
        encoder_id: Of the features.
        start, stop: Their columns in the embedding that the way is given.
        recipe: How it is fitted.
    """

    encoder_id: str
    start: int
    stop: int
    recipe: Recipe

    def fit(
        self,
        data: LabelledEmbeddings,
        *,
        classes: Sequence[str],
        modes: Sequence[str],
        watch: Callable[[FitMoment], None],
        cancelled: Callable[[], bool],
    ) -> FittedHead:
        """Fit it on its columns of `data`."""
        return fit_head(
            columns(data, self.start, self.stop),
            recipe=self.recipe,
            classes=classes,
            modes=modes,
            watch=watch,
            cancelled=cancelled,
        )


@dataclass(frozen=True, slots=True)
class Way:
    """How a head is fitted; a `training.evaluate.Fitter`.

    Attributes:
        name: ``joint``, ``ensemble``, or the id of one encoder of several.
        networks: One for all that it sees, or one per encoder.
        start, stop: The columns of the whole embedding that it sees.
    """

    name: str
    networks: tuple[Network, ...]
    start: int
    stop: int

    def view(self, data: LabelledEmbeddings) -> LabelledEmbeddings:
        """Return `data` as this way sees it, which is what it is fitted on and asked about."""
        return columns(data, self.start, self.stop)

    def __call__(
        self,
        data: LabelledEmbeddings,
        *,
        classes: Sequence[str],
        modes: Sequence[str] = MODES,
        watch: Callable[[FitMoment], None] = lambda moment: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> FittedHead:
        """Fit it on what `view` returned. Raises what `fit_head` raises."""
        parts = [
            network.fit(data, classes=classes, modes=modes, watch=watch, cancelled=cancelled)
            for network in self.networks
        ]
        return parts[0] if len(parts) == 1 else pad_together(parts)


def plain_way(encoder: Encoder, *, seed: int) -> Way:
    """Return the way of one network on the whole embedding of an encoder."""
    recipe = replace(recipe_for(encoder.id), seed=seed)
    network = Network(encoder.id, 0, encoder.dim, recipe)
    return Way("joint", (network,), 0, encoder.dim)


def ways_of(encoder: Encoder, *, seed: int) -> tuple[Way, tuple[Way, ...], Way | None]:
    """Return the joint way, one way per encoder alone, and the ensemble of these.

    With one encoder there is nothing alone, and no ensemble.
    """
    joint = plain_way(encoder, seed=seed)
    if not isinstance(encoder, FusedEncoder):
        return joint, (), None
    shared = joint.networks[0].recipe
    networks, start = [], 0
    for part in encoder.parts:
        recipe = replace(
            recipe_for(part.id),
            seed=seed,
            n_members=shared.n_members,  # so that all encoders have equally many votes
            clip_z=shared.clip_z,
            prior_segments=shared.prior_segments,
            heard=shared.heard,
        )
        stop = start + part.dim
        networks.append(Network(part.id, start, stop, recipe))
        start = stop
    alone = tuple(
        Way(
            network.encoder_id,
            (replace(network, start=0, stop=network.stop - network.start),),
            network.start,
            network.stop,
        )
        for network in networks
    )
    return joint, alone, Way("ensemble", tuple(networks), 0, encoder.dim)


def uar_of(held_out: HeldOut) -> float:
    """Return the unweighted average recall of held-out predictions, mean over the modes."""
    n_labels = len(held_out.classes)
    uars = [
        float(
            unweighted_average_recall(confusion_matrix(held_out.truth, logits.argmax(1), n_labels))
        )
        for logits in held_out.logits.values()
    ]
    return sum(uars) / len(uars)


Measure = Callable[[Way], HeldOut]
"""Gives held-out predictions of heads that are fitted in this way."""


def choose_way(
    encoder: Encoder, *, seed: int, measure: Measure, even_without_gain: bool
) -> tuple[Way, HeldOut, dict[str, Any]]:
    """Measure every way on held-out speakers and take the best.

    Args:
        encoder: What the head will read.
        seed: Of the first network.
        measure: Gives held-out predictions of a way, on the same folds for all of them.
        even_without_gain: Take the better combination also where it gains nothing over one encoder.

    Returns:
        The way, its held-out predictions, and what was found in the comparison, for the card; empty where
        there was nothing to compare.

    Raises:
        HeadError: Several encoders were asked for and are no better than the best of them alone.
    """
    joint, alone, ensemble = ways_of(encoder, seed=seed)
    if ensemble is None:
        return joint, measure(joint), {}
    of_one = {way.name: measure(way) for way in alone}
    combined = {
        joint.name: (joint, measure(joint)),
        ensemble.name: (ensemble, average(list(of_one.values()))),
    }
    best_alone = max(of_one, key=lambda name: uar_of(of_one[name]))
    way, held_out = max(combined.values(), key=lambda pair: uar_of(pair[1]))
    gains = {mode: compare(held_out, of_one[best_alone], mode=mode) for mode in held_out.logits}
    all_uars = {**of_one, **{name: one for name, (_, one) in combined.items()}}
    if not even_without_gain and not any(_is_gain(one) for one in gains.values()):
        raise _no_gain(encoder.id, best_alone, uar_of(held_out), uar_of(of_one[best_alone]))
    found = {
        "chosen": way.name,
        "uar, mean over modes": {name: round(uar_of(one), 4) for name, one in all_uars.items()},
        "over": best_alone,
        "gain": {mode: one.to_dict() for mode, one in gains.items()},
    }
    return way, held_out, found


def _is_gain(difference: Difference) -> bool:
    return difference.is_certain and difference.uar > 0


def _no_gain(encoder_id: str, alone: str, together_uar: float, alone_uar: float) -> HeadError:
    together, single = f"{100 * together_uar:.1f}", f"{100 * alone_uar:.1f}"
    return HeadError(
        f"{encoder_id} gains nothing that is certain over {alone} alone on held-out speakers (UAR {together} "
        f"against {single}), so no head was made: train on {alone}, or ask for it all the same "
        "(--even-without-gain)",
        zh=f"在留出的说话人上，{encoder_id} 与只用 {alone} 相比没有可靠的提升（UAR {together} 对 {single}），"
        f"因此没有生成情感模型：请只用 {alone} 训练，或明确要求仍然生成（--even-without-gain）",
    )
