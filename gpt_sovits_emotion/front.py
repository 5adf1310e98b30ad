"""The public interface: what a program that uses this package calls.

    import gpt_sovits_emotion as gse

    annotator = gse.load()
    result = annotator.annotate("talk.m4a")
    result.save("talk.srt")

`load` opens the models once; an `Annotator` labels any number of recordings with them, and speaks them or
other texts in a voice. Everything here is a thin layer on `pipeline`, with the defaults of the command line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gpt_sovits_emotion.audio import Recording, open_recording, recording_from_samples
from gpt_sovits_emotion.backends.base import Backend
from gpt_sovits_emotion.banks import load_bank
from gpt_sovits_emotion.banks.building.voice import open_heard_voice
from gpt_sovits_emotion.core import registry
from gpt_sovits_emotion.core.errors import AudioError
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.progress import Progress, no_progress
from gpt_sovits_emotion.core.records import (
    ReferenceBank,
    Sentence,
    SpeakerStatistics,
)
from gpt_sovits_emotion.engines import Engines, open_engines
from gpt_sovits_emotion.pipeline import SpeakingOptions, annotate, round_trip, say
from gpt_sovits_emotion.results import Annotation, Spoken, Voice
from gpt_sovits_emotion.tagging import TagOptions
from gpt_sovits_emotion.transcription import TranscribeOptions, Transcriber
from gpt_sovits_emotion.whisper_models import WhisperModels

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Annotator", "load", "open_voice"]


def load(
    head: str | Path | None = None,
    *,
    verifier: str | Path | None = None,
    whisper: str | Path = "auto",
    transcriber: str | Transcriber = "faster-whisper",
    backend: str | Backend | None = None,
    checkout: str | Path | None = None,
    models_dir: str | Path | None = None,
    heads_dirs: Sequence[str | Path] = (),
    speaker: str | None = None,
    device: str = "auto",
    offline: bool = False,
) -> Annotator:
    """Open the models that transcribe, label emotions and speak.

    Args:
        head: Id or folder of the head that labels emotions; when None, the best one that can run here, and
            `Annotator.note` says if that is not the default.
        verifier: Id or folder of the head that labels the synthesised output; the same head when None.
        whisper: What transcribes: ``tiny``, ``base``, ``small``, …, a folder with a faster-whisper model,
            ``none`` to detect speech without transcribing it, or ``auto``: small or base, whichever is there.
        transcriber: What transcribes: the name of a transcriber (``gpt-sovits-emotion plugins`` lists them),
            or a function that does.
        backend: What speaks: the address of a GPT-SoVITS server (``api_v2.py``), such as
            ``http://127.0.0.1:9880``; the name of a backend, with its address where it has one, such as
            ``mine+http://127.0.0.1:9000``; or a `backends.base.Backend`; eSpeak NG, which clones no voice,
            when None.
        checkout: Folder of a GPT-SoVITS on this machine, for heads that read its HuBERT or SoVITS.
        models_dir: A further folder of faster-whisper models.
        heads_dirs: Further folders of heads.
        speaker: Name of a person that the head was adapted to (``adapt``).
        device: ``auto``, ``cpu`` or ``cuda``.
        offline: Never download a model.

    Raises:
        HeadError: A head is missing, broken, or does not fit what the checkout has.
        BackendError: The address is invalid, or the checkout cannot load the models it should provide.
        PluginError: There is no backend or transcriber of this name, or it is broken.
        WhisperModelError: The Whisper that a head reads is damaged.

    Examples:
        >>> annotator = load("prosody-emodb", whisper="none")
        >>> annotator.head_id
        'prosody-emodb'
    """
    folder, root, provider = _path(models_dir), _path(checkout), None
    if root is not None:
        from gpt_sovits_emotion.backends.checkout import CheckoutBackend

        provider = CheckoutBackend(root, device=device)
    if isinstance(backend, str):
        from gpt_sovits_emotion.backends.opening import open_backend

        backend = open_backend(backend)
    if isinstance(transcriber, str):
        registry.load("transcribers", transcriber)
    engines = open_engines(
        head=head,
        verifier=verifier,
        heads_dirs=heads_dirs,
        backend=backend,
        provider=provider,
        speaker=speaker,
        whisper=WhisperModels(
            transcriber=whisper,
            models_dir=folder,
            checkout=root,
            allow_download=bool(head or verifier) and not offline,
        ),
    )
    words = TranscribeOptions(
        model=str(whisper),
        models_dir=folder,
        checkout=root,
        device=device,
        allow_download=not offline,
        transcriber=transcriber,
    )
    return Annotator(engines, words)


def open_voice(path: str | Path) -> Voice:
    """Open the reference clips of a voice, in any layout that is read (docs/banks.md).

    Args:
        path: A folder of clips, a file that lists them, or the sidecar that ``refs build`` wrote.

    Raises:
        ReferenceBankError: There is no bank, it is damaged or empty, or none of its clips can be used.
    """
    return Voice(Path(path), load_bank(path))


@dataclass(frozen=True, slots=True, eq=False)
class Annotator:
    """Labels the emotions of recordings, and speaks them again. Made by `load`.

    Attributes:
        engines: The heads, their encoders, and the backend that speaks.
        words: How recordings are transcribed.
    """

    engines: Engines
    words: TranscribeOptions

    @property
    def head_id(self) -> str:
        """The id of the head that labels emotions."""
        return self.engines.tagger.card.id

    @property
    def note(self) -> Sentence | None:
        """Why it is not the default head; None if it is, or if it was asked for by name."""
        return self.engines.note

    def annotate(
        self,
        audio: str | Path | np.ndarray,
        sampling_rate_hz: int | None = None,
        *,
        transcript: str | Path | None = None,
        language: str | None = None,
        speaker_statistics: bool | None = None,
        allow_damaged: bool = False,
        progress: Progress = no_progress,
    ) -> Annotation:
        """Transcribe a recording and label the emotion of every segment.

        Args:
            audio: A file in any format that FFmpeg decodes, or samples: ``(n_samples,)`` or
                ``(n_samples, n_channels)``, float in -1 to 1 or integer PCM.
            sampling_rate_hz: Rate of the samples; not to be given with a file.
            transcript: File with the text, ideally with times, to use instead of Whisper (docs/formats.md).
            language: Code of the spoken language; detected for each utterance when None.
            speaker_statistics: Whether to normalise by the recording's own speaker: always, never, or, when
                None, to the extent that the recording seems to contain several emotions.
            allow_damaged: Use what can be read of a damaged file, with a warning.
            progress: Called with the share that is done, from 0 to 1, and a description of the current step.

        Raises:
            AudioError: The file is missing, not audio, damaged, silent, shorter than 0.2 s or longer than six
                hours; or samples were given without their rate.
            TranscriptError: The transcript cannot be read, or does not fit the recording.
            WhisperModelError: The model is not there, or cannot be loaded.

        Examples:
            >>> import numpy as np
            >>> t = np.arange(48_000) / 16_000
            >>> voice = 0.3 * np.sign(np.sin(2 * np.pi * 150 * t)) * np.sin(2 * np.pi * 1.3 * t) ** 2
            >>> result = load("prosody-emodb", whisper="none").annotate(voice, 16_000)
            >>> [segment.text for segment in result.segments]
            ['']
        """
        open_again = _opener(audio, sampling_rate_hz, self.engines, allow_damaged=allow_damaged)
        with open_again() as recording:
            tagging = annotate(
                recording,
                self.engines,
                whisper=self._words(language),
                transcript_file=_path(transcript),
                options=TagOptions(speaker_statistics),
                progress=progress,
            )
        return Annotation(tagging.transcript)

    def round_trip(
        self,
        audio: str | Path | np.ndarray,
        voice: Voice | str | Path,
        sampling_rate_hz: int | None = None,
        *,
        transcript: str | Path | None = None,
        language: str | None = None,
        speaker_statistics: bool | None = None,
        allow_damaged: bool = False,
        seed: int = 0,
        progress: Progress = no_progress,
    ) -> Spoken:
        """Speak a recording again, segment by segment, each in the emotion it was labelled with.

        Args:
            audio: As for `annotate`.
            voice: The voice to speak with, from `open_voice`, or its path.
            sampling_rate_hz: As for `annotate`.
            transcript: As for `annotate`.
            language: As for `annotate`.
            speaker_statistics: As for `annotate`.
            allow_damaged: As for `annotate`.
            seed: Random seed of the backend.
            progress: As for `annotate`.

        Raises:
            EmotionError: What `annotate` raises; `ReferenceBankError` where no clip fits; `BackendError`
                where the backend cannot be reached; `TranscriptError` where there are no words to say again.
        """
        bank, verifier, known = self._of(voice, progress)
        open_again = _opener(audio, sampling_rate_hz, self.engines, allow_damaged=allow_damaged)
        with open_again() as recording:
            result = round_trip(
                recording,
                bank,
                verifier,
                whisper=self._words(language),
                transcript_file=_path(transcript),
                options=TagOptions(speaker_statistics),
                speaking=SpeakingOptions(seed=seed, voice=known),
                progress=progress,
            )
        return Spoken(result, open_again)

    def say(
        self,
        texts: str | Sequence[str],
        voice: Voice | str | Path,
        *,
        emotion: str = "neutral",
        language: str = "",
        seed: int = 0,
        progress: Progress = no_progress,
    ) -> Spoken:
        """Speak texts, each in the emotion of the tag that it begins with: ``[happy] What a day!``.

        Args:
            texts: One text, or several that are spoken one after another.
            voice: The voice to speak with, from `open_voice`, or its path.
            emotion: Emotion of texts without a tag.
            language: Code of the texts' language; told from their script when "".
            seed: Random seed of the backend.
            progress: As for `annotate`.

        Raises:
            EmotionError: As for `round_trip`.
        """
        bank, verifier, known = self._of(voice, progress)
        result = say(
            [texts] if isinstance(texts, str) else list(texts),
            bank,
            verifier,
            emotion=emotion,
            language=language,
            speaking=SpeakingOptions(seed=seed, voice=known),
            progress=progress,
        )
        return Spoken(result, None)

    def _words(self, language: str | None) -> TranscribeOptions:
        return self.words if language is None else replace(self.words, language=language)

    def _of(
        self, voice: Voice | str | Path, progress: Progress
    ) -> tuple[ReferenceBank, Engines, SpeakerStatistics | None]:
        """Return the clips that the backend takes, and the verifier adapted to the voice that will speak."""
        path = voice.path if isinstance(voice, Voice) else Path(voice)
        limits = self.engines.backend.limits
        if limits is None:
            return load_bank(path), self.engines, None
        bank = load_bank(
            path, reference_min_s=limits.reference_min_s, reference_max_s=limits.reference_max_s
        )
        heard = open_heard_voice(path, self.engines, progress=progress)
        return (bank, self.engines, None) if heard is None else (bank, heard.engines, heard.speaker)


def _opener(
    audio: str | Path | np.ndarray,
    sampling_rate_hz: int | None,
    engines: Engines,
    *,
    allow_damaged: bool,
) -> Callable[[], Recording]:
    """Return a function that opens the recording, as often as it is needed.

    Raises:
        AudioError: Samples are given without their rate, or a file with one.
    """
    rate_hz = engines.listening_rate_hz
    if isinstance(audio, (str, Path)):
        path = Path(audio)
        if sampling_rate_hz is not None:
            raise AudioError(
                tr(
                    "{path} is a file, which says its sampling rate itself; leave sampling_rate_hz out",
                    path=path.name,
                )
            )
        return lambda: open_recording(path, allow_damaged=allow_damaged, also_at_hz=rate_hz)
    if sampling_rate_hz is None:
        raise AudioError(
            tr(
                "samples say nothing of their sampling rate; give it as well: annotate(samples, 16_000)"
            )
        )
    samples, given_hz = audio, sampling_rate_hz
    return lambda: recording_from_samples(samples, given_hz, also_at_hz=rate_hz)


def _path(path: str | Path | None) -> Path | None:
    return None if path is None else Path(path)
