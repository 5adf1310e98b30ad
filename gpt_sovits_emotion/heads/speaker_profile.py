"""What was learned of one speaker for one head: the record, and a head as it is for the speaker.

See `heads.profiles` for the whole; nothing is written here, and torch is not needed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np

from gpt_sovits_emotion.core.counting import counted
from gpt_sovits_emotion.core.errors import HeadError, HeadMismatchError
from gpt_sovits_emotion.core.messages import of_count, tr
from gpt_sovits_emotion.core.records import Record, Sentence, SpeakerStatistics
from gpt_sovits_emotion.heads.head import Head, Member
from gpt_sovits_emotion.heads.moving import moving_statistics

__all__ = [
    "PROFILE_SOURCE",
    "VOICE_SOURCE",
    "Correction",
    "SpeakerProfile",
    "check_belongs",
    "check_name",
    "for_speaker",
    "head_digest",
    "speaker_std",
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
            return tr(
                "{speaker}: fitted to the voice of {bank} from {valid} with your own labels ({taught}) "
                "and {n_unlabelled} without",
                speaker=self.speaker,
                bank=self.bank,
                taught=self.taught,
                n_unlabelled=self.n_unlabelled,
                valid=of_count(len(self.valid), "clip"),
            )
        n, k = self.n_unlabelled, len(self.valid)
        waiting = sum(correction.batch not in self.learned for correction in self.corrections)
        if self.mean is None:
            state = tr("nothing learned yet")
        elif self.members:
            state = tr("mean and fine-tuning learned")
        else:
            state = tr("mean learned")
        more = tr(", {waiting} labelled wait", waiting=waiting)
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
            tr(
                "the profile of {speaker} was made for head {head_id!r}, not for {card!r}; adapt this "
                "head to {speaker} too",
                speaker=profile.speaker,
                head_id=profile.head_id,
                card=head.card.id,
            )
        )
    if profile.head_digest != head_digest(head):
        raise HeadMismatchError(
            tr(
                "the profile of {speaker} was made with other weights of head {card!r}, which has been "
                "replaced since; adapt it anew (adapt), or forget the profile (speakers forget)",
                speaker=profile.speaker,
                card=head.card.id,
            )
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
            tr(
                "{speaker!r} cannot be a speaker's name: 1 to {longest_name} characters were expected, "
                'without / \\ : * ? " < > |, and no dot or space at either end',
                speaker=speaker[:80],
                longest_name=_LONGEST_NAME,
            )
        )
