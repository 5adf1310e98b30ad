"""A corpus with a ``manifest.csv``; and ``corpus.yaml``, in which anybody says what their corpus is."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from gpt_sovits_emotion.core.errors import CorpusError
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.core.unreadable import why_unreadable
from gpt_sovits_emotion.training.corpora.corpus import Clip, label_from
from gpt_sovits_emotion.training.corpora.known import CorpusInfo, unknown_corpus
from gpt_sovits_emotion.training.corpora.texts import CorpusTexts

__all__ = ["INFO_FIELDS", "INFO_NAME", "MANIFEST_NAME", "read_info", "read_manifest"]

MANIFEST_NAME = "manifest.csv"
INFO_NAME = "corpus.yaml"

_REQUIRED = ("path", "speaker", "emotion")
INFO_FIELDS = (
    "title", "language", "licence", "non_commercial", "citation", "url", "synthetic", "train_only",
)  # fmt: skip
_MAX_INFO_BYTES = 64 * 1024


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
            f"{manifest} does not exist: a corpus is a folder with a {MANIFEST_NAME} that has the "
            f"columns {', '.join(_REQUIRED)}",
            zh=f"{manifest} 不存在：语料库应为含 {MANIFEST_NAME} 的文件夹，"
            f"该表须有 {'、'.join(_REQUIRED)} 各列",
        )
    texts = CorpusTexts()
    reader = csv.DictReader(io.StringIO(texts.read(manifest), newline=""))
    try:
        columns = reader.fieldnames or ()
        rows = list(reader)
    except csv.Error as error:
        why = why_unreadable(error)
        raise CorpusError(
            f"{manifest} cannot be read as a CSV table ({why.en}); save it again as such",
            zh=f"{manifest} 不是可读的 CSV 表（{why.zh}）；请重新另存",
        ) from error
    missing = [name for name in _REQUIRED if name not in columns]
    if missing:
        raise CorpusError(
            f"{manifest} has no column {', '.join(missing)}; it needs {', '.join(_REQUIRED)}",
            zh=f"{manifest} 缺少列 {'、'.join(missing)}；须有 {'、'.join(_REQUIRED)}",
        )
    clips = tuple(_read_row(row, manifest, number) for number, row in enumerate(rows, 2))
    if not clips:
        raise CorpusError(
            f"{manifest} lists no clips: add one row per audio file",
            zh=f"{manifest} 没有列出任何片段：请为每个音频文件加一行",
        )
    return clips, texts.notes


def _read_row(row: dict[str, str | None], manifest: Path, number: int) -> Clip:
    values = {name: (value or "").strip() for name, value in row.items() if isinstance(name, str)}
    empty = [name for name in _REQUIRED if not values.get(name)]
    if empty:
        raise CorpusError(
            f"{manifest}, line {number}: the field {', '.join(empty)} is empty; fill it or drop the row",
            zh=f"{manifest} 第 {number} 行：{'、'.join(empty)} 为空；请填写，或删除该行",
        )
    path = manifest.parent / values["path"]
    if not path.is_file():
        raise CorpusError(
            f"{manifest}, line {number}: {path} does not exist; restore the file or drop the row",
            zh=f"{manifest} 第 {number} 行：{path} 不存在；请恢复该文件，或删除该行",
        )
    if not values["emotion"].isprintable():
        raise CorpusError(
            f"{manifest}, line {number}: the emotion {values['emotion'][:40]!r} holds signs that cannot be "
            "printed, and no head may have such a label; correct it",
            zh=f"{manifest} 第 {number} 行：情感 {values['emotion'][:40]!r} 含有无法显示的字符，"
            "情感模型不能有这样的标签；请改正",
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


def read_info(path: Path, name: str) -> CorpusInfo:
    """Read a ``corpus.yaml``: what the owner of a corpus says of it.

    What may stand in it is `INFO_FIELDS` of `CorpusInfo`; fields that do not are taken as unknown.

    Raises:
        CorpusError: The file cannot be read, is no YAML, or a field is none of these or of another type.
    """
    import yaml

    try:
        if path.stat().st_size > _MAX_INFO_BYTES:
            raise CorpusError(
                f"{path} is larger than 64 kB; a few lines were expected",
                zh=f"{path} 大于 64 kB；应只有几行",
            )
        text = CorpusTexts().read(path)
        depth = 0
        for event in yaml.parse(text):
            depth += isinstance(event, yaml.CollectionStartEvent)
            if isinstance(event, yaml.AliasEvent) or depth > 1:
                raise CorpusError(
                    f"{path} holds more than names with values (title: …, licence: …); write plain lines",
                    zh=f"{path} 的内容不只是“名称: 值”（title: …、licence: …）；请逐行直接写出",
                )
        held = yaml.safe_load(text)
    except (OSError, yaml.YAMLError, RecursionError) as error:
        first_line = str(error).splitlines()[0]
        raise CorpusError(
            f"{path} is not readable YAML ({first_line}); mend it or remove it",
            zh=f"{path} 不是可读的 YAML（{first_line}）；请改正或删除",
        ) from error
    return _checked_info(path, name, {} if held is None else held)


def _checked_info(path: Path, name: str, held: Any) -> CorpusInfo:
    unknown = unknown_corpus(name)
    values: dict[str, Any] = {field: getattr(unknown, field) for field in INFO_FIELDS}
    fields = ", ".join(values)
    if not isinstance(held, dict) or not set(held) <= set(values):
        odd = (
            ", ".join(str(key) for key in held if key not in values)
            if isinstance(held, dict)
            else ""
        )
        raise CorpusError(
            f"{path} holds {odd or 'no names with values'}; expected some of {fields}",
            zh=f"{path} 的内容有误（{odd or '没有名称和值'}）；可写的有 {fields}",
        )
    for field, value in held.items():
        wanted = type(values[field])
        if not isinstance(value, wanted):
            kind = "true or false" if wanted is bool else "text"
            raise CorpusError(
                f"{path}: {field} is {value!r}; {kind} was expected",
                zh=f"{path}：{field} 的值是 {value!r}；应为{'true 或 false' if wanted is bool else '文字'}",
            )
    return CorpusInfo(id=name, **{**values, **held})
