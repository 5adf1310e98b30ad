"""Read, validate, level, resample and write audio. The only package that touches audio files.

Everything is decoded by PyAV (FFmpeg's libraries, in a wheel), mixed to mono, resampled by soxr as a
stream, and checked on the way. A `Recording` keeps the decoded samples in a spooled scratch file, in
memory while it is short and in an unnamed file on disk when it is long, so that memory stays bounded
however long the recording is; `Recording.read` hands out validated `Audio` stretch by stretch.
"""

from __future__ import annotations

from gpt_sovits_emotion.audio.level import at_speed
from gpt_sovits_emotion.audio.opening import check_file
from gpt_sovits_emotion.audio.recording import (
    ANALYSIS_RATE_HZ,
    MAX_DURATION_S,
    MIN_DURATION_S,
    Recording,
    open_recording,
    probe_duration_s,
    read_clip,
    recording_from_samples,
)
from gpt_sovits_emotion.audio.tracks import frames_per_s
from gpt_sovits_emotion.audio.write import encode_mp3, encode_wav, resample, write_wav

__all__ = [
    "ANALYSIS_RATE_HZ",
    "MAX_DURATION_S",
    "MIN_DURATION_S",
    "Recording",
    "at_speed",
    "check_file",
    "encode_mp3",
    "encode_wav",
    "frames_per_s",
    "open_recording",
    "probe_duration_s",
    "read_clip",
    "recording_from_samples",
    "resample",
    "write_wav",
]
