"""Heads from a notebook: what `torch.save` wrote of two linear layers, with a few lines of YAML beside it."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from bilingual import check_sentences
from head_files.malicious import archive
from torch import nn

from gpt_sovits_emotion.heads import find_head, list_heads, load_head
from gpt_sovits_emotion.heads.card import ANY_WEIGHTS
from gpt_sovits_emotion.heads.check import check_head
from gpt_sovits_emotion.heads.classifier import EmotionClassifier
from gpt_sovits_emotion.heads.install import add_head

LABELS = "[angry, happy, neutral, sad]"
DIM = 12


@pytest.fixture
def classifier() -> EmotionClassifier:
    with torch.random.fork_rng():
        torch.manual_seed(4)
        return EmotionClassifier(DIM, 4, hidden=6).eval()


def put(folder: Path, state: object, card: str = "", *, name: str = "head.pt", **options) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(state, folder / name, **options)
    (folder / "head.yaml").write_text(card or f"labels: {LABELS}\nencoder: fake\n")
    return folder


def agrees(folder: Path, classifier: nn.Module, *, atol: float = 1e-6) -> bool:
    x = np.random.default_rng(1).normal(0, 30, (5, DIM)).astype(np.float32)
    with torch.no_grad():
        expected = torch.softmax(classifier(torch.from_numpy(x)), dim=1).numpy()
    return np.allclose(load_head(folder).probabilities(x), expected, atol=atol)


def test_a_notebook_head_gives_what_the_notebook_gave(classifier, tmp_path: Path) -> None:
    folder = put(tmp_path / "from-a-notebook", classifier.state_dict())
    assert agrees(folder, classifier)
    head = load_head(folder)
    assert (head.card.id, head.card.labels) == (
        "from-a-notebook",
        ("angry", "happy", "neutral", "sad"),
    )
    assert head.card.encoder.fingerprint == ANY_WEIGHTS
    assert head.statistics(np.zeros((9, DIM), np.float32), source="x") is None
    assert head.decide(np.array([0.3, 0.2, 0.25, 0.25]), mode="global") == "angry"  # threshold 0
    (entry,) = list_heads([tmp_path])
    assert entry.state == "sound"
    assert find_head("from-a-notebook", [tmp_path]).card == head.card
    remarks = check_head(folder)
    assert any("no licence" in remark.en for remark in remarks)
    check_sentences(remarks)
    assert any("no measured results" in remark.en for remark in remarks)


def _sequential(classifier: EmotionClassifier) -> OrderedDict[str, torch.Tensor]:
    return classifier.mlp.state_dict()


def _renamed(prefix: str):
    return lambda c: {prefix + name: tensor for name, tensor in c.state_dict().items()}


@pytest.mark.parametrize(
    "state_of",
    [
        _sequential,
        _renamed("module."),
        _renamed("module._orig_mod."),
        lambda c: {f"net.{name}": tensor for name, tensor in c.mlp.state_dict().items()},
        lambda c: {"state_dict": c.state_dict(), "epoch": 7, "loss": 0.5},
        lambda c: {name: nn.Parameter(tensor) for name, tensor in c.state_dict().items()},
        lambda c: {name: tensor.double() for name, tensor in c.state_dict().items()},
        lambda c: {name: tensor.T.contiguous().T for name, tensor in c.state_dict().items()},
    ],
    ids=[
        "sequential",
        "parallel",
        "compiled",
        "renamed",
        "wrapped",
        "parameters",
        "double",
        "turned",
    ],
)
@pytest.mark.filterwarnings("ignore:The use of `x.T` on tensors of dimension other than 2")
def test_the_two_layers_are_found_under_other_names(classifier, tmp_path, state_of) -> None:
    assert agrees(put(tmp_path / "mine", state_of(classifier), name="head.pth"), classifier)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_will_do(classifier, tmp_path: Path, dtype) -> None:
    state = {name: tensor.to(dtype) for name, tensor in classifier.state_dict().items()}
    assert agrees(put(tmp_path / "mine", state), classifier, atol=0.2)


def test_a_fuller_card_counts(classifier, tmp_path: Path) -> None:
    card = f"""
format: gpt-sovits-emotion/head
version: 1
id: other-name
labels: {LABELS}
encoder: {{id: fake, fingerprint: fake-1, pooling: none}}
licence: CC0-1.0
temperature: {{global: 2.0}}
threshold: {{global: 0.5}}
"""
    head = load_head(put(tmp_path / "mine", classifier.state_dict(), card))
    assert (head.card.id, head.card.licence) == ("other-name", "CC0-1.0")
    assert head.card.encoder.fingerprint == "fake-1"
    assert head.decide(np.array([0.4, 0.2, 0.2, 0.2]), mode="global") == "unsure"


def test_a_head_on_means_alone_fits_what_the_encoder_gives(tmp_path: Path) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(2)
        classifier = EmotionClassifier(2 * 768, 4, hidden=5).eval()
    card = f"labels: {LABELS}\nencoder: {{id: 'hubert:6,9', pooling: mean}}\n"
    head = load_head(put(tmp_path / "mine", classifier.state_dict(), card))
    assert head.card.encoder.dim == 4 * 768
    rng = np.random.default_rng(0)
    means = rng.normal(size=(3, 2, 768)).astype(np.float32)
    deviations = rng.normal(size=(3, 2, 768)).astype(np.float32)
    ours = np.stack([means, deviations], axis=2).reshape(3, -1)  # layer by layer: mean, deviation
    with torch.no_grad():
        logits = classifier(torch.from_numpy(means.reshape(3, -1)))
        expected = torch.softmax(logits, dim=1).numpy()
    np.testing.assert_allclose(head.probabilities(ours), expected, atol=1e-5)


def test_adding_a_notebook_head_makes_it_one_like_the_others(classifier, tmp_path: Path) -> None:
    source, into = put(tmp_path / "mine", classifier.state_dict()), tmp_path / "heads"
    place, _ = add_head(source, folders=[into], into=into)
    assert sorted(path.name for path in place.iterdir()) == [
        "golden.json",
        "head.safetensors",
        "head.yaml",
    ]
    assert agrees(place, classifier)


class _Bomb:
    def __reduce__(self):
        return (os.mkdir, ("unpickled",))


def test_what_is_read_is_what_was_looked_at(classifier, tmp_path: Path, monkeypatch) -> None:
    """Two readers may see two archives in one file; the parts that were looked at are the ones that load."""
    monkeypatch.chdir(tmp_path)
    sound = io.BytesIO()
    torch.save(classifier.state_dict(), sound)
    both = archive(pickle.dumps(_Bomb(), 2)) + sound.getvalue()
    folder = put(tmp_path / "mine", classifier.state_dict())
    (folder / "head.pt").write_bytes(both)
    assert zipfile.is_zipfile(folder / "head.pt")
    assert agrees(folder, classifier)
    assert not (tmp_path / "unpickled").exists()
