"""The forward pass of Whisper's encoder, up to a layer: what OpenAI's ``AudioEncoder`` computes.

Several clips go through together, padded to the longest. Padding is zero wherever something is convolved, as
the convolutions' own padding is, and nobody attends to it, so a clip's frames are those it has alone but for
rounding. Formulas: Radford et al. 2022, "Robust Speech Recognition via Large-Scale Weak Supervision"
(arXiv 2212.04356), and ``whisper/model.py`` and ``whisper/audio.py`` of https://github.com/openai/whisper.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import Tensor

    from gpt_sovits_emotion.encoders.whisper.weights import WhisperWeights

__all__ = ["HOP", "MOST_SAMPLES", "hidden_states", "log_mel", "n_own_frames"]

HOP = 320
"""Samples per frame: two spectra, which the second convolution halves."""
MOST_SAMPLES = 480_000
"""The positions reach for 30 seconds."""

_RATE_HZ = 16_000
_N_FFT, _SPECTRUM_HOP = 400, 160
_AFTER = 8_000  # half a second of silence is heard after a clip: it was trained on speech that ends
_FLOOR = 1e-10
_RANGE = 8.0  # decades of energy below the loudest
_N_FRAMES_AT_LEAST = 1


def n_own_frames(n_samples: int) -> int:
    """Return how many frames a clip has of its own, the silence after it left out."""
    return max(_N_FRAMES_AT_LEAST, math.ceil(n_samples / HOP))


def log_mel(samples: np.ndarray, n_mels: int, device: torch.device) -> Tensor:
    """Return what the encoder reads of a clip and the silence after it: ``(n_mels, n_spectra)`` float32.

    The same as faster-whisper's ``FeatureExtractor``: the loudest value is the reference.

    Args:
        samples: ``(n_samples,)`` float32 at 16 kHz, at most `MOST_SAMPLES`.
        n_mels: Bands.
        device: Where to compute it.
    """
    import torch

    after = min(_AFTER, MOST_SAMPLES - len(samples))
    clip = torch.tensor(samples, dtype=torch.float32, device=device)
    clip = torch.nn.functional.pad(clip, (0, after))
    window = torch.hann_window(_N_FFT, device=device)
    bins = torch.stft(clip, _N_FFT, _SPECTRUM_HOP, window=window, return_complex=True)[..., :-1]
    energy = _filters(n_mels).to(device) @ torch.view_as_real(bins).square().sum(-1)
    decades = energy.clamp(min=_FLOOR).log10()
    decades = torch.maximum(decades, decades.max() - _RANGE)
    scaled: Tensor = (decades + 4.0) / 4.0
    return scaled


def hidden_states(
    mels: Sequence[Tensor], weights: WhisperWeights, layers: Sequence[int]
) -> list[Tensor]:
    """Return ``(n_clips, n_frames, width)`` float32 of each layer asked for; a clip's own frames come first.

    Products are in the precision of the weights, what is summed from layer to layer in float32: a few
    numbers of it are large, and the differences between clips are small beside them.

    Args:
        mels: `log_mel` of each clip.
        weights: Of the encoder.
        layers: Ascending; 0 is what enters the first layer, k what leaves the k-th. The norm that comes after
            the last layer of the encoder is not applied.
    """
    import torch

    n_spectra = [mel.shape[1] for mel in mels]
    hidden = _stem(mels, n_spectra, weights)
    mask = None
    if len(set(n_spectra)) > 1:
        n_frames = torch.tensor([(n + 1) // 2 for n in n_spectra], device=weights.device)
        heard = torch.arange(hidden.shape[1], device=weights.device)[None] < n_frames[:, None]
        mask = heard[:, None, None, :]
    kept = [hidden] if 0 in layers else []
    for number in range(1, layers[-1] + 1):
        hidden = _layer(hidden, weights.layer(number - 1), weights.source.n_heads, mask)
        if number in layers:
            kept.append(hidden)
    return kept


def _stem(mels: Sequence[Tensor], n_spectra: Sequence[int], weights: WhisperWeights) -> Tensor:
    import torch
    from torch.nn import functional

    w1, b1, w2, b2, positions = weights.stem()
    most = max(n_spectra)
    batch = torch.zeros(
        (len(mels), mels[0].shape[0], most), dtype=weights.dtype, device=weights.device
    )
    for row, mel in zip(batch, mels, strict=True):
        row[:, : mel.shape[1]] = mel
    hidden = functional.gelu(functional.conv1d(batch, w1, b1, padding=1))
    for row, n in zip(hidden, n_spectra, strict=True):
        row[:, n:] = 0
    hidden = functional.gelu(functional.conv1d(hidden, w2, b2, stride=2, padding=1))
    hidden = hidden.transpose(1, 2)
    stem: Tensor = hidden + positions[: hidden.shape[1]]
    return stem


def _layer(hidden: Tensor, tensors: Sequence[Tensor], n_heads: int, mask: Tensor | None) -> Tensor:
    from torch.nn import functional

    gamma1, beta1, w_qkv, b_qkv, w_out, b_out, gamma2, beta2, w1, b1, w2, b2 = tensors
    n_clips, n_frames, width = hidden.shape
    normed = functional.layer_norm(hidden, (width,), gamma1, beta1).to(w_qkv.dtype)
    heads = functional.linear(normed, w_qkv, b_qkv)
    heads = heads.view(n_clips, n_frames, 3, n_heads, width // n_heads).permute(2, 0, 3, 1, 4)
    queries, keys, values = heads
    heard = functional.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
    heard = heard.transpose(1, 2).reshape(n_clips, n_frames, width)
    hidden = hidden + functional.linear(heard, w_out, b_out)
    normed = functional.layer_norm(hidden, (width,), gamma2, beta2).to(w1.dtype)
    inner = functional.gelu(functional.linear(normed, w1, b1))
    output: Tensor = hidden + functional.linear(inner, w2, b2)
    return output


@functools.lru_cache(maxsize=2)
def _filters(n_mels: int) -> Tensor:
    """Return ``(n_mels, 201)``: Slaney's triangles, each of area one, as Whisper was trained with."""
    import torch
    from librosa.filters import mel

    return torch.from_numpy(mel(sr=_RATE_HZ, n_fft=_N_FFT, n_mels=n_mels))
