"""``launch``: GPT-SoVITS with the tab, without any installation."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpt_sovits_emotion.cli.install import checkout_option, python_option
from gpt_sovits_emotion.cli.web import allow_host_option

if TYPE_CHECKING:
    from webui_tab.starting import Page

__all__ = ["launch"]


@click.command(context_settings={"ignore_unknown_options": True})
@checkout_option
@click.option(
    "--page",
    type=click.Choice(["main", "default", "fast"]),
    default="main",
    show_default=True,
    help="main: GPT-SoVITS's own start page, whose button for inference then opens a page with the tab. "
    "default, fast: that page itself.",
)
@python_option
@allow_host_option
@click.argument("arguments", nargs=-1, metavar="[-- ARGUMENTS OF GPT-SOVITS]")
def launch(
    checkout: Path,
    page: Page,
    python: Path | None,
    allowed: tuple[str, ...],
    arguments: tuple[str, ...],
) -> int:
    """Start GPT-SoVITS with the tab in it; nothing is installed or written. Ctrl-C ends all of it.

    What follows -- is handed on, such as the language:  launch --checkout GPT-SoVITS -- zh_CN
    """
    from webui_tab.starting import start

    return start(checkout, page=page, python=python, allowed=allowed, arguments=arguments)
