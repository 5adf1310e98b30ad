"""Say it again, and write what a person takes home: report, audio, timeline, transcript. No Gradio here."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gpt_sovits_emotion import pipeline
from gpt_sovits_emotion.audio import encode_mp3, write_wav
from gpt_sovits_emotion.backends.base import never
from gpt_sovits_emotion.banks.library.layouts import language_of_text
from gpt_sovits_emotion.core.errors import (
    NoWordsError,
    PluginError,
    ReferenceBankError,
    TranscriptError,
)
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.progress import Progress, no_progress
from gpt_sovits_emotion.core.records import (
    ReferenceBank,
    SpeakerStatistics,
    Synthesis,
    TaggedTranscript,
)
from gpt_sovits_emotion.deliver import deliver_report
from gpt_sovits_emotion.engines import Engines
from gpt_sovits_emotion.report import TimelineData, write_timeline, write_transcript_page
from gpt_sovits_emotion.synthesis.prosody_source import ProsodySource
from gpt_sovits_emotion.synthesis.takes import TakeOptions, words_where_there
from gpt_sovits_emotion.transcripts import writable_formats, write
from webui_tab.app_context import AppContext
from webui_tab.listen.analysis import tag_options, tagging_of
from webui_tab.listen.view import clip_name, heard_timeline
from webui_tab.sessions import PageError, Result, Session
from webui_tab.settings import SpeakingSettings
from webui_tab.texts import say

__all__ = ["Saved", "make_files", "resynthesise"]


def resynthesise(
    session: Session,
    app: AppContext,
    folder: Path,
    *,
    speaking: SpeakingSettings | None = None,
    stopped: Callable[[], bool] = never,
    progress: Progress = no_progress,
) -> Session:
    """Say every segment again with its reference, listen again, and put the audio into `folder`.

    Args:
        session: Analysed, with a voice.
        app: The engines.
        folder: The page's private folder.
        speaking: How to say it; the host's defaults when None.
        stopped: Asked by the host while it speaks.
        progress: Told how far it is; it may raise to stop.

    Raises:
        PageError: Nothing was analysed, no voice is chosen, or there are no words.
        ReferenceBankError: The voice has no clip of a name that was given for the timbre.
        EmotionError: The host could not speak.
    """
    tagging = tagging_of(session)
    if session.bank is None:
        raise PageError("no_voice")
    if not any(choice is not None for choice in session.choices):
        raise PageError("nothing_to_say")
    speaking = speaking or SpeakingSettings()
    engines, voice = _who_is_heard(session, app.engines(session.settings.head))
    known = _in_known_languages(tagging.transcript, session.settings.spoken_language)
    try:
        trip = pipeline.say_again(
            replace(tagging, transcript=known),
            session.bank,
            engines,
            speaking=_speaking_options(session, app, speaking, voice),
            recording=session.recording,
            options=tag_options(session.settings),
            cancelled=stopped,
            progress=progress,
        )
    except NoWordsError:
        raise PageError("nothing_to_say") from None
    return replace(
        session,
        result=Result(
            transcript=tagging.transcript,
            choices=session.choices,
            bank=session.bank,
            synthesis=trip.synthesis,
            verification=trip.verification,
            host_title=engines.backend.title,
            folder=_written(trip.synthesis, folder),
        ),
    )


def _written(synthesis: Synthesis, folder: Path) -> Path:
    made = Path(tempfile.mkdtemp(dir=folder, prefix="again-"))
    write_wav(made / "joined.wav", synthesis.joined)
    for segment in synthesis.segments:
        if segment.audio is not None:
            write_wav(made / f"{segment.index + 1:03d}.wav", segment.audio)
    return made


def _speaking_options(
    session: Session, app: AppContext, speaking: SpeakingSettings, voice: SpeakerStatistics | None
) -> pipeline.SpeakingOptions:
    """Return what the command line makes of its options, of the page's settings and pins."""
    assert session.bank is not None
    return pipeline.SpeakingOptions(
        seed=speaking.seed,
        sampling=speaking.sampling,
        timbre=_timbre(session.bank, speaking.timbre),
        takes=_takes(session, app, speaking.takes),
        carry=ProsodySource(speaking.carry),
        pins=session.pins,
        voice=voice,
        directions=speaking.directions,
    )


def _timbre(bank: ReferenceBank, names: Sequence[str]) -> tuple[Path, ...]:
    clips = {clip_name(bank, clip): clip.path for clip in bank.usable}
    unknown = [name for name in names if name not in clips]
    if unknown:
        raise ReferenceBankError(
            tr(
                "{voice} has no clip {unknown!r} for the timbre; choose one from the list",
                voice=bank.voice,
                unknown=unknown[0],
            )
        )
    return tuple(clips[name] for name in names)


def _who_is_heard(session: Session, engines: Engines) -> tuple[Engines, SpeakerStatistics | None]:
    """Return engines whose judge knows the voice that will be heard, and its statistics, if it is cloned."""
    from gpt_sovits_emotion.banks.building.voice import open_heard_voice

    place = session.bank_place
    heard = None if place is None else open_heard_voice(place, engines)
    return (engines, None) if heard is None else (heard.engines, heard.speaker)


def _takes(session: Session, app: AppContext, n: int) -> TakeOptions:
    if n < 2:
        return TakeOptions()
    return TakeOptions(n, words_where_there(app.whisper_options(session.settings)))


def _in_known_languages(transcript: TaggedTranscript, spoken: str) -> TaggedTranscript:
    """Give words that a person wrote where none were recognised the language they are to be said in."""
    if transcript.language:
        return transcript
    segments = tuple(
        tagged
        if tagged.segment.language
        else replace(
            tagged,
            segment=replace(tagged.segment, language=spoken or language_of_text(tagged.text)),
        )
        for tagged in transcript.segments
    )
    return replace(transcript, segments=segments)


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
            return say("left_out", language, name=name, reason=error.say(language))
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
