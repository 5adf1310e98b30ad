"""Resample audio and write it, as WAV for keeping and as MP3 for pages."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from gpt_sovits_emotion.core.files import write_bytes
from gpt_sovits_emotion.core.records import Audio

__all__ = ["encode_mp3", "encode_wav", "resample", "write_wav"]

_MP3_RATES_HZ = (16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
_MP3_BLOCK = 1 << 16


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


def encode_mp3(audio: Audio | Iterable[Audio], *, bitrate_bps: int = 64_000) -> bytes:
    """Return audio as a mono MP3, resampled to 48 kHz if MP3 has no such rate.

    Args:
        audio: The whole, or consecutive stretches of it, all at one rate: `Recording.blocks` gives
            an hours-long recording in bounded memory.
        bitrate_bps: Bits per second.
    """
    import av

    stretches = iter([audio] if isinstance(audio, Audio) else audio)
    first = next(stretches, Audio(np.empty(0, np.float32), 16_000))
    rate_hz = first.sampling_rate_hz if first.sampling_rate_hz in _MP3_RATES_HZ else 48_000
    buffer = io.BytesIO()
    n_written = 0
    with av.open(buffer, "w", format="mp3") as container:
        stream: Any = container.add_stream("mp3", rate=rate_hz)
        stream.bit_rate = bitrate_bps
        stream.layout = "mono"
        for stretch in itertools.chain([first], stretches):
            samples = np.clip(resample(stretch, rate_hz).samples, -1.0, 1.0)
            for start in range(0, len(samples), _MP3_BLOCK):
                planar = np.ascontiguousarray(samples[None, start : start + _MP3_BLOCK])
                frame = av.AudioFrame.from_ndarray(planar, format="fltp", layout="mono")
                frame.sample_rate = rate_hz
                frame.pts = n_written
                n_written += planar.shape[1]
                container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()
