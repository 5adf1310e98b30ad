"""Sound that is missing in the middle of a file, where FFmpeg reads on as if nothing were missing.

Most containers fail to decode where a block of the disk was lost. Three do not. MPEG-TS and Ogg go on with
the next whole packet, and their time stamps leave a gap, as they do for a microphone that was muted. A run of
zeros in AMR is a run of frames, of another length than those that it stands in place of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import BinaryIO

import numpy as np

from gpt_sovits_emotion.audio.timeline import clock
from gpt_sovits_emotion.core.records import Sentence

__all__ = ["AmrHoles", "holes_warning", "is_lost_within"]

_SYNC = 0x47
_STRIDES = (188, 192, 204)  # bare, with a time in front (m2ts), with a checksum behind
_N_SEEN = 5  # so many packets in a row show where they begin
_BLOCK = 20_000  # packets read at once
_OGG_HEADER, _OGG_BEGINS = 27, 0x02
_SEARCH_BYTES = 1 << 16
_ZEROS = bytes(64)  # no codec writes so many into a packet of sound

_AMR_FRAME_S = 0.02
_AMR_IS_GOOD = 0x04  # RFC 4867, 5.3: the frame quality indicator; 0 says that the frame is damaged


class AmrHoles:
    """Tells runs of zeros in AMR, and how much sound stood in their place."""

    def __init__(self) -> None:
        self._n_bytes = 0
        self._sizes: Counter[int] = Counter()

    def is_hole(self, frame: bytes) -> bool:
        """Say whether a frame is nothing but zeros, which no encoder writes: it would call it damaged."""
        if not frame:
            return False  # what ends the file
        if frame[0] & _AMR_IS_GOOD or any(frame):
            self._sizes[len(frame)] += 1
            return False
        self._n_bytes += len(frame)
        return True

    def taken_s(self) -> float:
        """Return how many seconds are missing before the frame that was seen last; asked again, none."""
        n_bytes, self._n_bytes = self._n_bytes, 0
        if not n_bytes:
            return 0.0
        # Zeros look like frames of the shortest mode; how many there were, the file's usual mode says.
        usual_bytes, _ = self._sizes.most_common(1)[0]
        return round(n_bytes / usual_bytes) * _AMR_FRAME_S


def holes_warning(holes: list[tuple[float, float]]) -> Sentence:
    """Say where sound is missing.

    Args:
        holes: Start and length in seconds of each.
    """
    at_s = holes[0][0]
    missing_s = sum(length_s for _, length_s in holes)
    more = len(holes) - 1
    return Sentence(
        f"the file is damaged at {clock(at_s)}"
        + (
            f" and at {more} more places"
            if more > 1
            else f" and at {clock(holes[1][0])}"
            if more
            else ""
        )
        + f": {missing_s:.1f} s of sound are missing and count as silence",
        f"文件在 {clock(at_s)} 处"
        + (f"及另外 {more} 处" if more > 1 else f"及 {clock(holes[1][0])} 处" if more else "")
        + f"损坏：缺少 {missing_s:.1f} 秒声音，按静音处理",
    )


def is_lost_within(stream: BinaryIO, kind: str) -> bool:
    """Say whether packets are missing in the middle of a file whose time stamps have a gap.

    Args:
        stream: Of the file; it is left anywhere.
        kind: FFmpeg's name of the format.
    """
    look = _LOOKS.get(kind)
    return look is not None and look(stream)


def _is_lost_within_ts(stream: BinaryIO) -> bool:
    """Look for a stretch of a packet or more without the byte that every packet begins with."""
    stream.seek(0)
    found = _ts_packets(stream.read(_SEARCH_BYTES))
    if found is None:
        return False
    at, stride = found
    while True:
        stream.seek(at)
        block = stream.read(stride * _BLOCK)
        rows = np.frombuffer(block, np.uint8)[: len(block) // stride * stride].reshape(-1, stride)
        astray = np.flatnonzero(rows[:, 0] != _SYNC)
        if not astray.size:
            if len(block) < stride * _BLOCK:
                return False
            at += len(rows) * stride
            continue
        at += int(astray[0]) * stride
        again = _next_packets(stream, at, stride)
        if again is None:
            return False  # up to its end: cut off, not damaged in the middle
        if again - at >= stride:
            return True
        at = again  # two files were joined, the first of which ended within a packet


def _ts_packets(head: bytes) -> tuple[int, int] | None:
    """Return where packets begin, and how far one is from the next; None where they cannot be told."""
    return next(
        (
            (first, stride)
            for stride in _STRIDES
            for first in range(stride)
            if len(head) > first + stride * _N_SEEN
            and all(head[first + stride * n] == _SYNC for n in range(_N_SEEN))
        ),
        None,
    )


def _next_packets(stream: BinaryIO, at: int, stride: int) -> int | None:
    for begin, block in _blocks(stream, at, stride * _N_SEEN):
        signs = np.frombuffer(block, np.uint8) == _SYNC
        n_starts = len(signs) - stride * (_N_SEEN - 1)
        if n_starts <= 0:
            return None
        runs = np.logical_and.reduce(
            [signs[stride * n : stride * n + n_starts] for n in range(_N_SEEN)]
        )
        starts = np.flatnonzero(runs)
        if starts.size:
            return begin + int(starts[0])
    return None


def _blocks(stream: BinaryIO, at: int, overlap: int) -> Iterator[tuple[int, bytes]]:
    """Yield the file from a place on, in blocks that overlap."""
    while True:
        stream.seek(at)
        block = stream.read(_SEARCH_BYTES)
        if not block:
            return
        yield at, block
        if len(block) < _SEARCH_BYTES:
            return
        at += _SEARCH_BYTES - overlap


def _is_lost_within_ogg(stream: BinaryIO) -> bool:
    """Look for a page whose number does not follow that of the page before it, or with zeros in its sound."""
    last: dict[bytes, int] = {}
    at = 0
    while True:
        stream.seek(at)
        header = stream.read(_OGG_HEADER)
        if len(header) < _OGG_HEADER:
            return False
        if header[:4] != b"OggS":
            again = next(
                (
                    begin + block.find(b"OggS\0")
                    for begin, block in _blocks(stream, at, 4)
                    if b"OggS\0" in block
                ),
                None,
            )
            if again is None:
                return False
            at = again
            continue
        stream_id, number = header[14:18], int.from_bytes(header[18:22], "little")
        if not header[5] & _OGG_BEGINS and last.get(stream_id, number - 1) != number - 1:
            return True
        last[stream_id] = number
        sound = stream.read(sum(stream.read(header[26])))
        if any(header[6:14]) and _ZEROS in sound:
            return True
        at += _OGG_HEADER + header[26] + len(sound)


_LOOKS: Mapping[str, Callable[[BinaryIO], bool]] = {
    "mpegts": _is_lost_within_ts,
    "ogg": _is_lost_within_ogg,
}
