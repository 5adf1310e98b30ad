"""``adapt`` and ``speakers`` on the command line, and where clips of a speaker may lie."""

from __future__ import annotations

import json

import numpy as np
import pytest
from conftest import voiced

from gpt_sovits_emotion.audio import write_wav
from gpt_sovits_emotion.cli import main
from gpt_sovits_emotion.core.errors import CorpusError
from gpt_sovits_emotion.core.records import Audio
from gpt_sovits_emotion.training.corpora.folders import SpeakerClip, find_clips


def clip(path, f0_hz=150.0, duration_s=1.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    write_wav(path, Audio(voiced(duration_s, f0_hz=f0_hz), 16_000))
    return path


@pytest.fixture(autouse=True)
def _own_data(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "data"))


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as caught:
        main([str(argument) for argument in arguments])
    said = capsys.readouterr()
    return caught.value.code, said.out, said.err


# --- where clips lie -------------------------------------------------------------------------------


def test_audio_files_and_folders_of_them_have_no_labels(tmp_path):
    one = clip(tmp_path / "a" / "1.wav")
    two = clip(tmp_path / "a" / "2.wav")
    (tmp_path / "a" / "notes.txt").write_text("x")
    assert find_clips(one) == (SpeakerClip(one),)
    assert find_clips(tmp_path / "a") == (SpeakerClip(one), SpeakerClip(two))


def test_the_folder_of_a_training_gives_its_clips(tmp_path):
    path = clip(tmp_path / "exp" / "5-wav32k" / "a.wav")
    (tmp_path / "exp" / "2-name2text.txt").write_text("a.wav\tx\t[1]\tx\n")
    assert find_clips(tmp_path / "exp") == (SpeakerClip(path),)


def test_a_folder_per_emotion_has_labels_and_its_default_slot_none(tmp_path):
    sad = clip(tmp_path / "bank" / "伤心" / "1.wav")
    usual = clip(tmp_path / "bank" / "default" / "2.wav")
    assert find_clips(tmp_path / "bank") == (SpeakerClip(sad, "sad"), SpeakerClip(usual, ""))


def test_an_infer_config_counts_each_clip_once_with_its_emotion(tmp_path):
    path = clip(tmp_path / "bank" / "x.wav")
    slot = {"ref_wav_path": "x.wav", "prompt_text": "hm", "prompt_language": "中文"}
    config = tmp_path / "bank" / "infer_config.json"
    config.write_text(json.dumps({"emotion_list": {"default": slot, "开心": slot}}))
    for where in (config, config.parent):
        (found,) = find_clips(where)
        assert found.label == "happy"
        assert found.path.resolve() == path.resolve()


def test_a_list_of_four_columns_has_no_labels_and_one_of_six_has(tmp_path):
    path = clip(tmp_path / "clips" / "a.wav")
    four, six = tmp_path / "clips" / "four.list", tmp_path / "clips" / "six.list"
    four.write_text("D:\\voice\\a.wav|me|zh|你好\n", encoding="utf-8")
    six.write_text("a.wav|me|zh|你好|开心|\n", encoding="utf-8")
    assert find_clips(four) == (SpeakerClip(path),)
    assert find_clips(six) == (SpeakerClip(path, "happy"),)


@pytest.mark.parametrize("what", ["missing", "empty"])
def test_where_there_is_nothing_it_says_what_was_expected(tmp_path, what):
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusError, match="clips of the speaker were expected") as caught:
        find_clips(tmp_path / what)
    assert caught.value.zh


def test_a_list_that_names_lost_clips_says_which(tmp_path):
    path = tmp_path / "x.list"
    path.write_text("gone.wav|me|zh|你好\n", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"'gone\.wav', which is not there"):
        find_clips(path)


# --- the commands ----------------------------------------------------------------------------------


@pytest.fixture
def bank(tmp_path):
    for label, f0_hz in (("angry", 220.0), ("sad", 120.0), ("gloomy", 110.0)):
        for number in range(3):
            clip(tmp_path / "bank" / label / f"{label}{number}.wav", f0_hz + 7 * number)
    return tmp_path / "bank"


