"""Building a bank: measured, heard, judged, kept, and the same whatever comes between."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from importlib import resources

import numpy as np
import pytest
import torch
from banking_files import talk, training
from conftest import voiced

from gpt_sovits_emotion.audio import write_wav
from gpt_sovits_emotion.banks import load_bank
from gpt_sovits_emotion.banks.building import build_bank, engines_to_listen, listing
from gpt_sovits_emotion.banks.building.consistency import DOUBTFUL, consistency
from gpt_sovits_emotion.banks.building.hearing import Question, estimate_snr_db, hear
from gpt_sovits_emotion.banks.building.journal import (
    Journal,
    Kept,
    journal_path,
    key_of,
    only_build,
)
from gpt_sovits_emotion.banks.building.processes import hear_all
from gpt_sovits_emotion.banks.building.quality_warnings import units_of
from gpt_sovits_emotion.banks.building.style_check import is_one_mood
from gpt_sovits_emotion.banks.library.bank import set_pin
from gpt_sovits_emotion.banks.library.sidecar import SIDECAR_NAME, read_sidecar
from gpt_sovits_emotion.core.character_errors import character_error_rate
from gpt_sovits_emotion.core.errors import OutputError, ReferenceBankError
from gpt_sovits_emotion.core.records import Audio
from gpt_sovits_emotion.encoders.feature_cache import FeatureCache
from gpt_sovits_emotion.encoders.prosody import ProsodyEncoder
from gpt_sovits_emotion.heads import load_head, save_head
from gpt_sovits_emotion.heads.card import EncoderSpec
from gpt_sovits_emotion.testing import fake_card, fake_tensors

_MILD = {"global": 60.0, "speaker": 60.0}  # random weights shout


@pytest.fixture(scope="module")
def prosody_head(tmp_path_factory):
    """A head on the prosody encoder with random weights."""
    encoder = ProsodyEncoder()
    spec = EncoderSpec("prosody", encoder.dim, encoder.fingerprint, 16_000, "functionals")
    folder = tmp_path_factory.mktemp("heads") / "prosody-random"
    card = fake_card(id="prosody-random", encoder=spec, temperature=_MILD)
    save_head(folder, card, fake_tensors(dim=encoder.dim))
    return folder


@pytest.fixture(scope="module")
def stored_head(tmp_path_factory):
    """A head on HuBERT's last layer with random weights."""
    spec = EncoderSpec("hubert:12", 1536, "hubert-somebody", 16_000, "mean and deviation")
    folder = tmp_path_factory.mktemp("heads") / "stored-random"
    card = fake_card(id="stored-random", encoder=spec, temperature=_MILD)
    save_head(folder, card, fake_tensors(dim=1536))
    return folder


def clips_in(folder, n_clips=6, duration_s=3.2):
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(n_clips):
        samples = voiced(
            duration_s + 0.1 * number, f0_hz=120 + 8 * number, syllables_per_s=3 + number % 3
        )
        noise = np.random.default_rng(number).standard_normal(len(samples)) * 1e-3
        audio = Audio((samples + noise).astype(np.float32), 16_000)
        write_wav(folder / f"{number:04d}.wav", audio)
    return folder


def build(folder, head, **given):
    return build_bank(folder, engines=engines_to_listen(head), **given)


def sidecar_of(folder):
    """The sidecar's text without the date."""
    text = (folder / SIDECAR_NAME).read_text(encoding="utf-8")
    return text.replace(json.loads(text)["built_at"], "")


def tree_of(folder):
    return {
        path.relative_to(folder): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and "gpt_sovits_emotion" not in path.name
    }


# --- one clip --------------------------------------------------------------------------------------


@pytest.mark.parametrize("true_db", [10.0, 20.0, 30.0])
def test_the_noise_of_a_clip_with_pauses_is_estimated(true_db):
    speech = np.concatenate([voiced(2.0), np.zeros(16_000, np.float32)])
    power = float(np.mean(np.square(voiced(2.0))))
    noise = np.random.default_rng(0).standard_normal(len(speech))
    noisy = speech + noise * np.sqrt(power / 10 ** (true_db / 10))
    assert estimate_snr_db(noisy.astype(np.float32)) == pytest.approx(true_db, abs=2.5)


