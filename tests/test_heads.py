"""Heads: what is saved loads equal, and whatever does not fit says why."""

from __future__ import annotations

import io
import json
import os
import pickle
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from bilingual import check_says_the_same
from safetensors.numpy import load_file, save_file

from gpt_sovits_emotion.errors import EncoderError, HeadError, HeadMismatchError
from gpt_sovits_emotion.heads import (
    find_head,
    head_folders,
    list_heads,
    load_card,
    load_head,
    save_head,
)
from gpt_sovits_emotion.heads.card import card_to_yaml
from gpt_sovits_emotion.heads.check import check_head
from gpt_sovits_emotion.heads.classifier import EmotionClassifier
from gpt_sovits_emotion.heads.folder import HEADS_VARIABLE, user_folder
from gpt_sovits_emotion.testing import (
    FAKE_DIM,
    FakeEncoder,
    fake_card,
    fake_tensors,
    make_fake_head,
)

SHIPPED = [
    entry for entry in list_heads(head_folders()) if entry.path.parent.name == "pretrained_heads"
]


@pytest.mark.parametrize("entry", SHIPPED, ids=lambda entry: entry.path.name)
def test_every_shipped_head_keeps_the_contract(entry) -> None:
    assert entry.problem is None
    assert check_head(entry.path) == ()


def test_what_is_saved_loads_equal(fake_head: Path) -> None:
    head, tensors = load_head(fake_head), fake_tensors()
    assert head.card == fake_card()
    np.testing.assert_array_equal(head.members["speaker"][1].w1, tensors["speaker.1.mlp.0.weight"])
    assert (
        check_head(fake_head) == ("labels outside the canonical set: ",)
        or check_head(fake_head) == ()
    )


def test_the_members_are_the_classifier_that_was_trained(fake_head: Path) -> None:
    head = load_head(fake_head)
    tensors = fake_tensors()
    z = np.random.default_rng(0).normal(size=(6, FAKE_DIM)).astype(np.float32)
    classifier = EmotionClassifier(FAKE_DIM, 3, hidden=8).eval()
    for member, loaded in enumerate(head.members["global"]):
        prefix = f"global.{member}."
        state = {k.removeprefix(prefix): torch.tensor(v) for k, v in tensors.items() if prefix in k}
        classifier.load_state_dict(state)
        expected = classifier(torch.tensor(z)).detach().numpy()
        np.testing.assert_allclose(loaded.logits(z), expected, rtol=1e-4, atol=1e-5)


def test_probabilities_by_hand(tmp_path: Path) -> None:
    # One hidden unit, two labels: worked out on paper.
    card = fake_card(
        labels=("angry", "sad"),
        encoder=replace(fake_card().encoder, dim=1),
        results=(),
        temperature={"global": 2.0},
        threshold={"global": 0.5},
    )
    tensors = {
        "global.0.mlp.0.weight": np.array([[2.0]]),
        "global.0.mlp.0.bias": np.array([1.0]),
        "global.0.mlp.3.weight": np.array([[1.0], [-1.0]]),
        "global.0.mlp.3.bias": np.array([0.0, 0.0]),
        "features.mean": np.array([10.0]),
        "features.std": np.array([5.0]),
        "features.within_speaker_std": np.array([1.0]),
    }

    singles = {name: value.astype(np.float32) for name, value in tensors.items()}
    head = save_head(tmp_path / "by-hand", card, singles)
    # x=15: z=1, hidden=3, logits (3,-3), over T: (1.5,-1.5), p = 1/(1+e^-3) = 0.952574
    # x=-90: z=-20 clipped to -6, hidden=relu(-11)=0, logits (0,0), p = 0.5
    found = head.probabilities(np.array([[15.0], [-90.0]], np.float32))
    np.testing.assert_allclose(found, [[0.952574, 0.047426], [0.5, 0.5]], atol=1e-6)
    assert head.decide(found[0], mode="global") == "angry"
    assert head.decide(np.array([0.49, 0.48]), mode="global") == "unsure"
    assert head.statistics(np.zeros((9, 1), np.float32), source="x") is None  # it has no such mode


def test_speaker_mean_is_shrunk_towards_training(fake_head: Path) -> None:
    head = load_head(fake_head)
    own = head.mean + 9.0
    assert head.statistics(np.tile(own, (4, 1)), source="x") is None  # fewer than five
    for n_segments in (5, 50):
        found = head.statistics(np.tile(own, (n_segments, 1)), source="x")
        expected = head.mean + 9.0 * n_segments / (n_segments + 4)  # four prior segments
        np.testing.assert_allclose(found.mean, expected, rtol=1e-4)


