"""Build a voice's reference bank: find its clips, listen to each, and keep what was heard beside them.

    sources -> look (what the files hold) -> listen (in processes) -> embed -> words -> judge -> sidecar

`build_bank` conducts; `listing` puts a bank into plain JSON for other programs.
"""

from __future__ import annotations

from gpt_sovits_emotion.banks.building.build import build_bank
from gpt_sovits_emotion.banks.building.listing import listing
from gpt_sovits_emotion.banks.building.opening import engines_to_listen
from gpt_sovits_emotion.banks.building.sources import SourceClip, Sources, find_sources

__all__ = ["SourceClip", "Sources", "build_bank", "engines_to_listen", "find_sources", "listing"]