def test_digital_silence_is_no_background():
    silence = np.zeros(16_000, np.float32)
    quiet = voiced(2.0)
    with_silence = np.concatenate([quiet, silence])
    assert estimate_snr_db(silence) is None
    assert estimate_snr_db(with_silence) == pytest.approx(estimate_snr_db(quiet), abs=1.0)


def test_what_is_measured_of_a_clip(tmp_path):
    samples = np.clip(voiced(3.0, level=1.2), -1, 1)
    write_wav(tmp_path / "loud.wav", Audio(samples, 16_000))
    write_wav(tmp_path / "soft.wav", Audio(samples / 50, 16_000))
    loud, soft = (hear(Question(tmp_path / f"{name}.wav", True)) for name in ("loud", "soft"))
    assert loud.facts.duration_s == pytest.approx(3.0)
    assert loud.facts.quality.clipped == pytest.approx(np.mean(np.abs(samples) >= 1), abs=0.01)
    assert soft.facts.quality.clipped == 0
    difference_db = loud.facts.quality.level_dbfs - soft.facts.quality.level_dbfs
    assert difference_db == pytest.approx(20 * np.log10(50), abs=0.1)
    assert loud.facts.quality.f0_median_hz == pytest.approx(150, rel=0.1)
    np.testing.assert_allclose(loud.rows["voice"], soft.rows["voice"], atol=2)
    expected = ProsodyEncoder().encode([Audio(samples.astype(np.float32), 16_000)])[0]
    assert loud.rows["prosody"].shape == expected.shape


def test_a_clip_that_cannot_be_read_has_a_problem_and_the_others_are_heard(tmp_path):
    clips_in(tmp_path, 2)
    (tmp_path / "bad.wav").write_bytes(b"no audio")
    names = ["0000.wav", "bad.wav", "gone.wav", "0001.wav"]
    questions = [(i, Question(tmp_path / name, False)) for i, name in enumerate(names)]
    heard = dict(hear_all(questions, n_jobs=2))
    assert [heard[i].facts.problem is None for i in range(4)] == [True, False, False, True]
    assert heard[1].facts.problem.en.startswith("cannot be read")
    assert heard[1].facts.problem.zh.startswith("无法读取")


def test_processes_hear_what_this_process_hears(tmp_path):
    clips_in(tmp_path, 1)
    question = Question(tmp_path / "0000.wav", True)
    ((_, there),) = hear_all([(7, question)], n_jobs=1)
    here = hear(question)
    assert there.facts == here.facts
    np.testing.assert_allclose(there.rows["prosody"], here.rows["prosody"], rtol=1e-4, atol=1e-4)


# --- the journal -----------------------------------------------------------------------------------


def test_what_was_kept_is_found_by_the_next_build(tmp_path):
    with Journal(tmp_path / "x.work") as journal:
        journal.keep(b"one", Kept("words", np.arange(3, dtype=np.float32)))
        journal.keep(b"two", Kept("more"))
    with Journal(tmp_path / "x.work") as journal:
        found = journal.find([b"one", b"two", b"three"])
        assert set(found) == {b"one", b"two"}
        assert found[b"one"].words == "words"
        np.testing.assert_array_equal(found[b"one"].numbers, [0, 1, 2])


def test_a_journal_of_the_first_release_is_read(tmp_path):
    connection = sqlite3.connect(tmp_path / "x.work")
    connection.executescript(
        "PRAGMA application_id=1735615831; PRAGMA user_version=1;"
        "CREATE TABLE kept (key BLOB PRIMARY KEY, checksum INTEGER NOT NULL,"
        " words TEXT NOT NULL, numbers BLOB NOT NULL);"
        "CREATE TABLE files (path TEXT PRIMARY KEY, n_bytes INTEGER NOT NULL,"
        " modified_ns INTEGER NOT NULL, sha256 TEXT NOT NULL);"
        "INSERT INTO kept VALUES (x'6b6579', 823813652, 'ja', x'0000803f');"
    )
    connection.close()
    with Journal(tmp_path / "x.work") as journal:
        found = journal.find([b"key"])[b"key"]
        assert (found.words, found.numbers.tolist()) == ("ja", [1.0])


def test_what_a_build_did_not_need_is_forgotten(tmp_path):
    with Journal(tmp_path / "x.work") as journal:
        journal.keep(b"old", Kept("old"))
    with Journal(tmp_path / "x.work") as journal:
        journal.keep(b"new", Kept("new"))
        journal.forget_unused()
    with Journal(tmp_path / "x.work") as journal:
        assert set(journal.find([b"old", b"new"])) == {b"new"}