def test_another_encoder_is_refused_in_one_sentence(fake_head: Path) -> None:
    head, encoder = load_head(fake_head), FakeEncoder()
    head.check_encoder(encoder.id, dim=encoder.dim, fingerprint=encoder.fingerprint)
    for changed, expected in (
        ({"encoder_id": "hubert:6"}, "reads the encoder 'fake'"),
        ({"dim": 21}, "expects 20 features"),
        ({"fingerprint": "fake-2"}, "was trained on 'fake' with fingerprint fake-1"),
    ):
        arguments = {"encoder_id": "fake", "dim": FAKE_DIM, "fingerprint": "fake-1", **changed}
        with pytest.raises(HeadMismatchError, match=expected):
            head.check_encoder(arguments.pop("encoder_id"), **arguments)


def test_embeddings_that_cannot_be_are_refused(fake_head: Path) -> None:
    head = load_head(fake_head)
    with pytest.raises(EncoderError, match="shape"):
        head.probabilities(np.zeros((2, 3), np.float32))
    with pytest.raises(EncoderError, match="not finite"):
        head.probabilities(np.full((1, FAKE_DIM), np.nan, np.float32))


# --- bad files -------------------------------------------------------------------------------------


class _Bomb:
    """Writes a file when it is unpickled: a head that runs code."""

    def __reduce__(self):
        return (os.mkdir, ("unpickled",))


def _resave(folder: Path, **changes: np.ndarray | None) -> None:
    tensors = {**load_file(folder / "head.safetensors"), **changes}
    save_file(
        {name: tensor for name, tensor in tensors.items() if tensor is not None},
        folder / "head.safetensors",
    )


def _rewrite(folder: Path, old: str, new: str) -> None:
    path = folder / "head.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def _zip_pickle() -> bytes:
    buffer = io.BytesIO()
    torch.save({"mlp.0.weight": torch.zeros(2)}, buffer)
    return buffer.getvalue()


