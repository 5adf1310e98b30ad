"""What every backend is: whoever provides weights and a voice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from gpt_sovits_emotion.core.loaded_models import LoadedModels
from gpt_sovits_emotion.core.records import Audio, Prosody, ReferenceClip, Sentence

__all__ = ["Backend", "BackendLimits", "Sampling", "SynthesisRequest", "never"]


def never() -> bool:
    """Say that nobody has asked to stop."""
    return False


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a backend samples what it says; the defaults are those of GPT-SoVITS's own page.

    Attributes:
        top_k, top_p, temperature: Of the autoregressive stage.
        speed: Above 1 is faster.
        cut: How a long text is cut before it is said: ``cut0`` (not at all) to ``cut5`` (at every
            punctuation mark), as GPT-SoVITS counts them.
        pause_s: Silence between the parts of a text that was cut.
        sample_steps: Of the v3 and v4 models; None leaves the backend's own default.
        super_sampling: Whether a v3 model's 24 kHz are brought to 48 kHz.
    """

    top_k: int = 15
    top_p: float = 1.0
    temperature: float = 1.0
    speed: float = 1.0
    cut: str = "cut0"
    pause_s: float = 0.3
    sample_steps: int | None = None
    super_sampling: bool = False


@dataclass(frozen=True, slots=True)
class BackendLimits:
    """What a backend's synthesis can and cannot do.

    Attributes:
        languages: Codes it can speak.
        reference_min_s, reference_max_s: Shortest and longest reference clip it takes.
        timbre_references: Whether it takes separate timbre references beside the prosody prompt.
        sampling_rate_hz: Rate of what it returns.
        averages_timbre: Whether the prosody prompt counts as one of the timbre references, each having an
            equal share of the voice that is heard; otherwise they replace it.
        clones_voice: Whether what it says sounds like the voice of its references, so that statistics of
            that voice fit it.
    """

    languages: frozenset[str]
    reference_min_s: float
    reference_max_s: float
    timbre_references: bool
    sampling_rate_hz: int
    averages_timbre: bool = False
    clones_voice: bool = True


@dataclass(frozen=True, slots=True)
class SynthesisRequest:
    """One segment to be said.

    Attributes:
        text: What to say; never empty.
        language: Its language code.
        reference: The clip whose voice and emotion to take.
        reference_prosody: That clip's prosody, measured, for backends that are driven by numbers.
        voice_f0_hz: Median F0 over the voice's clips, for backends that have to build the voice from numbers:
            it does not change from segment to segment, so they sound like one speaker.
        seed: Makes sampling repeatable where the backend samples.
        timbre: Further clips that set the timbre alone, for backends whose limits say that they take them
            (`BackendLimits.averages_timbre` says what becomes of the reference's own timbre).
        sampling: How to sample, where the backend samples.
        cancelled: Asked between the parts of the work; the backend stops as soon as it can once it says yes.
    """

    text: str
    language: str
    reference: ReferenceClip
    reference_prosody: Prosody
    voice_f0_hz: float | None = None
    seed: int = 0
    timbre: tuple[Path, ...] = ()
    sampling: Sampling = field(default_factory=Sampling)
    cancelled: Callable[[], bool] = never


class Backend(Protocol):
    """One place where models live.

    Attributes:
        id: ``embedded``, ``webui``, ``checkout`` or ``api_v2``.
        title: Its name for people, which says what it is and what it is not.
        provides: Families of encoders it can provide at this moment: ``prosody`` (which needs nothing, so
            every backend provides it), ``hubert``, ``sovits.style``, ``sovits.posterior``.
        limits: What its synthesis can do at this moment; None when it cannot speak at all.
        voice_mark: Equal to an earlier one as long as the same voice is loaded, as far as can be known.
    """

    @property
    def id(self) -> str: ...
    @property
    def title(self) -> Sentence: ...
    @property
    def provides(self) -> frozenset[str]: ...
    @property
    def limits(self) -> BackendLimits | None: ...
    @property
    def voice_mark(self) -> object: ...

    def provide(self, family: str) -> Iterator[LoadedModels]:
        """Yield the modules behind a family of encoders, the best first.

        There may be several: a fine-tuned style encoder that is loaded, then its base from the disk.
        Whoever asks takes the first whose fingerprint fits the head. What comes later is loaded only when
        it is asked for. ``prosody`` has no modules: nothing is yielded.

        Raises:
            BackendError: There is nothing to provide; the message says why and what to do.
        """
        ...

    def synthesise(self, request: SynthesisRequest) -> Audio:
        """Say `request.text` and return it at the backend's rate, without surrounding silence.

        Raises:
            BackendError: The backend cannot speak this language, take this clip, or failed; the message
                says which and what to do.
        """
        ...
