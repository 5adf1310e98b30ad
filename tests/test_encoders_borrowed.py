"""Encoders that read what a host lends, against transformers' HuBERT and SoVITS's own classes."""

from __future__ import annotations

import functools
import gc
import importlib
import importlib.util
import os
import subprocess
import sys
import types
import warnings
import weakref
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import voiced
from hypothesis import given
from hypothesis import strategies as st

from gpt_sovits_emotion.audio import resample
from gpt_sovits_emotion.core.errors import EncoderError
from gpt_sovits_emotion.core.loaded_models import LoadedHubert, LoadedSovits
from gpt_sovits_emotion.core.records import Audio, Sentence
from gpt_sovits_emotion.encoders import EncoderName, open_encoder, parse_encoder_id
from gpt_sovits_emotion.encoders.fingerprint import fingerprint
from gpt_sovits_emotion.encoders.hubert import HubertEncoder
from gpt_sovits_emotion.encoders.pooling import pool
from gpt_sovits_emotion.encoders.sovits import spectrogram
from gpt_sovits_emotion.testing import check_encoder

SOURCE = Sentence("a test", "测试")
N_LAYERS = 4


def audio_of(seconds: float = 1.0, rate_hz: int = 16_000, level: float = 0.1) -> Audio:
    return Audio(voiced(seconds, sampling_rate_hz=rate_hz, level=level), rate_hz)


# --- names -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spelled", "family", "layers", "canonical"),
    [
        ("prosody", "prosody", (), "prosody"),
        ("sovits.style", "sovits.style", (), "sovits.style"),
        ("sovits.posterior", "sovits.posterior", (), "sovits.posterior"),
        ("hubert:0", "hubert", (0,), "hubert:0"),
        ("hubert:12", "hubert", (12,), "hubert:12"),
        ("hubert:4-9", "hubert", (4, 5, 6, 7, 8, 9), "hubert:4-9"),
        ("hubert:4,6,9", "hubert", (4, 6, 9), "hubert:4,6,9"),
        ("hubert:4,5,6", "hubert", (4, 5, 6), "hubert:4-6"),
        ("hubert:6-6", "hubert", (6,), "hubert:6"),
        ("hubert:0,2-4,12", "hubert", (0, 2, 3, 4, 12), "hubert:0,2-4,12"),
    ],
)
def test_an_id_is_taken_apart_and_spelled_in_one_way(spelled, family, layers, canonical) -> None:
    name = parse_encoder_id(spelled)
    assert (name.family, name.layers, name.id) == (family, layers, canonical)


@given(st.sets(st.integers(0, 12), min_size=1))
def test_every_choice_of_layers_survives_its_spelling(layers: set[int]) -> None:
    name = EncoderName("hubert", tuple(sorted(layers)))
    assert parse_encoder_id(name.id) == name


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ("", "there is no encoder"),
        ("wavlm:6", "there is no encoder"),
        ("Hubert:6", "there is no encoder"),
        ("hubert", "which layers"),
        ("hubert:", "which layers"),
        ("hubert:six", "which layers"),
        ("hubert:-1", "which layers"),
        ("hubert:06", "which layers"),
        ("hubert:4, 6", "which layers"),
        ("hubert:٦", "which layers"),
        ("hubert:6,", "which layers"),
        ("hubert:9-4", "ascend"),
        ("hubert:9,4", "ascend"),
        ("hubert:4-6,6", "ascend"),
        ("hubert:13", "which has 12"),
        ("hubert:4-99", "which has 12"),
        ("prosody:3", "no layers"),
        ("sovits.style:", "no layers"),
    ],
)
def test_anything_else_is_refused_in_a_sentence(wrong: str, says: str) -> None:
    with pytest.raises(EncoderError, match=says):
        parse_encoder_id(wrong)


