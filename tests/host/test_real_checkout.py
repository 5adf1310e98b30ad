"""What is lent from the files of a real checkout, held against GPT-SoVITS's own loading of them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from gpt_sovits_emotion.backends.checkout import CheckoutBackend
from gpt_sovits_emotion.backends.gpt_sovits.checkpoints import detect_version, read_checkpoint
from gpt_sovits_emotion.backends.gpt_sovits.classes import classes_from_checkout
from gpt_sovits_emotion.backends.gpt_sovits.layout import Checkout
from gpt_sovits_emotion.backends.gpt_sovits.parts import POSTERIOR_PARTS, loaded_from_checkpoint
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.doctor import examine

pytestmark = [pytest.mark.checkout, pytest.mark.slow]

N_FRAMES, N_SAMPLES = 120, 48_000

# Loads one file as GPT-SoVITS's default page does (change_sovits_weights) and says what it hears.
_HOST = """
import json, sys
import numpy as np, torch
path, out, n_frames, n_samples, asked = sys.argv[1:]
n_frames, n_samples = int(n_frames), int(n_samples)
from process_ckpt import get_sovits_version_from_path_fast, load_sovits_new
version, model_version, lora = get_sovits_version_from_path_fast(path)
content = load_sovits_new(path)
weights = content["weight"]
found = {}
if model_version not in ("v3", "v4") and "Pro" not in model_version:
    rows = weights["enc_p.text_embedding.weight"].shape[0]
    model_version = "v1" if rows == 322 else "v2"
found["version"] = model_version
generator = torch.Generator().manual_seed(5)
spec = torch.rand(1, 1025, n_frames, generator=generator)
wave = torch.rand(1, n_samples, generator=generator) - 0.5
if asked == "whole":
    from GPT_SoVITS.module.models import SynthesizerTrn
    def plain(value):
        return {k: plain(v) for k, v in value.items()} if hasattr(value, "items") else value
    config = plain(content["config"])
    model = dict(config["model"], version=model_version, semantic_frame_rate="25hz")
    whole = SynthesizerTrn(1025, 32, n_speakers=config["data"]["n_speakers"], **model)
    found["unused"] = whole.load_state_dict(weights, strict=False).unexpected_keys
    whole.eval()
    n_bins = 1025 if model_version == "v1" else 704
    with torch.no_grad():
        style = whole.ref_enc(spec[:, :n_bins], torch.ones(1, 1, n_frames))
        arrays = {"style": style}
        if "Pro" in model_version:
            from sv import SV
            speaker = SV("cpu", False).compute_embedding3(wave)
            style = whole.prelu(style + whole.sv_emb(speaker).unsqueeze(-1))
            arrays |= {"speaker": speaker, "conditioned": style}
        if any(key.startswith("enc_q.") for key in weights):
            arrays["mean"] = whole.enc_q(spec, torch.LongTensor([n_frames]), g=style)[1]
    np.savez(out, **{k: v.numpy() for k, v in arrays.items()})
print("FOUND" + json.dumps(found))
"""


def files_of(root: Path) -> list[Path]:
    checkout = Checkout(root)
    bases = [path for path in checkout.sovits_bases.values() if path.is_file()]
    return [*bases, *checkout.fine_tuned_sovits]


def ask_host(root: Path, python: str, path: Path, out: Path, *, whole: bool) -> dict:
    """Run GPT-SoVITS's own code on a file, in its own interpreter."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(root), str(root / "GPT_SoVITS")]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
    }
    sizes = [str(N_FRAMES), str(N_SAMPLES), "whole" if whole else "version"]
    done = subprocess.run(
        [python, "-s", "-c", _HOST, str(path), str(out), *sizes],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.partition("FOUND")[2])


