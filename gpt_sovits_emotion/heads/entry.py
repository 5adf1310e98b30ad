"""What was found in one place of a folder of heads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gpt_sovits_emotion.heads.card import HeadCard

__all__ = ["HeadEntry", "HeadState", "Stamp"]

HeadState = Literal["sound", "waiting", "broken", "refused", "hidden"]
"""``refused``: another head has its id; ``hidden``: the same head lies elsewhere too."""

Stamp = tuple[tuple[str, int, int, int], ...]


@dataclass(frozen=True, slots=True)
class HeadEntry:
    """One head found in a folder of heads: its card, or the reason why it cannot be used.

    Attributes:
        path: Its folder.
        card: None where it cannot be read.
        problem: Why it cannot be used, None for a sound one; `problem_zh` says the same in Chinese.
        state: ``sound``, ``waiting`` (a copy that seems to be under way), ``broken``, ``refused`` or
            ``hidden``.
        rivals: Folders of heads that have its id and other content; they are refused.
        stamp: Name, size, time and place of its files: another stamp, another head.
    """

    path: Path
    card: HeadCard | None
    problem: str | None
    problem_zh: str | None = None
    state: HeadState = "sound"
    rivals: tuple[Path, ...] = ()
    stamp: Stamp = ()

    @property
    def id(self) -> str:
        """The card's id, or the folder's name where there is no sound card."""
        return self.card.id if self.card else self.path.name

    def say(self, language: str) -> str | None:
        """Return the problem in ``"zh"`` or, for any other language, in English; None where there is none."""
        return self.problem_zh if language == "zh" and self.problem_zh else self.problem
