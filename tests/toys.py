"""Small parts that several tests build from: a head with random weights, an encoder that needs no ear."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gpt_sovits_emotion.encoders.base import Encoder
from gpt_sovits_emotion.heads import HeadCard, save_head
from gpt_sovits_emotion.heads.card import CorpusCredit, EncoderSpec, Result
from gpt_sovits_emotion.records import Audio, FrameTracks, Prosody, Sentence

TOY_DIM = 20
TOY_LABELS = ("angry", "sad", "neutral")


def toy_card(**changes: object) -> HeadCard:
    """A sound card; `changes` replace its fields."""
    fields: dict = {
        "id": "toy-head",
        "title": Sentence("Toy head", "玩具头"),
        "labels": TOY_LABELS,
        "encoder": EncoderSpec("toy", TOY_DIM, "toy-1", 16_000, "none"),
        "licence": "MIT",
        "clip_z": 6.0,
        "min_duration_s": 0.4,
        "min_speaker_segments": 5,
        "prior_segments": 4.0,
        "temperature": {"global": 1.3, "speaker": 0.9},
        "threshold": {"global": 0.4, "speaker": 0.4},
        "baseline": {"rate_syl_per_s": 4.0, "f0_range_st": 8.0},
        "corpora": (CorpusCredit("toys", "en", 30, 3, "CC0-1.0", "nobody"),),
        "recipe": {"seed": 1},
        "results": (
            Result(
                "loso",
                "toys",
                "global",
                TOY_LABELS,
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


def toy_tensors(*, dim: int = TOY_DIM, n_labels: int = 3, hidden: int = 8) -> dict[str, np.ndarray]:
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


def make_toy_head(folder: Path) -> Path:
    """Save the toy head into `folder`."""
    save_head(folder, toy_card(), toy_tensors())
    return folder


class ToyEncoder:
    """Embeddings that depend on level and length alone; also a tracker, in one pass."""

    id = "toy"
    dim = TOY_DIM
    sampling_rate_hz = 16_000
    fingerprint = "toy-1"

    def encode(self, audios: Sequence[Audio]) -> np.ndarray:
        rows = [self._row(audio) for audio in audios]
        return np.array(rows, np.float32).reshape(len(audios), TOY_DIM)

    def describe(self, audios: Sequence[Audio]) -> tuple[np.ndarray, tuple[FrameTracks, ...]]:
        return self.encode(audios), tuple(self.tracks(audio) for audio in audios)

    def tracks(self, audio: Audio) -> FrameTracks:
        n_frames = int(audio.duration_s / 0.01) + 1
        level = 20 * np.log10(np.abs(audio.samples).max() + 1e-9)
        return FrameTracks(
            0.01,
            np.full(n_frames, 100.0 * audio.duration_s, np.float32),
            np.full(n_frames, level, np.float32),
            np.ones(n_frames, np.float32),
            np.arange(0, audio.duration_s, 0.25, dtype=np.float32),
        )

    def summarise(self, tracks: FrameTracks, *, duration_s: float) -> Prosody:
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
        return np.sin(np.arange(TOY_DIM) * level) + audio.duration_s


_: type[Encoder] = ToyEncoder  # the protocol is kept
