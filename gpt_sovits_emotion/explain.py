"""Say in words what is audibly different about a segment: faster, higher, louder than usual.

Every statement is a measured difference of a `Prosody` from a baseline, in a unit, above the size that
people notice; nothing is inferred from the label.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from gpt_sovits_emotion.core.labels import UNSURE, display_name, percent
from gpt_sovits_emotion.core.messages import in_both, tr
from gpt_sovits_emotion.core.records import Cue, Prosody, Sentence

__all__ = [
    "Usual",
    "cues_of",
    "percent",
    "reason_sentence",
    "usual_of_speaker",
    "usual_of_training",
]

MIN_SEGMENTS_FOR_USUAL = 4
"""From so many segments on, their medians are taken for the speaker's usual."""

MAX_CUES = 3


@dataclass(frozen=True, slots=True)
class Usual:
    """What a segment is compared with. None stands where there is nothing to compare with.

    Attributes:
        source: ``speaker`` or ``training``.
        rate_syl_per_s, f0_median_hz, f0_range_st, loudness_dbfs: Medians, as in `Prosody`.
    """

    source: str
    rate_syl_per_s: float | None = None
    f0_median_hz: float | None = None
    f0_range_st: float | None = None
    loudness_dbfs: float | None = None


@dataclass(frozen=True, slots=True)
class _Dimension:
    """One dimension of prosody: how it is compared, when it counts, how it is said."""

    name: str
    field: str
    unit: str
    difference: Callable[[float, float], float]
    notable: float
    say: Callable[[float], tuple[str, str]]


def _more(difference: float, more: tuple[str, str], less: tuple[str, str]) -> tuple[str, str]:
    return more if difference > 0 else less


def _say_rate(percent: float) -> tuple[str, str]:
    size = f"{abs(percent):.0f} %"
    return _more(percent, (f"{size} faster", f"快 {size}"), (f"{size} slower", f"慢 {size}"))


def _say_pitch(semitones: float) -> tuple[str, str]:
    size = f"{abs(semitones):.0f}" if abs(semitones) >= 2 else f"{abs(semitones):.1f}"
    unit = "semitone" if size == "1.0" else "semitones"
    return _more(
        semitones,
        (f"{size} {unit} higher", f"音高高 {size} 个半音"),
        (f"{size} {unit} lower", f"音高低 {size} 个半音"),
    )


def _say_range(semitones: float) -> tuple[str, str]:
    return _more(semitones, ("livelier in pitch", "语调起伏更大"), ("flatter in pitch", "语调更平"))


def _say_loudness(decibels: float) -> tuple[str, str]:
    size = f"{abs(decibels):.0f} dB"
    return _more(decibels, (f"{size} louder", f"更响 {size}"), (f"{size} softer", f"更轻 {size}"))


# What counts as notable lies above the just noticeable differences of speech: 5 % for tempo (Quené 2007),
# about 1 semitone for pitch movement ('t Hart 1981 names 1.5 to 2 for level), 1 dB for level, and above
# the spread that the measurement itself has from one neutral sentence to the next.
_DIMENSIONS = (
    _Dimension(
        "rate", "rate_syl_per_s", "%", lambda x, usual: 100 * (x / usual - 1), 10.0, _say_rate
    ),
    _Dimension(
        "pitch", "f0_median_hz", "st", lambda x, usual: 12 * math.log2(x / usual), 1.5, _say_pitch
    ),
    _Dimension("pitch_range", "f0_range_st", "st", lambda x, usual: x - usual, 2.5, _say_range),
    _Dimension("loudness", "loudness_dbfs", "dB", lambda x, usual: x - usual, 2.5, _say_loudness),
)


def usual_of_speaker(prosodies: Iterable[Prosody | None]) -> Usual | None:
    """Return the medians over one speaker's segments; None when there are fewer than four."""
    known = [prosody for prosody in prosodies if prosody is not None]
    if len(known) < MIN_SEGMENTS_FOR_USUAL:
        return None

    def median(field: str) -> float | None:
        values = [value for prosody in known if (value := getattr(prosody, field)) is not None]
        return statistics.median(values) if len(values) >= MIN_SEGMENTS_FOR_USUAL else None

    return Usual("speaker", *(median(d.field) for d in _DIMENSIONS))


