"""SoVITS's style vector and posterior as embeddings, read from the model that the backend has loaded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gpt_sovits_emotion.audio import resample
from gpt_sovits_emotion.core.errors import EncoderError
from gpt_sovits_emotion.core.loaded_models import LoadedSovits
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import Audio
from gpt_sovits_emotion.encoders.borrowed import Use, check_audio, finite, home_of, parts_of, twin
from gpt_sovits_emotion.encoders.fingerprint import fingerprint
from gpt_sovits_emotion.encoders.pooling import pool

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import Tensor

__all__ = ["SovitsPosteriorEncoder", "SovitsStyleEncoder", "spectrogram"]

_N_FFT = 2048
_HOP = 640
_PADDING = (_N_FFT - _HOP) // 2
_SPEAKER_RATE_HZ = 16_000
_INPUT_SCALING = (
    "divided by its peak where that is above 1 (at most by 2), as GPT-SoVITS does; otherwise at the level "
    "that the recording was brought to"
)


class SovitsStyleEncoder:
    """The vector by which SoVITS conditions everything on the reference (``ref_enc``).

    It is the style encoder's output alone; the Pro models add a speaker embedding to it afterwards.

    Args:
        loaded: The backend's modules.
    """

    id = "sovits.style"
    sampling_rate_hz = 32_000
    frame_rate_hz = 50.0
    input_scaling = _INPUT_SCALING

    def __init__(self, loaded: LoadedSovits) -> None:
        self._loaded = loaded

    @property
    def dim(self) -> int:
        """512, or 1024 in the Pro models."""
        return self._loaded.style_dim

    @property
    def fingerprint(self) -> str:
        """Of the style encoder's weights and the number of bins that it reads."""
        loaded = self._loaded
        return fingerprint(
            {"style": loaded.style}, prefix=self.id, setting=f"{loaded.n_style_bins} bins"
        )

    def encode(self, audios: Sequence[Audio]) -> np.ndarray:
        """Return ``(n_segments, dim)`` float32, all finite.

        Raises:
            EncoderError: An audio is not at 32 kHz or shorter than 705 samples, or the style encoder
                gives values that are no numbers.
        """
        import numpy as np

        loaded = self._loaded
        embeddings = np.empty((len(audios), self.dim), np.float32)
        for row, audio in enumerate(audios):
            heard = spectrogram(_checked(audio, self.id), device=home_of(loaded.style)[0])

            def run(use: Use, dtype: torch.dtype, heard: Tensor = heard) -> list[Tensor]:
                return [_style(loaded, heard.to(dtype), use)]

            (style,) = finite(run, [loaded.style], what=f"the style encoder of {loaded.source.en}")
            embeddings[row] = style[0, :, 0].float().cpu().numpy()
        return embeddings


class SovitsPosteriorEncoder:
    """Mean and spread over time of the mean of SoVITS's posterior (``enc_q``).

    The posterior's mean, not the sample that training draws around it: that would be noise, and drawing it
    would move the random state that a user's seed relies on.

    Args:
        loaded: The backend's modules.

    Raises:
        EncoderError: `lent` has no posterior encoder, or not all that a Pro model needs for it.
    """

    id = "sovits.posterior"
    sampling_rate_hz = 32_000
    frame_rate_hz = 50.0
    input_scaling = _INPUT_SCALING

    def __init__(self, loaded: LoadedSovits) -> None:
        self._loaded = loaded
        if loaded.posterior is None:
            raise EncoderError(
                tr(
                    "{source} has no posterior encoder (fine-tuned weights and v3 and v4 have none); "
                    "expected one from the base model",
                    source=loaded.source,
                )
            )
        if loaded.project_speaker is not None and loaded.speaker_embedding is None:
            raise EncoderError(
                tr(
                    "the posterior encoder of {source} ({version}) needs the speaker-verification "
                    "network of the Pro models, which was not provided",
                    source=loaded.source,
                    version=loaded.version,
                )
            )

    @property
    def dim(self) -> int:
        """Mean and standard deviation of each of the 192 channels."""
        return 2 * int(self._posterior.out_channels)

    @property
    def fingerprint(self) -> str:
        """Of the posterior encoder and of what gives the style that it is conditioned on.

        The speaker-verification network of the Pro models does not count: there is but one.
        """
        loaded = self._loaded
        modules = {"posterior": self._posterior, "style": loaded.style}
        if loaded.project_speaker is not None:
            modules |= {
                f"speaker {number}": part
                for number, part in enumerate(parts_of(loaded.project_speaker))
            }
        return fingerprint(modules, prefix=self.id, setting=f"{loaded.n_style_bins} bins")

    def encode(self, audios: Sequence[Audio]) -> np.ndarray:
        """Return ``(n_segments, dim)`` float32, all finite: `pool` of each audio's `frames`.

        Raises:
            EncoderError: See `frames`.
        """
        import numpy as np

        embeddings = np.empty((len(audios), self.dim), np.float32)
        for row, audio in enumerate(audios):
            embeddings[row] = pool(self.frames(audio))
        return embeddings

    def frames(self, audio: Audio) -> tuple[np.ndarray, ...]:
        """Return the posterior's mean as the only one of ``(n_frames, 192)`` float32.

        Raises:
            EncoderError: The audio is not at 32 kHz or shorter than 705 samples, or the encoder gives
                values that are no numbers.
        """
        import torch

        loaded = self._loaded
        device, own = home_of(loaded.style)
        heard = spectrogram(_checked(audio, self.id), device=device)
        with torch.no_grad():
            speaker = _speaker_embedding(loaded, audio)

        def run(use: Use, dtype: torch.dtype) -> list[Tensor]:
            spectrum = heard.to(dtype)
            style = _style(loaded, spectrum, use)
            if loaded.project_speaker is not None:
                style = loaded.project_speaker(style.to(own), speaker).to(dtype)
            # A style that overflows may hide: the gates behind it saturate.
            return [_posterior_mean(self._posterior, spectrum, style, use), style]

        mean, _ = finite(
            run,
            [self._posterior, loaded.style],
            what=f"the posterior encoder of {loaded.source.en}",
        )
        return (mean[0].T.float().cpu().numpy(),)

    @property
    def _posterior(self) -> Any:
        return self._loaded.posterior


