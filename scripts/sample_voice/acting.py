"""Act a sentence with eSpeak NG: a speaker, and a delivery per emotion on top of it.

Every knob is one of eSpeak NG's own (pitch, range, rate, breath) or a broad filter over the whole
sentence (tilt, presence, chest), so that a reference clip's numbers hold nearly all of what was acted.
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import yaml

from gpt_sovits_emotion.audio import ANALYSIS_RATE_HZ, resample
from gpt_sovits_emotion.backends.espeak import RATE_LIMITS_WPM, Espeak, VoiceShape
from gpt_sovits_emotion.backends.shaping import (
    SpectralBalance,
    limit_peaks,
    match_balance,
    trim_silence,
)
from gpt_sovits_emotion.core.records import Audio

__all__ = [
    "EMOTIONS",
    "SENTENCES_PATH",
    "SETTINGS_PATH",
    "Delivery",
    "Sentences",
    "Speaker",
    "act",
    "as_stored",
    "flac_of",
    "joined",
    "read_settings",
    "write_settings",
]

EMOTIONS = ("neutral", "happy", "angry", "sad", "fearful", "bored", "disgusted")
SETTINGS_PATH = Path(__file__).with_name("settings.yaml")
SENTENCES_PATH = (
    Path(__file__).resolve().parents[2] / "gpt_sovits_emotion" / "sample_data" / "sentences.yaml"
)

STORED_BITS = 12

_MIDDLE_RATE_WPM = 175
_CENTRES_HZ = 100.0 * 2 ** (np.arange(19) / 3)


@dataclass(frozen=True, slots=True)
class Speaker:
    """A synthetic person.

    Attributes:
        f0_hz: Centre of the pitch when nothing is acted.
        formant_scale: Factor on eSpeak NG's formants; above 1 for a shorter vocal tract.
        flutter, roughness: See `VoiceShape`; the same in every emotion.
    """

    f0_hz: float
    formant_scale: float
    flutter: int
    roughness: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """How an emotion is acted, relative to the speaker.

    Attributes:
        pitch_st: Shift of the pitch, semitones.
        range_st: Width of the pitch range that eSpeak NG is given, semitones.
        rate: Factor on eSpeak NG's middle rate.
        tilt_db_per_octave: Slope added to the spectrum: above 0 for a tense voice, below for a lax one.
        presence_db: Broad peak added at 2.5 kHz.
        chest_db: Added below 350 Hz.
        breath: Noise through the formants, in eSpeak NG's units.
        level_db: Loudness against the speaker's neutral.
    """

    pitch_st: float
    range_st: float
    rate: float
    tilt_db_per_octave: float
    presence_db: float
    chest_db: float
    breath: float
    level_db: float


@dataclass(frozen=True, slots=True)
class Sentences:
    """The sample sentences, by language, emotion and number."""

    texts: Mapping[str, str]

    @classmethod
    def read(cls, path: Path = SENTENCES_PATH) -> Sentences:
        """Read ``sentences.yaml``."""
        held = yaml.safe_load(path.read_text(encoding="utf-8"))
        return cls({entry["id"]: entry["text"] for entry in held["sentences"]})

    def text(self, language: str, emotion: str, number: int) -> str:
        """Return one sentence."""
        return self.texts[f"{language}-{emotion}-{number}"]


def act(espeak: Espeak, text: str, *, language: str, speaker: Speaker, delivery: Delivery) -> Audio:
    """Say one sentence; return it at 16 kHz without surrounding silence, at -23 dBFS plus its level."""
    centre_hz = speaker.f0_hz * 2 ** (delivery.pitch_st / 12)
    half_width = 2 ** (delivery.range_st / 24)
    slowest, fastest = RATE_LIMITS_WPM
    samples, rate_hz = espeak.say(
        text,
        language=language,
        variant=VoiceShape(
            low_hz=max(centre_hz / half_width, 50.0),
            high_hz=centre_hz * half_width,
            formant_scale=speaker.formant_scale,
            flutter=speaker.flutter,
            roughness=speaker.roughness,
            breath=round(delivery.breath),
        ),
        rate_wpm=min(max(round(_MIDDLE_RATE_WPM * delivery.rate), slowest), fastest),
    )
    audio = _filtered(trim_silence(Audio(samples, rate_hz)), delivery)
    audio = resample(audio, ANALYSIS_RATE_HZ)
    return limit_peaks(_at_level(audio, -23.0 + delivery.level_db))


def flac_of(audio: Audio) -> bytes:
    """Return `audio` as it is stored: FLAC with `STORED_BITS` bits, the others of 16 left at zero.

    FLAC does not store trailing zeros, which keeps the samples small; 72 dB are enough for them.
    """
    buffer = io.BytesIO()
    soundfile.write(buffer, _stored(audio), audio.sampling_rate_hz, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()


def as_stored(audio: Audio) -> Audio:
    """Return `audio` with the rounding that `flac_of` does, which an encoder can hear in quiet voices."""
    return Audio(_stored(audio).astype(np.float32) / 32768.0, audio.sampling_rate_hz)


def _stored(audio: Audio) -> np.ndarray:
    most = 2 ** (STORED_BITS - 1) - 1
    rounded = np.round(np.clip(audio.samples, -1.0, 1.0) * most).astype(np.int16)
    shifted: np.ndarray = rounded * np.int16(2 ** (16 - STORED_BITS))
    return shifted


def joined(audios: Sequence[Audio], *, pause_s: float) -> Audio:
    """Lay audios of one rate one after the other with silence between them."""
    rate_hz = audios[0].sampling_rate_hz
    pause = np.zeros(round(pause_s * rate_hz), np.float32)
    parts = [part for audio in audios for part in (audio.samples, pause)]
    return Audio(np.concatenate(parts[:-1]), rate_hz)


def _filtered(audio: Audio, delivery: Delivery) -> Audio:
    octaves = np.log2(_CENTRES_HZ / 1000.0)
    gain_db = delivery.tilt_db_per_octave * octaves
    gain_db += delivery.presence_db * np.exp(-0.5 * (np.log2(_CENTRES_HZ / 2500.0) / 0.6) ** 2)
    gain_db += delivery.chest_db * (_CENTRES_HZ < 350.0)
    flat = SpectralBalance(_CENTRES_HZ, np.zeros(len(_CENTRES_HZ)))
    return match_balance(audio, have=flat, want=SpectralBalance(_CENTRES_HZ, gain_db))


def _at_level(audio: Audio, level_dbfs: float) -> Audio:
    magnitude = np.abs(audio.samples)
    active = audio.samples[magnitude > 0.05 * magnitude.max()]
    gain = 10 ** (level_dbfs / 20) / float(np.sqrt(np.mean(np.square(active))))
    return Audio((audio.samples * gain).astype(np.float32), audio.sampling_rate_hz)


# --- settings ------------------------------------------------------------------------------------


def read_settings(path: Path = SETTINGS_PATH) -> dict[str, tuple[Speaker, dict[str, Delivery]]]:
    """Read the speakers (``bank``, ``sample``) with their deliveries, emotion by emotion."""
    held = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {
        role: (
            Speaker(**entry["speaker"]),
            {emotion: Delivery(**entry["deliveries"][emotion]) for emotion in EMOTIONS},
        )
        for role, entry in held["speakers"].items()
    }


def write_settings(
    settings: Mapping[str, tuple[Speaker, Mapping[str, Delivery]]],
    *,
    head_id: str,
    path: Path = SETTINGS_PATH,
) -> None:
    """Write what `read_settings` reads, with a word on where it comes from."""
    speakers: dict[str, Any] = {
        role: {
            "speaker": dataclasses.asdict(speaker),
            "deliveries": {
                emotion: dataclasses.asdict(deliveries[emotion]) for emotion in EMOTIONS
            },
        }
        for role, (speaker, deliveries) in settings.items()
    }
    text = (
        "# How the demo's two synthetic speakers act: found by a search with the head named below, within\n"
        "# bounds from the literature (search.py). The demo therefore shows the path, and is no measure of\n"
        "# accuracy. Written by:  python scripts/make_sample_voice.py search\n"
    )
    text += yaml.safe_dump(
        {"searched_with_head": head_id, "speakers": speakers}, sort_keys=False, width=100
    )
    path.write_text(text, encoding="utf-8")