def test_a_file_is_read_again_only_when_it_changed(tmp_path, monkeypatch):
    clip = tmp_path / "a.wav"
    clip.write_bytes(b"one")
    with Journal(tmp_path / "x.work") as journal:
        first = journal.content(clip, name="a.wav")
    assert first.sha256 == hashlib.sha256(b"one").hexdigest()
    with monkeypatch.context() as patched, Journal(tmp_path / "x.work") as journal:
        patched.setattr(
            "gpt_sovits_emotion.banks.building.journal.content_of",
            lambda _: pytest.fail("was read"),
        )
        assert journal.content(clip, name="a.wav") == first
    clip.write_bytes(b"two")
    os.utime(clip, ns=(1, first.modified_ns + 10**9))
    with Journal(tmp_path / "x.work") as journal:
        assert journal.content(clip, name="a.wav").sha256 == hashlib.sha256(b"two").hexdigest()


@pytest.mark.parametrize("kind", ["garbage", "other program"])
def test_a_damaged_journal_is_begun_anew(tmp_path, kind):
    path = tmp_path / "x.work"
    if kind == "garbage":
        path.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    else:
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE theirs (x)")
        connection.close()
    with Journal(path) as journal:
        journal.keep(b"key", Kept("words"))
        assert journal.find([b"key"])[b"key"].words == "words"


def test_a_row_that_was_damaged_counts_as_not_there(tmp_path):
    path = tmp_path / "x.work"
    with Journal(path) as journal:
        journal.keep(b"key", Kept("words"))
    connection = sqlite3.connect(path)
    connection.execute("UPDATE kept SET words = 'other'")
    connection.commit()
    connection.close()
    with Journal(path) as journal:
        assert not journal.find([b"key"])


def test_keys_tell_their_parts_apart():
    assert key_of("ab", "c") != key_of("a", "bc")


def test_the_second_of_two_builds_says_so(tmp_path, prosody_head):
    folder = clips_in(tmp_path / "bank", 2)
    with only_build(folder / SIDECAR_NAME):
        with pytest.raises(ReferenceBankError, match="another build") as caught:
            build(folder, prosody_head)
        assert caught.value.zh is not None
    build(folder, prosody_head)


@pytest.mark.skipif(
    os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere; run as another user"
)
def test_a_folder_that_may_not_be_written_is_said(tmp_path, prosody_head):
    folder = clips_in(tmp_path / "bank", 2)
    folder.chmod(0o500)
    try:
        with pytest.raises(OutputError):
            build(folder, prosody_head)
    finally:
        folder.chmod(0o700)


def test_a_lock_that_cannot_be_opened_is_said_to_whoever_may_write_anywhere(tmp_path, prosody_head):
    folder = clips_in(tmp_path / "bank", 2)
    (folder / f".{SIDECAR_NAME}.lock").mkdir()
    with pytest.raises(OutputError, match="nothing can be written into"):
        build(folder, prosody_head)


# --- what is judged --------------------------------------------------------------------------------


def test_an_intruder_is_the_least_consistent():
    rng = np.random.default_rng(0)
    own = rng.standard_normal((60, 26)) @ rng.standard_normal((26, 26)) * 0.3
    intruder = own.mean(axis=0) + 8 * own.std(axis=0) * rng.choice([-1, 1], 26)
    scores = consistency(np.vstack([own, intruder]))
    assert scores[-1] == scores.min()
    assert scores[-1] < DOUBTFUL
    assert np.median(scores) > 0.9
    assert ((scores >= 0) & (scores <= 1)).all()


def test_a_few_clips_or_copies_of_one_say_nothing_of_what_is_usual():
    assert consistency(np.zeros((9, 26))) is None
    np.testing.assert_array_equal(consistency(np.zeros((12, 26))), np.ones(12))


def test_one_mood_is_told_from_several(prosody_head):
    head = load_head(prosody_head)
    rng = np.random.default_rng(1)
    varied = head.mean + 3 * head.std * rng.standard_normal((40, len(head.mean)))
    same = head.mean + 1e-4 * head.std * rng.standard_normal((40, len(head.mean)))
    assert is_one_mood(head, varied.astype(np.float32)) is None
    assert is_one_mood(head, same.astype(np.float32)) in head.card.labels


