"""``roundtrip FILE`` and ``demo``: hear, tag, choose, say again, listen again, report."""

from __future__ import annotations

import importlib.resources
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpt_sovits_emotion.cli.arguments import Folder, Misuse, Place
from gpt_sovits_emotion.cli.console import echo_transcript, print_json, say
from gpt_sovits_emotion.cli.inputs import check_banks, check_recording
from gpt_sovits_emotion.cli.options import (
    head_options,
    hearing_options,
    language_option,
    open_engines_for,
    opened,
    replace_option,
    speaker_option,
    tag_options_of,
    whisper_options_of,
)
from gpt_sovits_emotion.cli.results import check_out
from gpt_sovits_emotion.cli.settings import (
    ChoosingSettings,
    ModelSettings,
    RecordingSettings,
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
    voice_that_speaks,
)
from gpt_sovits_emotion.cli.texts import existing_transcript
from gpt_sovits_emotion.core.messages import tr

if TYPE_CHECKING:
    from gpt_sovits_emotion.engines import Engines
    from gpt_sovits_emotion.synthesis.prosody_source import ProsodySource
    from gpt_sovits_emotion.transcripts import Line

__all__ = ["demo", "roundtrip"]

_DEMO_OUT = Path("emotion-demo")
_TIMBRE_RATE_HZ = 32_000  # at which GPT-SoVITS listens to the timbre


