"""Read a text file that a person has, whatever program saved it."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from pathlib import Path, PurePath

from gpt_sovits_emotion.core.errors import TranscriptError
from gpt_sovits_emotion.core.messages import in_both, tr
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.transcripts.encodings import (
    CODECS,
    ENCODING_NAMES,
    guess_encoding,
    seven_bit_encoding,
)

__all__ = [
    "MAX_BYTES",
    "PICTURES",
    "Decoded",
    "codec_of",
    "decode",
    "decoded",
    "read_bytes",
    "read_decoded",
    "read_text",
]

MAX_BYTES = 64 * 1024 * 1024
"""A transcript of ten hours with word times stays far below this; a larger file is something else."""

PICTURES = b"\x00\x00\x01\xba"
"""How a stream of MPEG-PS begins: a ``.sub`` of VobSub, whose subtitles are pictures."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark is its beginning
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DOCUMENTS = (
    (b"{\\rtf", "RTF"),
    (b"<!doctype html", "HTML"),
    (b"<html", "HTML"),
    (b"%pdf-", "PDF"),
    (b"pk\x03\x04", "Word, OpenDocument"),
)
_BEGIN = 512  # bytes, of which blanks may stand in front of what tells a document
_CERTAIN = frozenset({"utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"})


@dataclass(frozen=True, slots=True)
class Decoded:
    """The text of a file.

    Attributes:
        text: Without a byte order mark in front.
        encoding: What it was taken to be, as ``--encoding`` names it.
        note: What a person should know of that, None where it is certain.
    """

    text: str
    encoding: str
    note: Sentence | None = None

    @property
    def joined(self) -> str:
        """The text without the marks that stand within a file of several that were joined byte by byte."""
        return self.text.replace("\ufeff", "")


def read_text(path: Path, *, encoding: str = "") -> str:
    """Return the text of `read_decoded` alone. Arguments and errors as there."""
    return read_decoded(path, encoding=encoding).text


def read_decoded(path: Path, *, encoding: str = "", by_option: bool = False) -> Decoded:
    """Read a text file in UTF-8, UTF-16, UTF-32 or an older encoding of its country.

    Args:
        path: The file.
        encoding: What it is in; found out when "".
        by_option: As for `decoded`.

    Raises:
        TranscriptError: The file is missing, unreadable, too large, no regular file, or no text in `encoding`
            or in any that is known.
    """
    return decoded(read_bytes(path), name=str(path), encoding=encoding, by_option=by_option)


def read_bytes(path: Path) -> bytes:
    """Return what a text file holds.

    Raises:
        TranscriptError: The file is missing, unreadable, too large, or no regular file.
    """
    path = Path(path)
    try:
        status = path.stat()
        if path.is_dir():
            raise TranscriptError(tr("{path} is a folder; name a transcript file", path=path))
        if not path.is_file():
            raise TranscriptError(
                tr("{path} is a device or a pipe; name a transcript file", path=path)
            )
        if status.st_size > MAX_BYTES:
            raise TranscriptError(
                tr(
                    "{path} has {size:.0f} MB, and a transcript never has more than {max_bytes:.0f} MB; "
                    "name a transcript file",
                    path=path,
                    size=status.st_size / 1e6,
                    max_bytes=MAX_BYTES / 1e6,
                )
            )
        return path.read_bytes()
    except FileNotFoundError as error:
        raise TranscriptError(tr("{path} does not exist; check the name", path=path)) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise TranscriptError(
            tr("{path} could not be read ({reason}); check the file", path=path, reason=reason)
        ) from error


def decode(data: bytes, *, name: str) -> str:
    """Return the text of `decoded` alone. Arguments and errors as there."""
    return decoded(data, name=name).text


def decoded(data: bytes, *, name: str, encoding: str = "", by_option: bool = False) -> Decoded:
    """Decode the bytes of a text file; a byte order mark in front is dropped.

    A byte order mark decides, then UTF-8, which is certain when it decodes, then UTF-16 by its zero bytes,
    and then what `encodings.guess_encoding` takes the letters for, which a note says.

    Args:
        data: The bytes.
        name: What to call them in a note or an error.
        encoding: What they are in (`codec_of`); found out when "".
        by_option: Whether who reads of it can name the encoding with ``--encoding``.

    Raises:
        TranscriptError: The bytes are no text in `encoding`, or in any that is known, or pictures of text.
    """
    if data.startswith(PICTURES):
        raise _pictures(name)
    if kind := _kind_of_document(data):
        raise _formatted(name, kind)
    for byte_order_mark, marked in _MARKS:
        if data.startswith(byte_order_mark):
            return Decoded(
                _decode_as(data[len(byte_order_mark) :], marked, name, by_option), marked
            )
    if encoding:
        return Decoded(_decode_as(data, encoding, name, by_option, asked=True), encoding)
    if b"\x00" in data:
        order = _utf16_order(data)
        return Decoded(_decode_as(data, order, name, by_option), order)
    if data.isascii() and (hidden := seven_bit_encoding(data)):
        return Decoded(
            _decode_as(data, hidden, name, by_option),
            hidden,
            _guessed(name, hidden, True, by_option),
        )
    try:
        return Decoded(data.decode("utf-8"), "utf-8")
    except UnicodeDecodeError:
        pass  # an older encoding, then
    guess, is_sure = guess_encoding(data)
    if not guess or (guess not in _CERTAIN and _is_binary(data)):
        raise _unknown(name, by_option)
    text = _decode_as(data, guess, name, by_option)
    return Decoded(
        text, guess, None if guess in _CERTAIN else _guessed(name, guess, is_sure, by_option)
    )


