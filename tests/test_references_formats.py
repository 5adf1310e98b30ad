"""Every layout of a reference bank that is read, and those that are written."""

from __future__ import annotations

import json
import os
import shutil
import unicodedata
from pathlib import Path

import pytest
import yaml
from bilingual import check_says_the_same
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reference_clips import only, said, write_clip

from gpt_sovits_emotion.banks import (
    EXPORT_LAYOUTS,
    SIDECAR_NAME,
    export_bank,
    exported_clips,
    load_bank,
)
from gpt_sovits_emotion.banks.library.layouts import read_layout
from gpt_sovits_emotion.core.errors import OutputError, ReferenceBankError
from gpt_sovits_emotion.core.labels import EMOTIONS
from gpt_sovits_emotion.core.records import ReferenceBank, ReferenceClip, Sentence
from gpt_sovits_emotion.testing import check_bank_layout

# --- infer_config.json ---------------------------------------------------------------------------


def write_json(path: Path, held: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(held, ensure_ascii=False), "utf-8")
    return path


def test_an_infer_config_keeps_what_else_it_holds_and_finds_paths_of_another_machine(tmp_path):
    root = tmp_path / "trained" / "派蒙"
    write_clip(root / "说话—好.wav")
    write_clip(root / "参考音频" / "激动.wav")
    write_json(
        root / "infer_config.json",
        {
            "software_version": "1.1",
            "gpt_path": "a.ckpt",
            "简介": "…",
            "emotion_list": {
                "default": {
                    "ref_wav_path": "./trained/派蒙/说话—好.wav",
                    "prompt_text": "说话—好",
                    "prompt_language": "多语种混合(粤语)",
                    "speed_facter": 1.1,
                },
                "excited": {
                    "ref_wav_path": "D:\\GSVI\\trained\\派蒙\\参考音频\\激动.wav",
                    "prompt_text": "犬です",
                    "prompt_language": "多语种混合",
                },
            },
        },
    )
    shutil.move(root / "参考音频" / "激动.wav", root / "激动.wav")

    bank = load_bank(root)

    assert said(bank) == [("", "说话—好", "yue"), ("excited", "犬です", "ja")]
    assert bank.settings == {
        "software_version": "1.1",
        "gpt_path": "a.ckpt",
        "简介": "…",
        "emotion_list": {"default": {"speed_facter": 1.1}},
    }


def test_an_early_infer_config_holds_one_clip(tmp_path):
    write_clip(tmp_path / "a.wav")
    write_json(
        tmp_path / "infer_config.json",
        {
            "ref_wav_path": "./trained/x/a.wav",
            "prompt_text": "好",
            "prompt_language": "中文",
            "gpt_path": "./trained/x/x.ckpt",
        },
    )
    bank = load_bank(tmp_path)
    assert said(bank) == [("", "好", "zh")]
    assert bank.settings == {"gpt_path": "./trained/x/x.ckpt"}


# --- labels in names -----------------------------------------------------------------------------


def test_a_pack_is_read_with_its_languages_its_default_and_its_random_clips(tmp_path):
    pack = tmp_path / "八重樱" / "reference_audios"
    write_clip(pack / "中文" / "emotions" / "【默认】这个身体似乎不会老去.wav")
    write_clip(pack / "中文" / "emotions" / "【开心_happy】嘿嘿~温情的诉说时间结束！.wav")
    write_clip(pack / "日语" / "emotions" / "【傲娇】今度は貴方たち？.wav")
    write_clip(pack / "日语" / "randoms" / "ふんん_ー.wav")
    write_clip(pack / "英语" / "emotions" / "【angry】001.wav")

    for named in (tmp_path / "八重樱", pack):
        bank = load_bank(named)
        assert bank.layout == "brackets"
        assert said(bank) == [
            ("", "ふんん_ー", "ja"),
            ("", "这个身体似乎不会老去", "zh"),
            ("angry", "", "en"),
            ("happy", "嘿嘿~温情的诉说时间结束！", "zh"),
            ("傲娇", "今度は貴方たち？", "ja"),
        ]
    assert bank.voice == "reference_audios"
    assert only(bank, "ふんん_ー.wav").filed_by == "head"
    assert only(bank, "【默认】这个身体似乎不会老去.wav").filed_by == "person"


