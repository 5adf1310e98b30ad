"""Archives and profiles that were damaged on their way are one sentence, however the damage shows."""

from __future__ import annotations

import io
import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from bilingual import check_says_the_same
from safetensors.numpy import save

from gpt_sovits_emotion.backends.gpt_sovits.experiment import load_hubert, read_experiment
from gpt_sovits_emotion.core.errors import CorpusError, EncoderError, HeadError
from gpt_sovits_emotion.core.progress import no_progress
from gpt_sovits_emotion.heads import load_head
from gpt_sovits_emotion.heads.install import add_head
from gpt_sovits_emotion.heads.profiles import (
    add,
    begin_profile,
    list_profiles,
    load_profile,
    save_profile,
)
from gpt_sovits_emotion.heads.weights import read_numbers
from gpt_sovits_emotion.testing import FAKE_DIM
from gpt_sovits_emotion.training.corpora.downloading import unpack

_WORDS = json.dumps(list(range(2000))).encode()
_METHODS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]


def packed(method: int) -> bytearray:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", method) as written:
        written.writestr("head/head.yaml", _WORDS)
        written.writestr("head/weights.safetensors", _WORDS)
    return bytearray(archive.getvalue())


def with_damaged_data(archive: bytearray) -> bytearray:
    begin = archive.find(b"head/head.yaml") + len("head/head.yaml")
    archive[begin : begin + 40] = bytes(range(200, 240))
    return archive


def with_damaged_offset(archive: bytearray) -> bytearray:
    """Let the directory say that a file begins before the archive does."""
    end = archive.rfind(b"PK\5\6")
    archive[end + 16 : end + 20] = b"\xff\xff\xff\x7f"
    return archive


@pytest.mark.parametrize("method", _METHODS)
@pytest.mark.parametrize("damage", [with_damaged_data, with_damaged_offset])
def test_a_damaged_archive_of_a_head_or_a_corpus_is_one_sentence(tmp_path, method, damage):
    archive = tmp_path / "sent.zip"
    archive.write_bytes(damage(packed(method)))
    with pytest.raises(HeadError) as caught:
        add_head(archive, folders=(), into=tmp_path / "heads")
    assert "\n" not in str(caught.value)
    check_says_the_same(caught.value)
    (tmp_path / "corpus").mkdir()
    with pytest.raises(CorpusError, match="is no sound zip archive"):
        unpack(archive, tmp_path / "corpus", progress=no_progress)


def test_stored_features_that_are_damaged_or_no_file_are_one_sentence(tmp_path):
    archive = tmp_path / "a.wav.pt"
    archive.write_bytes(with_damaged_offset(packed(zipfile.ZIP_STORED)))
    os.mkfifo(tmp_path / "b.wav.pt")
    for path in (archive, tmp_path / "b.wav.pt"):
        with pytest.raises(EncoderError, match="cannot be read") as caught:
            load_hubert(path)
        check_says_the_same(caught.value)


def test_pipes_in_a_training_folder_are_passed_over(tmp_path):
    for folder in ("4-cnhubert", "5-wav32k"):
        (tmp_path / folder).mkdir()
    (tmp_path / "5-wav32k" / "a.wav").write_bytes(b"x")
    for pipe in ("5-wav32k/b.wav", "4-cnhubert/a.wav.pt", "2-name2text.txt"):
        os.mkfifo(tmp_path / pipe)
    (clip,) = read_experiment(tmp_path).clips
    assert (clip.name, clip.hubert) == ("a.wav", None)


@pytest.fixture
def profile(tmp_path, monkeypatch, fake_head) -> tuple[Path, dict, dict[str, np.ndarray]]:
    """A profile on disk: its file, its words and its tensors."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    head, rows = load_head(fake_head), np.eye(2, FAKE_DIM, dtype=np.float32)
    folder = save_profile(add(begin_profile(head, "anna"), rows, ["angry", "sad"], "a.wav"))
    held = read_numbers(folder / "profile.safetensors", max_bytes=1 << 20)
    return folder / "profile.safetensors", json.loads(held.metadata["profile"]), held.tensors


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"temperature": 10**400}, "its words are damaged"),
        ({"corrections": True}, "its words are damaged"),
        ({"head": None}, "its words are damaged"),
        ({"temperature": float("nan")}, "its temperature is not between 0 and 100"),
        ({"speaker": "x" * 5000}, "it is the profile of 'xxx"),
        ({"version": [2]}, "version [2]"),
    ],
)
def test_a_profile_with_words_that_it_cannot_have_says_so_shortly(profile, fake_head, changes, why):
    path, words, tensors = profile
    path.write_bytes(save(tensors, {"profile": json.dumps({**words, **changes})}))
    (entry,) = list_profiles()
    assert entry.problem is not None
    assert why in entry.problem.en
    assert len(entry.problem.en) < len(str(path)) + 300
    with pytest.raises(HeadError, match="is not a sound speaker profile"):
        load_profile(load_head(fake_head), "anna")


def test_a_profile_of_other_shapes_or_nested_without_end_is_unsound(profile):
    path, words, tensors = profile
    flat = {**tensors, "unlabelled.sum": np.zeros((), np.float64)}
    path.write_bytes(save(flat, {"profile": json.dumps(words)}))
    (entry,) = list_profiles()
    assert "is not a sound speaker profile" in entry.problem.en
    path.write_bytes(save(tensors, {"profile": "[" * 5000}))
    (entry,) = list_profiles()
    assert "is not a sound speaker profile" in entry.problem.en
