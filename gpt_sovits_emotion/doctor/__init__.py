"""The doctor: what works in a GPT-SoVITS installation, what does not, and the command that mends it."""

from __future__ import annotations

from gpt_sovits_emotion.doctor.checkup import examine
from gpt_sovits_emotion.doctor.findings import Finding, Report, State

__all__ = ["Finding", "Report", "State", "examine"]