def test_sorted_clips_keep_the_label_of_their_name_and_of_their_folder(tmp_path):
    voice = tmp_path / "参考音频" / "丹恒"
    write_clip(voice / "中立_neutral" / "audio1.wav")
    write_clip(voice / "开心_happy" / "【开心_happy】太好了.wav")
    write_clip(voice / "randoms" / "不知道.wav")
    for root in (voice, tmp_path / "参考音频", tmp_path):
        bank = load_bank(root)
        assert said(bank) == [("", "不知道", "zh"), ("happy", "太好了", "zh"), ("neutral", "", "")]
    assert load_bank(tmp_path).voice == "丹恒"


def test_several_voices_in_one_folder_are_no_bank(tmp_path):
    for voice in ("丹恒", "三月七", "a", "b", "c"):
        write_clip(tmp_path / voice / "开心_happy" / "【开心_happy】好.wav")
    (tmp_path / "leer").mkdir()
    with pytest.raises(ReferenceBankError, match="holds several voices") as caught:
        load_bank(tmp_path)
    assert "(a, b, c, 三月七, …)" in str(caught.value)
    check_says_the_same(caught.value)


def test_names_are_split_at_the_first_underscore(tmp_path):
    write_clip(tmp_path / "angry_Go_away!.wav")
    write_clip(tmp_path / "傲娇_哼.wav")
    write_clip(tmp_path / "你好.flac.wav")
    write_clip(tmp_path / "default_I am here.wav")
    write_clip(tmp_path / "sad_0001.wav").with_suffix(".lab").write_text("exact?", "utf-8")
    bank = load_bank(tmp_path)
    assert bank.layout == "names"
    assert said(bank) == [
        ("", "I am here", "en"),
        ("", "你好.flac", "zh"),
        ("angry", "Go_away!", "en"),
        ("sad", "exact?", "en"),
        ("傲娇", "哼", "zh"),
    ]


def test_cut_recordings_are_no_labels(tmp_path):
    for number in range(3):
        clip = write_clip(tmp_path / f"vocal_talk.wav_{number:010d}_0000148480.wav")
    clip.with_suffix(".txt").write_text("安静", "utf-8")
    bank = load_bank(tmp_path)
    assert bank.layout == "clips"
    assert {(clip.emotion, clip.filed_by) for clip in bank.clips} == {("", "head")}
    assert only(bank, clip.name).text == "安静"


def test_a_folder_of_the_default_slot_and_divided_folders_are_read(tmp_path):
    write_clip(tmp_path / "默认" / "1.wav")
    write_clip(tmp_path / "angry" / "take 1" / "1.wav")
    write_clip(tmp_path / "angry" / "英语" / "2.wav")
    write_clip(tmp_path / "whole recording.wav", duration_s=20.0)
    bank = load_bank(tmp_path)
    assert bank.layout == "folders"
    assert said(bank) == [("", "", ""), ("angry", "", ""), ("angry", "", "en")]
    assert len(bank.clips) == 3


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "gb18030"])
def test_texts_of_any_program_are_read(tmp_path, encoding):
    write_clip(tmp_path / "sad" / "1.wav").with_suffix(".lab").write_bytes(
        "我很难过。".encode(encoding)
    )
    assert load_bank(tmp_path).usable[0].text == "我很难过。"


# --- files that name clips -----------------------------------------------------------------------


