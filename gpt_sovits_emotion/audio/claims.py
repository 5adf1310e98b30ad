"""What a file's own header claims of its size, read where FFmpeg passes over it.

FFmpeg takes a file that was cut off for a shorter one, and guesses lengths from bit rates. Only what a header
says itself can show that something is missing.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import BinaryIO

__all__ = ["has_length_tag", "is_cut_off", "is_one_ogg", "wav_share_present", "wav_share_untold"]

_MOST_CHUNKS = 4096
_TAG_REACH = 4096
_OGG_REACH = 1 << 17  # a page has 65,307 bytes at most


def wav_share_present(stream: BinaryIO) -> float | None:
    """Return which share of its samples a WAV file holds; leave the stream at its start.

    Args:
        stream: Of a RIFF or RF64 file.

    Returns:
        1.0 for a whole file, less for one that was cut off. None where the size is a placeholder: a program
        that writes into a pipe cannot go back and put the true one in.
    """
    try:
        return _wav_share_present(stream)
    except (struct.error, OSError, OverflowError):
        return 1.0  # nothing but a header, or sizes that make no sense: FFmpeg is to judge
    finally:
        stream.seek(0)


def _wav_share_present(stream: BinaryIO) -> float | None:
    n_bytes = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    kind, _, _ = struct.unpack("<4sI4s", stream.read(12))
    long_size = None
    for _ in range(_MOST_CHUNKS):
        name, size = struct.unpack("<4sI", stream.read(8))
        if name == b"ds64" and kind != b"RIFF":
            _, long_size = struct.unpack("<QQ", stream.read(16))
            stream.seek(size + size % 2 - 16, io.SEEK_CUR)
        elif name == b"data":
            there = n_bytes - stream.tell()
            if long_size and size == 0xFFFFFFFF:
                size = int(long_size)
            elif _is_placeholder(size):
                return None
            return float(min(there / size, 1.0))
        else:
            stream.seek(size + size % 2, io.SEEK_CUR)
    return 1.0


def wav_share_untold(stream: BinaryIO) -> float:
    """Return how much a WAV file holds behind its sound that no part of it tells of; leave it at its start.

    Recordings that were joined byte by byte are such files, and those whose size was never brought up to
    date: FFmpeg reads up to the size that is told.

    Args:
        stream: Of a RIFF or RF64 file.

    Returns:
        As a share of the sound that is told of; 0.0 for a whole file, whatever chunks or zeros
        stand at its end.
    """
    try:
        return _wav_share_untold(stream)
    except (struct.error, OSError, OverflowError):
        return 0.0
    finally:
        stream.seek(0)


def _wav_share_untold(stream: BinaryIO) -> float:
    n_bytes = stream.seek(0, io.SEEK_END)
    stream.seek(12)
    at, n_sound = 12, 0
    for _ in range(_MOST_CHUNKS):
        if n_bytes - at < 8:
            break
        stream.seek(at)
        name, size = struct.unpack("<4sI", stream.read(8))
        if name == b"data" and _is_placeholder(size):
            break
        printable = all(32 <= byte < 127 for byte in name)
        if name == b"RIFF" or not printable or at + 8 + size > n_bytes:
            stream.seek(at)
            held = any(any(block) for block in iter(lambda: stream.read(1 << 16), b""))
            return (n_bytes - at) / n_sound if held and n_sound else 0.0
        if name == b"data":
            n_sound = size
        at += 8 + size
        stream.seek(at)
        at += size % 2 and stream.read(1) == b"\0"  # some programs leave the byte out that evens it
    return 0.0


def _is_placeholder(size: int) -> bool:
    """Tell a size that stands for "unknown": none, the largest there is, or a large round number."""
    if size == 0 or size >= 0xFFFF0000 or 0x7FFF0000 <= size <= 0x80001000:
        return True
    return size >= 1_000_000_000 and (size % 4096 == 0 or size % 1_000_000 == 0)


def has_length_tag(stream: BinaryIO) -> bool:
    """Return whether an MP3's encoder wrote how many frames it has; leave the stream at its start."""
    head = stream.read(10)
    start = 0
    if head[:3] == b"ID3" and len(head) == 10:
        start = 10 + sum((byte & 0x7F) << (7 * place) for place, byte in enumerate(head[:5:-1]))
    stream.seek(start)
    first = stream.read(_TAG_REACH)
    stream.seek(0)
    return any(tag in first for tag in (b"Xing", b"Info", b"VBRI"))


