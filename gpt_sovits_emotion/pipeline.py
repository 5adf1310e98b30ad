"""The only wiring: which room's result goes into which room, for one recording and one voice.

Every step is a function, so that the command line runs them in a row and the tab one by one, with a
person's corrections in between:

    open_engines -> hear -> annotate -> choose_references -> resynthesise -> check
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gpt_sovits_emotion.audio import ANALYSIS_RATE_HZ, Recording, resample
from gpt_sovits_emotion.engines import Engines
from gpt_sovits_emotion.errors import HostError, TranscriptError
from gpt_sovits_emotion.hosts.base import Sampling, SynthesisRequest, never
from gpt_sovits_emotion.progress import Progress, no_progress, part_of
from gpt_sovits_emotion.records import (
    Audio,
    ReferenceBank,
    ReferenceChoice,
    Sentence,
    Synthesis,
    SynthesisedSegment,
    TaggedTranscript,
    Transcript,
)
from gpt_sovits_emotion.references import choose
from gpt_sovits_emotion.tag import Tagging, TagOptions, tag
from gpt_sovits_emotion.transcript_io import read_transcript
from gpt_sovits_emotion.verify import Verification, verify

if TYPE_CHECKING:
    from gpt_sovits_emotion.transcribe import TranscribeOptions

__all__ = [
    "RoundTrip",
    "annotate",
    "check",
    "choose_references",
    "hear",
    "resynthesise",
    "round_trip",
]

_CLIPS_FOR_VOICE = 12
_LEAST_GAP_S = 0.15  # between two outputs of which the first outlasts its original


def hear(
    recording: Recording,
    *,
    whisper: TranscribeOptions,
    transcript_file: Path | None = None,
    progress: Progress = no_progress,
) -> Transcript:
    """Find out what was said and when: by Whisper, by voice activity alone, or from a file.

    Args:
        recording: The audio.
        whisper: Which model and how; model ``none`` finds the stretches of speech and no words.
        transcript_file: A transcript that lies beside the recording; used in place of Whisper.
        progress: Told how far it is.

    Raises:
        WhisperModelError: The model is not there or does not load.
        TranscriptError: The file cannot be read, or does not fit the recording.
    """
    from gpt_sovits_emotion.transcribe import transcribe

    if transcript_file is None:
        return transcribe(recording, whisper, progress=progress)
    transcript = read_transcript(
        transcript_file,
        duration_s=recording.duration_s,
        language=whisper.language or "",
        recording_name=recording.info.name,
    )
    progress(1.0, "reading the transcript")
    return transcript


def annotate(
    recording: Recording,
    engines: Engines,
    *,
    whisper: TranscribeOptions,
    transcript_file: Path | None = None,
    options: TagOptions | None = None,
    progress: Progress = no_progress,
) -> Tagging:
    """Hear and tag. Raises what `hear` and `tag` raise."""
    transcript = hear(
        recording,
        whisper=whisper,
        transcript_file=transcript_file,
        progress=part_of(progress, 0.0, 0.75),
    )
    return tag(
        transcript,
        recording,
        engines.analyser,
        options=options,
        progress=part_of(progress, 0.75, 1.0),
    )


def choose_references(
    transcript: TaggedTranscript,
    bank: ReferenceBank,
    *,
    pins: Mapping[int, Path] | None = None,
    substitute: bool = True,
) -> tuple[ReferenceChoice | None, ...]:
    """Choose a reference clip for every segment that has words; None for the others.

    Args:
        transcript: What was heard, with a person's corrections.
        bank: The voice.
        pins: Segment index -> the clip that a person chose.
        substitute: Whether another emotion may stand in for a missing one.

    Raises:
        ReferenceBankError: See `references.choose`.
    """
    pins = pins or {}
    choices: list[ReferenceChoice | None] = []
    used: list[Path] = []
    for index, tagged in enumerate(transcript.segments):
        if not tagged.text.strip():
            choices.append(None)
            continue
        heard = tagged.scores.probabilities if tagged.scores else None
        choice = choose(
            bank,
            wanted=tagged.label,
            text=tagged.text,
            language=tagged.segment.language or transcript.language,
            scores=heard if tagged.corrected_label is None else None,
            avoid=used[-3:],
            pin=pins.get(index),
            substitute=substitute,
        )
        used.append(choice.pick.path)
        choices.append(choice)
    return tuple(choices)


def resynthesise(
    transcript: TaggedTranscript,
    choices: Sequence[ReferenceChoice | None],
    engines: Engines,
    *,
    bank: ReferenceBank,
    seed: int = 0,
    sampling: Sampling | None = None,
    timbre: Sequence[Path] = (),
    cancelled: Callable[[], bool] = never,
    progress: Progress = no_progress,
) -> Synthesis:
    """Say every segment again with its reference, joined on the original timing.

    A segment that the host cannot say is left out with its reason; the others are said all the same.

    Args:
        transcript: What to say.
        choices: Per segment its reference, None where there is nothing to say.
        engines: Who speaks.
        bank: The voice.
        seed: Of the first segment; each further one has the next.
        sampling: How the host samples; its own page's defaults when None.
        timbre: Further clips that set the timbre alone, where the host takes them.
        cancelled: Asked by the host between the parts of its work.
        progress: Told how far it is.

    Raises:
        HostError: The host cannot speak at all, not a single segment could be said, or another voice was
            loaded in the middle.
    """
    host = engines.host
    if host.limits is None:
        raise HostError(
            f"the host {host.title.en} lends encoders but has no voice",
            zh=f"{host.title.zh} 只提供编码器，没有可用来合成的声音",
        )
    voice, voice_f0_hz = host.voice_mark, _voice_f0_hz(bank, engines)
    parts: list[tuple[Audio | None, Sentence | None]] = []
    last: HostError | None = None
    for index, (tagged, choice) in enumerate(zip(transcript.segments, choices, strict=True)):
        progress(index / len(choices), "speaking")
        if choice is None:
            parts.append((None, Sentence("there are no words to say", "没有可合成的文字")))
            continue
        request = SynthesisRequest(
            tagged.text.strip(),
            tagged.segment.language or transcript.language,
            choice.pick,
            engines.reference_prosody(choice.pick),
            voice_f0_hz=voice_f0_hz,
            seed=seed + index,
            timbre=tuple(timbre),
            sampling=sampling or Sampling(),
            cancelled=cancelled,
        )
        try:
            parts.append((host.synthesise(request), None))
        except HostError as error:
            last = error
            parts.append((None, Sentence(str(error), f"合成失败：{error.say('zh')}")))
        if host.voice_mark != voice:
            raise HostError(
                f"another voice was loaded while segment {index + 1} of {len(choices)} was being said; "
                "nothing of the mixture is kept: say it again",
                zh=f"合成第 {index + 1} / {len(choices)} 段时加载了另一个声音；"
                "混在一起的结果已全部丢弃：请重说",
            ) from last
    progress(1.0, "speaking")  # whoever stopped the last segment hears of it here
    if last is not None and all(audio is None for audio, _ in parts):
        raise last
    starts = [tagged.segment.start_s for tagged in transcript.segments]
    segments, joined = _join(starts, parts, transcript.recording.duration_s)
    return Synthesis(segments, joined, host.id, host.title, bank.voice)


def check(
    transcript: TaggedTranscript,
    choices: Sequence[ReferenceChoice | None],
    synthesis: Synthesis,
    engines: Engines,
    *,
    bank: ReferenceBank,
    options: TagOptions | None = None,
    progress: Progress = no_progress,
) -> Verification:
    """Listen again with the judging head. See `verify.verify`."""
    return verify(
        transcript,
        choices,
        synthesis,
        engines.judge,
        bank_synthetic=bank.synthetic,
        options=options,
        progress=progress,
    )


@dataclass(frozen=True, slots=True, eq=False)
class RoundTrip:
    """Everything that one round trip gave."""

    tagging: Tagging
    choices: tuple[ReferenceChoice | None, ...]
    synthesis: Synthesis
    verification: Verification


def round_trip(
    recording: Recording,
    bank: ReferenceBank,
    engines: Engines,
    *,
    whisper: TranscribeOptions,
    transcript_file: Path | None = None,
    options: TagOptions | None = None,
    pins: Mapping[int, Path] | None = None,
    seed: int = 0,
    sampling: Sampling | None = None,
    timbre: Sequence[Path] = (),
    progress: Progress = no_progress,
) -> RoundTrip:
    """Hear, tag, choose, speak and listen again.

    Raises:
        EmotionError: Any step's, and `TranscriptError` when there are no words to say again.
    """
    tagging = annotate(
        recording,
        engines,
        whisper=whisper,
        transcript_file=transcript_file,
        options=options,
        progress=part_of(progress, 0.0, 0.5),
    )
    transcript = tagging.transcript
    if not any(segment.text.strip() for segment in transcript.segments):
        raise TranscriptError(
            f"no words were found in {recording.info.name}, so there is nothing to say again; "
            "choose a Whisper model (--whisper) or lay a transcript beside the file",
            zh=f"在 {recording.info.name} 中没有找到文字，无法重说；"
            "请选择 Whisper 模型（--whisper），或在文件旁放一份文稿",
        )
    choices = choose_references(transcript, bank, pins=pins)
    synthesis = resynthesise(
        transcript,
        choices,
        engines,
        bank=bank,
        seed=seed,
        sampling=sampling,
        timbre=timbre,
        progress=part_of(progress, 0.5, 0.9),
    )
    verification = check(
        transcript,
        choices,
        synthesis,
        engines,
        bank=bank,
        options=options,
        progress=part_of(progress, 0.9, 1.0),
    )
    return RoundTrip(tagging, choices, synthesis, verification)


# --- inside ----------------------------------------------------------------------------------------


def _voice_f0_hz(bank: ReferenceBank, engines: Engines) -> float | None:
    """Return the median F0 of a voice, from clips spread over its bank."""
    clips = bank.usable
    some = clips[:: max(len(clips) // _CLIPS_FOR_VOICE, 1)]
    found = [engines.reference_prosody(clip).f0_median_hz for clip in some]
    return statistics.median(values) if (values := [f0 for f0 in found if f0]) else None


def _join(
    starts: Sequence[float],
    parts: Sequence[tuple[Audio | None, Sentence | None]],
    duration_s: float,
) -> tuple[tuple[SynthesisedSegment, ...], Audio]:
    """Lay each part at its original start, or right after a part before it that runs longer.

    The host may have changed its rate in between (another model version was loaded); the highest rate
    that it spoke at is kept.
    """
    rates = {audio.sampling_rate_hz for audio, _ in parts if audio is not None}
    sampling_rate_hz = max(rates, default=ANALYSIS_RATE_HZ)
    segments: list[SynthesisedSegment] = []
    free_s = 0.0
    for index, (start_s, (said, problem)) in enumerate(zip(starts, parts, strict=True)):
        at_s = max(start_s, free_s)
        audio = None if said is None else resample(said, sampling_rate_hz)
        segments.append(SynthesisedSegment(index, at_s, audio, problem))
        if audio is not None:
            free_s = at_s + audio.duration_s + _LEAST_GAP_S
    end_s = max(duration_s, free_s)
    samples = np.zeros(round(end_s * sampling_rate_hz) + 1, np.float32)
    for segment in segments:
        if segment.audio is not None:
            first = round(segment.start_s * sampling_rate_hz)
            samples[first : first + len(segment.audio.samples)] += segment.audio.samples
    return tuple(segments), Audio(samples, sampling_rate_hz)
