"""``web``: the tab as a page of its own."""

from __future__ import annotations

import click

__all__ = ["web"]


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), default=9876, show_default=True)
@click.option("--lang", type=click.Choice(["auto", "en", "zh"]), default="auto", show_default=True)
@click.option("--no-browser", is_flag=True, help="Do not open a browser.")
def web(port: int, lang: str, no_browser: bool) -> None:
    """Open the tab in a browser, served on this machine only (127.0.0.1)."""
    from webui_tab.launch import launch

    launch(port=port, lang=lang, open_browser=not no_browser)
