"""The lines of results on the card of a freshly trained head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gpt_sovits_emotion.heads.card import Result
from gpt_sovits_emotion.training.corpora import Corpus
from gpt_sovits_emotion.training.dataset import LabelledEmbeddings
from gpt_sovits_emotion.training.describe import results_of
from gpt_sovits_emotion.training.folds import speaker_folds
from gpt_sovits_emotion.training.scoring import HeldOut
from gpt_sovits_emotion.training.strangers import StrangerCalibration

__all__ = ["FEW_COUNTS", "MOST_FOLDS", "card_results"]

FEW_COUNTS = (5, 10, 20)
"""From how many unlabelled clips of a speaker the speaker mode is measured, besides all of them."""

MOST_FOLDS = 12
"""With more speakers than this they are held out in groups: the time of a fit counts."""


def card_results(
    corpora: Sequence[Corpus],
    data: LabelledEmbeddings,
    held_out: HeldOut,
    strangers: StrangerCalibration | None,
    calibrate_on: Sequence[Corpus],
) -> tuple[Result, ...]:
    """Return the lines of the card: all speakers held out, those of each corpus, and each corpus held out."""
    train_only = tuple(one.name for one in corpora if one.train_only)
    n_folds = len(speaker_folds(data, at_most=MOST_FOLDS, never_tested=train_only))
    tested = np.unique(data.speakers[~np.isin(data.corpora, train_only)])
    protocol = "loso" if n_folds == len(tested) else f"loso in {n_folds} groups of speakers"
    by_name = {one.name: one.info.id for one in corpora}
    together = "+".join(one.info.id for one in corpora if not one.train_only)
    found = list(
        results_of(held_out, corpus_name=together, protocol=protocol, few_counts=FEW_COUNTS)
    )
    if strangers is None:
        return tuple(found)
    corpus_of = dict(zip(data.speakers.tolist(), data.corpora.tolist(), strict=True))
    tested_corpora = np.array([corpus_of[who] for who in held_out.speakers.tolist()])
    for name in dict.fromkeys(tested_corpora.tolist()):
        if len(set(tested_corpora.tolist())) > 1:
            own = held_out.select(tested_corpora == name)
            found += results_of(
                own, corpus_name=by_name[name], protocol=protocol, few_counts=FEW_COUNTS
            )
    by_name.update({one.name: one.info.id for one in calibrate_on})
    for name, left_out in strangers.tested.items():
        trained_on = [one.info.id for one in corpora if one.name != name]
        calibration = strangers.without(name)
        notes = (f"trained on {' + '.join(trained_on)}", *strangers.notes(name, calibration))
        of_others = results_of(
            left_out,
            corpus_name=by_name[name],
            protocol="cross",
            temperature=calibration.temperature,
        )
        found += [
            replace(result, note="; ".join(filter(None, (result.note, *notes))))
            for result in of_others
        ]
    return tuple(found)
