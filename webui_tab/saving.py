"""Write what a person takes home: the report, the audio, the timeline, the transcript in every format."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from gpt_sovits_emotion.audio import encode_mp3, write_wav
from gpt_sovits_emotion.core.errors import PluginError, TranscriptError
from gpt_sovits_emotion.core.progress import Progress, no_progress
from gpt_sovits_emotion.core.records import TaggedTranscript
from gpt_sovits_emotion.deliver import deliver_report
from gpt_sovits_emotion.report import TimelineData, write_timeline, write_transcript_page
from gpt_sovits_emotion.transcripts import writable_formats, write
from webui_tab.sessions import PageError, Result, Session
from webui_tab.texts import say
from webui_tab.view import heard_timeline

__all__ = ["Saved", "make_files"]

_MP3_LIMIT_S = 3600.0  # of the recording in the page; 29 MB, which then lies beside it


@dataclass(frozen=True, slots=True)
class Saved:
    """Files to download, and a sentence for each one that could not be made."""

    files: tuple[Path, ...]
    left_out: tuple[str, ...]


def make_files(
    session: Session, folder: Path, *, language: str, progress: Progress = no_progress
) -> Saved:
    """Write all files into a new folder under `folder`.

    Before the resynthesis they are the transcript in every format, its page and the timeline; after it
    also the report and the audio. A result that no longer fits the corrections is left out.

    Raises:
        PageError: Nothing was analysed.
        OutputError: The disk is full.
    """
    if session.tagging is None or session.recording is None:
        raise PageError("not_analysed")
    out = Path(tempfile.mkdtemp(dir=folder, prefix="files-"))
    transcript = session.tagging.transcript
    stem = _stem(transcript.recording.name)
    left_out = _write_transcripts(transcript, out, stem, session, language)
    progress(0.2, "writing")
    sound = encode_mp3(session.recording.read(0.0, _MP3_LIMIT_S))
    progress(0.4, "writing")
    timeline = heard_timeline(session)
    assert timeline is not None
    if session.result is not None and not session.is_stale:
        _write_result(session.result, out, sound=sound, timeline=timeline, language=language)
    else:
        write_timeline(timeline, out / "timeline.png", language=language)
        page = out / "transcript.html"
        write_transcript_page(transcript, page, sound=sound, timeline=timeline, language=language)
        if session.result is not None:
            left_out = (*left_out, say("result_stale", language))
    progress(1.0, "writing")
    files = sorted(path for path in out.iterdir() if path.is_file())
    return Saved(tuple(files), left_out)


def _write_result(
    result: Result, out: Path, *, sound: bytes, timeline: TimelineData, language: str
) -> None:
    """Write the report, both timelines, and what was said."""
    shutil.copyfile(result.folder / "joined.wav", out / "after.wav")
    deliver_report(
        result.verification,
        result.synthesis,
        out,
        sound=sound,
        timeline=timeline,
        files={"audio": "after.wav"},
        language=language,
    )


def _write_transcripts(
    transcript: TaggedTranscript, out: Path, stem: str, session: Session, language: str
) -> tuple[str, ...]:
    def problem_with(format: str, name: str) -> str | None:
        try:
            if format == "list":
                _write_training_list(transcript, out, stem, session)
            else:
                write(transcript, out / name, format=format, language=language)
        except (TranscriptError, PluginError) as error:
            return say("left_out", language, name=name, reason=error)
        return None

    problems = (
        problem_with(format, f"{stem}{ending}") for format, ending in writable_formats().items()
    )
    return tuple(problem for problem in problems if problem)


def _write_training_list(
    transcript: TaggedTranscript, out: Path, stem: str, session: Session
) -> None:
    """Write GPT-SoVITS's training list with the clips that it names, as one archive."""
    assert session.recording is not None
    inside = out / "list"
    names = [f"clips/{number:03d}.wav" for number in range(1, len(transcript.segments) + 1)]
    write(transcript, inside / f"{stem}.list", format="list", clip_paths=names, speaker=stem)
    for tagged, name in zip(transcript.segments, names, strict=True):
        if tagged.text.strip():
            clip = session.recording.read(tagged.segment.start_s, tagged.segment.end_s)
            write_wav(inside / name, clip)
    shutil.make_archive(str(out / f"{stem}-list"), "zip", inside)
    shutil.rmtree(inside)


def _stem(name: str) -> str:
    stem = "".join(char if char.isalnum() or char in "-_. " else "_" for char in Path(name).stem)
    return stem.strip(" .")[:60] or "recording"
