"""What a bank has to teach a head: the clips that carry a person's own labels, and some of the others.

What a program heard, a default slot and a bank that a synthesiser made do not teach: the first would teach a
head its own mistakes, the last to hear as the synthesiser acts.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gpt_sovits_emotion.banks.building.journal import key_of
from gpt_sovits_emotion.banks.building.sources import SourceClip, Sources
from gpt_sovits_emotion.banks.library.sidecar import (
    Sidecar,
    portable,
    read_sidecar,
    sidecar_path,
    source_of,
)
from gpt_sovits_emotion.core.labels import UNSURE
from gpt_sovits_emotion.core.messages import of_count, tr
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.heads import Head
from gpt_sovits_emotion.heads.profiles import check_name, head_digest
from gpt_sovits_emotion.training.adapt import AdaptRecipe

__all__ = [
    "Lesson",
    "LessonClip",
    "as_a_person_filed",
    "has_labels",
    "place_of",
    "plan_lesson",
    "profile_name",
    "too_few",
]

_FEWEST_LABELS = 2
_FEWEST_LABELLED = 4
_MOST_OF_A_LABEL = 30
_MOST_UNLABELLED = 40  # 20 are worth nearly as much as any number (docs/speakers.md)
_LESSON = 1
"""Raise it whenever the same clips would be learned from differently."""


@dataclass(frozen=True, slots=True)
class LessonClip:
    """A clip that teaches.

    Attributes:
        sha256: Of its file.
        path: Its audio.
        label: What a person says it is, one of the head's labels; "" where nobody said.
    """

    sha256: str
    path: Path
    label: str


@dataclass(frozen=True, slots=True)
class Lesson:
    """What a bank has to teach a head.

    Attributes:
        bank: The bank's sidecar, whether it is there or not.
        name: Of the profile.
        clips: Those that teach, the labelled ones first; each content once.
        digest: Of all that determines what is learned.
        refusal: Why nothing is learned, None where something is.
    """

    bank: Path
    name: str
    clips: tuple[LessonClip, ...]
    digest: str
    refusal: Sentence | None


def place_of(bank: Path) -> str:
    """Return the place of a bank in full: its folder, or its file; `bank` is that or its sidecar."""
    return str(source_of(sidecar_path(bank)).resolve())


def profile_name(bank: Path, voice: str) -> str:
    """Return the name of the profile of a bank's voice.

    Args:
        bank: The bank's sidecar, whose place tells voices of one name apart.
        voice: The voice's name; what no folder may be called is left out.
    """
    place = hashlib.sha256(place_of(bank).encode("utf-8", "surrogateescape")).hexdigest()[:10]
    spoken = "".join(sign if sign.isalnum() or sign in "-_ " else " " for sign in voice)
    name = " ".join(("voice", *spoken[:40].split(), place))
    check_name(name)
    return name


def as_a_person_filed(clips: Sequence[SourceClip], sidecar: Sidecar | None) -> list[SourceClip]:
    """Return the clips, those as filed by a head whose label a head has written into the layout.

    A bank that was exported as names or folders holds what a head heard in the place of a person's word; its
    sidecar, which came along, remembers.
    """
    if sidecar is None:
        return list(clips)
    folder = sidecar.bank.root
    heard = {
        (portable(clip.path, folder), clip.emotion)
        for clip in sidecar.bank.clips
        if clip.filed_by == "head"
    }
    return [
        replace(clip, filed_by="head")
        if (portable(clip.path, folder), clip.emotion) in heard
        else clip
        for clip in clips
    ]


def has_labels(sources: Sources, head: Head) -> bool:
    """Say whether a bank has any clip with a person's label that a head knows."""
    return any(
        clip.filed_by == "person" and clip.emotion in head.card.labels for clip in sources.clips
    )


def plan_lesson(
    sources: Sources,
    contents: Mapping[Path, str],
    head: Head,
    *,
    allowed: bool | None = None,
) -> Lesson:
    """Find out what a bank has to teach; nothing is listened to.

    Args:
        sources: The bank.
        contents: Path of a clip -> SHA-256 of its file, of those that can be read.
        head: Whom it would teach.
        allowed: What a person wants this time; None for what the bank's sidecar remembers.

    Raises:
        ReferenceBankError: The sidecar is damaged, or of a newer version.
    """
    bank = sidecar_path(sources.path)
    sidecar = read_sidecar(bank) if bank.is_file() else None
    if allowed is None:
        allowed = sidecar is None or sidecar.teaches
    labels: dict[str, set[str]] = {}
    paths: dict[str, Path] = {}
    for clip in as_a_person_filed(sources.clips, sidecar):
        sha256 = contents.get(clip.path)
        if sha256 is None or clip.problem is not None:
            continue
        paths.setdefault(sha256, clip.path)
        said = clip.emotion if clip.filed_by == "person" and clip.emotion != UNSURE else ""
        labels.setdefault(sha256, set()).update({said} & set(head.card.labels))
    # A clip that a person has filed under two emotions says nothing of either.
    label_of = {
        sha256: next(iter(said)) if len(said) == 1 else "" for sha256, said in labels.items()
    }
    chosen = _chosen(label_of)
    clips = tuple(LessonClip(sha256, paths[sha256], label_of[sha256]) for sha256 in chosen)
    spoken = [f"{clip.sha256} {clip.label}" for clip in clips]
    digest = key_of(str(_LESSON), str(AdaptRecipe()), head_digest(head), *spoken).hex()[:32]
    refusal = _refused(clips, sources, head, allowed=allowed)
    return Lesson(bank, profile_name(bank, sources.voice), clips, digest, refusal)


def _chosen(label_of: Mapping[str, str]) -> list[str]:
    """Return the contents that teach: so many of each label, and so many without, by their digests."""
    taken: Counter[str] = Counter()
    chosen = []
    for sha256 in sorted(label_of, key=lambda sha256: (not label_of[sha256], sha256)):
        label = label_of[sha256]
        if taken[label] < (_MOST_OF_A_LABEL if label else _MOST_UNLABELLED):
            taken[label] += 1
            chosen.append(sha256)
    return chosen


def _refused(
    clips: Sequence[LessonClip], sources: Sources, head: Head, *, allowed: bool
) -> Sentence | None:
    if not allowed:
        return tr("this voice does not teach the head, as asked")
    if sources.synthetic:
        return tr(
            "a synthetic voice does not teach the head: it would learn to hear as the synthesiser acts"
        )
    if "speaker" not in head.members:
        return tr(
            "head {card} has no speaker mode, so the voice cannot teach it", card=head.card.id
        )
    return too_few(Counter(clip.label for clip in clips if clip.label), len(clips), head)


def too_few(labelled: Mapping[str, int], n_clips: int, head: Head) -> Sentence | None:
    """Say why so many clips of each label, and so many in all, are too few to teach; None where they do."""
    n_labelled, least = sum(labelled.values()), head.card.min_speaker_segments
    if len(labelled) >= _FEWEST_LABELS and n_labelled >= _FEWEST_LABELLED and n_clips >= least:
        return None
    return tr(
        "the head was not fitted to this voice: {n_labelled} of {labelled} {verb} your own labels that "
        "it knows; {fewest_labelled} of {fewest_labels} emotions are needed, and {least} clips in all",
        fewest_labelled=_FEWEST_LABELLED,
        fewest_labels=_FEWEST_LABELS,
        least=least,
        n_labelled=of_count(n_labelled, "clip"),
        labelled=of_count(len(labelled), "emotion"),
        verb="carries" if n_labelled == 1 else "carry",
    )
