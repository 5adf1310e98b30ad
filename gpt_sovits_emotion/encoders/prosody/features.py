"""The values of an embedding: which functionals of which tracks, their names and units.

Names and values are built by the same tables in the same order, so they cannot drift apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
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
from gpt_sovits_emotion.encoders.prosody.contours import (
    CONTOUR_NAMES,
    PITCH_SHARE_NAMES,
    WINDOW_FUNCTIONALS,
    contours,
    high_pitched,
    pitch_shares,
    windowed,
)
from gpt_sovits_emotion.encoders.prosody.functionals import functional_unit, summarise_tracks
from gpt_sovits_emotion.encoders.prosody.rhythm import (
    MODULATION_BANDS,
    TIMING_NAMES,
    modulation,
    timing,
)
from gpt_sovits_emotion.encoders.prosody.rocket import kernel_share_names, kernel_shares
from gpt_sovits_emotion.encoders.prosody.voice import VOICE_TRACKS

__all__ = ["CORE", "FEATURES", "SEMITONE_REFERENCE_HZ", "embed", "semitones"]

SEMITONE_REFERENCE_HZ = 27.5
"""Pitch is in semitones above 27.5 Hz, as in GeMAPS (Eyben et al. 2016)."""

_QUIETEST_DB = -40.0
_DELTA_REACH = 3  # frames to either side: change over 60 ms, about a phone
_NEAR_REACH = 1  # change over 20 ms, within a phone
_N_MODULATED_CEPSTRA = 13
_BANDS_AT_ONCE = 4
_F0_THRESHOLDS_ST = (0.05, 1.5)
_LEVEL_THRESHOLDS_DB = (0.1, 6.0)

_Tracks = tuple[tuple[str, str], ...]

_PITCH_TRACKS: _Tracks = (("f0", "st"), ("level", "dB"), ("loudness", "dB"), ("periodicity", "1"))
_CEPSTRAL_TRACKS: _Tracks = tuple((f"mfcc_{k}", "dB") for k in range(1, N_CEPSTRA + 1))
_DELTA_TRACKS: _Tracks = tuple((f"mfcc_{k}_delta", "dB") for k in range(1, N_CEPSTRA + 1))
_MEL_TRACKS: _Tracks = tuple((f"mel_{hz:.0f}_hz", "dB") for hz in MEL_CENTRES_HZ)
_NEAR_TRACKS: _Tracks = tuple(
    (f"{name}_delta_20_ms", unit) for name, unit in (*_CEPSTRAL_TRACKS, *_MEL_TRACKS)
)
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
    ("speech", _NEAR_TRACKS, ("mean_abs",)),
)
_CORRELATED = ("f0", "level", "alpha_ratio", "hnr_50_7800_hz", "h1_a3", "f1")
_CORRELATIONS = tuple(f"{a}_with_{b}" for a, b in combinations(_CORRELATED, 2))

_VOICED_TRACKS = _GROUPS[0][1]
_MEL_REGIONS = tuple(
    slice(start, min(start + _BANDS_AT_ONCE, N_MEL)) for start in range(0, N_MEL, _BANDS_AT_ONCE)
)
_MODULATED: tuple[str, ...] = (
    "level",
    "f0",
    *(
        f"mel_{MEL_CENTRES_HZ[region.start]:.0f}_{MEL_CENTRES_HZ[region.stop - 1]:.0f}_hz"
        for region in _MEL_REGIONS
    ),
    *(name for name, _ in SHAPE_TRACKS),
    *(name for name, _ in _CEPSTRAL_TRACKS[:_N_MODULATED_CEPSTRA]),
)

_PARTS: tuple[tuple[str, _Tracks], ...] = (
    ("voiced.correlation", tuple((name, "1") for name in _CORRELATIONS)),
    ("timing", TIMING_NAMES),
    (
        "modulation",
        tuple((f"{name}_{band}", "dB") for name in _MODULATED for band in MODULATION_BANDS),
    ),
    ("voiced.f0", PITCH_SHARE_NAMES),
    ("contours", CONTOUR_NAMES),
    (
        "high_pitched",
        tuple((f"{name}.above_mean", u) for name, u in (*_VOICED_TRACKS, *_CEPSTRAL_TRACKS)),
    ),
    (
        "windows",
        tuple((f"{name}.{f}", unit) for name, unit in _VOICED_TRACKS for f in WINDOW_FUNCTIONALS),
    ),
    ("patterns", kernel_share_names("f0", _F0_THRESHOLDS_ST, "st")),
    ("patterns", kernel_share_names("level", _LEVEL_THRESHOLDS_DB, "dB")),
)
"""What follows the functionals of `_GROUPS`: the beginning of its names, their ends and units."""


def _describe_features() -> Iterator[tuple[str, str]]:
    for rows, tracks, functionals in _GROUPS:
        for track, unit in tracks:
            for functional in functionals:
                yield f"{rows}.{track}.{functional}", functional_unit(functional, unit)
    for part, names in _PARTS:
        yield from ((f"{part}.{name}", unit) for name, unit in names)


FEATURES: tuple[tuple[str, str], ...] = tuple(_describe_features())
"""Name and unit of every value of an embedding, in order."""


def _core() -> tuple[tuple[int, int], ...]:
    sizes = [len(tracks) * len(functionals) for _, tracks, functionals in _GROUPS]
    n_first, n_near = sum(sizes[:-1]), sizes[-1]
    n_modulated = (2 + len(_MEL_REGIONS)) * len(MODULATION_BANDS)
    n_more = len(_CORRELATIONS) + len(TIMING_NAMES) + n_modulated
    return (0, n_first), (n_first + n_near, n_first + n_near + n_more)


CORE: tuple[tuple[int, int], ...] = _core()
"""From where to where the values lie that tell of whole tracks: functionals, correlations, timing, and the
modulation of level, pitch and bands. The others tell of details: contours, windows, patterns."""


def semitones(f0_hz: np.ndarray) -> np.ndarray:
    """Return pitch in semitones above 27.5 Hz."""
    return np.asarray(12.0 * np.log2(f0_hz / SEMITONE_REFERENCE_HZ))


@dataclass(frozen=True, slots=True, eq=False)
class _Levelled:
    """Tracks relative to the loud frames of the stretch, so that gain changes nothing.

    Attributes:
        level_db: ``(n_frames,)``.
        mel_db: ``(n_frames, n_mel)``.
        cepstra_db: ``(n_frames, n_cepstra)``.
        f0_st: ``(n_voice,)``.
    """

    level_db: np.ndarray
    mel_db: np.ndarray
    cepstra_db: np.ndarray
    f0_st: np.ndarray


def embed(analysis: Analysis) -> np.ndarray:
    """Return the ``(len(FEATURES),)`` float32 values of one stretch of audio.

    Nothing outside the span from the first to the last frame of speech is looked at, so that silence
    around it changes nothing.
    """
    levelled = _level(analysis)
    tables = _tables(analysis, levelled)
    functionals = [
        summarise_tracks(table, frames, functionals)
        if len(table)
        else np.zeros(len(tracks) * len(functionals), np.float32)
        for (table, frames), (_, tracks, functionals) in zip(tables, _GROUPS, strict=True)
    ]
    return np.concatenate([*functionals, *_parts(analysis, levelled, voiced_tracks=tables[0][0])])


def _level(analysis: Analysis) -> _Levelled:
    pitch, speech = analysis.pitch, analysis.speech_frames
    loud_db = np.percentile(pitch.level_db[speech], 90)
    mel_db = relative_db(pitch.mel)
    mel_db = mel_db - np.percentile(mel_db[speech].max(1), 90)
    return _Levelled(
        level_db=np.maximum(pitch.level_db - loud_db, _QUIETEST_DB),
        mel_db=mel_db,
        cepstra_db=cepstra(mel_db),
        f0_st=semitones(analysis.voice_f0_hz),
    )


def _parts(
    analysis: Analysis, levelled: _Levelled, *, voiced_tracks: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Return the values of each of `_PARTS`."""
    pitch, voice, speech = analysis.pitch, analysis.voice_frames, analysis.speech_frames
    f0_st, level_db = levelled.f0_st, levelled.level_db
    f0_between = np.interp(np.arange(voice[0], voice[-1] + 1), voice, f0_st)
    return (
        _correlations(voiced_tracks),
        timing(
            speech=pitch.speech,
            voiced=pitch.voiced,
            nuclei=pitch.nuclei,
            f0_st=semitones(pitch.f0_hz),
            level_db=level_db,
        ),
        modulation(_modulated(analysis, levelled)),
        pitch_shares(f0_st),
        contours(f0_st, level_db[voice], voice),
        high_pitched(f0_st, np.concatenate([voiced_tracks, levelled.cepstra_db[voice]], axis=1)),
        windowed(voiced_tracks, voice),
        kernel_shares(f0_between, voice - voice[0], _F0_THRESHOLDS_ST),
        kernel_shares(
            level_db[speech[0] : speech[-1] + 1], speech - speech[0], _LEVEL_THRESHOLDS_DB
        ),
    )


