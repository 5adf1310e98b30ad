"""The row of a ``.list`` that belongs to a recording."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PureWindowsPath

from gpt_sovits_emotion.core.errors import TranscriptError
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.transcripts.lines import Line

__all__ = ["row_of"]


def row_of(lines: Sequence[Line], recording_name: str, *, path: Path) -> Line:
    """Return the row of a list that names the recording; its only row when no name is asked for."""
    if not recording_name and len(lines) == 1:
        return lines[0]
    wanted = PureWindowsPath(recording_name or path.stem).name
    for same in (_same_name, _same_stem):
        found = [line for line in lines if same(line.audio, wanted)]
        texts = {line.text for line in found}
        if len(texts) > 1:
            raise TranscriptError(
                tr(
                    "{path} has {found} rows with different texts for {wanted!r}; leave one",
                    path=path,
                    found=len(found),
                    wanted=wanted,
                )
            )
        if found:
            return found[0]
    raise TranscriptError(
        tr(
            "{path} has {lines} rows and none for {wanted!r}; expected a row whose audio file has the "
            "recording's name",
            path=path,
            lines=len(lines),
            wanted=wanted,
        )
    )


def _same_name(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()


def _same_stem(one: str, other: str) -> bool:
    # A recording that was converted after the list was made keeps its stem.
    return PureWindowsPath(one).stem.casefold() == PureWindowsPath(other).stem.casefold()
