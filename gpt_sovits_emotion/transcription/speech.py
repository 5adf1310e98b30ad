"""Where somebody speaks: Silero's voice activity detection, by way of faster-whisper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gpt_sovits_emotion.core.memory import trim_heap
from gpt_sovits_emotion.core.progress import Progress, no_progress
from gpt_sovits_emotion.core.records import Segment, Transcript
from gpt_sovits_emotion.core.telemetry import forbid_telemetry
from gpt_sovits_emotion.transcription.blocks import blocks, quietest_s
from gpt_sovits_emotion.transcription.options import NO_MODEL

if TYPE_CHECKING:
    from gpt_sovits_emotion.audio import Recording

__all__ = ["BY_LOUDNESS", "Stretch", "find_speech", "segment_speech", "speech_in"]

BY_LOUDNESS = f"{NO_MODEL} (by loudness: no speech was detected)"
"""Source of a transcript whose stretches are merely loud."""

_SHORT_CLIP_S = 10.0
_LONG_PAUSE_S = 1.0  # a short clip is one utterance unless it pauses for longer
_PAUSE_S = 0.5  # a long recording is cut at pauses longer than this
_MARGIN_S = 0.15  # kept around a stretch, where breath and the ends of words lie
_SHORTEST_S = 0.25
_LOUD_BELOW_PEAK_DB = 25.0


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of time in which somebody speaks."""

    start_s: float
    end_s: float

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.end_s - self.start_s

    def holds(self, time_s: float) -> bool:
        """Say whether a time lies in it."""
        return self.start_s <= time_s <= self.end_s


def speech_in(
    samples: np.ndarray,
    sampling_rate_hz: int,
    *,
    min_pause_s: float,
    pad_s: float,
    threshold: float = 0.5,
) -> list[Stretch]:
    """Find the speech in ``(n_samples,)`` float32 samples at 16 kHz.

    Args:
        samples: The audio.
        sampling_rate_hz: 16000, the only rate that faster-whisper's copy of Silero takes.
        min_pause_s: Shorter pauses do not end a stretch.
        pad_s: Silence kept at each side of a stretch, as far as there is any.
        threshold: How probable speech must be.
    """
    forbid_telemetry()
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    if len(samples) == 0:
        return []
    found = get_speech_timestamps(
        samples,
        VadOptions(
            threshold=threshold,
            min_silence_duration_ms=round(1000 * min_pause_s),
            speech_pad_ms=round(1000 * pad_s),
            min_speech_duration_ms=100,
        ),
        sampling_rate=sampling_rate_hz,
    )
    return [
        Stretch(speech["start"] / sampling_rate_hz, speech["end"] / sampling_rate_hz)
        for speech in found
    ]


def find_speech(
    recording: Recording, *, progress: Progress = no_progress
) -> tuple[list[Stretch], bool]:
    """Find the speech in a whole recording, block by block.

    Returns:
        Stretches in order, cut at pauses of 0.1 s; and whether they were found by voice activity (True)
        or, because there was none, by loudness alone (False).
    """
    found: list[Stretch] = []
    loudness = _LoudStretches()
    for start_s, end_s in blocks(recording):
        audio = recording.read(start_s, end_s)
        speech = speech_in(audio.samples, audio.sampling_rate_hz, min_pause_s=0.1, pad_s=0.03)
        found += [Stretch(start_s + one.start_s, start_s + one.end_s) for one in speech]
        loudness.add(audio.samples, audio.sampling_rate_hz)
        trim_heap()  # as when words are heard, see `recogniser`
        progress(end_s / recording.duration_s, "looking for speech")
    if found:
        return found, True
    return loudness.stretches(), False


