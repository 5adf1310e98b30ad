"""Labelled embeddings: what training and evaluation work on, whichever encoder they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from gpt_sovits_emotion.core.errors import CorpusError
from gpt_sovits_emotion.core.messages import of_list, tr
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.heads.moving import moving_statistics

__all__ = [
    "FeatureStatistics",
    "LabelledEmbeddings",
    "join",
    "normalise",
    "normalise_against",
    "normalise_by_speaker",
    "normalise_each_speaker",
    "normalise_moving",
]

_SMALLEST_STD = 1e-4


def _unnamed() -> np.ndarray:
    return np.array("")


@dataclass(frozen=True, slots=True, eq=False)
class LabelledEmbeddings:
    """Embeddings with who spoke, what was said and which emotion it was.

    Attributes:
        embeddings: ``(n_segments, dim)`` float32.
        labels: ``(n_segments,)`` str.
        speakers: ``(n_segments,)`` str.
        texts: ``(n_segments,)`` str, "" where unknown.
        copies: Name -> ``(n_segments, dim)`` embeddings of altered copies of the same audio, row by
            row. They are trained on, each normalised as a speaker of its own, and never tested on.
        once: ``(n_segments, dim)`` embeddings of one pass, from an encoder that takes the mean of several
            (`encoders.base.AveragingEncoder`). They are trained on in place of `embeddings`, as the copies
            are of one pass each; None from any other encoder.
        corpora: ``(n_segments,)`` str, the corpus each segment comes from, "" where unknown. One name
            alone, ``np.array("name")``, stands for all.
        skipped: What was left out and why, such as clips that could not be read.
    """

    embeddings: np.ndarray
    labels: np.ndarray
    speakers: np.ndarray
    texts: np.ndarray
    copies: Mapping[str, np.ndarray] = field(default_factory=dict)
    corpora: np.ndarray = field(default_factory=_unnamed)
    skipped: tuple[Sentence, ...] = ()
    once: np.ndarray | None = None

    def __post_init__(self) -> None:
        n_segments = len(self.embeddings)
        if np.ndim(self.corpora) == 0:
            object.__setattr__(self, "corpora", np.repeat(np.asarray(self.corpora), n_segments))
        if {len(self.labels), len(self.speakers), len(self.texts)} != {n_segments}:
            raise CorpusError(
                tr(
                    "{n_segments} embeddings came with {labels} labels, {speakers} speakers and {texts} "
                    "texts: one of each per embedding is needed",
                    n_segments=n_segments,
                    labels=len(self.labels),
                    speakers=len(self.speakers),
                    texts=len(self.texts),
                )
            )
        if len(self.corpora) != n_segments:
            raise CorpusError(
                tr(
                    "{n_segments} embeddings came with {corpora} names of corpora: one per embedding, or "
                    "one for all, is needed",
                    n_segments=n_segments,
                    corpora=len(self.corpora),
                )
            )
        passes = {} if self.once is None else {"one pass": self.once}
        for name, copy in {**self.copies, **passes}.items():
            if copy.shape != self.embeddings.shape:
                raise CorpusError(
                    tr(
                        "the copy {name!r} has shape {shape}, the embeddings have {shape_2}: copies go "
                        "row by row",
                        name=name,
                        shape=copy.shape,
                        shape_2=self.embeddings.shape,
                    )
                )

    @property
    def versions(self) -> tuple[np.ndarray, ...]:
        """What is trained on, each ``(n_segments, dim)``: the clips, then their copies."""
        return (self.embeddings if self.once is None else self.once, *self.copies.values())

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels that occur, sorted."""
        return tuple(sorted(set(self.labels.tolist())))

    def targets(self, classes: Sequence[str]) -> np.ndarray:
        """Return ``(n_segments,)`` integer places of the labels in `classes`.

        Raises:
            CorpusError: A label is not among the classes.
        """
        place = {label: index for index, label in enumerate(classes)}
        unknown = sorted(set(self.labels.tolist()) - place.keys())
        if unknown:
            raise CorpusError(
                tr(
                    "the labels {unknown} are not among {classes}",
                    unknown=of_list(unknown),
                    classes=of_list(classes),
                )
            )
        return np.array([place[label] for label in self.labels.tolist()], np.int64)

    def select(self, mask: np.ndarray) -> LabelledEmbeddings:
        """Return the rows where `mask` is True; what was skipped stays on record."""
        return LabelledEmbeddings(
            self.embeddings[mask],
            self.labels[mask],
            self.speakers[mask],
            self.texts[mask],
            {name: copy[mask] for name, copy in self.copies.items()},
            self.corpora[mask],
            self.skipped,
            None if self.once is None else self.once[mask],
        )


