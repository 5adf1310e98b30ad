"""Help."""

from __future__ import annotations

import click


def translate(command: click.Command) -> None:
    """Nothing yet."""
