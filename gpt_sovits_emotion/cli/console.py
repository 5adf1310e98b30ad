"""What a person sees while a command runs; what others wrote can do nothing to a terminal."""

from __future__ import annotations

import errno
import json
import os
import secrets
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import click

from gpt_sovits_emotion.cli.language import in_language, language
from gpt_sovits_emotion.core.errors import OutputError
from gpt_sovits_emotion.core.labels import colour_of, display_name
from gpt_sovits_emotion.core.messages import in_both, tr
from gpt_sovits_emotion.core.progress import Progress, doing_in
from gpt_sovits_emotion.core.records import RecordingInfo, Sentence, TaggedTranscript
from gpt_sovits_emotion.core.visible import UNSEEN, visible

__all__ = [
    "abandon_stdout",
    "clock",
    "echo",
    "echo_transcript",
    "echo_warnings",
    "padded",
    "print_json",
    "progress_bar",
    "say",
    "shown_width",
    "styled",
    "visible",
]


@contextmanager
def progress_bar(name: str) -> Iterator[Progress]:
    """Show a bar on stderr while a terminal is there; yield the `Progress` that moves it."""
    from tqdm import tqdm

    layout = "{desc}: {percentage:3.0f}% |{bar}| {elapsed}<{remaining}"
    name = visible(name)
    with tqdm(total=1.0, desc=name, bar_format=layout, leave=False, disable=None) as bar:

        def progress(fraction: float, doing: str) -> None:
            told = visible(doing_in(language(), doing))
            bar.set_description_str(f"{name}: {told}", refresh=False)
            bar.update(max(fraction - bar.n, 0.0))

        yield progress


def echo_warnings(info: RecordingInfo, language: str) -> None:
    """Say what is remarkable about a recording."""
    for warning in info.warnings:
        say(f"{info.name}: {warning.say(language)}")
    if info.gain_db >= 1:
        say(
            tr("{info}: brought to level by {gain_db:.0f} dB", info=info.name, gain_db=info.gain_db)
        )


def echo_transcript(name: str, transcript: TaggedTranscript, language: str) -> None:
    """Print a tagged transcript on stdout, one segment a paragraph."""
    echo(styled(name, bold=True))
    for tagged in transcript.segments:
        segment = tagged.segment
        label = padded(display_name(tagged.label, language), 10)
        times = f"{clock(segment.start_s)} - {clock(segment.end_s)}"
        label = styled(label, fg=_rgb(colour_of(tagged.label)), bold=True)
        who = in_language(tr("{speaker}: ", speaker=segment.speaker)) if segment.speaker else ""
        echo(f"  {times}  {label}  {who}{tagged.text}")
        why = tagged.scores.reason if tagged.scores else tagged.problem
        if why is not None:
            echo(f"  {'':{len(times)}}  {styled(why.say(language), dim=True)}")
    if transcript.wordless_note is not None:
        echo(f"  {transcript.wordless_note.say(language)}")
    title = transcript.head_title.say(language)
    source = in_language(
        tr(
            "words: {transcriber}; emotion: {title}",
            transcriber=transcript.transcriber,
            title=title,
        )
    )
    echo(f"  ({source}; {transcript.normalisation_note.say(language)})")
    for one in transcript.notes:
        echo(f"  ({one.say(language)})")


def clock(seconds: float) -> str:
    """Return a time as ``m:ss.t`` or ``h:mm:ss.t``."""
    tenths = round(seconds * 10)
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    rest = f"{minutes:02d}" if hours else f"{minutes}"
    return f"{f'{hours}:' if hours else ''}{rest}:{tenths // 10:02d}.{tenths % 10}"


def shown_width(text: str) -> int:
    """Return how many columns a text takes in a terminal, where Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in visible(text))


def padded(text: str, width: int) -> str:
    """Return a text with blanks behind it up to so many columns of a terminal."""
    return text + " " * max(width - shown_width(text), 0)


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


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
            tr(
                "the result could not be printed ({why}): send the standard output elsewhere and run again",
                why=in_both(why, why_zh),
            )
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


def say(message: str | Sentence, *, zh: str | None = None) -> None:
    """Say something to the person, on stderr.

    Args:
        message: In two languages; or in English, or in the language that is spoken.
        zh: The same in Chinese, where `message` is English alone.
    """
    if zh is not None:
        message = in_language(str(message), zh)
    echo(message if isinstance(message, str) else message.say(language()), err=True)
