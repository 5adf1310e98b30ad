"""What a corpus says of itself, in its ``corpus.yaml``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpt_sovits_emotion.core.errors import CorpusError, TranscriptError
from gpt_sovits_emotion.core.messages import in_both, tr
from gpt_sovits_emotion.transcripts.decoding import read_decoded

__all__ = ["INFO_FIELDS", "UNKNOWN_LICENCE", "CorpusInfo", "read_info", "unknown_corpus"]


INFO_FIELDS = (
    "title", "language", "licence", "non_commercial", "citation", "url", "synthetic", "train_only",
)  # fmt: skip


_MAX_INFO_BYTES = 64 * 1024


UNKNOWN_LICENCE = "unknown: ask whoever recorded it, and say it in corpus.yaml"


@dataclass(frozen=True, slots=True)
class CorpusInfo:
    """A corpus as such, whichever copy of it lies on a disk.

    Attributes:
        id: Short name; of a known corpus a key of `KNOWN_CORPORA`, and its title in small letters.
        title: Name for people.
        language: Language codes, parted by a comma and a space; "" when not known.
        licence: The licence's name; ``see URL: …`` where the terms must be read there; ``unknown: …``.
        non_commercial: Whether its terms forbid commercial use, and so that of a head trained on it.
            False where nothing is known; `licence` says so then.
        citation: The publication to cite; "" when not known.
        url: Where its makers describe it and its terms; "" when not known.
        synthetic: Whether its clips are outputs of a speech synthesis, and so no test of anything.
        train_only: Whether whoever describes it wants it trained on and never tested on.
        made_from: Id of the corpus that the synthesis was trained on; "" when there is none.
        hub: ``owner/name`` of its data set on the Hugging Face hub, whose Parquet files are read; "" when
            it is not distributed so.
        hub_gigabytes: About how large that is.
    """

    id: str
    title: str
    language: str
    licence: str
    non_commercial: bool
    citation: str
    url: str
    synthetic: bool = False
    train_only: bool = False
    made_from: str = ""
    hub: str = ""
    hub_gigabytes: float = 0.0


def unknown_corpus(name: str) -> CorpusInfo:
    """Return what is known of a corpus of which nothing is known but its name."""
    return CorpusInfo(name, name, "", UNKNOWN_LICENCE, False, "", "")


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
                tr("{path} is larger than 64 kB; a few lines were expected", path=path)
            )
        text = read_decoded(path).joined
        depth = 0
        for event in yaml.parse(text):
            depth += isinstance(event, yaml.CollectionStartEvent)
            if isinstance(event, yaml.AliasEvent) or depth > 1:
                raise CorpusError(
                    tr(
                        "{path} holds more than names with values (title: …, licence: …); write plain lines",
                        path=path,
                    )
                )
        held = yaml.safe_load(text)
    except TranscriptError as error:
        raise CorpusError(str(error), zh=error.zh) from error
    except (OSError, yaml.YAMLError, RecursionError, ValueError) as error:
        if isinstance(error, CorpusError):
            raise
        first_line = str(error).splitlines()[0]  # a ValueError: a date such as 2024-13-45
        raise CorpusError(
            tr(
                "{path} is not readable YAML ({first_line}); mend it or remove it",
                path=path,
                first_line=first_line,
            )
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
            tr(
                "{path} holds {odd}; expected some of {fields}",
                path=path,
                fields=fields,
                odd=in_both(odd or "no names with values", odd or "没有名称和值"),
            )
        )
    for field, value in held.items():
        wanted = type(values[field])
        if not isinstance(value, wanted):
            kind = "true or false" if wanted is bool else "text"
            raise CorpusError(
                tr(
                    "{path}: {field} is {value!r}; {kind} was expected",
                    path=path,
                    field=field,
                    value=value,
                    kind=in_both(kind, "true 或 false" if wanted is bool else "文字"),
                )
            )
    return CorpusInfo(id=name, **{**values, **held})
