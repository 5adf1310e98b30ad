"""Heads: what is saved loads equal, computes what it should, and fits its encoder alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gpt_sovits_emotion.core.errors import EncoderError, HeadMismatchError
from gpt_sovits_emotion.heads import head_folders, list_heads, load_card, load_head, save_head
from gpt_sovits_emotion.heads.card import ANY_WEIGHTS, card_to_yaml, is_head_id
from gpt_sovits_emotion.heads.check import check_head
from gpt_sovits_emotion.heads.classifier import EmotionClassifier
from gpt_sovits_emotion.testing import (
    FAKE_DIM,
    FakeEncoder,
    fake_card,
    fake_tensors,
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
    assert check_head(fake_head) == ()


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


# --- the card --------------------------------------------------------------------------------------


def test_a_card_reads_back_equal(fake_head: Path) -> None:
    (fake_head / "head.yaml").write_text(card_to_yaml(load_card(fake_head)))
    assert load_card(fake_head) == fake_card()


def test_learned_layer_weights_are_kept_and_an_older_card_has_none(fake_head: Path) -> None:
    assert load_card(fake_head).layer_weights == {}
    card = fake_card(layer_weights={"global": (0.25, 0.75)})
    (fake_head / "head.yaml").write_text(card_to_yaml(card))
    assert load_card(fake_head).layer_weights == {"global": (0.25, 0.75)}
    older = yaml.safe_load((fake_head / "head.yaml").read_text())
    del older["layer_weights"]
    (fake_head / "head.yaml").write_text(yaml.safe_dump(older))
    assert load_card(fake_head) == fake_card()


@given(st.text(max_size=80))
def test_only_ids_that_are_one_plain_word_are_ids(name: str) -> None:
    plain = all(
        part and set(part) <= set("abcdefghijklmnopqrstuvwxyz0123456789")
        for part in name.split("-")
    )
    assert is_head_id(name) == (plain and len(name) <= 64)


def test_weights_that_nobody_could_name_fit_any(tmp_path: Path) -> None:
    spec = replace(fake_card().encoder, fingerprint=ANY_WEIGHTS)
    head = save_head(tmp_path / "fake-head", fake_card(encoder=spec), fake_tensors())
    head.check_encoder("fake", dim=FAKE_DIM, fingerprint="whatever")
    assert any("not named" in remark.en for remark in check_head(tmp_path / "fake-head"))
