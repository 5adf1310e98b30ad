"""``install``, ``uninstall`` and ``launch``: the tab inside GPT-SoVITS, for good or for once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gpt_sovits_emotion.cli.arguments import Folder, Place
from gpt_sovits_emotion.cli.console import say
from gpt_sovits_emotion.cli.options import language_option
from gpt_sovits_emotion.cli.web import allow_host_option

if TYPE_CHECKING:
    from webui_tab.install import Route
    from webui_tab.starting import Page

__all__ = [
    "checkout_option",
    "install",
    "launch",
    "python_option",
    "uninstall",
]

checkout_option = click.option(
    "--checkout",
    required=True,
    type=Folder(),
    help="The folder of GPT-SoVITS, which holds webui.py.",
)
"""The option on the checkout."""

python_option = click.option(
    "--python",
    type=Place(),
    help="The python that runs GPT-SoVITS.  [default: its runtime/python.exe if it has one, else the "
    "python that runs this]",
)
"""The option on the checkout's python."""


@click.command()
@checkout_option
@python_option
@click.option(
    "--route",
    type=click.Choice(["pth", "scripts"]),
    default="pth",
    show_default=True,
    help="pth: one line in that python's site-packages, nothing in the checkout. scripts: a marked block "
    "in the two scripts that serve the page.",
)
@language_option
def install(checkout: Path, python: Path | None, route: Route, lang: str) -> None:
    """Put the tab into GPT-SoVITS's inference page, however it is started."""
    from webui_tab import install as installing

    _say_all(installing.install(checkout, python=python, route=route), lang)


@click.command()
@checkout_option
@python_option
@language_option
def uninstall(checkout: Path, python: Path | None, lang: str) -> None:
    """Take the tab out of GPT-SoVITS again, and leave it byte for byte as it was."""
    from webui_tab import install as installing

    _say_all(installing.uninstall(checkout, python=python), lang)


def _say_all(sentences: list[Any], language: str) -> None:
    for sentence in sentences:
        say(sentence.say(language))


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
