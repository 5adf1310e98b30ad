"""``roundtrip FILE`` and ``demo``: hear, tag, choose, say again, listen again, report."""

from __future__ import annotations

import importlib.resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from gpt_sovits_emotion.synthesis.prosody_source import ProsodySource
    from gpt_sovits_emotion.engines import Engines
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
def roundtrip(
    file: Path, voice: Path, out: Path, as_json: bool, replace: bool, **given: Any
) -> int:
    """Say FILE again, segment by segment, each in the emotion that was heard in it.

    With --api the voice is the one that a running GPT-SoVITS server has loaded. Without, it is eSpeak
    NG, driven by the pitch, range, rate and loudness of the chosen reference clip: that shows the path,
    it does not clone the voice.

    The exit code is 0 when every segment with words was said, 3 when some were not, 1 when none was.
    """
    check_out(out, replace=replace)
    return _run(file, voice, out, as_json=as_json, given=given)


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
    given = {
        "whisper": "base",
        "models_dir": None,
        "checkout": None,
        "language": lang,
        "beam_size": 5,
        "chinese": "simplified",
        "initial_prompt": "",
        "hotwords": "",
        "device": "auto",
        "offline": True,
        "transcript": None,
        "allow_damaged": False,
        "max_hours": 1.0,
        # A formant synthesiser changes pitch, rate and loudness and nothing else: the prosody head hears
        # that, a head on Whisper has met people only.
        "head": DEFAULT_HEAD,
        "judge": None,
        "heads_dirs": (),
        "speaker_statistics": None,
        "smoothing": 0.0,
        "seed": 0,
        "lang": lang,
    }
    say(
        "demo: synthetic speaker, synthetic bank, eSpeak NG as the voice; Whisper base transcribes, and "
        "mishears such a speaker more often than a person",
        zh="演示：合成的说话人和音库，声音来自 eSpeak NG；Whisper base 负责识别，"
        "对这样的说话人比对真人更容易听错",
    )
    sample = samples / f"sample_{lang}.flac"
    return _run(sample, samples / "voice_bank", out or _DEMO_OUT, as_json=False, given=given)


def _run(file: Path, voice: Path, out: Path, *, as_json: bool, given: dict[str, Any]) -> int:
    from gpt_sovits_emotion.cli.outcome import echo_files, echo_outcome, outcome_code
    from gpt_sovits_emotion.deliver import deliver
    from gpt_sovits_emotion.pipeline import round_trip
    from gpt_sovits_emotion.core.progress import part_of

    check_recording(file, given)
    check_banks(given, voice)
    engines = open_engines_for(given)
    carry = _carry_of(engines, given)
    bank = loaded_bank(voice, engines, given, texts=_lines_written(file, given))
    other = prosody_bank(engines, given)
    language, whisper = given["lang"], whisper_options_of(given)
    engines, known = voice_of(voice, engines, given)
    if given.get("same_voice") and given.get("speaker") is None:
        engines = voice_that_speaks(voice, engines, given)
    speaking = speaking_of(given, carry=carry, words=whisper, voice=known)
    with opened(file, given, also_at_hz=_second_rate_hz(engines, carry)) as (recording, progress):
        result = round_trip(
            recording,
            bank,
            engines,
            whisper=whisper,
            transcript_file=existing_transcript(given, file),
            options=tag_options_of(given),
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


def _lines_written(file: Path, given: dict[str, Any]) -> tuple[Line, ...]:
    """Return the lines of a given transcript where pins may be for labels that it alone knows; else none."""
    from gpt_sovits_emotion.synthesis.text_input import lines_to_say

    transcript = existing_transcript(given, file) if given.get("pins") else None
    return () if transcript is None else lines_to_say(transcript)


def _carry_of(engines: Engines, given: dict[str, Any]) -> ProsodySource:
    """Return how the emotion is carried.

    Raises:
        BackendError: Who speaks cannot do it in this way; said before anything is read.
    """
    from gpt_sovits_emotion.synthesis.prosody_source import ProsodySource, check_prosody_source

    check_no_pins(given)
    way = given.get("carry", "clip")
    if given.get("prosody_from") is not None:
        if way == "recording":
            raise Misuse(
                "--prosody-from and --carry recording exclude each other",
                zh="--prosody-from 和 --carry recording 不能同时使用",
            )
        way = "bank"
    carry = ProsodySource(way, or_clip=given.get("or_clip", False), scratch=given.get("scratch"))
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
