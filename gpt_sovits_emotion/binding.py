"""Bring a head, or a training, together with the encoder that it reads, among all that is provided."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gpt_sovits_emotion.backends.base import Backend
from gpt_sovits_emotion.core.errors import EncoderError, HeadMismatchError, WhisperModelError
from gpt_sovits_emotion.core.loaded_models import LoadedModels
from gpt_sovits_emotion.core.messages import in_both, of_error, of_list, tr
from gpt_sovits_emotion.encoders import (
    WHISPER,
    borrowed_by,
    family_of,
    open_encoder,
    parse_encoder_id,
)
from gpt_sovits_emotion.encoders.base import Encoder
from gpt_sovits_emotion.encoders.fused import FusedEncoder
from gpt_sovits_emotion.heads import Head
from gpt_sovits_emotion.tagging import Analyser, Describer
from gpt_sovits_emotion.whisper_models import WhisperModels

__all__ = [
    "bind",
    "provide_encoder",
]


def bind(
    head: Head, provider: Backend, tracker: Describer, whisper: WhisperModels | None = None
) -> Analyser:
    """Bring a head together with its encoder.

    A backend may have several models of one kind: a fine-tuned style encoder that is loaded, and its base on
    the disk; and there may be several Whispers of one size. The first whose weights are those that the head
    was trained on is taken; of a fused encoder so for each of its parts.

    Args:
        head: The head.
        provider: Who provides what is not Whisper's.
        tracker: Taken for ``prosody``.
        whisper: Where Whisper is found; what is on this machine when None.

    Raises:
        HeadMismatchError: The provider has no such encoder, or only with other weights; or there is no
            Whisper of this size.
        BackendError: The provider cannot load what it would provide.
        WhisperModelError: The Whisper that the head reads is damaged.
    """
    spec = head.card.encoder
    if spec.id == tracker.id:
        return Analyser(head, tracker, tracker)
    parts = spec.id.split("+")
    sources = _Sources(provider, tracker, whisper or WhisperModels(), head.encoder_file)
    missing = [part for part in parts if not sources.has(part)]
    if missing:
        raise _missing(head, missing, sources)
    fingerprints = spec.fingerprint.split("+")
    if len(fingerprints) != len(parts):
        fingerprints = [""] * len(parts)  # none fits; the analyser says how they differ
    found = []
    for part, fingerprint in zip(parts, fingerprints, strict=True):
        encoder = _first_that_fits(part, fingerprint, sources)
        if encoder is None:
            raise HeadMismatchError(
                tr(
                    "head {card!r} reads the encoder {part!r}, and {title} has none of that kind loaded "
                    "at this moment; load a model, or choose another head (heads list)",
                    card=head.card.id,
                    part=part,
                    title=provider.title,
                )
            )
        found.append(encoder)
    # Where the weights are others, the analyser says how they differ.
    return Analyser(head, found[0] if len(found) == 1 else FusedEncoder(found), tracker)


def _missing(head: Head, missing: Sequence[str], sources: _Sources) -> HeadMismatchError:
    """Return what a head lacks: Whisper, which can be had, goes before what only a backend has."""
    for part in missing:
        family = part.partition(":")[0]
        if family.startswith(WHISPER):
            absent = sources.whisper.absent(family.removeprefix(WHISPER))
            return HeadMismatchError(
                tr(
                    "head {card!r} reads the encoder {part!r}, and {absent}; or choose another head "
                    "(heads list)",
                    card=head.card.id,
                    part=part,
                    absent=of_error(absent),
                )
            )
    unknown = next((part for part in missing if family_of(part.partition(":")[0]) is None), None)
    if unknown is not None:
        return HeadMismatchError(
            tr(
                "head {card!r} reads the encoder {unknown!r}, which no package here adds; install the "
                "one that it came with (gpt-sovits-emotion plugins shows what is there), or choose "
                "another head (heads list)",
                card=head.card.id,
                unknown=unknown,
            )
        )
    provider = sources.provider
    return HeadMismatchError(
        tr(
            "head {card!r} reads the encoder {missing}, which {title} does not lend (it lends "
            "{provides}); choose another head (heads list)",
            card=head.card.id,
            title=provider.title,
            missing=in_both(" and ".join(map(repr, missing)), "、".join(map(repr, missing))),
            provides=of_list(sorted(provider.provides)),
        )
    )


def provide_encoder(
    encoder_id: str,
    provider: Backend,
    tracker: Describer,
    whisper: WhisperModels | None = None,
    *,
    fingerprint: str | None = None,
) -> Encoder:
    """Open an encoder without a head, to train one on it.

    Args:
        encoder_id: As `encoders.parse_encoder_id` reads it.
        provider: Who provides what it needs; of several models of one kind its first is taken.
        tracker: Taken for ``prosody``.
        whisper: Where Whisper is found; what is on this machine when None.
        fingerprint: Of an encoder that is not fused: the weights that are taken where they are among those
            provided.

    Raises:
        EncoderError: There is no such encoder, or the provider has nothing for it.
        BackendError: The provider cannot load what it would provide.
        WhisperModelError: The Whisper that it reads is not there, or damaged.
    """
    if encoder_id == tracker.id:
        return tracker
    name = parse_encoder_id(encoder_id)
    sources = _Sources(provider, tracker, whisper or WhisperModels())
    found = []
    for part in name.parts or (name,):
        if not sources.has(part.id) and part.whisper_size is not None:
            raise sources.whisper.absent(part.whisper_size)
        if not sources.has(part.id):
            raise EncoderError(
                tr(
                    "the encoder {part!r} needs {family}, which {title} does not lend (it lends {provides}); "
                    "name a GPT-SoVITS that has it with --checkout, or choose the encoder prosody",
                    part=part.id,
                    family=part.family,
                    title=provider.title,
                    provides=of_list(sorted(provider.provides)),
                )
            )
        encoder = _first_that_fits(part.id, fingerprint, sources)
        if encoder is None:
            raise EncoderError(
                tr(
                    "the encoder {part!r} needs {family}, and {title} has none of that kind loaded at "
                    "this moment; load a model, or choose another encoder",
                    part=part.id,
                    family=part.family,
                    title=provider.title,
                )
            )
        found.append(encoder)
    return found[0] if len(found) == 1 else FusedEncoder(found)


@dataclass(frozen=True, slots=True)
class _Sources:
    """Everybody who provides encoders.

    Attributes:
        provider: The backend.
        tracker: The prosody encoder.
        whisper: Where Whisper is.
        own: The part of Whisper that the head carries.
    """

    provider: Backend
    tracker: Describer
    whisper: WhisperModels
    own: Path | None = None

    def has(self, encoder_id: str) -> bool:
        """Say whether somebody provides it, as far as can be seen without loading anything."""
        if encoder_id == self.tracker.id:
            return True
        may_come = self.own is not None or self.whisper.allow_download
        return all(
            may_come or self.whisper.has(family)
            if family.startswith(WHISPER)
            else family in self.provider.provides
            for family in borrowed_by(encoder_id)
        )

    def provide(self, encoder_id: str) -> Iterator[LoadedModels | None]:
        """Yield what an encoder can be opened on, the best first; None for one that borrows nothing."""
        borrowed = borrowed_by(encoder_id)
        if not borrowed:
            return iter((None,))
        (family,) = borrowed
        if family.startswith(WHISPER):
            return self.whisper.provide(family, own=self.own)
        return self.provider.provide(family)


def _first_that_fits(encoder_id: str, fingerprint: str | None, sources: _Sources) -> Encoder | None:
    """Return the encoder on the first model with these weights, else on the first; None if there is none."""
    if encoder_id == sources.tracker.id:
        return sources.tracker
    first: Encoder | None = None
    problem: WhisperModelError | None = None
    for loaded in sources.provide(encoder_id):
        try:
            encoder = open_encoder(encoder_id, loaded)
            if fingerprint is None or encoder.fingerprint == fingerprint:
                return encoder
        except WhisperModelError as error:  # a damaged folder does not hide a sound one elsewhere
            problem = problem or error
            continue
        first = first or encoder
    if first is None and problem is not None:
        raise problem
    return first
