"""What the micro Whisper learns from: windows of synthetic speech with everything known about them.

`Utterances` speaks sentences, and recombinations of their clauses, with eSpeak NG in many voices and
manners. `WindowMaker` lays some of them out in a window as a recording would hold them: silence around,
noise under it, another level, a sentence cut off by the window's end, or no speech at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from micro_whisper.speaker import ACCENTS, Said, Speaker
from micro_whisper.vocabulary import LANGUAGES, WINDOW_S, SampleSentence, Vocabulary

__all__ = [
    "HELD_OUT_VARIANTS",
    "RATE_HZ",
    "Material",
    "Spoken",
    "Utterance",
    "Utterances",
    "Window",
    "WindowMaker",
    "all_texts",
    "training_variants",
]

RATE_HZ = 16_000
PAUSE = "pause"

HELD_OUT_VARIANTS = (
    *("f3", "m5", "linda", "Andy", "edward", "steph", "klatt3", "iven2"),
    *("belinda", "quincy", "Hugo", "m8"),
)
"""Voice variants that are never trained on; the figures in the model's README are measured on them."""

_CRASHING_VARIANTS = frozenset({"Demonic", "rob", "shelby"})
"""With a wide pitch range these bring Chinese tones under 0 Hz, where eSpeak NG 1.52 dies."""

_LANGUAGE_SHARES = {"zh": 0.40, "en": 0.35, "de": 0.25}
_USUAL_CHARACTERS = {"zh": 16, "en": 80, "de": 80}
_SPEECH_FLOOR = 10 ** (-45 / 20)  # what eSpeak's own silence around an utterance stays under


@dataclass(frozen=True, slots=True, eq=False)
class Utterance:
    """One sentence as spoken.

    Attributes:
        samples: ``(n_samples,)`` int16 at 16 kHz, trimmed to the speech.
        text: What is said.
        language: In which language.
        tokens: The text's tokens.
        token_spans_s: ``(n_tokens, 2)`` when each of them is said, from the first sample.
        sound_starts_s: (number of the sound in `Utterances.sounds`, seconds from the first sample), in
            order; a sound lasts until the next one begins.
    """

    samples: np.ndarray
    text: str
    language: str
    tokens: tuple[int, ...]
    token_spans_s: np.ndarray
    sound_starts_s: tuple[tuple[int, float], ...]

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / RATE_HZ


