"""Fused encoders: their names, their embeddings, and what is lent to each of their parts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bilingual import check_says_the_same
from conftest import voiced
from hypothesis import given
from hypothesis import strategies as st
from test_encoders_borrowed import encoder_on, small_hubert
from test_engines import hubert

from gpt_sovits_emotion.audio import resample
from gpt_sovits_emotion.binding import bind, provide_encoder
from gpt_sovits_emotion.core.errors import BackendError, EncoderError, HeadMismatchError
from gpt_sovits_emotion.core.loaded_models import LoadedModels
from gpt_sovits_emotion.core.records import Audio
from gpt_sovits_emotion.encoders import EncoderName, open_encoder, parse_encoder_id
from gpt_sovits_emotion.encoders import hubert as hubert_module
from gpt_sovits_emotion.encoders.fused import FusedEncoder
from gpt_sovits_emotion.encoders.prosody import ProsodyEncoder
from gpt_sovits_emotion.heads import Head, load_head, save_head
from gpt_sovits_emotion.heads.card import EncoderSpec
from gpt_sovits_emotion.testing import FakeBackend, FakeEncoder, fake_card, fake_tensors

ID = "prosody+hubert:2"


class Wide(FakeEncoder):
    """Hears what lies above 8 kHz, too."""

    id, fingerprint, sampling_rate_hz = "wide", "wide-1", 32_000
    frame_rate_hz, input_scaling = 50.0, "divided by two"

    def encode(self, audios):
        assert all(audio.sampling_rate_hz == 32_000 for audio in audios)
        return super().encode(audios)


# --- names -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spelled", "canonical", "families"),
    [
        ("prosody+hubert:6", "prosody+hubert:6", ("prosody", "hubert")),
        ("hubert:4,5,6+prosody", "hubert:4-6+prosody", ("hubert", "prosody")),
        (
            "hubert:4,6+sovits.style+sovits.posterior+prosody",
            "hubert:4,6+sovits.style+sovits.posterior+prosody",
            ("hubert", "sovits.style", "sovits.posterior", "prosody"),
        ),
    ],
)
def test_a_fused_id_is_taken_apart_in_order(spelled, canonical, families) -> None:
    name = parse_encoder_id(spelled)
    assert name.id == canonical
    assert name.families == families
    assert name.parts == tuple(parse_encoder_id(part) for part in spelled.split("+"))
    assert parse_encoder_id(canonical) == name


def test_a_plain_id_has_no_parts() -> None:
    name = parse_encoder_id("hubert:4-9")
    assert name == EncoderName("hubert", (4, 5, 6, 7, 8, 9))
    assert name.parts == ()
    assert name.families == ("hubert",)


@given(
    st.permutations(["prosody", "hubert:0,4-9", "sovits.style", "sovits.posterior"]),
    st.integers(2, 4),
)
def test_every_fusion_survives_its_spelling(parts: list[str], n: int) -> None:
    spelled = "+".join(parts[:n])
    assert parse_encoder_id(spelled).id == spelled


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("prosody+", r"there is no encoder '' \(in 'prosody\+'\)"),
        ("+prosody", "there is no encoder ''"),
        ("prosody+wavlm:3", r"there is no encoder 'wavlm:3' \(in 'prosody\+wavlm:3'\)"),
        ("prosody + hubert:6", "there is no encoder 'prosody '"),
        ("prosody+hubert", "which layers"),
        ("prosody+hubert:13", "which has 12"),
        ("prosody+prosody", "fuses prosody with itself: name it once"),
        ("hubert:4+prosody+hubert:6", "fuses hubert with itself: name all its layers in one part"),
    ],
)
def test_a_wrong_fusion_is_refused_in_a_sentence(wrong: str, says: str) -> None:
    with pytest.raises(EncoderError, match=says) as caught:
        parse_encoder_id(wrong)
    check_says_the_same(caught.value)


@pytest.mark.parametrize("wrong", ["", "wavlm:6", "hubert", "hubert:9-4", "hubert:13", "prosody:3"])
def test_wrong_names_are_told_in_chinese_too(wrong: str) -> None:
    with pytest.raises(EncoderError) as caught:
        parse_encoder_id(wrong)
    check_says_the_same(caught.value)


def test_a_fused_encoder_is_not_opened_on_one_model() -> None:
    with pytest.raises(EncoderError, match="is opened part by part: open prosody and hubert:2"):
        open_encoder(ID, None)


# --- embeddings ------------------------------------------------------------------------------------


def test_embeddings_stand_side_by_side() -> None:
    parts = [ProsodyEncoder(), encoder_on(small_hubert(), 1, 3)]
    fused = FusedEncoder(parts)
    audios = [Audio(voiced(seconds), 16_000) for seconds in (0.7, 1.1)]
    embeddings = fused.encode(audios)
    assert embeddings.dtype == np.float32
    assert embeddings.shape == (2, fused.dim)
    wanted = np.concatenate([part.encode(audios) for part in parts], axis=1)
    np.testing.assert_array_equal(embeddings, wanted)
    assert fused.id == "prosody+hubert:1,3"
    assert fused.fingerprint == "+".join(part.fingerprint for part in parts)
    assert (fused.sampling_rate_hz, fused.frame_rate_hz) == (16_000, 100.0)
    assert fused.encode([]).shape == (0, fused.dim)


def test_each_part_is_given_its_own_rate() -> None:
    fused = FusedEncoder([FakeEncoder(), Wide()])
    assert (fused.sampling_rate_hz, fused.frame_rate_hz) == (32_000, 100.0)
    assert fused.input_scaling == "fake: none; wide: divided by two"
    audio = Audio(voiced(0.5, sampling_rate_hz=32_000), 32_000)
    (row,) = fused.encode([audio])
    narrow = FakeEncoder().encode([resample(audio, 16_000)])[0]
    np.testing.assert_array_equal(row[:20], narrow)
    np.testing.assert_array_equal(row[20:], Wide().encode([audio])[0])
    with pytest.raises(EncoderError, match=r"'fake\+wide' was given audio at 16000 Hz"):
        fused.encode([resample(audio, 16_000)])


def test_what_is_no_fusion_is_refused() -> None:
    for parts in ([], [FakeEncoder()], [FakeEncoder(), FakeEncoder()]):
        with pytest.raises(EncoderError, match="two or more different encoders") as caught:
            FusedEncoder(parts)
        assert caught.value.zh is not None


# --- lending ---------------------------------------------------------------------------------------


class ModelProvider(FakeBackend):
    """Lends the HuBERTs it is given."""

    def __init__(self, *loaded: LoadedModels) -> None:
        super().__init__()
        self._loaded = loaded

    @property
    def provides(self) -> frozenset[str]:
        return frozenset({"prosody", "hubert"})

    def provide(self, family: str) -> Iterator[LoadedModels]:
        assert family == "hubert"
        return iter(self._loaded)


@pytest.fixture(scope="module")
def loaded() -> list[LoadedModels]:
    return [hubert(1), hubert(2), hubert(3)]


@pytest.fixture
def fused_head(loaded, tmp_path: Path) -> Head:
    encoder = FusedEncoder([ProsodyEncoder(), open_encoder("hubert:2", loaded[1])])
    spec = EncoderSpec(ID, encoder.dim, encoder.fingerprint, 16_000, "side by side")
    save_head(tmp_path / "fake-head", fake_card(encoder=spec), fake_tensors(dim=encoder.dim))
    return load_head(tmp_path / "fake-head")


def test_each_part_of_a_heads_encoder_is_lent_and_checked(fused_head, loaded) -> None:
    tracker = ProsodyEncoder()
    analyser = bind(fused_head, ModelProvider(*loaded), tracker)
    assert isinstance(analyser.encoder, FusedEncoder)
    assert analyser.encoder.parts[0] is tracker
    audio = Audio(voiced(1.0), 16_000)
    wanted = [tracker.encode([audio])[0], open_encoder("hubert:2", loaded[1]).encode([audio])[0]]
    np.testing.assert_array_equal(analyser.encoder.encode([audio])[0], np.concatenate(wanted))


def test_a_part_that_is_missing_or_has_other_weights_is_refused(fused_head, loaded) -> None:
    tracker = ProsodyEncoder()
    with pytest.raises(HeadMismatchError, match="'hubert:2', which a humming fake") as caught:
        bind(fused_head, FakeBackend(), tracker)
    check_says_the_same(caught.value)
    with pytest.raises(HeadMismatchError, match=r"'hubert:2', .* has none of that kind") as caught:
        bind(fused_head, ModelProvider(), tracker)
    check_says_the_same(caught.value)
    with pytest.raises(HeadMismatchError, match="its verdicts would be noise"):
        bind(fused_head, ModelProvider(loaded[0], loaded[2]), tracker)
    card = fused_head.card
    one = replace(card, encoder=replace(card.encoder, fingerprint="hubert-1"))
    with pytest.raises(HeadMismatchError, match="its verdicts would be noise"):
        bind(replace(fused_head, card=one), ModelProvider(*loaded), tracker)


def test_an_encoder_is_lent_without_a_head(loaded) -> None:
    tracker = ProsodyEncoder()
    assert provide_encoder("prosody", FakeBackend(), tracker) is tracker
    alone = provide_encoder("hubert:1,2", ModelProvider(*loaded), tracker)
    assert alone.id == "hubert:1-2"
    assert alone.fingerprint == open_encoder("hubert:1", loaded[0]).fingerprint
    fused = provide_encoder("hubert:2+prosody", ModelProvider(*loaded), tracker)
    assert isinstance(fused, FusedEncoder)
    assert fused.id == "hubert:2+prosody"
    assert fused.parts[1] is tracker


def test_what_cannot_be_lent_to_train_on_is_a_sentence(loaded) -> None:
    tracker = ProsodyEncoder()
    with pytest.raises(EncoderError, match="there is no encoder 'wavlm:3'"):
        provide_encoder("wavlm:3", ModelProvider(*loaded), tracker)
    with pytest.raises(EncoderError, match="'hubert:2' needs hubert, which a humming") as caught:
        provide_encoder(ID, FakeBackend(), tracker)
    check_says_the_same(caught.value)
    with pytest.raises(EncoderError, match="none of that kind loaded") as caught:
        provide_encoder(ID, ModelProvider(), tracker)
    check_says_the_same(caught.value)


# --- HuBERT in batches, as on a graphics card ------------------------------------------------------


@pytest.fixture
def batching(monkeypatch) -> None:
    monkeypatch.setattr(hubert_module.HubertEncoder, "batch_s", 3.0)


def audios_of(*lengths_s: float) -> list[Audio]:
    return [
        Audio(voiced(seconds, f0_hz=100 + 40 * n, level=0.03 * (n + 1)), 16_000)
        for n, seconds in enumerate(lengths_s)
    ]


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_what_is_padded_is_heard_as_if_alone(monkeypatch, attention) -> None:
    encoder = encoder_on(small_hubert(attention=attention), 0, 2, 4)
    audios = audios_of(0.3, 1.2, 0.05, 0.9, 0.6)
    alone = encoder.encode(audios)
    monkeypatch.setattr(hubert_module.HubertEncoder, "batch_s", 3.0)
    np.testing.assert_allclose(encoder.encode(audios), alone, rtol=1e-4, atol=2e-5)
    assert encoder.encode([]).shape == (0, encoder.dim)


def test_batches_are_as_long_as_they_may_be(batching) -> None:
    model = small_hubert()
    sizes: list[tuple[int, ...]] = []
    model.encoder.layer_norm.register_forward_pre_hook(
        lambda part, given: sizes.append(tuple(given[0].shape[:2]))
    )
    encoder_on(model, 1).encode(audios_of(0.5, 2.0, 0.5, 0.5, 1.4, 0.5))
    assert [size[0] for size in sizes] == [1, 2, 3]  # 2.0 | 1.4 0.5 | 0.5 0.5 0.5
    assert encoder_on(model, 1).batch_s == 3.0


def test_on_a_cpu_nothing_is_padded() -> None:
    assert encoder_on(small_hubert(), 1).batch_s == 0.0


def test_a_model_whose_padding_would_be_heard_is_read_one_by_one() -> None:
    assert hubert_module._can_batch(small_hubert())
    assert not hubert_module._can_batch(small_hubert(conv_pos_batch_norm=True))


def test_a_batch_that_the_card_has_no_memory_for_is_halved(batching, monkeypatch) -> None:
    import torch

    encoder, audios = encoder_on(small_hubert(), 1), audios_of(0.5, 0.6, 0.7)
    wanted = encoder.encode(audios)
    usual, most = hubert_module._hidden_of_batch, [1]

    def scarce(model, audios, *others):
        if len(audios) > most[0]:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return usual(model, audios, *others)

    monkeypatch.setattr(hubert_module, "_hidden_of_batch", scarce)
    np.testing.assert_allclose(encoder.encode(audios), wanted, rtol=1e-4, atol=1e-5)
    most[0] = 0
    with pytest.raises(BackendError, match="the graphics card has no memory left") as caught:
        encoder.encode(audios)
    check_says_the_same(caught.value)


def test_overflow_in_a_batch_of_half_precision_is_read_again_in_float32(batching) -> None:
    from test_encoders_borrowed import overflow_in_half

    model = small_hubert()
    overflow_in_half(model)
    model.half()
    audios = audios_of(0.6, 0.8)
    found = encoder_on(model, 4).encode(audios)
    expected = encoder_on(model.float(), 4).encode(audios)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
