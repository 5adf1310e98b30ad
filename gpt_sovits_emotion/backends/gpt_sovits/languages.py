"""Our language codes, and those that GPT-SoVITS's text front end goes by.

GPT-SoVITS has two codes for each of its Asian languages: ``all_zh`` reads everything as Chinese, ``zh``
sends the English words in it to the English front end (``inference_webui.py``, ``get_phones_and_bert``).
Which of the two fits is seen from the text, so that here, as everywhere else, it is just ``zh``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection

from gpt_sovits_emotion.core.errors import BackendError
from gpt_sovits_emotion.core.messages import in_both, tr
from gpt_sovits_emotion.core.records import Sentence

__all__ = ["V1_CODES", "V2_CODES", "codes_of_version", "host_code", "spoken_languages"]

V1_CODES = frozenset({"auto", "en", "zh", "ja", "all_zh", "all_ja"})
V2_CODES = V1_CODES | {"auto_yue", "yue", "ko", "all_yue", "all_ko"}

_NAMES = {
    "zh": tr("Chinese"),
    "en": tr("English"),
    "ja": tr("Japanese"),
    "ko": tr("Korean"),
    "yue": tr("Cantonese"),
}
_THE_TEXT = tr("the text")
_ALIASES = {"cmn": "zh", "zh-yue": "yue", "jp": "ja", "kr": "ko", "": "auto"}
_UNSPOKEN_SCRIPTS = {
    "ARABIC": "阿拉伯字母",
    "ARMENIAN": "亚美尼亚字母",
    "BENGALI": "孟加拉文",
    "CYRILLIC": "西里尔字母",
    "DEVANAGARI": "天城文",
    "ETHIOPIC": "埃塞俄比亚文",
    "GEORGIAN": "格鲁吉亚字母",
    "GREEK": "希腊字母",
    "GUJARATI": "古吉拉特文",
    "GURMUKHI": "古木基文",
    "HEBREW": "希伯来字母",
    "KANNADA": "卡纳达文",
    "KHMER": "高棉文",
    "LAO": "老挝文",
    "MALAYALAM": "马拉雅拉姆文",
    "MONGOLIAN": "蒙古文",
    "MYANMAR": "缅文",
    "SINHALA": "僧伽罗文",
    "TAMIL": "泰米尔文",
    "TELUGU": "泰卢固文",
    "THAI": "泰文",
    "TIBETAN": "藏文",
}
"""First word of the Unicode names of letters that no text front end of the host reads. It leaves them out
without a word, and the model then says what it likes."""
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
    backend: str = "GPT-SoVITS",
) -> str:
    """Return the host's code for a text.

    Args:
        language: Our code, with or without a region (``zh``, ``zh-CN``, ``en_GB``), one of the host's own
            (``all_ja``, ``auto_yue``), or "" when it is not known.
        text: What is to be read; decides between the mixed and the pure code.
        codes: What the host offers for the model that is loaded.
        whose: What `language` is the language of, for the sentence.
        backend: Who cannot speak it, for the sentence.

    Raises:
        BackendError: The host does not speak the language, or reads none of the letters.

    Example:
        >>> host_code("zh-CN", text="你好", codes=V2_CODES)
        'all_zh'
        >>> host_code("zh", text="打开 Python", codes=V2_CODES)
        'zh'
    """
    wanted = _normalised(language)
    if script := _unspoken_script(text, wanted):
        raise _unspoken(script, codes, whose, backend)
    order = [wanted]
    if wanted in _NAMES and wanted != "en":
        order.insert(1 if _LATIN_WORD.search(text) else 0, f"all_{wanted}")
    for code in order:
        if code in codes:
            return code
    raise _unspoken(_named(language, wanted), codes, whose, backend, wanted=wanted)


def _normalised(language: str) -> str:
    code = language.strip().lower()
    if code.startswith(("all_", "auto_")):
        return code
    code = code.replace("_", "-")
    if code in _ALIASES:
        return _ALIASES[code]
    primary = code.split("-")[0]
    return _ALIASES.get(primary, primary)


def _unspoken_script(text: str, wanted: str) -> Sentence | None:
    """Return what letters a text is in, where the host reads none of them."""
    scripts = [unicodedata.name(each, "").split(" ")[0] for each in text if each.isalpha()]
    if not scripts or not _UNSPOKEN_SCRIPTS.keys() >= set(scripts):
        return None
    if wanted.endswith(("zh", "yue")) and set(scripts) == {"GREEK"}:
        return None  # the Chinese front end has names for them (``zh_normalization``, ``_post_replace``)
    name = scripts[0]
    return Sentence(f"{name.capitalize()} letters", _UNSPOKEN_SCRIPTS[name])


def _named(language: str, wanted: str) -> Sentence:
    if wanted in _NAMES:
        name = _NAMES[wanted]
        return tr("{name} ({wanted})", name=name, wanted=wanted)
    if language:
        return tr("the language {language!r}", language=language)
    return tr("a language that is not known")


def _unspoken(
    what: Sentence,
    codes: Collection[str],
    whose: Sentence,
    backend: str,
    *,
    wanted: str | None = None,
) -> BackendError:
    ours = spoken_languages(codes)
    spoken = {code: name for code, name in _NAMES.items() if code in ours}
    spoken_en = ", ".join(f"{name.en} ({code})" for code, name in spoken.items())
    spoken_zh = "、".join(f"{name.zh}（{code}）" for code, name in spoken.items())
    if wanted is None:
        remedy = tr("write it in one of these")
    elif wanted.removeprefix("all_") in spoken_languages(V2_CODES):
        remedy = tr("load a model of v2 or later, which does")
    else:
        remedy = tr("correct the language, or leave it out")
    return BackendError(
        tr(
            "{whose} is in {what}, which {backend} does not speak (it speaks {spoken}): {remedy}",
            whose=whose,
            what=what,
            backend=backend,
            remedy=remedy,
            spoken=in_both(spoken_en, spoken_zh),
        )
    )
