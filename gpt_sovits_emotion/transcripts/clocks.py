"""Times as programs write them: ``0:16``, ``00:00:16,020``, ``1:02:03.5``, ``16.02s``."""

from __future__ import annotations

import re

__all__ = ["ARROW", "CLOCK", "LATEST_S", "NUMBER", "seconds_of", "to_ms"]

CLOCK = r"(?:\d+:)?\d{1,3}:\d{1,2}(?:[.,，．]\d{1,9}|:\d{3})?"
"""Pattern of a clock: hours and the fraction of a second may be missing; minutes may be more than 59."""

ARROW = r"(?:-{1,3}>|[-–—~～])"
"""Pattern of what stands between two times."""

LATEST_S = 1e9
"""Seconds; 31 years."""

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
        return sign * to_ms(float(clock) * 1000) / 1000
    hours, minutes, whole, fraction = found.groups()
    total_s = float(hours or 0) * 3600 + int(minutes) * 60 + int(whole)
    return sign * to_ms((total_s + float(f"0.{fraction or 0}")) * 1000) / 1000


def to_ms(time_ms: float) -> int:
    """Return whole milliseconds; a time of hundreds of digits is `LATEST_S`, later than any recording.

    Example:
        >>> to_ms(1234.4), to_ms(float("9" * 400))
        (1234, 1000000000000)
    """
    return round(min(time_ms, LATEST_S * 1000))
