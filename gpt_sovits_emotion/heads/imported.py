"""Heads from a notebook: a state dict as ``torch.save`` wrote it, with a few lines of YAML beside it.

The module is the one that every head has, ``Linear, ReLU, Dropout, Linear``, trained on embeddings as they
are: nothing was normalised, calibrated or held out. So its mean is 0, its deviation 1, its temperature 1 and
its threshold 0, and there is no mode ``speaker``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gpt_sovits_emotion.core.errors import HeadError
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.heads.card import (
    ANY_WEIGHTS,
    CARD_FORMAT,
    CARD_VERSION,
    HeadCard,
    card_from_fields,
)
from gpt_sovits_emotion.heads.card_text import parse_card
from gpt_sovits_emotion.heads.head import Head, Member
from gpt_sovits_emotion.heads.state_dict import read_state_dict

__all__ = ["STATE_DICT_NAMES", "UNSTATED", "load_imported", "state_dict_of"]

STATE_DICT_NAMES = ("head.pt", "head.pth")
UNSTATED = "not stated"
"""The licence of a head whose author names none."""

_NAME = re.compile(r"(?P<layer>(?:[A-Za-z_]\w*\.)*\d+)\.(?P<part>weight|bias)\Z")
_WRAPPERS = ("module.", "_orig_mod.")  # of DataParallel, and of torch.compile
_HUBERT_CHANNELS = 768  # of HuBERT-base, the only size that GPT-SoVITS uses
_NO_CLIPPING = 1e9

_DEFAULTS: Mapping[str, Any] = {
    "format": CARD_FORMAT,
    "version": CARD_VERSION,
    "licence": UNSTATED,
    "clip_z": _NO_CLIPPING,
    "min_duration_s": 0.5,
    "min_speaker_segments": 5,
    "prior_segments": 5.0,
    "temperature": {"global": 1.0},
    "threshold": {"global": 0.0},
    "baseline": {},
    "corpora": [],
    "recipe": {},
    "results": [],
    "note": {
        "en": "read from a PyTorch file; how good it is was not measured",
        "zh": "读自 PyTorch 文件；效果未经测量",
    },
}


def state_dict_of(folder: Path) -> Path | None:
    """Return the state dict in a head's folder, None where there is none."""
    return next((folder / name for name in STATE_DICT_NAMES if (folder / name).exists()), None)


def load_imported(card_path: Path, weights_path: Path) -> Head:
    """Load a head that is a state dict and a few lines of YAML.

    Args:
        card_path: YAML with ``labels`` and ``encoder`` at least; what it leaves out is set as said above.
        weights_path: The state dict.

    Raises:
        HeadError: A file is missing, damaged or not what was expected, or the two do not fit.
    """
    fields = parse_card(card_path)
    member = _member(read_state_dict(weights_path), weights_path)
    encoder = _encoder_fields(fields, card_path)
    member = _for_pooled(member, encoder)
    dim = int(member.w1.shape[1])
    if encoder.setdefault("dim", dim) != dim:
        raise HeadError(
            tr(
                "{card_path} says {encoder} features, but {weights_path} reads {dim}; leave dim out, or "
                "give the right weights",
                card_path=card_path,
                encoder=str(encoder["dim"])[:20],
                weights_path=weights_path.name,
                dim=dim,
            )
        )
    name = card_path.parent.name
    given = {**_DEFAULTS, "id": name, "title": {"en": name, "zh": name}, **fields}
    if given["format"] != CARD_FORMAT:
        raise HeadError(
            tr(
                "{card_path} is not the card of a head: 'format: {card_format}' was expected, or no format",
                card_path=card_path,
                card_format=CARD_FORMAT,
            )
        )
    card = card_from_fields({**given, "encoder": encoder}, card_path)
    if card.moving is not None:
        raise HeadError(
            tr(
                "{card_path} names moving statistics, which a network from a notebook was not trained "
                "for; leave out moving",
                card_path=card_path,
            )
        )
    _check_fit(card, member, card_path, weights_path)
    mean, std = np.zeros(dim, np.float32), np.ones(dim, np.float32)
    return Head(card, {"global": (member,)}, mean, std, std)


