"""The thousand values of an embedding: which functionals of which tracks, their names and units.

Names and values are built by the same tables in the same order, so they cannot drift apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from gpt_sovits_emotion.encoders.prosody.analysis import Analysis
from gpt_sovits_emotion.encoders.prosody.bands import (
    MEL_CENTRES_HZ,
    N_CEPSTRA,
    N_MEL,
    SHAPE_TRACKS,
    cepstra,
    relative_db,
)
from gpt_sovits_emotion.encoders.prosody.functionals import functional_unit, summarise_tracks
from gpt_sovits_emotion.encoders.prosody.rhythm import (
    MODULATION_NAMES,
    TIMING_NAMES,
    modulation,
    timing,
)
from gpt_sovits_emotion.encoders.prosody.voice import VOICE_TRACKS

__all__ = ["FEATURES", "SEMITONE_REFERENCE_HZ", "embed", "semitones"]

SEMITONE_REFERENCE_HZ = 27.5
"""Pitch is in semitones above 27.5 Hz, as in GeMAPS (Eyben et al. 2016)."""

_QUIETEST_DB = -40.0
_DELTA_REACH = 3  # frames to either side: change over 60 ms, about a phone

_Tracks = tuple[tuple[str, str], ...]

_PITCH_TRACKS: _Tracks = (("f0", "st"), ("level", "dB"), ("loudness", "dB"), ("periodicity", "1"))
_CEPSTRAL_TRACKS: _Tracks = tuple((f"mfcc_{k}", "dB") for k in range(1, N_CEPSTRA + 1))
_DELTA_TRACKS: _Tracks = tuple((f"mfcc_{k}_delta", "dB") for k in range(1, N_CEPSTRA + 1))
_MEL_TRACKS: _Tracks = tuple((f"mel_{hz:.0f}_hz", "dB") for hz in MEL_CENTRES_HZ)
_SPEECH_TRACKS: _Tracks = (("level", "dB"), ("loudness", "dB"), ("flux", "dB"), *SHAPE_TRACKS[:6])

_FULL = ("mean", "std", "p5", "p50", "p95", "range", "skewness", "kurtosis", "slope", "curvature")
_GROUPS: tuple[tuple[str, _Tracks, tuple[str, ...]], ...] = (
    ("voiced", (*_PITCH_TRACKS, *SHAPE_TRACKS, *VOICE_TRACKS), (*_FULL, "step")),
    ("voiced", _CEPSTRAL_TRACKS, ("mean", "std", "p5", "p95", "skewness", "step")),
    ("voiced", _MEL_TRACKS, ("mean", "std")),
    ("speech", _MEL_TRACKS, ("p20", "p50", "p95")),
    ("speech", _SPEECH_TRACKS, (*_FULL, "step")),
    ("speech", _DELTA_TRACKS, ("std", "mean_abs", "p5", "p95")),
    ("unvoiced", SHAPE_TRACKS, ("mean", "std")),
)
_CORRELATED = ("f0", "level", "alpha_ratio", "hnr_50_7800_hz", "h1_a3", "f1")
_CORRELATIONS = tuple(f"{a}_with_{b}" for a, b in combinations(_CORRELATED, 2))


def _describe_features() -> Iterator[tuple[str, str]]:
    for rows, tracks, functionals in _GROUPS:
        for track, unit in tracks:
            for functional in functionals:
                yield f"{rows}.{track}.{functional}", functional_unit(functional, unit)
    yield from ((f"voiced.correlation.{name}", "1") for name in _CORRELATIONS)
    yield from ((f"timing.{name}", unit) for name, unit in TIMING_NAMES)
    yield from ((f"modulation.{name}", unit) for name, unit in MODULATION_NAMES)


FEATURES: tuple[tuple[str, str], ...] = tuple(_describe_features())
"""Name and unit of every value of an embedding, in order."""


def semitones(f0_hz: np.ndarray) -> np.ndarray:
    """Return pitch in semitones above 27.5 Hz."""
    return np.asarray(12.0 * np.log2(f0_hz / SEMITONE_REFERENCE_HZ))


def embed(analysis: Analysis) -> np.ndarray:
    """Return the ``(len(FEATURES),)`` float32 values of one stretch of audio.

    Levels are relative to the loud frames of the stretch, so that gain changes nothing.
    """
    pitch, voice, speech = analysis.pitch, analysis.voice_frames, analysis.speech_frames
    loud_db = np.percentile(pitch.level_db[speech], 90)
    level_db = np.maximum(pitch.level_db - loud_db, _QUIETEST_DB)
    mel_db = relative_db(pitch.mel)
    mel_db = mel_db - np.percentile(mel_db[speech].max(1), 90)
    f0_st = semitones(analysis.voice_f0_hz)

    tables = _tables(analysis, f0_st=f0_st, level_db=level_db, mel_db=mel_db)
    values = [
        summarise_tracks(table, frames, functionals)
        if len(table)
        else np.zeros(len(tracks) * len(functionals), np.float32)
        for (table, frames), (_, tracks, functionals) in zip(tables, _GROUPS, strict=True)
    ]
    values.append(_correlations(tables[0][0]))
    values.append(
        timing(
            speech=pitch.speech,
            voiced=pitch.voiced,
            nuclei=pitch.nuclei,
            f0_st=semitones(pitch.f0_hz),
            level_db=level_db,
        )
    )
    values.append(
        modulation(
            level_db=level_db,
            f0_st=np.interp(np.arange(len(level_db)), voice, f0_st).astype(np.float32),
            mel_db=mel_db,
            span=slice(int(speech[0]), int(speech[-1]) + 1),
        )
    )
    return np.concatenate(values)


def _tables(
    analysis: Analysis, *, f0_st: np.ndarray, level_db: np.ndarray, mel_db: np.ndarray
) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Return the tracks of each of `_GROUPS`, ``(n_rows, n_tracks)``, with their frame numbers."""
    pitch, voice, speech = analysis.pitch, analysis.voice_frames, analysis.speech_frames
    loudness_db = _loudness_db(pitch.mel, speech)
    # Every voiced frame is speech; its shape is found by its place among the frames of speech.
    shape_of_voice = analysis.shape[np.searchsorted(speech, voice)]
    pitch_tracks = np.stack(
        [f0_st, level_db[voice], loudness_db[voice], pitch.periodicity[voice]], axis=1
    )
    motion = np.stack([level_db[speech], loudness_db[speech], _flux_db(mel_db)[speech]], axis=1)
    shape_of_speech = analysis.shape[:, : len(_SPEECH_TRACKS) - motion.shape[1]]
    unvoiced = ~np.isin(speech, voice)
    return (
        (np.concatenate([pitch_tracks, shape_of_voice, analysis.voice], axis=1), voice),
        (cepstra(mel_db[voice]), voice),
        (mel_db[voice], voice),
        (mel_db[speech], speech),
        (np.concatenate([motion, shape_of_speech], axis=1), speech),
        _deltas(cepstra(mel_db), speech),
        (analysis.shape[unvoiced], speech[unvoiced]),
    )


