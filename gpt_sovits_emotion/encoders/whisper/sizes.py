"""The Whisper models that heads can read, by name: how many layers their encoders have, and how wide.

Shapes from ``ModelDimensions`` of OpenAI's checkpoints (https://github.com/openai/whisper, ``model.py`` and
the table in its README); the distilled models keep the encoder of the model that they come from
(Gandhi et al. 2023, "Distil-Whisper", arXiv 2311.00430).
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["SIZES", "WhisperSize", "plain_size"]


@dataclass(frozen=True, slots=True)
class WhisperSize:
    """The shape of an encoder.

    Attributes:
        n_layers: Transformer layers.
        width: Length of one frame's hidden state.
        n_mels: Bands of the spectrogram that it reads.
    """

    n_layers: int
    width: int
    n_mels: int = 80


_TINY, _BASE, _SMALL = WhisperSize(4, 384), WhisperSize(6, 512), WhisperSize(12, 768)
_MEDIUM, _LARGE, _LARGE_V3 = (
    WhisperSize(24, 1024),
    WhisperSize(32, 1280),
    WhisperSize(32, 1280, n_mels=128),
)

SIZES = {
    "tiny": _TINY,
    "tiny.en": _TINY,
    "base": _BASE,
    "base.en": _BASE,
    "small": _SMALL,
    "small.en": _SMALL,
    "medium": _MEDIUM,
    "medium.en": _MEDIUM,
    "large-v1": _LARGE,
    "large-v2": _LARGE,
    "large-v3": _LARGE_V3,
    "large-v3-turbo": _LARGE_V3,
    "distil-small.en": _SMALL,
    "distil-medium.en": _MEDIUM,
    "distil-large-v2": _LARGE,
    "distil-large-v3": _LARGE_V3,
    "distil-large-v3.5": _LARGE_V3,
}
"""Model name -> shape. Several models have one shape; fingerprints tell their weights apart."""

_ALIASES = {"large": "large-v3", "turbo": "large-v3-turbo"}


def plain_size(name: str) -> str:
    """Return the name under which a model stands in `SIZES`, itself where it has no other.

    >>> plain_size("turbo"), plain_size("base")
    ('large-v3-turbo', 'base')
    """
    return _ALIASES.get(name, name)
