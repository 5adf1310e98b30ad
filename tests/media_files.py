"""Media files made for tests: sound at chosen times beside a picture, in any container, with odd headers."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soundfile
from conftest import voiced

__all__ = ["clicks", "film", "onsets_s", "pcm_wav", "sound_file"]

RATE_HZ = 48_000
_BURST_S = 0.25


def clicks(duration_s: float, at_s: Sequence[float], *, rate_hz: int = RATE_HZ) -> np.ndarray:
    """Return near-silence with a voiced burst at each of these times: ``(n_samples,)`` float32."""
    samples = 1e-3 * np.random.default_rng(0).standard_normal(round(duration_s * rate_hz))
    burst = voiced(_BURST_S, level=0.3, sampling_rate_hz=rate_hz, syllables_per_s=0.0)
    burst = burst / np.abs(burst).max() * 0.5
    for start_s in at_s:
        first = round(start_s * rate_hz)
        piece = samples[first : first + len(burst)]
        piece += burst[: len(piece)]
    return samples.astype(np.float32)


def onsets_s(samples: np.ndarray, rate_hz: int) -> list[float]:
    """Return when each burst of `clicks` begins in decoded samples, to about 10 ms."""
    hop = rate_hz // 200
    n_frames = len(samples) // hop
    loud = np.abs(samples[: n_frames * hop]).reshape(n_frames, hop).max(axis=1)
    on = loud > 0.3 * loud.max()
    found: list[float] = []
    for frame in np.flatnonzero(on):
        if not found or frame * hop / rate_hz - found[-1] > 1.5 * _BURST_S:
            found.append(frame * hop / rate_hz)
    return found


def sound_file(
    path: Path,
    samples: np.ndarray,
    codec: str,
    *,
    rate_hz: int = RATE_HZ,
    layout: str = "mono",
    **how: object,
) -> Path:
    """Write sound alone: `film` without a picture."""
    return film(path, [(0.0, samples)], codec, rate_hz=rate_hz, layout=layout, picture=None, **how)


def film(
    path: Path,
    stretches: Sequence[tuple[float, np.ndarray]],
    codec: str = "aac",
    *,
    rate_hz: int = RATE_HZ,
    layout: str = "mono",
    picture: tuple[float, float] | None = (0.0, 3.0),
    video_codec: str = "mpeg4",
    video_rate: int = 10,
    shift_s: float = 0.0,
    tracks: int = 1,
    options: dict[str, str] | None = None,
    container: str | None = None,
) -> Path:
    """Write stretches of sound at their times, and a picture from one time to another.

    Args:
        path: Its ending says the container, unless `container` does.
        stretches: Start in seconds and samples, ``(n_samples,)``, or ``(n_channels, n_samples)``.
        codec: Of the sound.
        rate_hz: Of the sound.
        layout: Of the sound.
        picture: When the picture begins and ends; None for sound alone.
        video_codec: Of the picture.
        video_rate: Pictures per second.
        shift_s: Added to every time stamp.
        tracks: How many equal sound tracks.
        options: Of the muxer.
        container: Its name.
    """
    with av.open(str(path), "w", format=container, options=options or {}) as out:
        video = None
        if picture is not None:
            video = out.add_stream(video_codec, rate=video_rate)
            video.width = video.height = 64
            video.pix_fmt = "yuv420p"
        streams = [out.add_stream(codec, rate=rate_hz, layout=layout) for _ in range(tracks)]
        packets = []
        for stream in streams:
            packets += _sound(stream, stretches, rate_hz, layout, shift_s)
        if video is not None:
            first, last = (round(time_s * video_rate) for time_s in picture)
            for number in range(first, last):
                image = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), "rgb24")
                image.time_base = Fraction(1, video_rate)
                image.pts = number + round(shift_s * video_rate)
                packets += video.encode(image)
            packets += video.encode(None)
        out.mux(sorted(packets, key=lambda packet: float(packet.dts * packet.time_base)))
    return path


def _sound(stream, stretches, rate_hz, layout, shift_s):
    packets = []
    resampler = av.AudioResampler(format=stream.format, layout=layout, rate=rate_hz)
    for start_s, samples in stretches:
        rows = np.ascontiguousarray(np.atleast_2d(samples), np.float32)
        packed = np.ascontiguousarray(rows.T.reshape(1, -1))
        frame = av.AudioFrame.from_ndarray(packed, format="flt", layout=layout)
        frame.sample_rate = rate_hz
        fifo = av.AudioFifo()
        for converted in resampler.resample(frame):
            converted.pts = None
            fifo.write(converted)
        size = stream.codec_context.frame_size or 1024
        n_written = round((start_s + shift_s) * rate_hz)
        whole = bool(stream.codec_context.frame_size)
        while (piece := fifo.read(size, partial=not whole)) is not None:
            piece.time_base = Fraction(1, rate_hz)
            piece.pts = n_written
            n_written += piece.samples
            packets += stream.encode(piece)
    return [*packets, *stream.encode(None)]


def pcm_wav(
    samples: np.ndarray,
    *,
    riff_size: int | None = None,
    data_size: int | None = None,
    rate_hz: int = 16_000,
) -> bytes:
    """Return a 16-bit mono WAV whose header may claim other sizes than it has."""
    data = (np.clip(samples, -1, 1) * 32_767).astype("<i2").tobytes()
    riff = 36 + len(data) if riff_size is None else riff_size
    size = len(data) if data_size is None else data_size
    head = struct.pack(
        "<4sI4s4sIHHIIHH", b"RIFF", riff, b"WAVE", b"fmt ", 16, 1, 1, rate_hz, 2 * rate_hz, 2, 16
    )
    return head + struct.pack("<4sI", b"data", size) + data


def soundfile_bytes(path: Path, samples: np.ndarray, rate_hz: int, **how: str) -> Path:
    """Write with libsndfile, which has formats that PyAV's wheel cannot write."""
    soundfile.write(path, samples, rate_hz, **how)
    return path
