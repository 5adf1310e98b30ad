"""From samples to all frame tracks of one stretch of audio."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from gpt_sovits_emotion.encoders.prosody.bands import (
    SHAPE_TRACKS,
    mel_power,
    spectral_shape,
)
from gpt_sovits_emotion.encoders.prosody.frames import (
    N_BINS,
    frame_levels_db,
    n_frames_of,
    spectrum_blocks,
)
from gpt_sovits_emotion.encoders.prosody.pitch import (
    PitchCandidates,
    pitch_candidates,
    pitch_path,
    without_stray_runs,
)
from gpt_sovits_emotion.encoders.prosody.rhythm import is_speech, syllable_nuclei
from gpt_sovits_emotion.encoders.prosody.voice import VOICE_TRACKS, voice_quality

__all__ = ["Analysis", "Pitch", "analyse", "analyse_pitch"]

_FLOOR_DB = -70.0
_FEWEST_VOICED = 5
_FRAMES_KEPT = 2048  # 20 s, 4 MB
_ABSENT_F0_HZ = 160.0


@dataclass(frozen=True, slots=True, eq=False)
class Pitch:
    """What the first pass over the audio finds.

    Attributes:
        level_db: ``(n_frames,)`` float32 level, dB relative to full scale.
        f0_hz: ``(n_frames,)`` float32, NaN where unvoiced.
        periodicity: ``(n_frames,)`` float32, 0 to 1.
        mel: ``(n_frames, n_mel)`` float32 mel power, floored 70 dB under the loud frames.
        floor: The floor as power per bin of the spectrum.
        speech: ``(n_frames,)`` bool.
        nuclei: ``(n_nuclei,)`` frame numbers of syllable nuclei.
    """

    level_db: np.ndarray
    f0_hz: np.ndarray
    periodicity: np.ndarray
    mel: np.ndarray
    floor: float
    speech: np.ndarray
    nuclei: np.ndarray

    @property
    def voiced(self) -> np.ndarray:
        """``(n_frames,)`` bool."""
        return np.asarray(np.isfinite(self.f0_hz))


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """All frame tracks.

    Attributes:
        pitch: First pass.
        voice_frames: ``(n_voice,)`` frames described as voice: the voiced ones or, when a whispered or
            noisy stretch has next to none, all of its speech, at a nominal F0.
        voice_f0_hz: ``(n_voice,)`` F0 of these frames.
        voice: ``(n_voice, len(VOICE_TRACKS))``.
        speech_frames: ``(n_speech,)`` frames of speech.
        shape: ``(n_speech, len(SHAPE_TRACKS))`` of the frames of speech.
    """

    pitch: Pitch
    voice_frames: np.ndarray
    voice_f0_hz: np.ndarray
    voice: np.ndarray
    speech_frames: np.ndarray
    shape: np.ndarray


def analyse_pitch(samples: np.ndarray) -> Pitch:
    """Find level, pitch, speech and syllable nuclei.

    Args:
        samples: ``(n_samples,)`` float32 at 16 kHz.
    """
    return _pitch_of(samples, spectrum_blocks(samples))


def _pitch_of(samples: np.ndarray, blocks: Iterable[tuple[slice, np.ndarray]]) -> Pitch:
    level_db = frame_levels_db(samples)
    found: list[PitchCandidates] = []
    mel_blocks, totals = [], []
    for _, power in blocks:
        found.append(pitch_candidates(power))
        mel_blocks.append(mel_power(power))
        totals.append(power.sum(1))
    candidates = PitchCandidates(
        *(
            np.concatenate([getattr(block, name) for block in found])
            for name in ("frequency_hz", "strength", "periodicity")
        )
    )
    f0_hz = without_stray_runs(pitch_path(candidates, level_db), candidates.periodicity)
    speech = is_speech(level_db, np.isfinite(f0_hz))
    f0_hz = np.where(speech, f0_hz, np.float32(np.nan))
    loud = np.percentile(np.concatenate(totals)[speech], 90) / N_BINS
    floor = max(float(loud) * 10.0 ** (_FLOOR_DB / 10.0), 1e-18)
    mel = np.concatenate(mel_blocks)
    mel += np.float32(floor) * mel_power(np.ones((1, N_BINS), np.float32))
    nuclei = syllable_nuclei(mel, np.isfinite(f0_hz))
    return Pitch(level_db, f0_hz, candidates.periodicity, mel, floor, speech, nuclei)


def analyse(samples: np.ndarray) -> Analysis:
    """Compute all frame tracks.

    Args:
        samples: ``(n_samples,)`` float32 at 16 kHz.
    """
    # Both passes read the same spectra; those of long audio are computed twice, to keep the memory bounded.
    kept = list(spectrum_blocks(samples)) if n_frames_of(len(samples)) <= _FRAMES_KEPT else None
    pitch = _pitch_of(samples, kept or spectrum_blocks(samples))
    voiced = pitch.voiced
    if voiced.sum() < _FEWEST_VOICED:
        is_voice = pitch.speech
        f0_hz = np.full(len(voiced), _ABSENT_F0_HZ, np.float32)
    else:
        is_voice, f0_hz = voiced, pitch.f0_hz
    voice, shape = [], []
    for block, power in kept or spectrum_blocks(samples):
        power += np.float32(pitch.floor)
        inside = is_voice[block]
        if inside.any():
            voice.append(voice_quality(power[inside], f0_hz[block][inside]))
        inside = pitch.speech[block]
        if inside.any():
            shape.append(spectral_shape(power[inside]))
    return Analysis(
        pitch=pitch,
        voice_frames=np.flatnonzero(is_voice),
        voice_f0_hz=f0_hz[is_voice],
        voice=_stacked(voice, len(VOICE_TRACKS)),
        speech_frames=np.flatnonzero(pitch.speech),
        shape=_stacked(shape, len(SHAPE_TRACKS)),
    )


def _stacked(blocks: list[np.ndarray], n_columns: int) -> np.ndarray:
    return np.concatenate(blocks) if blocks else np.zeros((0, n_columns), np.float32)