def test_from_clips_to_a_profile_and_back(capsys, bank):
    head = ("--head", "prosody-emodb")
    code, out, err = run(capsys, "adapt", bank, "--speaker", "anna", *head)
    assert code == 0, err
    assert "3 clips without labels, 6 labelled; mean and fine-tuning learned" in out
    assert "the head knows no gloomy" in err
    assert "labelled: angry 3, bored 0" in err

    code, out, _ = run(capsys, "adapt", bank, "--speaker", "anna", *head)
    assert "3 clips without labels, 6 labelled" in out  # the same clips again

    code, out, _ = run(capsys, "speakers", "list", "--json")
    (row,) = json.loads(out)
    assert (row["speaker"], row["head"], row["labelled"]["sad"]) == ("anna", "prosody-emodb", 3)

    code, out, _ = run(capsys, "speakers", "show", "anna", *head)
    assert code == 0
    assert "sad0.wav" in out

    code, out, err = run(capsys, "annotate", bank / "sad" / "sad1.wav", "--whisper", "none",
                         "--speaker", "anna", "--json", *head)  # fmt: skip
    assert code == 0, err
    found = json.loads(out)["document"]
    assert found["normalisation"] == "speaker"
    assert found["segments"][0]["scores"]["probabilities"]["sad"] > 0.5

    for _ in range(2):
        code, out, err = run(capsys, "speakers", "undo", "anna", *head)
        assert code == 0, err
    assert "3 clips without labels, 0 labelled; nothing learned yet" in out
    code, _, err = run(capsys, "speakers", "undo", "anna", *head)
    assert code == 1
    assert "no labelled clip of anna to take back" in err

    code, _, err = run(capsys, "speakers", "forget", "anna", *head)
    assert code == 0
    assert "deleted" in err
    code, _, err = run(capsys, "speakers", "forget", "anna", *head)
    assert code == 1
    code, _, err = run(capsys, "annotate", bank / "sad" / "sad1.wav", "--whisper", "none",
                       "--speaker", "anna")  # fmt: skip
    assert code == 1
    assert "nothing has been learned of the speaker 'anna'" in err


def test_a_corrected_transcript_teaches(capsys, tmp_path):
    from gpt_sovits_emotion.audio import read_clip
    from gpt_sovits_emotion.core.records import TaggedTranscript
    from gpt_sovits_emotion.transcripts import read_json, write

    pieces = [voiced(1.2, f0_hz=f0) for f0 in (120, 150, 180, 210, 240, 270)]
    gap = np.zeros(8000, np.float32)
    path = tmp_path / "talk.wav"
    write_wav(path, Audio(np.concatenate([x for piece in pieces for x in (piece, gap)]), 16_000))
    assert read_clip(path).duration_s > 10
    srt = "".join(
        f"{i + 1}\n00:00:{1.7 * i:06.3f} --> 00:00:{1.7 * i + 1.2:06.3f}\nhm\n\n".replace(".", ",")
        for i in range(6)
    )
    (tmp_path / "talk.srt").write_text(srt)
    code, _, err = run(capsys, "annotate", path, "--transcript", "beside", "--out", tmp_path)
    assert code == 0, err
    written = tmp_path / "talk.json"
    document: TaggedTranscript = read_json(written)
    assert len(document.segments) == 6

    code, _, err = run(capsys, "adapt", "--speaker", "anna", "--correction", written)
    assert code == 1
    assert "has no corrected label" in err

    from dataclasses import replace

    segments = tuple(
        replace(each, corrected_label="sad") if i in (1, 3) else each
        for i, each in enumerate(document.segments)
    )
    write(replace(document, segments=segments), written, format="json")
    code, out, err = run(capsys, "adapt", "--speaker", "anna", "--correction", written)
    assert code == 0, err
    assert "4 clips without labels, 2 labelled" in out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["adapt", "--speaker", "anna"], 2, "name the speaker"),
        (["adapt", "x.wav"], 2, "name the speaker"),
        (["adapt", "missing.wav", "--speaker", "anna"], 1, "does not exist"),
        (["adapt", "--measure"], 2, "--corpus NAME=DIR"),
        (["speakers", "forget"], 2, "name one speaker, or give --all"),
        (["speakers", "forget", "../x"], 1, "cannot be a speaker's name"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(capsys, arguments, code, words):
    found, _, err = run(capsys, *arguments)
    assert found == code
    assert words in err
    assert "Traceback" not in err


def test_a_name_that_escapes_is_refused_before_anything_is_heard(capsys, tmp_path):
    path = clip(tmp_path / "a.wav")
    code, _, err = run(capsys, "adapt", path, "--speaker", "../../x")
    assert code == 1
    assert "cannot be a speaker's name" in err


def test_clips_that_cannot_be_read_are_named_and_passed_over(capsys, tmp_path):
    for number in range(5):
        clip(tmp_path / "clips" / f"{number}.wav", 120 + 20 * number)
    (tmp_path / "clips" / "broken.wav").write_bytes(b"no audio")
    code, out, err = run(capsys, "adapt", tmp_path / "clips", "--speaker", "anna")
    assert code == 3, err
    assert "broken.wav is passed over" in err
    assert "5 clips without labels" in out


def test_a_label_for_all_clips_must_be_one_of_the_heads(capsys, tmp_path):
    path = clip(tmp_path / "a.wav")
    code, _, err = run(capsys, "adapt", path, "--speaker", "anna", "--label", "furious")
    assert code == 2
    assert "none of the head's labels" in err
