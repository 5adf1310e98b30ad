"""Small Whisper models with random weights, written by CTranslate2's own converter."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

__all__ = ["reference_frames", "small_whisper", "write_ctranslate2", "write_translator"]

N_LAYERS, WIDTH = 4, 384  # the encoder of tiny


def small_whisper(seed: int = 0, *, n_mels: int = 80) -> Any:
    """A ``transformers.WhisperModel`` whose encoder has the shape of tiny."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        config = transformers.WhisperConfig(
            vocab_size=200,
            num_mel_bins=n_mels,
            encoder_layers=N_LAYERS,
            encoder_attention_heads=6,
            decoder_layers=4,
            decoder_attention_heads=6,
            encoder_ffn_dim=4 * WIDTH,
            decoder_ffn_dim=8,
            d_model=WIDTH,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=2,
            decoder_start_token_id=3,
        )
        model = transformers.WhisperForConditionalGeneration(config).eval()
        for name, parameter in model.model.encoder.named_parameters():
            if parameter.ndim == 1:  # biases of 0 and gains of 1 would hide what is left out
                torch.nn.init.normal_(parameter, 1.0 if "norm.weight" in name else 0.0, 0.1)
    return model


def write_ctranslate2(folder: Path, model: Any, quantization: str | None = "float32") -> Path:
    """Convert a model as ``ct2-transformers-converter`` does, without a tokenizer."""
    from ctranslate2.converters.transformers import WhisperLoader

    spec = WhisperLoader().get_model_spec(copy.deepcopy(model))  # quantising scales in place
    spec.register_vocabulary([str(token) for token in range(model.config.vocab_size)])
    spec.validate()
    spec.optimize(quantization)
    folder.mkdir(parents=True, exist_ok=True)
    spec._serialize(str(folder / "model.bin"))
    return folder


def write_translator(folder: Path) -> Path:
    """Write a model of another architecture: a little Marian with random weights."""
    from ctranslate2.converters.transformers import MarianMTLoader

    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = transformers.MarianConfig(
            vocab_size=12,
            d_model=8,
            encoder_layers=1,
            decoder_layers=1,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=8,
            decoder_ffn_dim=8,
            pad_token_id=0,
            eos_token_id=1,
            decoder_start_token_id=0,
            forced_eos_token_id=None,
        )
        model = transformers.MarianMTModel(config).eval()
    spec = MarianMTLoader().get_model_spec(model)
    tokens = [str(token) for token in range(len(spec.decoder.embeddings.weight))]
    spec.register_source_vocabulary(tokens)
    spec.register_target_vocabulary(tokens)
    spec.validate()
    spec.optimize(None)
    folder.mkdir(parents=True, exist_ok=True)
    spec._serialize(str(folder / "model.bin"))
    return folder


def reference_frames(model: Any, mel: torch.Tensor) -> list[np.ndarray]:
    """What transformers computes of ``(n_mels, 3000)``: what enters each layer and what leaves the last."""
    kept: list[np.ndarray] = []
    encoder = model.model.encoder
    hooks = [
        layer.register_forward_pre_hook(lambda _, inputs: kept.append(inputs[0][0].numpy().copy()))
        for layer in encoder.layers
    ]
    hooks.append(
        encoder.layer_norm.register_forward_pre_hook(
            lambda _, inputs: kept.append(inputs[0][0].numpy().copy())
        )
    )
    with torch.no_grad():
        encoder(mel[None])
    for hook in hooks:
        hook.remove()
    return kept
