"""What does the work: heads, the backend that provides them their encoders, and the backend that speaks.

A head and an encoder are brought together anew for every tagging. In a running WebUI the models are
replaced while we look: what was fitting a minute ago may be another voice now, and must not be kept alive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from gpt_sovits_emotion.audio import ANALYSIS_RATE_HZ, read_clip, resample
from gpt_sovits_emotion.backends.base import Backend
from gpt_sovits_emotion.binding import bind
from gpt_sovits_emotion.core.errors import EmotionError
from gpt_sovits_emotion.core.messages import of_error, tr
from gpt_sovits_emotion.core.records import (
    Audio,
    Prosody,
    ReferenceClip,
    Sentence,
    SpeakerStatistics,
)
from gpt_sovits_emotion.encoders import WHISPER
from gpt_sovits_emotion.encoders.base import Encoder
from gpt_sovits_emotion.encoders.fused import FusedEncoder
from gpt_sovits_emotion.encoders.prosody import ProsodyEncoder
from gpt_sovits_emotion.heads import Head, find_head, head_folders
from gpt_sovits_emotion.heads.files import CARD_NAME
from gpt_sovits_emotion.heads.profiles import SpeakerProfile, for_speaker, known_speaker
from gpt_sovits_emotion.tagging import Analyser, Describer
from gpt_sovits_emotion.whisper_models import WhisperModels

__all__ = [
    "DEFAULT_HEAD",
    "WHISPER_HEAD",
    "Engines",
    "default_head",
    "embedded_backend",
    "folders_with",
    "open_embedded",
    "open_engines",
]

DEFAULT_HEAD = "prosody-emodb"
"""The head that works everywhere."""
WHISPER_HEAD = "whisper-base-free"
"""The head that hears better, where Whisper base is."""


@dataclass(frozen=True, slots=True, eq=False)
class Engines:
    """What does the work.

    Attributes:
        tagger: The head that tags.
        verifier_head: The head that listens to what was said again.
        provider: Who provides the heads their encoders.
        backend: Who speaks.
        tracker: Measures prosody, for explanations; an encoder too.
        speaker: Statistics of the speaker that `tagger` was fitted to; None where nobody is known.
        whisper: Where heads on Whisper find it.
        note: Why the tagging head is not the one that is usually taken; None where it is.
        folders: Where heads lie, with the replay rows that speakers are taught with.
    """

    tagger: Head
    verifier_head: Head
    provider: Backend
    backend: Backend
    tracker: Describer
    speaker: SpeakerStatistics | None = None
    whisper: WhisperModels = field(default_factory=WhisperModels)
    note: Sentence | None = None
    folders: tuple[Path, ...] = ()
    _prosody_of_clip: dict[Path, Prosody] = field(default_factory=dict)
    _held: dict[str, Encoder] = field(default_factory=dict)

    @property
    def analyser(self) -> Analyser:
        """The tagging head with its encoder as it is provided at this moment. Raises what `bind` raises."""
        return replace(self._bound(self.tagger), speaker=self.speaker)

    @property
    def verifier(self) -> Analyser:
        """The judging head with its encoder as it is provided at this moment. Raises what `bind` raises."""
        return self._bound(self.verifier_head)

    def _bound(self, head: Head) -> Analyser:
        """Bind a head, and keep Whisper's layers for the next time: nobody else has them loaded."""
        analyser = bind(head, self.provider, self.tracker, self.whisper)
        encoder = analyser.encoder
        for part in encoder.parts if isinstance(encoder, FusedEncoder) else (encoder,):
            if part.id.startswith(WHISPER):
                self._held[part.id] = part
        return analyser

    def for_speaker(self, profile: SpeakerProfile) -> Engines:
        """Return these engines with the tagging head fitted to a speaker; the judge stays as it is.

        Raises:
            HeadMismatchError: The profile belongs to another head, or to other weights, or the head is
                fitted to a speaker already.
        """
        head, statistics = for_speaker(self.tagger, profile)
        return replace(self, tagger=head, speaker=statistics)

    def verifier_for(self, profile: SpeakerProfile) -> tuple[Engines, SpeakerStatistics | None]:
        """Return these engines with the judge fitted to the voice that speaks, and its statistics.

        Raises:
            HeadMismatchError: The profile belongs to another head, or to other weights.
        """
        head, statistics = for_speaker(self.verifier_head, profile)
        return replace(self, verifier_head=head), statistics

    @property
    def listening_rate_hz(self) -> int:
        """The rate at which the tagging head's encoder wants its audio."""
        return self.tagger.card.encoder.sampling_rate_hz

    def reference_prosody(self, clip: ReferenceClip) -> Prosody:
        """Measure a reference clip, at the level it has on disk; measured once."""
        if clip.path not in self._prosody_of_clip:
            audio = read_clip(clip.path)
            prosody = self.tracker.summarise(
                self.tracker.tracks(audio), duration_s=audio.duration_s
            )
            if prosody.loudness_dbfs is not None:
                # Reading raised a quiet clip; a soft emotion is to be spoken as softly as it is kept.
                prosody = replace(prosody, loudness_dbfs=prosody.loudness_dbfs - audio.gain_db)
            self._prosody_of_clip[clip.path] = prosody
        return self._prosody_of_clip[clip.path]


