"""Banks that are a file: training lists, tables of a tagger, annotations of another program.

voice.list              wav_path|speaker|language|text, or …|text|emotion|remark
emotions.csv            AudioPath|AudioEmotion|Confidence|ParentFolder[|TextEmotion], in any order
annotation.json         [{"file", "text", "language", "emotions": [{"type", "intensity"}]}]
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gpt_sovits_emotion.errors import ReferenceBankError
from gpt_sovits_emotion.labels import UNSURE, canonical_label
from gpt_sovits_emotion.records import Sentence
from gpt_sovits_emotion.references.layouts.listing import (
    ClipEntry,
    Listing,
    emotion_of,
    find_named,
    language_code,
    language_of_text,
    read_json_file,
    read_words,
)
from gpt_sovits_emotion.references.layouts.names import split_brackets, words_of_name

__all__ = ["read_emotion_manager", "read_emotion_table", "read_list"]

_INTENSITIES = {"low": 1 / 3, "moderate": 2 / 3, "high": 1.0}
_SUFFIXES_TRIED = ("", ".wav", ".flac", ".ogg", ".mp3")
_COLUMNS = ("AudioPath", "AudioEmotion")


# --- .list of GPT-SoVITS, and the variant with emotions ------------------------------------------


def read_list(path: Path) -> Listing:
    """Read a training list; of the variant with six columns the emotion and the remark too.

    A row that GPT-SoVITS would drop without a word, because it has another number of columns, stays with
    a problem that says so, unless it is a ``|`` in the clip's path that makes it longer.

    Raises:
        ReferenceBankError: It has no row.
        OSError: It cannot be read.
    """
    entries: list[ClipEntry] = []
    speakers: dict[str, None] = {}
    remarks: dict[str, str] = {}
    for number, row in enumerate(read_words(path).splitlines(), start=1):
        if not row.strip():
            continue
        columns = _list_columns(row, path.parent)
        if columns is None:
            entries.append(_odd_row(path, number, row))
            continue
        written, speaker, language, text, emotion, remark = columns
        clip = find_named(written, path.parent) or path.parent / written
        speakers[speaker.strip()] = None
        if remark.strip():
            remarks[written] = remark.strip()
        label = _list_label(emotion)
        code = language_code(language)
        entries.append(
            ClipEntry(
                clip,
                label or "",
                text.strip(),
                code or language_of_text(text),
                filed_by="head" if label is None else "person",
            )
        )
    if not entries:
        raise ReferenceBankError(
            f"{path} has no row; wav_path|speaker|language|text was expected",
            zh=f"{path} 中没有任何行；应为 wav_path|speaker|language|text",
        )
    settings: dict[str, Any] = {}
    if len(speakers) > 1:
        settings["speakers"] = list(speakers)
    if remarks:
        settings["remarks"] = remarks
    voice = next(iter(speakers)) if len(speakers) == 1 else path.stem
    return Listing("list", path.parent, tuple(entries), voice, settings=settings)


def _list_columns(row: str, folder: Path) -> tuple[str, ...] | None:
    """Return path, speaker, language, text, emotion, remark; None when the row has no such columns."""
    fields = [field.strip() for field in row.split("|")]
    if len(fields) == 4:
        return (*fields, "", "")
    if len(fields) == 6 and find_named("|".join(fields[:3]), folder) is None:
        return tuple(fields)
    for n_in_path in range(2, len(fields) - 2):
        rest = fields[n_in_path:]
        if len(rest) in (3, 5) and find_named("|".join(fields[:n_in_path]), folder) is not None:
            return ("|".join(fields[:n_in_path]), *rest, *([""] * (5 - len(rest))))
    return None


def _list_label(written: str) -> str | None:
    if not written.strip():
        return None
    label = emotion_of(written.strip())
    return None if label == UNSURE else label


def _odd_row(path: Path, number: int, row: str) -> ClipEntry:
    fields = row.split("|")
    return ClipEntry(
        find_named(fields[0].strip(), path.parent) or path.parent / (fields[0].strip() or "?"),
        "",
        "",
        "",
        filed_by="head",
        problem=Sentence(
            f"damaged row: {path.name}, row {number} has {len(fields)} columns, four are needed "
            "(GPT-SoVITS leaves such a row out)",
            f"行有误：{path.name} 第 {number} 行有 {len(fields)} 列，应为四列（GPT-SoVITS 会丢弃这样的行）",
        ),
    )


# --- the table of RefAudioEmoTagger --------------------------------------------------------------


def read_emotion_table(path: Path) -> Listing:
    """Read the table of a program that listened: ``filed_by`` is ``head``, its confidence is kept.

    The words are those beside the clip, or in its name where that is how the program renames clips
    (``【开心】text.wav``), or where it judged them (a column ``TextEmotion``).

    Raises:
        ReferenceBankError: It has no such columns, or no row.
        OSError: It cannot be read.
    """
    lines = [line for line in read_words(path).splitlines() if line.strip()]
    header = [name.strip() for name in lines[0].split("|")] if lines else []
    if not set(_COLUMNS) <= set(header):
        raise ReferenceBankError(
            f"{path} has no columns AudioPath|AudioEmotion, separated by |; a table of RefAudioEmoTagger was "
            "expected",
            zh=f"{path} 没有以 | 分隔的 AudioPath|AudioEmotion 列；应为 RefAudioEmoTagger 的表格",
        )
    rows = [_table_row(line, header, path.parent) for line in lines[1:]]
    if not rows:
        raise ReferenceBankError(
            f"{path} has no row below its header", zh=f"{path} 的表头下没有任何行"
        )
    named_by_words = "TextEmotion" in header
    entries = tuple(_table_entry(row, path, named_by_words=named_by_words) for row in rows)
    folders = dict.fromkeys(row["ParentFolder"] for row in rows if row.get("ParentFolder"))
    settings = {
        column: {row["AudioPath"]: row[column] for row in rows if row.get(column)}
        for column in header
        if column not in (*_COLUMNS, "Confidence")
        and any(row.get(column) for row in rows)
        and not (column == "ParentFolder" and len(folders) == 1)
    }
    voice = next(iter(folders)) if len(folders) == 1 else ""
    return Listing("emotion_table", path.parent, entries, voice, settings=settings)


def _table_row(line: str, header: list[str], folder: Path) -> dict[str, str]:
    """Split a row; the program quotes nothing in one version and, through pandas, all it must in another."""
    quoted = next(csv.reader([line], delimiter="|"))
    plain = line.split("|")
    extra = len(plain) - len(header)
    if extra > 0:
        first = header.index("AudioPath")
        plain[first : first + extra + 1] = ["|".join(plain[first : first + extra + 1])]
    choices = [fields for fields in (quoted, plain) if len(fields) == len(header)] or [plain]
    rows = [
        {name: field.strip() for name, field in zip(header, fields, strict=False)}
        for fields in choices
    ]
    return next((row for row in rows if find_named(row.get("AudioPath", ""), folder)), rows[0])


def _table_entry(row: dict[str, str], table: Path, *, named_by_words: bool) -> ClipEntry:
    written = row.get("AudioPath", "")
    clip = find_named(written, table.parent) or table.parent / (written or "?")
    label = canonical_label(row.get("AudioEmotion", ""))
    confidence = _share(row.get("Confidence", ""))
    beside = next(
        (clip.with_suffix(end) for end in (".lab", ".txt") if clip.with_suffix(end).is_file()), None
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
    return isinstance(held, list) and all(
        isinstance(row, dict) and isinstance(row.get("file"), str) for row in held
    )


def read_emotion_manager(path: Path) -> Listing:
    """Read the annotations of a program that asked a language model for the emotion of the words.

    A clip with several emotions is filed under the strongest, and keeps the share of each.

    Raises:
        ReferenceBankError: The file is not readable, or is no such list, or is empty.
        OSError: It cannot be read.
    """
    held = read_json_file(path)
    if not _is_emotion_manager(held) or not held:
        raise ReferenceBankError(
            f'{path} is no list of clips; [{{"file": …, "text": …, "emotions": […]}}] of '
            "GPT-SoVITS-Emotion-Manager, or an infer_config.json was expected",
            zh=f'{path} 不是片段列表；应为 GPT-SoVITS-Emotion-Manager 的 [{{"file": …, "text": …, '
            '"emotions": […]}}]，或 infer_config.json',
        )
    entries = tuple(_annotated(row, path.parent) for row in held)
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


def _annotated(row: dict[str, Any], folder: Path) -> ClipEntry:
    written = row["file"].strip() or "?"
    clip = find_named(written, folder, suffixes=_SUFFIXES_TRIED) or folder / written
    text = str(row.get("text") or "").strip()
    language = language_code(str(row.get("language") or "")) or language_of_text(text)
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
