"""eSpeak NG as a voice: plain text in, samples out.

The library and its data come from the wheel ``espeakng-loader``, so no system package is needed. It is a
formant synthesiser: small, fast (hundreds of times faster than real time), in over a hundred languages,
and no one's voice.

eSpeak NG keeps its state in C globals. `Espeak` therefore shares one loaded library per process, behind
one lock. Its noise is seeded before every utterance; the slow waver of its pitch (``flutter``) is not
reset by the library between utterances, so two processes that say the same things in the same order get
the same samples, while the same text said twice in one process differs by a hair.

Limits that come from the library: pitch and range 0 to 99, rate 80 to 450 words per minute; Japanese is
read from kana only (kanji are spelled out). Where a low voice with a wide range would bring a tone under
0 Hz, eSpeak NG 1.52 dies and takes the process along: such settings are held back here, and the few
variants that die near their middle settings are not offered.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpt_sovits_emotion.backends.espeak_library import EspeakVoice, Settings, shared_library
from gpt_sovits_emotion.core.errors import BackendError
from gpt_sovits_emotion.core.messages import in_both, of_list, tr

if TYPE_CHECKING:
    import numpy as np

__all__ = [
    "PITCH_LIMITS",
    "RATE_LIMITS_WPM",
    "VOLUME_LIMITS",
    "Espeak",
    "EspeakVoice",
    "VoiceShape",
]

PITCH_LIMITS = (0, 99)
"""Lowest and highest setting of pitch and of pitch range; 50 is a voice's own."""
RATE_LIMITS_WPM = (80, 450)
"""Slowest and fastest rate, nominal English words per minute; 175 is eSpeak's own."""
VOLUME_LIMITS = (0, 200)
"""Softest and loudest setting; 100 is eSpeak's own."""

_DEADLY_VARIANTS = frozenset({"Annie", "Demonic", "rob", "shelby"})
_SAFE_RANGE_AT_PITCH_0 = 70
"""Found by 5,250 trials in Chinese and Cantonese: the other variants live up to a range of 80 + pitch."""
_SHAPE_LIMITS_HZ = (50.0, 1000.0)
_SHAPE_WIDEST = 4.0
"""Found by 6,000 random shapes, texts and languages within these limits, of which none died."""


@dataclass(frozen=True, slots=True)
class VoiceShape:
    """A voice described in numbers, for what the variants and the 0-to-99 settings do not reach.

    Written out as a voice file (espeak-ng, docs/voices.md) when it is used. The defaults are eSpeak's.

    Attributes:
        low_hz, high_hz: Between these the pitch of an ordinary statement moves; at least 50 Hz, at
            most two octaves apart and 1,000 Hz.
        formant_scale: Factor on all formant frequencies: below 1 a longer vocal tract, above 1 a shorter.
        flutter: Slow irregular waver of the pitch (0 to 20 and more; 2).
        roughness: Creak: alternate periods differ (0 to 7; 2).
        breath: Noise through the formants, in units of the file (0 to 100; 0).
        voicing: Strength of the voice against the noise, percent (100).
    """

    low_hz: float = 82.0
    high_hz: float = 118.0
    formant_scale: float = 1.0
    flutter: int = 2
    roughness: int = 2
    breath: int = 0
    voicing: int = 100

    def __post_init__(self) -> None:
        lowest_hz, highest_hz = _SHAPE_LIMITS_HZ
        widest_hz = min(_SHAPE_WIDEST * self.low_hz * (1 + 1e-6), highest_hz)
        if not (lowest_hz <= self.low_hz <= self.high_hz <= widest_hz):
            raise ValueError(
                f"a pitch of {self.low_hz:g} to {self.high_hz:g} Hz is not safe with eSpeak NG; "
                f"it must begin at {lowest_hz:g} Hz or above, span two octaves at most, "
                f"and end at {highest_hz:g} Hz or below"
            )

    def definition(self) -> str:
        """Return the lines of the voice file."""
        scale = round(100 * self.formant_scale)
        lines = [
            "language variant",
            f"pitch {round(self.low_hz)} {round(self.high_hz)}",
            f"flutter {self.flutter}",
            f"roughness {self.roughness}",
            f"voicing {self.voicing}",
        ]
        if self.formant_scale != 1.0:
            lines += [f"formant {number} {scale} 100 100" for number in range(1, 9)]
        if self.breath:
            lines.append("breath" + f" {self.breath}" * 8)
        return "\n".join(lines) + "\n"


