"""Transcripts that other programs write as data: Whisper's JSON, TSV and CSV in their dialects, and TTML.

Sources: ``openai-whisper`` and WhisperX write ``{"segments": [{"start", "end", "text", "speaker"}]}``,
whisper.cpp
``{"transcription": [{"offsets": {"from", "to"}, "text"}]}`` in milliseconds, transformers' pipeline
``{"chunks": [{"timestamp": [start, end], "text"}]}``; TTML is https://www.w3.org/TR/ttml2/.
"""

from __future__ import annotations

import csv
import html
import io
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree import ElementTree

from gpt_sovits_emotion.core.errors import TranscriptError
from gpt_sovits_emotion.core.messages import in_both, of_count, tr
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.transcripts.lines import FileLines, Line, check_times, from_zero, place
from gpt_sovits_emotion.transcripts.timing import CLOCK, seconds_of, to_ms
from gpt_sovits_emotion.transcripts.wording import clean

__all__ = ["is_foreign_table", "lines_of_json", "read_foreign_table", "read_ttml"]

_NAMES = {
    "english": "en", "chinese": "zh", "mandarin": "zh", "cantonese": "yue", "japanese": "ja",
    "korean": "ko", "german": "de", "french": "fr", "spanish": "es", "italian": "it", "russian": "ru",
    "polish": "pl", "portuguese": "pt",
}  # fmt: skip
_HALF = re.compile("[\ud800-\udfff]")
_MOST_LETTERS_PER_MS = 0.1
_CODE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z]{2,4})?")
_HTML_NAME = re.compile(r"&([A-Za-z][A-Za-z0-9]{1,31});")
_XML_NAMES = frozenset({"amp", "lt", "gt", "quot", "apos"})
_OFFSET = re.compile(r"(?P<value>\d+(?:\.\d+)?)(?P<unit>h|ms|m|s|f|t)")
_FRAMES = re.compile(r"(?P<clock>\d+:\d\d:\d\d):(?P<frames>\d{2})(?:\.\d+)?")


# --- JSON --------------------------------------------------------------------------------------------


def lines_of_json(data: object, *, name: str) -> FileLines | None:
    """Return the lines of another program's JSON; None where it holds no segments with times.

    Raises:
        TranscriptError: A segment lacks its times or its text, or they are impossible.
    """
    language = ""
    held = data
    if isinstance(data, Mapping):
        result = data.get("result")
        said = data.get("language") or (
            result.get("language") if isinstance(result, Mapping) else ""
        )
        language = _language_of(said)
        keys = ("segments", "transcription", "chunks")
        held = next((data[key] for key in keys if isinstance(data.get(key), list)), None)
    if not isinstance(held, list) or not held or not all(isinstance(one, Mapping) for one in held):
        return None
    if not any(_times(one) for one in held):
        return None
    lines, n_halves = [], 0
    for number, one in enumerate(held, start=1):
        where = place("segment", number, name=name)
        times, text = _times(one), one.get("text")
        if times is None or not isinstance(text, str):
            raise TranscriptError(
                tr("{where} has no times or no text; write the transcript anew", where=where)
            )
        start_s, end_s = times
        if end_s is not None and start_s >= 0:
            check_times(start_s, end_s, where=where)
        speaker = one.get("speaker")
        n_halves += len(_HALF.findall(_joined(text)))
        lines.append(
            Line(
                clean(_whole(text)),
                start_s,
                end_s,
                language=_language_of(one.get("language")) or language,
                speaker=clean(_whole(speaker)) if isinstance(speaker, str) else "",
            )
        )
    found = from_zero(lines)
    if not n_halves:
        return found
    halves = tr(
        "{n_halves} left out, as of a cut emoji",
        n_halves=of_count(n_halves, "half character", "half characters"),
    )
    return FileLines(found.lines, (*found.notes, halves))


def _whole(text: str) -> str:
    """Leave out halves of two-part characters, which no file can store."""
    return _HALF.sub("", _joined(text))