def is_cut_off(stream: BinaryIO, container: str) -> bool:
    """Return whether a part of a file reaches past its end, by its own header; leave it at its start.

    MP4, Ogg, Matroska, AVI, Wave64 and CAF say the sizes of their parts. A stream that was recorded live may
    leave them open, and is then taken for whole.

    Args:
        stream: Of the file.
        container: FFmpeg's name of its kind.
    """
    try:
        look = _LOOKS.get(container)
        return look is not None and look(stream)
    except struct.error:
        return True  # it ends within the head of a part
    except (OSError, OverflowError):
        return False  # sizes that make no sense: FFmpeg is to judge
    finally:
        stream.seek(0)


def _mp4_is_cut_off(stream: BinaryIO) -> bool:
    n_bytes = stream.seek(0, io.SEEK_END)
    at = 0
    for _ in range(_MOST_CHUNKS):
        if at >= n_bytes:
            return at > n_bytes
        stream.seek(at)
        size, name = struct.unpack(">I4s", stream.read(8))
        if size == 1:
            (size,) = struct.unpack(">Q", stream.read(8))
        if size < 8 or not name.isalnum():
            return False  # up to the end of the file, or bytes that some program put behind it
        at += size
    return False


def _ogg_is_cut_off(stream: BinaryIO) -> bool:
    n_bytes = stream.seek(0, io.SEEK_END)
    start = max(n_bytes - _OGG_REACH, 0)
    stream.seek(start)
    tail = stream.read()
    at = tail.rfind(b"OggS\0")
    if at < 0:
        return False
    if at + 26 >= len(tail):
        return True
    n_parts = tail[at + 26]
    parts = tail[at + 27 : at + 27 + n_parts]
    return len(parts) < n_parts or at + 27 + n_parts + sum(parts) > len(tail)


def is_one_ogg(stream: BinaryIO) -> bool:
    """Return whether an Ogg file ends with the stream it began with; leave it at its start.

    Files joined end to end are one valid Ogg file, of which FFmpeg tells the length of the last.
    """
    head = stream.read(18)
    start = max(stream.seek(0, io.SEEK_END) - _OGG_REACH, 0)
    stream.seek(start)
    tail = stream.read()
    stream.seek(0)
    at = tail.rfind(b"OggS\0")
    return at >= 0 and tail[at + 14 : at + 18] == head[14:18]


def _matroska_is_cut_off(stream: BinaryIO) -> bool:
    n_bytes = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    for name in (b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"):  # EBML and Segment
        if stream.read(4) != name:
            return False
        size = _matroska_size(stream)
        if size is None:
            return False
        end = stream.tell() + size
        if name == b"\x1a\x45\xdf\xa3":
            stream.seek(end)
    return end > n_bytes


def _matroska_size(stream: BinaryIO) -> int | None:
    """Read a size of 1 to 8 bytes, whose first set bit tells how many; None for "unknown", all ones."""
    (first,) = struct.unpack("B", stream.read(1))
    n_more = 8 - first.bit_length()
    if n_more > 7:
        return None
    number = int.from_bytes(bytes([first & (0x7F >> n_more)]) + stream.read(n_more), "big")
    return None if number == (1 << 7 * (n_more + 1)) - 1 else number


def _avi_is_cut_off(stream: BinaryIO) -> bool:
    n_bytes = stream.seek(0, io.SEEK_END)
    stream.seek(4)
    (size,) = struct.unpack("<I", stream.read(4))
    return not _is_placeholder(size) and size + 8 > n_bytes


def _w64_is_cut_off(stream: BinaryIO) -> bool:
    n_bytes = stream.seek(0, io.SEEK_END)
    stream.seek(16)
    (size,) = struct.unpack("<q", stream.read(8))
    return bool(n_bytes < size < 1 << 62)


def _caf_is_cut_off(stream: BinaryIO) -> bool:
    n_bytes = stream.seek(0, io.SEEK_END)
    stream.seek(8)
    for _ in range(_MOST_CHUNKS):
        name, size = struct.unpack(">4sq", stream.read(12))
        if name == b"data":
            return bool(stream.tell() + size > n_bytes)  # -1 up to the end of the file
        stream.seek(max(size, 0), io.SEEK_CUR)
    return False


_LOOKS: dict[str, Callable[[BinaryIO], bool]] = {
    "mov,mp4,m4a,3gp,3g2,mj2": _mp4_is_cut_off,
    "ogg": _ogg_is_cut_off,
    "matroska,webm": _matroska_is_cut_off,
    "avi": _avi_is_cut_off,
    "w64": _w64_is_cut_off,
    "caf": _caf_is_cut_off,
}
