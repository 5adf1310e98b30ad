"""Say it again: a plain function from one `Session` to the next. No Gradio here."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from gpt_sovits_emotion import pipeline
from gpt_sovits_emotion.audio import write_wav
from gpt_sovits_emotion.backends.base import never
from gpt_sovits_emotion.banks.library.layouts import language_of_text
from gpt_sovits_emotion.core.errors import ReferenceBankError
from gpt_sovits_emotion.core.progress import Progress, no_progress, part_of
from gpt_sovits_emotion.core.records import ReferenceBank, SpeakerStatistics, TaggedTranscript
from gpt_sovits_emotion.engines import Engines
from gpt_sovits_emotion.synthesis.prosody_source import ProsodySource
from gpt_sovits_emotion.synthesis.takes import TakeOptions, words_where_there
from gpt_sovits_emotion.synthesis.text_input import with_written_tags
from webui_tab.handlers import tag_options, tagging_of
from webui_tab.sessions import PageError, Result, Session, Speaking
from webui_tab.view import clip_name
from webui_tab.workshop import Workshop

__all__ = ["resynthesise"]


def resynthesise(
    session: Session,
    workshop: Workshop,
    folder: Path,
    *,
    speaking: Speaking | None = None,
    stopped: Callable[[], bool] = never,
    progress: Progress = no_progress,
) -> Session:
    """Say every segment again with its reference, listen again, and put the audio into `folder`.

    Args:
        session: Analysed, with a voice.
        workshop: The engines.
        folder: The page's private folder.
        speaking: How to say it; the host's defaults when None.
        stopped: Asked by the host while it speaks.
        progress: Told how far it is; it may raise to stop.

    Raises:
        PageError: Nothing was analysed, no voice is chosen, or there are no words.
        ReferenceBankError: The voice has no clip of a name that was given for the timbre.
        EmotionError: The host could not speak.
    """
    transcript = tagging_of(session).transcript
    if session.bank is None:
        raise PageError("no_voice")
    if not any(choice is not None for choice in session.choices):
        raise PageError("nothing_to_say")
    engines = workshop.engines(session.settings.head)
    speaking = speaking or Speaking()
    engines, speaker = _who_is_heard(session, engines)
    known = _in_known_languages(transcript, session.settings.language)
    said = with_written_tags(known, session.bank, directions=speaking.directions)
    choices = session.choices
    if not speaking.directions:  # of what is left of the words
        choices = pipeline.choose_references(said, session.bank, pins=session.pins)
        if not any(choice is not None for choice in choices):
            raise PageError("nothing_to_say")
    synthesis = pipeline.resynthesise(
        said,
        choices,
        engines,
        bank=session.bank,
        seed=speaking.seed,
        sampling=speaking.sampling,
        timbre=_timbre(session.bank, speaking.timbre),
        carry=ProsodySource(speaking.carry),
        recording=session.recording,
        takes=_takes(session, workshop, speaking.takes),
        speaker=speaker,
        cancelled=stopped,
        progress=part_of(progress, 0.0, 0.8),
    )
    verification = pipeline.check(
        said,
        choices,
        synthesis,
        engines,
        bank=session.bank,
        options=tag_options(session.settings),
        speaker=speaker,
        progress=part_of(progress, 0.8, 1.0),
    )
    made = Path(tempfile.mkdtemp(dir=folder, prefix="again-"))
    write_wav(made / "joined.wav", synthesis.joined)
    for segment in synthesis.segments:
        if segment.audio is not None:
            write_wav(made / f"{segment.index + 1:03d}.wav", segment.audio)
    return replace(
        session,
        result=Result(
            transcript=transcript,
            choices=session.choices,
            bank=session.bank,
            synthesis=synthesis,
            verification=verification,
            host_title=engines.backend.title,
            folder=made,
        ),
    )


def _timbre(bank: ReferenceBank, names: Sequence[str]) -> list[Path]:
    clips = {clip_name(bank, clip): clip.path for clip in bank.usable}
    unknown = [name for name in names if name not in clips]
    if unknown:
        raise ReferenceBankError(
            f"{bank.voice} has no clip {unknown[0]!r} for the timbre; choose one from the list",
            zh=f"{bank.voice} 没有可用于音色的片段 {unknown[0]!r}；请从列表中选择",
        )
    return [clips[name] for name in names]


def _who_is_heard(session: Session, engines: Engines) -> tuple[Engines, SpeakerStatistics | None]:
    """Return engines whose judge knows the voice that will be heard, and its statistics, if it is cloned."""
    from gpt_sovits_emotion.banks.building.voice import open_heard_voice

    place = session.bank_place
    heard = None if place is None else open_heard_voice(place, engines)
    return (engines, None) if heard is None else (heard.engines, heard.speaker)


def _takes(session: Session, workshop: Workshop, n: int) -> TakeOptions:
    if n < 2:
        return TakeOptions()
    return TakeOptions(n, words_where_there(workshop.whisper_options(session.settings)))


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
