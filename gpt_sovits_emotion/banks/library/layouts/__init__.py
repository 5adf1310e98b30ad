"""The layouts in which people keep reference clips, each read into plain entries.

A reader looks at folders, text files and JSON only; whether a clip can be used is judged later, in
`banks.library.bank`, alike for all layouts.
"""

from __future__ import annotations

from gpt_sovits_emotion.banks.library.layouts.infer_config import INFER_CONFIG
from gpt_sovits_emotion.banks.library.layouts.listing import (
    AUDIO_SUFFIXES,
    EXPECTED,
    ClipEntry,
    Listing,
    language_of_text,
)
from gpt_sovits_emotion.banks.library.layouts.reading import (
    READABLE_LAYOUTS,
    BankLayout,
    checked,
    read_layout,
    read_own_layout,
    readable_layouts,
)

__all__ = [
    "AUDIO_SUFFIXES",
    "EXPECTED",
    "INFER_CONFIG",
    "READABLE_LAYOUTS",
    "BankLayout",
    "ClipEntry",
    "Listing",
    "checked",
    "language_of_text",
    "read_layout",
    "read_own_layout",
    "readable_layouts",
]
