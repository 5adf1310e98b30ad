"""Banks as people have them: labels anywhere in names, lists of other machines, links in a circle."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from bilingual import check_says_the_same
from reference_clips import only, said, write_clip

from gpt_sovits_emotion.banks import (
    Sidecar,
    choose,
    export_bank,
    load_bank,
    set_pin,
    sidecar_path,
    write_sidecar,
)
from gpt_sovits_emotion.banks.building import find_sources
from gpt_sovits_emotion.banks.library.layouts.label_words import folder_label, labels_in_name
from gpt_sovits_emotion.banks.library.layouts.names import NamedClip, spot_label
from gpt_sovits_emotion.core.errors import ReferenceBankError

# --- labels in names -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stem", "labels"),
    [
        ("happy", ("happy",)),
        ("开心", ("happy",)),
        ("happy-01", ("happy",)),
        ("HAPPY 2", ("happy",)),
        ("01_happy_calm voice", ("happy",)),
        ("voice_angry_03", ("angry",)),
        ("alice-sad", ("sad",)),
        ("alice sad", ("sad",)),
        ("生气3", ("angry",)),
        ("03生气的语气", ("angry",)),
        ("憤怒", ("angry",)),
        ("非常难过（小声）", ("sad",)),
        ("happy开心", ("happy",)),
        ("OAF_back_pleasant_surprise", ("surprised",)),
        ("ａｎｇｒｙ！", ("angry",)),
        ("默认", ("",)),
        ("talk_fearful_0000003200_0000148480", ("fearful",)),
        ("happy_sad", ("happy", "sad")),
        ("angry2sad", ("angry", "sad")),
        ("unhappy", ()),
        ("sadie", ()),
        ("happyland", ()),
        ("angrybirds", ()),
        ("fearless", ()),
        ("not-happy", ()),
        ("no_fear", ()),
        ("不开心", ()),
        ("没有生气", ()),
        ("普通话", ()),
        ("I am so happy today", ()),
        ("happy day_0000003200_0000148480", ()),
        ("03a01Fa", ()),
        ("03-01-05-01-02-01-12", ()),
        ("1001_DFA_HAP_XX", ()),
        ("talk_0000003200_0000148480", ()),
        ("", ()),
        ("\udcff\udcfe", ()),
    ],
)
def test_only_a_whole_word_of_a_name_is_a_label(stem, labels):
    assert labels_in_name(stem) == labels


@pytest.mark.parametrize(
    ("stem", "emotion", "text"),
    [
        ("happy-01", "happy", ""),
        ("【生气】你好", "angry", "你好"),
        ("01【生气】你好", "angry", "你好"),
        ("[happy] hello there", "happy", "hello there"),
        ("（开心）太好了", "happy", "太好了"),
        ("angry_Go_away", "angry", "Go_away"),
        ("angry_anna_03", "angry", ""),
        ("01_happy_calm voice", "happy", ""),
        ("voice_angry_03", "angry", ""),
    ],
)
def test_the_words_of_a_name_are_what_follows_a_label_at_its_beginning_or_in_brackets(
    stem, emotion, text
):
    assert spot_label(stem) == NamedClip(emotion, text)


def test_a_flat_bank_of_named_clips_gives_the_emotion_that_is_asked_for(tmp_path):
    for name in ("angry", "开心", "alice-sad", "voice_fearful_03", "sadie", "happy_sad"):
        write_clip(tmp_path / f"{name}.wav")
    bank = load_bank(tmp_path)
    assert bank.layout == "names"
    filed = {clip.path.stem: (clip.emotion, clip.filed_by) for clip in bank.clips}
    assert filed == {
        "angry": ("angry", "person"),
        "开心": ("happy", "person"),
        "alice-sad": ("sad", "person"),
        "voice_fearful_03": ("fearful", "person"),
        "sadie": ("", "head"),
        "happy_sad": ("", "head"),
    }
    assert choose(bank, wanted="happy").pick.path.name == "开心.wav"
    assert (
        only(bank, "happy_sad.wav")
        .doubts[0]
        .en.startswith("its name holds several emotions (happy, sad)")
    )
    assert [note.en.partition(":")[0] for note in bank.notes] == ["happy_sad.wav"]


def test_the_folder_counts_and_a_name_that_says_something_else_is_told_of(tmp_path):
    write_clip(tmp_path / "happy" / "angry-1.wav")
    write_clip(tmp_path / "happy" / "happy-2.wav")
    write_clip(tmp_path / "happy" / "sad" / "3.wav")
    write_clip(tmp_path / "voice_fearful" / "1.wav")
    write_clip(tmp_path / "calm.wav")
    write_clip(tmp_path / "whole recording.wav")
    bank = load_bank(tmp_path)
    assert sorted((clip.path.name, clip.emotion) for clip in bank.clips) == [
        ("1.wav", "fearful"),
        ("3.wav", "sad"),
        ("angry-1.wav", "happy"),
        ("calm.wav", "calm"),
        ("happy-2.wav", "happy"),
    ]
    (doubt,) = only(bank, "angry-1.wav").doubts
    assert doubt.en.startswith("it lies in the folder of happy, and its name says angry")
    assert doubt.zh.startswith("它在“开心”文件夹中，而文件名写着“愤怒”")
    assert only(bank, "happy-2.wav").doubts == ()


def test_labelled_names_in_a_folder_of_any_name_are_read(tmp_path):
    write_clip(tmp_path / "anna" / "happy.wav")
    write_clip(tmp_path / "anna" / "angry-2.wav")
    bank = load_bank(tmp_path)
    assert (bank.voice, bank.layout) == ("anna", "names")
    assert said(bank) == [("angry", "", ""), ("happy", "", "")]
    write_clip(tmp_path / "bob" / "sad.wav")
    with pytest.raises(ReferenceBankError, match="holds several voices"):
        load_bank(tmp_path)
    write_clip(tmp_path / "calm.wav")
    assert {clip.emotion for clip in load_bank(tmp_path).clips} == {"happy", "angry", "sad", "calm"}


def test_folders_named_after_several_emotions_keep_their_own_label():
    assert folder_label("happy_sad") is None
    assert folder_label("angry voice") == "angry"


# --- lists ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "there",
    [
        "D:\\GPT-SoVITS\\output\\slicer_opt\\a.wav",
        "/root/autodl-tmp/GPT-SoVITS/output/slicer_opt/a.wav",
        "\\\\nas\\share\\output\\slicer_opt\\a.wav",
        "/elsewhere/a.wav",
        "output/slicer_opt/a.wav",
        "..\\slicer_opt\\a.wav",
    ],
)
def test_a_list_of_another_machine_finds_the_clips_beside_it(tmp_path, there):
    clip = write_clip(tmp_path / "moved" / "output" / "slicer_opt" / "a.wav")
    path = tmp_path / "moved" / "output" / "asr_opt" / "anna.list"
    path.parent.mkdir()
    path.write_text(f"{there}|anna|ZH|你好\n", "utf-8")
    (found,) = load_bank(path).usable
    assert (found.path.resolve(), found.text) == (clip.resolve(), "你好")


def test_joined_and_edited_lists_are_read_row_by_row(tmp_path):
    for name in ("a", "b", "c", "d", "e", "f", "happy-1"):
        write_clip(tmp_path / f"{name}.wav")
    path = tmp_path / "joined.list"
    path.write_bytes(
        "\ufeffa.wav|anna|ZH|一\r\n\r\n"
        "b.wav|anna|EN|either | or\r\n"
        "c.wav|anna|二\r\n"
        "d.wav|anna||three\u2028four\r\n"
        "a.wav|anna|ZH|一\r\n"
        "b.wav|anna|EN|other\r\n"
        "e.wav|anna|EN|five\ufefff.wav|anna|EN|a | b | c\n"
        "happy-1.wav|anna|EN|yes\n".encode()
    )
    bank = load_bank(path)
    assert bank.voice == "anna"
    assert [(clip.path.name, clip.text, clip.language) for clip in bank.usable] == [
        ("a.wav", "一", "zh"),
        ("b.wav", "either | or", "en"),
        ("c.wav", "二", "zh"),
        ("d.wav", "three\u2028four", "en"),
        ("e.wav", "five", "en"),
        ("f.wav", "a | b | c", "en"),
        ("happy-1.wav", "yes", "en"),
    ]
    assert (only(bank, "happy-1.wav").emotion, only(bank, "a.wav").emotion) == ("happy", "")
    assert [doubt.en[:21] for doubt in only(bank, "b.wav").doubts] == ["its list has two text"]
    assert bank.notes[0].en.startswith("2 rows name a clip again (the first: a.wav)")


def test_the_folder_that_a_person_names_goes_before_all_others_and_is_remembered(tmp_path):
    write_clip(tmp_path / "list" / "a.wav")
    write_clip(tmp_path / "clips" / "anna" / "a.wav")
    write_clip(tmp_path / "clips" / "b.wav")
    path = tmp_path / "list" / "x.list"
    path.write_text("D:\\data\\anna\\a.wav|anna|EN|one\n/root/b.wav|anna|EN|two\n", "utf-8")
    found = find_sources(path, clips=tmp_path / "clips")
    there = [tmp_path / "clips" / "anna" / "a.wav", tmp_path / "clips" / "b.wav"]
    assert [clip.path for clip in found.clips] == there
    assert [clip.path.name for clip in load_bank(path).usable] == ["a.wav"]
    bank = replace(load_bank(path), clips=())
    write_sidecar(sidecar_path(path), Sidecar(bank, clips_folder=found.clips_folder))
    assert [clip.path.resolve() for clip in load_bank(path).usable] == there
    assert [clip.path.resolve() for clip in find_sources(path).clips] == there
    set_pin(path, "happy", there[1])
    assert load_bank(path).pins["happy"].resolve() == there[1]


def test_lists_of_two_encodings_and_stray_bytes_keep_their_other_rows(tmp_path):
    for name in "abc":
        write_clip(tmp_path / f"{name}.wav")
    path = tmp_path / "x.list"
    path.write_bytes(
        "\ufeffa.wav|派蒙|ZH|你好世界\n".encode() + "b.wav|派蒙|ZH|我很生气\n".encode("gb18030")
    )
    assert [(clip.path.name, clip.text) for clip in load_bank(path).usable] == [
        ("a.wav", "你好世界"),
        ("b.wav", "我很生气"),
    ]
    path.write_bytes(
        b"a\0.wav|anna|EN|one\n" + b"x" * 5000 + b"|anna|EN|two\nc.wav|anna|EN|three\n"
    )
    bank = load_bank(path)
    assert (len(bank.clips), [clip.text for clip in bank.usable]) == (3, ["three"])
    table = tmp_path / "x.csv"
    table.write_bytes(b"AudioPath|AudioEmotion\n" + b"x" * 200_000 + b"|sad\na.wav|sad\n")
    assert [clip.path.name for clip in load_bank(table).usable] == ["a.wav"]


def test_a_table_in_an_older_encoding_says_which_was_taken(tmp_path):
    write_clip(tmp_path / "小明.wav")
    table = tmp_path / "emotions.csv"
    table.write_bytes("AudioPath|AudioEmotion|TextEmotion\n小明.wav|开心|高兴\n".encode("gbk"))
    bank = load_bank(table)
    assert [(clip.path.name, clip.emotion) for clip in bank.usable] == [("小明.wav", "happy")]
    (note,) = bank.notes
    assert "read as GB 18030 (GBK)" in note.en
    assert "save it as UTF-8" in note.en


def test_a_list_whose_clips_are_elsewhere_says_what_to_do(tmp_path):
    path = tmp_path / "asr_opt" / "x.list"
    path.parent.mkdir()
    path.write_text("D:\\gone\\a.wav|anna|EN|one\n", "utf-8")
    with pytest.raises(ReferenceBankError, match="refs build LIST --clips FOLDER") as caught:
        load_bank(path)
    check_says_the_same(caught.value)


def test_what_is_no_file_is_never_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.wav")
    write_clip(tmp_path / "a.wav")
    path = tmp_path / "x.list"
    path.write_text("pipe.wav|anna|EN|one\na.wav|anna|EN|two\nn\0ul.wav|anna|EN|three\n", "utf-16")
    path.write_bytes(b"pipe.wav|anna|EN|one\na.wav|anna|EN|two\n.|anna|EN|four\n")
    bank = load_bank(path)
    assert [clip.text for clip in bank.usable] == ["two"]
    assert only(bank, "pipe.wav").problem.en.startswith("cannot be read: it is a folder, a pipe")
    os.mkfifo(tmp_path / "pipe.list")
    with pytest.raises(ReferenceBankError, match="is no ordinary file") as caught:
        load_bank(tmp_path / "pipe.list")
    check_says_the_same(caught.value)


# --- folders -------------------------------------------------------------------------------------


def test_circles_dead_links_and_pipes_are_passed_over_and_told_of(tmp_path):
    write_clip(tmp_path / "bank" / "happy" / "1.wav")
    write_clip(tmp_path / "elsewhere" / "2.wav")
    root = tmp_path / "bank"
    (root / "happy" / "again").symlink_to(root)
    (root / "round").symlink_to(root / "round")
    (root / "sad").symlink_to(tmp_path / "elsewhere")
    (root / "happy" / "dead.wav").symlink_to(tmp_path / "nothing.wav")
    os.mkfifo(root / "happy" / "1.lab")
    os.mkfifo(root / "happy" / "pipe.wav")
    bank = load_bank(root)
    assert said(bank) == [("happy", "", ""), ("sad", "", "")]
    assert [note.en.removeprefix(str(root)) for note in bank.notes] == [
        "/happy/again is a link to a folder that it lies in: it was not followed",
        "/happy/1.lab is no file, but a link that leads nowhere, a pipe or a device, like 2 more: it is left "
        "out",
    ]


def test_a_folder_that_may_not_be_read_leaves_the_rest(tmp_path, monkeypatch):
    write_clip(tmp_path / "happy" / "1.wav")
    write_clip(tmp_path / "sad" / "1.wav")
    scandir = os.scandir

    def refuses(folder: Path):
        if Path(folder).name == "sad":
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refuses)
    bank = load_bank(tmp_path)
    assert [clip.emotion for clip in bank.clips] == ["happy"]
    assert bank.notes[0].en == (
        f"the folder {tmp_path / 'sad'} cannot be read (Permission denied): its clips are left out; look at "
        "its permissions"
    )


# --- what files hold -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("a: &x [1]\nb: *x\n", "alias"),
        ("a: " + "[" * 40 + "]" * 40, "nested deeper"),
        ("voice: anna\nvoice: bob\n", "names the field 'voice' twice"),
        ("voice: [anna, bob]\n", "voice is a list"),
        ("language: {a: b}\n", "language is fields with names"),
        ("when: 2020-99-99\n", "a value in it is none that belongs there"),
        ("n: " + "9" * 5000 + "\n", "not readable YAML"),
        ("x: !!python/object:os.system {}\n", "line 1 "),
        ("x" * (1 << 20) + "xx", "more than 1 MB"),
    ],
)
def test_a_voice_file_made_to_do_harm_is_one_sentence(tmp_path, content, why):
    write_clip(tmp_path / "happy" / "1.wav")
    (tmp_path / "voice.yaml").write_text(content, "utf-8")
    with pytest.raises(ReferenceBankError, match=why) as caught:
        load_bank(tmp_path)
    assert "\n" not in str(caught.value)
    check_says_the_same(caught.value)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ('{"emotion_list": {"happy": {"ref_wav_path": "a.wav", "x": NaN}}}', "NaN is not a number"),
        (
            '{"emotion_list": {"happy": {"ref_wav_path": "a.wav", "x": 1e999}}}',
            "1e999 is not a number",
        ),
        (
            '{"emotion_list": {"a": {"ref_wav_path": "a.wav"}, "a": {"ref_wav_path": "b.wav"}}}',
            "stands twice",
        ),
        ('{"emotion_list": {"happy": {"ref_wav_path": ["a.wav"]}}}', "has no ref_wav_path"),
        (
            '{"emotion_list": {"happy": {"ref_wav_path": "a.wav", "prompt_text": ["a"]}}}',
            "prompt_text",
        ),
        (
            '{"emotion_list": {"happy": {"ref_wav_path": "a.wav", "prompt_language": true}}}',
            "prompt_language",
        ),
        ('{"emotion_list": ["a.wav"]}', "has no emotion_list"),
        ('{"emotion_list": {}, "x": ' + "[" * 80 + "]" * 80 + "}", "nested deeper than 64"),
        ('{"emotion_list": {}, "x": ' + "9" * 5000 + "}", "not readable JSON"),
    ],
)
def test_a_config_with_values_that_it_cannot_have_is_one_sentence(tmp_path, content, why):
    write_clip(tmp_path / "a.wav")
    (tmp_path / "infer_config.json").write_text(content, "utf-8")
    with pytest.raises(ReferenceBankError, match=why) as caught:
        load_bank(tmp_path)
    check_says_the_same(caught.value)


def test_half_an_emoji_and_a_zero_byte_leave_the_rest_of_a_config(tmp_path):
    write_clip(tmp_path / "a.wav")
    (tmp_path / "infer_config.json").write_text(
        '{"emotion_list": {"happy": {"ref_wav_path": "a.wav", "prompt_text": "so \\ud83d"},'
        ' "sad": {"ref_wav_path": "b\\u0000.wav"}}}',
        "utf-8",
    )
    bank = load_bank(tmp_path)
    assert [(clip.emotion, clip.text) for clip in bank.usable] == [("happy", "so \ufffd")]
    (sad,) = (clip for clip in bank.clips if clip.emotion == "sad")
    assert sad.problem.en == "damaged row: its path holds a zero byte; correct it"


def test_names_that_are_not_utf_8_are_clips_like_others(tmp_path):
    write_clip(tmp_path / "a.wav").rename(
        os.fsdecode(os.fsencode(tmp_path) + b"/happy-\xc4\xe3.wav")
    )
    bank = load_bank(tmp_path)
    assert said(bank) == [("happy", "", "")]
    folder = export_bank(bank, tmp_path.parent / f"{tmp_path.name}-out", layout="infer_config")
    assert said(load_bank(folder)) == [("happy", "", "")]
