"""What a person should know of a clip that can be used all the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gpt_sovits_emotion.banks.building.consistency import DOUBTFUL
from gpt_sovits_emotion.banks.building.measured import Measured
from gpt_sovits_emotion.banks.library.given_texts import ANOTHER_TEXT
from gpt_sovits_emotion.core.labels import UNSURE, percent
from gpt_sovits_emotion.core.messages import of_label, tr
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
            tr(
                "shorter than {min_duration_s:g} s: no emotion was heard",
                min_duration_s=min_duration_s,
            )
        )
    if label == UNSURE and not by_person:
        doubts.append(_unsure(probabilities))
    if by_person and label not in (None, UNSURE, each.source.emotion) and each.source.emotion:
        doubts += _contradiction(each.source.emotion, probabilities)
    if consistency is not None and consistency < DOUBTFUL:
        doubts.append(
            tr(
                "sounds unlike the other clips: another speaker, another microphone, or an unusual voice"
            )
        )
    if not each.text:
        doubts.append(tr("its text is unknown"))
    elif each.text_error is not None and each.text_error > ANOTHER_TEXT:
        doubts.append(_another_text(each.heard_text))
    elif pace is not None:
        doubts.append(pace)
    return tuple(doubts)


def _another_text(heard: str) -> Sentence:
    if not heard:
        return tr("its text is not what is said: no words are heard in it")
    shown = heard if len(heard) <= _LONGEST_HEARD else f"{heard[: _LONGEST_HEARD - 1]}…"
    return tr("its text is not what is said: “{shown}” is heard; correct the text", shown=shown)


def is_of_a_head(doubt: Sentence) -> bool:
    """Say whether a doubt is what a head said of a clip, and not what was measured of it."""
    return doubt.en.startswith((_UNSURE, _CONTRADICTED))


def _of_quality(quality: ClipQuality) -> Sequence[Sentence]:
    doubts = []
    if quality.snr_db is not None and quality.snr_db < _NOISY_DB:
        doubts.append(
            tr("noisy: the speech is {snr_db:.0f} dB above its background", snr_db=quality.snr_db)
        )
    if quality.level_dbfs is not None and quality.level_dbfs < _QUIET_DBFS:
        doubts.append(tr("very quiet ({level_dbfs:.0f} dBFS)", level_dbfs=quality.level_dbfs))
    if quality.clipped > _CLIPPED:
        doubts.append(
            tr(
                "clipped: {clipped:.1f} % of the samples are at full scale",
                clipped=100 * quality.clipped,
            )
        )
    return doubts


def _unsure(probabilities: Mapping[str, float]) -> Sentence:
    first, second = sorted(probabilities, key=lambda label: -probabilities[label])[:2]
    return tr(
        "{unsure}{first} {probabilities}, {second} {probabilities_2}",
        probabilities=percent(probabilities[first]),
        probabilities_2=percent(probabilities[second]),
        first=of_label(first),
        second=of_label(second),
        unsure=_UNSURE,
    )


def _contradiction(filed: str, probabilities: Mapping[str, float]) -> list[Sentence]:
    best = max(probabilities, key=lambda label: probabilities[label])
    if filed not in probabilities or best == filed or probabilities[best] < _OTHERWISE_SURE:
        return []
    return [
        tr(
            "{contradicted}{filed}, but sounds {best} ({probabilities})",
            probabilities=percent(probabilities[best]),
            filed=of_label(filed),
            best=of_label(best),
            contradicted=_CONTRADICTED,
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
    return tr(
        "the text may be another one: it would be spoken at about {pace:.1f} syllables per second",
        pace=pace,
    )
