"""What each button of the page does: plain functions from one `Session` to the next.

Nothing here knows Gradio, so all of it is tested as plain functions. `Workshop` holds what all pages
share; `saving` writes the files to download; `view` says what the page shows.
"""

from __future__ import annotations

import importlib.resources
import shutil
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gpt_sovits_emotion import pipeline
from gpt_sovits_emotion.audio import open_recording, write_wav
from gpt_sovits_emotion.errors import ConsentError, EmotionError, WhisperModelError
from gpt_sovits_emotion.heads import HeadEntry, head_folders, list_heads
from gpt_sovits_emotion.labels import canonical_label, display_name
from gpt_sovits_emotion.pipeline import Engines
from gpt_sovits_emotion.progress import Progress, no_progress, part_of
from gpt_sovits_emotion.records import TaggedSegment, TaggedTranscript
from gpt_sovits_emotion.references import load_bank
from gpt_sovits_emotion.tag import Tagging, TagOptions
from webui_tab.sessions import PageError, Result, Session, Settings
from webui_tab.texts import say
from webui_tab.view import COLUMNS, edited_columns

if TYPE_CHECKING:
    from gpt_sovits_emotion.transcribe import TranscribeOptions

__all__ = [
    "SAMPLE_VOICE",
    "Workshop",
    "analyse",
    "choose_voice",
    "correct",
    "edit_table",
    "pin",
    "resynthesise",
    "sample_settings",
    "sentence_of",
    "take_recording",
    "take_sample",
    "undo",
    "whisper_choices",
]

SAMPLE_VOICE = "sample"
"""What stands for the bank that comes with the package, where a path is expected."""


WHISPER_SIZES = ("small", "medium", "large-v3-turbo", "large-v3", "base", "tiny")
"""The sizes offered by name, the usual one first; any other that the hub holds can be typed."""


@dataclass(frozen=True, slots=True, eq=False)
class Workshop:
    """What all pages of one server share: the loaded engines, and where models are looked for.

    Attributes:
        heads_dirs: Further folders of heads.
        models_dir: Folder that holds faster-whisper models.
        checkout: A GPT-SoVITS checkout, whose models are used too.
        allow_download: Whether a Whisper model that is not on this machine may be fetched.
    """

    heads_dirs: tuple[Path, ...] = ()
    models_dir: Path | None = None
    checkout: Path | None = None
    allow_download: bool = True
    _engines: dict[str, Engines] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def engines(self, head: str) -> Engines:
        """Open the engines for a head, or return those opened before.

        Raises:
            HeadError: The head is missing, broken, or does not fit.
        """
        with self._lock:
            if head not in self._engines:
                self._engines[head] = pipeline.open_engines(head=head, heads_dirs=self.heads_dirs)
            return self._engines[head]

    def heads(self) -> tuple[HeadEntry, ...]:
        """Return the heads that can be chosen now."""
        entries = list_heads(head_folders(self.heads_dirs))
        return tuple(entry for entry in entries if entry.problem is None)

    def whisper_options(self, settings: Settings) -> TranscribeOptions:
        """Return the options of the transcriber for a page's settings."""
        from gpt_sovits_emotion.transcribe import TranscribeOptions

        return TranscribeOptions(
            model=settings.whisper.strip(),
            language=settings.language.strip() or None,
            models_dir=self.models_dir,
            checkout=self.checkout,
            allow_download=self.allow_download,
        )


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
    return Session(source=path, settings=session.settings, bank=session.bank)


def take_sample(session: Session, folder: Path, *, language: str) -> Session:
    """Take the sample recording in the page's language, and the sample voice."""
    source = folder / f"sample_{language}.flac"
    shutil.copyfile(_sample_data() / source.name, source)
    return choose_voice(Session(source=source, settings=session.settings), SAMPLE_VOICE)


def sample_settings(settings: Settings) -> Settings:
    """Return settings with which the sample is recognised: the micro model knows its sentences."""
    return replace(settings, whisper="micro", language="")


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
    recording = open_recording(session.source, progress=part_of(progress, 0.0, 0.1))
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


def whisper_choices(workshop: Workshop, language: str) -> dict[str, str]:
    """Return what the page offers as speech recognition: name for people -> name of the model.

    Sizes that lie on this machine come first; the others would be fetched on first use.
    """
    from gpt_sovits_emotion.transcribe import MICRO, NO_MODEL, find_model

    here: dict[str, str] = {}
    absent: dict[str, str] = {}
    for size in WHISPER_SIZES:
        try:
            find_model(
                size,
                models_dir=workshop.models_dir,
                checkout=workshop.checkout,
                allow_download=False,
            )
        except WhisperModelError:
            if workshop.allow_download:
                absent[say("whisper_absent", language, name=size)] = size
        else:
            here[say("whisper_here", language, name=size)] = size
    return {
        **here,
        **absent,
        say("whisper_none", language): NO_MODEL,
        say("whisper_micro", language): MICRO,
    }


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
        return replace(session, bank=None, pins={}, choices=())
    root = _sample_data() / "voice_bank" if path == SAMPLE_VOICE else Path(path).expanduser()
    return _with_choices(replace(session, bank=load_bank(root), pins={}))


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
    session: Session, workshop: Workshop, folder: Path, *, progress: Progress = no_progress
) -> Session:
    """Say every segment again with its reference, listen again, and put the audio into `folder`.

    Raises:
        PageError: Nothing was analysed, no voice is chosen, or there are no words.
        EmotionError: The host could not speak.
    """
    transcript = _tagging(session).transcript
    if session.bank is None:
        raise PageError("no_voice")
    if not any(choice is not None for choice in session.choices):
        raise PageError("nothing_to_say")
    engines = workshop.engines(session.settings.head)
    synthesis = pipeline.resynthesise(
        transcript,
        session.choices,
        engines,
        voice=session.bank.voice,
        progress=part_of(progress, 0.0, 0.8),
    )
    verification = pipeline.check(
        transcript,
        session.choices,
        synthesis,
        engines,
        bank=session.bank,
        options=_tag_options(session.settings),
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


def _sample_data() -> Path:
    return Path(str(importlib.resources.files("gpt_sovits_emotion"))) / "sample_data"


def _tag_options(settings: Settings) -> TagOptions:
    return TagOptions(settings.speaker_statistics, settings.smoothing)


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
    transcript: TaggedTranscript = tagging.transcript
    segments = (*transcript.segments[:index], tagged, *transcript.segments[index + 1 :])
    tagging = replace(tagging, transcript=replace(transcript, segments=segments))
    return _with_choices(replace(session, tagging=tagging))


def _with_choices(session: Session) -> Session:
    if session.tagging is None or session.bank is None:
        return replace(session, choices=())
    choices = pipeline.choose_references(
        session.tagging.transcript, session.bank, pins=session.pins
    )
    return replace(session, choices=choices)


def sentence_of(error: EmotionError, language: str) -> str:
    """Return an error's sentence, in the page's language where it was written for the page."""
    return say(error.key, language) if isinstance(error, PageError) else str(error)