@pytest.mark.parametrize(
    ("text", "expected"), [("你好，世界", 4), ("banana", 2), ("", 0), ("…", 0)]
)
def test_units_of_a_text(text, expected):
    assert units_of(text) == pytest.approx(expected)


# --- a build ---------------------------------------------------------------------------------------


def test_a_folder_of_clips_becomes_a_bank_and_nothing_of_it_is_changed(tmp_path, prosody_head):
    folder = clips_in(tmp_path / "my voice", 6)
    (folder / "0001.txt").write_text("ba na na ba na na ba na na", encoding="utf-8")
    (folder / "0002.txt").write_text("x" * 400, encoding="utf-8")
    (folder / "bad.wav").write_bytes(b"no audio")
    (folder / "copy.wav").write_bytes((folder / "0003.wav").read_bytes())
    clips_in(tmp_path / "short", 1, 1.0)
    (folder / "short.wav").write_bytes((tmp_path / "short" / "0000.wav").read_bytes())
    before = tree_of(folder)
    told = []
    bank = build(
        folder, prosody_head, n_jobs=2, progress=lambda share, words: told.append((share, words))
    )
    assert tree_of(folder) == before
    by_name = {clip.path.name: clip for clip in bank.clips}
    assert len(bank.clips) == 9
    assert bank.head_id == "prosody-random"
    first = by_name["0000.wav"]
    assert first.filed_by == "head"
    assert sum(first.probabilities.values()) == pytest.approx(1, abs=1e-3)
    assert first.emotion in (*first.probabilities, "unsure")
    assert 0 <= first.intensity <= 1
    assert first.quality.f0_median_hz == pytest.approx(120, rel=0.1)
    assert by_name["0001.wav"].text.startswith("ba na")
    assert any("another one" in doubt.en for doubt in by_name["0002.wav"].doubts)
    assert any("text is unknown" in doubt.en for doubt in first.doubts)
    assert by_name["bad.wav"].problem.en.startswith("cannot be read")
    assert by_name["copy.wav"].problem.en.startswith("duplicate")
    assert by_name["copy.wav"].probabilities == by_name["0003.wav"].probabilities
    assert by_name["short.wav"].problem.en.startswith("too short")
    assert by_name["short.wav"].probabilities, "short clips say something of the voice, too"
    assert load_bank(folder) == bank
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0


def test_the_voice_s_own_clips_give_its_statistics(tmp_path, prosody_head):
    few = clips_in(tmp_path / "few", 4)
    bank = build(few, prosody_head)
    assert "fewer than the 5" in bank.notes[0].en
    assert read_sidecar(few).speaker is None
    many = clips_in(tmp_path / "many", 12)
    bank = build(many, prosody_head, n_jobs=2)
    sidecar = read_sidecar(many)
    if sidecar.speaker is None:
        assert "nearly all clips sound" in bank.notes[0].en
    else:
        assert sidecar.speaker.n_segments == 12
        assert sidecar.speaker.source == "bank:many"
        assert "own 12 clips" in bank.notes[0].en


def test_clips_of_one_mood_are_judged_with_the_training_statistics(
    tmp_path, prosody_head, monkeypatch
):
    folder = clips_in(tmp_path / "bank", 6)
    monkeypatch.setattr("gpt_sovits_emotion.banks.building.style_check._ONE_MOOD", 2.0)
    bank = build(folder, prosody_head)
    assert "that would vanish" in bank.notes[0].en
    assert read_sidecar(folder).speaker is None
    monkeypatch.setattr("gpt_sovits_emotion.banks.building.style_check._ONE_MOOD", -1.0)
    bank = build(folder, prosody_head)
    assert "own 6 clips" in bank.notes[0].en
    speaker = read_sidecar(folder).speaker
    assert speaker.n_segments == 6
    head = load_head(prosody_head)
    clip = bank.clips[0]
    audio = hear(Question(clip.path, True)).rows["prosody"]
    expected = head.probabilities(audio[None], speaker)[0]
    assert list(clip.probabilities.values()) == pytest.approx(list(expected), abs=2e-3)


