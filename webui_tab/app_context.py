"""What all pages of one server share: loaded engines, the heads there are, where models are looked for."""

from __future__ import annotations

import importlib.resources
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gpt_sovits_emotion.core.errors import WhisperModelError
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.encoders import WHISPER, borrowed_by
from gpt_sovits_emotion.engines import DEFAULT_HEAD, WHISPER_HEAD, Engines, open_engines
from gpt_sovits_emotion.heads import HeadEntry, HeadWatch, head_folders
from gpt_sovits_emotion.heads.files import ENCODER_NAME
from gpt_sovits_emotion.whisper_models import WhisperModels
from webui_tab.settings import AnalysisSettings

if TYPE_CHECKING:
    from gpt_sovits_emotion.backends.base import Backend
    from gpt_sovits_emotion.transcription import TranscribeOptions

__all__ = ["AppContext", "sample_data"]


@dataclass(frozen=True, slots=True, eq=False)
class AppContext:
    """What all pages of one server share: the loaded engines, and where models are looked for.

    Attributes:
        heads_dirs: Further folders of heads.
        models_dir: Folder that holds faster-whisper models.
        checkout: A GPT-SoVITS checkout, whose models are used too.
        allow_download: Whether a Whisper model that is not on this machine may be fetched.
        backend: Who provides encoders and speaks; None for the embedded one.
    """

    heads_dirs: tuple[Path, ...] = ()
    models_dir: Path | None = None
    checkout: Path | None = None
    allow_download: bool = True
    backend: Backend | None = None
    _engines: dict[str, tuple[object, Engines]] = field(default_factory=dict)
    _labels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _watch: HeadWatch = field(default_factory=HeadWatch)

    def engines(self, head: str) -> Engines:
        """Open the engines for a head, or return those opened before if it is still the same head.

        Raises:
            HeadError: The head is missing, broken, or does not fit.
        """
        with self._lock:
            entry = self._entry(head)
            mark = (entry.path, entry.stamp) if entry else None
            opened = self._engines.get(head)
            if opened is None or opened[0] != mark or mark is None:
                self._engines.pop(head, None)
                engines = open_engines(
                    head=entry.path if entry else head,
                    heads_dirs=self.heads_dirs,
                    backend=self.backend,
                    whisper=self.whisper_models,
                )
                self._engines[head] = opened = (mark, engines)
                self._labels[head] = engines.tagger.card.labels
            return opened[1]

    def labels(self, head: str) -> tuple[str, ...]:
        """Return the labels of a head that was opened, also when it has gone since.

        Raises:
            HeadError: It was never opened, and cannot be.
        """
        return self._labels.get(head) or self.engines(head).tagger.card.labels

    def _entry(self, head: str) -> HeadEntry | None:
        """Return the sound head of an id, or what lies in a folder; None where there is neither."""
        for entry in self.all_heads():
            if entry.state == "sound" and entry.id == head:
                return entry
        return self._watch.look(Path(head)) if Path(head).is_dir() else None

    @property
    def spoken_by(self) -> Sentence | None:
        """The name of the host that speaks, None for the embedded one."""
        return None if self.backend is None else self.backend.title

    def all_heads(self) -> tuple[HeadEntry, ...]:
        """Return all that lies in the folders of heads now, also what cannot be used."""
        return self._watch.entries(head_folders(self.heads_dirs))

    def heads(self) -> tuple[HeadEntry, ...]:
        """Return the heads that can be chosen now: the sound ones whose encoder is here."""
        return self.usable(self.all_heads())

    def usable(self, entries: Sequence[HeadEntry]) -> tuple[HeadEntry, ...]:
        """Return those of the heads that can be chosen; of the two that are defaults the better first."""
        found = [entry for entry in entries if entry.state == "sound" and self.provides_for(entry)]
        ids = [entry.id for entry in found]
        if WHISPER_HEAD in ids and DEFAULT_HEAD in ids[: ids.index(WHISPER_HEAD)]:
            better = found.pop(ids.index(WHISPER_HEAD))
            found.insert(ids.index(DEFAULT_HEAD), better)
        return tuple(found)

    def provides_for(self, entry: HeadEntry) -> bool:
        """Say whether what a sound head reads is here: of a fused encoder, every part."""
        return entry.card is not None and not self.lacks(entry)

    def lacks(self, entry: HeadEntry) -> frozenset[str]:
        """Return the families that a sound head reads and that neither the host nor this machine has."""
        if entry.card is None:
            return frozenset()
        provides = frozenset({"prosody"}) if self.backend is None else self.backend.provides
        own = (entry.path / ENCODER_NAME).is_file()
        return frozenset(
            family
            for family in borrowed_by(entry.card.encoder.id) - provides
            if not (family.startswith(WHISPER) and (own or self.whisper_models.has(family)))
        )

    @property
    def whisper_models(self) -> WhisperModels:
        """Where heads on Whisper find it; nothing is fetched for them from the page."""
        return WhisperModels(models_dir=self.models_dir, checkout=self.checkout)

    def whisper_options(self, settings: AnalysisSettings) -> TranscribeOptions:
        """Return the options of the transcriber for a page's settings."""
        from gpt_sovits_emotion.transcription import TranscribeOptions

        return TranscribeOptions(
            model=settings.whisper.strip(),
            language=settings.spoken_language.strip() or None,
            models_dir=self.models_dir,
            checkout=self.checkout,
            allow_download=self.allow_download,
            initial_prompt=settings.initial_prompt,
            hotwords=settings.hotwords,
        )

    def has_whisper(self, name: str) -> bool:
        """Say whether a Whisper model lies on this machine."""
        from gpt_sovits_emotion.transcription import find_local_model, is_installed

        if is_installed(name):
            return True  # without joining it, which whoever only opens the page need not wait for
        try:
            found = find_local_model(name, models_dir=self.models_dir, checkout=self.checkout)
        except WhisperModelError:
            return False
        return found is not None


def sample_data() -> Path:
    """Return the folder of the sample recordings and the sample voice."""
    return Path(str(importlib.resources.files("gpt_sovits_emotion"))) / "sample_data"
