"""Recordings joined from the clips of corpora whose texts and times are known.

Of each recording it is known which sentence is spoken when: clips of one speaker, trimmed of their own
silence, one after the other, with pauses between them. `measure` compares what a recogniser wrote with that.
"""

from __future__ import annotations

import csv
import re
import wave
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile

from gpt_sovits_emotion.core.character_errors import character_error_rate

RATE_HZ = 16_000
PAUSES_S = (0.4, 2.5)
LEVEL_DBFS = -26.0  # of the speech; RAVDESS lies at -40
FLOOR_DBFS = -75.0  # of the noise in the pauses: digital silence is rare in recordings
PLACED_CER = 0.25
VARIANTS = ("plain", "lead", "gap", "two")
_NUMBERS = {"11": "eleven", "7": "sieben"}
"""The figures that Whisper writes for the numbers in these corpora."""
_FIGURE = re.compile(r"\b(" + "|".join(_NUMBERS) + r")\b")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One clip in a recording."""

    start_s: float
    end_s: float
    text: str
    language: str

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.end_s - self.start_s


@dataclass(frozen=True, slots=True)
class Joined:
    """A recording: ``(n_samples,)`` float32 samples at 16 kHz, and what is said in it."""

    name: str
    samples: np.ndarray
    sentences: tuple[Sentence, ...]

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / RATE_HZ

    def write(self, path: Path) -> Path:
        """Write it as a WAV file of 16 bits."""
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE_HZ)
            file.writeframes((self.samples.clip(-1, 1) * 32767).astype("<i2").tobytes())
        return path


@dataclass(frozen=True, slots=True)
class Text:
    """What a recogniser wrote of one stretch of time."""

    start_s: float
    end_s: float
    text: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """How one recording was written down.

    Attributes:
        error: Edits per character of what was said, over the whole recording.
        placed: For each sentence, whether it stands where it was spoken: the segments that overlap it
            more than any other sentence hold its text with at most a quarter of the letters wrong.
        lost_s: Seconds of sentences that no segment with words overlaps.
        n_languages_right: How many sentences stand in segments of their own language.
    """

    error: float
    placed: tuple[bool, ...]
    lost_s: float
    n_languages_right: int


def measure(joined: Joined, texts: Sequence[Text]) -> Measured:
    """Compare what was written with what was said."""
    written = [
        replace(one, text=_FIGURE.sub(lambda found: _NUMBERS[found[0]], one.text))
        for one in texts
        if one.text.strip()
    ]
    own: list[list[Text]] = [[] for _ in joined.sentences]
    lost_s, overlapped = 0.0, [0.0] * len(joined.sentences)
    for one in written:
        shared_s = [
            min(one.end_s, said.end_s) - max(one.start_s, said.start_s) for said in joined.sentences
        ]
        best = int(np.argmax(shared_s))
        if shared_s[best] > 0:
            own[best].append(one)
        overlapped = [max(a, b) for a, b in zip(overlapped, shared_s, strict=True)]
    for said, shared in zip(joined.sentences, overlapped, strict=True):
        lost_s += said.duration_s if shared <= 0 else 0.0
    placed = tuple(
        character_error_rate(said.text, " ".join(one.text for one in mine)) <= PLACED_CER
        for said, mine in zip(joined.sentences, own, strict=True)
    )
    right = sum(
        bool(mine) and all(one.language == said.language for one in mine)
        for said, mine in zip(joined.sentences, own, strict=True)
    )
    said_all = " ".join(said.text for said in joined.sentences)
    return Measured(
        character_error_rate(said_all, " ".join(one.text for one in written)),
        placed,
        lost_s,
        right,
    )


@dataclass(frozen=True, slots=True)
class _Clip:
    path: Path
    text: str
    language: str


def join(
    corpora: Path, names: Sequence[str], *, n_clips: int, seed: int, variant: str = "plain"
) -> Joined:
    """Join `n_clips` clips of one speaker of a corpus, or of a speaker of each of two.

    Args:
        corpora: The folder of corpora, each with ``manifest.csv``.
        names: One corpus; two for the variant ``two``, whose clips come in runs of three.
        n_clips: How many clips.
        seed: Of the choice of speaker, clips and pauses.
        variant: ``plain``; ``lead``: 75 s of silence go before; ``gap``: 20 s of silence in the middle;
            ``two``: two languages.
    """
    rng = np.random.default_rng([seed, *(ord(char) for char in names[0])])
    runs = [_drawn(corpora / name, n_clips, rng) for name in names]
    clips = [runs[i // 3 % 2][i] for i in range(n_clips)] if len(runs) == 2 else runs[0]
    pieces: list[np.ndarray] = []
    sentences: list[Sentence] = []
    n_before = 0

    def add(samples: np.ndarray) -> None:
        nonlocal n_before
        pieces.append(samples.astype(np.float32))
        n_before += len(samples)

    def pause(duration_s: float) -> None:
        noise = rng.standard_normal(round(duration_s * RATE_HZ))
        add(noise * 10 ** (FLOOR_DBFS / 20))

    pause(75.0 if variant == "lead" else rng.uniform(0.2, 1.0))
    for i, clip in enumerate(clips):
        samples = _levelled(_trimmed(clip.path))
        start_s = n_before / RATE_HZ
        add(samples)
        sentences.append(Sentence(start_s, n_before / RATE_HZ, clip.text, clip.language))
        is_middle = variant == "gap" and i == len(clips) // 2
        pause(20.0 if is_middle else rng.uniform(*PAUSES_S))
    name = f"{'+'.join(names)} {variant} {seed}"
    return Joined(name, np.concatenate(pieces), tuple(sentences))


def _drawn(folder: Path, n_clips: int, rng: np.random.Generator) -> list[_Clip]:
    """Draw a speaker, and clips of that speaker; of other speakers too where one has too few."""
    speakers: dict[str, list[_Clip]] = {}
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            clip = _Clip(folder / row["path"], row["text"], row["language"])
            speakers.setdefault(row["speaker"], []).append(clip)
    order = [sorted(speakers)[i] for i in rng.permutation(len(speakers))]
    clips: list[_Clip] = []
    for speaker in order:
        own = speakers[speaker]
        clips += [own[i] for i in rng.permutation(len(own))]
        if len(clips) >= n_clips:
            break
    return clips[:n_clips]


def _trimmed(path: Path) -> np.ndarray:
    """Read a clip without the silence at its ends: under 40 dB below its loudest, but for 0.1 s."""
    samples, rate_hz = soundfile.read(path, dtype="float32")
    if rate_hz != RATE_HZ:
        raise SystemExit(f"{path} is at {rate_hz} Hz; 16000 are expected")
    frame = RATE_HZ // 50
    power = np.square(samples[: len(samples) // frame * frame]).reshape(-1, frame).mean(axis=1)
    loud = np.flatnonzero(power > power.max() * 1e-4)
    margin = RATE_HZ // 10
    first = max(loud[0] * frame - margin, 0)
    last = min((loud[-1] + 1) * frame + margin, len(samples))
    return samples[first:last]


def _levelled(samples: np.ndarray) -> np.ndarray:
    """Bring a clip half of the way to the usual level: shouts stay louder than whispers."""
    level_dbfs = 10 * np.log10(max(float(np.mean(np.square(samples, dtype=np.float64))), 1e-10))
    gain_db = 0.5 * (LEVEL_DBFS - level_dbfs) if level_dbfs > -35 else LEVEL_DBFS - level_dbfs
    return samples * 10 ** (gain_db / 20)