def usual_of_training(baseline: Mapping[str, float]) -> Usual:
    """Return what a head's training speakers do, for a speaker of whom nothing else is known.

    Pitch and loudness are left out: a stranger's are high or loud for reasons of their own.
    """
    return Usual(
        "training",
        rate_syl_per_s=baseline.get("rate_syl_per_s"),
        f0_range_st=baseline.get("f0_range_st"),
    )


def cues_of(prosody: Prosody | None, usual: Usual) -> tuple[Cue, ...]:
    """Return the notable differences of a segment from `usual`, the most striking first, at most three."""
    if prosody is None:
        return ()
    found: list[tuple[float, Cue]] = []
    for dimension in _DIMENSIONS:
        value, reference = getattr(prosody, dimension.field), getattr(usual, dimension.field)
        if (
            value is None
            or reference is None
            or (dimension.unit != "dB" and min(value, reference) <= 0)
        ):
            continue
        difference = dimension.difference(value, reference)
        strength = abs(difference) / dimension.notable
        if strength >= 1:
            cue = Cue(dimension.name, round(difference, 2), dimension.unit, usual.source)
            found.append((strength, cue))
    found.sort(key=lambda pair: -pair[0])
    return tuple(cue for _, cue in found[:MAX_CUES])


def reason_sentence(
    probabilities: Mapping[str, float], label: str, cues: Sequence[Cue], *, baseline: str
) -> Sentence:
    """Return label, probability and cues as one sentence.

    Args:
        probabilities: Label -> probability.
        label: The verdict; ``unsure`` shows the two likeliest labels.
        cues: What differs, strongest first.
        baseline: ``speaker`` or ``training``: what was compared with, also when nothing differs.

    Examples:
        >>> cues = [Cue("rate", 18.0, "%", "speaker"), Cue("pitch", 4.2, "st", "speaker")]
        >>> sentence = reason_sentence({"angry": 0.87, "sad": 0.13}, "angry", cues, baseline="speaker")
        >>> sentence.en
        "angry 87 %: 18 % faster and 4 semitones higher than this speaker's median"
        >>> sentence.zh
        '愤怒 87 %：比平时快 18 %，音高高 4 个半音'
    """
    ranked = sorted(probabilities, key=lambda name: -probabilities[name])
    if label == UNSURE:
        en = f"unsure ({_with_share(ranked[:2], probabilities, 'en', ', ')})"
        zh = f"不确定（{_with_share(ranked[:2], probabilities, 'zh', '，')}）"
    else:
        en = _with_share([label], probabilities, "en", "")
        zh = _with_share([label], probabilities, "zh", "")
    said = [next(d for d in _DIMENSIONS if d.name == cue.name).say(cue.difference) for cue in cues]
    than = (
        ("this speaker's median", "平时")
        if baseline == "speaker"
        else (
            "the median of the training speakers",
            "训练说话人的中位数",
        )
    )
    if not said:
        return Sentence(
            f"{en}: tempo, pitch and loudness are near {than[0]}"
            if baseline == "speaker"
            else f"{en}: tempo and pitch range are near {than[0]}",
            f"{zh}：语速、音高、响度与{than[1]}相近"
            if baseline == "speaker"
            else f"{zh}：语速、语调起伏与{than[1]}相近",
        )
    return tr(
        "{said}: {enumerate} than {than}",
        said=in_both(en, zh),
        enumerate=in_both(_enumerate([words[0] for words in said]), than[1]),
        than=in_both(than[0], "，".join(words[1] for words in said)),
    )


def _with_share(
    names: Sequence[str], probabilities: Mapping[str, float], language: str, separator: str
) -> str:
    return separator.join(
        f"{display_name(name, language)} {percent(probabilities[name])}" for name in names
    )


def _enumerate(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
