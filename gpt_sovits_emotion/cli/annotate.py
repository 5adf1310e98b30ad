"""``annotate FILE…``: what was said, and in which emotion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpt_sovits_emotion.cli.arguments import BadValue, Folder, Misuse, Place
from gpt_sovits_emotion.cli.console import echo_transcript, print_json, say
from gpt_sovits_emotion.cli.inputs import check_recording
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
from gpt_sovits_emotion.cli.results import PARTLY_DONE
from gpt_sovits_emotion.cli.settings import ModelSettings, RecordingSettings, with_settings
from gpt_sovits_emotion.cli.speaking import learn_option, voice_that_speaks
from gpt_sovits_emotion.cli.texts import existing_transcript
from gpt_sovits_emotion.core.errors import EmotionError
from gpt_sovits_emotion.core.messages import tr

if TYPE_CHECKING:
    from gpt_sovits_emotion.cli.results import Ledger, Target
    from gpt_sovits_emotion.engines import Engines
    from gpt_sovits_emotion.tagging import Tagging

__all__ = ["annotate"]


@click.command()
@click.argument("files", nargs=-1, required=True, type=Place())
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per file, one a line.")
@click.option("--out", type=Folder(), help="Write files into this folder.")
@click.option(
    "--format",
    "formats",
    multiple=True,
    metavar="NAME",
    help="With --out: json, srt, vtt, ass, txt, csv, rich-text, or one that a plug-in adds "
    "(repeatable).  [default: json]",
)
@click.option(
    "--skip-done",
    is_flag=True,
    help="With --out: leave out recordings that are done already (to resume): those whose results lie there, "
    "not those whose name alone is there.",
)
@click.option("--replace", is_flag=True, help="With --out: replace results that lie there already.")
@click.option(
    "--voice",
    type=Place(),
    help="The bank of the voice that speaks: judge by what its labelled clips taught, or against that "
    "voice's own usual, known since the bank was built (refs build).",
)
@learn_option
@hearing_options
@head_options
@speaker_option
@language_option
@with_settings(models=ModelSettings, settings=RecordingSettings)
def annotate(
    files: tuple[Path, ...],
    as_json: bool,
    out: Path | None,
    formats: tuple[str, ...],
    skip_done: bool,
    replace: bool,
    voice: Path | None,
    learn: bool | None,
    lang: str,
    models: ModelSettings,
    settings: RecordingSettings,
) -> int:
    """Transcribe FILES and tag the emotion of every segment.

    Any audio, or video with sound. The result goes to stdout, or into files with --out: talk.json of
    talk.wav, and of recordings of one name talk.wav.json and talk.mp3.json, or with their folders a/talk.json
    and b/talk.json.

    The exit code is 0 when all of it was done, 3 when some recordings failed, 1 when all did.
    """
    from gpt_sovits_emotion.cli.results import Ledger

    targets = _targets(files, out, formats, replace=replace, skip_done=skip_done)
    if voice is not None and models.speaker is not None:
        raise Misuse(tr("--voice and --speaker exclude each other: name one of them"))
    problems = {target.recording: _problem_of(target.recording, settings) for target in targets}
    engines = _engines(models, voice, learn=learn) if None in problems.values() else None
    ledger = None if out is None else Ledger(out)
    n_failed = 0
    for target in targets:
        path = target.recording
        if target.same_as is not None:
            say(
                tr(
                    "{path}: the same file as {same_as}, taken once",
                    path=path,
                    same_as=target.same_as,
                )
            )
            continue
        try:
            claimed = _claimed(target, ledger, replace=replace, skip_done=skip_done)
            if claimed is None:
                continue
            problem = problems[path]
            if problem is not None:
                raise problem
            assert engines is not None  # opened for whatever has no problem
            tagging = _annotate_one(path, engines, models, settings, language=lang)
            with ExitStack() as held:
                if ledger is not None:
                    held.enter_context(ledger.claim(target.files, claimed, replace=replace))
                _deliver(path, tagging, target.files, as_json=as_json, language=lang)
        except EmotionError as error:
            n_failed += 1
            _say_failed(path, error, targets)
            if as_json:
                print_json({"file": str(path), "error": error.say(lang)})
    if not n_failed:
        return 0
    return PARTLY_DONE if n_failed < len(targets) else 1


def _say_failed(path: Path, error: EmotionError, targets: Sequence[Target]) -> None:
    """Say why a recording failed; an error names the file alone, which several may share."""
    shared = sum(each.recording.name == path.name for each in targets) > 1
    of, of_zh = (f"{path}: ", f"{path}：") if shared else ("", "")
    say(
        f"gpt-sovits-emotion: {of}{error}",
        zh=f"gpt-sovits-emotion: {of_zh}{error.say('zh')}",
    )


def _problem_of(recording: Path, settings: RecordingSettings) -> EmotionError | None:
    """Return what is wrong with a recording that cannot even be opened, or that lacks its transcript."""
    try:
        check_recording(recording, settings)
    except EmotionError as error:
        return error
    return None


def _engines(models: ModelSettings, voice: Path | None, *, learn: bool | None) -> Engines:
    """Open the engines, which know the voice that speaks where its bank is named."""
    if voice is None:
        return open_engines_for(models)
    from gpt_sovits_emotion.banks.building import find_sources

    find_sources(voice)
    return voice_that_speaks(voice, open_engines_for(models), learn=learn)


def _annotate_one(
    path: Path,
    engines: Engines,
    models: ModelSettings,
    settings: RecordingSettings,
    *,
    language: str,
) -> Tagging:
    from gpt_sovits_emotion.pipeline import annotate as annotate_recording

    with opened(path, settings, language=language, also_at_hz=engines.listening_rate_hz) as (
        recording,
        progress,
    ):
        return annotate_recording(
            recording,
            engines,
            whisper=whisper_options_of(models, settings),
            transcript_file=existing_transcript(settings, path),
            options=tag_options_of(settings),
            progress=progress,
        )


def _targets(
    files: tuple[Path, ...],
    out: Path | None,
    formats: tuple[str, ...],
    *,
    replace: bool,
    skip_done: bool,
) -> tuple[Target, ...]:
    """Return where the results of each file go, after making sure that they may.

    Raises:
        OutputError: Nothing can be written to `out`, or results lie there that may not be replaced.
    """
    from gpt_sovits_emotion.cli.results import Target, check_free, check_writable, targets_of
    from gpt_sovits_emotion.transcripts import writable_formats

    formats_known = writable_formats()
    known = [name for name in formats_known if name != "list"]  # that one goes with cut clips
    for name in formats:
        if name not in known:
            raise BadValue(
                tr("{name!r} is none of {known}", name=name, known=", ".join(known)),
                param_hint="--format",
            )
    if out is None:
        if skip_done or replace or formats:
            raise Misuse(
                tr(
                    "--format, --skip-done and --replace are about files: name their folder with --out"
                )
            )
        return tuple(Target(path, {}) for path in files)
    targets = targets_of(files, out, {name: formats_known[name] for name in formats or ("json",)})
    check_writable(out)
    if not skip_done:
        written = [file for target in targets for file in target.files.values()]
        check_free(list(dict.fromkeys(written)), replace=replace, or_skip=True)
    return targets


def _claimed(
    target: Target, ledger: Ledger | None, *, replace: bool, skip_done: bool
) -> str | None:
    """Return the digest of a recording whose results may be written; None where it is done already.

    Raises:
        OutputError: With ``--skip-done``, what lies there came from another recording.
    """
    from gpt_sovits_emotion.cli.results import digest_of

    if ledger is None:
        return ""
    path = target.recording
    digest = digest_of(path) or ""
    if not skip_done:
        return digest
    for files in (target.files, *target.earlier):
        if ledger.has_all(files, digest):
            where = next(iter(files.values()))
            say(tr("{path}: done before ({where})", path=path, where=where))
            return None
    with ledger.claim(target.files, digest, replace=replace):  # told of before the work
        return digest


def _deliver(
    path: Path, tagging: Tagging, written: Mapping[str, Path], *, as_json: bool, language: str
) -> None:
    from gpt_sovits_emotion.transcripts import document_of, write

    for name, target in written.items():
        write(tagging.transcript, target, format=name, language=language)
        say(tr("{path}: wrote {target}", path=path.name, target=target))
    if as_json:
        print_json({"file": str(path), **document_of(tagging.transcript)})
    elif not written:
        echo_transcript(path.name, tagging.transcript, language)
