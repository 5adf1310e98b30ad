"""Read a SoVITS checkpoint (``.pth``) without running anything that is pickled in it.

Three kinds of file are read:

* weights, as GPT-SoVITS's training exports them and as its base models are: a zip that holds
  ``{"weight", "config", "info"}``, in LoRA files ``"lora_rank"`` too. In LoRA and Pro files two digits
  stand in place of the zip's first two bytes, ``PK`` (``GPT_SoVITS/process_ckpt.py``, ``my_save2``).
* the generator that training keeps, ``logs/<name>/logs_s2_<version>/G_*.pth``: ``{"model", …}``. Unlike
  exported weights it still holds the posterior encoder.

GPT-SoVITS itself unpickles these files freely, so that one from an unknown source can run any code. Here
only tensors, plain containers and the configuration's own class, as an empty stand-in, are let through.
"""

from __future__ import annotations

import mmap
import re
import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

from gpt_sovits_emotion.backends.gpt_sovits.checkpoint_start import (
    ZIP_MARK,
    start_of,
    version_by_start,
)
from gpt_sovits_emotion.core.errors import BackendError
from gpt_sovits_emotion.core.messages import in_both, tr

__all__ = [
    "VERSIONS",
    "Checkpoint",
    "check_file",
    "detect_version",
    "read_checkpoint",
    "read_state",
]

VERSIONS = ("v1", "v2", "v2Pro", "v2ProPlus", "v3", "v4")

_ZIP_END = b"PK\x05\x06"
_N_END_RECORD, _N_END_BYTES = 22, 1024


_N_SYMBOLS_V1 = 322
_SYMBOL_TABLE = "enc_p.text_embedding.weight"
_N_DECODER_CHANNELS_PRO_PLUS = (
    768  # configs/s2v2ProPlus.json, upsample_initial_channel; 512 elsewhere
)
_TRAINING_FOLDER = re.compile(r"logs_s2_(v1|v2ProPlus|v2Pro|v2|v3|v4)(?:_lora_\d+)?$")
_SOVITS_PARTS = ("ref_enc.", "enc_p.", "enc_q.", "dec.", "cfm.", "quantizer.")
_UNSAFE_NAME = re.compile(r"GLOBAL ([\w.]+)")
_LEAST_TORCH = "2.5"

# torch keeps one list of what may be unpickled for all threads.
_reading = threading.Lock()
_HParams = type("HParams", (), {"__module__": "utils", "__doc__": "Stands in for utils.HParams."})


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """What was read of one file.

    Attributes:
        path: The file.
        version: One of `VERSIONS`.
        is_lora: Whether it holds only the changes to a v3 or v4 base model.
        config: Its configuration as plain dicts; empty where the file holds none.
        weights: The tensors that were asked for, by name, on the CPU, in the file's precision.
        keys: The names of all tensors in the file, whether asked for or not.
    """

    path: Path
    version: str
    is_lora: bool
    config: Mapping[str, Any]
    weights: Mapping[str, Any]
    keys: frozenset[str]

    def has(self, prefix: str) -> bool:
        """Say whether the file holds a tensor whose name starts with `prefix`."""
        return any(key.startswith(prefix) for key in self.keys)

    @property
    def has_posterior(self) -> bool:
        """Whether the file holds a posterior encoder: base models do, exported fine-tuned weights do not."""
        return self.has("enc_q.")


