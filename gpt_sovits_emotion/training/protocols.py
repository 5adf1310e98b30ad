"""The protocols: which rows take part in a test, who is trained on, and what is chosen among."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gpt_sovits_emotion.core.errors import CorpusError
from gpt_sovits_emotion.heads.head import Head
from gpt_sovits_emotion.training.dataset import LabelledEmbeddings
from gpt_sovits_emotion.training.evaluation import Protocol
from gpt_sovits_emotion.training.folds import (
    Fold,
    corpus_fold,
    speaker_and_text_folds,
    speaker_folds,
    split_fold,
)

__all__ = ["Trial", "trials_of"]


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """One trial: which rows take part, who is trained on, and how the tested part is called.

    Attributes:
        rows: ``(n_segments,)`` bool, of all embedded segments.
        folds: Over the rows that take part.
        classes: What is chosen among.
        trained_on: In words.
        corpora: What is tested; several are scored together, then one by one.
        is_whole: Every row is tested.
    """

    rows: np.ndarray
    folds: tuple[Fold, ...]
    classes: tuple[str, ...]
    trained_on: str
    corpora: tuple[str, ...]
    is_whole: bool


def trials_of(
    data: LabelledEmbeddings,
    *,
    protocol: Protocol,
    corpora: Sequence[str],
    labels: Sequence[str],
    heads: Sequence[Head],
    anything_trained: bool,
    test_speakers: Sequence[str] = (),
    train_only: Sequence[str] = (),
) -> list[Trial]:
    """Return the trials.

    Args:
        data: Segments of all corpora.
        protocol: See `training.evaluation.PROTOCOLS`.
        corpora: Their names.
        labels: The classes that are wanted; all when empty.
        heads: The finished heads that take part: only classes that all of them know are tested.
        anything_trained: Whether something is trained in the folds. Across corpora each pair of them is a
            test then, and of three or more each one against all the others; else each is one test.
        test_speakers: Of protocol ``split``.
        train_only: Names of corpora that are trained on and never tested.

    Raises:
        CorpusError: Corpus and protocol do not fit each other.
    """
    wanted = set(labels or data.classes)
    known = wanted.intersection(data.classes, *(head.card.labels for head in heads))
    names = tuple(corpora)
    tested = tuple(name for name in names if name not in train_only)
    if protocol != "cross":
        return [_within(data, protocol, known, tested, test_speakers, train_only)]
    if not anything_trained:
        title = " and ".join(head.card.id for head in heads)
        return [_across(data, known, (), name, title) for name in tested]
    parts: list[tuple[tuple[str, ...], str]]
    parts = [((one,), other) for one in names for other in tested if one != other]
    if len(names) > 2:
        parts += [(tuple(one for one in names if one != name), name) for name in tested]
    if not parts:
        raise CorpusError(
            "testing across corpora needs two of them, or a finished head (--head) that was trained "
            "elsewhere",
            zh="跨语料评测需要两个语料，或一个用别的语料训练好的情感模型（--head）",
        )
    return [_across(data, known, train, name, "") for train, name in parts]


def _within(
    data: LabelledEmbeddings,
    protocol: Protocol,
    known: set[str],
    names: tuple[str, ...],
    test_speakers: Sequence[str],
    train_only: Sequence[str],
) -> Trial:
    rows = np.isin(data.labels, sorted(known))
    own = data.select(rows)
    if protocol == "loso":
        folds = speaker_folds(own, never_tested=train_only)
    elif protocol == "loso+text":
        folds = speaker_and_text_folds(own, never_tested=train_only)
    else:
        folds = (split_fold(own, test_speakers=test_speakers, never_tested=train_only),)
    trained_on = {"loso": "all other speakers", "loso+text": "all other speakers and texts"}
    return Trial(
        rows,
        folds,
        _shared(own.classes, known, " + ".join(names)),
        trained_on.get(protocol, "the other speakers"),
        names,
        protocol != "split" and not train_only,
    )


def _across(
    data: LabelledEmbeddings, known: set[str], train: tuple[str, ...], test: str, head_id: str
) -> Trial:
    """Trial on one corpus; with nothing in `train` there are finished heads alone."""
    in_test, in_train = data.corpora == test, np.isin(data.corpora, train)
    labels = known & set(data.labels[in_test].tolist())
    if train:
        labels &= set(data.labels[in_train].tolist())
    classes = _shared(sorted(labels), known, f"{' + '.join(train) or head_id} and {test}")
    rows = (in_test | in_train) & np.isin(data.labels, classes)
    own = data.select(rows)
    fold = corpus_fold(own, own.corpora, train=train, test=test)
    return Trial(rows, (fold,), classes, " + ".join(train), (test,), False)


def _shared(labels: Sequence[str], known: set[str], where: str) -> tuple[str, ...]:
    classes = tuple(label for label in labels if label in known)
    if len(classes) < 2:
        raise CorpusError(
            f"{where} share {len(classes)} classes ({', '.join(classes) or 'none'}): two or more are "
            "needed; see how the labels are mapped with: corpora show",
            zh=f"{where} 的共同类别只有 {len(classes)} 个（{'、'.join(classes) or '无'}），至少需要两个；"
            "可用 corpora show 查看标签映射",
        )
    return classes
