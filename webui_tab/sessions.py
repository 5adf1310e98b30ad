"""What an open page holds, as values: each handler makes a new one of the old. `pages` keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gpt_sovits_emotion.audio import Recording
from gpt_sovits_emotion.core.errors import ConsentError, EmotionError
from gpt_sovits_emotion.core.records import (
    ReferenceBank,
    ReferenceChoice,
    Sentence,
    Synthesis,
    TaggedTranscript,
)
from gpt_sovits_emotion.synthesis.verifier import Verification
from gpt_sovits_emotion.tagging import Tagging
from webui_tab.settings import AnalysisSettings
from webui_tab.texts import TEXTS, filled

__all__ = [
    "PageError",
    "Result",
    "Session",
    "ShownBank",
    "Stopped",
    "require",
]


class PageError(EmotionError):
    """A page asked for something that its state does not allow.

    `key` names the sentence to show; its fields in braces are filled in.
    """

    def __init__(self, key: str, **fields: object) -> None:
        sentence = filled(key, **fields)
        super().__init__(sentence.en, zh=sentence.zh)
        self.key = key


def require(ticked: bool, missing: str) -> None:
    """Go on only if a line is ticked, before anything is read, built, trained, given away or deleted.

    Each is a box beside its button, and each is asked for on the server, by whatever does the thing: a
    request that does not come from the page has nobody to tick it.

    Args:
        ticked: Whether it is.
        missing: Key of the sentence that says which line is not.

    Raises:
        ConsentError: It is not ticked.
    """
    if ticked is not True:
        said = TEXTS[missing]
        raise ConsentError(said.en, zh=said.zh)


class Stopped(Exception):  # noqa: N818  (a person's wish, no error)
    """A job was stopped by the person, or by the closing of the page."""


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
    settings: AnalysisSettings = field(default_factory=AnalysisSettings)
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