def test_naming_an_encoder_loads_no_torch() -> None:
    code = (
        "import sys; from gpt_sovits_emotion.encoders import parse_encoder_id; parse_encoder_id('hubert:6'); "
        "assert 'torch' not in sys.modules and 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_encoder_opens_only_on_what_it_reads(hubert) -> None:
    assert open_encoder("prosody", None).id == "prosody"
    assert open_encoder("hubert:1,2", LoadedHubert(hubert, SOURCE)).id == "hubert:1-2"
    for wrong in ("hubert:1", "sovits.style", "sovits.posterior"):
        with pytest.raises(EncoderError, match="was lent nothing"):
            open_encoder(wrong, None)
    with pytest.raises(EncoderError, match="needs a loaded sovits model and was lent a test"):
        open_encoder("sovits.style", LoadedHubert(hubert, SOURCE))


@pytest.mark.parametrize("version", ["v2", "v2Pro"])
def test_those_on_lent_models_keep_the_contract_of_encoders(hubert, sovits, version: str) -> None:
    check_encoder(open_encoder("hubert:1,2", LoadedHubert(hubert, SOURCE)))
    for encoder_id in ("sovits.style", "sovits.posterior"):
        check_encoder(open_encoder(encoder_id, lent_sovits(sovits, version)))


# --- HuBERT ----------------------------------------------------------------------------------------


def small_hubert(*, attention: str = "sdpa", **changes):
    transformers = pytest.importorskip("transformers", reason="HuBERT is that of transformers")
    torch.manual_seed(5)
    settings = {
        "hidden_size": 32,
        "num_hidden_layers": N_LAYERS,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "conv_dim": (24,) * 7,
        "num_conv_pos_embeddings": 16,
        "num_conv_pos_embedding_groups": 4,
        "attn_implementation": attention,
    }
    return transformers.HubertModel(transformers.HubertConfig(**(settings | changes))).eval()


@functools.cache
def shared_hubert():
    """One for the tests that run many times and change nothing."""
    return small_hubert()


@pytest.fixture
def hubert():
    return small_hubert()


def encoder_on(model, *layers: int) -> HubertEncoder:
    return HubertEncoder(LoadedHubert(model, SOURCE), layers)


def hidden_states_of(model, audio: Audio) -> list[np.ndarray]:
    with torch.no_grad():
        states = model(torch.tensor(audio.samples)[None], output_hidden_states=True).hidden_states
    return [state[0].numpy() for state in states]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"attention": "eager"},
        {"feat_extract_norm": "layer"},
        {"conv_bias": True},
        {"conv_pos_batch_norm": True},
    ],
    ids=lambda changes: ",".join(changes) or "base",
)
def test_every_layer_equals_that_of_the_whole_model(changes) -> None:
    model = small_hubert(**changes)
    audio = audio_of()
    expected = hidden_states_of(model, audio)
    for layer in range(N_LAYERS + 1):
        (frames,) = encoder_on(model, layer).frames(audio)
        assert frames.dtype == np.float32
        np.testing.assert_allclose(frames, expected[layer], rtol=1e-5, atol=1e-5)
    together = encoder_on(model, *range(N_LAYERS + 1)).frames(audio)
    for frames, wanted in zip(together, expected, strict=True):
        np.testing.assert_allclose(frames, wanted, rtol=1e-5, atol=1e-5)


def test_the_embedding_is_mean_and_spread_of_each_layer_in_order(hubert) -> None:
    audios = [audio_of(1.0), audio_of(0.7)]
    encoder = encoder_on(hubert, 1, 3)
    embeddings = encoder.encode(audios)
    assert embeddings.shape == (2, encoder.dim) == (2, 2 * 2 * 32)
    assert embeddings.dtype == np.float32
    for row, audio in zip(embeddings, audios, strict=True):
        expected = hidden_states_of(hubert, audio)
        wanted = [f(expected[layer], axis=0) for layer in (1, 3) for f in (np.mean, np.std)]
        np.testing.assert_allclose(row, np.concatenate(wanted), rtol=1e-4, atol=1e-5)
    assert encoder.encode([]).shape == (0, encoder.dim)


