"""What can be done to what was learned of a speaker: begin it, add clips, take the last ones back.

See `heads.profiles` for the whole; nothing is written here, and nothing is learned.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone

import numpy as np

from gpt_sovits_emotion.core.errors import HeadError
from gpt_sovits_emotion.core.messages import of_list, tr
from gpt_sovits_emotion.heads.head import Head
from gpt_sovits_emotion.heads.speaker_profile import (
    Correction,
    SpeakerProfile,
    check_name,
    head_digest,
)

__all__ = [
    "add",
    "add_unlabelled",
    "begin_profile",
    "undo_last",
]


def begin_profile(head: Head, speaker: str) -> SpeakerProfile:
    """Begin an empty profile; nothing is written.

    Raises:
        HeadError: The name cannot be a folder's, or the head has no mode ``speaker``.
    """
    check_name(speaker)
    if "speaker" not in head.members:
        raise HeadError(
            tr(
                "head {card!r} has no speaker mode, so it cannot be fitted to a speaker; choose another "
                "head (heads list)",
                card=head.card.id,
            )
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
            tr(
                "{rows} embeddings came with {labels} labels and {sources} sources; one of each per clip "
                "is needed",
                rows=len(rows),
                labels=len(labels),
                sources=len(sources),
            )
        )
    for label in labels:
        if label not in profile.labels:
            raise HeadError(
                tr(
                    "head {head_id!r} knows no {label!r}, so it cannot be taught it; its labels are {labels}",
                    head_id=profile.head_id,
                    label=label,
                    labels=of_list(profile.labels),
                )
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
            tr("there is no labelled clip of {speaker} to take back", speaker=profile.speaker)
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


def _check_no_bank(profile: SpeakerProfile) -> None:
    """Refuse to change by hand what a bank has taught: opened again, it would undo the change."""
    if profile.bank:
        raise HeadError(
            tr(
                "{speaker} was learned from the bank {bank} as a whole; change the bank's labels, forget "
                "the voice (speakers forget), or choose another name",
                speaker=profile.speaker,
                bank=profile.bank,
            )
        )


def _checked(profile: SpeakerProfile, embeddings: np.ndarray) -> np.ndarray:
    dim = profile.embeddings.shape[1]
    rows = np.asarray(embeddings, np.float32)
    if rows.ndim != 2 or rows.shape[1] != dim:
        raise HeadError(
            tr(
                "embeddings of shape {shape} were given to a profile of head {head_id!r}; (n_clips, "
                "{dim}) was expected",
                shape=rows.shape,
                head_id=profile.head_id,
                dim=dim,
            )
        )
    if not np.isfinite(rows).all():
        raise HeadError(
            tr(
                "embeddings for the profile of {speaker} hold values that are not finite; the audio or "
                "the encoder's weights are damaged",
                speaker=profile.speaker,
            )
        )
    return rows


def _digest(row: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(row, np.float32).tobytes()).hexdigest()[:16]


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
