"""What becomes of an upload on its way in, and who holds a connection open. No Gradio here.

An upload is limited, noted, and leaves nothing if it breaks off. A browser keeps a connection
(``/heartbeat/NAME``) as long as its page is open, and so do newer clients of programs; any client keeps one
(``/queue/data?session_hash=NAME``) while it waits for an answer.
"""

from __future__ import annotations

import contextlib
import errno
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from webui_tab.storage import Uploads
from webui_tab.texts import language_of_browser, say

__all__ = ["ARRIVING", "Presence", "Receiving"]


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


ARRIVING: ContextVar[list[Any] | None] = ContextVar("arriving", default=None)
"""The temporary files, open or closed, that were made for the upload at hand."""

_AROUND_BYTES = 64 * 1024
"""What the headers of a form's parts may add to the size of a file."""
_LARGEST_QUESTION_BYTES = 32 * 1024**2
"""Of any other request: a table of 20,000 segments is 10 MB."""

_Answer = Callable[[int, str], Any]


class _TooLarge(Exception):  # noqa: N818  (never leaves this module)
    pass


class Receiving:
    """Looks after the uploads of one page.

    Args:
        uploads: Told of what has arrived.
        max_bytes: The largest file that is taken; None for no limit, on other requests either.
        presence: Told who is there; None where nobody asks.
    """

    def __init__(
        self,
        uploads: Uploads,
        *,
        max_bytes: int | None = None,
        presence: Presence | None = None,
    ) -> None:
        self._uploads = uploads
        self._max_bytes = max_bytes
        self._presence = presence or Presence()

    def limit_of(self, scope: dict[str, Any]) -> int | None:
        """Return how many bytes a request may bring; None for any number."""
        if self._max_bytes is None:
            return None
        if is_upload(scope):
            return self._max_bytes + _AROUND_BYTES
        return _LARGEST_QUESTION_BYTES

    async def take(
        self, app: Any, scope: dict[str, Any], receive: Any, send: Any, answer: _Answer
    ) -> None:
        """Let the app answer a request, if it is not too large.

        Args:
            app: What takes it (ASGI).
            scope: Of the request.
            receive: Gives what arrives.
            send: Takes what is answered.
            answer: Answers with a status and a sentence in place of the app.
        """
        limit, language = self.limit_of(scope), _language_of(scope)
        counted = _Counted(receive, limit)
        answered = _Answered(send, self._note if is_upload(scope) else None)
        files: list[Any] = []
        token = ARRIVING.set(files)
        try:
            if limit is not None and _declared_bytes(scope) > limit:
                raise _TooLarge
            with self._presence.during(scope):
                await app(scope, counted, answered)
        except BaseException as error:
            if answered.begun or not isinstance(error, Exception):
                raise
            if counted.too_large or isinstance(error, _TooLarge):
                await counted.drain()  # a browser reads no answer before it has sent everything
                await answer(413, self._too_large(scope, language))
            elif isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                await counted.drain()
                await answer(507, say("request_disk_full", language))
            elif not counted.broken_off:
                raise
        finally:
            ARRIVING.reset(token)
            for file in files:
                with contextlib.suppress(OSError):
                    file.close()
                    Path(file.name).unlink(missing_ok=True)

    def _note(self, told: bytes) -> None:
        with contextlib.suppress(ValueError, TypeError):
            self._uploads.arrived([Path(path) for path in json.loads(told)])

    def _too_large(self, scope: dict[str, Any], language: str) -> str:
        if not is_upload(scope):
            return say("request_too_large", language)
        return say("request_file_too_large", language, limit=_size(self._max_bytes or 0))


class _Counted:
    """Gives on what arrives, up to a limit."""

    def __init__(self, receive: Any, limit: int | None) -> None:
        self._receive = receive
        self._limit = limit
        self._n_bytes = 0
        self._ended = False
        self.broken_off = False
        self.too_large = False

    async def __call__(self) -> Any:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            self.broken_off = True
        elif message["type"] == "http.request":
            self._ended = not message.get("more_body", False)
            self._n_bytes += len(message.get("body", b""))
            if self._limit is not None and self._n_bytes > self._limit:
                self.too_large = True
                return {"type": "http.disconnect"}
        return message

    async def drain(self) -> None:
        """Read the rest, and keep none of it."""
        while not (self._ended or self.broken_off):
            await self()


class _Answered:
    """Gives on what is answered; that of an upload is noted before anybody hears of it."""

    def __init__(self, send: Any, note: Callable[[bytes], None] | None) -> None:
        self._send = send
        self._note = note
        self._start: Any = None
        self._told = b""
        self.begun = False

    async def __call__(self, message: Any) -> None:
        if self._note is None:
            self.begun = True
            await self._send(message)
        elif message["type"] == "http.response.start":
            self._start = message
        else:
            self._told += message.get("body", b"")
            if message.get("more_body", False):
                return
            if self._start["status"] == 200:
                self._note(self._told)
            self.begun = True
            await self._send(self._start)
            await self._send({"type": "http.response.body", "body": self._told})


def is_upload(scope: dict[str, Any]) -> bool:
    """Say whether a request brings files."""
    path: str = scope["path"]
    return scope["method"] == "POST" and path.rstrip("/").endswith("/upload")


def _declared_bytes(scope: dict[str, Any]) -> int:
    for name, value in scope["headers"]:
        if name.lower() == b"content-length" and value.isdigit():
            return int(value)
    return 0


def _language_of(scope: dict[str, Any]) -> str:
    told = [
        value.decode("latin-1") for name, value in scope["headers"] if name == b"accept-language"
    ]
    return language_of_browser(",".join(told))


def _size(n_bytes: int) -> str:
    for unit, size in (("GB", 1024**3), ("MB", 1024**2), ("KB", 1024)):
        if n_bytes >= size:
            return f"{n_bytes / size:.4g} {unit}"
    return f"{n_bytes} B"
