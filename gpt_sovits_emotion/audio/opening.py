"""Open a file through any release of PyAV that this runs on; name what is taken for audio and is not."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any, BinaryIO

from gpt_sovits_emotion.core.errors import AudioError
from gpt_sovits_emotion.core.files import is_ordinary
from gpt_sovits_emotion.core.messages import tr
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

_SILK = tr(
    "is a SILK voice message, as WeChat and QQ keep them, whatever its name ends in; FFmpeg cannot "
    "decode it: convert it to wav first (with a SILK decoder such as silk-v3-decoder or pilk)"
)
_MUSIC_SHOP = tr(
    "is a track encrypted by a music shop (ncm); only its own program plays it: a wav, flac, mp3 or m4a "
    "was expected"
)
_PAGE = tr(
    "is a web page (HTML) and not audio: the download gave a page instead of the file; fetch it again"
)
_POINTER = tr("is a Git LFS pointer and not the file itself; fetch it with `git lfs pull`")
_ARCHIVE = tr("is an archive (zip, 7z, rar or gzip); unpack it and name the audio files in it")
_DOCUMENT = tr("is a PDF document; wav, flac, mp3, m4a, ogg or a video with sound was expected")
_ELSEWHERE = tr("; check the path, or copy the file to another folder")
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
                tr(
                    "{shown} is a pipe or a device and no file; save its sound to a file first",
                    shown=shown,
                )
            )
        stream = path.open("rb")
        empty = not stream.read(1)
        stream.seek(0)
    except FileNotFoundError as error:
        raise AudioError(
            tr("{shown}: there is no such file; check the path", shown=shown)
        ) from error
    except IsADirectoryError as error:
        raise AudioError(
            tr("{shown} is a folder; name the audio files in it", shown=shown)
        ) from error
    except PermissionError as error:
        raise AudioError(
            tr("{shown} may not be read; check its permissions", shown=shown)
        ) from error
    except AudioError:
        raise
    except (OSError, ValueError) as error:
        told = unreadable(shown, error, _ELSEWHERE)
        raise AudioError(told.en, zh=told.zh) from error
    if empty:
        stream.close()
        raise AudioError(
            tr(
                "{name_of} is empty (0 bytes); the copy or download may have failed",
                name_of=name_of(path),
            )
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
            tr(
                "{name} has no index (moov): the recording was broken off before it was finished, or the "
                "copy is not whole; get a whole copy, or let an MP4 repair program rebuild the index",
                name=name,
            )
        )
    return AudioError(
        tr(
            "{name} is not audio that FFmpeg knows, or its beginning is damaged; wav, flac, mp3, m4a, "
            "ogg or a video with sound was expected",
            name=name,
        )
    )


def locked_error(name: str) -> AudioError:
    """Say that a file's sound is encrypted."""
    return AudioError(
        tr(
            "{name} is protected: its sound is encrypted (DRM); a copy without protection is needed",
            name=name,
        )
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
