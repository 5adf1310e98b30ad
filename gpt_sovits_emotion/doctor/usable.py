"""Check what this package can do with a checkout: transcribe, borrow encoders, use heads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from gpt_sovits_emotion.backends.checkout import CheckoutBackend
from gpt_sovits_emotion.backends.gpt_sovits.layout import Checkout
from gpt_sovits_emotion.core.errors import BackendError, EmotionError, HeadMismatchError
from gpt_sovits_emotion.core.records import Sentence
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
                f"the Whisper model {model.name} lacks {listed}",
                f"Whisper 模型 {model.name} 缺少 {listed}",
                Sentence(
                    f"delete {model}; it is downloaded again when it is next used",
                    f"删除 {model}，下次使用时会重新下载",
                ),
            )
        else:
            complete.append(model.name)
    if complete:
        yield fine(_HEARING, ", ".join(complete), "、".join(complete))
    elif not models:
        yield warning(
            _HEARING,
            f"no Whisper model in {folder}: the first transcription downloads one",
            f"{folder} 中没有 Whisper 模型：第一次转写时会下载",
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
        yield fine(_ENCODERS, f"encoders at hand: {listed}", f"可用的编码器：{listed}")
    else:
        yield warning(
            _ENCODERS,
            "only the prosody encoder is at hand; no model of GPT-SoVITS can be borrowed",
            "只有韵律编码器可用；没有可借用的 GPT-SoVITS 模型",
            Sentence("see the models above", "见上面的模型部分"),
        )
    entries = list_heads(heads_folders)
    if not entries:
        yield broken(
            _ENCODERS,
            "there is no head, so nothing can be tagged",
            "没有任何情感头，无法标注",
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
            f"the head {entry.id} cannot be used: {entry.problem}",
            f"情感头 {entry.id} 不能使用：{entry.problem}",
            Sentence(f"mend or delete {entry.path}", f"修复或删除 {entry.path}"),
        )
    encoder = entry.card.encoder.id
    families = entry.card.encoder.families
    carried = (entry.path / ENCODER_NAME).is_file()
    lent = host.provides
    if any(not _is_here(family, whisper, carried) for family in borrowed_by(encoder) - lent):
        return warning(
            _ENCODERS,
            f"the head {entry.id} reads {encoder}, which is not at hand",
            f"情感头 {entry.id} 需要 {encoder}，目前不可用",
            Sentence("see the models above", "见上面的模型部分"),
        )
    if families == {"prosody"}:
        return fine(_ENCODERS, f"head {entry.id} (prosody)", f"情感头 {entry.id}（韵律）")
    if not fingerprints:
        return fine(
            _ENCODERS,
            f"head {entry.id} ({encoder}); --fingerprints tells whether the weights are its own",
            f"情感头 {entry.id}（{encoder}）；加 --fingerprints 可核对权重",
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
            str(error),
            f"情感头 {entry.id} 的权重与本目录不符：{error.say('zh')}",
            Sentence("choose another head (heads list)", "换一个情感头（heads list）"),
        )
    except (BackendError, EmotionError) as error:
        return warning(
            _ENCODERS,
            f"the head {entry.id} could not be tried: {error}",
            f"情感头 {entry.id} 无法试用：{error.say('zh')}",
            Sentence("see the models above", "见上面的模型部分"),
        )
    return fine(
        _ENCODERS,
        f"head {entry.id} ({encoder}): the weights are those it was trained on",
        f"情感头 {entry.id}（{encoder}）：权重与训练时一致",
    )
