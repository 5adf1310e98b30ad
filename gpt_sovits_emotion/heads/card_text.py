"""Read the YAML of a card that may come from anywhere, without unpacking what is made to explode."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from gpt_sovits_emotion.core.errors import HeadError
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.unreadable import why_unreadable
from gpt_sovits_emotion.heads.untrusted import UnfinishedError, read_file

__all__ = ["dump_card", "parse_card"]

_MAX_BYTES = 1 << 20
_MAX_DEPTH = 24
_MAX_PARTS = 50_000  # a card with fifty confusion matrices of eight classes has a tenth of that
_MAX_SCALAR = 20_000  # characters; 1:1:1:… is a number to YAML, and takes the square of its length
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # as safe, and ten times as fast


def parse_card(path: Path) -> dict[str, Any]:
    """Return the mapping that a YAML file holds.

    Raises:
        UnfinishedError: The file is missing, empty, or not YAML (as one that is still being copied).
        HeadError: It is larger than 1 MB, uses YAML aliases (of which small files can be made that unpack to
            gigabytes), is nested deeper than any card, names a field twice, asks for python objects, or is
            no mapping.
    """
    content = read_file(path, max_bytes=_MAX_BYTES)
    try:
        text = content.decode("utf-8")
        _check_events(text, path)
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
            _check_keys(node, path)
            data = loader.construct_document(node) if node is not None else None
        finally:
            loader.dispose()
    except yaml.constructor.ConstructorError as error:
        what = " ".join(str(error.problem).split())[:120]
        raise HeadError(
            tr(
                "{path} asks for something that is no plain data ({what}); a card holds words and "
                "numbers only",
                path=path,
                what=what,
            )
        ) from error
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        if isinstance(error, HeadError):
            raise
        why = why_unreadable(error)
        raise UnfinishedError(
            tr("{path} is not YAML in UTF-8 ({why}); mend it or copy it again", path=path, why=why)
        ) from error
    if data is None:
        raise UnfinishedError(tr("{path} is empty; copy it again", path=path))
    if not isinstance(data, dict):
        kind = UnfinishedError if isinstance(data, str) else HeadError  # "forma", of "format: …"
        raise kind(
            tr(
                "{path} is not the card of a head: fields such as 'labels: […]' were expected",
                path=path,
            )
        )
    return data


def _check_events(text: str, path: Path) -> None:
    """Look at the stream of parts before anything is built of them: that takes no depth and no memory."""
    depth = 0
    for n_parts, event in enumerate(yaml.parse(text, Loader=_Loader)):
        if isinstance(event, yaml.AliasEvent):
            raise HeadError(
                tr(
                    "{path} uses a YAML alias (*{anchor}), which is refused because small files can be "
                    "made of them that unpack to gigabytes; write the value out",
                    path=path,
                    anchor=event.anchor,
                )
            )
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        scalar = len(event.value) if isinstance(event, yaml.ScalarEvent) else 0
        if depth > _MAX_DEPTH or n_parts > _MAX_PARTS or scalar > _MAX_SCALAR:
            raise HeadError(
                tr(
                    "{path} is nested deeper, or has more parts or longer ones, than any card; it is "
                    "something else, or made to do harm",
                    path=path,
                )
            )


def _check_keys(node: yaml.Node | None, path: Path) -> None:
    """Refuse a field that is named twice, of which YAML would silently take the last."""
    children: list[yaml.Node] = []
    if isinstance(node, yaml.MappingNode):
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise HeadError(
                tr(
                    "{path} names the field {twice!r} twice; keep one of the two",
                    path=path,
                    twice=twice[0][:60],
                )
            )
        children = [part for pair in node.value for part in pair]
    elif isinstance(node, yaml.SequenceNode):
        children = list(node.value)
    for child in children:
        _check_keys(child, path)


def dump_card(data: dict[str, Any]) -> str:
    """Return a card's fields as YAML text."""
    text: str = yaml.dump(
        data, Dumper=_Flat, sort_keys=False, allow_unicode=True, width=100, default_flow_style=None
    )
    return text


class _Flat(yaml.SafeDumper):
    """Writes repeated values out: aliases are refused on reading."""

    def ignore_aliases(self, data: object) -> bool:
        """Say that nothing is to become an alias."""
        return True
