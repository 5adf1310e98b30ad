"""What the options of a command stand for: typed, frozen, made once and handed on whole."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = [
    "ChoosingSettings",
    "FeatureSettings",
    "ModelSettings",
    "RecordingSettings",
    "SpeakingSettings",
    "with_settings",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """Which models do the work, and where they are.

    Attributes:
        head: Id or folder of the head that tags; the best that works here when None.
        judge: Id or folder of the verifier; that of `head` when None.
        heads_dirs: Further folders of heads.
        speaker: Whose profile the head is fitted with.
        checkout: A GPT-SoVITS on this machine, which provides HuBERT and SoVITS.
        sovits_weights: A fine-tuned SoVITS of it.
        device: ``auto``, ``cpu`` or ``cuda``.
        whisper: What transcribes: a name, a folder, ``auto`` or ``none``; None where nothing does.
        transcriber: Who transcribes, by name.
        models_dir: A folder that holds Whisper models.
        whisper_model: The Whisper that an encoder reads, where nothing is transcribed.
        encoder_id: The encoder that was asked for by name.
        offline: Never download a model.
    """

    head: str | None = None
    judge: str | None = None
    heads_dirs: tuple[Path, ...] = ()
    speaker: str | None = None
    checkout: Path | None = None
    sovits_weights: Path | None = None
    device: str = "auto"
    whisper: str | None = None
    transcriber: str = "faster-whisper"
    models_dir: Path | None = None
    whisper_model: Path | None = None
    encoder_id: str | None = None
    offline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingSettings:
    """How a recording is read, transcribed and tagged.

    Attributes:
        language: The spoken language; told by Whisper when None.
        beam_size, chinese, initial_prompt, hotwords: As `transcription.TranscribeOptions` has them.
        transcript: A file with the words, or the path ``beside``.
        encoding: Of that file; found out when "".
        allow_damaged: Use what can be read of a damaged file.
        max_hours: Longer recordings are refused.
        speaker_statistics, smoothing: As `tagging.TagOptions` has them.
    """

    language: str | None = None
    beam_size: int = 5
    chinese: str = "simplified"
    initial_prompt: str = ""
    hotwords: str = ""
    transcript: Path | None = None
    encoding: str = ""
    allow_damaged: bool = False
    max_hours: float = 6.0
    speaker_statistics: bool | None = None
    smoothing: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakingSettings:
    """Who speaks, and how.

    Attributes:
        api: Address of a GPT-SoVITS server; eSpeak NG speaks when None.
        backend: Who speaks, by name, with an address where there is one.
        backend_options: ``KEY=VALUE``, for that backend.
        api_folders: ``HERE=THERE``, where that server sees folders of this machine.
        timeout: Seconds that one sentence may take there.
        seed: Of the first segment.
        speed, temperature, top_p, top_k, cut, pause_s, sample_steps: As `backends.base.Sampling` has them;
            its own when None.
        timbre: Further clips that set the timbre alone.
        directions: ``say`` or ``leave-out``: what becomes of stage directions.
    """

    api: str | None = None
    backend: str | None = None
    backend_options: tuple[str, ...] = ()
    api_folders: tuple[str, ...] = ()
    timeout: float = 600.0
    seed: int = 0
    speed: float | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    cut: str | None = None
    pause_s: float | None = None
    sample_steps: int | None = None
    timbre: tuple[Path, ...] = ()
    directions: str = "say"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoosingSettings:
    """Which reference clips are used, and in how many takes.

    Attributes:
        substitute, order: As `banks.library.choose.ChoiceOptions` has them.
        pins: ``EMOTION=CLIP``, for this time.
        prosody_from: Another voice's bank, whose clips give the prosody.
        takes: How often each segment is said.
        learn: Whether the voice's labelled clips fit the head to it; as the bank was built when None.
    """

    substitute: bool = True
    order: Literal["best", "random", "rotate"] = "best"
    pins: tuple[str, ...] = ()
    prosody_from: Path | None = None
    takes: int = 1
    learn: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureSettings:
    """How the features of corpora are computed and kept.

    Attributes:
        jobs: Processes.
        cache: File that they are kept in; the user's own when None.
        no_cache: Keep none.
    """

    jobs: int = 1
    cache: Path | None = None
    no_cache: bool = False


def with_settings(
    **kinds: type[DataclassInstance],
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Hand the options of a command over as settings: those whose names are fields of a kind, as one of it.

    It stands below the command's options. What no kind has stays an argument of its own; what a command has
    no option for is at its default.

    Args:
        kinds: Name of the argument -> the kind of settings that it is.

    Examples:
        >>> @with_settings(features=FeatureSettings)
        ... def command(name: str, features: FeatureSettings) -> str:
        ...     return f"{name} in {features.jobs} processes"
        >>> command(name="train", jobs=2)
        'train in 2 processes'
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def run(**given: Any) -> Any:
            for name, kind in kinds.items():
                own = {field.name for field in fields(kind)} & given.keys()
                given[name] = kind(**{option: given.pop(option) for option in own})
            return command(**given)

        return run

    return decorate
