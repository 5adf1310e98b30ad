"""Embeddings for a head: from the prosody heard already, from stored HuBERT features, or from a provider."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gpt_sovits_emotion.banks.building.hearing import PROSODY, STORED
from gpt_sovits_emotion.banks.building.journal import Journal, Kept
from gpt_sovits_emotion.binding import provide_encoder
from gpt_sovits_emotion.core.errors import AudioError, EncoderError, HeadMismatchError
from gpt_sovits_emotion.core.messages import in_both, tr
from gpt_sovits_emotion.core.records import Audio, Sentence
from gpt_sovits_emotion.encoders import WHISPER
from gpt_sovits_emotion.encoders.base import Encoder
from gpt_sovits_emotion.encoders.feature_cache import FeatureCache, feature_key
from gpt_sovits_emotion.encoders.fused import FusedEncoder
from gpt_sovits_emotion.engines import Engines
from gpt_sovits_emotion.heads import Head
from gpt_sovits_emotion.heads.card import ANY_WEIGHTS
from gpt_sovits_emotion.training.augmentation import AS_IT_IS, not_finite, read_clip_at, refusal

__all__ = ["Listeners", "RowStore", "embed_with_loaded", "listeners_for"]

_BATCHES_AHEAD = 4  # how many batches' worth of audio is read before it is embedded


@dataclass(frozen=True, slots=True, eq=False)
class Listeners:
    """Who listens for a head, part by part of its encoder.

    Attributes:
        parts: Ids of the parts, in the order of the embedding.
        fingerprints: Of the parts, as the head's card names them.
        loaded: Part id -> encoder, of those that a backend provides; without `STORED` where it provides no
            HuBERT and stored features have to do.
        note: What a person should know of who listens.
    """

    parts: tuple[str, ...]
    fingerprints: tuple[str, ...]
    loaded: Mapping[str, Encoder]
    note: Sentence | None = None

    @property
    def reads_prosody(self) -> bool:
        """Whether the prosody encoder is one of them."""
        return PROSODY in self.parts

    @property
    def reads_stored(self) -> bool:
        """Whether stored HuBERT features can stand for one of them."""
        return STORED in self.parts

    def fingerprint_of(self, part: str) -> str:
        """Return the fingerprint of a part's weights."""
        return self.fingerprints[self.parts.index(part)]


def listeners_for(engines: Engines, *, n_clips: int, n_stored: int) -> Listeners:
    """Find out who listens for the tagging head.

    Stored features need nobody to provide HuBERT. Where somebody does, its weights are compared with those
    that the head was trained on; where nobody does, they are taken on trust, and a note says so.

    Args:
        engines: The head, and who provides.
        n_clips: How many clips there are.
        n_stored: How many of them have stored HuBERT features.

    Raises:
        HeadMismatchError: The head does not fit what is provided, or nothing is provided that it needs.
        BackendError: The provider cannot load what it would provide.
    """
    head = engines.tagger
    spec = head.card.encoder
    parts = tuple(spec.id.split("+"))
    fingerprints = tuple(spec.fingerprint.split("+"))
    if len(fingerprints) != len(parts):
        fingerprints = (spec.fingerprint,) * len(parts)
    on_trust = STORED in parts and n_stored > 0 and "hubert" not in engines.provider.provides
    others = [
        part for part in parts if part not in (PROSODY, STORED) and not part.startswith(WHISPER)
    ]
    if not on_trust:
        encoder = engines.analyser.encoder
        found = encoder.parts if isinstance(encoder, FusedEncoder) else (encoder,)
        loaded = {part: each for part, each in zip(parts, found, strict=True) if part != PROSODY}
        return Listeners(parts, fingerprints, loaded)
    if others:
        raise HeadMismatchError(
            tr(
                "head {card!r} reads {others} beside the stored features, which {title} does not lend; "
                "name a GPT-SoVITS that does with --checkout",
                card=head.card.id,
                title=engines.provider.title,
                others=in_both(" and ".join(others), "、".join(others)),
            )
        )
    if PROSODY in parts:
        _check_prosody(head, engines, fingerprints[parts.index(PROSODY)])
    whisper = {part: _whisper_of(head, part, engines) for part in parts if part.startswith(WHISPER)}
    return Listeners(parts, fingerprints, whisper, _trust(n_clips, n_stored))


def _whisper_of(head: Head, part: str, engines: Engines) -> Encoder:
    """Open the part of an encoder that is Whisper's, by itself."""
    spec = head.card.encoder
    place = spec.id.split("+").index(part)
    fingerprint = spec.fingerprint.split("+")[place] if "+" in spec.fingerprint else ANY_WEIGHTS
    encoder = provide_encoder(
        part, engines.provider, engines.tracker, engines.whisper, fingerprint=fingerprint
    )
    if fingerprint not in (encoder.fingerprint, ANY_WEIGHTS):
        head.check_encoder(spec.id, dim=spec.dim, fingerprint=encoder.fingerprint)
    return encoder


