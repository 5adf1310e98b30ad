"""Mix channels to mono, and notice what would spoil the mean: inverted channels, and constant offsets.

A plug wired the wrong way round turns one channel of a stereo recording upside down: each channel is whole,
and their mean is silence. A cheap sound card puts a constant (DC) under a channel, which is louder than the
voice and heard by nobody. Neither is known before the end, so the file is then decoded once more.
"""

from __future__ import annotations

import numpy as np

from gpt_sovits_emotion.records import Sentence

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
        self._sums = self._squares = np.zeros(0)

    def __call__(self, samples: np.ndarray) -> np.ndarray:
        """Return ``(n_samples,)`` float32 for the next ``(n_samples, n_channels)`` of the stream."""
        if self._offsets is not None and len(self._offsets) == samples.shape[1]:
            samples = samples - self._offsets
        if self._channel is not None:
            return np.ascontiguousarray(samples[:, min(self._channel, samples.shape[1] - 1)])
        if samples.shape[1] == 1:
            mono = np.ascontiguousarray(samples[:, 0], np.float32)
        else:
            with np.errstate(invalid="ignore", over="ignore"):  # no numbers: refused later
                mono = samples.mean(axis=1, dtype=np.float32)
        self._watch(samples, mono)
        return mono

    def remedy(self) -> Mixdown | None:
        """Return how the same stream should be mixed instead; None where this was right.

        Offsets and channels are judged once: what was asked for on purpose has no remedy.
        """
        if not self._n_samples or self._channel is not None or self._offsets is not None:
            return None
        means = self._sums / self._n_samples
        powers = np.maximum(self._squares / self._n_samples - means**2, 0.0)
        is_offset = abs(means[-1]) > _LEAST_OFFSET and means[-1] ** 2 > _OFFSET_SHARE * powers[-1]
        # Unrelated channels, or one alone beside silent ones, leave a mean of this power.
        expected = powers[:-1].sum() / len(powers[:-1]) ** 2
        channel = int(powers[:-1].argmax()) if powers[-1] < _CANCELLED * expected else None
        if channel is not None:
            is_offset = abs(means[channel]) > _LEAST_OFFSET and (
                means[channel] ** 2 > _OFFSET_SHARE * powers[channel]
            )
        if not is_offset and channel is None:
            return None
        offsets = means[:-1].astype(np.float32) if is_offset else None
        return Mixdown(channel=channel, offsets=offsets)

    @property
    def warnings(self) -> tuple[Sentence, ...]:
        """That one channel stands for all, and that a constant was taken away."""
        said = []
        if self._channel is not None:
            said.append(
                Sentence(
                    "its channels cancel each other out (one is inverted): "
                    f"channel {self._channel + 1} alone was taken",
                    f"各声道互相抵消（其中一个反相），因此只取第 {self._channel + 1} 声道",
                )
            )
        if self._offsets is not None:
            share = 100 * float(np.abs(self._offsets).max())
            said.append(
                Sentence(
                    f"a constant offset (DC) of {share:.2g} % of full scale was taken away",
                    f"已去除直流（DC）偏移（满刻度的 {share:.2g} %）",
                )
            )
        return tuple(said)

    def _watch(self, samples: np.ndarray, mono: np.ndarray) -> None:
        """Sum up the channels and, last, their mean; those of the number of channels that comes first."""
        n_columns = samples.shape[1] + 1
        if not self._n_samples:
            self._sums, self._squares = np.zeros(n_columns), np.zeros(n_columns)
        if len(self._sums) != n_columns:
            return
        for first in range(0, len(mono), _BLOCK):
            block = slice(first, first + _BLOCK)
            together = np.column_stack([samples[block], mono[block]]).astype(np.float64)
            with np.errstate(invalid="ignore", over="ignore"):
                self._sums += together.sum(axis=0)
                self._squares += np.einsum("ij,ij->j", together, together)
        self._n_samples += len(mono)
