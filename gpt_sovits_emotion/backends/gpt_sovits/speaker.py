"""The speaker-verification network that the Pro models listen with, from the files of a checkout."""

from __future__ import annotations

import threading
from typing import Any

from gpt_sovits_emotion.backends.gpt_sovits.checkpoints import read_state
from gpt_sovits_emotion.backends.gpt_sovits.classes import speaker_modules_from_checkout
from gpt_sovits_emotion.backends.gpt_sovits.layout import Checkout
from gpt_sovits_emotion.backends.gpt_sovits.parts import unfilled
from gpt_sovits_emotion.core.errors import BackendError

__all__ = ["SpeakerVerifier"]

# GPT_SoVITS/sv.py
_SHAPE = {"baseWidth": 24, "scale": 4, "expansion": 4}
_FBANK = {"num_mel_bins": 80, "sample_frequency": 16_000, "dither": 0}


class SpeakerVerifier:
    """Gives a speaker embedding as ``SV.compute_embedding3`` of ``GPT_SoVITS/sv.py`` does.

    Loaded when it is called for the first time, 70 MB, and kept.
    """

    def __init__(self, checkout: Checkout, *, device: Any = "cpu") -> None:
        self._checkout = checkout
        self._device = device
        self._loading = threading.Lock()
        self._network: Any = None

    def __call__(self, waveform: Any) -> Any:
        """Return ``(1, 20480)`` for a ``(1, n_samples)`` float32 tensor at 16 kHz.

        Raises:
            BackendError: The model or its classes are not there, or do not fit each other.
        """
        import torch

        _, fbank = speaker_modules_from_checkout(self._checkout.root)
        network = self._loaded()
        with torch.no_grad():
            bands = [fbank(row.unsqueeze(0), **_FBANK) for row in waveform.to(self._device)]
            return network.forward3(torch.stack(bands))

    def _loaded(self) -> Any:
        with self._loading:
            if self._network is None:
                self._network = self._load()
            return self._network

    def _load(self) -> Any:
        import torch

        path = self._checkout.speaker_model
        network_class, _ = speaker_modules_from_checkout(self._checkout.root)
        state = read_state(path)
        with unfilled():
            network = network_class(**_SHAPE)
        try:
            network.load_state_dict(state, strict=True, assign=True)
        except RuntimeError as error:
            raise BackendError(
                f"{path} does not fit the speaker network of this checkout: download the file again",
                zh=f"{path} 与此目录的说话人网络不符：请重新下载该文件",
            ) from error
        return network.eval().requires_grad_(False).to(self._device, torch.float32)
