"""What the page does with a recording and a voice: plain functions from one `Session` to the next.

Nothing here knows Gradio, so all of it is tested as plain functions. `correcting` and `saying` hold the steps
after this one; `workshop` holds what all pages share; `saving` writes the files to download; `view` and
`segment` say what the page shows.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

from gpt_sovits_emotion import pipeline
from gpt_sovits_emotion.audio import frames_per_s, open_recording
from gpt_sovits_emotion.banks import load_bank
from gpt_sovits_emotion.core.errors import EmotionError, ReferenceBankError
from gpt_sovits_emotion.core.progress import Progress, no_progress, part_of
from gpt_sovits_emotion.engines import Engines
from gpt_sovits_emotion.heads.profiles import known_speaker
from gpt_sovits_emotion.synthesis.text_input import with_labels_of_file
from gpt_sovits_emotion.tagging import Tagging, TagOptions
from gpt_sovits_emotion.transcripts import TextFile
from webui_tab.consent import require
from webui_tab.option_names import on_page
from webui_tab.sessions import PageError, Session, Settings
from webui_tab.workshop import SAMPLE_VOICE, Workshop, sample_data

__all__ = [
    "analyse",
    "choose_voice",
    "sentence_of",
    "tag_options",
    "tagging_of",
    "take_recording",
    "take_sample",
    "take_words",
    "with_choices",
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
        # A file of words that was given first waits for its recording; with the next one it goes.
        words=session.words if session.source is None else None,
        settings=session.settings,
        bank=session.bank,
        bank_place=session.bank_place,
        shown=session.shown,
    )


def take_words(session: Session, path: Path | None) -> Session:
    """Take a file of words for the recording, or None to have them recognised."""
    return replace(session, words=path)


def take_sample(session: Session, folder: Path, *, language: str) -> Session:
    """Take the sample recording in the page's language, and the sample voice."""
    source = folder / f"sample_{language}.flac"
    shutil.copyfile(sample_data() / source.name, source)
    fresh = Session(source=source, settings=session.settings, shown=session.shown)
    return choose_voice(fresh, SAMPLE_VOICE, consent=False)


def analyse(
    session: Session,
    settings: Settings,
    workshop: Workshop,
    folder: Path,
    *,
    consent: bool,
    progress: Progress = no_progress,
) -> Session:
    """Hear and tag the recording, and choose references if a voice is there.

    Args:
        session: With a recording.
        settings: How to analyse.
        workshop: The engines.
        folder: The page's private folder.
        consent: Whether the line about consent is ticked.
        progress: Told how far it is; it may raise to stop.

    Raises:
        ConsentError: The line is not ticked.
        EmotionError: There is no recording, or a step failed.
    """
    require(consent, "consent_missing")
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
    words = (
        None
        if session.words is None
        else TextFile(
            session.words,
            settings.encoding,
            by_option=True,
            film_rate=partial(frames_per_s, session.source),
        )
    )
    try:
        tagging = pipeline.annotate(
            recording,
            engines,
            whisper=workshop.whisper_options(settings),
            transcript_file=words,
            options=tag_options(settings),
            progress=part_of(progress, 0.1, 1.0),
        )
        if words is not None:
            tagging = replace(tagging, transcript=with_labels_of_file(tagging.transcript, words))
    except BaseException:
        recording.close()
        raise
    return with_choices(
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


def choose_voice(session: Session, path: str, *, consent: bool) -> Session:
    """Load a voice's bank and choose references from it; a blank path takes the voice away.

    Raises:
        ConsentError: The voice is a person's, and the line about consent is not ticked.
        ReferenceBankError: It is no bank, or has no clip that can be used.
    """
    path = path.strip().strip('"')
    if not path:
        return replace(session, bank=None, bank_place=None, pins={}, choices=())
    if path != SAMPLE_VOICE:
        require(consent, "voice_consent_missing")
    root = sample_data() / "voice_bank" if path == SAMPLE_VOICE else Path(path).expanduser()
    return with_choices(replace(session, bank=load_bank(root), bank_place=root, pins={}))


def _who_speaks(session: Session, settings: Settings, engines: Engines) -> Engines:
    """Return engines whose tagging head knows the voice, where a person says that it is the one who speaks.

    Raises:
        ReferenceBankError: The bank knows nothing of its voice for this head.
    """
    from gpt_sovits_emotion.banks.building.voice import open_voice

    if not settings.same_voice or settings.speaker:
        return engines
    if session.bank_place is None:
        raise PageError("no_voice")
    opened = open_voice(session.bank_place, engines, who="tagger")
    if opened.speaker is None:
        raise ReferenceBankError(opened.note.en, zh=opened.note.zh)
    return replace(opened.engines, speaker=opened.speaker)


def tag_options(settings: Settings) -> TagOptions:
    """Return how segments are judged for a page's settings."""
    return TagOptions(None if settings.speaker_statistics else False, settings.smoothing)


def tagging_of(session: Session) -> Tagging:
    """Return what was heard. Raises `PageError` where nothing was."""
    if session.tagging is None or not session.tagging.transcript.segments:
        raise PageError("not_analysed")
    return session.tagging


def with_choices(session: Session) -> Session:
    """Choose the references anew, if there is something to choose for and from."""
    if session.tagging is None or session.bank is None:
        return replace(session, choices=())
    choices = pipeline.choose_references(
        session.tagging.transcript, session.bank, pins=session.pins
    )
    return replace(session, choices=choices)


def sentence_of(error: EmotionError, language: str) -> str:
    """Return an error's sentence, in the page's language where it has been written in it."""
    return on_page(error.say(language), language)
