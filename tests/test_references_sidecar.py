"""What is known of a bank beside the bank: written, read, laid over the clips, pinned by a person."""

from __future__ import annotations

import json
import math
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bilingual import check_says_the_same
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from reference_clips import only, write_clip

from gpt_sovits_emotion.banks import (
    SIDECAR_NAME,
    Sidecar,
    export_bank,
    load_bank,
    read_sidecar,
    set_pin,
    sidecar_path,
    statistics_of,
    write_sidecar,
)
from gpt_sovits_emotion.banks.library.sidecar import ClipContent, content_of, is_unchanged
from gpt_sovits_emotion.core.errors import ReferenceBankError
from gpt_sovits_emotion.core.records import (
    ClipQuality,
    ReferenceBank,
    ReferenceClip,
    Sentence,
    SpeakerStatistics,
)

DOUBT = Sentence("sounds like another speaker", "听起来像另一个说话人")
SPEAKER = SpeakerStatistics(
    np.array([0.1, -3.25e7, 1e-30], np.float32), np.ones(3, np.float32), 12, "bank:anna"
)


def heard(clip: ReferenceClip, label: str = "angry", **changes: object) -> ReferenceClip:
    """Return a clip as a builder leaves it."""
    fields: dict = {
        "probabilities": {label: 0.75, "sad": 0.25},
        "intensity": 0.5,
        "quality": ClipQuality(-20.5, 31.0, 0.0, 4.5, None),
        "consistency": 0.9,
        "doubts": (DOUBT,),
        "text": clip.text or "heard by Whisper",
        "language": clip.language or "en",
    }
    return replace(clip, **{**fields, **changes})


def build(path: Path, **changes: object) -> Sidecar:
    """Write the sidecar that a builder would have written, and return it."""
    bank = load_bank(path)
    clips = tuple(
        heard(clip) if clip.filed_by == "person" else heard(clip, "happy", emotion="happy")
        for clip in bank.clips
    )
    fields: dict = {
        "bank": replace(bank, clips=clips, head_id="prosody-x", notes=(DOUBT,)),
        "contents": {clip.path: content_of(clip.path) for clip in clips if clip.path.is_file()},
        "head_digest": "d1",
        "encoder_fingerprint": "f1",
        "speaker": SPEAKER,
        "built_at": "2026-01-02T03:04:05Z",
    }
    sidecar = Sidecar(**{**fields, **changes})
    write_sidecar(sidecar_path(path), sidecar)
    return sidecar


def same(one: Sidecar, other: Sidecar) -> bool:
    speakers = [sidecar.speaker for sidecar in (one, other)]
    if None not in speakers:
        a, b = speakers
        assert np.array_equal(a.mean, b.mean)
        assert np.array_equal(a.std, b.std)
        assert (a.n_segments, a.source) == (b.n_segments, b.source)
    fields = ("bank", "contents", "head_digest", "encoder_fingerprint", "built_at", "version")
    return all(getattr(one, name) == getattr(other, name) for name in fields)


@pytest.fixture
def bank(tmp_path) -> Path:
    """Two labelled clips and an unreadable one."""
    root = tmp_path / "bank"
    write_clip(root / "angry" / "1.wav").with_suffix(".lab").write_text("Go", "utf-8")
    write_clip(root / "sad" / "2.wav")
    (root / "sad" / "broken.wav").write_text("no audio")
    return root


# --- the file ------------------------------------------------------------------------------------


def test_a_sidecar_comes_back_equal(bank):
    written = build(bank, speaker=None)
    read = read_sidecar(bank)
    assert same(read, written)
    assert read.speaker is None
    written = build(bank)
    assert same(read_sidecar(bank / SIDECAR_NAME), written)
    assert read.head_id == "prosody-x"