def _modulated(analysis: Analysis, levelled: _Levelled) -> np.ndarray:
    """Return the ``(n_span, len(_MODULATED))`` signals from the first to the last frame of speech."""
    speech = analysis.speech_frames
    span = slice(int(speech[0]), int(speech[-1]) + 1)
    frames = np.arange(span.start, span.stop)
    mel_db = levelled.mel_db[span]
    signals = np.empty((len(frames), len(_MODULATED)), np.float32)
    signals[:, 0] = levelled.level_db[span]
    signals[:, 1] = np.interp(frames, analysis.voice_frames, levelled.f0_st)
    first = 2
    for region in _MEL_REGIONS:
        signals[:, first] = mel_db[:, region].mean(1)
        first += 1
    for shape in analysis.shape.T:
        signals[:, first] = np.interp(frames, speech, shape)
        first += 1
    signals[:, first:] = levelled.cepstra_db[span, :_N_MODULATED_CEPSTRA]
    return signals


def _tables(analysis: Analysis, levelled: _Levelled) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """Return the tracks of each of `_GROUPS`, ``(n_rows, n_tracks)``, with their frame numbers."""
    pitch, voice, speech = analysis.pitch, analysis.voice_frames, analysis.speech_frames
    level_db, mel_db, cepstra_db = levelled.level_db, levelled.mel_db, levelled.cepstra_db
    loudness_db = _loudness_db(pitch.mel, speech)
    # Every voiced frame is speech; its shape is found by its place among the frames of speech.
    shape_of_voice = analysis.shape[np.searchsorted(speech, voice)]
    pitch_tracks = np.stack(
        [levelled.f0_st, level_db[voice], loudness_db[voice], pitch.periodicity[voice]], axis=1
    )
    motion = np.stack([level_db[speech], loudness_db[speech], _flux_db(mel_db)[speech]], axis=1)
    shape_of_speech = analysis.shape[:, : len(_SPEECH_TRACKS) - motion.shape[1]]
    unvoiced = ~np.isin(speech, voice)
    return (
        (np.concatenate([pitch_tracks, shape_of_voice, analysis.voice], axis=1), voice),
        (cepstra_db[voice], voice),
        (mel_db[voice], voice),
        (mel_db[speech], speech),
        (np.concatenate([motion, shape_of_speech], axis=1), speech),
        _deltas(cepstra_db, speech, reach=_DELTA_REACH),
        (analysis.shape[unvoiced], speech[unvoiced]),
        _deltas(np.concatenate([cepstra_db, mel_db], axis=1), speech, reach=_NEAR_REACH),
    )


