"""Banks that are a file: tables of a tagger, annotations of another program.

emotions.csv            AudioPath|AudioEmotion|Confidence|ParentFolder[|TextEmotion], in any order
annotation.json         [{"file", "text", "language", "emotions": [{"type", "intensity"}]}]
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gpt_sovits_emotion.banks.library.layouts.files import (
    Places,
    is_file,
    read_json_file,
    read_words,
)
from gpt_sovits_emotion.banks.library.layouts.listing import (
    ClipEntry,
    Listing,
    language_code,
    language_of_text,
)
from gpt_sovits_emotion.banks.library.layouts.lists import rows_of
from gpt_sovits_emotion.banks.library.layouts.names import split_brackets, words_of_name
from gpt_sovits_emotion.core.errors import ReferenceBankError
from gpt_sovits_emotion.core.labels import canonical_label
from gpt_sovits_emotion.core.messages import tr

__all__ = ["read_emotion_manager", "read_emotion_table"]

_INTENSITIES = {"low": 1 / 3, "moderate": 2 / 3, "high": 1.0}
_SUFFIXES_TRIED = ("", ".wav", ".flac", ".ogg", ".mp3")
_COLUMNS = ("AudioPath", "AudioEmotion")


# --- the table of RefAudioEmoTagger --------------------------------------------------------------


def read_emotion_table(path: Path, *, clips: Path | None = None) -> Listing:
    """Read the table of a program that listened: ``filed_by`` is ``head``, its confidence is kept.

    The words are those beside the clip, or in its name where that is how the program renames clips
    (``【开心】text.wav``), or where it judged them (a column ``TextEmotion``).

    Raises:
        ReferenceBankError: It has no such columns, or no row.
        OSError: It cannot be read.
    """
    places = Places(path.parent, clips)
    rows_written, guessed = rows_of(path)
    lines = [line for line in rows_written if line.strip()]
    header = [name.strip() for name in lines[0].split("|")] if lines else []
    if not set(_COLUMNS) <= set(header):
        raise ReferenceBankError(
            tr(
                "{path} has no columns AudioPath|AudioEmotion, separated by |; a table of "
                "RefAudioEmoTagger was expected",
                path=path,
            )
        )
    rows = [_table_row(line, header, places) for line in lines[1:]]
    if not rows:
        raise ReferenceBankError(tr("{path} has no row below its header", path=path))
    named_by_words = "TextEmotion" in header
    entries = tuple(_table_entry(row, places, named_by_words=named_by_words) for row in rows)
    folders = dict.fromkeys(row["ParentFolder"] for row in rows if row.get("ParentFolder"))
    settings = {
        column: {row["AudioPath"]: row[column] for row in rows if row.get(column)}
        for column in header
        if column not in (*_COLUMNS, "Confidence")
        and any(row.get(column) for row in rows)
        and not (column == "ParentFolder" and len(folders) == 1)
    }
    voice = next(iter(folders)) if len(folders) == 1 else ""
    return Listing("emotion_table", path.parent, entries, voice, settings=settings, notes=guessed)


def _table_row(line: str, header: list[str], places: Places) -> dict[str, str]:
    """Split a row; the program quotes nothing in one version and, through pandas, all it must in another."""
    plain = line.split("|")
    try:
        quoted = next(csv.reader([line], delimiter="|"))
    except csv.Error:  # a field that is far too long
        quoted = plain
    extra = len(plain) - len(header)
    if extra > 0:
        first = header.index("AudioPath")
        plain[first : first + extra + 1] = ["|".join(plain[first : first + extra + 1])]
    choices = [fields for fields in (quoted, plain) if len(fields) == len(header)] or [plain]
    rows = [
        {name: field.strip() for name, field in zip(header, fields, strict=False)}
        for fields in choices
    ]
    return next((row for row in rows if places.find(row.get("AudioPath", ""))), rows[0])


def _table_entry(row: dict[str, str], places: Places, *, named_by_words: bool) -> ClipEntry:
    written = row.get("AudioPath", "")
    clip = places.find(written) or places.folder / (written or "?")
    label = canonical_label(row.get("AudioEmotion", ""))
    confidence = _share(row.get("Confidence", ""))
    beside = next(
        (clip.with_suffix(end) for end in (".lab", ".txt") if is_file(clip.with_suffix(end))), None
    )
    named = split_brackets(clip.stem)
    if beside is not None:
        text = read_words(beside)
    elif named is not None:
        text = named.text
    else:
        text = words_of_name(clip.stem) if named_by_words else ""
    heard = {label: confidence} if label and confidence is not None else {}
    language = language_of_text(text)
    return ClipEntry(clip, label, text, language, filed_by="head", probabilities=heard)


def _share(written: str) -> float | None:
    try:
        share = float(written)
    except ValueError:
        return None
    return min(max(share, 0.0), 1.0) if math.isfinite(share) else None


# --- GPT-SoVITS-Emotion-Manager ------------------------------------------------------------------


def _is_emotion_manager(held: object) -> bool:
    """Say whether the content of a JSON file is a list of annotated clips."""
    words = (str, int, float, type(None))
    return isinstance(held, list) and all(
        isinstance(row, dict)
        and isinstance(row.get("file"), str)
        and isinstance(row.get("text"), words)
        and isinstance(row.get("language"), words)
        for row in held
    )


def read_emotion_manager(path: Path, *, clips: Path | None = None) -> Listing:
    """Read the annotations of a program that asked a language model for the emotion of the words.

    A clip with several emotions is filed under the strongest, and keeps the share of each.

    Raises:
        ReferenceBankError: The file is not readable, or is no such list, or is empty.
        OSError: It cannot be read.
    """
    held = read_json_file(path)
    if not _is_emotion_manager(held) or not held:
        raise ReferenceBankError(
            tr(
                '{path} is no list of clips; [{{"file": …, "text": …, "emotions": […]}}] of '
                "GPT-SoVITS-Emotion-Manager, or an infer_config.json was expected",
                path=path,
            )
        )
    entries = tuple(_annotated(row, Places(path.parent, clips)) for row in held)
    more = {
        row["file"]: left
        for row in held
        if (
            left := {
                key: row[key] for key in row if key not in ("file", "text", "language", "emotions")
            }
        )
    }
    return Listing(
        "emotion_manager", path.parent, entries, path.stem, settings={"more": more} if more else {}
    )


def _annotated(row: dict[str, Any], places: Places) -> ClipEntry:
    written = row["file"].strip() or "?"
    clip = places.find(written, suffixes=_SUFFIXES_TRIED) or places.folder / written
    text, spoken = (_word(row.get(name)) for name in ("text", "language"))
    language = language_code(spoken) or language_of_text(text)
    strengths: dict[str, float] = {}
    emotions = row.get("emotions")
    for each in emotions if isinstance(emotions, list) else []:
        if isinstance(each, dict) and isinstance(each.get("type"), str) and each["type"].strip():
            label = canonical_label(each["type"])
            strength = _INTENSITIES.get(str(each.get("intensity")).strip().casefold(), 2 / 3)
            strengths[label] = max(strength, strengths.get(label, 0.0))
    if not strengths:
        return ClipEntry(clip, "", text, language, filed_by="head")
    of: Callable[[str], float] = strengths.__getitem__
    strongest = max(strengths, key=of)
    total = sum(strengths.values())
    shares = {label: strength / total for label, strength in strengths.items()}
    return ClipEntry(
        clip,
        strongest,
        text,
        language,
        filed_by="head",
        probabilities=shares if len(shares) > 1 else {},
        intensity=strengths[strongest],
    )


def _word(value: object) -> str:
    return "" if value is None else str(value).strip()
