"""Pins count wherever a choice is shown or made, and nothing that is unsure is given away as an emotion."""

from __future__ import annotations

import json

import pytest
from bilingual import check_says_the_same
from reference_clips import only, said, write_clip

from gpt_sovits_emotion.banks import choose, export_bank, load_bank, set_pin
from gpt_sovits_emotion.banks.library.clips_to_export import (
    left_out_note,
    most_ordinary,
    one_per_emotion,
)
from gpt_sovits_emotion.banks.library.coverage import coverage, coverage_table
from gpt_sovits_emotion.core.errors import ReferenceBankError
from gpt_sovits_emotion.core.records import ReferenceBank, ReferenceClip, Sentence

DOUBT = Sentence("the head is unsure", "模型不确定")


def heard(folder, name: str, emotion: str, **changes: object) -> ReferenceClip:
    fields: dict = {
        "text": name,
        "language": "en",
        "duration_s": 4.0,
        "filed_by": "head",
        "probabilities": {"happy": 0.5, "sad": 0.3, "angry": 0.2},
    }
    return ReferenceClip(write_clip(folder / f"{name}.wav"), emotion, **{**fields, **changes})


def bank_of(folder, *clips: ReferenceClip, **changes: object) -> ReferenceBank:
    return ReferenceBank("anna", folder, "clips", clips, **changes)


def slots_of(folder) -> dict[str, dict]:
    return json.loads((folder / "infer_config.json").read_text("utf-8"))["emotion_list"]


@pytest.fixture
def filed(tmp_path):
    for name in ("angry/1", "angry/2", "sad/1", "neutral/1"):
        write_clip(tmp_path / "bank" / f"{name}.wav")
    return tmp_path / "bank"


def test_an_emotion_that_only_a_pin_brings_is_there_in_all_that_is_shown_and_made(filed, tmp_path):
    set_pin(filed, "happy", "sad/1.wav")
    bank = load_bank(filed)

    found = coverage(bank)
    assert "happy" not in {one.label for one in found.missing}
    (happy,) = (one for one in found.emotions if one.label == "happy")
    assert (happy.n_clips, happy.pinned, happy.pin_works) == (0, "1.wav", True)
    assert ("happy", "0", "0 s", "", "", "pinned: 1.wav") in coverage_table(found)[1]
    assert choose(bank, wanted="happy").pick.path == filed / "sad" / "1.wav"

    slots = slots_of(export_bank(bank, tmp_path / "out", layout="infer_config"))
    assert slots["happy"]["ref_wav_path"] == slots["sad"]["ref_wav_path"]
    again = load_bank(tmp_path / "out")
    assert {clip.emotion for clip in again.usable} == {"angry", "happy", "neutral", "sad"}
    assert choose(again, wanted="happy").pick.emotion == "happy"


def test_the_pinned_clip_of_an_emotion_and_of_the_default_slot_is_the_one_that_is_exported(
    filed, tmp_path
):
    for clip in ("angry/1.wav", "angry/2.wav"):
        set_pin(filed, "生气", clip)
        set_pin(filed, "默认", clip)
        bank = load_bank(filed)
        chosen = one_per_emotion(bank)
        assert chosen["angry"].path == chosen[""].path == filed / clip
        slots = slots_of(export_bank(bank, tmp_path / "out", layout="infer_config", overwrite=True))
        assert next(iter(slots)) == "default"
        content = (tmp_path / "out" / slots["default"]["ref_wav_path"]).read_bytes()
        assert content == (filed / clip).read_bytes()
        assert said(load_bank(tmp_path / "out"))[0][0] == ""


def test_a_pin_to_a_clip_that_is_gone_is_said_and_another_is_taken(filed):
    set_pin(filed, "angry", "angry/1.wav")
    (filed / "angry" / "1.wav").unlink()
    bank = load_bank(filed)
    (note,) = bank.notes
    assert note.en.startswith(
        "the clip pinned for angry, 1.wav, cannot be used (it is not in the bank"
    )
    assert note.zh.startswith("为“愤怒”固定的片段 1.wav 无法使用")
    (angry,) = (one for one in coverage(bank).emotions if one.label == "angry")
    assert (angry.n_clips, angry.pinned, angry.pin_works) == (1, "1.wav", False)
    notes = [row[-1] for row in coverage_table(coverage(bank))[1]]
    assert "pinned: 1.wav (cannot be used)" in notes
    assert one_per_emotion(bank)["angry"].path == filed / "angry" / "2.wav"


@pytest.mark.parametrize("layout", ["infer_config", "brackets", "names"])
def test_what_the_head_is_unsure_of_is_exported_under_no_emotion_unless_it_is_pinned(
    tmp_path, layout
):
    clips = (
        heard(tmp_path / "b", "a", "unsure", doubts=(DOUBT,)),
        heard(tmp_path / "b", "b", "happy"),
        heard(tmp_path / "b", "c", "unsure", doubts=(DOUBT,)),
    )
    bank = bank_of(tmp_path / "b", *clips)
    note = left_out_note(bank)
    assert note is not None
    assert note.en.startswith("left out: 2 of 3 clips, of which the head is unsure")
    assert note.zh.startswith("未导出：3 个片段中有 2 个情感不确定")
    export_bank(bank, tmp_path / "plain", layout=layout)
    assert {clip.emotion for clip in load_bank(tmp_path / "plain").usable} == {"happy"}

    pinned = bank_of(tmp_path / "b", *clips, pins={"calm": clips[2].path})
    export_bank(pinned, tmp_path / "pinned", layout=layout)
    again = load_bank(tmp_path / "pinned")
    assert {(clip.emotion, clip.text) for clip in again.usable} == {("happy", "b"), ("calm", "c")}
    assert choose(again, wanted="calm").pick.text == "c"

    with pytest.raises(ReferenceBankError, match="nothing of the reference bank") as caught:
        export_bank(bank_of(tmp_path / "b", clips[0]), tmp_path / "none", layout=layout)
    check_says_the_same(caught.value)


def test_the_default_of_a_bank_that_has_none_is_neutral_or_else_no_doubtful_clip(tmp_path):
    surprised = heard(tmp_path / "b", "a", "surprised", doubts=(DOUBT,))
    angry = heard(tmp_path / "b", "b", "angry")
    neutral = heard(tmp_path / "b", "c", "neutral", doubts=(DOUBT,))
    assert most_ordinary({"surprised": surprised, "angry": angry}) == "angry"
    assert most_ordinary({"surprised": surprised, "angry": angry, "neutral": neutral}) == "neutral"
    folder = export_bank(
        bank_of(tmp_path / "b", surprised, angry), tmp_path / "out", layout="infer_config"
    )
    assert slots_of(folder)["default"]["prompt_text"] == "b"


def test_of_an_emotions_clips_the_one_that_would_be_chosen_is_exported(tmp_path):
    drowned = heard(
        tmp_path / "b", "a", "happy", filed_by="person", probabilities={}, duration_s=3.05
    )
    good = heard(tmp_path / "b", "b", "happy", filed_by="person", probabilities={}, duration_s=5.0)
    bank = bank_of(tmp_path / "b", drowned, good)
    assert one_per_emotion(bank) == {"happy": good}
    assert choose(bank, wanted="happy").pick == good
    assert only(bank, "a.wav") == drowned
