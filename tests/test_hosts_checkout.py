"""The checkout host: where things lie, GPT-SoVITS's own classes run privately, and what is lent from disk."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from checkout_files import (
    BASES,
    MODELS,
    SPEAKER_DIM,
    add_base,
    add_hubert,
    add_speaker_model,
    make_checkout,
    model_of,
    save_weights,
    tensors_of,
)

from gpt_sovits_emotion.backends.base import Backend, SynthesisRequest
from gpt_sovits_emotion.backends.checkout import CheckoutBackend
from gpt_sovits_emotion.backends.gpt_sovits import layout
from gpt_sovits_emotion.backends.gpt_sovits.checkpoints import read_checkpoint
from gpt_sovits_emotion.backends.gpt_sovits.classes import (
    classes_from_checkout,
    speaker_modules_from_checkout,
)
from gpt_sovits_emotion.backends.gpt_sovits.layout import Checkout
from gpt_sovits_emotion.backends.gpt_sovits.parts import (
    POSTERIOR_PARTS,
    STYLE_PARTS,
    classes_of,
    loaded_from_checkpoint,
)
from gpt_sovits_emotion.core.errors import BackendError
from gpt_sovits_emotion.core.loaded_models import LoadedSovits
from gpt_sovits_emotion.core.records import ReferenceClip, Sentence

HERE = Sentence("here", "此处")
HOST_NAMES = {
    *(
        "AR",
        "config",
        "feature_extractor",
        "module",
        "process_ckpt",
        "sv",
        "text",
        "tools",
        "utils",
    ),
    *("kaldi", "fusion", "pooling_layers", "ERes2NetV2", "GPT_SoVITS", "f5_tts"),
}


@pytest.fixture
def root(tmp_path) -> Path:
    return make_checkout(tmp_path / "GPT-SoVITS")


def spectrogram(n_bins: int = 1025, n_frames: int = 40) -> torch.Tensor:
    return torch.rand(1, n_bins, n_frames, generator=torch.Generator().manual_seed(1))


def style_of(loaded: LoadedSovits) -> torch.Tensor:
    spec = spectrogram()[:, : loaded.n_style_bins]
    return loaded.style(spec, torch.ones(1, 1, spec.shape[2]))


def posterior_of(loaded: LoadedSovits, style: torch.Tensor) -> torch.Tensor:
    spec = spectrogram()
    return loaded.posterior(spec, torch.tensor([spec.shape[2]]), g=style)[1]


# --- where things lie -------------------------------------------------------------------------------


def test_a_checkout_is_read_without_running_it(root) -> None:
    checkout = Checkout(root)
    assert checkout.sovits_bases == {version: root / path for version, path in BASES.items()}
    assert checkout.ports["webui_port_infer_tts"] == 19872
    assert checkout.ports["api_port"] == 9880
    assert checkout.hubert == root / MODELS / "chinese-hubert-base"
    assert not (root / "config_was_run").exists()
    assert "name2sovits_path" not in checkout.config
    assert checkout.newest_version == "v2ProPlus"
    assert checkout.runtime_python is None


@pytest.mark.parametrize(
    ("removed", "versions"),
    [
        ((), ("v1", "v2", "v3", "v4")),
        (("GPT_SoVITS/process_ckpt.py",), ("v1", "v2", "v3")),
        (("GPT_SoVITS/process_ckpt.py", "GPT_SoVITS/f5_tts/model/__init__.py"), ("v1", "v2")),
        (
            (
                "GPT_SoVITS/process_ckpt.py",
                "GPT_SoVITS/f5_tts/model/__init__.py",
                "GPT_SoVITS/text/symbols2.py",
            ),
            ("v1",),
        ),
    ],
)
def test_older_checkouts_have_no_tables_and_the_same_paths(root, removed, versions) -> None:
    for name in ("GPT_SoVITS/f5_tts/model/__init__.py", "GPT_SoVITS/text/symbols2.py"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("symbols = []\n")
    (root / "GPT_SoVITS/configs/s2v2ProPlus.json").unlink()
    (root / "config.py").write_text('cnhubert_path = "elsewhere/hubert"\napi_port = 9999\n')
    for name in removed:
        (root / name).unlink()
    checkout = Checkout(root)
    assert checkout.newest_version == versions[-1]
    assert checkout.sovits_bases == {version: root / BASES[version] for version in versions}
    assert set(checkout.gpt_bases) == set(versions)
    assert set(checkout.vocoders) == {"v3", "v4"} & set(versions)
    assert checkout.hubert == root / "elsewhere" / "hubert"
    assert checkout.ports["api_port"] == 9999


@pytest.mark.parametrize("content", [None, "this is ( not python", "a = 1\0"])
def test_a_checkout_whose_configuration_cannot_be_read_has_the_usual_paths(root, content) -> None:
    (root / "config.py").unlink()
    if content is not None:
        (root / "config.py").write_text(content)
    checkout = Checkout(root)
    assert checkout.config == {}
    assert checkout.hubert == root / MODELS / "chinese-hubert-base"
    assert checkout.ports["webui_port_infer_tts"] == 9872


def test_what_is_no_checkout_is_told_with_where_one_is(root, tmp_path) -> None:
    for given, says in (
        (root / "GPT_SoVITS", f"give its root instead: {root}"),
        (root / "GPT_SoVITS" / "module", f"give its root instead: {root}"),
        (root.parent, f"it holds one; give that instead: {root}"),
        (tmp_path / "nowhere", "there is no folder"),
        (root / "webui.py", "give its root instead"),
        (Path(os.sep), "is not a GPT-SoVITS checkout: the folder that holds webui.py"),
    ):
        with pytest.raises(BackendError) as caught:
            Checkout(given)
        assert says in str(caught.value) or (given.is_file() and "is a file" in str(caught.value))


def test_the_users_own_weights_are_listed(root) -> None:
    for name in ("SoVITS_weights/a.pth", "SoVITS_weights_v2/b.pth", "SoVITS_weights_v2/x.txt"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(b"")
    generator = root / "logs" / "name" / "logs_s2_v2" / "G_233.pth"
    generator.parent.mkdir(parents=True)
    generator.write_bytes(b"")
    checkout = Checkout(root)
    assert checkout.fine_tuned_sovits == (
        root / "SoVITS_weights/a.pth",
        root / "SoVITS_weights_v2/b.pth",
    )
    assert checkout.fine_tuned_gpt == ()
    assert checkout.trained_generators == (generator,)


@pytest.mark.parametrize(
    ("content", "remembered"),
    [
        (None, {}),
        ("{broken", {}),
        ("[1]", {}),
        ('{"GPT": {"v2": "a.ckpt"}, "SoVITS": {"v2": "b.pth", "v1": ""}, "x": 1}', None),
    ],
)
def test_the_weights_chosen_last_are_remembered(root, content, remembered) -> None:
    if content is not None:
        (root / "weight.json").write_text(content)
    expected = {"GPT": {"v2": "a.ckpt"}, "SoVITS": {"v2": "b.pth"}}
    assert Checkout(root).last_weights == (expected if remembered is None else remembered)


COMMIT = "48b1a01" + "0" * 33


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"HEAD": COMMIT}, "48b1a01"),
        ({"HEAD": "ref: refs/heads/main", "refs/heads/main": COMMIT}, "48b1a01"),
        (
            {"HEAD": "ref: refs/heads/main", "packed-refs": f"# x\n{COMMIT} refs/heads/main\n"},
            "48b1a01",
        ),
        ({"HEAD": COMMIT, "refs/tags/20250606v2pro": COMMIT}, "20250606v2pro"),
        ({"HEAD": COMMIT, "packed-refs": f"{'1' * 40} refs/tags/v9\n^{COMMIT}\n"}, "v9"),
        ({"HEAD": "ref: refs/heads/unborn"}, None),
        ({}, None),
    ],
)
def test_the_revision_is_read_without_git(root, files, expected) -> None:
    for name, content in files.items():
        path = root / ".git" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content + "\n")
    assert layout.revision_of(root) == expected
    title = Checkout(root).title
    assert title == {
        "48b1a01": "48b1a01 (v2ProPlus)",
        None: "v2ProPlus, without .git",
    }.get(expected, expected)


def test_the_revision_of_a_worktree_is_read(root, tmp_path) -> None:
    shared, own = tmp_path / "shared", tmp_path / "shared" / "worktrees" / "w"
    own.mkdir(parents=True)
    (own / "HEAD").write_text("ref: refs/heads/main\n")
    (own / "commondir").write_text("../..\n")
    (shared / "refs" / "heads").mkdir(parents=True)
    (shared / "refs" / "heads" / "main").write_text(COMMIT)
    (root / ".git").write_text(f"gitdir: {own}\n")
    assert layout.revision_of(root) == "48b1a01"


# --- GPT-SoVITS's own classes -----------------------------------------------------------------------


def state_of_the_process() -> tuple[object, ...]:
    return list(sys.path), Path.cwd(), dict(os.environ), list(sys.meta_path), list(warnings.filters)


def test_the_checkouts_source_is_run_without_a_trace(root) -> None:
    before, names = state_of_the_process(), set(sys.modules)
    files = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    classes = classes_from_checkout(root)
    network, fbank = speaker_modules_from_checkout(root)
    assert classes.style(704, style_vector_dim=8).fc.fc.out_features == 8
    assert network.__name__ == "ERes2NetV2"
    assert fbank.__name__ == "fbank"
    assert state_of_the_process() == before
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == files
    left = {name.partition(".")[0] for name in set(sys.modules) - names}
    assert left & HOST_NAMES == set()


def test_modules_of_the_same_names_are_left_alone(root, monkeypatch) -> None:
    others = {name: object() for name in ("module", "module.commons", "text", "utils", "kaldi")}
    for name, other in others.items():
        monkeypatch.setitem(sys.modules, name, other)
    classes = classes_from_checkout(root)
    speaker_modules_from_checkout(root)
    assert {name: sys.modules[name] for name in others} == others
    assert classes is classes_from_checkout(root)  # run once, kept


def test_threads_may_ask_for_classes_at_once(tmp_path) -> None:
    roots = [make_checkout(tmp_path / f"checkout{i}") for i in range(3)]
    found: list[object] = []
    threads = [
        threading.Thread(target=lambda root=root: found.append(classes_from_checkout(root).style))
        for root in roots * 4
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 12


@pytest.mark.parametrize(
    ("name", "source", "says"),
    [
        ("module/models.py", None, "there is no "),
        ("module/modules.py", "raise ValueError('odd')", r"do not run \(ValueError: odd\)"),
        ("module/modules.py", "import package_of_nobody", "needs the package package_of_nobody"),
        ("module/modules.py", "class Other: ...", "has no MelStyleEncoder"),
        ("module/models.py", "from module import modules", "has no PosteriorEncoder"),
    ],
)
def test_source_that_is_not_as_expected_is_told(root, name, source, says) -> None:
    path = root / "GPT_SoVITS" / name
    if source is None:
        path.unlink()
    else:
        path.write_text(source)
    with pytest.raises(BackendError, match=says):
        classes_from_checkout(root)


def test_checkouts_before_v2pro_have_no_speaker_network(root) -> None:
    for path in (root / "GPT_SoVITS" / "eres2net").iterdir():
        path.unlink()
    with pytest.raises(BackendError, match="get a checkout that has them"):
        speaker_modules_from_checkout(root)


def test_the_classes_of_a_loaded_model_are_found_beside_it(root, monkeypatch) -> None:
    model = model_of(root, "v2")
    trn = type(model)
    module = type(sys)("module.models")
    vars(module).update(trn.__init__.__globals__)
    monkeypatch.setitem(sys.modules, trn.__module__, module)
    assert classes_of(model) == classes_from_checkout(root)
    with pytest.raises(BackendError, match="the module of Linear has no MelStyleEncoder"):
        classes_of(torch.nn.Linear(1, 1))


def test_the_classes_of_the_published_package_fit(tmp_path, monkeypatch) -> None:
    """The model code of GPT-SoVITS (of v1) as its package on PyPI has it, at full size."""
    import importlib.util

    pytest.importorskip("einops", reason="the model code of gpt-sovits-python needs einops")
    spec = importlib.util.find_spec("gpt_sovits_python")
    if spec is None:
        pytest.skip("no gpt-sovits-python (pip install --no-deps gpt-sovits-python einops)")
    package = type(sys)("gpt_sovits_python")  # its own __init__ imports what only synthesis needs
    package.__path__ = list(spec.submodule_search_locations)
    monkeypatch.setitem(sys.modules, "gpt_sovits_python", package)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from gpt_sovits_python.module import models

        modules = models.modules
        whole = torch.nn.ModuleDict(
            {
                "ref_enc": modules.MelStyleEncoder(1025, style_vector_dim=512),
                "enc_q": models.PosteriorEncoder(1025, 192, 192, 5, 1, 16, gin_channels=512),
            }
        ).eval()
    owner = type("SynthesizerTrn", (torch.nn.Module,), {"__module__": models.__name__})()
    path = save_weights(tmp_path / "v1.pth", whole.state_dict())
    checkpoint = read_checkpoint(path, only=POSTERIOR_PARTS)
    loaded = loaded_from_checkpoint(checkpoint, classes_of(owner), source=HERE)
    assert (loaded.n_style_bins, loaded.style_dim) == (1025, 512)
    with torch.no_grad():
        style = style_of(loaded)
        expected = whole["ref_enc"](spectrogram(), torch.ones(1, 1, 40))
        np.testing.assert_allclose(style, expected, atol=1e-6)
        mean = whole["enc_q"](spectrogram(), torch.tensor([40]), g=expected)[1]
        np.testing.assert_allclose(posterior_of(loaded, style), mean, atol=1e-5)


# --- parts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["v1", "v2", "v2Pro", "v2ProPlus"])
def test_the_parts_are_those_of_the_whole_model(root, tmp_path, version) -> None:
    path = save_weights(tmp_path / "x.pth", tensors_of(root, version))
    whole = model_of(root, version).half().float()
    checkpoint = read_checkpoint(path, only=POSTERIOR_PARTS)
    loaded = loaded_from_checkpoint(checkpoint, classes_from_checkout(root), source=HERE)
    assert loaded.version == version
    assert (loaded.n_style_bins, loaded.style_dim) == (1025 if version == "v1" else 704, 8)
    with torch.no_grad():
        style = style_of(loaded)
        spec = spectrogram()
        expected = whole.ref_enc(spec[:, : loaded.n_style_bins], torch.ones(1, 1, 40))
        assert torch.equal(style, expected)
        if "Pro" in version:
            speaker = torch.rand(1, SPEAKER_DIM)
            expected = whole.prelu(expected + whole.sv_emb(speaker).unsqueeze(-1))
            style = loaded.project_speaker(style, speaker)
            assert torch.equal(style, expected)
        else:
            assert loaded.project_speaker is None
        mean = whole.enc_q(spec, torch.tensor([40]), g=expected)[1]
        assert torch.equal(posterior_of(loaded, style), mean)


def test_building_parts_leaves_the_random_state_and_the_warnings_alone(root, tmp_path) -> None:
    path = save_weights(tmp_path / "x.pth", tensors_of(root, "v2Pro"))
    checkpoint = read_checkpoint(path, only=POSTERIOR_PARTS)
    classes = classes_from_checkout(root)
    state, filters = torch.get_rng_state(), list(warnings.filters)
    loaded = loaded_from_checkpoint(checkpoint, classes, source=HERE)
    assert torch.equal(torch.get_rng_state(), state)
    assert list(warnings.filters) == filters
    for module in (loaded.style, loaded.posterior):
        assert not module.training
        assert not any(parameter.requires_grad for parameter in module.parameters())
        assert {parameter.dtype for parameter in module.parameters()} == {torch.float32}


def test_parts_take_the_precision_that_is_asked_for(root, tmp_path) -> None:
    path = save_weights(tmp_path / "x.pth", tensors_of(root, "v2"))
    loaded = loaded_from_checkpoint(
        read_checkpoint(path, only=STYLE_PARTS),
        classes_from_checkout(root),
        source=HERE,
        dtype=torch.float16,
    )
    assert {parameter.dtype for parameter in loaded.style.parameters()} == {torch.float16}
    assert loaded.posterior is None


def test_weights_that_do_not_fit_are_told(root, tmp_path) -> None:
    classes = classes_from_checkout(root)
    tensors = tensors_of(root, "v2")

    def provide(changed: dict) -> None:
        path = save_weights(tmp_path / "x.pth", changed)
        loaded_from_checkpoint(read_checkpoint(path), classes, source=HERE)

    with pytest.raises(BackendError, match=r"holds no style encoder .* export the weights again"):
        provide({key: value for key, value in tensors.items() if not key.startswith("ref_enc.")})
    with pytest.raises(BackendError, match=r"does not fit this GPT-SoVITS: .*spectral"):
        provide(tensors | {"ref_enc.spectral.9.fc.weight": torch.ones(2)})
    with pytest.raises(BackendError, match="is missing"):
        provide({key: value for key, value in tensors.items() if key != "enc_q.pre.weight"})
    with pytest.raises(BackendError, match="values that are not finite"):
        provide(tensors | {"enc_q.proj.bias": torch.full((12,), float("nan"))})


# --- the host ---------------------------------------------------------------------------------------


def lent_versions(backend: CheckoutBackend, family: str) -> list[str]:
    return [
        loaded.version for loaded in backend.provide(family) if isinstance(loaded, LoadedSovits)
    ]


def test_the_host_keeps_the_contract(root) -> None:
    backend: Backend = CheckoutBackend(root)
    assert backend.id == "checkout"
    assert backend.limits is None
    assert "GPT-SoVITS" in backend.title.en
    assert "no voice" in backend.title.en
    assert "GPT-SoVITS" in backend.title.zh
    assert list(backend.provide("prosody")) == []
    request = SynthesisRequest(
        "a", "en", ReferenceClip(Path("x.wav"), "neutral", "a", "en", 4.0), None
    )
    with pytest.raises(BackendError, match="have no voice: start its api_v2"):
        backend.synthesise(request)
    with pytest.raises(BackendError, match=r"does not lend fake; it lends prosody"):
        backend.provide("fake")


def test_what_is_lent_is_what_lies_there_at_this_moment(root) -> None:
    backend = CheckoutBackend(root)
    assert backend.provides == {"prosody"}
    add_base(root, "v3")
    assert backend.provides == {"prosody", "sovits.style"}
    add_base(root, "v2")
    add_hubert(root)
    assert backend.provides == {"prosody", "sovits.style", "sovits.posterior", "hubert"}


def test_without_files_a_sentence_says_which(root) -> None:
    backend = CheckoutBackend(root)
    with pytest.raises(BackendError, match=r"s2G2333k\.pth is not there"):
        next(backend.provide("sovits.style"))
    with pytest.raises(BackendError, match=r"no HuBERT in .*chinese-hubert-base"):
        backend.provide("hubert")


def test_hubert_is_read_from_the_folder_without_the_network(root, monkeypatch) -> None:
    import socket

    add_hubert(root)
    monkeypatch.setenv("HF_ENDPOINT", "https://mirror.invalid")  # as the page sets one
    monkeypatch.setattr(socket, "create_connection", lambda *_, **__: pytest.fail("went online"))
    backend = CheckoutBackend(root)
    (loaded,) = backend.provide("hubert")
    with torch.no_grad():
        found = loaded.model(torch.zeros(1, 16_000), output_hidden_states=True)
    assert len(found.hidden_states) == 3
    assert next(loaded.model.parameters()).dtype == torch.float32
    assert not loaded.model.training
    (again,) = backend.provide("hubert")
    assert again.model is loaded.model


def test_a_hubert_that_does_not_load_is_told(root, monkeypatch) -> None:
    folder = add_hubert(root)
    (folder / "pytorch_model.bin").write_bytes(b"version https://git-lfs.github.com/spec/v1")
    with pytest.raises(BackendError, match=r"does not load .* download chinese-hubert-base again"):
        CheckoutBackend(root).provide("hubert")
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(BackendError, match=r"pip install 'transformers>=4\.51,<5'"):
        CheckoutBackend(root).provide("hubert")


def test_the_named_weights_come_first_then_their_base_then_the_others(root) -> None:
    for version in ("v1", "v2", "v2Pro", "v4"):
        add_base(root, version)
    add_speaker_model(root)
    weights = tensors_of(root, "v2Pro", seed=3, posterior=False)
    path = save_weights(root / "SoVITS_weights_v2Pro" / "mine.pth", weights, head=b"05")
    backend = CheckoutBackend(root, sovits=Path("SoVITS_weights_v2Pro/mine.pth"))
    loaded = list(backend.provide("sovits.style"))
    assert loaded[0].source.en == "fine-tuned v2Pro weights mine.pth"
    assert [found.version for found in loaded] == ["v2Pro", "v2Pro", "v2", "v1", "v4"]
    assert not torch.equal(style_of(loaded[0]), style_of(loaded[1]))
    # Exported weights hold no posterior encoder; v4's base holds none either.
    assert lent_versions(backend, "sovits.posterior") == ["v2Pro", "v2", "v1"]
    assert lent_versions(CheckoutBackend(root), "sovits.style") == ["v2", "v2Pro", "v1", "v4"]
    assert CheckoutBackend(root, sovits=path).provides >= {"sovits.style", "sovits.posterior"}


def test_a_generator_that_training_kept_lends_its_own_posterior(root) -> None:
    add_base(root, "v2")
    path = root / "logs" / "mine" / "logs_s2_v2" / "G_1.pth"
    path.parent.mkdir(parents=True)
    torch.save({"model": model_of(root, "v2", seed=5).state_dict(), "iteration": 1}, path)
    first = next(CheckoutBackend(root, sovits=path).provide("sovits.posterior"))
    assert first.source.en == "fine-tuned v2 weights G_1.pth"


def test_lora_weights_lend_their_base(root) -> None:
    lora = {"cfm.estimator.lora_A.weight": torch.ones(2)}
    path = save_weights(root / "SoVITS_weights_v4" / "l.pth", lora, head=b"04", lora_rank=32)
    add_base(root, "v4")
    add_base(root, "v2")
    backend = CheckoutBackend(root, sovits=path)
    assert lent_versions(backend, "sovits.style") == ["v4", "v2"]
    assert lent_versions(backend, "sovits.posterior") == ["v2"]
    (root / BASES["v4"]).unlink()
    rest = CheckoutBackend(root, sovits=path).provide("sovits.style")
    assert next(rest).version == "v2"
    with pytest.raises(BackendError, match=r"s2Gv4\.pth is not there"):
        next(rest)


def test_each_family_is_loaded_once_and_only_when_it_is_its_turn(root, monkeypatch) -> None:
    for version in ("v2", "v1"):
        add_base(root, version)
    read: list[Path] = []

    def counting(path, **options):
        read.append(path)
        return read_checkpoint(path, **options)

    monkeypatch.setattr("gpt_sovits_emotion.backends.checkout.read_checkpoint", counting)
    backend = CheckoutBackend(root)
    first = next(backend.provide("sovits.style"))
    assert read == [root / BASES["v2"]]
    assert next(backend.provide("sovits.style")) is first
    assert first.posterior is None
    assert next(backend.provide("sovits.posterior")).posterior is not None
    assert read == [root / BASES["v2"]] * 2


def test_a_damaged_base_is_told_after_the_sound_ones(root) -> None:
    add_base(root, "v2")
    add_base(root, "v1").write_bytes(b"<html>404</html>")
    found = CheckoutBackend(root).provide("sovits.style")
    assert next(found).version == "v2"
    with pytest.raises(BackendError, match="it is a web page"):
        next(found)


def test_a_base_without_a_posterior_is_told(root) -> None:
    save_weights(root / BASES["v2"], tensors_of(root, "v2", posterior=False))
    with pytest.raises(BackendError, match=r"holds no posterior encoder \(enc_q\)"):
        next(CheckoutBackend(root).provide("sovits.posterior"))


def test_pro_listens_with_the_speaker_model(root) -> None:
    add_base(root, "v2Pro")
    with pytest.raises(BackendError, match=r"listens with the speaker model .*eres2netv2w24s4ep4"):
        next(CheckoutBackend(root).provide("sovits.posterior"))
    path = add_speaker_model(root)
    loaded = next(CheckoutBackend(root).provide("sovits.posterior"))
    state = torch.get_rng_state()
    embedding = loaded.speaker_embedding(torch.rand(1, 16_000, generator=torch.Generator()))
    assert torch.equal(torch.get_rng_state(), state)
    assert embedding.shape == (1, SPEAKER_DIM)
    assert loaded.project_speaker(torch.zeros(1, 8, 1), embedding).shape == (1, 8, 1)
    torch.save({"conv.weight": torch.rand(3, 3)}, path)
    with pytest.raises(BackendError, match="does not fit the speaker network"):
        next(CheckoutBackend(root).provide("sovits.posterior")).speaker_embedding(
            torch.rand(1, 16_000)
        )


def test_weights_that_are_not_there_are_told_with_those_that_are(root) -> None:
    save_weights(root / "SoVITS_weights" / "mine.pth", tensors_of(root, "v1"))
    with pytest.raises(BackendError, match=r"the checkout holds SoVITS_weights/mine\.pth"):
        CheckoutBackend(root, sovits=Path("SoVITS_weights/yours.pth"))


def test_the_device_is_checked_when_something_is_loaded(root, monkeypatch) -> None:
    add_base(root, "v2")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(BackendError, match="choose --device cpu"):
        next(CheckoutBackend(root, device="cuda").provide("sovits.style"))
    loaded = next(CheckoutBackend(root, device="auto").provide("sovits.style"))
    assert next(loaded.style.parameters()).device.type == "cpu"


def test_asking_what_is_lent_loads_no_torch(root) -> None:
    import subprocess

    add_base(root, "v2")
    code = (
        "import sys\n"
        "from gpt_sovits_emotion.backends.checkout import CheckoutBackend\n"
        "assert 'sovits.style' in CheckoutBackend(sys.argv[1]).provides\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code, str(root)], check=True)


def test_the_tables_of_paths_agree_with_those_of_the_tests() -> None:
    assert layout._SOVITS == BASES
