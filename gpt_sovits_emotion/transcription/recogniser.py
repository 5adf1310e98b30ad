"""Run faster-whisper over a recording of any length."""

from __future__ import annotations

import difflib
import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from gpt_sovits_emotion.core.errors import WhisperModelError
from gpt_sovits_emotion.core.memory import trim_heap
from gpt_sovits_emotion.core.messages import in_both, of_list, tr
from gpt_sovits_emotion.core.progress import Progress, no_progress, part_of
from gpt_sovits_emotion.core.records import RemovedText, Transcript
from gpt_sovits_emotion.transcription.blocks import blocks
from gpt_sovits_emotion.transcription.chinese import written_in_chinese
from gpt_sovits_emotion.transcription.guards import guard, is_doubtful, removed_in
from gpt_sovits_emotion.transcription.heard import Heard, speech_share
from gpt_sovits_emotion.transcription.languages import Languages
from gpt_sovits_emotion.transcription.listening import Ear, Sound
from gpt_sovits_emotion.transcription.loading import load_model
from gpt_sovits_emotion.transcription.models import find_model
from gpt_sovits_emotion.transcription.options import NO_MODEL, TranscribeOptions
from gpt_sovits_emotion.transcription.placing import placed, utterances
from gpt_sovits_emotion.transcription.segmentation import segments_of
from gpt_sovits_emotion.transcription.speech import Stretch, segment_speech, speech_in
from gpt_sovits_emotion.transcription.windows import Window, packed, window_of

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

    from gpt_sovits_emotion.audio import Recording

__all__ = ["transcribe"]

_FETCHED = 0.3  # progress when a model has been downloaded; without a download, nothing is done yet
_LOADING = 0.02  # the share of progress that loading is
_SEARCHING = 0.05  # the share of listening that looking for speech is
_AGAIN = 0.95  # progress of listening when what got no words is listened to again

_SPEECH_PROBABLE = 0.3
"""Silero's own threshold, 0.5, misses 9 of 240 sentences, quiet and sad ones; this one misses 1 and takes
4 s of 16 minutes more for speech, which Whisper and the guards can tell from words."""

_MISSED_S = 1.0
"""Speech of this length that got no words is listened to again."""
_MISSED_PART_S = 1.5
"""So is a part of a stretch, if it lasts so long: word times are not exact."""

_ALIASES = {"cmn": "zh", "jp": "ja", "cn": "zh", "in": "id", "iw": "he", "jv": "jw"}


