"""One Whisper model at work on the windows of one recording."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gpt_sovits_emotion.core.errors import WhisperModelError
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import Word
from gpt_sovits_emotion.core.telemetry import forbid_telemetry
from gpt_sovits_emotion.transcription.heard import Heard, JoinedTime
from gpt_sovits_emotion.transcription.options import TranscribeOptions
from gpt_sovits_emotion.transcription.windows import Window

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

__all__ = ["Ear", "Sound"]

_MOST_COMPRESSION = 6.0
"""Whisper's own limit is 2.4, and a speaker who says a sentence eight times in 30 s exceeds it (4.5 was
measured), is decoded five times more at rising temperatures, and comes out wrong. Loops compress by 10
to 25; what is left of them is found by the guards."""
_TEMPERATURES = (0.0, 0.2, 0.4, 0.6)
_ALONE_TEMPERATURES = (0.0,)
"""Sampling at higher ones makes up words where there are none, over noise most of all."""
_REMAINDER_S = 0.5  # less speech than that behind the last word is its end, not another sentence
_CONTEXT_S = (
    0.5  # of the encoding around a stretch; without it half of the languages come out wrong
)
_MOST_PROMPT_TOKENS = 220  # half of Whisper's text, less what marks the beginning
_FRAMES_PER_S = 50  # of the encoding


class _AllTranscribedError(Exception):
    """There is no speech left to decode."""


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """What Whisper makes of one window before it writes anything.

    Attributes:
        window: The window.
        samples: ``(n_samples,)`` of what it hears.
        time: From time in the samples to the recording's.
        features: ``(n_mels, n_frames)`` of the samples.
        encoding: The encoder's output of the first 30 s, None where nobody has asked for it yet.
    """

    window: Window
    samples: np.ndarray
    time: JoinedTime
    features: np.ndarray | None = None
    encoding: Any = None


class Ear:
    """A model with the options by which it hears."""

    def __init__(self, model: WhisperModel, options: TranscribeOptions) -> None:
        self._model = model
        self._options = options
        self._prompt = _one_line(options.initial_prompt)
        self._hotwords = _one_line(options.hotwords)
        self._check_prompt()

    @property
    def is_multilingual(self) -> bool:
        """Whether it can tell languages apart."""
        return bool(self._model.model.is_multilingual)

    def sound(self, window: Window, read: Callable[[float, float], np.ndarray]) -> Sound:
        """Read what a window hears."""
        samples = np.concatenate([read(one.start_s, one.end_s) for one in window.heard])
        return Sound(window, samples, JoinedTime(window.heard))

    def encoded(self, sound: Sound) -> Sound:
        """Return `sound` with its encoding, which is computed once for languages and words."""
        forbid_telemetry()
        from faster_whisper.audio import pad_or_trim

        extractor = self._model.feature_extractor
        features = extractor(sound.samples)
        n_frames = min(extractor.nb_max_frames, features.shape[-1] - 1)
        with _as_one_sentence():
            encoding = self._model.encode(pad_or_trim(features[:, :n_frames]))
        return Sound(sound.window, sound.samples, sound.time, features, encoding)

    def languages(
        self, sound: Sound, stretches: Sequence[tuple[float, float] | None]
    ) -> list[dict[str, float]]:
        """Return, for each stretch of an encoded window, how probable each language is.

        The encoding is cut to the stretch and half a second around it, which costs a decoder step and no
        encoder's pass. Alone in a window of its own, nearly the same language comes out.

        Args:
            sound: With its encoding.
            stretches: Start and end in the recording; None for the whole window.
        """
        from ctranslate2 import StorageView

        encoding = _on_cpu(sound.encoding)
        found: list[dict[str, float]] = []
        for stretch in stretches:
            first, last = 0, encoding.shape[1]
            if stretch is not None:
                first = int((sound.time.joined(stretch[0]) - _CONTEXT_S) * _FRAMES_PER_S)
                last = int((sound.time.joined(stretch[1]) + _CONTEXT_S) * _FRAMES_PER_S)
            cut = np.ascontiguousarray(encoding[:, max(first, 0) : last])
            if cut.shape[1] == 0:  # behind the first 30 s
                cut = encoding
            with _as_one_sentence():
                probable = self._model.model.detect_language(StorageView.from_array(cut))[0]
            found.append({token[2:-2]: float(share) for token, share in probable})
        return found

    def _check_prompt(self) -> None:
        """Refuse a prompt that faster-whisper would cut, or that leaves no room for what is heard."""
        text = f"{self._hotwords} {self._prompt}".strip()
        if not text:
            return
        n_tokens = len(self._model.hf_tokenizer.encode(text, add_special_tokens=False).ids)
        if n_tokens > _MOST_PROMPT_TOKENS:
            raise WhisperModelError(
                tr(
                    "the initial prompt and the hotwords are {n_tokens} tokens long together; Whisper "
                    "takes {most_prompt_tokens}, about {most_prompt_tokens_2} letters or "
                    "{most_prompt_tokens_3} Chinese characters; shorten them",
                    n_tokens=n_tokens,
                    most_prompt_tokens=_MOST_PROMPT_TOKENS,
                    most_prompt_tokens_2=_MOST_PROMPT_TOKENS * 4,
                    most_prompt_tokens_3=_MOST_PROMPT_TOKENS // 2,
                )
            )

    def hear(self, sound: Sound, language: str | None, *, alone: bool = False) -> Iterator[Heard]:
        """Yield what is said in a window, in the recording's time.

        Args:
            sound: The window.
            language: Its language; None to let faster-whisper detect it.
            alone: It is one stretch that got no words among others: try harder.
        """
        model = self._model
        last_s = [-1.0]
        if sound.window.speech or sound.encoding is not None:
            model = _prepared(model, sound, lambda: _has_more(sound, last_s[0]))
        # Each window is heard afresh (condition_on_previous_text=False): a text once invented is not
        # carried on, at the price of names spelled differently now and then. Silence is skipped around
        # suspicious words only where voice activity detection has not left it out already.
        options: dict[str, Any] = {
            "language": language,
            "beam_size": self._options.beam_size,
            "temperature": list(_ALONE_TEMPERATURES if alone else _TEMPERATURES),
            "word_timestamps": True,
            "condition_on_previous_text": False,
            "compression_ratio_threshold": 2.4 if alone else _MOST_COMPRESSION,
            "log_prob_threshold": -1.0,
            "no_speech_threshold": None if alone else 0.6,
            "hallucination_silence_threshold": None if sound.window.speech else 2.0,
            "language_detection_segments": 4,
            "initial_prompt": self._prompt or None,
            "hotwords": self._hotwords or None,
        }
        with _as_one_sentence():
            try:
                segments, info = model.transcribe(sound.samples, **options)
                for segment in segments:
                    heard = sound.time.restore(_heard(segment, info.language))
                    last_s[0] = heard.end_s
                    yield heard
            except _AllTranscribedError:
                return


def _one_line(text: str) -> str:
    """Return text without line breaks and double blanks."""
    return " ".join(text.split())


def _heard(segment: Any, language: str) -> Heard:
    return Heard(
        start_s=segment.start,
        end_s=segment.end,
        text=segment.text.strip(),
        language=language,
        words=tuple(
            Word(word.start, word.end, word.word, float(word.probability))
            for word in segment.words or ()
        ),
        average_log_probability=segment.avg_logprob,
        no_speech_probability=segment.no_speech_prob,
        compression_ratio=segment.compression_ratio,
    )


def _has_more(sound: Sound, last_s: float) -> bool:
    """Say whether there is speech behind what was heard so far."""
    left_s = sum(max(one.end_s - max(one.start_s, last_s), 0.0) for one in sound.window.speech)
    return not sound.window.speech or left_s >= _REMAINDER_S


def _prepared(model: WhisperModel, sound: Sound, has_more: Callable[[], bool]) -> WhisperModel:
    """Return a view of `model` that encodes `sound` no second time, and stops when all is heard.

    faster-whisper decodes a window, and then whatever lies behind the last word, if the window did not end
    in a time of its own; of silence it makes words that nobody said. Weights are shared with `model`.
    """
    view = copy.copy(model)
    n_encoded = 0

    def encode(features: np.ndarray) -> Any:
        nonlocal n_encoded
        n_encoded += 1
        if n_encoded == 1 and sound.encoding is not None:
            return sound.encoding
        if n_encoded > 1 and not has_more():
            raise _AllTranscribedError
        return model.encode(features)

    view.encode = encode
    if sound.features is not None:
        view.feature_extractor = _Extracted(model.feature_extractor, sound.features)
    return view


class _Extracted:
    """A feature extractor that has done its work; all else of it is the extractor's own."""

    def __init__(self, extractor: Any, features: np.ndarray) -> None:
        self._extractor, self._features = extractor, features

    def __call__(self, *_: Any, **__: Any) -> np.ndarray:
        return self._features

    def __getattr__(self, name: str) -> Any:
        return getattr(self._extractor, name)


def _on_cpu(encoding: Any) -> np.ndarray:
    """Return an encoding as ``(1, n_frames, dim)`` float32, wherever it lies and whatever its type."""
    from ctranslate2 import DataType, Device

    if encoding.device != "cpu":
        encoding = encoding.to_device(Device.cpu)
    if encoding.dtype != DataType.float32:
        encoding = encoding.to(DataType.float32)
    return np.asarray(encoding)


class _as_one_sentence:  # noqa: N801 - a context manager is named as what it does
    """Turn what CTranslate2 raises into one sentence."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, (RuntimeError, ValueError)):
            raise WhisperModelError(
                tr(
                    "Whisper failed while listening ({error}); if the memory was short, choose a smaller "
                    "model or the device cpu",
                    error=error,
                )
            ) from error