def test_the_file_moves_with_its_bank(bank, tmp_path, monkeypatch):
    build(bank)
    set_pin(bank, "angry", "angry/1.wav")
    text = (bank / SIDECAR_NAME).read_text("utf-8")
    assert str(tmp_path) not in text
    assert '"angry/1.wav"' in text
    moved = tmp_path / "elsewhere" / "voice"
    shutil.copytree(bank, moved)  # with new times: contents are compared
    for place in (moved, moved / SIDECAR_NAME):
        loaded = load_bank(place)
        assert only(loaded, "1.wav").probabilities == {"angry": 0.75, "sad": 0.25}
        assert loaded.pins == {"angry": moved / "angry" / "1.wav"}
    monkeypatch.chdir(moved.parent)
    assert load_bank("voice").pins == {"angry": Path("voice/angry/1.wav")}


@given(
    speaker=st.builds(
        lambda pair, n: SpeakerStatistics(pair[0], pair[1], n, "bank:x"),
        arrays.arrays(np.float32, (2, 5), elements=st.floats(-(2.0**99), 2.0**99, width=32)),
        st.integers(1, 99999),
    ),
    text=st.text(st.characters(codec="utf-8")),
    emotion=st.text(st.characters(codec="utf-8"), max_size=9),
    name=st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=20),
    probability=st.floats(0, 1),
)
def test_anything_in_a_clip_comes_back(tmp_path_factory, speaker, text, emotion, name, probability):
    folder = tmp_path_factory.mktemp("any")
    path = folder / f"x{name}.wav"
    clip = heard(
        ReferenceClip(path, emotion, text, "", 3.5, DOUBT), probabilities={emotion: probability}
    )
    written = Sidecar(
        ReferenceBank("v", folder, "experiment", (clip, clip), pins={emotion: path}),
        {path: ClipContent("00", 2**40, 2**62)},
        speaker=speaker,
    )
    write_sidecar(folder / SIDECAR_NAME, written)
    assert same(read_sidecar(folder), written)


def test_names_that_are_no_unicode_come_back(tmp_path):
    path = tmp_path / os.fsdecode(b"\xb8\xdf.wav")
    written = Sidecar(
        ReferenceBank("v", tmp_path, "clips", (ReferenceClip(path, "", "好", "", 4.0),))
    )
    write_sidecar(tmp_path / SIDECAR_NAME, written)
    assert same(read_sidecar(tmp_path), written)


def test_it_lies_inside_a_folder_and_beside_a_file(tmp_path):
    folder = tmp_path / "a.b"
    folder.mkdir()
    (folder / "x.list").touch()
    assert sidecar_path(folder) == folder / SIDECAR_NAME
    assert sidecar_path(folder / "x.list") == folder / "x.list.bank.json"
    assert sidecar_path(folder / "infer_config.json") == folder / SIDECAR_NAME
    assert sidecar_path(folder / SIDECAR_NAME) == folder / SIDECAR_NAME


def test_statistics_are_for_the_head_that_gathered_them(bank):
    sidecar = build(bank)
    assert statistics_of(sidecar) is SPEAKER
    assert statistics_of(sidecar, head_digest="d1") is SPEAKER
    assert statistics_of(sidecar, head_digest="d2") is None
    assert statistics_of(replace(sidecar, speaker=None)) is None


def change(key: str, value: object):
    def breaking(held: dict) -> dict:
        return {**held, key: value}

    return breaking


