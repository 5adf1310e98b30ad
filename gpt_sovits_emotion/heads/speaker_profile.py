"""What was learned of one speaker for one head: the record, and what can be done to it.

See `heads.profiles` for the whole; nothing is written here, and torch is not needed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone

import numpy as np

from gpt_sovits_emotion.counting import counted
from gpt_sovits_emotion.errors import HeadError, HeadMismatchError
from gpt_sovits_emotion.heads.head import Head, Member
from gpt_sovits_emotion.heads.moving import moving_statistics
from gpt_sovits_emotion.records import Record, Sentence, SpeakerStatistics

__all__ = [
    "PROFILE_SOURCE",
    "VOICE_SOURCE",
    "Correction",
    "SpeakerProfile",
    "add",
    "add_unlabelled",
    "begin_profile",
    "check_belongs",
    "check_name",
    "for_speaker",
    "head_digest",
    "speaker_std",
    "undo_last",
]

_LONGEST_NAME = 60  # characters; a Chinese one takes three bytes, and a folder's name may have 255
_FORBIDDEN = set('/\\:*?"<>|')
_DEVICES = {
    "con",
    "prn",
    "aux",
    "nul",
    *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)),
}

PROFILE_SOURCE = "speaker:"
"""What `SpeakerStatistics.source` begins with when a profile gave them; the speaker's name follows."""

VOICE_SOURCE = "voice:"
"""The same where a voice's bank taught the head; what `SpeakerProfile.taught` says follows."""


@dataclass(frozen=True, slots=True)
class Correction(Record):
    """One labelled clip of a speaker: what a person said it was.

    Attributes:
        label: One of the head's labels.
        source: Where it comes from, for people: a file's name, a segment of a recording.
        batch: Which `add` brought it; `undo_last` takes back the highest.
    """

    label: str
    source: str
    batch: int


@dataclass(frozen=True, slots=True, eq=False)
class SpeakerProfile:
    """What was learned of one speaker for one head. Every change gives a new profile.

    Attributes:
        head_id: The head it belongs to.
        head_digest: Of that head's weights (`head_digest`).
        labels: The head's labels.
        speaker: The speaker's name.
        updated_at: When it was last changed, ISO 8601 in UTC.
        corrections: The labelled clips, oldest first.
        embeddings: ``(n_corrections, dim)`` float32, theirs.
        heard: Digests of the clips without labels that were listened to, so that none counts twice.
        unlabelled_sum: ``(dim,)`` float64, the sum of their embeddings.
        learned: Numbers of the batches of corrections that `mean` and `members` were learned from.
        mean: ``(dim,)`` float32 mean of the speaker, None before anything was learned.
        members: The fine-tuned perceptrons that stand in for the head's in mode ``speaker``; empty when
            only the mean was learned.
        temperature: Of the fine-tuned perceptrons, None where the head's own holds.
        recipe: How it was learned, for the record.
        bank: The bank of clips that taught it, "" where it is not the profile of a bank's voice.
        lesson: Digest of all that the bank taught it with, so that a changed bank is seen.
    """

    head_id: str
    head_digest: str
    labels: tuple[str, ...]
    speaker: str
    updated_at: str
    corrections: tuple[Correction, ...]
    embeddings: np.ndarray
    heard: tuple[str, ...]
    unlabelled_sum: np.ndarray
    learned: tuple[int, ...] = ()
    mean: np.ndarray | None = None
    members: tuple[Member, ...] = ()
    temperature: float | None = None
    recipe: str = ""
    bank: str = ""
    lesson: str = ""

    @property
    def n_unlabelled(self) -> int:
        """How many clips without labels were listened to."""
        return len(self.heard)

    @property
    def valid(self) -> tuple[int, ...]:
        """Places in `corrections` of those that count: of a clip that was labelled twice, the last."""
        last = {row.tobytes(): place for place, row in enumerate(self.embeddings)}
        return tuple(sorted(last.values()))

    @property
    def n_clips(self) -> int:
        """All clips of the speaker that it holds something of, labelled or not."""
        return self.n_unlabelled + len(self.valid)

    @property
    def counts(self) -> dict[str, int]:
        """How many labelled clips there are of each label, in the head's order, zeros included."""
        given = [self.corrections[place].label for place in self.valid]
        return {label: given.count(label) for label in self.labels}

    @property
    def up_to_date(self) -> bool:
        """Whether all corrections have been learned from."""
        return set(self.learned) == {correction.batch for correction in self.corrections}

    @property
    def taught(self) -> str:
        """The labels that it was taught with and how many clips of each: ``angry 6, happy 4``."""
        return ", ".join(f"{label} {count}" for label, count in self.counts.items() if count)

    def say(self) -> Sentence:
        """Say in one sentence what the profile holds and whether it has been learned from."""
        if self.bank:
            return Sentence(
                f"{self.speaker}: fitted to the voice of {self.bank} from "
                f"{counted(len(self.valid), 'clip')} with your "
                f"own labels ({self.taught}) and {self.n_unlabelled} without",
                f"{self.speaker}：已根据 {self.bank} 中您标注的 {len(self.valid)} 个片段（{self.taught}）和 "
                f"{self.n_unlabelled} 个无标注片段适配该音色",
            )
        n, k = self.n_unlabelled, len(self.valid)
        waiting = sum(correction.batch not in self.learned for correction in self.corrections)
        if self.mean is None:
            state = Sentence("nothing learned yet", "尚未学习")
        elif self.members:
            state = Sentence("mean and fine-tuning learned", "已学习均值并微调")
        else:
            state = Sentence("mean learned", "已学习均值")
        more = Sentence(f", {waiting} labelled wait", f"，{waiting} 个标注待学习")
        return Sentence(
            f"{self.speaker}: {counted(n, 'clip')} without labels, {k} labelled; {state.en}"
            + (more.en if waiting and self.mean is not None else ""),
            f"{self.speaker}：{n} 个无标注片段，{k} 个有标注；{state.zh}"
            + (more.zh if waiting and self.mean is not None else ""),
        )


