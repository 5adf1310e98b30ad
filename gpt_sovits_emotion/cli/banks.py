"""Opening a voice's bank for a command: what a person should know of it is said at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gpt_sovits_emotion.cli.console import say

if TYPE_CHECKING:
    from gpt_sovits_emotion.records import ReferenceBank

__all__ = ["opened_bank"]


def opened_bank(path: Path, language: str, **limits: float) -> ReferenceBank:
    """Load a bank, and say what was passed over and which pins cannot be used.

    What its builder noted is not said again.

    Args:
        path: The bank.
        language: ``zh``, or anything else for English.
        limits: Of the host that will speak, as `references.load_bank` takes them.

    Raises:
        ReferenceBankError: It is no bank, or none of its clips can be used.
    """
    from gpt_sovits_emotion.references import load_bank
    from gpt_sovits_emotion.references.sidecar import read_sidecar, sidecar_path

    bank = load_bank(path, **limits)  # type: ignore[arg-type]
    beside = sidecar_path(path)
    known = read_sidecar(beside).bank.notes if beside.is_file() else ()
    for note in bank.notes:
        if note not in known:
            say(note.say(language))
    return bank
