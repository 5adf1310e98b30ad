"""Heads that went wrong by themselves: cut off, mixed up, mistyped, trained badly."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file

from gpt_sovits_emotion.testing import FAKE_DIM
from head_files import Spoil, resave, rewrite, rewrite_golden
from head_files.malicious import notebook_head

__all__ = ["BROKEN"]

W = "head.safetensors"
_LABELS = "labels: [angry, sad, neutral]\nenc"


def _rewrites(old: str, new: str) -> Callable[[Path], object]:
    return lambda folder: rewrite(folder, old, new)


def _resaves(**changes: np.ndarray | None) -> Callable[[Path], object]:
    return lambda folder: resave(folder, **changes)


def _removes(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).unlink()


def _notebook(state: object, card: str | None = None) -> Callable[[Path], object]:
    def spoil(folder: Path) -> None:
        stream = io.BytesIO()
        torch.save(state, stream)
        notebook_head(folder, stream.getvalue())
        if card is not None:
            (folder / "head.yaml").write_text(card)

    return spoil


def _state(**changes: torch.Tensor | None) -> dict[str, torch.Tensor]:
    state = {
        "mlp.0.weight": torch.ones(8, FAKE_DIM),
        "mlp.0.bias": torch.ones(8),
        "mlp.3.weight": torch.ones(3, 8),
        "mlp.3.bias": torch.ones(3),
    }
    changed = {name.replace("_", "."): tensor for name, tensor in changes.items()}
    return {name: t for name, t in {**state, **changed}.items() if t is not None}


def _empties(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()


def _cut(name: str, n_bytes: int) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:n_bytes])


def _cut_notebook(folder: Path) -> None:
    _notebook(_state())(folder)
    _cut("head.pt", 900)(folder)


def _other_golden(folder: Path) -> None:
    golden = json.loads((folder / "golden.json").read_text())
    golden["probabilities"]["global"][0][0] += 0.01
    rewrite_golden(folder, json.dumps(golden))


_WEIGHTS: dict[str, Spoil] = {
    "no weights": (_removes(W), "is not there.*copy the whole folder"),
    "empty weights": (lambda folder: (folder / W).write_bytes(b""), "not a whole safetensors"),
    "cut off in the header": (_cut(W, 99), "not a whole safetensors.*cut off"),
    "cut off in the numbers": (_cut(W, 2000), r"2000 of \d+ bytes are there.*cut off"),
    "reserved, not yet written": (
        lambda folder: (folder / W).write_bytes(bytes(4096)),
        "not a whole safetensors.*cut off",
    ),
    "page instead of weights": (
        lambda folder: (folder / W).write_text("<html>404 Not Found</html>"),
        "not a whole safetensors",
    ),
    "wrong width": (
        _resaves(**{"global.0.mlp.0.weight": np.zeros((8, 21), np.float32)}),
        r"asks for \(8, 20\)",
    ),
    "no hidden units": (
        _resaves(
            **{
                "global.0.mlp.0.weight": np.zeros((0, FAKE_DIM), np.float32),
                "global.0.mlp.0.bias": np.zeros(0, np.float32),
                "global.0.mlp.3.weight": np.zeros((3, 0), np.float32),
            }
        ),
        r"asks for \(1, 20\)",
    ),
    "wrong number of labels": (
        _resaves(**{"global.1.mlp.3.bias": np.zeros(4, np.float32)}),
        r"asks for \(3,\)",
    ),
    "missing tensor": (
        _resaves(**{"speaker.1.mlp.0.bias": None}),
        "lacks the tensor speaker.1.mlp.0.bias",
    ),
    "no global mode": (
        lambda folder: resave(
            folder, **{name: None for name in load_file(folder / W) if name[:6] == "global"}
        ),
        "lacks global.0",
    ),
    "missing statistic": (_resaves(**{"features.std": None}), "lacks the tensor features.std"),
    "extra tensor": (
        _resaves(**{"global.0.mlp.6.weight": np.zeros((1, 1), np.float32)}),
        "no head of this format has: global.0.mlp.6.weight",
    ),
    "weights that are no numbers": (
        _resaves(**{"global.0.mlp.0.bias": np.full(8, np.nan, np.float32)}),
        "not finite",
    ),
    "endless weights": (
        _resaves(**{"global.0.mlp.0.bias": np.full(8, np.inf, np.float16)}),
        "not finite",
    ),
    "weights beyond float32": (
        _resaves(**{"global.0.mlp.0.bias": np.full(8, 1e300)}),
        "not finite",
    ),
    "weights that explode": (
        _resaves(**{"global.0.mlp.3.weight": np.full((3, 8), 3e38, np.float32)}),
        "so large",
    ),
    "integer weights": (
        _resaves(**{"global.0.mlp.0.bias": np.zeros(8, np.int64)}),
        "floating point was expected",
    ),
    "no spread": (
        _resaves(**{"features.std": np.zeros(FAKE_DIM, np.float32)}),
        "not positive",
    ),
}

_CARDS: dict[str, Spoil] = {
    "no folder": (_empties, "is not a folder"),
    "no card": (_removes("head.yaml"), "head.yaml is not there"),
    "empty card": (lambda folder: (folder / "head.yaml").write_text(""), "is empty"),
    "cut-off card": (_cut("head.yaml", 300), "head.yaml"),
    "card is a list": (lambda folder: (folder / "head.yaml").write_text("- a"), "not the card"),
    "fewer labels than outputs": (
        _rewrites(_LABELS, "labels: [angry, sad]\nenc"),
        "classes that the head has not",
    ),
    "labels twice": (_rewrites(_LABELS, "labels: [sad, sad, sad]\nenc"), "name one class twice"),
    "no labels": (_rewrites(_LABELS, "labels: []\nenc"), "labels are empty"),
    "empty label": (_rewrites(_LABELS, "labels: [angry, '', sad]\nenc"), "label or title is empty"),
    "unsure as label": (
        _rewrites(_LABELS, "labels: [angry, unsure, sad]\nenc"),
        "cannot be a class",
    ),
    "bad temperature": (_rewrites("global: 1.3", "global: -1.0"), "temperature"),
    "temperature that is no number": (_rewrites("global: 1.3", "global: .nan"), "temperature"),
    "bad threshold": (_rewrites("global: 0.4", "global: 1.4"), "threshold is not a probability"),
    "no temperature for a mode": (_rewrites("{global: 1.3, ", "{"), "no temperature"),
    "endless prior": (_rewrites("prior_segments: 4.0", "prior_segments: .inf"), "out of range"),
    "baseline that is no number": (_rewrites("f0_range_st: 8.0", "f0_range_st: .nan"), "baseline"),
    "recall above 1": (_rewrites("uar: 0.5", "uar: 50"), "not between 0 and 1"),
    "field of another type": (_rewrites("clip_z: 6.0", "clip_z: six"), "'clip_z'"),
    "field missing": (_rewrites("licence: MIT\n", ""), "'licence'"),
    "no corpus": (_rewrites("corpora:\n-", "corpora: []\nothers:\n-"), "no training corpus"),
    "other format": (_rewrites("gpt-sovits-emotion/head", "recipe/cake"), "not the card"),
    "newer version": (_rewrites("version: 1", "version: 3"), "update the program"),
    "not YAML": (lambda folder: (folder / "head.yaml").write_text("a: [1\nb: }"), "is not YAML"),
    "no such day": (_rewrites("clip_z: 6.0", "clip_z: 2024-13-45"), "is not YAML"),
    "not text": (
        lambda folder: (folder / "head.yaml").write_bytes(b"\xff\xfe\x00\x9f"),
        "is not YAML",
    ),
    "golden triple of another training": (_other_golden, "not of one training"),
    "golden triple of other modes": (
        lambda folder: rewrite_golden(folder, '{"embeddings": [[1]], "probabilities": {}}'),
        "has other modes",
    ),
    "no golden triple": (_removes("golden.json"), "golden.json is not there"),
    "something else as golden triple": (
        lambda folder: rewrite_golden(folder, "[]"),
        "is not a golden triple",
    ),
    "golden triple beyond float32": (
        lambda folder: rewrite_golden(
            folder,
            json.dumps(
                {
                    "embeddings": [[1e300] * FAKE_DIM] * 5,
                    "probabilities": {"global": [[0.3] * 3] * 5, "speaker": [[0.3] * 3] * 5},
                }
            ),
        ),
        "is not a golden triple",
    ),
}

_NOTEBOOKS: dict[str, Spoil] = {
    "head.pt cut off": (_cut_notebook, "not a whole archive.*cut off"),
    "head.pt and head.safetensors": (
        lambda folder: (folder / "head.pt").write_bytes(b"PK"),
        "holds both head.safetensors and head.pt",
    ),
    "list in head.pt": (_notebook([torch.ones(2)]), "holds a list"),
    "three layers in head.pt": (
        _notebook(_state(mlp_6_weight=torch.ones(3, 3), mlp_6_bias=torch.ones(3))),
        "not the state dict of Linear",
    ),
    "normalisation in head.pt": (
        _notebook(_state(norm_running_mean=torch.ones(3))),
        "not the state dict of Linear.*norm.running.mean",
    ),
    "no bias in head.pt": (_notebook(_state(mlp_0_bias=None)), "not the state dict of Linear"),
    "layers that do not meet in head.pt": (
        _notebook(_state(mlp_3_weight=torch.ones(3, 9))),
        "the shapes are",
    ),
    "no numbers in head.pt": (
        _notebook(_state(mlp_0_bias=torch.full((8,), torch.nan))),
        "not finite",
    ),
    "head.pt without labels": (_notebook(_state(), "encoder: fake"), "lacks labels or encoder"),
    "head.pt without encoder": (_notebook(_state(), "labels: [a, b]"), "lacks labels or encoder"),
    "head.pt with fewer labels": (
        _notebook(_state(), "labels: [angry, sad]\nencoder: fake"),
        "names 2 labels, but head.pt has 3 outputs",
    ),
    "head.pt with another width": (
        _notebook(_state(), "labels: [a, b, c]\nencoder: {id: fake, dim: 21}"),
        "21 features, but head.pt reads 20",
    ),
}

BROKEN: dict[str, Spoil] = {**_WEIGHTS, **_CARDS, **_NOTEBOOKS}