def join(parts: Sequence[LabelledEmbeddings]) -> LabelledEmbeddings:
    """Put the segments of several corpora one after another.

    Args:
        parts: From one encoder, in which no two persons share a name.

    Returns:
        All segments, and everything that was skipped. Of the copies those that every part has: a copy
        that only one corpus had would tell the corpora apart.

    Raises:
        CorpusError: There are no parts, or their embeddings differ in length.
    """
    if not parts:
        raise CorpusError(tr("there is nothing to join: name at least one corpus"))
    dims = {part.embeddings.shape[1] for part in parts}
    if len(dims) > 1:
        found = ", ".join(str(part.embeddings.shape[1]) for part in parts)
        raise CorpusError(
            tr(
                "embeddings of {found} values cannot be joined: embed all corpora with one encoder",
                found=found,
            )
        )
    shared = [name for name in parts[0].copies if all(name in part.copies for part in parts)]
    once = [part.versions[0] for part in parts]
    return LabelledEmbeddings(
        np.concatenate([part.embeddings for part in parts]),
        np.concatenate([part.labels for part in parts]),
        np.concatenate([part.speakers for part in parts]),
        np.concatenate([part.texts for part in parts]),
        {name: np.concatenate([part.copies[name] for part in parts]) for name in shared},
        np.concatenate([part.corpora for part in parts]),
        tuple(sentence for part in parts for sentence in part.skipped),
        None if all(part.once is None for part in parts) else np.concatenate(once),
    )


@dataclass(frozen=True, slots=True, eq=False)
class FeatureStatistics:
    """Statistics of the training embeddings; a head carries them.

    Attributes:
        mean: ``(dim,)`` float32.
        std: ``(dim,)`` float32, over all segments.
        within_speaker_std: ``(dim,)`` float32, around each speaker's own mean, pooled.
    """

    mean: np.ndarray
    std: np.ndarray
    within_speaker_std: np.ndarray

    @classmethod
    def measure(cls, embeddings: np.ndarray, speakers: np.ndarray) -> FeatureStatistics:
        """Measure them on ``(n_segments, dim)`` embeddings and their speakers."""
        exact = embeddings.astype(np.float64)
        residual = np.empty_like(exact)
        for speaker in np.unique(speakers):
            own = speakers == speaker
            residual[own] = exact[own] - exact[own].mean(0)
        return cls(
            exact.mean(0).astype(np.float32),
            np.maximum(exact.std(0), _SMALLEST_STD).astype(np.float32),
            np.maximum(residual.std(0), _SMALLEST_STD).astype(np.float32),
        )


def normalise(
    embeddings: np.ndarray, statistics: FeatureStatistics, *, clip_z: float
) -> np.ndarray:
    """Return z-scores by the training statistics, clipped to plus or minus `clip_z`."""
    z = (embeddings - statistics.mean) / statistics.std
    return np.asarray(np.clip(z, -clip_z, clip_z), np.float32)