def test_a_list_of_four_columns_is_read_untagged(tmp_path):
    write_clip(tmp_path / "output" / "slicer_opt" / "a b.wav")
    write_clip(tmp_path / "output" / "slicer_opt" / "c|d.wav")
    write_clip(tmp_path / "e.wav")
    path = tmp_path / "output" / "asr_opt" / "anna.list"
    path.parent.mkdir()
    path.write_text(
        "output/slicer_opt/a b.wav|anna|ZH|好。\n"
        "output/slicer_opt/c|d.wav|anna|En|Go!\n"
        f"D:\\elsewhere\\gone.wav|anna|JP|犬\n\n{tmp_path}/e.wav|anna|yue|係\nx.wav|anna\n",
        "utf-8",
    )
    bank = load_bank(path)
    assert (bank.layout, bank.voice, bank.root) == ("list", "anna", path.parent)
    assert said(bank) == [("", "Go!", "en"), ("", "係", "yue"), ("", "好。", "zh")]
    assert {clip.filed_by for clip in bank.clips} == {"head"}
    gone, odd = (clip for clip in bank.clips if clip.problem is not None)
    assert (gone.text, gone.language) == ("犬", "ja")
    assert "no such file" in gone.problem.en
    assert odd.problem.en.startswith("damaged row: anna.list, row 6 has 2 columns")


def test_a_list_of_six_columns_has_emotions_and_remarks(tmp_path):
    for name in ("a.wav", "b.wav", "c|d.wav"):
        write_clip(tmp_path / name)
    path = tmp_path / "two.list"
    path.write_text(
        "a.wav|anna|zh|好|高兴|loud\nb.wav|berta|zh|嗯||\nc|d.wav|anna|zh|哈|默认|\n", "utf-8"
    )
    bank = load_bank(path)
    assert [(clip.emotion, clip.filed_by) for clip in bank.clips] == [
        ("happy", "person"),
        ("", "head"),
        ("", "person"),
    ]
    assert bank.voice == "two"
    assert bank.settings == {"speakers": ["anna", "berta"], "remarks": {"a.wav": "loud"}}


@pytest.mark.parametrize(
    "columns",
    [
        ("AudioPath", "AudioEmotion", "Confidence", "ParentFolder", "TextEmotion"),
        ("AudioPath", "ParentFolder", "AudioEmotion", "Confidence", "TextEmotion"),
    ],
)
def test_the_table_of_a_tagger_is_read_by_its_header(tmp_path, columns):
    write_clip(tmp_path / "小明" / "我很|生气.wav")
    write_clip(tmp_path / "小明" / "【开心】我很开心.wav")
    write_clip(tmp_path / "小明" / "x.wav").with_suffix(".lab").write_text("哎", "utf-8")
    written = ("AudioPath", "AudioEmotion", "Confidence", "ParentFolder", "TextEmotion")
    rows = [
        ("小明/我很|生气.wav", "生气", "0.97", "小明", "愤怒"),
        ("小明/【开心】我很开心.wav", "生气/angry", "1.00", "小明", ""),
        ('"小明/x.wav"', "<unk>", "?", "小明", "中性"),
    ]
    ordered = [[row[written.index(column)] for column in columns] for row in rows]
    path = tmp_path / "result.csv"
    path.write_text("\n".join("|".join(row) for row in [columns, *ordered]), "utf-8")
    bank = load_bank(path)
    assert (bank.layout, bank.voice) == ("emotion_table", "小明")
    check_bank_layout("emotion_table", path)
    assert bank.notes == ()
    assert [(clip.emotion, clip.text, dict(clip.probabilities)) for clip in bank.usable] == [
        ("angry", "我很|生气", {"angry": 0.97}),
        ("angry", "我很开心", {"angry": 1.0}),
        ("other", "哎", {}),
    ]
    assert {clip.filed_by for clip in bank.clips} == {"head"}
    assert bank.settings["TextEmotion"]["小明/我很|生气.wav"] == "愤怒"


def test_annotations_of_an_emotion_manager_keep_shares_and_intensity(tmp_path):
    write_clip(tmp_path / "wavs" / "uts001_001.wav")
    write_clip(tmp_path / "rok001_018.ogg.wav")
    write_clip(tmp_path / "myk.wav")
    path = write_json(
        tmp_path / "anna_annotation.json",
        [
            {
                "file": "wavs/uts001_001",
                "text": "「お客さん」",
                "language": "ja",
                "emotions": [
                    {"type": "joy", "intensity": "low"},
                    {"type": "anger", "intensity": "high"},
                ],
            },
            {
                "file": "rok001_018.ogg.wav",
                "text": "Well?",
                "language": "en",
                "emotions": [{"type": "confusion", "intensity": "moderate"}],
                "speaker": "rok",
            },
            {"file": "myk.wav", "text": "", "language": "", "emotions": []},
        ],
    )
    bank = load_bank(path)
    first, second, third = bank.usable
    assert (bank.layout, bank.voice) == ("emotion_manager", "anna_annotation")
    check_bank_layout("emotion_manager", path)
    assert (first.emotion, first.text, first.language) == ("angry", "「お客さん」", "ja")
    assert first.probabilities == pytest.approx({"happy": 0.25, "angry": 0.75})
    assert first.intensity == 1.0
    assert (second.emotion, dict(second.probabilities)) == ("confusion", {})
    assert second.intensity == pytest.approx(2 / 3)
    assert (third.emotion, third.filed_by) == ("", "head")
    assert bank.settings == {"more": {"rok001_018.ogg.wav": {"speaker": "rok"}}}


