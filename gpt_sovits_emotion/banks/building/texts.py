"""The words of clips: heard by Whisper where there are none, held against what is said where there are."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from gpt_sovits_emotion.audio import open_recording
from gpt_sovits_emotion.banks import REFERENCE_MAX_S, REFERENCE_MIN_S
from gpt_sovits_emotion.banks.building.hearing import HeardClip
from gpt_sovits_emotion.banks.building.journal import Journal, Kept, key_of
from gpt_sovits_emotion.banks.building.reporter import Reporter
from gpt_sovits_emotion.banks.building.sources import SourceClip
from gpt_sovits_emotion.banks.library.layouts import language_of_text
from gpt_sovits_emotion.core.character_errors import character_error_rate, spoken_characters
from gpt_sovits_emotion.core.errors import AudioError, WhisperModelError
from gpt_sovits_emotion.core.messages import of_count, tr
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.transcription import (
    NO_MODEL,
    TranscribeOptions,
    find_local_model,
    transcribe,
)

__all__ = [
    "MOST_UNASKED",
    "Compared",
    "Words",
    "compare_texts",
    "hear_words",
    "hears_words",
    "text_error_rate",
]

MOST_UNASKED = 200
"""More texts than these are compared only if a person asks for it: it takes about a second each."""

_FEWEST_CHARACTERS = 4  # an interjection is written in many ways
_NUMERALS = re.compile(r"[\d零〇一二三四五六七八九十百千万两]")  # "3" and 三 are the same words
_HEARD_AS = {"yue": "zh"}  # the smaller models know no Cantonese
_TOLD_BY_SCRIPT = frozenset({"zh", "ja", "ko"})  # Latin letters are of any language


@dataclass(frozen=True, slots=True)
class Compared:
    """What came of comparing texts.

    Attributes:
        errors: SHA-256 of a clip's content, and its text -> character error rate.
        heard: SHA-256 -> what was heard.
        note: Why texts were not compared, None where they were.
    """

    errors: Mapping[tuple[str, str], float] = field(default_factory=dict)
    heard: Mapping[str, str] = field(default_factory=dict)
    note: Sentence | None = None


def compare_texts(
    clips: Mapping[str, SourceClip],
    heard: Mapping[str, HeardClip],
    options: TranscribeOptions,
    *,
    language: str,
    asked: bool | None,
    journal: Journal,
    reporter: Reporter,
) -> Compared:
    """Hear the clips that could be references and have a text, and hold what is heard against it.

    Args:
        clips: SHA-256 of a clip's content -> the clip that speaks for it.
        heard: SHA-256 -> what was measured.
        options: The model. It is not fetched for this.
        language: What a person says is spoken; "" when not.
        asked: Whether a person wants it; None: where there are not too many.
        journal: Where what was heard is kept.
        reporter: Told after each clip.
    """
    given = {
        sha256: clip for sha256, clip in clips.items() if _is_comparable(clip.text, heard[sha256])
    }
    if asked is False or not given:
        return Compared()
    if asked is None and len(given) > MOST_UNASKED:
        return Compared(note=_too_many(len(given)))
    local = replace(options, allow_download=False)
    try:
        found = find_local_model(local.model, models_dir=local.models_dir, checkout=local.checkout)
    except WhisperModelError:
        found = None
    if found is None:
        return Compared(note=_nobody_hears(len(given)))
    stage = reporter.stage("texts", "comparing the text of clip", len(given))
    asked_for = {sha256: (clip.path, language or _spoken(clip)) for sha256, clip in given.items()}
    words = hear_words(asked_for, local, journal=journal, told=stage.at)
    journal.flush()
    texts = {sha256: said.text for sha256, said in words.items()}
    return Compared(
        {
            (sha256, clip.text): round(text_error_rate(clip.text, texts[sha256]), 3)
            for sha256, clip in given.items()
        },
        texts,
    )


def text_error_rate(given: str, heard: str) -> float:
    """Return how far a heard text is from the given one, 0 to 1 and more, as letters are spoken.

    Accents and numerals are left out and Chinese is brought to one script: none of them tells another text.

    Examples:
        >>> text_error_rate("Hello there!", "hello, there"), text_error_rate("你好世界", "你好視界")
        (0.0, 0.25)
    """
    return character_error_rate(_plain(given), _plain(heard))


def _plain(text: str) -> str:
    from opencc import OpenCC

    split = unicodedata.normalize("NFKD", spoken_characters(OpenCC("t2s").convert(text)))
    joined = "".join(sign for sign in split if not unicodedata.combining(sign))
    return _NUMERALS.sub("", unicodedata.normalize("NFC", joined))


def _is_comparable(text: str, heard: HeardClip) -> bool:
    facts = heard.facts
    return (
        facts.problem is None
        and REFERENCE_MIN_S <= (facts.duration_s or 0.0) <= REFERENCE_MAX_S
        and len(_NUMERALS.sub("", spoken_characters(text))) >= _FEWEST_CHARACTERS
    )


def _spoken(clip: SourceClip) -> str:
    """Return the language to hear a clip in; "" where it is to be told by its sound."""
    language = _HEARD_AS.get(clip.language, clip.language)
    told = _HEARD_AS.get(language_of_text(clip.text), language_of_text(clip.text))
    return language if language in _TOLD_BY_SCRIPT and language == told else ""


def _too_many(n_clips: int) -> Sentence:
    return tr(
        "the text of {n_clips} was taken as given: --check-texts has Whisper listen whether that is what "
        "is said",
        n_clips=of_count(n_clips, "clip"),
    )


def _nobody_hears(n_clips: int) -> Sentence:
    return tr(
        "the text of {n_clips} was taken as given: there is no Whisper here that could listen whether "
        "that is what is said",
        n_clips=of_count(n_clips, "clip"),
    )


_WORDS = 2  # raise it whenever the same model would give other words
_LONGEST_S = 60.0  # a longer clip is no reference, whatever is said in it
_UNSPACED = frozenset({"zh", "ja", "yue"})


@dataclass(frozen=True, slots=True)
class Words:
    """What is said in a clip, and in which language; "" each when nothing was heard."""

    text: str
    language: str


def hears_words(options: TranscribeOptions | None) -> bool:
    """Say whether there is a model that hears words."""
    return options is not None and options.model != NO_MODEL


def hear_words(
    clips: Mapping[str, tuple[Path, str]],
    options: TranscribeOptions,
    *,
    journal: Journal,
    told: Callable[[int, str], None],
) -> dict[str, Words]:
    """Hear what is said in clips.

    Args:
        clips: SHA-256 of a clip's content -> its file, and its language where it is known.
        options: The model; its own language counts before what is known of a clip.
        journal: Where what was heard is kept.
        told: Called with the number of clips done, and the name of the next.

    Returns:
        SHA-256 -> words.

    Raises:
        WhisperModelError: The model is not there, or does not load.
    """
    keys = {sha256: _key(sha256, options, language) for sha256, (_, language) in clips.items()}
    kept = journal.find(keys.values())
    words: dict[str, Words] = {}
    for number, (sha256, (path, language)) in enumerate(clips.items()):
        told(number, path.name)
        known = kept.get(keys[sha256])
        if known is not None:
            words[sha256] = Words(**json.loads(known.words))
            continue
        words[sha256] = _heard(
            path, replace(options, language=options.language or language or None)
        )
        said = {"text": words[sha256].text, "language": words[sha256].language}
        journal.keep(keys[sha256], Kept(json.dumps(said, ensure_ascii=False)))
    return words


def _key(sha256: str, options: TranscribeOptions, language: str) -> bytes:
    how = (
        options.model,
        options.language or language,
        options.beam_size,
        options.vad,
        options.chinese,
        options.initial_prompt,
        options.hotwords,
    )
    return key_of("words", str(_WORDS), sha256, json.dumps(how))


def _heard(path: Path, options: TranscribeOptions) -> Words:
    try:
        with open_recording(path, max_duration_s=_LONGEST_S) as recording:
            transcript = transcribe(recording, options)
    except AudioError:
        return Words("", "")  # what is wrong with the file was said when it was listened to
    language = transcript.language
    joint = "" if language in _UNSPACED else " "
    text = _one_line([segment.text for segment in transcript.segments], joint)
    return (
        Words(text, language if text else "") if language else Words(text, language_of_text(text))
    )


def _one_line(parts: Sequence[str], joint: str) -> str:
    return joint.join(" ".join(part.split()) for part in parts if part.strip())
