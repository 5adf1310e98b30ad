"""Layers of Whisper's encoder: CTranslate2's values, from every kind of file, in batches or alone."""

from __future__ import annotations

import gc
import random
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from bilingual import check_says_the_same
from conftest import voiced

from gpt_sovits_emotion.core.errors import (
    BackendError,
    EmotionError,
    EncoderError,
    WhisperModelError,
)
from gpt_sovits_emotion.core.loaded_models import LoadedHubert, LoadedWhisper
from gpt_sovits_emotion.core.records import Audio, Sentence
from gpt_sovits_emotion.encoders import open_encoder, parse_encoder_id
from gpt_sovits_emotion.encoders.pooling import pool

pytest.importorskip("transformers", reason="small models are made with it")
from whisper_files import (
    reference_frames,
    small_whisper,
    write_ctranslate2,
    write_translator,
)

from gpt_sovits_emotion.encoders.whisper import onnx_layers
from gpt_sovits_emotion.encoders.whisper import weights as weights_module
from gpt_sovits_emotion.encoders.whisper.encoder import WhisperEncoder
from gpt_sovits_emotion.encoders.whisper.onnx_graph import Graph
from gpt_sovits_emotion.encoders.whisper.onnx_layers import OnnxLayers
from gpt_sovits_emotion.encoders.whisper.sizes import (
    SIZES,
    usual_device,
    usual_precision,
)
from gpt_sovits_emotion.encoders.whisper.source import model_source, sizes_of
from gpt_sovits_emotion.encoders.whisper.spectrogram import log_mel, n_own_frames
from gpt_sovits_emotion.encoders.whisper.torch_layers import TorchLayers
from gpt_sovits_emotion.testing import check_encoder

SOURCE = Sentence("a test", "测试")


def loaded(folder: Path, size: str = "tiny") -> LoadedWhisper:
    return LoadedWhisper(folder, size, SOURCE)


def clip(duration_s: float, f0_hz: float = 150.0) -> Audio:
    rng = np.random.default_rng(round(1000 * duration_s))
    samples = voiced(duration_s, f0_hz=f0_hz)
    return Audio(samples + rng.normal(0, 0.003, len(samples)).astype(np.float32), 16_000)


@pytest.fixture(scope="module")
def model():
    return small_whisper()


@pytest.fixture(scope="module")
def tiny(model, tmp_path_factory) -> Path:
    return write_ctranslate2(tmp_path_factory.mktemp("whisper") / "tiny", model)


def in_torch(folder: Path, precision: str = "float32") -> TorchLayers:
    """What runs on a graphics card, on the CPU of torch."""
    return TorchLayers(model_source(folder), ("a test", 0, 0), "cpu", precision)


def frames_of(layers, samples: np.ndarray, numbers: tuple[int, ...]) -> list[np.ndarray]:
    (frames,) = layers.frames([samples], numbers)
    return frames


@pytest.fixture
def encoder(tiny) -> WhisperEncoder:
    return WhisperEncoder(loaded(tiny), (0, 1, 4), precision="float32", device="cpu")


# --- names -----------------------------------------------------------------------------------------


def test_ids_name_size_and_layers() -> None:
    name = parse_encoder_id("whisper-base:1-4")
    assert (name.family, name.layers, name.whisper_size) == ("whisper-base", (1, 2, 3, 4), "base")
    assert parse_encoder_id("whisper-large-v3:8-20").layers == tuple(range(8, 21))
    assert parse_encoder_id("whisper-turbo:4,5,9").id == "whisper-large-v3-turbo:4-5,9"
    assert parse_encoder_id("whisper-distil-large-v3.5:32").layers == (32,)
    fused = parse_encoder_id("whisper-base:1-4+prosody")
    assert fused.families == ("whisper-base", "prosody")
    assert fused.id == "whisper-base:1-4+prosody"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("whisper-bas:1", "no Whisper size 'bas'.*near ones are base"),
        ("whisper-:1", "no Whisper size ''"),
        ("whisper-base", "does not say which layers of Whisper base"),
        ("whisper-base:", "expected one of 0 to 6 or several: whisper-base:1"),
        ("whisper-base:1-7", "asks for layer 7 of Whisper base, which has 6"),
        ("whisper-base:3,2", "must ascend"),
        ("whisper-base:1+whisper-base:3", "fuses whisper-base with itself: name all its layers"),
    ],
)
def test_a_wrong_id_is_one_sentence(wrong: str, said: str) -> None:
    with pytest.raises(EncoderError, match=said) as caught:
        parse_encoder_id(wrong)
    check_says_the_same(caught.value)


