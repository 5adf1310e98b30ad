"""The JSON Schema of a tagged transcript, made from the records themselves.

python -m gpt_sovits_emotion.transcripts.schema > docs/tagged-transcript.schema.json
"""

from __future__ import annotations

import json
import sys
from typing import Any

from gpt_sovits_emotion.core.records import TaggedTranscript
from gpt_sovits_emotion.transcripts.documents import TRANSCRIPT_FORMAT, TRANSCRIPT_VERSION

__all__ = ["schema_text", "transcript_schema"]


def transcript_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of the tagged transcript's JSON."""
    from pydantic import TypeAdapter

    document = TypeAdapter(TaggedTranscript).json_schema(mode="serialization")
    definitions = document.pop("$defs")
    _drop_docstrings(document)
    for definition in definitions.values():
        _drop_docstrings(definition)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": TRANSCRIPT_FORMAT,
        "type": "object",
        "properties": {
            "format": {"const": TRANSCRIPT_FORMAT},
            "version": {"const": TRANSCRIPT_VERSION},
            "written_by": {"type": "string"},
            "document": document,
        },
        "required": ["format", "version", "document"],
        "$defs": dict(sorted(definitions.items())),
    }


def schema_text() -> str:
    """Return the schema as the text of its file."""
    return json.dumps(transcript_schema(), ensure_ascii=False, indent=2) + "\n"


def _drop_docstrings(definition: dict[str, Any]) -> None:
    # What a field means is written in docs/formats.md; docstrings change too often for a schema.
    definition.pop("description", None)


if __name__ == "__main__":
    sys.stdout.write(schema_text())
