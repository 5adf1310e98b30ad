"""Who is trained on and who is tested: folds that never train on a test speaker, and the protocols.

The folds are ours and not scikit-learn's, whose splitters know one group per row: here corpora that
are trained on are never tested, texts are held out together with speakers, and groups of speakers
are dealt by name, so that a figure can be measured again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gpt_sovits_emotion.core.errors import CorpusError
from gpt_sovits_emotion.core.messages import in_both, of_list, tr
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.heads.head import Head
from gpt_sovits_emotion.training.dataset import LabelledEmbeddings

__all__ = [
    "PROTOCOLS",
    "Fold",
    "Protocol",
    "Trial",
    "check_folds",
    "corpus_fold",
    "speaker_and_text_folds",
    "speaker_folds",
    "split_fold",
    "trials_of",
]

_SPLIT_SHARE = 4
"""Every fourth speaker is tested where a fixed split names nobody."""


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """One split of the segments.

    Attributes:
        name: Who or what is held out.
        train: ``(n_segments,)`` bool.
        test: ``(n_segments,)`` bool; no speaker of `test` is in `train`.
    """

    name: str
    train: np.ndarray
    test: np.ndarray


def speaker_folds(
    data: LabelledEmbeddings, *, at_most: int | None = None, never_tested: Sequence[str] = ()
) -> tuple[Fold, ...]:
    """Leave one speaker out (LOSO).

    Args:
        data: All segments.
        never_tested: Corpora whose speakers are trained on in every fold.
        at_most: With more speakers than this, they are left out in so many groups, as equal in number
            as can be: the time of a fit counts.

    Raises:
        CorpusError: There are fewer than two speakers, or none that may be tested.
    """
    speakers = _testable(data, never_tested)
    n_groups = min(len(speakers), max(at_most or len(speakers), 2))
    folds = []
    for index in range(n_groups):
        group = speakers[index::n_groups]
        test = np.isin(data.speakers, group)
        folds.append(Fold(", ".join(group), ~test, test))
    return tuple(folds)


def speaker_and_text_folds(
    data: LabelledEmbeddings, *, n_groups: int = 5, never_tested: Sequence[str] = ()
) -> tuple[Fold, ...]:
    """Hold out a speaker and, at the same time, a group of texts: neither is ever trained on.

    Args:
        data: Segments with texts.
        n_groups: Into how many groups the texts are dealt, in alphabetic order.
        never_tested: Corpora whose speakers are trained on and not tested.

    Raises:
        CorpusError: Texts are unknown, or there are fewer than two; or fewer than two speakers, or none that
            may be tested.
    """
    speakers = _testable(data, never_tested)
    texts = np.unique(data.texts)
    if len(texts) < 2 or "" in texts:
        raise CorpusError(
            tr(
                "the corpus does not say what is said in every clip, or it is the same in all: holding "
                "texts out needs the column 'text'"
            )
        )
    n_groups = min(n_groups, len(texts))
    group_of = {text: index % n_groups for index, text in enumerate(texts)}
    group = np.array([group_of[text] for text in data.texts])
    folds = []
    for who in speakers:
        for index in range(n_groups):
            test = (data.speakers == who) & (group == index)
            train = (data.speakers != who) & (group != index)
            if test.any():
                folds.append(Fold(f"{who}, texts {index + 1}", train, test))
    return tuple(folds)


def split_fold(
    data: LabelledEmbeddings,
    *,
    test_speakers: Sequence[str] = (),
    never_tested: Sequence[str] = (),
) -> Fold:
    """Test some speakers, train on all others: one fit in place of one per speaker.

    Args:
        data: All segments.
        test_speakers: Who is tested; when empty, every fourth speaker in alphabetic order.
        never_tested: Corpora whose speakers are trained on and not tested.

    Raises:
        CorpusError: A named speaker is not there, nobody may be tested, or nobody is left to train on.
    """
    speakers = _testable(data, never_tested)
    unknown = sorted(set(test_speakers) - set(speakers))
    if unknown:
        raise CorpusError(
            tr(
                "there is no speaker {unknown!r} to test; the speakers are {speakers}",
                unknown=unknown[0],
                speakers=of_list(speakers),
            )
        )
    chosen = tuple(test_speakers) or tuple(speakers[_SPLIT_SHARE - 1 :: _SPLIT_SHARE])
    chosen = chosen or (speakers[-1],)
    if len(set(chosen)) == len(np.unique(data.speakers)):
        raise CorpusError(
            tr("every speaker is to be tested, so that nobody is left to train on; name fewer")
        )
    test = np.isin(data.speakers, chosen)
    return Fold(f"test speakers {', '.join(sorted(set(chosen)))}", ~test, test)


def corpus_fold(
    data: LabelledEmbeddings, corpora: np.ndarray, *, train: Sequence[str], test: str
) -> Fold:
    """Train on some corpora, test on another.

    Args:
        data: Segments of all of them; speakers of different corpora have different names.
        corpora: ``(n_segments,)`` str, the corpus of each.
        train: Names of the corpora to train on.
        test: Name of the corpus to test on.
    """
    return Fold(f"{' + '.join(train)} -> {test}", np.isin(corpora, train), corpora == test)


def check_folds(
    data: LabelledEmbeddings, folds: Sequence[Fold], *, whole: bool, trains: bool = True
) -> None:
    """Make sure that folds are honest.

    Args:
        data: All segments.
        folds: Splits of them.
        whole: Whether every segment must be tested.
        trains: Whether something is trained on each fold's training part.

    Raises:
        CorpusError: A segment is tested twice, or by no fold where `whole`; a fold trains on a speaker
            it tests, or has nothing to train on or to test.
    """
    times_tested = np.sum([fold.test for fold in folds], axis=0)
    if (times_tested > 1).any() or (whole and not (times_tested == 1).all()):
        raise CorpusError(tr("the folds do not test every segment exactly once"))
    for fold in folds:
        both = set(data.speakers[fold.train]) & set(data.speakers[fold.test])
        if both:
            raise CorpusError(
                tr(
                    "fold {fold!r} trains on a speaker it tests ({both}); such figures would flatter",
                    fold=fold.name,
                    both=sorted(both)[0],
                )
            )
        if (trains and not fold.train.any()) or not fold.test.any():
            raise CorpusError(
                tr(
                    "fold {fold!r} has {sum} clips to train on and {sum_2} to test; both need some",
                    fold=fold.name,
                    sum=int(fold.train.sum()),
                    sum_2=int(fold.test.sum()),
                )
            )


def _testable(data: LabelledEmbeddings, never_tested: Sequence[str]) -> list[str]:
    """Return the speakers but those of corpora that are never tested."""
    barred = set(data.speakers[np.isin(data.corpora, list(never_tested))].tolist())
    speakers = [who for who in _speakers_of(data) if who not in barred]
    if not speakers:
        raise CorpusError(
            tr(
                "every corpus is for training only, so that nobody is left to test; add one of recorded "
                "speech"
            )
        )
    return speakers


def _speakers_of(data: LabelledEmbeddings) -> list[str]:
    speakers = [str(who) for who in np.unique(data.speakers)]
    if len(speakers) < 2:
        raise CorpusError(
            tr(
                "{speakers} speaker was found: measuring on unknown speakers needs two or more",
                speakers=len(speakers),
            )
        )
    return speakers


Protocol = Literal["loso", "loso+text", "split", "cross"]

PROTOCOLS: Mapping[Protocol, Sentence] = {
    "loso": tr("leave one speaker out: each speaker is judged by a head trained on all the others"),
    "loso+text": tr(
        "speaker and text held out: neither the speaker nor the sentence was trained on"
    ),
    "split": tr("one fixed split: some speakers are tested, all others trained on"),
    "cross": tr("across corpora: trained on one, tested on another that it has never met"),
}
"""Protocol -> what it does."""


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
        protocol: See `PROTOCOLS`.
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
            tr(
                "testing across corpora needs two of them, or a finished head (--head) that was trained "
                "elsewhere"
            )
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
            tr(
                "{where} share {classes} classes ({classes_2}): two or more are needed; see how the "
                "labels are mapped with: corpora show",
                where=where,
                classes=len(classes),
                classes_2=in_both(", ".join(classes) or "none", "、".join(classes) or "无"),
            )
        )
    return classes
