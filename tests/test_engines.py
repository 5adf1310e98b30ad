"""Heads and lenders brought together: the first weights that fit are taken, and nothing is kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bilingual import check_says_the_same

from gpt_sovits_emotion.binding import bind
from gpt_sovits_emotion.encoders import open_encoder
from gpt_sovits_emotion.engines import Engines, open_engines
from gpt_sovits_emotion.errors import HeadMismatchError, HostError
from gpt_sovits_emotion.heads import Head, load_head, save_head
from gpt_sovits_emotion.heads.card import EncoderSpec
from gpt_sovits_emotion.lending import Lent, LentHubert
from gpt_sovits_emotion.records import Audio, Sentence
from gpt_sovits_emotion.testing import FakeEncoder, FakeHost, fake_card, fake_tensors

transformers = pytest.importorskip("transformers", reason="HuBERT comes with transformers")


def hubert(seed: int) -> LentHubert:
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        config = transformers.HubertConfig(
            hidden_size=16,
            num_hidden_layers=3,
            num_attention_heads=2,
            intermediate_size=24,
            conv_dim=(8,) * 7,
            num_conv_pos_embeddings=8,
            num_conv_pos_embedding_groups=2,
        )
        model = transformers.HubertModel(config).eval()
    return LentHubert(model, Sentence(f"HuBERT {seed}", f"HuBERT {seed}"))


class Lender(FakeHost):
    """Lends the HuBERTs it is given, and counts how many were asked for."""

    def __init__(self, *lent: Lent) -> None:
        super().__init__()
        self._lent = lent
        self.asked = 0

    @property
    def lends(self) -> frozenset[str]:
        return frozenset({"prosody", "hubert"} if self._lent else {"prosody"})

    def lend(self, family: str) -> Iterator[Lent]:
        assert family == "hubert"
        for one in self._lent:
            self.asked += 1
            yield one


@pytest.fixture(scope="module")
def lent() -> list[LentHubert]:
    return [hubert(1), hubert(2), hubert(3)]


@pytest.fixture
def hubert_head(lent, tmp_path: Path) -> Head:
    encoder = open_encoder("hubert:2", lent[1])
    spec = EncoderSpec("hubert:2", encoder.dim, encoder.fingerprint, 16_000, "mean, std")
    save_head(
        tmp_path / "fake-head",
        fake_card(encoder=spec),
        fake_tensors(dim=encoder.dim),
    )
    return load_head(tmp_path / "fake-head")


def test_the_first_weights_that_fit_are_taken(hubert_head, lent):
    lender = Lender(*lent)
    analyser = bind(hubert_head, lender, FakeEncoder())
    assert lender.asked == 2  # the third was not even loaded
    audio = Audio(np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32), 16_000)
    wanted = open_encoder("hubert:2", lent[1]).encode([audio])
    np.testing.assert_array_equal(analyser.encoder.encode([audio]), wanted)


def test_a_host_without_the_kind_or_with_other_weights_is_refused(hubert_head, lent):
    with pytest.raises(
        HeadMismatchError, match="'hubert:2', which a humming fake does not lend"
    ) as caught:
        bind(hubert_head, Lender(), FakeEncoder())
    check_says_the_same(caught.value)
    with pytest.raises(HeadMismatchError, match="its verdicts would be noise") as caught:
        bind(hubert_head, Lender(lent[0], lent[2]), FakeEncoder())
    check_says_the_same(caught.value)


def test_what_is_lent_is_asked_for_anew(hubert_head, lent):
    lender = Lender(lent[1])
    engines = Engines(hubert_head, hubert_head, lender, lender, FakeEncoder())
    assert engines.analyser.encoder.fingerprint == hubert_head.card.encoder.fingerprint
    lender._lent = (lent[0],)  # other weights were loaded meanwhile
    with pytest.raises(HeadMismatchError, match="its verdicts would be noise"):
        _ = engines.analyser


def test_a_head_on_prosody_needs_nobody(hubert_head):
    engines = open_engines(head="prosody-emodb", lender=Lender())
    assert engines.analyser.encoder is engines.tracker
    assert engines.listening_rate_hz == 16_000


def test_the_embedded_host_says_what_it_lacks():
    engines = open_engines()
    assert list(engines.host.lend("prosody")) == []
    with pytest.raises(HostError, match="hubert needs the models of GPT-SoVITS"):
        engines.host.lend("hubert")


def test_a_head_of_an_unknown_encoder_is_refused(hubert_head, lent):
    card = replace(hubert_head.card, encoder=replace(hubert_head.card.encoder, id="wavlm:3"))
    with pytest.raises(HeadMismatchError, match="'wavlm:3', which a humming fake does not lend"):
        bind(replace(hubert_head, card=card), Lender(lent[0]), FakeEncoder())
