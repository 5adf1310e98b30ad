"""Choose the reference clip for a segment, and say why.

Order of what counts: the emotion; then, within one emotion, the language, the length, variety, and
whether the clip's text is known. A score is ``quality - rank``: quality, 0 to 1, weighs the latter four;
rank is 0 for the wanted emotion and grows by one with each emotion that lies farther away.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from gpt_sovits_emotion.errors import ReferenceBankError
from gpt_sovits_emotion.labels import (
    EMOTIONS,
    UNSURE,
    canonical_label,
    display_name,
    distance,
    is_default_slot,
)
from gpt_sovits_emotion.records import (
    ReferenceBank,
    ReferenceCandidate,
    ReferenceChoice,
    ReferenceClip,
    Sentence,
)
from gpt_sovits_emotion.references.layouts import language_of_text

__all__ = ["choose"]

_DEFAULT = ""
_WEIGHTS = {"language": 0.40, "duration": 0.25, "variety": 0.20, "text": 0.15}
_COMFORTABLE_S = (4.0, 7.0)
_USABLE_S = (3.0, 10.0)
_DEFAULT_SLOT_HANDICAP = 0.1
_NEAR_LANGUAGES = frozenset({frozenset({"zh", "yue"})})


def choose(
    bank: ReferenceBank,
    *,
    wanted: str,
    text: str = "",
    language: str = "",
    scores: Mapping[str, float] | None = None,
    n_candidates: int = 5,
    avoid: Sequence[Path] = (),
    pin: Path | None = None,
    substitute: bool = True,
) -> ReferenceChoice:
    """Rank the bank's clips for one segment and pick the best, or the pinned one.

    A missing emotion is replaced by the nearest on the valence-arousal plane (`labels.distance`), where
    `scores` pull towards what else was heard. The default slot, whose emotion nobody stated, counts as
    slightly worse than neutral. ``unsure`` and labels without a known place get a neutral, else a calm,
    else the default clip.

    Args:
        bank: The voice's clips; those with a problem are never chosen.
        wanted: The emotion to be heard: canonical, an alias, a free label, or ``unsure``.
        text: What will be said; its script tells the language when `language` is "".
        language: Language of what will be said; "" when unknown.
        scores: Probability per label, as tagged; None when a person set `wanted`.
        n_candidates: How many ranked clips to return.
        avoid: Clips used recently, the latest last.
        pin: The clip a person chose.
        substitute: Whether another emotion may stand in.

    Raises:
        ReferenceBankError: No clip can be used, the pinned one cannot, or the emotion is missing and
            `substitute` is False.
    """
    if not bank.usable:
        raise ReferenceBankError(
            f"the voice {bank.voice!r} has no clip that can be used",
            zh=f"声音 {bank.voice!r} 没有可用的片段",
        )
    wanted = _DEFAULT if is_default_slot(wanted) else canonical_label(wanted)
    language = language or language_of_text(text)
    order = _emotions_by_nearness(bank, wanted, scores)
    ranked = sorted(
        (
            _candidate(clip, order.index(clip.emotion), language=language, avoid=avoid)
            for clip in bank.usable
        ),
        key=lambda candidate: (-candidate.score, str(candidate.clip.path)),
    )
    present = order[0] in _accepted(wanted)
    if pin is not None:
        return _pinned(bank, wanted, pin, ranked, n_candidates)
    if not present and not substitute:
        raise _missing(bank, wanted)
    best = ranked[0]
    return ReferenceChoice(
        wanted=wanted,
        candidates=tuple(ranked[: max(n_candidates, 1)]),
        pick=best.clip,
        reason=_granted(wanted, best) if present else _substitution(wanted, best),
        substituted=not present,
    )


# --- emotions --------------------------------------------------------------------------------------


def _accepted(wanted: str) -> tuple[str, ...]:
    """Return the emotions that fulfil the wish, the best first; none of them is a substitution."""
    if wanted == UNSURE:
        return ("neutral", "calm", _DEFAULT)
    return (_DEFAULT, "neutral", "calm") if wanted == _DEFAULT else (wanted,)


def _emotions_by_nearness(
    bank: ReferenceBank, wanted: str, scores: Mapping[str, float] | None
) -> list[str]:
    """Order the emotions of the bank's usable clips from the wanted one outwards."""
    first = _accepted(wanted)
    if wanted == "neutral" or not _has_place(wanted):
        # Where no direction is known, the plainest clip does least harm; by distance alone, sad would
        # lie nearer to neutral than calm does.
        first = (*first, "neutral", "calm", _DEFAULT)

    def key(emotion: str) -> tuple[int, float, str]:
        place = first.index(emotion) if emotion in first else len(first)
        return (place, _expected_distance(emotion, wanted, scores), emotion)

    return sorted({clip.emotion for clip in bank.usable}, key=key)


def _expected_distance(emotion: str, wanted: str, scores: Mapping[str, float] | None) -> float:
    """Return the mean of the distance to `wanted` and that to what was heard, weighted as heard."""
    to_wanted = _distance(emotion, wanted if _has_place(wanted) else "neutral")
    total = sum(scores.values()) if scores else 0.0
    if not scores or total <= 0:
        return to_wanted
    to_heard = sum(share * _distance(emotion, label) for label, share in scores.items()) / total
    return (to_wanted + to_heard) / 2


def _has_place(label: str) -> bool:
    """Say whether a label lies on the valence-arousal plane, so that others can be near it."""
    return label in EMOTIONS and label != "other"


def _distance(emotion: str, other: str) -> float:
    if emotion == _DEFAULT:
        return distance("neutral", canonical_label(other)) + _DEFAULT_SLOT_HANDICAP
    return distance(emotion, canonical_label(other))


# --- one clip --------------------------------------------------------------------------------------


