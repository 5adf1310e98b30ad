"""Look a checkout over, one part after the other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gpt_sovits_emotion.backends.gpt_sovits.layout import Checkout
from gpt_sovits_emotion.core.progress import Progress, no_progress
from gpt_sovits_emotion.doctor.findings import AREAS, Finding, Report
from gpt_sovits_emotion.doctor.interpreter import ask, python_of
from gpt_sovits_emotion.doctor.models import check_models, check_text
from gpt_sovits_emotion.doctor.packages import check_packages
from gpt_sovits_emotion.doctor.ports import check_ports
from gpt_sovits_emotion.doctor.settings import check_settings
from gpt_sovits_emotion.doctor.usable import check_encoders, check_hearing

__all__ = ["examine"]


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