def normalise_by_speaker(
    embeddings: np.ndarray,
    statistics: FeatureStatistics,
    *,
    clip_z: float,
    prior_segments: float,
    known: np.ndarray | None = None,
) -> np.ndarray:
    """Return z-scores by one speaker's own mean, clipped to plus or minus `clip_z`.

    The mean is shrunk towards the training mean as if `prior_segments` segments lay there (maximum a
    posteriori); the deviation is the one within the training speakers.

    Args:
        embeddings: ``(n_segments, dim)``, all of one speaker.
        statistics: Of the training embeddings.
        clip_z: Where to clip.
        prior_segments: Weight of the training mean.
        known: ``(n_known, dim)`` segments that the mean is taken from; `embeddings` when None.
    """
    own = embeddings if known is None else known
    total = own.astype(np.float64).sum(0) + prior_segments * statistics.mean
    mean = (total / (len(own) + prior_segments)).astype(np.float32)
    z = (embeddings - mean) / statistics.within_speaker_std
    return np.asarray(np.clip(z, -clip_z, clip_z), np.float32)


def normalise_each_speaker(
    embeddings: np.ndarray,
    speakers: np.ndarray,
    statistics: FeatureStatistics,
    *,
    clip_z: float,
    prior_segments: float,
) -> np.ndarray:
    """Return `normalise_by_speaker` of every speaker's own segments, in their places.

    Args:
        embeddings: ``(n_segments, dim)`` of any number of speakers.
        speakers: ``(n_segments,)`` who speaks.
        statistics: Of the training embeddings.
        clip_z: Where to clip.
        prior_segments: Weight of the training mean.
    """
    z = np.empty_like(embeddings, np.float32)
    for speaker in np.unique(speakers):
        own = speakers == speaker
        z[own] = normalise_by_speaker(
            embeddings[own], statistics, clip_z=clip_z, prior_segments=prior_segments
        )
    return z


def normalise_moving(
    embeddings: np.ndarray,
    speakers: np.ndarray,
    statistics: FeatureStatistics,
    *,
    clip_z: float,
    prior_segments: float,
    n_others: int | None,
    rng: np.random.Generator | None = None,
) -> np.ndarray:
    """Return z-scores of each segment against a mean that moves to its speaker's own.

    It is what `heads.moving.moving_statistics` gives when `n_others` other segments of the speaker have been
    heard, drawn at random for each segment: with none of them, the z-scores by the training statistics.

    Args:
        embeddings: ``(n_segments, dim)`` of any number of speakers.
        speakers: ``(n_segments,)`` who speaks.
        statistics: Of the training embeddings.
        clip_z: Where to clip.
        prior_segments: Weight of the training mean.
        n_others: How many; None for all that there are.
        rng: Draws them; needed unless `n_others` is 0 or None.
    """
    sums = np.zeros(embeddings.shape, np.float64)
    counts = np.zeros(len(embeddings))
    for speaker in np.unique(speakers) if n_others != 0 else ():
        own = np.flatnonzero(speakers == speaker)
        if n_others is None or n_others >= len(own) - 1:
            sums[own] = embeddings[own].sum(0, dtype=np.float64) - embeddings[own]
            counts[own] = len(own) - 1
            continue
        assert rng is not None
        for row in own:
            drawn = rng.choice(own[own != row], n_others, replace=False)
            sums[row], counts[row] = embeddings[drawn].sum(0, dtype=np.float64), n_others
    z = np.empty(embeddings.shape, np.float32)
    for row, (total, n_heard) in enumerate(zip(sums, counts, strict=True)):
        mean, std = moving_statistics(statistics, total, n_heard, prior_segments=prior_segments)
        z[row] = np.clip((embeddings[row] - mean) / std, -clip_z, clip_z)
    return z


def normalise_against(
    embeddings: np.ndarray,
    known: np.ndarray | None,
    statistics: FeatureStatistics,
    *,
    clip_z: float,
    prior_segments: float,
) -> np.ndarray:
    """Return z-scores against a mean that moves to that of `known` segments of the speaker.

    Of each segment against all the others where `known` is None.
    """
    if known is None:
        return normalise_moving(
            embeddings,
            np.zeros(len(embeddings)),
            statistics,
            clip_z=clip_z,
            prior_segments=prior_segments,
            n_others=None,
        )
    total = known.sum(0, dtype=np.float64)
    mean, std = moving_statistics(statistics, total, len(known), prior_segments=prior_segments)
    return np.asarray(np.clip((embeddings - mean) / std, -clip_z, clip_z), np.float32)
