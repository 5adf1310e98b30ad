"""Corpora taken together, and how their labels were understood."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gpt_sovits_emotion.core.errors import CorpusError
from gpt_sovits_emotion.core.labels import EMOTIONS
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.training.corpora.corpus import Clip, Corpus, label_from
from gpt_sovits_emotion.training.corpora.known import CorpusInfo

__all__ = ["LabelRow", "label_table", "merge", "wanted_labels"]


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
        raise CorpusError("no corpus was given; name at least one", zh="没有语料库；请至少指定一个")
    names = [corpus.name for corpus in corpora]
    if len(set(names)) < len(names):
        raise CorpusError(
            f"the corpora are called {', '.join(names)}; give each a name of its own",
            zh=f"语料库的名称为 {'、'.join(names)}；请使每个名称各不相同",
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
            f"no clip has one of the labels {', '.join(labels or ())}; the corpora have {found or 'none'}",
            zh=f"没有片段带有标签 {'、'.join(labels or ())}；语料库中有 {found or '（无）'}",
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
    return Sentence(f"{name}: {warning.en}", f"{name}：{warning.zh}")


def _place(emotion: str) -> tuple[int, str]:
    order = tuple(EMOTIONS)
    return (order.index(emotion) if emotion in EMOTIONS else len(order), emotion)
