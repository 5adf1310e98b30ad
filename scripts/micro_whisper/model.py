"""The micro Whisper while it learns: real Whisper layers over the compact vocabulary.

The layers are those of transformers' ``WhisperForConditionalGeneration`` (Radford et al. 2022, "Robust
Speech Recognition via Large-Scale Weak Supervision"), only few and narrow. Three things help a model of
this size to learn within minutes:

- the encoder learns which sound each of its frames belongs to, through a projection that is thrown away
  afterwards; eSpeak tells when it makes which sound;
- one attention head per decoder layer is told where to look: at the frames of the token that comes next.
  These are the heads that word times are read from;
- a time stamp's target is spread over its neighbours, because 0.02 s beside the mark is hardly wrong.

Windows are no longer than their audio; full 30 s ones, zero padded as faster-whisper pads them, are shown
only at the end of training.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from micro_whisper.vocabulary import Vocabulary

__all__ = ["GUIDED_HEAD", "MicroShape", "MicroWhisper", "guide_loss"]

N_MELS = 80
N_SOURCE_POSITIONS = 1_500
"""Whisper's 30 s at 50 frames per second; faster-whisper pads every window to it."""
N_TARGET_POSITIONS = 448
"""faster-whisper asks for up to 448 tokens, prompt included."""

GUIDED_HEAD = 0
"""The head of every decoder layer that is told where to look."""

_TIMESTAMP_SPREAD_STEPS = 2.0


@dataclass(frozen=True, slots=True)
class MicroShape:
    """Size of the model."""

    width: int = 80
    n_heads: int = 2
    n_encoder_layers: int = 3
    n_decoder_layers: int = 2
    feed_forward: int = 320


class MicroWhisper(nn.Module):
    """Encoder and decoder of Whisper with the compact vocabulary.

    Dimension 0 of the decoder's output is kept at 1 and the tokens' entries there at 0. It costs one
    dimension and gives `conversion` a handle: a filler token with a large negative entry there has a
    large negative logit, whatever the decoder says.
    """

    def __init__(self, vocabulary: Vocabulary, shape: MicroShape, *, n_sounds: int) -> None:
        from transformers import WhisperConfig, WhisperForConditionalGeneration

        super().__init__()
        self.shape = shape
        self.vocabulary = vocabulary
        n_tokens = len(vocabulary.compact_ids)
        self.whisper = WhisperForConditionalGeneration(
            WhisperConfig(
                vocab_size=n_tokens,
                num_mel_bins=N_MELS,
                d_model=shape.width,
                encoder_layers=shape.n_encoder_layers,
                encoder_attention_heads=shape.n_heads,
                encoder_ffn_dim=shape.feed_forward,
                decoder_layers=shape.n_decoder_layers,
                decoder_attention_heads=shape.n_heads,
                decoder_ffn_dim=shape.feed_forward,
                max_source_positions=N_SOURCE_POSITIONS,
                max_target_positions=N_TARGET_POSITIONS,
                dropout=0.0,
                attn_implementation="sdpa",
                pad_token_id=0,
                bos_token_id=0,
                eos_token_id=0,
                decoder_start_token_id=0,
                suppress_tokens=None,
                begin_suppress_tokens=None,
            )
        )
        self.frame_head = nn.Linear(shape.width, n_sounds)
        _return_attentions(self.whisper.model.decoder)
        self._start_timestamps_smooth()
        self.keep_handle()

    @torch.no_grad()
    def _start_timestamps_smooth(self) -> None:
        """Begin with time stamps that resemble their neighbours, as the encoder's positions do."""
        tokens = self.whisper.model.decoder.embed_tokens.weight
        first = self.vocabulary.first_compact_timestamp
        positions = self.whisper.model.encoder.embed_positions.weight
        n_steps = len(tokens) - first
        tokens[first:] = 0.05 * positions[:n_steps] + 0.2 * tokens[first:]

    @torch.no_grad()
    def keep_handle(self) -> None:
        """Put dimension 0 back to its fixed values; call it after every step."""
        decoder = self.whisper.model.decoder
        decoder.embed_tokens.weight[:, 0] = 0.0
        decoder.layer_norm.weight[0] = 0.0
        decoder.layer_norm.bias[0] = 1.0

    def encode(self, mels: Tensor) -> Tensor:
        """Encode ``(batch, 80, n_frames)`` mels to ``(batch, n_frames / 2, width)``.

        As transformers' encoder does, which insists on 30 s, but for any length.
        """
        encoder = self.whisper.model.encoder
        hidden = functional.gelu(encoder.conv1(mels))
        hidden = functional.gelu(encoder.conv2(hidden)).permute(0, 2, 1)
        hidden = hidden + encoder.embed_positions.weight[: hidden.shape[1]]
        for layer in encoder.layers:
            hidden = layer(hidden, attention_mask=None, layer_head_mask=None)[0]
        encoded: Tensor = encoder.layer_norm(hidden)
        return encoded

    def decode(self, inputs: Tensor, encoded: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits and the guided heads' attention for compact input ids.

        Returns:
            ``(batch, n_tokens, n_vocabulary)`` logits and
            ``(batch, n_layers, n_tokens, n_encoded)`` attention of head 0 of every layer.
        """
        decoded = self.whisper.model.decoder(
            input_ids=inputs,
            encoder_hidden_states=encoded,
            use_cache=False,
            output_attentions=True,
        )
        tokens = self.whisper.model.decoder.embed_tokens.weight
        attention = torch.stack(
            [layer[:, GUIDED_HEAD] for layer in decoded.cross_attentions], dim=1
        )
        return functional.linear(decoded.last_hidden_state, tokens), attention

    def token_loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Cross entropy over ``targets >= 0``, time stamps spread over their neighbours."""
        kept = targets >= 0
        logits, targets = logits[kept], targets[kept]
        first = self.vocabulary.first_compact_timestamp
        stamped = targets >= first
        log_p = functional.log_softmax(logits, dim=-1)
        plain = -log_p[~stamped].gather(1, targets[~stamped, None]).sum()
        steps = torch.arange(log_p.shape[1] - first)
        distance = (targets[stamped, None] - first - steps) / _TIMESTAMP_SPREAD_STEPS
        wanted = torch.softmax(-0.5 * distance.square(), dim=-1)
        spread = -(wanted * log_p[stamped][:, first:]).sum()
        return (plain + spread) / len(targets)

    def frame_loss(self, encoded: Tensor, sounds: Tensor) -> Tensor:
        """Cross entropy of the encoder's frames against ``(batch, n_encoded)`` sounds >= 0."""
        return functional.cross_entropy(self.frame_head(encoded).flatten(0, 1), sounds.flatten())


def guide_loss(attention: Tensor, spans: Tensor) -> Tensor:
    """Return how little of the guided heads' attention falls on the frames where it belongs.

    Args:
        attention: ``(batch, n_layers, n_tokens, n_encoded)``.
        spans: ``(batch, n_tokens, 2)`` first frame and frame after the last; -1 where nothing is asked.
    """
    frames = torch.arange(attention.shape[-1])
    inside = (frames >= spans[..., :1]) & (frames < spans[..., 1:])
    share = (attention * inside[:, None]).sum(dim=-1)
    asked = (spans[..., 0] >= 0)[:, None].expand_as(share)
    return -torch.log(share[asked] + 1e-4).mean()


def _return_attentions(decoder: nn.Module) -> None:
    """Let the decoder alone compute attention step by step, the only way that gives its weights."""
    config = copy.deepcopy(decoder.config)
    config._attn_implementation = "eager"
    for module in decoder.modules():
        if hasattr(module, "config"):
            module.config = config
