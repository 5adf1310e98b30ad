"""Whisper models on the Hugging Face hub and in its cache on this machine.

All goes through ``huggingface_hub``, which obeys ``HF_ENDPOINT`` (a mirror), ``HF_HOME``, ``HF_HUB_CACHE``,
``HF_HUB_OFFLINE`` and the proxy variables.
"""

from __future__ import annotations

import contextlib
import fnmatch
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from gpt_sovits_emotion.core.progress import Progress
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.core.telemetry import forbid_telemetry

if TYPE_CHECKING:
    from huggingface_hub.hf_api import ModelInfo

__all__ = ["UnreachableError", "cached_folder", "download", "repository_of"]

_WANTED = ("config.json", "preprocessor_config.json", "model.bin", "tokenizer.json", "vocabulary.*")
_ANSWER_TIMEOUT_S = 5.0
_POLL_S = 0.25


class UnreachableError(Exception):
    """The hub did not answer, or did not give the model; `why` says the reason in a few words."""

    def __init__(self, en: str, zh: str) -> None:
        super().__init__(en)
        self.why = Sentence(en, zh)


def repository_of(name: str) -> str:
    """Return the hub's name of a model given by size (``small``) or by that very name."""
    if "/" in name:
        return name
    forbid_telemetry()
    from faster_whisper.utils import _MODELS

    return str(_MODELS[name])


def cached_folder(name: str, cache_dir: Path | None = None) -> Path | None:
    """Return the snapshot of a model in the user's cache or in `cache_dir`; None when there is none."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    for cache in (cache_dir, None):
        with contextlib.suppress(LocalEntryNotFoundError, HFValidationError):
            return Path(
                snapshot_download(repository_of(name), local_files_only=True, cache_dir=cache)
            )
    return None


def download(name: str, cache_dir: Path | None, *, progress: Progress) -> Path:
    """Fetch a model into the user's cache, or into `cache_dir`, and return its snapshot folder.

    The files are fetched on a thread of their own, so that `progress` may stop the waiting at any time.
    What is half fetched then lies in the cache under a name that marks it so, and is resumed next time.

    Raises:
        UnreachableError: The hub did not answer within seconds, does not know the model, or broke off.
    """
    repository = repository_of(name)
    about = _ask(repository)
    files = {
        sibling.rfilename: sibling.size or 0
        for sibling in about.siblings or ()
        if any(fnmatch.fnmatch(sibling.rfilename, pattern) for pattern in _WANTED)
    }
    if "model.bin" not in files:
        raise UnreachableError(
            f"{repository} on the hub holds no model in CTranslate2's format",
            f"Hub 上的 {repository} 中没有 CTranslate2 格式的模型",
        )
    fetching = _Fetching(repository, about.sha, tuple(files), cache_dir)
    fetching.start()
    total_bytes = max(sum(files.values()), 1)
    while not fetching.finished.wait(_POLL_S):
        done = min(fetching.bytes_so_far() / total_bytes, 1.0)
        progress(done, f"downloading {repository} ({total_bytes / 1e6:.0f} MB)")
    if fetching.error is not None:
        brief = _brief(fetching.error)
        raise UnreachableError(
            f"fetching {repository} broke off: {brief}", f"下载 {repository} 时中断：{brief}"
        )
    if fetching.folder is None:
        raise UnreachableError(
            f"fetching {repository} ended without a file", f"下载 {repository} 后没有得到文件"
        )
    return fetching.folder


def _ask(repository: str) -> ModelInfo:
    """Ask the hub what a model consists of; quick to fail, so that nobody waits for a dead line."""
    from huggingface_hub import HfApi, constants
    from huggingface_hub.errors import OfflineModeIsEnabled, RepositoryNotFoundError

    try:
        return HfApi().model_info(repository, timeout=_ANSWER_TIMEOUT_S, files_metadata=True)
    except OfflineModeIsEnabled as error:
        raise UnreachableError("HF_HUB_OFFLINE is set", "已设置 HF_HUB_OFFLINE") from error
    except RepositoryNotFoundError as error:
        raise UnreachableError(
            f"{constants.ENDPOINT} has no {repository}", f"{constants.ENDPOINT} 上没有 {repository}"
        ) from error
    except Exception as error:  # requests in hub < 1, httpx from 1 on: no common base but Exception
        raise UnreachableError(
            f"{constants.ENDPOINT} does not answer", f"{constants.ENDPOINT} 没有应答"
        ) from error


def _brief(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:160] if lines else type(error).__name__


class _Fetching(threading.Thread):
    """Fetches the files of one model, one after the other."""

    def __init__(
        self, repository: str, revision: str | None, files: tuple[str, ...], cache_dir: Path | None
    ) -> None:
        # A daemon: when a person stops the program, it does not wait for gigabytes to arrive.
        super().__init__(name=f"fetch {repository}", daemon=True)
        self._repository, self._revision, self._files = repository, revision, files
        self._cache_dir = cache_dir
        self._already = self._cached_bytes()
        self.folder: Path | None = None
        self.error: BaseException | None = None
        self.finished = threading.Event()

    def run(self) -> None:
        from huggingface_hub import hf_hub_download

        try:
            for file in self._files:
                path = hf_hub_download(
                    self._repository, file, revision=self._revision, cache_dir=self._cache_dir
                )
                self.folder = Path(path).parent
        except BaseException as error:
            self.error = error  # raised again, as a sentence, by the thread that waits
        finally:
            self.finished.set()

    def bytes_so_far(self) -> int:
        return self._cached_bytes() - self._already

    def _cached_bytes(self) -> int:
        from huggingface_hub import constants

        cache = Path(self._cache_dir or constants.HF_HUB_CACHE)
        blobs = cache / f"models--{self._repository.replace('/', '--')}" / "blobs"
        total = 0
        for blob in blobs.glob("*"):
            with contextlib.suppress(FileNotFoundError):  # renamed when complete
                total += blob.stat().st_size
        return total
