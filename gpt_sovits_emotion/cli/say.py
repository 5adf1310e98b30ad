"""``say BANK TEXT…``: say texts that nobody recorded, each in the emotion that is written before it."""

from __future__ import annotations

import sys
from dataclasses import replace as with_fields
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpt_sovits_emotion.cli.arguments import FilePath, Folder, Misuse, Place
from gpt_sovits_emotion.cli.console import print_json, progress_bar
from gpt_sovits_emotion.cli.console import say as tell
from gpt_sovits_emotion.cli.inputs import check_banks
from gpt_sovits_emotion.cli.options import (
    heads_dir_option,
    language_option,
    lending_options,
    open_engines_for,
    replace_option,
    whisper_options_of,
)
from gpt_sovits_emotion.cli.results import check_out
from gpt_sovits_emotion.cli.settings import (
    ChoosingSettings,
    ModelSettings,
    SpeakingSettings,
    with_settings,
)
from gpt_sovits_emotion.cli.speaking import (
    check_no_pins,
    choosing_options,
    directions_option,
    learn_option,
    loaded_bank,
    prosody_bank,
    speaking_of,
    speaking_options,
    voice_of,
)
from gpt_sovits_emotion.cli.texts import encoding_option
from gpt_sovits_emotion.core.messages import tr

if TYPE_CHECKING:
    from gpt_sovits_emotion.engines import Engines
    from gpt_sovits_emotion.transcripts import Line

__all__ = ["say"]


@click.command("say")
@click.argument("bank", type=Place())
@click.argument("texts", metavar="[TEXT]...", nargs=-1)
@click.option(
    "--file",
    "file",
    type=FilePath(or_stdin=True),
    help="Say the lines of this text file, one segment each ('-': of the standard input), or those of a "
    "transcript (.json, .srt, .vtt, .ass, …) in its emotions, without its times.",
)
@encoding_option
@click.option(
    "--out",
    required=True,
    type=Folder(),
    help="Folder for the report, the audio and its subtitles.",
)
@click.option(
    "--emotion", default="neutral", show_default=True, help="Of texts that begin with no tag."
)
@click.option(
    "--language",
    metavar="CODE",
    default="",
    help="Of the texts; told by their script when not given.",
)
@click.option("--judge", metavar="ID|PATH", help="The head that listens.  [default: as annotate]")
@heads_dir_option
@click.option(
    "--speaker-statistics/--no-speaker-statistics",
    default=None,
    help="Judge against the voice's own usual always, or never.  [default: as far as the texts seem to be in "
    "several moods]",
)
@click.option(
    "--whisper",
    metavar="MODEL",
    default="auto",
    show_default=True,
    help="Listens to the words of each take, where it is on this machine; 'auto' takes small, else base; "
    "'none' leaves that out.",
)
@click.option(
    "--models-dir",
    type=Folder(exists=True),
    help="Folder that holds faster-whisper models.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@replace_option
@directions_option("leave-out")
@choosing_options
@learn_option
@speaking_options
@lending_options
@language_option
@with_settings(models=ModelSettings, speaking=SpeakingSettings, choosing=ChoosingSettings)
def say(
    bank: Path,
    texts: tuple[str, ...],
    file: Path | None,
    out: Path,
    emotion: str,
    language: str,
    as_json: bool,
    replace: bool,
    encoding: str,
    speaker_statistics: bool | None,
    lang: str,
    models: ModelSettings,
    speaking: SpeakingSettings,
    choosing: ChoosingSettings,
) -> int:
    """Say each TEXT with the clips of BANK, in the emotion that it begins with: "[happy] What a day!".

    Tags may be written as [happy], 【开心】, (happy) or <|HAPPY|>, before or behind the words. With --api
    the voice is the one that a
    running GPT-SoVITS server has loaded; without, it is eSpeak NG, which clones nobody.

    The exit code is 0 when every text was said, 3 when some were not, 1 when none was.
    """
    from gpt_sovits_emotion.core.progress import part_of
    from gpt_sovits_emotion.deliver import deliver
    from gpt_sovits_emotion.pipeline import say as say_texts
    from gpt_sovits_emotion.tagging import TagOptions

    check_out(out, replace=replace)
    lines, name = _lines(texts, file, encoding=encoding, lang=lang)
    check_banks(bank, choosing, speaking)
    engines = open_engines_for(with_fields(models, head=models.judge), speaking)
    _check_way(engines, choosing)
    voice = loaded_bank(bank, engines, choosing.pins, language=lang, emotion=emotion, texts=lines)
    engines, known = voice_of(bank, engines, learn=choosing.learn)
    words = whisper_options_of(with_fields(models, offline=True))
    with progress_bar(name) as progress:
        result = say_texts(
            lines,
            voice,
            engines,
            emotion=emotion,
            language=language,
            name=name,
            options=TagOptions(speaker_statistics),
            speaking=speaking_of(speaking, choosing, words=words, voice=known),
            prosody_from=prosody_bank(engines, choosing, language=lang),
            progress=part_of(progress, 0.0, 0.9),
        )
        report = deliver(result, None, out, language=lang, progress=part_of(progress, 0.9, 1.0))
    for note in result.tagging.transcript.notes:
        tell(f"{name}: {note.say(lang)}")
    from gpt_sovits_emotion.cli.outcome import echo_files, echo_outcome, outcome_code

    if as_json:
        print_json(report.to_dict())
    else:
        echo_outcome(result, lang, with_texts=True)
    echo_files(report, out)
    return outcome_code(result)


def _check_way(engines: Engines, choosing: ChoosingSettings) -> None:
    from gpt_sovits_emotion.synthesis.prosody_source import ProsodySource, check_prosody_source

    check_no_pins(choosing)
    way = "clip" if choosing.prosody_from is None else "bank"
    check_prosody_source(ProsodySource(way), engines.backend.limits, backend=engines.backend.title)


def _lines(
    texts: tuple[str, ...], file: Path | None, *, encoding: str, lang: str
) -> tuple[list[str | Line], str]:
    """Return the texts, and what to call them; say what one should know of how they were read.

    Raises:
        TranscriptError: The file cannot be read, or is no text.
    """
    if (file is None) == (not texts):
        raise Misuse(tr("give texts, or a file of them with --file"))
    if file is None:
        return list(texts), "text"
    from gpt_sovits_emotion.synthesis.text_input import file_to_say, text_to_say
    from gpt_sovits_emotion.transcripts import TextFile
    from gpt_sovits_emotion.transcripts.decoding import decoded

    if str(file) == "-":
        name = "stdin"
        found = text_to_say(
            decoded(sys.stdin.buffer.read(), name=name, encoding=encoding, by_option=True),
            name=name,
        )
    else:
        name = file.name
        found = file_to_say(TextFile(file, encoding, by_option=True))
    for note in found.notes:
        tell(f"{name}: {note.say(lang)}")
    return list(found.lines), name
