"""Labels that stand anywhere in a name: ``happy-01.wav``, ``voice_angry_03.wav``, ``很开心.wav``.

A name is divided into fields (at everything but letters, digits and blanks, and at ``_``), a field into
words (at blanks, digits, and where the script changes). Only a whole word is a label: ``unhappy``,
``sadie``, ``happyland`` and ``不开心`` are none. A field that says nothing but a label goes before one word
among others, so that ``01_happy_calm voice`` is happy.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from gpt_sovits_emotion.core.labels import EMOTIONS, canonical_label, is_default_slot

__all__ = ["folder_label", "labels_in_name"]

_HAN = "\u3400-\u4dbf\u4e00-\u9fff"
_FIELDS = re.compile(r"[^\w\s]|_")
_WORDS = re.compile(rf"[{_HAN}]+|[^\W\d_{_HAN}]+")
_CUT = re.compile(r"_\d{10}_\d{10}$")  # what GPT-SoVITS's slicer appends to the name of a recording
_MOST_WORDS = (
    3  # of a name in which one word among others is taken for a label; more are a sentence
)

# They are labels of corpora, or of a table's last column; in a name they may be anything.
_NOT_ALONE = frozenset({"ps", "hap", "neu", "ang"})
_DENIED_BY = frozenset(
    {"not", "no", "non", "never", "without", "un", "anti", "不", "没", "没有", "无", "非", "别"}
)
_DENIED_BEHIND = frozenset({"less", "free"})

# 憤怒 and 開心: labels are listed in simplified characters alone.
_SIMPLIFIED = str.maketrans(
    "開憤難過傷靜驚訝懼厭惡樂興悅氣無輕慮認語緒態參頻樣聲",
    "开愤难过伤静惊讶惧厌恶乐兴悦气无轻虑认语绪态参频样声",
)
_BEFORE = ("非常", "十分", "特别", "极度", "极其", "有点", "有些", "轻微", "强烈", "情绪", "情感",
           "语气", "声音", "很", "超", "好", "略", "微", "大", "更")  # fmt: skip
_BEHIND = ("语气", "情绪", "情感", "音色", "声音", "语音", "状态", "参考", "音频", "样本", "口吻",
           "片段", "风格", "的", "地", "版", "型", "系", "感")  # fmt: skip


def labels_in_name(stem: str) -> tuple[str, ...]:
    """Return the labels that a file's name holds, each once, canonical, "" for the default slot.

    Examples:
        >>> labels_in_name("voice_angry_03"), labels_in_name("开心"), labels_in_name("01_happy_calm voice")
        (('angry',), ('happy',), ('happy',))
        >>> labels_in_name("happy_sad"), labels_in_name("angrybirds"), labels_in_name("不开心")
        (('happy', 'sad'), (), ())
    """
    fields = _fields(stem)
    said = _stated(fields)
    if said or _CUT.search(stem) or sum(map(len, fields)) > _MOST_WORDS:
        return said
    words = [word for field in fields for word in field]
    labels = (_label(word) for place, word in enumerate(words) if not _denied(words, place))
    return tuple(dict.fromkeys(label for label in labels if label))


def folder_label(name: str) -> str | None:
    """Return the one label that a folder's name holds, "" for the default slot; None for any other name.

    Examples:
        >>> folder_label("voice_angry"), folder_label("sad voice"), folder_label("sad-happy")
        ('angry', 'sad', None)
    """
    found = labels_in_name(name)
    return found[0] if len(found) == 1 else None


def _fields(name: str) -> list[list[str]]:
    plain = unicodedata.normalize("NFKC", name).casefold().translate(_SIMPLIFIED)
    fields = (_WORDS.findall(field) for field in _FIELDS.split(plain))
    return [words for words in fields if words]


def _stated(fields: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Return the labels of the fields that say nothing else."""
    words = [word for field in fields for word in field]
    said: dict[str, None] = {}
    place = 0
    for field in fields:
        whole = _label(" ".join(field))
        labels = [_label(word) for word in field] if whole is None else [whole]
        if None not in labels and not _denied(words, place):
            said.update(dict.fromkeys(label for label in labels if label is not None))
        place += len(field)
    return tuple(said)


def _label(word: str) -> str | None:
    """Return what a word is a name of: a canonical label, "" for the default slot, None for no label."""
    if is_default_slot(word):
        return ""
    label = canonical_label(word)
    if label in EMOTIONS:
        return None if word in _NOT_ALONE or label == "other" else label
    for affix in _BEFORE:
        if word.startswith(affix) and word != affix:
            return _label(word.removeprefix(affix))
    for affix in _BEHIND:
        if word.endswith(affix) and word != affix:
            return _label(word.removesuffix(affix))
    return None


def _denied(words: Sequence[str], place: int) -> bool:
    before = words[place - 1] if place else ""
    behind = words[place + 1] if place + 1 < len(words) else ""
    return before in _DENIED_BY or behind in _DENIED_BEHIND