class Espeak:
    """The eSpeak NG of this process.

    Raises:
        MissingExtraError: The wheel ``espeakng-loader`` is not installed.
        BackendError: Its library does not load or does not find its data.

    Examples:
        >>> samples, sampling_rate_hz = Espeak().say("Good morning.", language="en")
        >>> sampling_rate_hz, samples.dtype.name
        (22050, 'float32')
    """

    def __init__(self) -> None:
        self._library = shared_library()

    @property
    def sampling_rate_hz(self) -> int:
        """Rate of everything it says."""
        return self._library.sampling_rate_hz

    def languages(self) -> Mapping[str, EspeakVoice]:
        """Return every language it speaks, eSpeak's code -> voice."""
        return self._library.voices

    def codes(self) -> frozenset[str]:
        """Return every code that `say` takes: eSpeak's own and the wider ones (zh, en, fr, no)."""
        return frozenset(self._library.code_of)

    def variants(self) -> frozenset[str]:
        """Return the names of the voice variants, which go with any language: ``m3``, ``f2``, …."""
        return self._library.variants - _DEADLY_VARIANTS

    def voice_for(self, language: str) -> EspeakVoice:
        """Find the voice of a language code: Whisper's, eSpeak's, or a longer one such as ``zh-CN``.

        Raises:
            BackendError: eSpeak NG has no such language; the message names the nearest ones.
        """
        code = language.strip().casefold().replace("_", "-")
        while code:
            if code in self._library.code_of:
                return self._library.voices[self._library.code_of[code]]
            code = code.rpartition("-")[0]
        raise _unknown_language(language, self._library.voices)

    def say(
        self,
        text: str,
        *,
        language: str,
        variant: str | VoiceShape = "",
        pitch: int = 50,
        pitch_range: int = 50,
        rate_wpm: int = 175,
        volume: int = 100,
        seed: int = 0,
    ) -> tuple[np.ndarray, int]:
        """Say plain text; nothing in it is taken for markup.

        Args:
            text: What to say. Control characters, by which eSpeak's own commands begin, become spaces.
            language: A code that `voice_for` understands.
            variant: A name from `variants`, or a voice described in numbers; "" for the language's own.
            pitch: Base pitch, `PITCH_LIMITS`.
            pitch_range: How far the pitch moves, `PITCH_LIMITS`; 0 is a monotone. At low pitches it is
                held to 70 + pitch, for eSpeak's life.
            rate_wpm: Speaking rate, `RATE_LIMITS_WPM`.
            volume: Amplitude, `VOLUME_LIMITS`; above 100 loud voices may clip.
            seed: Seeds the noise in breathy and voiceless sounds.

        Returns:
            ``(n_samples,)`` float32 samples with eSpeak's own leading and trailing silence (empty when
            the text has nothing that can be spoken), and their rate in Hz.

        Raises:
            BackendError: The language or the variant is unknown, or the library failed.
            ValueError: A setting is outside its limits, or a described voice comes with a pitch or range
                of its own.
        """
        voice = self.voice_for(language)
        settings = Settings(
            rate_wpm=_within(rate_wpm, RATE_LIMITS_WPM, "rate_wpm"),
            volume=_within(volume, VOLUME_LIMITS, "volume"),
            pitch=_within(pitch, PITCH_LIMITS, "pitch"),
            pitch_range=min(
                _within(pitch_range, PITCH_LIMITS, "pitch_range"), _SAFE_RANGE_AT_PITCH_0 + pitch
            ),
            seed=seed,
        )
        name, definition = "", ""
        if isinstance(variant, VoiceShape):
            if (pitch, pitch_range) != (50, 50):
                raise ValueError(
                    "a VoiceShape has its own pitch; leave pitch and pitch_range at 50"
                )
            definition = variant.definition()
        else:
            name = self._checked_variant(variant)
        samples = self._library.say(
            _plain(text), voice, variant=name, definition=definition, settings=settings
        )
        return samples, self.sampling_rate_hz

    def _checked_variant(self, variant: str) -> str:
        # The library itself says nothing about an unknown variant and speaks without it.
        offered = self.variants()
        if variant and variant not in offered:
            near = difflib.get_close_matches(variant, sorted(offered), n=3, cutoff=0.0)
            raise BackendError(
                tr(
                    "eSpeak NG has no voice variant {variant!r}; near ones are {near}",
                    variant=variant,
                    near=of_list(near),
                )
            )
        return variant


def _within(value: int, limits: tuple[int, int], name: str) -> int:
    if not limits[0] <= value <= limits[1]:
        raise ValueError(f"{name} is {value}; it must lie in {limits[0]} to {limits[1]}")
    return int(value)


def _plain(text: str) -> bytes:
    # In unmarked text eSpeak reads only its own embedded commands, which begin with a control
    # character (0x01); a NUL would end the text.
    spoken = "".join(" " if unicodedata.category(char) == "Cc" else char for char in text)
    return spoken.encode("utf-8", errors="replace") + b"\0"


def _unknown_language(language: str, voices: Mapping[str, EspeakVoice]) -> BackendError:
    wanted = language.strip().casefold()
    if not wanted:  # a number, or letters that several languages write
        return BackendError(
            tr(
                "the language of this text is not known: its characters do not tell; say which it is "
                "(--language en, or the segment's language)"
            )
        )
    labels = {voice.code: voice.code for voice in voices.values()}
    for voice in voices.values():
        labels.setdefault(voice.name.casefold(), voice.code)
        labels.setdefault(voice.name.casefold().split()[0], voice.code)
    near = difflib.get_close_matches(wanted, labels, n=6, cutoff=0.3)
    codes = list(dict.fromkeys(labels[label] for label in near))[:3]
    named = ", ".join(f"{code} ({voices[code].name})" for code in codes)
    hint = f"near ones are {named}" if named else "try one of its codes, such as en, zh or de"
    hint_zh = f"相近的有 {named}" if named else "请试试它的代码，如 en、zh 或 de"
    return BackendError(
        tr(
            "eSpeak NG does not speak the language {language!r}; {hint}; set the language of the segment "
            "to one of them",
            language=language,
            hint=in_both(hint, hint_zh),
        )
    )