@pytest.mark.parametrize(
    ("breaking", "message"),
    [
        (change("version", 2), "is of version 2, written by a newer gpt-sovits-emotion"),
        (change("version", "1"), r"is damaged \(its version is '1'\)"),
        (change("version", True), r"is damaged \(its version is True\)"),
        (change("format", "x"), "was not written by gpt-sovits-emotion"),
        (change("bank", {}), "is damaged .*root.* is missing"),
        (change("bank", []), "is damaged"),
        (change("clips", 3), "is damaged"),
        (change("clips", [{"path": "a"}]), "is damaged"),
        (change("clips", [{"path": 3}]), "is damaged"),
        (change("contents", {"a": {}}), "is damaged .*sha256.* is missing"),
        (change("speaker", {"mean": "!", "std": "", "n_segments": 1, "source": ""}), "is damaged"),
        (
            change(
                "speaker", {"mean": "AACAfw==", "std": "AAAAAA==", "n_segments": 1, "source": ""}
            ),
            "is damaged .*not finite",
        ),
        (
            change("speaker", {"mean": "AAAAAA==", "std": "", "n_segments": 1, "source": ""}),
            "is damaged .*1 values, the deviation 0",
        ),
        (lambda held: [held], "was not written by gpt-sovits-emotion"),
        (lambda held: json.dumps(held)[:-40], "is damaged|was not written"),
    ],
)
def test_a_broken_sidecar_is_told_and_never_overwritten(bank, breaking, message):
    build(bank)
    path = bank / SIDECAR_NAME
    broken = breaking(json.loads(path.read_text("utf-8")))
    path.write_text(json.dumps(broken), "utf-8")
    data = path.read_bytes()
    for act in (lambda: load_bank(bank), lambda: set_pin(bank, "sad", "sad/2.wav")):
        with pytest.raises(ReferenceBankError, match=message) as caught:
            act()
        assert "\n" not in str(caught.value)
        check_says_the_same(caught.value)
    assert path.read_bytes() == data


@pytest.mark.parametrize("cut", [0, 1, 100, -2])
def test_a_cut_off_sidecar_is_damaged(bank, cut):
    sidecar = build(bank)
    path = bank / SIDECAR_NAME
    path.write_bytes(path.read_bytes()[:cut])
    data = path.read_bytes()
    with pytest.raises(ReferenceBankError, match="is damaged"):
        load_bank(bank)
    with pytest.raises(ReferenceBankError, match="is damaged"):
        write_sidecar(path, sidecar)
    assert path.read_bytes() == data


def test_a_number_that_is_none_is_not_written(bank):
    sidecar = build(bank)
    before = (bank / SIDECAR_NAME).read_bytes()
    clips = tuple(replace(clip, intensity=math.nan) for clip in sidecar.bank.clips)
    with pytest.raises(ReferenceBankError, match="is not finite") as caught:
        write_sidecar(
            bank / SIDECAR_NAME, replace(sidecar, bank=replace(sidecar.bank, clips=clips))
        )
    check_says_the_same(caught.value)
    assert (bank / SIDECAR_NAME).read_bytes() == before
    assert {path.name for path in bank.iterdir()} == {"angry", "sad", SIDECAR_NAME}


def test_without_a_sidecar_one_is_told_to_build(bank):
    for path in (bank, bank / SIDECAR_NAME):
        with pytest.raises(ReferenceBankError, match="has not been built yet") as caught:
            read_sidecar(path)
        check_says_the_same(caught.value)
    with pytest.raises(ReferenceBankError, match="has not been built yet"):
        load_bank(bank / SIDECAR_NAME)


# --- laid over the bank --------------------------------------------------------------------------


def test_what_was_heard_is_laid_over_the_clips(bank):
    build(bank)
    loaded = load_bank(bank)
    assert (loaded.head_id, loaded.notes) == ("prosody-x", (DOUBT,))
    first, second = only(loaded, "1.wav"), only(loaded, "2.wav")
    assert (first.emotion, first.filed_by, first.text) == ("angry", "person", "Go")
    assert (second.emotion, second.text, second.language) == ("sad", "heard by Whisper", "en")
    for clip in (first, second):
        assert clip.probabilities == {"angry": 0.75, "sad": 0.25}
        assert clip.quality == ClipQuality(-20.5, 31.0, 0.0, 4.5, None)
        assert (clip.intensity, clip.consistency, clip.doubts) == (0.5, 0.9, (DOUBT,))
        assert clip.problem is None
    assert "not audio" in only(loaded, "broken.wav").problem.en


