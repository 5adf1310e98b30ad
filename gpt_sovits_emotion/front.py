"""The front door: what a program that uses this package calls.

    import gpt_sovits_emotion as gse

    annotator = gse.load()
    result = annotator.annotate("talk.m4a")
    result.save("talk.srt")

`load` opens the models once; an `Annotator` reads any number of recordings with them, and says them or other
texts again in a voice. Everything here is a thin hand on `pipeline`, with the defaults of the command line.
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
    """Open the models that read emotion, and who speaks.

    Args:
        head: Id or folder of the head that reads emotion; the best one that can work here when None, and then
            `Annotator.note` says where it is not the usual one.
        verifier: Id or folder of the head that listens to what was said again; the same when None.
        whisper: What transcribes: ``tiny``, ``base``, ``small``, …, a folder with a faster-whisper model,
            ``none`` to find speech without its words, or ``auto``: small or base, whichever is there.
        transcriber: Who transcribes: the name of a transcriber (``gpt-sovits-emotion plugins`` lists them),
            or a function that does.
        backend: Who speaks: the address of a GPT-SoVITS server (``api_v2.py``), as ``http://127.0.0.1:9880``,
            the name of a backend, with its address where it has one (``mine+http://127.0.0.1:9000``), or a
            `backends.base.Backend`; eSpeak NG, which clones nobody, when None.
        checkout: Folder of a GPT-SoVITS on this machine, for heads on its HuBERT or SoVITS.
        models_dir: A further folder of faster-whisper models.
        heads_dirs: Further folders of heads.
        speaker: Name of a person that the head was fitted to (``adapt``).
        device: ``auto``, ``cpu`` or ``cuda``.
        offline: Never download a model.

    Raises:
        HeadError: A head is missing, broken, or does not fit what the checkout has.
        BackendError: The address is none, or the checkout cannot load what it would lend.
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
        path: A folder or a file of clips, or what ``refs build`` wrote beside it.

    Raises:
        ReferenceBankError: There is no bank, it is broken or empty, or none of its clips can be used.
    """
    return Voice(Path(path), load_bank(path))


@dataclass(frozen=True, slots=True, eq=False)
class Annotator:
    """Reads the emotion of recordings, and says them again in it. Made by `load`.

    Attributes:
        engines: The heads, and who speaks.
        words: How recordings are transcribed.
    """

    engines: Engines
    words: TranscribeOptions

    @property
    def head_id(self) -> str:
        """The head that reads emotion."""
        return self.engines.tagger.card.id

    @property
    def note(self) -> Sentence | None:
        """Why it is not the head that is usually taken; None where it is, or was asked for by name."""
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
        """Transcribe a recording and read the emotion of every segment.

        Args:
            audio: A file of any format that FFmpeg knows, or its samples: ``(n_samples,)`` or
                ``(n_samples, n_channels)``, float in -1 to 1 or integer PCM.
            sampling_rate_hz: Of samples.
            transcript: File of the words and, best, their times, in place of Whisper (docs/formats.md).
            language: Code of what is spoken; found out for each stretch of speech when None.
            speaker_statistics: Judge against the recording's own segments always, or never; as far as it
                seems to hold several moods when None.
            allow_damaged: Use what can be read of a damaged file, with a warning.
            progress: Called with a share from 0 to 1 and with what is being done.

        Raises:
            AudioError: The file is missing, no audio, damaged, silent, shorter than 0.2 s or longer than six
                hours; or samples came without their rate.
            TranscriptError: The transcript cannot be read, or does not fit the recording.
            WhisperModelError: The model is not there, or does not load.

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
        """Say a recording again, segment by segment, each in the emotion that was heard in it.

        Args:
            audio: As for `annotate`.
            voice: Who says it, from `open_voice`, or its path.
            sampling_rate_hz: As for `annotate`.
            transcript: As for `annotate`.
            language: As for `annotate`.
            speaker_statistics: As for `annotate`.
            allow_damaged: As for `annotate`.
            seed: Of whatever the backend draws at random.
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
        """Say texts, each in the emotion that it begins with: ``[happy] What a day!``.

        Args:
            texts: One, or several that are said one after the other.
            voice: Who says it, from `open_voice`, or its path.
            emotion: Of texts that begin with no tag.
            language: Code of the texts' language; told by their script when "".
            seed: Of whatever the backend draws at random.
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
        """Return the clips that the backend takes, and the judge as it knows the voice that will be heard."""
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
    """Return what opens a recording, as often as it is needed.

    Raises:
        AudioError: Samples come without their rate, or a file with one.
    """
    rate_hz = engines.listening_rate_hz
    if isinstance(audio, (str, Path)):
        path = Path(audio)
        if sampling_rate_hz is not None:
            raise AudioError(
                f"{path.name} is a file, which says its sampling rate itself; leave sampling_rate_hz out",
                zh=f"{path.name} 是文件，采样率由文件给出；请不要传入 sampling_rate_hz",
            )
        return lambda: open_recording(path, allow_damaged=allow_damaged, also_at_hz=rate_hz)
    if sampling_rate_hz is None:
        raise AudioError(
            "samples say nothing of their sampling rate; give it as well: annotate(samples, 16_000)",
            zh="采样数组不含采样率；请一并给出：annotate(samples, 16_000)",
        )
    samples, given_hz = audio, sampling_rate_hz
    return lambda: recording_from_samples(samples, given_hz, also_at_hz=rate_hz)


def _path(path: str | Path | None) -> Path | None:
    return None if path is None else Path(path)
