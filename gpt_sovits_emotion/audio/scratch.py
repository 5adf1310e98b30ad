"""Samples in bounded memory, resampled on the way in."""

from __future__ import annotations

import errno
import tempfile
import threading
from collections.abc import Iterator

import numpy as np

from gpt_sovits_emotion.audio.level import LevelMeter
from gpt_sovits_emotion.core.errors import AudioError, OutputError
from gpt_sovits_emotion.core.messages import tr

__all__ = ["Scratch", "resampled_to_scratch"]

_SPOOL_BYTES = 64 * 1024 * 1024  # 17 minutes at 16 kHz float32
_LARGEST = 1e10  # 32-bit integers written as floats reach 2e9


class Scratch:
    """Float32 samples in a file that lives in memory while small, on disk unnamed when large."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES)  # noqa: SIM115
        self._lock = threading.Lock()
        self.n_samples = 0

    def append(self, samples: np.ndarray) -> None:
        """Keep the next ``(n_samples,)``.

        Raises:
            OutputError: The disk is full.
        """
        try:
            self._file.write(samples.astype("<f4", copy=False).tobytes())
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise OutputError(
                    tr(
                        "the disk holding {gettempdir} is full, and a long recording is unpacked there "
                        "while it is worked on; free some space or set TMPDIR to another disk",
                        gettempdir=tempfile.gettempdir(),
                    )
                ) from error
            raise
        self.n_samples += len(samples)

    def read(self, first: int, n_samples: int) -> np.ndarray:
        """Return ``(n_samples,)`` from the sample `first` on; fewer at the end."""
        with self._lock:
            self._file.seek(first * 4)
            data = self._file.read(n_samples * 4)
        return np.frombuffer(data, dtype="<f4").astype(np.float32, copy=True)

    def close(self) -> None:
        """Forget them."""
        self._file.close()


class _Tap:
    """Resamples a stream chunk by chunk into a scratch file."""

    def __init__(self, from_hz: int, to_hz: int) -> None:
        import soxr

        self.scratch = Scratch()
        self._stream = None
        if from_hz != to_hz:
            self._stream = soxr.ResampleStream(
                from_hz, to_hz, num_channels=1, dtype="float32", quality="HQ"
            )

    def add(self, chunk: np.ndarray, *, last: bool = False) -> np.ndarray:
        """Keep a chunk; return what came out of it."""
        out = chunk if self._stream is None else self._stream.resample_chunk(chunk, last=last)
        self.scratch.append(out)
        return out


def resampled_to_scratch(
    chunks: Iterator[np.ndarray],
    sampling_rate_hz: int,
    name: str,
    *,
    metered_hz: int,
    also_at_hz: int,
) -> tuple[dict[int, Scratch], LevelMeter]:
    """Keep a stream of mono chunks at several rates; one of them is metered.

    Args:
        chunks: ``(n_samples,)`` float32 each.
        sampling_rate_hz: Of the chunks.
        name: What to call the recording.
        metered_hz: The rate at which its level is measured.
        also_at_hz: A second rate; may be the same.

    Returns:
        The samples by rate, and the meter.

    Raises:
        AudioError: There are samples that are not numbers, or numbers that no recording holds.
        OutputError: The scratch disk is full.
    """
    taps = {rate_hz: _Tap(sampling_rate_hz, rate_hz) for rate_hz in {metered_hz, also_at_hz}}
    meter = LevelMeter(metered_hz)

    def keep(chunk: np.ndarray, *, last: bool = False) -> None:
        for rate_hz, tap in taps.items():
            out = tap.add(chunk, last=last)
            if rate_hz == metered_hz:
                meter.add(out)

    try:
        for chunk in chunks:
            _check_numbers(chunk, name)
            keep(chunk)
        keep(np.empty(0, np.float32), last=True)
    except BaseException:
        for tap in taps.values():
            tap.scratch.close()
        raise
    return {rate_hz: tap.scratch for rate_hz, tap in taps.items()}, meter


def _check_numbers(chunk: np.ndarray, name: str) -> None:
    if not np.isfinite(chunk).all():
        raise AudioError(
            tr(
                "{name} holds samples that are not numbers (NaN or infinite); export it again from the "
                "program that made it",
                name=name,
            )
        )
    if np.abs(chunk).max(initial=0.0) > _LARGEST:
        raise AudioError(
            tr(
                "{name} holds samples of more than {largest:.0e} times full scale, which no recording "
                "has; export it again from the program that made it",
                name=name,
                largest=_LARGEST,
            )
        )
