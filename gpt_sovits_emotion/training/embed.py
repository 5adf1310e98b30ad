"""Embed a corpus, with altered copies for training, and remember the result on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import MappingProxyType

import numpy as np

from gpt_sovits_emotion.audio import read_clip, resample
from gpt_sovits_emotion.encoders.base import Encoder
from gpt_sovits_emotion.errors import CorpusError
from gpt_sovits_emotion.files import replacing
from gpt_sovits_emotion.progress import Progress, no_progress
from gpt_sovits_emotion.records import Audio
from gpt_sovits_emotion.training.corpora import Clip, Corpus
from gpt_sovits_emotion.training.dataset import LabelledEmbeddings

__all__ = ["COPIES", "Alteration", "embed_corpus"]


@dataclass(frozen=True, slots=True)
class Alteration:
    """How a copy of a clip differs from it.

    Attributes:
        speed: Plays faster (above 1) or slower, pitch and formants going along: another speaker.
        cutoff_hz: Takes away what lies above, as a telephone or a low-rate codec does.
        snr_db: Adds white noise, that much quieter than the clip on average.
    """

    speed: float = 1.0
    cutoff_hz: float | None = None
    snr_db: float | None = None

    def apply(self, audio: Audio) -> Audio:
        """Return the altered copy; the same clip always gives the same copy."""
        samples = audio.samples
        if self.speed != 1.0:
            from scipy.signal import resample_poly

            ratio = Fraction(self.speed).limit_denominator(50)
            samples = resample_poly(samples, ratio.denominator, ratio.numerator)
        if self.cutoff_hz is not None:
            from scipy.signal import butter, sosfiltfilt

            sections = butter(6, self.cutoff_hz, fs=audio.sampling_rate_hz, output="sos")
            samples = sosfiltfilt(sections, samples)
        if self.snr_db is not None:
            noise = np.random.default_rng(len(samples)).standard_normal(len(samples))
            rms = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
            samples = samples + noise * rms * 10.0 ** (-self.snr_db / 20.0)
        return Audio(samples.astype(np.float32), audio.sampling_rate_hz, audio.gain_db)


COPIES: Mapping[str, Alteration] = MappingProxyType(
    {
        **{f"speed {speed:g}": Alteration(speed=speed) for speed in (0.88, 0.94, 1.06, 1.13)},
        "band 3800 Hz": Alteration(cutoff_hz=3800.0),
        "noise 20 dB": Alteration(snr_db=20.0),
        "telephone": Alteration(cutoff_hz=3400.0, snr_db=25.0),
    }
)
"""The copies that the shipped heads are trained on: other speakers, and other channels.

The channels are there for a first-time speaker with a cheap microphone: a head that has met clean studio
clips only loses most of its recall in light noise (try `copies` with the speeds alone, and
``scripts/prosody_emodb.py evaluate --channels``).
"""


def embed_corpus(
    corpus: Corpus,
    encoder: Encoder,
    *,
    copies: Mapping[str, Alteration] = COPIES,
    cache_dir: Path | None = None,
    progress: Progress = no_progress,
) -> LabelledEmbeddings:
    """Embed every clip of a corpus and its altered copies.

    Args:
        corpus: The clips.
        encoder: What embeds them.
        copies: Name -> alteration.
        cache_dir: Folder in which embeddings are kept, by the content of the files, the alteration and
            the encoder's fingerprint; None keeps nothing.
        progress: Told after each clip.

    Raises:
        CorpusError: A file of the cache is damaged.
        AudioError: A clip cannot be read.
        EncoderError: A clip cannot be embedded.
    """
    versions = {"": Alteration(), **copies}
    names = {
        name: _cache_name(corpus, encoder, alteration) for name, alteration in versions.items()
    }
    found = {
        name: _read_cached(cache_dir / names[name], corpus, encoder)
        for name in versions
        if cache_dir is not None and (cache_dir / names[name]).is_file()
    }
    missing = {name: versions[name] for name in versions if name not in found}
    if missing:
        found |= _embed(corpus.clips, encoder, missing, progress)
        if cache_dir is not None:
            for name in missing:
                _write_cached(cache_dir / names[name], found[name])
    return LabelledEmbeddings(
        embeddings=found[""],
        labels=np.array([clip.emotion for clip in corpus.clips]),
        speakers=np.array([clip.speaker for clip in corpus.clips]),
        texts=np.array([clip.text for clip in corpus.clips]),
        copies={name: found[name] for name in copies},
    )


def _embed(
    clips: tuple[Clip, ...],
    encoder: Encoder,
    versions: Mapping[str, Alteration],
    progress: Progress,
) -> dict[str, np.ndarray]:
    rows = {name: np.zeros((len(clips), encoder.dim), np.float32) for name in versions}
    for index, clip in enumerate(clips):
        audio = resample(read_clip(clip.path), encoder.sampling_rate_hz)
        embedded = encoder.encode([alteration.apply(audio) for alteration in versions.values()])
        for name, row in zip(versions, embedded, strict=True):
            rows[name][index] = row
        progress((index + 1) / len(clips), f"embedding {clip.path.name}")
    return rows


def _cache_name(corpus: Corpus, encoder: Encoder, alteration: Alteration) -> str:
    digest = hashlib.sha256(f"{encoder.id}\n{encoder.fingerprint}\n{alteration}\n".encode())
    for clip in corpus.clips:
        digest.update(hashlib.sha256(clip.path.read_bytes()).digest())
    return f"{corpus.name}-{digest.hexdigest()[:24]}.npz"


def _read_cached(path: Path, corpus: Corpus, encoder: Encoder) -> np.ndarray:
    try:
        with np.load(path, allow_pickle=False) as stored:
            embeddings = np.asarray(stored["embeddings"], np.float32)
    except (OSError, ValueError, KeyError) as error:
        raise CorpusError(f"{path} is damaged ({error}); delete it and run again") from error
    if embeddings.shape != (len(corpus.clips), encoder.dim):
        raise CorpusError(f"{path} has shape {embeddings.shape}; delete it and run again")
    return embeddings


def _write_cached(path: Path, embeddings: np.ndarray) -> None:
    with replacing(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, embeddings=embeddings)
