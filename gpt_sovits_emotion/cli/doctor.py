"""``doctor --checkout DIR``: what works in a GPT-SoVITS installation, and what mends the rest."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpt_sovits_emotion.cli.arguments import FilePath, Folder
from gpt_sovits_emotion.cli.console import echo, print_json, progress_bar, styled
from gpt_sovits_emotion.cli.options import heads_dir_option, language_option

if TYPE_CHECKING:
    from gpt_sovits_emotion.doctor import Finding, State

__all__ = ["doctor"]

_COLOURS = {"ok": "green", "warning": "yellow", "broken": "red"}


@click.command()
@click.option(
    "--checkout",
    required=True,
    type=Folder(exists=True),
    help="The GPT-SoVITS checkout: the folder that holds webui.py.",
)
@click.option(
    "--python",
    type=FilePath(exists=True),
    help="The Python that runs it.  [default: runtime/python.exe of a Windows package, else this one]",
)
@heads_dir_option
@click.option(
    "--fingerprints",
    is_flag=True,
    help="Load the encoders' weights and compare them with those that heads were trained on.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@language_option
def doctor(
    checkout: Path,
    python: Path | None,
    heads_dirs: tuple[Path, ...],
    fingerprints: bool,
    as_json: bool,
    lang: str,
) -> int:
    """Say what works in a GPT-SoVITS installation, what does not, and the command that mends it.

    Nothing is changed. The exit code is 1 when something is broken that stops GPT-SoVITS or the tab.
    """
    from gpt_sovits_emotion.cli.doctor_report import report_lines
    from gpt_sovits_emotion.doctor import examine
    from gpt_sovits_emotion.heads import head_folders

    with progress_bar("doctor") as progress:
        report = examine(
            checkout,
            python=python,
            heads_folders=head_folders(heads_dirs),
            fingerprints=fingerprints,
            more=_tab_findings(checkout, python),
            progress=progress,
        )
    if as_json:
        print_json(report.to_dict())
    else:
        for line in report_lines(report, lang, paint=_painted):
            echo(line)
    return int(report.is_broken)


def _tab_findings(checkout: Path, python: Path | None) -> list[Finding]:
    from gpt_sovits_emotion.backends.gpt_sovits.layout import Checkout
    from gpt_sovits_emotion.doctor import Finding
    from webui_tab.install import status

    root = Checkout(checkout).root
    return [Finding("tab", "ok", sentence) for sentence in status(root, python=python)]


def _painted(word: str, state: State) -> str:
    return styled(word, fg=_COLOURS[state], bold=state != "ok")
