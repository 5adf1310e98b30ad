"""Heads made to run code, to fill the memory, to hang, or to read what they should not."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

from torch import nn

from head_files import RAN, Spoil, rewrite, rewrite_golden

__all__ = ["MALICIOUS", "archive", "notebook_head"]


class _Bomb:
    """Makes a folder when it is unpickled."""

    def __reduce__(self):
        return (os.mkdir, (RAN,))


class _Nested:
    """A mapping that looks like a state dict, with a bomb deep inside."""

    def __reduce__(self):
        return (dict, ([("mlp.0.weight", [[[_Bomb()]]])],))


W = "head.safetensors"
_OLD_PICKLE = f"cos\nmkdir\n(S'{RAN}'\ntR.".encode()  # protocol 0: no magic number to know it by


def archive(
    pickled: bytes, *, root: str = "archive", packed: bool = False, **parts: bytes
) -> bytes:
    """Return a zip as torch.save writes it, with any pickle inside."""
    stream = io.BytesIO()
    method = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    with zipfile.ZipFile(stream, "w", method) as written:
        for name, content in {"data.pkl": pickled, "version": b"3\n", **parts}.items():
            written.writestr(f"{root}/{name}", content)
    return stream.getvalue()


def notebook_head(folder: Path, content: bytes) -> None:
    """Turn a head into one from a notebook with this content as ``head.pt``."""
    for name in (W, "golden.json"):
        (folder / name).unlink()
    (folder / "head.pt").write_bytes(content)
    (folder / "head.yaml").write_text("labels: [angry, sad, neutral]\nencoder: fake\n")


def _tar() -> bytes:
    """Return the form that torch.save wrote before 2017: a tar of pickles."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name in ("storages", "tensors", "pickle"):
            content = pickle.dumps(_Bomb(), 2)
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def _module() -> bytes:
    import torch

    stream = io.BytesIO()
    torch.save(nn.Sequential(nn.Linear(20, 8), nn.ReLU(), nn.Dropout(), nn.Linear(8, 3)), stream)
    return stream.getvalue()


def _expanded() -> bytes:
    """Return a state dict whose first tensor shows 20,000 numbers 20,000 times."""
    import torch

    stream = io.BytesIO()
    torch.save({"mlp.0.weight": torch.zeros(20_000).expand(20_000, 20_000)}, stream)
    return stream.getvalue()


def _memo() -> bytes:
    """Return a pickle that puts something in place 2**31 - 1 of a table, which is then made that long."""
    return b"\x80\x02}r\xff\xff\xff\x7f."


def _stack_global() -> bytes:
    return b"\x80\x04\x8c\x02os\x8c\x05mkdir\x93\x8c\x09" + RAN.encode() + b"\x85R."


def _safetensors(header: object, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def _tensor(dtype: str, shape: list[int], begin: int, end: int) -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def _writes(name: str, content: bytes | str) -> Callable[[Path], object]:
    data = content.encode() if isinstance(content, str) else content
    return lambda folder: (folder / name).write_bytes(data)


def _notebook(make: Callable[[], bytes]) -> Callable[[Path], object]:
    return lambda folder: notebook_head(folder, make())


def _sparse(name: str) -> Callable[[Path], object]:
    def spoil(folder: Path) -> None:
        with (folder / name).open("r+b") as stream:
            stream.truncate(2 << 30)

    return spoil


def _leads_out(name: str) -> Callable[[Path], object]:
    def spoil(folder: Path) -> None:
        secret = folder.parent / f"private-{name}"
        (folder / name).rename(secret)
        (folder / name).symlink_to(secret)

    return spoil


def _pipe(folder: Path) -> None:
    (folder / W).unlink()
    os.mkfifo(folder / W)


_ALIASES = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join(['*' + before] * 9)}]\n" for before, name in pairwise("abcdefghi")
)
_PYTHON_NEW = f"labels: !!python/object/new:os.mkdir [{RAN}]"
_TWICE = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],'
_TWICE += b'"data_offsets":[0,4]}}'

_RUNS_CODE: dict[str, Spoil] = {
    "pickle as safetensors": (_writes(W, pickle.dumps(_Bomb())), "is a pickle.*so it was not"),
    "old pickle as safetensors": (_writes(W, _OLD_PICKLE), "announces a header"),
    "zip of a pickle as safetensors": (
        _writes(W, archive(pickle.dumps(_Bomb(), 2))),
        "is a pickle.*so it was not",
    ),
    "tar of pickles as safetensors": (_writes(W, _tar()), "is a pickle.*so it was not"),
    "pickle as head.pt": (_notebook(lambda: pickle.dumps(_Bomb(), 2)), "not opened.*no archive"),
    "tar of pickles as head.pt": (_notebook(_tar), "not opened.*no archive"),
    "reduce in head.pt": (
        _notebook(lambda: archive(pickle.dumps(_Bomb(), 2))),
        r"not opened.*'(posix|nt)\.mkdir'",
    ),
    "reduce deep in head.pt": (
        _notebook(lambda: archive(pickle.dumps(_Nested(), 2))),
        "not opened.*asks for",
    ),
    "named on the stack in head.pt": (
        _notebook(lambda: archive(_stack_global())),
        "not opened.*the step SHORT_BINUNICODE",
    ),
    "program as head.pt": (
        _notebook(
            lambda: archive(
                b"\x80\x02}.", **{"constants.pkl": b"\x80\x02).", "code/__torch__.py": b"import os"}
            )
        ),
        "not opened.*programs",
    ),
    "whole module as head.pt": (_notebook(_module), "not opened.*torch.nn.modules"),
    "python object in the card": (
        _writes("head.yaml", f"!!python/object/apply:os.mkdir [{RAN}]"),
        "no plain data",
    ),
    "new python object in the card": (_writes("head.yaml", _PYTHON_NEW), "no plain data"),
}

