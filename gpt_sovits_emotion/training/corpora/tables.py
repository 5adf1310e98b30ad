"""Clips in tables: a ``manifest.csv``, or GPT-SoVITS's training list with emotions.

A ``.list`` has four fields, and emotion never goes into it, because GPT-SoVITS leaves rows with more out
without a word. So for ``voice.list`` the emotions stand beside it (or one folder above, where the tab's
archive is unpacked), in the first of

- ``voice.emotions.csv``: a table with the columns ``path`` and ``emotion``, by hand;
- ``voice.json`` or ``voice.csv``: our tagged transcript of the same words.

The six-field variant ``…|text|emotion|remark`` carries them itself.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from gpt_sovits_emotion.core.errors import CorpusError, TranscriptError
from gpt_sovits_emotion.core.labels import UNSURE, is_default_slot
from gpt_sovits_emotion.core.messages import in_both, of_count, of_list, tr
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.core.unreadable import why_unreadable
from gpt_sovits_emotion.training.corpora.corpus import Clip, label_from
from gpt_sovits_emotion.training.corpora.folders import CorpusTexts
from gpt_sovits_emotion.transcripts import read_file, read_json
from gpt_sovits_emotion.transcripts.tagged_text import LIST_LANGUAGES
from gpt_sovits_emotion.transcripts.wording import clean, one_line

__all__ = ["MANIFEST_NAME", "read_manifest", "read_training_list"]

MANIFEST_NAME = "manifest.csv"

_REQUIRED = ("path", "speaker", "emotion")


def read_manifest(manifest: Path) -> tuple[tuple[Clip, ...], tuple[Sentence, ...]]:
    """Read a manifest: a CSV table with one row per clip.

    Its columns are ``path`` (relative to the manifest's folder), ``speaker`` and ``emotion``, and, where
    known, ``language``, ``text``, ``gender`` and ``intensity``. Further columns are passed over.

    Returns:
        The clips, and what a person should know of how the table was read.

    Raises:
        CorpusError: The manifest is missing or unreadable, a column is missing, a row is incomplete, or
            a file it names does not exist.
    """
    if not manifest.exists():
        raise CorpusError(
            tr(
                "{manifest} does not exist: a corpus is a folder with a {manifest_name} that has the "
                "columns {required}",
                manifest=manifest,
                manifest_name=MANIFEST_NAME,
                required=of_list(_REQUIRED),
            )
        )
    texts = CorpusTexts()
    rows = _read_csv(
        manifest, _REQUIRED, needs=Sentence(", ".join(_REQUIRED), "、".join(_REQUIRED)), texts=texts
    )
    clips = tuple(_read_row(row, manifest, number) for number, row in enumerate(rows, 2))
    if not clips:
        raise CorpusError(
            tr("{manifest} lists no clips: add one row per audio file", manifest=manifest)
        )
    return clips, texts.notes


def _read_csv(
    table: Path, required: Sequence[str], *, needs: Sentence, texts: CorpusTexts
) -> list[dict[str, str | None]]:
    reader = csv.DictReader(io.StringIO(texts.read(table), newline=""))
    try:
        columns = reader.fieldnames or ()
        rows = list(reader)
    except csv.Error as error:
        why = why_unreadable(error)
        raise CorpusError(
            tr(
                "{table} cannot be read as a CSV table ({why}); save it again as such",
                table=table,
                why=why,
            )
        ) from error
    missing = [name for name in required if name not in columns]
    if missing:
        raise CorpusError(
            tr(
                "{table} has no column {missing}; it needs {needs}",
                table=table,
                needs=needs,
                missing=of_list(missing),
            )
        )
    return rows


def _read_row(row: dict[str, str | None], manifest: Path, number: int) -> Clip:
    values = {name: (value or "").strip() for name, value in row.items() if isinstance(name, str)}
    empty = [name for name in _REQUIRED if not values.get(name)]
    if empty:
        raise CorpusError(
            tr(
                "{manifest}, line {number}: the field {empty} is empty; fill it or drop the row",
                manifest=manifest,
                number=number,
                empty=of_list(empty),
            )
        )
    path = manifest.parent / values["path"]
    if not path.is_file():
        raise CorpusError(
            tr(
                "{manifest}, line {number}: {path} does not exist; restore the file or drop the row",
                manifest=manifest,
                number=number,
                path=path,
            )
        )
    if not values["emotion"].isprintable():
        raise CorpusError(
            tr(
                "{manifest}, line {number}: the emotion {values!r} holds signs that cannot be printed, "
                "and no head may have such a label; correct it",
                manifest=manifest,
                number=number,
                values=values["emotion"][:40],
            )
        )
    return Clip(
        path=path,
        speaker=values["speaker"],
        emotion=label_from(values["emotion"]),
        language=values.get("language", ""),
        text=values.get("text", ""),
        gender=values.get("gender", ""),
        intensity=values.get("intensity", ""),
        label=values["emotion"],
    )


_FIELDS = (4, 6)
_LEVELS_ABOVE = (
    4  # GPT-SoVITS names clips from the checkout's root, such as output/slicer_opt/x.wav
)


@dataclass(frozen=True, slots=True)
class _Row:
    audio: str
    speaker: str
    language: str
    text: str
    emotion: str


@dataclass(frozen=True, slots=True)
class _Tag:
    label: str
    by_hand: bool


_Tagger = Callable[[_Row], "_Tag | None"]


def read_training_list(path: Path) -> tuple[tuple[Clip, ...], list[Sentence]]:
    """Read a training list with its emotions.

    Rows without an emotion (none beside it, ``unsure``, a default slot) and rows whose audio is not
    there are passed over.

    Returns:
        The clips with their full paths, and warnings.

    Raises:
        CorpusError: The list or what lies beside it cannot be read, or no row has both an emotion and
            its audio.
    """
    texts = CorpusTexts()
    notes: list[Sentence] = []
    rows = _rows(path, texts)
    try:
        tagger, source = _tagger_for(path, rows, texts, notes)
    except TranscriptError as error:
        raise CorpusError(str(error), zh=error.zh) from error
    clips: list[Clip] = []
    n_machine, n_untagged = 0, 0
    missing: list[str] = []
    for row in rows:
        tag = tagger(row)
        if tag is None or not tag.label or is_default_slot(tag.label) or tag.label == UNSURE:
            n_untagged += 1
            continue
        audio = _audio_of(path, row.audio)
        if audio is None:
            missing.append(row.audio)
            continue
        n_machine += not tag.by_hand
        emotion = label_from(tag.label)
        clips.append(
            Clip(audio, row.speaker, emotion, row.language, one_line(row.text), label=tag.label)
        )
    if not clips:
        raise _nothing_usable(path, source, n_rows=len(rows), missing=missing)
    warnings = _warnings(source, n_untagged, missing, n_machine, len(clips))
    return tuple(clips), [*warnings, *texts.notes, *notes]


def _rows(path: Path, texts: CorpusTexts) -> list[_Row]:
    rows = []
    for number, line in enumerate(texts.read(path).replace("\r\n", "\n").split("\n"), start=1):
        if not line.strip():
            continue
        fields = [field.strip() for field in line.split("|")]
        if len(fields) not in _FIELDS:
            raise CorpusError(
                tr(
                    "{path}: row {number} has {fields} fields; expected four "
                    "(wav_path|speaker|language|text) or six (…|emotion|remark)",
                    path=path,
                    number=number,
                    fields=len(fields),
                )
            )
        audio, speaker, language, text = fields[:4]
        emotion = fields[4] if len(fields) == max(_FIELDS) else ""
        language = LIST_LANGUAGES.get(language.casefold(), language)
        rows.append(_Row(audio, speaker or path.stem, language, clean(text), emotion))
    if not rows:
        raise CorpusError(
            tr("{path} has no row; expected wav_path|speaker|language|text", path=path)
        )
    return rows


def _tagger_for(
    path: Path, rows: Sequence[_Row], texts: CorpusTexts, notes: list[Sentence]
) -> tuple[_Tagger, str]:
    """Return what finds a row's emotion, and the name of the file that says it; add notes on reading that."""
    if any(row.emotion for row in rows):
        return (lambda row: _Tag(row.emotion, True) if row.emotion else None), path.name
    for folder in (path.parent, path.resolve().parent.parent):
        table = folder / f"{path.stem}.emotions.csv"
        if table.is_file():
            return _tagger_from_table(table, texts), table.name
        for transcript in (folder / f"{path.stem}.json", folder / f"{path.stem}.csv"):
            if transcript.is_file():
                return _tagger_from_transcript(transcript, rows, notes), transcript.name
    raise CorpusError(
        tr(
            "{path} carries no emotions, and beside it there is no {stem}.emotions.csv (columns path and "
            "emotion) and no tagged transcript {stem}.json; annotate the clips first",
            path=path,
            stem=path.stem,
        )
    )


def _tagger_from_table(table: Path, texts: CorpusTexts) -> _Tagger:
    needs = tr("path and emotion")
    rows = _read_csv(table, ("emotion", "path"), needs=needs, texts=texts)
    labels = {_file_name(row["path"] or ""): (row["emotion"] or "").strip() for row in rows}

    def tag(row: _Row) -> _Tag | None:
        label = labels.get(_file_name(row.audio))
        return _Tag(label, True) if label else None

    return tag


def _tagger_from_transcript(
    transcript: Path, rows: Sequence[_Row], notes: list[Sentence]
) -> _Tagger:
    """Find a row's emotion by its words; where several segments say the same, in their order."""
    tags: defaultdict[str, list[_Tag]] = defaultdict(list)
    if transcript.suffix == ".json":
        for segment in read_json(transcript).segments:
            by_hand = segment.corrected_label is not None
            tags[_words(segment.text)].append(_Tag(segment.label, by_hand))
    else:
        found = read_file(transcript)
        notes += found.notes
        for line in found.lines:
            tags[_words(line.text)].append(_Tag(line.label or "", line.by_hand))
    n_rows: defaultdict[str, int] = defaultdict(int)
    for row in rows:
        n_rows[_words(row.text)] += 1
    taken: defaultdict[str, int] = defaultdict(int)

    def tag(row: _Row) -> _Tag | None:
        words = _words(row.text)
        found = tags.get(words, [])
        index = taken[words]
        taken[words] += 1
        if len(found) == n_rows[words]:
            return found[index]
        # Rows were deleted or doubled: which segment this is cannot be told, unless all agree.
        return found[0] if len({each.label for each in found}) == 1 else None

    return tag


def _audio_of(path: Path, named: str) -> Path | None:
    relative = Path(*PureWindowsPath(named).parts) if "\\" in named else Path(named)
    if relative.is_absolute():
        return relative if relative.is_file() else _beside(path, relative)
    folders = [path.parent, *path.resolve().parents[1 : 1 + _LEVELS_ABOVE]]
    candidates = (folder / relative for folder in folders)
    return next((each for each in candidates if each.is_file()), None) or _beside(path, relative)


def _beside(path: Path, named: Path) -> Path | None:
    # The list was copied to another machine together with its clips.
    moved = path.parent / _file_name(str(named))
    return moved if moved.is_file() else None


def _file_name(named: str) -> str:
    return PureWindowsPath(named.strip()).name


def _words(text: str) -> str:
    return one_line(clean(text)).replace("|", " ").strip()


def _nothing_usable(path: Path, source: str, *, n_rows: int, missing: Sequence[str]) -> CorpusError:
    if missing:
        return CorpusError(
            tr(
                "{path}: the audio of no tagged row was found, such as {missing}; copy the clips beside "
                "the list, or correct its paths",
                path=path,
                missing=missing[0],
            )
        )
    return CorpusError(
        tr(
            "{path}: {value} emotion in {source}; is that of the same recording?",
            path=path,
            source=source,
            value=in_both(
                "its only row has no" if n_rows == 1 else f"none of its {n_rows} rows has an",
                n_rows,
            ),
        )
    )


def _warnings(
    source: str, n_untagged: int, missing: Sequence[str], n_machine: int, n_clips: int
) -> Iterator[Sentence]:
    if n_untagged:
        yield tr(
            "{n_untagged} no emotion in {source}: passed over",
            source=source,
            n_untagged=of_count(n_untagged, "row has", "rows have"),
        )
    if missing:
        yield tr(
            "the audio of {missing_2} is not there, such as {missing}",
            missing=missing[0],
            missing_2=of_count(len(missing), "row"),
        )
    if n_machine:
        yield tr(
            "{n_machine} of {n_clips} {verb} set by a head and not by a person; a head that is trained "
            "on that learns the other's mistakes",
            n_machine=n_machine,
            n_clips=of_count(n_clips, "label"),
            verb="was" if n_machine == 1 else "were",
        )
