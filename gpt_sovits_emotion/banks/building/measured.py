"""What is known of a clip before the bank as a whole is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpt_sovits_emotion.core.records import Sentence

if TYPE_CHECKING:
    import numpy as np

    from gpt_sovits_emotion.banks.building.hearing import ClipFacts
    from gpt_sovits_emotion.banks.building.sources import SourceClip
    from gpt_sovits_emotion.banks.library.sidecar import ClipContent

__all__ = ["Measured"]


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """Everything that is known of a clip before the bank as a whole is looked at.

    Attributes:
        source: As its source describes it.
        content: What its file holds; None when it cannot be read.
        facts: What its audio says of itself; None when it cannot be read.
        voice: ``(n_mel,)``; None when it was not heard.
        embedding: ``(dim,)`` for the head; None when there is none.
        text: What is said in it.
        language: Its language.
        problem: Why it cannot be used, as far as the clip alone tells.
        remark: Why no emotion was heard in it.
        text_error: Character error rate of what Whisper hears against its given text; None where they were
            not compared.
        heard_text: What Whisper hears then.
    """

    source: SourceClip
    content: ClipContent | None
    facts: ClipFacts | None = None
    voice: np.ndarray | None = None
    embedding: np.ndarray | None = None
    text: str = ""
    language: str = ""
    problem: Sentence | None = None
    remark: Sentence | None = None
    text_error: float | None = None
    heard_text: str = ""
