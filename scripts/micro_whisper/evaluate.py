"""Measure the converted micro Whisper through faster-whisper, on voices that it was not trained on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from gpt_sovits_emotion.audio import recording_from_samples
from gpt_sovits_emotion.transcribe import TranscribeOptions, transcribe
from micro_whisper.vocabulary import LANGUAGES, SampleSentence, Vocabulary
from micro_whisper.windows import HELD_OUT_VARIANTS, RATE_HZ, Utterance, Utterances, all_texts

__all__ = ["Figures", "error_rate", "evaluate"]

_PAUSE_S = 0.6


@dataclass(slots=True)
class _Count:
    wrong: int = 0
    total: int = 0

    def add(self, wrong: int, total: int) -> None:
        self.wrong += wrong
        self.total += total

    @property
    def share(self) -> float:
        return self.wrong / max(self.total, 1)


@dataclass(slots=True)
class Figures:
    """What was measured; shares of 1, lower is better.

    Attributes:
        sentence_errors: Language -> characters wrong in single sample sentences.
        recombined_errors: Language -> characters wrong in sentences put together from two halves.
        recording_errors: Language -> characters wrong in recordings of eight sentences with pauses.
        language_errors: Recordings and sentences whose language was not detected.
        noise_texts: Noises and silences in which text was found.
        word_times_off_s: How far each word's beginning was found from where eSpeak began it.
    """

    sentence_errors: dict[str, _Count] = field(default_factory=lambda: defaultdict(_Count))
    recombined_errors: dict[str, _Count] = field(default_factory=lambda: defaultdict(_Count))
    recording_errors: dict[str, _Count] = field(default_factory=lambda: defaultdict(_Count))
    language_errors: _Count = field(default_factory=_Count)
    noise_texts: _Count = field(default_factory=_Count)
    word_times_off_s: list[float] = field(default_factory=list)

    def table(self) -> str:
        """Return the figures as a Markdown table."""
        rows = [
            "| measured on held-out voices, manners at random | zh | en | de |",
            "|---|---|---|---|",
        ]
        for title, counts in (
            ("single sample sentences: characters wrong", self.sentence_errors),
            (
                "first half of one with last half of another: characters wrong",
                self.recombined_errors,
            ),
            (
                "recordings of 8 sentences with 0.6 s pauses: characters wrong",
                self.recording_errors,
            ),
        ):
            shares = " | ".join(f"{100 * counts[code].share:.1f} %" for code in ("zh", "en", "de"))
            rows.append(f"| {title} | {shares} |")
        off_s = np.array(self.word_times_off_s or [np.nan])
        rows += [
            "",
            f"Language not detected: {self.language_errors.wrong} of {self.language_errors.total}. "
            f"Text found in noise or silence: {self.noise_texts.wrong} of {self.noise_texts.total}. "
            f"A word begins {1000 * np.median(off_s):.0f} ms (median; "
            f"{1000 * np.percentile(off_s, 90):.0f} ms at the 90th percentile) from where it should.",
        ]
        return "\n".join(rows)


def error_rate(said: str, found: str) -> tuple[int, int]:
    """Return (characters to change, characters said), case, spaces and punctuation left aside."""
    one, other = _letters(said), _letters(found)
    row = np.arange(len(other) + 1)
    for i, letter in enumerate(one, start=1):
        changed = np.concatenate([[i], row[:-1] + [letter != o for o in other]])
        changed[1:] = np.minimum(changed[1:], row[1:] + 1)
        # An insertion costs one more than the best place to its left: a running minimum.
        places = np.arange(len(other) + 1)
        row = np.minimum.accumulate(changed - places) + places
    return int(row[-1]), len(one)


def _letters(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())


def evaluate(
    model_folder: Path,
    pool: Utterances,
    sentences: Sequence[SampleSentence],
    *,
    n_sentences: int,
    n_recordings: int,
    rng: np.random.Generator,
) -> Figures:
    """Let the model hear held-out voices and count what it gets wrong.

    Args:
        model_folder: The converted model.
        pool: Speaks the sentences.
        sentences: The closed set.
        n_sentences: Single sentences per language and kind.
        n_recordings: Recordings of eight sentences per language.
        rng: Draws voices, manners and sentences.
    """
    figures = Figures()
    options = TranscribeOptions(model=str(model_folder), device="cpu", cpu_threads=1)
    texts = all_texts(sentences)

    def speak(text: str, language: str) -> Utterance:
        variant = str(rng.choice(HELD_OUT_VARIANTS))
        return pool.speak(text, language, variant=variant, rng=rng)

    for language in LANGUAGES:
        whole, recombined, _ = texts[language]
        for kind, counts in (
            (whole, figures.sentence_errors),
            (recombined, figures.recombined_errors),
        ):
            for _ in range(n_sentences):
                said = [speak(str(rng.choice(kind)), language)]
                _count(figures, counts[language], said, options, pool.vocabulary)
        for _ in range(n_recordings):
            said = [speak(str(rng.choice(whole)), language) for _ in range(8)]
            _count(figures, figures.recording_errors[language], said, options, pool.vocabulary)
    for level in (0.0, 0.0003, 0.003, 0.03, 0.1) * 4:
        noise = (level * rng.standard_normal(8 * RATE_HZ)).astype(np.float32)
        noise[:80] += 0.02  # a click: complete silence is refused as a recording
        found = _heard(noise, TranscribeOptions(model=str(model_folder), device="cpu", vad=False))
        figures.noise_texts.add(bool(found[0].strip()), 1)
    return figures


def _count(
    figures: Figures,
    count: _Count,
    said: Sequence[Utterance],
    options: TranscribeOptions,
    vocabulary: Vocabulary,
) -> None:
    language = said[0].language
    silence = np.zeros(round(_PAUSE_S * RATE_HZ), dtype=np.float32)
    parts, starts_s, time_s = [silence], [], _PAUSE_S
    for utterance in said:
        starts_s.append(time_s)
        parts += [utterance.samples.astype(np.float32) / 32768, silence]
        time_s += utterance.duration_s + _PAUSE_S
    text, detected, word_starts_s = _heard(np.concatenate(parts), options)
    wrong, total = error_rate("".join(utterance.text for utterance in said), text)
    count.add(wrong, total)
    figures.language_errors.add(detected != language, 1)
    wanted_s = [
        start_s + float(begin_s)
        for utterance, start_s in zip(said, starts_s, strict=True)
        for token, (begin_s, _) in zip(utterance.tokens, utterance.token_spans_s, strict=True)
        if _letters(vocabulary.decode([token]))
    ]
    if wrong == 0 and len(wanted_s) == len(word_starts_s):
        figures.word_times_off_s += [
            abs(one - other) for one, other in zip(wanted_s, word_starts_s, strict=True)
        ]


def _heard(samples: np.ndarray, options: TranscribeOptions) -> tuple[str, str, list[float]]:
    """Return the text, its language and when its words begin."""
    with recording_from_samples(samples, RATE_HZ) as recording:
        transcript = transcribe(recording, options)
    words = [word for segment in transcript.segments for word in segment.words]
    return (
        "".join(segment.text for segment in transcript.segments),
        transcript.language,
        [word.start_s for word in words if _letters(word.text)],
    )