_FILLS_MEMORY: dict[str, Spoil] = {
    "header of 2**63 bytes": (
        _writes(W, struct.pack("<Q", 2**63) + b"{}"),
        "header of 9223372036854775808 bytes",
    ),
    "header of 900 MB": (_writes(W, struct.pack("<Q", 900 << 20) + b"{}"), "announces a header"),
    "shape of 2**50 numbers": (
        _writes(W, _safetensors({"a": _tensor("F32", [2**25, 2**25], 0, 4)}, bytes(4))),
        "contradicts its shape",
    ),
    "shape of many sizes": (
        _writes(W, _safetensors({"a": _tensor("F32", [2**27] * 50_000, 0, 4)}, bytes(4))),
        "contradicts its shape",
    ),
    "header nested deep": (_writes(W, _safetensors(b'{"a":' + b"[" * 200_000)), "unreadable"),
    "2 GB of weights": (_sparse(W), "2048.0 MB and was not read"),
    "2 GB of golden triple": (_sparse("golden.json"), "2048.0 MB and was not read"),
    "numbers shown often in head.pt": (_notebook(_expanded), "has 400000000 numbers"),
    "long memo in head.pt": (_notebook(lambda: archive(_memo())), "counts further"),
    "packed zeros in head.pt": (
        _notebook(lambda: archive(b"\x80\x02}.", packed=True, **{"data/0": bytes(64 << 20)})),
        "larger ones than the file itself|is packed",
    ),
    "aliases in the card": (_writes("head.yaml", _ALIASES), "YAML alias"),
    "card of 5 MB": (_writes("head.yaml", "#" * (5 << 20) + "\na: 1"), "5.0 MB and was not read"),
    "card of many parts": (_writes("head.yaml", "a: [" + "1," * 400_000 + "1]"), "more parts"),
    "card nested deep": (_writes("head.yaml", "a: " + "[" * 400_000), "nested deeper"),
    "golden triple nested deep": (
        lambda folder: rewrite_golden(folder, "[" * 400_000),
        "golden.json is not JSON",
    ),
    "very many segments": (
        lambda folder: rewrite(
            folder, "min_speaker_segments: 5", "min_speaker_segments: 900000000000"
        ),
        "min_speaker_segments or min_duration_s is out of range",
    ),
    "very high sampling rate": (
        lambda folder: rewrite(folder, "sampling_rate_hz: 16000", "sampling_rate_hz: 2000000000"),
        "sampling rate",
    ),
}

_DECEIVES: dict[str, Spoil] = {
    "tensors overlap": (
        _writes(
            W,
            _safetensors(
                {"a": _tensor("F32", [2], 0, 8), "b": _tensor("F32", [2], 4, 12)}, bytes(12)
            ),
        ),
        "overlaps another",
    ),
    "gap between tensors": (
        _writes(
            W,
            _safetensors(
                {"a": _tensor("F32", [1], 0, 4), "b": _tensor("F32", [1], 8, 12)}, bytes(12)
            ),
        ),
        "leaves a gap",
    ),
    "tensor named twice": (_writes(W, _safetensors(_TWICE, bytes(4))), "there twice"),
    "type lies": (
        _writes(W, _safetensors({"a": _tensor("F64", [4], 0, 16)}, bytes(16))),
        "contradicts its shape",
    ),
    "negative place": (
        _writes(W, _safetensors({"a": _tensor("F32", [1], -4, 0)}, bytes(4))),
        "is unclear",
    ),
    "something behind the tensors": (
        lambda folder: (folder / W).write_bytes((folder / W).read_bytes() + _OLD_PICKLE),
        "left over at its end",
    ),
    "endless number in the card": (
        lambda folder: rewrite(folder, "clip_z: 6.0", "clip_z: 1" + ":1" * 200_000),
        "longer ones",
    ),
    "number of a million digits": (
        lambda folder: rewrite(folder, "clip_z: 6.0", "clip_z: " + "9" * 19_000),
        "is not YAML",
    ),
    "field named twice in the card": (
        lambda folder: rewrite(folder, "licence: MIT", "licence: MIT\nlicence: CC0-1.0"),
        "names the field 'licence' twice",
    ),
    "id that is a path": (
        lambda folder: rewrite(folder, "id: fake-head", "id: ../../etc"),
        "the id '../../etc' is not made of",
    ),
    "id that is an absolute path": (
        lambda folder: rewrite(folder, "id: fake-head", "id: /etc/passwd"),
        "the id '/etc/passwd' is not made of",
    ),
    "title that steers the terminal": (
        lambda folder: rewrite(folder, "en: Fake head", 'en: "\\e[2J\\e]0;mine\\a"'),
        "steer a terminal",
    ),
    "title that turns the writing": (
        lambda folder: rewrite(folder, "en: Fake head", 'en: "\\u202Edaeh"'),
        "turn the direction",
    ),
    "weights that lead out": (_leads_out(W), "leads elsewhere"),
    "card that leads out": (_leads_out("head.yaml"), "leads elsewhere"),
    "golden triple that leads out": (_leads_out("golden.json"), "leads elsewhere"),
    "pipe that never ends": (_pipe, "no ordinary file"),
}

MALICIOUS: dict[str, Spoil] = {**_RUNS_CODE, **_FILLS_MEMORY, **_DECEIVES}
