"""Deliver: write what a round trip gave into a folder that a person can keep, send or delete."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gpt_sovits_emotion.audio import Recording, encode_mp3, write_wav
from gpt_sovits_emotion.pipeline import RoundTrip
from gpt_sovits_emotion.progress import Progress, no_progress
from gpt_sovits_emotion.records import RoundTripReport
from gpt_sovits_emotion.report import timeline_of_audio, timeline_of_recording, write_report
from gpt_sovits_emotion.transcript_io import FORMATS, write

__all__ = ["TRANSCRIPT_FORMATS", "deliver"]

TRANSCRIPT_FORMATS = ("json", "srt", "txt")


def deliver(
    result: RoundTrip,
    recording: Recording,
    out_dir: Path,
    *,
    language: str = "en",
    progress: Progress = no_progress,
) -> RoundTripReport:
    """Write the report page, the pictures, the joined audio and the tagged transcript.

    Every file is written in one step, the page last, so that what stands in the folder is whole.

    Args:
        result: The round trip.
        recording: The recording it began with.
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
    files = {"audio": "after.wav"}
    progress(0.0, "writing audio")
    write_wav(out_dir / files["audio"], synthesis.joined)
    for name in TRANSCRIPT_FORMATS:
        files[f"transcript {name}"] = f"transcript{FORMATS[name]}"
        write(transcript, out_dir / files[f"transcript {name}"], format=name, language=language)
    progress(0.3, "drawing")
    outputs = verification.outputs
    before = timeline_of_recording(
        recording, transcript.segments, tracks=result.tagging.tracks, title=recording.info.name
    )
    after = timeline_of_audio(
        synthesis.joined,
        outputs.transcript.segments if outputs else (),
        tracks=outputs.tracks if outputs else (),
        title=synthesis.voice,
    )
    progress(0.5, "writing the report")
    report = write_report(
        replace(verification.report, files=files),
        out_dir,
        before=encode_mp3(recording.blocks()),
        before_timeline=before,
        synthesis=synthesis,
        after_timeline=after,
        language=language,
    )
    progress(1.0, "writing the report")
    return report
