"""What each button of the page does: plain functions from one `Session` to the next.

Nothing here knows Gradio, so all of it is tested as plain functions. `workshop` holds what all pages
share; `saving` writes the files to download; `view` and `segment` say what the page shows.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from gpt_sovits_emotion import pipeline
from gpt_sovits_emotion.audio import open_recording, write_wav
from gpt_sovits_emotion.carry import Carry
from gpt_sovits_emotion.engines import Engines
from gpt_sovits_emotion.errors import ConsentError, EmotionError, ReferenceBankError
from gpt_sovits_emotion.heads.profiles import known_speaker
from gpt_sovits_emotion.hosts.base import never
from gpt_sovits_emotion.labels import canonical_label, display_name
from gpt_sovits_emotion.progress import Progress, no_progress, part_of
from gpt_sovits_emotion.records import (
    ReferenceBank,
    SpeakerStatistics,
    TaggedSegment,
    TaggedTranscript,
)
from gpt_sovits_emotion.references import load_bank
from gpt_sovits_emotion.references.layouts import language_of_text
from gpt_sovits_emotion.tag import Tagging, TagOptions
from gpt_sovits_emotion.takes import TakeOptions, words_where_there
from webui_tab.sessions import PageError, Result, Session, Settings, Speaking
from webui_tab.texts import say
from webui_tab.view import COLUMNS, clip_name, edited_columns
from webui_tab.workshop import SAMPLE_VOICE, Workshop, sample_data

__all__ = [
    "analyse",
    "choose_voice",
    "correct",
    "edit_table",
    "pin",
    "resynthesise",
    "sentence_of",
    "take_recording",
    "take_sample",
    "undo",
]

# --- step 1: the recording ---------------------------------------------------------------------------


def take_recording(session: Session, path: Path | None, *, upload_root: Path) -> Session:
    """Take a file that the page uploaded, or None when it was removed; forget what was heard before.

    Raises:
        PageError: The file lies elsewhere: the request did not come from our page.
    """
    if path is not None:
        path = path.resolve()
        if not path.is_relative_to(upload_root.resolve()) or not path.is_file():
            raise PageError("not_of_this_page")
    if path == session.source:
        return session
    return Session(
        source=path,
        settings=session.settings,
        bank=session.bank,
        bank_place=session.bank_place,
        shown=session.shown,
    )


def take_sample(session: Session, folder: Path, *, language: str) -> Session:
    """Take the sample recording in the page's language, and the sample voice."""
    source = folder / f"sample_{language}.flac"
    shutil.copyfile(sample_data() / source.name, source)
    fresh = Session(source=source, settings=session.settings, shown=session.shown)
    return choose_voice(fresh, SAMPLE_VOICE)


def analyse(
    session: Session,
    settings: Settings,
    workshop: Workshop,
    folder: Path,
    *,
    consent: bool,
    language: str,
    progress: Progress = no_progress,
) -> Session:
    """Hear and tag the recording, and choose references if a voice is there.

    Args:
        session: With a recording.
        settings: How to analyse.
        workshop: The engines.
        folder: The page's private folder.
        consent: Whether the line about consent is ticked.
        language: The page's language.
        progress: Told how far it is; it may raise to stop.

    Raises:
        ConsentError: The line is not ticked.
        EmotionError: There is no recording, or a step failed.
    """
    if not consent:
        raise ConsentError(say("consent_missing", language))
    if session.source is None:
        raise PageError("no_recording")
    engines = workshop.engines(settings.head)
    engines = _who_speaks(session, settings, engines)  # what is wrong is said before any work
    if settings.speaker:
        engines = engines.for_speaker(known_speaker(engines.tagger, settings.speaker))
    recording = open_recording(
        session.source,
        also_at_hz=engines.listening_rate_hz,
        progress=part_of(progress, 0.0, 0.1),
    )
    try:
        tagging = pipeline.annotate(
            recording,
            engines,
            whisper=workshop.whisper_options(settings),
            options=_tag_options(settings),
            progress=part_of(progress, 0.1, 1.0),
        )
    except BaseException:
        recording.close()
        raise
    return _with_choices(
        replace(
            session,
            recording=recording,
            settings=settings,
            tagging=tagging,
            pins={},
            result=None,
            heard_folder=Path(tempfile.mkdtemp(dir=folder, prefix="heard-")),
        )
    )


