"""Search for deliveries in which a head hears what is meant, within what the literature describes.

eSpeak NG is far from any voice that a head was trained on, so plain renderings of published settings
sound to a head like noise around ``neutral`` and ``angry``. The bounds below keep the direction of each
knob where actors and listeners put it; within them, a random search raises the probability that the head
gives to the intended emotion, with speaker statistics, as the demo uses it. What comes out shows the path
through the program. It says nothing about how well emotions are heard in people.

Directions: Murray & Arnott (1993), "Toward the simulation of emotion in synthetic speech", JASA 93, table
of vocal effects; Burkhardt & Sendlmeier (2000), "Verification of acoustical correlates of emotional
speech using formant-synthesis", ISCA Workshop on Speech and Emotion; Schröder (2001), "Emotional speech
synthesis: a review", Eurospeech. Anger: higher, wider, faster, louder, tense. Joy: higher, wider, faster,
bright. Sadness: slower, narrower, softer, breathy, dull. Fear: much higher, faster, breathy. Boredom:
lower, narrow, slow. Disgust: slow, wide at an ordinary pitch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np

from gpt_sovits_emotion.audio import ANALYSIS_RATE_HZ, read_clip, resample, write_wav
from gpt_sovits_emotion.backends.base import SynthesisRequest
from gpt_sovits_emotion.backends.embedded import EmbeddedBackend
from gpt_sovits_emotion.backends.espeak import Espeak
from gpt_sovits_emotion.core.records import Audio, Prosody, ReferenceClip
from gpt_sovits_emotion.encoders.prosody import ProsodyEncoder
from gpt_sovits_emotion.heads import Head
from sample_voice.acting import EMOTIONS, Delivery, Sentences, Speaker, act, joined

__all__ = ["LANGUAGES", "Listener", "bank_texts", "middle_deliveries", "search", "spoken_with"]

LANGUAGES = ("zh", "en")

# Low and high of each field of `Delivery`, in its order. Breath ends where words begin to be
# misheard (above 30); level_db is set, not searched, for the encoder does not hear it.
BOUNDS: Mapping[str, tuple[tuple[float, float], ...]] = {
    #            pitch      range      rate          tilt     presence  chest    breath    level
    "neutral": ((-2, 1), (2.5, 6), (0.9, 1.05), (-2, 1), (-4, 2), (-3, 5), (0, 15), (0, 0)),
    "happy": ((2, 10), (7, 18), (1.0, 1.35), (-1, 3), (-4, 6), (-6, 6), (0, 20), (3, 3)),
    "angry": ((1, 8), (5, 14), (1.0, 1.4), (0, 4), (-3, 9), (-9, 3), (0, 22), (6, 6)),
    "sad": ((-4, 1), (1.5, 6), (0.65, 0.85), (-5, 0), (-9, 3), (-3, 9), (10, 28), (-6, -6)),
    "fearful": ((4, 14), (4, 12), (1.05, 1.5), (-2, 3), (-6, 6), (-9, 6), (0, 25), (0, 0)),
    "bored": ((-5, 0), (1, 4), (0.7, 0.9), (-4, 1), (-6, 3), (-3, 6), (0, 20), (-4, -4)),
    "disgusted": ((-3, 3), (5, 12), (0.68, 0.95), (-2, 3), (-4, 8), (-6, 6), (0, 28), (-1, -1)),
}
_CERTAIN = float(np.log(0.95))  # beyond this, surer is no better
_LONG_ENOUGH_S = 3.6


@dataclass(frozen=True, slots=True)
class Listener:
    """A head with its encoder, hearing all segments of one recording together."""

    head: Head
    encoder: ProsodyEncoder

    def embed(self, audio: Audio) -> np.ndarray:
        """Return the ``(dim,)`` embedding of one segment."""
        row: np.ndarray = self.encoder.encode([resample(audio, ANALYSIS_RATE_HZ)])[0]
        return row

    def measure(self, audio: Audio) -> Prosody:
        """Measure the prosody of one segment at 16 kHz."""
        return self.encoder.summarise(self.encoder.tracks(audio), audio.duration_s)

    def probabilities(self, embeddings: np.ndarray) -> np.ndarray:
        """Return ``(n_segments, n_labels)`` with the segments' own statistics, as in the demo."""
        statistics = self.head.statistics(embeddings, source="recording")
        return self.head.probabilities(embeddings, statistics)


def middle_deliveries() -> dict[str, Delivery]:
    """Return the middle of the bounds of every emotion."""
    return {
        emotion: Delivery(*(sum(bound) / 2 for bound in BOUNDS[emotion])) for emotion in EMOTIONS
    }


