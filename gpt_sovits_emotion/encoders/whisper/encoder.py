"""Layers of Whisper's encoder as embeddings, from the model that transcribes or from a head's own slice."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from gpt_sovits_emotion.core.errors import EncoderError
from gpt_sovits_emotion.core.loaded_models import LoadedWhisper
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import Audio
from gpt_sovits_emotion.encoders import EncoderName
from gpt_sovits_emotion.encoders.borrowed import check_audio
from gpt_sovits_emotion.encoders.whisper.sizes import usual_device, usual_precision
from gpt_sovits_emotion.encoders.whisper.spectrogram import HOP, MOST_SAMPLES
from gpt_sovits_emotion.encoders.whisper.weights import layers_in

if TYPE_CHECKING:
    import numpy as np

    from gpt_sovits_emotion.encoders.whisper.sizes import Precision
    from gpt_sovits_emotion.encoders.whisper.source import WhisperSource

__all__ = ["WhisperEncoder"]

_FEWEST_SAMPLES = 3_200  # 0.2 s, as the prosody encoder


class WhisperEncoder:
    """Mean and spread over time of one or several layers of Whisper's encoder.

    A clip is heard with half a second of silence after it, not padded to 30 seconds as for transcribing, and
    only its own frames are pooled. What is longer than 30 seconds is heard in pieces of equal length, whose
    frames are pooled together. Only the stem and the layers up to the highest one are read and run.

    Args:
        loaded: The model.
        layers: Ascending, each once; see `EncoderName.layers`.
        precision: On the CPU ``float32`` or ``int8``, else ``float32``, ``bfloat16`` or ``float16``; None
            takes what suits the device (see `precision.usual_precision`).
        device: ``cpu``, or as torch names it; None takes the graphics card where torch has one.

    Raises:
        WhisperModelError: The model is missing, damaged, or of another size.
        EncoderError: It has fewer layers.
    """

    sampling_rate_hz = 16_000
    frame_rate_hz = 50.0
    input_scaling = "none: Whisper takes the loudest moment of each clip as its reference"

    def __init__(
        self,
        loaded: LoadedWhisper,
        layers: Sequence[int],
        *,
        precision: Precision | None = None,
        device: str | None = None,
    ) -> None:
        self._loaded = loaded
        self.layers = tuple(layers)
        device = device or usual_device()
        self._weights = layers_in(
            loaded.folder,
            loaded.size,
            device=device,
            precision=precision or usual_precision(device),
        )
        n_layers = self._weights.source.shape.n_layers
        if self.layers[-1] > n_layers:
            raise EncoderError(
                tr(
                    "the encoder {id!r} reads layer {layers}, but {path} has {n_layers}; choose a head "
                    "that reads others, or a whole model",
                    id=self.id,
                    layers=self.layers[-1],
                    path=self._weights.source.path,
                    n_layers=n_layers,
                )
            )

    @property
    def id(self) -> str:
        """``whisper-``, the size, and the layers."""
        return EncoderName(f"whisper-{self._loaded.size}", self.layers).id

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
        return self._weights.batch_s

    def encode(self, audios: Sequence[Audio]) -> np.ndarray:
        """Return ``(n_segments, dim)`` float32, all finite: per layer the mean, then the standard deviation.

        Audios of similar length go through together; see `weights.WhisperLayers`.

        Raises:
            EncoderError: An audio is not at 16 kHz or shorter than 0.2 s, or Whisper gives values that are no
                numbers.
            WhisperModelError: A tensor that is read now is damaged.
            BackendError: The graphics card has no memory left even for one of them.
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
            heard = self._weights.frames([piece for _, piece in batch], self.layers)
            for (row, _), frames in zip(batch, heard, strict=True):
                sums.add(row, frames)
        embeddings = sums.pooled()
        if not np.isfinite(embeddings).all():
            raise EncoderError(
                tr(
                    "the Whisper model of {source} gives values that are no numbers; its weights are "
                    "damaged: download the model again",
                    source=self._loaded.source,
                )
            )
        return embeddings


class _Sums:
    """Mean and deviation over frames that arrive piece by piece (Chan et al. 1983)."""

    def __init__(self, n_audios: int, n_layers: int, width: int) -> None:
        import numpy as np

        self._n = np.zeros((n_audios, 1, 1))
        self._mean = np.zeros((n_audios, n_layers, width))
        self._squares = np.zeros((n_audios, n_layers, width))

    def add(self, row: int, frames: Sequence[np.ndarray]) -> None:
        """Add ``(n, width)`` frames of each layer to those of an audio."""
        import numpy as np

        n = len(frames[0])
        ones = np.ones(n, np.float32)  # as products: numpy sums over the first axis more slowly
        found = [ones @ layer / n for layer in frames]
        spread = [ones @ np.square(layer - mean) for layer, mean in zip(frames, found, strict=True)]
        means, squares = np.stack(found).astype(np.float64), np.stack(spread).astype(np.float64)
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
