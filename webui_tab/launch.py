"""Serve the tab as a page of its own, and leave nothing behind.

Everything a page holds on disk lies under one private folder (mode 0700) that is made here and deleted
when the server ends. A server that was killed could not delete its own; the next one does.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gpt_sovits_emotion.core.errors import BackendError
from gpt_sovits_emotion.core.messages import tr
from webui_tab.request_guard.access import Serving
from webui_tab.storage import private_folder

if TYPE_CHECKING:
    from webui_tab.app_context import AppContext

__all__ = ["Server", "launch", "served"]

_PREFIX = "gpt-sovits-emotion-web-"
_PORTS_TRIED = 20

_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self' data: blob:; worker-src 'self' blob:; "
    "frame-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
"""What a browser may load for our page: from this server alone. Gradio's own page asks for web fonts
and a script from other sites, which would tell them when somebody opens it."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server.

    Attributes:
        url: Where the page is.
        root: The private folder; under ``files`` lie the pages' folders and uploads.
    """

    url: str
    root: Path


def launch(
    *,
    port: int = 9876,
    lang: str = "auto",
    open_browser: bool = True,
    app: AppContext | None = None,
    serving: Serving | None = None,
) -> None:
    """Serve the page until Ctrl-C or SIGTERM.

    Args:
        port: Where to listen; when it is taken, the next free one is.
        lang: ``auto`` to follow the browser, ``en`` or ``zh``.
        open_browser: Whether to open the page in the default browser.
        app: Engines and where models are looked for; the defaults when None.
        serving: For whom it is served; this machine alone when None.

    Raises:
        BackendError: No port is free.
    """
    ended = threading.Event()
    with (
        _on_terminate(ended),
        served(port=port, lang=lang, app=app, serving=serving) as server,
    ):
        # Uploads arrive in the folder for temporary files; that of a server that is killed is found there.
        tempfile.tempdir = str(server.root)
        taken = "" if server.url.endswith(f":{port}/") else f" (port {port} was taken)"
        print(f"The page is at {server.url}{taken}; Ctrl-C ends it.", file=sys.stderr)
        if open_browser:
            import webbrowser

            webbrowser.open(server.url)
        with contextlib.suppress(KeyboardInterrupt):
            ended.wait()


@contextlib.contextmanager
def served(
    *,
    port: int,
    lang: str = "auto",
    app: AppContext | None = None,
    serving: Serving | None = None,
) -> Iterator[Server]:
    """Serve the page in the background; on leaving, end the server and delete all that it held.

    Raises:
        As `launch`.
    """
    with private_folder(Path(tempfile.gettempdir()), prefix=_PREFIX) as root:
        files = root / "files"
        files.mkdir(mode=0o700)
        # Gradio reads these when it is imported and when components are made.
        os.environ["GRADIO_TEMP_DIR"] = str(files)
        os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
        yield from _serve(root, files, port, lang, app, serving or Serving())


def _serve(
    root: Path, files: Path, port: int, lang: str, app: AppContext | None, serving: Serving
) -> Iterator[Server]:
    import gradio as gr
    from starlette.middleware import Middleware

    from webui_tab.app_context import AppContext as NewContext
    from webui_tab.gradio_releases import launch_options, page_options
    from webui_tab.page import build_tab
    from webui_tab.pages import Pages
    from webui_tab.request_guard.guard import guard
    from webui_tab.request_guard.receiving import Receiving

    pages = Pages(files)
    theme = gr.themes.Default(
        primary_hue="teal",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    )
    with gr.Blocks(
        title="GPT-SoVITS emotion", analytics_enabled=False, **page_options(theme)
    ) as blocks:
        end_training = build_tab(
            blocks, pages, app or NewContext(), upload_root=files, language=lang
        )
    guard(
        blocks,
        address=serving.address,
        allowed=serving.allowed,
        receiving=Receiving(
            pages.uploads, max_bytes=serving.max_upload_bytes, presence=pages.presence
        ),
    )
    try:
        with _no_proxy_between():
            # Closed to plain requests: whoever asks must say for which open page, through the queue.
            _, url, _ = blocks.queue(default_concurrency_limit=None, api_open=False).launch(
                server_name=f"[{serving.address}]" if ":" in serving.address else serving.address,
                server_port=_free_port(port, serving.address),
                auth=list(serving.accounts) or None,
                share=False,
                **launch_options(theme),
                quiet=True,
                inbrowser=False,
                prevent_thread_lock=True,
                app_kwargs={
                    "middleware": [Middleware(_Policy)],
                    "docs_url": None,
                    "redoc_url": None,
                },
            )
        yield Server(url, root)
    finally:
        end_training()
        pages.forget_all()
        blocks.close(verbose=False)


@contextlib.contextmanager
def _no_proxy_between() -> Iterator[None]:
    """Keep gradio's own request to the page that it starts from going through a proxy of the user's."""
    names = ("no_proxy", "NO_PROXY")
    before = {name: os.environ.get(name) for name in names}
    for name, value in before.items():
        os.environ[name] = ",".join(filter(None, (value, "localhost,127.0.0.1,::1")))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


class _Policy:
    """Adds the policy above to every answer, and forbids keeping any of them in a cache."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message["headers"],
                    (b"content-security-policy", _POLICY.encode()),
                    (b"referrer-policy", b"no-referrer"),
                    (b"x-content-type-options", b"nosniff"),
                ]
                if "/file=" in scope.get("path", ""):
                    message["headers"].append((b"cache-control", b"no-store"))
            await send(message)

        await self._app(scope, receive, with_headers)


def _free_port(port: int, address: str) -> int:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for candidate in range(port, min(port + _PORTS_TRIED, 65536)):
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            if os.name != "nt":  # there it would let two servers share a port
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, candidate))
            except OSError as error:
                if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                    raise BackendError(
                        tr(
                            "this machine does not have the address {address}; give --host another, or "
                            "0.0.0.0",
                            address=address,
                        )
                    ) from None
                continue
            return candidate
    raise BackendError(
        tr(
            "ports {port} to {port_2} are all taken; choose another with --port",
            port=port,
            port_2=port + _PORTS_TRIED - 1,
        )
    )


@contextlib.contextmanager
def _on_terminate(ended: threading.Event) -> Iterator[None]:
    """Let SIGTERM, or the closing of the terminal, end the server in order.

    Only the main thread hears of signals; elsewhere nothing is done.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    names = ("SIGTERM", "SIGHUP", "SIGBREAK")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.signal(number, lambda *_: ended.set()) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
