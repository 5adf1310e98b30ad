"""Why a clip was chosen, in one line, in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from gpt_sovits_emotion.banks.library.choose_query import DEFAULT, Query, has_place
from gpt_sovits_emotion.banks.library.ranking import (
    WEIGHTS,
    BankTable,
    Ranking,
    SelectionContext,
    emotion_of,
)
from gpt_sovits_emotion.core.counting import beside_chinese
from gpt_sovits_emotion.core.labels import UNSURE, percent
from gpt_sovits_emotion.core.messages import in_both, of_label, tr
from gpt_sovits_emotion.core.records import ReferenceClip, Sentence

__all__ = [
    "alternative",
    "describe",
    "granted",
    "label_names",
    "substitution",
]

_NOISY_SNR_DB = 12.0
_FOREIGN = 0.5
"""A consistency below this is worth telling."""
_DISAGREES = 0.2
"""A head that gives less than this to what a person filed a clip under disagrees."""

_BECAUSE: Mapping[str, Sentence] = MappingProxyType(
    {
        "emotion": tr("it carries the emotion more surely"),
        "language": tr("its language fits better"),
        "duration": tr("its length is better"),
        "sound": tr("it sounds cleaner"),
        "voice": tr("it sounds more like the voice"),
        "variety": tr("it was not used lately"),
        "text": tr("its text is known"),
        "intensity": tr("its intensity is nearer"),
        "continuity": tr("it is nearer to the clip before"),
        "length": tr("its text is of a better length"),
    }
)


def label_names(label: str) -> Sentence:
    """Name an emotion of a bank; "" is its default slot."""
    if label == DEFAULT:
        return tr("default")
    return of_label(label)


def describe(clip: ReferenceClip, context: SelectionContext, *, language: str) -> Sentence:
    """Say what kind of clip it is: emotion, length, language, and what speaks against it.

    Args:
        clip: The clip.
        context: The segment that it is looked at for.
        language: The segment's language, given or guessed; "" when unknown.
    """
    said = [_emotion(clip), _seconds(clip), _language(clip, language)]
    if not clip.text:
        said.append(tr("its text is unknown"))
    if clip.path in context.avoid:
        said.append(tr("used recently"))
    quality = clip.quality
    if quality is not None and quality.snr_db is not None and quality.snr_db < _NOISY_SNR_DB:
        said.append(tr("noisy ({snr_db:.0f} dB)", snr_db=quality.snr_db))
    if clip.consistency is not None and clip.consistency < _FOREIGN:
        said.append(tr("sounds unlike the other clips"))
    if clip.doubts:
        more = len(clip.doubts) - 1
        first = clip.doubts[0]
        said.append(
            Sentence(
                f"doubtful: {first.en.rstrip('.')}" + (f" (and {more} more)" if more else ""),
                f"存疑：{first.zh.rstrip('。')}" + (f"（另有 {more} 条）" if more else ""),
            )
        )
    present = [one for one in said if one is not None]
    return Sentence(", ".join(one.en for one in present), "，".join(one.zh for one in present))


def granted(
    query: Query, table: BankTable, ranking: Ranking, pick: int, described: Sentence
) -> Sentence:
    """Say why a clip was picked that carries what was wanted, and what put it before the next one."""
    said = _with_decider(table, ranking, pick, described)
    if query.wanted == UNSURE:
        heard = _strongest(query)
        of, of_zh = (f" ({heard.en})", f"（{heard.zh}）") if heard else ("", "")
        return tr("unsure what was heard{of}: {said}", said=said, of=in_both(of, of_zh))
    carries = table.emotions[pick]
    if query.by_distribution and carries not in (query.wanted, DEFAULT):
        heard = _strongest(query)
        assert heard is not None
        return tr(
            "heard {heard}, and this is the clip that most surely carries any of it: {said}",
            said=said,
            heard=in_both(heard.en, beside_chinese(heard.zh)),
        )
    return said


def alternative(query: Query, emotion: str, described: Sentence) -> Sentence:
    """Say of a clip further down that it is there in case another emotion was meant."""
    share = query.heard.get(emotion, 0.0)
    if emotion == query.wanted or not share:
        return described
    name = label_names(emotion)
    return tr(
        "should it be {name} ({share}): {described}",
        name=name,
        share=percent(share),
        described=described,
    )


def substitution(query: Query, stand_in: str, described: Sentence) -> Sentence:
    """Say which emotion stands in for one that the bank does not have."""
    if query.wanted in (UNSURE, DEFAULT):
        en, zh = "no clip is neutral", "没有中立的片段"
    else:
        name = label_names(query.wanted)
        en, zh = f"no clip is {name.en}", f"没有“{name.zh}”的片段"
    other = label_names(stand_in)
    if stand_in == DEFAULT:
        en_nearest, zh_nearest = "the default clip stands in", "用默认片段代替"
    elif not has_place(query.wanted) or not has_place(stand_in):
        en_nearest, zh_nearest = f"{other.en} stands in", f"用“{other.zh}”代替"
    else:
        en_nearest, zh_nearest = f"{other.en} is nearest", f"最接近的是“{other.zh}”"
    return tr(
        "{said}: {en_nearest} ({described})",
        described=described,
        said=in_both(en, zh),
        en_nearest=in_both(en_nearest, zh_nearest),
    )


# --- parts of a description ------------------------------------------------------------------------


def _emotion(clip: ReferenceClip) -> Sentence:
    name = label_names(emotion_of(clip))
    if clip.emotion == DEFAULT:
        return tr("the voice's default clip")
    heard = clip.probabilities
    if clip.filed_by != "person" or clip.emotion == UNSURE:
        share = heard.get(emotion_of(clip))
        if share is None:
            return name
        return tr("heard as {name} ({share})", name=name, share=percent(share))
    if heard and clip.emotion in heard and heard[clip.emotion] < _DISAGREES:
        best = max(heard, key=lambda label: heard[label])
        other = label_names(best)
        return tr(
            "{name} (though it is heard as {other}, {heard})",
            name=name,
            other=other,
            heard=percent(heard[best]),
        )
    return name


def _seconds(clip: ReferenceClip) -> Sentence:
    duration_s = clip.duration_s or 0.0
    return tr("{duration_s:.1f} s", duration_s=duration_s)


def _language(clip: ReferenceClip, wanted: str) -> Sentence | None:
    if not wanted:
        return None
    if clip.language == wanted:
        return tr("same language")
    if clip.language:
        return tr("in {language}, not {wanted}", language=clip.language, wanted=wanted)
    return tr("language unknown")


def _strongest(query: Query) -> Sentence | None:
    """Name the two strongest emotions of what was heard; None when it is not known."""
    if not query.heard:
        return None
    two = sorted(query.heard, key=lambda label: -query.heard[label])[:2]
    named = [(label_names(label), percent(query.heard[label])) for label in two]
    return Sentence(
        ", ".join(f"{name.en} {share}" for name, share in named),
        "，".join(f"{name.zh} {share}" for name, share in named),
    )


def _with_decider(table: BankTable, ranking: Ranking, pick: int, described: Sentence) -> Sentence:
    """Add by what the picked clip is ahead of the next one, where it is ahead."""
    others = [int(place) for place in ranking.order[:2] if place != pick]
    if not others or len(table.clips) == 1:
        return described
    other, emotion = others[0], table.emotions[pick]
    if table.emotions.count(emotion) == 1:
        only = tr("the only such clip")
        return tr("{described}; {only}", described=described, only=only)
    name = table.clips[other].path.name
    if ranking.score[pick] <= ranking.score[other]:
        return tr("{described}; as good as {name}", described=described, name=name)
    ahead = {
        name: WEIGHTS[name] * float(part[pick] - part[other])
        for name, part in ranking.parts.items()
    }
    ahead["emotion"] = float(ranking.emotion[pick] - ranking.emotion[other])
    because = _BECAUSE[max(ahead, key=lambda part: ahead[part])]
    return tr(
        "{described}; before {name}: {because}", described=described, name=name, because=because
    )
