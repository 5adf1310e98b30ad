"""What a person should know of a clip that can be used all the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gpt_sovits_emotion.banks.building.consistency import DOUBTFUL
from gpt_sovits_emotion.banks.building.measured import Measured
from gpt_sovits_emotion.banks.library.given_texts import ANOTHER_TEXT
from gpt_sovits_emotion.core.labels import UNSURE, display_name, percent
from gpt_sovits_emotion.core.records import ClipQuality, Sentence

__all__ = ["is_of_a_head", "quality_warnings_of", "text_pace", "units_of"]

_NOISY_DB = 15.0
_QUIET_DBFS = -45.0
_CLIPPED = 1e-3
_OTHERWISE_SURE = 0.6  # how sure a head must be to contradict a person
_LONGEST_HEARD = 60
_UNSURE, _CONTRADICTED = "the head is unsure: ", "filed as "

# Pellegrino, Coupe & Marsico (2011), "A cross-language perspective on speech information rate", Language 87:
# 5 to 8 syllables per second in ordinary speech of any language.
_SYLLABLES_PER_S = (1.0, 11.0)
_LETTERS_PER_SYLLABLE = 3.0
_UNUSUAL = 3.0  # times the bank's median pace
_FEWEST_FOR_PACE = 8


def quality_warnings_of(
    each: Measured,
    *,
    label: str | None,
    probabilities: Mapping[str, float],
    consistency: float | None,
    pace: Sentence | None,
    by_person: bool,
    min_duration_s: float,
) -> tuple[Sentence, ...]:
    """Say what is doubtful about a clip.

    Args:
        each: The clip.
        label: What the head says, ``unsure`` where it is not; None where it did not listen.
        probabilities: As the head heard it.
        consistency: How much it sounds like the others.
        pace: What is odd about its text, from `text_pace`.
        by_person: Whether a person filed it.
        min_duration_s: The head judges nothing shorter.
    """
    doubts = list(_of_quality(each.facts.quality)) if each.facts and each.facts.quality else []
    if each.remark is not None:
        doubts.append(each.remark)
    elif label is None and each.facts and (each.facts.duration_s or 0.0) < min_duration_s:
        doubts.append(
            Sentence(
                f"shorter than {min_duration_s:g} s: no emotion was heard",
                f"不足 {min_duration_s:g} 秒：未判断情感",
            )
        )
    if label == UNSURE and not by_person:
        doubts.append(_unsure(probabilities))
    if by_person and label not in (None, UNSURE, each.source.emotion) and each.source.emotion:
        doubts += _contradiction(each.source.emotion, probabilities)
    if consistency is not None and consistency < DOUBTFUL:
        doubts.append(
            Sentence(
                "sounds unlike the other clips: another speaker, another microphone, or an unusual voice",
                "听起来与其他片段不同：可能是另一位说话人、另一支麦克风，或异常的发声",
            )
        )
    if not each.text:
        doubts.append(Sentence("its text is unknown", "没有文本"))
    elif each.text_error is not None and each.text_error > ANOTHER_TEXT:
        doubts.append(_another_text(each.heard_text))
    elif pace is not None:
        doubts.append(pace)
    return tuple(doubts)


def _another_text(heard: str) -> Sentence:
    if not heard:
        return Sentence(
            "its text is not what is said: no words are heard in it",
            "文本与所说不符：其中没有听到任何话语",
        )
    shown = heard if len(heard) <= _LONGEST_HEARD else f"{heard[: _LONGEST_HEARD - 1]}…"
    return Sentence(
        f"its text is not what is said: “{shown}” is heard; correct the text",
        f"文本与所说不符：听到的是“{shown}”；请改正文本",
    )


def is_of_a_head(doubt: Sentence) -> bool:
    """Say whether a doubt is what a head said of a clip, and not what was measured of it."""
    return doubt.en.startswith((_UNSURE, _CONTRADICTED))


def _of_quality(quality: ClipQuality) -> Sequence[Sentence]:
    doubts = []
    if quality.snr_db is not None and quality.snr_db < _NOISY_DB:
        doubts.append(
            Sentence(
                f"noisy: the speech is {quality.snr_db:.0f} dB above its background",
                f"有噪声：语音比背景只高 {quality.snr_db:.0f} dB",
            )
        )
    if quality.level_dbfs is not None and quality.level_dbfs < _QUIET_DBFS:
        doubts.append(
            Sentence(
                f"very quiet ({quality.level_dbfs:.0f} dBFS)",
                f"录音很轻（{quality.level_dbfs:.0f} dBFS）",
            )
        )
    if quality.clipped > _CLIPPED:
        doubts.append(
            Sentence(
                f"clipped: {100 * quality.clipped:.1f} % of the samples are at full scale",
                f"削波：{100 * quality.clipped:.1f} % 的样本达到满刻度",
            )
        )
    return doubts


def _unsure(probabilities: Mapping[str, float]) -> Sentence:
    first, second = sorted(probabilities, key=lambda label: -probabilities[label])[:2]
    return Sentence(
        f"{_UNSURE}{display_name(first)} {percent(probabilities[first])}, "
        f"{display_name(second)} {percent(probabilities[second])}",
        f"模型不确定：{display_name(first, 'zh')} {percent(probabilities[first])}、"
        f"{display_name(second, 'zh')} {percent(probabilities[second])}",
    )


def _contradiction(filed: str, probabilities: Mapping[str, float]) -> list[Sentence]:
    best = max(probabilities, key=lambda label: probabilities[label])
    if filed not in probabilities or best == filed or probabilities[best] < _OTHERWISE_SURE:
        return []
    return [
        Sentence(
            f"{_CONTRADICTED}{display_name(filed)}, but sounds {display_name(best)} "
            f"({percent(probabilities[best])})",
            f"归为“{display_name(filed, 'zh')}”，但听起来是“{display_name(best, 'zh')}”"
            f"（{percent(probabilities[best])}）",
        )
    ]


def units_of(text: str) -> float:
    """Return about how many syllables a text has: its Han, kana and Hangul signs, a third of its letters.

    Examples:
        >>> units_of("你好，世界"), units_of("banana split")
        (4.0, 3.6666666666666665)
    """
    wide = sum(sign.isalnum() and ord(sign) >= 0x1100 for sign in text)
    narrow = sum(sign.isalnum() and ord(sign) < 0x1100 for sign in text)
    return wide + narrow / _LETTERS_PER_SYLLABLE


def text_pace(measured: Sequence[Measured]) -> dict[int, Sentence]:
    """Find texts that are far too long or too short for the speech in their clips.

    Returns:
        Number of the clip -> what is odd.
    """
    paces = {
        number: units_of(each.text) / each.facts.speech_s
        for number, each in enumerate(measured)
        if each.text and each.facts is not None and each.facts.speech_s
    }
    if not paces:
        return {}
    usual = float(np.median(list(paces.values()))) if len(paces) >= _FEWEST_FOR_PACE else None
    return {number: _odd(pace) for number, pace in paces.items() if _is_odd(pace, usual)}


def _is_odd(pace: float, usual: float | None) -> bool:
    slowest, quickest = _SYLLABLES_PER_S
    if not slowest <= pace <= quickest:
        return True
    return usual is not None and usual > 0 and not usual / _UNUSUAL <= pace <= usual * _UNUSUAL


def _odd(pace: float) -> Sentence:
    return Sentence(
        f"the text may be another one: it would be spoken at about {pace:.1f} syllables per second",
        f"文本可能不对应：按此文本语速约为每秒 {pace:.1f} 个音节",
    )
