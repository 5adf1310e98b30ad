"""Head files: a folder with ``head.safetensors``, ``head.yaml`` and ``golden.json``. Data, no code.

A head from a notebook is a folder with ``head.pt`` and ``head.yaml``: see `imported`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from gpt_sovits_emotion.core.errors import HeadError
from gpt_sovits_emotion.core.files import write_bytes, write_text
from gpt_sovits_emotion.core.loaded_models import MAX_CARRIED_BYTES
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.heads.card import MODES, HeadCard, card_from_yaml, card_to_yaml
from gpt_sovits_emotion.heads.golden import GOLDEN_NAME, golden_text
from gpt_sovits_emotion.heads.head import Head, Member
from gpt_sovits_emotion.heads.imported import STATE_DICT_NAMES, load_imported, state_dict_of
from gpt_sovits_emotion.heads.untrusted import open_file
from gpt_sovits_emotion.heads.weights import read_weights

__all__ = [
    "CARD_NAME",
    "ENCODER_NAME",
    "GOLDEN_NAME",
    "HEAD_FILES",
    "SHARED",
    "WEIGHTS_NAME",
    "load_card",
    "load_head",
    "save_head",
    "weights_of",
]

CARD_NAME = "head.yaml"
WEIGHTS_NAME = "head.safetensors"
ENCODER_NAME = "encoder.safetensors"
"""The part of its encoder that a head carries (``heads export --with-encoder``); most carry none."""
HEAD_FILES = (CARD_NAME, WEIGHTS_NAME, *STATE_DICT_NAMES, GOLDEN_NAME, ENCODER_NAME)
"""What a head's folder may hold of a head; anything else in it is not read here."""

SHARED = "shared"
"""Stands in place of a mode before the tensors of a head whose one network serves both."""

_LAYERS = ("mlp.0.weight", "mlp.0.bias", "mlp.3.weight", "mlp.3.bias")
_STATISTICS = ("features.mean", "features.std", "features.within_speaker_std")


def load_card(folder: str | Path) -> HeadCard:
    """Read a head's card; of a head from a notebook, whose card is completed from it, the weights too.

    Raises:
        HeadError: It is missing or unsound.
    """
    folder = Path(folder)
    if weights_of(folder).name != WEIGHTS_NAME:
        return load_head(folder).card
    return card_from_yaml(folder / CARD_NAME)


def weights_of(folder: Path) -> Path:
    """Return the file with a head's numbers: ``head.safetensors``, unless there is a state dict.

    Raises:
        HeadError: There are both, and nobody can say which is meant.
    """
    imported, own = state_dict_of(folder), folder / WEIGHTS_NAME
    if imported is None:
        return own
    if own.exists():
        raise HeadError(
            tr(
                "{folder} holds both {weights_name} and {imported}; remove the one that is not meant",
                folder=folder,
                weights_name=WEIGHTS_NAME,
                imported=imported.name,
            )
        )
    return imported


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
            tr(
                "{folder} is not a folder; a head is a folder with {card_name} and {weights_name} in it",
                folder=folder,
                card_name=CARD_NAME,
                weights_name=WEIGHTS_NAME,
            )
        )
    weights = weights_of(folder)
    if weights.name != WEIGHTS_NAME:
        return load_imported(folder / CARD_NAME, weights)
    card = load_card(folder)
    tensors = read_weights(weights)
    if card.moving is None:
        members = {mode: _members(tensors, mode, card, folder) for mode in MODES}
    else:
        members = dict.fromkeys(MODES, _members(tensors, SHARED, card, folder))
    mean, std, within = (_statistic(tensors, name, card, folder) for name in _STATISTICS)
    if tensors:
        raise HeadError(
            tr(
                "{folder}: {weights_name} holds tensors that no head of this format has: {tensors}; it "
                "was made by another program or version",
                folder=folder,
                weights_name=WEIGHTS_NAME,
                tensors=", ".join(sorted(tensors)[:4])[:200],
            )
        )
    if not members["global"]:
        raise HeadError(
            tr(
                "{folder}: {weights_name} lacks {first_mode}.0.mlp.0.weight and its fellows; every head "
                "works without knowing the speaker, so this one is incomplete",
                folder=folder,
                weights_name=WEIGHTS_NAME,
                first_mode=_first_mode(card),
            )
        )
    for mode in MODES:
        if members[mode] and not (mode in card.temperature and mode in card.threshold):
            raise HeadError(
                tr(
                    "{folder}: the card has no temperature and threshold for mode {mode!r}; add both",
                    folder=folder,
                    mode=mode,
                )
            )
    kept = {mode: found for mode, found in members.items() if found}
    return Head(card, kept, mean, std, within, _carried(folder))


