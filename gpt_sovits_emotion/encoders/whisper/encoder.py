"""Layers of Whisper's encoder as embeddings, from the model that transcribes or from a head's own slice."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from gpt_sovits_emotion.encoders import EncoderName
from gpt_sovits_emotion.encoders.borrowed import check_audio
from gpt_sovits_emotion.encoders.whisper.forward import (
    HOP,
    MOST_SAMPLES,
    hidden_states,
    log_mel,
    n_own_frames,
)
from gpt_sovits_emotion.encoders.whisper.precision import dtype_for, usual_device
from gpt_sovits_emotion.encoders.whisper.weights import weights_in
from gpt_sovits_emotion.errors import EncoderError, HostError
from gpt_sovits_emotion.lending import LentWhisper
from gpt_sovits_emotion.records import Audio

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from gpt_sovits_emotion.encoders.whisper.precision import Precision
    from gpt_sovits_emotion.encoders.whisper.source import WhisperSource

__all__ = ["WhisperEncoder"]

_FEWEST_SAMPLES = 3_200  # 0.2 s, as the prosody encoder
_BATCH_S = 32.0  # on a CPU: enough for its matrix products, little enough for its caches
_BATCH_S_OF_CARD = 240.0


class WhisperEncoder:
    """Mean and spread over time of one or several layers of Whisper's encoder.

    A clip is heard with half a second of silence after it, not padded to 30 seconds as for transcribing, and
    only its own frames are pooled. What is longer than 30 seconds is heard in pieces of equal length, whose
    frames are pooled together. Only the stem and the layers up to the highest one are read and run.

    Args:
        lent: The model.
        layers: Ascending, each once; see `EncoderName.layers`.
        precision: ``float32``, ``bfloat16`` or ``float16``; None takes what suits the machine (see
            `precision.dtype_for`).
        device: As torch names it; None takes the graphics card where torch has one.

    Raises:
        WhisperModelError: The model is missing, damaged, or of another size.
        EncoderError: It has fewer layers.
    """

    sampling_rate_hz = 16_000
    frame_rate_hz = 50.0
    input_scaling = "none: Whisper takes the loudest moment of each clip as its reference"

    def __init__(
        self,
        lent: LentWhisper,
        layers: Sequence[int],
        *,
        precision: Precision | None = None,
        device: str | None = None,
    ) -> None:
        import torch

        self._lent = lent
        self.layers = tuple(layers)
        where = torch.device(device) if device is not None else usual_device()
        self._weights = weights_in(
            lent.folder, lent.size, device=where, dtype=dtype_for(where, precision)
        )
        n_layers = self._weights.source.shape.n_layers
        if self.layers[-1] > n_layers:
            raise EncoderError(
                f"the encoder {self.id!r} reads layer {self.layers[-1]}, but {self._weights.source.path} has "
                f"{n_layers}; choose a head that reads others, or a whole model",
                zh=f"编码器 {self.id!r} 要读取第 {self.layers[-1]} 层，而 {self._weights.source.path} 只有 "
                f"{n_layers} 层；请换一个情感模型，或使用完整的 Whisper 模型",
            )

    @property
    def id(self) -> str:
        """``whisper-``, the size, and the layers."""
        return EncoderName(f"whisper-{self._lent.size}", self.layers).id

    @property
    def source(self) -> WhisperSource:
        """Where its weights are read."""
        return self._weights.source

    @property
    def dim(self) -> int:
        """Length of one embedding: mean and standard deviation of each layer."""
        return len(self.layers) * 2 * self._weights.source.shape.width

    @property
    def fingerprint(self) -> str:
        """Of the stem and the layers up to the highest one; see `weights.fingerprint_of`."""
        return self._weights.fingerprint(self.layers[-1])

    @property
    def batch_s(self) -> float:
        """Seconds of audio that it does best at once."""
        return _BATCH_S if self._weights.device.type == "cpu" else _BATCH_S_OF_CARD

    def encode(self, audios: Sequence[Audio]) -> np.ndarray:
        """Return ``(n_segments, dim)`` float32, all finite: per layer the mean, then the standard deviation.

        Audios of similar length go through together; see `forward`.

        Raises:
            EncoderError: An audio is not at 16 kHz or shorter than 0.2 s, or Whisper gives values that are no
                numbers.
            WhisperModelError: A tensor that is read now is damaged.
            HostError: The graphics card has no memory left even for one of them.
        """
        import numpy as np

        for audio in audios:
            check_audio(
                audio,
                encoder_id=self.id,
                sampling_rate_hz=self.sampling_rate_hz,
                n_least=_FEWEST_SAMPLES,
            )
        pieces = [
            (row, piece) for row, audio in enumerate(audios) for piece in _pieces(audio.samples)
        ]
        sums = _Sums(len(audios), len(self.layers), self._weights.source.shape.width)
        for batch in _batches(pieces, self.batch_s):
            for (row, piece), frames in zip(
                batch, self._frames([piece for _, piece in batch]), strict=True
            ):
                sums.add(row, frames, n_own_frames(len(piece)))
        embeddings = sums.pooled()
        if not np.isfinite(embeddings).all():
            raise EncoderError(
                f"the Whisper model of {self._lent.source.en} gives values that are no numbers; its weights "
                "are damaged: download the model again",
                zh=f"{self._lent.source.zh} 的 Whisper 模型给出无效数值；其权重已损坏：请重新下载该模型",
            )
        return embeddings

    def _frames(self, pieces: Sequence[np.ndarray]) -> list[list[Tensor]]:
        """Return, per piece, ``(n_frames, width)`` float32 of each layer, of its own frames alone."""
        import torch

        weights = self._weights
        try:
            with torch.inference_mode():
                mels = [
                    log_mel(piece, weights.source.shape.n_mels, weights.device) for piece in pieces
                ]
                hidden = hidden_states(mels, weights, self.layers)
                return [
                    [states[i, : n_own_frames(len(piece))] for states in hidden]
                    for i, piece in enumerate(pieces)
                ]
        except torch.cuda.OutOfMemoryError as error:
            if len(pieces) == 1:
                raise HostError(
                    f"the graphics card has no memory left for the encoder {self.id!r}; close what else uses "
                    "it",
                    zh=f"显存不足，无法运行编码器 {self.id!r}；请关闭占用显存的程序",
                ) from error
        half = len(pieces) // 2
        return self._frames(pieces[:half]) + self._frames(pieces[half:])


class _Sums:
    """Mean and deviation over frames that arrive piece by piece (Chan et al. 1983)."""

    def __init__(self, n_audios: int, n_layers: int, width: int) -> None:
        import numpy as np

        self._n = np.zeros((n_audios, 1, 1))
        self._mean = np.zeros((n_audios, n_layers, width))
        self._squares = np.zeros((n_audios, n_layers, width))

    def add(self, row: int, frames: Sequence[Tensor], n: int) -> None:
        """Add ``(n, width)`` frames of each layer to those of an audio."""
        import numpy as np
        import torch

        with torch.inference_mode():
            # As products: torch's own mean and variance over the first axis take three times as long.
            ones = frames[0].new_ones(n)
            found = [ones @ layer / n for layer in frames]
            spread = [
                ones @ (layer - mean).square_() for layer, mean in zip(frames, found, strict=True)
            ]
            means = torch.stack(found).cpu().numpy().astype(np.float64)
            squares = torch.stack(spread).cpu().numpy().astype(np.float64)
        before = self._n[row]
        step = means - self._mean[row]
        self._squares[row] += squares + step**2 * before * n / (before + n)
        self._mean[row] += step * n / (before + n)
        self._n[row] += n

    def pooled(self) -> np.ndarray:
        """Return ``(n_audios, n_layers * 2 * width)`` float32, in the order of `pooling.pool`."""
        import numpy as np

        deviation = np.sqrt(self._squares / np.maximum(self._n, 1))
        both = np.stack([self._mean, deviation], axis=2)
        pooled: np.ndarray = both.reshape(len(both), math.prod(both.shape[1:])).astype(np.float32)
        return pooled


def _pieces(samples: np.ndarray) -> list[np.ndarray]:
    """Cut audio that is longer than the positions reach into pieces of equal length, on frames."""
    n_pieces = math.ceil(len(samples) / MOST_SAMPLES)
    length = HOP * math.ceil(len(samples) / n_pieces / HOP)
    return [samples[start : start + length] for start in range(0, len(samples), length)]


def _batches(
    pieces: Sequence[tuple[int, np.ndarray]], batch_s: float
) -> Iterator[list[tuple[int, np.ndarray]]]:
    """Yield pieces, longest first, in batches of at most `batch_s` seconds, padding included."""
    most = batch_s * WhisperEncoder.sampling_rate_hz
    batch: list[tuple[int, np.ndarray]] = []
    for row, piece in sorted(pieces, key=lambda pair: -len(pair[1])):
        if batch and len(batch[0][1]) * (len(batch) + 1) > most:
            yield batch
            batch = []
        batch.append((row, piece))
    if batch:
        yield batch