W = "head.safetensors"
BROKEN = {
    "no folder": (lambda d: [f.unlink() for f in d.iterdir()] and d.rmdir(), "is not a folder"),
    "no card": (lambda d: (d / "head.yaml").unlink(), "cannot be read"),
    "no weights": (lambda d: (d / W).unlink(), "copy the whole folder"),
    "wrong width": (
        lambda d: _resave(d, **{"global.0.mlp.0.weight": np.zeros((8, 21), np.float32)}),
        r"asks for \(8, 20\)",
    ),
    "wrong labels": (
        lambda d: _resave(d, **{"global.1.mlp.3.bias": np.zeros(4, np.float32)}),
        r"asks for \(3,\)",
    ),
    "missing tensor": (
        lambda d: _resave(d, **{"speaker.1.mlp.0.bias": None}),
        "lacks the tensor speaker.1.mlp.0.bias",
    ),
    "no global mode": (
        lambda d: _resave(d, **{name: None for name in load_file(d / W) if name[:6] == "global"}),
        "lacks global.0",
    ),
    "missing statistic": (
        lambda d: _resave(d, **{"features.std": None}),
        "lacks the tensor features.std",
    ),
    "extra tensor": (
        lambda d: _resave(d, **{"global.0.mlp.6.weight": np.zeros((1, 1), np.float32)}),
        "no head of this format has: global.0.mlp.6.weight",
    ),
    "nan weights": (
        lambda d: _resave(d, **{"global.0.mlp.0.bias": np.full(8, np.nan, np.float32)}),
        "not finite",
    ),
    "integer weights": (
        lambda d: _resave(d, **{"global.0.mlp.0.bias": np.zeros(8, np.int64)}),
        "floating point was expected",
    ),
    "no spread": (
        lambda d: _resave(d, **{"features.std": np.zeros(FAKE_DIM, np.float32)}),
        "not positive",
    ),
    "pickle": (lambda d: (d / W).write_bytes(pickle.dumps(_Bomb())), "pickle.*so it was not"),
    "torch file": (lambda d: (d / W).write_bytes(_zip_pickle()), "pickle.*so it was not"),
    "cut off": (
        lambda d: (d / W).write_bytes((d / W).read_bytes()[:99]),
        "not a whole safetensors",
    ),
    "html": (lambda d: (d / W).write_text("<html>404</html>"), "not a whole safetensors"),
    "empty weights": (lambda d: (d / W).write_bytes(b""), "not a whole safetensors"),
    "labels lie": (
        lambda d: _rewrite(d, "labels: [angry, sad, neutral]\nenc", "labels: [angry, sad]\nenc"),
        "classes that the head has not|asks for",
    ),
    "labels twice": (
        lambda d: _rewrite(d, "labels: [angry, sad, neutral]\nenc", "labels: [sad, sad, sad]\nenc"),
        "name one class twice",
    ),
    "unsure as label": (
        lambda d: _rewrite(
            d, "labels: [angry, sad, neutral]\nenc", "labels: [angry, unsure, sad]\nenc"
        ),
        "cannot be a class",
    ),
    "bad temperature": (lambda d: _rewrite(d, "global: 1.3", "global: -1.0"), "temperature"),
    "field of another type": (lambda d: _rewrite(d, "clip_z: 6.0", "clip_z: six"), "'clip_z'"),
    "field missing": (lambda d: _rewrite(d, "licence: MIT\n", ""), "'licence'"),
    "other format": (
        lambda d: _rewrite(d, "gpt-sovits-emotion/head", "recipe/cake"),
        "not the card",
    ),
    "newer version": (lambda d: _rewrite(d, "version: 1", "version: 2"), "update the program"),
    "not yaml": (lambda d: (d / "head.yaml").write_text("a: [1\nb: }"), "is not YAML"),
    "not text": (lambda d: (d / "head.yaml").write_bytes(b"\xff\xfe\x00\x9f"), "is not YAML"),
    "yaml that makes objects": (
        lambda d: (d / "head.yaml").write_text("!!python/object/apply:os.mkdir [unpickled]"),
        "is not YAML",
    ),
    "yaml bomb": (
        lambda d: (d / "head.yaml").write_text(
            "a: &a [x,x,x,x,x,x,x,x,x]\n"
            + "".join(f"{b}: &{b} [{','.join(['*' + a] * 9)}]\n" for a, b in pairwise("abcdefghi"))
        ),
        "YAML alias",
    ),
    "huge card": (
        lambda d: (d / "head.yaml").write_text("#" * (1 << 20) + "\na: 1"),
        "larger than 1 MB",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_head_says_why(fake_head: Path, case: str, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    damage, expected = BROKEN[case]
    damage(fake_head)
    with pytest.raises(HeadError, match=expected) as caught:
        check_head(fake_head)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "unpickled").exists()


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_head_hurts_no_other(
    fake_head: Path, case: str, monkeypatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    sound = make_fake_head(tmp_path / "other")
    _rewrite(sound, "id: fake-head", "id: other")
    BROKEN[case][0](fake_head)
    assert find_head("other", [tmp_path]).card.id == "other"


def test_a_golden_triple_of_another_training_is_noticed(fake_head: Path) -> None:
    golden = json.loads((fake_head / "golden.json").read_text())
    golden["probabilities"]["global"][0][0] += 0.01
    (fake_head / "golden.json").write_text(json.dumps(golden))
    with pytest.raises(HeadError, match="not of one training"):
        check_head(fake_head)
    (fake_head / "golden.json").write_text("[]")
    with pytest.raises(HeadError, match="is not a golden triple"):
        check_head(fake_head)


# --- folders ---------------------------------------------------------------------------------------


def test_folders_are_searched_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(HEADS_VARIABLE, os.pathsep.join([str(tmp_path / "b"), str(tmp_path / "c")]))
    folders = head_folders([tmp_path / "a"])
    assert folders[:4] == (tmp_path / "a", tmp_path / "b", tmp_path / "c", user_folder())
    assert folders[-1].name == "pretrained_heads"


def test_a_head_dropped_in_appears_and_goes(tmp_path: Path) -> None:
    assert list_heads([tmp_path, tmp_path / "nowhere"]) == ()
    folder = make_fake_head(tmp_path / "fake-head")
    (entry,) = list_heads([tmp_path])
    assert (entry.id, entry.problem) == ("fake-head", None)
    (folder / W).rename(tmp_path / "aside")
    (entry,) = list_heads([tmp_path])
    assert "may be under way" in entry.problem
    (tmp_path / "aside").rename(folder / W)
    assert find_head("fake-head", [tmp_path]).card == load_card(folder)
    assert find_head(folder, []).card.id == "fake-head"


def test_one_id_in_two_folders_is_told(tmp_path: Path) -> None:
    make_fake_head(tmp_path / "a" / "fake-head")
    make_fake_head(tmp_path / "b" / "fake-head")
    first, second = list_heads([tmp_path / "a", tmp_path / "b"])
    assert first.problem is None
    assert "hidden by" in second.problem


def test_an_unknown_head_names_the_known_ones(fake_head: Path) -> None:
    with pytest.raises(
        HeadError, match="there is no head 'nope'; heads found: fake-head"
    ) as caught:
        find_head("nope", [fake_head.parent])
    check_says_the_same(caught.value)


def test_a_card_reads_back_equal(fake_head: Path) -> None:
    (fake_head / "head.yaml").write_text(card_to_yaml(load_card(fake_head)))
    assert load_card(fake_head) == fake_card()