# --- bad input -----------------------------------------------------------------------------------


def break_training(folder: Path) -> Path:
    write_clip(folder / "5-wav32k" / "a.wav")
    return folder


def break_list(folder: Path) -> Path:
    (folder / "a.list").write_text("\n \n")
    return folder / "a.list"


def break_csv(folder: Path) -> Path:
    (folder / "a.csv").write_text("start_s,end_s\n1,2\n")
    return folder / "a.csv"


def break_empty_csv(folder: Path) -> Path:
    (folder / "a.csv").write_text("AudioPath|AudioEmotion|Confidence\n")
    return folder / "a.csv"


def break_other_json(folder: Path) -> Path:
    return write_json(folder / "a.json", [{"path": "a.wav"}])


def break_deep_json(folder: Path) -> Path:
    (folder / "infer_config.json").write_text("[" * 100_000)
    return folder


def break_nul(folder: Path) -> Path:
    return folder / "a\0b"


@pytest.mark.parametrize(
    ("breaking", "message"),
    [
        (break_training, "is a training folder of GPT-SoVITS"),
        (break_list, "has no row"),
        (break_csv, r"has no columns AudioPath\|AudioEmotion"),
        (break_empty_csv, "has no row below its header"),
        (break_other_json, "is no list of clips"),
        (break_deep_json, "is not readable JSON"),
        (break_nul, "there is no reference bank"),
    ],
)
def test_a_broken_bank_is_told_in_one_sentence(tmp_path, breaking, message):
    with pytest.raises(ReferenceBankError, match=message) as caught:
        load_bank(breaking(tmp_path))
    assert "\n" not in str(caught.value)
    check_says_the_same(caught.value)


def test_one_clip_is_a_bank(tmp_path):
    write_clip(tmp_path / "sad" / "1.wav")
    assert len(load_bank(tmp_path).usable) == 1


def test_one_file_under_two_emotions_is_no_duplicate_but_a_copy_is(tmp_path):
    one = write_clip(tmp_path / "a.wav")
    shutil.copy(one, tmp_path / "b.wav")
    slots = {
        label: {"ref_wav_path": name, "prompt_text": "好"}
        for label, name in (("happy", "a.wav"), ("surprised", "a.wav"), ("sad", "b.wav"))
    }
    write_json(tmp_path / "infer_config.json", {"emotion_list": slots})
    bank = load_bank(tmp_path)
    assert [clip.emotion for clip in bank.usable] == ["happy", "surprised"]
    assert only(bank, "b.wav").problem.en.startswith("duplicate: the same audio as a.wav")


def test_unlabelled_copies_are_found_among_clips_of_one_size(tmp_path):
    for number in range(20):
        write_clip(tmp_path / f"{number:02}.wav")
    shutil.copy(tmp_path / "03.wav", tmp_path / "30.wav")
    assert [clip.path.name for clip in load_bank(tmp_path).clips if clip.problem] == ["30.wav"]


# --- writing -------------------------------------------------------------------------------------

HARD_TEXTS = (
    "",
    "123",
    "……？",
    'He said: "a/b\\c|d*e?" <now>',
    "it ends with dots...",
    "two\nlines",
    "emoji 🎉 and 'quotes'",
    "【x】y_z",
    "长" * 300,
    "CON",
    "  ",
)


