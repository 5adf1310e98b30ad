"""A voice's labelled clips teach the head: from which clips, for whom, kept, and taken back."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from conftest import voiced
from filelock import FileLock

from gpt_sovits_emotion.audio import write_wav
from gpt_sovits_emotion.banks import export_bank, load_bank
from gpt_sovits_emotion.banks.building import (
    build_bank,
    engines_to_listen,
    find_sources,
    teaching,
    voice,
)
from gpt_sovits_emotion.banks.building.adaptation_sets import plan_lesson, profile_name
from gpt_sovits_emotion.banks.building.journal import journal_path
from gpt_sovits_emotion.banks.building.teaching import forget_speaker, held_out, teach
from gpt_sovits_emotion.banks.building.voice import open_voice
from gpt_sovits_emotion.banks.library.bank import set_pin, set_teaching
from gpt_sovits_emotion.banks.library.sidecar import read_sidecar, sidecar_path
from gpt_sovits_emotion.cli import main
from gpt_sovits_emotion.core.locking import locked
from gpt_sovits_emotion.core.records import Audio
from gpt_sovits_emotion.encoders.prosody import ProsodyEncoder
from gpt_sovits_emotion.engines import open_engines
from gpt_sovits_emotion.heads import load_head, profile_files, save_head
from gpt_sovits_emotion.heads.card import EncoderSpec
from gpt_sovits_emotion.heads.profiles import head_digest, list_profiles, speakers_folder
from gpt_sovits_emotion.testing import fake_card, fake_tensors

_LABELLED = {"angry": 3, "sad": 3}
_F0_HZ = {"angry": 260.0, "sad": 110.0}
_RATE = {"angry": 5.0, "sad": 2.5}


@pytest.fixture(scope="module")
def head_folder(tmp_path_factory):
    """A head on the prosody encoder with random weights."""
    encoder = ProsodyEncoder()
    spec = EncoderSpec("prosody", encoder.dim, encoder.fingerprint, 16_000, "functionals")
    folder = tmp_path_factory.mktemp("heads") / "prosody-random"
    mild = {"global": 20.0, "speaker": 20.0}
    save_head(
        folder,
        fake_card(id="prosody-random", encoder=spec, temperature=mild),
        fake_tensors(dim=encoder.dim),
    )
    return folder


@pytest.fixture(autouse=True)
def _own_data(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "data"))


def spoken(path: Path, mood: str, number: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = voiced(
        3.1 + 0.1 * number, f0_hz=_F0_HZ[mood] + 4 * number, syllables_per_s=_RATE[mood]
    )
    noise = np.random.default_rng(number).standard_normal(len(samples)) * 1e-3
    write_wav(path, Audio((samples + noise).astype(np.float32), 16_000))
    return path


_NUMBERS = {"angry": 6, "sad": 6}


@pytest.fixture(scope="module", autouse=True)
def clips(tmp_path_factory, head_folder):
    """Every clip, listened to once: the journal finds what was heard in it by its content."""
    folder = tmp_path_factory.mktemp("clips") / "all"
    for label, n_clips in _NUMBERS.items():
        for number in range(n_clips):
            spoken(folder / f"{label}{number}.wav", label, number)
    for number, mood in enumerate(_F0_HZ):
        spoken(folder / f"{mood}-loose.wav", mood, 7 + number)
    spoken(folder / "wrong.wav", "sad", 9)
    build(folder, head_folder)
    global _clips
    _clips = folder


_clips = Path()


def bank_in(folder: Path, labelled=_LABELLED) -> Path:
    """A folder per emotion, and one clip of each mood in the default slot."""
    for label, n_clips in labelled.items():
        for number in range(n_clips):
            put(folder / label / f"{label}{number}.wav")
    for mood in _F0_HZ:
        put(folder / "default" / f"{mood}-loose.wav")
    journal = journal_path(sidecar_path(_clips))
    shutil.copy2(journal, folder / journal.name)
    return folder


def put(path: Path, *, like: str | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(_clips / (like or path.name), path)
    return path


def run(*arguments) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(each) for each in arguments])
    return int(ended.value.code or 0)


def build(folder, head, **given):
    return build_bank(folder, engines=engines_to_listen(head), **given)


def only_profile():
    (entry,) = list_profiles()
    assert entry.profile is not None, entry.problem
    return entry.profile


def refuse_to_learn(*_args, **_kwargs):
    raise AssertionError("it was learned again")


# --- building ----------------------------------------------------------------------------------------


def test_a_persons_labels_teach_and_are_told(tmp_path, head_folder):
    bank = build(bank_in(tmp_path / "anna"), head_folder)
    profile = only_profile()
    assert profile.speaker.startswith("voice anna ")
    assert profile.bank == str((tmp_path / "anna").resolve())
    assert profile.counts == {"angry": 3, "sad": 3, "neutral": 0}
    told = "fitted to this voice from 6 clips with your own labels: angry 3, sad 3"
    assert any(told in note.en for note in bank.notes)
    for note in bank.notes:
        assert note.zh
    head = load_head(head_folder)
    assert profile.head_digest == head_digest(head)
    # The default slot has no emotion: its clips are judged, by the head that knows this voice.
    loose = {
        clip.path.stem.partition("-")[0]: clip.probabilities
        for clip in bank.clips
        if clip.emotion == ""
    }
    assert loose["angry"]["angry"] > loose["sad"]["angry"]
    assert loose["sad"]["sad"] > loose["angry"]["sad"]


def test_what_was_learned_is_found_again(tmp_path, head_folder, monkeypatch):
    folder = bank_in(tmp_path / "anna")
    first = build(folder, head_folder)
    learned = only_profile()
    monkeypatch.setattr(teaching, "_learned", refuse_to_learn)
    again = build(folder, head_folder)
    assert [clip.probabilities for clip in again.clips] == [
        clip.probabilities for clip in first.clips
    ]
    assert only_profile().updated_at == learned.updated_at
    put(folder / "sad" / "sad5.wav")
    with pytest.raises(AssertionError, match="learned again"):
        build(folder, head_folder)


def test_two_voices_of_one_name_never_share(tmp_path, head_folder):
    one, other = (bank_in(tmp_path / place / "anna") for place in ("here", "there"))
    for folder in (one, other):
        build(folder, head_folder)
    entries = list_profiles()
    assert {entry.profile.bank for entry in entries} == {str(one.resolve()), str(other.resolve())}
    assert len({entry.speaker for entry in entries}) == 2


def test_a_name_that_no_folder_may_have_is_made_one(tmp_path):
    name = profile_name(tmp_path / "x.list.bank.json", 'a/b:c*?"<>| . 安娜' + "z" * 80)
    assert name.startswith("voice a b c 安娜")
    assert len(name) <= 60


def test_a_refusal_is_remembered_until_it_is_taken_back(tmp_path, head_folder):
    folder = bank_in(tmp_path / "anna")
    build(folder, head_folder)
    assert list_profiles()
    refused = build(folder, head_folder, learn=False)
    assert list_profiles() == ()
    assert any("as asked" in note.en for note in refused.notes)
    assert not read_sidecar(folder).teaches
    build(folder, head_folder)
    assert list_profiles() == ()
    build(folder, head_folder, learn=True)
    assert only_profile().bank == str(folder.resolve())
    assert read_sidecar(folder).teaches


def test_a_clip_in_the_wrong_folder_is_judged_without_its_own_label(tmp_path, head_folder):
    folder = bank_in(tmp_path / "anna", {"angry": 6, "sad": 6})
    put(folder / "angry" / "wrong.wav")
    build(folder, head_folder)
    profile = only_profile()
    head = load_head(head_folder)
    found = held_out(profile, head, None)
    assert set(found) == {row.tobytes() for row in profile.embeddings}
    np.testing.assert_allclose([row.sum() for row in found.values()], 1.0, atol=1e-5)
    place = next(i for i, each in enumerate(profile.corrections) if each.source == "wrong.wav")
    verdict = dict(zip(head.card.labels, found[profile.embeddings[place].tobytes()], strict=True))
    assert verdict["sad"] > verdict["angry"]


# --- what does not teach -----------------------------------------------------------------------------


def planned(folder, head_folder, **given):
    sources = find_sources(folder)
    contents = {clip.path: f"{number:064x}" for number, clip in enumerate(sources.clips)}
    head = load_head(head_folder)
    if given.pop("synthetic", False):
        sources = replace(sources, synthetic=True)
    return plan_lesson(sources, contents, head, **given)


@pytest.mark.parametrize(
    ("labelled", "why"),
    [
        ({"angry": 6}, "6 clips of 1 emotion carry"),
        ({"angry": 2, "sad": 1}, "3 clips of 2 emotions"),
        ({"angry": 2, "sad": 2}, None),
    ],
)
def test_how_many_labels_are_needed(tmp_path, head_folder, labelled, why):
    lesson = planned(bank_in(tmp_path / "anna", labelled), head_folder)
    assert [clip.label for clip in lesson.clips].count("") == 2
    if why is None:
        assert lesson.refusal is None
    else:
        assert why in lesson.refusal.en
        check_says_the_same_sentence(lesson.refusal)


def check_says_the_same_sentence(sentence):
    digits = [sorted(filter(str.isdigit, said)) for said in (sentence.en, sentence.zh)]
    assert digits[0] == digits[1]


def test_a_synthetic_voice_does_not_teach(tmp_path, head_folder):
    folder = bank_in(tmp_path / "anna")
    lesson = planned(folder, head_folder, synthetic=True)
    assert "synthetic" in lesson.refusal.en

    def embed(_paths):
        raise AssertionError("nothing is to be listened to")

    taught = teach(lesson, load_head(head_folder), folders=(), embed=embed)
    assert (taught.profile, taught.note) == (None, lesson.refusal)


def test_labels_that_the_head_does_not_know_and_unsure_ones_do_not_teach(tmp_path, head_folder):
    folder = bank_in(tmp_path / "anna")
    for label, name in (("unsure", "sad4.wav"), ("gloating", "sad5.wav")):
        put(folder / label / name)
    lesson = planned(folder, head_folder)
    assert {clip.label for clip in lesson.clips} == {"angry", "sad", ""}
    assert len(lesson.clips) == 10


def test_what_a_head_heard_does_not_teach_from_an_exported_bank(tmp_path, head_folder):
    folder = tmp_path / "clips"
    for number in range(4):
        for mood in _F0_HZ:
            name = (
                f"{'un' if mood == 'sad' else 'not'}{mood}{number}"  # a name that states no label
            )
            put(folder / f"{name}.wav", like=f"{mood}{number}.wav")
            (folder / f"{name}.txt").write_text("words")
    journal = journal_path(sidecar_path(folder))
    shutil.copy2(_clips / journal.name, journal)
    heard = build(folder, head_folder)
    assert list_profiles() == ()
    named = tuple(
        replace(clip, emotion="angry" if "angry" in clip.path.name else "sad")
        for clip in heard.clips
    )
    copied = export_bank(replace(heard, clips=named), tmp_path / "copy", layout="names")
    shutil.copy2(journal, copied / journal.name)
    for _ in range(2):
        bank = build(copied, head_folder)
        assert list_profiles() == ()
        assert {clip.filed_by for clip in bank.clips} == {"head"}
        assert {clip.emotion for clip in bank.clips} == {"angry", "sad"}


def test_a_clip_under_two_emotions_teaches_neither(tmp_path, head_folder):
    folder = bank_in(tmp_path / "anna")
    (folder / "sad" / "twice.wav").write_bytes((folder / "angry" / "angry0.wav").read_bytes())
    build(folder, head_folder)
    assert only_profile().counts == {"angry": 2, "sad": 3, "neutral": 0}


# --- opening -----------------------------------------------------------------------------------------


def test_a_bank_that_was_never_built_teaches_the_judge_once(tmp_path, head_folder, monkeypatch):
    folder = bank_in(tmp_path / "anna")
    engines = open_engines(head=head_folder)
    opened = open_voice(folder, engines, who="verifier")
    assert opened.taught
    assert "6 clips with your own labels: angry 3, sad 3" in opened.note.en
    assert opened.engines.verifier_head is not engines.verifier_head
    assert opened.engines.tagger is engines.tagger
    assert opened.speaker.source == "voice:angry 3, sad 3"
    assert not sidecar_path(folder).exists()
    monkeypatch.setattr(voice, "embed_with_loaded", refuse_to_learn)
    monkeypatch.setattr(teaching, "_learned", refuse_to_learn)
    again = open_voice(folder, engines, who="tagger")
    assert again.engines.speaker.source == opened.speaker.source
    assert again.engines.verifier_head is engines.verifier_head
    np.testing.assert_array_equal(again.speaker.mean, opened.speaker.mean)
    refused = open_voice(folder, engines, who="verifier", learn=False)
    assert not refused.taught
    assert refused.engines is engines


def test_a_build_and_an_opening_learn_the_same(tmp_path, head_folder, monkeypatch):
    folder = bank_in(tmp_path / "anna")
    build(folder, head_folder)
    monkeypatch.setattr(teaching, "_learned", refuse_to_learn)
    assert open_voice(folder, open_engines(head=head_folder), who="verifier").taught


def test_an_opening_that_cannot_be_kept_serves_all_the_same(tmp_path, head_folder, monkeypatch):
    folder = bank_in(tmp_path / "anna")
    monkeypatch.setattr(profile_files, "locked", partial(locked, patience_s=0.05))
    speakers_folder().mkdir(parents=True)
    with FileLock(speakers_folder() / ".lock"):
        opened = open_voice(folder, open_engines(head=head_folder), who="verifier")
    assert opened.taught
    assert "could not be kept" in opened.note.en
    assert list_profiles() == ()


def test_a_refusal_meanwhile_wins(tmp_path, head_folder):
    folder = bank_in(tmp_path / "anna")
    build(folder, head_folder)
    lesson = planned(folder, head_folder)
    profile = only_profile()
    forget_speaker(None)
    assert teaching._keep(lesson, profile) is None
    assert list_profiles() == ()


def test_a_damaged_profile_is_learned_anew(tmp_path, head_folder):
    folder = bank_in(tmp_path / "anna")
    build(folder, head_folder)
    (entry,) = list_profiles()
    (entry.path / "profile.safetensors").write_bytes(b"no tensors")
    build(folder, head_folder)
    assert only_profile().counts["angry"] == 3


# --- taking it back ----------------------------------------------------------------------------------


def test_forgetting_a_voice_is_remembered_beside_its_bank(tmp_path, head_folder):
    folder = bank_in(tmp_path / "anna")
    build(folder, head_folder)
    set_pin(folder, "angry", "angry/angry1.wav")
    name = only_profile().speaker
    deleted, notes = forget_speaker(name)
    assert [path.name for path in deleted] == [name]
    assert "refs build --learn" in notes[0].en
    assert list_profiles() == ()
    sidecar = read_sidecar(folder)
    assert not sidecar.teaches
    assert sidecar.pins == {"angry": folder / "angry" / "angry1.wav"}
    assert not open_voice(folder, open_engines(head=head_folder), who="verifier").taught
    assert list_profiles() == ()


def test_what_was_heard_with_what_a_voice_taught_is_forgotten_with_it(tmp_path, head_folder):
    folder = bank_in(tmp_path / "anna")
    fitted = build(folder, head_folder)
    assert all(clip.probabilities for clip in fitted.usable)
    (lesson,) = (note for note in fitted.notes if "was fitted to this voice" in note.en)
    forget_speaker(only_profile().speaker)
    left = load_bank(folder)
    assert not any(clip.probabilities or clip.intensity for clip in left.clips)
    assert [(clip.path, clip.emotion, clip.text, clip.quality) for clip in left.clips] == [
        (clip.path, clip.emotion if clip.filed_by == "person" else "", clip.text, clip.quality)
        for clip in fitted.clips
    ]
    assert left.head_id == ""
    assert left.notes == tuple(note for note in fitted.notes if note is not lesson)
    again = build(folder, head_folder)
    assert all(clip.probabilities for clip in again.usable)
    assert "was fitted to this voice from" not in " ".join(note.en for note in again.notes)
    heard = [clip.probabilities for clip in again.clips]
    forget_speaker(None)  # nothing of this bank: what the head as it is has heard stays
    assert [clip.probabilities for clip in load_bank(folder).clips] == heard


def test_a_bank_without_sidecar_remembers_too(tmp_path):
    folder = bank_in(tmp_path / "anna")
    set_teaching(folder, True)
    assert not sidecar_path(folder).exists()
    set_teaching(folder, False)
    assert not read_sidecar(folder).teaches
    assert json.loads(sidecar_path(folder).read_text("utf-8"))["teaches"] is False
    set_teaching(folder, True)
    assert "teaches" not in json.loads(sidecar_path(folder).read_text("utf-8"))


def test_a_bank_that_is_gone_is_told(tmp_path, head_folder):
    folder = bank_in(tmp_path / "anna")
    build(folder, head_folder)
    folder.rename(tmp_path / "moved")
    deleted, notes = forget_speaker(None)
    assert len(deleted) == 1
    assert "may teach a head again" in notes[0].en


def test_the_command_line_shows_and_forgets_it(tmp_path, head_folder, capsys):
    folder = bank_in(tmp_path / "anna")
    arguments = ["refs", "build", folder, "--head", head_folder, "--whisper", "none"]
    arguments += ["--no-cache", "--jobs", 1]
    assert run(*arguments) == 0
    assert "with your own labels: angry 3, sad 3" in capsys.readouterr().err
    assert run("speakers", "list") == 0
    assert "(angry 3, sad 3)" in capsys.readouterr().out
    assert run("speakers", "list", "--json") == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["bank"] == str(folder.resolve())
    undo = ["speakers", "undo", row["speaker"], "--head", str(head_folder)]
    assert run(*undo) != 0
    assert "as a whole" in capsys.readouterr().err
    assert run("speakers", "forget", row["speaker"]) == 0
    assert "teaches no head any more" in capsys.readouterr().err
    assert run(*arguments) == 0
    assert list_profiles() == ()
    assert run(*arguments, "--learn") == 0
    assert only_profile().counts["sad"] == 3


def test_annotate_knows_the_voice_that_speaks(tmp_path, head_folder, capsys):
    folder = bank_in(tmp_path / "anna")
    talk = spoken(tmp_path / "talk.wav", "angry", 2)
    (tmp_path / "talk.srt").write_text("1\n00:00:00,000 --> 00:00:03,000\nwords\n")
    arguments = ["annotate", str(talk), "--head", str(head_folder), "--voice", str(folder)]
    arguments += ["--transcript", "beside", "--json"]
    assert run(*arguments) == 0
    said = capsys.readouterr()
    assert "fitted to this voice from 6 clips" in said.err
    (found,) = map(json.loads, said.out.splitlines())
    assert found["document"]["normalisation_note"]["en"] == (
        "the head was fitted to this voice from clips of its bank with your own labels: angry 3, sad 3"
    )
    assert run(*arguments, "--no-learn") == 0
    assert "angry 3" not in capsys.readouterr().out
    assert run(*arguments, "--speaker", "ann") == 2
