"""``roundtrip FILE`` and ``demo``: hear, tag, choose, say again, listen again, report."""

from __future__ import annotations

import importlib.resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gpt_sovits_emotion.cli.console import echo_transcript, say
from gpt_sovits_emotion.cli.options import (
    existing_transcript,
    head_options,
    hearing_options,
    language_option,
    open_engines_for,
    opened,
    sampling_of,
    speaker_option,
    speaking_options,
    tag_options_of,
    whisper_options_of,
)
from gpt_sovits_emotion.labels import display_name

if TYPE_CHECKING:
    from gpt_sovits_emotion.pipeline import RoundTrip

__all__ = ["demo", "roundtrip"]


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--voice",
    required=True,
    type=click.Path(path_type=Path),
    help="The voice's reference bank: a folder per emotion, or an infer_config.json.",
)
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the report, the audio and the transcripts.",
)
@click.option(
    "--judge",
    metavar="ID|PATH",
    help="The head that listens again; another one than tags says more.  [default: the same]",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@speaking_options
@hearing_options
@head_options
@speaker_option
@language_option
def roundtrip(file: Path, voice: Path, out: Path, as_json: bool, **given: Any) -> None:
    """Say FILE again, segment by segment, each in the emotion that was heard in it.

    With --api the voice is the one that a running GPT-SoVITS server has loaded. Without, it is eSpeak
    NG, driven by the pitch, range, rate and loudness of the chosen reference clip: that shows the path,
    it does not clone the voice.
    """
    _run(file, voice, out, as_json=as_json, given=given)


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("emotion-demo"),
    show_default=True,
    help="Folder for the report, the audio and the transcripts.",
)
@language_option
def demo(out: Path, lang: str) -> None:
    """Run the whole round trip on the sample that comes with the package.

    The sample's speaker and the voice's bank are synthetic (eSpeak NG), and the micro Whisper that
    transcribes them knows only the sample sentences; every engine is real.
    """
    samples = Path(str(importlib.resources.files("gpt_sovits_emotion"))) / "sample_data"
    given = {
        "whisper": "micro",
        "models_dir": None,
        "checkout": None,
        "language": None,
        "beam_size": 5,
        "device": "auto",
        "offline": True,
        "transcript": None,
        "allow_damaged": False,
        "max_hours": 1.0,
        "head": None,
        "judge": None,
        "heads_dirs": (),
        "speaker_statistics": True,
        "smoothing": 0.0,
        "seed": 0,
        "lang": lang,
    }
    say(
        "demo: synthetic speaker, synthetic bank, eSpeak NG as the voice, and a micro Whisper that knows "
        "only the sample sentences"
    )
    _run(samples / f"sample_{lang}.flac", samples / "voice_bank", out, as_json=False, given=given)


def _run(file: Path, voice: Path, out: Path, *, as_json: bool, given: dict[str, Any]) -> None:
    from gpt_sovits_emotion.deliver import deliver
    from gpt_sovits_emotion.pipeline import round_trip
    from gpt_sovits_emotion.progress import part_of
    from gpt_sovits_emotion.references import load_bank

    engines = open_engines_for(given)
    limits = engines.host.limits
    assert limits is not None  # every host that the options can name has a voice
    bank = load_bank(
        voice, reference_min_s=limits.reference_min_s, reference_max_s=limits.reference_max_s
    )
    language = given["lang"]
    for clip in bank.clips:
        if clip.problem:
            say(f"{clip.path.name}: not used: {clip.problem.say(language)}")
    with opened(file, given, also_at_hz=engines.listening_rate_hz) as (recording, progress):
        result = round_trip(
            recording,
            bank,
            engines,
            whisper=whisper_options_of(given),
            transcript_file=existing_transcript(given, file),
            options=tag_options_of(given),
            seed=given["seed"],
            sampling=sampling_of(given),
            timbre=given.get("timbre", ()),
            progress=part_of(progress, 0.0, 0.9),
        )
        report = deliver(
            result, recording, out, language=language, progress=part_of(progress, 0.9, 1.0)
        )
    if as_json:
        import json

        click.echo(json.dumps(report.to_dict(), ensure_ascii=False))
    else:
        echo_transcript(file.name, result.tagging.transcript, language)
        _echo_outcome(result, language)
    for role, name in report.files.items():
        say(f"{role}: {out / name}")


def _echo_outcome(result: RoundTrip, language: str) -> None:
    report = result.verification.report
    click.secho(f"\n{report.voice} ({report.host_title.say(language)})", bold=True)
    for segment in report.segments:
        wanted = display_name(segment.wanted, language)
        click.echo(f"  {segment.index + 1:3d}  {wanted}: {segment.note.say(language)}")
        if segment.choice is not None:
            reason = click.style(segment.choice.reason.say(language), dim=True)
            click.echo(f"       {segment.choice.pick.path.name}: {reason}")
    kept = f"{report.survived} of {report.compared}"
    click.echo(f"  emotion survived in {kept} segments, judged by {report.judge_id}")
    if report.judge_is_tagger:
        click.echo(
            "  (the judge is the head that tagged: this shows that the path holds together, "
            "not that a person would agree)"
        )