def _check_prosody(head: Head, engines: Engines, fingerprint: str) -> None:
    if fingerprint != engines.tracker.fingerprint:
        raise HeadMismatchError(
            tr(
                "head {card!r} was trained on another version of the prosody encoder ({fingerprint}, "
                "here is {fingerprint_2}); train it anew",
                card=head.card.id,
                fingerprint=fingerprint,
                fingerprint_2=engines.tracker.fingerprint,
            )
        )


def _trust(n_clips: int, n_stored: int) -> Sentence:
    missing = n_clips - n_stored
    also_en = f"; {missing} clips without them were not heard" if missing else ""
    also_zh = f"；没有这些特征的 {missing} 个片段未判断情感" if missing else ""
    return tr(
        "the stored HuBERT features were taken as being of the weights that the head was trained on: "
        "nobody lends HuBERT to compare with (--checkout does){also}",
        also=in_both(also_en, also_zh),
    )


class RowStore:
    """Where embeddings are kept: in the cache that trainings use, where there is one, else in the journal.

    Args:
        journal: Of the build.
        cache: See `encoders.feature_cache`; None keeps them in the journal.
    """

    def __init__(self, journal: Journal, cache: FeatureCache | None) -> None:
        self._journal = journal
        self._cache = cache

    def find(
        self, sha256s: Sequence[str], listeners: Listeners, part: str, dim: int
    ) -> dict[str, np.ndarray]:
        """Return those of the embeddings that are kept: SHA-256 -> ``(dim,)``."""
        keys = {sha256: self._key(sha256, listeners, part) for sha256 in sha256s}
        if self._cache is not None:
            rows = self._cache.find(keys.values(), dim=dim)
        else:
            held = self._journal.find(keys.values())
            rows = {
                key: kept.numbers
                for key, kept in held.items()
                if kept.numbers is not None and kept.numbers.shape == (dim,)
            }
        return {sha256: rows[key] for sha256, key in keys.items() if key in rows}

    def keep(self, sha256: str, listeners: Listeners, part: str, row: np.ndarray) -> None:
        """Keep an embedding."""
        key = self._key(sha256, listeners, part)
        if self._cache is not None:
            self._cache.keep({key: row})
        else:
            self._journal.keep(key, Kept(numbers=row))

    def flush(self) -> None:
        """Write what was kept."""
        self._journal.flush()
        if self._cache is not None:
            self._cache.flush()

    @staticmethod
    def _key(sha256: str, listeners: Listeners, part: str) -> bytes:
        return feature_key(
            bytes.fromhex(sha256),
            encoder_id=part,
            fingerprint=listeners.fingerprint_of(part),
            alteration=AS_IT_IS.spelled,
        )


def embed_with_loaded(
    clips: Mapping[str, Path], encoder: Encoder, *, told: Callable[[int, str], None]
) -> Iterator[tuple[str, np.ndarray | Sentence]]:
    """Embed clips with an encoder that a backend provides, in this process, where it was provided.

    Args:
        clips: SHA-256 -> file.
        encoder: One that says ``batch_s`` is given several clips at once.
        told: Called with the number of clips done, and the name of the next.

    Yields:
        SHA-256 and ``(dim,)`` float32, or why there is none.

    Raises:
        BackendError: The encoder has run out of memory.
    """
    most_s = _BATCHES_AHEAD * float(getattr(encoder, "batch_s", 0.0))
    batch: list[tuple[str, Path, Audio]] = []
    for number, (sha256, path) in enumerate(clips.items()):
        told(number, path.name)
        try:
            batch.append((sha256, path, read_clip_at(path, encoder.sampling_rate_hz)))
        except AudioError as error:
            yield sha256, refusal(path, error)
            continue
        if sum(audio.duration_s for _, _, audio in batch) >= most_s:
            yield from _embedded(batch, encoder)
            batch = []
    yield from _embedded(batch, encoder)


def _embedded(
    batch: Sequence[tuple[str, Path, Audio]], encoder: Encoder
) -> Iterator[tuple[str, np.ndarray | Sentence]]:
    if not batch:
        return
    try:
        rows = encoder.encode([audio for _, _, audio in batch])
    except EncoderError as error:
        if len(batch) == 1:
            yield batch[0][0], refusal(batch[0][1], error)
            return
        for one in batch:  # one of them is at fault, and the others are not to suffer for it
            yield from _embedded([one], encoder)
        return
    for (sha256, path, _), row in zip(batch, rows, strict=True):
        yield sha256, row if np.isfinite(row).all() else not_finite(path, encoder)
