"""A head written by hand from docs/heads.md alone: its YAML, its table of tensors, its formulas."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from bilingual import check_sentences
from conftest import REPOSITORY
from safetensors.numpy import save_file

from gpt_sovits_emotion.core.errors import HeadError
from gpt_sovits_emotion.heads import list_heads, load_card
from gpt_sovits_emotion.testing import check_head

PAGE = (REPOSITORY / "docs" / "heads.md").read_text(encoding="utf-8")
CARD, MOVING, NOTEBOOK, NOTEBOOK_OF_MEANS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


MOVING_CARD = CARD.replace("version: 1", "version: 2") + MOVING


def write_by_hand(folder: Path, *, text: str = CARD) -> Path:
    """Do what the page says with nothing but numpy, safetensors and a text editor."""
    folder.mkdir()
    (folder / "head.yaml").write_text(text, encoding="utf-8")
    card = yaml.safe_load(text)
    moves = "moving" in card
    dim, n_labels, hidden = card["encoder"]["dim"], len(card["labels"]), 7
    rng = np.random.default_rng(5)
    t = {
        "features.mean": rng.normal(size=dim),
        "features.std": rng.uniform(0.5, 2, dim),
        "features.within_speaker_std": rng.uniform(0.5, 2, dim),
    }
    for mode in ("shared",) if moves else ("global", "speaker"):
        for i in range(2):
            t[f"{mode}.{i}.mlp.0.weight"] = rng.normal(0, 0.1, (hidden, dim))
            t[f"{mode}.{i}.mlp.0.bias"] = rng.normal(size=hidden)
            t[f"{mode}.{i}.mlp.3.weight"] = rng.normal(size=(n_labels, hidden))
            t[f"{mode}.{i}.mlp.3.bias"] = rng.normal(size=n_labels)
    save_file(t, folder / "head.safetensors")

    x = rng.normal(0, 2, (card["min_speaker_segments"], dim)).round(4)
    k, n = card["prior_segments"], len(x)
    speakers_mean = (x.sum(axis=0) + k * t["features.mean"]) / (n + k)
    s = t["features.within_speaker_std"]
    if moves:
        s = np.sqrt(s**2 + k / (n + k) * np.maximum(t["features.std"] ** 2 - s**2, 0))
    z = {
        "global": (x - t["features.mean"]) / t["features.std"],
        "speaker": (x - speakers_mean) / s,
    }
    probabilities = {}
    for mode, unclipped in z.items():
        clipped = np.clip(unclipped, -card["clip_z"], card["clip_z"])
        scores = 0
        for i in range(2):
            w1, b1, w2, b2 = (
                t[f"{'shared' if moves else mode}.{i}.mlp.{part}"]
                for part in ("0.weight", "0.bias", "3.weight", "3.bias")
            )
            scores = scores + np.maximum(clipped @ w1.T + b1, 0) @ w2.T + b2
        e = np.exp(scores / 2 / card["temperature"][mode])
        probabilities[mode] = (e / e.sum(axis=1, keepdims=True)).round(4).tolist()
    golden = {"embeddings": x.tolist(), "probabilities": probabilities}
    (folder / "golden.json").write_text(json.dumps(golden))
    return folder


@pytest.mark.parametrize("text", [CARD, MOVING_CARD])
def test_a_head_written_by_hand_from_this_page_keeps_the_contract(
    tmp_path: Path, text: str
) -> None:
    folder = write_by_hand(tmp_path / "my-head", text=text)
    (remark,) = check_head(folder)
    assert remark.en == "no measured results: nobody knows how good it is"
    check_sentences([remark])
    assert [entry.state for entry in list_heads([tmp_path])] == ["sound"]
    assert load_card(folder).corpora[0].citation == "me, 2026"


def test_the_dimension_on_the_page_is_that_of_the_prosody_encoder() -> None:
    from gpt_sovits_emotion.encoders.prosody import ProsodyEncoder

    assert yaml.safe_load(CARD)["encoder"]["dim"] == ProsodyEncoder().dim


@pytest.mark.parametrize(
    "line", [line for line in CARD.partition("# These")[0].splitlines() if re.match(r"\w", line)]
)
def test_every_field_of_the_page_is_needed(tmp_path: Path, line: str) -> None:
    folder = write_by_hand(tmp_path / "my-head")
    if line == "corpora:":
        line = re.search(r"corpora:\n- .*", CARD)[0]
    (folder / "head.yaml").write_text(CARD.replace(line, ""), encoding="utf-8")
    with pytest.raises(HeadError):
        check_head(folder)


@pytest.mark.parametrize(("card", "dim"), [(NOTEBOOK, 1536), (NOTEBOOK_OF_MEANS, 768)])
def test_a_notebook_head_from_this_page_drops_in(tmp_path: Path, card: str, dim: int) -> None:
    folder = tmp_path / "my-head"
    folder.mkdir()
    model = torch.nn.Sequential(
        torch.nn.Linear(dim, 8), torch.nn.ReLU(), torch.nn.Dropout(), torch.nn.Linear(8, 4)
    )
    torch.save(model.state_dict(), folder / "head.pt")
    (folder / "head.yaml").write_text(card)
    assert load_card(folder).encoder.dim == 1536  # mean and deviation of 768 channels
    assert any("no speaker mode" in remark.en for remark in check_head(folder))
    assert [entry.state for entry in list_heads([tmp_path])] == ["sound"]
