"""Reading SoVITS checkpoints: safely, only what is asked for, with the version and the reason in words."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import sys
import threading
import zipfile
from pathlib import Path

import pytest
import torch
from bilingual import check_says_the_same
from checkout_files import HEADS, host_utils, make_checkout, model_of, save_weights, tensors_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gpt_sovits_emotion.backends.gpt_sovits import checkpoint_start, checkpoints
from gpt_sovits_emotion.backends.gpt_sovits.checkpoints import (
    check_file,
    detect_version,
    read_checkpoint,
    read_state,
)
from gpt_sovits_emotion.core.errors import BackendError

ONE_PART = {"ref_enc.fc.fc.weight": torch.ones(3, 2)}


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    return make_checkout(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="module")
def v2_file(root, tmp_path_factory) -> Path:
    return save_weights(tmp_path_factory.mktemp("weights") / "v2.pth", tensors_of(root, "v2"))


# --- what is in the file ----------------------------------------------------------------------------


@pytest.mark.parametrize("head", [b"PK", b"05"])
def test_only_what_is_asked_for_is_read(root, tmp_path, head) -> None:
    tensors = tensors_of(root, "v2Pro")
    path = save_weights(tmp_path / "x.pth", tensors, head=head)
    read = read_checkpoint(path, only=("ref_enc.", "prelu."))
    assert set(read.weights) == {key for key in tensors if key.startswith(("ref_enc.", "prelu."))}
    assert all(torch.equal(tensor, tensors[key]) for key, tensor in read.weights.items())
    assert read.keys == frozenset(tensors)
    assert read.has("dec.")
    assert not read.has("cfm.")
    assert read_checkpoint(path, only=()).weights == {}
    assert set(read_checkpoint(path).weights) == set(tensors)


def test_the_configuration_comes_as_plain_data(v2_file) -> None:
    config = read_checkpoint(v2_file, only=()).config
    assert config == {"data": {"hop_length": 640}, "model": {"gin_channels": 8}, "name": "测试"}


def test_a_file_without_a_configuration_is_read(tmp_path) -> None:
    torch.save(
        {"model": ONE_PART, "iteration": 3, "optimizer": {"state": {0: 1.5}}}, tmp_path / "G_1.pth"
    )
    read = read_checkpoint(tmp_path / "G_1.pth")
    assert read.config == {}
    assert torch.equal(read.weights["ref_enc.fc.fc.weight"], torch.ones(3, 2))


def test_exported_weights_have_no_posterior_and_base_models_have(root, tmp_path, v2_file) -> None:
    exported = save_weights(tmp_path / "e.pth", tensors_of(root, "v2", posterior=False))
    assert not read_checkpoint(exported, only=("enc_q.",)).has_posterior
    assert read_checkpoint(v2_file, only=()).has_posterior


def test_the_parts_outlive_the_file(root, tmp_path) -> None:
    path = save_weights(tmp_path / "x.pth", tensors_of(root, "v2"))
    read = read_checkpoint(path, only=("ref_enc.",))
    before = {key: tensor.clone() for key, tensor in read.weights.items()}
    path.write_bytes(bytes(path.stat().st_size))  # what is mapped would change with it
    assert all(torch.equal(read.weights[key], before[key]) for key in before)


def test_a_large_file_costs_only_the_parts_that_are_asked_for(tmp_path) -> None:
    # 200 MB that nothing asks for; resident memory in a process of its own, read from the kernel.
    if not Path("/proc/self/status").exists():
        pytest.skip("the peak of resident memory is read from /proc")
    weights = ONE_PART | {"dec.weight": torch.zeros(50_000_000)}
    path = save_weights(tmp_path / "large.pth", weights)
    code = (
        "import sys, torch\n"
        "from gpt_sovits_emotion.backends.gpt_sovits.checkpoints import read_checkpoint\n"
        "peak = lambda: next(int(l.split()[1]) for l in open('/proc/self/status') if 'VmHWM' in l)\n"
        "torch.ones(3).half().clone()\n"
        "before = peak()\n"
        "read_checkpoint(sys.argv[1], only=('ref_enc.',))\n"
        "print(peak() - before)\n"
    )
    import subprocess

    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 60_000  # kB


# --- versions ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["v1", "v2", "v2Pro", "v2ProPlus", "v3"])
def test_the_tensors_tell_the_version(root, tmp_path, version) -> None:
    path = save_weights(tmp_path / "x.pth", tensors_of(root, version))
    assert detect_version(path) == read_checkpoint(path, only=()).version == version


@pytest.mark.parametrize(
    ("head", "version", "is_lora"),
    [
        (b"00", "v1", False),
        (b"01", "v2", False),
        (b"02", "v3", False),
        (b"03", "v3", True),
        (b"04", "v4", True),
        (b"05", "v2Pro", False),
        (b"06", "v2ProPlus", False),
    ],
)
def test_the_two_digits_in_place_of_the_zips_start_tell_the_version(
    tmp_path, head, version, is_lora
) -> None:
    path = save_weights(tmp_path / "x.pth", ONE_PART, head=head)
    content = path.read_bytes()
    read = read_checkpoint(path)
    assert (read.version, read.is_lora) == (version, is_lora)
    assert detect_version(path) == version
    assert torch.equal(read.weights["ref_enc.fc.fc.weight"], torch.ones(3, 2))
    assert path.read_bytes() == content  # the PK is put back in memory alone


@pytest.mark.parametrize("version", checkpoints.VERSIONS)
def test_base_models_are_known_by_the_md5_of_their_start(tmp_path, monkeypatch, version) -> None:
    path = save_weights(tmp_path / "x.pth", ONE_PART)
    start = hashlib.md5(path.read_bytes()[:8192]).hexdigest()
    monkeypatch.setattr(checkpoint_start, "_BASE_MODELS", {start: version})
    assert detect_version(path) == version
    assert read_checkpoint(path, only=()).version == version


def test_the_table_of_base_models_names_every_version_once() -> None:
    assert sorted(checkpoint_start._BASE_MODELS.values()) == sorted(checkpoints.VERSIONS)
    assert all(len(digest) == 32 for digest in checkpoint_start._BASE_MODELS)


@pytest.mark.parametrize(
    ("folder", "version"), [("logs_s2_v4", "v4"), ("logs_s2_v3", "v3"), ("x", "v3")]
)
def test_v4_is_told_from_v3_by_the_folder_of_its_training(root, tmp_path, folder, version) -> None:
    path = save_weights(tmp_path / folder / "G_1.pth", tensors_of(root, "v4"))
    assert detect_version(path) == version


def test_a_version_known_from_elsewhere_counts(root, tmp_path) -> None:
    path = save_weights(tmp_path / "x.pth", tensors_of(root, "v4"))
    assert read_checkpoint(path, only=(), version="v4").version == "v4"


# --- safety -----------------------------------------------------------------------------------------


class Malicious:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.system, (f'echo broken in > "{self.path}"',)


@pytest.mark.parametrize("head", [b"PK", b"05"])
@pytest.mark.parametrize("place", ["config", "weight", "info"])
def test_pickled_code_is_never_run(tmp_path, head, place) -> None:
    content = {"weight": dict(ONE_PART), "config": {}, "info": ""}
    trace = tmp_path / "trace"
    if place == "weight":
        content["weight"]["ref_enc.evil"] = Malicious(trace)
    else:
        content[place] = Malicious(trace)
    buffer = io.BytesIO()
    torch.save(content, buffer)
    path = tmp_path / "evil.pth"
    path.write_bytes(head + buffer.getvalue()[2:])
    with pytest.raises(BackendError, match=r"not loaded: it asks to run \w+\.system") as caught:
        read_checkpoint(path)
    check_says_the_same(caught.value)
    assert not trace.exists()


def test_what_is_let_through_is_inert(tmp_path) -> None:
    """``HParams`` itself is let through; whatever it is told to be, it stays data."""

    class Told:
        def __init__(self, *arguments: object) -> None:
            self.arguments = arguments

        def __reduce__(self):
            hparams = sys.modules["utils"].HParams
            return hparams, self.arguments, {"__dict__": 1, "items": [1], "__setstate__": "x"}

    with host_utils():
        torch.save({"weight": ONE_PART, "config": Told()}, tmp_path / "x.pth")
    config = read_checkpoint(tmp_path / "x.pth").config
    assert config == {"__dict__": 1, "items": [1], "__setstate__": "x"}
    with host_utils():
        torch.save({"weight": ONE_PART, "config": Told("called")}, tmp_path / "y.pth")
    with pytest.raises(BackendError, match="is damaged") as caught:
        read_checkpoint(tmp_path / "y.pth")
    check_says_the_same(caught.value)


def test_the_hosts_own_utils_stays_where_it_is(root, tmp_path, v2_file) -> None:
    broken = tmp_path / "broken.pth"
    broken.write_bytes(v2_file.read_bytes()[:20_000])
    with host_utils() as hparams:
        own = sys.modules["utils"]
        read_checkpoint(v2_file, only=())
        with pytest.raises(BackendError):
            read_checkpoint(broken)
        assert sys.modules["utils"] is own
        assert own.HParams is hparams
    assert "utils" not in sys.modules
    read_checkpoint(v2_file, only=())
    assert "utils" not in sys.modules


def test_nothing_stays_allowed_afterwards(v2_file) -> None:
    before = set(torch.serialization.get_safe_globals())
    read_checkpoint(v2_file, only=())
    assert set(torch.serialization.get_safe_globals()) == before


def test_threads_may_read_at_once(v2_file, tmp_path) -> None:
    damaged = tmp_path / "damaged.pth"
    damaged.write_bytes(v2_file.read_bytes()[:-4000])
    outcomes: list[str] = []

    def read(path: Path) -> str:
        try:
            return str(len(read_checkpoint(path, only=("ref_enc.",)).weights))
        except BackendError:
            return "damaged"

    def read_both() -> None:
        outcomes.extend(read(path) for path in (v2_file, damaged) * 5)

    threads = [threading.Thread(target=read_both) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["4"] * 20 + ["damaged"] * 20


def test_a_torch_without_safe_globals_says_so(v2_file, monkeypatch, tmp_path) -> None:
    monkeypatch.delattr(torch.serialization, "safe_globals")
    with pytest.raises(BackendError, match=r"torch 2\.5 or newer is needed") as caught:
        read_checkpoint(v2_file)
    check_says_the_same(caught.value)
    torch.save({"weight": ONE_PART, "config": {"plain": 1}}, tmp_path / "plain.pth")
    assert read_checkpoint(tmp_path / "plain.pth").config == {"plain": 1}


def test_a_configuration_that_contains_itself_is_refused(tmp_path) -> None:
    config: dict[str, object] = {}
    config["config"] = config
    torch.save({"weight": ONE_PART, "config": config}, tmp_path / "x.pth")
    with pytest.raises(BackendError, match="its configuration contains itself"):
        read_checkpoint(tmp_path / "x.pth")


# --- files that are something else ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "it is empty"),
        (b"<!DOCTYPE html><html>404</html>", "it is a web page"),
        (b"\n  <html><body>Access denied", "it is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 5\n", "Git LFS pointer"),
        (b'{"error": "not found"}', "it is text"),
        (pickle.dumps({"weight": {}}), "it is a bare pickle"),
        (b"07\x03\x04" + b"x" * 100, "it starts with b'07"),
        (b"RIFF....WAVE", "a zip's start was expected"),
    ],
)
def test_what_is_no_checkpoint_is_named(tmp_path, content, says) -> None:
    path = tmp_path / "x.pth"
    path.write_bytes(content)
    for look in (read_checkpoint, detect_version, check_file):
        with pytest.raises(BackendError, match="is not a SoVITS checkpoint") as caught:
            look(path)
        assert says in str(caught.value)
        assert str(path) in str(caught.value)


def test_a_missing_file_and_a_folder_are_named(tmp_path) -> None:
    with pytest.raises(BackendError, match="there is no file"):
        read_checkpoint(tmp_path / "nowhere.pth")
    with pytest.raises(BackendError, match="cannot be read"):
        read_checkpoint(tmp_path)
    with pytest.raises(BackendError, match="there is no file"):
        read_state(tmp_path / "nowhere.ckpt")


@pytest.mark.parametrize("kept", [100, 5_000, -1, -30, -3_000])
@pytest.mark.parametrize("head", [b"PK", b"06"])
def test_a_file_that_was_cut_off_is_named(tmp_path, v2_file, kept, head) -> None:
    path = tmp_path / "cut.pth"
    path.write_bytes(head + v2_file.read_bytes()[2:kept])
    with pytest.raises(BackendError, match="is damaged or was cut off") as caught:
        read_checkpoint(path)
    check_says_the_same(caught.value)
    with pytest.raises(BackendError, match="is damaged or was cut off") as caught:
        check_file(path)
    check_says_the_same(caught.value)


def test_a_sound_file_passes_the_short_look(v2_file) -> None:
    check_file(v2_file)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (
            {"weight": {"model.ar_text_embedding.word_embeddings.weight": torch.ones(2)}},
            "is a GPT model",
        ),
        ({"model": {"discriminators.0.convs.0.bias": torch.ones(2)}}, "is a discriminator"),
        ({"state_dict": {}, "epoch": 3}, "it holds epoch, state_dict"),
        ({"weight": {"layer.weight": torch.ones(2)}}, "it holds layer.weight"),
        ({"weight": {"ref_enc.x": 3.0}}, "'ref_enc.x' is no tensor"),
        ({"weight": {3: torch.ones(2)}}, "a tensor has no name"),
        ({}, "it holds nothing"),
        ([torch.ones(2)], "it holds a list"),
    ],
)
def test_other_contents_are_named(tmp_path, content, says) -> None:
    torch.save(content, tmp_path / "x.pth")
    with pytest.raises(BackendError) as caught:
        read_checkpoint(tmp_path / "x.pth")
    assert says in str(caught.value)


def test_a_zip_of_something_else_is_named(tmp_path) -> None:
    with zipfile.ZipFile(tmp_path / "x.pth", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(BackendError, match="is damaged or was cut off") as caught:
        read_checkpoint(tmp_path / "x.pth")
    check_says_the_same(caught.value)


def test_plain_tensors_are_read_as_safely(tmp_path) -> None:
    torch.save({"a": torch.ones(2)}, tmp_path / "sv.ckpt")
    assert set(read_state(tmp_path / "sv.ckpt")) == {"a"}
    torch.save({"a": Malicious(tmp_path / "trace")}, tmp_path / "evil.ckpt")
    with pytest.raises(BackendError, match="not loaded"):
        read_state(tmp_path / "evil.ckpt")
    assert not (tmp_path / "trace").exists()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_damage_escapes_as_anything_but_a_sentence(tmp_path, v2_file, data) -> None:
    content = bytearray(v2_file.read_bytes())
    ends = st.integers(0, 3_000) | st.integers(len(content) - 6_000, len(content) - 1)
    for position in data.draw(st.lists(ends, min_size=1, max_size=6)):
        content[position] = data.draw(st.integers(0, 255))
    path = tmp_path / "damaged.pth"
    path.write_bytes(content)
    said = ""
    try:
        read_checkpoint(path, only=("ref_enc.",))
    except BackendError as error:
        said = str(error)
    assert said == "" or str(path) in said
    assert "\n" not in said


def test_the_models_of_the_tests_are_as_large_as_their_version_says(root) -> None:
    assert model_of(root, "v1").enc_p["text_embedding"].weight.shape[0] == 322
    assert HEADS["v2Pro"] == b"05"
