"""Words that a person may write for an emotion in a tag: ``excited``, ``angrily``, ``怒り``, ``traurig``.

They count in tags alone. In banks and corpora such a name stays a label of its own
(`labels.canonical_label`).
"""

from __future__ import annotations

import re
from collections.abc import Collection

from gpt_sovits_emotion.core.labels import EMOTIONS, UNSURE, canonical_label, is_default_slot

__all__ = ["DEFAULT", "label_of_tag"]

DEFAULT = "default"
"""The label of a bank's default slot."""

_WORDS = {
    "neutral": "normal plain flat neutrally 平淡 普通语气 正常 无感情 ニュートラル 普通 中立的 "
    "평범 중립 보통 sachlich neutrale",
    "calm": "calmly peaceful peacefully serene gentle gently soothing soft softly relaxed quietly "
    "温柔 轻柔 平和 安静 淡定 沉稳 "
    "穏やか 落ち着いて 冷静に 優しく 차분 침착 평온 ruhig gelassen sanft",
    "happy": "happily excited excitedly excitement joyfully joyous cheerfully delighted glad "
    "gladly amused playful playfully "
    "enthusiastic enthusiastically elated laughing smiling proud proudly 兴奋 激动 愉快 欢快 欢喜 "
    "欣喜 幸福 得意 乐 欢乐 喜 俏皮 "
    "嬉しい 嬉しそう 喜び 楽しい 楽しそう 楽しく 笑顔 기쁨 기쁜 행복 즐거움 신남 fröhlich "
    "glücklich freudig froh freude begeistert",
    "sad": "sadly sorrow sorrowful sorrowfully unhappy depressed melancholy melancholic gloomy "
    "grief grieving crying tearful "
    "tearfully heartbroken disappointed lonely 悲 哀伤 忧伤 悲痛 沮丧 失落 委屈 哭腔 哭泣 伤感 失望 忧郁 "
    "悲しい 悲しそう 悲しみ 泣きながら 寂しい 슬픔 슬픈 우울 traurig traurigkeit trauer bedrückt wehmütig",
    "angry": "angrily furious furiously mad rage enraged irritated annoyed frustrated outraged "
    "aggressive aggressively yelling "
    "shouting 怒 气愤 恼火 暴怒 发怒 发火 恼怒 愤慨 不满 生气地 怒り 怒って 怒る 怒った "
    "怒りっぽく 激怒 화남 분노 화난 짜증 "
    "wütend wut zornig zorn verärgert ärgerlich sauer",
    "fearful": "fearfully frightened terrified anxious anxiously nervous nervously worried "
    "panicked panic horror dread scaredly "
    "惊恐 紧张 恐慌 害怕地 惊慌 担心 焦虑 不安 恐惧感 惧 怖い 恐れ 恐怖 怯えて 怖がって 不安そう "
    "緊張 두려움 무서움 공포 불안 "
    "ängstlich angst furcht furchtsam panisch nervös",
    "disgusted": "disgustedly disgusted revolted grossed repulsed 恶心 嫌弃 嫌恶 恶 嫌悪 嫌そう "
    "うんざり 혐오 역겨움 angeekelt "
    "ekel angewidert",
    "surprised": "surprisedly shocked astonished amazed startled shock astonishment amazement "
    "震惊 诧异 惊 惊喜地 意外 惊奇 "
    "驚き 驚いて 驚いた びっくり 놀람 놀란 놀라움 überrascht überraschung erstaunt erschrocken",
    "bored": "boredly tired weary uninterested indifferent 厌烦 无趣 疲惫 慵懒 冷漠 退屈 "
    "つまらない 지루함 지루한 gelangweilt "
    "langeweile müde",
    "contempt": "contemptuously scornful scornfully mocking mockingly sarcastic sarcastically "
    "disdain disdainful 鄙视 不屑 "
    "嘲讽 嘲笑 讽刺 藐视 軽蔑 馬鹿にして 경멸 비웃음 verächtlich verachtung spöttisch",
}
_LABELS = {word: label for label, words in _WORDS.items() for word in words.split()}

_KEY = re.compile(
    r"(?:emotion|emo|mood|feeling|tone|style|voice|情感|情绪|情緒|心情|语气|語氣|感情|感情表現|感情タグ|감정|gefühl|stimmung)\s*[:：=]\s*",
    re.IGNORECASE,
)
_WEIGHT = re.compile(r"\s*[:：=*×]?\s*[01]?\.?\d+\s*%?$")
_PARTS = re.compile(r"\s*(?:[,，、/;；&+|]|\band\b|\bund\b|和|又|且)\s*")
_MUCH = re.compile(
    r"^(?:(?:very|so|really|extremely|quite|slightly|a bit|a little|somewhat|sehr|etwas)\s+"
    r"|非常|十分|特别|有点儿?|有些|超级?|略|略带|稍微|极其|很|带着|とても|少し|아주|매우)"
)
_PARTICLES = re.compile(r"(?:に|な|で)$")
_ENDINGS = re.compile(r"(?:的?语气|的?声音|地说|着说|地|的|了|状|そうに|に|な|で|게|하게|한)$")


def label_of_tag(held: str, known: Collection[str] = (), *, whole: bool = False) -> str | None:
    """Return the label that the words inside a tag's brackets name, None where they name none.

    Args:
        held: What stands between the brackets.
        known: Free labels that count, in canonical form: they go before what is known of words.
        whole: Whether every part of a list must be an emotion ("calm, I think" is none then); else the
        first that
            is counts.

    Examples:
        >>> label_of_tag("emotion:happy"), label_of_tag("very angrily!"), label_of_tag("开心地")
        ('happy', 'angry', 'happy')
        >>> label_of_tag("excited"), label_of_tag("excited", ["excited"]), label_of_tag("撒娇")
        ('happy', 'excited', None)
        >>> label_of_tag("whispering, sad"), label_of_tag("calm, I think", whole=True)
        ('sad', None)
    """
    plain = _KEY.sub("", held.strip(), count=1).strip()
    found = _label_of_word(plain, known)
    if found is not None:
        return found
    parts = [_label_of_word(part, known) for part in _PARTS.split(plain) if part.strip()]
    if whole and None in parts:
        return None
    return next((label for label in parts if label is not None), None)


def _label_of_word(word: str, known: Collection[str]) -> str | None:
    word = word.strip()
    bare = _WEIGHT.sub("", word).strip(" .。!！?？~～…*_\"'“”")
    calmer = _MUCH.sub("", bare)
    for form in dict.fromkeys(
        (word, bare, calmer, _PARTICLES.sub("", calmer), _ENDINGS.sub("", calmer))
    ):
        label = canonical_label(form)
        if not form:
            continue
        if label in known or label in EMOTIONS or label == UNSURE:
            return label
        if is_default_slot(form):
            return DEFAULT
        if form.casefold() in _LABELS:
            return _LABELS[form.casefold()]
    return None