def test_stored_features_pool_to_the_same_embedding(hubert) -> None:
    encoder, audio = encoder_on(hubert, 2), audio_of()
    stored = encoder.frames(audio)[0].T  # as the host lays them down: channels first
    np.testing.assert_array_equal(pool([stored.T]), encoder.encode([audio])[0])
    assert pool([np.array([[1.0, 3.0]], np.float16)]).tolist() == [1.0, 3.0, 0.0, 0.0]


@given(st.integers(400, 4000))
def test_frames_are_those_of_the_audio_without_a_tail(n_samples: int) -> None:
    samples = voiced(0.25)[:n_samples]
    (frames,) = encoder_on(shared_hubert(), 0).frames(Audio(samples, 16_000))
    assert len(frames) == (n_samples - 400) // 320 + 1


def test_no_layer_above_the_highest_asked_for_runs(hubert) -> None:
    ran = []
    for number, layer in enumerate(hubert.encoder.layers, start=1):
        layer.register_forward_pre_hook(lambda *_, number=number: ran.append(number))
    encoder_on(hubert, 0, 2).encode([audio_of()])
    assert ran == [1, 2]


def test_audio_that_does_not_fit_is_refused(hubert) -> None:
    encoder = encoder_on(hubert, 1)
    with pytest.raises(EncoderError, match="32000 Hz and works at 16000 Hz"):
        encoder.encode([audio_of(rate_hz=32_000)])
    with pytest.raises(EncoderError, match="at least 25 ms"):
        encoder.encode([Audio(np.full(399, 0.1, np.float32), 16_000)])


def test_what_is_no_hubert_is_refused(hubert) -> None:
    with pytest.raises(EncoderError, match="is a Linear; expected a HubertModel"):
        encoder_on(torch.nn.Linear(2, 2), 1)
    with pytest.raises(EncoderError, match="is of the large kind"):
        encoder_on(small_hubert(do_stable_layer_norm=True, feat_extract_norm="layer"), 1)
    with pytest.raises(EncoderError, match=f"reads layer 9, but .* has {N_LAYERS}"):
        encoder_on(hubert, 9)


def traces_of(module) -> dict:
    """Everything that running a module could leave on it."""
    return {
        (name, key): id(value) if isinstance(value, torch.Tensor) else repr(value)
        for name, part in module.named_modules()
        for key, value in {**vars(part), **part._parameters, **part._buffers}.items()
        if not key.startswith("_")
    } | {name: tensor.clone() for name, tensor in module.state_dict().items()}


def assert_untouched(module, before: dict) -> None:
    after = traces_of(module)
    assert after.keys() == before.keys()
    for key, value in before.items():
        if isinstance(value, torch.Tensor):
            torch.testing.assert_close(after[key], value, rtol=0, atol=0, equal_nan=True)
        else:
            assert after[key] == value


def test_random_state_and_model_are_left_as_they_were(hubert) -> None:
    before, state = traces_of(hubert), torch.get_rng_state()
    encoder_on(hubert, N_LAYERS).encode([audio_of()])
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.is_grad_enabled()
    assert_untouched(hubert, before)


def test_a_model_in_training_mode_is_read_as_in_evaluation_mode(hubert) -> None:
    audio = audio_of()
    expected = encoder_on(hubert, N_LAYERS).encode([audio])
    hubert.train()
    before, state = traces_of(hubert), torch.get_rng_state()
    found = encoder_on(hubert, N_LAYERS).encode([audio])
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert all(part.training for part in hubert.modules())
    assert torch.equal(torch.get_rng_state(), state)
    assert_untouched(hubert, before)


def test_the_encoder_keeps_nothing_alive_but_what_was_lent(hubert) -> None:
    encoder = encoder_on(hubert, 2)
    encoder.encode([audio_of(0.3)])
    assert encoder.fingerprint
    assert set(vars(encoder)) == {"_loaded", "layers", "_hidden_size"}
    model = weakref.ref(small := small_hubert())
    other = encoder_on(small, 1)
    other.encode([audio_of(0.3)])
    assert other.fingerprint.startswith("hubert-")
    del small, other
    gc.collect()
    assert model() is None


# --- half precision --------------------------------------------------------------------------------


