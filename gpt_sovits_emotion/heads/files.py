"""Head files: a folder with ``head.safetensors``, ``head.yaml`` and ``golden.json``. Data, no code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gpt_sovits_emotion.errors import HeadError
from gpt_sovits_emotion.files import replacing, write_text
from gpt_sovits_emotion.heads.card import MODES, HeadCard, card_from_yaml, card_to_yaml
from gpt_sovits_emotion.heads.head import Head, Member

__all__ = ["CARD_NAME", "GOLDEN_NAME", "WEIGHTS_NAME", "load_card", "load_head", "save_head"]

CARD_NAME = "head.yaml"
WEIGHTS_NAME = "head.safetensors"
GOLDEN_NAME = "golden.json"

_MAX_WEIGHTS_BYTES = 256 * 1024 * 1024
_LAYERS = ("mlp.0.weight", "mlp.0.bias", "mlp.3.weight", "mlp.3.bias")
_STATISTICS = ("features.mean", "features.std", "features.within_speaker_std")


def load_card(folder: str | Path) -> HeadCard:
    """Read a head's card alone. Raises `HeadError` when it is missing or unsound."""
    return card_from_yaml(Path(folder) / CARD_NAME)


def load_head(folder: str | Path) -> Head:
    """Load a head and check that weights, card and statistics fit one another.

    Args:
        folder: The head's folder.

    Raises:
        HeadError: A file is missing, damaged or of another kind (a pickle is never opened); a tensor is
            missing, unknown, of the wrong shape or not finite; the card contradicts the weights.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise HeadError(
            f"{folder} is not a folder; a head is a folder with {CARD_NAME} and {WEIGHTS_NAME} in it"
        )
    card = load_card(folder)
    tensors = _read_tensors(folder / WEIGHTS_NAME)
    members = {mode: _members(tensors, mode, card, folder) for mode in MODES}
    statistics = [_statistic(tensors, name, card, folder) for name in _STATISTICS]
    if tensors:
        raise HeadError(
            f"{folder}: {WEIGHTS_NAME} holds tensors that no head of this format has: "
            f"{', '.join(sorted(tensors)[:4])}; it was made by another program or version"
        )
    if not members["global"]:
        raise HeadError(
            f"{folder}: {WEIGHTS_NAME} lacks global.0.mlp.0.weight and its fellows; "
            "every head works without knowing the speaker, so this one is incomplete"
        )
    for mode in MODES:
        if members[mode] and not (mode in card.temperature and mode in card.threshold):
            raise HeadError(
                f"{folder}: the card has no temperature and threshold for mode {mode!r}"
            )
    kept = {mode: found for mode, found in members.items() if found}
    return Head(card, kept, *statistics)


def save_head(folder: str | Path, card: HeadCard, tensors: Mapping[str, np.ndarray]) -> Head:
    """Write a head with its golden triple, load it again, and return it.

    Args:
        folder: Made if missing; its three files are replaced.
        card: The card.
        tensors: ``{mode}.{i}.mlp.0.weight`` (hidden, dim), ``….mlp.0.bias``, ``….mlp.3.weight``
            (n_labels, hidden), ``….mlp.3.bias`` for every member i of each mode, and
            ``features.mean``, ``features.std``, ``features.within_speaker_std`` (dim,).

    Raises:
        HeadError: The card and the tensors do not fit; the folder may then hold the unfit files.
        OutputError: A file cannot be written.
    """
    from safetensors.numpy import save_file

    folder = Path(folder)
    contiguous = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    with replacing(folder / WEIGHTS_NAME) as temporary:
        save_file(contiguous, temporary)
    write_text(folder / CARD_NAME, card_to_yaml(card))
    head = load_head(folder)
    write_text(folder / GOLDEN_NAME, json.dumps(_golden(head), indent=1) + "\n")
    return head


def _golden(head: Head) -> dict[str, Any]:
    """Return a few embeddings with the probabilities that this head gives them, for others to check."""
    n_segments = max(head.card.min_speaker_segments, 3)
    steps = np.arange(head.card.encoder.dim)
    waves = np.stack([np.sin((row + 1) * 0.7 * steps + row) for row in range(n_segments)])
    exact = head.mean + 1.5 * waves * head.std
    # Six significant digits keep the file readable; what is written is what is judged.
    rounded = [[float(f"{value:.6g}") for value in row] for row in exact.tolist()]
    embeddings = np.array(rounded, np.float32)
    speaker = head.statistics(embeddings, source="golden")
    probabilities = {"global": head.probabilities(embeddings).tolist()}
    if speaker is not None:
        probabilities["speaker"] = head.probabilities(embeddings, speaker).tolist()
    return {"embeddings": rounded, "probabilities": probabilities}


def _read_tensors(path: Path) -> dict[str, np.ndarray]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        n_bytes = path.stat().st_size
        with path.open("rb") as stream:
            beginning = stream.read(9)
    except OSError as error:
        raise HeadError(
            f"{path} cannot be read ({error.strerror}); copy the whole folder of the head"
        ) from error
    if n_bytes > _MAX_WEIGHTS_BYTES:
        raise HeadError(f"{path} has {n_bytes >> 20} MB; a head has a few, this is something else")
    if beginning[:2] in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        raise HeadError(
            f"{path} is a pickle, which can run code when opened, so it was not; "
            "get the head as safetensors"
        )
    try:
        tensors: dict[str, np.ndarray] = load_file(path)
    except (SafetensorError, ValueError, TypeError, KeyError, OSError) as error:
        raise HeadError(
            f"{path} is not a whole safetensors file ({error}); copy or download it again"
        ) from error
    for name, tensor in tensors.items():
        if tensor.dtype not in (np.float16, np.float32, np.float64):
            raise HeadError(
                f"{path}: tensor {name} holds {tensor.dtype}, floating point was expected"
            )
        if not np.isfinite(tensor).all():
            raise HeadError(
                f"{path}: tensor {name} holds values that are not finite; the training went wrong "
                "or the file is damaged"
            )
    return {name: tensor.astype(np.float32) for name, tensor in tensors.items()}


def _members(
    tensors: dict[str, np.ndarray], mode: str, card: HeadCard, folder: Path
) -> tuple[Member, ...]:
    """Take the members of one mode out of `tensors`, checking their shapes."""
    members: list[Member] = []
    while any(f"{mode}.{len(members)}.{layer}" in tensors for layer in _LAYERS):
        prefix = f"{mode}.{len(members)}."
        missing = [layer for layer in _LAYERS if prefix + layer not in tensors]
        if missing:
            raise HeadError(
                f"{folder}: {WEIGHTS_NAME} lacks the tensor {prefix}{missing[0]}; "
                "it was cut off or edited: get a whole copy"
            )
        w1, b1, w2, b2 = (tensors.pop(prefix + layer) for layer in _LAYERS)
        hidden = w1.shape[0] if w1.ndim else 0
        expected = (
            (hidden, card.encoder.dim),
            (hidden,),
            (len(card.labels), hidden),
            (len(card.labels),),
        )
        for layer, tensor, shape in zip(_LAYERS, (w1, b1, w2, b2), expected, strict=True):
            if tensor.shape != shape:
                raise HeadError(
                    f"{folder}: tensor {prefix}{layer} has shape {tensor.shape}; the card "
                    f"({len(card.labels)} labels, {card.encoder.dim} features) asks for {shape}"
                )
        members.append(Member(w1, b1, w2, b2))
    return tuple(members)


def _statistic(
    tensors: dict[str, np.ndarray], name: str, card: HeadCard, folder: Path
) -> np.ndarray:
    if name not in tensors:
        raise HeadError(f"{folder}: {WEIGHTS_NAME} lacks the tensor {name}; get a whole copy")
    tensor = tensors.pop(name)
    if tensor.shape != (card.encoder.dim,):
        raise HeadError(
            f"{folder}: tensor {name} has shape {tensor.shape}; ({card.encoder.dim},) was expected"
        )
    if name != "features.mean" and not (tensor > 0).all():
        raise HeadError(f"{folder}: tensor {name} holds a deviation that is not positive")
    return tensor
