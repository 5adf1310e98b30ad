"""Whisper's encoder in torch, for a graphics card: what OpenAI's ``AudioEncoder`` computes, up to a layer.

Several clips go through together, padded to the longest. Padding is zero wherever something is convolved, as
the convolutions' own padding is, and nobody attends to it, so a clip's frames are those it has alone but for
rounding. Formulas: see `onnx_layers`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gpt_sovits_emotion.core.errors import BackendError
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.encoders.whisper.spectrogram import log_mel, n_own_frames
from gpt_sovits_emotion.encoders.whisper.weights import WhisperLayers

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

__all__ = ["TorchLayers"]

_BATCH_S = 240.0


class TorchLayers(WhisperLayers):
    """See `WhisperLayers`; in any floating-point precision of torch, on any device of it.

    Products are in that precision, what is summed from layer to layer in float32: a few numbers of it are
    large, and the differences between clips are small beside them.
    """

    batch_s = _BATCH_S

    def frames(self, pieces: Sequence[np.ndarray], layers: Sequence[int]) -> list[list[np.ndarray]]:
        """See `WhisperLayers.frames`; what the card has no memory for is done in halves.

        Raises:
            BackendError: It has none even for one piece.
        """
        import torch

        try:
            with torch.inference_mode():
                hidden = [states.float().cpu() for states in self._hidden_states(pieces, layers)]
        except torch.cuda.OutOfMemoryError as error:
            if len(pieces) == 1:
                raise BackendError(
                    tr(
                        "the graphics card has no memory left for Whisper's encoder; close what else uses it"
                    )
                ) from error
            half = len(pieces) // 2
            return self.frames(pieces[:half], layers) + self.frames(pieces[half:], layers)
        return [
            [states[row, : n_own_frames(len(piece))].numpy() for states in hidden]
            for row, piece in enumerate(pieces)
        ]

    def _hidden_states(self, pieces: Sequence[np.ndarray], layers: Sequence[int]) -> list[Tensor]:
        """Return ``(n_clips, n_frames, width)`` of each layer asked for; a clip's own frames come first."""
        import torch

        mels = [torch.from_numpy(log_mel(piece, self.source.shape.n_mels)) for piece in pieces]
        n_spectra = [mel.shape[1] for mel in mels]
        hidden = self._stem_of(mels, n_spectra)
        mask = None
        if len(set(n_spectra)) > 1:
            n_frames = torch.tensor([(n + 1) // 2 for n in n_spectra], device=self.device)
            heard = torch.arange(hidden.shape[1], device=self.device)[None] < n_frames[:, None]
            mask = heard[:, None, None, :]
        kept = [hidden] if 0 in layers else []
        for number in range(1, layers[-1] + 1):
            hidden = _layer(hidden, self.layer(number - 1), self.source.n_heads, mask)
            if number in layers:
                kept.append(hidden)
        return kept

    def _stem_of(self, mels: Sequence[Tensor], n_spectra: Sequence[int]) -> Tensor:
        import torch
        from torch.nn import functional

        w1, b1, w2, b2, positions = self.stem()
        batch = w1.new_zeros((len(mels), mels[0].shape[0], max(n_spectra)))
        for row, mel in zip(batch, mels, strict=True):
            row[:, : mel.shape[1]] = mel
        hidden = functional.gelu(functional.conv1d(batch, w1, b1, padding=1))
        for row, n in zip(hidden, n_spectra, strict=True):
            row[:, n:] = 0
        hidden = functional.gelu(functional.conv1d(hidden, w2, b2, stride=2, padding=1))
        hidden = hidden.transpose(1, 2)
        stem: Tensor = hidden.to(torch.float32) + positions[: hidden.shape[1]]
        return stem

    def _open_stem(self, tensors: Sequence[np.ndarray]) -> tuple[Tensor, ...]:
        return self._placed(tensors, in_float32=(4,))

    def _open_layer(self, tensors: Sequence[np.ndarray]) -> tuple[Tensor, ...]:
        return self._placed(tensors, in_float32=(0, 1, 6, 7))

    def _placed(
        self, tensors: Sequence[np.ndarray], *, in_float32: Sequence[int]
    ) -> tuple[Tensor, ...]:
        """Return tensors on the device; what acts on the sum of all layers stays in float32."""
        import torch

        dtype = getattr(torch, self.precision)
        return tuple(
            torch.from_numpy(tensor).to(
                self.device, torch.float32 if number in in_float32 else dtype
            )
            for number, tensor in enumerate(tensors)
        )


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
