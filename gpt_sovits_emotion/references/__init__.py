"""The reference bank of a voice, and the choice of a clip for each segment."""

from __future__ import annotations

from gpt_sovits_emotion.references.bank import REFERENCE_MAX_S, REFERENCE_MIN_S, load_bank
from gpt_sovits_emotion.references.choose import choose

__all__ = ["REFERENCE_MAX_S", "REFERENCE_MIN_S", "choose", "load_bank"]
