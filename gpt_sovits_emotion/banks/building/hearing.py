"""What is measured of one clip, whatever head will judge it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gpt_sovits_emotion.core.errors import AudioError, EncoderError, OutputError
from gpt_sovits_emotion.core.messages import of_error, tr
from gpt_sovits_emotion.core.records import ClipQuality, FrameTracks, Prosody, Record, Sentence

if TYPE_CHECKING:
    import numpy as np

    from gpt_sovits_emotion.encoders.prosody.analysis import Pitch

__all__ = ["HEARING", "ClipFacts", "HeardClip", "Question", "estimate_snr_db", "hear", "voice_row"]

HEARING = 1
"""Raise it whenever the same file would give other facts: what was kept of earlier builds is tied to it."""

PROSODY = "prosody"
VOICE = "voice"
STORED = "hubert:12"
"""The encoder that GPT-SoVITS's stored features stand for: HuBERT's last layer."""

_LONGEST_FILE_S = 600.0
_HEARD_S = 60.0  # as in tagging: one verdict over minutes would be none
_FULL_SCALE = 0.999
_FRAME = 320  # samples of 16 kHz: 20 ms
_BACKGROUND_SHARE = 0.1
_ACTIVE_RANGE_DB = 20.0
_DIGITAL_SILENCE = 1e-9  # of the loudest frame's power: converters are noisier
_MOST_SNR_DB = 80.0
_FEWEST_VOICED = 5


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be found out about a clip.

    Attributes:
        path: Its audio.
        prosody: Whether it is to be embedded by the prosody encoder, too.
        stored: Its stored HuBERT features, None where they are not there or not wanted.
    """

    path: Path
    prosody: bool
    stored: Path | None = None


@dataclass(frozen=True, slots=True)
class ClipFacts(Record):
    """What a clip's audio says of itself.

    Attributes:
        duration_s: Decoded length; None when it cannot be read.
        quality: How it was recorded; None when it cannot be read.
        speech_s: Length without pauses and silence; None when nothing was heard.
        problem: Why it cannot be read or heard.
    """

    duration_s: float | None
    quality: ClipQuality | None = None
    speech_s: float | None = None
    problem: Sentence | None = None


@dataclass(frozen=True, slots=True, eq=False)
class HeardClip:
    """What was heard of a clip.

    Attributes:
        facts: Of its audio.
        rows: Float32 numbers: ``voice`` (see `voice_row`), ``prosody``, ``hubert:12``.
        stored_problem: Why its stored features cannot be used, where they were wanted.
    """

    facts: ClipFacts
    rows: Mapping[str, np.ndarray] = field(default_factory=dict)
    stored_problem: Sentence | None = None


def hear(question: Question) -> HeardClip:
    """Listen to one clip.

    It is read as tagging and training read it: decoded to 16 kHz, brought to level, its first minute.
    Nothing is raised for a clip: what is wrong with it stands in its facts.
    """
    from gpt_sovits_emotion.audio import open_recording
    from gpt_sovits_emotion.encoders.prosody import ProsodyEncoder
    from gpt_sovits_emotion.encoders.prosody.analysis import analyse, analyse_pitch

    try:
        with open_recording(question.path, max_duration_s=_LONGEST_FILE_S) as recording:
            audio, info = recording.read(0.0, _HEARD_S), recording.info
    except (AudioError, OutputError) as error:
        problem = tr("cannot be read: {error}", error=of_error(error))
        return HeardClip(ClipFacts(None, problem=problem))
    rows: dict[str, np.ndarray] = {}
    if question.prosody:
        analysis = analyse(audio.samples)
        rows[PROSODY] = ProsodyEncoder().embed(audio.samples, analysis)
        pitch = analysis.pitch
    else:
        pitch = analyse_pitch(audio.samples)
    rows[VOICE] = voice_row(pitch)
    stored_problem = None
    if question.stored is not None:
        try:
            rows[STORED] = _pooled(question.stored)
        except EncoderError as error:
            stored_problem = of_error(error)
    prosody = _summary(pitch, info.duration_s)
    quality = ClipQuality(
        level_dbfs=info.level_dbfs,
        snr_db=estimate_snr_db(audio.samples),
        clipped=_clipped_share(audio.samples, audio.gain_db),
        rate_syl_per_s=_rounded(prosody.rate_syl_per_s, 2),
        f0_median_hz=_rounded(prosody.f0_median_hz, 1),
    )
    facts = ClipFacts(round(info.duration_s, 4), quality, round(prosody.speech_s, 2))
    found = {name: row.astype("float32") for name, row in rows.items()}
    return HeardClip(facts, found, stored_problem)


def voice_row(pitch: Pitch) -> np.ndarray:
    """Return the ``(n_mel,)`` mean spectrum of the voiced frames, dB less its own mean.

    It is the shape of a throat and of a microphone: what is said averages out over seconds, and the level has
    no part in it.
    """
    from gpt_sovits_emotion.encoders.prosody.bands import relative_db

    frames = pitch.voiced if int(pitch.voiced.sum()) >= _FEWEST_VOICED else pitch.speech
    spectrum: np.ndarray = relative_db(pitch.mel[frames]).mean(axis=0)
    centred: np.ndarray = spectrum - spectrum.mean()
    return centred


def estimate_snr_db(samples: np.ndarray) -> float | None:
    """Estimate by how much the speech is louder than what is heard in its pauses, in dB.

    The background is the quietest tenth of the frames of 20 ms (digital silence left out), the speech are
    those within 20 dB of the loud ones, less the background. In a clip without a pause the quietest frames
    are speech, too: then the estimate is too low, never too high.

    Args:
        samples: ``(n_samples,)`` at 16 kHz.

    Returns:
        At most 80; None when there is nothing but digital silence beside the speech.
    """
    import numpy as np

    n_frames = len(samples) // _FRAME
    frames = samples[: n_frames * _FRAME].reshape(n_frames, _FRAME)
    powers = np.mean(np.square(frames, dtype=np.float64), axis=1)
    powers = np.sort(powers[powers > _DIGITAL_SILENCE * powers.max(initial=0.0)])
    if len(powers) < 2:
        return None
    background = float(powers[: max(round(_BACKGROUND_SHARE * len(powers)), 1)].mean())
    loud = float(np.quantile(powers, 0.95))
    active = float(powers[powers >= loud * 10 ** (-_ACTIVE_RANGE_DB / 10)].mean())
    ratio = max(active - background, 1e-3 * background) / background
    return min(round(float(10 * np.log10(ratio)), 1), _MOST_SNR_DB)


def _clipped_share(samples: np.ndarray, gain_db: float) -> float:
    import numpy as np

    full_scale = _FULL_SCALE * 10 ** (gain_db / 20)
    return round(float(np.mean(np.abs(samples) >= full_scale)), 6)


def _pooled(stored: Path) -> np.ndarray:
    from gpt_sovits_emotion.backends.gpt_sovits.experiment import load_hubert
    from gpt_sovits_emotion.encoders.pooling import pool

    return pool([load_hubert(stored)])


def _summary(pitch: Pitch, duration_s: float) -> Prosody:
    import numpy as np

    from gpt_sovits_emotion.encoders.prosody.frames import HOP_S
    from gpt_sovits_emotion.encoders.prosody.functionals import summarise

    tracks = FrameTracks(
        hop_s=HOP_S,
        f0_hz=pitch.f0_hz,
        loudness_db=pitch.level_db,
        voicing=pitch.periodicity,
        nuclei_s=(pitch.nuclei * HOP_S).astype(np.float32),
    )
    return summarise(tracks, duration_s)


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