def head_digest(head: Head) -> str:
    """Return a digest of a head's weights and statistics: the same numbers give the same digest."""
    digest = hashlib.sha256()
    for mode in sorted(head.members):
        for member in head.members[mode]:
            for tensor in (member.w1, member.b1, member.w2, member.b2):
                digest.update(f"{mode}{tensor.shape}".encode())
                digest.update(np.ascontiguousarray(tensor, np.float32).tobytes())
    for statistic in (head.mean, head.std, head.within_speaker_std):
        digest.update(np.ascontiguousarray(statistic, np.float32).tobytes())
    return digest.hexdigest()[:32]


def begin_profile(head: Head, speaker: str) -> SpeakerProfile:
    """Begin an empty profile; nothing is written.

    Raises:
        HeadError: The name cannot be a folder's, or the head has no mode ``speaker``.
    """
    check_name(speaker)
    if "speaker" not in head.members:
        raise HeadError(
            f"head {head.card.id!r} has no speaker mode, so it cannot be fitted to a speaker; "
            "choose another head (heads list)",
            zh=f"情感模型 {head.card.id!r} 没有说话人模式，无法适配说话人；请换一个（heads list）",
        )
    dim = head.card.encoder.dim
    return SpeakerProfile(
        head_id=head.card.id,
        head_digest=head_digest(head),
        labels=tuple(head.card.labels),
        speaker=speaker,
        updated_at=_now(),
        corrections=(),
        embeddings=np.zeros((0, dim), np.float32),
        heard=(),
        unlabelled_sum=np.zeros(dim, np.float64),
    )


