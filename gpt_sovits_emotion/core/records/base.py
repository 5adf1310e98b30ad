"""What all records share: they are frozen, go to JSON-ready dicts, and come back checked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from typing_extensions import Self

from gpt_sovits_emotion.core.errors import TranscriptError

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
            place = [str(part) for part in first["loc"] if _NAME.fullmatch(str(part))]
            where = ".".join(place)
            expected = next((it for kind, it in _EXPECTED if kind in first["type"]), _OTHER)
            field, field_zh = (f"field {where!r}", f"字段 {where!r} ") if where else ("it", "内容")
            raise TranscriptError(
                f"{field} is not as expected ({expected.en}); the data is damaged or was written by another "
                "program",
                zh=f"{field_zh}不符合要求（{expected.zh}）；数据已损坏，或由其他程序写成",
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


_NAME = re.compile(r"[a-z_]\w*|\d+")  # of a field, or the place in a list; not pydantic's own words
_OTHER = Sentence("another value was expected", "应为其他值")
# What pydantic calls a failure -> what it means to a person who looks at the file.
_EXPECTED = (
    ("missing", Sentence("it is missing", "缺少该字段")),
    ("string", Sentence("text was expected", "应为文字")),
    ("finite", Sentence("a finite number was expected", "应为有限的数值")),
    ("float", Sentence("a number was expected", "应为数字")),
    ("int", Sentence("a whole number was expected", "应为整数")),
    ("bool", Sentence("true or false was expected", "应为 true 或 false")),
    ("tuple", Sentence("a list was expected", "应为列表")),
    ("list", Sentence("a list was expected", "应为列表")),
    ("short", Sentence("more values were expected", "应有更多的值")),
    ("long", Sentence("fewer values were expected", "应有更少的值")),
    ("literal", Sentence("a known word was expected", "应为已知的词")),
    ("none", Sentence("null was expected", "应为 null")),
    ("path", Sentence("a path was expected", "应为路径")),
    ("dataclass", Sentence("an object was expected", "应为对象")),
    ("dict", Sentence("an object was expected", "应为对象")),
    ("mapping", Sentence("an object was expected", "应为对象")),
    ("model", Sentence("an object was expected", "应为对象")),
    ("unexpected", Sentence("nothing of this name was expected", "不应有此字段")),
)
