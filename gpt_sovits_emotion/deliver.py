"""Deliver: write what a round trip gave into a folder that a person can keep, send or delete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from gpt_sovits_emotion.audio import Recording, encode_mp3, write_wav
from gpt_sovits_emotion.core.progress import Progress, no_progress
from gpt_sovits_emotion.core.records import (
    ReferenceChoice,
    ReferenceClip,
    RoundTripReport,
    Synthesis,
)
from gpt_sovits_emotion.pipeline import RoundTrip
from gpt_sovits_emotion.report import (
    REPORT_FILES,
    TimelineData,
    timeline_of_audio,
    timeline_of_recording,
    write_report,
)
from gpt_sovits_emotion.synthesis.verifier import Verification
from gpt_sovits_emotion.transcripts import FORMATS, write

__all__ = ["DELIVERED_FILES", "TRANSCRIPT_FORMATS", "deliver", "deliver_report"]

TRANSCRIPT_FORMATS = ("json", "srt", "txt")
_AUDIO_NAME = "after.wav"
DELIVERED_FILES = (
    _AUDIO_NAME,
    *(f"transcript{FORMATS[name]}" for name in TRANSCRIPT_FORMATS),
    *REPORT_FILES,
)
"""Every file that `deliver` may write into its folder."""


def deliver(
    result: RoundTrip,
    recording: Recording | None,
    out_dir: Path,
    *,
    language: str = "en",
    progress: Progress = no_progress,
) -> RoundTripReport:
    """Write the report page, the pictures, the joined audio and the tagged transcript.

    Every file is written in one step, the page last, so that what stands in the folder is whole.

    Args:
        result: The round trip, or texts that were said.
        recording: The recording it began with; None for texts.
        out_dir: Made if missing; files of these names are replaced.
        language: Language in which the page opens and labels are written.
        progress: Told how far it is.

    Returns:
        The report, naming the files written.

    Raises:
        OutputError: The folder or a file cannot be written.
    """
    transcript = result.tagging.transcript
    synthesis, verification = result.synthesis, result.verification
    out_dir = Path(out_dir)
    files = {"audio": _AUDIO_NAME}
    progress(0.0, "writing audio")
    write_wav(out_dir / files["audio"], synthesis.joined)
    for name in TRANSCRIPT_FORMATS:
        files[f"transcript {name}"] = f"transcript{FORMATS[name]}"
        write(transcript, out_dir / files[f"transcript {name}"], format=name, language=language)
    timeline, sound = None, None
    if recording is not None:
        progress(0.3, "drawing")
        timeline = timeline_of_recording(
            recording, transcript.segments, tracks=result.tagging.tracks, title=recording.info.name
        )
        sound = encode_mp3(recording.blocks())
    progress(0.5, "writing the report")
    report = deliver_report(
        verification,
        synthesis,
        out_dir,
        sound=sound,
        timeline=timeline,
        files=files,
        language=language,
    )
    progress(1.0, "writing the report")
    return report


def deliver_report(
    verification: Verification,
    synthesis: Synthesis,
    out_dir: Path,
    *,
    sound: bytes | None,
    timeline: TimelineData | None,
    files: Mapping[str, str],
    language: str = "en",
) -> RoundTripReport:
    """Write the report page, ``report.json`` and both timelines.

    Reference clips are named by their last two parts: a report is made to be sent to others, and the
    folders above may bear a person's name.

    Args:
        verification: The verdicts.
        synthesis: What was said.
        out_dir: Made if missing.
        sound: The recording as MP3; None where there is none.
        timeline: The recording's timeline; None where there is none.
        files: Files that stand in the folder already, role -> name.
        language: Language in which the page opens.

    Raises:
        OutputError: A file cannot be written.
    """
    outputs = verification.outputs
    segments = tuple(
        replace(
            segment,
            choice=_without_folders(segment.choice),
            takes=tuple(replace(take, clip=_shortened(take.clip)) for take in segment.takes),
        )
        for segment in verification.report.segments
    )
    return write_report(
        replace(verification.report, segments=segments, files=files),
        out_dir,
        before=sound,
        before_timeline=timeline,
        synthesis=synthesis,
        after_timeline=timeline_of_audio(
            synthesis.joined,
            outputs.transcript.segments if outputs else (),
            tracks=outputs.tracks if outputs else (),
            title=synthesis.voice,
        ),
        language=language,
    )


def _without_folders(choice: ReferenceChoice | None) -> ReferenceChoice | None:
    if choice is None:
        return None
    candidates = tuple(
        replace(candidate, clip=_shortened(candidate.clip)) for candidate in choice.candidates
    )
    return replace(choice, candidates=candidates, pick=_shortened(choice.pick))


def _shortened(clip: ReferenceClip) -> ReferenceClip:
    return replace(clip, path=Path(*clip.path.parts[-2:]))
