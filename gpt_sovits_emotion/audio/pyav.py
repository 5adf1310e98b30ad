"""Open a stream with FFmpeg's libraries, through any release of PyAV that the package runs on."""

from __future__ import annotations

from typing import Any, BinaryIO

__all__ = ["open_stream"]

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
