"""Decode the first sound track of any file to mono float32 chunks, and say what is wrong with it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from gpt_sovits_emotion.errors import AudioError
from gpt_sovits_emotion.records import Sentence

if TYPE_CHECKING:
    import av.audio.frame
    import av.container

__all__ = ["Decoder", "check_rate", "open_bytes"]

_MISSING_S = 0.5


def open_bytes(path: Path) -> BinaryIO:
    """Open a file for FFmpeg. It gets a stream and no name, so no name can be taken for an address."""
    try:
        stream = path.open("rb")
        empty = not stream.read(1)
        stream.seek(0)
    except FileNotFoundError as error:
        raise AudioError(
            f"{path}: there is no such file; check the path", zh=f"{path}：没有这个文件；请检查路径"
        ) from error
    except IsADirectoryError as error:
        raise AudioError(
            f"{path} is a folder; name the audio files in it",
            zh=f"{path} 是文件夹；请指定其中的音频文件",
        ) from error
    except PermissionError as error:
        raise AudioError(
            f"{path} may not be read; check its permissions",
            zh=f"没有权限读取 {path}；请检查其权限",
        ) from error
    except (OSError, ValueError) as error:
        raise AudioError(
            f"{path} cannot be read ({error})", zh=f"无法读取 {path}（{error}）"
        ) from error
    if empty:
        stream.close()
        raise AudioError(
            f"{path.name} is empty (0 bytes); the copy or download may have failed",
            zh=f"{path.name} 是空文件（0 字节）；复制或下载可能没有完成",
        )
    return stream


class Decoder:
    """The first sound track of a file, as mono float32 chunks at its own rate."""

    def __init__(self, stream: BinaryIO, name: str, *, allow_damaged: bool) -> None:
        import av

        self._av = av
        self.name = name
        self._allow_damaged = allow_damaged
        self._n_damaged = 0
        self._n_decoded = 0
        self._container: av.container.InputContainer | None = None
        header = stream.read(8)
        self._n_bytes = stream.seek(0, io.SEEK_END)
        stream.seek(0)
        self._riff_bytes_missing = _riff_bytes_missing(header, self._n_bytes)
        try:
            # A playlist could name other files or addresses: nothing but the stream itself is opened.
            container = av.open(
                stream, metadata_errors="replace", options={"protocol_whitelist": ""}
            )
        except (av.error.FFmpegError, ValueError, OverflowError) as error:
            raise self._not_audio() from error
        self._container = container
        if not container.streams.audio:
            self.__exit__()
            raise AudioError(
                f"{name} holds no sound track; a recording, or a video with sound, was expected",
                zh=f"{name} 没有音轨；应为录音或带声音的视频",
            )
        self._track: Any = container.streams.audio[0]
        self.sampling_rate_hz = int(self._track.codec_context.sample_rate or 0)
        self.n_channels = int(self._track.codec_context.channels or 0)
        if not self.sampling_rate_hz or not self.n_channels:
            self.__exit__()
            raise self._not_audio()
        try:
            check_rate(self.sampling_rate_hz, name)
        except AudioError:
            self.__exit__()
            raise
        self.announced_s = self._announced_s()
        # MP3 and raw AAC have no length in their header unless an encoder's tag tells it.
        self.announcement_is_a_guess = container.format.name in ("mp3", "aac", "mpegts", "amr")

    def __enter__(self) -> Decoder:
        return self

    def __exit__(self, *_: object) -> None:
        if self._container is not None:
            self._container.close()
            self._container = None

    def __iter__(self) -> Iterator[np.ndarray]:
        planar = self._av.AudioResampler(format="fltp")
        for frame in self._frames():
            for converted in planar.resample(frame):
                samples = converted.to_ndarray()
                mono = samples[0] if len(samples) == 1 else samples.mean(axis=0)
                self._n_decoded += len(mono)
                yield mono.astype(np.float32, copy=False)
        self._check_whole()

    @property
    def warnings(self) -> tuple[Sentence, ...]:
        """What was wrong with a damaged file that was used all the same."""
        if not self._n_damaged and not self._missing_s:
            return ()
        return (
            Sentence(
                f"the file is damaged or cut off; {self._decoded_s:.1f} s of it could be read",
                f"文件已损坏或不完整，只读出了 {self._decoded_s:.1f} 秒",
            ),
        )

    @property
    def _decoded_s(self) -> float:
        return self._n_decoded / self.sampling_rate_hz

    @property
    def _missing_s(self) -> float:
        missing_s = self.announced_s - self._decoded_s
        return missing_s if missing_s > max(_MISSING_S, 0.01 * self.announced_s) else 0.0

    def _frames(self) -> Iterator[av.audio.frame.AudioFrame]:
        assert self._container is not None
        packets = self._container.demux(self._track)
        while True:
            try:
                packet = next(packets)
                frames = packet.decode()
            except StopIteration:
                return
            except (self._av.error.FFmpegError, ValueError) as error:
                self._n_damaged += 1
                if not self._allow_damaged:
                    raise self._damaged() from error
                if self._n_damaged > 10_000:
                    return
                continue
            yield from frames

    def _check_whole(self) -> None:
        if not self._n_decoded:
            raise AudioError(
                f"{self.name} holds a sound track without a single sample",
                zh=f"{self.name} 的音轨里没有任何采样",
            )
        if self._missing_s and not self._allow_damaged:
            raise self._damaged()

    def _announced_s(self) -> float:
        """Return the length that the file's header claims, 0.0 when it claims none."""
        assert self._container is not None
        if self._container.format.name == "wav" and self._riff_bytes_missing:
            # FFmpeg takes a cut-off WAV for a shorter one; the size in its header tells.
            share = self._n_bytes / (self._n_bytes + self._riff_bytes_missing)
            return float(self._track.duration * self._track.time_base) / share
        if self._track.duration is not None and self._track.time_base is not None:
            return float(self._track.duration * self._track.time_base)
        if self._container.duration is not None:
            return float(self._container.duration / self._av.time_base)
        return 0.0

    def _damaged(self) -> AudioError:
        of = f" of {self.announced_s:.1f} s" if self._missing_s else ""
        of_zh = f"（全长 {self.announced_s:.1f} 秒）" if self._missing_s else ""
        return AudioError(
            f"{self.name} is damaged or cut off: {self._decoded_s:.1f} s{of} can be read; "
            "get a whole copy, or use what is there with --allow-damaged",
            zh=f"{self.name} 已损坏或不完整：只能读出 {self._decoded_s:.1f} 秒{of_zh}；"
            "请换一份完整的文件，或用 --allow-damaged 使用可读的部分",
        )

    def _not_audio(self) -> AudioError:
        return AudioError(
            f"{self.name} is not audio that FFmpeg knows, or its beginning is damaged; "
            "wav, flac, mp3, m4a, ogg or a video with sound was expected",
            zh=f"{self.name} 不是 FFmpeg 认识的音频，或开头已损坏；"
            "应为 wav、flac、mp3、m4a、ogg 或带声音的视频",
        )


def _riff_bytes_missing(header: bytes, n_bytes: int) -> int:
    """Return how many bytes a WAV file lacks by its own header; 0 for other files and for streams."""
    claimed = int.from_bytes(header[4:8], "little")
    if header[:4] != b"RIFF" or claimed in (0, 0xFFFFFFFF, 0x7FFFFFFF):
        return 0
    return max(claimed + 8 - n_bytes, 0)


def check_rate(sampling_rate_hz: int, name: str) -> None:
    """Raise `AudioError` unless the rate is one at which speech is recorded (4 to 384 kHz)."""
    if not 4_000 <= sampling_rate_hz <= 384_000:
        raise AudioError(
            f"{name} says it has {sampling_rate_hz} samples per second; 4,000 to 384,000 was expected",
            zh=f"{name} 标明每秒 {sampling_rate_hz} 个采样；应为 4,000 到 384,000",
        )
