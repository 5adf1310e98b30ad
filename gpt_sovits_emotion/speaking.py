"""Saying a transcript again: references chosen, spoken, and listened to again, in a row.

`say_again` does that for what was heard in a recording, `say` for texts that nobody recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from gpt_sovits_emotion.audio import Recording
from gpt_sovits_emotion.backends.base import Sampling, never
from gpt_sovits_emotion.banks.library.choose import ChoiceOptions
from gpt_sovits_emotion.banks.library.choose_all import choose_all
from gpt_sovits_emotion.core.errors import NoWordsError
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.progress import Progress, no_progress, part_of
from gpt_sovits_emotion.core.records import (
    WRITTEN,
    ReferenceBank,
    ReferenceChoice,
    SpeakerStatistics,
    Synthesis,
    TaggedTranscript,
)
from gpt_sovits_emotion.engines import Engines
from gpt_sovits_emotion.synthesis.concatenation import timed_as_spoken
from gpt_sovits_emotion.synthesis.prosody_source import ProsodySource, check_prosody_source
from gpt_sovits_emotion.synthesis.resynthesis import resynthesise
from gpt_sovits_emotion.synthesis.takes import TakeOptions
from gpt_sovits_emotion.synthesis.text_input import (
    with_written_tags,
    written_transcript,
)
from gpt_sovits_emotion.synthesis.verifier import Verification, verify
from gpt_sovits_emotion.tagging import Tagging, TagOptions
from gpt_sovits_emotion.transcripts import Line

__all__ = [
    "RoundTrip",
    "SpeakingOptions",
    "check",
    "choose_references",
    "say",
    "say_again",
    "with_all_takes",
]


def choose_references(
    transcript: TaggedTranscript,
    bank: ReferenceBank,
    *,
    pins: Mapping[int, Path] | None = None,
    substitute: bool = True,
    options: ChoiceOptions | None = None,
) -> tuple[ReferenceChoice | None, ...]:
    """Choose a reference clip for every segment that has words; None for the others.

    Args:
        transcript: What was heard, with a person's corrections.
        bank: The voice.
        pins: Segment index -> the clip that a person chose.
        substitute: Whether another emotion may stand in for a missing one; `options` go before it.
        options: How to choose.

    Raises:
        ReferenceBankError: See `banks.choose_all`.
    """
    return choose_all(
        transcript, bank, pins=pins or {}, options=options or ChoiceOptions(substitute=substitute)
    )


def check(
    transcript: TaggedTranscript,
    choices: Sequence[ReferenceChoice | None],
    synthesis: Synthesis,
    engines: Engines,
    *,
    bank: ReferenceBank,
    options: TagOptions | None = None,
    speaker: SpeakerStatistics | None = None,
    progress: Progress = no_progress,
) -> Verification:
    """Listen again with the judging head. See `verifier.verify`."""
    return verify(
        with_written_tags(transcript, bank),
        choices,
        synthesis,
        engines.verifier,
        bank_synthetic=bank.synthetic,
        options=options,
        speaker=speaker,
        progress=progress,
    )


@dataclass(frozen=True, slots=True, eq=False)
class RoundTrip:
    """Everything that one round trip gave."""

    tagging: Tagging
    choices: tuple[ReferenceChoice | None, ...]
    synthesis: Synthesis
    verification: Verification


@dataclass(frozen=True, slots=True)
class SpeakingOptions:
    """How a whole transcript is chosen for, said and judged.

    Attributes:
        seed, sampling, timbre, takes: As for `resynthesise`.
        carry: As for `resynthesise`; another voice's bank carries where one is given, whatever it says.
        choice: How the references are chosen.
        pins: Segment index -> the clip that a person chose.
        voice: Statistics of the voice that speaks, for the judge.
        directions: Whether stage directions are said; None: in a round trip, and not by `say`.
    """

    seed: int = 0
    sampling: Sampling | None = None
    timbre: tuple[Path, ...] = ()
    takes: TakeOptions = field(default_factory=TakeOptions)
    carry: ProsodySource = field(default_factory=ProsodySource)
    choice: ChoiceOptions = field(default_factory=ChoiceOptions)
    pins: Mapping[int, Path] = field(default_factory=dict)
    voice: SpeakerStatistics | None = None
    directions: bool | None = None


def say_again(
    tagging: Tagging,
    bank: ReferenceBank,
    engines: Engines,
    *,
    speaking: SpeakingOptions | None = None,
    recording: Recording | None = None,
    prosody_from: ReferenceBank | None = None,
    options: TagOptions | None = None,
    cancelled: Callable[[], bool] = never,
    progress: Progress = no_progress,
) -> RoundTrip:
    """Choose references for what was heard, speak, and listen again: the second half of `round_trip`.

    Args:
        tagging: What was heard, with a person's corrections.
        bank: The voice that says it again.
        engines: Heads and backend.
        speaking: How it is said again.
        recording: What was heard; needed where it carries the emotion itself.
        prosody_from: Another voice's bank, whose clips give the prosody.
        options: As for `tag`, for the verifier.
        cancelled: As for `resynthesise`.
        progress: Told how far it is.

    Raises:
        NoWordsError: There is nothing to say.
        EmotionError: Any step's.
    """
    speaking = with_all_takes(speaking, prosody_from)
    transcript = with_written_tags(
        tagging.transcript,
        *_banks(bank, prosody_from),
        directions=speaking.directions is not False,
    )
    if not any(segment.text.strip() for segment in transcript.segments):
        raise _no_words(transcript.recording.name)
    return _said_and_checked(
        replace(tagging, transcript=transcript),
        bank,
        engines,
        speaking,
        options=options,
        prosody_from=prosody_from,
        recording=recording,
        cancelled=cancelled,
        progress=progress,
    )


def say(
    texts: Sequence[str | Line],
    bank: ReferenceBank,
    engines: Engines,
    *,
    emotion: str = "neutral",
    language: str = "",
    name: str = "text",
    options: TagOptions | None = None,
    speaking: SpeakingOptions | None = None,
    prosody_from: ReferenceBank | None = None,
    cancelled: Callable[[], bool] = never,
    progress: Progress = no_progress,
) -> RoundTrip:
    """Say texts that nobody recorded, one after the other, and listen to what came of them.

    Args:
        texts: One segment each; may begin with the tag of their emotion, as ``[happy]``.
        bank: The voice.
        engines: Backend and judge; the tagging head has nothing to do.
        emotion: Of texts without a tag.
        language: Of all texts; told by each text's script when "".
        name: What to call them.
        options: As for `tag`, for the judge.
        speaking: How they are said; only a clip can carry the emotion, since there is no recording.
        prosody_from: Another voice's bank, whose clips give the prosody.
        cancelled: As for `resynthesise`.
        progress: Told how far it is.

    Returns:
        What a round trip gives; the transcript's times are those of the output.

    Raises:
        EmotionError: Any step's; `TranscriptError` when there are no words to say.
        ValueError: A recording is to carry the emotion.
    """
    speaking = with_all_takes(speaking, prosody_from)
    check_prosody_source(speaking.carry, engines.backend.limits, backend=engines.backend.title)
    banks, directions = _banks(bank, prosody_from), bool(speaking.directions)
    transcript = written_transcript(
        texts, *banks, emotion=emotion, language=language, name=name, directions=directions
    )
    return _said_and_checked(
        Tagging(transcript, (None,) * len(transcript.segments)),
        bank,
        engines,
        speaking,
        options=options,
        prosody_from=prosody_from,
        recording=None,
        cancelled=cancelled,
        progress=progress,
    )


def _banks(bank: ReferenceBank, other: ReferenceBank | None) -> tuple[ReferenceBank, ...]:
    return (bank,) if other is None else (bank, other)


def with_all_takes(
    speaking: SpeakingOptions | None, prosody_from: ReferenceBank | None
) -> SpeakingOptions:
    """Let another voice's bank carry where one is given, and rank enough clips for all takes."""
    speaking = speaking or SpeakingOptions()
    choice = speaking.choice
    choice = replace(choice, n_candidates=max(choice.n_candidates, 2 * speaking.takes.n))
    carry = speaking.carry
    if prosody_from is not None:
        carry = replace(carry, way="bank")
    return replace(speaking, choice=choice, carry=carry)