def _loudness_db(mel: np.ndarray, speech: np.ndarray) -> np.ndarray:
    """Loudness as the sum over bands of power to the 0.3 (Stevens), relative to the loud frames, in dB."""
    loudness = (mel**0.3).sum(1)
    relative = loudness / np.percentile(loudness[speech], 90)
    return np.asarray(np.maximum(20.0 * np.log10(np.maximum(relative, 1e-3)), _QUIETEST_DB))


def _deltas(tracks: np.ndarray, speech: np.ndarray, *, reach: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the change from `reach` frames before to as many after, and the frames it is centred on.

    Frames of speech at the very edge are left out, so that silence around it changes nothing.
    """
    inner = (speech >= speech[0] + reach) & (speech <= speech[-1] - reach)
    frames = speech[inner]
    return tracks[frames + reach] - tracks[frames - reach], frames


def _flux_db(mel_db: np.ndarray) -> np.ndarray:
    """Mean absolute change of the mel bands from the frame before, after taking out level."""
    flat = mel_db - mel_db.mean(1, keepdims=True)
    change = np.abs(np.diff(flat, axis=0)).sum(1) / N_MEL
    return np.concatenate([change[:1], change]) if len(change) else np.zeros(len(mel_db))


_COLUMN = {name: i for i, (name, _) in enumerate(_VOICED_TRACKS)}


def _correlations(voiced_tracks: np.ndarray) -> np.ndarray:
    """Pearson correlation of each pair of `_CORRELATED`, 0 where a track does not move."""
    chosen = voiced_tracks[:, [_COLUMN[name] for name in _CORRELATED]].astype(np.float64)
    centred = chosen - chosen.mean(0)
    norm = np.sqrt((centred**2).sum(0))
    scaled = centred / np.where(norm > 1e-6, norm, np.inf)
    matrix = scaled.T @ scaled
    return np.asarray(matrix[np.triu_indices(len(_CORRELATED), k=1)].astype(np.float32))
