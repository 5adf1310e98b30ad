"""Speaker profiles: kept, checked, applied, taken back, forgotten."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt_sovits_emotion.core.errors import HeadError, HeadMismatchError
from gpt_sovits_emotion.heads import load_head
from gpt_sovits_emotion.heads.profiles import (
    Replay,
    add,
    add_unlabelled,
    begin_profile,
    check_name,
    find_replay,
    for_speaker,
    forget,
    head_digest,
    known_speaker,
    list_profiles,
    load_profile,
    load_replay,
    profile_folder,
    save_profile,
    save_replay,
    undo_last,
)
from gpt_sovits_emotion.testing import FAKE_DIM, FAKE_LABELS, make_fake_head
from gpt_sovits_emotion.training.adapt import learn


@pytest.fixture
def head(fake_head):
    return load_head(fake_head)


@pytest.fixture(autouse=True)
def _own_data(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "data"))


def rows(n, seed=0):
    return np.random.default_rng(seed).normal(size=(n, FAKE_DIM)).astype(np.float32)


def make_replay(head, n=12):
    targets = np.arange(n) % len(FAKE_LABELS)
    return Replay.of(rows(n, 5), targets, head.mean, head.within_speaker_std)


def taught(head, n=6):
    profile = add_unlabelled(begin_profile(head, "anna"), rows(5, 1))
    labels = [FAKE_LABELS[i % len(FAKE_LABELS)] for i in range(n)]
    return learn(head, add(profile, rows(n, 2), labels, "talk.wav"), replay=make_replay(head))


# --- the record ------------------------------------------------------------------------------------


def test_adding_learns_nothing_and_undoing_takes_back_the_last_batch(head):
    profile = begin_profile(head, "anna")
    profile = add(profile, rows(2, 1), ["sad", "angry"], "a.wav")
    profile = add(profile, rows(3, 2), ["sad"] * 3, ["b1", "b2", "b3"])
    assert profile.mean is None
    assert not profile.up_to_date
    assert profile.counts == {"angry": 1, "sad": 4, "neutral": 0}
    assert for_speaker(head, profile) == (head, None)
    profile = undo_last(profile)
    assert [correction.source for correction in profile.corrections] == ["a.wav", "a.wav"]
    profile = undo_last(profile)
    assert not profile.corrections
    with pytest.raises(HeadError, match="no labelled clip of anna"):
        undo_last(profile)


def test_a_clip_that_is_labelled_again_has_the_new_label_and_undo_brings_the_old_one_back(head):
    clip = rows(1)
    profile = add(begin_profile(head, "anna"), clip, ["sad"], "x")
    profile = add(profile, clip, ["angry"], "x")
    assert profile.counts == {"angry": 1, "sad": 0, "neutral": 0}
    assert profile.n_clips == 1
    assert undo_last(profile).counts["sad"] == 1


def test_no_clip_counts_twice(head):
    clips = rows(6)
    once = add_unlabelled(begin_profile(head, "anna"), clips)
    twice = add_unlabelled(once, clips)
    assert twice.n_unlabelled == 6
    np.testing.assert_allclose(twice.unlabelled_sum, clips.sum(0), rtol=1e-5)
    labelled = add(twice, clips[:2], ["sad", "angry"], "x")
    assert (labelled.n_unlabelled, labelled.n_clips) == (4, 6)
    np.testing.assert_allclose(labelled.unlabelled_sum, clips[2:].sum(0), rtol=1e-4, atol=1e-5)
    assert add_unlabelled(labelled, clips).n_clips == 6


def test_what_was_learned_of_a_clip_goes_when_the_clip_is_taken_back(head):
    profile = taught(head)
    assert profile.up_to_date
    assert profile.members
    back = undo_last(profile)
    assert back.mean is None
    assert not back.members
    assert for_speaker(head, back) == (head, None)
    learned_again = learn(head, back)
    assert learned_again.mean is not None
    assert not learned_again.members


def test_a_batch_number_is_never_given_twice(head):
    profile = taught(head)
    back = undo_last(add(profile, rows(1, 9), ["sad"], "y"))
    assert back.up_to_date
    assert not add(back, rows(1, 10), ["sad"], "z").up_to_date


@pytest.mark.parametrize(
    ("embeddings", "labels", "words"),
    [
        (rows(2), ["sad", "happy"], "knows no 'happy'"),
        (rows(2), ["sad"], "came with 1 labels"),
        (rows(0), [], "came with 0 labels"),
        (rows(2)[:, :5], ["sad", "sad"], "was expected"),
        (np.full((1, FAKE_DIM), np.nan), ["sad"], "not finite"),
    ],
)
def test_what_does_not_fit_is_refused(head, embeddings, labels, words):
    with pytest.raises(HeadError, match=words):
        add(begin_profile(head, "anna"), embeddings, labels, "x")


def test_a_head_without_speaker_mode_cannot_be_fitted(head):
    only_global = replace(head, members={"global": head.members["global"]})
    with pytest.raises(HeadError, match="no speaker mode"):
        begin_profile(only_global, "anna")


# --- names -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["anna", "安娜", "Anna-Maria 2", "ö", "a.b", "x" * 60])
def test_ordinary_names_are_taken(name):
    check_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../x",
        "a/b",
        "a\\b",
        "a:b",
        "con",
        "COM1.txt",
        "x" * 61,
        " a",
        "a.",
        "a\n",
        "\x00",
    ],
)
def test_names_that_cannot_be_a_folder_are_refused(name):
    with pytest.raises(HeadError, match="cannot be a speaker's name") as caught:
        check_name(name)
    assert caught.value.zh is not None


@given(st.text(max_size=70))
def test_a_name_that_is_taken_stays_inside_the_folder_of_speakers(name):
    try:
        folder = profile_folder("some-head", name)
    except HeadError:
        return
    assert folder.parent.name == "some-head"
    assert folder.name == name
    assert ".." not in folder.parts


# --- files -----------------------------------------------------------------------------------------


def test_a_profile_comes_back_as_it_was_written(head):
    profile = taught(head)
    folder = save_profile(profile)
    found = load_profile(head, "anna")
    assert found is not None
    for name in (
        "corrections",
        "heard",
        "learned",
        "temperature",
        "recipe",
        "labels",
        "head_digest",
    ):
        assert getattr(found, name) == getattr(profile, name)
    np.testing.assert_array_equal(found.embeddings, profile.embeddings)
    np.testing.assert_array_equal(found.mean, profile.mean)
    fitted, statistics = for_speaker(head, found)
    wanted, _ = for_speaker(head, profile)
    probe = rows(20, 8)
    np.testing.assert_allclose(
        fitted.probabilities(probe, statistics), wanted.probabilities(probe, statistics), atol=5e-3
    )
    assert sorted(path.name for path in folder.iterdir()) == ["profile.safetensors", "profile.yaml"]
    assert "anna" in (folder / "profile.yaml").read_text(encoding="utf-8")


@pytest.mark.skipif(os.name == "nt", reason="modes of POSIX")
def test_a_profile_is_its_owners_alone(head):
    folder = save_profile(taught(head))
    for path in (folder, folder.parent, folder.parent.parent):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_head_is_never_changed(head, fake_head):
    before = head_digest(head)
    fitted, statistics = for_speaker(head, taught(head))
    assert statistics is not None
    assert head_digest(head) == before == head_digest(load_head(fake_head))
    assert head_digest(fitted) != before
    assert fitted.members["global"] is head.members["global"]


def test_a_profile_of_another_head_or_of_changed_weights_is_refused(head, tmp_path):
    profile = taught(head)
    save_profile(profile)
    other = replace(head, card=replace(head.card, id="other"))
    with pytest.raises(HeadMismatchError, match="not for 'other'") as caught:
        for_speaker(other, profile)
    assert caught.value.zh
    members = {
        mode: tuple(replace(member, b2=member.b2 + 1) for member in found)
        for mode, found in head.members.items()
    }
    with pytest.raises(HeadMismatchError, match="has been replaced since") as caught:
        load_profile(replace(head, members=members), "anna")
    assert caught.value.zh


def test_nothing_known_is_said_with_who_is_known(head):
    assert load_profile(head, "anna") is None
    with pytest.raises(HeadError, match="known: nobody"):
        known_speaker(head, "anna")
    save_profile(taught(head))
    with pytest.raises(HeadError, match="known: anna"):
        known_speaker(head, "berta")
    assert known_speaker(head, "anna").speaker == "anna"


def test_forgetting_deletes_the_folder_and_nothing_else(head):
    save_profile(taught(head))
    save_profile(begin_profile(head, "berta"))
    other = begin_profile(replace(head, card=replace(head.card, id="other")), "anna")
    save_profile(other)
    assert [entry.speaker for entry in list_profiles("fake-head")] == ["anna", "berta"]
    assert len(forget("anna", head_id="fake-head")) == 1
    assert [(entry.head_id, entry.speaker) for entry in list_profiles()] == [
        ("fake-head", "berta"),
        ("other", "anna"),
    ]
    assert forget("nobody") == ()
    assert len(forget(None)) == 2
    assert list_profiles() == ()


def test_a_damaged_profile_says_so_and_does_not_hide_the_others(head):
    save_profile(begin_profile(head, "berta"))
    path = save_profile(taught(head)) / "profile.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(HeadError, match="damaged or was cut off"):
        load_profile(head, "anna")
    anna, berta = list_profiles()
    assert anna.problem is not None
    assert berta.problem is None


def _rewritten(folder, change):
    from safetensors.numpy import load_file, save_file

    from gpt_sovits_emotion.heads.weights import read_numbers

    path = folder / "profile.safetensors"
    words = json.loads(read_numbers(path, max_bytes=1 << 20).metadata["profile"])
    tensors = load_file(path)
    change(words, tensors)
    save_file(tensors, path, {"profile": json.dumps(words)})


@pytest.mark.parametrize(
    "change",
    [
        lambda words, tensors: words.update(speaker="someone else"),
        lambda words, tensors: words.update(version=2),
        lambda words, tensors: words.pop("corrections"),
        lambda words, tensors: words["corrections"].pop(),
        lambda words, tensors: words["corrections"][0].update(label="furious"),
        lambda words, tensors: words.update(temperature=-1),
        lambda words, tensors: tensors.pop("speaker.0.mlp.0.bias"),
        lambda words, tensors: tensors.update({"extra": np.zeros(3, np.float32)}),
        lambda words, tensors: tensors.update({"mean": np.full(FAKE_DIM, np.inf, np.float32)}),
        lambda words, tensors: tensors.update({"mean": np.zeros(3, np.float32)}),
    ],
)
def test_a_profile_that_contradicts_itself_is_refused(head, change):
    folder = save_profile(taught(head))
    _rewritten(folder, change)
    with pytest.raises(HeadError, match="not a sound speaker profile"):
        load_profile(head, "anna")


# --- replay rows -----------------------------------------------------------------------------------


def test_replay_rows_come_back_and_are_told_from_another_heads(head, fake_head, tmp_path):
    assert load_replay(fake_head, head) is None
    assert find_replay(head, [fake_head.parent]) is None
    replay = make_replay(head)
    save_replay(fake_head, replay)
    found = load_replay(fake_head, head)
    assert found is not None
    np.testing.assert_allclose(found.rows, replay.rows, atol=2e-3)
    np.testing.assert_array_equal(found.targets, replay.targets)
    assert find_replay(head, [fake_head.parent]) is not None
    assert find_replay(head, [fake_head]) is not None
    other = replace(head, mean=head.mean + 1)
    assert find_replay(other, [fake_head.parent]) is None
    with pytest.raises(HeadError, match="belongs to other weights"):
        load_replay(fake_head, other)


def test_replay_rows_that_do_not_fit_are_refused(head, fake_head):
    missing = Replay.of(rows(4), np.zeros(4, int), head.mean, head.within_speaker_std)
    save_replay(fake_head, missing)
    with pytest.raises(HeadError, match="of all 3 labels"):
        load_replay(fake_head, head)


def test_a_head_with_replay_rows_still_keeps_its_contract(tmp_path):
    from gpt_sovits_emotion.testing import check_head

    folder = make_fake_head(tmp_path / "fake-head")
    save_replay(folder, make_replay(load_head(folder)))
    check_head(folder)


def test_what_a_bank_taught_is_kept_and_not_changed_by_hand(head):
    profile = replace(taught(head), bank="/voices/anna", lesson="abc")
    save_profile(profile)
    found = load_profile(head, "anna")
    assert (found.bank, found.lesson) == ("/voices/anna", "abc")
    assert found.say().en == (
        "anna: fitted to the voice of /voices/anna from 6 clips with your own labels "
        "(angry 2, sad 2, neutral 2) and 5 without"
    )
    assert for_speaker(head, found)[1].source == "voice:angry 2, sad 2, neutral 2"
    for change in (
        lambda: add(found, rows(1, 9), ["sad"], "more.wav"),
        lambda: add_unlabelled(found, rows(1, 9)),
        lambda: undo_last(found),
    ):
        with pytest.raises(HeadError, match="as a whole"):
            change()
