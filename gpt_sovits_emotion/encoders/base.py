"""What every encoder is: frozen, named, fingerprinted, batched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from gpt_sovits_emotion.core.records import Audio

if TYPE_CHECKING:
    import numpy as np

__all__ = ["AveragingEncoder", "BatchingEncoder", "Encoder"]


class Encoder(Protocol):
    """Turns segments of audio into embeddings. Never trained here, never changed by use.

    Attributes:
        id: What a head's card names: ``prosody``, ``hubert:6``, ``sovits.style``.
        dim: Length of one embedding.
        sampling_rate_hz: The rate at which it wants its audio.
        frame_rate_hz: Frames per second before they are pooled into one embedding.
        input_scaling: What is done to the audio's level before it goes in, in words.
        fingerprint: Identifies what determines its output (its weights, or the version of its
            definition): two encoders of one fingerprint give the same embeddings.
    """

    @property
    def id(self) -> str: ...
    @property
    def dim(self) -> int: ...
    @property
    def sampling_rate_hz(self) -> int: ...
    @property
    def frame_rate_hz(self) -> float: ...
    @property
    def input_scaling(self) -> str: ...
    @property
    def fingerprint(self) -> str: ...

    def encode(self, audios: Sequence[Audio]) -> np.ndarray:
        """Return ``(n_segments, dim)`` float32, all finite, row i for ``audios[i]``.

        Raises:
            EncoderError: An audio has another sampling rate or is too short to be encoded.
        """
        ...


class BatchingEncoder(Encoder, Protocol):
    """An encoder that does several audios of similar length faster together than one by one.

    Attributes:
        batch_s: How many seconds of audio to give it at once, shorter audios counted as long as the
            longest; 0 where it gains nothing, as on a CPU.
    """

    @property
    def batch_s(self) -> float: ...


@runtime_checkable
class AveragingEncoder(Encoder, Protocol):
    """An encoder whose embedding is the mean over a clip played at several speeds.

    Attributes:
        speeds: At which the clip is played (`audio.at_speed`); 1 comes first.
        once: The encoder that hears it in one pass, as it is; it works at the same sampling rate.
    """

    @property
    def speeds(self) -> tuple[float, ...]: ...
    @property
    def once(self) -> Encoder: ...