def bank_with(root: Path, clips: list[tuple[str, str, str]], **changes: object) -> ReferenceBank:
    """Return a bank of the given emotions, texts and languages, with files that are there."""
    made = tuple(
        ReferenceClip(
            write_clip(root / f"{index}.wav", duration_s=3.5),
            emotion,
            text.strip(),
            language,
            3.5,
        )
        for index, (emotion, text, language) in enumerate(clips)
    )
    fields: dict = {"voice": "anna", "root": root, "layout": "folders", "clips": made}
    return ReferenceBank(**{**fields, **changes})


def without_sidecar(folder: Path) -> ReferenceBank:
    (folder / SIDECAR_NAME).unlink()
    return load_bank(folder)


@pytest.mark.parametrize("layout", ["brackets", "names"])
def test_all_that_a_name_can_hold_is_read_back_equal(tmp_path, layout):
    hard = [("happy", text, "en") for text in HARD_TEXTS]
    more = [(label, "好", "zh") for label in (*EMOTIONS, "", "傲娇")]
    bank = bank_with(tmp_path / "bank", [*hard, *more, *more])

    folder = export_bank(bank, tmp_path / "new" / "anna", layout=layout)

    assert folder == tmp_path / "new" / "anna"
    again = without_sidecar(folder)
    assert (again.layout, again.voice) == (layout, "anna")
    assert sorted((clip.emotion, clip.text) for clip in again.clips) == sorted(
        (clip.emotion, clip.text) for clip in bank.clips
    )
    contents = {clip.path.read_bytes() for clip in bank.clips}
    assert {clip.path.read_bytes() for clip in again.clips} == contents
    for path in folder.rglob("*"):
        assert not set('<>:"|?*\\') & set(path.name)
        assert len(path.name.encode()) < 240
        assert not path.name.startswith(".")


def test_a_pack_is_what_other_tools_expect(tmp_path):
    bank = bank_with(
        tmp_path / "bank",
        [
            ("", "在吗？", "zh"),
            ("angry", "够了", "zh"),
            ("sad", "さようなら", "ja"),
            ("sad", "Ja", "de"),
        ],
        synthetic=True,
        settings={"made_with": "a program"},
    )
    folder = export_bank(bank, tmp_path / "pack", layout="brackets")
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    pack = "reference_audios"
    assert found == {
        f"{pack}/中文/emotions/【默认】在吗？.wav",
        f"{pack}/中文/emotions/【愤怒】够了.wav",
        f"{pack}/日语/emotions/【难过】さようなら.wav",
        f"{pack}/多语种混合/emotions/【难过】Ja.wav",
        "voice.yaml",
        SIDECAR_NAME,
    }
    assert yaml.safe_load((folder / "voice.yaml").read_text("utf-8")) == {
        "voice": "anna",
        "synthetic": True,
        "made_with": "a program",
    }
    again = load_bank(folder)
    assert said(again) == said(bank)  # German too, which the sidecar tells
    assert again.synthetic
    assert again.settings == bank.settings
    assert again.usable == tuple(load_bank(folder).usable)


def test_a_flat_folder_says_what_its_names_do_not(tmp_path):
    bank = bank_with(tmp_path / "bank", [("傲娇", "Na gut", "de"), ("傲娇", "Nein", "de")])
    folder = export_bank(bank, tmp_path / "flat", layout="names")
    assert sorted(path.name for path in folder.glob("*.wav")) == [
        "傲娇_Na gut.wav",
        "傲娇_Nein.wav",
    ]
    again = without_sidecar(folder)
    assert said(again) == said(bank)
    assert (again.layout, again.settings) == ("names", {})


