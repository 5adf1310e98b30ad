"""A head at work: embeddings in, calibrated probabilities out.

Two linear layers are two matrix products, so they run in numpy: reading emotion then needs no torch.
`training.fit` trains the same function in torch, and a test holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gpt_sovits_emotion.core.errors import EncoderError, HeadError, HeadMismatchError
from gpt_sovits_emotion.core.labels import UNSURE
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import SpeakerStatistics
from gpt_sovits_emotion.heads.card import ANY_WEIGHTS, HeadCard
from gpt_sovits_emotion.heads.moving import moving_statistics

__all__ = ["Head", "Member", "softmax"]


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Return ``(n_segments, n_labels)`` probabilities of logits divided by a temperature."""
    scaled = logits / temperature
    exponentials = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """One two-layer perceptron: ``w2 · relu(w1 · z + b1) + b2``.

    Attributes:
        w1: ``(hidden, dim)``. b1: ``(hidden,)``.
        w2: ``(n_labels, hidden)``. b2: ``(n_labels,)``.
    """

    w1: np.ndarray
    b1: np.ndarray
    w2: np.ndarray
    b2: np.ndarray

    def logits(self, z: np.ndarray) -> np.ndarray:
        """Return ``(n_segments, n_labels)`` logits of ``(n_segments, dim)`` normalised embeddings."""
        hidden = np.maximum(z @ self.w1.T + self.b1, 0.0)
        scores: np.ndarray = hidden @ self.w2.T + self.b2
        return scores


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A loaded head. Made by `heads.load_head`, which has checked every shape and value.

    Attributes:
        card: What it is.
        members: Mode -> the perceptrons whose logits are averaged. ``global`` is always there.
        mean, std: ``(dim,)`` statistics of the training utterances.
        within_speaker_std: ``(dim,)`` pooled within-speaker deviation of the training speakers.
        encoder_file: The part of its encoder that it carries (`files.ENCODER_NAME`), None for none.
    """

    card: HeadCard
    members: Mapping[str, tuple[Member, ...]]
    mean: np.ndarray
    std: np.ndarray
    within_speaker_std: np.ndarray
    encoder_file: Path | None = None

    def check_encoder(self, encoder_id: str, *, dim: int, fingerprint: str) -> None:
        """Make sure that an encoder is the one this head was trained on.

        Raises:
            HeadMismatchError: It is another encoder, another dimension, or another version of it. Where the
                head's author did not know the version (`card.ANY_WEIGHTS`), any is taken.
        """
        spec = self.card.encoder
        if encoder_id != spec.id:
            raise HeadMismatchError(
                tr(
                    "head {card!r} reads the encoder {spec!r}, but was given {encoder_id!r}; choose a "
                    "head for this encoder (heads list)",
                    card=self.card.id,
                    spec=spec.id,
                    encoder_id=encoder_id,
                )
            )
        if dim != spec.dim:
            raise HeadMismatchError(
                tr(
                    "head {card!r} expects {dim} features from {spec!r}, which gives {dim_2}; the head "
                    "belongs to another version: train or download it anew",
                    card=self.card.id,
                    dim=spec.dim,
                    spec=spec.id,
                    dim_2=dim,
                )
            )
        if fingerprint != spec.fingerprint and spec.fingerprint != ANY_WEIGHTS:
            raise HeadMismatchError(
                tr(
                    "head {card!r} was trained on {spec!r} with fingerprint {fingerprint}, but this host "
                    "lends {fingerprint_2}; its verdicts would be noise: train the head on these weights "
                    "or use the weights it names",
                    card=self.card.id,
                    spec=spec.id,
                    fingerprint=spec.fingerprint,
                    fingerprint_2=fingerprint,
                )
            )

    def statistics(
        self, embeddings: np.ndarray, *, source: str, inclusive: bool = False
    ) -> SpeakerStatistics | None:
        """Gather a speaker's statistics from that speaker's own unlabelled segments.

        The mean is a maximum a posteriori estimate: the speaker's, pulled towards the training mean as
        if `prior_segments` more segments lay there. The deviation is that within the training speakers,
        which is steadier than one speaker's own from a few segments; of a head with moving statistics it is
        larger where the mean may still be wrong (`heads.moving.moving_statistics`).

        Args:
            embeddings: ``(n_segments, dim)``, all of one speaker.
            source: Where they come from, for the record.
            inclusive: The segments that are to be judged are among them. With few segments each then draws
                the mean towards itself, which a head with moving statistics makes up for.

        Returns:
            The statistics, or None when there are too few segments or the head has no such mode.
        """
        n_segments = len(embeddings)
        if "speaker" not in self.members or n_segments < self.card.min_speaker_segments:
            return None
        prior = self.card.prior_segments
        total = embeddings.sum(axis=0)
        if self.card.moving is None:
            mean, std = (total + prior * self.mean) / (n_segments + prior), self.within_speaker_std
        else:
            n_others = n_segments - inclusive
            _, std = moving_statistics(self, total, n_others, prior_segments=prior)
            mean, _ = moving_statistics(self, total, n_segments, prior_segments=prior)
            std = std * ((n_others + prior) / (n_segments + prior))
        return SpeakerStatistics(
            mean.astype(np.float32), np.asarray(std, np.float32), n_segments, source
        )

    def probabilities(
        self, embeddings: np.ndarray, speaker: SpeakerStatistics | None = None
    ) -> np.ndarray:
        """Return ``(n_segments, n_labels)`` calibrated probabilities; rows sum to 1.

        Args:
            embeddings: ``(n_segments, dim)`` float32 from the head's encoder.
            speaker: Normalise by this speaker's statistics; by the training statistics when None.

        Raises:
            EncoderError: The embeddings have another width or hold values that are not finite.
            HeadError: The weights are so large that no probabilities come of them.
        """
        self.check_embeddings(embeddings)
        mode = "global" if speaker is None else "speaker"
        with np.errstate(over="ignore", invalid="ignore"):  # looked at by `calibrated`
            logits = self.logits(embeddings, speaker)
        return self.calibrated(logits, mode)

    def calibrated(self, logits: np.ndarray, mode: str) -> np.ndarray:
        """Return ``(n_segments, n_labels)`` probabilities of logits, by the temperature of their mode.

        Raises:
            HeadError: The weights are so large that no probabilities come of them.
        """
        with np.errstate(over="ignore", invalid="ignore"):  # looked at below
            probabilities = softmax(logits, self.card.temperature[mode])
        if not np.isfinite(probabilities).all():
            raise HeadError(
                tr(
                    "head {card!r} has weights so large that they give no probabilities; its training "
                    "went wrong: choose another head (heads list)",
                    card=self.card.id,
                )
            )
        return probabilities

    def check_embeddings(self, embeddings: np.ndarray) -> None:
        """Make sure that embeddings can be judged.

        Raises:
            EncoderError: They have another width or hold values that are not finite.
        """
        if embeddings.ndim != 2 or embeddings.shape[1] != self.card.encoder.dim:
            raise EncoderError(
                tr(
                    "embeddings of shape {shape} were given to head {card!r}; (n_segments, {dim}) was "
                    "expected",
                    shape=embeddings.shape,
                    card=self.card.id,
                    dim=self.card.encoder.dim,
                )
            )
        if not np.isfinite(embeddings).all():
            raise EncoderError(
                tr(
                    "the encoder {encoder!r} gave values that are not finite; the audio or the encoder's "
                    "weights are damaged",
                    encoder=self.card.encoder.id,
                )
            )

    def logits(
        self, embeddings: np.ndarray, speaker: SpeakerStatistics | None = None
    ) -> np.ndarray:
        """Return ``(n_segments, n_labels)`` mean logits of the members, unchecked. See `probabilities`."""
        mode = "global" if speaker is None else "speaker"
        mean, std = (self.mean, self.std) if speaker is None else (speaker.mean, speaker.std)
        z = np.clip((embeddings - mean) / std, -self.card.clip_z, self.card.clip_z)
        return np.asarray(np.mean([member.logits(z) for member in self.members[mode]], axis=0))

    def distances(self, embeddings: np.ndarray) -> np.ndarray:
        """Return ``(n_segments,)`` how far embeddings lie from those of the training: 1 is usual.

        It is the root of the mean of squared z-scores by the training statistics. Noise, music and damaged
        audio lie farther out than any voice.
        """
        z = (embeddings.astype(np.float64) - self.mean) / self.std
        return np.asarray(np.sqrt(np.mean(np.square(z), axis=1)))

    def decide(self, probabilities: np.ndarray, *, mode: str) -> str:
        """Return the label of one row of probabilities, ``unsure`` under the mode's threshold."""
        best = int(np.argmax(probabilities))
        return (
            self.card.labels[best] if probabilities[best] >= self.card.threshold[mode] else UNSURE
        )
