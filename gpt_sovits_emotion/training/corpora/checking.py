"""What is wrong with corpora, before an hour is spent on training with them."""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from gpt_sovits_emotion.audio import MIN_DURATION_S, probe_duration_s
from gpt_sovits_emotion.core.counting import counted
from gpt_sovits_emotion.core.errors import AudioError, CorpusError
from gpt_sovits_emotion.core.messages import in_both, of_count, of_error, of_list, tr
from gpt_sovits_emotion.core.progress import Progress, no_progress, part_of
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.encoders.feature_cache import content_digest
from gpt_sovits_emotion.training.corpora.corpus import (
    Clip,
    Corpus,
    label_table,
    merge,
    wanted_labels,
)

__all__ = ["FEW_CLIPS", "MOST_UNREADABLE", "check"]

FEW_CLIPS = 10
"""A class with fewer clips is warned of: its recall moves by more than ten points a clip."""

MOST_UNREADABLE = 0.05
"""Training skips unreadable clips up to this share; beyond it something else is wrong."""

_LOOK_ALIKES = str.maketrans(
    "аесорхуіѕԁһԛԝАЕОРСХВНКМТορνικΑΒΕΗΙΚΜΝΟΡΤΥΧΖ",
    "aecopxyisdhqwAEOPCXBHKMTopvikABEHIKMNOPTYXZ",
)


def check(
    corpora: Sequence[Corpus],
    labels: Sequence[str] | None,
    *,
    progress: Progress = no_progress,
) -> tuple[Sentence, ...]:
    """Check corpora for training.

    Every file's header is read, and files of equal size are compared by content, so that the same audio
    under two speakers (which puts test clips into training) is found.

    Args:
        corpora: The corpora to train on.
        labels: The labels that will be used; None for all.
        progress: Told how many files have been looked at.

    Returns:
        What a person should know, the corpora's own warnings first; empty when all is well.

    Raises:
        CorpusError: Two labels or two speakers at least are needed and are not there, a label that was
            asked for does not occur, or more than `MOST_UNREADABLE` of the files cannot be read.
    """
    _check_wanted(corpora, labels)
    corpus = merge(corpora, labels=labels)
    _check_size(corpus)
    warnings = [
        *corpus.warnings,
        *_odd_labels(corpora, labels),
        *_left_out(corpora, labels),
        *_train_only(corpora),
        *_lacking_classes(corpora, labels),
        *_few_clips(corpus),
        *_one_corpus_only(corpus, len(corpora)),
        *_one_mood_speakers(corpus),
        *_unreadable(corpus, part_of(progress, 0.0, 0.8)),
        *_duplicates(corpus),
    ]
    progress(1.0, "looking at clips")
    return tuple(warnings)


def _check_wanted(corpora: Sequence[Corpus], labels: Sequence[str] | None) -> None:
    found = {emotion for corpus in corpora for emotion in corpus.emotions}
    absent = sorted((wanted_labels(labels) or frozenset()) - found)
    if absent:
        raise CorpusError(
            tr(
                "no clip is labelled {absent}; the corpora have {found}",
                absent=of_list(absent),
                found=of_list(sorted(found)),
            )
        )


def _all_of(corpus: Corpus) -> str:
    n_clips = len(corpus.clips)
    return "the only clip is" if n_clips == 1 else f"all {n_clips} clips are"


def _check_size(corpus: Corpus) -> None:
    if len(corpus.emotions) < 2:
        raise CorpusError(
            tr(
                "{all_of} labelled {emotions}; a head tells at least two emotions apart: add clips of "
                "another",
                emotions=corpus.emotions[0],
                all_of=in_both(_all_of(corpus), len(corpus.clips)),
            )
        )
    if len(corpus.speakers) < 2:
        raise CorpusError(
            tr(
                "{all_of} of one speaker ({speakers}), so a head cannot be tested on a speaker that it "
                "was not trained on; add another corpus, or fit a finished head to this speaker with the "
                "command adapt",
                speakers=corpus.speakers[0],
                all_of=in_both(_all_of(corpus), len(corpus.clips)),
            )
        )


