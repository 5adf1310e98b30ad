"""Options on files of words: which lies beside a recording, and in which encoding it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpt_sovits_emotion.cli.arguments import BadValue, FilePath
from gpt_sovits_emotion.cli.settings import RecordingSettings
from gpt_sovits_emotion.core.messages import tr

if TYPE_CHECKING:
    from gpt_sovits_emotion.transcripts import TextFile

__all__ = ["TRANSCRIPT_OPTIONS", "encoding_option", "existing_transcript"]


def _checked(context: click.Context, parameter: click.Parameter, encoding: str) -> str:
    if encoding:
        from gpt_sovits_emotion.core.errors import TranscriptError
        from gpt_sovits_emotion.transcripts.decoding import codec_of

        try:
            codec_of(encoding)
        except TranscriptError as error:
            raise BadValue(str(error), zh=error.say("zh"), param=parameter) from error
    return encoding


encoding_option = click.option(
    "--encoding",
    metavar="NAME",
    default="",
    callback=_checked,
    help="Encoding of the text file, such as gb18030, big5, shift-jis, euc-kr, cp1251.  [default: found out]",
)
"""The option on the encoding of a text file."""

TRANSCRIPT_OPTIONS = (
    click.option(
        "--transcriber",
        metavar="NAME",
        default="faster-whisper",
        show_default=True,
        help="Who transcribes: faster-whisper, or one that a plug-in adds (see plugins).",
    ),
    click.option(
        "--transcript",
        type=FilePath(),
        help="Take the words from this file (subtitles, lyrics, labels, text with or without times, "
        "Whisper's JSON or TSV, our .json); 'beside' takes the one that lies beside the recording, in the "
        "--language.",
    ),
    encoding_option,
)
"""The options on who transcribes, and on a transcript that is there already."""


def existing_transcript(settings: RecordingSettings, recording: Path) -> TextFile | None:
    """Return the transcript file that ``--transcript`` means for one recording.

    Raises:
        TranscriptError: ``beside`` was asked for and nothing lies there, or in several languages.
    """
    from gpt_sovits_emotion.core.errors import TranscriptError
    from gpt_sovits_emotion.transcripts import TextFile, find_transcript_beside, readable_endings

    wanted, encoding = settings.transcript, settings.encoding
    if wanted is None:
        return None
    if str(wanted) != "beside":
        return _of_film(TextFile(wanted, encoding, by_option=True), recording)
    found = find_transcript_beside(recording, language=settings.language or "")
    if found is None:
        endings = ", ".join(sorted(readable_endings()))
        raise TranscriptError(
            tr(
                "no transcript lies beside {recording}; a file of the same name ending in one of "
                "{endings} was expected",
                recording=recording,
                endings=endings,
            )
        )
    return _of_film(TextFile(found, encoding, by_option=True), recording)


def _of_film(file: TextFile, recording: Path) -> TextFile:
    """Let whoever reads a file that counts its times in frames look how many a second the film has.

    The film is the recording, or lies beside the file: its sound may have been taken out before.
    """

    def film_rate() -> float | None:
        from gpt_sovits_emotion.audio import frames_per_s
        from gpt_sovits_emotion.transcripts.beside import named_after

        try:
            around = sorted(path for path in file.path.parent.iterdir() if path.is_file())
        except OSError:
            around = []  # reading the file says what is wrong
        name = file.path.name
        films = [path for path in around if path != file.path and named_after(name, path.name)]
        rates = (frames_per_s(path) for path in (recording, *films))
        return next((rate for rate in rates if rate), None)

    return replace(file, film_rate=film_rate)
