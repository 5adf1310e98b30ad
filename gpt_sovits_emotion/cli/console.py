"""What a person sees while a command runs: progress on stderr, and the result as a table."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

from gpt_sovits_emotion.cli.language import in_language, language
from gpt_sovits_emotion.cli.shown import echo, print_json, say, styled, visible
from gpt_sovits_emotion.core.labels import colour_of, display_name
from gpt_sovits_emotion.core.progress import Progress
from gpt_sovits_emotion.core.progress_words import doing_in
from gpt_sovits_emotion.core.records import RecordingInfo, TaggedTranscript

__all__ = [
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
            f"{info.name}: brought to level by {info.gain_db:.0f} dB",
            zh=f"{info.name}：音量提高了 {info.gain_db:.0f} dB",
        )


def echo_transcript(name: str, transcript: TaggedTranscript, language: str) -> None:
    """Print a tagged transcript on stdout, one segment a paragraph."""
    echo(styled(name, bold=True))
    for tagged in transcript.segments:
        segment = tagged.segment
        label = padded(display_name(tagged.label, language), 10)
        times = f"{clock(segment.start_s)} - {clock(segment.end_s)}"
        label = styled(label, fg=_rgb(colour_of(tagged.label)), bold=True)
        who = in_language(f"{segment.speaker}: ", f"{segment.speaker}：") if segment.speaker else ""
        echo(f"  {times}  {label}  {who}{tagged.text}")
        why = tagged.scores.reason if tagged.scores else tagged.problem
        if why is not None:
            echo(f"  {'':{len(times)}}  {styled(why.say(language), dim=True)}")
    if transcript.wordless_note is not None:
        echo(f"  {transcript.wordless_note.say(language)}")
    title = transcript.head_title.say(language)
    source = in_language(
        f"words: {transcript.transcriber}; emotion: {title}",
        f"文字：{transcript.transcriber}；情感：{title}",
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
