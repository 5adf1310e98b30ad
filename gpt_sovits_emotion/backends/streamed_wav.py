"""The WAV that a server answers with, also one whose sizes are not known when it begins."""

from __future__ import annotations

import io
import wave

import numpy as np

from gpt_sovits_emotion.core.errors import BackendError
from gpt_sovits_emotion.core.messages import in_both, tr

__all__ = ["no_sound", "read_wav"]


def read_wav(body: bytes, kind: str, url: str) -> tuple[int, np.ndarray]:
    """Return the rate in Hz and the samples of what a server answered. Raises `BackendError`."""
    if not body:  # as servers answer that send a stream and fail after its head
        raise no_sound(url)
    try:
        with wave.open(io.BytesIO(body)) as file:
            if file.getsampwidth() != 2 or file.getnchannels() != 1:
                raise wave.Error(f"{file.getnchannels()} channels of {file.getsampwidth()} bytes")
            rate_hz, frames = file.getframerate(), file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise BackendError(
            tr(
                "{url} answered with {kind} that is no 16-bit mono WAV: see whether api_v2.py of "
                "GPT-SoVITS is what runs there",
                url=url,
                kind=in_both(kind or "something", kind or "内容"),
            )
        ) from error
    frames = frames or _streamed(body)
    if not frames:
        raise no_sound(url)
    return rate_hz, np.frombuffer(frames, "<i2", count=len(frames) // 2)


def _streamed(body: bytes) -> bytes:
    """Return what follows a head that was sent before the length was known, and so says 0 frames.

    A server streams where something between it and here asks it to, or where streaming is its default.
    """
    return body.partition(b"data\0\0\0\0")[2]


def no_sound(url: str) -> BackendError:
    """Return the error for an answer that holds no sound."""
    return BackendError(
        tr(
            "GPT-SoVITS at {url} sent no sound at all: its console has the reason; try again, or try "
            "another clip or text",
            url=url,
        )
    )
