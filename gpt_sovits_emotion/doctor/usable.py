"""Check what this package can do with a checkout: transcribe, borrow encoders, use heads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from gpt_sovits_emotion.backends.checkout import CheckoutBackend
from gpt_sovits_emotion.backends.gpt_sovits.layout import Checkout
from gpt_sovits_emotion.core.errors import BackendError, EmotionError, HeadMismatchError
from gpt_sovits_emotion.core.messages import in_both, of_error, of_list, tr
from gpt_sovits_emotion.doctor.findings import Finding, broken, fine, warning
from gpt_sovits_emotion.encoders import WHISPER, borrowed_by
from gpt_sovits_emotion.heads import HeadEntry, find_head, list_heads
from gpt_sovits_emotion.heads.files import ENCODER_NAME
from gpt_sovits_emotion.whisper_models import WhisperModels

__all__ = ["check_encoders", "check_hearing"]

_HEARING, _ENCODERS = "hearing", "encoders"
_BORROWED = ("hubert", "sovits.style", "sovits.posterior")


def check_hearing(checkout: Checkout) -> Iterator[Finding]:
    """Yield which Whisper models lie in the checkout."""
    from gpt_sovits_emotion.transcription.models import missing_parts

    folder = checkout.asr_models
    models = sorted(folder.glob("*whisper*")) if folder.is_dir() else []
    complete = []
    for model in models:
        missing = missing_parts(model)
        if missing:
            listed = ", ".join(missing)
            yield warning(
                _HEARING,
                tr("the Whisper model {model} lacks {listed}", model=model.name, listed=listed),
                tr("delete {model}; it is downloaded again when it is next used", model=model),
            )
        else:
            complete.append(model.name)
    if complete:
        yield fine(_HEARING, of_list(complete))
    elif not models:
        yield warning(
            _HEARING,
            tr(
                "no Whisper model in {folder}: the first transcription downloads one", folder=folder
            ),
            "gpt-sovits-emotion annotate RECORDING --whisper small",
        )


def check_encoders(
    checkout: Checkout, heads_folders: Sequence[Path], *, fingerprints: bool
) -> Iterator[Finding]:
    """Yield which encoders can be borrowed from the files, and which heads can be used with them.

    Args:
        checkout: Whose files.
        heads_folders: Where to look for heads.
        fingerprints: Load the weights and compare them with those that each head was trained on.
    """
    host = CheckoutBackend(checkout.root)
    provides, whisper = host.provides, WhisperModels(checkout=checkout.root)
    borrowed = [family for family in _BORROWED if family in provides]
    if borrowed:
        listed = ", ".join(["prosody", *borrowed])
        yield fine(_ENCODERS, tr("encoders at hand: {listed}", listed=listed))
    else:
        yield warning(
            _ENCODERS,
            tr("only the prosody encoder is at hand; no model of GPT-SoVITS can be borrowed"),
            tr("see the models above"),
        )
    entries = list_heads(heads_folders)
    if not entries:
        yield broken(
            _ENCODERS,
            tr("there is no head, so nothing can be tagged"),
            "pip install --force-reinstall --no-deps gpt-sovits-emotion",
        )
    for entry in entries:
        yield _head(entry, host, whisper, fingerprints=fingerprints)


def _head(
    entry: HeadEntry, host: CheckoutBackend, whisper: WhisperModels, *, fingerprints: bool
) -> Finding:
    if entry.card is None or entry.problem:
        return warning(
            _ENCODERS,
            tr("the head {entry} cannot be used: {problem}", entry=entry.id, problem=entry.problem),
            tr("mend or delete {path}", path=entry.path),
        )
    encoder = entry.card.encoder.id
    families = entry.card.encoder.families
    carried = (entry.path / ENCODER_NAME).is_file()
    lent = host.provides
    if any(not _is_here(family, whisper, carried) for family in borrowed_by(encoder) - lent):
        return warning(
            _ENCODERS,
            tr(
                "the head {entry} reads {encoder}, which is not at hand",
                entry=entry.id,
                encoder=encoder,
            ),
            tr("see the models above"),
        )
    if families == {"prosody"}:
        return fine(_ENCODERS, tr("head {entry} (prosody)", entry=entry.id))
    if not fingerprints:
        return fine(
            _ENCODERS,
            tr(
                "head {entry} ({encoder}); --fingerprints tells whether the weights are its own",
                entry=entry.id,
                encoder=encoder,
            ),
        )
    return _compare(entry, host, whisper, encoder)


def _is_here(family: str, whisper: WhisperModels, carried: bool) -> bool:
    return family.startswith(WHISPER) and (carried or whisper.has(family))


def _compare(
    entry: HeadEntry, host: CheckoutBackend, whisper: WhisperModels, encoder: str
) -> Finding:
    from gpt_sovits_emotion.binding import bind
    from gpt_sovits_emotion.encoders.prosody import ProsodyEncoder

    try:
        bind(find_head(str(entry.path), ()), host, ProsodyEncoder(), whisper)
    except HeadMismatchError as error:
        return warning(
            _ENCODERS,
            in_both(error, f"情感头 {entry.id} 的权重与本目录不符：{error.say('zh')}"),
            tr("choose another head (heads list)"),
        )
    except (BackendError, EmotionError) as error:
        return warning(
            _ENCODERS,
            tr(
                "the head {entry} could not be tried: {error}",
                entry=entry.id,
                error=of_error(error),
            ),
            tr("see the models above"),
        )
    return fine(
        _ENCODERS,
        tr(
            "head {entry} ({encoder}): the weights are those it was trained on",
            entry=entry.id,
            encoder=encoder,
        ),
    )
