"""Guards against text that nobody said.

Whisper invents text over silence, noise and music, and falls into loops (Koenecke et al. 2024, "Careless
Whisper"). faster-whisper's own thresholds catch part of it; what comes through shows itself by being
repeated, by being faster than anyone speaks, or by being a phrase of the subtitles it was trained on. A
guard takes text out only when the recogniser itself was unsure of it, when there is no speech under it, or
when it cannot have been spoken: people do repeat themselves, and some do say "thanks for watching".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from gpt_sovits_emotion.core.records import RemovedText, Word
from gpt_sovits_emotion.transcription.heard import Heard, plain_text

__all__ = ["guard", "is_doubtful"]

_UNSURE_LOG_PROBABILITY = -0.8
_UNSURE_NO_SPEECH = 0.6
_UNSURE_WORD = 0.35
_LITTLE_SPEECH = 0.25

_FASTEST_SYLLABIC_PER_S = 16.0
"""Characters of Chinese, Japanese kana or Korean per second; fast Mandarin is about 8 syllables/s."""
_FASTEST_LETTERS_PER_S = 40.0
"""Letters and digits per second; the fastest sports commentary stays under 30."""
_SHORTEST_JUDGED = 8  # characters; shorter texts say little about their rate

_LOOP = re.compile(r"(?P<unit>.{1,60}?)(?P<again>(?:[\s,，、.。!！?？]*(?P=unit)){3,})", re.DOTALL)

_PHANTOMS = (
    # English
    r"thank(s| you)( so much| very much)? for (watching|listening|viewing)",
    r"(please )?(like|subscribe|hit the bell)( and (like|subscribe|share|comment))+",
    r"subscribe to (my|our|the) channel",
    r"do(n't| not) forget to (like|subscribe)",
    r"see you (in the )?next (time|video|one)",
    r"(subtitles?|captions?|transcri(bed|ption)|translat(ed|ion))( (by|from|created))+",
    r"amara ?\.? ?org",
    r"www\.|https?:",
    # Chinese
    r"字幕(由|製作|制作|提供|志愿者|志願者|組|组|by|:|：)",
    r"(点赞|點贊|點讚|订阅|訂閱|转发|轉發|打赏|打賞|关注|投币){2,}",
    r"(请|請)(不吝|大家)?(点赞|點贊|點讚|订阅|訂閱|关注|關注)",
    r"(谢谢|謝謝|感谢|感謝)(大家|您|你|你们|各位)?(的)?(观看|觀看|收看|收聽|收听|聆听)",
    r"明镜与点点|明鏡與點點|优优独播剧场|優優獨播劇場",
    r"(我们|我們)?下(期|次|集)(节目|節目|视频|視頻)?(再见|再見|再会)",
    # German
    r"untertitel(ung)?( im auftrag| von| der| des|:)",
    r"(vielen dank|danke)( fürs| für das| für's) zuschauen",
    r"copyright wdr|zdf(, | )\d{4}|swr \d{4}",
    # Japanese, Korean, French, Spanish
    r"ご視聴ありがとうございました|チャンネル登録",
    r"시청해 ?주셔서 감사합니다|구독과 좋아요",
    r"sous-titr(es|age)|merci d'avoir regardé",
    r"subtítulos (realizados|por)|gracias por ver",
)
_PHANTOM = re.compile("|".join(f"(?:{phrase})" for phrase in _PHANTOMS), re.IGNORECASE)


def is_doubtful(heard: Heard) -> bool:
    """Say whether the recogniser was unsure of a text, or hardly any speech lies under it."""
    if heard.average_log_probability < _UNSURE_LOG_PROBABILITY:
        return True
    if heard.no_speech_probability > _UNSURE_NO_SPEECH:
        return True
    if heard.speech_share is not None and heard.speech_share < _LITTLE_SPEECH:
        return True
    known = [word.probability for word in heard.words if word.probability is not None]
    return bool(known) and sum(known) / len(known) < _UNSURE_WORD


def guard(heard: Sequence[Heard]) -> tuple[list[Heard], list[RemovedText]]:
    """Take out what nobody can have said.

    Returns:
        What is kept, in order; and what was taken out, with the reason.
    """
    kept: list[Heard] = []
    removed: list[RemovedText] = []
    for given in heard:
        one, looped = _without_loop(given)
        removed.extend(looped)
        reason = _reason_to_remove(one, kept)
        if reason is None:
            kept.append(one)
        else:
            removed.append(_removed(one, reason))
    return kept, removed


def _reason_to_remove(one: Heard, kept: Sequence[Heard]) -> str | None:
    text = plain_text(one.text)
    if not text:
        return "no letters or digits in it"
    if one.speech_share == 0.0 and is_doubtful(one):
        return "no speech was detected under it"
    if _is_too_fast(one, text):
        return "more text than can be spoken in its time"
    if is_doubtful(one):
        if _PHANTOM.search(one.text):
            return "a phrase of subtitles that Whisper is known to invent, and it was unsure of it"
        if kept and plain_text(kept[-1].text) == text:
            return "the same text as before it, and Whisper was unsure of it"
    return None


def _is_too_fast(one: Heard, text: str) -> bool:
    if len(text) < _SHORTEST_JUDGED:
        return False
    n_syllabic = sum(_is_syllabic(character) for character in text)
    shortest_s = n_syllabic / _FASTEST_SYLLABIC_PER_S
    shortest_s += (len(text) - n_syllabic) / _FASTEST_LETTERS_PER_S
    return one.duration_s < shortest_s


def _is_syllabic(character: str) -> bool:
    """Say whether a character stands for a syllable: kana, Chinese, Korean."""
    return "぀" <= character <= "ヿ" or "㐀" <= character <= "鿿" or "가" <= character <= "힣"


def _without_loop(one: Heard) -> tuple[Heard, list[RemovedText]]:
    """Cut a text that says the same thing over and over back to saying it once.

    Six times is a loop for a phrase, four when there is doubt; single words and syllables (ha ha ha,
    不不不不) need ten.
    """
    is_suspect = is_doubtful(one) or _is_too_fast(one, plain_text(one.text))
    for match in _LOOP.finditer(one.text):
        unit, again = match["unit"], match["again"]
        n_times = 1 + len(plain_text(again)) // max(len(plain_text(unit)), 1)
        size = len(plain_text(unit))
        if size == 0 or n_times < (10 if size < 4 else 4 if is_suspect else 6):
            continue
        end = match.start("again")
        rest = one.text[match.end("again") :]
        words, dropped = _cut_words(one, end, match.end("again"))
        start_s = dropped[0].start_s if dropped else one.start_s
        end_s = dropped[-1].end_s if dropped else one.end_s
        shorter = replace(one, text=(one.text[:end] + rest).strip(), words=words)
        if words and not rest.strip():
            shorter = replace(shorter, end_s=max(words[-1].end_s, one.start_s))
        reason = f"the same words {n_times} times in a row"
        return shorter, [RemovedText(start_s, end_s, again.strip(), reason)]
    return one, []


def _cut_words(one: Heard, first: int, last: int) -> tuple[tuple[Word, ...], tuple[Word, ...]]:
    """Return the words outside and inside of the characters `first` to `last` of the text."""
    outside: list[Word] = []
    inside: list[Word] = []
    place = 0
    for word in one.words:
        found = one.text.find(word.text.strip(), place)
        place = max(found, place)
        (inside if first <= place < last else outside).append(word)
        place += len(word.text.strip())
    return tuple(outside), tuple(inside)


def _removed(one: Heard, reason: str) -> RemovedText:
    return RemovedText(one.start_s, one.end_s, one.text, reason)


def removed_in(removed: Iterable[RemovedText], duration_s: float) -> tuple[RemovedText, ...]:
    """Return `removed` in order of time, clamped to the recording."""
    clamped = (
        replace(
            one,
            start_s=round(min(max(one.start_s, 0.0), duration_s), 3),
            end_s=round(min(max(one.end_s, 0.0), duration_s), 3),
        )
        for one in removed
    )
    return tuple(sorted(clamped, key=lambda one: (one.start_s, one.end_s)))
