"""Takes: say a segment several times, listen to each, and keep the one that carries most across.

A take is heard by the judging head and, where a Whisper model is there, by Whisper. Its score is the share
of the emotion that is left, times the share of the characters that are right: a take that loses either is
worth little, however good the other is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gpt_sovits_emotion.audio import recording_from_samples
from gpt_sovits_emotion.core.character_errors import character_error_rate
from gpt_sovits_emotion.core.counting import beside_chinese
from gpt_sovits_emotion.core.errors import AudioError, BackendError, WhisperModelError
from gpt_sovits_emotion.core.labels import UNSURE, display_name, percent
from gpt_sovits_emotion.core.messages import of_error
from gpt_sovits_emotion.core.records import (
    Audio,
    EmotionScores,
    ReferenceChoice,
    ReferenceClip,
    Segment,
    Sentence,
    SpeakerStatistics,
    TaggedSegment,
    Take,
    Transcript,
)
from gpt_sovits_emotion.tagging import Analyser, TagOptions, tag

if TYPE_CHECKING:
    from gpt_sovits_emotion.audio import Recording
    from gpt_sovits_emotion.transcription import TranscribeOptions

__all__ = [
    "TakeOptions",
    "TakeTarget",
    "failed_take",
    "judged_take",
    "told",
    "way_of_takes",
    "with_best_kept",
    "words_where_there",
]

_DETECTED = frozenset({"", "auto"})


@dataclass(frozen=True, slots=True)
class TakeOptions:
    """How many takes are made of each segment, and who listens to their words.

    Attributes:
        n: Takes per segment; 1 makes one and judges nothing.
        words: The Whisper model that listens to each take; None where the words are not judged.

    Raises:
        ValueError: `n` is not positive.
    """

    n: int = 1
    words: TranscribeOptions | None = None

    def __post_init__(self) -> None:
        if self.n < 1:
            raise ValueError(f"n is {self.n}; it must be 1 or more")


@dataclass(frozen=True, slots=True)
class TakeTarget:
    """What a take should carry across.

    Attributes:
        text: What was to be said.
        language: Its code, "" when unknown.
        label: The wanted emotion; ``unsure`` when nobody knows.
        heard: What was heard in the original, label -> probability; None where a person set the label, or
            where nothing was heard.
    """

    text: str
    language: str
    label: str
    heard: Mapping[str, float] | None = None

    @classmethod
    def of(cls, tagged: TaggedSegment, *, text: str, language: str) -> TakeTarget:
        """Return what a take of a tagged segment should carry across."""
        by_hand = tagged.corrected_label is not None
        heard = tagged.scores.probabilities if tagged.scores and not by_hand else None
        return cls(text, language, tagged.label, heard)


def words_where_there(options: TranscribeOptions) -> TranscribeOptions | None:
    """Return the options with which takes can be listened to, None when that model is not on this machine.

    Nothing is downloaded: many takes are judged well enough without their words.
    """
    from gpt_sovits_emotion.transcription import FASTER_WHISPER, NO_MODEL, find_model

    if options.model == NO_MODEL:
        return None
    if options.transcriber != FASTER_WHISPER:
        return replace(options, allow_download=False, word_times=False)
    try:
        find_model(
            options.model,
            models_dir=options.models_dir,
            checkout=options.checkout,
            allow_download=False,
        )
    except WhisperModelError:
        return None
    return replace(options, allow_download=False, word_times=False)


def way_of_takes(
    choice: ReferenceChoice, *, n: int, seed: int, n_segments: int
) -> tuple[tuple[ReferenceClip, int], ...]:
    """Return the reference and the seed of each take: other clips first, then other seeds.

    Clips of another emotion than the picked one are left out, and a clip that a person picked stays.

    Args:
        choice: The ranked clips.
        n: How many takes.
        seed: Of the first.
        n_segments: Of the whole; the seeds of further takes lie so far apart that no two segments share one.
    """
    clips = [choice.pick]
    if not choice.manual:
        clips += [
            candidate.clip
            for candidate in choice.candidates
            if candidate.clip.path != choice.pick.path
            and candidate.clip.emotion == choice.pick.emotion
        ]
    return tuple(
        (clips[number % len(clips)], seed + n_segments * (number // len(clips)))
        for number in range(n)
    )


def judged_take(
    audio: Audio,
    aim: TakeTarget,
    verifier: Analyser,
    *,
    number: int,
    clip: ReferenceClip,
    seed: int,
    options: TakeOptions,
    tagging: TagOptions | None = None,
    speaker: SpeakerStatistics | None = None,
) -> Take:
    """Listen to a take.

    Args:
        audio: The take.
        aim: What it should carry across.
        verifier: The head that listens.
        number: Of the take, from 1.
        clip: The reference it was said with.
        seed: The seed it was said with.
        options: Who listens to the words.
        tagging: As for `tag`; one take is no recording, so that its smoothing means nothing here.
        speaker: Statistics of the voice, where the bank has some.

    Raises:
        WhisperModelError: The model is gone, or does not load.
        EncoderError: The judge's encoder failed.
    """
    take = Take(number, clip, seed, round(audio.duration_s, 3))
    try:
        recording = recording_from_samples(
            audio.samples,
            audio.sampling_rate_hz,
            name=f"take {number}",
            also_at_hz=verifier.encoder.sampling_rate_hz,
        )
    except AudioError as error:
        return replace(take, score=0.0, problem=of_error(error))
    with recording:
        whole = Segment(0.0, recording.duration_s, aim.text, aim.language)
        tagged = tag(
            Transcript((whole,), aim.language, "take"),
            recording,
            verifier,
            options=tagging,
            speaker=speaker,
        ).transcript.segments[0]
        text = None if options.words is None else _words(recording, aim, options.words)
    emotion = _emotion_left(tagged.scores, aim)
    errors = None if text is None else character_error_rate(aim.text, text)
    return replace(
        take,
        heard=tagged.scores,
        emotion=emotion,
        text=text,
        character_errors=errors,
        score=_score(emotion, errors),
        problem=tagged.problem,
    )


def failed_take(error: BackendError, *, number: int, clip: ReferenceClip, seed: int) -> Take:
    """Return the record of a take that could not be said."""
    return Take(number, clip, seed, None, problem=of_error(error))


def with_best_kept(takes: Sequence[Take]) -> tuple[Take, ...]:
    """Mark the take to keep: the one of the highest score.

    Of equals (where no word was understood, all have 0) the one with more of the emotion is kept, then the
    one with fewer errors, then the earlier. A take of which nothing could be measured counts less than any
    that was. None is marked where none could be said.
    """
    said = [take for take in takes if take.duration_s is not None]
    if not said:
        return tuple(takes)
    best = max(said, key=_merit)
    return tuple(replace(take, kept=take is best) for take in takes)


def told(take: Take) -> Sentence:
    """Say what was heard in a take, in one line."""
    if take.duration_s is None and take.problem is not None:
        return take.problem
    en, zh = [], []
    if take.heard is not None:
        best, share = take.heard.best_label, percent(take.heard.confidence)
        en.append(f"heard as {display_name(best)} {share}")
        zh.append(f"听起来是{beside_chinese(display_name(best, 'zh'))} {share}")
    if take.emotion is not None:
        en.append(f"wanted emotion {percent(take.emotion)}")
        zh.append(f"目标情感 {percent(take.emotion)}")
    if take.character_errors is not None:
        wrong = f"{round(100 * take.character_errors)} %"
        en.append(f"{wrong} of the characters wrong")
        zh.append(f"错字率 {wrong}")
    if take.score is not None:
        en.append(f"score {take.score:.2f}")
        zh.append(f"得分 {take.score:.2f}")
    if take.problem is not None:
        en.append(take.problem.en)
        zh.append(take.problem.zh)
    return Sentence(", ".join(en) or "not judged", "，".join(zh) or "未评判")


# --- inside ----------------------------------------------------------------------------------------


def _emotion_left(heard: EmotionScores | None, aim: TakeTarget) -> float | None:
    if heard is None:
        return None
    if aim.label != UNSURE:
        return heard.probabilities.get(aim.label)
    if aim.heard is None or not set(aim.heard) & set(heard.probabilities):
        return None
    return sum(
        min(share, heard.probabilities.get(label, 0.0)) for label, share in aim.heard.items()
    )


def _words(recording: Recording, aim: TakeTarget, options: TranscribeOptions) -> str:
    from gpt_sovits_emotion.transcription import transcribe

    language = None if aim.language in _DETECTED else aim.language
    try:
        transcript = transcribe(recording, replace(options, language=language))
    except WhisperModelError:
        if language is None:
            raise
        # A model that does not know the language (few know Cantonese) may still write it down.
        transcript = transcribe(recording, replace(options, language=None))
    return " ".join(segment.text.strip() for segment in transcript.segments)


def _merit(take: Take) -> tuple[float, float, float, int]:
    return (
        -1.0 if take.score is None else take.score,
        0.0 if take.emotion is None else take.emotion,
        0.0 if take.character_errors is None else -take.character_errors,
        -take.number,
    )


def _score(emotion: float | None, character_errors: float | None) -> float | None:
    if emotion is None and character_errors is None:
        return None
    right = 1.0 if character_errors is None else max(1.0 - character_errors, 0.0)
    return round((1.0 if emotion is None else emotion) * right, 4)