# --- step 2: corrections and references --------------------------------------------------------------


def correct(
    session: Session, index: int, *, text: str | None = None, label: str | None = None
) -> Session:
    """Correct a segment's text or emotion; what equals the heard one is no correction.

    Args:
        session: Analysed.
        index: Which segment.
        text: What was said, None to leave it; "" takes the words away.
        label: Emotion, under any name; None or blank to leave it.

    Returns:
        The new session, or the same object where nothing changed.

    Raises:
        PageError: Nothing was analysed, or there is no such segment.
    """
    tagged = _segment(session, index)
    if text is not None:
        text = " ".join(text.split())
        tagged = replace(tagged, corrected_text=None if text == tagged.segment.text else text)
    if label is not None and label.strip():
        label = canonical_label(label)
        heard = tagged.scores.label if tagged.scores else None
        tagged = replace(tagged, corrected_label=None if label == heard else label)
    return _with_segment(session, index, tagged)


def undo(session: Session, index: int) -> Session:
    """Take a segment's corrections and its chosen clip back. Raises as `correct`."""
    tagged = replace(_segment(session, index), corrected_text=None, corrected_label=None)
    return _with_segment(pin(session, index, None), index, tagged)


def edit_table(
    session: Session, rows: Sequence[Sequence[object]], *, language: str
) -> tuple[Session, tuple[str, ...]]:
    """Take the edits of the table of segments.

    Only cells that a person changed count: the table that is sent back may have been overtaken by a
    correction made elsewhere, which must not be undone.

    Args:
        session: What the page holds.
        rows: The table as the page has it now, in the form of `view.table_rows`.
        language: The page's language.

    Returns:
        The session with the corrections (the same object where there are none), and a sentence for every
        edit that was not taken.
    """
    n_segments = len(session.tagging.transcript.segments) if session.tagging else 0
    if len(rows) != n_segments:
        return session, ()  # the table of an earlier recording
    refused: list[str] = []
    for index, row in enumerate(rows):
        edited = edited_columns(row)
        if edited is None or edited - {"text", "emotion"}:
            refused.append(say("only_text_and_emotion", language))
            continue
        if "text" in edited:
            session = correct(session, index, text=str(row[COLUMNS.index("text")]))
        if "emotion" in edited:
            label = str(row[COLUMNS.index("emotion")])
            if label.strip():
                session = correct(session, index, label=label)
            else:
                name = display_name(_segment(session, index).label, language)
                refused.append(say("no_emotion_given", language, number=index + 1, label=name))
    return session, tuple(dict.fromkeys(refused))


def choose_voice(session: Session, path: str) -> Session:
    """Load a voice's bank and choose references from it; a blank path takes the voice away.

    Raises:
        ReferenceBankError: It is no bank, or has no clip that can be used.
    """
    path = path.strip().strip('"')
    if not path:
        return replace(session, bank=None, bank_place=None, pins={}, choices=())
    root = sample_data() / "voice_bank" if path == SAMPLE_VOICE else Path(path).expanduser()
    return _with_choices(replace(session, bank=load_bank(root), bank_place=root, pins={}))


def pin(session: Session, index: int, clip: Path | None) -> Session:
    """Choose a segment's reference by hand, or leave the choice to the program again (None).

    Raises:
        ReferenceBankError: The clip is not in the bank, or cannot be used.
    """
    _segment(session, index)
    pins = {segment: path for segment, path in session.pins.items() if segment != index}
    if clip is not None:
        pins[index] = clip
    return _with_choices(replace(session, pins=pins))


