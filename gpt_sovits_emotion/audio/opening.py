"""Open a file through any release of PyAV that this runs on; name what is taken for audio and is not."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any, BinaryIO

from gpt_sovits_emotion.core.errors import AudioError
from gpt_sovits_emotion.core.files import is_ordinary
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.core.unreadable import unreadable

__all__ = [
    "check_file",
    "locked_error",
    "name_of",
    "not_audio_error",
    "open_bytes",
    "open_stream",
]

_SILK = Sentence(
    "is a SILK voice message, as WeChat and QQ keep them, whatever its name ends in; FFmpeg cannot "
    "decode it: convert it to wav first (with a SILK decoder such as silk-v3-decoder or pilk)",
    "是 SILK 语音消息（微信 WeChat、QQ 的语音格式，与文件后缀无关），FFmpeg 无法解码；"
    "请先用 SILK 解码工具（如 silk-v3-decoder 或 pilk）转成 wav",
)
_MUSIC_SHOP = Sentence(
    "is a track encrypted by a music shop (ncm); only its own program plays it: a wav, flac, mp3 or m4a "
    "was expected",
    "是音乐平台加密的文件（ncm），只能用其自带程序播放；应为 wav、flac、mp3 或 m4a",
)
_PAGE = Sentence(
    "is a web page (HTML) and not audio: the download gave a page instead of the file; fetch it again",
    "是网页（HTML），不是音频：下载到的是网页而不是文件；请重新下载",
)
_POINTER = Sentence(
    "is a Git LFS pointer and not the file itself; fetch it with `git lfs pull`",
    "是 Git LFS 指针而不是文件本身；请用 git lfs pull 取得文件",
)
_ARCHIVE = Sentence(
    "is an archive (zip, 7z, rar or gzip); unpack it and name the audio files in it",
    "是压缩包（zip、7z、rar 或 gzip）；请解压后指定其中的音频文件",
)
_DOCUMENT = Sentence(
    "is a PDF document; wav, flac, mp3, m4a, ogg or a video with sound was expected",
    "是 PDF 文档；应为 wav、flac、mp3、m4a、ogg 或带声音的视频",
)
_ELSEWHERE = Sentence(
    "; check the path, or copy the file to another folder", "；请检查路径，或把文件复制到其他文件夹"
)
_NOT_AUDIO: tuple[tuple[bytes, Sentence], ...] = (
    (b"#!SILK", _SILK),
    (b"\x02#!SILK", _SILK),  # Tencent's programs put a byte before it
    (b"CTENFDAM", _MUSIC_SHOP),
    (b"version https://git-lfs", _POINTER),
    (b"<!doctype html", _PAGE),
    (b"<html", _PAGE),
    (b"PK\x03\x04", _ARCHIVE),
    (b"7z\xbc\xaf\x27\x1c", _ARCHIVE),
    (b"Rar!\x1a\x07", _ARCHIVE),
    (b"\x1f\x8b\x08", _ARCHIVE),
    (b"%PDF-", _DOCUMENT),
)


def name_of(path: Path) -> str:
    """Return a file's name for people: bytes in it that are no UTF-8 are replaced."""
    return os.fsencode(path.name).decode("utf-8", "replace")


