"""Emotion labels: the canonical set, their names in Chinese and English, aliases, colours, nearness.

Labels are free strings. A label that is known under another name is brought to its canonical form; a
label that is not known is kept exactly as a person wrote it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = [
    "EMODB_LETTERS",
    "EMOTIONS",
    "UNSURE",
    "Emotion",
    "canonical_label",
    "colour_of",
    "display_name",
    "distance",
    "is_default_slot",
    "labels_of",
    "percent",
    "rich_text_tag",
    "slot_label",
]

UNSURE = "unsure"
"""The verdict of a tagger whose best probability lies under its head's threshold. Never a class."""


@dataclass(frozen=True, slots=True)
class Emotion:
    """One canonical emotion.

    `valence` and `arousal` (-1 to 1) are the pleasure and arousal means of Russell & Mehrabian (1977),
    "Evidence for a three-factor theory of emotions", J. Research in Personality 11, for the adjective of
    the same name; neutral is the origin, and calm and contempt, which that list lacks under these names,
    are placed by us. They order substitutes when a voice has no clip of an emotion, nothing else.
    """

    label: str
    zh: str
    colour: str
    rich_text: str
    valence: float
    arousal: float
    aliases: tuple[str, ...] = ()


# Colours: Okabe & Ito's palette for colour-blind readers, stretched by lightness to eleven entries.
_ALL = (
    Emotion("neutral", "中立", "#8a8f98", "NEUTRAL", 0.0, 0.0, ("中性", "neutrality", "neu")),
    Emotion("calm", "平静", "#56b4a9", "NEUTRAL", 0.60, -0.45, ("冷静", "calmness", "relaxed")),
    Emotion(
        "happy",
        "开心",
        "#e69f00",
        "HAPPY",
        0.81,
        0.51,
        ("高兴", "快乐", "喜好", "喜悦", "happiness", "joy", "joyful", "cheerful", "hap"),
    ),
    Emotion("sad", "难过", "#0072b2", "SAD", -0.63, -0.27, ("悲伤", "伤心", "sadness")),
    Emotion("angry", "愤怒", "#d55e00", "ANGRY", -0.51, 0.59, ("生气", "anger", "ang")),
    Emotion(
        "fearful",
        "恐惧",
        "#9a6fb0",
        "FEARFUL",
        -0.64,
        0.60,
        ("害怕", "fear", "afraid", "scared", "anxiety"),
    ),
    Emotion(
        "disgusted", "厌恶", "#6b8e23", "DISGUSTED", -0.60, 0.35, ("反感", "disgust", "disgusting")
    ),
    Emotion(
        "surprised",
        "吃惊",
        "#cc79a7",
        "SURPRISED",
        0.40,
        0.67,
        ("惊讶", "惊喜", "surprise", "pleasant_surprise", "pleasant surprise", "ps"),
    ),
    Emotion("bored", "无聊", "#a0785a", "NEUTRAL", -0.65, -0.62, ("boredom", "厌倦")),
    Emotion("contempt", "轻蔑", "#7a5195", "DISGUSTED", -0.50, 0.30, ("蔑视", "contemptuous")),
    Emotion("other", "其他", "#bdbdbd", "EMO_UNKNOWN", 0.0, 0.0, ("其它", "<unk>", "unknown")),
)

EMOTIONS: Mapping[str, Emotion] = MappingProxyType({emotion.label: emotion for emotion in _ALL})
"""Canonical label -> `Emotion`, in the order in which they are shown."""

EMODB_LETTERS: Mapping[str, str] = MappingProxyType(
    {
        "W": "angry",
        "L": "bored",
        "E": "disgusted",
        "A": "fearful",
        "F": "happy",
        "T": "sad",
        "N": "neutral",
    }
)
"""The sixth character of an EmoDB file name (Wut, Langeweile, Ekel, Angst, Freude, Trauer, neutral)."""