def spectrogram(audio: Audio, *, device: torch.device | str = "cpu") -> Tensor:
    """Return the magnitudes that every part of SoVITS reads: ``(1, 1025, n_samples // 640)`` float32.

    The same as ``spectrogram_torch(y, 2048, 32000, 640, 2048, center=False)`` in GPT-SoVITS's
    ``module/mel_processing.py``, on audio scaled as ``get_spepc`` in ``inference_webui.py`` scales it.
    Under the root it adds 1e-8, as GPT-SoVITS does since its v4 of April 2025 (1e-6 before): a head
    shall hear the same whichever release it runs in.

    Args:
        audio: At 32 kHz, at least 705 samples (it is padded by reflecting 704).
        device: Where to compute and leave it.
    """
    import torch

    samples = torch.tensor(audio.samples, dtype=torch.float32, device=device)[None]
    samples = samples / _divisor(audio)
    padded = torch.nn.functional.pad(samples[None], (_PADDING, _PADDING), mode="reflect")[0]
    window = torch.hann_window(_N_FFT, device=device)
    bins = torch.stft(
        padded, _N_FFT, hop_length=_HOP, window=window, center=False, return_complex=True
    )
    power = torch.view_as_real(bins).square().sum(-1)
    return torch.sqrt(power + 1e-8)


def _divisor(audio: Audio) -> float:
    peak = float(abs(audio.samples).max())
    return min(2.0, peak) if peak > 1 else 1.0


def _checked(audio: Audio, encoder_id: str) -> Audio:
    check_audio(
        audio,
        encoder_id=encoder_id,
        sampling_rate_hz=SovitsStyleEncoder.sampling_rate_hz,
        n_least=_PADDING + 1,
    )
    return audio


def _style(loaded: LoadedSovits, spectrum: Tensor, use: Use) -> Tensor:
    """Return ``(1, style_dim, 1)``; the mask is all ones, as for a single reference (``get_ge``)."""
    import torch

    mask = torch.ones_like(spectrum[:, :1])
    style: Tensor = use(loaded.style)(spectrum[:, : loaded.n_style_bins], mask)
    return style


def _speaker_embedding(loaded: LoadedSovits, audio: Audio) -> Tensor | None:
    import torch

    if loaded.project_speaker is None or loaded.speaker_embedding is None:
        return None
    device, dtype = home_of(loaded.style)
    slower = resample(audio, _SPEAKER_RATE_HZ)
    samples = torch.tensor(slower.samples, dtype=torch.float32, device=device)
    embedding: Tensor = loaded.speaker_embedding(samples[None] / _divisor(audio))
    return embedding.to(device, dtype)


def _posterior_mean(posterior: Any, spectrum: Tensor, style: Tensor, use: Use) -> Tensor:
    """Return ``(1, n_channels, n_frames)``: ``PosteriorEncoder.forward`` up to where it would sample."""
    import torch

    mask = torch.ones_like(spectrum[:, :1])
    hidden = use(posterior.pre)(spectrum)
    # Its old-style weight normalisation leaves 40 MB of computed weights behind; on the twin, not here.
    hidden = use(twin(posterior.enc))(hidden, mask, g=style)
    statistics = use(posterior.proj)(hidden)
    mean: Tensor = statistics[:, : posterior.out_channels]
    return mean