def add(
    profile: SpeakerProfile,
    embeddings: np.ndarray,
    labels: Sequence[str],
    source: str | Sequence[str],
) -> SpeakerProfile:
    """Add labelled clips, as one batch that `undo_last` takes back. Nothing is learned from them yet.

    A clip that was labelled before has the new label from now on; one that was listened to without a
    label counts as labelled alone.

    Args:
        profile: The profile so far.
        embeddings: ``(n_clips, dim)`` of the head's encoder.
        labels: One per clip, of the head's labels.
        source: Where they come from, one for all or one per clip.

    Raises:
        HeadError: A label is none of the head's, the widths differ, a value is not finite, or a bank taught
            the profile.
    """
    _check_no_bank(profile)
    rows = _checked(profile, embeddings)
    sources = [source] * len(rows) if isinstance(source, str) else list(source)
    if not len(rows) == len(labels) == len(sources) or not len(rows):
        raise HeadError(
            f"{len(rows)} embeddings came with {len(labels)} labels and {len(sources)} sources; "
            "one of each per clip is needed",
            zh=f"{len(rows)} 个特征带有 {len(labels)} 个标签和 {len(sources)} 个来源；每个片段应各有一个",
        )
    for label in labels:
        if label not in profile.labels:
            raise HeadError(
                f"head {profile.head_id!r} knows no {label!r}, so it cannot be taught it; its labels are "
                f"{', '.join(profile.labels)}",
                zh=f"情感模型 {profile.head_id!r} 没有标签 {label!r}，无法学习；"
                f"它的标签有：{'、'.join(profile.labels)}",
            )
    batch = 1 + max((correction.batch for correction in profile.corrections), default=0)
    batch = max(batch, 1 + max(profile.learned, default=0))
    added = tuple(
        Correction(label, where, batch) for label, where in zip(labels, sources, strict=True)
    )
    now_labelled = {_digest(row): row for row in rows}
    heard_before = [now_labelled[digest] for digest in profile.heard if digest in now_labelled]
    return replace(
        profile,
        corrections=profile.corrections + added,
        embeddings=np.concatenate([profile.embeddings, rows]),
        heard=tuple(digest for digest in profile.heard if digest not in now_labelled),
        unlabelled_sum=profile.unlabelled_sum - np.sum(heard_before, axis=0, dtype=np.float64),
        updated_at=_now(),
    )


def undo_last(profile: SpeakerProfile) -> SpeakerProfile:
    """Take back the last batch of labelled clips.

    Where it had been learned from already, what was learned goes with it, and the profile has to learn
    anew (`training.adapt.learn`); until then it changes no verdict.

    Raises:
        HeadError: There is nothing to take back, or a bank taught the profile.
    """
    _check_no_bank(profile)
    if not profile.corrections:
        raise HeadError(
            f"there is no labelled clip of {profile.speaker} to take back",
            zh=f"没有可撤销的 {profile.speaker} 的标注",
        )
    last = max(correction.batch for correction in profile.corrections)
    kept = np.array([correction.batch != last for correction in profile.corrections])
    changed = replace(
        profile,
        corrections=tuple(c for c in profile.corrections if c.batch != last),
        embeddings=profile.embeddings[kept],
        updated_at=_now(),
    )
    if last not in profile.learned:
        return changed
    return replace(changed, learned=(), mean=None, members=(), temperature=None, recipe="")


def add_unlabelled(profile: SpeakerProfile, embeddings: np.ndarray) -> SpeakerProfile:
    """Add clips without labels; nothing is learned from them yet. Those it has already are passed over.

    Args:
        profile: The profile so far.
        embeddings: ``(n_clips, dim)`` of the head's encoder. Their sum alone is kept.

    Raises:
        HeadError: The widths differ, a value is not finite, or a bank taught the profile.
    """
    _check_no_bank(profile)
    known = {*profile.heard, *(_digest(row) for row in profile.embeddings)}
    fresh = {_digest(row): row for row in _checked(profile, embeddings)}
    fresh = {digest: row for digest, row in fresh.items() if digest not in known}
    return replace(
        profile,
        heard=(*profile.heard, *fresh),
        unlabelled_sum=profile.unlabelled_sum + np.sum([*fresh.values()], axis=0, dtype=np.float64),
        updated_at=_now(),
    )


def for_speaker(head: Head, profile: SpeakerProfile) -> tuple[Head, SpeakerStatistics | None]:
    """Return a head as it is for this speaker, and the statistics to use it with.

    The head that was given is not changed. Before anything was learned, it comes back as it is, with
    None.

    Raises:
        HeadMismatchError: The profile belongs to another head, or to other weights.
    """
    check_belongs(profile, head)
    if profile.mean is None:
        return head, None
    source = f"{PROFILE_SOURCE}{profile.speaker}"
    if profile.bank:
        source = f"{VOICE_SOURCE}{profile.taught}"
    std = speaker_std(head, profile.n_clips)
    statistics = SpeakerStatistics(profile.mean, std, profile.n_clips, source)
    if not profile.members:
        return head, statistics
    card = head.card
    if profile.temperature is not None:
        card = replace(card, temperature={**card.temperature, "speaker": profile.temperature})
    members = {**head.members, "speaker": profile.members}
    return replace(head, card=card, members=members), statistics


