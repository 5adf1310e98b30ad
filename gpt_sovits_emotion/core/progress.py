"""How long work tells where it stands, and how it is stopped."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Progress", "no_progress", "part_of"]

Progress = Callable[[float, str], None]
"""Called with the fraction done (0 to 1) and what is being done. It may raise to stop the work."""


def no_progress(fraction: float, doing: str) -> None:
    """Say nothing."""


def part_of(progress: Progress, start: float, end: float) -> Progress:
    """Return a `Progress` whose 0 to 1 fills `start` to `end` of `progress`."""

    def report(fraction: float, doing: str) -> None:
        progress(start + (end - start) * min(max(fraction, 0.0), 1.0), doing)

    return report