def _joined(text: str) -> str:
    """Join the halves of two-part characters that stand side by side."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def _times(one: Mapping[str, Any]) -> tuple[float, float | None] | None:
    """Return start and end in seconds; the end is None where the program left it open."""
    offsets, stamps = one.get("offsets"), one.get("timestamp")
    start: Any = one.get("start")
    end: Any = one.get("end")
    unit_s = 1.0
    if isinstance(offsets, Mapping):
        start, end, unit_s = offsets.get("from"), offsets.get("to"), 0.001
    elif isinstance(stamps, list) and len(stamps) == 2:
        start, end = stamps
    if not _is_number(start) or not (end is None or _is_number(end)):
        return None
    return round(start * unit_s, 3), None if end is None else round(end * unit_s, 3)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _language_of(said: object) -> str:
    name = said.strip() if isinstance(said, str) else ""
    code = _NAMES.get(name.casefold(), name)
    return code if _CODE.fullmatch(code) else ""


# --- tables ------------------------------------------------------------------------------------------


def is_foreign_table(text: str) -> bool:
    """Say whether a text is a table whose first row names ``start``, ``end`` and ``text``."""
    return _columns(text.partition("\n")[0]) is not None


def read_foreign_table(text: str, *, name: str) -> FileLines:
    """Read a table with the columns ``start``, ``end`` and ``text``, parted by tabs, commas or semicolons.

    Whole numbers are milliseconds, as Whisper's programs write them, others seconds.

    Raises:
        TranscriptError: There is no such table, or a row of it is damaged.
    """
    sign = _columns(text.partition("\n")[0])
    if sign is None:
        raise TranscriptError(
            tr(
                "{name} has no columns start, end and text; expected a table as Whisper writes it",
                name=name,
            )
        )
    # Whisper's TSV knows no quotes: one in a text is the text's own.
    stream = io.StringIO(text, newline="")
    if sign == "\t":
        table = csv.reader(stream, delimiter=sign, quoting=csv.QUOTE_NONE)
    else:
        table = csv.reader(stream, delimiter=sign)
    lines = []
    try:
        names = [column.strip().casefold() for column in next(table)]
        rows = [(number, row) for number, row in enumerate(table, start=2) if any(row)]
    except csv.Error as error:
        raise TranscriptError(
            tr(
                "{name} is damaged as a table near row {line_num}; write it anew",
                name=name,
                line_num=table.line_num,
            )
        ) from error
    in_ms = all(_field(row, names, key).isdecimal() for _, row in rows for key in ("start", "end"))
    notes: tuple[Sentence, ...] = ()
    if in_ms and _is_too_fast([row for _, row in rows], names):
        in_ms = False
        notes = (
            tr(
                "its times are whole numbers, and taken for seconds: milliseconds would be too short"
            ),
        )
    for number, row in rows:
        where = place("row", number, name=name)
        try:
            start_s, end_s = (
                to_ms(float(written)) / 1000 if in_ms else seconds_of(_with_point(written))
                for written in (_field(row, names, "start"), _field(row, names, "end"))
            )
        except ValueError as error:
            raise TranscriptError(
                tr("{where} has no times; expected a start and an end", where=where)
            ) from error
        check_times(start_s, end_s, where=where)
        speaker = clean(_field(row, names, "speaker"))
        lines.append(Line(clean(_field(row, names, "text")), start_s, end_s, speaker=speaker))
    if not lines:
        raise TranscriptError(tr("{name} has no row; expected one per segment", name=name))
    return FileLines(tuple(lines), notes)


def _is_too_fast(rows: list[list[str]], names: list[str]) -> bool:
    """Say whether nobody could say these words in so many milliseconds: 100 letters a second."""
    n_letters = sum(len(_field(row, names, "text")) for row in rows)
    ms = sum(
        to_ms(float(_field(row, names, "end"))) - to_ms(float(_field(row, names, "start")))
        for row in rows
    )
    return 0 <= ms * _MOST_LETTERS_PER_MS < n_letters


def _with_point(written: str) -> str:
    """Write seconds with a decimal comma, as spreadsheets of many countries save them, with a point."""
    return written.replace(",", ".") if re.fullmatch(r"\d+,\d+", written) else written


def _columns(header: str) -> str | None:
    """Return the sign that parts the columns of a header with the three that are needed."""
    for sign in ("\t", ",", ";"):
        names = {column.strip().strip('"').casefold() for column in header.split(sign)}
        if {"start", "end", "text"} <= names:
            return sign
    return None


def _field(row: list[str], names: list[str], key: str) -> str:
    place = names.index(key) if key in names else len(row)
    return row[place].strip() if place < len(row) else ""


# --- TTML --------------------------------------------------------------------------------------------


def read_ttml(text: str, *, name: str) -> FileLines:
    """Read TTML (also called DFXP): the paragraphs with times.

    Raises:
        TranscriptError: It is no TTML, declares entities, or a time cannot be read.
    """
    if re.search(r"<!(?:DOCTYPE|ENTITY)", text, re.IGNORECASE):
        raise TranscriptError(
            tr(
                "{name} declares its own entities, which subtitles never need; export it again",
                name=name,
            )
        )
    try:
        plain = _HTML_NAME.sub(_plain_name, text.lstrip(" \r\n"))
        root = ElementTree.fromstring(plain.encode("utf-8"), _parser())
        lines = list(_paragraphs(root, 0.0, None, _Rates.of(root), name=name))
    except (ElementTree.ParseError, RecursionError, LookupError) as error:
        row = getattr(error, "position", (0, 0))[0]
        raise TranscriptError(
            tr(
                "{name} is damaged as TTML{row}; export it again",
                name=name,
                row=in_both(f" in line {row}" if row else "", f" 第 {row} 行" if row else ""),
            )
        ) from error
    if not lines:
        raise TranscriptError(
            tr("{name} has no paragraph with times; expected TTML subtitles", name=name)
        )
    return FileLines(tuple(lines))


class _Rates(dict[str, float]):
    """How long a frame and a tick last, seconds."""

    @classmethod
    def of(cls, root: ElementTree.Element) -> _Rates:
        held = {_local(key): value for key, value in root.attrib.items()}
        rate, ticks = (
            float(value) if re.fullmatch(r"0*[1-9]\d*", value := held.get(key, "")) else default
            for key, default in (("frameRate", 30.0), ("tickRate", 1.0))
        )
        return cls(f=1 / rate, t=1 / ticks, h=3600.0, m=60.0, s=1.0, ms=0.001)


def _plain_name(found: re.Match[str]) -> str:
    """Write a character that HTML names and XML does not know, such as ``&nbsp;``, as itself."""
    return found.group() if found[1] in _XML_NAMES else html.unescape(found.group())


def _parser() -> ElementTree.XMLParser:
    # The text is decoded already, whatever the first line of the file says.
    return ElementTree.XMLParser(encoding="utf-8")


def _paragraphs(
    element: ElementTree.Element, origin_s: float, speaker: str | None, rates: _Rates, *, name: str
) -> Iterator[Line]:
    held = {_local(key): value for key, value in element.attrib.items()}
    start_s = origin_s + _ttml_s(held.get("begin", "0s"), rates, name=name)
    speaker = held.get("agent", speaker)
    kind = _local(element.tag)
    timed = not {"begin", "end", "dur"}.isdisjoint(held)
    if (kind == "p" and (timed or not _has_times(element))) or (kind == "span" and timed):
        end_s: float | None = None  # until the next
        if "end" in held:
            end_s = origin_s + _ttml_s(held["end"], rates, name=name)
        elif "dur" in held:
            end_s = start_s + _ttml_s(held["dur"], rates, name=name)
        if end_s is not None:
            check_times(start_s, end_s, where=place("the paragraph at second", start_s, name=name))
        words = clean(_text_of(element))
        if words and (timed or start_s > 0):
            yield Line(words, start_s, end_s, speaker=speaker or "")
        return
    for child in element:
        yield from _paragraphs(child, start_s, speaker, rates, name=name)


def _has_times(element: ElementTree.Element) -> bool:
    """Say whether a part of a paragraph has times of its own."""
    return any(_local(key) in ("begin", "end", "dur") for child in element for key in child.attrib)


def _ttml_s(written: str, rates: _Rates, *, name: str) -> float:
    written = written.strip()
    offset, frames = _OFFSET.fullmatch(written), _FRAMES.fullmatch(written)
    if offset is not None:
        return to_ms(float(offset["value"]) * rates[offset["unit"]] * 1000) / 1000
    if frames is not None:
        late_s = float(frames["frames"]) * rates["f"]
        return to_ms((seconds_of(frames["clock"]) + late_s) * 1000) / 1000
    if re.fullmatch(CLOCK, written) is None:
        raise TranscriptError(
            tr(
                "{name} has the time {written!r}, which is none of TTML; expected such as 00:00:01.000",
                name=name,
                written=written[:40],
            )
        )
    return seconds_of(written)


def _text_of(element: ElementTree.Element) -> str:
    parts = [re.sub(r"\s+", " ", element.text or "")]
    for child in element:
        tag = _local(child.tag)
        parts.append("\n" if tag == "br" else "" if tag == "metadata" else _text_of(child))
        parts.append(re.sub(r"\s+", " ", child.tail or ""))
    return "".join(parts)


def _local(name: object) -> str:
    """Return a name without its namespace; comments have a function in its place."""
    return str(name).rpartition("}")[2]
