"""Look a checkout over, part by part: what the doctor finds, one line each, with what mends it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from gpt_sovits_emotion.backends.gpt_sovits.layout import Checkout
from gpt_sovits_emotion.core.progress import Progress, no_progress
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.doctor.interpreter import ask, python_of
from gpt_sovits_emotion.doctor.models import check_models, check_text
from gpt_sovits_emotion.doctor.packages import check_packages
from gpt_sovits_emotion.doctor.ports import check_ports
from gpt_sovits_emotion.doctor.settings import check_settings
from gpt_sovits_emotion.doctor.usable import check_encoders, check_hearing

__all__ = [
    "AREAS",
    "Finding",
    "Report",
    "State",
    "broken",
    "examine",
    "fine",
    "warning",
]

State = Literal["ok", "warning", "broken"]

AREAS = {
    "packages": Sentence("Python and its packages", "Python 与软件包"),
    "settings": Sentence("Settings and folders", "设置与目录"),
    "models": Sentence("Models of GPT-SoVITS", "GPT-SoVITS 的模型"),
    "text": Sentence("Reading text aloud", "文本前端"),
    "hearing": Sentence("Speech recognition", "语音识别"),
    "encoders": Sentence("Encoders and heads", "编码器与情感头"),
    "tab": Sentence("The tab in the WebUI", "WebUI 中的标签页"),
    "ports": Sentence("Ports", "端口"),
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


def fine(area: str, en: str, zh: str) -> Finding:
    """Return a finding that all is well."""
    return Finding(area, "ok", Sentence(en, zh))


def warning(area: str, en: str, zh: str, remedy: Sentence | str) -> Finding:
    """Return a finding that part of the work suffers."""
    return Finding(area, "warning", Sentence(en, zh), _remedy(remedy))


def broken(area: str, en: str, zh: str, remedy: Sentence | str) -> Finding:
    """Return a finding that stops the main job."""
    return Finding(area, "broken", Sentence(en, zh), _remedy(remedy))


def _remedy(remedy: Sentence | str) -> Sentence:
    """A bare command reads the same in both languages."""
    return remedy if isinstance(remedy, Sentence) else Sentence(remedy, remedy)


def examine(
    root: Path,
    *,
    python: Path | None = None,
    heads_folders: Sequence[Path] = (),
    fingerprints: bool = False,
    more: Sequence[Finding] = (),
    progress: Progress = no_progress,
) -> Report:
    """Find out what works in a GPT-SoVITS checkout, what does not, and what mends it.

    Nothing is changed, and nothing of GPT-SoVITS is run; its Python is asked in a process of its own.

    Args:
        root: The checkout.
        python: The Python that runs it; by default the one of a Windows package, else the one that runs now.
        heads_folders: Where to look for heads.
        fingerprints: Load the encoders' weights and compare them with those that heads were trained on.
        more: Findings that somebody else made, as on the tab.
        progress: Told how far it is.

    Raises:
        BackendError: `root` is no checkout, or `python` is no Python.
    """
    checkout = Checkout(root)
    interpreter_path = python_of(checkout, python)
    progress(0.0, f"asking {interpreter_path}")
    interpreter = ask(interpreter_path, checkout)
    progress(0.6, "looking at the models")
    findings = [
        *check_packages(checkout, interpreter),
        *check_settings(checkout, interpreter),
        *check_models(checkout),
        *check_text(checkout, interpreter),
        *check_hearing(checkout),
        *check_encoders(checkout, heads_folders, fingerprints=fingerprints),
        *more,
        *check_ports(checkout.ports),
    ]
    progress(1.0, "done")
    order = list(AREAS)
    findings.sort(key=lambda finding: order.index(finding.area))
    return Report(
        checkout=str(checkout.root),
        revision=checkout.title,
        python=str(interpreter_path),
        findings=tuple(findings),
    )
