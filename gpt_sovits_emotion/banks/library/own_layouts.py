"""Our own layouts of banks, as they are registered: each reads its banks, and three are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from gpt_sovits_emotion.banks.library.layouts import READABLE_LAYOUTS, Listing, read_own_layout
from gpt_sovits_emotion.banks.library.plans import (
    Plan,
    bracket_plan,
    infer_config_plan,
    name_plan,
)
from gpt_sovits_emotion.core.errors import ReferenceBankError
from gpt_sovits_emotion.core.records import ReferenceBank

__all__ = ["EXPORT_LAYOUTS"]

_PLANNERS: Mapping[str, Callable[[ReferenceBank], Plan]] = {
    "infer_config": infer_config_plan,
    "brackets": bracket_plan,
    "names": name_plan,
}

EXPORT_LAYOUTS = tuple(_PLANNERS)
"""``infer_config.json``; ``reference_audios/<语言>/emotions/【label】text.wav``; ``label_text.wav``."""


@dataclass(frozen=True, slots=True)
class _Layout:
    name: str
    plan: Callable[[ReferenceBank], Plan] | None

    def recognises(self, path: Path) -> bool:
        """Say whether a bank is in this layout, which for folders of clips only reading them tells."""
        try:
            found = read_own_layout(path)
        except (ReferenceBankError, OSError):
            return False
        return found.layout == self.name and bool(found.entries)

    def read(self, path: Path) -> Listing:
        """Return the clips of a bank."""
        return read_own_layout(path)


_OURS = {name: _Layout(name, _PLANNERS.get(name)) for name in READABLE_LAYOUTS}


def __getattr__(name: str) -> _Layout:
    """Return one of ours by its name, as it is registered."""
    if name not in _OURS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _OURS[name]
