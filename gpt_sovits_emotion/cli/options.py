"""Options that several commands share, and the engines and settings that they stand for."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gpt_sovits_emotion.cli.arguments import FilePath, Folder, Number
from gpt_sovits_emotion.cli.backends import speaker_for
from gpt_sovits_emotion.cli.console import echo_warnings, progress_bar, say
from gpt_sovits_emotion.cli.language import language as spoken_language
from gpt_sovits_emotion.cli.settings import (
    FeatureSettings,
    ModelSettings,
    RecordingSettings,
    SpeakingSettings,
)
from gpt_sovits_emotion.cli.texts import TRANSCRIPT_OPTIONS
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.progress import Progress, doing_in, part_of

if TYPE_CHECKING:
    from gpt_sovits_emotion.audio import Recording
    from gpt_sovits_emotion.backends.base import Backend
    from gpt_sovits_emotion.core.records import Sentence
    from gpt_sovits_emotion.encoders.base import Encoder
    from gpt_sovits_emotion.encoders.feature_cache import FeatureCache
    from gpt_sovits_emotion.engines import Engines
    from gpt_sovits_emotion.heads import Head
    from gpt_sovits_emotion.tagging import TagOptions
    from gpt_sovits_emotion.transcription import TranscribeOptions
    from gpt_sovits_emotion.whisper_models import WhisperModels

__all__ = [
    "encoder_for",
    "feature_options",
    "head_for",
    "head_options",
    "heads_dir_option",
    "hearing_options",
    "language_option",
    "lending_options",
    "open_engines_for",
    "opened",
    "opened_cache",
    "replace_option",
    "speaker_option",
    "tag_options_of",
    "tell_note",
    "whisper_models_of",
    "whisper_options_of",
]

_Command = Callable[..., Any]

_HEARING = (
    click.option(
        "--whisper",
        metavar="MODEL",
        default="auto",
        show_default=True,
        help="tiny, base, small, medium, large-v3, …; a folder with a faster-whisper model; 'auto': small "
        "where it is on this machine, else base, else small is fetched; or 'none': find speech, no words.",
    ),
    click.option(
        "--models-dir", type=Folder(exists=True), help="Folder that holds faster-whisper models."
    ),
    click.option(
        "--checkout",
        type=Folder(exists=True),
        help="A GPT-SoVITS checkout: it lends HuBERT and SoVITS to heads that read them, and its "
        "tools/asr/models is searched for Whisper too.",
    ),
    click.option(
        "--language", metavar="CODE", help="Spoken language (zh, en, …); heard when not given."
    ),
    click.option("--beam-size", type=click.IntRange(1, 20), default=5, show_default=True),
    click.option(
        "--chinese",
        type=click.Choice(["simplified", "traditional", "as-heard"]),
        default="simplified",
        show_default=True,
        help="Characters in which Chinese is written down; Whisper itself mixes both.",
    ),
    click.option(
        "--initial-prompt",
        metavar="TEXT",
        default="",
        help="Text in whose style and spelling Whisper goes on.",
    ),
    click.option(
        "--hotwords",
        metavar="WORDS",
        default="",
        help="Names and words that are likely to be said.",
    ),
    click.option(
        "--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True
    ),
    click.option("--offline", is_flag=True, help="Never download a model."),
    *TRANSCRIPT_OPTIONS,
    click.option(
        "--allow-damaged", is_flag=True, help="Use what can be read of a damaged or cut-off file."
    ),
    click.option(
        "--max-hours",
        type=Number(min=0, min_open=True),
        default=6.0,
        show_default=True,
        help="Refuse longer recordings.",
    ),
)

replace_option = click.option(
    "--replace", is_flag=True, help="Replace files of these names that lie there already."
)
"""The option on whether what is there may be replaced."""

heads_dir_option = click.option(
    "--heads-dir",
    "heads_dirs",
    multiple=True,
    type=Folder(),
    help="A further folder of heads (repeatable).",
)
"""The option on further folders of heads."""

_HEAD = (
    click.option(
        "--head",
        default=None,
        metavar="ID|PATH",
        help="The head that tags.  [default: whisper-base-free where Whisper base is, else prosody-emodb]",
    ),
    heads_dir_option,
    click.option(
        "--sovits-weights",
        type=FilePath(),
        help="A fine-tuned SoVITS .pth of the checkout, for heads that read its style encoder.",
    ),
    click.option(
        "--speaker-statistics/--no-speaker-statistics",
        default=None,
        help="Judge against the speaker's own usual always, or never.  [default: as far as the recording "
        "seems to hold several moods]",
    ),
    click.option(
        "--smoothing",
        type=Number(0, 1),
        default=0.0,
        show_default=True,
        help="How much neighbouring segments count.",
    ),
)

speaker_option = click.option(
    "--speaker",
    default=None,
    metavar="NAME",
    help="Who speaks, when the head was fitted to that person (see adapt, and speakers list).",
)
"""The option on the speaker whose profile is used."""

_LENDING = (
    click.option(
        "--checkout",
        type=Folder(exists=True),
        help="A GPT-SoVITS checkout, which lends HuBERT and SoVITS; its tools/asr/models is searched for "
        "Whisper.",
    ),
    click.option(
        "--whisper-model",
        type=Folder(exists=True),
        help="The Whisper that an encoder whisper-… reads: a folder with a faster-whisper model, or one that "
        "holds such folders.  [default: as transcription finds it]",
    ),
    click.option(
        "--sovits-weights",
        type=FilePath(),
        help="A fine-tuned SoVITS .pth of the checkout, for its style encoder.",
    ),
    click.option(
        "--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True
    ),
)

_FEATURES = (
    click.option(
        "--jobs",
        type=click.IntRange(1, 512),
        default=min(os.cpu_count() or 1, 512),
        show_default="the number of cores",
        help="Processes.",
    ),
    click.option(
        "--cache",
        type=FilePath(or_folder=True),
        help="File in which features are kept for the next time.  [default: in the user's cache]",
    ),
    click.option("--no-cache", is_flag=True, help="Keep no features."),
)


def _apply(options: tuple[Callable[[_Command], _Command], ...], command: _Command) -> _Command:
    return functools.reduce(lambda decorated, option: option(decorated), reversed(options), command)


def hearing_options(command: _Command) -> _Command:
    """Add the options on how to read and transcribe a recording."""
    return _apply(_HEARING, command)


def lending_options(command: _Command) -> _Command:
    """Add the options on who provides an encoder that is not our own."""
    return _apply(_LENDING, command)


def feature_options(command: _Command) -> _Command:
    """Add the options on how the features of corpora are computed and kept."""
    return _apply(_FEATURES, command)


@contextmanager
def opened_cache(features: FeatureSettings) -> Iterator[FeatureCache | None]:
    """Yield the cache of features, None where none is wanted; say what was wrong with it at the end."""
    from gpt_sovits_emotion.encoders.feature_cache import FeatureCache, default_cache

    if features.no_cache:
        yield None
        return
    with FeatureCache(features.cache or default_cache()) as cache:
        yield cache
        for warning in cache.warnings:
            say(warning.en, zh=warning.zh)


def head_options(command: _Command) -> _Command:
    """Add the options on which head tags, and how."""
    return _apply(_HEAD, command)


def language_option(command: _Command) -> _Command:
    """Add the option on the language in which a person reads explanations."""
    return click.option(
        "--lang",
        type=click.Choice(["en", "zh"]),
        default=spoken_language,  # what --lang in front of the command says
        show_default="en",
        help="Language of labels and explanations.",
    )(command)


def whisper_options_of(
    models: ModelSettings, recording: RecordingSettings | None = None
) -> TranscribeOptions:
    """Make the options of the transcriber; as by default where no recording is transcribed whole."""
    from gpt_sovits_emotion.transcription import TranscribeOptions, known_transcriber

    recording = recording or RecordingSettings()
    assert models.whisper is not None  # every command that transcribes has the option
    return TranscribeOptions(
        model=models.whisper,
        models_dir=models.models_dir,
        checkout=models.checkout,
        language=recording.language,
        beam_size=recording.beam_size,
        chinese=recording.chinese,
        initial_prompt=recording.initial_prompt,
        hotwords=recording.hotwords,
        device=models.device,
        allow_download=not models.offline,
        transcriber=known_transcriber(models.transcriber),
    )


def tag_options_of(recording: RecordingSettings) -> TagOptions:
    """Make the options of the tagger."""
    from gpt_sovits_emotion.tagging import TagOptions

    return TagOptions(recording.speaker_statistics, recording.smoothing)


def whisper_models_of(models: ModelSettings) -> WhisperModels:
    """Return where heads on Whisper find it.

    What somebody named (a head, an encoder) may be fetched; what is only the default may not.
    """
    from gpt_sovits_emotion.whisper_models import WhisperModels

    return WhisperModels(
        transcriber=models.whisper_model or models.whisper,
        models_dir=models.models_dir or models.whisper_model,
        checkout=models.checkout,
        allow_download=bool(models.head or models.judge or models.encoder_id)
        and not models.offline,
        progress=_told_once(),
    )


def _told_once() -> Progress:
    """Return a `Progress` that says once what it is doing: a download before anything has a bar."""
    told: set[str] = set()

    def progress(fraction: float, doing: str) -> None:
        if doing not in told:
            told.add(doing)
            say(doing, zh=doing_in("zh", doing))

    return progress


def head_for(models: ModelSettings) -> Head:
    """Load the head that tags. Raises what `find_head` raises."""
    from gpt_sovits_emotion.engines import default_head
    from gpt_sovits_emotion.heads import find_head, head_folders

    folders = head_folders(models.heads_dirs)
    name = models.head or default_head(folders, whisper_models_of(models))[0]
    return find_head(name, folders)


def encoder_for(models: ModelSettings, encoder_id: str) -> Encoder:
    """Open an encoder by its id, on what the checkout provides.

    Raises:
        EncoderError: There is no such encoder, or nobody provides it.
        BackendError: The checkout cannot load it.
        WhisperModelError: The Whisper that it reads is not there, or damaged.
    """
    from gpt_sovits_emotion.binding import provide_encoder
    from gpt_sovits_emotion.encoders.prosody import ProsodyEncoder
    from gpt_sovits_emotion.engines import embedded_backend

    tracker = ProsodyEncoder()
    provider = _provider_for(models) or embedded_backend(tracker)
    return provide_encoder(encoder_id, provider, tracker, whisper_models_of(models))


def open_engines_for(models: ModelSettings, speaking: SpeakingSettings | None = None) -> Engines:
    """Open the engines; say so where it is not the usual head. Without `speaking`, eSpeak NG speaks."""
    from gpt_sovits_emotion.engines import open_engines

    engines = open_engines(
        head=models.head,
        verifier=models.judge,
        heads_dirs=models.heads_dirs,
        backend=None if speaking is None else speaker_for(speaking),
        provider=_provider_for(models),
        speaker=models.speaker,
        whisper=whisper_models_of(models),
    )
    tell_note(engines.note)
    return engines


def tell_note(note: Sentence | None) -> None:
    """Say what a person should know of, if there is anything."""
    if note is not None:
        say(tr("note: {note}", note=note))


def _provider_for(models: ModelSettings) -> Backend | None:
    """Return the checkout as a provider; nothing of it is loaded before a head asks for it."""
    if models.checkout is None:
        return None
    from gpt_sovits_emotion.backends.checkout import CheckoutBackend

    return CheckoutBackend(models.checkout, sovits=models.sovits_weights, device=models.device)


@contextmanager
def opened(
    path: Path, settings: RecordingSettings, *, language: str, also_at_hz: int = 16_000
) -> Iterator[tuple[Recording, Progress]]:
    """Open a recording under a progress bar; yield it with the progress of what comes after.

    `also_at_hz` is the rate at which the head's encoder listens.
    """
    from gpt_sovits_emotion.audio import open_recording

    with (
        progress_bar(path.name) as progress,
        open_recording(
            path,
            max_duration_s=settings.max_hours * 3600,
            allow_damaged=settings.allow_damaged,
            by_options=True,
            also_at_hz=also_at_hz,
            progress=part_of(progress, 0.0, 0.1),
        ) as recording,
    ):
        yield recording, part_of(progress, 0.1, 1.0)
    echo_warnings(recording.info, language)