def overflow_in_half(model) -> None:
    """Let the first layer compute values beyond 65,504 on its way to ordinary ones."""
    feed_forward = model.encoder.layers[0].feed_forward
    with torch.no_grad():
        feed_forward.intermediate_dense.weight.mul_(3e5)
        feed_forward.output_dense.weight.mul_(1e-3)


def test_half_precision_is_read_as_it_is(hubert) -> None:
    audio, encoder = audio_of(), encoder_on(hubert, 0, N_LAYERS)
    exact = encoder.encode([audio])
    hubert.half()
    twins = []
    hubert.encoder.layers[0].register_forward_pre_hook(lambda part, _: twins.append(part))
    halved = encoder.encode([audio])
    assert halved.dtype == np.float32
    np.testing.assert_allclose(halved, exact, atol=0.02)
    assert not np.array_equal(halved, exact)
    assert twins == [hubert.encoder.layers[0]]


def test_overflow_in_half_precision_is_read_again_in_float32(hubert) -> None:
    overflow_in_half(hubert)
    hubert.half()
    audio = audio_of()
    with torch.no_grad():
        host_output = hubert(torch.tensor(audio.samples)[None].half()).last_hidden_state
    assert not torch.isfinite(host_output).all()
    before = traces_of(hubert)
    found = encoder_on(hubert, N_LAYERS).encode([audio])
    assert_untouched(hubert, before)
    assert {parameter.dtype for parameter in hubert.parameters()} == {torch.float16}
    expected = encoder_on(hubert.float(), N_LAYERS).encode([audio])
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_while_read_in_float32_one_submodule_is_doubled_at_a_time_and_the_hosts_is_not_touched(
    hubert,
) -> None:
    overflow_in_half(hubert)
    hubert.half()
    twins, alive_before, dtypes_of_host = [], [], set()

    def note(part, _) -> None:
        if part.weight.dtype == torch.float32:
            gc.collect()
            alive_before.append(sum(twin() is not None and twin() is not part for twin in twins))
            twins.append(weakref.ref(part))
            dtypes_of_host.update(parameter.dtype for parameter in hubert.parameters())

    for layer in hubert.encoder.layers:
        layer.final_layer_norm.register_forward_pre_hook(note)
    encoder_on(hubert, N_LAYERS).encode([audio_of()])
    assert alive_before == [0] * N_LAYERS
    assert dtypes_of_host == {torch.float16}


def test_only_the_audio_that_overflows_is_read_again(hubert) -> None:
    hubert.half()
    runs = []

    def burst(part, arguments):  # the second audio alone overflows
        (hidden,) = arguments
        runs.append(hidden.dtype)
        return hidden * (1e6 if hidden.dtype == torch.float16 and hidden.shape[1] > 40 else 1)

    hubert.encoder.layers[0].register_forward_pre_hook(burst)
    found = encoder_on(hubert, 1).encode([audio_of(0.5), audio_of(1.0), audio_of(0.5)])
    assert np.isfinite(found).all()
    assert runs == [torch.float16, torch.float16, torch.float32, torch.float16]


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_damaged_weights_are_an_error(hubert, dtype: str) -> None:
    with torch.no_grad():
        hubert.encoder.layers[1].feed_forward.output_dense.weight.fill_(float("inf"))
    hubert.to(getattr(torch, dtype))
    with pytest.raises(EncoderError, match="no numbers, even in float32"):
        encoder_on(hubert, 2).encode([audio_of()])
    assert np.isfinite(encoder_on(hubert, 1).encode([audio_of()])).all()


# --- fingerprints ----------------------------------------------------------------------------------


class Normed(torch.nn.Module):
    """A convolution in one of the spellings of weight normalisation, and a linear layer."""

    def __init__(self, spelling: str, axis: int) -> None:
        super().__init__()
        torch.manual_seed(7)
        self.conv = torch.nn.Conv1d(16, 24, 5)
        self.linear = torch.nn.Linear(8, 8)
        if spelling == "parametrised":
            torch.nn.utils.parametrizations.weight_norm(self.conv, dim=axis)
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            torch.nn.utils.weight_norm(self.conv, dim=axis)
        if spelling == "removed":
            torch.nn.utils.remove_weight_norm(self.conv)


