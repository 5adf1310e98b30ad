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
            f"{folder} holds both {WEIGHTS_NAME} and {imported.name}; remove the one that is not meant",
            zh=f"{folder} 中同时有 {WEIGHTS_NAME} 和 {imported.name}；请删除多余的一个",
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
            f"{folder} is not a folder; a head is a folder with {CARD_NAME} and {WEIGHTS_NAME} in it",
            zh=f"{folder} 不是文件夹；情感模型是一个包含 {CARD_NAME} 和 {WEIGHTS_NAME} 的文件夹",
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
            f"{folder}: {WEIGHTS_NAME} holds tensors that no head of this format has: "
            f"{', '.join(sorted(tensors)[:4])[:200]}; it was made by another program or version",
            zh=f"{folder}：{WEIGHTS_NAME} 含有此格式没有的张量：{', '.join(sorted(tensors)[:4])[:200]}；"
            "它由其他程序或版本生成",
        )
    if not members["global"]:
        raise HeadError(
            f"{folder}: {WEIGHTS_NAME} lacks {_first_mode(card)}.0.mlp.0.weight and its fellows; "
            "every head works without knowing the speaker, so this one is incomplete",
            zh=f"{folder}：{WEIGHTS_NAME} 缺少 {_first_mode(card)}.0.mlp.0.weight 等张量；"
            "每个模型都必须能在不了解说话人时使用，因此它不完整",
        )
    for mode in MODES:
        if members[mode] and not (mode in card.temperature and mode in card.threshold):
            raise HeadError(
                f"{folder}: the card has no temperature and threshold for mode {mode!r}; add both",
                zh=f"{folder}：卡片中缺少模式 {mode!r} 的 temperature 和 threshold；请补上",
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
                f"{folder}: {WEIGHTS_NAME} lacks the tensor {prefix}{missing[0]}; "
                "it was cut off or edited: get a whole copy",
                zh=f"{folder}：{WEIGHTS_NAME} 缺少张量 {prefix}{missing[0]}；"
                "文件被截断或改动：请获取完整的一份",
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
                    f"{folder}: tensor {prefix}{layer} has shape {tensor.shape}; the card "
                    f"({len(card.labels)} labels, {card.encoder.dim} features) asks for {shape}",
                    zh=f"{folder}：张量 {prefix}{layer} 的形状是 {tensor.shape}；按卡片"
                    f"（{len(card.labels)} 个标签，{card.encoder.dim} 个特征）应为 {shape}",
                )
        members.append(Member(w1, b1, w2, b2))
    return tuple(members)


def _statistic(
    tensors: dict[str, np.ndarray], name: str, card: HeadCard, folder: Path
) -> np.ndarray:
    if name not in tensors:
        raise HeadError(
            f"{folder}: {WEIGHTS_NAME} lacks the tensor {name}; get a whole copy",
            zh=f"{folder}：{WEIGHTS_NAME} 缺少张量 {name}；请获取完整的一份",
        )
    tensor = tensors.pop(name)
    if tensor.shape != (card.encoder.dim,):
        raise HeadError(
            f"{folder}: tensor {name} has shape {tensor.shape}; ({card.encoder.dim},) was expected",
            zh=f"{folder}：张量 {name} 的形状是 {tensor.shape}，应为 ({card.encoder.dim},)",
        )
    if name != "features.mean" and not (tensor > 0).all():
        raise HeadError(
            f"{folder}: tensor {name} holds a deviation that is not positive; train the head again",
            zh=f"{folder}：张量 {name} 中有不为正的标准差；请重新训练",
        )
    return tensor