def _odd_labels(corpora: Sequence[Corpus], labels: Sequence[str] | None) -> Iterator[Sentence]:
    for row in label_table(corpora, labels):
        if row.known or not row.kept:
            continue
        many = counted(row.n_clips, "clip")
        en = f"{row.corpus}: the label {row.written!r} ({many}) is no emotion that is known here"
        zh = f"{row.corpus}：标签 {row.written!r}（{row.n_clips} 个片段）不是已知的情感"
        plain = row.written.translate(_LOOK_ALIKES).casefold()
        if plain != row.written.casefold() and plain.isascii():
            en += f"; it looks like {plain!r} but has letters of another alphabet: correct it"
            zh += f"；看起来像 {plain!r}，却含有另一种字母；请改正"
        else:
            scripts = _scripts(row.emotion)
            en += f", and stays a class of its own ({', '.join(scripts)} letters)"
            zh += "，将自成一类"
        yield Sentence(en, zh)


def _scripts(text: str) -> list[str]:
    names = (unicodedata.name(char, "").split(" ")[0] for char in text if char.isalpha())
    return sorted({name.title() for name in names if name}) or ["no"]


def _left_out(corpora: Sequence[Corpus], labels: Sequence[str] | None) -> Iterator[Sentence]:
    gone = Counter[str]()
    for row in label_table(corpora, labels):
        if not row.kept:
            gone[row.emotion] += row.n_clips
    if not gone:
        return
    listed = ", ".join(f"{emotion} {count}" for emotion, count in sorted(gone.items()))
    yield tr(
        "{total} left out ({listed})",
        listed=listed,
        total=of_count(gone.total(), "clip of another label is", "clips of other labels are"),
    )


def _train_only(corpora: Sequence[Corpus]) -> Iterator[Sentence]:
    yield from filter(None, (corpus.train_only_reason() for corpus in corpora))
    by_id = {corpus.info.id: corpus.name for corpus in corpora}
    for corpus in corpora:
        if source := by_id.get(corpus.info.made_from):
            yield tr(
                "{corpus} was synthesised from recordings of {source}: a head that was trained on the "
                "one has heard the voices of the other, so a test on it comes out too good",
                corpus=corpus.name,
                source=source,
            )


def _lacking_classes(corpora: Sequence[Corpus], labels: Sequence[str] | None) -> Iterator[Sentence]:
    """Speak of corpora with at most half of the classes, whose speakers' means are of these alone."""
    wanted = wanted_labels(labels)
    classes = {emotion for corpus in corpora for emotion in corpus.emotions}
    classes = classes if wanted is None else classes & wanted
    for corpus in corpora:
        own = sorted(classes & set(corpus.emotions))
        if not own:
            yield tr(
                "{corpus} has none of these labels, so none of its clips is used",
                corpus=corpus.name,
            )
        elif 2 * len(own) <= len(classes):
            scored_en = "" if corpus.train_only else ", and scored on the classes that it has"
            scored_zh = "" if corpus.train_only else "，并只在其具有的类别上评分"
            yield Sentence(
                f"{corpus.name} has {len(own)} of the {len(classes)} classes ({', '.join(own)}): its "
                f"speakers' means are means of {'this' if len(own) == 1 else 'these'} alone; it is "
                f"used for training{scored_en}",
                f"{corpus.name} 只有 {len(classes)} 个类别中的 {len(own)} 个（{'、'.join(own)}）："
                f"其说话人的均值只来自这些类别；它用于训练{scored_zh}",
            )


def _few_clips(corpus: Corpus) -> Iterator[Sentence]:
    for emotion, clips in _by_emotion(corpus).items():
        speakers = {clip.speaker for clip in clips}
        if len(clips) < FEW_CLIPS:
            yield tr(
                "{emotion} has {clips} only; figures for it will mean little (at least {few_clips} are "
                "better, 50 good)",
                emotion=emotion,
                few_clips=FEW_CLIPS,
                clips=of_count(len(clips), "clip"),
            )
        elif len(speakers) == 1:
            who = clips[0].speaker
            yield tr(
                "{emotion} is spoken by {who} only: the head cannot tell it from that voice, and it "
                "cannot be tested on another",
                emotion=emotion,
                who=who,
            )


def _one_corpus_only(corpus: Corpus, n_corpora: int) -> Iterator[Sentence]:
    if n_corpora < 2:
        return
    lonely = {
        emotion: names.pop()
        for emotion, clips in _by_emotion(corpus).items()
        if len(names := {clip.corpus for clip in clips}) == 1
    }
    if not lonely:
        return
    listed = ", ".join(f"{emotion} ({name})" for emotion, name in sorted(lonely.items()))
    yield tr(
        "some labels occur in one corpus only, {listed}: the head may learn its microphone instead; "
        "consider --labels with those that several have",
        listed=listed,
    )