def test_an_infer_config_takes_one_clip_per_emotion_default_first(tmp_path):
    bank = bank_with(
        tmp_path / "bank",
        [
            ("sad", "one", "en"),
            ("sad", "two: a/b?", "de"),
            ("开心/2", "好\n好", "zh"),
            ("", "在", ""),
        ],
        settings={"gpt_path": "a.ckpt", "emotion_list": {"sad": {"speed": 2}, "old": {"x": 1}}},
    )
    pinned = ReferenceBank.from_dict({**bank.to_dict(), "pins": {"sad": str(bank.clips[1].path)}})
    assert [clip.emotion for clip in exported_clips(pinned, "infer_config")] == [
        "",
        "sad",
        "开心/2",
    ]
    folder = export_bank(pinned, tmp_path / "new", layout="infer_config")
    held = json.loads((folder / "infer_config.json").read_text("utf-8"))
    assert list(held["emotion_list"]) == ["default", "sad", "开心/2"]
    assert held["gpt_path"] == "a.ckpt"
    assert held["emotion_list"]["sad"] == {
        "ref_wav_path": "reference_audio/sad.wav",
        "prompt_text": "two: a/b?",
        "prompt_language": "de",
        "speed": 2,
    }
    again = without_sidecar(folder)
    assert said(again) == [("", "在", "zh"), ("sad", "two: a/b?", "de"), ("开心/2", "好\n好", "zh")]
    assert again.settings == {"gpt_path": "a.ckpt", "emotion_list": {"sad": {"speed": 2}}}


def test_a_default_that_was_added_for_other_tools_is_not_read_as_a_clip(tmp_path):
    bank = bank_with(tmp_path / "bank", [("angry", "Go", "en"), ("neutral", "So", "en")])
    folder = export_bank(bank, tmp_path / "new", layout="infer_config")
    held = json.loads((folder / "infer_config.json").read_text("utf-8"))
    assert list(held["emotion_list"]) == ["default", "angry", "neutral"]
    assert held["emotion_list"]["default"] == held["emotion_list"]["neutral"]
    again = without_sidecar(folder)
    assert said(again) == said(bank)
    assert again.settings == {}


_texts = st.text(
    st.characters(codec="utf-8", exclude_characters="\ufeff"), max_size=40
) | st.sampled_from(HARD_TEXTS)
_labels = st.sampled_from([*EMOTIONS, "", "傲娇", "excited"]) | st.text(
    "ab_】/开 .", min_size=1, max_size=6
)


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    clips=st.lists(st.tuples(_labels, _texts), min_size=1, max_size=5),
    layout=st.sampled_from(EXPORT_LAYOUTS),
)
def test_what_is_written_is_read_back_equal_or_refused(tmp_path_factory, clips, layout):
    tmp_path = tmp_path_factory.mktemp("round")
    bank = bank_with(tmp_path / "bank", [(label, text, "") for label, text in clips])
    try:
        kept = exported_clips(bank, layout)
        folder = export_bank(bank, tmp_path / "new", layout=layout)
        refusal = ""
    except ReferenceBankError as error:
        refusal = str(error)
    if refusal:
        assert str(bank.root) in refusal
        assert [path.name for path in tmp_path.iterdir()] == ["bank"]
        return
    expected = sorted((clip.emotion, clip.text) for clip in kept)
    for read in (load_bank(folder), without_sidecar(folder)):
        assert sorted((clip.emotion, clip.text) for clip in read.clips) == expected
    if layout != "infer_config":
        assert len(kept) == len(clips)