def open_bytes(path: Path) -> BinaryIO:
    """Open a file for FFmpeg. It gets a stream and no name, so no name can be taken for an address.

    Raises:
        AudioError: There is no such file, it may not be read, it is empty, or no regular file: a pipe has
            no end that could be sought, and a device none at all.
    """
    shown = path if name_of(path) == path.name else name_of(path)
    try:
        if not path.is_dir() and path.exists() and not is_ordinary(path):
            raise AudioError(
                f"{shown} is a pipe or a device and no file; save its sound to a file first",
                zh=f"{shown} 是管道或设备，不是普通文件；请先把声音保存成文件",
            )
        stream = path.open("rb")
        empty = not stream.read(1)
        stream.seek(0)
    except FileNotFoundError as error:
        raise AudioError(
            f"{shown}: there is no such file; check the path",
            zh=f"{shown}：没有这个文件；请检查路径",
        ) from error
    except IsADirectoryError as error:
        raise AudioError(
            f"{shown} is a folder; name the audio files in it",
            zh=f"{shown} 是文件夹；请指定其中的音频文件",
        ) from error
    except PermissionError as error:
        raise AudioError(
            f"{shown} may not be read; check its permissions",
            zh=f"没有权限读取 {shown}；请检查其权限",
        ) from error
    except AudioError:
        raise
    except (OSError, ValueError) as error:
        told = unreadable(shown, error, _ELSEWHERE)
        raise AudioError(told.en, zh=told.zh) from error
    if empty:
        stream.close()
        raise AudioError(
            f"{name_of(path)} is empty (0 bytes); the copy or download may have failed",
            zh=f"{name_of(path)} 是空文件（0 字节）；复制或下载可能没有完成",
        )
    return stream


def check_file(path: Path) -> None:
    """Make sure that there is a file with something in it. Raises what `open_bytes` raises."""
    open_bytes(Path(path)).close()


def not_audio_error(stream: BinaryIO, name: str) -> AudioError:
    """Say what a file is that FFmpeg does not open."""
    stream.seek(0)
    head = stream.read(64)
    known = next(
        (what for magic, what in _NOT_AUDIO if head.lower().startswith(magic.lower())), None
    )
    if known is not None:
        return AudioError(f"{name} {known.en}", zh=f"{name} {known.zh}")
    if head[4:8] == b"ftyp" and not _holds_index(stream):
        return AudioError(
            f"{name} has no index (moov): the recording was broken off before it was finished, or the copy "
            "is not whole; get a whole copy, or let an MP4 repair program rebuild the index",
            zh=f"{name} 没有索引（moov）：录制未正常结束，或复制不完整；"
            "请换一份完整的文件，或用 MP4 修复工具重建索引",
        )
    return AudioError(
        f"{name} is not audio that FFmpeg knows, or its beginning is damaged; "
        "wav, flac, mp3, m4a, ogg or a video with sound was expected",
        zh=f"{name} 不是 FFmpeg 认识的音频，或开头已损坏；"
        "应为 wav、flac、mp3、m4a、ogg 或带声音的视频",
    )


def locked_error(name: str) -> AudioError:
    """Say that a file's sound is encrypted."""
    return AudioError(
        f"{name} is protected: its sound is encrypted (DRM); a copy without protection is needed",
        zh=f"{name} 受保护：声音已加密（DRM）；需要没有保护的文件",
    )


def _holds_index(stream: BinaryIO) -> bool:
    """Return whether a box named moov stands among the first and last megabytes of an MP4."""
    reach = 1 << 20
    n_bytes = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    found = b"moov" in stream.read(reach)
    stream.seek(max(n_bytes - reach, 0))
    return found or b"moov" in stream.read(reach)


_TOLERANT_BY_ITSELF = 19
"""The major version from which PyAV reads tags of any encoding, and has no option for it any more."""


def open_stream(stream: BinaryIO) -> Any:
    """Open a stream for reading; nothing but the stream itself, which a playlist might ask for.

    Args:
        stream: Where the file begins.

    Returns:
        PyAV's ``InputContainer``.

    Raises:
        av.error.FFmpegError: FFmpeg does not know the format.
        ValueError: PyAV could not make sense of what FFmpeg said.
        OverflowError: Likewise, of a number.
    """
    import av

    tolerant: dict[str, Any] = {"metadata_errors": "replace"}
    if int(av.__version__.partition(".")[0]) >= _TOLERANT_BY_ITSELF:
        tolerant = {}
    return av.open(stream, options={"protocol_whitelist": ""}, **tolerant)
