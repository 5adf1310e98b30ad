"""Emotions that a person wrote into a text: ``[开心]……``, ``(happy) …``, ``……【sad】``, ``<|HAPPY|>…``.

What stands in brackets at the beginning or the end is a tag where it names an emotion. What was split off
must not be spoken, and neither must a tag that names none (`spoken_parts`).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from gpt_sovits_emotion.core.labels import EMOTIONS, UNSURE, canonical_label, is_default_slot
from gpt_sovits_emotion.core.records import ReferenceBank
from gpt_sovits_emotion.transcripts.directions import is_direction, without_directions
from gpt_sovits_emotion.transcripts.speakers import split_speaker
from gpt_sovits_emotion.transcripts.tagged_text import (
    has_rich_text_tags,
    read_rich_text,
    strip_rich_text_tags,
)
from gpt_sovits_emotion.transcripts.wording import split_mark

__all__ = [
    "DEFAULT",
    "SpokenParts",
    "label_of_tag",
    "labels_of_bank",
    "split_at_tags",
    "split_tag",
    "spoken_parts",
]

_SQUARE = (
    r"\[(?P<square>[^\[\]\n]{1,40})\]|【(?P<lens>[^【】\n]{1,40})】|［(?P<wide>[^［］\n]{1,40})］"
)
_HELD = (
    rf"(?:{_SQUARE}|\((?P<round>[^()\n]{{1,40}})\)|（(?P<full>[^（）\n]{{1,40}})）"
    r"|\{(?P<curly>[^{}\n]{1,40})\}|<(?P<angle>[^<>|\n]{1,40})>|\*(?P<star>[^*\n]{1,40})\*)"
)
_LEADING = re.compile(rf"\s*{_HELD}(?:：|:(?=\s))?\s*")
_TRAILING = re.compile(rf"{_HELD}(?P<end>[\s.。!！?？…~～,，]*)$")
_TAG = re.compile(_SQUARE)
_SIGNS = re.compile(r"[\s.。!！?？…~～,，]*")
_ASIDES = frozenset({"ps", "other", "unknown", "其他", "其它", "普通", "normal", "plain", "tired"})
"""Words that name an emotion, but in round brackets more likely belong to the text."""
_SURE_KINDS = frozenset({"square", "lens", "wide"})
"""Brackets that hold nothing to be said."""


@dataclass(frozen=True, slots=True)
class SpokenParts:
    """A text that a person wrote, taken apart.

    Attributes:
        label: The emotion of its tag, None without one.
        words: What is to be said.
        speaker: Who says it, "" where the text does not say.
        unknown: Tags that name no emotion, as they stand in the text.
        directions: Sounds, ways of speaking and music signs, as they stand in the text.
    """

    label: str | None
    words: str
    speaker: str = ""
    unknown: tuple[str, ...] = ()
    directions: tuple[str, ...] = ()


def split_tag(text: str, *, known: Collection[str] = ()) -> tuple[str | None, str]:
    """Split a text into the emotion that a person wrote before or behind it and the words to be said.

    Args:
        text: One segment's text.
        known: Labels that count beside the canonical ones, such as a bank's own (`labels_of_bank`).

    Returns:
        The label in canonical form (``unsure`` and ``default``, the bank's default slot, are possible), None
        when there is no tag; and the words without it. Without a tag the text comes back as it was.

    Examples:
        >>> split_tag("[开心] 你好！"), split_tag("（生气）够了。"), split_tag("[angry 87 %] Enough.")
        (('happy', '你好！'), ('angry', '够了。'), ('angry', 'Enough.'))
        >>> split_tag("<|en|><|SAD|><|Speech|>I miss you."), split_tag("[laughs] Hello")
        (('sad', 'I miss you.'), (None, '[laughs] Hello'))
        >>> split_tag("【傲娇】哼！"), split_tag("【傲娇】哼！", known=["傲娇"])
        ((None, '【傲娇】哼！'), ('傲娇', '哼！'))
        >>> split_tag("你好【emotion:happy】。"), split_tag("Look at that (excited)!")
        (('happy', '你好。'), ('happy', 'Look at that!'))
    """
    if has_rich_text_tags(text):
        label = next((line.label for line in read_rich_text(text) if line.label), None)
        return label, strip_rich_text_tags(text)
    names = frozenset(map(canonical_label, known))
    first: str | None = None
    while (leading := _leading(text, names)) is not None:
        label, text = leading
        first = first or label
    while (trailing := _trailing(text, names)) is not None:
        label, text = trailing
        first = first or label
    return first, text


def spoken_parts(
    text: str,
    *,
    known: Collection[str] = (),
    speakers: Collection[str] = (),
    with_directions: bool = False,
) -> SpokenParts:
    """Take a text apart that a person wrote to have it said.

    Args:
        text: One segment's text.
        known: As for `split_tag`.
        speakers: Names that are speakers where they stand before the words (`speakers.speakers_in`).
        with_directions: Whether stage directions and music signs stay in the words.

    Examples:
        >>> parts = spoken_parts("MIKE: [angry] Stop! [door slams] [撒娇]", speakers=["MIKE"])
        >>> parts.label, parts.words, parts.speaker, parts.unknown, parts.directions
        ('angry', 'Stop!', 'MIKE', ('[撒娇]',), ('[door slams]',))
    """
    label, rest = split_tag(text, known=known)
    speaker, rest = split_speaker(rest, speakers)
    n_sounds = _sounds_until(rest)
    inner, words = split_tag(rest[n_sounds:], known=known)
    rest = rest[:n_sounds] + words
    unknown: list[str] = []
    rest = _without_unknown(rest, unknown)
    # A tag that is not known may hide one that is.
    hidden, rest = split_tag(rest, known=known)
    directions: tuple[str, ...] = ()
    if not with_directions:
        rest, directions = without_directions(rest)
    found = label or inner or hidden
    return SpokenParts(found, rest, speaker, tuple(unknown), directions)


def split_at_tags(text: str, *, known: Collection[str] = ()) -> tuple[str, ...]:
    """Split a text that holds several emotions into one piece for each.

    Where it ends with a tag and begins with none, tags stand behind their words, else before them.

    Examples:
        >>> split_at_tags("[happy] Hi! [sad] Bye."), split_at_tags("你好【开心】。再见【难过】。")
        (('[happy] Hi!', '[sad] Bye.'), ('你好【开心】。', '再见【难过】。'))
        >>> split_at_tags("[happy] [laughs] Hi [1] there.")
        ('[happy] [laughs] Hi [1] there.',)
    """
    names = frozenset(map(canonical_label, known))
    tags = [found for found in _TAG.finditer(text) if _label_in(found, names) is not None]
    if not tags or has_rich_text_tags(text):
        return (text,)
    behind = _leading(text, names) is None and _trailing(text, names) is not None
    pieces, begin = [], 0
    for found in tags:
        signs = _SIGNS.match(text, found.end()) if behind else None
        cut = found.start() if signs is None else signs.end()
        words = _TAG.sub("", text[begin:cut])
        is_name = re.search(r"[:：]\s*$", words) is not None  # "MIKE: [angry] Stop!"
        if re.search(r"\w", words) and not is_name and re.search(r"\w", _TAG.sub("", text[cut:])):
            pieces.append(text[begin:cut].strip())
            begin = cut
    return (*pieces, text[begin:].strip()) if pieces else (text,)


def labels_of_bank(bank: ReferenceBank) -> frozenset[str]:
    """Return the free labels of a bank, which a text may name: those of its clips and of its pins."""
    named = {clip.emotion for clip in bank.clips} | set(bank.pins)
    return frozenset(canonical_label(label) for label in named if label) - {UNSURE}


def _leading(text: str, names: frozenset[str]) -> tuple[str, str] | None:
    """Return the label at the beginning of a text and what stands behind it; None without a tag."""
    mark, words = split_mark(text)
    # A tick is written by our own transcripts alone; a percentage might be anybody's.
    if mark is not None and (
        mark.by_hand
        or (mark.confidence is not None and label_of_tag(mark.label, names) == mark.label)
    ):
        return mark.label, words.strip()
    found = _LEADING.match(text)
    if found is None:
        return None
    label = _label_in(found, names)
    return None if label is None else (label, text[found.end() :])


def _trailing(text: str, names: frozenset[str]) -> tuple[str, str] | None:
    """Return the label at the end of a text and what stands before it; None without a tag."""
    found = _TRAILING.search(text)
    if found is None or not text[: found.start()].strip():
        return None
    label = _label_in(found, names)
    return (
        None if label is None else (label, text[: found.start()].rstrip() + found["end"].rstrip())
    )


def _label_in(found: re.Match[str], names: frozenset[str]) -> str | None:
    kind, held = _held(found)
    if kind not in _SURE_KINDS and held.strip().casefold() in _ASIDES:
        return None
    return label_of_tag(held, names, whole=kind not in _SURE_KINDS)


def _held(found: re.Match[str]) -> tuple[str, str]:
    groups = found.groupdict().items()
    return next((kind, held) for kind, held in groups if held and kind != "end")


def _sounds_until(text: str) -> int:
    """Return where the sounds in brackets end with which a text begins: a tag may stand behind them."""
    end = 0
    while (found := _LEADING.match(text, end)) is not None and is_direction(_held(found)[1]):
        end = found.end()
    return end


def _without_unknown(text: str, unknown: list[str]) -> str:
    """Take tags off the ends of a text that name no emotion and no sound either."""
    for pattern in (_LEADING, _TRAILING):
        while (
            found := (pattern.match if pattern is _LEADING else pattern.search)(text)
        ) is not None:
            kind, held = _held(found)
            if kind not in _SURE_KINDS or is_direction(held) or not re.search(r"[^\W\d_]", held):
                break
            unknown.append(found.group().strip().rstrip(":： .。!！?？…~～,，"))
            before, behind = text[: found.start()].rstrip(), text[found.end() :]
            text = behind if pattern is _LEADING else before + found["end"].rstrip()
    return text


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
