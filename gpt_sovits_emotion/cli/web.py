"""``web``: the tab as a page of its own."""

from __future__ import annotations

from pathlib import Path

import click

from gpt_sovits_emotion.cli.arguments import FilePath
from gpt_sovits_emotion.cli.console import say
from gpt_sovits_emotion.cli.language import language

__all__ = ["allow_host_option", "web"]

allow_host_option = click.option(
    "--allow-host",
    "allowed",
    metavar="NAME",
    multiple=True,
    help="A name under which the page is reached, beside its address: that of a reverse proxy, or "
    "*.example.org. Requests under other names are refused. May be given again; also "
    "$GPT_SOVITS_EMOTION_ALLOW_HOST, with commas.",
)


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=9876, show_default=True)
@click.option(
    "--lang",
    type=click.Choice(["auto", "en", "zh"]),
    default=lambda: "zh" if language() == "zh" else "auto",  # --lang in front of the command
    show_default="auto",
)
@click.option("--no-browser", is_flag=True, help="Do not open a browser.")
@click.option(
    "--host",
    metavar="ADDRESS",
    default="127.0.0.1",
    show_default=True,
    help="Address to serve at; 0.0.0.0 for every network that this machine is in.",
)
@allow_host_option
@click.option(
    "--auth",
    metavar="USER:PASSWORD",
    help="Ask for a password. Others on this machine can see what stands on a command line: better give "
    "--auth-file, or $GPT_SOVITS_EMOTION_AUTH.",
)
@click.option(
    "--auth-file",
    metavar="FILE",
    type=FilePath(),
    help="Ask for a password: one USER:PASSWORD a line.",
)
@click.option(
    "--max-upload",
    metavar="SIZE",
    default="2GB",
    show_default=True,
    help="The largest file that the page takes.",
)
def web(
    port: int,
    lang: str,
    no_browser: bool,
    host: str,
    allowed: tuple[str, ...],
    auth: str | None,
    auth_file: Path | None,
    max_upload: str,
) -> None:
    """Open the tab in a browser, served on this machine only (127.0.0.1) unless --host says otherwise."""
    import os

    from webui_tab.launch import launch
    from webui_tab.request_guard.access import (
        ALLOW_HOST_VARIABLE,
        Serving,
        accounts_of,
        address_of,
        named_hosts,
        size_of,
        warnings_of,
    )

    serving = Serving(
        address_of(host),
        named_hosts([*allowed, os.environ.get(ALLOW_HOST_VARIABLE, "")]),
        accounts_of(auth, auth_file),
        size_of(max_upload),
    )
    for warning in warnings_of(serving, auth_file):
        say(warning.say("zh" if lang == "zh" else "en"))
    launch(port=port, lang=lang, open_browser=not no_browser, serving=serving)
