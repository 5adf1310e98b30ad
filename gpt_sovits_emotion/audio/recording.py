"""A validated recording, however long, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from types import TracebackType

import numpy as np

from gpt_sovits_emotion.audio.decode import Decoder, check_rate
from gpt_sovits_emotion.audio.level import (
    SILENCE_DBFS,
    LevelMeter,
    gain_to_target_db,
    level_warnings,
)
from gpt_sovits_emotion.audio.mixdown import Mixdown
from gpt_sovits_emotion.audio.opening import name_of, open_bytes
from gpt_sovits_emotion.audio.scratch import Scratch, resampled_to_scratch
from gpt_sovits_emotion.audio.wav_header import plain_wav_duration_s
from gpt_sovits_emotion.core.errors import AudioError
from gpt_sovits_emotion.core.messages import in_both, tr
from gpt_sovits_emotion.core.progress import Progress, no_progress
from gpt_sovits_emotion.core.records import Audio, RecordingInfo, Sentence

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


class Recording:
    """A decoded, validated recording at `ANALYSIS_RATE_HZ`; use it as a context manager.

    Made by `open_recording` or `recording_from_samples`. Reading is safe from several threads.
    """

    def __init__(self, samples: Mapping[int, Scratch], info: RecordingInfo) -> None:
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
        _close(self._samples)

    def __enter__(self) -> Recording:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def open_recording(
    path: str | Path,
    *,
    max_duration_s: float = MAX_DURATION_S,
    allow_damaged: bool = False,
    by_options: bool = False,
    also_at_hz: int = ANALYSIS_RATE_HZ,
    progress: Progress = no_progress,
) -> Recording:
    """Decode any audio file, or the first sound track of a video, and validate it.

    Args:
        path: The file; any format FFmpeg knows, whatever its extension says.
        max_duration_s: Longest recording accepted.
        allow_damaged: Use what can be read of a damaged or truncated file, with a warning, instead of
            refusing it.
        by_options: Whether who reads of what is wrong can raise these two with ``--max-hours`` and
            ``--allow-damaged``.
        also_at_hz: A second rate at which it will be read, for an encoder that hears more than 8 kHz;
            decoded from the file in the same pass, not made from the analysis rate.
        progress: Told how far decoding is.

    Raises:
        AudioError: The file is missing, unreadable, empty, not audio, damaged, silent, shorter than
            0.2 s, longer than `max_duration_s`, or holds samples that are not numbers.
        OutputError: The scratch disk is full.
    """
    path = Path(path)
    name = name_of(path)
    mixdown: Mixdown | None = Mixdown()
    with closing(open_bytes(path)) as stream:
        while mixdown is not None:
            stream.seek(0)
            source = Decoder(
                stream, name, allow_damaged=allow_damaged, by_options=by_options, mixdown=mixdown
            )
            with source:
                if source.announced_s > max_duration_s:
                    raise _too_long(name, source.announced_s, max_duration_s, by_options)
                chunks = _watched(source, max_duration_s, by_options, progress)
                scratch, meter = resampled_to_scratch(
                    chunks,
                    source.sampling_rate_hz,
                    name,
                    metered_hz=ANALYSIS_RATE_HZ,
                    also_at_hz=also_at_hz,
                )
            mixdown = mixdown.remedy()
            if mixdown is not None:
                _close(scratch)
    return _finish(
        scratch,
        meter,
        name=name,
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
            tr(
                "{name}: the samples have {ndim} dimensions; (n_samples,) or (n_samples, n_channels) was "
                "expected",
                name=name,
                ndim=samples.ndim,
            )
        )
    if np.issubdtype(samples.dtype, np.integer):
        info = np.iinfo(samples.dtype)
        middle = 0 if info.min < 0 else (info.max + 1) // 2
        samples = (samples.astype(np.float32) - middle) / (info.max + 1 - middle)
    samples = samples.astype(np.float32, copy=False)
    n_channels = 1 if samples.ndim == 1 else samples.shape[1]
    check_rate(sampling_rate_hz, name)
    mixdown = Mixdown()
    samples = samples.reshape(len(samples), n_channels)
    mono = mixdown(samples)
    remedy = mixdown.remedy()
    if remedy is not None:
        mixdown = remedy
        mono = mixdown(samples)
    scratch, meter = resampled_to_scratch(
        iter([mono]), sampling_rate_hz, name, metered_hz=ANALYSIS_RATE_HZ, also_at_hz=also_at_hz
    )
    return _finish(
        scratch,
        meter,
        name=name,
        sampling_rate_hz=sampling_rate_hz,
        n_channels=n_channels,
        warnings=mixdown.warnings,
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
        source = Decoder(stream, name_of(path), allow_damaged=False)
        with source:
            if source.told_s:
                return source.told_s
            return sum(len(chunk) for chunk in source) / source.sampling_rate_hz


def _watched(
    source: Decoder, max_duration_s: float, by_options: bool, progress: Progress
) -> Iterator[np.ndarray]:
    n_samples = 0
    for chunk in source:
        n_samples += len(chunk)
        done_s = n_samples / source.sampling_rate_hz
        if done_s > max_duration_s:
            raise _too_long(source.name, done_s, max_duration_s, by_options)
        if source.expected_s:
            progress(min(done_s / source.expected_s, 1.0), "decoding")
        yield chunk


def _finish(
    scratch: Mapping[int, Scratch],
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
            tr(
                "{name} lasts {duration_s:.3f} s; at least {min_duration_s} s is needed to hear anything",
                name=name,
                duration_s=duration_s,
                min_duration_s=MIN_DURATION_S,
            )
        )
    elif meter.level_dbfs < SILENCE_DBFS:
        problem = AudioError(
            tr(
                "{name} is silent (level {level_dbfs:.0f} dBFS); check the microphone or track",
                name=name,
                level_dbfs=meter.level_dbfs,
            )
        )
    elif meter.has_wild_samples:
        problem = AudioError(
            tr(
                "{name} holds single samples of {peak:.0f} times full scale; export it again from the "
                "program that made it",
                name=name,
                peak=meter.peak,
            )
        )
    if problem is not None:
        _close(scratch)
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


def _close(scratch: Mapping[int, Scratch]) -> None:
    for kept in scratch.values():
        kept.close()


def _too_long(name: str, found_s: float, max_duration_s: float, by_options: bool) -> AudioError:
    more, more_zh = (
        (", or raise the limit with --max-hours", "，或用 --max-hours 提高上限")
        if by_options
        else ("", "")
    )
    limit = f"{max_duration_s / 3600:.3g}"
    return AudioError(
        tr(
            "{name} lasts {found_s:.1f} h, longer than the limit of {limit} h; cut it into parts{more}",
            name=name,
            found_s=found_s / 3600,
            limit=limit,
            more=in_both(more, more_zh),
        )
    )
