"""What every host is: whoever lends weights and a voice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from gpt_sovits_emotion.records import Audio, Prosody, ReferenceClip, Sentence

__all__ = ["Host", "HostLimits", "SynthesisRequest"]


@dataclass(frozen=True, slots=True)
class HostLimits:
    """What a host's synthesis can and cannot do.

    Attributes:
        languages: Codes it can speak.
        reference_min_s, reference_max_s: Shortest and longest reference clip it takes.
        timbre_references: Whether it takes separate timbre references beside the prosody prompt.
        sampling_rate_hz: Rate of what it returns.
    """

    languages: frozenset[str]
    reference_min_s: float
    reference_max_s: float
    timbre_references: bool
    sampling_rate_hz: int


@dataclass(frozen=True, slots=True)
class SynthesisRequest:
    """One segment to be said.

    Attributes:
        text: What to say; never empty.
        language: Its language code.
        reference: The clip whose voice and emotion to take.
        reference_prosody: That clip's prosody, measured, for hosts that are driven by numbers.
        voice_f0_hz: Median F0 over the voice's clips, for hosts that have to build the voice from numbers:
            it does not change from segment to segment, so they sound like one speaker.
        seed: Makes sampling repeatable where the host samples.
    """

    text: str
    language: str
    reference: ReferenceClip
    reference_prosody: Prosody
    voice_f0_hz: float | None = None
    seed: int = 0


class Host(Protocol):
    """One place where models live.

    Attributes:
        id: ``embedded``, ``webui``, ``checkout`` or ``api_v2``.
        title: Its name for people, which says what it is and what it is not.
        lends: Ids of the encoders it can lend.
        limits: What its synthesis can do; None when it cannot speak at all.
    """

    @property
    def id(self) -> str: ...
    @property
    def title(self) -> Sentence: ...
    @property
    def lends(self) -> frozenset[str]: ...
    @property
    def limits(self) -> HostLimits | None: ...

    def synthesise(self, request: SynthesisRequest) -> Audio:
        """Say `request.text` and return it at the host's rate, without surrounding silence.

        Raises:
            HostError: The host cannot speak this language, take this clip, or failed; the message
                says which and what to do.
        """
        ...
