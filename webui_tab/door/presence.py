"""Who is there: pages and programs that hold a connection open. No Gradio here.

A browser keeps one (``/heartbeat/NAME``) as long as its page is open, and so do newer clients of programs;
any client keeps one (``/queue/data?session_hash=NAME``) while it waits for an answer.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs

__all__ = ["Presence"]


class Presence:
    """How many connections each page holds open."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __contains__(self, name: object) -> bool:
        with self._lock:
            return name in self._open

    @contextmanager
    def during(self, scope: dict[str, Any]) -> Iterator[None]:
        """Count the page that a request is of while it is answered, if it says that it is there by that."""
        name = _page_of(scope)
        if name is None:
            yield
            return
        with self._lock:
            self._open[name] += 1
        try:
            yield
        finally:
            with self._lock:
                self._open[name] -= 1
                if not self._open[name]:
                    del self._open[name]


def _page_of(scope: dict[str, Any]) -> str | None:
    """Return the name of the page that a request shows to be there; None for any other request."""
    if scope["method"] != "GET":
        return None
    *before, last = str(scope["path"]).rstrip("/").split("/")
    if before and before[-1] == "heartbeat":
        return last
    if last == "data" and before and before[-1] == "queue":
        asked = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        return next(iter(asked.get("session_hash", ())), None)
    return None
