"""The versions of a clip that are embedded: as it is, and altered copies of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType

import numpy as np

from gpt_sovits_emotion.audio import at_speed, open_recording
from gpt_sovits_emotion.core.errors import AudioError, EmotionError, EncoderError
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import Audio, Sentence
from gpt_sovits_emotion.encoders.base import Encoder

__all__ = [
    "AS_IT_IS",
    "COPIES",
    "SPEED_COPIES",
    "Augmentation",
    "copies_for",
    "embed_clip",
    "not_finite",
    "read_clip_at",
    "refusal",
]

_READING = 1
"""Raise it whenever the same file and alteration would give other samples: cached features are tied to it."""

_LONGEST_FILE_S = 600.0
_READ_S = 60.0  # as in tagging: one verdict over minutes would be none


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How a copy of a clip differs from it.

    Attributes:
        speed: Plays faster (above 1) or slower, pitch and formants going along: another speaker.
        cutoff_hz: Takes away what lies above, as a telephone or a low-rate codec does.
        snr_db: Adds white noise, that much quieter than the clip on average.
    """

    speed: float = 1.0
    cutoff_hz: float | None = None
    snr_db: float | None = None

    @property
    def spelled(self) -> str:
        """What is done to a file's samples, as part of the key that its features are kept under."""
        return json.dumps([_READING, asdict(self)], sort_keys=True)

    def apply(self, audio: Audio) -> Audio:
        """Return the altered copy; the same clip always gives the same copy."""
        samples = at_speed(audio.samples, self.speed)
        if self.cutoff_hz is not None:
            from scipy.signal import sosfiltfilt

            samples = sosfiltfilt(_low_pass(self.cutoff_hz, audio.sampling_rate_hz), samples)
        if self.snr_db is not None:
            noise = np.random.default_rng(len(samples)).standard_normal(len(samples))
            rms = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
            samples = samples + noise * rms * 10.0 ** (-self.snr_db / 20.0)
        return Audio(samples.astype(np.float32), audio.sampling_rate_hz, audio.gain_db)


@cache
def _low_pass(cutoff_hz: float, sampling_rate_hz: int) -> np.ndarray:
    from scipy.signal import butter

    return np.asarray(butter(6, cutoff_hz, fs=sampling_rate_hz, output="sos"))


AS_IT_IS = Augmentation()

COPIES: Mapping[str, Augmentation] = MappingProxyType(
    {
        **{f"speed {speed:g}": Augmentation(speed=speed) for speed in (0.88, 0.94, 1.06, 1.13)},
        "band 3800 Hz": Augmentation(cutoff_hz=3800.0),
        "noise 20 dB": Augmentation(snr_db=20.0),
        "telephone": Augmentation(cutoff_hz=3400.0, snr_db=25.0),
    }
)
"""The copies that heads on prosody are trained on: other speakers, and other channels.

The channels are there for a first-time speaker with a cheap microphone: a head that has met clean studio
clips only loses most of its recall in light noise (``scripts/unseen_channels.py``, with and without
``--speeds-only``).
"""

SPEED_COPIES: Mapping[str, Augmentation] = MappingProxyType(
    {f"speed {speed:g}": Augmentation(speed=speed) for speed in (0.9, 1.1)}
)
"""The copies that heads on Whisper are trained on: it was trained on every kind of channel itself."""


def copies_for(encoder_id: str) -> Mapping[str, Augmentation]:
    """Return the copies to train on: all for ``prosody``, speeds for Whisper, none for a backend's models.

    A copy costs a provided encoder one more forward pass, nearly all that training such a head takes.
    """
    if encoder_id == "prosody":
        return COPIES
    if any(part.startswith("whisper-") for part in encoder_id.split("+")):
        return SPEED_COPIES
    return MappingProxyType({})


def read_clip_at(path: Path, sampling_rate_hz: int) -> Audio:
    """Return the first minute of a clip, decoded at an encoder's rate as tagging decodes it.

    Raises:
        AudioError: It cannot be read, or is longer than ten minutes.
        OutputError: The scratch disk is full.
    """
    with open_recording(
        path, max_duration_s=_LONGEST_FILE_S, also_at_hz=sampling_rate_hz
    ) as recording:
        return recording.read(0.0, _READ_S, sampling_rate_hz=sampling_rate_hz)


def embed_clip(
    path: Path, encoder: Encoder, versions: Mapping[str, Augmentation]
) -> np.ndarray | Sentence:
    """Return ``(n_versions, dim)`` float32, or why this clip cannot be embedded."""
    try:
        audio = read_clip_at(path, encoder.sampling_rate_hz)
        rows = encoder.encode([alteration.apply(audio) for alteration in versions.values()])
    except (AudioError, EncoderError) as error:
        return refusal(path, error)
    return rows if np.isfinite(rows).all() else not_finite(path, encoder)


def refusal(path: Path, error: EmotionError) -> Sentence:
    """Return why a clip was left out, beginning with its name."""
    en, zh = error.say("en"), error.say("zh")
    return Sentence(
        en if path.name in en else f"{path.name}: {en}",
        zh if path.name in zh else f"{path.name}：{zh}",
    )


def not_finite(path: Path, encoder: Encoder) -> Sentence:
    """Return that an encoder made something of a clip that is no number."""
    return tr(
        "{path}: the encoder {encoder!r} gives values that are no numbers",
        path=path.name,
        encoder=encoder.id,
    )
