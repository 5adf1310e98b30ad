"""The only wiring: whose result goes into what, for one recording and one voice.

Every step is a function, so that the command line runs them in a row and the tab one by one, with a
person's corrections in between:

    open_engines -> hear -> annotate -> choose_references -> resynthesise -> check

`round_trip` runs them in a row; `say_again` is its second half, from the choice on, for whoever lets a person
correct what was heard; `say` does that for texts that nobody recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gpt_sovits_emotion.audio import Recording
from gpt_sovits_emotion.backends.base import never
from gpt_sovits_emotion.core.progress import Progress, no_progress, part_of
from gpt_sovits_emotion.core.records import (
    ReferenceBank,
    SpeakerStatistics,
    Transcript,
)
from gpt_sovits_emotion.engines import Engines
from gpt_sovits_emotion.speaking import (
    RoundTrip,
    SpeakingOptions,
    check,
    choose_references,
    say,
    say_again,
    with_all_takes,
)
from gpt_sovits_emotion.synthesis.prosody_source import check_prosody_source
from gpt_sovits_emotion.synthesis.resynthesis import resynthesise
from gpt_sovits_emotion.synthesis.text_input import with_labels_of_file
from gpt_sovits_emotion.tagging import Tagging, TagOptions, tag
from gpt_sovits_emotion.transcripts import TextFile, read_transcript

if TYPE_CHECKING:
    from gpt_sovits_emotion.transcription import TranscribeOptions

__all__ = [
    "RoundTrip",
    "SpeakingOptions",
    "annotate",
    "check",
    "choose_references",
    "hear",
    "resynthesise",
    "round_trip",
    "say",
    "say_again",
]


def hear(
    recording: Recording,
    *,
    whisper: TranscribeOptions,
    transcript_file: Path | TextFile | None = None,
    progress: Progress = no_progress,
) -> Transcript:
    """Find out what was said and when: by Whisper, by voice activity alone, or from a file.

    Args:
        recording: The audio.
        whisper: Which model and how; model ``none`` finds the stretches of speech and no words.
        transcript_file: A transcript that lies beside the recording; used in place of Whisper.
        progress: Told how far it is.

    Raises:
        WhisperModelError: The model is not there or does not load.
        TranscriptError: The file cannot be read, or does not fit the recording.
    """
    from gpt_sovits_emotion.transcription import transcribe

    if transcript_file is None:
        return transcribe(recording, whisper, progress=progress)
    transcript = read_transcript(
        transcript_file,
        duration_s=recording.duration_s,
        language=whisper.language or "",
        recording_name=recording.info.name,
    )
    progress(1.0, "reading the transcript")
    return transcript


def annotate(
    recording: Recording,
    engines: Engines,
    *,
    whisper: TranscribeOptions,
    transcript_file: Path | TextFile | None = None,
    options: TagOptions | None = None,
    speaker: SpeakerStatistics | None = None,
    progress: Progress = no_progress,
) -> Tagging:
    """Hear and tag, where given against the statistics of a known speaker. Raises what both raise."""
    transcript = hear(
        recording,
        whisper=whisper,
        transcript_file=transcript_file,
        progress=part_of(progress, 0.0, 0.75),
    )
    return tag(
        transcript,
        recording,
        engines.analyser,
        options=options,
        speaker=speaker,
        progress=part_of(progress, 0.75, 1.0),
    )


def round_trip(
    recording: Recording,
    bank: ReferenceBank,
    engines: Engines,
    *,
    whisper: TranscribeOptions,
    transcript_file: Path | TextFile | None = None,
    options: TagOptions | None = None,
    speaker: SpeakerStatistics | None = None,
    speaking: SpeakingOptions | None = None,
    prosody_from: ReferenceBank | None = None,
    cancelled: Callable[[], bool] = never,
    progress: Progress = no_progress,
) -> RoundTrip:
    """Hear, tag, choose, speak and listen again.

    Args:
        recording: The audio.
        bank: The voice that says it again.
        engines: Heads and backend.
        whisper: As for `hear`.
        transcript_file: As for `hear`.
        options: As for `tag`.
        speaker: Statistics of who speaks in the recording, where that is known.
        speaking: How it is said again.
        prosody_from: Another voice's bank, whose clips give the prosody.
        cancelled: As for `resynthesise`.
        progress: Told how far it is.

    Raises:
        EmotionError: Any step's; `TranscriptError` when there are no words to say again; `BackendError`
            before any work when the backend cannot carry emotion in this way.
    """
    settled = with_all_takes(speaking, prosody_from)
    check_prosody_source(settled.carry, engines.backend.limits, backend=engines.backend.title)
    tagging = annotate(
        recording,
        engines,
        whisper=whisper,
        transcript_file=transcript_file,
        options=options,
        speaker=speaker,
        progress=part_of(progress, 0.0, 0.5),
    )
    if transcript_file is not None:
        labelled = with_labels_of_file(tagging.transcript, transcript_file)
        tagging = replace(tagging, transcript=labelled)
    return say_again(
        tagging,
        bank,
        engines,
        speaking=settled,
        recording=recording,
        prosody_from=prosody_from,
        options=options,
        cancelled=cancelled,
        progress=part_of(progress, 0.5, 1.0),
    )