def _carried(folder: Path) -> Path | None:
    """Return the part of an encoder that a head carries; whoever opens it checks what is in it."""
    carried = folder / ENCODER_NAME
    if not carried.exists():
        return None
    open_file(carried, max_bytes=MAX_CARRIED_BYTES)[0].close()
    return carried


def _first_mode(card: HeadCard) -> str:
    return "global" if card.moving is None else SHARED


def save_head(folder: str | Path, card: HeadCard, tensors: Mapping[str, np.ndarray]) -> Head:
    """Write a head with its golden triple, load it again, and return it.

    Args:
        folder: Made if missing; its three files are replaced.
        card: The card.
        tensors: ``{mode}.{i}.mlp.0.weight`` (hidden, dim), ``….mlp.0.bias``, ``….mlp.3.weight``
            (n_labels, hidden), ``….mlp.3.bias`` for every member i of each mode (of `SHARED` where the card
            has moving statistics), and
            ``features.mean``, ``features.std``, ``features.within_speaker_std`` (dim,).

    Raises:
        HeadError: The card and the tensors do not fit; the folder may then hold the unfit files.
        OutputError: A file cannot be written.
    """
    from safetensors.numpy import save

    folder = Path(folder)
    contiguous = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    write_bytes(folder / WEIGHTS_NAME, save(contiguous))
    write_text(folder / CARD_NAME, card_to_yaml(card))
    head = load_head(folder)
    write_text(folder / GOLDEN_NAME, golden_text(head))
    return head


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
                tr(
                    "{folder}: {weights_name} lacks the tensor {prefix}{missing}; it was cut off or "
                    "edited: get a whole copy",
                    folder=folder,
                    weights_name=WEIGHTS_NAME,
                    prefix=prefix,
                    missing=missing[0],
                )
            )
        w1, b1, w2, b2 = (tensors.pop(prefix + layer) for layer in _LAYERS)
        hidden = max(w1.shape[0], 1) if w1.ndim else 1
        expected = (
            (hidden, card.encoder.dim),
            (hidden,),
            (len(card.labels), hidden),
            (len(card.labels),),
        )
        for layer, tensor, shape in zip(_LAYERS, (w1, b1, w2, b2), expected, strict=True):
            if tensor.shape != shape:
                raise HeadError(
                    tr(
                        "{folder}: tensor {prefix}{layer} has shape {shape}; the card ({labels} labels, "
                        "{dim} features) asks for {shape_2}",
                        folder=folder,
                        prefix=prefix,
                        layer=layer,
                        shape=tensor.shape,
                        labels=len(card.labels),
                        dim=card.encoder.dim,
                        shape_2=shape,
                    )
                )
        members.append(Member(w1, b1, w2, b2))
    return tuple(members)


def _statistic(
    tensors: dict[str, np.ndarray], name: str, card: HeadCard, folder: Path
) -> np.ndarray:
    if name not in tensors:
        raise HeadError(
            tr(
                "{folder}: {weights_name} lacks the tensor {name}; get a whole copy",
                folder=folder,
                weights_name=WEIGHTS_NAME,
                name=name,
            )
        )
    tensor = tensors.pop(name)
    if tensor.shape != (card.encoder.dim,):
        raise HeadError(
            tr(
                "{folder}: tensor {name} has shape {shape}; ({dim},) was expected",
                folder=folder,
                name=name,
                shape=tensor.shape,
                dim=card.encoder.dim,
            )
        )
    if name != "features.mean" and not (tensor > 0).all():
        raise HeadError(
            tr(
                "{folder}: tensor {name} holds a deviation that is not positive; train the head again",
                folder=folder,
                name=name,
            )
        )
    return tensor
