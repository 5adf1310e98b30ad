"""A GPT-SoVITS checkout in small: its layout, the parts of its source that matter here, and its files.

The classes have the names, the arguments and the names of tensors of the real ones, and few numbers.
"""

from __future__ import annotations

import io
import json
import sys
import types
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

MODELS = "GPT_SoVITS/pretrained_models"
BASES = {
    "v1": f"{MODELS}/s2G488k.pth",
    "v2": f"{MODELS}/gsv-v2final-pretrained/s2G2333k.pth",
    "v2Pro": f"{MODELS}/v2Pro/s2Gv2Pro.pth",
    "v2ProPlus": f"{MODELS}/v2Pro/s2Gv2ProPlus.pth",
    "v3": f"{MODELS}/s2Gv3.pth",
    "v4": f"{MODELS}/gsv-v4-pretrained/s2Gv4.pth",
}
HEADS = {"v3": b"03", "v4": b"04", "v2Pro": b"05", "v2ProPlus": b"06"}
SPEAKER_DIM = 20_480

CONFIG = f"""
import os, sys
import torch_that_is_not_there
from tools.i18n.i18n import I18nAuto
i18n = I18nAuto()
pretrained_sovits_name = {BASES!r}
pretrained_gpt_name = {{version: path for version, path in ()}}
name2sovits_path = {{i18n("x"): "y"}}
SoVITS_weight_root = ["SoVITS_weights", "SoVITS_weights_v2", "SoVITS_weights_v2Pro"]
GPT_weight_root = ["GPT_weights", "GPT_weights_v2"]
cnhubert_path = "{MODELS}/chinese-hubert-base"
webui_port_main: int = 9874
webui_port_infer_tts = 19872
open("config_was_run", "w").close()
"""

MODULES_PY = """
import torch
from torch import nn
from torch.nn.utils import weight_norm
from module import commons
from module.commons import N_HIDDEN


class LinearNorm(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.fc = nn.Linear(n_in, n_out)
        nn.init.xavier_normal_(self.fc.weight)

    def forward(self, x):
        return self.fc(x)


class MelStyleEncoder(nn.Module):
    def __init__(self, n_mel_channels=80, style_hidden=16, style_vector_dim=256):
        super().__init__()
        self.spectral = nn.Sequential(LinearNorm(n_mel_channels, style_hidden), nn.Tanh())
        self.fc = LinearNorm(style_hidden, style_vector_dim)

    def forward(self, x, mask=None):
        x = self.spectral(x.transpose(1, 2)) * mask.transpose(1, 2)
        return (self.fc(x).sum(1) / mask.sum(2)).unsqueeze(-1)


class WN(nn.Module):
    def __init__(self, hidden, kernel, dilation, n_layers, gin_channels=0):
        super().__init__()
        self.cond_layer = weight_norm(nn.Conv1d(gin_channels, hidden * n_layers, 1))
        self.in_layers = nn.ModuleList(
            weight_norm(nn.Conv1d(hidden, hidden, kernel, padding=kernel // 2)) for _ in range(n_layers)
        )
"""

MODELS_PY = """
import warnings

warnings.filterwarnings("ignore")
import torch
from torch import nn
from module import commons
from module import modules
from f5_tts.model import DiT
from module.quantize import ResidualVectorQuantizer
from text import symbols as symbols_v1
from text import symbols2 as symbols_v2


class PosteriorEncoder(nn.Module):
    def __init__(self, in_channels, out_channels, hidden, kernel, dilation, n_layers, gin_channels=0):
        super().__init__()
        self.out_channels = out_channels
        self.pre = nn.Conv1d(in_channels, hidden, 1)
        self.enc = modules.WN(hidden, kernel, dilation, n_layers, gin_channels=gin_channels)
        self.proj = nn.Conv1d(hidden, out_channels * 2, 1)

    def forward(self, x, x_lengths, g=None):
        mask = commons.sequence_mask(x_lengths, x.size(2)).unsqueeze(1).to(x.dtype)
        x = self.pre(x) * mask
        conditions = self.enc.cond_layer(g).chunk(len(self.enc.in_layers), 1)
        for layer, condition in zip(self.enc.in_layers, conditions):
            x = torch.tanh(layer(x) + condition) * mask
        m, logs = self.proj(x).chunk(2, 1)
        return m + torch.randn_like(m) * torch.exp(logs), m, logs, mask


class SynthesizerTrn(nn.Module):
    def __init__(self, version="v2", dim=8):
        super().__init__()
        self.version = version
        self.ref_enc = modules.MelStyleEncoder(1025 if version == "v1" else 704, style_vector_dim=dim)
        self.enc_q = PosteriorEncoder(1025, 6, 10, 5, 1, 3, gin_channels=dim)
        self.dec = nn.ModuleDict({"conv_pre": nn.Conv1d(6, 768 if version == "v2ProPlus" else 512, 1)})
        self.enc_p = nn.ModuleDict({"text_embedding": nn.Embedding(322 if version == "v1" else 732, 2)})
        if "Pro" in version:
            self.sv_emb, self.prelu = nn.Linear(20480, dim), nn.PReLU(dim)
"""