def codec_of(encoding: str) -> str:
    """Return Python's codec for what a person calls an encoding.

    Raises:
        TranscriptError: There is none of that name, or it is none for text.

    Examples:
        >>> codec_of("GBK"), codec_of("shift-jis"), codec_of("windows-1251")
        ('gbk', 'cp932', 'cp1251')
    """
    wanted = encoding.strip().casefold().replace("_", "-")
    wanted = {"sjis": "shift-jis", "shiftjis": "shift-jis", "utf-16": "utf-16-le"}.get(
        wanted, wanted
    )
    try:
        found = codecs.lookup(CODECS.get(wanted, wanted))
        "x".encode(found.name)
    except (LookupError, ValueError) as error:
        names = ", ".join(ENCODING_NAMES)
        raise TranscriptError(
            tr(
                "{encoding!r} is no encoding that is known; expected one such as {names}",
                encoding=encoding,
                names=names,
            )
        ) from error
    return found.name


def _decode_as(
    data: bytes, encoding: str, name: str, by_option: bool, *, asked: bool = False
) -> str:
    try:
        text = data.decode(codec_of(encoding))
    except UnicodeError as error:
        if asked:
            raise TranscriptError(
                tr(
                    "{name} is not text in {encoding}; name another --encoding, or leave it out",
                    name=name,
                    encoding=encoding,
                )
            ) from error
        raise _unknown(name, by_option) from error
    if "\x00" in text:
        raise _unknown(name, by_option)
    return text


def _utf16_order(data: bytes) -> str:
    # The zero bytes of UTF-16 are the upper halves of ASCII signs: second in little endian.
    return "utf-16-le" if data[1::2].count(0) >= data[::2].count(0) else "utf-16-be"


def _is_binary(data: bytes) -> bool:
    # No text has such control characters but for line ends, tabs, form feeds, DOS's end of file and escapes.
    return any(byte < 32 and byte not in b"\t\n\v\f\r\x1a\x1b" for byte in data)


def _guessed(name: str, encoding: str, is_sure: bool, by_option: bool) -> Sentence:
    shown, name = ENCODING_NAMES[encoding], PurePath(name).name
    doubt = ("", "") if is_sure else (", which is not certain", "（不能确定）")
    remedy = (
        ("name its encoding with --encoding", "请用 --encoding 指定编码")
        if by_option
        else ("save it as UTF-8", "请将其另存为 UTF-8")
    )
    return tr(
        "{name} is not UTF-8: read as {shown}{doubt}; if letters are wrong, {remedy}",
        name=name,
        shown=shown,
        doubt=in_both(doubt[0], doubt[1]),
        remedy=in_both(remedy[0], remedy[1]),
    )


def _unknown(name: str, by_option: bool) -> TranscriptError:
    say_it = (
        ("say which with --encoding, or ", "请用 --encoding 指定，或") if by_option else ("", "请")
    )
    return TranscriptError(
        tr(
            "{name} is not text in an encoding that can be told; {say_it}open it in an editor and save "
            "it as UTF-8",
            name=name,
            say_it=in_both(say_it[0], say_it[1]),
        )
    )


def _kind_of_document(data: bytes) -> str:
    """Return the name of a format in which words stand among other things, "" for plain text."""
    begin = data[:_BEGIN].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return next((kind for sign, kind in _DOCUMENTS if begin.startswith(sign)), "")


def _formatted(name: str, kind: str) -> TranscriptError:
    return TranscriptError(
        tr(
            "{name} is a document ({kind}), not plain text; open it in its program and save it as plain "
            "text (.txt)",
            name=name,
            kind=kind,
        )
    )


def _pictures(name: str) -> TranscriptError:
    return TranscriptError(
        tr(
            "{name} holds pictures of subtitles (VobSub), not text; let a subtitle editor read the "
            "letters (OCR) and save them as SubRip (.srt)",
            name=name,
        )
    )
