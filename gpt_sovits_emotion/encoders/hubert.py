"""HuBERT's hidden layers as embeddings, read from the model that the backend has loaded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from gpt_sovits_emotion.core.errors import BackendError, EncoderError
from gpt_sovits_emotion.core.loaded_models import LoadedHubert
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import Audio
from gpt_sovits_emotion.encoders import EncoderName
from gpt_sovits_emotion.encoders.borrowed import Use, check_audio, finite, home_of
from gpt_sovits_emotion.encoders.fingerprint import fingerprint
from gpt_sovits_emotion.encoders.pooling import pool

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import Tensor

__all__ = ["HubertEncoder", "pool"]

_RECEPTIVE_FIELD = 400  # samples that the seven convolutions need for one frame
_BATCH_S = 120.0  # on a graphics card, where one clip of a few seconds leaves most of it idle


class HubertEncoder:
    """Mean and spread over time of one or several hidden layers of HuBERT.

    It calls the submodules of the backend's model one after another, where they are and as they are, and
    stops
    at the highest layer that it was asked for: the same values as
    ``model(x, output_hidden_states=True).hidden_states[k]``, for as much less work as layers are left out.
    Unlike the backend, which appends 0.6 s of silence for its synthesis, it hears the audio alone.

    The backend's random state is left alone (transformers' own forward pass draws from it once per layer).

    Args:
        loaded: The backend's model.
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

    def __init__(self, loaded: LoadedHubert, layers: Sequence[int]) -> None:
        self._loaded = loaded
        self.layers = tuple(layers)
        model: Any = loaded.model
        try:
            n_layers = len(model.encoder.layers)
            self._hidden_size = int(model.config.hidden_size)
            stable = bool(model.config.do_stable_layer_norm)
        except AttributeError as error:
            raise EncoderError(
                tr(
                    "what was lent as HuBERT ({source}) is a {name}; expected a HubertModel of transformers",
                    source=loaded.source,
                    name=type(model).__name__,
                )
            ) from error
        if stable:
            raise EncoderError(
                tr(
                    "the HuBERT of {source} is of the large kind, which normalises elsewhere; expected "
                    "HuBERT-base, the kind that GPT-SoVITS uses",
                    source=loaded.source,
                )
            )
        if self.layers[-1] > n_layers:
            raise EncoderError(
                tr(
                    "the encoder {id!r} reads layer {layers}, but the HuBERT of {source} has {n_layers}",
                    id=self.id,
                    layers=self.layers[-1],
                    source=loaded.source,
                    n_layers=n_layers,
                )
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
        return fingerprint({"hubert": self._loaded.model}, prefix="hubert")

    @property
    def batch_s(self) -> float:
        """Seconds of audio that it does best at once: two minutes on a graphics card, 0 on a CPU."""
        on_cpu = home_of(self._loaded.model)[0].type == "cpu"
        return 0.0 if on_cpu or not _can_batch(self._loaded.model) else _BATCH_S

    def encode(self, audios: Sequence[Audio]) -> np.ndarray:
        """Return ``(n_segments, dim)`` float32, all finite: `pool` of each audio's `frames`.

        On a graphics card audios of similar length go through together, padded to the longest of them;
        what the padding holds is kept out of every sum, so the embeddings are the same but for rounding.

        Raises:
            EncoderError: An audio is not at 16 kHz or shorter than 400 samples, or HuBERT gives
                values that are no numbers.
            BackendError: The graphics card has no memory left even for one of them.
        """
        import numpy as np

        embeddings = np.empty((len(audios), self.dim), np.float32)
        if not self.batch_s:
            for row, audio in enumerate(audios):
                embeddings[row] = pool(self.frames(audio))
            return embeddings
        order = sorted(range(len(audios)), key=lambda row: -len(audios[row].samples))
        for batch in _batches(order, [audio.duration_s for audio in audios], self.batch_s):
            found = self._frames_of_batch([audios[row] for row in batch])
            for row, frames in zip(batch, found, strict=True):
                embeddings[row] = pool(frames)
        return embeddings

    def frames(self, audio: Audio) -> tuple[np.ndarray, ...]:
        """Return ``(n_frames, hidden_size)`` float32 of each layer, 50 frames per second.

        There are ``(n_samples - 400) // 320 + 1`` frames (HuBERT-base's convolutions step by 320 samples).

        Raises:
            EncoderError: See `encode`.
        """
        self._check(audio)
        hidden = finite(
            lambda use, dtype: _hidden_states(self._loaded.model, audio, self.layers, use, dtype),
            [self._loaded.model],
            what=f"the HuBERT of {self._loaded.source.en}",
        )
        return tuple(states.float().cpu().numpy() for states in hidden)

    def _check(self, audio: Audio) -> None:
        check_audio(
            audio,
            encoder_id=self.id,
            sampling_rate_hz=self.sampling_rate_hz,
            n_least=_RECEPTIVE_FIELD,
        )

    def _frames_of_batch(self, audios: Sequence[Audio]) -> list[tuple[np.ndarray, ...]]:
        """Return the `frames` of each audio, from one pass; from more where the memory is too small."""
        import torch

        for audio in audios:
            self._check(audio)
        try:
            hidden = finite(
                lambda use, dtype: _hidden_of_batch(
                    self._loaded.model, audios, self.layers, use, dtype
                ),
                [self._loaded.model],
                what=f"the HuBERT of {self._loaded.source.en}",
            )
        except torch.cuda.OutOfMemoryError as error:
            if len(audios) == 1:
                raise BackendError(
                    tr(
                        "the graphics card has no memory left for {duration_s:.0f} s of audio in the "
                        "encoder {id!r}; close what else uses it, or let the encoder run on the CPU",
                        duration_s=audios[0].duration_s,
                        id=self.id,
                    )
                ) from error
        else:
            layers = [states.float().cpu().numpy() for states in hidden]
            n_frames = [_n_frames(len(audio.samples)) for audio in audios]
            return [tuple(states[i, :n] for states in layers) for i, n in enumerate(n_frames)]
        half = len(audios) // 2
        return self._frames_of_batch(audios[:half]) + self._frames_of_batch(audios[half:])


def _batches(order: Sequence[int], durations_s: Sequence[float], batch_s: float) -> list[list[int]]:
    """Cut rows, longest first, into batches of at most `batch_s` seconds, padding included."""
    batches: list[list[int]] = []
    for row in order:
        if batches and durations_s[batches[-1][0]] * (len(batches[-1]) + 1) <= batch_s:
            batches[-1].append(row)
        else:
            batches.append([row])
    return batches


def _n_frames(n_samples: int) -> int:
    return (n_samples - _RECEPTIVE_FIELD) // 320 + 1


def _can_batch(model: Any) -> bool:
    """Whether padding can be kept out of what this model computes.

    Its attention must take a mask of numbers, and nothing but the convolution itself may stand before the
    frames that give the positions: zeros must stay zeros there.
    """
    plain = getattr(model.encoder.pos_conv_embed, "batch_norm", None) is None
    attention = getattr(model.config, "_attn_implementation", "eager")
    return plain and attention in ("eager", "sdpa")


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
    kept = _transformed(model, hidden, layers, lambda layer, hidden: use(layer)(hidden), use)
    return [states[0] for states in kept]


def _hidden_of_batch(
    model: Any, audios: Sequence[Audio], layers: Sequence[int], use: Use, dtype: torch.dtype
) -> list[Tensor]:
    """Return ``(n_audios, n_most_frames, hidden_size)`` of each layer; an audio's own frames come first.

    The convolutions hear one audio at a time, for the first of them is normalised over its whole length.
    From there on padding is zero where the positions are convolved, as the convolution's own padding is, and
    nobody attends to it.
    """
    import torch

    device, _ = home_of(model)
    extract, project = use(model.feature_extractor), use(model.feature_projection)
    rows = []
    for audio in audios:
        samples = torch.tensor(audio.samples, dtype=dtype, device=device)
        rows.append(_first(project(extract(samples[None]).transpose(1, 2)))[0])
    hidden = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    n_audios, n_most, _ = hidden.shape
    n_frames = torch.tensor([len(row) for row in rows], device=device)
    padded = torch.arange(n_most, device=device)[None] >= n_frames[:, None]
    mask = torch.zeros((n_audios, 1, 1, n_most), dtype=dtype, device=device)
    mask = mask.masked_fill(padded[:, None, None], torch.finfo(dtype).min)
    mask = mask.expand(n_audios, 1, n_most, n_most)
    return _transformed(
        model, hidden, layers, lambda layer, hidden: use(layer)(hidden, attention_mask=mask), use
    )


def _transformed(
    model: Any,
    hidden: Tensor,
    layers: Sequence[int],
    run: Callable[[Any, Tensor], Any],
    use: Use,
) -> list[Tensor]:
    """Return what leaves each of the layers asked for, 0 being what enters the first."""
    hidden = hidden + use(model.encoder.pos_conv_embed)(hidden)
    hidden = use(model.encoder.layer_norm)(hidden)
    kept = [hidden] if 0 in layers else []
    for number, layer in enumerate(model.encoder.layers[: layers[-1]], start=1):
        hidden = _first(run(layer, hidden))
        if number in layers:
            kept.append(hidden)
    return kept


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