def test_naming_one_loads_no_torch() -> None:
    code = (
        "import sys; from gpt_sovits_emotion.encoders import parse_encoder_id; "
        "parse_encoder_id('whisper-base:1-4'); assert not {'torch', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_it_opens_only_on_what_it_reads(tiny) -> None:
    encoder = open_encoder("whisper-tiny:1-2", loaded(tiny))
    assert encoder.id == "whisper-tiny:1-2"
    check_encoder(encoder)
    for wrong in (None, loaded(tiny, "base"), LoadedHubert(object(), SOURCE)):
        with pytest.raises(EncoderError, match="needs a loaded whisper-tiny model"):
            open_encoder("whisper-tiny:1", wrong)


# --- values ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("runs_in", ["onnxruntime", "torch"])
def test_every_layer_is_what_transformers_computes(model, tiny, encoder, runs_in) -> None:
    full = clip(29.5)
    mel = log_mel(full.samples, 80)
    assert mel.shape == (80, 3000)
    wanted = reference_frames(model, torch.from_numpy(mel))
    layers = encoder._weights if runs_in == "onnxruntime" else in_torch(tiny)
    assert isinstance(layers, OnnxLayers if runs_in == "onnxruntime" else TorchLayers)
    found = frames_of(layers, full.samples, encoder.layers)
    assert len(wanted) == 5
    for layer, frames in zip(encoder.layers, found, strict=True):
        assert frames.shape == (1475, 384)
        assert frames.dtype == np.float32
        np.testing.assert_allclose(frames, wanted[layer][:1475], atol=2e-4)


def test_the_spectrogram_is_that_of_the_transcriber() -> None:
    from faster_whisper.feature_extractor import FeatureExtractor

    samples = clip(3.1).samples
    for n_mels in (80, 128):
        wanted = FeatureExtractor(feature_size=n_mels)(np.pad(samples, (0, 8_000)), padding=0)
        found = log_mel(samples, n_mels)
        assert found.dtype == np.float32
        assert found.shape == wanted.shape == (n_mels, 360)
        np.testing.assert_allclose(found, wanted, atol=2e-4)


def test_full_depth_equals_ctranslate2_on_the_real_base(whisper_base) -> None:
    from faster_whisper import WhisperModel

    encoder = WhisperEncoder(loaded(whisper_base, "base"), (6,), precision="float32", device="cpu")
    speech = clip(29.5)
    mel = log_mel(speech.samples, 80)
    transcriber = WhisperModel(str(whisper_base), device="cpu", compute_type="float32")
    wanted = np.asarray(transcriber.encode(mel))[0]
    source = model_source(whisper_base, "base")
    (frames,) = frames_of(encoder._weights, speech.samples, (6,))
    norm = [
        torch.from_numpy(source.read(f"layer_norm/{name}")).float() for name in ("gamma", "beta")
    ]
    found = torch.nn.functional.layer_norm(torch.from_numpy(frames), (512,), *norm).numpy()
    assert np.abs(wanted).max() > 5
    np.testing.assert_allclose(found, wanted[:1475], atol=1e-3)


def test_an_embedding_is_mean_and_deviation_of_its_own_frames(encoder) -> None:
    audio = clip(2.345)
    assert n_own_frames(len(audio.samples)) == 118
    frames = frames_of(encoder._weights, audio.samples, encoder.layers)
    embedded = encoder.encode([audio])
    assert embedded.shape == (1, encoder.dim) == (1, 3 * 2 * 384)
    assert embedded.dtype == np.float32
    np.testing.assert_allclose(embedded[0], pool(frames), atol=1e-5)


LENGTHS_S = (1.0, 0.2, 4.7, 2.51, 0.73, 2.5, 29.9)


@pytest.mark.parametrize("n_threads", ["1", "3"])
@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_a_batch_gives_what_each_clip_gives_alone(tiny, precision, n_threads, monkeypatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", n_threads)
    encoder = WhisperEncoder(loaded(tiny), (0, 2, 4), precision=precision, device="cpu")
    clips = [clip(length) for length in LENGTHS_S]
    together = encoder.encode(clips)
    alone = np.concatenate([encoder.encode([one]) for one in clips])
    np.testing.assert_allclose(together, alone, atol=1e-6)


@pytest.mark.parametrize(("precision", "atol"), [("float32", 2e-4), ("bfloat16", 0.3)])
def test_a_padded_batch_on_a_card_gives_what_each_clip_gives_alone(tiny, precision, atol) -> None:
    layers = in_torch(tiny, precision)
    clips = [clip(length).samples for length in LENGTHS_S]
    for piece, together in zip(clips, layers.frames(clips, (0, 2, 4)), strict=True):
        for found, wanted in zip(together, frames_of(layers, piece, (0, 2, 4)), strict=True):
            assert found.shape == (n_own_frames(len(piece)), 384)
            np.testing.assert_allclose(found, wanted, atol=atol)


def test_a_card_without_memory_is_given_less_at_once(tiny, monkeypatch) -> None:
    layers = in_torch(tiny)
    pieces = [clip(0.5).samples, clip(0.9).samples, clip(0.7).samples]
    wanted = layers.frames(pieces, (1,))
    asked, run = [], layers._hidden_states

    def hidden_states(some, numbers):
        asked.append(len(some))
        if len(some) > most:
            raise torch.cuda.OutOfMemoryError
        return run(some, numbers)

    monkeypatch.setattr(layers, "_hidden_states", hidden_states)
    most = 1
    for found, exact in zip(layers.frames(pieces, (1,)), wanted, strict=True):
        np.testing.assert_allclose(found[0], exact[0], atol=1e-4)
    assert asked == [3, 1, 2, 1, 1]
    most = 0
    with pytest.raises(BackendError, match="no memory left for Whisper's encoder") as caught:
        layers.frames(pieces, (1,))
    check_says_the_same(caught.value)


def test_a_long_clip_is_heard_in_pieces_that_are_pooled_together(encoder) -> None:
    audio = clip(60.0)
    halves = np.split(audio.samples, 2)
    frames = [
        np.concatenate(layers)
        for layers in zip(*encoder._weights.frames(halves, encoder.layers), strict=True)
    ]
    assert frames[0].shape == (3000, 384)
    np.testing.assert_allclose(encoder.encode([audio])[0], pool(frames), atol=1e-4)
    assert np.isfinite(encoder.encode([clip(30.001)])).all()


def test_silence_is_embedded_and_too_short_a_clip_is_not(encoder) -> None:
    silent = Audio(np.zeros(16_000, np.float32), 16_000)
    assert np.isfinite(encoder.encode([silent, clip(1.0)])).all()
    assert encoder.encode([]).shape == (0, encoder.dim)
    with pytest.raises(EncoderError, match=r"100 ms is too short .* at least 200 ms") as caught:
        encoder.encode([Audio(np.zeros(1_600, np.float32), 16_000)])
    check_says_the_same(caught.value)
    with pytest.raises(EncoderError, match="resample it first"):
        encoder.encode([Audio(np.zeros(32_000, np.float32), 32_000)])


def test_no_random_state_is_used(encoder) -> None:
    np.random.seed(5)
    random.seed(5)
    before = np.random.get_state()[1].copy(), random.getstate()
    encoder.encode([clip(1.0)])
    np.testing.assert_array_equal(np.random.get_state()[1], before[0])
    assert random.getstate() == before[1]


@pytest.mark.parametrize("n_bits", [8, 7])
def test_int8_is_near_float32(tiny, monkeypatch, n_bits) -> None:
    assert onnx_layers.product_bits() in (7, 8)
    monkeypatch.setattr(onnx_layers, "product_bits", lambda: n_bits)
    gc.collect()
    clips = [clip(1.5 + 0.2 * i, f0_hz=90 + 25 * i) for i in range(10)]
    exact, rough = (
        WhisperEncoder(loaded(tiny), (1, 4), precision=precision, device="cpu").encode(clips)
        for precision in ("float32", "int8")
    )
    error = np.abs(rough - exact) / exact.std(axis=0).clip(1e-6)
    assert 0 < np.median(error) < 0.1


def test_int8_hears_what_float32_hears_on_the_real_base(whisper_base) -> None:
    clips = [clip(1.5 + 0.3 * i, f0_hz=90 + 25 * i) for i in range(8)]
    exact, rough = (
        WhisperEncoder(
            loaded(whisper_base, "base"), (1, 2, 3, 4), precision=precision, device="cpu"
        ).encode(clips)
        for precision in ("float32", "int8")
    )
    error = np.abs(rough - exact) / exact.std(axis=0).clip(1e-6)
    # Weights with a bit less, as processors without VNNI have them, are rounded twice as coarsely.
    assert np.median(error) < 0.1 * 2 ** (8 - onnx_layers.product_bits())


def test_a_product_that_overflows_gets_fewer_bits(monkeypatch) -> None:
    class Saturating:
        def run(self, names, given):
            return [np.full((1, 64), 32 * 32_767)]

    monkeypatch.setattr(onnx_layers, "_session", lambda graph: Saturating())
    onnx_layers.product_bits.cache_clear()
    assert onnx_layers.product_bits() == 7
    onnx_layers.product_bits.cache_clear()


def test_a_graph_is_a_sound_onnx_model() -> None:
    graph = Graph()
    given = graph.input("input", ("n", 2))
    turned = graph.add("Transpose", given, perm=[1, 0])
    soft = graph.add("Softmax", graph.add("LeakyRelu", turned, alpha=0.5), axis=-1)
    upper, lower = graph.add_split("Split", 2, soft, graph.constant(np.array([1, 1])), axis=0)
    graph.output(lower, (1, "n"))
    graph.output(upper, (1, "n"))
    session = onnx_layers._session(graph)
    found = session.run(None, {"input": np.array([[0, -2], [0, -4]], np.float32)})
    np.testing.assert_allclose(found[0], [[0.731059, 0.268941]], atol=1e-5)
    np.testing.assert_allclose(found[1], [[0.5, 0.5]])
    assert [one.shape for one in session.get_outputs()] == [[1, "n"], [1, "n"]]


def test_torch_is_asked_only_where_there_is_a_card(tiny) -> None:
    code = (
        "import sys; from pathlib import Path; import numpy as np; "
        "from gpt_sovits_emotion.encoders import open_encoder; "
        "from gpt_sovits_emotion.core.loaded_models import LoadedWhisper; "
        "from gpt_sovits_emotion.core.records import Audio, Sentence; "
        f"lent = LoadedWhisper(Path({str(tiny)!r}), 'tiny', Sentence('', '')); "
        "encoder = open_encoder('whisper-tiny:1-2', lent); "
        "encoder.encode([Audio(np.zeros(16000, np.float32), 16000)]); encoder.fingerprint; "
        "import ctranslate2; "
        "assert ctranslate2.get_cuda_device_count() or not {'torch', 'librosa'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_device_and_precision_are_what_the_machine_has(monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert usual_device() == "cuda"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert usual_device() == "cpu"
    assert usual_precision("cpu") == "int8"
    assert usual_precision("cuda") == usual_precision("cuda:1") == "float16"
    assert usual_precision("mps") == "float32"


# --- files -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quantization", "atol"),
    [
        ("float16", 1e-3),
        ("bfloat16", 2e-2),
        ("int8", 5e-2),
        ("int8_float16", 5e-2),
        ("int8_float32", 5e-2),
        ("int8_bfloat16", 5e-2),
        ("int16", 5e-3),
    ],
)
def test_every_kind_of_file_is_read(model, tiny, tmp_path, quantization, atol) -> None:
    folder = write_ctranslate2(tmp_path / "tiny", model, quantization)
    exact, found = (
        WhisperEncoder(loaded(where), (1, 2), precision="float32", device="cpu").encode([clip(2.0)])
        for where in (tiny, folder)
    )
    np.testing.assert_allclose(found, exact, atol=atol)
    assert np.abs(found - exact).max() > 0


def test_the_fingerprint_is_of_what_is_used(model, tiny, tmp_path) -> None:
    half = write_ctranslate2(tmp_path / "half", model, "float16")
    whole = WhisperEncoder(loaded(tiny), (1, 3), precision="float32", device="cpu")
    assert whole.fingerprint == WhisperEncoder(loaded(half), (2, 3)).fingerprint
    assert whole.fingerprint.startswith("whisper-")
    assert whole.fingerprint != WhisperEncoder(loaded(tiny), (1, 2)).fingerprint
    other = write_ctranslate2(tmp_path / "other", small_whisper(1))
    assert whole.fingerprint != WhisperEncoder(loaded(other), (1, 3)).fingerprint
    above = small_whisper()
    with torch.no_grad():
        above.model.encoder.layers[3].fc1.weight.zero_()
    above = write_ctranslate2(tmp_path / "above", above)
    assert whole.fingerprint == WhisperEncoder(loaded(above), (1, 3)).fingerprint


def test_sizes_are_told_by_their_shapes(tiny, whisper_base) -> None:
    assert sizes_of(tiny) == ("tiny",)
    assert sizes_of(whisper_base) == ("base",)


def _truncated(folder: Path) -> None:
    content = (folder / "model.bin").read_bytes()
    (folder / "model.bin").write_bytes(content[: len(content) // 3])


def _without_scales(folder: Path) -> None:
    write_ctranslate2(folder, small_whisper(), "int8")
    content = (folder / "model.bin").read_bytes()
    (folder / "model.bin").write_bytes(content.replace(b"weight_scale\0", b"weight_scalf\0"))


def _another_layer_missing(folder: Path) -> None:
    content = (folder / "model.bin").read_bytes()
    (folder / "model.bin").write_bytes(
        content.replace(
            b"encoder/layer_2/ffn/linear_0/bias\0", b"encoder/layer_2/ffn/linear_0/biaz\0"
        )
    )


def _not_finite(folder: Path) -> None:
    model = small_whisper()
    with torch.no_grad():
        model.model.encoder.conv1.weight[3, 2, 1] = float("nan")
    write_ctranslate2(folder, model)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: (folder / "model.bin").unlink(), "cannot be read"),
        (lambda folder: (folder / "model.bin").write_bytes(b""), "missing or empty"),
        (_truncated, "ends after .* bytes"),
        (_without_scales, "whole numbers without the scales"),
        (_another_layer_missing, "lacks the tensor layer_2/ffn/linear_0/bias"),
        (_not_finite, "conv1/weight holds values that are no numbers"),
        (write_translator, "TransformerSpec of CTranslate2, not a Whisper model"),
        (lambda folder: write_ctranslate2(folder, small_whisper(n_mels=128)), "is no Whisper tiny"),
    ],
)
def test_a_bad_file_is_one_sentence(tiny, tmp_path, damage, said) -> None:
    folder = tmp_path / "tiny"
    shutil.copytree(tiny, folder)
    damage(folder)
    with pytest.raises(WhisperModelError, match=said) as caught:
        WhisperEncoder(loaded(folder), (1,)).encode([clip(1.0)])
    check_says_the_same(caught.value)


def test_a_layer_that_the_file_lacks_is_one_sentence(tiny, monkeypatch) -> None:
    monkeypatch.setitem(SIZES, "mine", SIZES["tiny"])
    with pytest.raises(EncoderError, match=r"reads layer 5, but .* has 4") as caught:
        WhisperEncoder(loaded(tiny, "mine"), (5,))
    check_says_the_same(caught.value)


# --- memory ----------------------------------------------------------------------------------------


def test_weights_are_held_once_and_let_go(tiny) -> None:
    gc.collect()
    before = len(weights_module._OPENED)
    shallow = WhisperEncoder(loaded(tiny), (1,), precision="float32", device="cpu")
    deep = WhisperEncoder(loaded(tiny), (0, 3), precision="float32", device="cpu")
    other = WhisperEncoder(loaded(tiny), (1,), precision="int8", device="cpu")
    assert shallow._weights is deep._weights is not other._weights
    shallow.encode([clip(1.0)])
    assert sorted(shallow._weights._layers) == [0]
    deep.encode([clip(1.0)])
    assert sorted(shallow._weights._layers) == [0, 1, 2]
    assert len(weights_module._OPENED) == before + 2
    del shallow, deep, other
    gc.collect()
    assert len(weights_module._OPENED) == before


def test_a_replaced_model_is_another_one_and_the_old_one_works_on(tiny, tmp_path) -> None:
    folder = tmp_path / "tiny"
    shutil.copytree(tiny, folder)
    old = WhisperEncoder(loaded(folder), (2,), precision="float32", device="cpu")
    wanted = WhisperEncoder(loaded(tiny), (2,), precision="float32", device="cpu").encode(
        [clip(1.0)]
    )
    shutil.rmtree(folder)
    np.testing.assert_array_equal(old.encode([clip(1.0)]), wanted)
    with pytest.raises(WhisperModelError, match="is not there") as caught:
        WhisperEncoder(loaded(folder), (2,))
    check_says_the_same(caught.value)
    write_ctranslate2(folder, small_whisper(1))
    new = WhisperEncoder(loaded(folder), (2,), precision="float32", device="cpu")
    assert np.abs(new.encode([clip(1.0)]) - wanted).max() > 0.01


def test_threads_share_what_they_load(tiny) -> None:
    gc.collect()
    rows: list[np.ndarray] = []
    problems: list[EmotionError] = []

    def listen() -> None:
        try:
            encoder = WhisperEncoder(loaded(tiny), (4,), precision="float32", device="cpu")
            rows.append(encoder.encode([clip(1.0)]))
        except EmotionError as error:
            problems.append(error)

    threads = [threading.Thread(target=listen) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    for row in rows[1:]:
        np.testing.assert_allclose(row, rows[0], atol=1e-5)