def speaker_std(head: Head, n_clips: int) -> np.ndarray:
    """Return the ``(dim,)`` deviation around a speaker's mean that was learned from so many clips.

    It is that within the training speakers; a head with moving statistics was trained with more of it where
    the mean may still be wrong (`heads.moving.moving_statistics`).
    """
    if head.card.moving is None:
        return head.within_speaker_std
    nothing = np.zeros_like(head.mean)
    return moving_statistics(head, nothing, n_clips, prior_segments=head.card.prior_segments)[1]


def check_belongs(profile: SpeakerProfile, head: Head) -> None:
    """Make sure that a profile was made for this head with these weights.

    Raises:
        HeadMismatchError: It was not.
    """
    if profile.head_id != head.card.id:
        raise HeadMismatchError(
            f"the profile of {profile.speaker} was made for head {profile.head_id!r}, not for "
            f"{head.card.id!r}; adapt this head to {profile.speaker} too",
            zh=f"{profile.speaker} 的说话人档案属于情感模型 {profile.head_id!r}，不属于 {head.card.id!r}；"
            f"请把这个情感模型也适配到 {profile.speaker}",
        )
    if profile.head_digest != head_digest(head):
        raise HeadMismatchError(
            f"the profile of {profile.speaker} was made with other weights of head {head.card.id!r}, which "
            "has been replaced since; adapt it anew (adapt), or forget the profile (speakers forget)",
            zh=f"{profile.speaker} 的说话人档案是用情感模型 {head.card.id!r} 的另一套权重做的，"
            "该情感模型后来被替换；请重新适配（adapt），或删除档案（speakers forget）",
        )


def check_name(speaker: str) -> None:
    """Make sure that a speaker's name can be the name of a folder on every system.

    Raises:
        HeadError: It cannot.
    """
    unfit = (
        not speaker
        or len(speaker) > _LONGEST_NAME
        or speaker != speaker.strip(" .")
        or any(char in _FORBIDDEN or not char.isprintable() for char in speaker)
        or speaker.partition(".")[0].casefold() in _DEVICES
    )
    if unfit:
        raise HeadError(
            f"{speaker[:80]!r} cannot be a speaker's name: 1 to {_LONGEST_NAME} characters were expected, "
            'without / \\ : * ? " < > |, and no dot or space at either end',
            zh=f"{speaker[:80]!r} 不能用作说话人名称：应为 1 到 {_LONGEST_NAME} 个字符，"
            '不含 / \\ : * ? " < > |，首尾不能是点或空格',
        )


def _check_no_bank(profile: SpeakerProfile) -> None:
    """Refuse to change by hand what a bank has taught: opened again, it would undo the change."""
    if profile.bank:
        raise HeadError(
            f"{profile.speaker} was learned from the bank {profile.bank} as a whole; change the bank's "
            "labels, forget the voice (speakers forget), or choose another name",
            zh=f"{profile.speaker} 是从音库 {profile.bank} 整体学到的；请修改音库中的标注、忘记该音色"
            "（speakers forget），或换一个名称",
        )


def _checked(profile: SpeakerProfile, embeddings: np.ndarray) -> np.ndarray:
    dim = profile.embeddings.shape[1]
    rows = np.asarray(embeddings, np.float32)
    if rows.ndim != 2 or rows.shape[1] != dim:
        raise HeadError(
            f"embeddings of shape {rows.shape} were given to a profile of head {profile.head_id!r}; "
            f"(n_clips, {dim}) was expected",
            zh=f"给情感模型 {profile.head_id!r} 的档案的特征形状为 {rows.shape}；应为 (n_clips, {dim})",
        )
    if not np.isfinite(rows).all():
        raise HeadError(
            f"embeddings for the profile of {profile.speaker} hold values that are not finite; "
            "the audio or the encoder's weights are damaged",
            zh=f"{profile.speaker} 的特征含有非有限值；音频或编码器权重可能已损坏",
        )
    return rows


def _digest(row: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(row, np.float32).tobytes()).hexdigest()[:16]


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
