"""Training lists of GPT-SoVITS, as they are and as people join, move and edit them.

voice.list              wav_path|speaker|language|text, or …|text|emotion|remark
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gpt_sovits_emotion.banks.library.layouts.files import (
    MAX_BYTES,
    Places,
    check_ordinary,
    read_noted,
)
from gpt_sovits_emotion.banks.library.layouts.listing import (
    ClipEntry,
    Listing,
    emotion_of,
    language_code,
    language_of_name,
    language_of_text,
)
from gpt_sovits_emotion.banks.library.layouts.names import NamedClip, spot_label
from gpt_sovits_emotion.core.errors import ReferenceBankError
from gpt_sovits_emotion.core.labels import EMOTIONS, UNSURE
from gpt_sovits_emotion.core.messages import of_count, tr
from gpt_sovits_emotion.core.records import Sentence

__all__ = ["read_list", "rows_of"]

# Some editors' marks of a paragraph are no ends of a row; a byte order mark within begins a joined file.
_ROW_ENDS = re.compile(r"\r\n|\r|\n|\ufeff")


@dataclass(frozen=True, slots=True)
class _Row:
    path: str
    speaker: str
    language: str
    text: str
    emotion: str = ""
    remark: str = ""


def rows_of(path: Path) -> tuple[list[str], tuple[Sentence, ...]]:
    """Read the rows of a file that may have been joined of several, with their byte order marks.

    Returns:
        The rows, and a note on their encoding where that had to be guessed.

    Raises:
        ReferenceBankError: It is no ordinary file, or far too large.
        OSError: It cannot be read.
    """
    check_ordinary(path)
    text, note = read_noted(path, most_bytes=MAX_BYTES)
    return _ROW_ENDS.split(text), () if note is None else (note,)


def read_list(path: Path, *, clips: Path | None = None) -> Listing:
    """Read a training list; of the variant with six columns the emotion and the remark too.

    A ``|`` in a path or in the words is understood, and so is a missing speaker or language. A row that says
    nothing of a clip stays, with a problem that says so. Where no column holds the emotion, the clip's name
    may.

    Args:
        path: The list.
        clips: A folder in which the clips are looked for first.

    Raises:
        ReferenceBankError: It has no row.
        OSError: It cannot be read.
    """
    places = Places(path.parent, clips)
    rows, guessed = rows_of(path)
    numbered = [(number, row) for number, row in enumerate(rows, start=1) if row.strip()]
    plain = any(row.count("|") == 3 for _, row in numbered)
    entries: list[ClipEntry] = []
    speakers: dict[str, None] = {}
    remarks: dict[str, str] = {}
    for number, written in numbered:
        row = _columns(written, places, plain=plain)
        if row is None:
            entries.append(_odd_row(path, number, written, places))
            continue
        speakers.update({row.speaker: None} if row.speaker else {})
        remarks.update({row.path: row.remark} if row.remark else {})
        entries.append(_entry(row, places))
    if not entries:
        raise ReferenceBankError(
            tr("{path} has no row; wav_path|speaker|language|text was expected", path=path)
        )
    settings: dict[str, Any] = {"speakers": list(speakers)} if len(speakers) > 1 else {}
    if remarks:
        settings["remarks"] = remarks
    voice = next(iter(speakers)) if len(speakers) == 1 else path.stem
    once, notes = _once_each(entries)
    return Listing("list", path.parent, once, voice, settings=settings, notes=(*guessed, *notes))


def _entry(row: _Row, places: Places) -> ClipEntry:
    clip = places.find(row.path) or places.folder / row.path
    label = _list_label(row.emotion)
    doubts: tuple[Sentence, ...] = ()
    if label is None:
        spotted = spot_label(clip.stem)
        label = spotted.emotion if isinstance(spotted, NamedClip) else None
        doubts = (spotted,) if isinstance(spotted, Sentence) else ()
    return ClipEntry(
        clip,
        label or "",
        row.text,
        language_code(row.language) or language_of_text(row.text),
        filed_by="head" if label is None else "person",
        doubts=doubts,
    )


def _columns(written: str, places: Places, *, plain: bool) -> _Row | None:
    """Return what a row says; None where it says nothing of a clip.

    Args:
        written: The row.
        places: Where its clip is looked for.
        plain: Whether other rows have four columns: then further ones are rather a ``|`` in the words.
    """
    fields = [field.strip() for field in written.split("|")]
    tried = range(1, 2 if len(fields) == 4 else len(fields))
    n_in_path = next((n for n in tried if places.find("|".join(fields[:n])) is not None), None)
    path, rest = "|".join(fields[: n_in_path or 1]), fields[n_in_path or 1 :]
    if len(rest) == 5 and (not plain or emotion_of(rest[3]) in ("", *EMOTIONS)):
        return _Row(path, *rest)
    if len(rest) >= 3 and (len(rest) == 3 or _is_language(rest[1])):
        words = "|".join(written.split("|")[-(len(rest) - 2) :])  # with the blanks around a |
        return _Row(path, rest[0], rest[1], words.strip())
    if n_in_path is None or not 1 <= len(rest) <= 2:
        return None
    if len(rest) == 1:
        return _Row(path, "", "", rest[0])
    if _is_language(rest[0]):
        return _Row(path, "", *rest)
    return _Row(path, rest[0], "", rest[1])


def _is_language(written: str) -> bool:
    return bool(language_of_name(language_code(written)))


def _list_label(written: str) -> str | None:
    if not written:
        return None
    label = emotion_of(written)
    return None if label == UNSURE else label


def _odd_row(path: Path, number: int, row: str, places: Places) -> ClipEntry:
    fields = row.split("|")
    return ClipEntry(
        places.find(fields[0].strip()) or path.parent / (fields[0].strip() or "?"),
        "",
        "",
        "",
        filed_by="head",
        problem=tr(
            "damaged row: {path}, row {number} has {fields} columns, four are needed (GPT-SoVITS leaves "
            "such a row out)",
            path=path.name,
            number=number,
            fields=len(fields),
        ),
    )


def _once_each(entries: Sequence[ClipEntry]) -> tuple[tuple[ClipEntry, ...], tuple[Sentence, ...]]:
    """Leave out rows that say the same again; of two texts for a clip the first counts, with a doubt."""
    kept: dict[tuple[Path, str], ClipEntry] = {}
    again: Counter[Path] = Counter()
    for place, entry in enumerate(entries):
        key = (entry.path, entry.emotion if entry.problem is None else f"|{place}")
        first = kept.setdefault(key, entry)
        if first is entry:
            continue
        again[entry.path] += 1
        if entry.text != first.text and not first.doubts:
            kept[key] = replace(first, doubts=(_TWO_TEXTS,))
    if not again:
        return tuple(kept.values()), ()
    n_rows, first_name = sum(again.values()), next(iter(again)).name
    note = tr(
        "{n_rows} (the first: {first_name}), left out",
        first_name=first_name,
        n_rows=of_count(n_rows, "row names a clip again", "rows name a clip again"),
    )
    return tuple(kept.values()), (note,)


_TWO_TEXTS = tr("its list has two texts for it: the first was taken; correct the list")