def read_checkpoint(
    path: Path | str, *, only: tuple[str, ...] | None = None, version: str | None = None
) -> Checkpoint:
    """Read a checkpoint, or some of its parts.

    A file that starts as a zip is mapped into memory, so that only the parts asked for are read from the
    disk; one whose first two bytes were replaced is read through once.

    Args:
        path: The ``.pth`` file.
        only: Prefixes of the tensors wanted, as ``("ref_enc.", "enc_q.")``; None for all of them.
        version: Its version where that is known from elsewhere, as from the checkout's table of base
            models; found out from the file otherwise.

    Raises:
        BackendError: There is no such file, it is not a SoVITS checkpoint, it is damaged, or it holds
            something that could run code.
    """
    path = Path(path)
    with _restored(path) as source:
        content = _unpickle(path, source, lazily=isinstance(source, Path))
        tensors = _tensors(path, content)
        found, is_lora = _version(path, tensors)
        chosen = {
            key: tensor.detach().clone()
            for key, tensor in tensors.items()
            if only is None or key.startswith(only)
        }
    try:
        config = _plain(content.get("config") or {})
    except RecursionError as error:
        raise _damaged(path, "its configuration contains itself") from error
    return Checkpoint(
        path=path,
        version=version or found,
        is_lora=is_lora,
        config=config if isinstance(config, dict) else {},
        weights=chosen,
        keys=frozenset(tensors),
    )


def detect_version(path: Path | str) -> str:
    """Return the version of a checkpoint, one of `VERSIONS`.

    As GPT-SoVITS does: its table of base models, then the two digits at the start. Where it goes on by the
    file's size and corrects v2 to v1 by the symbol table, we go by the tensors themselves, which is what
    the size stands for and also holds for files of unusual size.

    Raises:
        BackendError: As for `read_checkpoint`.
    """
    path = Path(path)
    known = version_by_start(path)
    return known[0] if known else read_checkpoint(path, only=()).version


def check_file(path: Path) -> None:
    """Look at both ends of a checkpoint, SoVITS or GPT, without reading what lies between.

    Raises:
        BackendError: It is not there, is something else (a web page, a Git LFS pointer), or was cut off.
    """
    start_of(path)
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - _N_END_BYTES, 0))
        tail = file.read()
    # The last record ends with the length of a comment, and the comment.
    record = tail[tail.rfind(_ZIP_END) :] if _ZIP_END in tail else b""
    if len(record) < _N_END_RECORD or len(record) - _N_END_RECORD != int.from_bytes(
        record[_N_END_RECORD - 2 : _N_END_RECORD], "little"
    ):
        raise _damaged(path, "its end is missing")


def read_state(path: Path) -> dict[str, Any]:
    """Read a file that holds nothing but named tensors, as safely.

    Raises:
        BackendError: There is no such file, or it holds something else.
    """
    if not path.is_file():
        raise BackendError(
            tr(
                "there is no file {path}; get it from the pretrained models of GPT-SoVITS",
                path=path,
            )
        )
    return _only_tensors(path, _unpickle(path, path, lazily=False))


def _version(path: Path, tensors: Mapping[str, Any]) -> tuple[str, bool]:
    known = version_by_start(path)
    return known or (_version_by_tensors(path, tensors), False)


def _version_by_tensors(path: Path, tensors: Mapping[str, Any]) -> str:
    folder = _TRAINING_FOLDER.search(path.resolve().parent.name)
    if any(key.startswith("cfm.") for key in tensors):
        # v3 and v4 have the same tensors; a whole v4 is known by its table entry or by its folder alone.
        return folder.group(1) if folder and folder.group(1) in ("v3", "v4") else "v3"
    if "sv_emb.weight" in tensors:
        decoder = tensors.get("dec.conv_pre.weight")
        is_plus = decoder is not None and decoder.shape[0] == _N_DECODER_CHANNELS_PRO_PLUS
        return "v2ProPlus" if is_plus else "v2Pro"
    symbols = tensors.get(_SYMBOL_TABLE)
    return "v1" if symbols is not None and symbols.shape[0] == _N_SYMBOLS_V1 else "v2"


@contextmanager
def _restored(path: Path) -> Any:
    """Yield what `torch.load` may read: the path itself, or a view of the file with its ``PK`` put back."""
    if start_of(path)[:2] == ZIP_MARK:
        yield path
        return
    # A private mapping: the two bytes change in this process alone.
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) as view:
        view[:2] = ZIP_MARK
        yield view


