"""Heads and lenders brought together: the first weights that fit are taken, and nothing is kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bilingual import check_says_the_same

from gpt_sovits_emotion.binding import bind
from gpt_sovits_emotion.core.errors import BackendError, HeadMismatchError
from gpt_sovits_emotion.core.loaded_models import LoadedHubert, LoadedModels
from gpt_sovits_emotion.core.records import Audio, Sentence
from gpt_sovits_emotion.encoders import open_encoder
from gpt_sovits_emotion.engines import Engines, open_engines
from gpt_sovits_emotion.heads import Head, load_head, save_head
from gpt_sovits_emotion.heads.card import EncoderSpec
from gpt_sovits_emotion.testing import FakeBackend, FakeEncoder, fake_card, fake_tensors

transformers = pytest.importorskip("transformers", reason="HuBERT comes with transformers")


def hubert(seed: int) -> LoadedHubert:
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
    return LoadedHubert(model, Sentence(f"HuBERT {seed}", f"HuBERT {seed}"))


class ModelProvider(FakeBackend):
    """Lends the HuBERTs it is given, and counts how many were asked for."""

    def __init__(self, *loaded: LoadedModels) -> None:
        super().__init__()
        self._loaded = loaded
        self.asked = 0

    @property
    def provides(self) -> frozenset[str]:
        return frozenset({"prosody", "hubert"} if self._loaded else {"prosody"})

    def provide(self, family: str) -> Iterator[LoadedModels]:
        assert family == "hubert"
        for one in self._loaded:
            self.asked += 1
            yield one


@pytest.fixture(scope="module")
def loaded() -> list[LoadedHubert]:
    return [hubert(1), hubert(2), hubert(3)]


@pytest.fixture
def hubert_head(loaded, tmp_path: Path) -> Head:
    encoder = open_encoder("hubert:2", loaded[1])
    spec = EncoderSpec("hubert:2", encoder.dim, encoder.fingerprint, 16_000, "mean, std")
    save_head(
        tmp_path / "fake-head",
        fake_card(encoder=spec),
        fake_tensors(dim=encoder.dim),
    )
    return load_head(tmp_path / "fake-head")


def test_the_first_weights_that_fit_are_taken(hubert_head, loaded):
    provider = ModelProvider(*loaded)
    analyser = bind(hubert_head, provider, FakeEncoder())
    assert provider.asked == 2  # the third was not even loaded
    audio = Audio(np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32), 16_000)
    wanted = open_encoder("hubert:2", loaded[1]).encode([audio])
    np.testing.assert_array_equal(analyser.encoder.encode([audio]), wanted)


def test_a_host_without_the_kind_or_with_other_weights_is_refused(hubert_head, loaded):
    with pytest.raises(
        HeadMismatchError, match="'hubert:2', which a humming fake does not lend"
    ) as caught:
        bind(hubert_head, ModelProvider(), FakeEncoder())
    check_says_the_same(caught.value)
    with pytest.raises(HeadMismatchError, match="its verdicts would be noise") as caught:
        bind(hubert_head, ModelProvider(loaded[0], loaded[2]), FakeEncoder())
    check_says_the_same(caught.value)


def test_what_is_lent_is_asked_for_anew(hubert_head, loaded):
    provider = ModelProvider(loaded[1])
    engines = Engines(hubert_head, hubert_head, provider, provider, FakeEncoder())
    assert engines.analyser.encoder.fingerprint == hubert_head.card.encoder.fingerprint
    provider._loaded = (loaded[0],)  # other weights were loaded meanwhile
    with pytest.raises(HeadMismatchError, match="its verdicts would be noise"):
        _ = engines.analyser


def test_a_head_on_prosody_needs_nobody(hubert_head):
    engines = open_engines(head="prosody-emodb", provider=ModelProvider())
    assert engines.analyser.encoder is engines.tracker
    assert engines.listening_rate_hz == 16_000


def test_the_embedded_host_says_what_it_lacks():
    engines = open_engines()
    assert list(engines.backend.provide("prosody")) == []
    with pytest.raises(BackendError, match="hubert needs the models of GPT-SoVITS"):
        engines.backend.provide("hubert")


def test_a_head_of_an_unknown_encoder_is_refused(hubert_head, loaded):
    card = replace(hubert_head.card, encoder=replace(hubert_head.card.encoder, id="wavlm:3"))
    with pytest.raises(HeadMismatchError, match="'wavlm:3', which no package here adds"):
        bind(replace(hubert_head, card=card), ModelProvider(loaded[0]), FakeEncoder())
