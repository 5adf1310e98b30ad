"""What a reader of a layout gives, and what all readers share: labels and languages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gpt_sovits_emotion.core.labels import canonical_label, is_default_slot
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import Sentence

__all__ = [
    "AUDIO_SUFFIXES",
    "EXPECTED",
    "ClipEntry",
    "Listing",
    "emotion_of",
    "language_code",
    "language_of_name",
    "language_of_text",
    "menu_name",
]

EXPECTED = tr(
    "expected a folder per emotion with audio files in it (angry/1.wav, …), clips named 【angry】text.wav "
    "or angry_text.wav, an infer_config.json, or a .list"
)

AUDIO_SUFFIXES = frozenset(
    {".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".m4a", ".aac", ".wma", ".aif", ".aiff"}
    | {".webm", ".mp4", ".mka", ".mkv"}
)

# What GPT-SoVITS and the tools around it show in menus and name folders by (tools/i18n,
# inference_webui.py: dict_language; reference_audios/<语言>), and codes.
_LANGUAGE_NAMES = {
    "中文": "zh", "汉语": "zh", "国语": "zh", "普通话": "zh", "chinese": "zh", "中英混合": "zh",
    "英文": "en", "英语": "en", "english": "en",
    "日文": "ja", "日语": "ja", "日本語": "ja", "japanese": "ja", "日英混合": "ja", "jp": "ja",
    "韩文": "ko", "韩语": "ko", "한국어": "ko", "korean": "ko", "韩英混合": "ko",
    "粤语": "yue", "广东话": "yue", "cantonese": "yue", "粤英混合": "yue",
    "多语种混合(粤语)": "yue", "多语种混合（粤语）": "yue",
}  # fmt: skip
_MENU_NAMES = {
    "zh": "中文", "en": "英语", "ja": "日语", "ko": "韩语", "yue": "粤语", "": "多语种混合",
}  # fmt: skip
_CODES = frozenset(_LANGUAGE_NAMES.values())
_MENU_PREFIX = re.compile(r"^(all|auto)_")
_GUESSED = frozenset({"", "auto", "多语种混合"})


@dataclass(frozen=True, slots=True)
class ClipEntry:
    """A clip as its layout describes it, not yet looked at.

    Attributes:
        path: Where its audio should be.
        emotion: Canonical label or free string; "" for the default slot, and where nobody said.
        text: What is said in it; "" when unknown.
        language: Language code; "" when unknown.
        filed_by: ``person`` where the maker of the bank filed it (the default slot too), ``head`` where a
            program did, or nobody.
        probabilities: Label -> how sure that program was, or how it shared the clip among several
            emotions; empty when it did not say.
        intensity: As written by that program, 0 to 1; None when it did not say.
        problem: Why the bank's file does not really name a clip here, None when it does.
        doubts: What is unclear about how it is filed.
    """

    path: Path
    emotion: str
    text: str
    language: str
    filed_by: str = "person"
    probabilities: Mapping[str, float] = field(default_factory=dict)
    intensity: float | None = None
    problem: Sentence | None = None
    doubts: tuple[Sentence, ...] = ()


@dataclass(frozen=True, slots=True)
class Listing:
    """What a reader found.

    Attributes:
        layout: ``folders``, ``brackets``, ``names``, ``clips``, ``infer_config``, ``list``,
            ``emotion_manager`` or ``emotion_table``.
        root: Folder of the bank.
        entries: Every clip it names.
        voice: The voice's name, "" when the bank does not say.
        synthetic: Whether the bank says that a synthesiser made it.
        settings: Everything else that its file holds, as it was.
        notes: What a person should know of how it was read: what was passed over, and what is unclear.
    """

    layout: str
    root: Path
    entries: tuple[ClipEntry, ...]
    voice: str = ""
    synthetic: bool = False
    settings: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[Sentence, ...] = ()


def emotion_of(name: str) -> str:
    """Return the label that a bank's own name stands for: canonical, or as written; "" for its default slot.

    Examples:
        >>> emotion_of("开心_happy"), emotion_of("默认"), emotion_of("默认_default"), emotion_of("傲娇")
        ('happy', '', '', '傲娇')
    """
    halves = re.split(r"[_/]", name)
    if len(halves) <= 2 and all(is_default_slot(half) for half in halves):
        return ""
    return canonical_label(name)


def language_code(name: str) -> str:
    """Return the code of a language as a menu names it; unknown names are kept, "" means: guess it."""
    name = _MENU_PREFIX.sub("", name.strip().casefold())
    return "" if name in _GUESSED else _LANGUAGE_NAMES.get(name, name)


def menu_name(code: str) -> str:
    """Return the name under which other tools know a language: their menus' own, or the code.

    Examples:
        >>> menu_name("zh"), menu_name("de"), menu_name("")
        ('中文', 'de', '多语种混合')
    """
    return _MENU_NAMES.get(code, code)


def language_of_name(folder: str) -> str:
    """Return the code of the language that a folder is named after, "" for any other folder.

    Examples:
        >>> language_of_name("日语"), language_of_name("Chinese"), language_of_name("angry")
        ('ja', 'zh', '')
    """
    name = folder.strip().casefold()
    return name if name in _CODES else _LANGUAGE_NAMES.get(name, "")


def language_of_text(text: str) -> str:
    """Guess the language among those of cloned voices (zh, ja, ko, en) by the script of `text`.

    Kana decide for Japanese before Han characters do for Chinese. Latin letters are taken for English:
    a bank in another Latin-script language says so in its ``voice.yaml``. "" when nothing is known.

    Examples:
        >>> [language_of_text(text) for text in ("你好", "犬です", "안녕", "Hello 2", "123", "Привет")]
        ['zh', 'ja', 'ko', 'en', '', '']
    """
    for code, script in (
        ("ja", r"[\u3040-\u30ff\uff66-\uff9f]"),
        ("ko", r"[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]"),
        ("zh", r"[\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0002ebef]"),
        ("en", r"[A-Za-z]"),
    ):
        if re.search(script, text):
            return code
    return ""
