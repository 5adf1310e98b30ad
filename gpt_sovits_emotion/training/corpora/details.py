"""What the tables and texts beside a known corpus add to what its file names say."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from gpt_sovits_emotion.core.errors import CorpusError
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.training.corpora.corpus import Clip, label_from
from gpt_sovits_emotion.training.corpora.texts import CorpusTexts

__all__ = ["with_details"]

# [6.2901 - 8.2357]<tab>Ses01F_impro01_F000<tab>neu<tab>[2.5000, 2.5000, 2.5000]
_IEMOCAP_VERDICT = re.compile(r"^\[[\d. -]+\]\t(?P<name>Ses\w+)\t(?P<code>\w+)", re.MULTILINE)
# Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me.
_IEMOCAP_LINE = re.compile(r"^(?P<name>Ses\w+) \[[\d. -]+\]: ?(?P<text>.*)$", re.MULTILINE)
_IEMOCAP_EMOTIONS = {
    "neu": "neutral", "hap": "happy", "sad": "sad", "ang": "angry", "sur": "surprised",
    "fea": "fearful", "dis": "disgusted", "fru": "frustrated", "exc": "excited", "oth": "other",
}  # fmt: skip
"""``xxx``, on which the listeners did not agree, is no emotion."""


def with_details(
    corpus_id: str, root: Path, clips: Iterable[Clip]
) -> tuple[tuple[Clip, ...], list[Sentence]]:
    """Add what lies beside the clips of a known corpus: texts, genders, IEMOCAP's emotions.

    Returns:
        The clips, without those that have no emotion, and warnings.

    Raises:
        CorpusError: A table that lies there cannot be read, or IEMOCAP's verdicts are missing.
    """
    clips = tuple(clips)
    add = _DETAILS.get(corpus_id)
    if add is None:
        return clips, []
    texts = CorpusTexts()
    kept, warnings = add(root, clips, texts)
    return kept, [*warnings, *texts.notes]


def _crema_d(
    root: Path, clips: tuple[Clip, ...], read: CorpusTexts
) -> tuple[tuple[Clip, ...], list[Sentence]]:
    sexes = {
        row.get("ActorID", "").strip(): row.get("Sex", "").strip().lower()
        for row in _table(root, "VideoDemographics.csv", read, dialect="excel")
    }
    return tuple(replace(clip, gender=sexes.get(clip.speaker, "")) for clip in clips), []


def _nemo(
    root: Path, clips: tuple[Clip, ...], read: CorpusTexts
) -> tuple[tuple[Clip, ...], list[Sentence]]:
    rows = {
        Path(row.get("file_id", "")).stem: row
        for row in _table(root, "data.tsv", read, dialect=_Tabs)
    }

    def told(clip: Clip) -> Clip:
        row = rows.get(clip.path.stem)
        if row is None:
            return clip
        return replace(
            clip, text=row.get("raw_text", "") or clip.text, gender=row.get("gender", "")
        )

    return tuple(told(clip) for clip in clips), []


def _esd(
    root: Path, clips: tuple[Clip, ...], read: CorpusTexts
) -> tuple[tuple[Clip, ...], list[Sentence]]:
    texts: dict[str, str] = {}
    speakers = {clip.speaker for clip in clips}
    for path in _beside(root, "*.txt"):
        if path.stem in speakers:
            rows = (line.strip().split("\t") for line in read.read(path).splitlines())
            texts |= {fields[0].strip(): fields[1].strip() for fields in rows if len(fields) == 3}
    return tuple(replace(clip, text=texts.get(clip.path.stem) or clip.text) for clip in clips), []


def _csemotions(
    root: Path, clips: tuple[Clip, ...], read: CorpusTexts
) -> tuple[tuple[Clip, ...], list[Sentence]]:
    # speakers are called female001, male002, …
    def gender(clip: Clip) -> str:
        found = re.fullmatch(r"(female|male)\d+", clip.speaker)
        return found[1] if found else clip.gender

    return tuple(replace(clip, gender=gender(clip)) for clip in clips), []


def _iemocap(
    root: Path, clips: tuple[Clip, ...], read: CorpusTexts
) -> tuple[tuple[Clip, ...], list[Sentence]]:
    codes: dict[str, str] = {}
    texts: dict[str, str] = {}
    for path in _beside(root, "*.txt"):
        if path.parent.name == "EmoEvaluation":
            codes |= {
                found["name"]: found["code"] for found in _IEMOCAP_VERDICT.finditer(read.read(path))
            }
        elif path.parent.name == "transcriptions":
            texts |= {
                found["name"]: found["text"].strip()
                for found in _IEMOCAP_LINE.finditer(read.read(path))
            }
    if not codes:
        raise CorpusError(
            f"{root} has IEMOCAP's utterances but not the listeners' verdicts; "
            "copy SessionN/dialog/EmoEvaluation/*.txt there too",
            zh=f"{root} 中有 IEMOCAP 的语句，但没有情感标注；"
            "请把 SessionN/dialog/EmoEvaluation/*.txt 也复制过来",
        )
    kept = []
    for clip in clips:
        code = codes.get(clip.path.stem, "")
        if code in _IEMOCAP_EMOTIONS:
            emotion, text = _IEMOCAP_EMOTIONS[code], texts.get(clip.path.stem, "")
            kept.append(replace(clip, emotion=label_from(emotion), label=code, text=text))
    n_gone = len(clips) - len(kept)
    if not n_gone:
        return tuple(kept), []
    return tuple(kept), [
        Sentence(
            f"{n_gone} utterances were passed over: the listeners did not agree on their emotion (xxx), "
            "or it is not there",
            f"跳过了 {n_gone} 句：听辨者对其情感没有一致意见（xxx），或没有标注",
        )
    ]


class _Tabs(csv.excel_tab):
    """Fields parted by tabs; a quotation mark is a sign of the text."""

    quoting = csv.QUOTE_NONE


def _table(
    root: Path, name: str, read: CorpusTexts, *, dialect: str | type[csv.Dialect]
) -> list[dict[str, str]]:
    found = _beside(root, name)
    if not found:
        return []
    text = read.read(found[0])
    try:
        rows = list(csv.DictReader(io.StringIO(text, newline=""), dialect=dialect))
    except csv.Error as error:
        raise CorpusError(
            f"{found[0]} is damaged as a table; copy it again, or remove it",
            zh=f"{found[0]} 表格已损坏；请重新复制，或删除",
        ) from error
    return [
        {key: value or "" for key, value in row.items() if isinstance(key, str)} for row in rows
    ]


def _beside(root: Path, pattern: str) -> list[Path]:
    """Return the files of that name in the corpus, or in the folder that it lies in."""
    inside = [path for path in root.rglob(pattern) if not path.name.startswith(".")]
    above = root.resolve().parent / pattern
    if not inside and "*" not in pattern and above.is_file():
        return [above]
    return sorted(inside)


_Details = Callable[
    [Path, "tuple[Clip, ...]", CorpusTexts], "tuple[tuple[Clip, ...], list[Sentence]]"
]
_DETAILS: Mapping[str, _Details] = MappingProxyType(
    {
        "crema-d": _crema_d,
        "nemo": _nemo,
        "esd": _esd,
        "iemocap": _iemocap,
        "csemotions": _csemotions,
    }
)