def test_what_a_person_filed_stays_and_is_heard_all_the_same(tmp_path, prosody_head):
    bank_folder = tmp_path / "bank"
    clips_in(bank_folder / "傲娇", 2)
    clips_in(tmp_path / "more", 4)
    (bank_folder / "angry").mkdir()
    for path in sorted((tmp_path / "more").glob("*.wav"))[2:]:
        path.rename(bank_folder / "angry" / path.name)
    bank = build(bank_folder, prosody_head)
    assert {clip.emotion for clip in bank.clips} == {"傲娇", "angry"}
    assert {clip.filed_by for clip in bank.clips} == {"person"}
    assert all(clip.probabilities for clip in bank.clips)


def test_only_what_changed_is_heard_again(tmp_path, prosody_head, monkeypatch):
    folder = clips_in(tmp_path / "bank", 5)
    build(folder, prosody_head)
    set_pin(folder, "angry", folder / "0004.wav")
    asked = []

    def watched(questions, *, n_jobs):
        asked.extend(question.path.name for _, question in questions)
        return hear_all(questions, n_jobs=n_jobs)

    monkeypatch.setattr("gpt_sovits_emotion.banks.building.stages.hear_all", watched)
    build(folder, prosody_head)
    assert asked == []
    (folder / "0001.wav").unlink()
    (folder / "0003.wav").rename(folder / "renamed.wav")
    write_wav(folder / "0002.wav", Audio(voiced(4.0, f0_hz=220), 16_000))
    bank = build(folder, prosody_head)
    assert asked == ["0002.wav"]
    names = {clip.path.name for clip in bank.clips}
    assert names == {"0000.wav", "0002.wav", "0004.wav", "renamed.wav"}
    assert bank.pins == {"angry": folder / "0004.wav"}, "a person's pins outlive a build"
    again = sidecar_of(folder)
    for path in folder.glob("*.work"):
        path.unlink()
    (folder / SIDECAR_NAME).unlink()
    build(folder, prosody_head)
    set_pin(folder, "angry", folder / "0004.wav")
    assert sidecar_of(folder) == again, "a bank that was mended equals one that was built anew"


def test_embeddings_go_through_the_cache_of_trainings(tmp_path, prosody_head, monkeypatch):
    folder = clips_in(tmp_path / "bank", 3)
    with FeatureCache(tmp_path / "c.sqlite") as cache:
        build(folder, prosody_head, cache=cache)
        with_cache = sidecar_of(folder)
        assert cache.size_bytes > 3 * 4 * 1000
    (folder / SIDECAR_NAME).unlink()
    journal_path(folder / SIDECAR_NAME).unlink()
    wanted = []

    def watched(questions, *, n_jobs):
        wanted.extend(question.prosody for _, question in questions)
        return hear_all(questions, n_jobs=n_jobs)

    monkeypatch.setattr("gpt_sovits_emotion.banks.building.stages.hear_all", watched)
    with FeatureCache(tmp_path / "c.sqlite") as cache:
        build(folder, prosody_head, cache=cache)
    assert wanted == [False] * 3
    assert sidecar_of(folder) == with_cache


def test_stored_hubert_features_are_used_without_anybody_who_lends_hubert(tmp_path, stored_head):
    rows = [(f"{n}.wav", "HH AH0 L OW1", "None", "Hello") for n in range(6)]
    folder = training(tmp_path / "exp", rows)
    clips_in(folder / "5-wav32k", 0)
    for number in range(6):
        write_wav(
            folder / "5-wav32k" / f"{number}.wav",
            Audio(voiced(3.5, f0_hz=150 + 10 * number), 16_000),
        )
    (folder / "4-cnhubert" / "4.wav.pt").write_bytes(b"damaged")
    (folder / "4-cnhubert" / "5.wav.pt").unlink()
    before = tree_of(folder)
    bank = build(folder, stored_head, n_jobs=2)
    assert tree_of(folder) == before
    assert bank.layout == "experiment"
    assert any("nobody lends HuBERT" in note.en for note in bank.notes)
    heard = {clip.path.name: clip for clip in bank.clips}
    assert [bool(heard[f"{n}.wav"].probabilities) for n in range(6)] == [True] * 4 + [False] * 2
    assert any("cannot be read" in doubt.en for doubt in heard["4.wav"].doubts)
    assert any("no stored HuBERT" in doubt.en for doubt in heard["5.wav"].doubts)
    head = load_head(stored_head)
    stored = torch.load(folder / "4-cnhubert" / "0.wav.pt", weights_only=True)[0].detach().numpy()
    row = np.concatenate([stored.mean(axis=1), stored.std(axis=1)])[None]
    expected = head.probabilities(row, read_sidecar(folder).speaker)[0]
    assert list(heard["0.wav"].probabilities.values()) == pytest.approx(list(expected), abs=1e-3)
    assert (heard["0.wav"].text, heard["0.wav"].language) == ("Hello", "en")


