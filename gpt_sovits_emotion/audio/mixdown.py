"""Mix channels to mono, and notice what would spoil the mean: inverted channels, and constant offsets.

A plug wired the wrong way round turns one channel of a stereo recording upside down: each channel is whole,
and their mean is silence. A cheap sound card puts a constant (DC) under a channel, which is louder than the
voice and heard by nobody. Neither is known before the end, so the file is then decoded once more.
"""

from __future__ import annotations

import numpy as np

from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import Sentence

__all__ = ["Mixdown"]

_CANCELLED = 0.1  # of the power that the mean of unrelated channels has: 10 dB are lost
_LEAST_OFFSET = 1e-4  # of full scale
_OFFSET_SHARE = (
    0.05  # of the power of what is heard; the mean of a recording of speech has far less
)

_BLOCK = 1 << 16  # samples that are summed at once


class Mixdown:
    """Mixes a stream to mono: the mean of its channels, or one of them alone."""

    def __init__(self, *, channel: int | None = None, offsets: np.ndarray | None = None) -> None:
        """Begin a stream.

        Args:
            channel: Take this one alone (from 0); None takes the mean.
            offsets: ``(n_channels,)``, taken away from the channels; None takes nothing away.
        """
        self._channel = channel
        self._offsets = offsets
        self._n_samples = 0
        self._sums = self._products = np.zeros(0)

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """Return ``(n_samples,)`` float32 for the next ``(n_samples, n_channels)`` of the stream."""
        if self._offsets is not None and len(self._offsets) == samples.shape[1]:
            samples = samples - self._offsets
        if self._channel is not None:
            return np.ascontiguousarray(samples[:, min(self._channel, samples.shape[1] - 1)])
        self._watch(samples)
        if samples.shape[1] == 1:
            return np.ascontiguousarray(samples[:, 0], np.float32)
        with np.errstate(invalid="ignore", over="ignore"):  # what is no number is refused later
            # As a product: numpy's mean over few channels takes five times as long.
            mono: np.ndarray = samples @ _equal(samples.shape[1])
        return mono

    def remedy(self) -> Mixdown | None:
        """Return how the same stream should be mixed instead; None where this was right.

        Offsets and channels are judged once: what was asked for on purpose has no remedy.
        """
        if not self._n_samples or self._channel is not None or self._offsets is not None:
            return None
        means = self._sums / self._n_samples
        covariances = self._products / self._n_samples - np.outer(means, means)
        powers = np.maximum(covariances.diagonal(), 0.0)
        # Unrelated channels, or one alone beside silent ones, leave a mean of this power.
        expected = powers.sum() / len(powers) ** 2
        mixed = max(covariances.mean(), 0.0)
        if mixed < _CANCELLED * expected:
            channel = int(powers.argmax())
            offset, power = means[channel], powers[channel]
        else:
            channel, offset, power = None, means.mean(), mixed
        is_offset = abs(offset) > _LEAST_OFFSET and offset**2 > _OFFSET_SHARE * power
        if channel is None and not is_offset:
            return None
        return Mixdown(channel=channel, offsets=means.astype(np.float32) if is_offset else None)

    @property
    def warnings(self) -> tuple[Sentence, ...]:
        """That one channel stands for all, and that a constant was taken away."""
        said = []
        if self._channel is not None:
            said.append(
                tr(
                    "its channels cancel each other out (one is inverted): channel {channel} alone was taken",
                    channel=self._channel + 1,
                )
            )
        if self._offsets is not None:
            share = 100 * float(np.abs(self._offsets).max())
            said.append(
                tr(
                    "a constant offset (DC) of {share:.2g} % of full scale was taken away",
                    share=share,
                )
            )
        return tuple(said)

    def _watch(self, samples: np.ndarray) -> None:
        """Sum up the channels and their products; of the number of channels that comes first."""
        n_channels = samples.shape[1]
        if not self._n_samples:
            self._sums, self._products = np.zeros(n_channels), np.zeros((n_channels, n_channels))
        if len(self._sums) != n_channels:
            return
        with np.errstate(invalid="ignore", over="ignore"):
            for first in range(0, len(samples), _BLOCK):
                block = samples[first : first + _BLOCK]
                self._sums += np.ones(len(block), np.float32) @ block
                self._products += block.T @ block
        self._n_samples += len(samples)


def _equal(n_channels: int) -> np.ndarray:
    """Return equal weights that add up to 1."""
    return np.full(n_channels, 1 / n_channels, np.float32)
