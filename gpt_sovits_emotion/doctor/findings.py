"""What the doctor finds: one line each, with what mends it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import Sentence

__all__ = ["AREAS", "Finding", "Report", "State", "broken", "fine", "warning"]

State = Literal["ok", "warning", "broken"]

AREAS = {
    "packages": tr("Python and its packages"),
    "settings": tr("Settings and folders"),
    "models": tr("Models of GPT-SoVITS"),
    "text": tr("Reading text aloud"),
    "hearing": tr("Speech recognition"),
    "encoders": tr("Encoders and heads"),
    "tab": tr("The tab in the WebUI"),
    "ports": tr("Ports"),
}
"""The areas in the order in which they are shown, with their titles."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact about an installation.

    Attributes:
        area: One of `AREAS`.
        state: ``ok``; ``warning``: part of the work suffers, or may; ``broken``: the main job fails.
        fact: What was found.
        remedy: What to do, an exact command or file where there is one.
    """

    area: str
    state: State
    fact: Sentence
    remedy: Sentence | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Report:
    """All findings about one checkout and the Python that runs it.

    Attributes:
        checkout: The checkout's root.
        revision: What is checked out.
        python: The interpreter that was asked.
        findings: In the order of `AREAS`.
    """

    checkout: str
    revision: str
    python: str
    findings: tuple[Finding, ...]

    def count(self, state: State) -> int:
        """Return how many findings are in a state."""
        return sum(finding.state == state for finding in self.findings)

    @property
    def is_broken(self) -> bool:
        """Whether something stops the main job."""
        return self.count("broken") > 0

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "checkout": self.checkout,
            "revision": self.revision,
            "python": self.python,
            "broken": self.count("broken"),
            "warnings": self.count("warning"),
            "findings": [finding.to_dict() for finding in self.findings],
        }


def fine(area: str, what: Sentence) -> Finding:
    """Return a finding that all is well."""
    return Finding(area, "ok", what)


def warning(area: str, what: Sentence, remedy: Sentence | str) -> Finding:
    """Return a finding that part of the work suffers."""
    return Finding(area, "warning", what, _remedy(remedy))


def broken(area: str, what: Sentence, remedy: Sentence | str) -> Finding:
    """Return a finding that stops the main job."""
    return Finding(area, "broken", what, _remedy(remedy))


def _remedy(remedy: Sentence | str) -> Sentence:
    """A bare command reads the same in both languages."""
    return remedy if isinstance(remedy, Sentence) else Sentence(remedy, remedy)
