"""Find a Whisper model: where the user says, in a checkout, in the user's cache, on the hub.

A model is a folder in CTranslate2's format: ``config.json``, ``model.bin``, ``tokenizer.json`` and
``vocabulary.json`` or ``vocabulary.txt``.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

from gpt_sovits_emotion.errors import WhisperModelError
from gpt_sovits_emotion.progress import Progress, no_progress
from gpt_sovits_emotion.records import Sentence
from gpt_sovits_emotion.transcribe import hub
from gpt_sovits_emotion.transcribe.options import MICRO

__all__ = ["FoundModel", "checkout_models_dir", "find_model", "known_models", "missing_parts"]

_PARTS = ("config.json", "model.bin", "tokenizer.json")
_SMALLEST_MODEL_BYTES = 10_000  # a Git LFS pointer or a saved error page is smaller, no model is


@dataclass(frozen=True, slots=True)
class FoundModel:
    """A complete model folder.

    Attributes:
        name: What was asked for: a size, a folder's name, a name on the hub.
        folder: Where it lies.
        origin: How it was found: ``sample``, ``folder``, ``models_dir``, ``checkout``, ``cache`` or
            ``download``.
    """

    name: str
    folder: Path
    origin: str

    @property
    def source(self) -> str:
        """What a transcript made with it says of where its words come from."""
        if self.origin == "sample":
            return f"faster-whisper:{self.name} (sample sentences only)"
        return f"faster-whisper:{self.name}"


def known_models() -> tuple[str, ...]:
    """Return the names of sizes that the hub holds, besides `MICRO`."""
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
    user's Hugging Face cache; the hub.

    Args:
        name: A size, a folder, a name on the hub, or `MICRO`.
        models_dir: A folder of models, or a model folder itself.
        checkout: Root of a GPT-SoVITS checkout.
        allow_download: Fetch the model when it is nowhere on this machine.
        progress: Told how far a download is.

    Raises:
        WhisperModelError: The model is nowhere, or its folder is not complete; the message says what is
            missing and where to put it.
    """
    if name == MICRO:
        return _complete(FoundModel(MICRO, _sample_folder(), "sample"))
    named = Path(name).expanduser()
    if named.is_dir():
        return _complete(FoundModel(_folder_title(named), named, "folder"))
    if _looks_like_a_folder(name):
        raise WhisperModelError(
            f"the Whisper model folder {name} is not there; "
            "give the folder that holds model.bin, or a size such as small",
            zh=f"Whisper 模型文件夹 {name} 不存在；请填写含有 model.bin 的文件夹，或 small 之类的规格",
        )
    looked_in: list[Path] = []
    for folder, origin in _places(name, models_dir, checkout):
        if folder.is_dir():
            return _complete(FoundModel(name, folder, origin))
        looked_in.append(folder)
    if "/" not in name and name not in known_models():
        raise _unknown_name(name, looked_in)
    cached = hub.cached_folder(name, models_dir)
    if cached is not None and not missing_parts(cached):
        return FoundModel(name, cached, "cache")
    if not allow_download:
        off = Sentence("downloading is switched off", "已关闭下载")
        raise _not_here(name, looked_in, off)
    try:
        folder = hub.download(name, models_dir, progress=progress)
    except hub.UnreachableError as error:
        raise _not_here(name, looked_in, error.why) from error
    return _complete(FoundModel(name, folder, "download"))


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
    remedy = (
        Sentence("install this package again", "请重新安装本软件包")
        if found.origin == "sample"
        else Sentence(
            "download it again whole, or remove the folder so that another place is looked into",
            "请重新完整下载，或删除该文件夹，以便到别处查找",
        )
    )
    raise WhisperModelError(
        f"the Whisper model in {found.folder} is not complete, it lacks {', '.join(missing)}; "
        f"{remedy.en}",
        zh=f"{found.folder} 中的 Whisper 模型不完整，缺少 {'、'.join(missing)}；{remedy.zh}",
    )


def _sample_folder() -> Path:
    return Path(__file__).resolve().parents[1] / "sample_data" / "micro_whisper"


def _folder_title(folder: Path) -> str:
    """Name a model by its folder, without the rest of the path, which may name a person."""
    return folder.resolve().name.removeprefix("faster-whisper-")


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
                f"the folder of Whisper models {models_dir} is not there; "
                "give a folder that holds model folders such as faster-whisper-small",
                zh=f"Whisper 模型的文件夹 {models_dir} 不存在；"
                "请填写含有 faster-whisper-small 之类模型文件夹的文件夹",
            )
        if (models_dir / "model.bin").is_file():
            return [(models_dir, "folder")]
        places += [(models_dir / title, "models_dir") for title in titles]
    if checkout is not None:
        root = checkout_models_dir(Path(checkout).expanduser())
        places += [(root / title, "checkout") for title in reversed(titles)]
    return places


def _unknown_name(name: str, looked_in: list[Path]) -> WhisperModelError:
    sizes = (*known_models(), MICRO)
    near = difflib.get_close_matches(name, sizes, n=3) or ["small", "medium", "large-v3"]
    where = f" and no folder of that name in {looked_in[0].parent}" if looked_in else ""
    where_zh = f"，{looked_in[0].parent} 中也没有同名文件夹" if looked_in else ""
    return WhisperModelError(
        f"there is no Whisper size {name!r}{where}; "
        f"near ones are {', '.join(near)}, or give a model folder",
        zh=f"没有 {name!r} 这种 Whisper 规格{where_zh}；相近的有 {'、'.join(near)}，也可填写模型文件夹",
    )


def _not_here(name: str, looked_in: list[Path], why: Sentence) -> WhisperModelError:
    title = "faster-whisper-" + name.rpartition("/")[2].removeprefix("faster-whisper-")
    place = next((one for one in reversed(looked_in) if one.name == title), None)
    where = f"into {place}" if place else f"into a folder, say {title}, and name that folder"
    where_zh = str(place) if place else f"一个文件夹（例如 {title}）并填写该文件夹"
    return WhisperModelError(
        f"the Whisper model {name!r} is not on this machine and cannot be fetched ({why.en}); put its "
        f"files ({', '.join(_PARTS)}, vocabulary.json) {where}, or use the model none",
        zh=f"本机没有 Whisper 模型 {name!r}，也无法下载（{why.zh}）；请把它的文件"
        f"（{'、'.join(_PARTS)}、vocabulary.json）放到{where_zh}，或选用模型 none",
    )
