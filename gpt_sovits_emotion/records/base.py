"""What all records share: they are frozen, go to JSON-ready dicts, and come back checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from typing_extensions import Self

from gpt_sovits_emotion.errors import TranscriptError

if TYPE_CHECKING:
    from pydantic import TypeAdapter

__all__ = ["Record", "Sentence"]

_ADAPTERS: dict[
    type, TypeAdapter[Any]
] = {}  # building one takes milliseconds, using it microseconds


def _adapter(cls: type) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    if cls not in _ADAPTERS:
        _ADAPTERS[cls] = TypeAdapter(cls)
    return _ADAPTERS[cls]


class Record:
    """A frozen dataclass that can be written as JSON and read back equal."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the record as dicts, lists, strings, numbers and None."""
        dumped: dict[str, Any] = _adapter(type(self)).dump_python(self, mode="json")
        return dumped

    @classmethod
    def from_dict(cls, data: object) -> Self:
        """Build the record from what `to_dict` gave, checking every field.

        Raises:
            TranscriptError: A field is missing, unknown in type, or out of place; the message names it.
        """
        from pydantic import ValidationError

        try:
            built: Self = _adapter(cls).validate_python(data)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or cls.__name__
            raise TranscriptError(
                f"{cls.__name__}: field {where!r} is not as expected ({first['msg']}); "
                "the data is damaged or was written by another program"
            ) from error
        return built


@dataclass(frozen=True, slots=True)
class Sentence(Record):
    """One sentence for a person, in English and Chinese."""

    en: str
    zh: str

    def say(self, language: str) -> str:
        """Return the sentence in ``"zh"`` or, for any other language, in English."""
        return self.zh if language == "zh" else self.en