def _loudness_db(mel: np.ndarray, speech: np.ndarray) -> np.ndarray:
    """Loudness as the sum over bands of power to the 0.3 (Stevens), relative to the loud frames, in dB."""
    loudness = (mel**0.3).sum(1)
    relative = loudness / np.percentile(loudness[speech], 90)
    return np.asarray(np.maximum(20.0 * np.log10(np.maximum(relative, 1e-3)), _QUIETEST_DB))


def _deltas(tracks: np.ndarray, speech: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the change over 60 ms around each frame of speech, and the numbers of these frames.

    Frames at the very edge are left out, so that silence around the speech changes nothing.
    """
    inner = (speech >= speech[0] + _DELTA_REACH) & (speech <= speech[-1] - _DELTA_REACH)
    frames = speech[inner]
    return tracks[frames + _DELTA_REACH] - tracks[frames - _DELTA_REACH], frames


def _flux_db(mel_db: np.ndarray) -> np.ndarray:
    """Mean absolute change of the mel bands from the frame before, after taking out level."""
    flat = mel_db - mel_db.mean(1, keepdims=True)
    change = np.abs(np.diff(flat, axis=0)).sum(1) / N_MEL
    return np.concatenate([change[:1], change]) if len(change) else np.zeros(len(mel_db))


_COLUMN = {name: i for i, (name, _) in enumerate(_GROUPS[0][1])}


def _correlations(voiced_tracks: np.ndarray) -> np.ndarray:
    """Pearson correlation of each pair of `_CORRELATED`, 0 where a track does not move."""
    chosen = voiced_tracks[:, [_COLUMN[name] for name in _CORRELATED]].astype(np.float64)
    centred = chosen - chosen.mean(0)
    norm = np.sqrt((centred**2).sum(0))
    scaled = centred / np.where(norm > 1e-6, norm, np.inf)
    matrix = scaled.T @ scaled
    return np.asarray(matrix[np.triu_indices(len(_CORRELATED), k=1)].astype(np.float32))
