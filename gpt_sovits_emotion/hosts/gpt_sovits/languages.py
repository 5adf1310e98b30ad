"""Our language codes, and those that GPT-SoVITS's text front end goes by.

GPT-SoVITS has two codes for each of its Asian languages: ``all_zh`` reads everything as Chinese, ``zh``
sends the English words in it to the English front end (``inference_webui.py``, ``get_phones_and_bert``).
Which of the two fits is seen from the text, so that here, as in every other room, it is just ``zh``.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from gpt_sovits_emotion.errors import HostError
from gpt_sovits_emotion.records import Sentence

__all__ = ["V1_CODES", "V2_CODES", "codes_of_version", "host_code", "spoken_languages"]

V1_CODES = frozenset({"auto", "en", "zh", "ja", "all_zh", "all_ja"})
V2_CODES = V1_CODES | {"auto_yue", "yue", "ko", "all_yue", "all_ko"}

_NAMES = {
    "zh": Sentence("Chinese", "中文"),
    "en": Sentence("English", "英语"),
    "ja": Sentence("Japanese", "日语"),
    "ko": Sentence("Korean", "韩语"),
    "yue": Sentence("Cantonese", "粤语"),
}
_THE_TEXT = Sentence("the text", "文字")
_ALIASES = {"cmn": "zh", "zh-yue": "yue", "jp": "ja", "kr": "ko", "": "auto"}
_LATIN_WORD = re.compile(r"[A-Za-zÀ-ɏ]")


def codes_of_version(version: str | None) -> frozenset[str]:
    """Return GPT-SoVITS's codes for a model version; those of v2 and later for an unknown one."""
    return V1_CODES if version == "v1" else V2_CODES


def spoken_languages(codes: Collection[str]) -> frozenset[str]:
    """Return our codes for what the host's `codes` can say, ``auto`` included where it is offered.

    Example:
        >>> sorted(spoken_languages(V1_CODES))
        ['auto', 'en', 'ja', 'zh']
    """
    return frozenset(code.removeprefix("all_") for code in codes if code != "auto_yue")


def host_code(
    language: str,
    *,
    text: str,
    codes: Collection[str],
    whose: Sentence = _THE_TEXT,
    host: str = "GPT-SoVITS",
) -> str:
    """Return the host's code for a text.

    Args:
        language: Our code, with or without a region (``zh``, ``zh-CN``, ``en_GB``), one of the host's own
            (``all_ja``, ``auto_yue``), or "" when it is not known.
        text: What is to be read; decides between the mixed and the pure code.
        codes: What the host offers for the model that is loaded.
        whose: What `language` is the language of, for the sentence.
        host: Who cannot speak it, for the sentence.

    Raises:
        HostError: The host does not speak the language.

    Example:
        >>> host_code("zh-CN", text="你好", codes=V2_CODES)
        'all_zh'
        >>> host_code("zh", text="打开 Python", codes=V2_CODES)
        'zh'
    """
    wanted = _normalised(language)
    order = [wanted]
    if wanted in _NAMES and wanted != "en":
        order.insert(1 if _LATIN_WORD.search(text) else 0, f"all_{wanted}")
    for code in order:
        if code in codes:
            return code
    raise _unspoken(language, wanted, codes, whose, host)


def _normalised(language: str) -> str:
    code = language.strip().lower()
    if code.startswith(("all_", "auto_")):
        return code
    code = code.replace("_", "-")
    if code in _ALIASES:
        return _ALIASES[code]
    primary = code.split("-")[0]
    return _ALIASES.get(primary, primary)


def _unspoken(
    language: str, wanted: str, codes: Collection[str], whose: Sentence, host: str
) -> HostError:
    ours = spoken_languages(codes)
    spoken = {code: name for code, name in _NAMES.items() if code in ours}
    spoken_en = ", ".join(f"{name.en} ({code})" for code, name in spoken.items())
    spoken_zh = "、".join(f"{name.zh}（{code}）" for code, name in spoken.items())
    if wanted in _NAMES:
        name = _NAMES[wanted]
        what = Sentence(f"{name.en} ({wanted})", f"{name.zh}（{wanted}）")
    elif language:
        what = Sentence(f"the language {language!r}", f"语言 {language!r}")
    else:
        what = Sentence("a language that is not known", "未知语言")
    if wanted.removeprefix("all_") in spoken_languages(V2_CODES):
        remedy = Sentence("load a model of v2 or later, which does", "请加载 v2 或更新的模型")
    else:
        remedy = Sentence("correct the language, or leave it out", "请改正语言，或不填")
    return HostError(
        f"{whose.en} is in {what.en}, which {host} does not speak (it speaks {spoken_en}): {remedy.en}",
        zh=f"{whose.zh}是{what.zh}，{host} 不会说（会说的有：{spoken_zh}）：{remedy.zh}",
    )
