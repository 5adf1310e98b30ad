"""What the page does with a recording and a voice, and what a person corrects.

These are functions from one `Session` to the next. Nothing here knows Gradio, so all of it is tested as
plain functions. `resynthesis` holds the step after this one; `app_context` what all pages share; `view` and
`panel` say what the page shows.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from gpt_sovits_emotion import pipeline
from gpt_sovits_emotion.audio import Recording, frames_per_s, open_recording
from gpt_sovits_emotion.banks import load_bank
from gpt_sovits_emotion.core.errors import ReferenceBankError
from gpt_sovits_emotion.core.labels import canonical_label, display_name
from gpt_sovits_emotion.core.progress import Progress, no_progress, part_of
from gpt_sovits_emotion.core.records import TaggedSegment
from gpt_sovits_emotion.engines import Engines
from gpt_sovits_emotion.heads.profiles import known_speaker
from gpt_sovits_emotion.synthesis.text_input import with_labels_of_file
from gpt_sovits_emotion.tagging import Tagging, TagOptions
from gpt_sovits_emotion.transcripts import TextFile
from webui_tab.app_context import AppContext, sample_data
from webui_tab.controls import SAMPLE_VOICE
from webui_tab.listen.view import COLUMNS, edited_columns
from webui_tab.sessions import PageError, Session, require
from webui_tab.settings import AnalysisSettings
from webui_tab.texts import say

__all__ = [
    "analyse",
    "choose_voice",
    "correct",
    "edit_table",
    "pin",
    "tag_options",
    "tagging_of",
    "take_recording",
    "take_sample",
    "take_words",
    "undo",
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
    settings: AnalysisSettings,
    app: AppContext,
    folder: Path,
    *,
    consent: bool,
    progress: Progress = no_progress,
) -> Session:
    """Hear and tag the recording, and choose references if a voice is there.

    Args:
        session: With a recording.
        settings: How to analyse.
        app: The engines.
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
    engines = app.engines(settings.head)
    engines = _who_speaks(session, settings, engines)  # what is wrong is said before any work
    if settings.speaker:
        engines = engines.for_speaker(known_speaker(engines.tagger, settings.speaker))
    recording = open_recording(
        session.source,
        also_at_hz=engines.listening_rate_hz,
        progress=part_of(progress, 0.0, 0.1),
    )
    try:
        tagging = _tagged(session, settings, app, recording, engines, part_of(progress, 0.1, 1.0))
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


def _tagged(
    session: Session,
    settings: AnalysisSettings,
    app: AppContext,
    recording: Recording,
    engines: Engines,
    progress: Progress,
) -> Tagging:
    words = None
    if session.words is not None:
        assert session.source is not None  # it is what was heard
        film_rate = partial(frames_per_s, session.source)
        words = TextFile(session.words, settings.encoding, by_option=True, film_rate=film_rate)
    tagging = pipeline.annotate(
        recording,
        engines,
        whisper=app.whisper_options(settings),
        transcript_file=words,
        options=tag_options(settings),
        progress=progress,
    )
    if words is None:
        return tagging
    return replace(tagging, transcript=with_labels_of_file(tagging.transcript, words))


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


def _who_speaks(session: Session, settings: AnalysisSettings, engines: Engines) -> Engines:
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


def tag_options(settings: AnalysisSettings) -> TagOptions:
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


# --- step 2: corrections ------------------------------------------------------------------------------


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


def pin(session: Session, index: int, clip: Path | None) -> Session:
    """Choose a segment's reference by hand, or leave the choice to the program again (None).

    Raises:
        ReferenceBankError: The clip is not in the bank, or cannot be used.
    """
    _segment(session, index)
    pins = {segment: path for segment, path in session.pins.items() if segment != index}
    if clip is not None:
        pins[index] = clip
    return with_choices(replace(session, pins=pins))


def _segment(session: Session, index: int) -> TaggedSegment:
    segments = tagging_of(session).transcript.segments
    if not 0 <= index < len(segments):
        raise PageError("not_analysed")
    return segments[index]


def _with_segment(session: Session, index: int, tagged: TaggedSegment) -> Session:
    tagging = tagging_of(session)
    if tagged == tagging.transcript.segments[index]:
        return session
    transcript = tagging.transcript
    segments = (*transcript.segments[:index], tagged, *transcript.segments[index + 1 :])
    tagging = replace(tagging, transcript=replace(transcript, segments=segments))
    return with_choices(replace(session, tagging=tagging))