def _one_mood_speakers(corpus: Corpus) -> Iterator[Sentence]:
    moods: defaultdict[str, set[str]] = defaultdict(set)
    for clip in corpus.clips:
        moods[clip.speaker].add(clip.emotion)
    n_one = sum(len(emotions) == 1 for emotions in moods.values())
    if 2 * n_one <= len(moods):
        return
    yield tr(
        "{n_one} of {moods} {verb} one emotion only; a speaker's own statistics take that emotion away, "
        "so do not trust the speaker mode of a head trained on them",
        n_one=n_one,
        moods=of_count(len(moods), "speaker"),
        verb="has" if n_one == 1 else "have",
    )


def _unreadable(corpus: Corpus, progress: Progress) -> Iterator[Sentence]:
    problems: list[tuple[Path, Sentence]] = []
    for index, clip in enumerate(corpus.clips):
        progress(index / len(corpus.clips), "looking at clips")
        try:
            duration_s = probe_duration_s(clip.path)
        except AudioError as error:
            problems.append((clip.path, of_error(error)))
            continue
        if duration_s < MIN_DURATION_S:
            too_short = tr(
                "{path} is {duration_s:.2f} s long; {min_duration_s:g} s are the least",
                path=clip.path.name,
                duration_s=duration_s,
                min_duration_s=MIN_DURATION_S,
            )
            problems.append((clip.path, too_short))
    if not problems:
        return
    n_bad, n_all = len(problems), len(corpus.clips)
    path, why = problems[0]
    if n_bad > MOST_UNREADABLE * n_all:
        raise CorpusError(
            tr(
                "{n_bad} of {n_all} cannot be read, first {path}: {why}; copy the corpus again, or take "
                "these clips out",
                n_bad=n_bad,
                path=path,
                why=why,
                n_all=of_count(n_all, "clip"),
            )
        )
    yield tr(
        "{n_bad} of {n_all} cannot be read and will be skipped, first {path}: {why}",
        n_bad=n_bad,
        path=path,
        why=why,
        n_all=of_count(n_all, "clip"),
    )


def _duplicates(corpus: Corpus) -> Iterator[Sentence]:
    groups = list(_same_content(corpus.clips).values())
    leaks = [group for group in groups if len({clip.speaker for clip in group}) > 1]
    if leaks:
        one, other = leaks[0][0], next(c for c in leaks[0] if c.speaker != leaks[0][0].speaker)
        yield tr(
            "leakage: {leaks} there under more than one speaker, such as {path} ({speaker}) and {path_2} "
            "({speaker_2}); a speaker that is held out was trained on, and figures come out too good: "
            "keep one of each",
            path=one.path,
            speaker=one.speaker,
            path_2=other.path,
            speaker_2=other.speaker,
            leaks=of_count(len(leaks), "recording lies", "recordings lie"),
        )
    contradictions = [group for group in groups if len({clip.emotion for clip in group}) > 1]
    if contradictions:
        one, other = contradictions[0][:2]
        yield tr(
            "{contradictions} more than one label, such as {path} ({emotion}) and {path_2} "
            "({emotion_2}); decide for one",
            path=one.path,
            emotion=one.emotion,
            path_2=other.path,
            emotion_2=other.emotion,
            contradictions=of_count(len(contradictions), "recording carries", "recordings carry"),
        )
    rest = [group for group in groups if group not in leaks and group not in contradictions]
    if rest:
        n_more = sum(len(group) - 1 for group in rest)
        yield tr(
            "{n_more} of others of the same speaker and label, such as {path}; {words} double",
            path=rest[0][1].path,
            n_more=of_count(n_more, "clip is a copy", "clips are copies"),
            words="it counts" if n_more == 1 else "they count",
        )


def _same_content(clips: Sequence[Clip]) -> Mapping[bytes, list[Clip]]:
    by_size: defaultdict[int, list[Clip]] = defaultdict(list)
    for clip in clips:
        by_size[_size(clip.path)].append(clip)
    by_content: defaultdict[bytes, list[Clip]] = defaultdict(list)
    for size, same_size in by_size.items():
        if size and len(same_size) > 1:
            for clip in same_size:
                by_content[_digest(clip.path)].append(clip)
    return {digest: group for digest, group in by_content.items() if digest and len(group) > 1}


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # it cannot be read, which has been said


def _digest(path: Path) -> bytes:
    try:
        return content_digest(path)
    except OSError:
        return b""  # as above


def _by_emotion(corpus: Corpus) -> Mapping[str, list[Clip]]:
    clips: defaultdict[str, list[Clip]] = defaultdict(list)
    for clip in corpus.clips:
        clips[clip.emotion].append(clip)
    return dict(sorted(clips.items()))
