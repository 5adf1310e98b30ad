"""``annotate FILE…``: what was said, and in which emotion."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gpt_sovits_emotion.cli.console import echo_transcript, say
from gpt_sovits_emotion.cli.options import (
    head_options,
    hearing_options,
    language_option,
    open_engines_for,
    opened,
    speaker_option,
    tag_options_of,
    whisper_options_of,
)
from gpt_sovits_emotion.cli.speaking import learn_option, voice_that_speaks
from gpt_sovits_emotion.cli.texts import existing_transcript
from gpt_sovits_emotion.errors import EmotionError

if TYPE_CHECKING:
    from gpt_sovits_emotion.engines import Engines
    from gpt_sovits_emotion.tag import Tagging

__all__ = ["annotate", "summary_of"]


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per file, one a line.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Write files into this folder."
)
@click.option(
    "--format",
    "formats",
    multiple=True,
    metavar="NAME",
    help="With --out: json, srt, vtt, ass, txt, csv, rich-text (repeatable).  [default: json]",
)
@click.option(
    "--skip-done",
    is_flag=True,
    help="With --out: leave out recordings whose files are there already (to resume).",
)
@click.option(
    "--voice",
    type=click.Path(path_type=Path),
    help="The bank of the voice that speaks: judge by what its labelled clips taught, or against that "
    "voice's own usual, known since the bank was built (refs build).",
)
@learn_option
@hearing_options
@head_options
@speaker_option
@language_option
def annotate(
    files: tuple[Path, ...],
    as_json: bool,
    out: Path | None,
    formats: tuple[str, ...],
    skip_done: bool,
    **given: Any,
) -> int:
    """Transcribe FILES and tag the emotion of every segment.

    Any audio, or video with sound. The result goes to stdout, or into files with --out.
    """
    formats = formats or ("json",)
    targets = _targets(files, out, formats)
    if given["voice"] is not None and given["speaker"] is not None:
        raise click.UsageError("--voice and --speaker exclude each other: name one of them")
    engines = open_engines_for(given)
    if given["voice"] is not None:
        engines = voice_that_speaks(given["voice"], engines, given)
    n_failed = 0
    for path in files:
        written = targets.get(path, {})
        if skip_done and written and all(target.exists() for target in written.values()):
            say(f"{path.name}: done before")
            continue
        try:
            tagging = _annotate_one(path, engines, given)
        except EmotionError as error:
            n_failed += 1
            say(f"gpt-sovits-emotion: {error}")
            if as_json:
                click.echo(json.dumps({"file": str(path), "error": str(error)}, ensure_ascii=False))
            continue
        _deliver(path, tagging, written, as_json=as_json, language=given["lang"])
    return 1 if n_failed else 0


def summary_of(path: Path, tagging: Tagging, *, language: str) -> dict[str, Any]:
    """Return what ``--json`` prints of one file: plain, flat, for programs."""
    transcript = tagging.transcript
    return {
        "file": str(path),
        "duration_s": round(transcript.recording.duration_s, 3),
        "language": transcript.language,
        "transcriber": transcript.transcriber,
        "head": transcript.head_id,
        "normalisation": transcript.normalisation,
        "normalisation_note": transcript.normalisation_note.say(language),
        "notes": [one.say(language) for one in transcript.notes],
        "wordless_s": round(transcript.wordless_s, 3),
        "segments": [
            {
                "start_s": round(tagged.segment.start_s, 3),
                "end_s": round(tagged.segment.end_s, 3),
                "text": tagged.text,
                "label": tagged.label,
                "confidence": round(tagged.scores.confidence, 4) if tagged.scores else None,
                "scores": {
                    label: round(value, 4) for label, value in tagged.scores.probabilities.items()
                }
                if tagged.scores
                else {},
                "reason": why.say(language)
                if (why := tagged.scores.reason if tagged.scores else tagged.problem)
                else "",
            }
            for tagged in transcript.segments
        ],
    }


def _annotate_one(path: Path, engines: Engines, given: dict[str, Any]) -> Tagging:
    from gpt_sovits_emotion.pipeline import annotate as annotate_recording

    with opened(path, given, also_at_hz=engines.listening_rate_hz) as (recording, progress):
        return annotate_recording(
            recording,
            engines,
            whisper=whisper_options_of(given),
            transcript_file=existing_transcript(given, path),
            options=tag_options_of(given),
            progress=progress,
        )


def _targets(
    files: tuple[Path, ...], out: Path | None, formats: tuple[str, ...]
) -> dict[Path, dict[str, Path]]:
    """Return file -> format -> where it will be written; two files of one name get both endings."""
    from gpt_sovits_emotion.transcript_io import FORMATS

    known = [name for name in FORMATS if name != "list"]  # that one goes with cut clips
    for name in formats:
        if name not in known:
            raise click.BadParameter(
                f"{name!r} is none of {', '.join(known)}", param_hint="--format"
            )
    if out is None:
        return {}
    stems = [path.stem for path in files]
    return {
        path: {
            name: out / f"{path.stem if stems.count(path.stem) == 1 else path.name}{FORMATS[name]}"
            for name in formats
        }
        for path in files
    }


def _deliver(
    path: Path, tagging: Tagging, written: dict[str, Path], *, as_json: bool, language: str
) -> None:
    from gpt_sovits_emotion.transcript_io import write

    for name, target in written.items():
        write(tagging.transcript, target, format=name, language=language)
        say(f"{path.name}: wrote {target}")
    if as_json:
        click.echo(json.dumps(summary_of(path, tagging, language=language), ensure_ascii=False))
    elif not written:
        echo_transcript(path.name, tagging.transcript, language)
