"""A validated recording, however long, in bounded memory."""

from __future__ import annotations

import errno
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from types import TracebackType

import numpy as np

from gpt_sovits_emotion.audio.decode import Decoder, check_rate, open_bytes
from gpt_sovits_emotion.audio.level import (
    SILENCE_DBFS,
    LevelMeter,
    gain_to_target_db,
    level_warnings,
)
from gpt_sovits_emotion.audio.wav_header import plain_wav_duration_s
from gpt_sovits_emotion.errors import AudioError, OutputError
from gpt_sovits_emotion.progress import Progress, no_progress
from gpt_sovits_emotion.records import Audio, RecordingInfo, Sentence

__all__ = [
    "ANALYSIS_RATE_HZ",
    "MAX_DURATION_S",
    "MIN_DURATION_S",
    "Recording",
    "open_recording",
    "probe_duration_s",
    "read_clip",
    "recording_from_samples",
]

ANALYSIS_RATE_HZ = 16_000
"""The rate at which Whisper, HuBERT and the prosody encoder all want their audio."""
MIN_DURATION_S = 0.2
MAX_DURATION_S = 6 * 3600.0

_SPOOL_BYTES = 64 * 1024 * 1024  # 17 minutes at 16 kHz float32


class Recording:
    """A decoded, validated recording at `ANALYSIS_RATE_HZ`; use it as a context manager.

    Made by `open_recording` or `recording_from_samples`. Reading is safe from several threads.
    """

    def __init__(self, samples: Mapping[int, _Scratch], info: RecordingInfo) -> None:
        self._samples = samples
        self.info = info
        self.sampling_rate_hz = ANALYSIS_RATE_HZ

    @property
    def rates_hz(self) -> frozenset[int]:
        """The rates at which it can be read."""
        return frozenset(self._samples)

    @property
    def duration_s(self) -> float:
        """Decoded length in seconds."""
        return self.info.duration_s

    def read(
        self,
        start_s: float = 0.0,
        end_s: float | None = None,
        *,
        sampling_rate_hz: int = ANALYSIS_RATE_HZ,
    ) -> Audio:
        """Return the stretch from `start_s` to `end_s` (to the end when None), brought to level.

        Times outside the recording are clamped to it, so the result may be shorter, or empty.

        Args:
            start_s: Where it begins.
            end_s: Where it ends.
            sampling_rate_hz: One of `rates_hz`.
        """
        kept = self._samples[sampling_rate_hz]
        first = max(round(start_s * sampling_rate_hz), 0)
        last = kept.n_samples
        if end_s is not None:
            last = min(round(end_s * sampling_rate_hz), last)
        samples = kept.read(first, max(last - first, 0))
        if self.info.gain_db:
            samples *= np.float32(10 ** (self.info.gain_db / 20))
        return Audio(samples, sampling_rate_hz, self.info.gain_db)

    def blocks(self, block_s: float = 60.0) -> Iterator[Audio]:
        """Yield the whole recording in consecutive stretches of `block_s` seconds."""
        start_s = 0.0
        while start_s < self.duration_s:
            yield self.read(start_s, start_s + block_s)
            start_s += block_s

    def close(self) -> None:
        """Forget the samples. Reading afterwards is an error."""
        for kept in self._samples.values():
            kept.close()

    def __enter__(self) -> Recording:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class _Scratch:
    """Float32 samples in a file that lives in memory while small, on disk unnamed when large."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES)  # noqa: SIM115
        self._lock = threading.Lock()
        self.n_samples = 0

    def append(self, samples: np.ndarray) -> None:
        try:
            self._file.write(samples.astype("<f4", copy=False).tobytes())
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise OutputError(
                    f"the disk holding {tempfile.gettempdir()} is full, and a long recording is "
                    "unpacked there while it is worked on; free some space or set TMPDIR to another disk",
                    zh=f"{tempfile.gettempdir()} 所在的磁盘已满，而长录音处理时要解码到那里；"
                    "请腾出空间，或把 TMPDIR 设到另一个磁盘",
                ) from error
            raise
        self.n_samples += len(samples)

    def read(self, first: int, n_samples: int) -> np.ndarray:
        with self._lock:
            self._file.seek(first * 4)
            data = self._file.read(n_samples * 4)
        return np.frombuffer(data, dtype="<f4").astype(np.float32, copy=True)

    def close(self) -> None:
        self._file.close()


def open_recording(
    path: str | Path,
    *,
    max_duration_s: float = MAX_DURATION_S,
    allow_damaged: bool = False,
    also_at_hz: int = ANALYSIS_RATE_HZ,
    progress: Progress = no_progress,
) -> Recording:
    """Decode any audio file, or the first sound track of a video, and validate it.

    Args:
        path: The file; any format FFmpeg knows, whatever its extension says.
        max_duration_s: Longest recording accepted.
        allow_damaged: Use what can be read of a damaged or truncated file, with a warning, instead of
            refusing it.
        also_at_hz: A second rate at which it will be read, for an encoder that hears more than 8 kHz;
            decoded from the file in the same pass, not made from the analysis rate.
        progress: Told how far decoding is.

    Raises:
        AudioError: The file is missing, unreadable, empty, not audio, damaged, silent, shorter than
            0.2 s, longer than `max_duration_s`, or holds samples that are not numbers.
        OutputError: The scratch disk is full.
    """
    path = Path(path)
    with closing(open_bytes(path)) as stream:
        source = Decoder(stream, path.name, allow_damaged=allow_damaged)
        with source:
            if source.announced_s > max_duration_s:
                raise _too_long(path.name, source.announced_s, max_duration_s)
            chunks = _watched(source, max_duration_s=max_duration_s, progress=progress)
            scratch, meter = _resampled_to_scratch(
                chunks, source.sampling_rate_hz, path.name, also_at_hz
            )
        return _finish(
            scratch,
            meter,
            name=path.name,
            sampling_rate_hz=source.sampling_rate_hz,
            n_channels=source.n_channels,
            warnings=source.warnings,
        )


def recording_from_samples(
    samples: np.ndarray,
    sampling_rate_hz: int,
    *,
    name: str = "samples",
    also_at_hz: int = ANALYSIS_RATE_HZ,
) -> Recording:
    """Validate samples that are already in memory, as `open_recording` does with a file.

    Args:
        samples: ``(n_samples,)`` or ``(n_samples, n_channels)``, float in -1 to 1 or integer PCM.
        sampling_rate_hz: Their rate, 4 to 384 kHz.
        name: What to call them.
        also_at_hz: As in `open_recording`.

    Raises:
        AudioError: As `open_recording`.
    """
    if samples.ndim not in (1, 2):
        raise AudioError(
            f"{name}: the samples have {samples.ndim} dimensions; "
            "(n_samples,) or (n_samples, n_channels) was expected",
            zh=f"{name}：采样数组有 {samples.ndim} 维；应为 (n_samples,) 或 (n_samples, n_channels)",
        )
    if np.issubdtype(samples.dtype, np.integer):
        info = np.iinfo(samples.dtype)
        middle = 0 if info.min < 0 else (info.max + 1) // 2
        samples = (samples.astype(np.float32) - middle) / (info.max + 1 - middle)
    samples = samples.astype(np.float32, copy=False)
    n_channels = 1 if samples.ndim == 1 else samples.shape[1]
    mono = samples if samples.ndim == 1 else samples.mean(axis=1)
    check_rate(sampling_rate_hz, name)
    scratch, meter = _resampled_to_scratch(iter([mono]), sampling_rate_hz, name, also_at_hz)
    return _finish(
        scratch,
        meter,
        name=name,
        sampling_rate_hz=sampling_rate_hz,
        n_channels=n_channels,
        warnings=(),
    )


def read_clip(path: str | Path, *, max_duration_s: float = 600.0) -> Audio:
    """Read a short file whole, at `ANALYSIS_RATE_HZ` and brought to level.

    Raises:
        AudioError: As `open_recording`.
    """
    with open_recording(path, max_duration_s=max_duration_s) as recording:
        return recording.read()


def probe_duration_s(path: str | Path) -> float:
    """Return a file's length in seconds, from its header where that says it, else by decoding.

    Raises:
        AudioError: The file is missing, unreadable or not audio.
    """
    path = Path(path)
    with closing(open_bytes(path)) as stream:
        plain_s = plain_wav_duration_s(stream)
        if plain_s is not None:
            return plain_s
        source = Decoder(stream, path.name, allow_damaged=False)
        with source:
            if source.announced_s > 0 and not source.announcement_is_a_guess:
                return source.announced_s
            return sum(len(chunk) for chunk in source) / source.sampling_rate_hz


def _watched(source: Decoder, *, max_duration_s: float, progress: Progress) -> Iterator[np.ndarray]:
    n_samples = 0
    for chunk in source:
        n_samples += len(chunk)
        done_s = n_samples / source.sampling_rate_hz
        if done_s > max_duration_s:
            raise _too_long(source.name, done_s, max_duration_s)
        if source.announced_s:
            progress(min(done_s / source.announced_s, 1.0), "decoding")
        yield chunk


class _Tap:
    """Resamples a stream chunk by chunk into a scratch file."""

    def __init__(self, from_hz: int, to_hz: int) -> None:
        import soxr

        self.scratch = _Scratch()
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


def _resampled_to_scratch(
    chunks: Iterator[np.ndarray], sampling_rate_hz: int, name: str, also_at_hz: int
) -> tuple[dict[int, _Scratch], LevelMeter]:
    taps = {rate_hz: _Tap(sampling_rate_hz, rate_hz) for rate_hz in {ANALYSIS_RATE_HZ, also_at_hz}}
    meter = LevelMeter(ANALYSIS_RATE_HZ)

    def keep(chunk: np.ndarray, *, last: bool = False) -> None:
        for rate_hz, tap in taps.items():
            out = tap.add(chunk, last=last)
            if rate_hz == ANALYSIS_RATE_HZ:
                meter.add(out)

    try:
        for chunk in chunks:
            if not np.isfinite(chunk).all():
                raise AudioError(
                    f"{name} holds samples that are not numbers (NaN or infinite); "
                    "export it again from the program that made it",
                    zh=f"{name} 含有无效的采样值（NaN 或无穷大）；请用制作它的程序重新导出",
                )
            keep(chunk)
        keep(np.empty(0, np.float32), last=True)
    except BaseException:
        for tap in taps.values():
            tap.scratch.close()
        raise
    return {rate_hz: tap.scratch for rate_hz, tap in taps.items()}, meter


def _finish(
    scratch: dict[int, _Scratch],
    meter: LevelMeter,
    *,
    name: str,
    sampling_rate_hz: int,
    n_channels: int,
    warnings: tuple[Sentence, ...],
) -> Recording:
    """Judge what was decoded, choose the gain, and make the recording."""
    duration_s = scratch[ANALYSIS_RATE_HZ].n_samples / ANALYSIS_RATE_HZ
    problem = None
    if duration_s < MIN_DURATION_S:
        problem = AudioError(
            f"{name} lasts {duration_s:.3f} s; at least {MIN_DURATION_S} s is needed to hear anything",
            zh=f"{name} 只有 {duration_s:.3f} 秒；至少需要 {MIN_DURATION_S} 秒才能听出内容",
        )
    elif meter.level_dbfs < SILENCE_DBFS:
        problem = AudioError(
            f"{name} is silent (level {meter.level_dbfs:.0f} dBFS); check the microphone or track",
            zh=f"{name} 是静音（电平 {meter.level_dbfs:.0f} dBFS）；请检查麦克风或音轨",
        )
    if problem is not None:
        for kept in scratch.values():
            kept.close()
        raise problem
    level_dbfs = meter.level_dbfs
    gain_db = gain_to_target_db(meter)
    info = RecordingInfo(
        name=name,
        duration_s=duration_s,
        original_sampling_rate_hz=sampling_rate_hz,
        original_channels=n_channels,
        level_dbfs=round(level_dbfs, 2),
        gain_db=round(gain_db, 2),
        warnings=warnings + level_warnings(level_dbfs, meter),
    )
    return Recording(scratch, info)


def _too_long(name: str, found_s: float, max_duration_s: float) -> AudioError:
    return AudioError(
        f"{name} lasts {found_s / 3600:.1f} h, longer than the limit of {max_duration_s / 3600:g} h; "
        "cut it into parts, or raise the limit with --max-hours",
        zh=f"{name} 长 {found_s / 3600:.1f} 小时，超过 {max_duration_s / 3600:g} 小时的上限；"
        "请切成几段，或用 --max-hours 提高上限",
    )