def heard(seed: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    spec = torch.rand(1, 1025, N_FRAMES, generator=generator)
    return spec, torch.rand(1, N_SAMPLES, generator=generator) - 0.5


def test_versions_are_those_that_the_host_finds(checkout, host_python, tmp_path) -> None:
    for path in files_of(checkout):
        found = ask_host(checkout, host_python, path, tmp_path / "x.npz", whole=False)
        assert detect_version(path) == found["version"], path


def test_parts_hear_what_the_hosts_whole_model_hears(checkout, host_python, tmp_path) -> None:
    spec, wave = heard()
    classes = classes_from_checkout(checkout)
    compared = []
    for path in files_of(checkout):
        checkpoint = read_checkpoint(path, only=POSTERIOR_PARTS)
        if checkpoint.version in ("v3", "v4"):
            continue  # their style encoder is v2's class, and their model takes 3 GB
        out = tmp_path / "host.npz"
        found = ask_host(checkout, host_python, path, out, whole=True)
        assert found["unused"] == []
        backend = np.load(out)
        loaded = loaded_from_checkpoint(checkpoint, classes, source=Sentence("", ""))
        with torch.no_grad():
            style = loaded.style(spec[:, : loaded.n_style_bins], torch.ones(1, 1, N_FRAMES))
            np.testing.assert_allclose(style, backend["style"], atol=1e-6)
            if loaded.project_speaker is not None:
                speaker = CheckoutBackend(checkout)._listen_to_speaker(wave)
                np.testing.assert_allclose(speaker, backend["speaker"], rtol=1e-4, atol=1e-5)
                style = loaded.project_speaker(style, speaker)
                np.testing.assert_allclose(style, backend["conditioned"], rtol=1e-4, atol=1e-5)
            assert (loaded.posterior is not None) == ("mean" in backend)
            if loaded.posterior is not None:
                mean = loaded.posterior(spec, torch.tensor([N_FRAMES]), g=style)[1]
                np.testing.assert_allclose(mean, backend["mean"], rtol=1e-4, atol=1e-4)
        compared.append((checkpoint.version, loaded.posterior is not None))
    assert compared


def test_every_family_is_lent_without_a_trace(private) -> None:
    code = (
        "import os, sys\n"
        "from gpt_sovits_emotion.backends.checkout import CheckoutBackend\n"
        "before = list(sys.path), os.getcwd(), dict(os.environ)\n"
        "backend = CheckoutBackend(sys.argv[1])\n"
        "for family in sorted(backend.provides): list(backend.provide(family))\n"
        "assert (list(sys.path), os.getcwd()) == before[:2]\n"
        "names = {'AR', 'config', 'module', 'process_ckpt', 'sv', 'text', 'tools', 'utils', 'kaldi',\n"
        "    'fusion', 'pooling_layers', 'ERes2NetV2', 'GPT_SoVITS', 'f5_tts', 'feature_extractor'}\n"
        "assert not names & {name.partition('.')[0] for name in sys.modules}\n"
        "print(*sorted(backend.provides))\n"
    )
    before = _listing(private)
    done = subprocess.run(
        [sys.executable, "-c", code, str(private)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert {"hubert", "prosody", "sovits.style"} <= set(done.stdout.split())
    assert _listing(private) == before


def test_hubert_from_the_folder_is_the_hosts(checkout) -> None:
    (loaded,) = CheckoutBackend(checkout).provide("hubert")
    with torch.no_grad():
        found = loaded.model(torch.zeros(1, 16_000))["last_hidden_state"]
    assert found.shape == (1, 49, 768)
    assert torch.isfinite(found).all()


def test_the_doctor_finds_a_checkout_that_works_unbroken(private, host_python) -> None:
    before = _listing(private)
    report = examine(private, python=Path(host_python))
    assert _listing(private) == before
    broken = [finding.fact.en for finding in report.findings if finding.state == "broken"]
    assert broken == ["there is no head, so nothing can be tagged"]  # none was named
    said = " ".join(finding.fact.en for finding in report.findings)
    assert "encoders at hand: prosody, hubert" in said


@pytest.fixture
def private(checkout, tmp_path) -> Path:
    """The checkout in folders of our own, its files as links: whatever appears there is our doing."""
    ignored = shutil.ignore_patterns(".git", "TEMP", "logs", "__pycache__")
    root = tmp_path / "checkout"
    shutil.copytree(checkout, root, copy_function=os.symlink, ignore=ignored)
    return root


def _listing(root: Path) -> set[Path]:
    return set(root.rglob("*"))
