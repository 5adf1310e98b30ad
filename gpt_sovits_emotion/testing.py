"""For authors of heads, encoders and hosts: the contract of a head, and fakes that keep the contracts.

    from gpt_sovits_emotion.testing import check_head
    check_head("my-head")   # raises HeadError with the reason, or returns remarks

The fakes need no model and no ear: a head with random weights, an encoder whose embeddings depend on
level and length alone, a host that hums.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gpt_sovits_emotion.backends.base import Backend, BackendLimits, SynthesisRequest
from gpt_sovits_emotion.core.errors import BackendError
from gpt_sovits_emotion.core.loaded_models import LoadedModels
from gpt_sovits_emotion.core.records import Audio, FrameTracks, Prosody, Sentence
from gpt_sovits_emotion.encoders.base import Encoder
from gpt_sovits_emotion.heads import HeadCard, save_head
from gpt_sovits_emotion.heads.card import CorpusCredit, EncoderSpec, Result
from gpt_sovits_emotion.heads.check import check_head

__all__ = [
    "FAKE_DIM",
    "FAKE_LABELS",
    "FakeBackend",
    "FakeEncoder",
    "check_head",
    "fake_card",
    "fake_tensors",
    "make_fake_head",
]

FAKE_DIM = 20
FAKE_LABELS = ("angry", "sad", "neutral")


def fake_card(**changes: Any) -> HeadCard:
    """A sound card; `changes` replace its fields."""
    fields: dict[str, Any] = {
        "id": "fake-head",
        "title": Sentence("Fake head", "假头"),
        "labels": FAKE_LABELS,
        "encoder": EncoderSpec("fake", FAKE_DIM, "fake-1", 16_000, "none"),
        "licence": "MIT",
        "clip_z": 6.0,
        "min_duration_s": 0.4,
        "min_speaker_segments": 5,
        "prior_segments": 4.0,
        "temperature": {"global": 1.3, "speaker": 0.9},
        "threshold": {"global": 0.4, "speaker": 0.4},
        "baseline": {"rate_syl_per_s": 4.0, "f0_range_st": 8.0},
        "corpora": (CorpusCredit("fakes", "en", 30, 3, "CC0-1.0", "nobody"),),
        "recipe": {"seed": 1},
        "results": (
            Result(
                "loso",
                "fakes",
                "global",
                FAKE_LABELS,
                30,
                3,
                0.5,
                (0.4, 0.6),
                0.5,
                (0.4, 0.6),
                0.04,
                ((5, 3, 2), (3, 5, 2), (2, 3, 5)),
            ),
        ),
    }
    return HeadCard(**{**fields, **changes})


def fake_tensors(
    *, dim: int = FAKE_DIM, n_labels: int = 3, hidden: int = 8
) -> dict[str, np.ndarray]:
    """Random weights in both modes, two members each, with their statistics."""
    rng = np.random.default_rng(3)
    tensors = {
        "features.mean": rng.normal(size=dim),
        "features.std": rng.uniform(0.5, 2, dim),
        "features.within_speaker_std": rng.uniform(0.5, 2, dim),
    }
    for mode in ("global", "speaker"):
        for member in range(2):
            prefix = f"{mode}.{member}.mlp"
            tensors[f"{prefix}.0.weight"] = rng.normal(size=(hidden, dim))
            tensors[f"{prefix}.0.bias"] = rng.normal(size=hidden)
            tensors[f"{prefix}.3.weight"] = rng.normal(size=(n_labels, hidden))
            tensors[f"{prefix}.3.bias"] = rng.normal(size=n_labels)
    return {name: tensor.astype(np.float32) for name, tensor in tensors.items()}


def make_fake_head(folder: Path) -> Path:
    """Save the fake head into `folder`."""
    save_head(folder, fake_card(), fake_tensors())
    return folder


class FakeEncoder:
    """Embeddings that depend on level and length alone; also a tracker, in one pass."""

    id = "fake"
    dim = FAKE_DIM
    sampling_rate_hz = 16_000
    frame_rate_hz = 100.0
    input_scaling = "none"
    fingerprint = "fake-1"

    def encode(self, audios: Sequence[Audio]) -> np.ndarray:
        """Return ``(n_segments, 20)`` embeddings."""
        rows = [self._row(audio) for audio in audios]
        return np.array(rows, np.float32).reshape(len(audios), FAKE_DIM)

    def describe(self, audios: Sequence[Audio]) -> tuple[np.ndarray, tuple[FrameTracks, ...]]:
        """Return embeddings and tracks."""
        return self.encode(audios), tuple(self.tracks(audio) for audio in audios)

    def tracks(self, audio: Audio) -> FrameTracks:
        """Return flat tracks: pitch by length, loudness by peak, four syllables a second."""
        n_frames = int(audio.duration_s / 0.01) + 1
        level_db = 20 * np.log10(np.abs(audio.samples).max(initial=0.0) + 1e-9)
        return FrameTracks(
            0.01,
            np.full(n_frames, 100.0 * audio.duration_s, np.float32),
            np.full(n_frames, level_db, np.float32),
            np.ones(n_frames, np.float32),
            np.arange(0, audio.duration_s, 0.25, dtype=np.float32),
        )

    def summarise(self, tracks: FrameTracks, *, duration_s: float) -> Prosody:
        """Return the flat tracks in numbers."""
        return Prosody(
            duration_s,
            duration_s,
            float(tracks.f0_hz[0]),
            5.0,
            len(tracks.nuclei_s) / duration_s,
            float(tracks.loudness_db[0]),
        )

    @staticmethod
    def _row(audio: Audio) -> np.ndarray:
        level = np.abs(audio.samples).mean() * 10
        row: np.ndarray = np.sin(np.arange(FAKE_DIM) * level) + audio.duration_s
        return row


class FakeBackend:
    """A host that lends the fake encoder and hums every text at the reference's pitch.

    Args:
        languages: Codes it claims to speak; any other is a `BackendError`.
    """

    id = "fake"
    title = Sentence("a humming fake", "哼唱的假主机")
    provides = frozenset({"fake"})
    voice_mark: object = None

    def __init__(self, languages: Sequence[str] = ("en", "zh")) -> None:
        self.limits = BackendLimits(frozenset(languages), 3.0, 10.0, False, 16_000)

    def provide(self, family: str) -> Iterator[LoadedModels]:
        """Lend nothing: the fake encoder needs no modules."""
        return iter(())

    def synthesise(self, request: SynthesisRequest) -> Audio:
        """Hum for a tenth of a second per character."""
        if request.language not in self.limits.languages:
            spoken = ", ".join(sorted(self.limits.languages))
            raise BackendError(
                f"the fake speaks {spoken}, not {request.language!r}",
                zh=f"替身只会说 {spoken}，不会说 {request.language!r}",
            )
        t = np.arange(round(1600 * max(len(request.text), 5))) / 16_000
        f0_hz = request.reference_prosody.f0_median_hz or 150.0
        return Audio((0.2 * np.sin(2 * np.pi * f0_hz * t)).astype(np.float32), 16_000)


_encoder: type[Encoder] = FakeEncoder
_host: type[Backend] = FakeBackend