def transcribe(
    recording: Recording, options: TranscribeOptions, *, progress: Progress = no_progress
) -> Transcript:
    """Hear a recording.

    Args:
        recording: The audio; hours of it are heard window by window.
        options: Which model and how; the model `NO_MODEL` finds stretches of speech without words.
        progress: Told how far it is. What it raises stops the work and leaves nothing behind.

    Returns:
        Segments in order of time, within the recording, not overlapping, none longer than
        ``options.max_segment_s``; one without words where somebody speaks and nothing was understood; and
        in ``removed`` what the guards took out.

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
    language = _known_language(model, options.language, found.name)
    listener = _Listener(recording, Ear(model, options), language)
    listening = part_of(progress, fetched + _LOADING, 1.0)
    if options.vad:
        speech = _speech(recording, part_of(listening, 0.0, _SEARCHING))
        heard = listener.by_windows(speech, part_of(listening, _SEARCHING, _AGAIN))
        kept, removed = guard(heard)
        again, removed_again = listener.again(kept, speech, part_of(listening, _AGAIN, 1.0))
        kept = sorted([*kept, *again], key=lambda one: (one.start_s, one.end_s))
        removed += removed_again
    else:
        speech = []
        kept, removed = guard(listener.by_blocks(listening))
    return _transcript(recording, kept, removed, speech, options, found.source)


def _speech(recording: Recording, progress: Progress) -> list[Stretch]:
    """Find the speech in a recording, block by block, cut at pauses of 0.1 s."""
    speech: list[Stretch] = []
    for start_s, end_s in blocks(recording):
        audio = recording.read(start_s, end_s)
        found = speech_in(
            audio.samples,
            audio.sampling_rate_hz,
            min_pause_s=0.1,
            pad_s=0.03,
            threshold=_SPEECH_PROBABLE,
        )
        speech += [Stretch(start_s + one.start_s, start_s + one.end_s) for one in found]
        trim_heap()  # it looks at the whole block at once: 150 MB for three minutes
        progress(end_s / recording.duration_s, "looking for speech")
    return speech


class _Listener:
    """One model at work on one recording."""

    def __init__(self, recording: Recording, ear: Ear, language: str | None) -> None:
        self._recording = recording
        self._ear = ear
        self._language = language
        self._languages = Languages()

    def by_windows(self, speech: Sequence[Stretch], progress: Progress) -> list[Heard]:
        """Hear the speech window by window."""
        heard: list[Heard] = []
        for window in packed(speech, self._recording.duration_s):
            for one in self._in_window(window):
                heard.append(one)
                progress(min(one.end_s / self._recording.duration_s, 1.0), "listening")
            trim_heap()  # or the holes of decoding stay while the next window is encoded
            progress(window.heard[-1].end_s / self._recording.duration_s, "listening")
        return heard

    def by_blocks(self, progress: Progress) -> list[Heard]:
        """Hear the whole recording, speech or not, minutes at a time."""
        heard: list[Heard] = []
        for start_s, end_s in blocks(self._recording):
            sound = self._ear.sound(Window((), (Stretch(start_s, end_s),)), self._read)
            for one in self._ear.hear(sound, self._language):
                heard.append(one)
                progress(min(one.end_s / self._recording.duration_s, 1.0), "listening")
            progress(end_s / self._recording.duration_s, "listening")
        return heard

    def again(
        self, kept: Sequence[Heard], speech: Sequence[Stretch], progress: Progress
    ) -> tuple[list[Heard], list[RemovedText]]:
        """Hear by itself whatever speech got no words.

        Returns:
            What is said there, or a text of no letters where it stays without words; and what was
            understood and is not to be believed.
        """
        heard: list[Heard] = []
        removed: list[RemovedText] = []
        missed = _missed(kept, speech)
        for i, window in enumerate(missed):
            sound, language = self._alone(window, kept)
            found = self._placed(self._ear.hear(sound, language, alone=True), window)
            sure, unsure = guard(found)
            removed += [
                RemovedText(o.start_s, o.end_s, o.text, _UNSURE) for o in sure if is_doubtful(o)
            ]
            sure = [one for one in sure if not is_doubtful(one)]
            heard += sure or [_wordless(window, language)]
            removed += unsure
            progress((i + 1) / len(missed), "listening again")
        progress(1.0, "listening")
        return heard, removed

    def _in_window(self, window: Window) -> Iterator[Heard]:
        if self._language is not None or not self._ear.is_multilingual:
            yield from self._hear(window, self._language or "en")
            return
        sound = self._ear.encoded(self._ear.sound(window, self._read))
        runs = self._languages.runs(
            window.speech, lambda stretches: self._ear.languages(sound, stretches)
        )
        if len(runs) == 1:
            yield from self._placed(self._ear.hear(sound, runs[0][0]), window)
            return
        earliest_s = window.heard[0].start_s
        for i, (language, speech) in enumerate(runs):
            following = runs[i + 1][1][0].start_s if i + 1 < len(runs) else window.heard[-1].end_s
            part = window_of(speech, earliest_s=earliest_s, latest_s=following)
            earliest_s = speech[-1].end_s
            yield from self._hear(part, language)

    def _alone(self, window: Window, kept: Sequence[Heard]) -> tuple[Sound, str]:
        """Return the sound of one utterance, and its language."""
        sound = self._ear.sound(window, self._read)
        if self._language is not None or not self._ear.is_multilingual:
            return sound, self._language or "en"
        sound = self._ear.encoded(sound)
        (probable,) = self._ear.languages(sound, [None])
        near = _language_near(kept, window.speech[0].start_s)
        return sound, self._languages.of_one(probable, near)

    def _hear(self, window: Window, language: str) -> list[Heard]:
        sound = self._ear.sound(window, self._read)
        return self._placed(self._ear.hear(sound, language), window)

    def _placed(self, heard: Iterator[Heard], window: Window) -> list[Heard]:
        return [
            replace(one, speech_share=speech_share(window.speech, one.start_s, one.end_s))
            for one in placed(list(heard), window.speech)
        ]

    def _read(self, start_s: float, end_s: float) -> np.ndarray:
        return self._recording.read(start_s, end_s).samples


_UNSURE = "heard by itself, where no words were found before, and Whisper was unsure of it"


def _missed(kept: Sequence[Heard], speech: Sequence[Stretch]) -> list[Window]:
    """Return a window for each utterance, or part of one, that lasts long enough and got no words."""
    silent = _without_words(kept, speech)
    windows: list[Window] = []
    for one in utterances(silent):
        if one.duration_s < _MISSED_S:
            continue
        own = [stretch for stretch in silent if one.holds(stretch.start_s)]
        before_s = max((o.end_s for o in speech if o.end_s <= one.start_s), default=0.0)
        after_s = min((o.start_s for o in speech if o.start_s >= one.end_s), default=one.end_s + 1)
        # Inside of a stretch its neighbours are words: nothing of them is heard again.
        within = any(o.start_s < one.start_s < o.end_s for o in speech)
        follows = any(o.start_s < one.end_s < o.end_s for o in speech)
        windows.append(
            window_of(
                own,
                earliest_s=one.start_s if within else before_s,
                latest_s=one.end_s if follows else after_s,
            )
        )
    return windows


def _without_words(kept: Sequence[Heard], speech: Sequence[Stretch]) -> list[Stretch]:
    """Return the speech without words: whole stretches, and parts of such as are half covered."""
    words = sorted(
        (word for one in kept for word in (one.words or (one,))), key=lambda w: w.start_s
    )
    silent: list[Stretch] = []
    i = 0
    for stretch in speech:
        while i < len(words) and words[i].end_s < stretch.start_s:
            i += 1
        free_s = stretch.start_s
        parts: list[Stretch] = []
        for word in itertools.islice(words, i, None):
            if word.start_s > stretch.end_s:
                break
            parts.append(Stretch(free_s, word.start_s))
            free_s = max(free_s, word.end_s)
        is_whole = not parts
        parts.append(Stretch(free_s, stretch.end_s))
        silent += [one for one in parts if is_whole or one.duration_s >= _MISSED_PART_S]
    return silent


def _language_near(kept: Sequence[Heard], time_s: float) -> str | None:
    """Return the language of what was heard nearest to a time."""
    near = min(kept, key=lambda one: abs((one.start_s + one.end_s) / 2 - time_s), default=None)
    return near.language if near else None


def _wordless(window: Window, language: str) -> Heard:
    start_s, end_s = window.speech[0].start_s, window.speech[-1].end_s
    return Heard(start_s, end_s, "", language, (), 0.0, 0.0, 0.0, 1.0)


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
    segments = written_in_chinese(segments, options.chinese)
    if not options.word_times:
        segments = tuple(replace(segment, words=()) for segment in segments)
    spoken_s: dict[str, float] = defaultdict(float)
    for segment in segments:
        spoken_s[segment.language] += segment.duration_s
    language = max(spoken_s, key=lambda code: spoken_s[code]) if spoken_s else ""
    return Transcript(segments, language, source, removed_in(removed, recording.duration_s))


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
        tr(
            "the Whisper model {name} does not know the language {language!r}; {words} {near}, or leave "
            "the language out to have it detected",
            name=name,
            language=language,
            words=in_both(
                "it knows" if len(known) <= 6 else "near ones are",
                "它认识的有" if len(known) <= 6 else "相近的有",
            ),
            near=of_list(near),
        )
    )
