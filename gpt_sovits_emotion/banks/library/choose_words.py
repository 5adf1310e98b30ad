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
from gpt_sovits_emotion.core.labels import UNSURE, display_name, percent
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
        "emotion": Sentence("it carries the emotion more surely", "情感更明确"),
        "language": Sentence("its language fits better", "语言更合适"),
        "duration": Sentence("its length is better", "时长更合适"),
        "sound": Sentence("it sounds cleaner", "音质更好"),
        "voice": Sentence("it sounds more like the voice", "更像该声音"),
        "variety": Sentence("it was not used lately", "最近没有用过"),
        "text": Sentence("its text is known", "有文本"),
        "intensity": Sentence("its intensity is nearer", "强度更接近"),
        "continuity": Sentence("it is nearer to the clip before", "与上一个片段更相近"),
        "length": Sentence("its text is of a better length", "文本长度更合适"),
    }
)


def label_names(label: str) -> Sentence:
    """Name an emotion of a bank; "" is its default slot."""
    if label == DEFAULT:
        return Sentence("default", "默认")
    return Sentence(display_name(label), display_name(label, "zh"))


def describe(clip: ReferenceClip, context: SelectionContext, *, language: str) -> Sentence:
    """Say what kind of clip it is: emotion, length, language, and what speaks against it.

    Args:
        clip: The clip.
        context: The segment that it is looked at for.
        language: The segment's language, given or guessed; "" when unknown.
    """
    said = [_emotion(clip), _seconds(clip), _language(clip, language)]
    if not clip.text:
        said.append(Sentence("its text is unknown", "没有文本"))
    if clip.path in context.avoid:
        said.append(Sentence("used recently", "最近用过"))
    quality = clip.quality
    if quality is not None and quality.snr_db is not None and quality.snr_db < _NOISY_SNR_DB:
        said.append(
            Sentence(f"noisy ({quality.snr_db:.0f} dB)", f"噪声大（{quality.snr_db:.0f} dB）")
        )
    if clip.consistency is not None and clip.consistency < _FOREIGN:
        said.append(Sentence("sounds unlike the other clips", "与其他片段听起来不同"))
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
        return Sentence(
            f"unsure what was heard{of}: {said.en}", f"不确定原来的情感{of_zh}：{said.zh}"
        )
    carries = table.emotions[pick]
    if query.by_distribution and carries not in (query.wanted, DEFAULT):
        heard = _strongest(query)
        assert heard is not None
        return Sentence(
            f"heard {heard.en}, and this is the clip that most surely carries any of it: {said.en}",
            f"听到的是{beside_chinese(heard.zh)}，此片段最有把握：{said.zh}",
        )
    return said


def alternative(query: Query, emotion: str, described: Sentence) -> Sentence:
    """Say of a clip further down that it is there in case another emotion was meant."""
    share = query.heard.get(emotion, 0.0)
    if emotion == query.wanted or not share:
        return described
    name = label_names(emotion)
    return Sentence(
        f"should it be {name.en} ({percent(share)}): {described.en}",
        f"若其实是“{name.zh}”（{percent(share)}）：{described.zh}",
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
    return Sentence(f"{en}: {en_nearest} ({described.en})", f"{zh}：{zh_nearest}（{described.zh}）")


# --- parts of a description ------------------------------------------------------------------------


def _emotion(clip: ReferenceClip) -> Sentence:
    name = label_names(emotion_of(clip))
    if clip.emotion == DEFAULT:
        return Sentence("the voice's default clip", "默认片段")
    heard = clip.probabilities
    if clip.filed_by != "person" or clip.emotion == UNSURE:
        share = heard.get(emotion_of(clip))
        if share is None:
            return name
        return Sentence(
            f"heard as {name.en} ({percent(share)})", f"听起来是“{name.zh}”（{percent(share)}）"
        )
    if heard and clip.emotion in heard and heard[clip.emotion] < _DISAGREES:
        best = max(heard, key=lambda label: heard[label])
        other = label_names(best)
        return Sentence(
            f"{name.en} (though it is heard as {other.en}, {percent(heard[best])})",
            f"{name.zh}（但听起来像“{other.zh}”，{percent(heard[best])}）",
        )
    return name


def _seconds(clip: ReferenceClip) -> Sentence:
    duration_s = clip.duration_s or 0.0
    return Sentence(f"{duration_s:.1f} s", f"{duration_s:.1f} 秒")


def _language(clip: ReferenceClip, wanted: str) -> Sentence | None:
    if not wanted:
        return None
    if clip.language == wanted:
        return Sentence("same language", "语言相同")
    if clip.language:
        return Sentence(
            f"in {clip.language}, not {wanted}", f"语言为 {clip.language}，不是 {wanted}"
        )
    return Sentence("language unknown", "语言未知")


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
        only = Sentence("the only such clip", "唯一的此类片段")
        return Sentence(f"{described.en}; {only.en}", f"{described.zh}；{only.zh}")
    name = table.clips[other].path.name
    if ranking.score[pick] <= ranking.score[other]:
        return Sentence(f"{described.en}; as good as {name}", f"{described.zh}；与 {name} 不相上下")
    ahead = {
        name: WEIGHTS[name] * float(part[pick] - part[other])
        for name, part in ranking.parts.items()
    }
    ahead["emotion"] = float(ranking.emotion[pick] - ranking.emotion[other])
    because = _BECAUSE[max(ahead, key=lambda part: ahead[part])]
    return Sentence(
        f"{described.en}; before {name}: {because.en}", f"{described.zh}；优于 {name}：{because.zh}"
    )
