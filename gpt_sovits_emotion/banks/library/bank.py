"""The reference bank of a voice: its clips, each with the reason why it cannot be used, if any."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gpt_sovits_emotion.audio import ANALYSIS_RATE_HZ, probe_duration_s
from gpt_sovits_emotion.banks.library.contents import with_duplicates_marked
from gpt_sovits_emotion.banks.library.layouts import (
    EXPECTED,
    Listing,
    checked,
    read_layout,
    readable_layouts,
)
from gpt_sovits_emotion.banks.library.layouts.files import is_file
from gpt_sovits_emotion.banks.library.overlay import Known, listing_of, what_is_known
from gpt_sovits_emotion.banks.library.pins import pin_notes
from gpt_sovits_emotion.banks.library.sidecar import (
    Sidecar,
    is_sidecar,
    portable,
    read_sidecar,
    sidecar_path,
    source_of,
    write_sidecar,
)
from gpt_sovits_emotion.core.errors import AudioError, ReferenceBankError
from gpt_sovits_emotion.core.labels import slot_label
from gpt_sovits_emotion.core.locking import lock_beside, locked
from gpt_sovits_emotion.core.messages import in_both, of_error, tr
from gpt_sovits_emotion.core.progress import Progress, no_progress
from gpt_sovits_emotion.core.records import ReferenceBank, ReferenceClip, Sentence

__all__ = [
    "REFERENCE_MAX_S",
    "REFERENCE_MIN_S",
    "clips_elsewhere",
    "load_bank",
    "load_noted_bank",
    "set_pin",
    "set_teaching",
]

REFERENCE_MIN_S = 3.0
REFERENCE_MAX_S = 10.0
"""GPT-SoVITS takes 48,000 to 160,000 samples at 16 kHz, both included (inference_webui.py)."""

# What is seen at every loading; any other problem of a clip in a sidecar is its builder's refusal.
_SEEN_ANEW = ("too short", "too long", "cannot be read", "duplicate", "gone", "damaged row")


def load_bank(
    path: str | Path,
    *,
    voice: str | None = None,
    reference_min_s: float = REFERENCE_MIN_S,
    reference_max_s: float = REFERENCE_MAX_S,
    listing: Listing | None = None,
    progress: Progress = no_progress,
) -> ReferenceBank:
    """Load a bank in any layout, with what its sidecar says of its clips.

    Clips that cannot be used stay in the bank with their problem, so that a person can see and mend
    them. Lengths come from the files' headers, and only files that may be equal are compared by content.
    What was measured and heard counts for a clip as long as its content is the same; one that has
    changed since has a doubt that says so and counts as unlistened, one that has vanished a problem.

    Args:
        path: The bank's folder or file, or its sidecar.
        voice: Name of the voice; by default what the bank says, else the folder's name.
        reference_min_s: Shortest clip that the backend takes.
        reference_max_s: Longest clip that the backend takes.
        listing: The bank's clips, where a reader elsewhere has found them; by default they are read.
        progress: Told how many clips have been looked at.

    Raises:
        ReferenceBankError: There is no bank, its file or its sidecar is broken, it is empty, or none of
            its clips can be used.
    """
    return load_noted_bank(
        path,
        voice=voice,
        reference_min_s=reference_min_s,
        reference_max_s=reference_max_s,
        listing=listing,
        progress=progress,
    )[0]


def load_noted_bank(
    path: str | Path,
    *,
    voice: str | None = None,
    reference_min_s: float = REFERENCE_MIN_S,
    reference_max_s: float = REFERENCE_MAX_S,
    listing: Listing | None = None,
    progress: Progress = no_progress,
) -> tuple[ReferenceBank, tuple[Sentence, ...]]:
    """Load a bank as `load_bank` does, and tell which of its notes are not its builder's.

    Arguments and errors as there.
    """
    path = Path(path)
    beside = sidecar_path(path)
    sidecar = read_sidecar(beside) if beside.is_file() or is_sidecar(path) else None
    if listing is None:
        listing = _listed(source_of(path) if is_sidecar(path) else path, sidecar)
    known = what_is_known(listing.entries, sidecar, beside.parent)
    if not known:
        raise ReferenceBankError(
            tr(
                "the reference bank {root} has no clips; {expected}",
                root=listing.root,
                expected=EXPECTED,
            )
        )
    clips = []
    for index, each in enumerate(known):
        progress(index / len(known), "looking at reference clips")
        clips.append(_judged(each, reference_min_s, reference_max_s))
    digests = {each.clip.path: each.content.sha256 for each in known if each.content is not None}
    bank = ReferenceBank(
        voice=voice or listing.voice or listing.root.resolve().name,
        root=listing.root,
        layout=listing.layout,
        clips=tuple(with_duplicates_marked(clips, digests)),
        synthetic=listing.synthetic,
        settings=listing.settings,
        head_id=sidecar.head_id if sidecar else "",
        pins=_pins_of(sidecar, clips, beside.parent) if sidecar else {},
        notes=(*listing.notes, *(sidecar.bank.notes if sidecar else ())),
    )
    bank = replace(bank, notes=(*pin_notes(bank), *bank.notes))
    if not bank.usable:
        raise _wholly_unusable(bank, reference_min_s, reference_max_s)
    progress(1.0, "looking at reference clips")
    built = sidecar.bank.notes if sidecar else ()
    return bank, tuple(note for note in bank.notes if note not in built)


def set_pin(path: str | Path, emotion: str, clip: str | Path | None) -> None:
    """Remember in the bank's sidecar which clip a person wants for an emotion.

    Args:
        path: The bank, or its sidecar; a bank that has none gets one.
        emotion: The emotion, under any of its names; a name of the default slot (默认, default) for that.
        clip: The clip, as `load_bank` gives it or from the bank's folder on; None takes the pin away.

    Raises:
        ReferenceBankError: The clip is not in the bank, or cannot be used; or as `load_bank`.
        OutputError: The sidecar cannot be written.
    """
    path = Path(path)
    bank = load_bank(path)
    beside = sidecar_path(path)
    label = slot_label(emotion)
    wanted = None if clip is None else _found(bank, Path(clip), beside.parent)
    with locked(lock_beside(beside)):  # two who pin at once are both heard
        sidecar = (
            read_sidecar(beside) if beside.is_file() else Sidecar(replace(bank, clips=(), pins={}))
        )
        pins = {name: pinned for name, pinned in sidecar.pins.items() if name != label}
        if wanted is not None:
            pins[label] = wanted
        write_sidecar(beside, replace(sidecar, bank=replace(sidecar.bank, pins=pins)))


def set_teaching(path: str | Path, allowed: bool) -> None:
    """Remember in the bank's sidecar whether its clips may teach a head.

    Args:
        path: The bank, or its sidecar; a bank that has none gets one when it is refused.
        allowed: What a person wants.

    Raises:
        ReferenceBankError: There is no bank, or its sidecar is damaged or of a newer version.
        OutputError: The sidecar cannot be written.
    """
    beside = sidecar_path(Path(path))
    if not beside.is_file():
        if allowed:
            return
        load_bank(path)  # there is one
    with locked(lock_beside(beside)):
        if beside.is_file():
            sidecar = read_sidecar(beside)
        else:
            sidecar = Sidecar(replace(load_bank(path), clips=(), pins={}))
        if sidecar.teaches != allowed:
            write_sidecar(beside, replace(sidecar, teaches=allowed))


def _found(bank: ReferenceBank, clip: Path, folder: Path) -> Path:
    names = {portable(clip, folder), portable(folder / clip, folder)}
    found = [each for each in bank.clips if portable(each.path, folder) in names]
    if not found:
        raise ReferenceBankError(
            tr(
                "the clip {clip} cannot be pinned: it is not in the bank {root}; name one of its clips",
                clip=clip,
                root=bank.root,
            )
        )
    if all(each.problem is not None for each in found):
        why = found[0].problem or Sentence("", "")
        raise ReferenceBankError(
            tr("the clip {clip} cannot be pinned: {why}; choose another", clip=clip, why=why)
        )
    return found[0].path


def _listed(source: Path, sidecar: Sidecar | None) -> Listing:
    """Read the bank's layout; where no reader here knows it, or its file is gone, the sidecar lists it."""
    if sidecar is not None and sidecar.bank.clips:
        readable = sidecar.bank.layout in readable_layouts()
        if not readable or not source.exists():
            return checked(listing_of(sidecar))
    return read_layout(source, clips=sidecar.clips_folder if sidecar is not None else None)