def bank_texts(
    espeak: Espeak,
    sentences: Sentences,
    *,
    language: str,
    emotion: str,
    speaker: Speaker,
    delivery: Delivery,
) -> tuple[Audio, str]:
    """Act a bank's clip: the second sentence of the emotion, with the first after it if it is short."""
    texts = [sentences.text(language, emotion, 2)]
    audios = [act(espeak, texts[0], language=language, speaker=speaker, delivery=delivery)]
    if audios[0].duration_s < _LONG_ENOUGH_S:
        texts.append(sentences.text(language, emotion, 1))
        audios.append(act(espeak, texts[1], language=language, speaker=speaker, delivery=delivery))
    return joined(audios, pause_s=0.3), ("" if language == "zh" else " ").join(texts)


def spoken_with(
    backend: EmbeddedBackend,
    listener: Listener,
    clip: Audio,
    *,
    text: str,
    language: str,
    scratch: Path,
) -> Audio:
    """Return what the embedded host makes of `text` with `clip` as its reference."""
    path = scratch / "reference.wav"
    write_wav(path, clip)
    kept = read_clip(path)
    reference = ReferenceClip(path, "", "", language, kept.duration_s)
    return backend.synthesise(SynthesisRequest(text, language, reference, listener.measure(kept)))


def search(
    listener: Listener,
    deliveries: Mapping[str, Delivery],
    render: Callable[[str, str, Delivery], Sequence[Audio]],
    *,
    seed: int,
    n_sweeps: int,
    n_trials: int,
    report: Callable[[str], None],
) -> dict[str, Delivery]:
    """Improve deliveries, one emotion after the other, while the others are held.

    Args:
        listener: Whose verdict counts.
        deliveries: Where to start.
        render: Makes the segments that are listened to, of an emotion, a language and a delivery.
        seed: Of the random steps.
        n_sweeps: How often all emotions are gone through.
        n_trials: Random steps per emotion and sweep.
        report: Told how it goes.

    Returns:
        The best deliveries found.
    """
    rng = np.random.default_rng(seed)
    labels = listener.head.card.labels

    def embeddings_of(emotion: str, delivery: Delivery) -> dict[str, np.ndarray]:
        return {
            language: np.stack([listener.embed(one) for one in render(emotion, language, delivery)])
            for language in LANGUAGES
        }

    def score(embedded: Mapping[str, Mapping[str, np.ndarray]]) -> tuple[float, int]:
        own: list[float] = []
        n_right = 0
        for language in LANGUAGES:
            rows = [embedded[emotion][language] for emotion in EMOTIONS]
            places = np.repeat(
                [labels.index(emotion) for emotion in EMOTIONS], list(map(len, rows))
            )
            heard = listener.probabilities(np.concatenate(rows))
            n_right += int((heard.argmax(axis=1) == places).sum())
            own += np.log(heard[np.arange(len(places)), places]).tolist()
        return float(np.minimum(own, _CERTAIN).mean()), n_right

    best = {emotion: _within(deliveries[emotion], emotion) for emotion in EMOTIONS}
    embedded = {emotion: embeddings_of(emotion, best[emotion]) for emotion in EMOTIONS}
    best_score = score(embedded)
    report(f"start: mean log probability {best_score[0]:.3f}, {best_score[1]} heard as meant")
    for sweep in range(n_sweeps):
        step = 0.4 * 0.7**sweep
        for emotion in rng.permutation(EMOTIONS):
            for _ in range(n_trials):
                tried = _stepped(best[emotion], emotion, step, rng)
                heard = embeddings_of(emotion, tried)
                if score({**embedded, emotion: heard}) <= best_score:
                    continue
                # eSpeak's waver differs from one rendering to the next: luck must strike twice.
                again = embeddings_of(emotion, tried)
                reached, heard = min(
                    ((score({**embedded, emotion: each}), each) for each in (heard, again)),
                    key=lambda scored: scored[0],
                )
                if reached > best_score:
                    best_score, best[emotion], embedded[emotion] = reached, tried, heard
        report(
            f"sweep {sweep + 1}: mean log probability {best_score[0]:.3f}, "
            f"{best_score[1]} heard as meant"
        )
    return best


def _stepped(delivery: Delivery, emotion: str, step: float, rng: np.random.Generator) -> Delivery:
    low, high = np.array(BOUNDS[emotion], float).T
    moved = rng.random(len(fields(Delivery))) < 0.5
    values = np.array(astuple(delivery)) + moved * step * (high - low) * rng.normal(size=len(low))
    return _within(Delivery(*values.tolist()), emotion)


def _within(delivery: Delivery, emotion: str) -> Delivery:
    low, high = np.array(BOUNDS[emotion], float).T
    held = np.clip(astuple(delivery), low, high)
    return Delivery(*(round(float(value), 2) for value in held))
