"""What a bank has and lacks, as numbers, table and picture; and tags that a person writes into texts."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from bilingual import check_says_the_same
from hypothesis import given
from hypothesis import strategies as st

from gpt_sovits_emotion.banks import choose, labels_of_bank, split_tag
from gpt_sovits_emotion.banks.library.coverage import Coverage, coverage, coverage_table
from gpt_sovits_emotion.banks.library.ranking import emotion_of
from gpt_sovits_emotion.core.errors import OutputError
from gpt_sovits_emotion.core.labels import EMOTIONS, UNSURE
from gpt_sovits_emotion.core.records import ReferenceBank, ReferenceClip, Sentence
from gpt_sovits_emotion.report.coverage import coverage_svg, write_coverage_picture

BROKEN = Sentence("too short", "太短")


def clip(emotion: str, name: str, **changes: object) -> ReferenceClip:
    fields: dict = {"text": "hello", "language": "en", "duration_s": 5.0}
    return ReferenceClip(Path(f"/bank/{name}.wav"), emotion, **{**fields, **changes})


def bank_of(*clips: ReferenceClip, **changes: object) -> ReferenceBank:
    return replace(ReferenceBank("Anna", Path("/bank"), "folders", clips), **changes)


@pytest.fixture
def bank() -> ReferenceBank:
    return bank_of(
        clip("happy", "1", probabilities={"happy": 0.9, "sad": 0.1}),
        clip("happy", "2", filed_by="head", probabilities={"happiness": 0.7, "sad": 0.3}),
        clip("happy", "3", problem=BROKEN),
        clip("angry", "4", doubts=(Sentence("noisy", "有噪声"),)),
        clip("sad", "5", problem=BROKEN),
        clip("傲娇", "6"),
        clip("", "7", duration_s=3.25),
        clip(UNSURE, "8", filed_by="head", probabilities={"neutral": 0.4, "sad": 0.3}),
        pins={"开心": Path("/bank/2.wav")},
        head_id="some-head",
    )


def test_coverage_counts_what_is_there(bank):
    found = coverage(bank)
    assert [one.label for one in found.emotions] == ["neutral", "happy", "sad", "angry", "傲娇", ""]
    assert (found.n_clips, found.n_refused, found.usable_s) == (6, 2, 28.25)
    assert found.head_id == "some-head"
    happy = found.emotions[1]
    assert (happy.n_clips, happy.n_refused, happy.usable_s) == (2, 1, 10.0)
    assert (happy.by_person, happy.by_head, happy.pinned) == (1, 1, "2.wav")
    assert happy.confidence == pytest.approx(0.8)
    neutral, angry = found.emotions[0], found.emotions[3]
    assert (neutral.by_head, neutral.confidence) == (1, 0.4)
    assert (angry.n_doubtful, angry.confidence) == (1, None)
    assert Coverage.from_dict(json.loads(json.dumps(found.to_dict()))) == found


def test_what_is_missing_is_what_choosing_would_replace(bank):
    found = coverage(bank)
    missing = {one.label: one for one in found.missing}
    assert missing.keys() == {
        "calm",
        "sad",
        "fearful",
        "disgusted",
        "surprised",
        "bored",
        "contempt",
    }
    for label, one in missing.items():
        choice = choose(bank, wanted=label)
        assert choice.substituted
        assert emotion_of(choice.pick) == one.stand_in
    assert (missing["fearful"].stand_in, missing["fearful"].nearness) == ("angry", "near")
    assert missing["fearful"].distance == pytest.approx(0.130, abs=1e-3)
    assert missing["bored"].nearness == "rather far"


_emotions = st.sampled_from([*EMOTIONS, "", "傲娇", UNSURE])


@given(st.lists(st.tuples(_emotions, st.booleans()), max_size=12))
def test_counts_add_up_for_any_bank(made):
    clips = [
        clip(emotion, str(i), problem=None if usable else BROKEN)
        for i, (emotion, usable) in enumerate(made)
    ]
    found = coverage(bank_of(*clips))
    assert sum(one.n_clips for one in found.emotions) == found.n_clips
    assert sum(one.n_refused for one in found.emotions) == found.n_refused
    assert found.n_clips + found.n_refused == len(clips)
    assert found.usable_s == pytest.approx(5.0 * found.n_clips)
    present = {one.label for one in found.emotions if one.n_clips}
    assert not present & {one.label for one in found.missing}
    if present:
        assert present | {one.label for one in found.missing} >= EMOTIONS.keys() - {"other"}
        assert all(one.stand_in in present for one in found.missing)
    else:
        assert not found.missing
    ElementTree.fromstring(coverage_svg(found, language="zh"))


def test_the_table_says_it_in_words(bank):
    heading, rows = coverage_table(coverage(bank))
    assert heading[:3] == ("emotion", "clips", "usable")
    assert rows[1] == ("happy", "2", "10 s", "80 %", "person 1, head 1", "1 refused; pinned: 2.wav")
    assert ("fearful", "0", "0 s", "", "", "angry stands in, near (0.13)") in rows
    heading, rows = coverage_table(coverage(bank), language="zh")
    assert heading[0] == "情感"
    assert rows[1] == ("开心", "2", "10 秒", "80 %", "人工 1，模型 1", "1 个不可用；固定：2.wav")
    assert ("恐惧", "0", "0 秒", "", "", "用“愤怒”代替，接近 (0.13)") in rows
    assert all(len(row) == len(heading) for row in rows)


# --- the picture -----------------------------------------------------------------------------------


def test_the_picture_is_sound_and_holds_every_emotion(bank):
    svg = coverage_svg(coverage(bank))
    tree = ElementTree.fromstring(svg)
    words = [element.text for element in tree.iter("{http://www.w3.org/2000/svg}text")]
    assert "Anna: 6 usable clips, 28 s" in words
    assert {"happy", "傲娇", "default", "fearful"} <= set(words)
    assert "10 s · 2 clips · 80 % sure · 1 refused" in words
    assert "var(--ink, #1f2431)" in svg
    in_chinese = coverage_svg(coverage(bank), language="zh")
    assert "缺少的情感及其替代" in in_chinese
    assert "开心" in in_chinese


def test_the_picture_of_strange_names_is_escaped_and_of_many_is_cut():
    clips = [clip(f"<b>&{i}\x07", str(i), duration_s=3.0 + i / 10) for i in range(60)]
    found = coverage(bank_of(*clips, voice='"<script>' * 20))
    svg = coverage_svg(found, inline=False)
    assert "&lt;b&gt;&amp;59<" in svg
    tree = ElementTree.fromstring(svg)
    assert "<script" not in svg
    assert "var(" not in svg
    assert "and 36 further labels" in svg
    bars = [one for one in tree.iter("{http://www.w3.org/2000/svg}rect") if one.get("rx")]
    assert len(bars) == 24 + len(found.missing)


def test_an_empty_bank_has_an_empty_picture():
    found = coverage(bank_of())
    assert (found.emotions, found.missing, found.n_clips) == ((), (), 0)
    assert "0 usable clips, 0 s" in coverage_svg(found)
    assert coverage_table(found)[1] == ()


def test_the_picture_is_written_as_svg_or_png(bank, tmp_path):
    for language in ("en", "zh"):
        write_coverage_picture(coverage(bank), tmp_path / f"{language}.svg", language=language)
        write_coverage_picture(coverage(bank), tmp_path / f"{language}.PNG", language=language)
        ElementTree.parse(tmp_path / f"{language}.svg")
        assert (tmp_path / f"{language}.PNG").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(OutputError, match=r"ends in \.gif; name it") as caught:
        write_coverage_picture(coverage(bank), tmp_path / "a.gif")
    check_says_the_same(caught.value)


# --- tags in texts ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "label", "words"),
    [
        ("[开心]你好！", "happy", "你好！"),
        ("【开心】你好！", "happy", "你好！"),
        ("［悲伤］ 你好！", "sad", "你好！"),
        ("（生气）够了。", "angry", "够了。"),
        ("[开心]：你好！", "happy", "你好！"),
        ("(happy): Hello.", "happy", "Hello."),
        ("(happy) :) Hello.", "happy", ":) Hello."),
        (" [ Anger ] Enough.", "angry", "Enough."),
        ("【开心_happy】你好", "happy", "你好"),
        ("<|HAPPY|>Hello.", "happy", "Hello."),
        ("<|zh|><|SAD|><|Speech|><|withitn|>再见。", "sad", "再见。"),
        ("<|EMO_UNKNOWN|>Hello.", UNSURE, "Hello."),
        ("<|en|>Hello.", None, "Hello."),
        ("[angry 87 %] Enough.", "angry", "Enough."),
        ("[愤怒 ✓] 够了。", "angry", "够了。"),
        ("[傲娇 ✓] 哼！", "傲娇", "哼！"),
        ("[unsure] Well.", UNSURE, "Well."),
        ("[默认] 你好", "default", "你好"),
        ("[angry][sad] Enough.", "angry", "Enough."),
        ("[happy]", "happy", ""),
        ("[laughs] Hello.", None, "[laughs] Hello."),
        ("[battery 50 %] Hello.", None, "[battery 50 %] Hello."),
        ("(other) Hello.", None, "(other) Hello."),
        ("(PS) I love you.", None, "(PS) I love you."),
        ("I am [happy] now.", None, "I am [happy] now."),
        ("(happy", None, "(happy"),
        ("[happy) Hello.", None, "[happy) Hello."),
        ("【傲娇】哼！", None, "【傲娇】哼！"),
        ("", None, ""),
    ],
)
def test_a_written_tag_is_split_off_where_it_is_one(text, label, words):
    assert split_tag(text) == (label, words)


def test_a_banks_own_labels_are_known(bank):
    known = labels_of_bank(bank)
    assert known == {"happy", "angry", "sad", "傲娇"}
    assert split_tag("【傲娇】哼！", known=known) == ("傲娇", "哼！")
    assert choose(bank, wanted=split_tag("[默认] 你好")[0]).pick.path.stem == "7"


@given(st.text(st.sampled_from("[]()【】（）<|> :：happysd 开心%✓\n")))
def test_no_text_is_lost_and_no_tag_is_left(text):
    label, words = split_tag(text)
    if label is None and "<|" not in text:
        assert words == text
    assert re.sub(r"\s", "", words) in re.sub(r"\s", "", text) or "<|" in text
    if "<|" not in text:
        assert split_tag(words)[0] is None
