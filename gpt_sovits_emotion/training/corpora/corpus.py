"""The records of this room: a clip, and a corpus of clips."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from pathlib import Path

from gpt_sovits_emotion.heads.card import CorpusCredit
from gpt_sovits_emotion.labels import canonical_label
from gpt_sovits_emotion.records import Sentence
from gpt_sovits_emotion.training.corpora.known import CorpusInfo, unknown_corpus

__all__ = ["Clip", "Corpus", "label_from"]


@dataclass(frozen=True, slots=True)
class Clip:
    """One labelled recording.

    Attributes:
        path: Audio file.
        speaker: Who speaks; unique within the corpus.
        emotion: Canonical label, or the corpus's own where it has no canonical form.
        language: Language code, "" when unknown.
        text: What is said, or the corpus's code for it, "" when unknown. Equal texts are equal words.
        gender: As the corpus gives it, "" when unknown.
        intensity: As the corpus gives it, "" when unknown.
        label: The label as it was written.
        corpus: Name of the corpus that the clip came from, once corpora were merged.
    """

    path: Path
    speaker: str
    emotion: str
    language: str = ""
    text: str = ""
    gender: str = ""
    intensity: str = ""
    label: str = ""
    corpus: str = ""


_NOTHING_KNOWN = unknown_corpus("")


@dataclass(frozen=True, slots=True)
class Corpus:
    """A named set of clips.

    Attributes:
        name: The name given to it, else that of the known corpus, else that of the folder.
        root: The folder, or the list.
        clips: In the order of the manifest, or of the files' paths.
        info: Its makers, licence and citation.
        warnings: What was passed over on reading.
    """

    name: str
    root: Path
    clips: tuple[Clip, ...]
    info: CorpusInfo = _NOTHING_KNOWN
    warnings: tuple[Sentence, ...] = ()

    def __post_init__(self) -> None:
        if self.info is _NOTHING_KNOWN:
            object.__setattr__(self, "info", unknown_corpus(self.name))

    @property
    def speakers(self) -> tuple[str, ...]:
        """The speakers, sorted."""
        return tuple(sorted({clip.speaker for clip in self.clips}))

    @property
    def emotions(self) -> tuple[str, ...]:
        """The labels, sorted."""
        return tuple(sorted({clip.emotion for clip in self.clips}))

    @property
    def languages(self) -> tuple[str, ...]:
        """The known languages, sorted."""
        return tuple(sorted({clip.language for clip in self.clips if clip.language}))

    def credit(self) -> CorpusCredit:
        """Return what the card of a head that was trained on these clips says of the corpus."""
        return CorpusCredit(
            name=self.info.title,
            language=", ".join(self.languages) or self.info.language,
            n_utterances=len(self.clips),
            n_speakers=len(self.speakers),
            licence=self.info.licence,
            citation=self.info.citation,
        )


def label_from(written: str) -> str:
    """Return the canonical form of a label as a person or a corpus wrote it.

    Full-width letters are taken for the plain ones.

    Examples:
        >>> label_from(" Ａnger "), label_from("frustrated")
        ('angry', 'frustrated')
    """
    return canonical_label(unicodedata.normalize("NFKC", written))