def _pins_of(sidecar: Sidecar, clips: Sequence[ReferenceClip], folder: Path) -> dict[str, Path]:
    """Return the pins with the paths that the clips have now; one to a clip that is gone stays."""
    pinned = {clip.name for clip in sidecar.pins.values()}
    paths = {portable(clip.path, folder): clip.path for clip in clips if clip.path.name in pinned}
    return {label: paths.get(portable(clip, folder), clip) for label, clip in sidecar.pins.items()}


def _judged(known: Known, min_s: float, max_s: float) -> ReferenceClip:
    clip = known.clip
    if clip.problem is not None and known.content is None:
        return clip  # gone, or a row that names no clip
    refusal = clip.problem
    if refusal is not None and refusal.en.partition(":")[0] in _SEEN_ANEW:
        refusal = None
    duration_s = clip.duration_s if known.content is not None else None
    if duration_s is None:
        try:
            duration_s = probe_duration_s(clip.path)
        except AudioError as error:
            problem = tr("cannot be read: {error}", error=of_error(error))
            return replace(clip, duration_s=None, problem=problem)
    problem_of_length = _length_problem(duration_s, min_s, max_s)
    return replace(clip, duration_s=duration_s, problem=problem_of_length or refusal)


def _length_problem(duration_s: float, min_s: float, max_s: float) -> Sentence | None:
    # The backend counts samples after resampling, which rounds a last part of a sample up; the inner
    # rounding takes back what the division by the file's own rate left behind a whole number.
    n_samples = math.ceil(round(duration_s * ANALYSIS_RATE_HZ, 3))
    if n_samples < min_s * ANALYSIS_RATE_HZ:
        return tr(
            "too short: {duration_s:.2f} s, at least {min_s:g} s are needed",
            duration_s=duration_s,
            min_s=min_s,
        )
    if n_samples > max_s * ANALYSIS_RATE_HZ:
        return tr(
            "too long: {duration_s:.2f} s, at most {max_s:g} s can be used",
            duration_s=duration_s,
            max_s=max_s,
        )
    return None


