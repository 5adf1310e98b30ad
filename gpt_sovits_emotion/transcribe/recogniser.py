"""Run faster-whisper over a recording of any length."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from gpt_sovits_emotion.errors import WhisperModelError
from gpt_sovits_emotion.progress import Progress, no_progress, part_of
from gpt_sovits_emotion.records import RemovedText, Transcript, Word
from gpt_sovits_emotion.transcribe.blocks import blocks
from gpt_sovits_emotion.transcribe.guards import guard, removed_in
from gpt_sovits_emotion.transcribe.heard import Heard, JoinedTime, speech_share
from gpt_sovits_emotion.transcribe.loading import load_model
from gpt_sovits_emotion.transcribe.models import find_model
from gpt_sovits_emotion.transcribe.options import NO_MODEL, TranscribeOptions
from gpt_sovits_emotion.transcribe.segmentation import segments_of
from gpt_sovits_emotion.transcribe.speech import Stretch, segment_speech, speech_in

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

    from gpt_sovits_emotion.audio import Recording

__all__ = ["transcribe"]

_FETCHED = 0.3  # progress when a model has been downloaded; without a download, nothing is done yet
_LOADING = 0.02  # the share of progress that loading is

_WHISPER_WINDOW_S = 30


@dataclass(frozen=True, slots=True)
class _Silences:
    """How much silence the recogniser hears.

    Attributes:
        longest_pause_s: A longer pause is left out, ...
        edge_s: ... but for so much at each side of the speech.
    """

    longest_pause_s: float
    edge_s: float


_USUAL = _Silences(longest_pause_s=1.0, edge_s=0.4)
_SHORT_WINDOWED = _Silences(longest_pause_s=0.45, edge_s=0.2)

_ALIASES = {"cmn": "zh", "jp": "ja", "cn": "zh", "in": "id", "iw": "he", "jv": "jw"}


def transcribe(
    recording: Recording, options: TranscribeOptions, *, progress: Progress = no_progress
) -> Transcript:
    """Hear a recording.

    Args:
        recording: The audio; hours of it are heard in blocks of minutes.
        options: Which model and how; the model `NO_MODEL` finds stretches of speech without words.
        progress: Told how far it is. What it raises stops the work and leaves nothing behind.

    Returns:
        Segments in order of time, within the recording, not overlapping, none longer than
        ``options.max_segment_s``; and in ``removed`` what the guards took out.

    Raises:
        WhisperModelError: The model is not there, does not load, or does not know the language.
    """
    if options.model == NO_MODEL:
        return segment_speech(
            recording,
            max_segment_s=options.max_segment_s,
            language=_code(options.language) or "",
            progress=progress,
        )
    found = find_model(
        options.model,
        models_dir=options.models_dir,
        checkout=options.checkout,
        allow_download=options.allow_download,
        progress=part_of(progress, 0.0, _FETCHED),
    )
    fetched = _FETCHED if found.origin == "download" else 0.0
    progress(fetched, f"loading Whisper {found.name}")
    model = load_model(
        found,
        device=options.device,
        compute_type=options.compute_type,
        cpu_threads=options.cpu_threads,
    )
    listening = part_of(progress, fetched + _LOADING, 1.0)
    listener = _Listener(model, options, _known_language(model, options.language, found.name))
    heard: list[Heard] = []
    speech: list[Stretch] = []
    for start_s, end_s in blocks(recording):
        hearing = part_of(listening, start_s / recording.duration_s, end_s / recording.duration_s)
        audio = recording.read(start_s, end_s)
        block_speech = listener.speech(audio.samples)
        for one in listener.hear(audio.samples, block_speech):
            heard.append(_moved(one, start_s))
            hearing(one.end_s / max(end_s - start_s, 1e-6), "listening")
        speech += [Stretch(start_s + one.start_s, start_s + one.end_s) for one in block_speech]
        hearing(1.0, "listening")
    kept, removed = guard(heard)
    return _transcript(recording, kept, removed, speech, options, found.source)


def _transcript(
    recording: Recording,
    kept: Sequence[Heard],
    removed: Sequence[RemovedText],
    speech: Sequence[Stretch],
    options: TranscribeOptions,
    source: str,
) -> Transcript:
    segments = segments_of(
        kept,
        duration_s=recording.duration_s,
        max_segment_s=options.max_segment_s,
        speech=speech,
    )
    if not options.word_times:
        segments = tuple(replace(segment, words=()) for segment in segments)
    spoken_s: dict[str, float] = defaultdict(float)
    for segment in segments:
        spoken_s[segment.language] += segment.duration_s
    language = max(spoken_s, key=lambda code: spoken_s[code]) if spoken_s else ""
    return Transcript(segments, language, source, removed_in(removed, recording.duration_s))


class _Listener:
    """One model at work on the blocks of one recording."""

    def __init__(
        self, model: WhisperModel, options: TranscribeOptions, language: str | None
    ) -> None:
        self._model = model
        self._options = options
        self._language = language
        self._rate_hz: int = model.feature_extractor.sampling_rate
        # A model with a short window hears every stretch of speech by itself, so
        # that its windows do not begin and end inside of sentences. One with the usual window of 30 s
        # hears better, and six times as fast, when several sentences share it.
        self._by_stretch = model.feature_extractor.chunk_length < _WHISPER_WINDOW_S

    def speech(self, samples: np.ndarray) -> list[Stretch]:
        """Find the speech in a block; nothing when voice activity detection is switched off."""
        if not self._options.vad:
            return []
        return speech_in(samples, self._rate_hz, min_pause_s=0.1, pad_s=0.03)

    def hear(self, samples: np.ndarray, speech: Sequence[Stretch]) -> Iterator[Heard]:
        """Yield what is said in a block of ``(n_samples,)`` samples, times from its start."""
        whole = Stretch(0.0, len(samples) / self._rate_hz)
        silences = _SHORT_WINDOWED if self._by_stretch else _USUAL
        stretches = _spread(speech, whole.end_s, silences) if self._options.vad else [whole]
        if not stretches:
            return
        joined = np.concatenate(
            [
                samples[round(one.start_s * self._rate_hz) : round(one.end_s * self._rate_hz)]
                for one in stretches
            ]
        )
        time = JoinedTime(stretches)
        clips = time.joints_s if self._by_stretch else "0"
        restored: Iterable[Heard] = (time.restore(one) for one in self._recognise(joined, clips))
        if self._by_stretch and self._options.vad:
            restored = _filling(stretches, list(restored), speech)
        for one in restored:
            share = speech_share(speech, one.start_s, one.end_s) if self._options.vad else None
            yield replace(one, speech_share=share)

    def _recognise(self, samples: np.ndarray, clips: list[float] | str) -> Iterator[Heard]:
        # Each window is heard afresh (condition_on_previous_text=False): a text once invented is not
        # carried on, at the price of names spelled differently now and then. Silence is skipped around
        # suspicious words only where voice activity detection has not left it out already.
        try:
            segments, info = self._model.transcribe(
                samples,
                language=self._language,
                beam_size=self._options.beam_size,
                word_timestamps=True,
                condition_on_previous_text=False,
                compression_ratio_threshold=2.4,
                log_prob_threshold=-1.0,
                no_speech_threshold=0.6,
                hallucination_silence_threshold=None if self._options.vad else 2.0,
                language_detection_segments=4,
                clip_timestamps=clips,
            )
            if self._language is None and info.language_probability > 0.5:
                self._language = info.language
            for segment in segments:
                words = tuple(
                    Word(word.start, word.end, word.word, float(word.probability))
                    for word in segment.words or ()
                )
                yield Heard(
                    start_s=segment.start,
                    end_s=segment.end,
                    text=segment.text.strip(),
                    language=info.language,
                    words=words,
                    average_log_probability=segment.avg_logprob,
                    no_speech_probability=segment.no_speech_prob,
                    compression_ratio=segment.compression_ratio,
                )
        except (RuntimeError, ValueError) as error:
            raise WhisperModelError(
                f"Whisper failed while listening ({error}); if the memory was short, choose a smaller "
                "model or the device cpu",
                zh=f"Whisper 识别时出错（{error}）；如果内存不足，请换用更小的模型或设备 cpu",
            ) from error


def _spread(speech: Sequence[Stretch], duration_s: float, silences: _Silences) -> list[Stretch]:
    """Join speech over short pauses and keep some of the silence around it."""
    spread: list[Stretch] = []
    for one in speech:
        start_s = max(one.start_s - silences.edge_s, 0.0)
        end_s = min(one.end_s + silences.edge_s, duration_s)
        kept_s = silences.longest_pause_s - 2 * silences.edge_s
        if spread and start_s - spread[-1].end_s <= kept_s:
            spread[-1] = Stretch(spread[-1].start_s, end_s)
        else:
            spread.append(Stretch(start_s, end_s))
    return spread


def _filling(
    stretches: Sequence[Stretch], heard: Sequence[Heard], speech: Sequence[Stretch]
) -> Iterator[Heard]:
    """Let what was heard in each stretch by itself last from its first sound to its last.

    All that is spoken there is in this text, wherever the recogniser put its first and last word.
    """
    for stretch in stretches:
        own = [one for one in heard if stretch.holds((one.start_s + one.end_s) / 2) and one.words]
        sounds = [one for one in speech if stretch.holds((one.start_s + one.end_s) / 2)]
        if own and sounds:
            own[0] = _from(own[0], sounds[0].start_s)
            own[-1] = _until(own[-1], sounds[-1].end_s)
        yield from own


def _from(heard: Heard, start_s: float) -> Heard:
    first = replace(heard.words[0], start_s=min(start_s, heard.words[0].end_s))
    return replace(heard, start_s=first.start_s, words=(first, *heard.words[1:]))


def _until(heard: Heard, end_s: float) -> Heard:
    last = replace(heard.words[-1], end_s=max(end_s, heard.words[-1].start_s))
    return replace(heard, end_s=last.end_s, words=(*heard.words[:-1], last))


def _moved(heard: Heard, by_s: float) -> Heard:
    words = tuple(
        replace(word, start_s=word.start_s + by_s, end_s=word.end_s + by_s) for word in heard.words
    )
    return replace(heard, start_s=heard.start_s + by_s, end_s=heard.end_s + by_s, words=words)


# --- languages -------------------------------------------------------------------------------------


def _code(language: str | None) -> str | None:
    """Return Whisper's code of a language given as ``zh``, ``ZH``, ``zh-CN`` or ``auto``."""
    if language is None:
        return None
    code = language.strip().casefold().replace("_", "-").partition("-")[0]
    return None if code in ("", "auto") else _ALIASES.get(code, code)


def _known_language(model: WhisperModel, language: str | None, name: str) -> str | None:
    """Return the code by which `model` is asked to hear, None to let it detect the language."""
    code = _code(language)
    if code is None:
        return None
    if not model.model.is_multilingual:
        known = ["en"]
    else:
        known = [
            one
            for one in model.supported_languages
            if model.hf_tokenizer.token_to_id(f"<|{one}|>") is not None
        ]
    if code in known:
        return code
    near = known if len(known) <= 6 else difflib.get_close_matches(code, known, n=3) or known[:3]
    raise WhisperModelError(
        f"the Whisper model {name} does not know the language {language!r}; "
        f"{'it knows' if len(known) <= 6 else 'near ones are'} {', '.join(near)}, "
        "or leave the language out to have it detected",
        zh=f"Whisper 模型 {name} 不认识语言 {language!r}；"
        f"{'它认识的有' if len(known) <= 6 else '相近的有'} {'、'.join(near)}，也可不填语言，由它自动检测",
    )
