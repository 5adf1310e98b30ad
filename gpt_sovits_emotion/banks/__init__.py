"""The reference bank of a voice, and the choice of a clip for each segment.

    bank = load_bank("voices/anna")                          # any layout, with its sidecar
    set_pin("voices/anna", "angry", "angry/3.wav")           # a person's choice, kept in the sidecar
    export_bank(bank, "packs/anna", layout="brackets")       # a new folder, for other tools
    choose(bank, wanted="angry", text="Enough!")

The layouts and the sidecar are described in ``docs/banks.md``.
"""

from __future__ import annotations

from gpt_sovits_emotion.banks.library.bank import (
    REFERENCE_MAX_S,
    REFERENCE_MIN_S,
    load_bank,
    set_pin,
    set_teaching,
)
from gpt_sovits_emotion.banks.library.choose import ChoiceOptions, choose
from gpt_sovits_emotion.banks.library.choose_all import choose_all
from gpt_sovits_emotion.banks.library.sidecar import (
    SIDECAR_NAME,
    Sidecar,
    read_sidecar,
    sidecar_path,
    statistics_of,
    write_sidecar,
)
from gpt_sovits_emotion.banks.library.tagged_text import labels_of_bank, split_tag
from gpt_sovits_emotion.banks.library.writing import (
    EXPORT_LAYOUTS,
    export_bank,
    export_layouts,
    exported_clips,
)

__all__ = [
    "EXPORT_LAYOUTS",
    "REFERENCE_MAX_S",
    "REFERENCE_MIN_S",
    "SIDECAR_NAME",
    "ChoiceOptions",
    "Sidecar",
    "choose",
    "choose_all",
    "export_bank",
    "export_layouts",
    "exported_clips",
    "labels_of_bank",
    "load_bank",
    "read_sidecar",
    "set_pin",
    "set_teaching",
    "sidecar_path",
    "split_tag",
    "statistics_of",
    "write_sidecar",
]