def test_features_that_were_extracted_again_are_read_again(tmp_path, stored_head):
    folder = training(tmp_path / "exp", [("0.wav", "HH AH0", "None", "Hello")])
    write_wav(folder / "5-wav32k" / "0.wav", Audio(voiced(3.5), 16_000))
    before = build(folder, stored_head).clips[0].probabilities
    torch.save(5 * torch.randn(1, 768, 50), folder / "4-cnhubert" / "0.wav.pt")
    assert build(folder, stored_head).clips[0].probabilities != before


def test_odd_names_are_no_obstacle(tmp_path, prosody_head):
    folder = tmp_path / 'a bank|with "signs" 😀'
    clips_in(folder, 2)
    (folder / "0000.wav").rename(folder / "a|b 'c' \"d\" 😀.wav")
    bank = build(folder, prosody_head)
    assert {clip.path.name for clip in bank.clips} == {"0001.wav", "a|b 'c' \"d\" 😀.wav"}
    assert all(clip.probabilities for clip in bank.clips)


def test_a_bank_of_one_clip(tmp_path, prosody_head):
    bank = build(clips_in(tmp_path / "one", 1), prosody_head)
    assert len(bank.usable) == 1
    assert bank.clips[0].consistency is None


def test_a_bank_of_no_use_says_why(tmp_path, prosody_head):
    folder = clips_in(tmp_path / "short", 2, 1.0)
    (folder / "noise.wav").write_bytes(b"no sound")
    there = sorted(folder.iterdir())
    for learn in (None, False):
        with pytest.raises(ReferenceBankError, match="too short"):
            build(folder, prosody_head, learn=learn)
        assert sorted(folder.iterdir()) == there


def test_a_build_of_no_use_leaves_what_was_there(tmp_path, prosody_head):
    folder = clips_in(tmp_path / "bank", 2)
    build(folder, prosody_head)
    set_pin(folder, "happy", "0001.wav")
    there = {path: path.read_bytes() for path in folder.iterdir() if path.suffix == ".json"}
    for number, path in enumerate(sorted(folder.glob("*.wav"))):
        path.write_bytes(b"no sound any more" * (number + 1))
    with pytest.raises(ReferenceBankError, match="of no use"):
        build(folder, prosody_head)
    assert {path: path.read_bytes() for path in folder.iterdir() if path.suffix == ".json"} == there
    assert (folder / f"{SIDECAR_NAME}.work").is_file()
    clips_in(folder, 2)
    assert build(folder, prosody_head).pins


def test_a_sidecar_of_a_newer_version_is_left_alone(tmp_path, prosody_head):
    folder = clips_in(tmp_path / "bank", 1)
    build(folder, prosody_head)
    held = json.loads((folder / SIDECAR_NAME).read_text(encoding="utf-8"))
    held["version"] = 99
    (folder / SIDECAR_NAME).write_text(json.dumps(held), encoding="utf-8")
    with pytest.raises(ReferenceBankError, match="newer"):
        build(folder, prosody_head)
    assert json.loads((folder / SIDECAR_NAME).read_text(encoding="utf-8"))["version"] == 99


def test_a_folder_for_clips_is_for_recordings_alone(tmp_path, prosody_head):
    folder = clips_in(tmp_path / "bank", 1)
    with pytest.raises(ReferenceBankError, match="leave out --to"):
        build(folder, prosody_head, to=tmp_path / "there")


def test_a_long_recording_becomes_a_bank(tmp_path, prosody_head):
    bank = build(talk(tmp_path / "talk.wav"), prosody_head, to=tmp_path / "cut")
    assert bank.root == tmp_path / "cut"
    assert len(bank.usable) == len(list(bank.root.glob("*.wav"))) >= 4
    assert f"into {len(bank.clips)} clips" in bank.notes[0].en
    assert all(3.0 <= clip.duration_s <= 10.0 for clip in bank.clips)


# --- stopped, and killed ---------------------------------------------------------------------------


