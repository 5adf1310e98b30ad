"""What the name of a transcript says: ``talk.en.srt``, ``talk.zh-CN.forced.vtt`` of ``talk.mp4``."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePath

from gpt_sovits_emotion.core.errors import TranscriptError
from gpt_sovits_emotion.core.messages import tr

__all__ = ["Named", "choose_beside", "named_after"]

_LANGUAGE = re.compile(r"(?P<code>[a-z]{2,3})(?:[-_](?:[a-z]{4}|[a-z]{2}|\d{3}|orig)){0,2}")
_LANGUAGES_LISTED = """
af ar az be bg bn bs ca cs cy da de el en es et eu fa fi fil fr ga gl gu he hi hr hu hy id is it ja
jv ka kk km kn ko ky la lb lo lt lv mi mk ml mn mr ms mt my ne nl no nb nn pa pl ps pt ro ru sd si
sk sl so sq sr su sv sw ta te th tl tr uk ur uz vi xh yi yue zh zu
"""
_LANGUAGES = frozenset(_LANGUAGES_LISTED.split())
# ISO 639-2, the terms and the older, English ones, as discs and films name them.
_THREE_LETTERS = {
    "eng": "en", "zho": "zh", "chi": "zh", "chs": "zh", "cht": "zh", "cmn": "zh", "jpn": "ja", "kor": "ko",
    "deu": "de", "ger": "de", "fra": "fr", "fre": "fr", "spa": "es", "ita": "it", "rus": "ru", "por": "pt",
    "pol": "pl", "nld": "nl", "dut": "nl", "ara": "ar", "tur": "tr", "vie": "vi", "tha": "th", "swe": "sv",
    "dan": "da", "nor": "no", "fin": "fi", "ces": "cs", "cze": "cs", "ell": "el", "gre": "el", "heb": "he",
    "hin": "hi", "hun": "hu", "ind": "id", "ukr": "uk", "ron": "ro", "rum": "ro", "jp": "ja", "kr": "ko",
    "cn": "zh", "sc": "zh", "tc": "zh", "english": "en", "chinese": "zh", "japanese": "ja", "korean": "ko",
    "german": "de", "french": "fr", "spanish": "es", "russian": "ru", "italian": "it", "中文": "zh",
    "简体": "zh", "繁体": "zh", "简中": "zh", "英文": "en", "日文": "ja",
}  # fmt: skip
_FLAGS = frozenset({"forced", "sdh", "cc", "hi", "default", "auto", "orig", "sub", "subs", "full"})


@dataclass(frozen=True, slots=True)
class Named:
    """What the name of a transcript says beside that of its recording.

    Attributes:
        language: Code, "" when it names none.
        forced: Whether it holds only what is foreign in a film.
    """

    language: str = ""
    forced: bool = False


def named_after(transcript: str, recording: str) -> Named | None:
    """Return what a transcript's name says, None where it is not named after the recording.

    Examples:
        >>> named_after("talk.zh-CN.srt", "talk.mp4"), named_after("talk.mp4.eng.forced.vtt", "talk.mp4")
        (Named(language='zh', forced=False), Named(language='en', forced=True))
        >>> named_after("talk.part2.srt", "talk.mp4"), named_after("talks.srt", "talk.mp4")
        (None, None)
    """
    name, whole = PurePath(transcript).stem.casefold(), recording.casefold()
    for stem in (whole, PurePath(whole).stem):
        if name == stem:
            return Named()
        if name.startswith(stem) and name[len(stem)] in "._":
            parts = re.split(r"[.]", name[len(stem) + 1 :])
            found = _said_by(parts)
            if found is not None:
                return found
    return None


def choose_beside(
    found: list[tuple[Path, Named]], language: str, *, rank: Callable[[Path], tuple[int, bool, str]]
) -> Path | None:
    """Choose among the transcripts of one recording.

    One of `language` goes before one that names no language, and whole ones before forced ones; among those
    of one language the best format counts.

    Args:
        found: Each with what its name says.
        language: Code of what is spoken, "" when that is not known.
        rank: Sort key: the best first.

    Raises:
        TranscriptError: There are several languages, and nobody says which is spoken; or only others than
            `language`.
    """
    wanted = language.casefold().partition("-")[0]
    if any(not named.forced for _, named in found):
        found = [(path, named) for path, named in found if not named.forced]
    for code in filter(None, dict.fromkeys((wanted and _code_of(wanted), wanted))):
        of_language = [path for path, named in found if named.language == code]
        if of_language:
            return min(of_language, key=rank)
    unnamed = [path for path, named in found if not named.language]
    if unnamed:
        return min(unnamed, key=rank)
    languages = sorted({named.language for _, named in found})
    if wanted and languages:
        names = ", ".join(sorted(path.name for path, _ in found))
        raise TranscriptError(
            tr(
                "the recording is in {wanted}, and only {names} lies beside it; name the file with "
                "--transcript to use it all the same",
                wanted=wanted,
                names=names,
            )
        )
    if len(languages) > 1:
        names = ", ".join(sorted(path.name for path, _ in found))
        raise TranscriptError(
            tr(
                "transcripts in {languages} languages lie beside the recording ({names}); say which is "
                "spoken with --language ({languages_2}), or name the file with --transcript",
                languages=len(languages),
                names=names,
                languages_2=", ".join(languages),
            )
        )
    return min((path for path, _ in found), key=rank, default=None)


def _said_by(parts: list[str]) -> Named | None:
    """Return what the parts of a name say; None where one of them is neither a language nor a flag."""
    language, forced = "", False
    for part in parts:
        code = _code_of(part)
        if code and not language:
            language = code
        elif part in _FLAGS:
            forced = forced or part == "forced"
        else:
            return None
    return Named(language, forced)


def _code_of(part: str) -> str:
    if part in _THREE_LETTERS:
        return _THREE_LETTERS[part]
    found = _LANGUAGE.fullmatch(part)
    if found is None:
        return ""
    code = found["code"]
    return code if code in _LANGUAGES else _THREE_LETTERS.get(code, "")
