"""The one check that every request to the page goes through, before gradio sees anything of it.

What gradio 4.44.1 does by itself is less: it answers every request, and only leaves the header out that would
let the other page read the answer; to ``Origin: null`` and to other ports of this machine it gives even that.
It does not look at `Backend`.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

import gradio as gr
from gradio import route_utils
from gradio.routes import App

from webui_tab.request_guard.access import Served, host_of
from webui_tab.request_guard.receiving import ARRIVING, Receiving
from webui_tab.texts import language_of_browser, say

__all__ = ["RequestGuard", "guard"]

_LOG = logging.getLogger(__name__)

_LONGEST_SHOWN = 80

Scope = dict[str, Any]


class RequestGuard:
    """Answers requests that another page makes, or that use a foreign name, with 403 and one sentence.

    Args:
        app: What answers all others (ASGI).
        served: Says under which names the page is served at this moment.
        receiving: What looks after uploads; None where others do.
    """

    def __init__(
        self, app: Any, *, served: Callable[[], Served], receiving: Receiving | None = None
    ) -> None:
        self._app = app
        self._served = served
        self._receiving = receiving

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:  # noqa: D102  (ASGI)
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        problem = self._problem(scope)
        if problem is not None:
            _LOG.warning("refused a request to %.80r: %s", scope["path"], problem)
            await refuse(scope, send, 403, problem)
        elif self._receiving is not None and scope["type"] == "http":
            answer = functools.partial(refuse, scope, send)
            await self._receiving.take(self._app, scope, receive, send, answer)
        else:
            await self._app(scope, receive, send)

    def _problem(self, scope: Scope) -> str | None:
        """Return the sentence for a request that is not answered."""
        served, language = self._served(), language_of(scope)
        named = _values(scope, b"host")
        host = host_of(named[0]) if len(named) == 1 else None
        if host is None or not served.knows(host[0]):
            return say("request_name", language, name=_shown(" ".join(named)))
        for origin in _values(scope, b"origin"):
            if not served.is_own(origin, host):
                return say("request_origin", language, origin=_shown(origin))
        sites = set(_values(scope, b"sec-fetch-site"))
        if sites - {"same-origin", "none"} and not _is_link(scope):
            return say("request_origin", language, origin=_shown(" ".join(sites)))
        return None


async def refuse(scope: Scope, send: Any, status: int, sentence: str) -> None:
    """Answer with a status and a sentence, also where a websocket was asked for."""
    start, body = "http.response.start", "http.response.body"
    if scope["type"] == "websocket":
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1008})  # which is answered with 403
            return
        start, body = f"websocket.{start}", f"websocket.{body}"
    told = sentence.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(told)).encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": start, "status": status, "headers": headers})
    await send({"type": body, "body": told})


def language_of(scope: Scope) -> str:
    """Return the language that a request's browser asks for."""
    return language_of_browser(",".join(_values(scope, b"accept-language")))


def _is_link(scope: Scope) -> bool:
    """Say whether a person followed a link on another page to this one: it is opened, and nothing else."""
    return (
        scope["type"] == "http"
        and scope["method"] in ("GET", "HEAD")
        and scope["path"] in ("", "/", f"{scope.get('root_path', '')}/")
        and _values(scope, b"sec-fetch-mode") == ["navigate"]
        and _values(scope, b"sec-fetch-dest") == ["document"]
    )


def _values(scope: Scope, name: bytes) -> list[str]:
    headers: Iterable[tuple[bytes, bytes]] = scope["headers"]
    return [value.decode("latin-1").strip() for key, value in headers if key.lower() == name]


def _shown(value: str) -> str:
    """Return what may stand in a sentence of what a stranger sent."""
    told = "".join(char for char in value if char.isascii() and char.isprintable())
    return told[:_LONGEST_SHOWN] or "?"


_GUARD = "_gpt_sovits_emotion_request_guard"
_WRAPPED = "_gpt_sovits_emotion_create_app"


def guard(
    blocks: gr.Blocks,
    *,
    address: str = "",
    allowed: tuple[str, ...] = (),
    receiving: Receiving | None = None,
) -> None:
    """Let every request to a page go through the guard from when it is launched on.

    Gradio makes the app while it launches the page, and the server runs before launching returns, so the
    guard is put up in between: outside of what gradio puts there itself, which lets ``Origin: null`` and
    other ports of this machine pass.

    Args:
        blocks: The page, not launched yet.
        address: What its server will be bound to; asked of the page itself when "".
        allowed: Names that a person has added (`Served.allowed`).
        receiving: What looks after uploads; None where others do.
    """

    def served() -> Served:
        bound = address or getattr(blocks, "server_name", None) or ""
        share = getattr(blocks, "share_url", None) or ""
        return Served(bound, allowed, (urlsplit(share).hostname or "").lower())

    setattr(blocks, _GUARD, {"served": served, "receiving": receiving})
    _watch_apps()
    _watch_temporary_files()


def _watch_apps() -> None:
    original = App.create_app
    if hasattr(original, _WRAPPED):
        return

    @functools.wraps(original)
    def create_app(blocks: gr.Blocks, *args: Any, **kwargs: Any) -> Any:
        app = original(blocks, *args, **kwargs)
        options = getattr(blocks, _GUARD, None)
        if options is not None:
            app.add_middleware(RequestGuard, **options)
        return app

    setattr(create_app, _WRAPPED, True)
    App.create_app = staticmethod(create_app)


def _watch_temporary_files() -> None:
    """Note the files that gradio writes uploads into: it leaves those of one that breaks off."""
    original = getattr(route_utils, "NamedTemporaryFile", None)
    if original is None or hasattr(original, _WRAPPED):
        return

    @functools.wraps(original)
    def named_temporary_file(*args: Any, **kwargs: Any) -> Any:
        file = original(*args, **kwargs)
        arriving = ARRIVING.get()
        if arriving is not None:
            arriving.append(file)
        return file

    setattr(named_temporary_file, _WRAPPED, True)
    route_utils.NamedTemporaryFile = named_temporary_file
