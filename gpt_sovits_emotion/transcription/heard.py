"""What faster-whisper gave, before guards and segmentation, in the recording's own time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gpt_sovits_emotion.core.records import Word
from gpt_sovits_emotion.transcription.speech import Stretch

__all__ = ["Heard", "JoinedTime", "plain_text", "speech_share"]


@dataclass(frozen=True, slots=True)
class Heard:
    """One stretch of text as the recogniser gave it.

    Attributes:
        start_s, end_s: When, in the recording.
        text: What, without outer spaces.
        language: Its language code.
        words: With times, in order; empty when word times were not asked for.
        average_log_probability: Of its tokens; the recogniser is unsure below about -1.
        no_speech_probability: How probable the recogniser holds it that nobody speaks there.
        compression_ratio: Of the text by zlib; text that repeats itself compresses well.
        speech_share: Share of its time that voice activity detection takes for speech; None when that
            was not asked.
    """

    start_s: float
    end_s: float
    text: str
    language: str
    words: tuple[Word, ...]
    average_log_probability: float
    no_speech_probability: float
    compression_ratio: float
    speech_share: float | None = None

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.end_s - self.start_s


def plain_text(text: str) -> str:
    """Return `text` folded to lower-case letters and digits alone, for comparing."""
    return "".join(character for character in text.casefold() if character.isalnum())


class JoinedTime:
    """Time in audio whose silences were left out, and in the recording it was taken from."""

    def __init__(self, stretches: Sequence[Stretch]) -> None:
        self._stretches = tuple(stretches)
        self._joined_starts_s: list[float] = []
        joined_s = 0.0
        for stretch in self._stretches:
            self._joined_starts_s.append(joined_s)
            joined_s += stretch.duration_s
        self.duration_s = joined_s

    def joined(self, original_s: float) -> float:
        """Return where a time of the recording lies in joined time; left-out time has no length."""
        joined_s = 0.0
        for stretch, start_s in zip(self._stretches, self._joined_starts_s, strict=True):
            if original_s >= stretch.start_s:
                joined_s = start_s + min(original_s - stretch.start_s, stretch.duration_s)
        return joined_s

    def _index(self, joined_s: float) -> int:
        return max(bisect_right(self._joined_starts_s, joined_s) - 1, 0)

    def original(self, joined_s: float, *, is_end: bool = False) -> float:
        """Return where a time lies in the recording; at a joint, an end lies before what was left out."""
        i = self._index(joined_s - 1e-3 if is_end else joined_s)
        stretch = self._stretches[i]
        return (
            min(max(joined_s - self._joined_starts_s[i], 0.0), stretch.duration_s) + stretch.start_s
        )

    def restore(self, heard: Heard) -> Heard:
        """Return `heard` with its times, given in joined time, in the recording's."""
        words = tuple(
            replace(
                word,
                start_s=self.original(word.start_s),
                end_s=self.original(word.end_s, is_end=True),
            )
            for word in heard.words
        )
        return replace(
            heard,
            start_s=words[0].start_s if words else self.original(heard.start_s),
            end_s=words[-1].end_s if words else self.original(heard.end_s, is_end=True),
            words=words,
        )


def speech_share(speech: Sequence[Stretch], start_s: float, end_s: float) -> float:
    """Return which share of the time from `start_s` to `end_s` lies in the stretches of `speech`."""
    if end_s <= start_s:
        return 0.0
    covered_s = sum(max(0.0, min(end_s, one.end_s) - max(start_s, one.start_s)) for one in speech)
    return covered_s / (end_s - start_s)
