"""Heads on several encoders at once: fused features (*joint*), or an ensemble of one head per encoder.

The embedding of a fused encoder ``A+B`` is A's and B's, one after the other. A head can be fitted
on the whole of it, or one head on each part, their logits averaged. The second is written in the
same file: a network that does not see a part has zeros in its place. Which of the two, and whether
either is worth more than the best encoder alone, is measured on held-out speakers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gpt_sovits_emotion.core.errors import HeadError
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.encoders.base import Encoder
from gpt_sovits_emotion.encoders.fused import FusedEncoder
from gpt_sovits_emotion.heads.card import MODES
from gpt_sovits_emotion.heads.head import Member
from gpt_sovits_emotion.training.dataset import FeatureStatistics, LabelledEmbeddings
from gpt_sovits_emotion.training.fit import FitProgress, FittedHead, fit_head
from gpt_sovits_emotion.training.held_out import HeldOut, compare
from gpt_sovits_emotion.training.linear_maps import widen
from gpt_sovits_emotion.training.metrics import (
    Difference,
    unweighted_average_recall,
)
from gpt_sovits_emotion.training.recipes import Recipe, recipe_for

__all__ = [
    "FusionScheme",
    "Measure",
    "Network",
    "average",
    "choose_scheme",
    "columns",
    "mean_uar",
    "pad_together",
    "plain_scheme",
    "schemes_of",
]


def columns(data: LabelledEmbeddings, start: int, stop: int) -> LabelledEmbeddings:
    """Return `data` with the features from `start` to `stop` alone."""

    def cut(rows: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(rows[:, start:stop])

    return replace(
        data,
        embeddings=cut(data.embeddings),
        copies={name: cut(copy) for name, copy in data.copies.items()},
        once=None if data.once is None else cut(data.once),
    )


def average(parts: Sequence[HeldOut]) -> HeldOut:
    """Return the held-out predictions of an ensemble from those of its parts, on the same folds."""
    first = parts[0]

    def mean(found: Sequence[Mapping[Any, np.ndarray]]) -> dict[Any, np.ndarray]:
        return {key: np.mean([logits[key] for logits in found], axis=0) for key in found[0]}

    return replace(
        first,
        logits=mean([part.logits for part in parts]),
        few=mean([part.few for part in parts]),
        recordings=tuple(
            replace(
                same[0],
                speaker_logits=np.mean([one.speaker_logits for one in same], axis=0),
                global_logits=np.mean([one.global_logits for one in same], axis=0),
            )
            for same in zip(*(part.recordings for part in parts), strict=True)
        ),
    )


def pad_together(parts: Sequence[FittedHead]) -> FittedHead:
    """Return the ensemble of heads that were fitted on consecutive parts of a fused embedding.

    Its logits are the mean of theirs, as long as all have equally many members, which `fit_head` sees to.
    """
    widths = [len(part.statistics.mean) for part in parts]
    starts = [0, *np.cumsum(widths).tolist()]
    statistics = FeatureStatistics(
        *(
            np.concatenate([getattr(part.statistics, name) for part in parts])
            for name in ("mean", "std", "within_speaker_std")
        )
    )
    members: dict[str, tuple[Member, ...]] = {}
    for mode in parts[0].members:
        if not all(mode in part.members for part in parts):
            continue  # stopped before every part had it
        members[mode] = tuple(
            replace(member, w1=widen(member.w1, slice(start, start + width), starts[-1]))
            for part, start, width in zip(parts, starts, widths, strict=False)
            for member in part.members[mode]
        )
    layer_weights = {
        f"{mode}, part {number}": weights
        for number, part in enumerate(parts, 1)
        for mode, weights in part.layer_weights.items()
    }
    return replace(
        parts[0],
        statistics=statistics,
        members=members,
        layer_weights=layer_weights,
        stopped=any(part.stopped for part in parts),
    )


@dataclass(frozen=True, slots=True)
class Network:
    """What one kind of network of a head sees.

    Attributes:
        encoder_id: Of the features.
        start, stop: Their columns in the embedding that the scheme is given.
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
        watch: Callable[[FitProgress], None],
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
class FusionScheme:
    """How a head is fitted; a `training.systems.Fitter`.

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
        """Return `data` as this scheme sees it, which is what it is fitted on and asked about."""
        return columns(data, self.start, self.stop)

    def __call__(
        self,
        data: LabelledEmbeddings,
        *,
        classes: Sequence[str],
        modes: Sequence[str] = MODES,
        watch: Callable[[FitProgress], None] = lambda moment: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> FittedHead:
        """Fit it on what `view` returned. Raises what `fit_head` raises."""
        parts = [
            network.fit(data, classes=classes, modes=modes, watch=watch, cancelled=cancelled)
            for network in self.networks
        ]
        return parts[0] if len(parts) == 1 else pad_together(parts)


def plain_scheme(encoder: Encoder, *, seed: int) -> FusionScheme:
    """Return the scheme of one network on the whole embedding of an encoder."""
    recipe = replace(recipe_for(encoder.id), seed=seed)
    network = Network(encoder.id, 0, encoder.dim, recipe)
    return FusionScheme("joint", (network,), 0, encoder.dim)


def schemes_of(
    encoder: Encoder, *, seed: int
) -> tuple[FusionScheme, tuple[FusionScheme, ...], FusionScheme | None]:
    """Return the joint scheme, one scheme per encoder alone, and the ensemble of these.

    With one encoder there is nothing alone, and no ensemble.
    """
    joint = plain_scheme(encoder, seed=seed)
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
        FusionScheme(
            network.encoder_id,
            (replace(network, start=0, stop=network.stop - network.start),),
            network.start,
            network.stop,
        )
        for network in networks
    )
    return joint, alone, FusionScheme("ensemble", tuple(networks), 0, encoder.dim)


def mean_uar(held_out: HeldOut) -> float:
    """Return the unweighted average recall of held-out predictions, mean over the modes."""
    n_labels = len(held_out.classes)
    uars = [
        unweighted_average_recall(held_out.truth, logits.argmax(1), n_labels)
        for logits in held_out.logits.values()
    ]
    return sum(uars) / len(uars)


Measure = Callable[[FusionScheme], HeldOut]
"""Gives held-out predictions of heads that are fitted by this scheme."""


def choose_scheme(
    encoder: Encoder, *, seed: int, measure: Measure, even_without_gain: bool
) -> tuple[FusionScheme, HeldOut, dict[str, Any]]:
    """Measure every scheme on held-out speakers and take the best.

    Args:
        encoder: What the head will read.
        seed: Of the first network.
        measure: Gives held-out predictions of a scheme, on the same folds for all of them.
        even_without_gain: Take the better combination also where it gains nothing over one encoder.

    Returns:
        The scheme, its held-out predictions, and what was found in the comparison, for the card; empty where
        there was nothing to compare.

    Raises:
        HeadError: Several encoders were asked for and are no better than the best of them alone.
    """
    joint, alone, ensemble = schemes_of(encoder, seed=seed)
    if ensemble is None:
        return joint, measure(joint), {}
    of_one = {scheme.name: measure(scheme) for scheme in alone}
    combined = {
        joint.name: (joint, measure(joint)),
        ensemble.name: (ensemble, average(list(of_one.values()))),
    }
    best_alone = max(of_one, key=lambda name: mean_uar(of_one[name]))
    scheme, held_out = max(combined.values(), key=lambda pair: mean_uar(pair[1]))
    gains = {mode: compare(held_out, of_one[best_alone], mode=mode) for mode in held_out.logits}
    all_uars = {**of_one, **{name: one for name, (_, one) in combined.items()}}
    if not even_without_gain and not any(_is_gain(one) for one in gains.values()):
        raise _no_gain(encoder.id, best_alone, mean_uar(held_out), mean_uar(of_one[best_alone]))
    found = {
        "chosen": scheme.name,
        "uar, mean over modes": {name: round(mean_uar(one), 4) for name, one in all_uars.items()},
        "over": best_alone,
        "gain": {mode: one.to_dict() for mode, one in gains.items()},
    }
    return scheme, held_out, found


def _is_gain(difference: Difference) -> bool:
    return difference.is_certain and difference.uar > 0


def _no_gain(encoder_id: str, alone: str, together_uar: float, alone_uar: float) -> HeadError:
    together, single = f"{100 * together_uar:.1f}", f"{100 * alone_uar:.1f}"
    return HeadError(
        tr(
            "{encoder_id} gains nothing that is certain over {alone} alone on held-out speakers (UAR "
            "{together} against {single}), so no head was made: train on {alone}, or ask for it all the "
            "same (--even-without-gain)",
            encoder_id=encoder_id,
            alone=alone,
            together=together,
            single=single,
        )
    )
