"""Fakes that keep the contracts of heads, encoders, backends, transcribers, layouts, corpora and formats."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gpt_sovits_emotion.audio import Recording
from gpt_sovits_emotion.backends.base import Backend, BackendLimits, SynthesisRequest
from gpt_sovits_emotion.banks.library.layouts import BankLayout, ClipEntry, Listing
from gpt_sovits_emotion.banks.library.plans import Placed, Plan
from gpt_sovits_emotion.core.errors import (
    BackendError,
    EncoderError,
    ReferenceBankError,
    TranscriptError,
)
from gpt_sovits_emotion.core.loaded_models import LoadedModels
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.progress import Progress, no_progress
from gpt_sovits_emotion.core.records import (
    Audio,
    FrameTracks,
    Prosody,
    ReferenceBank,
    Segment,
    TaggedTranscript,
    Transcript,
)
from gpt_sovits_emotion.encoders import EncoderFamily, EncoderName
from gpt_sovits_emotion.encoders.base import Encoder
from gpt_sovits_emotion.heads import HeadCard, save_head
from gpt_sovits_emotion.heads.card import CorpusCredit, EncoderSpec, Result
from gpt_sovits_emotion.training.corpora import Clip, CorpusInfo, CorpusReader
from gpt_sovits_emotion.transcription import TranscribeOptions, Transcriber
from gpt_sovits_emotion.transcripts.formats import TranscriptFormat
from gpt_sovits_emotion.transcripts.lines import Line

__all__ = [
    "FAKE_DIM",
    "FAKE_LABELS",
    "FakeBackend",
    "FakeBankLayout",
    "FakeCorpus",
    "FakeEncoder",
    "FakeEncoders",
    "FakeFormat",
    "FakeTranscriber",
    "fake_card",
    "fake_tensors",
    "make_fake_head",
]

FAKE_DIM = 20
FAKE_LABELS = ("angry", "sad", "neutral")


def fake_card(**changes: Any) -> HeadCard:
    """A sound card; `changes` replace its fields."""
    fields: dict[str, Any] = {
        "id": "fake-head",
        "title": tr("Fake head"),
        "labels": FAKE_LABELS,
        "encoder": EncoderSpec("fake", FAKE_DIM, "fake-1", 16_000, "none"),
        "licence": "MIT",
        "clip_z": 6.0,
        "min_duration_s": 0.4,
        "min_speaker_segments": 5,
        "prior_segments": 4.0,
        "temperature": {"global": 1.3, "speaker": 0.9},
        "threshold": {"global": 0.4, "speaker": 0.4},
        "baseline": {"rate_syl_per_s": 4.0, "f0_range_st": 8.0},
        "corpora": (CorpusCredit("fakes", "en", 30, 3, "CC0-1.0", "nobody"),),
        "recipe": {"seed": 1},
        "results": (
            Result(
                "loso",
                "fakes",
                "global",
                FAKE_LABELS,
                30,
                3,
                0.5,
                (0.4, 0.6),
                0.5,
                (0.4, 0.6),
                0.04,
                ((5, 3, 2), (3, 5, 2), (2, 3, 5)),
            ),
        ),
    }
    return HeadCard(**{**fields, **changes})


def fake_tensors(
    *, dim: int = FAKE_DIM, n_labels: int = 3, hidden: int = 8
) -> dict[str, np.ndarray]:
    """Random weights in both modes, two members each, with their statistics."""
    rng = np.random.default_rng(3)
    tensors = {
        "features.mean": rng.normal(size=dim),
        "features.std": rng.uniform(0.5, 2, dim),
        "features.within_speaker_std": rng.uniform(0.5, 2, dim),
    }
    for mode in ("global", "speaker"):
        for member in range(2):
            prefix = f"{mode}.{member}.mlp"
            tensors[f"{prefix}.0.weight"] = rng.normal(size=(hidden, dim))
            tensors[f"{prefix}.0.bias"] = rng.normal(size=hidden)
            tensors[f"{prefix}.3.weight"] = rng.normal(size=(n_labels, hidden))
            tensors[f"{prefix}.3.bias"] = rng.normal(size=n_labels)
    return {name: tensor.astype(np.float32) for name, tensor in tensors.items()}


def make_fake_head(folder: Path) -> Path:
    """Save the fake head into `folder`."""
    save_head(folder, fake_card(), fake_tensors())
    return folder


class FakeEncoder:
    """Embeddings that depend on level and length alone; also a tracker, in one pass."""

    id = "fake"
    dim = FAKE_DIM
    sampling_rate_hz = 16_000
    frame_rate_hz = 100.0
    input_scaling = "none"
    fingerprint = "fake-1"

    def encode(self, audios: Sequence[Audio]) -> np.ndarray:
        """Return ``(n_segments, 20)`` embeddings."""
        rows = [self._row(audio) for audio in audios]
        return np.array(rows, np.float32).reshape(len(audios), FAKE_DIM)

    def describe(self, audios: Sequence[Audio]) -> tuple[np.ndarray, tuple[FrameTracks, ...]]:
        """Return embeddings and tracks."""
        return self.encode(audios), tuple(self.tracks(audio) for audio in audios)

    def tracks(self, audio: Audio) -> FrameTracks:
        """Return flat tracks: pitch by length, loudness by peak, four syllables a second."""
        n_frames = int(audio.duration_s / 0.01) + 1
        level_db = 20 * np.log10(np.abs(audio.samples).max(initial=0.0) + 1e-9)
        return FrameTracks(
            0.01,
            np.full(n_frames, 100.0 * audio.duration_s, np.float32),
            np.full(n_frames, level_db, np.float32),
            np.ones(n_frames, np.float32),
            np.arange(0, audio.duration_s, 0.25, dtype=np.float32),
        )

    def summarise(self, tracks: FrameTracks, *, duration_s: float) -> Prosody:
        """Return the flat tracks in numbers."""
        return Prosody(
            duration_s,
            duration_s,
            float(tracks.f0_hz[0]),
            5.0,
            len(tracks.nuclei_s) / duration_s,
            float(tracks.loudness_db[0]),
        )

    @staticmethod
    def _row(audio: Audio) -> np.ndarray:
        level = np.abs(audio.samples).mean() * 10
        row: np.ndarray = np.sin(np.arange(FAKE_DIM) * level) + audio.duration_s
        return row


class FakeBackend:
    """A backend that provides the fake encoder and hums every text at the reference's pitch.

    Args:
        address: Where it would be reached; kept, and not used.
        languages: Codes it claims to speak, also with commas between them; any other is a `BackendError`.
    """

    id = "fake"
    title = tr("a humming fake")
    provides = frozenset({"prosody", "fake"})
    voice_mark: object = None

    def __init__(self, languages: Sequence[str] | str = ("en", "zh"), *, address: str = "") -> None:
        self.address = address
        languages = languages.split(",") if isinstance(languages, str) else languages
        self.limits = BackendLimits(frozenset(languages), 3.0, 10.0, False, 16_000)

    def provide(self, family: str) -> Iterator[LoadedModels]:
        """Provide nothing: the fake encoder needs no modules."""
        return iter(())

    def synthesise(self, request: SynthesisRequest) -> Audio:
        """Hum for a tenth of a second per character."""
        if request.language not in self.limits.languages:
            spoken = ", ".join(sorted(self.limits.languages))
            raise BackendError(
                tr(
                    "the fake speaks {spoken}, not {language!r}",
                    spoken=spoken,
                    language=request.language,
                )
            )
        t = np.arange(round(1600 * max(len(request.text), 5))) / 16_000
        f0_hz = request.reference_prosody.f0_median_hz or 150.0
        return Audio((0.2 * np.sin(2 * np.pi * f0_hz * t)).astype(np.float32), 16_000)


class FakeEncoders:
    """The family of the fake encoder: ``fake`` alone, which borrows nothing."""

    def parse(self, encoder_id: str) -> EncoderName:
        """Take an id apart."""
        if encoder_id != "fake":
            raise EncoderError(
                tr(
                    "the encoder fake has nothing to choose; found {encoder_id!r}",
                    encoder_id=encoder_id,
                )
            )
        return EncoderName("fake")

    def borrows(self, name: EncoderName) -> str:
        """Say that no backend has to provide anything."""
        return ""

    def open(self, name: EncoderName, loaded: LoadedModels | None) -> Encoder:
        """Return the encoder."""
        return FakeEncoder()


class FakeTranscriber:
    """Takes every two seconds of a recording for one sentence."""

    def __call__(
        self, recording: Recording, options: TranscribeOptions, *, progress: Progress = no_progress
    ) -> Transcript:
        """Return a segment for every two seconds."""
        language, segments = options.language or "en", []
        for number, start_s in enumerate(np.arange(0, recording.duration_s, 2.0), start=1):
            end_s = min(float(start_s) + 2.0, recording.duration_s)
            segments.append(Segment(float(start_s), end_s, f"sentence {number}", language))
            progress(end_s / recording.duration_s, "listening")
        return Transcript(tuple(segments), language, "fake")


class FakeBankLayout:
    """A folder with ``clips.fake``: a line for each clip, its name, its emotion and its text, with tabs."""

    def recognises(self, path: Path) -> bool:
        """Say whether the list is there."""
        return (path / "clips.fake").is_file()

    def read(self, path: Path) -> Listing:
        """Return the clips."""
        rows = (path / "clips.fake").read_text(encoding="utf-8").splitlines()
        parts = [row.split("\t") for row in rows if row]
        if any(len(each) != 3 for each in parts):
            raise ReferenceBankError(
                tr("{path}: clips.fake has a line without name, emotion and text", path=path)
            )
        return Listing(
            "fake",
            path,
            tuple(ClipEntry(path / name, label, text, "") for name, label, text in parts),
        )

    def plan(self, bank: ReferenceBank) -> Plan:
        """Plan such a folder."""
        placed = tuple(
            Placed(clip, f"{number:03d}{clip.path.suffix}")
            for number, clip in enumerate(bank.usable, start=1)
        )
        rows = (f"{each.name}\t{each.clip.emotion}\t{each.clip.text}\n" for each in placed)
        return Plan(placed, {"clips.fake": "".join(rows)})


class FakeCorpus:
    """WAV files named ``speaker_emotion_number.wav``."""

    info = CorpusInfo("fake", "Fakes", "en", "CC0-1.0", False, "nobody", "")

    def read(self, folder: Path) -> tuple[Clip, ...]:
        """Return the clips."""
        clips = []
        for path in sorted(folder.glob("*_*_*.wav")):
            speaker, emotion, text = path.stem.split("_", 2)
            clips.append(Clip(path, speaker, emotion, "en", text))
        return tuple(clips)


class FakeFormat:
    """A line for each segment: start, end, emotion and text, with tabs."""

    endings = (".fake",)

    def to_text(self, transcript: TaggedTranscript, *, language: str) -> str:
        """Return the lines."""
        return "".join(
            f"{each.segment.start_s:.3f}\t{each.segment.end_s:.3f}\t{each.label}\t{each.text}\n"
            for each in transcript.segments
        )

    def read(self, text: str, *, name: str) -> list[Line]:
        """Return the lines."""
        lines = []
        for number, row in enumerate(text.splitlines(), start=1):
            parts = row.split("\t")
            if len(parts) != 4:
                raise TranscriptError(
                    tr(
                        "{name}: line {number} has no start, end, emotion and text",
                        name=name,
                        number=number,
                    )
                )
            start, end, label, words = parts
            lines.append(Line(words, _number(start, name), _number(end, name), label))
        return lines


def _number(written: str, name: str) -> float:
    try:
        return float(written)
    except ValueError as error:
        raise TranscriptError(
            tr("{name}: {written!r} is no time in seconds", name=name, written=written)
        ) from error


_encoder: type[Encoder] = FakeEncoder
_backend: type[Backend] = FakeBackend
_encoders: type[EncoderFamily] = FakeEncoders
_transcriber: Transcriber = FakeTranscriber()
_layout: type[BankLayout] = FakeBankLayout
_corpus: type[CorpusReader] = FakeCorpus
_format: type[TranscriptFormat] = FakeFormat