@click.command()
@click.argument("file", type=Place())
@click.option(
    "--voice",
    required=True,
    type=Place(),
    help="The voice's reference bank: a folder per emotion, or an infer_config.json.",
)
@click.option(
    "--out",
    required=True,
    type=Folder(),
    help="Folder for the report, the audio and the transcripts.",
)
@click.option(
    "--judge",
    metavar="ID|PATH",
    help="The head that listens again; another one than tags says more.  [default: the same]",
)
@click.option(
    "--carry",
    type=click.Choice(["clip", "recording"]),
    default="clip",
    show_default=True,
    help="What carries the emotion: a clip of the voice, or the recording itself as prosody prompt, with "
    "clips of the voice for the timbre (v1, v2, v2Pro and v2ProPlus models).",
)
@click.option(
    "--or-clip",
    is_flag=True,
    help="With --carry recording: let a clip stand in where a segment is too short or too long for a prompt; "
    "without, it is left out.",
)
@click.option(
    "--scratch",
    type=Folder(exists=True),
    help="With --carry recording: folder in which its pieces lie while they are spoken; a server elsewhere "
    "has to see it (--api-folder).",
)
@click.option(
    "--same-voice",
    is_flag=True,
    help="The recording is of the voice whose bank this is: judge it against that voice's own usual, known "
    "since the bank was built (refs build), and by what its labelled clips taught.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@replace_option
@directions_option("say")
@choosing_options
@learn_option
@speaking_options
@hearing_options
@head_options
@speaker_option
@language_option
@with_settings(
    models=ModelSettings,
    settings=RecordingSettings,
    speaking=SpeakingSettings,
    choosing=ChoosingSettings,
)
def roundtrip(
    file: Path,
    voice: Path,
    out: Path,
    carry: str,
    or_clip: bool,
    scratch: Path | None,
    same_voice: bool,
    as_json: bool,
    replace: bool,
    lang: str,
    models: ModelSettings,
    settings: RecordingSettings,
    speaking: SpeakingSettings,
    choosing: ChoosingSettings,
) -> int:
    """Say FILE again, segment by segment, each in the emotion that was heard in it.

    With --api the voice is the one that a running GPT-SoVITS server has loaded. Without, it is eSpeak
    NG, driven by the pitch, range, rate and loudness of the chosen reference clip: that shows the path,
    it does not clone the voice.

    The exit code is 0 when every segment with words was said, 3 when some were not, 1 when none was.
    """
    check_out(out, replace=replace)
    given = _Given(models, settings, speaking, choosing, lang, carry, or_clip, scratch, same_voice)
    return _run(file, voice, out, given, as_json=as_json)


@click.command()
@click.option(
    "--out",
    type=Folder(),
    help="Folder for the report, the audio and the transcripts.  [default: emotion-demo, in which an "
    "earlier demo is replaced]",
)
@replace_option
@language_option
def demo(out: Path | None, replace: bool, lang: str) -> int:
    """Run the whole round trip on the sample that comes with the package.

    The sample's speaker and the voice's bank are synthetic (eSpeak NG); every engine is real, also the
    Whisper base that transcribes, which mishears such a speaker more often than a person.
    """
    from gpt_sovits_emotion.engines import DEFAULT_HEAD

    check_out(out or _DEMO_OUT, replace=replace or out is None)
    samples = Path(str(importlib.resources.files("gpt_sovits_emotion"))) / "sample_data"
    # A formant synthesiser changes pitch, rate and loudness and nothing else: the prosody head hears that, a
    # head on Whisper has met people only.
    models = ModelSettings(whisper="base", head=DEFAULT_HEAD, offline=True)
    settings = RecordingSettings(language=lang, max_hours=1.0)
    say(
        tr(
            "demo: synthetic speaker, synthetic bank, eSpeak NG as the voice; Whisper base transcribes, "
            "and mishears such a speaker more often than a person"
        )
    )
    sample = samples / f"sample_{lang}.flac"
    given = _Given(models, settings, SpeakingSettings(), ChoosingSettings(), lang)
    return _run(sample, samples / "voice_bank", out or _DEMO_OUT, given)


@dataclass(frozen=True, slots=True)
class _Given:
    """What a round trip was given."""

    models: ModelSettings
    settings: RecordingSettings
    speaking: SpeakingSettings
    choosing: ChoosingSettings
    language: str
    carry: str = "clip"
    or_clip: bool = False
    scratch: Path | None = None
    same_voice: bool = False


def _run(file: Path, voice: Path, out: Path, given: _Given, *, as_json: bool = False) -> int:
    from gpt_sovits_emotion.cli.outcome import echo_files, echo_outcome, outcome_code
    from gpt_sovits_emotion.core.progress import part_of
    from gpt_sovits_emotion.deliver import deliver
    from gpt_sovits_emotion.pipeline import round_trip

    check_recording(file, given.settings)
    check_banks(voice, given.choosing, given.speaking)
    engines = open_engines_for(given.models, given.speaking)
    carry = _carry_of(engines, given)
    settings, choosing, language = given.settings, given.choosing, given.language
    bank = loaded_bank(
        voice, engines, choosing.pins, language=language, texts=_lines_written(file, given)
    )
    other = prosody_bank(engines, choosing, language=language)
    whisper = whisper_options_of(given.models, settings)
    engines, known = voice_of(voice, engines, learn=choosing.learn)
    if given.same_voice and given.models.speaker is None:
        engines = voice_that_speaks(voice, engines, learn=choosing.learn)
    speaking = speaking_of(given.speaking, choosing, carry=carry, words=whisper, voice=known)
    with opened(file, settings, language=language, also_at_hz=_second_rate_hz(engines, carry)) as (
        recording,
        progress,
    ):
        result = round_trip(
            recording,
            bank,
            engines,
            whisper=whisper,
            transcript_file=existing_transcript(settings, file),
            options=tag_options_of(settings),
            speaking=speaking,
            prosody_from=other,
            progress=part_of(progress, 0.0, 0.9),
        )
        report = deliver(
            result, recording, out, language=language, progress=part_of(progress, 0.9, 1.0)
        )
    if as_json:
        print_json(report.to_dict())
    else:
        echo_transcript(file.name, result.tagging.transcript, language)
        echo_outcome(result, language)
    echo_files(report, out)
    return outcome_code(result)


def _lines_written(file: Path, given: _Given) -> tuple[Line, ...]:
    """Return the lines of a given transcript where pins may be for labels that it alone knows; else none."""
    from gpt_sovits_emotion.synthesis.text_input import lines_to_say

    transcript = existing_transcript(given.settings, file) if given.choosing.pins else None
    return () if transcript is None else lines_to_say(transcript)


def _carry_of(engines: Engines, given: _Given) -> ProsodySource:
    """Return how the emotion is carried.

    Raises:
        BackendError: Who speaks cannot do it in this way; said before anything is read.
    """
    from gpt_sovits_emotion.synthesis.prosody_source import ProsodySource, check_prosody_source

    check_no_pins(given.choosing)
    way = given.carry
    if given.choosing.prosody_from is not None:
        if way == "recording":
            raise Misuse(tr("--prosody-from and --carry recording exclude each other"))
        way = "bank"
    carry = ProsodySource(way, or_clip=given.or_clip, scratch=given.scratch)
    check_prosody_source(carry, engines.backend.limits, backend=engines.backend.title)
    return carry


def _second_rate_hz(engines: Engines, carry: ProsodySource) -> int:
    """Return a rate to keep the recording at, beside the one for analysis.

    Where the recording's own pieces count for the timbre, what lies above 8 kHz is heard too.
    """
    from gpt_sovits_emotion.audio import ANALYSIS_RATE_HZ

    limits, listening_hz = engines.backend.limits, engines.listening_rate_hz
    counts = carry.way == "recording" and limits is not None and limits.averages_timbre
    return _TIMBRE_RATE_HZ if counts and listening_hz == ANALYSIS_RATE_HZ else listening_hz
