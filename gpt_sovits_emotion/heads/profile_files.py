"""Where speaker profiles are kept: one folder per head and speaker, readable by their owner alone.

Everything is in ``profile.safetensors``, which is replaced in one step: its metadata holds the words, its
tensors the numbers. ``profile.yaml`` says the same for a person; it is written after and never read back.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from gpt_sovits_emotion.core.errors import HeadError, OutputError
from gpt_sovits_emotion.core.files import data_folder, remove_folder, replacing, write_text
from gpt_sovits_emotion.core.locking import locked
from gpt_sovits_emotion.core.messages import in_both, of_error, tr
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.heads.head import Head, Member
from gpt_sovits_emotion.heads.speaker_profile import (
    Correction,
    SpeakerProfile,
    check_belongs,
    check_name,
)
from gpt_sovits_emotion.heads.weights import Numbers, read_numbers

__all__ = [
    "ProfileEntry",
    "changing_profiles",
    "forget",
    "known_speaker",
    "list_profiles",
    "load_profile",
    "profile_folder",
    "save_profile",
    "speakers_folder",
]

NUMBERS_NAME = "profile.safetensors"
WORDS_NAME = "profile.yaml"

_FORMAT = "gpt-sovits-emotion/speaker"
_VERSION = 1
_MAX_BYTES = 256 << 20
_LONGEST_SHOWN = 160
_LAYERS = ("mlp.0.weight", "mlp.0.bias", "mlp.3.weight", "mlp.3.bias")


@dataclass(frozen=True, slots=True)
class ProfileEntry:
    """One profile on disk.

    Attributes:
        head_id, speaker: Whose it is.
        path: Its folder.
        profile: The profile, None when it cannot be read.
        problem: Why it cannot be read, None when it can. Whether it still fits its head shows when it is
            loaded for that head.
    """

    head_id: str
    speaker: str
    path: Path
    profile: SpeakerProfile | None
    problem: Sentence | None


def speakers_folder() -> Path:
    """Return the folder of all profiles of this user; it need not exist."""
    return data_folder() / "speakers"


def profile_folder(head_id: str, speaker: str) -> Path:
    """Return the folder of one profile; it need not exist.

    Raises:
        HeadError: The speaker's name, or the head's, cannot be that of a folder.
    """
    check_name(head_id)
    check_name(speaker)
    return speakers_folder() / head_id / speaker


@contextmanager
def changing_profiles() -> Iterator[None]:
    """Hold the lock of all profiles: load what is there, change it and save it within.

    What takes long (listening to clips) belongs before: others wait meanwhile.

    Raises:
        OutputError: Another process holds it for a minute, or the folder may not be written to.
    """
    folder = speakers_folder()
    _make_private(folder)
    with locked(folder / ".lock"):
        yield


def load_profile(head: Head, speaker: str) -> SpeakerProfile | None:
    """Load what was learned of a speaker for a head, None where there is nothing.

    Raises:
        HeadError: The name is impossible, or the file is damaged.
        HeadMismatchError: The profile was made with other weights of this head.
    """
    folder = profile_folder(head.card.id, speaker)
    if not (folder / NUMBERS_NAME).exists():
        return None
    profile = _read(folder)
    check_belongs(profile, head)
    return profile


def known_speaker(head: Head, speaker: str) -> SpeakerProfile:
    """Load the profile of a speaker that must have been learned.

    Raises:
        HeadError: Nothing was learned of this speaker for this head; the sentence says who is known. Or
            what `load_profile` raises.
    """
    profile = load_profile(head, speaker)
    if profile is not None and profile.mean is not None:
        return profile
    known = [
        entry.speaker
        for entry in list_profiles(head.card.id)
        if entry.profile is not None and entry.profile.mean is not None
    ]
    raise HeadError(
        tr(
            "nothing has been learned of the speaker {speaker!r} for head {card!r} (known: {known}); "
            "run  adapt --head {card} --speaker {speaker} CLIPS",
            speaker=speaker,
            card=head.card.id,
            known=in_both(", ".join(known) or "nobody", "、".join(known) or "无"),
        )
    )


def save_profile(profile: SpeakerProfile) -> Path:
    """Write a profile, in one step, for its owner's eyes alone; return its folder.

    Raises:
        OutputError: It cannot be written; what was there before is still there.
    """
    from safetensors.numpy import save

    folder = profile_folder(profile.head_id, profile.speaker)
    _make_private(folder)
    words = _words(profile)
    with replacing(folder / NUMBERS_NAME) as temporary:
        temporary.write_bytes(
            save(_tensors(profile), {"profile": json.dumps(words, ensure_ascii=False)})
        )
    (folder / NUMBERS_NAME).chmod(0o600)
    read = {
        **words,
        "heard": profile.n_unlabelled,
        "corrections": [
            f"{correction.label}: {correction.source}" for correction in profile.corrections
        ],
    }
    write_text(folder / WORDS_NAME, yaml.safe_dump(read, sort_keys=False, allow_unicode=True))
    (folder / WORDS_NAME).chmod(0o600)
    return folder


def list_profiles(head_id: str | None = None) -> tuple[ProfileEntry, ...]:
    """List the profiles on disk, of all heads or of one, by head and name; damaged ones say why."""
    root = speakers_folder()
    if not root.is_dir():
        return ()
    entries = []
    for folder in sorted(root.glob("*/*")):
        if not (folder / NUMBERS_NAME).is_file() or head_id not in (None, folder.parent.name):
            continue
        try:
            profile, problem = _read(folder), None
        except HeadError as error:
            profile, problem = None, of_error(error)
        entries.append(ProfileEntry(folder.parent.name, folder.name, folder, profile, problem))
    return tuple(entries)


def forget(speaker: str | None, *, head_id: str | None = None) -> tuple[Path, ...]:
    """Delete what was learned of a speaker, or of everyone.

    Args:
        speaker: Whom to forget; None forgets everyone.
        head_id: For this head alone; for every head when None.

    Returns:
        The folders that were deleted; empty when nothing was known.

    Raises:
        HeadError: The name is impossible.
        OutputError: A folder could not be deleted.
    """
    for name in (speaker, head_id):
        if name is not None:
            check_name(name)
    root = speakers_folder()
    found = sorted(root.glob("*/*")) if root.is_dir() else []
    deleted = []
    for folder in found:
        wanted = speaker in (None, folder.name) and head_id in (None, folder.parent.name)
        if not wanted or not folder.is_dir() or folder.is_symlink():
            continue
        remove_folder(folder)
        deleted.append(folder)
        if not any(folder.parent.iterdir()):
            folder.parent.rmdir()
    return tuple(deleted)


# --- inside ----------------------------------------------------------------------------------------


def _make_private(folder: Path) -> None:
    root = speakers_folder()
    try:
        for made in (root, *(() if folder == root else (folder.parent, folder))):
            made.mkdir(mode=0o700, parents=True, exist_ok=True)
            made.chmod(0o700)
    except OSError as error:
        raise OutputError(
            tr(
                "{folder} could not be made ({strerror}); make room, or allow this program to write there",
                folder=folder,
                strerror=error.strerror,
            )
        ) from error


def _words(profile: SpeakerProfile) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "version": _VERSION,
        "speaker": profile.speaker,
        "head": {"id": profile.head_id, "digest": profile.head_digest},
        "labels": list(profile.labels),
        "updated_at": profile.updated_at,
        "heard": list(profile.heard),
        "learned": list(profile.learned),
        "recipe": profile.recipe,
        "temperature": profile.temperature,
        "bank": profile.bank,
        "lesson": profile.lesson,
        "corrections": [correction.to_dict() for correction in profile.corrections],
    }


def _tensors(profile: SpeakerProfile) -> dict[str, np.ndarray]:
    tensors: dict[str, np.ndarray] = {
        "corrections": np.ascontiguousarray(profile.embeddings, np.float32),
        "unlabelled.sum": np.ascontiguousarray(profile.unlabelled_sum, np.float64),
    }
    if profile.mean is not None:
        tensors["mean"] = np.ascontiguousarray(profile.mean, np.float32)
    for i, member in enumerate(profile.members):
        layers = (member.w1, member.b1, member.w2, member.b2)
        for layer, tensor in zip(_LAYERS, layers, strict=True):
            tensors[f"speaker.{i}.{layer}"] = np.ascontiguousarray(tensor, np.float16)
    return tensors


def _read(folder: Path) -> SpeakerProfile:
    path = folder / NUMBERS_NAME
    numbers = read_numbers(path, max_bytes=_MAX_BYTES)
    try:
        words = json.loads(numbers.metadata["profile"])
        if (words["format"], words["version"]) != (_FORMAT, _VERSION):
            found = f"format {words['format']!r}, version {words['version']!r}"
            raise _UnsoundError(found[:_LONGEST_SHOWN])
        profile = _profile(words, numbers)
        if profile.speaker != folder.name or profile.head_id != folder.parent.name:
            whose = f"it is the profile of {profile.speaker!r} for {profile.head_id!r}"
            raise _UnsoundError(whose[:_LONGEST_SHOWN])
    except _UnsoundError as error:
        raise _unsound(path, Sentence(str(error), str(error))) from error
    except (
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
        ArithmeticError,
        RecursionError,
    ) as error:
        # What a parser or a missing part says of itself is nothing that a person could act on.
        what = tr("its words are damaged or not those of a profile")
        raise _unsound(path, what) from error
    return profile


class _UnsoundError(ValueError):
    """What is wrong with a profile, in words for a person."""


def _unsound(path: Path, why: Sentence) -> HeadError:
    return HeadError(
        tr(
            "{path} is not a sound speaker profile ({why}); forget it (speakers forget) and adapt anew",
            path=path,
            why=why,
        )
    )


def _profile(words: Mapping[str, Any], numbers: Numbers) -> SpeakerProfile:
    """Build a profile. Raises `ValueError` and its like where words and numbers do not fit."""
    tensors = dict(numbers.tensors)
    corrections = tuple(Correction.from_dict(row) for row in words["corrections"])
    labels = tuple(str(label) for label in words["labels"])
    rows, total = tensors.pop("corrections"), tensors.pop("unlabelled.sum")
    mean, dim = tensors.pop("mean", None), total.shape[0]
    temperature = words["temperature"]
    members: list[Member] = []
    while tensors:
        layers = [tensors.pop(f"speaker.{len(members)}.{layer}") for layer in _LAYERS]
        w1, b1, w2, b2 = (layer.astype(np.float32) for layer in layers)
        members.append(Member(w1, b1, w2, b2))
    shapes = [(rows, (len(corrections), dim)), (total, (dim,))]
    if mean is not None:
        shapes.append((mean, (dim,)))
    for member in members:
        hidden = len(member.b1)
        shapes += [(member.w1, (hidden, dim)), (member.b1, (hidden,))]
        shapes += [(member.w2, (len(labels), hidden)), (member.b2, (len(labels),))]
    for tensor, shape in shapes:
        if tensor.shape != shape or tensor.dtype.kind != "f" or not np.isfinite(tensor).all():
            raise _UnsoundError(
                f"a tensor of shape {tensor.shape} where finite {shape} was expected"
            )
    if {correction.label for correction in corrections} - set(labels):
        raise _UnsoundError("a correction has a label that the head has not")
    if temperature is not None and not 0 < float(temperature) < 100:
        raise _UnsoundError("its temperature is not between 0 and 100")
    return SpeakerProfile(
        head_id=str(words["head"]["id"]),
        head_digest=str(words["head"]["digest"]),
        labels=labels,
        speaker=str(words["speaker"]),
        updated_at=str(words["updated_at"]),
        corrections=corrections,
        embeddings=rows.astype(np.float32),
        heard=tuple(str(digest) for digest in words["heard"]),
        unlabelled_sum=total.astype(np.float64),
        learned=tuple(int(batch) for batch in words["learned"]),
        mean=mean,
        members=tuple(members),
        temperature=None if temperature is None else float(temperature),
        recipe=str(words["recipe"]),
        bank=str(words.get("bank", "")),
        lesson=str(words.get("lesson", "")),
    )
