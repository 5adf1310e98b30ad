"""The words of clips that came without: heard by Whisper, clip by clip, and kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gpt_sovits_emotion.audio import open_recording
from gpt_sovits_emotion.banks.building.journal import Journal, Kept, key_of
from gpt_sovits_emotion.banks.library.layouts import language_of_text
from gpt_sovits_emotion.core.errors import AudioError
from gpt_sovits_emotion.transcription import NO_MODEL, TranscribeOptions, transcribe

__all__ = ["Words", "hear_words", "hears_words"]

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