_UNSURE_COLOUR = "#c9ccd1"
_FREE_COLOUR = "#4c566a"
_DEFAULT_SLOTS = frozenset({"default", "默认", "普通"})

_BY_NAME: dict[str, str] = {UNSURE: UNSURE, "不确定": UNSURE, "emo_unknown": UNSURE}
for _emotion in _ALL:
    for _name in (_emotion.label, _emotion.zh, *_emotion.aliases):
        _BY_NAME[_name] = _emotion.label


def canonical_label(label: str) -> str:
    """Bring a label to its canonical form; keep an unknown one as it is, without outer spaces.

    A pair such as ``开心_happy`` or ``生气/angry`` is known when its halves name one emotion.

    Examples:
        >>> canonical_label("高兴"), canonical_label("ANGER"), canonical_label("开心_happy")
        ('happy', 'angry', 'happy')
        >>> canonical_label("傲娇")
        '傲娇'
    """
    label = label.strip()
    known = _BY_NAME.get(label.casefold())
    if known is not None:
        return known
    for separator in ("_", "/"):
        halves = label.split(separator)
        if len(halves) == 2:
            names = {_BY_NAME.get(half.strip().casefold()) for half in halves}
            if len(names) == 1 and None not in names:
                return str(names.pop())
    return label


def labels_of(written: str) -> tuple[str, ...]:
    """Return the labels that a person wrote in one line, in canonical form, each once.

    Examples:
        >>> labels_of("Angry, 开心，sad")
        ('angry', 'happy', 'sad')
    """
    parts = (part for part in re.split(r"[,，、;；\n]", written) if part.strip())
    return tuple(dict.fromkeys(canonical_label(part) for part in parts))


def is_default_slot(label: str) -> bool:
    """Say whether a bank's label (默认, default, 普通) is its fallback slot and no emotion at all."""
    return label.strip().casefold() in _DEFAULT_SLOTS


def slot_label(name: str) -> str:
    """Return the canonical label that a slot of a bank is called by; "" for its default slot.

    Examples:
        >>> slot_label("开心"), slot_label("默认")
        ('happy', '')
    """
    return "" if is_default_slot(name) else canonical_label(name)


def display_name(label: str, language: str = "en") -> str:
    """Name a label for a person, in ``"zh"`` or ``"en"``; free labels are shown as they are."""
    if label == UNSURE:
        return "不确定" if language == "zh" else UNSURE
    emotion = EMOTIONS.get(label)
    if emotion is None:
        return label
    return emotion.zh if language == "zh" else emotion.label


def percent(probability: float) -> str:
    """Return a probability for a person: ``87 %``, and never the 100 % that nobody can know.

    Examples:
        >>> percent(0.874), percent(0.9999)
        ('87 %', '99 %')
    """
    return f"{min(round(100 * probability), 99)} %"


def colour_of(label: str) -> str:
    """Return the ``#rrggbb`` colour in which a label is drawn everywhere."""
    if label == UNSURE:
        return _UNSURE_COLOUR
    emotion = EMOTIONS.get(label)
    return emotion.colour if emotion else _FREE_COLOUR


def rich_text_tag(label: str) -> str:
    """Return SenseVoice's tag name for a label: HAPPY, SAD, …, EMO_UNKNOWN for what it cannot say."""
    emotion = EMOTIONS.get(label)
    return emotion.rich_text if emotion else "EMO_UNKNOWN"


def distance(one: str, other: str) -> float:
    """Return how far two labels lie apart on the valence-arousal plane (0 to about 2.3).

    A label that has no place there is as far from every other one as the plane is wide.
    """
    if one == other:
        return 0.0
    a, b = EMOTIONS.get(one), EMOTIONS.get(other)
    if a is None or b is None or "other" in (one, other):
        return math.hypot(2.0, 2.0)
    return math.hypot(a.valence - b.valence, a.arousal - b.arousal)
