"""Recipes by name: which corpora and classes a head is trained on, and what its card tells a user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from gpt_sovits_emotion.core.errors import CorpusError
from gpt_sovits_emotion.core.records import Sentence

__all__ = ["PRESETS", "Preset", "head_id_for", "preset_named"]

EKMAN = ("angry", "disgusted", "fearful", "happy", "neutral", "sad", "surprised")


@dataclass(frozen=True, slots=True)
class Preset:
    """A recipe by name.

    Attributes:
        name: What it is called.
        corpora: Ids of the corpora (`training.corpora.KNOWN_CORPORA`).
        labels: Classes; empty for all of the corpora's.
        note: What a user must know.
    """

    name: str
    corpora: tuple[str, ...]
    labels: tuple[str, ...]
    note: Sentence


def head_id_for(encoder_id: str, name: str) -> str:
    """Return the id of a head on an encoder that is trained by a recipe, or on corpora, of this name.

    >>> head_id_for("prosody+hubert:4-6,9", "emodb")
    'prosody-hubert-4-6-9-emodb'
    """
    plain = "".join(
        char if char.isascii() and char.isalnum() else " "
        for char in f"{encoder_id} {name}".lower()
    )
    return "-".join(plain.split())


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        preset.name: preset
        for preset in (
            Preset(
                "emodb",
                ("emodb",),
                (),
                Sentence(
                    "Trained on ten actors who spoke ten German sentences in a studio; expect less on "
                    "everyday speech, other languages and noisy recordings.",
                    "由十位演员在录音室朗读十句德语训练而成；对日常语音、其他语言和嘈杂录音，准确率会更低。",
                ),
            ),
            Preset(
                "multi-nc",
                ("emodb", "ravdess", "nemo"),
                EKMAN,
                Sentence(
                    "Trained on 43 actors in German, English and Polish. Two of the three corpora are for "
                    "non-commercial use, and so is this head.",
                    "由 43 位演员的德语、英语和波兰语表演语音训练而成。三个语料库中有两个仅限非商业用途，"
                    "本情感模型也仅限非商业用途。",
                ),
            ),
            Preset(
                "free",
                ("emodb", "crema-d", "marco-voice"),
                EKMAN,
                Sentence(
                    "Trained on corpora that anybody may use: ten German actors, happy and sad sentences of "
                    "78 English speakers, and six Mandarin voices of a speech synthesis. All of it is acted.",
                    "只用任何人都可使用的语料训练：十位德语演员、78 位英语说话人的高兴与悲伤语句，"
                    "以及六个语音合成的普通话声音。全部是表演语音。",
                ),
            ),
            Preset(
                "all-nc",
                ("emodb", "ravdess", "nemo", "crema-d", "marco-voice"),
                EKMAN,
                Sentence(
                    "Trained on 127 voices in German, English, Polish and Mandarin. Two of the five corpora "
                    "are for non-commercial use, and so is this head.",
                    "由德语、英语、波兰语和普通话的 127 个声音训练而成。五个语料库中有两个仅限非商业用途，"
                    "本情感模型也仅限非商业用途。",
                ),
            ),
        )
    }
)
"""Name -> recipe."""


def preset_named(name: str) -> Preset:
    """Return the recipe of a name. Raises `CorpusError` when there is none."""
    try:
        return PRESETS[name]
    except KeyError:
        raise CorpusError(
            f"there is no recipe {name!r}; there are {', '.join(PRESETS)}, or name the corpora yourself",
            zh=f"没有配方 {name!r}；现有 {'、'.join(PRESETS)}，也可以自行指定语料",
        ) from None