def _unpickle(path: Path, source: Any, *, lazily: bool) -> dict[str, Any]:
    import torch

    try:
        with _reading, _only_the_configuration():
            content = torch.load(source, map_location="cpu", weights_only=True, mmap=lazily)
    except UnpicklingError as error:
        raise _unsafe(path, str(error)) from error
    except Exception as error:
        # A damaged pickle can make the reader stumble in any way: whatever it is, the file is at fault.
        raise _damaged(path, str(error)) from error
    if not isinstance(content, dict):
        raise _damaged(path, f"it holds a {type(content).__name__}")
    return content


def _only_the_configuration() -> AbstractContextManager[Any]:
    """Let the configuration's class through as our stand-in; the host's own ``utils`` is not touched."""
    from torch import serialization

    if not hasattr(serialization, "safe_globals"):  # torch before 2.5
        return nullcontext()
    allowed: AbstractContextManager[Any] = serialization.safe_globals([_HParams])
    return allowed


def _tensors(path: Path, content: Mapping[str, Any]) -> dict[str, Any]:
    weights = content.get("weight", content.get("model"))
    if not isinstance(weights, Mapping):
        raise _something_else(path, content)
    tensors = _only_tensors(path, weights)
    if not any(key.startswith(_SOVITS_PARTS) for key in tensors):
        raise _something_else(path, tensors)
    return tensors


def _only_tensors(path: Path, weights: Mapping[str, Any]) -> dict[str, Any]:
    import torch

    strange = [key for key, tensor in weights.items() if not isinstance(tensor, torch.Tensor)]
    if strange or not all(isinstance(key, str) for key in weights):
        raise _damaged(path, f"{strange[0]!r} is no tensor" if strange else "a tensor has no name")
    return dict(weights)


def _something_else(path: Path, content: Mapping[str, Any]) -> BackendError:
    keys = sorted(map(str, content))
    if any(key.startswith("model.ar_") for key in keys):
        return BackendError(
            tr("{path} is a GPT model; a SoVITS checkpoint (.pth) was expected", path=path)
        )
    if any(key.startswith("discriminators.") for key in keys):
        return BackendError(
            tr(
                "{path} is a discriminator (s2D), which only training needs; the generator beside it, "
                "whose name has G in place of D, was expected",
                path=path,
            )
        )
    return BackendError(
        tr(
            "{path} is not a SoVITS checkpoint: it holds {keys}; weight and config were expected",
            path=path,
            keys=in_both(", ".join(keys[:4]) or "nothing", ", ".join(keys[:4]) or "空"),
        )
    )


def _plain(value: Any) -> Any:
    if isinstance(value, _HParams):
        value = vars(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value


def _damaged(path: Path, why: str) -> BackendError:
    first = re.split(r"\n|\. ", why.strip(), maxsplit=1)[0].rstrip(".") or "no reason was given"
    size = f"{path.stat().st_size:,} bytes" if path.exists() else "gone meanwhile"
    return BackendError(
        tr(
            "{path} ({size}) is damaged or was cut off ({first}); download it again, or export the "
            "weights again",
            path=path,
            size=size,
            first=first,
        )
    )


def _unsafe(path: Path, why: str) -> BackendError:
    import torch

    named = _UNSAFE_NAME.search(why)
    if named is None:
        return _damaged(path, why)
    if named.group(1) == "utils.HParams":
        return BackendError(
            tr(
                "{path} cannot be read safely by torch {version}: torch {least_torch} or newer is needed",
                path=path,
                version=torch.__version__,
                least_torch=_LEAST_TORCH,
            )
        )
    return BackendError(
        tr(
            "{path} was not loaded: it asks to run {group}, which no checkpoint needs and which could do "
            "anything to this machine; take weights only from a source that you trust",
            path=path,
            group=named.group(1),
        )
    )
