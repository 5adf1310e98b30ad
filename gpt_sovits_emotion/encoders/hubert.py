"""HuBERT's hidden layers as embeddings, read from the model that the host has loaded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gpt_sovits_emotion.encoders import EncoderName
from gpt_sovits_emotion.encoders.borrowed import Use, check_audio, finite, home_of
from gpt_sovits_emotion.encoders.fingerprint import fingerprint
from gpt_sovits_emotion.encoders.pooling import pool
from gpt_sovits_emotion.errors import EncoderError
from gpt_sovits_emotion.lending import LentHubert
from gpt_sovits_emotion.records import Audio

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import Tensor

__all__ = ["HubertEncoder", "pool"]

_RECEPTIVE_FIELD = 400  # samples that the seven convolutions need for one frame


class HubertEncoder:
    """Mean and spread over time of one or several hidden layers of HuBERT.

    It calls the submodules of the host's model one after another, where they are and as they are, and stops
    at the highest layer that it was asked for: the same values as
    ``model(x, output_hidden_states=True).hidden_states[k]``, for as much less work as layers are left out.
    Unlike the host, which appends 0.6 s of silence for its synthesis, it hears the audio alone.

    The host's random state is left alone (transformers' own forward pass draws from it once per layer).

    Args:
        lent: The host's model.
        layers: Hidden layers, ascending; see `EncoderName.layers`.

    Raises:
        EncoderError: `lent` is no HuBERT-base, or has fewer layers.
    """

    sampling_rate_hz = 16_000
    frame_rate_hz = 50.0
    input_scaling = (
        "none: HuBERT normalises loud audio by itself but hears very quiet audio differently, so "
        "recordings are brought to level before"
    )

    def __init__(self, lent: LentHubert, layers: Sequence[int]) -> None:
        self._lent = lent
        self.layers = tuple(layers)
        model: Any = lent.model
        try:
            n_layers = len(model.encoder.layers)
            self._hidden_size = int(model.config.hidden_size)
            stable = bool(model.config.do_stable_layer_norm)
        except AttributeError as error:
            raise EncoderError(
                f"what was lent as HuBERT ({lent.source.en}) is a {type(model).__name__}; expected "
                "a HubertModel of transformers"
            ) from error
        if stable:
            raise EncoderError(
                f"the HuBERT of {lent.source.en} is of the large kind, which normalises elsewhere; expected "
                "HuBERT-base, the kind that GPT-SoVITS uses"
            )
        if self.layers[-1] > n_layers:
            raise EncoderError(
                f"the encoder {self.id!r} reads layer {self.layers[-1]}, but the HuBERT of "
                f"{lent.source.en} has {n_layers}"
            )

    @property
    def id(self) -> str:
        """``hubert:`` and the layers."""
        return EncoderName("hubert", self.layers).id

    @property
    def dim(self) -> int:
        """Length of one embedding: mean and standard deviation of each layer."""
        return len(self.layers) * 2 * self._hidden_size

    @property
    def fingerprint(self) -> str:
        """Of the whole model's weights, so that heads on different layers name the same one."""
        return fingerprint({"hubert": self._lent.model}, prefix="hubert")

    def encode(self, audios: Sequence[Audio]) -> np.ndarray:
        """Return ``(n_segments, dim)`` float32, all finite: `pool` of each audio's `frames`.

        Raises:
            EncoderError: An audio is not at 16 kHz or shorter than 400 samples, or HuBERT gives
                values that are no numbers.
        """
        import numpy as np

        embeddings = np.empty((len(audios), self.dim), np.float32)
        for row, audio in enumerate(audios):
            embeddings[row] = pool(self.frames(audio))
        return embeddings

    def frames(self, audio: Audio) -> tuple[np.ndarray, ...]:
        """Return ``(n_frames, hidden_size)`` float32 of each layer, 50 frames per second.

        There are ``(n_samples - 400) // 320 + 1`` frames.

        Raises:
            EncoderError: See `encode`.
        """
        check_audio(
            audio,
            encoder_id=self.id,
            sampling_rate_hz=self.sampling_rate_hz,
            n_least=_RECEPTIVE_FIELD,
        )
        hidden = finite(
            lambda use, dtype: _hidden_states(self._lent.model, audio, self.layers, use, dtype),
            [self._lent.model],
            what=f"the HuBERT of {self._lent.source.en}",
        )
        return tuple(states.float().cpu().numpy() for states in hidden)


def _hidden_states(
    model: Any, audio: Audio, layers: Sequence[int], use: Use, dtype: torch.dtype
) -> list[Tensor]:
    """Return ``(n_frames, hidden_size)`` of each layer, running none above the last of them.

    This is what ``HubertModel.forward`` does in evaluation mode (``models/hubert/modeling_hubert.py``
    of transformers 4.43 to 5.20): there is nothing between these modules but additions.
    """
    import torch

    device, _ = home_of(model)
    samples = torch.tensor(audio.samples, dtype=dtype, device=device)
    features = _features(model.feature_extractor, samples[None], use).transpose(1, 2)
    hidden = _first(use(model.feature_projection)(features))
    hidden = hidden + use(model.encoder.pos_conv_embed)(hidden)
    hidden = use(model.encoder.layer_norm)(hidden)
    kept = [hidden] if 0 in layers else []
    for number, layer in enumerate(model.encoder.layers[: layers[-1]], start=1):
        hidden = _first(use(layer)(hidden))
        if number in layers:
            kept.append(hidden)
    return [states[0] for states in kept]


def _features(extractor: Any, samples: Tensor, use: Use) -> Tensor:
    """Run the seven convolutions: ``(1, n_samples)`` to ``(1, n_channels, n_frames)``.

    On a CPU the first of them, which has a single input channel, takes a quarter of the time as a matrix
    product of its weights with the windows of the signal; that is 3 % of the whole model.
    """
    import torch

    first, *others = extractor.conv_layers
    plain = isinstance(getattr(first, "layer_norm", None), torch.nn.GroupNorm) and (
        first.conv.padding == (0,) and first.conv.dilation == (1,)
    )
    if not plain or samples.device.type != "cpu" or samples.dtype != torch.float32:
        features: Tensor = use(extractor)(samples)
        return features
    first = use(first)
    windows = samples[0].unfold(0, first.conv.kernel_size[0], first.conv.stride[0])
    hidden = first.conv.weight[:, 0] @ windows.T
    if first.conv.bias is not None:
        hidden = hidden + first.conv.bias[:, None]
    hidden = first.activation(first.layer_norm(hidden[None]))
    for convolution in others:
        hidden = use(convolution)(hidden)
    return hidden


def _first(output: Any) -> Tensor:
    """Return the hidden states of a module, which older transformers put first in a tuple."""
    tensor: Tensor = output[0] if isinstance(output, tuple) else output
    return tensor
