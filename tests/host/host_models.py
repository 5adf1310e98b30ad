"""GPT-SoVITS's own models with random weights, in the layout that its trainers save them in.

Every builder imports the checkout's own classes, so names and shapes are right by construction; the
checkout's root and its ``GPT_SoVITS`` folder must be importable (``weights.enter_checkout``).
"""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import torch

HEADER_BYTES = {
    "v2Pro": b"05",
    "v2ProPlus": b"06",
    "v3-lora": b"03",
    "v4-lora": b"04",
}
"""What replaces a file's first two bytes, ``PK`` (GPT_SoVITS/process_ckpt.py, model_version2byte)."""

LORA_RANK = 32
LORA_TARGETS = ["to_k", "to_q", "to_v", "to_out.0"]  # inference_webui.py, change_sovits_weights

_SPEECH_TOKENS_BEFORE_STOP = 75  # 3 s at 25 Hz


def half(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Copy a state dict to float16, as ``process_ckpt.savee`` does (integers stay as they are)."""
    return {
        name: tensor.detach().half() if tensor.is_floating_point() else tensor.detach().clone()
        for name, tensor in state.items()
    }


def sovits_config(checkout: Path, version: str, *, small: bool) -> dict[str, Any]:
    """Read the checkout's own training config of one model version.

    ``small`` narrows the waveform decoder, by far the largest part to compute; every layer that makes
    features (``ref_enc``, ``enc_q``, ``ssl_proj``, ``quantizer``) keeps its full size.
    """
    folder = checkout / "GPT_SoVITS" / "configs"
    own = folder / f"s2{version}.json"
    config = json.loads((own if own.is_file() else folder / "s2.json").read_text(encoding="utf-8"))
    config["model"]["version"] = version
    if small:
        config["model"]["upsample_initial_channel"] = 128
    return config


def sovits(config: dict[str, Any]) -> torch.nn.Module:
    """Build one SoVITS generator, ready to use: its codebook counts as trained."""
    from module import models

    version = config["model"]["version"]
    generator = (models.SynthesizerTrnV3 if version in {"v3", "v4"} else models.SynthesizerTrn)(
        config["data"]["filter_length"] // 2 + 1,
        config["train"]["segment_size"] // config["data"]["hop_length"],
        n_speakers=config["data"]["n_speakers"],
        **config["model"],
    )
    with torch.no_grad():
        # An untrained codebook starts k-means in a process group at its first use.
        codebook = generator.quantizer.vq.layers[0]._codebook
        codebook.inited.fill_(1)
        codebook.embed.normal_()
        codebook.embed_avg.copy_(codebook.embed)
        codebook.cluster_size.fill_(1)
        if hasattr(generator, "dec"):
            style = torch.randn(1, config["model"]["gin_channels"], 1)
            _make_audible(generator.dec, torch.randn(1, 192, 50), g=style)
    return generator.eval()


@torch.no_grad()
def _make_audible(
    decoder: torch.nn.Module, latent: torch.Tensor, **condition: torch.Tensor
) -> None:
    """Scale a waveform decoder's last layer so that its noise has the level of speech.

    Fresh decoders start near silence with an offset; a last kernel whose taps add up to zero lets no
    offset through.
    """
    for name, parameter in decoder.named_parameters():
        if name.endswith("weight_g"):
            parameter.mul_(_HIDDEN_GAIN)
    last = decoder.conv_post.weight
    last -= last.mean(dim=-1, keepdim=True)
    last *= _SPEECH_LEVEL / decoder(latent, **condition).std()


_HIDDEN_GAIN = 1.8  # keeps differences between inputs alive through the layers without saturation
_SPEECH_LEVEL = 0.08  # root mean square, full scale 1


def base_sovits(generator: torch.nn.Module, config: dict[str, Any]) -> dict[str, Any]:
    """What a base model's file holds: everything, ``enc_q`` included."""
    return {"weight": half(generator.state_dict()), "config": config, "info": "random weights"}


def tuned_sovits(generator: torch.nn.Module, config: dict[str, Any]) -> dict[str, Any]:
    """What a fine-tuned model's file holds: no ``enc_q``, and the config as ``utils.HParams``."""
    import utils

    weight = {
        name: tensor for name, tensor in half(generator.state_dict()).items() if "enc_q" not in name
    }
    return {"weight": weight, "config": utils.HParams(**config), "info": "8epoch_96iteration"}


def lora_sovits(generator: torch.nn.Module, config: dict[str, Any]) -> dict[str, Any]:
    """What a v3 or v4 LoRA file holds: what is trained, so no ``enc_p``, ``ssl_proj`` or plain ``cfm``.

    Source: GPT_SoVITS/s2_train_v3_lora.py, ``no_grad_names``; the host does not load strictly.
    """
    import utils
    from peft import LoraConfig, get_peft_model

    generator.cfm = get_peft_model(
        generator.cfm,
        LoraConfig(
            target_modules=LORA_TARGETS,
            r=LORA_RANK,
            lora_alpha=LORA_RANK,
            init_lora_weights=False,
        ),
    )
    frozen = {name for name, part in generator.named_parameters() if not part.requires_grad}
    weight = {
        name: tensor for name, tensor in half(generator.state_dict()).items() if name not in frozen
    }
    return {
        "weight": weight,
        "config": utils.HParams(**config),
        "info": "2epoch_24iteration",
        "lora_rank": LORA_RANK,
    }


def text_to_semantic(checkout: Path, version: str, *, small: bool) -> dict[str, Any]:
    """What a GPT (s1) file holds, with an output layer that ends a sentence after some 3 seconds."""
    import yaml
    from AR.models.t2s_lightning_module import Text2SemanticLightningModule

    name = "s1longer.yaml" if version == "v1" else "s1longer-v2.yaml"
    text = (checkout / "GPT_SoVITS" / "configs" / name).read_text(encoding="utf-8")
    config = yaml.safe_load(text)
    if small:
        config["model"]["n_layer"] = 4
    module = Text2SemanticLightningModule(config, "", is_train=False)
    with torch.no_grad():
        _make_it_stop(module.model)
    return {"weight": half(module.state_dict()), "config": config, "info": "GPT-e15"}


def _make_it_stop(decoder: torch.nn.Module) -> None:
    """Let the end token win after `_SPEECH_TOKENS_BEFORE_STOP` speech tokens, whatever was said.

    The last layer norm gets the bias ``u``, a constant unit vector; a normalised vector has mean zero,
    so it adds nothing along ``u`` and a row's component along ``u`` is that token's logit at every step.
    Logits are spread evenly over 1 to 2. Sampling divides the logit of a used token by 1.35
    (AR/models/utils.py), so the best unused logit sinks by 1/1024 a step until the end token is on top.
    """
    last_norm, rows = decoder.h.layers[-1].norm2, decoder.ar_predict_layer.weight
    n_tokens, width = rows.shape
    direction = torch.full((width,), width**-0.5)
    last_norm.weight.fill_(1.0)
    last_norm.bias.copy_(direction)
    logits = 1.0 + torch.randperm(n_tokens) / n_tokens
    logits[decoder.EOS] = 2.0 - _SPEECH_TOKENS_BEFORE_STOP / n_tokens
    noise = torch.randn(n_tokens, width) * 1e-4
    noise -= (noise @ direction)[:, None] * direction
    rows.copy_(logits[:, None] * direction + noise)


def speaker_verifier() -> dict[str, torch.Tensor]:
    """The state dict of the speaker encoder that v2Pro and v2ProPlus ask for (GPT_SoVITS/sv.py)."""
    from ERes2NetV2 import ERes2NetV2

    return half(ERes2NetV2(baseWidth=24, scale=4, expansion=4).state_dict())


def v4_vocoder() -> dict[str, torch.Tensor]:
    """The state dict of v4's vocoder, without weight norm (inference_webui.py, init_hifigan)."""
    from module.models import Generator

    vocoder = Generator(
        initial_channel=100,
        resblock="1",
        resblock_kernel_sizes=[3, 7, 11],
        resblock_dilation_sizes=[[1, 3, 5], [1, 3, 5], [1, 3, 5]],
        upsample_rates=[10, 6, 2, 2, 2],
        upsample_initial_channel=512,
        upsample_kernel_sizes=[20, 12, 4, 4, 4],
        gin_channels=0,
        is_bias=True,
    )
    mel = torch.rand(1, 100, 50) * 14 - 12  # log-mel from -12 to 2: inference_webui.py, denorm_spec
    _make_audible(vocoder, mel)
    vocoder.remove_weight_norm()
    return vocoder.state_dict()


BIGVGAN_CONFIG = {
    "resblock": "1",
    "num_gpus": 0,
    "upsample_rates": [4, 4, 2, 2, 2, 2],
    "upsample_kernel_sizes": [8, 8, 4, 4, 4, 4],
    "upsample_initial_channel": 1536,
    "resblock_kernel_sizes": [3, 7, 11],
    "resblock_dilation_sizes": [[1, 3, 5], [1, 3, 5], [1, 3, 5]],
    "use_tanh_at_final": False,
    "use_bias_at_final": False,
    "activation": "snakebeta",
    "snake_logscale": True,
    "num_mels": 100,
    "n_fft": 1024,
    "hop_size": 256,
    "win_size": 1024,
    "sampling_rate": 24000,
    "fmin": 0,
    "fmax": None,
}
"""The published shape of bigvgan_v2_24khz_100band_256x, v3's vocoder."""


def bigvgan() -> dict[str, Any]:
    """What v3's ``bigvgan_generator.pt`` holds."""
    from BigVGAN import bigvgan as package
    from BigVGAN.env import AttrDict

    return {"generator": package.BigVGAN(AttrDict(BIGVGAN_CONFIG)).state_dict()}


def checkpoint_bytes(content: dict[str, Any], header: bytes = b"PK") -> bytes:
    """Serialise a checkpoint; ``header`` replaces the zip's first two bytes."""
    buffer = BytesIO()
    torch.save(content, buffer)
    return header + buffer.getvalue()[2:]
