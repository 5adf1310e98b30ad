"""Heads on several encoders at once: fused features, and ensembles of one head per encoder.

The embedding of a fused encoder ``A+B`` is A's and B's, one after the other. A head can be fitted on the
whole of it (*joint*), or one head on each part, their logits averaged (*ensemble*). The second is written in
the same file: a network that does not see a part has zeros in its place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gpt_sovits_emotion.heads.head import Member
from gpt_sovits_emotion.training.dataset import FeatureStatistics, LabelledEmbeddings
from gpt_sovits_emotion.training.fit import FittedHead
from gpt_sovits_emotion.training.scoring import HeldOut

__all__ = ["average", "columns", "pad_together"]


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
        situations=tuple(
            replace(
                same[0],
                own=np.mean([one.own for one in same], axis=0),
                alone=np.mean([one.alone for one in same], axis=0),
            )
            for same in zip(*(part.situations for part in parts), strict=True)
        ),
    )


def pad_together(parts: Sequence[FittedHead]) -> FittedHead:
    """Return the ensemble of heads that were fitted on consecutive parts of a fused embedding.

    Its logits are the mean of theirs, as long as all have equally many members, which `fit_head` sees to.
    """
    widths = [len(part.statistics.mean) for part in parts]
    starts = np.concatenate([[0], np.cumsum(widths)])
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
            replace(member, w1=_padded(member.w1, int(start), int(starts[-1])))
            for part, start in zip(parts, starts, strict=False)
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


def _padded(w1: np.ndarray, start: int, width: int) -> np.ndarray:
    wide = np.zeros((len(w1), width), np.float32)
    wide[:, start : start + w1.shape[1]] = w1
    return wide