def _candidate(
    clip: ReferenceClip, rank: int, *, language: str, avoid: Sequence[Path]
) -> ReferenceCandidate:
    parts = {
        "language": _language_fit(clip.language, language),
        "duration": _duration_fit(clip.duration_s or 0.0),
        "variety": _variety(clip.path, avoid),
        "text": 1.0 if clip.text else 0.0,
    }
    quality = math.fsum(_WEIGHTS[name] * value for name, value in parts.items())
    return ReferenceCandidate(
        clip, round(quality - rank, 4), _reason(clip, language=language, parts=parts)
    )


def _language_fit(have: str, want: str) -> float:
    if not want or have == want:
        return 1.0
    if not have or frozenset({have, want}) in _NEAR_LANGUAGES:
        return 0.5
    return 0.0


def _duration_fit(duration_s: float) -> float:
    """Return 1 between 4 and 7 s, falling to 0 at the limits of 3 and 10 s.

    Short clips hold too little prosody to copy, long ones wander and cost the host time.
    """
    below = (duration_s - _USABLE_S[0]) / (_COMFORTABLE_S[0] - _USABLE_S[0])
    above = (_USABLE_S[1] - duration_s) / (_USABLE_S[1] - _COMFORTABLE_S[1])
    return min(max(min(below, above), 0.0), 1.0)


def _variety(path: Path, avoid: Sequence[Path]) -> float:
    """Return 1 for a clip not used lately, less the more recently it was used."""
    if path not in avoid:
        return 1.0
    uses_since = list(reversed(avoid)).index(path)
    return 1.0 - 1.0 / (1.0 + uses_since)


def _reason(clip: ReferenceClip, *, language: str, parts: Mapping[str, float]) -> Sentence:
    en = [
        display_name(clip.emotion) or "the voice's default clip",
        f"{clip.duration_s or 0.0:.1f} s",
    ]
    zh = [display_name(clip.emotion, "zh") or "默认片段", f"{clip.duration_s or 0.0:.1f} 秒"]
    if language and clip.language == language:
        en.append("same language")
        zh.append("语言相同")
    elif language and clip.language:
        en.append(f"in {clip.language}, not {language}")
        zh.append(f"语言为 {clip.language}，不是 {language}")
    elif language:
        en.append("language unknown")
        zh.append("语言未知")
    if not clip.text:
        en.append("its text is unknown")
        zh.append("没有文本")
    if parts["variety"] < 1.0:
        en.append("used recently")
        zh.append("最近用过")
    return Sentence(", ".join(en), "，".join(zh))


# --- the choice ------------------------------------------------------------------------------------


def _granted(wanted: str, best: ReferenceCandidate) -> Sentence:
    if wanted != UNSURE:
        return best.reason
    return Sentence(
        f"unsure what was heard: {best.reason.en}", f"不确定原来的情感：{best.reason.zh}"
    )


def _substitution(wanted: str, best: ReferenceCandidate) -> Sentence:
    stand_in = best.clip.emotion
    if wanted in (UNSURE, _DEFAULT):
        en, zh = "no clip is neutral", "没有中立的片段"
    else:
        en = f"no clip is {display_name(wanted)}"
        zh = f"没有“{display_name(wanted, 'zh')}”的片段"
    if stand_in == _DEFAULT:
        en_nearest, zh_nearest = "the default clip stands in", "用默认片段代替"
    elif not _has_place(wanted) or not _has_place(stand_in):
        en_nearest = f"{display_name(stand_in)} stands in"
        zh_nearest = f"用“{display_name(stand_in, 'zh')}”代替"
    else:
        en_nearest = f"{display_name(stand_in)} is nearest"
        zh_nearest = f"最接近的是“{display_name(stand_in, 'zh')}”"
    return Sentence(
        f"{en}: {en_nearest} ({best.reason.en})", f"{zh}：{zh_nearest}（{best.reason.zh}）"
    )


def _pinned(
    bank: ReferenceBank,
    wanted: str,
    pin: Path,
    ranked: Sequence[ReferenceCandidate],
    n_candidates: int,
) -> ReferenceChoice:
    for candidate in ranked:
        if candidate.clip.path == pin:
            break
    else:
        held = next((clip for clip in bank.clips if clip.path == pin), None)
        why = held.problem if held else None
        why = why or Sentence(f"it is not in the bank {bank.root}", f"它不在音库 {bank.root} 中")
        raise ReferenceBankError(
            f"the clip {pin} chosen by hand cannot be used: {why.en}; choose another",
            zh=f"手动选择的片段 {pin} 无法使用：{why.zh}；请另选一个",
        )
    others = [other for other in ranked[: max(n_candidates, 1)] if other is not candidate]
    shown = sorted([candidate, *others][: max(n_candidates, 1)], key=lambda one: ranked.index(one))
    return ReferenceChoice(
        wanted=wanted,
        candidates=tuple(shown),
        pick=candidate.clip,
        reason=Sentence(
            f"chosen by hand ({candidate.reason.en})", f"手动选择（{candidate.reason.zh}）"
        ),
        manual=True,
    )


def _missing(bank: ReferenceBank, wanted: str) -> ReferenceBankError:
    has = sorted({clip.emotion or "default" for clip in bank.usable})
    name = "neutral" if wanted in (UNSURE, _DEFAULT) else wanted
    return ReferenceBankError(
        f"the voice {bank.voice!r} has no usable clip that is {name}; it has {', '.join(has)}: "
        "add a clip, choose one by hand, or allow another emotion to stand in",
        zh=f"声音 {bank.voice!r} 没有可用的“{display_name(name, 'zh')}”片段；"
        f"现有：{'、'.join(display_name(label, 'zh') for label in has)}："
        "请加入片段、手动选择一个，或允许用其他情感代替",
    )