def segment_speech(
    recording: Recording,
    *,
    max_segment_s: float = 12.0,
    language: str = "",
    progress: Progress = no_progress,
) -> Transcript:
    """Cut a recording into stretches of speech, without words.

    Stretches are joined over short pauses. A clip of up to 10 s without a pause of 1 s stays one segment.
    What is longer than `max_segment_s` is split where it is quietest. Where no speech is detected in a
    recording that is not silent, what is loud in it is taken, and the transcript's source says so.

    Args:
        recording: The audio.
        max_segment_s: Longest segment.
        language: The segments' language, where it is known.
        progress: Told how far it is.
    """
    found, is_speech = find_speech(recording, progress=progress)
    total_s = recording.duration_s
    is_clip = total_s <= _SHORT_CLIP_S
    joined = _joined(found, _LONG_PAUSE_S if is_clip else _PAUSE_S, max_segment_s)
    if is_clip and len(joined) <= 1 and total_s <= max_segment_s:
        only = joined[0] if joined else Stretch(0.0, total_s)
        edges_are_short = only.start_s < _LONG_PAUSE_S and total_s - only.end_s < _LONG_PAUSE_S
        joined = [Stretch(0.0, total_s) if edges_are_short else only]
    joined = [one for one in joined if one.duration_s >= _SHORTEST_S] or joined[:1]
    spread = _with_margins(joined, total_s)
    segments = [
        Segment(round(piece.start_s, 3), round(piece.end_s, 3), "", language)
        for stretch in spread
        for piece in _split(recording, stretch, max_segment_s)
    ]
    return Transcript(tuple(segments), language, NO_MODEL if is_speech else BY_LOUDNESS)


def _joined(found: list[Stretch], pause_s: float, max_segment_s: float) -> list[Stretch]:
    """Join stretches over pauses up to `pause_s`, but not beyond `max_segment_s` at a real pause."""
    joined: list[Stretch] = []
    for one in found:
        if joined:
            last = joined[-1]
            gap_s = one.start_s - last.end_s
            fits = one.end_s - last.start_s <= max_segment_s
            if gap_s <= (pause_s if fits else _PAUSE_S / 2):
                joined[-1] = Stretch(last.start_s, one.end_s)
                continue
        joined.append(one)
    return joined


def _with_margins(found: list[Stretch], total_s: float) -> list[Stretch]:
    spread: list[Stretch] = []
    for i, one in enumerate(found):
        before_s = (one.start_s - found[i - 1].end_s) / 2 if i else one.start_s
        after_s = (found[i + 1].start_s - one.end_s) / 2 if i + 1 < len(found) else total_s
        end_s = min(one.end_s + min(_MARGIN_S, after_s), total_s)
        spread.append(Stretch(one.start_s - min(_MARGIN_S, before_s), end_s))
    return spread


def _split(recording: Recording, stretch: Stretch, max_segment_s: float) -> list[Stretch]:
    """Halve a stretch at its quietest place near the middle until every piece is short enough."""
    if stretch.duration_s <= max_segment_s:
        return [stretch]
    first_s = stretch.start_s + 0.3 * stretch.duration_s
    audio = recording.read(first_s, stretch.end_s - 0.3 * stretch.duration_s)
    cut_s = first_s + quietest_s(audio.samples, audio.sampling_rate_hz)
    halves = (Stretch(stretch.start_s, cut_s), Stretch(cut_s, stretch.end_s))
    return [piece for half in halves for piece in _split(recording, half, max_segment_s)]


class _LoudStretches:
    """Gathers the level of a recording, frame by frame, and says where it is loud."""

    _FRAME_S = 0.05

    def __init__(self) -> None:
        self._levels_db: list[np.ndarray] = []

    def add(self, samples: np.ndarray, sampling_rate_hz: int) -> None:
        frame = round(self._FRAME_S * sampling_rate_hz)
        n_frames = len(samples) // frame
        power = np.square(samples[: n_frames * frame]).reshape(n_frames, frame).mean(axis=1)
        self._levels_db.append(10 * np.log10(np.maximum(power, 1e-12)))

    def stretches(self) -> list[Stretch]:
        levels_db = np.concatenate(self._levels_db)
        if len(levels_db) == 0:
            return []
        loud = levels_db > np.percentile(levels_db, 99) - _LOUD_BELOW_PEAK_DB
        edges = np.flatnonzero(np.diff(np.concatenate([[False], loud, [False]]).astype(np.int8)))
        return [
            Stretch(float(first) * self._FRAME_S, float(last) * self._FRAME_S)
            for first, last in edges.reshape(-1, 2)
        ]
