"""A voice teaches a head: what a person has labelled in its bank fits the head to that voice.

The outcome is a speaker profile (`heads.profiles`) that belongs to this bank alone: its name holds a digest
of where the bank lies, so two voices of one name never share. It is learned once and found again as long as
the labelled clips, the head and its weights are the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gpt_sovits_emotion.banks import set_teaching
from gpt_sovits_emotion.banks.building.adaptation_sets import Lesson, LessonClip, place_of, too_few
from gpt_sovits_emotion.banks.building.forgetting import FITTED, forget_verdicts
from gpt_sovits_emotion.banks.building.style_check import is_one_mood
from gpt_sovits_emotion.banks.library.sidecar import read_sidecar
from gpt_sovits_emotion.core.errors import EmotionError, HeadError, OutputError
from gpt_sovits_emotion.core.files import remove_folder
from gpt_sovits_emotion.core.messages import of_error, tr
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.heads import Head
from gpt_sovits_emotion.heads.profiles import (
    Replay,
    SpeakerProfile,
    add,
    add_unlabelled,
    begin_profile,
    changing_profiles,
    find_replay,
    for_speaker,
    forget,
    list_profiles,
    load_profile,
    save_profile,
    speakers_folder,
)
from gpt_sovits_emotion.training.adapt import learn

__all__ = ["Taught", "fitted_note", "forget_bank", "forget_speaker", "held_out", "teach"]

_N_FOLDS = 5


@dataclass(frozen=True, slots=True, eq=False)
class Taught:
    """What came of a lesson.

    Attributes:
        profile: The voice's, None where it taught nothing.
        note: What was learned from what, or why nothing was.
        replay: Rows of the training speakers that it was learned with.
    """

    profile: SpeakerProfile | None
    note: Sentence
    replay: Replay | None = None


def teach(
    lesson: Lesson,
    head: Head,
    *,
    folders: Sequence[Path],
    embed: Callable[[Mapping[str, Path]], Mapping[str, np.ndarray]],
) -> Taught:
    """Learn a lesson, or find what was learned of it before.

    Args:
        lesson: From `plan_lesson`.
        head: As it is on disk.
        folders: Of heads, where its replay rows are looked for.
        embed: Gives embeddings of clips, SHA-256 -> ``(dim,)``, of those that can be embedded; it is called
            only where there is something to learn.
    """
    if lesson.refusal is not None:
        return Taught(None, lesson.refusal)
    try:
        replay = find_replay(head, folders)
    except HeadError as error:
        return Taught(None, of_error(error))
    profile = _kept(lesson, head)
    if profile is None:
        rows = embed({clip.sha256: clip.path for clip in lesson.clips})
        clips = [clip for clip in lesson.clips if clip.sha256 in rows]
        counts = Counter(clip.label for clip in clips if clip.label)
        refusal = too_few(counts, len(clips), head)
        if refusal is not None:
            return Taught(None, refusal)
        profile = _learned(lesson, clips, rows, head, replay)
        problem = _keep(lesson, profile)
        if problem is not None:
            return Taught(profile, _with_problem(fitted_note(profile), problem), replay)
        # As it will be found from now on: what is kept is rounded.
        profile = _kept(lesson, head) or profile
    return Taught(profile, fitted_note(profile), replay)


def fitted_note(profile: SpeakerProfile) -> Sentence:
    """Say from what the head was fitted."""
    n_labelled, n_others = len(profile.valid), profile.n_unlabelled
    others = f", and {n_others} without labels" if n_others else ""
    others_zh = f"，另有 {n_others} 个无标注片段" if n_others else ""
    return Sentence(
        f"{FITTED} from {n_labelled} clips with your own labels: {profile.taught}{others}",
        f"情感模型已根据您标注的 {n_labelled} 个片段适配该音色：{profile.taught}{others_zh}",
    )


def held_out(profile: SpeakerProfile, head: Head, replay: Replay | None) -> dict[bytes, np.ndarray]:
    """Judge each labelled clip of a profile by a head that was not taught with it.

    A head that has learned a clip's label repeats it: nothing would ever be said of a clip that lies in the
    wrong folder. So each fifth of the clips is judged by a head that was taught with the others.

    Returns:
        Bytes of a clip's embedding -> ``(n_labels,)`` probabilities.
    """
    found: dict[bytes, np.ndarray] = {}
    places = list(profile.valid)
    n_folds = min(_N_FOLDS, len(places))
    for fold in range(n_folds):
        tested = places[fold::n_folds]
        kept = [place for place in places if place not in tested]
        without = replace(
            profile,
            corrections=tuple(profile.corrections[place] for place in kept),
            embeddings=profile.embeddings[kept],
        )
        try:
            fitted, statistics = for_speaker(head, learn(head, without, replay=replay))
        except HeadError:  # too few are left to learn from
            fitted, statistics = head, None
        rows = profile.embeddings[tested]
        for row, said in zip(rows, fitted.probabilities(rows, statistics), strict=True):
            found[row.tobytes()] = said
    return found


def forget_bank(bank: Path) -> tuple[Path, ...]:
    """Delete what a bank's voice taught any head, and what was heard in its clips with that.

    Returns:
        The folders that were deleted.

    Raises:
        ReferenceBankError: The bank's sidecar is damaged, or of a newer version.
        OutputError: A folder could not be deleted, or the sidecar cannot be written.
    """
    place = place_of(bank)
    found = [entry for entry in list_profiles() if entry.profile and entry.profile.bank == place]
    if found:
        with changing_profiles():
            for entry in found:
                remove_folder(entry.path)
        forget_verdicts(bank)
    return tuple(entry.path for entry in found)


def forget_speaker(
    speaker: str | None, *, head_id: str | None = None
) -> tuple[tuple[Path, ...], tuple[Sentence, ...]]:
    """Delete what was learned of a speaker, or of everyone; a bank that taught it does so no more.

    Args:
        speaker: Whom to forget; None forgets everyone.
        head_id: For this head alone; for every head when None.

    Returns:
        The folders that were deleted, and what a person should know of the banks.

    Raises:
        HeadError: The name is impossible.
        OutputError: A folder could not be deleted.
    """
    banks = {
        entry.profile.bank
        for entry in list_profiles(head_id)
        if entry.profile is not None and entry.profile.bank and speaker in (None, entry.speaker)
    }
    # The lock's own folder is not made for what nobody has learned.
    with changing_profiles() if speakers_folder().is_dir() else nullcontext():
        deleted = forget(speaker, head_id=head_id)
    return deleted, tuple(_refuse(bank) for bank in sorted(banks))


# --- inside ----------------------------------------------------------------------------------------


def _refuse(bank: str) -> Sentence:
    """Let a bank teach no more, take out what was heard with what it taught, and say so."""
    try:
        forget_verdicts(bank)
        set_teaching(bank, False)
    except EmotionError as error:
        return tr(
            "{bank} may teach a head again when it is opened next: {error}",
            bank=bank,
            error=of_error(error),
        )
    return tr(
        "{bank} teaches no head any more, until  refs build --learn  is run on it; what was heard in its "
        "clips with it was taken out: build it again to have them heard by the head as it is",
        bank=bank,
    )


def _kept(lesson: Lesson, head: Head) -> SpeakerProfile | None:
    """Return what was learned of this very lesson before; what does not fit any more is learned anew."""
    try:
        profile = load_profile(head, lesson.name)
    except HeadError:
        return None
    if profile is None or profile.mean is None or profile.lesson != lesson.digest:
        return None
    return profile


def _learned(
    lesson: Lesson,
    clips: Sequence[LessonClip],
    rows: Mapping[str, np.ndarray],
    head: Head,
    replay: Replay | None,
) -> SpeakerProfile:
    labelled = [clip for clip in clips if clip.label]
    unlabelled = [rows[clip.sha256] for clip in clips if not clip.label]
    profile = begin_profile(head, lesson.name)
    # A mean over clips of one mood is not how this voice usually speaks.
    if unlabelled and is_one_mood(head, np.stack(unlabelled)) is None:
        profile = add_unlabelled(profile, np.stack(unlabelled))
    profile = add(
        profile,
        np.stack([rows[clip.sha256] for clip in labelled]),
        [clip.label for clip in labelled],
        [clip.path.name for clip in labelled],
    )
    if profile.n_clips < head.card.min_speaker_segments and unlabelled:
        profile = add_unlabelled(profile, np.stack(unlabelled))
    profile = learn(head, profile, replay=replay)
    return replace(profile, bank=place_of(lesson.bank), lesson=lesson.digest)


def _keep(lesson: Lesson, profile: SpeakerProfile) -> EmotionError | None:
    """Keep what was learned, unless a person has refused meanwhile; return why it could not be kept."""
    try:
        with changing_profiles():
            if lesson.bank.is_file() and not read_sidecar(lesson.bank).teaches:
                return None
            save_profile(profile)
    except OutputError as error:
        return error
    return None


def _with_problem(note: Sentence, problem: EmotionError) -> Sentence:
    return tr("{note}; it could not be kept: {problem}", note=note, problem=of_error(problem))
