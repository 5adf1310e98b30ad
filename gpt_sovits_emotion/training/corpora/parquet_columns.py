"""Which column of a Parquet data set is which, by its usual names, its type, its metadata and its card.

The card is the YAML head of the data set's ``README.md`` on the Hugging Face hub. Source:
https://huggingface.co/docs/hub/datasets-cards and the features of the ``datasets`` library, whose
``ClassLabel`` keeps a number in each row and the names here or in the Parquet files' own metadata.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from gpt_sovits_emotion.core.errors import CorpusError
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import Sentence

if TYPE_CHECKING:
    import pyarrow

__all__ = ["FIELDS", "Columns", "ColumnsError", "HubCard", "columns_of", "read_hub_card"]

CARD_NAME = "README.md"

_MOST_CHARACTERS = 256 * 1024
_DEEPEST = 16
_HEAD = re.compile(r"\A---[ \t]*\r?\n(.*?)^---[ \t]*$", re.DOTALL | re.MULTILINE)
_LANGUAGE = re.compile(r"[a-z]{2,3}")


@dataclass(frozen=True, slots=True)
class HubCard:
    """The head of a data set's card.

    Attributes:
        title: ``pretty_name``; "" when it has none.
        languages: Language codes.
        licence: ``license``; "" when it has none.
        class_names: (config, column) -> the names of its numbered classes; the config is ``default`` where
            the card names none.
        warnings: Why it could not be read, if so.
    """

    title: str = ""
    languages: tuple[str, ...] = ()
    licence: str = ""
    class_names: Mapping[tuple[str, str], tuple[str, ...]] = dataclasses.field(default_factory=dict)
    warnings: tuple[Sentence, ...] = ()

    def names_of(self, column: str, config: str) -> tuple[str, ...]:
        """Return the classes of a column, of its config or of the one set that all configs share."""
        own = self.class_names.get((config, column))
        if own is not None:
            return own
        all_names = {names for (_, each), names in self.class_names.items() if each == column}
        return all_names.pop() if len(all_names) == 1 else ()


def read_hub_card(root: Path) -> HubCard:
    """Read the head of the ``README.md`` in a data set's folder.

    The card adds to what the Parquet files say, so a missing or damaged one stops nothing.
    """
    path = root / CARD_NAME
    try:
        with path.open(encoding="utf-8-sig") as stream:
            text = stream.read(_MOST_CHARACTERS)
    except FileNotFoundError:
        return HubCard()
    except (OSError, UnicodeDecodeError) as error:
        return HubCard(warnings=(_unreadable_card(str(error)),))
    head = _HEAD.match(text)
    if head is None:
        return HubCard()
    held = _plain_yaml(head[1])
    if not isinstance(held, dict):
        return HubCard(warnings=(_unreadable_card("names with values were expected"),))
    return HubCard(
        title=_text(held.get("pretty_name")),
        languages=tuple(code for code in _texts(held.get("language")) if _LANGUAGE.fullmatch(code)),
        licence=", ".join(_texts(held.get("license"))),
        class_names=dict(_classes_of_card(held.get("dataset_info"))),
    )


def _plain_yaml(text: str) -> Any:
    """Return what the text holds; None where it is no YAML, or YAML that grows when it is read."""
    import yaml

    try:
        depth = 0
        for event in yaml.parse(text):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if isinstance(event, yaml.AliasEvent) or depth > _DEEPEST:
                return None
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError):  # ValueError: a date such as 2024-13-45
        return None


def _classes_of_card(dataset_info: Any) -> Iterator[tuple[tuple[str, str], tuple[str, ...]]]:
    for info in dataset_info if isinstance(dataset_info, list) else [dataset_info]:
        if not isinstance(info, dict):
            continue
        config = _text(info.get("config_name")) or "default"
        features = info.get("features")
        for feature in features if isinstance(features, list) else []:
            if not isinstance(feature, dict) or not isinstance(feature.get("dtype"), dict):
                continue
            label = feature["dtype"].get("class_label")
            names = label.get("names") if isinstance(label, dict) else None
            if isinstance(names, dict):  # '0': angry
                numbers = {str(number): name for number, name in names.items()}
                names = [numbers.get(str(number)) for number in range(len(numbers))]
            if isinstance(names, list) and names and None not in names:
                yield (config, _text(feature.get("name"))), tuple(str(name) for name in names)


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _texts(value: Any) -> list[str]:
    each = value if isinstance(value, list) else [value]
    return [text for text in map(_text, each) if text]


def _unreadable_card(why: str) -> Sentence:
    return tr(
        "the head of {card_name} cannot be read ({why}), so nothing is taken from it",
        card_name=CARD_NAME,
        why=why,
    )


_AUDIO = (
    "audio", "speech", "wav", "sound", "recording", "audio_path", "audio_file", "file_path", "filepath",
    "file_name", "filename", "file", "path",
)  # fmt: skip

FIELDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "emotion": (
            "emotion", "emotion_label", "emotion_name", "emotions", "major_emotion", "label", "labels",
            "class", "情感", "情绪",
        ),
        "speaker": (
            "speaker", "speaker_id", "speaker_name", "speakerid", "spk", "spk_id", "actor", "actor_id",
            "client_id", "说话人",
        ),
        "text": (
            "text", "transcript", "transcription", "sentence", "raw_text", "utterance", "content", "文本",
        ),
        "language": ("language", "lang", "locale", "语言"),
        "gender": ("gender", "sex", "性别"),
        "intensity": ("intensity", "emotion_intensity"),
    }
)  # fmt: skip
"""Field of a clip -> the names under which data sets keep it, the surest first."""


class ColumnsError(CorpusError):
    """A file has no audio or no emotions; other files of its data set may have them."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Where a Parquet file keeps what a clip needs.

    Attributes:
        audio: The column with the audio: a struct of ``bytes`` and ``path``, bytes, or paths.
        fields: Field of a clip -> its column.
        names: Field of a clip -> the names of its classes, where its column holds their numbers.
    """

    audio: str
    fields: Mapping[str, str]
    names: Mapping[str, tuple[str, ...]]


def columns_of(schema: pyarrow.Schema, where: str, *, card: HubCard, config: str) -> Columns:
    """Find the columns of a Parquet file.

    Args:
        schema: Of the file.
        where: The file, for messages.
        card: What the data set's ``README.md`` says.
        config: The data set's configuration that the file belongs to.

    Raises:
        ColumnsError: It has no audio, or no emotions that can be read.
    """
    features = _features(schema)
    by_name: dict[str, pyarrow.Field] = {}
    for column in schema:
        by_name.setdefault(column.name.strip().casefold(), column)
    found = ", ".join(schema.names) or "none"
    audio = _audio_column(by_name, features)
    if audio is None:
        raise ColumnsError(
            tr(
                "{where} has no column with audio (its columns: {found}); expected one called audio that "
                "holds bytes or paths",
                where=where,
                found=found,
            )
        )
    fields: dict[str, str] = {}
    names: dict[str, tuple[str, ...]] = {}
    nameless = ""
    for field, aliases in FIELDS.items():
        for alias in aliases:
            column = by_name.get(alias)
            if column is None or column.name == audio:
                continue
            classes = _class_names(features.get(column.name)) or card.names_of(column.name, config)
            if _is_number(column.type) and (classes or field == "speaker"):
                fields[field], names[field] = column.name, classes
            elif _is_text(column.type):
                fields[field] = column.name
            else:
                nameless = nameless or (f"{column.name} ({column.type})" * (field == "emotion"))
                continue
            break
    if "emotion" not in fields:
        raise _no_emotions(where, found, nameless)
    return Columns(audio, MappingProxyType(fields), MappingProxyType(names))


def _no_emotions(where: str, found: str, nameless: str) -> ColumnsError:
    if nameless:
        return ColumnsError(
            tr(
                "{where} has its labels in {nameless}, whose values have no names, neither in the file "
                "nor in README.md; expected text, or numbers with the names of a ClassLabel",
                where=where,
                nameless=nameless,
            )
        )
    return ColumnsError(
        tr(
            "{where} has no column with emotions (its columns: {found}); expected one called emotion or "
            "label",
            where=where,
            found=found,
        )
    )


def _features(schema: pyarrow.Schema) -> dict[str, Any]:
    try:
        held = json.loads((schema.metadata or {})[b"huggingface"])
        features = held["info"]["features"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return {}
    return features if isinstance(features, dict) else {}


def _class_names(feature: Any) -> tuple[str, ...]:
    names = feature.get("names") if isinstance(feature, dict) else None
    return tuple(str(name) for name in names) if isinstance(names, list) else ()


def _audio_column(by_name: Mapping[str, pyarrow.Field], features: Mapping[str, Any]) -> str | None:
    kinds = {
        name: feature.get("_type")
        for name, feature in features.items()
        if isinstance(feature, dict)
    }
    usable = {
        alias: str(column.name)
        for alias, column in by_name.items()
        if _holds_audio(column.type) and kinds.get(column.name) in (None, "Audio", "Value")
    }
    marked = [name for name in usable.values() if kinds.get(name) == "Audio"]
    usual = [usable[alias] for alias in _AUDIO if alias in usable]
    # a struct of bytes and path is nothing else, whatever it is called; a text may be anything
    structs = [name for name in usable.values() if not _is_text(_type_of(by_name, name))]
    with_bytes = [name for name in usual if name in structs]
    return next(iter([*marked, *with_bytes, *structs, *usual]), None)


def _type_of(by_name: Mapping[str, pyarrow.Field], name: str) -> pyarrow.DataType:
    return by_name[name.strip().casefold()].type


def _holds_audio(kind: pyarrow.DataType) -> bool:
    import pyarrow.types

    if pyarrow.types.is_struct(kind):
        return bool(max(kind.get_field_index("bytes"), kind.get_field_index("path")) >= 0)
    is_bytes = pyarrow.types.is_binary(kind) or pyarrow.types.is_large_binary(kind)
    return bool(is_bytes) or _is_text(kind)


def _is_text(kind: pyarrow.DataType) -> bool:
    import pyarrow.types

    if pyarrow.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pyarrow.types.is_string(kind) or pyarrow.types.is_large_string(kind))


def _is_number(kind: pyarrow.DataType) -> bool:
    import pyarrow.types

    # whole numbers become floating ones where pandas has met a gap
    return bool(pyarrow.types.is_integer(kind) or pyarrow.types.is_floating(kind))
