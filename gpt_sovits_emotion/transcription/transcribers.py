"""Who transcribes: faster-whisper, or what another package adds."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from gpt_sovits_emotion.core import registry
from gpt_sovits_emotion.core.errors import TranscriptError
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.progress import Progress, no_progress
from gpt_sovits_emotion.core.records import Transcript
from gpt_sovits_emotion.transcription.options import FASTER_WHISPER, NO_MODEL, TranscribeOptions

if TYPE_CHECKING:
    from gpt_sovits_emotion.audio import Recording

__all__ = ["Transcriber", "known_transcriber", "name_of", "transcribe"]

_SPARE_S = 0.5  # what a last segment may lie past the end by: decoders count frames, not samples


class Transcriber(Protocol):
    """Whoever writes down what is said: what an entry point in the group ``transcribers`` is."""

    def __call__(
        self, recording: Recording, options: TranscribeOptions, *, progress: Progress = no_progress
    ) -> Transcript:
        """Return the segments of a recording in order of time, each with its words' text and language.

        Args:
            recording: The audio; ``recording.read(start_s, end_s)`` gives ``(n_samples,)`` at 16 kHz.
            options: What a person chose: the language, or None to find it out, and what this transcriber
                knows of the rest.
            progress: Called with a share from 0 to 1 and with what is being done; what it raises stops the
                work.

        Raises:
            WhisperModelError: Its model is not there, or does not know the language.
        """
        ...


def transcribe(
    recording: Recording, options: TranscribeOptions, *, progress: Progress = no_progress
) -> Transcript:
    """Transcribe a recording with the transcriber that the options name.

    The model `NO_MODEL` asks for stretches of speech without words, whoever transcribes.

    Raises:
        WhisperModelError: The model is not there, does not load, or does not know the language.
        PluginError: There is no such transcriber, or it is another package's, which failed.
        TranscriptError: It gives segments that are none: past the recording, or out of order.
    """
    chosen = options.transcriber
    if options.model == NO_MODEL or chosen == FASTER_WHISPER:
        chosen = FASTER_WHISPER
    transcriber = _opened(chosen)
    doing = tr("transcribing {info}", info=recording.info.name)
    with registry.blamed(doing=doing):
        found = transcriber(recording, options, progress=progress)
    if chosen != FASTER_WHISPER:
        _check(found, recording, name_of(options))
    return found


def known_transcriber(name: str) -> str:
    """Return the name of who transcribes. Raises `PluginError` where there is none, before any work."""
    if registry.find("transcribers", name) is None:
        registry.load("transcribers", name)
    return name


def name_of(options: TranscribeOptions) -> str:
    """Return the name of who transcribes."""
    chosen = options.transcriber
    return chosen if isinstance(chosen, str) else getattr(chosen, "__name__", type(chosen).__name__)


def _opened(chosen: str | Callable[..., Transcript]) -> Callable[..., Transcript]:
    if not isinstance(chosen, str):
        return chosen
    found: Callable[..., Transcript] = registry.load("transcribers", chosen)
    return found


def _check(found: object, recording: Recording, name: str) -> None:
    """Refuse what is no transcript of this recording, of which everything after would be wrong."""
    if not isinstance(found, Transcript):
        raise TranscriptError(
            tr(
                "the transcriber {name!r} gives {name_2} and no Transcript; that is a fault of the "
                "package that adds it: choose another transcriber",
                name=name,
                name_2=type(found).__name__,
            )
        )
    before_s = 0.0
    for number, segment in enumerate(found.segments, start=1):
        in_order = before_s <= segment.start_s <= segment.end_s
        if not in_order or segment.end_s > recording.duration_s + _SPARE_S:
            raise TranscriptError(
                tr(
                    "the transcriber {name!r} gives a segment {number} from {start_s:g} s to {end_s:g} "
                    "s, which lies before the one before it or outside of the recording "
                    "({duration_s:.1f} s); that is a fault of the package that adds it",
                    name=name,
                    number=number,
                    start_s=segment.start_s,
                    end_s=segment.end_s,
                    duration_s=recording.duration_s,
                )
            )
        before_s = segment.start_s
