"""Tell a person how far a build is, and how long it will take."""

from __future__ import annotations

import time
from collections.abc import Callable

from gpt_sovits_emotion.banks.building.recordings import stopped
from gpt_sovits_emotion.core.progress import Progress

__all__ = ["Reporter", "Stage"]

_SOON_S = 2.0  # before that, a rate says nothing


class Stage:
    """One stage of a build; made by `Reporter.stage`."""

    def __init__(
        self, reporter: Reporter, span: tuple[float, float], doing: str, n_all: int
    ) -> None:
        self._reporter, self._span, self._doing, self._n_all = reporter, span, doing, n_all
        self._began_s = time.monotonic()

    def at(self, n_done: int, name: str = "") -> None:
        """Tell that so many are done, and which is next.

        Raises:
            ReferenceBankError: The person has asked to stop.
        """
        if self._reporter.cancelled():
            raise stopped()
        start, end = self._span
        share = n_done / max(self._n_all, 1)
        words = f"{self._doing} {n_done} of {self._n_all}" if self._n_all > 1 else self._doing
        left_s = self._left_s(share)
        if left_s is not None:
            words += f", {_spoken(left_s)} left"
        self._reporter.progress(start + (end - start) * share, f"{words} {name}".rstrip())

    def _left_s(self, share: float) -> float | None:
        took_s = time.monotonic() - self._began_s
        if took_s < _SOON_S or not 0 < share < 1:
            return None
        return took_s * (1 - share) / share


class Reporter:
    """Shares a build's progress out over its stages, by how long each will take.

    Args:
        progress: Told how far the build is.
        cancelled: Asked each time.
        weights: Stage -> how long it takes, in any unit.
    """

    def __init__(
        self, progress: Progress, cancelled: Callable[[], bool], weights: dict[str, float]
    ) -> None:
        self.progress, self.cancelled = progress, cancelled
        total = sum(weights.values()) or 1.0
        self._spans: dict[str, tuple[float, float]] = {}
        at = 0.0
        for name, weight in weights.items():
            self._spans[name] = (at / total, (at + weight) / total)
            at += weight

    def stage(self, name: str, doing: str, n_all: int) -> Stage:
        """Begin a stage in which `n_all` things are done."""
        return Stage(self, self._spans[name], doing, n_all)


def _spoken(seconds: float) -> str:
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