def test_a_build_that_was_stopped_goes_on_and_gives_the_same(tmp_path, prosody_head):
    folder = clips_in(tmp_path / "bank", 6)
    build(folder, prosody_head)
    wanted = sidecar_of(folder)
    (folder / SIDECAR_NAME).unlink()
    journal_path(folder / SIDECAR_NAME).unlink()
    n_asked = iter(range(100))
    with pytest.raises(ReferenceBankError, match="goes on from there") as caught:
        build(folder, prosody_head, cancelled=lambda: next(n_asked) > 9)
    assert caught.value.zh is not None
    assert not (folder / SIDECAR_NAME).exists()
    build(folder, prosody_head)
    assert sidecar_of(folder) == wanted


_IN_A_PROCESS = (
    "import sys; from gpt_sovits_emotion.banks.building import build_bank, engines_to_listen; "
    "build_bank(sys.argv[1], engines=engines_to_listen(sys.argv[2]), n_jobs=2)"
)


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL on Windows; run elsewhere")
@pytest.mark.slow
def test_a_build_that_was_killed_goes_on_and_gives_the_same(tmp_path, prosody_head):
    """A handful of moments; ``benchmarks/banking.py --kills 50`` has the rest."""
    folder = clips_in(tmp_path / "bank", 8)
    command = [sys.executable, "-c", _IN_A_PROCESS, str(folder), str(prosody_head)]
    began_s = time.monotonic()
    subprocess.run(command, check=True)
    took_s = time.monotonic() - began_s
    wanted = sidecar_of(folder)
    chance = random.Random(0)
    for _ in range(3):
        (folder / SIDECAR_NAME).unlink()
        journal_path(folder / SIDECAR_NAME).unlink()
        process = subprocess.Popen(command, start_new_session=True)
        try:
            process.wait(chance.uniform(0.4, 0.95) * took_s)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        build(folder, prosody_head, n_jobs=1)
        assert sidecar_of(folder) == wanted


# --- for other programs ----------------------------------------------------------------------------


def test_the_listing_is_plain_json_and_says_everything(tmp_path, prosody_head):
    folder = clips_in(tmp_path / "bank", 2)
    build(folder, prosody_head)
    set_pin(folder, "happy", folder / "0001.wav")
    held = listing(load_bank(folder))
    assert json.loads(json.dumps(held)) == held
    assert (held["format"], held["version"]) == ("gpt-sovits-emotion/listing", 1)
    (voice,) = held["voices"]
    assert (voice["voice"], voice["n_clips"], voice["n_usable"]) == ("bank", 2, 2)
    assert {each["label"] for each in voice["emotions"]} >= {"happy"}
    clip = voice["clips"][1]
    assert clip["pinned_for"] == ["happy"]
    assert set(clip) == {
        "path", "emotion", "filed_by", "text", "language", "duration_s", "usable", "problem",
        "probabilities", "intensity", "consistency", "quality", "doubts", "pinned_for",
    }  # fmt: skip


def test_a_pin_that_is_set_during_a_build_stays(tmp_path, prosody_head, monkeypatch):
    folder = clips_in(tmp_path / "voice", 3)
    build(folder, prosody_head)

    def heard_while_somebody_pins(questions, *, n_jobs):
        set_pin(folder, "angry", "0001.wav")
        return hear_all(questions, n_jobs=n_jobs)

    monkeypatch.setattr(
        "gpt_sovits_emotion.banks.building.stages.hear_all", heard_while_somebody_pins
    )
    clips_in(folder, 4)
    build(folder, prosody_head)
    assert load_bank(folder).pins == {"angry": folder / "0001.wav"}


def test_clips_without_text_are_written_down_by_whisper(tmp_path, whisper_base):
    from gpt_sovits_emotion.transcription import TranscribeOptions

    bank = resources.files("gpt_sovits_emotion") / "sample_data" / "voice_bank"
    for number, label in enumerate(("neutral", "happy")):
        (tmp_path / f"{number}.flac").write_bytes((bank / label / "en.flac").read_bytes())
    (tmp_path / "1.lab").write_text("给定的文本", encoding="utf-8")
    whisper = TranscribeOptions(model=str(whisper_base), allow_download=False)
    first, second = build(tmp_path, "prosody-emodb", whisper=whisper).clips
    said = (bank / "neutral" / "en.txt").read_text(encoding="utf-8").strip()
    assert character_error_rate(said, first.text) <= 0.1
    assert (first.language, second.text) == ("en", "给定的文本")