def test_what_a_person_writes_holds_against_the_sidecar(bank):
    build(bank)
    (bank / "angry" / "1.lab").write_text("Get out", "utf-8")
    (bank / "happy").mkdir()
    (bank / "sad" / "2.wav").rename(bank / "happy" / "2.wav")
    write_clip(bank / "calm" / "new.wav")
    loaded = load_bank(bank)
    first = only(loaded, "1.wav")
    assert (first.text, first.probabilities["angry"]) == ("Get out", 0.75)
    gone, moved = (clip for clip in loaded.clips if clip.path.name == "2.wav")
    if gone.problem is None:
        gone, moved = moved, gone
    assert gone.problem.en.startswith("gone: ")
    assert gone.probabilities
    assert (moved.emotion, moved.probabilities, moved.problem) == ("happy", {}, None)
    assert only(loaded, "new.wav").probabilities == {}


def test_a_clip_that_changed_counts_as_unlistened(bank):
    build(bank)
    clip = bank / "angry" / "1.wav"
    before = clip.stat()
    write_clip(clip)  # of the same size
    os.utime(clip, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    changed = only(load_bank(bank), "1.wav")
    assert changed.doubts[0].en.startswith("changed since it was listened to")
    assert (changed.probabilities, changed.quality, changed.intensity) == ({}, None, None)
    assert (changed.emotion, changed.text, changed.problem) == ("angry", "Go", None)
    write_clip(clip, duration_s=1.0)
    changed = only(load_bank(bank), "1.wav")
    assert changed.problem.en.startswith("too short")
    clip.write_text("not audio any more")
    assert "not audio" in only(load_bank(bank), "1.wav").problem.en


def test_a_clip_whose_time_alone_changed_is_the_same(tmp_path):
    clip = write_clip(tmp_path / "a.wav")
    content = content_of(clip)
    os.utime(clip, (1, 1))
    assert is_unchanged(clip, content)
    with clip.open("r+b") as stream:
        stream.seek(100)
        stream.write(b"\1\2\3\4")
    assert not is_unchanged(clip, content)
    clip.unlink()
    with pytest.raises(OSError, match="No such file"):
        is_unchanged(clip, content)


def test_a_refusal_of_the_builder_holds_and_lengths_are_the_hosts(bank):
    noisy = Sentence("clipped: 30 % of its samples", "削波：30 % 的采样")
    sidecar = build(bank)
    clips = tuple(
        replace(
            clip, problem=noisy if clip.path.name == "1.wav" else Sentence("too short: x", "太短")
        )
        for clip in sidecar.bank.clips
    )
    write_sidecar(bank / SIDECAR_NAME, replace(sidecar, bank=replace(sidecar.bank, clips=clips)))
    loaded = load_bank(bank)
    assert only(loaded, "1.wav").problem == noisy
    assert only(loaded, "2.wav").problem is None
    with pytest.raises(ReferenceBankError, match="too long: 4"):
        load_bank(bank, reference_min_s=1, reference_max_s=2)


def test_labels_that_a_head_gave_are_taken_from_the_sidecar(tmp_path):
    write_clip(tmp_path / "a.wav")
    write_clip(tmp_path / "b.wav")
    path = tmp_path / "anna.list"
    path.write_text("a.wav|anna|zh|好\nb.wav|anna|zh|好|sad|\n", "utf-8")
    assert [clip.emotion for clip in load_bank(path).clips] == ["", "sad"]
    build(path)
    assert (tmp_path / "anna.list.bank.json").is_file()
    assert not (tmp_path / SIDECAR_NAME).exists()
    for named in (path, tmp_path / "anna.list.bank.json"):
        loaded = load_bank(named)
        assert [(clip.emotion, clip.filed_by) for clip in loaded.clips] == [
            ("happy", "head"),
            ("sad", "person"),
        ]
    path.write_text("b.wav|anna|zh|好|angry|\n", "utf-8")  # a row less, another label
    assert [(clip.emotion, clip.filed_by) for clip in load_bank(path).clips] == [
        ("angry", "person")
    ]
    path.unlink()
    assert len(load_bank(tmp_path / "anna.list.bank.json").clips) == 2


def test_a_bank_that_no_reader_knows_is_listed_by_its_sidecar(tmp_path):
    clips = tuple(
        heard(
            ReferenceClip(
                write_clip(tmp_path / "5-wav32k" / name), "sad", "", "", 4.0, filed_by="head"
            )
        )
        for name in ("a.wav", "b.wav")
    )
    bank = ReferenceBank("exp", tmp_path, "experiment", clips)
    contents = {clip.path: content_of(clip.path) for clip in clips}
    write_sidecar(tmp_path / SIDECAR_NAME, Sidecar(bank, contents, built_at="2026"))
    clips[1].path.unlink()
    loaded = load_bank(tmp_path)
    assert (loaded.layout, loaded.voice) == ("experiment", "exp")
    assert only(loaded, "a.wav") == clips[0]
    assert only(loaded, "b.wav").problem.en.startswith("gone: ")


def test_an_exported_bank_keeps_what_is_known(bank, tmp_path):
    sidecar = build(bank)
    set_pin(bank, "angry", "angry/1.wav")
    for layout in ("names", "brackets", "infer_config"):
        folder = export_bank(
            load_bank(bank), tmp_path / layout, layout=layout, sidecar=read_sidecar(bank)
        )
        again = load_bank(folder)
        here = {clip.emotion: replace(clip, path=Path()) for clip in again.usable}
        there = {clip.emotion: replace(clip, path=Path()) for clip in load_bank(bank).usable}
        assert here == there
        assert again.head_id == "prosody-x"
        assert [path.parent.is_relative_to(folder) for path in again.pins.values()] == [True]
        written = read_sidecar(folder)
        assert (written.head_digest, written.built_at) == ("d1", sidecar.built_at)
        assert np.array_equal(written.speaker.mean, SPEAKER.mean)


# --- pins ----------------------------------------------------------------------------------------


def test_a_person_pins_and_unpins(bank):
    set_pin(bank, "生气", bank / "angry" / "1.wav")
    set_pin(bank, "默认", "sad/2.wav")
    assert load_bank(bank).pins == {"angry": bank / "angry/1.wav", "": bank / "sad/2.wav"}
    sidecar = read_sidecar(bank)
    assert (sidecar.built_at, sidecar.bank.clips) == ("", ())
    build(bank, bank=replace(heard_bank(bank), pins=sidecar.pins))
    set_pin(bank, "ANGER", None)
    loaded = load_bank(bank)
    assert loaded.pins == {"": bank / "sad" / "2.wav"}
    assert only(loaded, "1.wav").probabilities
    set_pin(bank, "sad", None)  # was not pinned: nothing happens


def heard_bank(path: Path) -> ReferenceBank:
    loaded = load_bank(path)
    return replace(loaded, clips=tuple(heard(clip) for clip in loaded.clips))


def test_a_pin_names_a_usable_clip_of_the_bank(bank, tmp_path):
    elsewhere = write_clip(tmp_path / "x.wav")
    for clip, message in (
        (elsewhere, "it is not in the bank"),
        ("1.wav", "it is not in the bank"),
        ("sad/broken.wav", "cannot be pinned: cannot be read"),
    ):
        with pytest.raises(ReferenceBankError, match=message) as caught:
            set_pin(bank, "sad", clip)
        check_says_the_same(caught.value)
    assert not (bank / SIDECAR_NAME).exists()


def test_thousands_of_clips_with_a_sidecar(tmp_path):
    for number in range(1000):
        path = tmp_path / ("happy", "sad")[number % 2] / f"{number}.wav"
        write_clip(path, duration_s=3.1 + number % 3 / 10)
    build(tmp_path)
    loaded = load_bank(tmp_path)
    assert len(loaded.usable) == 1000
    assert all(clip.probabilities for clip in loaded.clips)
