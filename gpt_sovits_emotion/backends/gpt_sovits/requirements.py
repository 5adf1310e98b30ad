"""What a checkout of GPT-SoVITS asks for in its ``requirements.txt``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from packaging.requirements import Requirement

__all__ = ["TRANSFORMERS", "asked_for", "transformers_for"]

TRANSFORMERS = "transformers>=4.51,<5"
"""What the newest release asks for (commit 48b1a01, 2026-08-18); those before it: ``>=4.43,<=4.50``."""


def asked_for(root: Path) -> Iterator[tuple[str, Requirement]]:
    """Yield what a checkout asks for on this system, as it is written and parsed."""
    from packaging.requirements import InvalidRequirement, Requirement

    path = root / "requirements.txt"
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        written = line.partition("#")[0].strip()
        try:
            requirement = Requirement(written)
        except InvalidRequirement:
            continue  # an option such as --no-binary, or an empty line
        if requirement.marker is None or requirement.marker.evaluate():
            yield written.partition(";")[0].strip(), requirement


def transformers_for(root: Path) -> str:
    """Return the requirement on transformers of a checkout; the newest release's where it names none."""
    named = (written for written, each in asked_for(root) if each.name == "transformers")
    return next(named, TRANSFORMERS)