def test_fingerprints_do_not_depend_on_precision(hubert) -> None:
    encoder = encoder_on(hubert, 1)
    exact = encoder.fingerprint
    assert exact.startswith("hubert-")
    assert len(exact) == len("hubert-") + 16
    assert encoder_on(hubert, 2).fingerprint == exact
    assert encoder_on(small_hubert(), 1).fingerprint == exact
    hubert.half()
    assert encoder.fingerprint == exact
    hubert.float()
    assert encoder.fingerprint == exact


@pytest.mark.parametrize("axis", [0, 2])
def test_fingerprints_do_not_depend_on_how_weight_normalisation_is_spelled(axis: int) -> None:
    spellings = ("weight_g", "parametrised", "removed")
    found = {spelling: Normed(spelling, axis) for spelling in spellings}
    prints = {fingerprint({"part": module}, prefix="p") for module in found.values()}
    assert len(prints) == 1
    for spelling in ("weight_g", "parametrised"):
        assert fingerprint({"part": found[spelling].half()}, prefix="p") in prints


def test_a_fingerprint_tells_every_weight_that_matters(hubert) -> None:
    prints = [encoder_on(hubert, 1).fingerprint]
    for name, parameter in hubert.named_parameters():
        kept = parameter.detach().clone()
        with torch.no_grad():
            parameter.add_(
                0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1))
            )
        changed = encoder_on(hubert, 1).fingerprint
        if name == "masked_spec_embed":
            assert changed == prints[0]
        else:
            assert changed not in prints, name
            prints.append(changed)
        with torch.no_grad():
            parameter.copy_(kept)
    assert encoder_on(hubert, 1).fingerprint == prints[0]


def test_a_fingerprint_counts_names_and_setting() -> None:
    part = torch.nn.Linear(3, 3)
    plain = fingerprint({"a": part}, prefix="p")
    assert plain.startswith("p-")
    assert fingerprint({"b": part}, prefix="p") != plain
    assert fingerprint({"a": part}, prefix="p", setting="704 bins") != plain
    assert fingerprint({"a": part, "b": part}, prefix="p") != plain


def test_a_fingerprint_is_computed_once_until_a_tensor_changes(hubert, monkeypatch) -> None:
    module = importlib.import_module("gpt_sovits_emotion.encoders.fingerprint")
    read = []
    original = module._half
    monkeypatch.setattr(module, "_half", lambda tensor: read.append(1) or original(tensor))
    encoder = encoder_on(hubert, 1)
    first = encoder.fingerprint
    n_tensors = len(read)
    assert n_tensors > 10
    assert encoder.fingerprint == first
    assert len(read) == n_tensors
    with torch.no_grad():
        hubert.encoder.layer_norm.bias[3] += 1
    written = encoder.fingerprint
    assert written != first
    hubert.encoder.layer_norm.bias.data = torch.zeros(32)
    assert encoder.fingerprint not in (first, written) or len(read) == 3 * n_tensors


def test_tensors_made_in_inference_mode_have_a_fingerprint() -> None:
    with torch.inference_mode():
        part = torch.nn.Linear(3, 3)
    assert fingerprint({"a": part}, prefix="p") == fingerprint({"a": part}, prefix="p")


# --- SoVITS ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sovits():
    """The model code of the package gpt-sovits-python, without its synthesis (and its many imports)."""
    name = "gpt_sovits_python"
    spec = importlib.util.find_spec(name)
    if spec is None:
        pytest.skip("gpt-sovits-python is not installed: no SoVITS classes to read from")
    pytest.importorskip("einops", reason="the model code of gpt-sovits-python needs einops")
    before = {key for key in sys.modules if key.split(".")[0] == name}
    package = types.ModuleType(name)
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules.setdefault(name, package)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # torch.jit.script, which it uses
        parts = {
            part: importlib.import_module(f"{name}.module.{part}")
            for part in ("modules", "models", "mel_processing")
        }
    yield SimpleNamespace(**parts)
    for key in [key for key in sys.modules if key.split(".")[0] == name]:
        if key not in before:
            del sys.modules[key]


