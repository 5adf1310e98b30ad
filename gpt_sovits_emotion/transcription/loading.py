"""Load Whisper models and keep the last ones, so that a second recording need not wait."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gpt_sovits_emotion.core.errors import WhisperModelError
from gpt_sovits_emotion.core.memory import trim_heap
from gpt_sovits_emotion.core.messages import of_list, tr
from gpt_sovits_emotion.core.telemetry import forbid_telemetry
from gpt_sovits_emotion.transcription.models import FoundModel

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

__all__ = ["forget_models", "load_model"]

_log = logging.getLogger(__name__)

_KEPT = 2


@dataclass(frozen=True, slots=True)
class _Key:
    folder: Path
    modified_ns: int
    device: str
    compute_type: str
    cpu_threads: int


_loaded: OrderedDict[_Key, WhisperModel] = OrderedDict()
_lock = threading.Lock()


def load_model(
    found: FoundModel, *, device: str = "auto", compute_type: str = "auto", cpu_threads: int = 0
) -> WhisperModel:
    """Load a model, or return it if it is still loaded. Safe from several threads.

    Args:
        found: The model.
        device: ``auto`` takes CUDA when CTranslate2 sees a device that really works, else the CPU.
        compute_type: ``auto`` takes float16 on CUDA and int8 on the CPU, as far as they are supported.
        cpu_threads: Threads on the CPU; 0 leaves it to CTranslate2.

    Raises:
        WhisperModelError: The files are damaged, or the device or type cannot be had.
    """
    folder = found.folder.resolve()
    modified_ns = (folder / "model.bin").stat().st_mtime_ns
    key = _Key(folder, modified_ns, device, compute_type, cpu_threads)
    with _lock:
        if key in _loaded:
            _loaded.move_to_end(key)
            return _loaded[key]
        model = _load(key)
        _loaded[key] = model
        while len(_loaded) > _KEPT:
            _loaded.popitem(last=False)
        return model


def forget_models() -> None:
    """Drop all loaded models; their memory is freed once no transcription uses them."""
    with _lock:
        _loaded.clear()


def _load(key: _Key) -> WhisperModel:
    import ctranslate2

    n_cuda = ctranslate2.get_cuda_device_count()
    if key.device == "cuda" and n_cuda == 0:
        raise WhisperModelError(
            tr(
                "the device cuda was asked for, but CTranslate2 sees no CUDA device; use the device cpu "
                "or auto"
            )
        )
    if key.device != "cpu" and n_cuda > 0:
        try:
            model = _open(key, "cuda")
            _try_out(model)
        except Exception as error:
            # A driver may be there without cuBLAS or cuDNN; CTranslate2 then fails at first use.
            if key.device == "cuda":
                raise WhisperModelError(
                    tr(
                        "Whisper does not run on CUDA here ({first_line}); use the device cpu",
                        first_line=_first_line(error),
                    )
                ) from error
            _log.warning("Whisper does not run on CUDA here (%s); using the CPU", error)
        else:
            return model
    return _open(key, "cpu")


def _open(key: _Key, device: str) -> WhisperModel:
    forbid_telemetry()
    import ctranslate2
    from faster_whisper import WhisperModel

    # Each of its threads draws from a generator of its own, which is seeded so when it is first used: what is
    # decoded at a temperature then comes out the same in every process.
    ctranslate2.set_random_seed(0)
    trim_heap()  # loading takes the most memory of all: it reads in float32 what it then rounds
    try:
        model = WhisperModel(
            str(key.folder),
            device=device,
            compute_type=_compute_type(key.compute_type, device),
            cpu_threads=key.cpu_threads,
            local_files_only=True,
        )
        trim_heap()  # 70 MB of base, which lie in holes between what it keeps
        return model
    except WhisperModelError:
        raise
    except Exception as error:  # CTranslate2: RuntimeError, ValueError; tokenizers: bare Exception
        raise WhisperModelError(
            tr(
                "the Whisper model in {folder} does not load ({first_line}); if its files are damaged, "
                "download it again",
                folder=key.folder,
                first_line=_first_line(error),
            )
        ) from error


def _compute_type(wanted: str, device: str) -> str:
    import ctranslate2

    supported = ctranslate2.get_supported_compute_types(device)
    if wanted == "auto":
        order = ("float16", "int8_float16", "float32") if device == "cuda" else ("int8", "float32")
        return next((kind for kind in order if kind in supported), "default")
    if wanted != "default" and wanted not in supported:
        raise WhisperModelError(
            tr(
                "the compute type {wanted!r} is not supported on {device} here; supported are "
                "{supported}, or use auto",
                wanted=wanted,
                device=device,
                supported=of_list(sorted(supported)),
            )
        )
    return wanted


def _try_out(model: WhisperModel) -> None:
    import numpy as np

    n_mels = model.feature_extractor.mel_filters.shape[0]
    model.encode(np.zeros((n_mels, 3_000), dtype=np.float32))


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
