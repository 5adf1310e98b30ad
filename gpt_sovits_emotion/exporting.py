"""A head that carries the part of Whisper that it reads, for where that Whisper is not."""

from __future__ import annotations

from pathlib import Path

from gpt_sovits_emotion.binding import provide_encoder
from gpt_sovits_emotion.core.errors import HeadError, HeadMismatchError, WhisperModelError
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.encoders import WHISPER, parse_encoder_id
from gpt_sovits_emotion.encoders.prosody import ProsodyEncoder
from gpt_sovits_emotion.encoders.whisper.encoder import WhisperEncoder
from gpt_sovits_emotion.encoders.whisper.slices import slice_licence, slice_source, write_slice
from gpt_sovits_emotion.encoders.whisper.weights import fingerprint_of
from gpt_sovits_emotion.engines import embedded_backend
from gpt_sovits_emotion.heads import HeadCard, load_head
from gpt_sovits_emotion.heads.card import ANY_WEIGHTS
from gpt_sovits_emotion.heads.files import ENCODER_NAME
from gpt_sovits_emotion.heads.install import claimed, copy_head, put_into_place, staging
from gpt_sovits_emotion.whisper_models import WhisperModels

__all__ = ["check_carried", "export_head"]


def export_head(
    folder: Path, out: Path, *, whisper: WhisperModels | None = None, with_encoder: bool = True
) -> Path:
    """Copy a head into a folder, with the part of Whisper that it reads beside its weights.

    The card is left as it is, so that the copy is the same head wherever it is put; the licence of Whisper's
    weights and where they come from stand in the file's own metadata.

    Args:
        folder: The head.
        out: Folder that the copy is put into, under the head's id.
        whisper: Where Whisper is found; what is on this machine when None.
        with_encoder: Write that part; else the head alone.

    Returns:
        Where the copy lies.

    Raises:
        HeadError: The head is broken, reads no Whisper, or something is in its place.
        HeadMismatchError: The Whisper that was found is not the one that it was trained on.
        WhisperModelError: There is none, or it is damaged.
        OutputError: The copy cannot be written.
    """
    head = load_head(folder)
    place = out / head.card.id
    _check_free(place)
    with staging(out) as work:
        staged = work / head.card.id
        staged.mkdir()
        copy_head(folder, staged)
        if with_encoder:
            _write_carried(head.card, staged / ENCODER_NAME, whisper or WhisperModels())
            check_carried(staged)
        with claimed(out, head.card.id):
            _check_free(place)  # somebody else may have been quicker
            put_into_place(staged, place, work)
    return place


def _check_free(place: Path) -> None:
    if place.exists():
        raise HeadError(
            tr(
                "{place} is there already; name another folder with --out, or remove it",
                place=place,
            )
        )


def check_carried(folder: Path) -> str | None:
    """Check the part of an encoder that a head carries, its values and its fingerprint.

    Returns:
        What it is and under which licence, None where the head carries none.

    Raises:
        HeadError: It is damaged, or not of the weights that the head was trained on.
    """
    head = load_head(folder)
    if head.encoder_file is None:
        return None
    part, fingerprint = _whisper_part(head.card)
    name = parse_encoder_id(part)
    try:
        source = slice_source(head.encoder_file, name.whisper_size)
        if source.shape.n_layers < name.layers[-1]:
            raise WhisperModelError(
                tr(
                    "{encoder_file} has {n_layers} layers and the head reads layer {layers}; get the "
                    "head again whole",
                    encoder_file=head.encoder_file,
                    n_layers=source.shape.n_layers,
                    layers=name.layers[-1],
                )
            )
        found = fingerprint_of(source, name.layers[-1])
    except WhisperModelError as error:
        raise HeadError(str(error), zh=error.zh) from error
    if fingerprint not in (found, ANY_WEIGHTS):
        raise HeadMismatchError(
            tr(
                "{encoder_file} holds other weights ({found}) than the head was trained on "
                "({fingerprint}); get the head again whole, or remove that file",
                encoder_file=head.encoder_file,
                found=found,
                fingerprint=fingerprint,
            )
        )
    return f"{part}, {slice_licence(head.encoder_file)}"


def _whisper_part(card: HeadCard) -> tuple[str, str]:
    """Return the part of a head's encoder that is Whisper's, and its fingerprint."""
    parts, fingerprints = card.encoder.id.split("+"), card.encoder.fingerprint.split("+")
    if len(fingerprints) != len(parts):
        fingerprints = [ANY_WEIGHTS] * len(parts)
    found = [pair for pair in zip(parts, fingerprints, strict=True) if pair[0].startswith(WHISPER)]
    if len(found) != 1:
        raise HeadError(
            tr(
                "the head {card!r} reads {encoder}: only a head that reads one Whisper can carry a part "
                "of its encoder",
                card=card.id,
                encoder=card.encoder.id,
            )
        )
    return found[0]


def _write_carried(card: HeadCard, path: Path, whisper: WhisperModels) -> None:
    part, fingerprint = _whisper_part(card)
    name = parse_encoder_id(part)
    tracker = ProsodyEncoder()
    encoder = provide_encoder(
        part, embedded_backend(tracker), tracker, whisper, fingerprint=fingerprint
    )
    if fingerprint not in (encoder.fingerprint, ANY_WEIGHTS):
        raise HeadMismatchError(
            tr(
                "the head {card!r} was trained on {part} with fingerprint {fingerprint}, and the Whisper "
                "found here has {fingerprint_2}; name the folder of the one that it was trained on "
                "(--whisper-model)",
                card=card.id,
                part=part,
                fingerprint=fingerprint,
                fingerprint_2=encoder.fingerprint,
            )
        )
    assert isinstance(encoder, WhisperEncoder)
    assert name.whisper_size is not None
    write_slice(
        encoder.source,
        name.layers[-1],
        path,
        size=name.whisper_size,
        origin=f"OpenAI Whisper {name.whisper_size} (https://github.com/openai/whisper)",
    )