@pytest.mark.parametrize(
    ("label", "layout"),
    [
        ("a_b", "names"),
        ("a】b", "brackets"),
        ("a/b", "names"),
        ("高兴", "infer_config"),
        (".x", "names"),
    ],
)
def test_a_label_that_would_not_come_back_is_refused_with_its_clip(tmp_path, label, layout):
    bank = bank_with(tmp_path / "bank", [("sad", "x", "en"), (label, "y", "en")])
    with pytest.raises(ReferenceBankError, match=r"bank/1\.wav cannot be exported") as caught:
        export_bank(bank, tmp_path / "new", layout=layout)
    check_says_the_same(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["bank"]


def test_a_text_that_no_file_holds_is_refused(tmp_path):
    for layout in EXPORT_LAYOUTS:
        bank = bank_with(tmp_path / "bank", [("sad", "half \ud83c", "en")])
        with pytest.raises(ReferenceBankError) as caught:
            export_bank(bank, tmp_path / "new", layout=layout)
        check_says_the_same(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["bank"]


def test_nothing_of_the_users_is_overwritten(tmp_path):
    bank = bank_with(tmp_path / "bank", [("sad", "x", "en")])
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    (tmp_path / "empty").mkdir()
    for place, overwrite, message in (
        ("bank", True, "holds the bank itself"),
        (".", True, "holds the bank itself"),
        ("bank/new", False, "lies inside the bank"),
        ("full", False, "already and not empty"),
        ("full", True, "not written by an export"),
        ("full/thesis.txt", False, "already and not empty"),
    ):
        with pytest.raises(OutputError, match=message) as caught:
            export_bank(bank, tmp_path / place, layout="names", overwrite=overwrite)
        check_says_the_same(caught.value)
    assert (tmp_path / "full" / "thesis.txt").read_text() == "mine"
    export_bank(bank, tmp_path / "empty", layout="names")
    other = bank_with(tmp_path / "bank2", [("angry", "y", "en")])
    with pytest.raises(OutputError, match="already"):
        export_bank(other, tmp_path / "empty", layout="names")
    export_bank(other, tmp_path / "empty", layout="brackets", overwrite=True)
    assert [clip.emotion for clip in load_bank(tmp_path / "empty").clips] == ["angry"]
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["bank", "bank2", "empty", "full"]


def test_a_stopped_or_failed_export_leaves_nothing(tmp_path):
    bank = bank_with(tmp_path / "bank", [("sad", str(n) + "x", "en") for n in range(5)])

    def stop(fraction: float, doing: str) -> None:
        if fraction > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_bank(bank, tmp_path / "new", layout="names", progress=stop)
    bank.clips[3].path.unlink()
    with pytest.raises(ReferenceBankError, match="is not there any more") as caught:
        export_bank(bank, tmp_path / "new", layout="names")
    check_says_the_same(caught.value)
    with pytest.raises(
        ReferenceBankError, match="choose one of infer_config, brackets, names"
    ) as caught:
        export_bank(bank, tmp_path / "new", layout="zip")
    check_says_the_same(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["bank"]


def test_clips_that_cannot_be_used_are_not_exported(tmp_path):
    bank = bank_with(tmp_path / "bank", [("sad", "x", "en")])
    broken = ReferenceClip(tmp_path / "gone.wav", "sad", "", "", None, Sentence("gone", "没有"))
    both = ReferenceBank("anna", bank.root, "folders", (*bank.clips, broken))
    assert exported_clips(both, "names") == bank.clips
    with pytest.raises(ReferenceBankError, match="has no usable clip") as caught:
        exported_clips(ReferenceBank("anna", bank.root, "folders", (broken,)), "names")
    check_says_the_same(caught.value)


@pytest.mark.skipif(os.name == "nt", reason="names of files are Unicode on Windows; run elsewhere")
def test_names_in_an_old_encoding_are_read_and_exported(tmp_path):
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + "/高兴".encode("gb18030")))
    write_clip(folder / os.fsdecode(b"\xff.wav"))
    bank = load_bank(tmp_path)
    assert len(bank.usable) == 1
    with pytest.raises(ReferenceBankError, match=r"half of a two-part"):
        export_bank(bank, tmp_path.parent / "new-names", layout="infer_config")


def test_paths_with_signs_survive(tmp_path):
    root = tmp_path / 'it\'s | "a" 🎤 bank'
    write_clip(root / "sad" / "a|b 'c' \"d\" 😀.wav").with_suffix(".lab").write_text("t", "utf-8")
    bank = load_bank(root)
    assert said(bank) == [("sad", "t", "en")]
    folder = export_bank(bank, tmp_path / "🎁 | out", layout="names")
    assert said(load_bank(folder)) == [("sad", "t", "en")]


def test_the_layouts_are_told_apart(tmp_path):
    assert read_layout(write_clip(tmp_path / "a" / "sad" / "1.wav").parents[1]).layout == "folders"
    nfd = unicodedata.normalize("NFD", "【开心】がんばる")
    assert read_layout(write_clip(tmp_path / "b" / f"{nfd}.wav").parent).layout == "brackets"
    assert read_layout(write_clip(tmp_path / "c" / "happy_x.wav").parent).layout == "names"
    assert read_layout(write_clip(tmp_path / "d" / "x.wav").parent).layout == "clips"