SOURCES = {
    "webui.py": "raise RuntimeError('run by mistake')\n",
    "config.py": CONFIG,
    "requirements.txt": "--no-binary=opencc\nnumpy<2.0\ntorch\nnot-on-any-index>=1\n"
    'only-there; sys_platform == "plan9"\n',
    "GPT_SoVITS/inference_webui.py": "raise RuntimeError('run by mistake')\n",
    "GPT_SoVITS/configs/s2v2ProPlus.json": "{}",
    "GPT_SoVITS/process_ckpt.py": "v4",
    "GPT_SoVITS/text/cmudict.rep": "A  AH0",
    "GPT_SoVITS/module/__init__.py": "",
    "GPT_SoVITS/module/commons.py": "import torch\nN_HIDDEN = 16\n\n\n"
    "def sequence_mask(length, n):\n"
    "    return torch.arange(n).unsqueeze(0) < length.unsqueeze(1)\n",
    "GPT_SoVITS/module/modules.py": MODULES_PY,
    "GPT_SoVITS/module/models.py": MODELS_PY,
    "GPT_SoVITS/eres2net/pooling_layers.py": "N = 1\n",
    "GPT_SoVITS/eres2net/fusion.py": "class AFF: ...\n",
    "GPT_SoVITS/eres2net/kaldi.py": "def fbank(x, num_mel_bins, sample_frequency, dither):\n"
    "    return x.reshape(-1)[: 160 * num_mel_bins].reshape(160, num_mel_bins)\n",
    "GPT_SoVITS/eres2net/ERes2NetV2.py": "import torch\nimport pooling_layers as pooling_layers\n"
    "from fusion import AFF\n\n\nclass ERes2NetV2(torch.nn.Module):\n"
    "    def __init__(self, baseWidth, scale, expansion):\n"
    "        super().__init__()\n"
    "        self.conv = torch.nn.Linear(80, 128)\n\n"
    "    def forward3(self, x):\n"
    "        return self.conv(x).reshape(len(x), -1)[:, :20480]\n",
}


def make_checkout(root: Path) -> Path:
    """Write the sources of a checkout, without any models."""
    for name, source in SOURCES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    (root / MODELS).mkdir()
    return root


def model_of(root: Path, version: str, *, seed: int = 0) -> torch.nn.Module:
    """Return a whole model of the checkout's classes, as GPT-SoVITS itself would make it."""
    from gpt_sovits_emotion.backends.gpt_sovits.classes import classes_from_checkout

    classes = classes_from_checkout(root)
    trn = classes.posterior.__init__.__globals__["SynthesizerTrn"]
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # weight_norm
        torch.manual_seed(seed)
        return trn(version).eval()


def tensors_of(
    root: Path, version: str, *, seed: int = 0, posterior: bool = True
) -> dict[str, Any]:
    """Return the tensors of a model in half precision, as exported weights have them."""
    if version in ("v3", "v4"):
        whole = tensors_of(root, "v2", seed=seed, posterior=False)
        whole["cfm.estimator.weight"] = torch.ones(2, dtype=torch.float16)
        return whole
    state = model_of(root, version, seed=seed).state_dict()
    return {
        key: tensor.half()
        for key, tensor in state.items()
        if posterior or not key.startswith("enc_q.")
    }


@contextmanager
def host_utils() -> Iterator[type]:
    """Have GPT-SoVITS's ``utils`` in `sys.modules`, as in its own processes; yield its ``HParams``."""

    class HParams:
        def __init__(self, **values: Any) -> None:
            for key, value in values.items():
                setattr(self, key, HParams(**value) if isinstance(value, dict) else value)

    HParams.__module__, HParams.__qualname__ = "utils", "HParams"
    utils = types.ModuleType("utils")
    utils.HParams = HParams
    before = sys.modules.get("utils")
    sys.modules["utils"] = utils
    try:
        yield HParams
    finally:
        if before is None:
            del sys.modules["utils"]
        else:
            sys.modules["utils"] = before


def save_weights(
    path: Path, weights: Mapping[str, Any], *, head: bytes = b"PK", lora_rank: int | None = None
) -> Path:
    """Save weights as GPT-SoVITS exports them: pickled ``utils.HParams``, the head in place of ``PK``."""
    with host_utils() as hparams:
        content: dict[str, Any] = {
            "weight": dict(weights),
            "config": hparams(data={"hop_length": 640}, model={"gin_channels": 8}, name="测试"),
            "info": "8epoch_96iteration",
        }
        if lora_rank is not None:
            content["lora_rank"] = lora_rank
        buffer = io.BytesIO()
        torch.save(content, buffer)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(head + buffer.getvalue()[2:])
    return path


def add_base(root: Path, version: str, *, seed: int = 0) -> Path:
    """Put a base model into a checkout."""
    return save_weights(root / BASES[version], tensors_of(root, version, seed=seed))


def add_speaker_model(root: Path) -> Path:
    """Put the speaker-verification model into a checkout."""
    path = root / MODELS / "sv" / "pretrained_eres2netv2w24s4ep4.ckpt"
    path.parent.mkdir(parents=True)
    torch.save({"conv.weight": torch.rand(128, 80), "conv.bias": torch.rand(128)}, path)
    return path


def add_hubert(root: Path) -> Path:
    """Put a HuBERT of few numbers into a checkout, in the form in which the real one lies there."""
    transformers = pytest.importorskip("transformers", reason="HuBERT is that of transformers")
    folder = root / MODELS / "chinese-hubert-base"
    config = transformers.HubertConfig(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        conv_dim=(8,) * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=4,
    )
    model = transformers.HubertModel(config)
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config.to_dict()), encoding="utf-8")
    torch.save(
        {key: tensor.half() for key, tensor in model.state_dict().items()},
        folder / "pytorch_model.bin",
    )
    return folder
