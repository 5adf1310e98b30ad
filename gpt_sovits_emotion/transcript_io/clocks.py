"""Times as programs write them: ``0:16``, ``00:00:16,020``, ``1:02:03.5``, ``16.02s``."""

from __future__ import annotations

import re

__all__ = ["CLOCK", "NUMBER", "seconds_of"]

CLOCK = r"(?:\d+:)?\d{1,3}:\d{1,2}(?:[.,，．]\d{1,9}|:\d{3})?"
"""Pattern of a clock: hours and the fraction of a second may be missing; minutes may be more than 59."""

NUMBER = r"\d+(?:\.\d+)?"
"""Pattern of seconds."""


def seconds_of(clock: str) -> float:
    """Return a clock (`CLOCK`) or a number (`NUMBER`, also with ``s``) in seconds, to the millisecond.

    Examples:
        >>> seconds_of("00:00:16,020"), seconds_of("1:02"), seconds_of("0:00:01:500"), seconds_of("-2.5s")
        (16.02, 62.0, 1.5, -2.5)
    """
    clock = clock.strip()
    sign = -1.0 if clock.startswith("-") else 1.0
    clock = clock.lstrip("-").removesuffix("s")
    found = re.fullmatch(r"(?:(\d+):)?(\d{1,3}):(\d{1,2})(?:[.,，．]|:(?=\d{3}$))?(\d{0,9})", clock)
    if found is None:
        return sign * round(float(clock) * 1000) / 1000
    hours, minutes, whole, fraction = found.groups()
    total_ms = (int(hours or 0) * 3600 + int(minutes) * 60 + int(whole)) * 1000
    return sign * (total_ms + round(float(f"0.{fraction or 0}") * 1000)) / 1000
