"""Turn the trained micro Whisper into the folder that faster-whisper opens."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from micro_whisper.model import GUIDED_HEAD, N_MELS, MicroWhisper
from micro_whisper.vocabulary import (
    END_OF_TEXT,
    FIRST_LANGUAGE,
    LANGUAGES,
    N_IDS,
    WINDOW_S,
    Vocabulary,
)

__all__ = ["convert"]

_FILLER_LOGIT = -60.0
"""Logit of every token that is not in use: its share of the probability is under 1e-20."""


def convert(model: MicroWhisper, vocabulary: Vocabulary, folder: Path) -> None:
    """Write `model` in CTranslate2's format, weights in int8, into `folder`."""
    from ctranslate2.converters.transformers import WhisperLoader

    folder.mkdir(parents=True, exist_ok=True)
    with torch.no_grad():
        spec = WhisperLoader().get_model_spec(_with_all_tokens(model, vocabulary))
    space = vocabulary.compact_ids[vocabulary.encode(" ", "zh")[0]]
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = [space, END_OF_TEXT]
    spec.config.lang_ids = [FIRST_LANGUAGE + i for i in range(len(LANGUAGES))]
    spec.config.alignment_heads = [
        (layer, GUIDED_HEAD) for layer in range(model.shape.n_decoder_layers)
    ]
    spec.register_vocabulary(vocabulary.names())
    spec.validate()
    spec.optimize(quantization="int8")
    spec.save(str(folder))
    # Without indentation, one entry per line would be a third larger.
    names = json.dumps(vocabulary.names(), ensure_ascii=False, separators=(",", ":"))
    (folder / "vocabulary.json").write_text(names + "\n", encoding="utf-8")
    (folder / "tokenizer.json").write_text(vocabulary.to_json() + "\n", encoding="utf-8")
    features = {
        "feature_size": N_MELS,
        "sampling_rate": 16_000,
        "hop_length": 160,
        "chunk_length": WINDOW_S,
        "n_fft": 400,
    }
    (folder / "preprocessor_config.json").write_text(
        json.dumps(features, indent=2) + "\n", encoding="utf-8"
    )


def _with_all_tokens(model: MicroWhisper, vocabulary: Vocabulary) -> torch.nn.Module:
    """Return transformers' model with all 51,865 tokens, those not in use out of reach."""
    from transformers import WhisperForConditionalGeneration

    config = model.whisper.config.__class__.from_dict(
        {**model.whisper.config.to_dict(), "vocab_size": N_IDS}
    )
    whole = WhisperForConditionalGeneration(config)
    compact = model.whisper.state_dict()
    tied = ("model.decoder.embed_tokens.weight", "proj_out.weight")
    whole.load_state_dict({k: v for k, v in compact.items() if k not in tied}, strict=False)
    tokens = torch.zeros(N_IDS, model.shape.width)
    tokens[:, 0] = _FILLER_LOGIT  # the decoder's output is always 1 there
    tokens[torch.tensor(vocabulary.compact_ids)] = compact[tied[0]]
    whole.model.decoder.embed_tokens.weight.data.copy_(tokens)
    whole.tie_weights()
    return whole.eval()