@dataclass(frozen=True, slots=True, eq=False)
class Spoken:
    """One sentence inside a window. `end_s` is None when the window ends before the sentence does."""

    start_s: float
    end_s: float | None
    text: str
    tokens: tuple[int, ...]
    token_spans_s: np.ndarray
    sound_spans_s: tuple[tuple[int, float, float], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """``(n_samples,)`` float32 at 16 kHz, at most `WINDOW_S` long, and what is said in it."""

    samples: np.ndarray
    language: str
    spoken: tuple[Spoken, ...]


def training_variants(speaker: Speaker) -> tuple[str, ...]:
    """Return eSpeak's voice variants without the held-out ones; "" is a language's own voice."""
    left_out = {*HELD_OUT_VARIANTS, *_CRASHING_VARIANTS}
    return ("", *(variant for variant in speaker.variants if variant not in left_out))


@dataclass(frozen=True, slots=True)
class Material:
    """What windows are made of.

    Attributes:
        whole_share: How often a whole sentence is spoken.
        recombined_share: How often one that begins as one sentence does and ends as another one does;
            what is left are single clauses.
        shortest_clause: Shortest single clause, as a share of a sentence's usual length.
        slowest_wpm: Slowest rate; the fastest is 260 words per minute.
        silent_share: How often nobody speaks in a window.
        coloured_share: How often the spectrum is tilted and bent, as microphones, rooms and moods do.
    """

    whole_share: float = 0.5
    recombined_share: float = 0.3
    shortest_clause: float = 0.25
    slowest_wpm: int = 100
    silent_share: float = 0.07
    coloured_share: float = 0.0


def all_texts(
    sentences: Sequence[SampleSentence], shortest_clause: float = 0.25
) -> dict[str, list[tuple[str, ...]]]:
    """Return, per language, three lists of texts: whole sentences, recombinations, single clauses."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for language in LANGUAGES:
        own = [sentence for sentence in sentences if sentence.language == language]
        comma, stop = ("，", "。") if language == "zh" else (", ", ".")
        recombined = [
            first.clauses[0] + comma + last.clauses[-1] + last.mark
            for first in own
            for last in own
            if first is not last and len(first.clauses) > 1 and len(last.clauses) > 1
        ]
        single = [_capital(clause) + stop for one in own for clause in one.clauses]
        found[language] = [
            tuple(one.text for one in own),
            tuple(recombined),
            tuple(
                clause
                for clause in single
                if len(clause) > shortest_clause * _USUAL_CHARACTERS[language]
            ),
        ]
    return found


def _capital(clause: str) -> str:
    return clause[:1].upper() + clause[1:]


class Utterances:
    """A pool of utterances, rendered once."""

    def __init__(
        self,
        sentences: Sequence[SampleSentence],
        vocabulary: Vocabulary,
        speaker: Speaker,
        *,
        n_utterances: int,
        variants: Sequence[str],
        rng: np.random.Generator,
        material: Material | None = None,
        sounds: dict[str, int] | None = None,
    ) -> None:
        """Render the pool.

        Args:
            sentences: The closed set.
            vocabulary: Makes tokens of them.
            speaker: Speaks them.
            n_utterances: Size of the pool.
            variants: Voices to draw from.
            rng: Draws texts, voices and manners.
            material: What is spoken, and how.
            sounds: Another pool's numbers of sounds, to be kept to; a sound that it lacks, which is
                rarer than one in thousands of utterances, counts as a pause. None to number them.
        """
        self._speaker = speaker
        self.vocabulary = vocabulary
        self._numbering = sounds is None
        self.sounds = {PAUSE: 0} if sounds is None else sounds
        """Every sound of every language -> its number; `PAUSE` is 0."""
        self.material = Material() if material is None else material
        found = all_texts(sentences, self.material.shortest_clause)
        self.of_language: dict[str, list[Utterance]] = {}
        for language, share in _LANGUAGE_SHARES.items():
            kinds = found[language]
            count = round(n_utterances * share)
            self.of_language[language] = [
                self.speak(
                    str(rng.choice(_pick(rng, self.material, kinds))),
                    language,
                    variant=str(rng.choice(variants)),
                    rng=rng,
                )
                for _ in range(count)
            ]

    def speak(
        self, text: str, language: str, *, variant: str, rng: np.random.Generator
    ) -> Utterance:
        """Say `text` in a manner drawn from `rng`, bring it to 16 kHz and trim the silence around it."""
        import soxr

        pitch = int(rng.integers(0, 100))
        said = self._speaker.say(
            text,
            voice=str(rng.choice(ACCENTS[language])),
            variant=variant,
            pitch=pitch,
            pitch_range=int(
                rng.integers(0, int(56 + 0.44 * pitch))
            ),  # wider, low tones fall under 0 Hz
            rate_wpm=int(rng.integers(self.material.slowest_wpm, 261)),
            volume=int(rng.integers(40, 121)),
            seed=int(rng.integers(0, 2**31)),
        )
        samples = soxr.resample(said.samples, said.sampling_rate_hz, RATE_HZ)
        loud = np.flatnonzero(np.abs(samples) > _SPEECH_FLOOR * np.abs(samples).max())
        first, last = int(loud[0]), int(loud[-1]) + 1
        tokens = self.vocabulary.encode_with_places(text, language)
        spans_s = _token_spans_s(
            [place for _, place in tokens], said, len(text), first / RATE_HZ, last / RATE_HZ
        )
        pcm = (np.clip(samples[first:last], -1, 1) * 32767).astype(np.int16)
        sounds = tuple(
            (self._sound(name, language), max(start_s - first / RATE_HZ, 0.0))
            for name, start_s in said.phoneme_starts
        )
        return Utterance(pcm, text, language, tuple(token for token, _ in tokens), spans_s, sounds)

    def _sound(self, phoneme: str, language: str) -> int:
        """Return the number of a phoneme, stressed or not; languages do not share sounds."""
        name = phoneme.lstrip("',%=")
        if not name or name.startswith("_"):
            return self.sounds[PAUSE]
        if self._numbering:
            return self.sounds.setdefault(f"{language} {name}", len(self.sounds))
        return self.sounds.get(f"{language} {name}", self.sounds[PAUSE])


def _token_spans_s(
    places: Sequence[tuple[int, int]], said: Said, n_characters: int, first_s: float, last_s: float
) -> np.ndarray:
    """Return ``(n_tokens, 2)`` times of tokens from the times at which eSpeak began its words.

    Between two words' beginnings, time is shared out by characters. The final mark gets the last 0.1 s.
    """
    anchors = [*said.word_starts, (n_characters - 1, last_s - 0.1), (n_characters, last_s)]
    characters, times_s = np.array(sorted(anchors), dtype=np.float64).T
    times_s = np.maximum.accumulate(np.clip(times_s, first_s, last_s)) - first_s
    return np.stack(
        [np.interp([first, last], characters, times_s) for first, last in places]
    ).astype(np.float32)


def _pick(
    rng: np.random.Generator, material: Material, kinds: Sequence[tuple[str, ...]]
) -> tuple[str, ...]:
    whole, recombined, single = kinds
    draw = rng.random()
    if draw < material.whole_share:
        return whole
    return recombined if draw < material.whole_share + material.recombined_share else single


class WindowMaker:
    """Lays utterances of a pool out in windows."""

    def __init__(self, pool: Utterances, *, rng: np.random.Generator) -> None:
        self._pool = pool
        self._rng = rng
        self._noises = _noises(rng)

    def make(self, *, max_spoken: int, longest_s: float = float(WINDOW_S)) -> Window:
        """Return a window of at most `longest_s` with up to `max_spoken` whole sentences."""
        rng = self._rng
        language = str(rng.choice(list(_LANGUAGE_SHARES), p=list(_LANGUAGE_SHARES.values())))
        if rng.random() < self._pool.material.silent_share:
            n_samples = int(rng.uniform(0.5, longest_s) * RATE_HZ)
            silent = self._background(n_samples, level=rng.uniform(-80, -10))
            return Window(silent, language, ())
        clean = np.zeros(int(longest_s * RATE_HZ), dtype=np.float32)
        spoken, end_s = self._lay_out(clean, language, max_spoken)
        n_samples = min(len(clean), int((end_s + rng.uniform(0.0, 1.2)) * RATE_HZ))
        if spoken and spoken[-1].end_s is None:
            n_samples = len(clean)
        return Window(self._dirty(clean[:n_samples]), language, tuple(spoken))

    def _lay_out(
        self, clean: np.ndarray, language: str, max_spoken: int
    ) -> tuple[list[Spoken], float]:
        """Add sentences to `clean`; return them and the time at which the last one ends."""
        rng = self._rng
        candidates = self._pool.of_language[language]
        longest_s = len(clean) / RATE_HZ
        wanted = int(rng.integers(1, max_spoken + 1))
        spoken: list[Spoken] = []
        end_s = 0.0
        start_s = float(rng.uniform(0.0, 0.95) if rng.random() < 0.9 else rng.uniform(0.95, 3.0))
        while len(spoken) < wanted:
            utterance = candidates[int(rng.integers(len(candidates)))]
            factor = rng.uniform(0.93, 1.07)
            samples = _resampled(utterance.samples, factor)
            begin = int(start_s * RATE_HZ)
            room = len(clean) - begin
            gain = 10 ** (rng.uniform(-8, 0) / 20)
            if len(samples) > room:
                if spoken and room > 0.3 * RATE_HZ and rng.random() < 0.7:
                    clean[begin:] += gain * samples[:room]
                    spoken.append(_spoken(utterance, start_s, None, factor))
                elif not spoken:
                    start_s = float(rng.uniform(0.0, 0.5))
                    continue
                break
            clean[begin : begin + len(samples)] += gain * samples
            end_s = (begin + len(samples)) / RATE_HZ
            spoken.append(_spoken(utterance, start_s, end_s, factor))
            start_s = end_s + float(rng.uniform(0.15, 1.2))
            if start_s > longest_s - 0.3:
                break
        return spoken, end_s

    def _dirty(self, clean: np.ndarray) -> np.ndarray:
        """Return `clean` through some channel, with some noise under it, at some level."""
        rng = self._rng
        samples = clean
        coloured_share = self._pool.material.coloured_share
        if coloured_share > 0 and rng.random() < coloured_share:
            samples = _bent(samples, rng)
        if rng.random() < 0.3:
            samples = _lowpassed(samples, rng.uniform(2_800, 7_000))
        peak = float(np.abs(samples).max()) or 1.0
        if rng.random() < 0.6:
            level = 20 * np.log10(peak) - rng.uniform(25, 70)
            samples = samples + self._background(len(samples), level=level)
        return (samples * (10 ** (rng.uniform(-18, 0) / 20) / peak)).astype(np.float32)

    def _background(self, n_samples: int, *, level: float) -> np.ndarray:
        """Return what a room or a line sounds like when nobody speaks, with an rms of `level` dBFS."""
        kind = int(self._rng.integers(len(self._noises) + 1))
        if kind == len(self._noises):
            return np.zeros(n_samples, dtype=np.float32)
        noise = self._noises[kind]
        begin = int(self._rng.integers(len(noise) - n_samples))
        return noise[begin : begin + n_samples] * np.float32(10 ** (level / 20))


def _spoken(utterance: Utterance, start_s: float, end_s: float | None, factor: float) -> Spoken:
    ends_s = [*(begin_s for _, begin_s in utterance.sound_starts_s[1:]), utterance.duration_s]
    sounds = tuple(
        (sound, start_s + begin_s / factor, start_s + stop_s / factor)
        for (sound, begin_s), stop_s in zip(utterance.sound_starts_s, ends_s, strict=True)
    )
    spans_s = start_s + utterance.token_spans_s / factor
    return Spoken(start_s, end_s, utterance.text, utterance.tokens, spans_s, sounds)


def _noises(rng: np.random.Generator, n_samples: int = 2**20) -> tuple[np.ndarray, ...]:
    """Return a minute each of white and coloured noise and of hums, float32 with an rms of 1."""
    white = rng.standard_normal(n_samples)
    time_s = np.arange(n_samples) / RATE_HZ
    hums = [
        sum(rng.uniform(0.1, 1) / k * np.sin(2 * np.pi * k * base_hz * time_s) for k in range(1, 6))
        + 0.1 * white
        for base_hz in (50, 100, 180, 330)
    ]
    coloured = [_coloured(white, exponent=exponent) for exponent in (0.5, 0.8, 1.0, 1.5)]
    return tuple(
        (noise / np.sqrt(np.mean(noise**2))).astype(np.float32)
        for noise in (white, *coloured, *hums)
    )


def _resampled(samples: np.ndarray, factor: float) -> np.ndarray:
    """Return int16 samples as float32, played `factor` times as fast (shifts formants as well)."""
    places = np.arange(0, len(samples) - 1, factor)
    return np.interp(places, np.arange(len(samples)), samples).astype(np.float32) / 32768.0


def _lowpassed(samples: np.ndarray, cutoff_hz: float) -> np.ndarray:
    from scipy.signal import butter, sosfilt

    sections = butter(4, cutoff_hz, fs=RATE_HZ, output="sos")
    return np.asarray(sosfilt(sections, samples), dtype=np.float32)


def _bent(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Filter `samples` by a random tilt of up to 5 dB per octave and two broad bumps or dips."""
    from scipy.signal import firwin2, oaconvolve

    frequency_hz = np.linspace(0, RATE_HZ / 2, 65)
    octaves = np.log2(np.maximum(frequency_hz, 60) / 1_000)
    gain_db = rng.uniform(-5, 5) * octaves
    for _ in range(2):
        centre, width = rng.uniform(-3, 3), rng.uniform(0.5, 1.5)
        gain_db = gain_db + rng.uniform(-10, 10) * np.exp(-0.5 * ((octaves - centre) / width) ** 2)
    taps = firwin2(257, frequency_hz, 10 ** (gain_db / 20), fs=RATE_HZ)
    return np.asarray(oaconvolve(samples, taps, mode="same"), dtype=np.float32)


def _coloured(noise: np.ndarray, *, exponent: float) -> np.ndarray:
    """Tilt white noise so that its power falls with frequency to the power of `exponent`."""
    spectrum = np.fft.rfft(noise)
    spectrum[1:] /= np.arange(1, len(spectrum)) ** (exponent / 2)
    return np.fft.irfft(spectrum, len(noise))
