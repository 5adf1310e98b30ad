"""What the ``README.md`` of a data set of the Hugging Face hub says in its YAML head.

Source: https://huggingface.co/docs/hub/datasets-cards and the features of the ``datasets`` library, whose
``ClassLabel`` keeps a number in each row and the names here or in the Parquet files' own metadata.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gpt_sovits_emotion.core.records import Sentence

__all__ = ["HubCard", "read_hub_card"]

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
    class_names: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
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
        return HubCard(warnings=(_unreadable(str(error)),))
    head = _HEAD.match(text)
    if head is None:
        return HubCard()
    held = _plain_yaml(head[1])
    if not isinstance(held, dict):
        return HubCard(warnings=(_unreadable("names with values were expected"),))
    return HubCard(
        title=_text(held.get("pretty_name")),
        languages=tuple(code for code in _texts(held.get("language")) if _LANGUAGE.fullmatch(code)),
        licence=", ".join(_texts(held.get("license"))),
        class_names=dict(_class_names(held.get("dataset_info"))),
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


def _class_names(dataset_info: Any) -> Iterator[tuple[tuple[str, str], tuple[str, ...]]]:
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


def _unreadable(why: str) -> Sentence:
    return Sentence(
        f"the head of {CARD_NAME} cannot be read ({why}), so nothing is taken from it",
        f"无法读取 {CARD_NAME} 的头部（{why}），其内容不予采用",
    )
