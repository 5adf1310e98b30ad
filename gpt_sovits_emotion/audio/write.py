"""Resample audio and write it, as WAV for keeping and as MP3 for pages."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from gpt_sovits_emotion.files import write_bytes
from gpt_sovits_emotion.records import Audio

__all__ = ["encode_mp3", "encode_wav", "resample", "write_wav"]

_MP3_RATES_HZ = (16_000, 22_050, 24_000, 32_000, 44_100, 48_000)


def resample(audio: Audio, sampling_rate_hz: int) -> Audio:
    """Return `audio` at another rate (soxr, high quality); the same object if it is at that rate."""
    if audio.sampling_rate_hz == sampling_rate_hz:
        return audio
    import soxr

    samples = soxr.resample(audio.samples, audio.sampling_rate_hz, sampling_rate_hz, quality="HQ")
    return Audio(samples.astype(np.float32, copy=False), sampling_rate_hz, audio.gain_db)


def encode_wav(audio: Audio) -> bytes:
    """Return `audio` as a 16-bit PCM WAV file; samples beyond full scale are clipped."""
    import soundfile

    buffer = io.BytesIO()
    soundfile.write(
        buffer,
        np.clip(audio.samples, -1.0, 1.0),
        audio.sampling_rate_hz,
        format="WAV",
        subtype="PCM_16",
    )
    return buffer.getvalue()


def write_wav(path: str | Path, audio: Audio) -> None:
    """Write `audio` as 16-bit PCM WAV in one step.

    Raises:
        OutputError: The file cannot be written; what stood there before still stands.
    """
    write_bytes(Path(path), encode_wav(audio))


def encode_mp3(audio: Audio, *, bitrate_bps: int = 64_000) -> bytes:
    """Return `audio` as a mono MP3, resampled to 48 kHz if MP3 has no such rate."""
    import av

    if audio.sampling_rate_hz not in _MP3_RATES_HZ:
        audio = resample(audio, 48_000)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp3") as container:
        stream: Any = container.add_stream("mp3", rate=audio.sampling_rate_hz)
        stream.bit_rate = bitrate_bps
        stream.layout = "mono"
        block = 1 << 16
        samples = np.clip(audio.samples, -1.0, 1.0)
        for first in range(0, len(samples), block):
            planar = np.ascontiguousarray(samples[None, first : first + block])
            frame = av.AudioFrame.from_ndarray(planar, format="fltp", layout="mono")
            frame.sample_rate = audio.sampling_rate_hz
            frame.pts = first
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()
