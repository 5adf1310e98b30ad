"""The choice of a reference clip, for one segment and for a whole transcript."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path

import pytest
from bilingual import check_says_the_same
from hypothesis import given
from hypothesis import strategies as st

from gpt_sovits_emotion.banks import ChoiceOptions, choose, choose_all
from gpt_sovits_emotion.banks.library.choose_all import intensities
from gpt_sovits_emotion.banks.library.ranking import MOST_FITNESS, spoken_length
from gpt_sovits_emotion.core.errors import ReferenceBankError
from gpt_sovits_emotion.core.labels import EMOTIONS, UNSURE
from gpt_sovits_emotion.core.records import (
    ClipQuality,
    EmotionScores,
    Prosody,
    RecordingInfo,
    ReferenceBank,
    ReferenceChoice,
    ReferenceClip,
    Segment,
    Sentence,
    TaggedSegment,
    TaggedTranscript,
)


def clip(emotion: str, name: str = "a", **changes: object) -> ReferenceClip:
    fields: dict = {"text": "hello", "language": "en", "duration_s": 5.0}
    return ReferenceClip(Path(f"/bank/{emotion}/{name}.wav"), emotion, **{**fields, **changes})


def heard(name: str, threshold: float = 0.5, **shares: float) -> ReferenceClip:
    """A clip that a head filed: under its likeliest emotion, or under none when unsure."""
    best = max(shares, key=lambda label: shares[label])
    emotion = best if shares[best] >= threshold else UNSURE
    made = clip(emotion, name, filed_by="head", probabilities=shares)
    return replace(made, path=Path(f"/bank/{name}.wav"))


def bank_of(*clips: ReferenceClip, **changes: object) -> ReferenceBank:
    return replace(ReferenceBank("someone", Path("/bank"), "folders", clips), **changes)


def names(choice: ReferenceChoice) -> list[str]:
    return [candidate.clip.path.stem for candidate in choice.candidates]


# --- what a person filed -----------------------------------------------------------------------------


def test_the_same_emotion_comes_first_then_language_length_and_text():
    bank = bank_of(
        clip("angry", "best"),
        clip("angry", "chinese", language="zh"),
        clip("angry", "long", duration_s=9.8),
        clip("angry", "mute", text=""),
        clip("fearful", "other"),
    )
    choice = choose(bank, wanted="生气", language="en")
    assert choice.wanted == "angry"
    assert not choice.substituted
    assert choice.pick.path.stem == "best"
    assert names(choice) == ["best", "mute", "long", "chinese", "other"]
    scores = [candidate.score for candidate in choice.candidates]
    assert scores == sorted(scores, reverse=True)
    assert choice.reason == Sentence(
        "angry, 5.0 s, same language; before mute.wav: its text is known",
        "愤怒，5.0 秒，语言相同；优于 mute.wav：有文本",
    )
    assert choice.candidates[3].reason.en == "angry, 5.0 s, in zh, not en"


def test_the_language_is_told_by_the_text_when_it_is_not_given():
    bank = bank_of(clip("sad", "en"), clip("sad", "zh", language="zh"))
    assert choose(bank, wanted="sad", text="我很想你").pick.path.stem == "zh"
    assert choose(bank, wanted="sad", text="I miss you").pick.path.stem == "en"


def test_recently_used_clips_step_back():
    bank = bank_of(clip("sad", "a"), clip("sad", "b"), clip("sad", "c"))
    used: list[Path] = []
    for _ in range(6):
        used.append(choose(bank, wanted="sad", avoid=used).pick.path)
    assert [path.stem for path in used] == ["a", "b", "c", "a", "b", "c"]


@pytest.mark.parametrize(
    ("wanted", "has", "picked"),
    [
        ("fearful", ("happy", "angry", "neutral"), "angry"),
        ("sad", ("happy", "bored", "angry"), "bored"),
        ("calm", ("angry", "neutral"), "neutral"),
        ("neutral", ("sad", "calm", ""), "calm"),
        ("happy", ("sad", ""), ""),
        ("fearful", ("angry", ""), "angry"),
        ("傲娇", ("angry", "neutral"), "neutral"),
        ("other", ("sad", "calm"), "calm"),
    ],
)
def test_a_missing_emotion_is_replaced_by_the_nearest(wanted, has, picked):
    bank = bank_of(*(clip(emotion) for emotion in has))
    choice = choose(bank, wanted=wanted)
    assert choice.pick.emotion == picked
    assert choice.substituted


def test_a_substitution_is_said_in_both_languages():
    choice = choose(bank_of(clip("angry"), clip("sad")), wanted="fearful", language="en")
    assert choice.reason.en == "no clip is fearful: angry is nearest (angry, 5.0 s, same language)"
    assert choice.reason.zh.startswith("没有“恐惧”的片段：最接近的是“愤怒”")
    free = choose(bank_of(clip("neutral")), wanted="傲娇")
    assert free.reason.en.startswith("no clip is 傲娇: neutral stands in")


def test_what_else_was_heard_pulls_the_substitution():
    bank = bank_of(clip("sad"), clip("happy"))
    assert choose(bank, wanted="neutral").pick.emotion == "sad"
    heard = {"neutral": 0.45, "happy": 0.40, "angry": 0.15}
    assert choose(bank, wanted="neutral", scores=heard).pick.emotion == "happy"


def test_substitution_can_be_refused():
    bank = bank_of(clip("angry"), clip("", "default"))
    with pytest.raises(
        ReferenceBankError, match="no usable clip that is sad; it has angry, default: add"
    ) as caught:
        choose(bank, wanted="sad", substitute=False)
    assert "没有可用的“难过”片段" in caught.value.say("zh")
    assert choose(bank, wanted="angry", substitute=False).pick.emotion == "angry"
    assert choose(bank, wanted=UNSURE, substitute=False).pick.emotion == ""


@pytest.mark.parametrize(
    ("has", "picked"),
    [
        (("angry", "calm", "", "neutral"), "neutral"),
        (("angry", "calm", ""), "calm"),
        (("angry", ""), ""),
        (("angry", "sad"), "sad"),
    ],
)
def test_unsure_gets_a_neutral_calm_or_default_clip(has, picked):
    choice = choose(bank_of(*(clip(emotion) for emotion in has)), wanted=UNSURE)
    assert choice.pick.emotion == picked
    assert choice.substituted == (picked == "sad")


def test_a_persons_choice_is_honoured():
    bank = bank_of(*(clip("sad", name) for name in "abcdefgh"), clip("angry", "mine"))
    pin = Path("/bank/angry/mine.wav")
    choice = choose(bank, wanted="sad", pin=pin, n_candidates=3)
    assert choice.pick.path == pin
    assert choice.manual
    assert len(choice.candidates) == 3
    assert choice.pick in [candidate.clip for candidate in choice.candidates]
    assert choice.reason.en.startswith("chosen by hand")


def test_a_pin_that_cannot_be_used_is_refused():
    short = clip("sad", "short", problem=Sentence("too short: 1.00 s", "太短：1.00 秒"))
    bank = bank_of(clip("sad"), short)
    with pytest.raises(ReferenceBankError, match=r"too short: 1\.00 s; choose another") as caught:
        choose(bank, wanted="sad", pin=short.path)
    check_says_the_same(caught.value)
    with pytest.raises(ReferenceBankError, match="it is not in the bank") as caught:
        choose(bank, wanted="sad", pin=Path("/elsewhere.wav"))
    check_says_the_same(caught.value)


_labels = st.sampled_from([*EMOTIONS, "", "傲娇", "excited"])
_clips = st.lists(
    st.builds(
        clip,
        _labels,
        st.text("abc", min_size=1, max_size=4),
        language=st.sampled_from(["", "en", "zh", "yue"]),
        duration_s=st.floats(3.0, 10.0),
        text=st.sampled_from(["", "x"]),
        problem=st.sampled_from([None, None, Sentence("broken", "坏")]),
    ),
    min_size=1,
    max_size=12,
    unique_by=lambda one: one.path,
)


@given(
    clips=_clips,
    wanted=st.one_of(_labels, st.just(UNSURE)),
    language=st.sampled_from(["", "en", "zh"]),
    n_candidates=st.integers(1, 6),
    heard=st.one_of(st.none(), st.dictionaries(_labels, st.floats(0, 1))),
    n_avoided=st.integers(0, 12),
)
def test_any_choice_is_sound(clips, wanted, language, n_candidates, heard, n_avoided):
    bank = bank_of(*clips)
    if not bank.usable:
        with pytest.raises(ReferenceBankError):
            choose(bank, wanted=wanted)
        return
    choice = choose(
        bank,
        wanted=wanted,
        language=language,
        scores=heard,
        n_candidates=n_candidates,
        avoid=[one.path for one in clips[:n_avoided]],
    )
    shown = [candidate.clip for candidate in choice.candidates]
    scores = [candidate.score for candidate in choice.candidates]
    assert choice.pick == shown[0]
    assert len(set(map(id, shown))) == len(shown)
    assert all(one.problem is None for one in shown)
    assert len(shown) == min(n_candidates, len(bank.usable))
    assert scores[0] == max(scores)
    assert all(math.isfinite(score) for score in scores)
    assert choice.reason.en
    assert choice.reason.zh
    has = {one.emotion for one in bank.usable}
    if wanted in has:
        assert choice.pick.emotion == wanted
        assert not choice.substituted
    assert ReferenceChoice.from_dict(choice.to_dict()) == choice


# --- what a head filed -------------------------------------------------------------------------------


def test_the_surest_clip_of_what_was_heard_comes_first():
    bank = bank_of(
        heard("weak", angry=0.55, fearful=0.45),
        heard("sure", angry=0.95, fearful=0.05),
        heard("fear", angry=0.1, fearful=0.9),
    )
    choice = choose(bank, wanted="angry", scores={"angry": 0.7, "fearful": 0.3})
    assert choice.pick.path.stem == "sure"
    assert choice.reason.en.startswith("heard as angry (95 %), 5.0 s; before ")
    assert choice.reason.en.endswith("it carries the emotion more surely")
    assert choice.reason.zh.startswith("听起来是“愤怒”（95 %）")


def test_the_whole_distribution_counts_and_not_the_top_label():
    bank = bank_of(heard("angry", angry=0.52, happy=0.48), heard("happy", happy=0.98, angry=0.02))
    scores = {"angry": 0.42, "happy": 0.40, "sad": 0.18}
    unsure = choose(bank, wanted=UNSURE, scores=scores)
    assert unsure.pick.path.stem == "angry"  # it carries nothing but what was heard, in both ways
    bank = bank_of(heard("angry", angry=0.40, sad=0.30, bored=0.30), bank.clips[1])
    choice = choose(bank, wanted=UNSURE, scores=scores)
    assert choice.pick.path.stem == "happy"
    assert choice.reason.en.startswith(
        "unsure what was heard (angry 42 %, happy 40 %): heard as happy"
    )
    assert choice.reason.zh.startswith("不确定原来的情感（愤怒 42 %，开心 40 %）：")
    assert not choice.substituted
    certain = choose(bank, wanted="angry", scores={"angry": 0.62, "happy": 0.30, "sad": 0.08})
    assert certain.pick.path.stem == "angry"


def test_a_surer_clip_of_the_second_emotion_is_picked_with_a_reason():
    bank = bank_of(
        heard("angry", 0.3, angry=0.35, bored=0.33, sad=0.32),
        heard("happy", happy=0.99, angry=0.01),
    )
    choice = choose(bank, wanted="angry", scores={"angry": 0.5, "happy": 0.48, "sad": 0.02})
    assert choice.pick.path.stem == "happy"
    assert choice.reason.en.startswith(
        "heard angry 50 %, happy 48 %, and this is the clip that most"
    )
    assert choice.reason.zh.startswith("听到的是愤怒 50 %，开心 48 %，此片段最有把握")


def test_the_first_three_cover_what_was_heard():
    bank = bank_of(
        *(heard(f"angry{i}", angry=0.97, sad=0.03) for i in range(5)),
        heard("happy", happy=0.95, sad=0.05),
        heard("sad", sad=0.9, happy=0.1),
        heard("calm", calm=1.0),
    )
    scores = {"angry": 0.45, "happy": 0.33, "sad": 0.22}
    choice = choose(bank, wanted=UNSURE, scores=scores)
    assert names(choice) == ["angry0", "happy", "sad", "angry1", "angry2"]
    assert choice.candidates[1].reason.en.startswith("should it be happy (33 %): heard as happy")
    assert choice.candidates[1].reason.zh.startswith("若其实是“开心”（33 %）：")
    by_hand = choose(bank, wanted="angry")
    assert names(by_hand)[:5] == [f"angry{i}" for i in range(5)]


def test_a_persons_filing_counts_as_near_certain():
    filed = clip("angry", "filed", probabilities={"angry": 0.05, "sad": 0.95})
    bank = bank_of(filed, heard("heard", angry=0.80, sad=0.20))
    choice = choose(bank, wanted="angry", scores={"angry": 0.9, "sad": 0.1})
    assert choice.pick.path.stem == "filed"
    assert "angry (though it is heard as sad, 95 %)" in choice.reason.en
    assert "愤怒（但听起来像“难过”，95 %）" in choice.reason.zh


def test_an_unsure_clip_counts_as_what_was_heard_in_it():
    bank = bank_of(heard("half", 0.9, sad=0.6, bored=0.4), heard("sure", angry=0.9, sad=0.1))
    choice = choose(bank, wanted="sad", substitute=False)
    assert choice.pick.path.stem == "half"
    assert choice.reason.en.startswith("heard as sad (60 %)")


def test_a_bank_in_which_nobody_stated_anything_is_chosen_from():
    bank = bank_of(clip(UNSURE, "a", filed_by="head"))
    assert choose(bank, wanted="sad").substituted
    assert choose(bank, wanted=UNSURE).pick.path.stem == "a"


def test_a_default_clip_that_was_listened_to_is_no_longer_anything():
    slots = [clip("", "sad", probabilities={"sad": 0.95, "happy": 0.05}), clip("", "unknown")]
    choice = choose(bank_of(*slots), wanted="sad")
    assert choice.pick.path.stem == "sad"
    assert choice.substituted  # nobody said so


def test_labels_are_brought_to_one_form_before_they_are_compared():
    bank = bank_of(heard("a", happiness=0.9, anger=0.1), heard("b", anger=0.9, happiness=0.1))
    assert choose(bank, wanted="愤怒", scores={"anger": 0.8, "开心": 0.2}).pick.path.stem == "b"


# --- the rest of a clip ------------------------------------------------------------------------------


def quality(**changes: object) -> ClipQuality:
    fields: dict = {"level_dbfs": -20.0, "snr_db": 30.0, "clipped": 0.0, "rate_syl_per_s": 4.0}
    return ClipQuality(**{**fields, "f0_median_hz": 200.0, **changes})


@pytest.mark.parametrize(
    ("worse", "said", "because"),
    [
        ({"quality": quality(snr_db=6.0)}, "noisy (6 dB)", "it sounds cleaner"),
        ({"quality": quality(clipped=0.02)}, "", "it sounds cleaner"),
        ({"doubts": (Sentence("A cough.", "有咳嗽。"),)}, "doubtful: A cough", "it sounds cleaner"),
        ({"consistency": 0.1}, "sounds unlike the other clips", "it sounds more like the voice"),
        ({"intensity": 0.9}, "", "its intensity is nearer"),
        ({"quality": quality(f0_median_hz=320.0)}, "", "it is nearer to the clip before"),
        ({"text": "A very long story, which goes on and on and on. " * 9}, "", "its text is of a"),
    ],
)
def test_everything_else_decides_between_clips_of_one_emotion(worse, said, because):
    good = {"quality": quality(), "consistency": 0.9, "intensity": 0.2}
    bank = bank_of(clip("sad", "a", **{**good, **worse}), clip("sad", "b", **good))
    choice = choose(
        bank,
        wanted="sad",
        text="I miss you so much today.",
        intensity=0.2,
        previous=clip("sad", "before", quality=quality()),
    )
    assert names(choice) == ["b", "a"]
    assert because in choice.reason.en
    assert said in choice.candidates[1].reason.en


def test_fitness_never_outweighs_what_a_person_filed():
    perfect = {"quality": quality(), "consistency": 1.0, "intensity": 0.5}
    poor = {
        "quality": quality(snr_db=0.0, clipped=1.0),
        "consistency": 0.0,
        "language": "zh",
        "text": "",
        "duration_s": 3.0,
        "doubts": (Sentence("x", "x"),) * 5,
    }
    assert MOST_FITNESS < 0.15
    bank = bank_of(clip("sad", "poor", **poor), clip("calm", "perfect", **perfect))
    heard_alike = {"sad": 0.5, "calm": 0.5}
    assert choose(bank, wanted="sad", language="en", scores=heard_alike).pick.emotion == "sad"
    assert choose(bank, wanted="sad", language="en").pick.emotion == "sad"


@pytest.mark.parametrize(
    ("text", "n"),
    [("", 0), ("……", 0), ("你好，世界", 4), ("Good morning", 3), ("犬です", 3), ("3", 1)],
)
def test_spoken_length(text, n):
    assert spoken_length(text) == n


# --- pins, by lot, in turn ---------------------------------------------------------------------------


def test_a_clip_pinned_for_an_emotion_is_taken():
    bank = bank_of(clip("sad", "a"), clip("sad", "b"), clip("angry", "c"))
    pinned = replace(bank, pins={"难过": Path("/bank/sad/b.wav")})
    choice = choose(pinned, wanted="sad")
    assert (choice.pick.path.stem, choice.manual, choice.substituted) == ("b", True, False)
    assert choice.reason.en.startswith("pinned for sad (sad, 5.0 s")
    assert choice.reason.zh.startswith("为“难过”固定（")
    assert choose(pinned, wanted="angry").pick.path.stem == "c"
    assert not choose(pinned, wanted="sad", options=ChoiceOptions(use_pins=False)).manual
    by_segment = choose(pinned, wanted="sad", pin=Path("/bank/sad/a.wav"))
    assert by_segment.pick.path.stem == "a"
    unsure = choose(pinned, wanted=UNSURE, scores={"sad": 0.4, "angry": 0.3})
    assert unsure.pick.path.stem == "b"


def test_a_pin_may_fill_a_gap_or_stand_in_for_one():
    bank = bank_of(clip("bored", "a"), clip("bored", "b"))
    filled = replace(bank, pins={"sad": Path("/bank/bored/b.wav")})
    choice = choose(filled, wanted="sad", substitute=False)
    assert (choice.pick.path.stem, choice.substituted) == ("b", False)
    stand_in = replace(bank, pins={"bored": Path("/bank/bored/b.wav")})
    choice = choose(stand_in, wanted="sad")
    assert (choice.pick.path.stem, choice.substituted, choice.manual) == ("b", True, True)
    assert choice.reason.en.startswith("no clip is sad: bored is nearest (pinned for bored")
    with pytest.raises(ReferenceBankError, match="no usable clip that is sad"):
        choose(stand_in, wanted="sad", substitute=False)


def test_a_pinned_clip_that_is_gone_is_told_and_replaced():
    gone = clip("sad", "gone", problem=Sentence("cannot be read: gone.", "无法读取：已不存在。"))
    bank = bank_of(clip("sad"), gone, pins={"sad": gone.path})
    choice = choose(bank, wanted="sad")
    assert (choice.pick.path.stem, choice.manual) == ("a", False)
    assert choice.reason.en.startswith(
        "the clip pinned for sad, gone.wav, cannot be used (cannot be read: gone): sad, 5.0 s"
    )
    assert choice.reason.zh.startswith(
        "为“难过”固定的片段 gone.wav 无法使用（无法读取：已不存在）："
    )


def test_a_draw_by_lot_is_seeded_and_keeps_to_the_emotion():
    bank = bank_of(*(clip("sad", name) for name in "abcdefgh"), clip("angry", "no"))
    drawn = [
        choose(bank, wanted="sad", options=ChoiceOptions(order="random", seed=seed), n_candidates=2)
        for seed in range(40)
    ]
    again = choose(
        bank, wanted="sad", options=ChoiceOptions(order="random", seed=7), n_candidates=2
    )
    assert again == drawn[7]
    assert {choice.pick.path.stem for choice in drawn} == set("abcdefgh")
    assert all(choice.pick in [one.clip for one in choice.candidates] for choice in drawn)
    assert all(len(choice.candidates) == 2 for choice in drawn)
    assert drawn[0].reason.en.startswith("drawn by lot from 8 clips: sad")


def test_taking_turns_uses_every_clip_before_any_again():
    options = ChoiceOptions(order="rotate")
    doubtful = clip("sad", "d", doubts=(Sentence("x", "x"),))
    bank = bank_of(clip("sad", "a", text=""), clip("sad", "b"), clip("sad", "c"), doubtful)
    used: list[Path] = []
    for _ in range(6):
        used.append(choose(bank, wanted="sad", avoid=used, options=options).pick.path)
    assert {path.stem for path in used[:3]} == set("abc")
    assert used[:3] == used[3:]


# --- a whole transcript --------------------------------------------------------------------------------


def segment(
    text: str,
    label: str | None = None,
    *,
    corrected: str | None = None,
    prosody: Prosody | None = None,
    **shares: float,
) -> TaggedSegment:
    scores = None
    if shares:
        best = label or max(shares, key=lambda name: shares[name])
        scores = EmotionScores(shares, best, (), Sentence("", ""))
    return TaggedSegment(
        Segment(0.0, 1.0, text, "en"), scores, prosody=prosody, corrected_label=corrected
    )


def transcript_of(*segments: TaggedSegment) -> TaggedTranscript:
    said = Sentence("", "")
    info = RecordingInfo("talk.wav", 60.0, 16_000, 1, -20.0, 0.0)
    return TaggedTranscript(info, segments, "en", "none", "head", said, "global", said)


def test_a_transcript_gets_one_choice_per_segment_with_words():
    bank = bank_of(clip("sad", "a"), clip("sad", "b"), clip("angry", "c"))
    transcript = transcript_of(
        segment("One.", sad=0.9, angry=0.1),
        segment("  ", sad=0.9, angry=0.1),
        segment("[angry]", sad=0.9, angry=0.1),
        segment("Two.", sad=0.9, angry=0.1),
        segment("Three.", angry=0.9, sad=0.1),
        segment("Four.", sad=0.9, angry=0.1),
    )
    choices = choose_all(transcript, bank, pins={4: Path("/bank/sad/a.wav")})
    assert [choice and choice.pick.path.stem for choice in choices] == [
        "a",
        None,
        None,
        "b",
        "a",
        "b",
    ]
    assert choices[4].manual


def test_a_written_tag_counts_as_a_persons_word_but_not_over_a_correction():
    bank = bank_of(clip("sad", "a"), clip("angry", "b"), clip("傲娇", "c"))
    choices = choose_all(
        transcript_of(
            segment("[生气] Enough.", sad=0.9, angry=0.1),
            segment("[生气] Enough.", corrected="sad", angry=1.0),
            segment("【傲娇】Hm.", sad=1.0),
            segment("[laughs] Well.", sad=1.0),
        ),
        bank,
    )
    assert [choice.wanted for choice in choices] == ["angry", "sad", "傲娇", "sad"]
    assert [choice.pick.path.stem for choice in choices] == ["b", "a", "c", "a"]


def test_a_transcript_said_in_turn_or_by_lot_is_the_same_each_time():
    bank = bank_of(*(clip("sad", name) for name in "abcd"))
    transcript = transcript_of(*(segment(f"Number {i}.", sad=1.0) for i in range(8)))
    turns = [
        choice.pick.path.stem
        for choice in choose_all(transcript, bank, options=ChoiceOptions(order="rotate"))
    ]
    assert turns[:4] == turns[4:] == sorted(set(turns))
    lots = ChoiceOptions(order="random", seed=3)
    drawn = choose_all(transcript, bank, options=lots)
    assert drawn == choose_all(transcript, bank, options=lots)
    assert len({choice.pick.path for choice in drawn}) > 1


def test_neighbours_are_said_with_clips_that_sound_alike():
    low, high = quality(f0_median_hz=100.0), quality(f0_median_hz=300.0)
    bank = bank_of(
        clip("angry", "low", quality=low),
        clip("sad", "a high", quality=high),
        clip("sad", "b low", quality=low),
    )
    transcript = transcript_of(segment("One.", angry=1.0), segment("Two.", sad=1.0))
    assert choose_all(transcript, bank)[1].pick.path.stem == "b low"


def test_the_intensity_of_segments_is_told_from_their_prosody():
    def spoken(f0_hz: float | None, loudness: float | None) -> TaggedSegment:
        prosody = Prosody(1.0, 1.0, f0_hz, None, None, loudness)
        return segment("x", sad=1.0, prosody=prosody)

    plain = [spoken(200.0 + i, -20.0 - i / 10) for i in range(6)]
    found = intensities([*plain, spoken(400.0, -8.0), spoken(None, None), segment("x", sad=1.0)])
    assert found[6] == 1.0
    assert all(one < 0.3 for one in found[:6])
    assert found[7:] == (None, None)
    assert intensities(plain[:4]) == (None,) * 4
    assert intensities([]) == ()


def test_a_bank_of_one_and_a_bank_of_twenty_thousand():
    one = choose_all(transcript_of(segment("Hi.", sad=1.0)), bank_of(clip("sad")))
    assert one[0].reason.en == "sad, 5.0 s, same language"
    labels = ("sad", "angry", "happy", "calm")
    many = bank_of(*(clip(labels[i % 4], f"{i:05d}", quality=quality()) for i in range(20_000)))
    transcript = transcript_of(*(segment(f"Number {i}.", sad=0.6, angry=0.4) for i in range(20)))
    started_s = time.process_time()
    choices = choose_all(transcript, many)
    assert time.process_time() - started_s < 10.0
    assert all(choice.pick.emotion == "sad" for choice in choices)
    with pytest.raises(ReferenceBankError, match="has no clip that can be used") as caught:
        choose_all(transcript, bank_of())
    check_says_the_same(caught.value)


def test_a_bank_of_two_clips_with_one_path_is_chosen_from():
    twice = bank_of(clip("sad"), replace(clip("sad"), emotion=""))
    assert choose(twice, wanted="sad").pick.emotion == "sad"
