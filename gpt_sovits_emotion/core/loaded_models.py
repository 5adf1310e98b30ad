"""What a backend provides: modules that it has already loaded, used where they are; and Whisper's files.

A provided record is a handful of references, never a copy. It is asked for anew before every tagging and let
go after it, so that a model which the backend replaces meanwhile is neither kept alive nor used by mistake.
Nothing here imports torch: whoever provides has it loaded already.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from gpt_sovits_emotion.core.records import Sentence

__all__ = [
    "MAX_CARRIED_BYTES",
    "LoadedHubert",
    "LoadedModels",
    "LoadedSovits",
    "LoadedWhisper",
    "SpeakerEmbedding",
]


class SpeakerEmbedding(Protocol):
    """The speaker-verification network that the v2Pro models listen with."""

    def __call__(self, waveform: Any, /) -> Any:
        """Return ``(1, 20480)`` for a ``(1, n_samples)`` float32 tensor at 16 kHz."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class LoadedHubert:
    """A HuBERT (``transformers.HubertModel``) that the backend has loaded.

    Attributes:
        model: The module, on its own device and in its own precision.
        source: Where it comes from, for people.
    """

    model: Any
    source: Sentence


@dataclass(frozen=True, slots=True, eq=False)
class LoadedSovits:
    """The listening parts of one SoVITS model; all from one checkpoint, so that they fit each other.

    Spectrograms for all of them: 32 kHz, 2048-point FFT, hop 640, magnitudes, in float32.

    Attributes:
        version: ``v1``, ``v2``, ``v2Pro``, ``v2ProPlus``, ``v3`` or ``v4``.
        style: The style encoder ``ref_enc``: ``(1, n_bins, n_frames)`` and a mask ``(1, 1, n_frames)``
            to ``(1, style_dim, 1)``.
        n_style_bins: How many of the 1,025 spectrogram bins the style encoder reads: all of them in v1,
            the first 704 since.
        style_dim: 512, or 1024 in the Pro models.
        posterior: The posterior encoder ``enc_q``, or None where there is none to be trusted:
            ``(1, 1025, n_frames)``, lengths and the style to z, mean and log-scale ``(1, 192, n_frames)``.
        project_speaker: In the Pro models, ``(style, speaker embedding) -> style`` as their training
            conditions the posterior; None elsewhere.
        speaker_embedding: In the Pro models, what gives that embedding; None elsewhere.
        source: Where it comes from, for people.
    """

    version: str
    style: Any
    n_style_bins: int
    style_dim: int
    posterior: Any | None
    source: Sentence
    project_speaker: Callable[[Any, Any], Any] | None = None
    speaker_embedding: SpeakerEmbedding | None = None


@dataclass(frozen=True, slots=True, eq=False)
class LoadedWhisper:
    """A Whisper model on the disk: nobody has loaded what a head reads of it.

    Attributes:
        folder: In CTranslate2's format, with ``model.bin`` in it; or the part of an encoder that a head
            carries, a file ``.safetensors``.
        size: Its name, such as ``base`` or ``large-v3``.
        source: Where it comes from, for people.
    """

    folder: Path
    size: str
    source: Sentence


MAX_CARRIED_BYTES = 2 << 30
"""No file that a head carries of its encoder has more: all 32 layers of Whisper large-v3 have 1.3 GB."""

LoadedModels: TypeAlias = LoadedHubert | LoadedSovits | LoadedWhisper