def clips_elsewhere(root: Path, clips: Sequence[Path]) -> ReferenceBankError:
    """Return what to say of a list none of whose clips is on this machine."""
    n_clips, first = len(set(clips)), clips[0].name
    named, each = ("1 clip that is", first) if n_clips == 1 else (f"{n_clips} clips that are", "")
    return ReferenceBankError(
        tr(
            "the list in {root} names {named} not on this machine ({each}): put the files into "
            "slicer_opt beside the list's folder, or say where they are:  refs build LIST --clips FOLDER",
            root=root,
            named=in_both(named, n_clips),
            each=in_both(each or first + ", …", each or first + "……"),
        )
    )


def _wholly_unusable(bank: ReferenceBank, min_s: float, max_s: float) -> ReferenceBankError:
    first = bank.clips[0]
    why = first.problem or Sentence("", "")
    missing = bank.layout == "list" and not any(is_file(clip.path) for clip in bank.clips)
    if missing:
        return clips_elsewhere(bank.root, [clip.path for clip in bank.clips])
    n_clips = len(bank.clips)
    of = "its only clip cannot" if n_clips == 1 else f"none of its {n_clips} clips can"
    of_zh = "唯一的片段不能用" if n_clips == 1 else f"全部 {n_clips} 个片段都不能用"
    return ReferenceBankError(
        tr(
            "the reference bank {root} is of no use: {of} be used ({path}: {why}); add readable clips of "
            "{min_s:g} to {max_s:g} s",
            root=bank.root,
            path=first.path.name,
            why=why,
            min_s=min_s,
            max_s=max_s,
            of=in_both(of, of_zh),
        )
    )
