r"""Subtitles named ``.sub``: MicroDVD (times in frames), MPL2 (times in tenths of a second), SubViewer.

    {25}{62}Hello|there.            MicroDVD; a first line {1}{1}25 says how many frames a second has
    [10][25]Hello|there.            MPL2
    00:00:01.00,00:00:02.50         SubViewer 2, the words below, with [br] between lines
    [00:00:01]                      SubViewer 1, the words below, until the next time

They are read here and not with pysubs2, which (1.8) passes without a word over rows that have no end
(``{25}{}Hello``) and over whatever else it does not know, and takes the row that tells the frames for text
where it is told them. Source: the readme of MicroDVD, and VLC, ``modules/demux/subtitle.c``, which takes
``{1}{1}`` and ``{0}{0}``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from gpt_sovits_emotion.core.errors import TranscriptError
from gpt_sovits_emotion.core.messages import of_count, tr
from gpt_sovits_emotion.transcripts.lines import (
    FileLines,
    FilmRate,
    check_times,
    marked_line,
    place,
    unknown_rate,
)
from gpt_sovits_emotion.transcripts.subtitles import has_cues, read_subtitles
from gpt_sovits_emotion.transcripts.timed_text import read_timed_text
from gpt_sovits_emotion.transcripts.timing import to_ms
from gpt_sovits_emotion.transcripts.wording import clean, plain_entities

__all__ = ["are_counted", "read_counted", "read_sub"]

_FRAMES = re.compile(r"\s*\{\s*(?P<start>\d{1,12})\s*\}\s*\{\s*(?P<end>\d{0,12})\s*\}(?P<words>.*)")
_TENTHS = re.compile(r"\s*\[\s*(?P<start>\d{1,12})\s*\]\s*\[\s*(?P<end>\d{0,12})\s*\](?P<words>.*)")
_RATE = re.compile(r"\s*\{[01]\}\s*\{[01]\}\s*(?P<rate>\d{1,3}(?:[.,]\d{1,6})?)\s*")
_DEFAULTS = re.compile(r"\s*\{DEFAULT\}", re.IGNORECASE)
_STYLE = re.compile(r"\{[A-Za-z]:[^{}]*\}|\{\\[^{}]*\}")
_SUBVIEWER = re.compile(
    r"\s*(?:\d+:\d\d:\d\d(?:\.\d{1,3})?,\d+:\d\d:\d\d(?:\.\d{1,3})?|\[\d+:\d\d:\d\d\])\s*$"
)
_END_OF_SUBVIEWER = re.compile(r"\s*\[end\]\s*", re.IGNORECASE)
_TENTHS_A_SECOND = 10.0


def are_counted(text: str) -> bool:
    """Say whether a text is MicroDVD or MPL2: most rows begin with two numbers in braces, or in brackets."""
    rows = _filled(text)
    signs = (_FRAMES, _TENTHS)
    n_counted = max(sum(sign.match(row) is not None for row in rows.values()) for sign in signs)
    return n_counted > 0 and 2 * n_counted >= len(rows)


def read_counted(text: str, *, name: str, film_rate: FilmRate = unknown_rate) -> FileLines:
    """Read MicroDVD or MPL2. A line without an end lasts until the next; a bar parts the rows of a line.

    Args:
        text: Of which `are_counted` holds.
        name: What to call it.
        film_rate: Looks for the frames of the film; a first line that tells them goes before it.

    Raises:
        TranscriptError: Times run backwards, or are frames and nothing says how many a second has.
    """
    rows = _filled(text)
    if 2 * sum(_FRAMES.match(row) is not None for row in rows.values()) < len(rows):
        return _lines_of(rows, _TENTHS, _TENTHS_A_SECOND, name=name)
    rows = {number: row for number, row in rows.items() if not _DEFAULTS.match(row)}
    told = _RATE.fullmatch(next(iter(rows.values()), ""))
    if told is not None:
        del rows[min(rows)]
    rate = float(told["rate"].replace(",", ".")) if told else film_rate()
    if not rate:
        raise TranscriptError(
            tr(
                "{name} counts its times in frames (MicroDVD), and nothing says how many a second has; "
                "put it beside its film, or put a first line in it such as {{1}}{{1}}25",
                name=name,
            )
        )
    found = _lines_of(rows, _FRAMES, rate, name=name)
    if told is not None:
        return found
    film = tr("its times are frames: {rate:.5g} a second, as the film has", rate=rate)
    return FileLines(found.lines, (film, *found.notes))


def read_sub(text: str, *, name: str, film_rate: FilmRate = unknown_rate) -> FileLines:
    """Read a ``.sub``, whichever of the formats it is. Arguments as for `read_counted`.

    Raises:
        TranscriptError: It is none of them, or as for `read_counted`.
    """
    if are_counted(text):
        return read_counted(text, name=name, film_rate=film_rate)
    if has_cues(text):
        return read_subtitles(text, name=name)
    rows = text.splitlines()
    # What stands above the first time tells of the file: title, author, colour.
    first = next((index for index, row in enumerate(rows) if _SUBVIEWER.match(row)), len(rows))
    body = [row.replace("|", "\n") for row in rows[first:] if not _END_OF_SUBVIEWER.fullmatch(row)]
    found = read_timed_text("\n".join(body), name=name, film_rate=film_rate) if body else None
    if found is None:
        raise TranscriptError(
            tr(
                "{name} has no line with a time; expected MicroDVD ({{25}}{{62}}words), MPL2 "
                "([10][25]words) or SubViewer subtitles",
                name=name,
            )
        )
    return found


def _lines_of(
    rows: Mapping[int, str], sign: re.Pattern[str], per_s: float, *, name: str
) -> FileLines:
    lines = []
    for number, row in rows.items():
        found = sign.match(row)
        if found is None:
            continue
        start_s = to_ms(int(found["start"]) * 1000 / per_s) / 1000
        end_s = to_ms(int(found["end"]) * 1000 / per_s) / 1000 if found["end"] else None
        if end_s is not None:
            check_times(start_s, end_s, where=place("line", number, name=name))
        words = clean("\n".join(map(_plain, found["words"].split("|"))))
        lines.append(marked_line(words, start_s, end_s))
    begins = [line.start_s for line in lines[1:]]  # one fewer, or none at all
    lines = [
        replace(line, end_s=next_s) if line.end_s is None else line
        for line, next_s in zip(lines, [*begins, None], strict=False)
    ]
    n_other = len(rows) - len(lines)
    if not n_other:
        return FileLines(tuple(lines))
    left_out = tr(
        "{n_other} left out",
        n_other=of_count(n_other, "row without times is", "rows without times are"),
    )
    return FileLines(tuple(lines), (left_out,))


def _plain(row: str) -> str:
    # A slash in front lets a row be in italics; words do not begin with one.
    return plain_entities(_STYLE.sub("", row)).strip().removeprefix("/")


def _filled(text: str) -> dict[int, str]:
    """Return the rows that hold something, with their numbers."""
    return {number: row for number, row in enumerate(text.splitlines(), start=1) if row.strip()}