def _encoder_fields(fields: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Return the encoder's fields of a card, which may give its id alone."""
    encoder = fields.get("encoder")
    if isinstance(encoder, str):
        encoder = {"id": encoder}
    if not isinstance(encoder, Mapping) or not isinstance(fields.get("labels"), list):
        raise HeadError(
            tr(
                "{path} lacks labels or encoder; beside a PyTorch file it needs at least these two: "
                "'labels: [angry, happy, neutral, sad]' and 'encoder: hubert:12'",
                path=path,
            )
        )
    usual = {
        "fingerprint": ANY_WEIGHTS,
        "sampling_rate_hz": 16_000,
        "pooling": "mean and deviation",
    }
    return {**usual, **encoder}


def _member(tensors: Mapping[str, np.ndarray], path: Path) -> Member:
    """Find the two linear layers among the tensors of a state dict, under whatever name they have."""
    layers: dict[str, dict[str, np.ndarray]] = {}
    for name, tensor in tensors.items():
        for wrapper in _WRAPPERS:
            name = name.removeprefix(wrapper)
        found = _NAME.match(name)
        if found is None:
            raise _other_shape(path, f"it holds {name[:80]!r}")
        layers.setdefault(found["layer"], {})[found["part"]] = tensor
    names = sorted(layers, key=lambda layer: int(layer.rpartition(".")[2]))
    if len(names) != 2 or any(len(layers[name]) != 2 for name in names):
        raise _other_shape(path, f"it holds {', '.join(sorted(tensors))[:120]}")
    (w1, b1), (w2, b2) = ((layers[name]["weight"], layers[name]["bias"]) for name in names)
    hidden = w1.shape[0] if w1.ndim == 2 else 0
    fits = (
        hidden > 0
        and w2.ndim == 2
        and b1.shape == (hidden,)
        and w2.shape[1] == hidden
        and b2.shape == (len(w2),)
    )
    if not fits:
        raise _other_shape(
            path, f"the shapes are {w1.shape}, {b1.shape}, {w2.shape} and {b2.shape}"
        )
    return Member(w1, b1, w2, b2)


def _for_pooled(member: Member, encoder: dict[str, Any]) -> Member:
    """Widen a head on HuBERT's means to what our encoder gives: layer by layer mean, then deviation."""
    family = str(encoder.get("id")).partition(":")[0]
    if encoder["pooling"] != "mean" or family != "hubert":
        return member
    hidden, dim = member.w1.shape
    if dim % _HUBERT_CHANNELS:
        return member
    wide = np.zeros((hidden, dim // _HUBERT_CHANNELS, 2, _HUBERT_CHANNELS), np.float32)
    wide[:, :, 0] = member.w1.reshape(hidden, -1, _HUBERT_CHANNELS)
    encoder["pooling"] = "mean (the deviation is not read)"
    return Member(wide.reshape(hidden, 2 * dim), member.b1, member.w2, member.b2)


def _check_fit(card: HeadCard, member: Member, card_path: Path, weights_path: Path) -> None:
    if len(card.labels) != len(member.b2):
        raise HeadError(
            tr(
                "{card_path} names {labels} labels, but {weights_path} has {b2} outputs; name every "
                "class, in the order of the outputs",
                card_path=card_path,
                labels=len(card.labels),
                weights_path=weights_path.name,
                b2=len(member.b2),
            )
        )
    if "global" not in card.temperature or "global" not in card.threshold:
        raise HeadError(
            tr(
                "{card_path}: temperature or threshold lacks the mode 'global'; write {{global: 1.0}} or "
                "leave the field out",
                card_path=card_path,
            )
        )


def _other_shape(path: Path, what: str) -> HeadError:
    return HeadError(
        tr(
            "{path} is not the state dict of Linear, ReLU, Dropout, Linear ({what}); two layers were "
            "expected, such as mlp.0.weight, mlp.0.bias, mlp.3.weight, mlp.3.bias",
            path=path,
            what=what,
        )
    )
