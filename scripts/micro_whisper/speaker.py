"""eSpeak NG with the times of its words, which is what the micro Whisper learns alignment from.

The package's own binding (`gpt_sovits_emotion.hosts.espeak`) gives audio alone; this one also takes the
events that the library reports while it speaks. The two must not be used in one process: the library's
state is global.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from pathlib import Path

import espeakng_loader
import numpy as np

__all__ = ["ACCENTS", "Said", "Speaker"]

ACCENTS = {
    "zh": ("sit/cmn",),
    "en": ("gmw/en-US", "gmw/en-US", "gmw/en", "gmw/en-GB-x-rp", "gmw/en-GB-scotland"),
    "de": ("gmw/de",),
}
"""Language -> the eSpeak voices that speak it; one that is named twice is chosen twice as often."""

# speak_lib.h of eSpeak NG 1.52
_AUDIO_OUTPUT_SYNCHRONOUS = 2
_INITIALIZE_PHONEME_EVENTS = 1
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4
_POS_CHARACTER = 1
_CHARS_UTF8 = 1
_EVENT_LIST_TERMINATED = 0
_EVENT_WORD = 1
_EVENT_PHONEME = 7


class _EventId(ctypes.Union):
    _fields_ = (
        ("number", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("string", ctypes.c_char * 8),
    )


class _Event(ctypes.Structure):
    """``espeak_EVENT`` of speak_lib.h."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """What eSpeak said.

    Attributes:
        samples: ``(n_samples,)`` float32.
        sampling_rate_hz: Their rate.
        word_starts: (character in the text, seconds) of every word, in order.
        phoneme_starts: (eSpeak's name of the phoneme, seconds) of every phoneme, in order; "" and
            names that begin with ``_`` are pauses.
    """

    samples: np.ndarray
    sampling_rate_hz: int
    word_starts: tuple[tuple[int, float], ...]
    phoneme_starts: tuple[tuple[str, float], ...]


class Speaker:
    """The eSpeak NG of this process."""

    def __init__(self) -> None:
        self._c = ctypes.CDLL(espeakng_loader.get_library_path())
        data = espeakng_loader.get_data_path()
        self._rate_hz = self._c.espeak_Initialize(
            _AUDIO_OUTPUT_SYNCHRONOUS, 0, data.encode(), _INITIALIZE_PHONEME_EVENTS
        )
        if self._rate_hz <= 0:
            raise RuntimeError(f"eSpeak NG found no data in {data}")
        self._c.espeak_ng_SetRandSeed.argtypes = [ctypes.c_long]
        self._chunks: list[bytes] = []
        self._word_starts: list[tuple[int, float]] = []
        self._phoneme_starts: list[tuple[str, float]] = []
        self._callback = _Callback(self._receive)  # kept: C holds the pointer
        self._c.espeak_SetSynthCallback(self._callback)
        self.variants = sorted(path.name for path in (Path(data) / "voices" / "!v").iterdir())

    def say(
        self,
        text: str,
        *,
        voice: str,
        variant: str,
        pitch: int,
        pitch_range: int,
        rate_wpm: int,
        volume: int,
        seed: int,
    ) -> Said:
        """Say `text`; the settings are eSpeak's own (0 to 99, words per minute, 100 is normal)."""
        name = f"{voice}+{variant}" if variant else voice
        if self._c.espeak_SetVoiceByName(name.encode()) != 0:
            raise ValueError(f"eSpeak NG has no voice {name}")
        settings = {_RATE: rate_wpm, _VOLUME: volume, _PITCH: pitch, _RANGE: pitch_range}
        for parameter, value in settings.items():
            self._c.espeak_SetParameter(parameter, value, 0)
        self._c.espeak_ng_SetRandSeed(seed)
        self._chunks.clear()
        self._word_starts.clear()
        self._phoneme_starts.clear()
        data = text.encode() + b"\0"
        self._c.espeak_Synth(
            data, ctypes.c_size_t(len(data)), 0, _POS_CHARACTER, 0, _CHARS_UTF8, None, None
        )
        samples = np.frombuffer(b"".join(self._chunks), dtype=np.int16).astype(np.float32) / 32768
        return Said(samples, self._rate_hz, tuple(self._word_starts), tuple(self._phoneme_starts))

    def _receive(self, samples: object, n_samples: int, events: object) -> int:
        if samples and n_samples > 0:
            self._chunks.append(ctypes.string_at(samples, 2 * n_samples))  # type: ignore[arg-type]
        index = 0
        while events[index].type != _EVENT_LIST_TERMINATED:  # type: ignore[index]
            event = events[index]  # type: ignore[index]
            if event.type == _EVENT_WORD:
                self._word_starts.append((event.text_position - 1, event.audio_position / 1000))
            elif event.type == _EVENT_PHONEME:
                name = bytes(event.id.string).partition(b"\0")[0].decode()
                self._phoneme_starts.append((name, event.audio_position / 1000))
            index += 1
        return 0
