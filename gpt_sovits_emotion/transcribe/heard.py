"""What faster-whisper gave, before guards and segmentation, in the recording's own time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gpt_sovits_emotion.records import Word
from gpt_sovits_emotion.transcribe.speech import Stretch

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

    @property
    def joints_s(self) -> list[float]:
        """Where each stretch begins and ends in joined time, one after the other."""
        ends_s = [*self._joined_starts_s[1:], self.duration_s]
        return [
            time_s
            for stretch in zip(self._joined_starts_s, ends_s, strict=True)
            for time_s in stretch
        ]

    def _index(self, joined_s: float) -> int:
        return max(bisect_right(self._joined_starts_s, joined_s) - 1, 0)

    def original(self, start_s: float, end_s: float) -> tuple[float, float]:
        """Return where something lies in the recording, both ends in the stretch of its middle."""
        i = self._index((start_s + end_s) / 2)
        stretch, joined_s = self._stretches[i], self._joined_starts_s[i]
        first, last = (
            min(max(time_s - joined_s, 0.0), stretch.duration_s) + stretch.start_s
            for time_s in (start_s, end_s)
        )
        return first, last

    def restore(self, heard: Heard) -> Heard:
        """Return `heard` with its times, given in joined time, in the recording's."""
        if heard.words:
            words = []
            for word in heard.words:
                start_s, end_s = self.original(word.start_s, word.end_s)
                words.append(replace(word, start_s=start_s, end_s=end_s))
            return replace(
                heard, start_s=words[0].start_s, end_s=words[-1].end_s, words=tuple(words)
            )
        # Without words, a text may span several stretches: its ends are mapped one by one.
        start_s = self.original(heard.start_s, heard.start_s)[0]
        end_s = self.original(heard.end_s - 1e-3, heard.end_s)[1]
        return replace(heard, start_s=start_s, end_s=max(end_s, start_s))


def speech_share(speech: Sequence[Stretch], start_s: float, end_s: float) -> float:
    """Return which share of the time from `start_s` to `end_s` lies in the stretches of `speech`."""
    if end_s <= start_s:
        return 0.0
    covered_s = sum(max(0.0, min(end_s, one.end_s) - max(start_s, one.start_s)) for one in speech)
    return covered_s / (end_s - start_s)
