"""What a head that was fitted to a voice has said of its clips goes when the fitting is forgotten."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gpt_sovits_emotion.banks import read_sidecar, sidecar_path, write_sidecar
from gpt_sovits_emotion.banks.building.quality_warnings import is_of_a_head
from gpt_sovits_emotion.core.locking import lock_beside, locked
from gpt_sovits_emotion.core.records import ReferenceClip

__all__ = ["FITTED", "forget_verdicts"]

FITTED = "the head was fitted to this voice"
"""What the note of a bank begins with whose clips were judged by a head that they had fitted."""


def forget_verdicts(bank: str | Path) -> None:
    """Take out of a bank's sidecar what a head that the bank itself had fitted has said of its clips.

    What a person filed, what was measured, the words and the pins stay; clips that nobody filed count as
    unlistened until the bank is built again. Verdicts of a head as it is on disk stay, too.

    Args:
        bank: The bank, or its sidecar; one without a sidecar has nothing to forget.

    Raises:
        ReferenceBankError: The sidecar is damaged, or of a newer version.
        OutputError: It cannot be written.
    """
    beside = sidecar_path(bank)
    if not beside.is_file():
        return
    with locked(lock_beside(beside)):
        sidecar = read_sidecar(beside)
        if not any(note.en.startswith(FITTED) for note in sidecar.bank.notes):
            return
        forgotten = replace(
            sidecar.bank,
            clips=tuple(map(_unheard, sidecar.bank.clips)),
            head_id="",
            notes=tuple(note for note in sidecar.bank.notes if not note.en.startswith(FITTED)),
        )
        write_sidecar(beside, replace(sidecar, bank=forgotten))


def _unheard(clip: ReferenceClip) -> ReferenceClip:
    return replace(
        clip,
        emotion=clip.emotion if clip.filed_by == "person" else "",
        probabilities={},
        intensity=None,
        doubts=tuple(doubt for doubt in clip.doubts if not is_of_a_head(doubt)),
    )
