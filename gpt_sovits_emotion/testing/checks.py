"""One check for each kind of plug-in: what every one of ours passes and every author can run.

Each is given what was made, or the name by which it is registered, and raises the error of its kind with the
reason: what was found, and what was expected.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from gpt_sovits_emotion.audio import recording_from_samples, write_wav
from gpt_sovits_emotion.backends.base import Backend, BackendLimits
from gpt_sovits_emotion.backends.opening import open_backend
from gpt_sovits_emotion.banks import export_bank, load_bank
from gpt_sovits_emotion.banks.library.layouts import BankLayout, ClipEntry, Listing
from gpt_sovits_emotion.core import registry
from gpt_sovits_emotion.core.errors import (
    BackendError,
    CorpusError,
    EmotionError,
    EncoderError,
    PluginError,
    ReferenceBankError,
    TranscriptError,
)
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import (
    Audio,
    Sentence,
    Transcript,
)
from gpt_sovits_emotion.encoders import open_encoder, parse_encoder_id
from gpt_sovits_emotion.encoders.base import Encoder
from gpt_sovits_emotion.testing.samples import request_for, sample_transcript, unspoken, voice
from gpt_sovits_emotion.training.corpora import Clip, CorpusInfo, CorpusReader
from gpt_sovits_emotion.transcription import TranscribeOptions, Transcriber
from gpt_sovits_emotion.transcription.transcribers import transcribe
from gpt_sovits_emotion.transcripts.formats import TranscriptFormat
from gpt_sovits_emotion.transcripts.lines import FileLines, Line

__all__ = [
    "check_backend",
    "check_bank_layout",
    "check_corpus",
    "check_encoder",
    "check_format",
    "check_transcriber",
]

_RATE_HZ = 16_000
_CLOSE = 1e-3  # in units of the largest value: batches are summed in another order


def check_encoder(encoder: Encoder | str) -> None:
    """Hold an encoder against its contract (`encoders.base.Encoder`).

    Args:
        encoder: The encoder, or its id: then its family is registered and borrows nothing.

    Raises:
        EncoderError: It breaks the contract; the message says where.
        PluginError: It is not registered, or failed.
    """
    if isinstance(encoder, str):
        asked, encoder = encoder, open_encoder(encoder, None)
        _must(
            EncoderError, parse_encoder_id(asked).id == encoder.id, "its id is not that asked for"
        )
    with _in_a_sentence(EncoderError):
        words = (encoder.id, encoder.fingerprint, encoder.input_scaling)
        named = all(isinstance(each, str) and each for each in words)
        _must(EncoderError, named, "id, fingerprint and input_scaling are texts")
        rate_hz, dim = encoder.sampling_rate_hz, encoder.dim
        _must(
            EncoderError,
            isinstance(dim, int) and dim > 0,
            f"dim is {dim!r} and no positive integer",
        )
        audios = [voice(length_s, rate_hz, level) for length_s, level in ((1.0, 0.1), (2.5, 0.3))]
        rows = encoder.encode(audios)
        _must(
            EncoderError,
            isinstance(rows, np.ndarray) and rows.shape == (2, dim) and rows.dtype == np.float32,
            f"two audios give {getattr(rows, 'shape', type(rows).__name__)} of "
            f"{getattr(rows, 'dtype', '?')}, and not (2, {dim}) of float32",
        )
        _must(EncoderError, bool(np.isfinite(rows).all()), "an embedding is not finite")
        differ = not np.array_equal(rows[0], rows[1])
        _must(EncoderError, differ, "two audios of other length and level give one embedding")
        alone = np.concatenate([encoder.encode([audio]) for audio in audios])
        error = np.abs(alone - rows).max() / max(float(np.abs(rows).max()), 1e-9)
        _must(
            EncoderError, error < _CLOSE, "an audio alone gives another embedding than among others"
        )
        _must(EncoderError, encoder.encode([]).shape == (0, dim), "no audios do not give (0, dim)")
        same = encoder.fingerprint == words[1]
        _must(EncoderError, same, "its fingerprint changed by its use")


def check_backend(backend: Backend | str) -> None:
    """Hold a backend against its contract (`backends.base.Backend`), and let it say a few words.

    Args:
        backend: The backend; or, as for ``--backend``, its name with its address where it has one.

    Raises:
        BackendError: It breaks the contract, or cannot speak; the message says where.
        PluginError: It is not registered, or failed.
    """
    opened = open_backend(backend) if isinstance(backend, str) else backend
    with _in_a_sentence(BackendError):
        named = isinstance(opened.id, str) and isinstance(opened.title, Sentence)
        _must(BackendError, named, "its id is a text and its title a Sentence")
        _must(
            BackendError, "prosody" in opened.provides, "it provides prosody, which needs no model"
        )
        _must(
            BackendError, list(opened.provide("prosody")) == [], "for prosody there are no models"
        )
        limits = opened.limits
        if limits is None:
            return
        _must(
            BackendError,
            isinstance(limits, BackendLimits),
            "its limits are a BackendLimits or None",
        )
        sound = bool(limits.languages) and 0 < limits.reference_min_s <= limits.reference_max_s
        _must(
            BackendError, sound, "its limits name languages, and a shortest and a longest reference"
        )
        language = "en" if "en" in limits.languages else min(limits.languages)
        with _folder() as folder:
            length_s = (limits.reference_min_s + limits.reference_max_s) / 2
            write_wav(folder / "reference.wav", voice(length_s, _RATE_HZ, 0.2))
            request = request_for(folder / "reference.wav", length_s, language)
            said = opened.synthesise(request)
            _must(
                BackendError,
                isinstance(said, Audio) and said.sampling_rate_hz == limits.sampling_rate_hz,
                f"it does not give an Audio at {limits.sampling_rate_hz} Hz, as its limits say",
            )
            heard = len(said.samples) > 0 and bool(np.isfinite(said.samples).all())
            _must(
                BackendError,
                heard and bool(np.any(said.samples)),
                "what it says is empty or silent",
            )
            refuses = _refuses(BackendError, lambda: opened.synthesise(unspoken(request)))
            _must(BackendError, refuses, "a language that it does not speak is not a BackendError")


def check_transcriber(
    transcriber: Transcriber | str, options: TranscribeOptions | None = None
) -> None:
    """Hold a transcriber against its contract (`transcription.Transcriber`).

    Args:
        transcriber: The transcriber, or the name by which it is registered.
        options: With which model, where it needs one.

    Raises:
        TranscriptError: It breaks the contract; the message says where.
        WhisperModelError: Its model is not there.
        PluginError: It is not registered, or failed.
    """
    from dataclasses import replace

    options = replace(options or TranscribeOptions(), transcriber=transcriber)
    samples = np.concatenate([voice(3.0, _RATE_HZ, 0.2).samples, np.zeros(_RATE_HZ, np.float32)])
    with (
        _in_a_sentence(TranscriptError),
        recording_from_samples(samples, _RATE_HZ) as recording,
    ):
        told: list[float] = []
        found = transcribe(recording, options, progress=lambda share, doing: told.append(share))
        _must(TranscriptError, isinstance(found, Transcript), "it gives no Transcript")
        _must(TranscriptError, bool(found.source), "its source does not say who transcribed")
        _must(TranscriptError, bool(told), "it does not say how far it is")
        within = all(0 <= share <= 1.001 for share in told)
        _must(TranscriptError, within, "it says shares of its work that are not from 0 to 1")
        _check_stops(recording, options)


def check_bank_layout(layout: BankLayout | str, bank: str | Path) -> None:
    """Hold a layout of banks against its contract (`banks.library.layouts.BankLayout`).

    Args:
        layout: The layout, or the name by which it is registered; where it is written, too, it is only
            tried by its name.
        bank: A bank of this layout, with a clip that can be used.

    Raises:
        ReferenceBankError: It breaks the contract; the message says where.
        PluginError: It is not registered, or failed.
    """
    found, name = _named("bank_layouts", layout)
    path = Path(bank)
    with _in_a_sentence(ReferenceBankError), _folder() as folder:
        _must(ReferenceBankError, bool(found.recognises(path)), f"it does not recognise {path}")
        _must(ReferenceBankError, not found.recognises(folder), "it recognises an empty folder")
        missing = folder / "missing"
        _must(ReferenceBankError, not found.recognises(missing), "it recognises what is not there")
        listing = found.read(path)
        sound = isinstance(listing, Listing) and bool(listing.entries)
        _must(ReferenceBankError, sound, "it gives no Listing with entries")
        entries = all(isinstance(each, ClipEntry) for each in listing.entries)
        _must(ReferenceBankError, entries, "an entry of its Listing is no ClipEntry")
        if not name or getattr(found, "plan", None) is None:
            return
        loaded = load_bank(path)
        _must(ReferenceBankError, loaded.layout == name, f"{path} is read as {loaded.layout}")
        again = load_bank(export_bank(loaded, folder / "written", layout=name))
        _must(ReferenceBankError, again.layout == name, f"what it wrote is read as {again.layout}")


def check_corpus(reader: CorpusReader | str, folder: str | Path) -> None:
    """Hold a reader of a corpus against its contract (`training.corpora.CorpusReader`).

    Args:
        reader: The reader, or the name by which it is registered.
        folder: A copy of the corpus, or a part of one with two clips.

    Raises:
        CorpusError: It breaks the contract; the message says where.
        PluginError: It is not registered, or failed.
    """
    found, _ = _named("corpora", reader)
    with _in_a_sentence(CorpusError), _folder() as empty:
        info = found.info
        sound = isinstance(info, CorpusInfo) and bool(info.title and info.licence)
        _must(CorpusError, sound, "its info is no CorpusInfo with a title and a licence")
        clips = tuple(found.read(Path(folder)))
        _must(CorpusError, len(clips) > 1, f"it finds {len(clips)} clips in {folder}")
        for clip in clips:
            whole = isinstance(clip, Clip) and bool(clip.speaker and clip.emotion)
            _must(CorpusError, whole, f"a clip has no speaker or no emotion: {clip!r:.100}")
            _must(CorpusError, Path(clip.path).is_file(), f"a clip is not there: {clip.path}")
        paths = {Path(clip.path) for clip in clips}
        _must(CorpusError, len(paths) == len(clips), "a file is two clips")
        nothing = _refuses(CorpusError, lambda: _clips_in(found, empty))
        _must(CorpusError, nothing, "it finds clips in an empty folder")


def check_format(format: TranscriptFormat | str) -> None:
    """Hold a format of transcripts against its contract (`transcripts.formats.TranscriptFormat`).

    Args:
        format: The format, or the name by which it is registered.

    Raises:
        TranscriptError: It breaks the contract; the message says where.
        PluginError: It is not registered, or failed.
    """
    found, _ = _named("formats", format)
    with _in_a_sentence(TranscriptError):
        endings = list(found.endings)
        dotted = bool(endings) and all(end.startswith(".") and len(end) > 1 for end in endings)
        _must(TranscriptError, dotted, "its endings are no texts that begin with a dot")
        writes, reads = getattr(found, "to_text", None), getattr(found, "read", None)
        _must(TranscriptError, bool(writes or reads), "it has neither to_text nor read")
        if writes is None:
            return
        transcript = sample_transcript()
        text = found.to_text(transcript, language="en")
        _must(TranscriptError, isinstance(text, str) and bool(text), "to_text gives no text")
        for tagged in transcript.segments:
            _must(TranscriptError, tagged.text in text, f"the words {tagged.text!r} are not in it")
        if reads is None:
            return
        lines = found.read(text, name=f"talk{endings[0]}")
        lines = lines.lines if isinstance(lines, FileLines) else tuple(lines)
        whole = all(isinstance(line, Line) for line in lines)
        _must(TranscriptError, whole, "read gives something that is no Line")
        said = [line.text for line in lines if line.text]
        wanted = [tagged.text for tagged in transcript.segments]
        _must(TranscriptError, said == wanted, f"what it wrote is read as {said}, and was {wanted}")
        for line, tagged in zip(lines, transcript.segments, strict=True):
            near = line.start_s is None or abs(line.start_s - tagged.segment.start_s) < _TIME_S
            _must(
                TranscriptError,
                near,
                f"a start of {tagged.segment.start_s} s becomes {line.start_s}",
            )
            kept = line.label in (None, tagged.label)
            _must(TranscriptError, kept, f"the emotion {tagged.label!r} is read as {line.label!r}")


# --- inside ----------------------------------------------------------------------------------------

_TIME_S = 0.05


def _must(kind: type[EmotionError], is_so: bool, otherwise: str) -> None:
    if not is_so:
        raise kind(tr("the contract is broken: {otherwise}", otherwise=otherwise))


@contextmanager
def _in_a_sentence(kind: type[EmotionError]) -> Iterator[None]:
    """Say what else goes wrong in a sentence: to the one who checks, that is a broken contract as well."""
    try:
        yield
    except EmotionError:
        raise
    except Exception as error:
        told = f"{type(error).__name__}: {error}"
        raise kind(tr("the contract is broken: {told}", told=told)) from error


@contextmanager
def _folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="contract-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _named(group: str, found: Any) -> tuple[Any, str]:
    return (registry.load(group, found), found) if isinstance(found, str) else (found, "")


def _refuses(kind: type[EmotionError], call: Any) -> bool:
    try:
        call()
    except PluginError:
        return False
    except kind:
        return True
    return False


def _clips_in(reader: CorpusReader, folder: Path) -> tuple[Clip, ...]:
    clips = tuple(reader.read(folder))
    if not clips:
        raise CorpusError(tr("no clips"))
    return clips


class _StopError(Exception):
    """What a progress raises that wants the work to stop."""


def _check_stops(recording: Any, options: TranscribeOptions) -> None:
    def stop(share: float, doing: str) -> None:
        raise _StopError

    try:
        transcribe(recording, options, progress=stop)
    except _StopError:
        return
    _must(TranscriptError, False, "it goes on when the progress that it is given raises")
