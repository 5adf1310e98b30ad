"""``voice.yaml`` of a bank's folder, and how much of a file that came from anywhere is read at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gpt_sovits_emotion.core.errors import ReferenceBankError
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.core.unreadable import kind_of, why_unreadable
from gpt_sovits_emotion.transcripts.decoding import decode

__all__ = ["VOICE_FILE", "read_voice_file"]

VOICE_FILE = "voice.yaml"

_MOST_BYTES = 1 << 20
_MOST_DEEP = 24
_MOST_PARTS = 50_000
_LONGEST = 20_000  # characters; 1:1:1:… is a number to YAML, and takes the square of its length
_WORDS = ("voice", "language", "layout")
_BY_NAMES = "names"


def read_voice_file(path: Path) -> dict[str, Any]:
    """Return what a ``voice.yaml`` says; nothing where there is none.

    Raises:
        ReferenceBankError: It is not readable YAML, uses aliases (of which small files can be made that
            unpack to gigabytes), is larger or nested deeper than any, names a field twice, or a field has a
            value that it cannot have.
        OSError: It cannot be read.
    """
    if not path.is_file():
        return {}
    import yaml

    if path.stat().st_size > _MOST_BYTES:
        raise _unreadable(path, tr("it has more than 1 MB"))
    try:
        text = decode(path.read_bytes(), name=path.name)
        _check_parts(text, path)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        _check_names(node, path)
        held = yaml.safe_load(text)
        written = _as_written(node)
    except (yaml.YAMLError, ValueError, OverflowError, RecursionError) as error:
        if isinstance(error, ReferenceBankError):
            raise
        raise _unreadable(path, why_unreadable(error)) from error
    if held is None:
        return {}
    if not isinstance(held, dict):
        raise ReferenceBankError(
            tr(
                "{path} holds {said}; names with values (voice: …, language: …) were expected",
                path=path,
                said=kind_of(held),
            )
        )
    for name in _WORDS:
        if held.get(name) is not None and name not in written:
            raise ReferenceBankError(
                tr(
                    "{path}: {name} is {said}; a word was expected ({name}: …)",
                    path=path,
                    name=name,
                    said=kind_of(held[name]),
                )
            )
    language, layout = written.get("language", ""), written.get("layout", "")
    if language and not any(map(str.isalpha, language)):
        raise ReferenceBankError(
            tr(
                "{path}: language is {language!r}; a language was expected, such as zh, en or 中文",
                path=path,
                language=language,
            )
        )
    if layout not in ("", _BY_NAMES):
        raise ReferenceBankError(
            tr(
                "{path}: layout is {layout!r}, which is none that is known; write {by_names} "
                "(label_text.wav), or leave it out: then it is found out",
                path=path,
                layout=layout,
                by_names=_BY_NAMES,
            )
        )
    return {**{str(key): value for key, value in held.items()}, **written}


def _as_written(node: Any) -> dict[str, str]:
    """Return words as they stand in the file: to YAML ``no`` is a refusal, to us it is Norwegian."""
    pairs = node.value if isinstance(getattr(node, "value", None), list) else ()
    return {
        key.value: value.value
        for key, value in (pair for pair in pairs if isinstance(pair, tuple))
        if key.value in _WORDS and isinstance(value.value, str) and not value.tag.endswith(":null")
    }


def _check_parts(text: str, path: Path) -> None:
    """Look at the stream of parts before anything is built of them: that takes no depth and no memory."""
    import yaml

    depth = 0
    for n_parts, event in enumerate(yaml.parse(text, Loader=yaml.SafeLoader)):
        if isinstance(event, yaml.AliasEvent):
            name = str(event.anchor)[:40]
            shown = f"it uses the alias *{name}: write the value out"
            shown_zh = f"使用了别名 *{name}：请把值直接写出来"
            raise _unreadable(path, Sentence(shown, shown_zh))
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        length = len(event.value) if isinstance(event, yaml.ScalarEvent) else 0
        if depth > _MOST_DEEP or n_parts > _MOST_PARTS or length > _LONGEST:
            raise _unreadable(
                path,
                tr("it is nested deeper, or has more or longer parts, than any such file"),
            )


def _check_names(node: Any, path: Path) -> None:
    """Refuse a field that is named twice, of which YAML would silently take the last."""
    pairs = getattr(node, "value", None)
    if not isinstance(pairs, list) or not all(isinstance(pair, tuple) for pair in pairs):
        return
    names = [str(key.value) for key, _ in pairs]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise _unreadable(path, tr("it names the field {twice!r} twice", twice=twice[:60]))


def _unreadable(path: Path, why: Sentence) -> ReferenceBankError:
    return ReferenceBankError(
        tr("{path} is not readable YAML ({why}); correct it or remove it", path=path, why=why)
    )