def _no_words(name: str) -> NoWordsError:
    return NoWordsError(
        tr(
            "no words were found in {name}, so there is nothing to say again; choose a Whisper model "
            "(--whisper) or lay a transcript beside the file",
            name=name,
        )
    )


def _said_and_checked(
    tagging: Tagging,
    bank: ReferenceBank,
    engines: Engines,
    speaking: SpeakingOptions,
    *,
    options: TagOptions | None,
    prosody_from: ReferenceBank | None,
    recording: Recording | None,
    cancelled: Callable[[], bool],
    progress: Progress,
) -> RoundTrip:
    """Choose, speak and listen again; texts that nobody recorded get the times at which they are said."""
    transcript = tagging.transcript
    choices = choose_references(
        transcript, prosody_from or bank, pins=speaking.pins, options=speaking.choice
    )
    synthesis = resynthesise(
        transcript,
        choices,
        engines,
        bank=bank,
        seed=speaking.seed,
        sampling=speaking.sampling,
        timbre=speaking.timbre,
        carry=speaking.carry,
        recording=recording,
        takes=speaking.takes,
        speaker=speaking.voice,
        cancelled=cancelled,
        progress=part_of(progress, 0.0, 0.85),
    )
    if transcript.transcriber == WRITTEN:
        transcript = timed_as_spoken(transcript, synthesis)
        tagging = replace(tagging, transcript=transcript)
    verification = check(
        transcript,
        choices,
        synthesis,
        engines,
        bank=bank,
        options=options,
        speaker=speaking.voice,
        progress=part_of(progress, 0.85, 1.0),
    )
    return RoundTrip(tagging, choices, synthesis, verification)
