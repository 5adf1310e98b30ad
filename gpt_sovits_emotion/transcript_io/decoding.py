"""Read a text file that a person has, whatever program saved it."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from gpt_sovits_emotion.errors import TranscriptError

__all__ = ["MAX_BYTES", "decode", "read_text"]

MAX_BYTES = 64 * 1024 * 1024
"""A transcript of ten hours with word times stays far below this; a larger file is something else."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark is its beginning
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# The two-byte characters of GB 18030 that GB 2312 (1980) already had: nearly all that is written.
_GB2312 = re.compile(rb"[\xa1-\xa9\xb0-\xf7][\xa1-\xfe]")
_GB18030 = re.compile(
    rb"[\x81-\xfe][\x30-\x39][\x81-\xfe][\x30-\x39]|[\x81-\xfe][\x40-\x7e\x80-\xfe]"
)


def read_text(path: Path) -> str:
    """Read a text file in UTF-8, UTF-16, UTF-32, GB 18030 or Windows-1252.

    Raises:
        TranscriptError: The file is missing, unreadable, too large, or no text in these encodings.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        if path.is_dir():
            raise TranscriptError(f"{path} is a folder; name a transcript file")
        if size > MAX_BYTES:
            raise TranscriptError(
                f"{path} has {size / 1e6:.0f} MB, and a transcript never has more than "
                f"{MAX_BYTES / 1e6:.0f} MB; name a transcript file"
            )
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise TranscriptError(f"{path} does not exist; check the name") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise TranscriptError(f"{path} could not be read ({reason}); check the file") from error
    return decode(data, name=str(path))


def decode(data: bytes, *, name: str) -> str:
    """Decode the bytes of a text file; a byte order mark is dropped.

    UTF-8 is certain when it decodes. GB 18030 decodes nearly anything, so it is believed only when
    nearly all of its two-byte characters are common ones, and Windows-1252 only when most letters are
    plain ASCII.

    Raises:
        TranscriptError: The bytes are no text in any of these encodings.
    """
    for byte_order_mark, encoding in _MARKS:
        if data.startswith(byte_order_mark):
            return _decode_as(data[len(byte_order_mark) :], encoding, name=name)
    if b"\x00" in data:
        return _decode_as(data, _utf16_order(data), name=name)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass  # an older encoding, then: told apart below
    if _looks_like_gb18030(data):
        return _decode_as(data, "gb18030", name=name)
    text = _decode_as(data, "cp1252", name=name)
    if not _looks_like_western(text):
        raise _unknown(name)
    return text


def _decode_as(data: bytes, encoding: str, *, name: str) -> str:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise _unknown(name) from error
    if "\x00" in text:
        raise _unknown(name)
    return text


def _utf16_order(data: bytes) -> str:
    # The zero bytes of UTF-16 are the upper halves of ASCII signs: second in little endian.
    return "utf-16-le" if data[1::2].count(0) >= data[::2].count(0) else "utf-16-be"


def _looks_like_gb18030(data: bytes) -> bool:
    characters = _GB18030.findall(data)
    common = sum(_GB2312.fullmatch(character) is not None for character in characters)
    return bool(characters) and common >= 0.9 * len(characters)


def _looks_like_western(text: str) -> bool:
    # Accented letters are the exception in every language that Windows-1252 was made for.
    letters = sum(char.isalpha() for char in text)
    beyond_ascii = sum(char > "\x7f" for char in text)
    return beyond_ascii <= 0.3 * letters


def _unknown(name: str) -> TranscriptError:
    return TranscriptError(
        f"{name} is not text in UTF-8, UTF-16, GB 18030 or Windows-1252; "
        "open it in an editor and save it as UTF-8"
    )
