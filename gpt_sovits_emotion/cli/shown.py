r"""Showing text: what other people wrote cannot do anything to a terminal.

Whatever is shown goes through `echo`, `say` or `print_json`. File names, transcripts, cards and the answers
of servers are other people's words: characters that would move the cursor, colour the screen or turn the
direction of writing are shown as escapes (``\x1b``), and so are bytes of a file name that are no UTF-8.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
import sys
from contextlib import suppress
from typing import Any

import click

from gpt_sovits_emotion.cli.language import in_language
from gpt_sovits_emotion.core.errors import OutputError
from gpt_sovits_emotion.core.visible import UNSEEN, visible

__all__ = ["abandon_stdout", "echo", "print_json", "say", "styled", "visible"]

# Stands for the escape character in what `styled` returns; nobody who names a file can guess it.
_OURS = f"\ue000{secrets.token_hex(8)}\ue001"


def styled(text: str, **style: Any) -> str:
    """Return a text in a colour or weight that `echo` shows; see ``click.style``."""
    return click.style(visible(text), **style).replace("\x1b", _OURS)


def echo(line: str = "", *, err: bool = False) -> None:
    """Print one line, on stdout or stderr, as `visible` shows it.

    Raises:
        OutputError: The standard output cannot be written: the disk that it goes to is full.
        BrokenPipeError: Nobody reads it any more.
    """
    shown = visible(line).replace(_OURS, "\x1b")
    if err:
        with suppress(OSError):  # there is nowhere to tell it
            click.echo(shown, err=True)
        return
    try:
        click.echo(shown)
    except BrokenPipeError:
        raise
    except OSError as error:
        abandon_stdout()
        full = error.errno == errno.ENOSPC
        why = "the disk is full" if full else error.strerror or str(error)
        why_zh = "磁盘已满" if full else error.strerror or str(error)
        raise OutputError(
            f"the result could not be printed ({why}): send the standard output elsewhere and run again",
            zh=f"无法输出结果（{why_zh}）：请将标准输出改到别处后重试",
        ) from error


def abandon_stdout() -> None:
    """Let what is still to be printed go nowhere, so that nothing is said of it when Python ends."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def print_json(held: object) -> None:
    """Print JSON in one line on stdout, for programs; its text is valid in any encoding.

    Raises:
        OutputError, BrokenPipeError: As `echo`.
    """
    text = json.dumps(held, ensure_ascii=False)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        text = json.dumps(held)
    # What JSON may hold as it is and a terminal would obey: inside strings it can be escaped.
    echo(UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def say(message: str, *, zh: str | None = None) -> None:
    """Say something to the person, on stderr.

    Args:
        message: In English, or in the language that is spoken where it was chosen before.
        zh: The same in Chinese.
    """
    echo(message if zh is None else in_language(message, zh), err=True)
