"""A voice's bank on the command line: opened, with what a person should know of it, and shown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpt_sovits_emotion.cli.arguments import BadValue
from gpt_sovits_emotion.cli.console import echo, padded, say, shown_width, styled
from gpt_sovits_emotion.core.labels import display_name, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpt_sovits_emotion.core.records import ReferenceBank, ReferenceClip

__all__ = ["clip_cells", "echo_coverage", "layout_to_write", "opened_bank"]

_LONGEST_TEXT = 48


def opened_bank(path: Path, language: str, **limits: float) -> ReferenceBank:
    """Load a bank, and say what was passed over and which pins cannot be used.

    What its builder noted is not said again.

    Args:
        path: The bank.
        language: ``zh``, or anything else for English.
        limits: Of the host that will speak, as `banks.load_bank` takes them.

    Raises:
        ReferenceBankError: It is no bank, or none of its clips can be used.
    """
    from gpt_sovits_emotion.banks.library.bank import load_noted_bank

    bank, notes = load_noted_bank(path, **limits)  # type: ignore[arg-type]
    for note in notes:
        say(note.say(language))
    return bank


def echo_coverage(bank: ReferenceBank, language: str) -> None:
    """Print what a bank has of each emotion, and what stands in for the others."""
    from gpt_sovits_emotion.banks.library.coverage import coverage, coverage_table

    heading, rows = coverage_table(coverage(bank), language=language)
    widths = [max(shown_width(row[i]) for row in (heading, *rows)) for i in range(len(heading))]
    echo(styled(_line(heading, widths), bold=True))
    for row in rows:
        echo(_line(row, widths))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    columns = (padded(cell, width) for cell, width in zip(cells, widths, strict=True))
    return "  ".join(columns).rstrip()


def clip_cells(clip: ReferenceClip, language: str) -> list[str]:
    """Return what is shown of a clip in one line: emotion, how sure, length, language, name, text."""
    label = display_name(clip.emotion, language) or ("默认" if language == "zh" else "default")
    sure = percent(max(clip.probabilities.values())) if clip.probabilities else ""
    length = "" if clip.duration_s is None else f"{clip.duration_s:.1f} s"
    text = clip.text if len(clip.text) <= _LONGEST_TEXT else f"{clip.text[: _LONGEST_TEXT - 1]}…"
    cells = (
        (label, 10),
        (sure, 4),
        (length, 6),
        (clip.language, 3),
        (clip.path.name, 28),
    )
    return [padded(cell, width) for cell, width in cells] + [text]


def layout_to_write(context: click.Context, parameter: click.Parameter, name: str) -> str:
    """Return the layout that is to be written. Raises `BadValue` where none has the name."""
    from gpt_sovits_emotion.banks.library.writing import export_layouts

    known = export_layouts()
    if name not in known:
        raise BadValue(
            f"{name!r} is none of {', '.join(known)}",
            zh=f"{name!r} 不是以下之一：{', '.join(known)}",
            param=parameter,
        )
    return name
