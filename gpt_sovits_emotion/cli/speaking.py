"""Options on who speaks, how, with which references and how often; and the settings they stand for."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gpt_sovits_emotion.cli.arguments import FilePath, Misuse, Number, Place, Seed, pair_of
from gpt_sovits_emotion.cli.console import progress_bar, say
from gpt_sovits_emotion.cli.settings import ChoosingSettings, SpeakingSettings
from gpt_sovits_emotion.core.errors import BackendError
from gpt_sovits_emotion.core.messages import tr

if TYPE_CHECKING:
    from gpt_sovits_emotion.backends.base import Sampling
    from gpt_sovits_emotion.core.records import ReferenceBank, SpeakerStatistics
    from gpt_sovits_emotion.engines import Engines
    from gpt_sovits_emotion.pipeline import SpeakingOptions
    from gpt_sovits_emotion.synthesis.prosody_source import ProsodySource
    from gpt_sovits_emotion.synthesis.takes import TakeOptions
    from gpt_sovits_emotion.transcription import TranscribeOptions
    from gpt_sovits_emotion.transcripts import Line

__all__ = [
    "check_no_pins",
    "choosing_options",
    "directions_option",
    "learn_option",
    "loaded_bank",
    "prosody_bank",
    "speaking_of",
    "speaking_options",
    "voice_of",
    "voice_that_speaks",
]

_Command = Callable[..., Any]

_SPEAKING = (
    click.option(
        "--api",
        metavar="URL",
        help="A running GPT-SoVITS api_v2.py that speaks, such as http://127.0.0.1:9880; without it "
        "the voice is eSpeak NG.",
    ),
    click.option(
        "--backend",
        metavar="NAME[+URL]",
        help="Who speaks, by name: embedded, api_v2, or one that a plug-in adds (see plugins); with its "
        "address where it has one, such as mine+http://127.0.0.1:9000.",
    ),
    click.option(
        "--backend-option",
        "backend_options",
        metavar="KEY=VALUE",
        multiple=True,
        help="With --backend: an option of that backend (repeatable).",
    ),
    click.option(
        "--api-folder",
        "api_folders",
        metavar="HERE=THERE",
        multiple=True,
        help="The server sees the local folder HERE as THERE (repeatable); for a server on another "
        "machine or in a container.",
    ),
    click.option(
        "--timeout",
        type=Number(1, 86_400),
        default=600.0,
        show_default=True,
        metavar="SECONDS",
        help="With --api: how long one sentence may take; on a CPU, minutes.",
    ),
    click.option("--seed", type=Seed(), default=0, show_default=True, help="Of the first segment."),
    click.option("--speed", type=Number(0.25, 4), help="Above 1 is faster."),
    click.option("--temperature", type=Number(0, 2)),
    click.option("--top-p", type=Number(0, 1)),
    click.option("--top-k", type=click.IntRange(1, 100)),
    click.option(
        "--cut",
        type=click.Choice([f"cut{number}" for number in range(6)]),
        help="How GPT-SoVITS cuts a long text: cut0 not at all, cut5 at every punctuation mark.",
    ),
    click.option("--pause-s", type=Number(0, 5), help="Silence between such parts."),
    click.option("--sample-steps", type=click.IntRange(1, 128), help="Of v3 and v4 models."),
    click.option(
        "--timbre",
        multiple=True,
        type=FilePath(exists=True),
        help="A further clip that sets the timbre alone (repeatable; v1, v2 and v2Pro models).",
    ),
)

_CHOOSING = (
    click.option(
        "--substitute/--no-substitute",
        default=True,
        show_default=True,
        help="Let the nearest emotion stand in for one that the voice lacks.",
    ),
    click.option(
        "--order",
        type=click.Choice(["best", "random", "rotate"]),
        default="best",
        show_default=True,
        help="Which of the clips that serve about equally well: the best, one drawn by lot (--seed), or "
        "each in turn.",
    ),
    click.option(
        "--pin",
        "pins",
        metavar="EMOTION=CLIP",
        multiple=True,
        help="Use this clip of the voice for this emotion, this time (repeatable).",
    ),
    click.option(
        "--prosody-from",
        metavar="BANK",
        type=Place(),
        help="Another voice's bank: its clips give the prosody, those of the voice the timbre (v1, v2, "
        "v2Pro and v2ProPlus models).",
    ),
    click.option(
        "--takes",
        type=click.IntRange(1, 50),
        default=1,
        show_default=True,
        help="Say each segment so often, with other clips and seeds, and keep the take whose emotion and "
        "words survive best.",
    ),
)


learn_option = click.option(
    "--learn/--no-learn",
    "learn",
    default=None,
    help="Let the clips of the voice that carry your own labels fit the head to it, this time, or not.  "
    "[default: yes, unless the bank was built with --no-learn]",
)
"""The option on whether a bank may teach the head that judges its voice."""


def directions_option(default: str) -> Callable[[_Command], _Command]:
    """Return the option on stage directions in the words, with what a command does by default."""
    return click.option(
        "--directions",
        type=click.Choice(["say", "leave-out"]),
        default=default,
        show_default=True,
        help="What becomes of [door slams], (laughs), （叹气）, ♪, dashes and speakers' names in the words.",
    )


def speaking_options(command: _Command) -> _Command:
    """Add the options on who speaks, and how."""
    return _apply(_SPEAKING, command)


def choosing_options(command: _Command) -> _Command:
    """Add the options on which references are used, and on several takes."""
    return _apply(_CHOOSING, command)


def _apply(options: tuple[Callable[[_Command], _Command], ...], command: _Command) -> _Command:
    return functools.reduce(lambda decorated, option: option(decorated), reversed(options), command)


def loaded_bank(
    path: Path,
    engines: Engines,
    pins: Sequence[str] = (),
    *,
    language: str,
    emotion: str = "",
    texts: Sequence[str | Line] = (),
) -> ReferenceBank:
    """Load a bank with the limits of who speaks and this time's pins; say which clips are not used.

    Args:
        path: The bank.
        engines: Who speaks, and the heads whose labels can be pinned.
        pins: ``EMOTION=CLIP``, for this time.
        language: ``en`` or ``zh``, in which what is to be known of the bank is said.
        emotion: That of texts without a tag, which can be pinned, too.
        texts: What is written to be said; labels that it asks for can be pinned, too.

    Raises:
        ReferenceBankError: It is no bank, a pin names no clip of it, or an emotion that nobody can ask for.
    """
    from gpt_sovits_emotion.banks.building.voice import with_pins
    from gpt_sovits_emotion.cli.banks import opened_bank

    limits = engines.backend.limits
    if limits is None:
        backend = engines.backend.title
        raise BackendError(
            tr(
                "{backend} does not speak at this moment; choose another (--backend)",
                backend=backend,
            )
        )
    bank = opened_bank(
        path,
        language,
        reference_min_s=limits.reference_min_s,
        reference_max_s=limits.reference_max_s,
    )
    for clip in bank.clips:
        if clip.problem:
            say(tr("{path}: not used: {problem}", path=clip.path.name, problem=clip.problem))
    pinned = dict(pair_of(pair, "EMOTION=CLIP", "--pin") for pair in pins)
    return with_pins(bank, pinned, known=_labels_asked_for(pinned, engines, emotion, texts))


def _labels_asked_for(
    pins: Iterable[str], engines: Engines, emotion: str, texts: Sequence[str | Line]
) -> frozenset[str]:
    """Return the labels that a segment can have: those of the heads, of the texts, and of ``--emotion``."""
    from gpt_sovits_emotion.core.labels import canonical_label, slot_label
    from gpt_sovits_emotion.synthesis.text_input import labels_written

    heads = {*engines.tagger.card.labels, *engines.verifier_head.card.labels}
    usual = {canonical_label(emotion)} if emotion else set()
    return frozenset(heads | usual | labels_written(texts, {*map(slot_label, pins)} - {""}))


def check_no_pins(choosing: ChoosingSettings) -> None:
    """Refuse ``--pin`` with ``--prosody-from``, whose clips carry the emotion. Raises `Misuse`."""
    if choosing.prosody_from is not None and choosing.pins:
        raise Misuse(
            tr(
                "--pin and --prosody-from exclude each other: the other voice's clips carry the emotion"
            )
        )


def prosody_bank(
    engines: Engines, choosing: ChoosingSettings, *, language: str
) -> ReferenceBank | None:
    """Load the bank of ``--prosody-from``, None without. Raises what `loaded_bank` raises."""
    if choosing.prosody_from is None:
        return None
    return loaded_bank(choosing.prosody_from, engines, language=language)


def voice_of(
    source: Path, engines: Engines, *, learn: bool | None
) -> tuple[Engines, SpeakerStatistics | None]:
    """Return engines whose judge knows the voice that will be heard, and the voice's statistics for it.

    Nothing is changed, and there are none, where nothing is known of the voice or somebody else's is heard:
    what is known of the cloned voice fits only a host that clones it.

    Raises:
        ReferenceBankError: The bank's sidecar is damaged, or of a newer version.
    """
    from gpt_sovits_emotion.banks.building.voice import open_heard_voice
    from gpt_sovits_emotion.banks.library.sidecar import sidecar_path

    with progress_bar("the voice") as progress:
        opened = open_heard_voice(source, engines, learn=learn, progress=progress)
    if opened is None:
        return engines, None
    if opened.taught or sidecar_path(source).is_file():
        say(tr("judge: {note}", note=opened.note))
    return opened.engines, opened.speaker


def voice_that_speaks(source: Path, engines: Engines, *, learn: bool | None) -> Engines:
    """Return engines whose tagging head knows a bank's voice, which speaks in what will be heard.

    Raises:
        ReferenceBankError: It is no bank, or its sidecar is damaged or of a newer version.
    """
    from dataclasses import replace

    from gpt_sovits_emotion.banks.building.voice import open_voice

    with progress_bar("the voice") as progress:
        opened = open_voice(source, engines, who="tagger", learn=learn, progress=progress)
    say(tr("tagger: {note}", note=opened.note))
    return replace(opened.engines, speaker=opened.speaker)


def speaking_of(
    speaking: SpeakingSettings,
    choosing: ChoosingSettings,
    *,
    carry: ProsodySource | None = None,
    words: TranscribeOptions | None = None,
    voice: SpeakerStatistics | None = None,
) -> SpeakingOptions:
    """Make the options of speaking.

    Args:
        speaking: Who speaks, and how.
        choosing: Which references are used.
        carry: How the emotion is carried; by clips when None.
        words: The Whisper model that listens to takes, if it is on this machine.
        voice: Statistics of the voice, for the judge.
    """
    from gpt_sovits_emotion.banks.library.choose import ChoiceOptions
    from gpt_sovits_emotion.pipeline import SpeakingOptions
    from gpt_sovits_emotion.synthesis.prosody_source import ProsodySource

    choice = ChoiceOptions(
        substitute=choosing.substitute,
        order=choosing.order,
        seed=speaking.seed,
    )
    return SpeakingOptions(
        seed=speaking.seed,
        sampling=_sampling_of(speaking),
        timbre=speaking.timbre,
        takes=_takes_of(choosing.takes, words),
        carry=carry or ProsodySource(),
        choice=choice,
        voice=voice,
        directions=speaking.directions == "say",
    )


def _takes_of(n: int, words: TranscribeOptions | None) -> TakeOptions:
    from gpt_sovits_emotion.synthesis.takes import TakeOptions, words_where_there

    if n == 1 or words is None:
        return TakeOptions(n)
    there = words_where_there(words)
    if there is None:
        say(
            tr(
                "takes: no Whisper model {model} on this machine, so words are not judged",
                model=words.model,
            )
        )
    return TakeOptions(n, there)


def _sampling_of(speaking: SpeakingSettings) -> Sampling:
    from gpt_sovits_emotion.backends.base import Sampling

    names = ("top_k", "top_p", "temperature", "speed", "cut", "pause_s", "sample_steps")
    chosen = {name: getattr(speaking, name) for name in names}
    return Sampling(**{name: value for name, value in chosen.items() if value is not None})