def default_head(folders: Sequence[Path], whisper: WhisperModels) -> tuple[str, Sentence | None]:
    """Return the head that is taken where nobody names one, and why it is not the better one.

    Args:
        folders: Of heads.
        whisper: Where heads on Whisper find it.

    Returns:
        `WHISPER_HEAD` where it is installed and its model is on this machine, else `DEFAULT_HEAD`; with a
        sentence where only the model is missing.
    """
    if not any((folder / WHISPER_HEAD / CARD_NAME).is_file() for folder in folders):
        return DEFAULT_HEAD, None
    if whisper.has(f"{WHISPER}base"):
        return WHISPER_HEAD, None
    return DEFAULT_HEAD, _fallen_back(whisper.absent("base"))


def folders_with(head: str | Path | None, folders: Sequence[Path]) -> tuple[Path, ...]:
    """Return folders of heads, before them that of a head that was named by its folder."""
    named = head is not None and Path(head).is_dir()
    return (Path(head), *folders) if named and head is not None else tuple(folders)


def _fallen_back(error: EmotionError) -> Sentence:
    return tr(
        "tagging with {default_head}, which hears less than {whisper_head} would: {error}",
        default_head=DEFAULT_HEAD,
        whisper_head=WHISPER_HEAD,
        error=of_error(error),
    )


def open_engines(
    *,
    head: str | Path | None = None,
    verifier: str | Path | None = None,
    heads_dirs: Sequence[str | Path] = (),
    backend: Backend | None = None,
    provider: Backend | None = None,
    speaker: str | None = None,
    whisper: WhisperModels | None = None,
) -> Engines:
    """Load the heads, and make sure that their encoders can be provided.

    Args:
        head: Id or folder of the head that tags; `default_head` when None.
        verifier: Id or folder of the head that listens to the outputs; the same as `head` when None.
        heads_dirs: Further folders of heads.
        backend: Who speaks; the embedded one when None.
        provider: Who provides the encoders; the one who speaks when None.
        speaker: Name of a speaker that the tagging head was fitted to (`heads.profiles`).
        whisper: Where heads on Whisper find it; what is on this machine when None.

    Raises:
        HeadError: A head is missing, broken, or does not fit what the provider has at this moment; nothing
            was learned of this speaker, or for other weights.
        BackendError: The provider cannot load what it would provide.
        WhisperModelError: The Whisper that a head reads is damaged.
    """
    tracker = ProsodyEncoder()
    backend = backend or embedded_backend(tracker)
    whisper = whisper or WhisperModels()
    folders = head_folders(heads_dirs)
    name, note = default_head(folders, whisper) if head is None else (head, None)
    opened = Engines(
        tagger := find_head(name, folders),
        tagger if verifier is None else find_head(verifier, folders),
        provider or backend,
        backend,
        tracker,
        whisper=whisper,
        note=note,
        folders=folders_with(verifier, folders_with(head, folders)),
    )
    try:
        engines = _checked(opened)
    except EmotionError as error:
        if head is not None or name == DEFAULT_HEAD:
            raise
        tagger = find_head(DEFAULT_HEAD, folders)
        verifier_head = tagger if verifier is None else opened.verifier_head
        engines = _checked(
            replace(opened, tagger=tagger, verifier_head=verifier_head, note=_fallen_back(error))
        )
    return engines if speaker is None else engines.for_speaker(known_speaker(tagger, speaker))


def _checked(engines: Engines) -> Engines:
    """Bind every head once, so that what does not fit is told before any work is done."""
    for head in {id(head): head for head in (engines.tagger, engines.verifier_head)}.values():
        engines._bound(head)
    return engines


def open_embedded() -> Backend:
    """Return the backend that comes with this package, as it is registered among others."""
    return embedded_backend(ProsodyEncoder())


def embedded_backend(tracker: ProsodyEncoder) -> Backend:
    """Return the backend that comes with this package; `tracker` measures its reference clips."""
    from gpt_sovits_emotion.backends.embedded import EmbeddedBackend

    def measure(audio: Audio) -> Prosody:
        audio = resample(audio, ANALYSIS_RATE_HZ)
        return tracker.summarise(tracker.tracks(audio), duration_s=audio.duration_s)

    return EmbeddedBackend(measure=measure)
