"""What a bank may be built from, and the clips that are there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gpt_sovits_emotion.backends.gpt_sovits.experiment import is_experiment, read_experiment
from gpt_sovits_emotion.banks.library.layouts import language_of_text, read_layout
from gpt_sovits_emotion.banks.library.layouts.listing import AUDIO_SUFFIXES
from gpt_sovits_emotion.banks.library.sidecar import (
    is_sidecar,
    read_sidecar,
    sidecar_path,
    source_of,
)
from gpt_sovits_emotion.core.errors import ReferenceBankError
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import Sentence

__all__ = ["EXPERIMENT", "RECORDING", "SourceClip", "Sources", "find_sources"]

EXPERIMENT = "experiment"
"""The layout of a ``logs/<exp>`` folder, which is read here and not in `references`."""

RECORDING = "recording"
"""The layout of a long recording that is still to be cut."""

_EXPECTED = tr(
    "expected logs/<name> of a GPT-SoVITS training, a .list, a folder of clips, a bank of another tool, "
    "or a long recording"
)


@dataclass(frozen=True, slots=True)
class SourceClip:
    """A clip as its source describes it, not yet looked at.

    Attributes:
        path: Where its audio should be.
        emotion: What the source files it under; "" for a default slot, and where nobody said.
        text: What is said in it; "" when the source does not say.
        language: Its language code; "" when the source does not say.
        filed_by: ``person`` where a person filed it, ``head`` where a program did or nobody.
        stored: Its stored HuBERT features, None where there are none.
        problem: Why the source does not really name a clip here.
    """

    path: Path
    emotion: str = ""
    text: str = ""
    language: str = ""
    filed_by: str = "head"
    stored: Path | None = None
    problem: Sentence | None = None


@dataclass(frozen=True, slots=True)
class Sources:
    """What a bank is built from.

    Attributes:
        path: What the bank's sidecar lies beside, or in.
        layout: `EXPERIMENT`, `RECORDING` or a layout of `banks.library.layouts`.
        root: Folder of the bank.
        clips: In the order of the source; none of a recording, which is to be cut first.
        voice: The voice's name.
        synthetic: Whether the source says that a synthesiser made it.
        settings: What else the source's file holds, as it was.
        checkout: The GPT-SoVITS checkout that the source lies in, None when it lies elsewhere.
        clips_folder: Where a person says that the clips of a list are now; None where nobody said.
    """

    path: Path
    layout: str
    root: Path
    clips: tuple[SourceClip, ...]
    voice: str
    synthetic: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    checkout: Path | None = None
    clips_folder: Path | None = None

    @property
    def n_stored(self) -> int:
        """How many clips have stored HuBERT features."""
        return sum(clip.stored is not None for clip in self.clips)


def find_sources(source: str | Path, *, clips: Path | None = None) -> Sources:
    """Find out what a source is, and which clips it names.

    - ``logs/<exp>`` of a GPT-SoVITS training: its clips, their texts, and the HuBERT features that it keeps;
    - any layout of a bank, a ``.list`` and a plain folder of clips: as `banks.library.layouts` reads them.
      What a person filed stays as it was filed;
    - an audio file: a long recording, to be cut first;
    - a sidecar: the bank that it belongs to.

    Args:
        source: What a person names.
        clips: Of a file that names clips, a folder in which they are looked for first; by default the one
            that the bank's sidecar remembers.

    Raises:
        ReferenceBankError: There is nothing there, or it cannot be read.
    """
    path = Path(source).expanduser()
    if is_sidecar(path):
        path = source_of(path)
    if not path.exists():
        raise ReferenceBankError(
            tr("there is nothing at {path}; {expected}", path=path, expected=_EXPECTED)
        )
    if path.is_file() and path.suffix.casefold() in AUDIO_SUFFIXES:
        return Sources(path, RECORDING, path.parent, (), path.stem)
    if path.is_dir() and is_experiment(path):
        return _experiment(path)
    clips = clips if clips is not None else _remembered(path)
    listing = read_layout(path, clips=clips)
    found = tuple(
        SourceClip(
            entry.path,
            entry.emotion,
            entry.text,
            entry.language,
            entry.filed_by,
            problem=entry.problem,
        )
        for entry in listing.entries
    )
    if not found:
        raise ReferenceBankError(
            tr("{path} has no clips; {expected}", path=path, expected=_EXPECTED)
        )
    return Sources(
        path=path,
        layout=listing.layout,
        root=listing.root,
        clips=found,
        voice=listing.voice or _name_of(path),
        synthetic=listing.synthetic,
        settings=listing.settings,
        clips_folder=clips,
    )


def _remembered(path: Path) -> Path | None:
    beside = sidecar_path(path)
    return read_sidecar(beside).clips_folder if beside.is_file() else None


def _experiment(path: Path) -> Sources:
    held = read_experiment(path)
    if not held.clips:
        raise ReferenceBankError(
            tr("{path} has no clips yet; let GPT-SoVITS prepare the training first", path=path)
        )
    clips = tuple(
        SourceClip(
            clip.audio,
            text=clip.text,
            language=clip.language or language_of_text(clip.text),
            stored=clip.hubert,
        )
        for clip in held.clips
    )
    return Sources(path, EXPERIMENT, path, clips, _name_of(path), checkout=held.checkout)


def _name_of(path: Path) -> str:
    """Return the name of a voice: that of its folder, or of its list without the ending."""
    return path.resolve().name if path.is_dir() else path.stem