# --- step 3: say it again ----------------------------------------------------------------------------


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
    transcript = _tagging(session).transcript
    if session.bank is None:
        raise PageError("no_voice")
    if not any(choice is not None for choice in session.choices):
        raise PageError("nothing_to_say")
    engines = workshop.engines(session.settings.head)
    speaking = speaking or Speaking()
    engines, speaker = _who_is_heard(session, engines)
    synthesis = pipeline.resynthesise(
        _in_known_languages(transcript, session.settings.language),
        session.choices,
        engines,
        bank=session.bank,
        seed=speaking.seed,
        sampling=speaking.sampling,
        timbre=_timbre(session.bank, speaking.timbre),
        carry=Carry(speaking.carry),
        recording=session.recording,
        takes=_takes(session, workshop, speaking.takes),
        speaker=speaker,
        cancelled=stopped,
        progress=part_of(progress, 0.0, 0.8),
    )
    verification = pipeline.check(
        transcript,
        session.choices,
        synthesis,
        engines,
        bank=session.bank,
        options=_tag_options(session.settings),
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
            host_title=engines.host.title,
            folder=made,
        ),
    )


# --- inside ------------------------------------------------------------------------------------------


def _timbre(bank: ReferenceBank, names: Sequence[str]) -> list[Path]:
    clips = {clip_name(bank, clip): clip.path for clip in bank.usable}
    unknown = [name for name in names if name not in clips]
    if unknown:
        raise ReferenceBankError(
            f"{bank.voice} has no clip {unknown[0]!r} for the timbre; choose one from the list",
            zh=f"{bank.voice} 没有可用于音色的片段 {unknown[0]!r}；请从列表中选择",
        )
    return [clips[name] for name in names]


def _who_speaks(session: Session, settings: Settings, engines: Engines) -> Engines:
    """Return engines whose tagging head knows the voice, where a person says that it is the one who speaks.

    Raises:
        ReferenceBankError: The bank knows nothing of its voice for this head.
    """
    from gpt_sovits_emotion.banking.voice import open_voice

    if not settings.same_voice or settings.speaker:
        return engines
    if session.bank_place is None:
        raise PageError("no_voice")
    opened = open_voice(session.bank_place, engines, who="tagger")
    if opened.speaker is None:
        raise ReferenceBankError(opened.note.en, zh=opened.note.zh)
    return replace(opened.engines, speaker=opened.speaker)


def _who_is_heard(session: Session, engines: Engines) -> tuple[Engines, SpeakerStatistics | None]:
    """Return engines whose judge knows the voice that will be heard, and its statistics, if it is cloned."""
    from gpt_sovits_emotion.banking.voice import open_voice

    limits = engines.host.limits
    if session.bank_place is None or limits is None or not limits.clones_voice:
        return engines, None
    opened = open_voice(session.bank_place, engines, who="judge")
    return opened.engines, opened.speaker


def _takes(session: Session, workshop: Workshop, n: int) -> TakeOptions:
    if n < 2:
        return TakeOptions()
    return TakeOptions(n, words_where_there(workshop.whisper_options(session.settings)))


def _tag_options(settings: Settings) -> TagOptions:
    return TagOptions(None if settings.speaker_statistics else False, settings.smoothing)


def _tagging(session: Session) -> Tagging:
    if session.tagging is None or not session.tagging.transcript.segments:
        raise PageError("not_analysed")
    return session.tagging


def _segment(session: Session, index: int) -> TaggedSegment:
    segments = _tagging(session).transcript.segments
    if not 0 <= index < len(segments):
        raise PageError("not_analysed")
    return segments[index]


def _with_segment(session: Session, index: int, tagged: TaggedSegment) -> Session:
    tagging = _tagging(session)
    if tagged == tagging.transcript.segments[index]:
        return session
    transcript = tagging.transcript
    segments = (*transcript.segments[:index], tagged, *transcript.segments[index + 1 :])
    tagging = replace(tagging, transcript=replace(transcript, segments=segments))
    return _with_choices(replace(session, tagging=tagging))


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


def _with_choices(session: Session) -> Session:
    if session.tagging is None or session.bank is None:
        return replace(session, choices=())
    choices = pipeline.choose_references(
        session.tagging.transcript, session.bank, pins=session.pins
    )
    return replace(session, choices=choices)


def sentence_of(error: EmotionError, language: str) -> str:
    """Return an error's sentence, in the page's language where it has been written in it."""
    return error.say(language)
