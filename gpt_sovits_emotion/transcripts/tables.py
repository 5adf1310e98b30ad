"""CSV for spreadsheets and scripts, and TXT for reading."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import replace

from gpt_sovits_emotion.core.errors import TranscriptError
from gpt_sovits_emotion.core.labels import UNSURE, canonical_label
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import Sentence, TaggedSegment, TaggedTranscript
from gpt_sovits_emotion.transcripts.lines import Line, check_times, marked_line, place
from gpt_sovits_emotion.transcripts.wording import clean, mark, one_line, split_told, told

__all__ = ["CSV_COLUMNS", "csv_text", "is_txt", "read_csv", "read_txt", "txt_text"]

CSV_COLUMNS = (
    "start_s", "end_s", "label", "confidence", "label_by_hand", "text", "language", "reason",
)  # fmt: skip
"""The columns that are always there; ``speaker`` where anybody is named, and one ``p:<label>`` per label of
the head follow."""

BYTE_ORDER_MARK = "\ufeff"
"""Excel takes a CSV without it for the machine's old code page and breaks every Chinese sign; Python's
``utf-8-sig``, pandas and R's readr drop it."""

# What a spreadsheet may run as a formula: CWE-1236, and the OWASP page "CSV Injection".
_FORMULA = re.compile(r"'*\s*[=+\-@\t\r\n＝＋－＠]")
_TXT_ROW = re.compile(
    r"(?P<start>\d+:\d\d:\d\d\.\d{3}) - (?P<end>\d+:\d\d:\d\d\.\d{3})  (?P<marked>\[.*)"
)


def csv_text(transcript: TaggedTranscript, lines: Sequence[Line], *, language: str) -> str:
    """Write a table with one row per segment: RFC 4180, UTF-8 with a byte order mark.

    Labels stay in their canonical form in every language; `language` chooses that of the reasons. Text
    that a spreadsheet would run as a formula gets an apostrophe in front.
    """
    labels = _labels(transcript)
    stream = io.StringIO()
    stream.write(BYTE_ORDER_MARK)
    writer = csv.writer(stream, lineterminator="\r\n")
    speaks = ("speaker",) if any(line.speaker for line in lines) else ()
    writer.writerow([*CSV_COLUMNS, *speaks, *(f"p:{one_line(clean(label))}" for label in labels)])
    for tagged, line in zip(transcript.segments, lines, strict=True):
        scores = tagged.scores.probabilities if tagged.scores else {}
        row = [
            f"{line.start_s:.3f}",
            f"{line.end_s:.3f}",
            _inert(line.label or UNSURE),
            "" if line.confidence is None else f"{line.confidence:.4f}",
            "yes" if line.by_hand else "no",
            _inert(line.text),
            _inert(clean(line.language)),
            _inert(clean(_reason(tagged, language))),
            *(_inert(line.speaker) for _ in speaks),
            *(f"{scores[label]:.4f}" if label in scores else "" for label in labels),
        ]
        writer.writerow(row)
    return stream.getvalue()


def read_csv(text: str, *, name: str) -> tuple[Line, ...]:
    """Read the table that `csv_text` writes; further columns are passed over.

    Raises:
        TranscriptError: A column is missing, or a row is damaged.
    """
    try:
        rows = list(csv.DictReader(io.StringIO(text.removeprefix(BYTE_ORDER_MARK), newline="")))
    except csv.Error as error:
        raise TranscriptError(
            tr("{name} is damaged CSV; save it again as CSV", name=name)
        ) from error
    lines = []
    for number, row in enumerate(rows, start=2):
        missing = [column for column in CSV_COLUMNS if row.get(column) is None]
        if missing:
            raise TranscriptError(
                tr(
                    "{name}: row {number} lacks {missing}; expected the columns {csv_columns}",
                    name=name,
                    number=number,
                    missing=", ".join(missing),
                    csv_columns=", ".join(CSV_COLUMNS),
                )
            )
        lines.append(_line_of(row, where=place("row", number, name=name)))
    if not lines:
        raise TranscriptError(tr("{name} has no row; expected one per segment", name=name))
    return tuple(lines)


def txt_text(lines: Sequence[Line], *, language: str) -> str:
    """Write one line per segment: ``0:00:01.200 - 0:00:02.900  [angry 87 %] Anna: text``."""
    rows = []
    for line in lines:
        shown = mark(
            line.label or UNSURE,
            confidence=line.confidence,
            by_hand=line.by_hand,
            language=language,
        )
        times = f"{_clock(line.start_s)} - {_clock(line.end_s)}"
        rows.append(f"{times}  {shown} {told(line.speaker, one_line(line.text))}".rstrip() + "\n")
    return "".join(rows)


def is_txt(text: str) -> bool:
    """Say whether a text is what `txt_text` writes, and not just words."""
    rows = [row for row in text.split("\n") if row.strip()]
    return bool(rows) and all(_TXT_ROW.match(row) for row in rows)


def read_txt(text: str, *, name: str) -> tuple[Line, ...]:
    """Read the lines that `txt_text` writes.

    Raises:
        TranscriptError: A line has another form, or impossible times.
    """
    lines = []
    for number, row in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        if not row.strip():
            continue
        found = _TXT_ROW.match(row)
        if found is None:
            raise TranscriptError(
                tr(
                    "{name}: line {number} is not of the form '0:00:01.200 - 0:00:02.900  [angry 87 %] text'",
                    name=name,
                    number=number,
                )
            )
        start_s, end_s = _seconds(found["start"]), _seconds(found["end"])
        check_times(start_s, end_s, where=place("line", number, name=name))
        line = marked_line(found["marked"], start_s, end_s)
        speaker, words = split_told(line.text)
        lines.append(replace(line, text=clean(words), speaker=speaker))
    if not lines:
        raise TranscriptError(tr("{name} has no line; expected one per segment", name=name))
    return tuple(lines)


def _labels(transcript: TaggedTranscript) -> tuple[str, ...]:
    seen: dict[str, None] = {}
    for tagged in transcript.segments:
        seen.update(dict.fromkeys(tagged.scores.probabilities if tagged.scores else ()))
    return tuple(seen)


def _reason(tagged: TaggedSegment, language: str) -> str:
    if tagged.problem is not None:
        return tagged.problem.say(language)
    return tagged.scores.reason.say(language) if tagged.scores else ""


def _inert(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _as_written(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def _line_of(row: dict[str, str], *, where: Sentence) -> Line:
    try:
        start_s, end_s = float(row["start_s"]), float(row["end_s"])
        confidence = float(row["confidence"]) if row["confidence"] else None
    except ValueError as error:
        raise TranscriptError(
            tr("{where} has a time or confidence that is no number", where=where)
        ) from error
    check_times(start_s, end_s, where=where)
    return Line(
        text=clean(_as_written(row["text"])),
        start_s=start_s,
        end_s=end_s,
        label=canonical_label(_as_written(row["label"])),
        confidence=confidence,
        by_hand=row["label_by_hand"] == "yes",
        language=_as_written(row["language"]),
        speaker=clean(_as_written(row.get("speaker") or "")),
    )


def _clock(time_s: float | None) -> str:
    minutes, ms = divmod(round((time_s or 0.0) * 1000), 60_000)
    return f"{minutes // 60}:{minutes % 60:02d}:{ms // 1000:02d}.{ms % 1000:03d}"


def _seconds(clock: str) -> float:
    hours, minutes, seconds = clock.split(":")
    return (int(hours) * 3_600_000 + int(minutes) * 60_000 + round(float(seconds) * 1000)) / 1000
