"""Fit a head to one speaker: from clips without labels, a few labelled ones, and a person's corrections.

What is learned goes into a `heads.profiles.SpeakerProfile`; the head itself is never changed. Three things
are learned, each as far as there is material for it:

- The speaker's mean, feature by feature the likeliest under what the head knows of speakers: how far they
  lie apart (``std**2 - within_speaker_std**2``) and how far one speaker's clips do. A labelled clip says more
  than one without a label, because what its emotion adds is taken off first.
- The head's perceptrons, fine-tuned on the labelled clips together with replay rows of the training
  speakers, so that nothing is forgotten (gradient descent on all rows at once, with momentum).
- One linear member more: a linear discriminant whose class means are drawn from the training speakers'
  towards this speaker's (Gauvain & Lee 1994, "Maximum a posteriori estimation for multivariate Gaussian
  mixture observations of Markov chains"), with the replay rows' covariance.

All of it is a few matrix products in numpy, deterministic, done in a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from gpt_sovits_emotion.core.errors import CorpusError, HeadError
from gpt_sovits_emotion.core.messages import of_count, of_list, tr
from gpt_sovits_emotion.heads.head import Head, Member, softmax
from gpt_sovits_emotion.heads.profiles import (
    Replay,
    SpeakerProfile,
    add,
    add_unlabelled,
    begin_profile,
    check_belongs,
    speaker_std,
)
from gpt_sovits_emotion.training.dataset import (
    FeatureStatistics,
    LabelledEmbeddings,
    normalise_each_speaker,
)

__all__ = [
    "AdaptRecipe",
    "adapt",
    "choose_replay",
    "learn",
    "speaker_mean",
]

_SMALLEST_BETWEEN = 1e-3  # least variance between speakers, in shares of that within a speaker
_SMALLEST_VARIANCE = 1e-6
_REPLAY_PER_CLASS = 30
_N_IMAGINED = 200


@dataclass(frozen=True, slots=True)
class AdaptRecipe:
    """How a head is fitted to a speaker. Chosen on RAVDESS and nEMO; the figures are in docs/speakers.md.

    Attributes:
        n_steps, learning_rate, momentum: Of the descent; the rate is for rows as long as 1,000 features of
            deviation 1 and follows the length of what the head reads.
        speaker_share: Weight of the speaker's clips in the loss when there are some of every class, and
            less in proportion when there are not; the replay rows have the rest. Clips of one class alone
            would otherwise drown the others.
        prior_clips: Weight of the training speakers' class means in the linear member, counted in clips.
        shrinkage: How much of the mean variance is added to the linear member's covariance.
        linear_weight: Of the linear member's log-likelihoods beside the perceptrons' logits.
        temperature_factor: By how much the head's temperature is raised, since a head that has learned a
            few clips by heart is surer than it should be.
    """

    n_steps: int = 60
    learning_rate: float = 0.01
    momentum: float = 0.9
    speaker_share: float = 0.5
    prior_clips: float = 4.0
    shrinkage: float = 0.3
    linear_weight: float = 0.0105
    temperature_factor: float = 2.0


def choose_replay(
    data: LabelledEmbeddings,
    statistics: FeatureStatistics,
    classes: Sequence[str],
    *,
    clip_z: float,
    prior_segments: float,
    per_class: int = _REPLAY_PER_CLASS,
    seed: int = 0,
) -> Replay:
    """Choose the training rows that a head keeps for teaching it speakers; written beside it.

    Args:
        data: What the head was trained on; the altered copies are not used.
        statistics: Of the head.
        classes: The head's labels, in its order.
        clip_z: Of the head's card.
        prior_segments: Of the head's card.
        per_class: How many rows of each class, drawn at random.
        seed: Of the draw.

    Raises:
        CorpusError: A class has no row.
    """
    targets = data.targets(classes)
    missing = [label for place, label in enumerate(classes) if not (targets == place).any()]
    if missing:
        raise CorpusError(
            tr(
                "there is no clip of {missing}, so no rows of it can be kept for teaching",
                missing=of_list(missing),
            )
        )
    z = normalise_each_speaker(
        data.embeddings, data.speakers, statistics, clip_z=clip_z, prior_segments=prior_segments
    )
    rng = np.random.default_rng(seed)
    kept = []
    for place in range(len(classes)):
        rows = np.flatnonzero(targets == place)
        kept.append(rng.choice(rows, min(per_class, len(rows)), replace=False))
    chosen = np.concatenate(kept)
    return Replay.of(z[chosen], targets[chosen], statistics.mean, statistics.within_speaker_std)


def adapt(
    head: Head,
    *,
    speaker: str,
    unlabelled: np.ndarray | None = None,
    labelled: LabelledEmbeddings | None = None,
    replay: Replay | None = None,
    recipe: AdaptRecipe | None = None,
) -> SpeakerProfile:
    """Make a speaker's profile from scratch; nothing is written.

    Args:
        head: The head; it is not changed.
        speaker: The speaker's name.
        unlabelled: ``(n_clips, dim)`` embeddings of clips without labels.
        labelled: Clips with labels, all of this speaker; what it says of speakers is not looked at.
        replay: Rows of the training speakers, from `heads.profiles.find_replay`.
        recipe: How to learn.

    Raises:
        HeadError: There is too little to learn from, or something does not fit the head.
    """
    profile = begin_profile(head, speaker)
    if unlabelled is not None and len(unlabelled):
        profile = add_unlabelled(profile, unlabelled)
    if labelled is not None and len(labelled.labels):
        profile = add(profile, labelled.embeddings, labelled.labels.tolist(), "adapt")
    return learn(head, profile, replay=replay, recipe=recipe)


def learn(
    head: Head,
    profile: SpeakerProfile,
    *,
    replay: Replay | None = None,
    recipe: AdaptRecipe | None = None,
) -> SpeakerProfile:
    """Learn anew from everything a profile holds; return it with what was learned.

    Args:
        head: The head as it is on disk, not one that `for_speaker` gave.
        profile: Of this head.
        replay: Rows of the training speakers. Without them the head is held to what it says of random
            rows, and the linear member is left out: a little worse.
        recipe: How to learn.

    Raises:
        HeadError: There are fewer clips than the head needs to know a speaker.
        HeadMismatchError: The profile belongs to another head, or to other weights.
    """
    check_belongs(profile, head)
    recipe = recipe or AdaptRecipe()
    least = head.card.min_speaker_segments
    if profile.n_clips < least:
        raise HeadError(
            tr(
                "{n_clips} of {speaker} {verb} too few to learn from; head {card!r} needs {least} or "
                "more, labelled or not, best in several moods",
                speaker=profile.speaker,
                card=head.card.id,
                least=least,
                n_clips=of_count(profile.n_clips, "clip"),
                verb="is" if profile.n_clips == 1 else "are",
            )
        )
    mean = speaker_mean(head, profile, replay)
    learned = tuple(sorted({correction.batch for correction in profile.corrections}))
    profile = replace(profile, mean=mean, learned=learned, members=(), temperature=None)
    if not profile.corrections:
        return replace(profile, recipe="mean")
    clip_z, members = head.card.clip_z, head.members["speaker"]
    taught = profile.embeddings[list(profile.valid)]
    z = np.clip((taught - mean) / speaker_std(head, profile.n_clips), -clip_z, clip_z)
    own = _Part.labelled(z, _targets(profile), len(profile.labels))
    if replay is None:
        kept = _Part.imagined(members, z.shape[1])
    else:
        kept = _Part.labelled(replay.rows, replay.targets, len(profile.labels))
    tuned = tuple(_fine_tuned(member, own, kept, recipe) for member in members)
    words = ", ".join(f"{name} {value:g}" for name, value in asdict(recipe).items())
    temperature = head.card.temperature["speaker"] * recipe.temperature_factor
    if replay is None:
        words += ", without replay rows"
        return replace(profile, members=tuned, temperature=temperature, recipe=words)
    linear = _linear_member(own, replay, recipe, scale=len(tuned) * recipe.linear_weight)
    # The mean over one member more is smaller by that share; the temperature takes it back.
    temperature *= len(tuned) / (len(tuned) + 1)
    return replace(profile, members=(*tuned, linear), temperature=temperature, recipe=words)


def speaker_mean(head: Head, profile: SpeakerProfile, replay: Replay | None) -> np.ndarray:
    """Return the ``(dim,)`` likeliest mean of a speaker, given all of the profile's clips.

    Feature by feature, with normal distributions: a speaker's mean lies around the training mean with the
    variance between speakers; a clip lies around the speaker's mean with the variance within a speaker; a
    labelled clip, less what its class adds, with the variance within a class.
    """
    within = np.square(head.within_speaker_std, dtype=np.float64)
    between = np.square(head.std, dtype=np.float64) - within
    between = np.maximum(between, _SMALLEST_BETWEEN * within)
    precision = 1.0 / between + profile.n_unlabelled / within
    total = head.mean / between + profile.unlabelled_sum / within
    if profile.corrections:
        taught = profile.embeddings[list(profile.valid)]
        offsets = np.zeros(taught.shape)
        around = within
        if replay is not None:
            class_means, within_class = _classes_of(replay, len(profile.labels))
            offsets = head.within_speaker_std * class_means[_targets(profile)]
            around = within * np.maximum(within_class, _SMALLEST_BETWEEN)
        total = total + (taught - offsets).sum(axis=0) / around
        precision = precision + len(taught) / around
    return np.asarray(total / precision, np.float32)


# --- inside ----------------------------------------------------------------------------------------


def _targets(profile: SpeakerProfile) -> np.ndarray:
    place = {label: index for index, label in enumerate(profile.labels)}
    return np.array([place[profile.corrections[i].label] for i in profile.valid], np.int64)


def _classes_of(replay: Replay, n_labels: int) -> tuple[np.ndarray, np.ndarray]:
    """Return ``(n_labels, dim)`` class means of the replay rows and the ``(dim,)`` variance around them."""
    rows, targets = replay.rows.astype(np.float64), replay.targets
    means = np.stack([rows[targets == place].mean(axis=0) for place in range(n_labels)])
    variances = [rows[targets == place].var(axis=0) for place in range(n_labels)]
    return means, np.mean(variances, axis=0)


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """Rows that are learned from.

    Attributes:
        z: ``(n_rows, dim)`` float32 z-scores.
        wanted: ``(n_rows, n_labels)`` float32, what is to come of them; rows sum to 1.
        weights: ``(n_rows,)`` float32, summing to 1.
    """

    z: np.ndarray
    wanted: np.ndarray
    weights: np.ndarray

    @classmethod
    def labelled(cls, z: np.ndarray, targets: np.ndarray, n_labels: int) -> _Part:
        """Rows with their labels; every class that occurs weighs the same."""
        weights = 1.0 / np.bincount(targets)[targets]
        weights = (weights / weights.sum()).astype(np.float32)
        return cls(z.astype(np.float32), np.eye(n_labels, dtype=np.float32)[targets], weights)

    @classmethod
    def imagined(cls, members: Sequence[Member], dim: int) -> _Part:
        """Random rows with what the head says of them, to be said again: a head's memory without replay.

        Hinton, Vinyals & Dean (2015), "Distilling the knowledge in a neural network".
        """
        z = np.random.default_rng(0).standard_normal((_N_IMAGINED, dim), np.float32)
        said = softmax(np.mean([member.logits(z) for member in members], axis=0))
        return cls(z, said.astype(np.float32), np.full(len(z), 1.0 / len(z), np.float32))


def _fine_tuned(member: Member, own: _Part, kept: _Part, recipe: AdaptRecipe) -> Member:
    """Descend on the speaker's rows and the kept ones together.

    Every gradient of `w1` is a sum of rows, so the change of `w1` is held as a factor of each row: with a
    few hundred rows of a thousand features, steps are several times as quick.
    """
    z, wanted = np.concatenate([own.z, kept.z]), np.concatenate([own.wanted, kept.wanted])
    taught = (own.wanted.sum(axis=0) > 0).mean()
    share = np.float32(recipe.speaker_share * taught)
    weights = np.concatenate([share * own.weights, (1 - share) * kept.weights])[:, None]
    gram = z @ z.T
    rate = np.float32(recipe.learning_rate * 1000.0 / float(np.diag(gram).mean()))
    before = z @ member.w1.T + member.b1
    factors, b1 = np.zeros_like(before), np.zeros_like(member.b1)
    w2, b2 = member.w2.copy(), member.b2.copy()
    changes = (factors, b1, w2, b2)
    velocities = [np.zeros_like(part) for part in changes]
    for _ in range(recipe.n_steps):
        hidden = np.maximum(before + gram @ factors + b1, 0.0)
        error = (softmax(hidden @ w2.T + b2) - wanted) * weights
        into_hidden = (error @ w2) * (hidden > 0)
        gradients = (into_hidden, into_hidden.sum(axis=0), error.T @ hidden, error.sum(axis=0))
        for part, velocity, gradient in zip(changes, velocities, gradients, strict=True):
            velocity *= np.float32(recipe.momentum)
            velocity -= rate * gradient
            part += velocity
    return Member(member.w1 + factors.T @ z, member.b1 + b1, w2, b2)


def _linear_member(own: _Part, replay: Replay, recipe: AdaptRecipe, *, scale: float) -> Member:
    """Return a linear discriminant as a member: ``relu(s) - relu(-s)`` is `s`.

    The covariance is that of the replay rows around their class means plus a share of its mean variance on
    the diagonal; its inverse is applied through the rows (Woodbury), which are fewer than the features.
    """
    n_labels = own.wanted.shape[1]
    prior, _ = _classes_of(replay, n_labels)
    residuals = replay.rows.astype(np.float64) - prior[replay.targets]
    counts = own.wanted.sum(axis=0)[:, None]
    sums = own.wanted.T.astype(np.float64) @ own.z
    means = (recipe.prior_clips * prior + sums) / (recipe.prior_clips + counts)
    ridge = recipe.shrinkage * max(float(np.square(residuals).mean()), _SMALLEST_VARIANCE)
    inner = len(residuals) * ridge * np.eye(len(residuals)) + residuals @ residuals.T
    through = np.linalg.solve(inner, residuals @ means.T)
    directions = (means - through.T @ residuals) / ridge
    w, b = scale * directions, -0.5 * scale * (directions * means).sum(axis=1)
    identity = np.eye(n_labels)
    return Member(
        np.concatenate([w, -w]).astype(np.float32),
        np.concatenate([b, -b]).astype(np.float32),
        np.concatenate([identity, -identity], axis=1).astype(np.float32),
        np.zeros(n_labels, np.float32),
    )
