"""What an open page holds, as values: each handler makes a new one of the old. `pages` keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gpt_sovits_emotion.audio import Recording
from gpt_sovits_emotion.backends.base import Sampling
from gpt_sovits_emotion.core.errors import EmotionError
from gpt_sovits_emotion.core.records import (
    ReferenceBank,
    ReferenceChoice,
    Sentence,
    Synthesis,
    TaggedTranscript,
)
from gpt_sovits_emotion.engines import DEFAULT_HEAD
from gpt_sovits_emotion.synthesis.verifier import Verification
from gpt_sovits_emotion.tagging import Tagging
from gpt_sovits_emotion.transcription.options import AUTO
from webui_tab.texts import filled

__all__ = [
    "PageError",
    "Result",
    "Session",
    "Settings",
    "ShownBank",
    "Speaking",
    "Stopped",
]


class PageError(EmotionError):
    """A page asked for something that its state does not allow.

    `key` names the sentence to show; its fields in braces are filled in.
    """

    def __init__(self, key: str, **fields: object) -> None:
        sentence = filled(key, **fields)
        super().__init__(sentence.en, zh=sentence.zh)
        self.key = key


class Stopped(Exception):  # noqa: N818  (a person's wish, no error)
    """A job was stopped by the person, or by the closing of the page."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How to analyse.

    Attributes:
        whisper: Whisper model: a size, a folder, ``auto`` or ``none``.
        language: Code of the spoken language; "" to detect it.
        head: Id or folder of the head.
        speaker_statistics: Judge against the recording's own segments as far as they seem to be in several
            moods; never when False.
        smoothing: As in `tag.TagOptions`.
        speaker: One whom the head was fitted to (`heads.profiles`); "" for nobody in particular.
        same_voice: Whether it is the chosen voice that speaks in the recording: what its bank knows of it is
            then the usual that segments are judged against.
        initial_prompt: As in `transcribe.TranscribeOptions`.
        hotwords: As there.
        encoding: Of the file of words; "" to find it out.
    """

    whisper: str = AUTO
    language: str = ""
    head: str = DEFAULT_HEAD
    speaker_statistics: bool = True
    smoothing: float = 0.0
    speaker: str = ""
    same_voice: bool = False
    initial_prompt: str = ""
    hotwords: str = ""
    encoding: str = ""


@dataclass(frozen=True, slots=True)
class Speaking:
    """How to say it again, where the host samples.

    Attributes:
        sampling: See `hosts.base.Sampling`.
        seed: Of the first segment; each further one has the next.
        timbre: Names of the voice's clips that set the timbre alone, where the host takes them.
        takes: How many syntheses of each segment are made, of which the best is kept.
        carry: How the emotion is carried (`carry.ProsodySource.way`).
        directions: Whether stage directions, music signs and names of speakers are said.
    """

    sampling: Sampling = field(default_factory=Sampling)
    seed: int = 0
    timbre: tuple[str, ...] = ()
    takes: int = 1
    carry: str = "clip"
    directions: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """A resynthesis, with what it was made from: what is changed later makes it stale.

    `folder` is where its audio lies: ``joined.wav`` and one file per segment that was spoken.
    """

    transcript: TaggedTranscript
    choices: tuple[ReferenceChoice | None, ...]
    bank: ReferenceBank
    synthesis: Synthesis
    verification: Verification
    host_title: Sentence
    folder: Path


@dataclass(frozen=True, slots=True, eq=False)
class ShownBank:
    """A bank on the page of voices.

    Attributes:
        place: What it is opened by.
        bank: What it holds.
    """

    place: Path
    bank: ReferenceBank


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """What one open page holds.

    Attributes:
        source: The recording's file, None before there is one.
        words: The file that its words are taken from; None where they are recognised.
        recording: The decoded recording, open while the page is.
        settings: With which it was analysed.
        tagging: What was heard, with the corrections made since.
        bank: The voice.
        bank_place: What it was opened by; what is known of the voice as a whole lies beside it.
        pins: Segment -> the clip that a person chose.
        choices: Per segment its reference; empty while there is no tagging or no bank.
        result: The latest resynthesis.
        heard_folder: Where the stretches of the recording are put that are listened to.
        shown: The bank on the page of voices, which need not be the voice that speaks.
    """

    source: Path | None = None
    words: Path | None = None
    recording: Recording | None = None
    settings: Settings = field(default_factory=Settings)
    tagging: Tagging | None = None
    bank: ReferenceBank | None = None
    bank_place: Path | None = None
    pins: Mapping[int, Path] = field(default_factory=dict)
    choices: tuple[ReferenceChoice | None, ...] = ()
    result: Result | None = None
    heard_folder: Path | None = None
    shown: ShownBank | None = None

    @property
    def own_files(self) -> frozenset[Path]:
        """The files and folders that stand for this session alone."""
        made = self.result.folder if self.result else None
        words = self.words.parent if self.words else None
        return frozenset(path for path in (self.source, words, self.heard_folder, made) if path)

    @property
    def is_stale(self) -> bool:
        """Whether something was changed since `result` was made."""
        if self.result is None or self.tagging is None:
            return False
        made_from = (self.result.transcript, self.result.choices)
        return made_from != (self.tagging.transcript, self.choices)