class Projection:
    """What the Pro models add to the style, and where they keep it."""

    def __init__(self, dim: int) -> None:
        self.sv_emb = torch.nn.Linear(20_480, dim)
        self.prelu = torch.nn.PReLU(dim)

    def __call__(self, style, speaker):
        return self.prelu(style + self.sv_emb(speaker).unsqueeze(-1))


VERSIONS = {"v1": (1025, 512), "v2": (704, 512), "v2Pro": (704, 1024)}


def lent_sovits(sovits, version: str = "v2", **changes) -> LoadedSovits:
    """The listening parts at full size, with random weights."""
    n_bins, dim = VERSIONS[version]
    torch.manual_seed(3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # weight_norm, which the host still uses
        posterior = sovits.models.PosteriorEncoder(1025, 192, 192, 5, 1, 16, gin_channels=dim)
    pro = version.startswith("v2Pro")
    parts = {
        "version": version,
        "style": sovits.modules.MelStyleEncoder(n_bins, style_vector_dim=dim).eval(),
        "n_style_bins": n_bins,
        "style_dim": dim,
        "posterior": posterior.eval(),
        "source": SOURCE,
        "project_speaker": Projection(dim) if pro else None,
        "speaker_embedding": embed_speaker if pro else None,
    }
    return LoadedSovits(**(parts | changes))


def embed_speaker(waveform):
    assert waveform.dtype == torch.float32
    assert waveform.ndim == 2
    return torch.linspace(-1, 1, 20_480)[None] * waveform.abs().mean()


def host_style(loaded: LoadedSovits, spectrum):
    """The style as the host's ``get_ge`` computes it."""
    mask = torch.ones(1, 1, spectrum.shape[2])
    return loaded.style(spectrum[:, : loaded.n_style_bins] * mask, mask)


def host_spectrogram(mel_processing, audio: Audio):
    """As the host's ``get_spepc`` computes it, with its own function."""
    samples = torch.tensor(audio.samples)
    peak = samples.abs().max()
    if peak > 1:
        samples /= min(2, peak)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # stft's old way to return pairs instead of complex numbers
        return mel_processing.spectrogram_torch(
            samples[None], 2048, 32_000, 640, 2048, center=False
        )


@pytest.mark.parametrize("level", [0.001, 0.1, 0.5, 3.0])
@pytest.mark.parametrize("n_samples", [705, 20_000, 32_017])
def test_the_spectrogram_is_that_of_sovits(sovits, level: float, n_samples: int) -> None:
    audio = Audio(voiced(1.1, sampling_rate_hz=32_000, level=level)[:n_samples], 32_000)
    expected = host_spectrogram(sovits.mel_processing, audio)
    found = spectrogram(audio)
    assert found.shape == expected.shape == (1, 1025, max(n_samples // 640, 1))
    # This package is of 2024, which added 1e-6 under the root.
    torch.testing.assert_close(torch.sqrt(found**2 - 1e-8 + 1e-6), expected, rtol=1e-5, atol=2e-5)


def test_the_spectrogram_is_that_of_a_checkout() -> None:
    path = Path(os.environ.get("GPT_SOVITS_ROOT", ""), "GPT_SoVITS/module/mel_processing.py")
    if not path.is_file():
        pytest.skip("needs a checkout of GPT-SoVITS in GPT_SOVITS_ROOT")
    spec = importlib.util.spec_from_file_location("mel_processing_of_a_checkout", path)
    mel_processing = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(mel_processing)
    audio = audio_of(rate_hz=32_000, level=0.5)
    expected = host_spectrogram(mel_processing, audio)
    torch.testing.assert_close(spectrogram(audio), expected, rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_style_vector_is_that_of_sovits(sovits, version: str) -> None:
    loaded, audio = lent_sovits(sovits, version), audio_of(rate_hz=32_000, level=0.5)
    encoder = open_encoder("sovits.style", loaded)
    (found,) = encoder.encode([audio])
    assert found.shape == (encoder.dim,) == (VERSIONS[version][1],)
    with torch.no_grad():
        expected = host_style(loaded, spectrogram(audio))[0, :, 0]
    np.testing.assert_allclose(found, expected.numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_posterior_is_the_mean_that_sovits_samples_around(sovits, version: str) -> None:
    loaded, audio = lent_sovits(sovits, version), audio_of(rate_hz=32_000, level=0.5)
    encoder = open_encoder("sovits.posterior", loaded)
    before, state = traces_of(loaded.posterior), torch.get_rng_state()
    (frames,) = encoder.frames(audio)
    (found,) = encoder.encode([audio])
    assert torch.equal(torch.get_rng_state(), state)
    assert_untouched(loaded.posterior, before)
    with torch.no_grad():
        spectrum = spectrogram(audio)
        style = host_style(loaded, spectrum)
        if version == "v2Pro":
            speaker = embed_speaker(torch.tensor(resample(audio, 16_000).samples)[None])
            style = loaded.project_speaker(style, speaker)
        lengths = torch.tensor([spectrum.shape[2]])
        _, mean, _, _ = loaded.posterior(spectrum, lengths, g=style)
    assert frames.shape == (32_000 // 640, 192)
    np.testing.assert_allclose(frames, mean[0].T.numpy(), rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(found, pool([frames]))
    assert found.shape == (encoder.dim,) == (384,)


def test_loud_audio_is_scaled_as_the_host_scales_it(sovits) -> None:
    samples = voiced(1.0, sampling_rate_hz=32_000, level=0.1)
    samples *= 1 / np.abs(samples).max()
    encoder = open_encoder("sovits.style", lent_sovits(sovits))
    full, loud, louder = (
        encoder.encode([Audio(gain * samples, 32_000)])
        for gain in (np.float32(1), np.float32(1.9), np.float32(3))
    )
    np.testing.assert_allclose(loud, full, rtol=1e-4, atol=1e-5)  # divided by its peak
    assert np.abs(louder - full).max() > 1e-3  # by no more than 2


@pytest.mark.parametrize("encoder_id", ["sovits.style", "sovits.posterior"])
def test_sovits_in_half_precision_is_read_as_it_is(sovits, encoder_id: str) -> None:
    loaded, audio = lent_sovits(sovits), audio_of(rate_hz=32_000, level=0.5)
    encoder = open_encoder(encoder_id, loaded)
    exact, name = encoder.encode([audio]), encoder.fingerprint
    loaded.style.half()
    loaded.posterior.half()
    halved = encoder.encode([audio])
    assert halved.dtype == np.float32
    assert encoder.fingerprint == name
    np.testing.assert_allclose(halved, exact, atol=0.02 * np.abs(exact).max())
    assert not np.array_equal(halved, exact)


@pytest.mark.parametrize("version", ["v2", "v2Pro"])
@pytest.mark.parametrize("encoder_id", ["sovits.style", "sovits.posterior"])
def test_sovits_overflowing_in_half_precision_is_read_again_in_float32(
    sovits, encoder_id: str, version: str
) -> None:
    loaded, audio = lent_sovits(sovits, version), audio_of(rate_hz=32_000, level=0.5)
    parts = [loaded.style, loaded.posterior]
    with torch.no_grad():
        loaded.style.spectral[0].fc.weight.mul_(1e3)
        loaded.style.spectral[3].fc.weight.mul_(1e3)
        loaded.style.slf_attn.w_qs.weight.mul_(1e-6)
        loaded.style.fc.fc.weight.mul_(1e-6)
    if loaded.project_speaker is not None:
        parts += [loaded.project_speaker.sv_emb, loaded.project_speaker.prelu]
        with torch.no_grad():
            loaded.project_speaker.sv_emb.weight.mul_(0.01)
    for part in parts:
        part.half()
    spectrum = spectrogram(audio).half()
    with torch.no_grad():
        mask = torch.ones(1, 1, spectrum.shape[2]).half()
        assert not torch.isfinite(loaded.style(spectrum[:, : loaded.n_style_bins], mask)).all()
    before = [traces_of(part) for part in parts]
    encoder = open_encoder(encoder_id, loaded)
    found = encoder.encode([audio])
    assert np.isfinite(found).all()
    for part, traces in zip(parts, before, strict=True):
        assert_untouched(part, traces)
    if version == "v2":
        for part in parts:
            part.float()
        np.testing.assert_allclose(found, encoder.encode([audio]), rtol=1e-3, atol=1e-3)


def test_sovits_in_training_mode_is_read_as_in_evaluation_mode(sovits) -> None:
    loaded, audio = lent_sovits(sovits), audio_of(rate_hz=32_000, level=0.5)
    encoder = open_encoder("sovits.style", loaded)
    expected = encoder.encode([audio])
    loaded.style.train()
    np.testing.assert_allclose(encoder.encode([audio]), expected, rtol=1e-5, atol=1e-6)
    assert loaded.style.training


def test_sovits_fingerprints_tell_what_determines_the_output(sovits) -> None:
    loaded = lent_sovits(sovits, "v2Pro")
    style, posterior = (open_encoder(name, loaded) for name in ("sovits.style", "sovits.posterior"))
    prints = style.fingerprint, posterior.fingerprint
    assert prints[0].startswith("sovits.style-")
    assert prints[1].startswith("sovits.posterior-")
    v2 = lent_sovits(sovits, "v2")
    assert open_encoder("sovits.style", replace(v2, n_style_bins=703)).fingerprint != (
        open_encoder("sovits.style", v2).fingerprint
    )
    with torch.no_grad():
        loaded.project_speaker.prelu.weight.add_(0.1)
    assert style.fingerprint == prints[0]
    assert posterior.fingerprint != prints[1]
    with torch.no_grad():
        loaded.posterior.enc.in_layers[3].weight_g.mul_(1.5)
    assert style.fingerprint == prints[0]
    with torch.no_grad():
        loaded.style.fc.fc.bias.add_(0.1)
    assert style.fingerprint != prints[0]


def test_the_posteriors_fingerprint_survives_the_removal_of_weight_normalisation(sovits) -> None:
    loaded, audio = lent_sovits(sovits), audio_of(rate_hz=32_000, level=0.5)
    loaded.posterior.half().float()  # checkpoints are stored in half precision
    encoder = open_encoder("sovits.posterior", loaded)
    name, embedding = encoder.fingerprint, encoder.encode([audio])
    loaded.posterior.enc.remove_weight_norm()
    assert encoder.fingerprint == name
    np.testing.assert_allclose(encoder.encode([audio]), embedding, rtol=1e-4, atol=1e-5)


def test_parts_that_are_missing_are_named(sovits) -> None:
    with pytest.raises(EncoderError, match="a test has no posterior encoder"):
        open_encoder("sovits.posterior", lent_sovits(sovits, posterior=None))
    with pytest.raises(EncoderError, match="needs the speaker-verification network"):
        open_encoder("sovits.posterior", lent_sovits(sovits, "v2Pro", speaker_embedding=None))
    hidden = lent_sovits(sovits, "v2Pro", project_speaker=lambda style, speaker: style)
    with pytest.raises(EncoderError, match="shows no modules"):
        _ = open_encoder("sovits.posterior", hidden).fingerprint


@pytest.mark.parametrize("encoder_id", ["sovits.style", "sovits.posterior"])
def test_audio_that_does_not_fit_sovits_is_refused(sovits, encoder_id: str) -> None:
    encoder = open_encoder(encoder_id, lent_sovits(sovits))
    with pytest.raises(EncoderError, match="16000 Hz and works at 32000 Hz"):
        encoder.encode([audio_of()])
    with pytest.raises(EncoderError, match="at least 22 ms"):
        encoder.encode([Audio(np.full(704, 0.1, np.float32), 32_000)])
