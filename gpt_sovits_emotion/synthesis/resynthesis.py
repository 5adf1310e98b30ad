"""Say every segment of a transcript again, each in its emotion, joined on the original timing."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from gpt_sovits_emotion.audio import Recording
from gpt_sovits_emotion.backends.base import BackendLimits, Sampling, SynthesisRequest, never
from gpt_sovits_emotion.backends.opening import checked_audio
from gpt_sovits_emotion.banks.library.layouts import language_of_text
from gpt_sovits_emotion.core.errors import AudioError, BackendError, PluginError
from gpt_sovits_emotion.core.messages import of_error, tr
from gpt_sovits_emotion.core.progress import Progress, no_progress, part_of
from gpt_sovits_emotion.core.records import (
    WRITTEN,
    Audio,
    Carried,
    Prosody,
    ReferenceBank,
    ReferenceChoice,
    ReferenceClip,
    Sentence,
    SpeakerStatistics,
    Synthesis,
    SynthesisedSegment,
    TaggedSegment,
    TaggedTranscript,
    Take,
)
from gpt_sovits_emotion.core.registry import blamed
from gpt_sovits_emotion.engines import Engines
from gpt_sovits_emotion.synthesis.concatenation import LEAST_GAP_S, join
from gpt_sovits_emotion.synthesis.prosody_source import (
    ProsodySource,
    carry_note,
    check_prosody_source,
    piece_of,
    prompt_folder,
    timbre_clips,
    write_prompt,
)
from gpt_sovits_emotion.synthesis.takes import (
    TakeOptions,
    TakeTarget,
    failed_take,
    judged_take,
    way_of_takes,
    with_best_kept,
)
from gpt_sovits_emotion.synthesis.text_input import with_written_tags

__all__ = ["resynthesise"]

_CLIPS_FOR_VOICE = 12
_SPEAKING = tr("speaking")
_NO_WORDS = tr("there are no words to say")


def resynthesise(
    transcript: TaggedTranscript,
    choices: Sequence[ReferenceChoice | None],
    engines: Engines,
    *,
    bank: ReferenceBank,
    seed: int = 0,
    sampling: Sampling | None = None,
    timbre: Sequence[Path] = (),
    carry: ProsodySource | None = None,
    recording: Recording | None = None,
    takes: TakeOptions | None = None,
    speaker: SpeakerStatistics | None = None,
    cancelled: Callable[[], bool] = never,
    progress: Progress = no_progress,
) -> Synthesis:
    """Say every segment again with its reference, joined on the original timing.

    A segment that the backend cannot say is left out with its reason; the others are said all the same.

    Args:
        transcript: What to say; emotion tags written into a text are not spoken.
        choices: Per segment its reference, None where there is nothing to say. Where another voice carries
            the emotion (``bank``), they are of that voice's bank.
        engines: Who speaks, and who judges takes.
        bank: The voice.
        seed: Of the first segment; each further one has the next.
        sampling: How the backend samples; its own page's defaults when None.
        timbre: Further clips that set the timbre alone, where the backend takes them; where the emotion is
            not carried by clips of the voice, they take the place of those chosen from the bank.
        carry: How the emotion is carried; by the chosen clips when None.
        recording: What was heard; needed where it carries the emotion itself.
        takes: How many takes of each segment are made; one when None.
        speaker: Statistics of the voice for the judge of the takes.
        cancelled: Asked by the backend between the parts of its work, and between two takes.
        progress: Told how far it is.

    Raises:
        BackendError: The backend cannot speak at all, or not in this way; not a single segment could be
            said; or another voice was loaded in the middle.
        OutputError: The pieces of the recording cannot be written.
        WhisperModelError: Takes are to be listened to, and the model does not load.
        ValueError: The recording is to carry the emotion and was not given.
    """
    transcript, carry = with_written_tags(transcript, bank), carry or ProsodySource()
    limits = engines.backend.limits
    check_prosody_source(carry, limits, backend=engines.backend.title)
    assert limits is not None  # check_prosody_source has seen to it
    if carry.way == "recording" and recording is None:
        raise ValueError("the recording carries the emotion, so it must be given")
    with prompt_folder(carry) if carry.way == "recording" else nullcontext() as folder:
        session = _Session(
            transcript,
            engines,
            limits,
            carry,
            timbre=tuple(timbre) or _own_timbre(bank, carry, limits),
            voice_f0_hz=_voice_f0_hz(bank, engines),
            sampling=sampling or Sampling(),
            seed=seed,
            takes=takes or TakeOptions(),
            speaker=speaker,
            recording=recording,
            folder=folder,
            cancelled=cancelled,
            voice_mark=engines.backend.voice_mark,
        )
        parts = session.say_all(choices, progress)
    return session.joined(parts, bank.voice)


def _own_timbre(
    bank: ReferenceBank, carry: ProsodySource, limits: BackendLimits
) -> tuple[Path, ...]:
    """Return the clips of the voice that set its timbre where something else gives the prosody."""
    if carry.way == "clip":
        return ()
    return tuple(clip.path for clip in timbre_clips(bank, carry, limits))


# --- one segment -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Part:
    """What came of one segment; without audio there is a problem, and an error where something failed."""

    audio: Audio | None = None
    problem: Sentence | None = None
    error: BackendError | None = None
    carried: Carried | None = None
    takes: tuple[Take, ...] = ()

    def segment(self, index: int) -> SynthesisedSegment:
        return SynthesisedSegment(index, 0.0, self.audio, self.problem, self.carried, self.takes)


@dataclass(frozen=True, slots=True, eq=False)
class _Prompt:
    """How one segment is to be said: reference and seed of each take, and what else the backend needs."""

    references: tuple[tuple[ReferenceClip, int], ...]
    prosody: Prosody | None
    timbre: tuple[Path, ...]
    carried: Carried | None


@dataclass(frozen=True, slots=True, eq=False)
class _Session:
    """Everything that stays the same from segment to segment."""

    transcript: TaggedTranscript
    engines: Engines
    limits: BackendLimits
    carry: ProsodySource
    timbre: tuple[Path, ...]
    voice_f0_hz: float | None
    sampling: Sampling
    seed: int
    takes: TakeOptions
    speaker: SpeakerStatistics | None
    recording: Recording | None
    folder: Path | None
    cancelled: Callable[[], bool]
    voice_mark: object

    def say_all(self, choices: Sequence[ReferenceChoice | None], progress: Progress) -> list[_Part]:
        """Say the segments one after the other.

        Raises:
            BackendError: Another voice was loaded meanwhile, or none could be said.
        """
        parts = []
        for index, choice in enumerate(choices):
            begun, done = index / len(choices), (index + 1) / len(choices)
            progress(begun, "speaking")
            parts.append(self.say(index, choice, part_of(progress, begun, done)))
        progress(1.0, "speaking")  # whoever stopped the last segment hears of it here
        failures = [part.error for part in parts if part.error is not None]
        if failures and all(part.audio is None for part in parts):
            raise failures[-1]
        return parts

    def say(self, index: int, choice: ReferenceChoice | None, progress: Progress) -> _Part:
        """Say one segment.

        Raises:
            BackendError: Another voice was loaded meanwhile.
        """
        if choice is None:
            return _Part(problem=_NO_WORDS)
        try:
            prompt = self._prompt(index, choice)
        except BackendError as error:
            return _failed(error)
        try:
            if self.takes.n > 1:
                return self._best_of(index, prompt, progress)
            clip, seed = prompt.references[0]
            return _Part(self._synthesised(index, prompt, clip, seed), carried=prompt.carried)
        except _NotSaidError as failure:
            return replace(_failed(failure.error), carried=prompt.carried)
        finally:
            if self.folder is not None:
                for clip, _ in prompt.references:
                    if clip.path.parent == self.folder:
                        clip.path.unlink(missing_ok=True)

    def joined(self, parts: Sequence[_Part], voice: str) -> Synthesis:
        """Join what was said: on the original timing, or with pauses where nothing was said before."""
        transcript, backend = self.transcript, self.engines.backend
        is_written = transcript.transcriber == WRITTEN
        segments, joined = join(
            [tagged.segment.start_s for tagged in transcript.segments],
            [part.segment(index) for index, part in enumerate(parts)],
            transcript.recording.duration_s,
            gap_s=max(self.sampling.pause_s, LEAST_GAP_S) if is_written else LEAST_GAP_S,
        )
        note = carry_note(self.carry, self.limits, n_timbre=len(self.timbre))
        return Synthesis(segments, joined, backend.id, backend.title, voice, self.carry.way, note)

    def _best_of(self, index: int, prompt: _Prompt, progress: Progress) -> _Part:
        """Make the takes of a segment one by one, with no more than the best and the last in memory."""
        tagged = self.transcript.segments[index]
        aim = TakeTarget.of(tagged, text=tagged.text.strip(), language=self._language(tagged))
        verifier = self.engines.verifier
        kept: Audio | None = None
        takes: tuple[Take, ...] = ()
        last: BackendError | None = None
        for number, (clip, seed) in enumerate(prompt.references, start=1):
            if takes and self.cancelled():
                break
            progress((number - 1) / len(prompt.references), f"take {number}")
            shown = replace(clip, path=Path(clip.path.name)) if self._is_piece(clip) else clip
            try:
                audio = self._synthesised(index, prompt, clip, seed)
            except _NotSaidError as failure:
                last = failure.error
                takes = (*takes, failed_take(last, number=number, clip=shown, seed=seed))
                continue
            take = judged_take(
                audio,
                aim,
                verifier,
                number=number,
                clip=shown,
                seed=seed,
                options=self.takes,
                speaker=self.speaker,
            )
            takes = with_best_kept((*takes, take))
            kept = audio if takes[-1].kept else kept
        if kept is None:
            assert last is not None  # the first take either was said or failed
            return replace(_failed(last), carried=prompt.carried, takes=takes)
        return _Part(kept, carried=prompt.carried, takes=takes)

    def _synthesised(self, index: int, prompt: _Prompt, clip: ReferenceClip, seed: int) -> Audio:
        tagged, backend = self.transcript.segments[index], self.engines.backend
        try:
            prosody = prompt.prosody or self.engines.reference_prosody(clip)
        except AudioError as error:
            raise _NotSaidError(
                BackendError(
                    tr("the reference clip cannot be used: {error}", error=of_error(error))
                )
            ) from error
        request = SynthesisRequest(
            tagged.text.strip(),
            self._language(tagged),
            clip,
            prosody,
            voice_f0_hz=self.voice_f0_hz,
            seed=seed,
            timbre=prompt.timbre,
            sampling=self.sampling,
            cancelled=self.cancelled,
        )
        failure: BackendError | None = None
        audio: Audio | None = None
        try:
            with blamed(doing=_SPEAKING):
                audio = checked_audio(backend.synthesise(request), backend.title)
        except PluginError as error:
            failure = BackendError(str(error), zh=error.zh)
        except BackendError as error:
            failure = error
        if backend.voice_mark != self.voice_mark:
            n_segments = len(self.transcript.segments)
            raise BackendError(
                tr(
                    "another voice was loaded while segment {index} of {n_segments} was being said; "
                    "nothing of the mixture is kept: say it again",
                    index=index + 1,
                    n_segments=n_segments,
                )
            ) from failure
        if audio is None:
            assert failure is not None
            raise _NotSaidError(failure)
        return audio

    def _prompt(self, index: int, choice: ReferenceChoice) -> _Prompt:
        """Return how a segment is said. Raises `BackendError` where the recording's piece cannot serve."""
        n_segments = len(self.transcript.segments)
        seed = self.seed + index
        by_clips = way_of_takes(choice, n=self.takes.n, seed=seed, n_segments=n_segments)
        if self.carry.way == "clip":
            return _Prompt(by_clips, None, self.timbre, None)
        names = tuple(path.name for path in self.timbre)
        if self.carry.way == "bank":
            note = tr("prosody of a clip of another voice")
            carried = Carried("bank", choice.pick.text, None, None, names, note)
            return _Prompt(by_clips, None, self.timbre, carried)
        try:
            return self._piece_as_prompt(index, names)
        except BackendError as error:
            if not self.carry.or_clip:
                raise
            note = tr("a clip of the voice stands in: {error}", error=of_error(error))
            carried = Carried("clip", choice.pick.text, None, None, (), note)
            return _Prompt(by_clips, None, (), carried)

    def _piece_as_prompt(self, index: int, names: tuple[str, ...]) -> _Prompt:
        assert self.recording is not None
        assert self.folder is not None
        piece = piece_of(
            self.transcript, index, duration_s=self.recording.duration_s, limits=self.limits
        )
        clip = write_prompt(self.recording, piece, self.folder, number=index + 1)
        length_s = piece.end_s - piece.start_s
        span = f"{piece.start_s:.1f} - {piece.end_s:.1f} s"
        note = tr("prosody of the recording itself, {span}", span=span)
        carried = Carried("recording", piece.text, piece.start_s, piece.end_s, names, note)
        prosody = self.transcript.segments[index].prosody or Prosody(
            length_s, length_s, None, None, None, None
        )
        seed, n_segments = self.seed + index, len(self.transcript.segments)
        references = tuple((clip, seed + n_segments * take) for take in range(self.takes.n))
        return _Prompt(references, prosody, self.timbre, carried)

    def _is_piece(self, clip: ReferenceClip) -> bool:
        return self.folder is not None and clip.path.parent == self.folder

    def _language(self, tagged: TaggedSegment) -> str:
        known = tagged.segment.language or self.transcript.language
        known = known or language_of_text(tagged.text)
        if known or any(map(str.isalpha, tagged.text)):
            return known
        # A number has no script: it is said in the language of what stands around it.
        return language_of_text(" ".join(each.text for each in self.transcript.segments))


class _NotSaidError(Exception):
    """The backend could not say a segment; another than the `BackendError` that ends the whole."""

    def __init__(self, error: BackendError) -> None:
        super().__init__(str(error))
        self.error = error


def _failed(error: BackendError) -> _Part:
    return _Part(
        problem=Sentence(str(error), f"合成失败：{error.say('zh')}"),
        error=error,
    )


def _voice_f0_hz(bank: ReferenceBank, engines: Engines) -> float | None:
    """Return the median F0 of a voice, from clips spread over its bank."""
    clips = bank.usable
    some = clips[:: max(len(clips) // _CLIPS_FOR_VOICE, 1)]
    found = []
    for clip in some:
        with suppress(AudioError):  # a clip that is gone says nothing of the voice; the others do
            found.append(engines.reference_prosody(clip).f0_median_hz)
    return statistics.median(values) if (values := [f0 for f0 in found if f0]) else None
