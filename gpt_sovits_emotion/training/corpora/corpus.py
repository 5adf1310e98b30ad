"""Corpora as records: what is known of one, its clips, several as one, and how labels were understood."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gpt_sovits_emotion.core.errors import CorpusError
from gpt_sovits_emotion.core.labels import EMOTIONS, canonical_label
from gpt_sovits_emotion.core.messages import in_both, of_list, tr
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.heads.card import CorpusCredit
from gpt_sovits_emotion.training.corpora.info import (
    INFO_FIELDS,
    UNKNOWN_LICENCE,
    CorpusInfo,
    read_info,
    unknown_corpus,
)

__all__ = [
    "INFO_FIELDS",
    "INFO_NAME",
    "UNKNOWN_LICENCE",
    "Clip",
    "Corpus",
    "CorpusInfo",
    "LabelRow",
    "label_from",
    "label_table",
    "merge",
    "read_info",
    "unknown_corpus",
    "wanted_labels",
]

INFO_NAME = "corpus.yaml"


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
        return tr(
            "{name} is for training only, never a test set: {said}",
            name=self.name,
            said=in_both(en, zh),
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


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One label of one corpus, as it was written and as it is understood.

    Attributes:
        corpus: The corpus's name.
        written: The label as it was written.
        emotion: What it is understood as.
        known: Whether that is one of the canonical emotions, and not a label of the corpus's own.
        kept: Whether its clips are used, or left out because other labels were asked for.
        n_clips: How many clips have it.
        n_speakers: Of how many speakers.
    """

    corpus: str
    written: str
    emotion: str
    known: bool
    kept: bool
    n_clips: int
    n_speakers: int


def label_table(
    corpora: Sequence[Corpus], labels: Sequence[str] | None = None
) -> tuple[LabelRow, ...]:
    """Return how the labels of corpora are understood: one row per corpus and label as written.

    Args:
        corpora: The corpora.
        labels: The labels that will be used; None for all.

    Returns:
        Rows by corpus, and in it by emotion in the canonical order, labels of its own last.
    """
    wanted = wanted_labels(labels)
    rows = []
    for corpus in corpora:
        clips: defaultdict[tuple[str, str], list[Clip]] = defaultdict(list)
        for clip in corpus.clips:
            clips[clip.label or clip.emotion, clip.emotion].append(clip)
        for written, emotion in sorted(clips, key=lambda pair: (_place(pair[1]), pair[0])):
            own = clips[written, emotion]
            rows.append(
                LabelRow(
                    corpus=corpus.name,
                    written=written,
                    emotion=emotion,
                    known=emotion in EMOTIONS,
                    kept=wanted is None or emotion in wanted,
                    n_clips=len(own),
                    n_speakers=len({clip.speaker for clip in own}),
                )
            )
    return tuple(rows)


def merge(corpora: Sequence[Corpus], *, labels: Sequence[str] | None) -> Corpus:
    """Take corpora together as one.

    Speakers become ``name/speaker``, with the corpus's name in front, so that they are unique.

    Args:
        corpora: One or more, of different names.
        labels: The labels whose clips are kept, in any spelling that is understood; None for all.

    Raises:
        CorpusError: There is no corpus, two have one name, or no clip has such a label.
    """
    if not corpora:
        raise CorpusError(tr("no corpus was given; name at least one"))
    names = [corpus.name for corpus in corpora]
    if len(set(names)) < len(names):
        raise CorpusError(
            tr("the corpora are called {names}; give each a name of its own", names=of_list(names))
        )
    wanted = wanted_labels(labels)
    clips = tuple(
        replace(clip, speaker=f"{corpus.name}/{clip.speaker}", corpus=corpus.name)
        for corpus in corpora
        for clip in corpus.clips
        if wanted is None or clip.emotion in wanted
    )
    if not clips:
        found = ", ".join(sorted({emotion for corpus in corpora for emotion in corpus.emotions}))
        raise CorpusError(
            tr(
                "no clip has one of the labels {labels}; the corpora have {found}",
                labels=of_list(labels or ()),
                found=in_both(found or "none", found or "（无）"),
            )
        )
    return Corpus(
        name="+".join(names),
        root=corpora[0].root,
        clips=clips,
        info=_merged_info([corpus.info for corpus in corpora]),
        warnings=tuple(
            _naming(corpus.name, each) for corpus in corpora for each in corpus.warnings
        ),
    )


def wanted_labels(labels: Sequence[str] | None) -> frozenset[str] | None:
    """Return the canonical forms of labels that were asked for; None for all labels."""
    return None if labels is None else frozenset(label_from(label) for label in labels)


def _merged_info(infos: Sequence[CorpusInfo]) -> CorpusInfo:
    def joined(field: str, by: str) -> str:
        return by.join(dict.fromkeys(value for info in infos if (value := getattr(info, field))))

    return CorpusInfo(
        id=joined("id", "+"),
        title=joined("title", " + "),
        language=", ".join(
            dict.fromkeys(code for info in infos for code in info.language.split(", ") if code)
        ),
        licence=joined("licence", "; "),
        non_commercial=any(info.non_commercial for info in infos),
        citation=joined("citation", "; "),
        url=joined("url", " "),
        synthetic=all(info.synthetic for info in infos),
        train_only=all(info.synthetic or info.train_only for info in infos),
    )


def _naming(name: str, warning: Sentence) -> Sentence:
    return tr("{name}: {warning}", name=name, warning=warning)


def _place(emotion: str) -> tuple[int, str]:
    order = tuple(EMOTIONS)
    return (order.index(emotion) if emotion in EMOTIONS else len(order), emotion)
