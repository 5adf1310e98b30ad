"""Several encoders as one: their embeddings side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gpt_sovits_emotion.audio import resample
from gpt_sovits_emotion.core.errors import EncoderError
from gpt_sovits_emotion.core.messages import in_both, tr
from gpt_sovits_emotion.core.records import Audio
from gpt_sovits_emotion.encoders.base import Encoder

if TYPE_CHECKING:
    import numpy as np

__all__ = ["FusedEncoder"]


class FusedEncoder:
    """The embeddings of several encoders, one after another in the order of their names.

    A head on it learns from all of them at once. It costs what its parts cost together.

    Args:
        parts: Two encoders or more.

    Raises:
        EncoderError: There are fewer, or two of one name.

    Examples:
        >>> from gpt_sovits_emotion.testing import FakeEncoder
        >>> class Other(FakeEncoder):
        ...     id, fingerprint = "other", "other-1"
        >>> fused = FusedEncoder([FakeEncoder(), Other()])
        >>> fused.id, fused.fingerprint, fused.dim
        ('fake+other', 'fake-1+other-1', 40)
    """

    def __init__(self, parts: Sequence[Encoder]) -> None:
        ids = [part.id for part in parts]
        if len(ids) < 2 or len(set(ids)) < len(ids):
            raise EncoderError(
                tr(
                    "{ids} cannot be fused: two or more different encoders are needed",
                    ids=in_both(", ".join(ids) or "nothing", "、".join(ids) or "空列表"),
                )
            )
        self.parts = tuple(parts)

    @property
    def id(self) -> str:
        """The names of the parts with ``+`` between them."""
        return "+".join(part.id for part in self.parts)

    @property
    def dim(self) -> int:
        """Length of one embedding: the sum over the parts."""
        return sum(part.dim for part in self.parts)

    @property
    def sampling_rate_hz(self) -> int:
        """The highest of the parts' rates; the others are given the audio resampled from it."""
        return max(part.sampling_rate_hz for part in self.parts)

    @property
    def frame_rate_hz(self) -> float:
        """The highest of the parts' rates."""
        return max(part.frame_rate_hz for part in self.parts)

    @property
    def input_scaling(self) -> str:
        """What each part says of it."""
        return "; ".join(f"{part.id}: {part.input_scaling}" for part in self.parts)

    @property
    def fingerprint(self) -> str:
        """The parts' fingerprints with ``+`` between them."""
        return "+".join(part.fingerprint for part in self.parts)

    def encode(self, audios: Sequence[Audio]) -> np.ndarray:
        """Return ``(n_segments, dim)`` float32, all finite: the embeddings of the parts side by side.

        Raises:
            EncoderError: An audio is not at `sampling_rate_hz`, or one of the parts cannot embed it.
        """
        import numpy as np

        rate_hz = self.sampling_rate_hz
        for audio in audios:
            if audio.sampling_rate_hz != rate_hz:
                raise EncoderError(
                    tr(
                        "the encoder {id!r} was given audio at {sampling_rate_hz} Hz and works at "
                        "{rate_hz} Hz: resample it first",
                        id=self.id,
                        sampling_rate_hz=audio.sampling_rate_hz,
                        rate_hz=rate_hz,
                    )
                )
        at_rate = {rate_hz: list(audios)}
        embedded = []
        for part in self.parts:
            own = part.sampling_rate_hz
            if own not in at_rate:
                at_rate[own] = [resample(audio, own) for audio in audios]
            embedded.append(part.encode(at_rate[own]))
        return np.concatenate(embedded, axis=1)
