"""Find a Whisper model: where the user says, in a checkout, in the user's cache, installed, on the hub.

A model is a folder in CTranslate2's format: ``config.json``, ``model.bin``, ``tokenizer.json`` and
``vocabulary.json`` or ``vocabulary.txt``.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from gpt_sovits_emotion.core.errors import WhisperModelError
from gpt_sovits_emotion.core.messages import in_both, of_list, tr
from gpt_sovits_emotion.core.progress import Progress, no_progress
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.core.telemetry import forbid_telemetry
from gpt_sovits_emotion.transcription import hub
from gpt_sovits_emotion.transcription.installed import INSTALLED, installed_folder
from gpt_sovits_emotion.transcription.options import AUTO

__all__ = [
    "FoundModel",
    "checkout_models_dir",
    "find_local_model",
    "find_model",
    "known_models",
    "missing_parts",
]

_PARTS = ("config.json", "model.bin", "tokenizer.json")
_USUAL = ("small", "base")  # what AUTO stands for: the first of them that is here, else the first
_NAMES_OF_INSTALLED = (INSTALLED, f"Systran/faster-whisper-{INSTALLED}")
_OFFLINE = "pip install 'gpt-sovits-emotion[offline]'"
_SMALLEST_MODEL_BYTES = 10_000  # a Git LFS pointer or a saved error page is smaller, no model is


@dataclass(frozen=True, slots=True)
class FoundModel:
    """A complete model folder.

    Attributes:
        name: What was asked for: a size, a folder's name, a name on the hub.
        folder: Where it lies.
        origin: How it was found: ``folder``, ``models_dir``, ``checkout``, ``cache``,
            ``installed`` or ``download``.
    """

    name: str
    folder: Path
    origin: str

    @property
    def source(self) -> str:
        """What a transcript made with it says of where its words come from."""
        return f"faster-whisper:{self.name}"


def known_models() -> tuple[str, ...]:
    """Return the names of sizes that the hub holds."""
    forbid_telemetry()
    from faster_whisper import available_models

    return tuple(available_models())


def checkout_models_dir(checkout: Path) -> Path:
    """Return the folder in which a GPT-SoVITS checkout keeps its speech recognition models."""
    return Path(checkout) / "tools" / "asr" / "models"


def find_model(
    name: str,
    *,
    models_dir: Path | None = None,
    checkout: Path | None = None,
    allow_download: bool = True,
    progress: Progress = no_progress,
) -> FoundModel:
    """Find a model by size, folder or hub name.

    The order is: the folder that was named, or the one of that name in `models_dir`; the checkout; the
    user's Hugging Face cache; for ``base`` the one that the extra ``[offline]`` installs; the hub.

    Args:
        name: A size, a folder, a name on the hub, or `AUTO`: ``small`` where it is on this machine, else
            ``base`` where that is, else ``small`` from the hub.
        models_dir: A folder of models, or a model folder itself.
        checkout: Root of a GPT-SoVITS checkout.
        allow_download: Fetch the model when it is nowhere on this machine.
        progress: Told how far a download is.

    Raises:
        WhisperModelError: The model is nowhere, or what is found is not complete or damaged; the message
            says what is missing and where to put it.
    """
    found = _local(name, models_dir, checkout)
    if found is not None:
        return found
    if _looks_like_a_folder(name):
        raise WhisperModelError(
            tr(
                "the Whisper model folder {name} is not there; give the folder that holds model.bin, or "
                "a size such as small",
                name=name,
            )
        )
    name = _USUAL[0] if name == AUTO else name
    looked_in = [folder for folder, _ in _places(name, models_dir, checkout)]
    if not _on_the_hub(name):
        raise _unknown_name(name, looked_in)
    if not allow_download:
        off = tr("downloading is switched off")
        raise _not_here(name, looked_in, off)
    try:
        folder = hub.download(name, models_dir, progress=progress)
    except hub.UnreachableError as error:
        raise _not_here(name, looked_in, error.why) from error
    return _complete(FoundModel(name, folder, "download"))


def find_local_model(
    name: str, *, models_dir: Path | None = None, checkout: Path | None = None
) -> FoundModel | None:
    """Find a model on this machine, as `find_model` does but for the hub; None where it is not.

    A `models_dir` that is a model itself counts only where its folder has that name.

    Raises:
        WhisperModelError: It is here and cannot be used: its folder is not complete, or the installed one
            is damaged. Or `models_dir` is not there.
    """
    alone = _model_itself(models_dir)
    if alone is not None and alone.name != _title(name) and name != AUTO:
        models_dir = None
    return _local(name, models_dir, checkout)


def _local(name: str, models_dir: Path | None, checkout: Path | None) -> FoundModel | None:
    if name == AUTO:
        alone = _model_itself(models_dir)
        if alone is not None:
            return _complete(alone)
        here = (_local(size, models_dir, checkout) for size in _USUAL)
        return next((found for found in here if found is not None), None)
    named = Path(name).expanduser()
    if named.is_dir():
        return _complete(FoundModel(_folder_title(named), named, "folder"))
    if _looks_like_a_folder(name):
        return None
    for folder, origin in _places(name, models_dir, checkout):
        if folder.is_dir():
            return _complete(FoundModel(name, folder, origin))
    if not _on_the_hub(name):
        return None
    cached = hub.cached_folder(name, models_dir)
    if cached is not None and not missing_parts(cached):
        return FoundModel(name, cached, "cache")
    installed = installed_folder() if name in _NAMES_OF_INSTALLED else None
    return None if installed is None else FoundModel(INSTALLED, installed, "installed")


def missing_parts(folder: Path) -> tuple[str, ...]:
    """Return what `folder` lacks to be a model, each as a person would say it; empty when complete."""
    missing = [part for part in _PARTS if not (folder / part).is_file()]
    if not any((folder / f"vocabulary.{kind}").is_file() for kind in ("json", "txt")):
        missing.append("vocabulary.json")
    weights = folder / "model.bin"
    if weights.is_file() and weights.stat().st_size < _SMALLEST_MODEL_BYTES:
        missing.append(f"the weights (model.bin has only {weights.stat().st_size} bytes)")
    return tuple(missing)


def _complete(found: FoundModel) -> FoundModel:
    missing = missing_parts(found.folder)
    if not missing:
        return found
    raise WhisperModelError(
        tr(
            "the Whisper model in {folder} is not complete, it lacks {missing}; download it again whole, "
            "or remove the folder so that another place is looked into",
            folder=found.folder,
            missing=of_list(missing),
        )
    )


def _model_itself(models_dir: Path | None) -> FoundModel | None:
    """Return the model that `models_dir` is, None where it is a folder of models."""
    folder = None if models_dir is None else Path(models_dir).expanduser()
    if folder is None or not (folder / "model.bin").is_file():
        return None
    return FoundModel(_folder_title(folder), folder, "folder")


def _on_the_hub(name: str) -> bool:
    return "/" in name or name in known_models()


def _title(name: str) -> str:
    return name.rpartition("/")[2].removeprefix("faster-whisper-")


def _folder_title(folder: Path) -> str:
    """Name a model by its folder, without the rest of the path, which may name a person."""
    return _title(folder.resolve().name)


def _looks_like_a_folder(name: str) -> bool:
    return name.startswith((".", "~", "/")) or "\\" in name or name.count("/") > 1


def _places(name: str, models_dir: Path | None, checkout: Path | None) -> list[tuple[Path, str]]:
    """Return the folders in which a model of this name may lie, in the order of looking."""
    last = name.rpartition("/")[2]
    titles = (last, f"faster-whisper-{last}") if last == name else (last,)
    places: list[tuple[Path, str]] = []
    if models_dir is not None:
        models_dir = Path(models_dir).expanduser()
        if not models_dir.is_dir():
            raise WhisperModelError(
                tr(
                    "the folder of Whisper models {models_dir} is not there; give a folder that holds "
                    "model folders such as faster-whisper-small",
                    models_dir=models_dir,
                )
            )
        if _model_itself(models_dir) is not None:
            return [(models_dir, "folder")]
        places += [(models_dir / title, "models_dir") for title in titles]
    if checkout is not None:
        root = checkout_models_dir(Path(checkout).expanduser())
        places += [(root / title, "checkout") for title in reversed(titles)]
    return places


def _unknown_name(name: str, looked_in: list[Path]) -> WhisperModelError:
    near = difflib.get_close_matches(name, known_models(), n=3) or ["small", "medium", "large-v3"]
    where = f" and no folder of that name in {looked_in[0].parent}" if looked_in else ""
    where_zh = f"，{looked_in[0].parent} 中也没有同名文件夹" if looked_in else ""
    return WhisperModelError(
        tr(
            "there is no Whisper size {name!r}{where}; near ones are {near}, or give a model folder",
            name=name,
            where=in_both(where, where_zh),
            near=of_list(near),
        )
    )


def _not_here(name: str, looked_in: list[Path], why: Sentence) -> WhisperModelError:
    title = f"faster-whisper-{_title(name)}"
    place = next((one for one in reversed(looked_in) if one.name == title), None)
    where = f"into {place}" if place else f"into a folder, say {title}, and name that folder"
    where_zh = f" {place}" if place else f"一个文件夹（例如 {title}）并填写该文件夹"
    parts = f"{', '.join(_PARTS)}, vocabulary.json"
    return WhisperModelError(
        tr(
            "the Whisper model {name!r} is not on this machine and cannot be fetched ({why}); put its "
            "files ({parts}) {where} (--whisper FOLDER, or --models-dir for a folder of such folders), "
            "or name a mirror of the hub in the variable HF_ENDPOINT, or use base, which {offline} "
            "brings, or none",
            name=name,
            why=why,
            parts=parts,
            offline=_OFFLINE,
            where=in_both(where, where_zh),
        )
    )
