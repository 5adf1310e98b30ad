"""The records of this package: a clip, and a corpus of clips."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from pathlib import Path

from gpt_sovits_emotion.core.labels import canonical_label
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.heads.card import CorpusCredit
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
        unpacked: The folder into which its audio was unpacked; None where every clip is a file of its own.
    """

    name: str
    root: Path
    clips: tuple[Clip, ...]
    info: CorpusInfo = _NOTHING_KNOWN
    warnings: tuple[Sentence, ...] = ()
    unpacked: Path | None = None

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

    @property
    def train_only(self) -> bool:
        """Whether it is there to be trained on and never to be tested on."""
        return self.info.synthetic or self.info.train_only

    def train_only_reason(self) -> Sentence | None:
        """Return why the corpus is no test set, in one sentence with its name; None where it may be one.

        Examples:
            >>> from gpt_sovits_emotion.training.corpora import KNOWN_CORPORA
            >>> print(Corpus("marco-voice", Path(), (), KNOWN_CORPORA["marco-voice"]).train_only_reason().en)
            marco-voice is for training only, never a test set: its clips are outputs of a speech synthesis
        """
        if not self.train_only:
            return None
        en, zh = "its description says so", "其说明如此规定"
        if self.info.synthetic:
            en, zh = "its clips are outputs of a speech synthesis", "其片段由语音合成生成"
        return Sentence(
            f"{self.name} is for training only, never a test set: {en}",
            f"{self.name} 仅供训练，不作测试集：{zh}",
        )

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
