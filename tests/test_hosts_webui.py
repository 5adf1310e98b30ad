"""The host inside GPT-SoVITS's pages, against pages of the same contract."""

from __future__ import annotations

import importlib.util
import os
import random
import re
import sys
import threading
import time
import warnings
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import host_page
import numpy as np
import pytest
import torch
from bilingual import check_says_the_same
from conftest import voiced
from hypothesis import given
from hypothesis import strategies as st

from gpt_sovits_emotion.audio import write_wav
from gpt_sovits_emotion.backends.base import Backend, Sampling, SynthesisRequest
from gpt_sovits_emotion.backends.gpt_sovits import failures
from gpt_sovits_emotion.backends.gpt_sovits.failures import backend_error, sentence_of
from gpt_sovits_emotion.backends.gpt_sovits.languages import (
    V1_CODES,
    V2_CODES,
    host_code,
    spoken_languages,
)
from gpt_sovits_emotion.backends.gpt_sovits.seeding import undisturbed_seed
from gpt_sovits_emotion.backends.gpt_sovits.speaking import finished_audio
from gpt_sovits_emotion.backends.webui import WebuiBackend, find_page
from gpt_sovits_emotion.core.errors import BackendError
from gpt_sovits_emotion.core.records import Audio, Prosody, ReferenceClip, Sentence

PAGES = ("default", "fast")
PROSODY = Prosody(5.0, 4.0, 150.0, 6.0, 4.0, -20.0)


def namespace_of(kind: str, version: str = "v2", **how) -> dict:
    maker = host_page.fast_namespace if kind == "fast" else host_page.default_namespace
    return maker(version, **how)


def set_on_page(namespace: dict, **what) -> None:
    """Set one of the stand-in page's knobs, which the fast page has on its pipeline."""
    for name, value in what.items():
        if "tts_pipeline" in namespace:
            setattr(namespace["tts_pipeline"], name, value)
        else:
            namespace[name] = value


def calls_of(namespace: dict) -> list[dict]:
    return namespace["tts_pipeline"].calls if "tts_pipeline" in namespace else namespace["calls"]


def switch(namespace: dict, path: str) -> None:
    for _ in namespace["change_sovits_weights"](path, "中文", "中文"):
        pass


@pytest.fixture(scope="module")
def clip_path(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("bank") / "anger.wav"
    write_wav(path, Audio(voiced(4.0), 16_000))
    return path


@pytest.fixture
def request_(clip_path) -> SynthesisRequest:
    clip = ReferenceClip(clip_path, "anger", "我们一起去散步", "zh", 4.0)
    return SynthesisRequest("今天天气很好。", "zh", clip, PROSODY, seed=7)


@pytest.fixture(params=PAGES)
def namespace(request) -> dict:
    return namespace_of(request.param)


# --- which page ----------------------------------------------------------------------------------


def test_pages_are_told_apart():
    assert find_page(namespace_of("default")) == "default"
    assert find_page(namespace_of("fast")) == "fast"
    assert find_page({"app": object(), "get_tts_wav": None}) is None
    with pytest.raises(BackendError, match="not a page of GPT-SoVITS"):
        WebuiBackend({})


def test_api_v2_itself_is_no_page():
    namespace = namespace_of("fast")
    del namespace["inference"]  # api_v2.py has a tts_pipeline too
    assert find_page(namespace) is None


def test_it_keeps_the_protocol(namespace):
    backend: Backend = WebuiBackend(namespace)
    assert backend.id == "webui"
    assert isinstance(backend.title, Sentence)
    assert backend.provides >= {"prosody", "hubert", "sovits.style"}


# --- what it says of itself ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", PAGES)
@pytest.mark.parametrize(
    ("version", "rate_hz", "timbre"),
    [
        ("v1", 32_000, True),
        ("v2", 32_000, True),
        ("v2Pro", 32_000, True),
        ("v2ProPlus", 32_000, True),
        ("v3", 24_000, False),
        ("v4", 48_000, False),
    ],
)
def test_limits_by_version(kind, version, rate_hz, timbre):
    backend = WebuiBackend(namespace_of(kind, version))
    limits = backend.limits
    assert limits is not None
    assert (limits.sampling_rate_hz, limits.timbre_references) == (rate_hz, timbre)
    assert limits.averages_timbre is (kind == "fast")
    assert (limits.reference_min_s, limits.reference_max_s) == (3.0, 10.0)
    assert ("yue" in limits.languages) is (version != "v1")
    assert {"zh", "en", "ja", "auto"} <= limits.languages
    assert version in backend.title.en
    assert version in backend.title.zh


def test_what_is_there_now_is_what_counts(namespace):
    backend = WebuiBackend(namespace)
    first = next(backend.provide("sovits.style"))
    switch(namespace, "SoVITS_weights_v4/anna_v4.pth")
    assert backend.limits.sampling_rate_hz == 48_000
    second = next(backend.provide("sovits.style"))
    assert second.version == "v4"
    assert second.style is not first.style


def test_without_a_voice(namespace, request_):
    backend = WebuiBackend(namespace)
    if "tts_pipeline" in namespace:
        namespace["tts_pipeline"].vits_model = None
    else:
        del namespace["vq_model"]
    assert backend.limits is None
    assert backend.provides == {"prosody", "hubert"}
    assert "no SoVITS weights" in backend.title.en
    with pytest.raises(BackendError, match="no SoVITS weights loaded"):
        backend.synthesise(request_)
    with pytest.raises(BackendError, match="no SoVITS weights loaded"):
        backend.provide("sovits.style")


def test_without_gpt_weights(namespace, request_):
    set_on_page(namespace, t2s_model=None)
    backend = WebuiBackend(namespace)
    assert backend.limits is None
    with pytest.raises(BackendError, match="no GPT weights"):
        backend.synthesise(request_)


@pytest.mark.parametrize("kind", PAGES)
def test_where_it_runs(kind, tmp_path):
    namespace = namespace_of(kind, root=tmp_path)
    backend = WebuiBackend(namespace)
    assert backend.root == tmp_path
    del namespace["now_dir"]
    assert backend.root == tmp_path
    assert backend.on_cpu


def test_a_page_on_a_graphics_card(namespace):
    backend = WebuiBackend(namespace)
    if "tts_pipeline" in namespace:
        namespace["tts_pipeline"].configs.device = "cuda"
    else:
        namespace["device"] = "cuda"
    assert not backend.on_cpu


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::PendingDeprecationWarning")
@pytest.mark.parametrize("kind", PAGES)
def test_our_events_share_the_queue_of_the_button(kind):
    namespace = namespace_of(kind)
    function = namespace["inference" if kind == "fast" else "get_tts_wav"]
    backend = WebuiBackend(namespace)
    assert backend.concurrency_id == str(id(function))  # before there is an app
    build = host_page.build_fast_page if kind == "fast" else host_page.build_default_page
    app = build(namespace)
    assert backend.concurrency_id == str(id(function))
    fns = app.fns.values() if isinstance(app.fns, dict) else app.fns
    event = next(event for event in fns if event.fn is function)
    event.concurrency_id = "the page's own"
    assert backend.concurrency_id == "the page's own"


# --- lending -------------------------------------------------------------------------------------


def test_hubert_is_lent_as_it_is(namespace):
    backend = WebuiBackend(namespace)
    (loaded,) = backend.provide("hubert")
    wrapper = (
        namespace["tts_pipeline"].cnhuhbert_model
        if "tts_pipeline" in namespace
        else namespace["ssl_model"]
    )
    assert loaded.model is wrapper.model


def test_prosody_needs_nothing_and_unknown_families_are_named(namespace):
    backend = WebuiBackend(namespace)
    assert list(backend.provide("prosody")) == []
    with pytest.raises(BackendError, match=r"no family of encoders 'wav2vec'.*hubert"):
        backend.provide("wav2vec")


def test_a_page_without_hubert(namespace):
    if "tts_pipeline" in namespace:
        namespace["tts_pipeline"].cnhuhbert_model = None
    else:
        namespace["ssl_model"] = None
    backend = WebuiBackend(namespace)
    assert "hubert" not in backend.provides
    with pytest.raises(BackendError, match="no HuBERT"):
        backend.provide("hubert")


@pytest.mark.parametrize("kind", PAGES)
@pytest.mark.parametrize(("version", "n_bins", "dim"), [("v1", 1025, 512), ("v2Pro", 704, 1024)])
def test_the_loaded_style_encoder_comes_first(kind, version, n_bins, dim):
    backend = WebuiBackend(namespace_of(kind, version))
    loaded = next(backend.provide("sovits.style"))
    assert (loaded.version, loaded.n_style_bins, loaded.style_dim) == (version, n_bins, dim)
    assert loaded.posterior is None
    style = loaded.style(torch.rand(1, n_bins, 50), torch.ones(1, 1, 50))
    assert style.shape == (1, dim, 1)
    assert (loaded.project_speaker is not None) is ("Pro" in version)
    if loaded.project_speaker is not None:
        speaker = loaded.speaker_embedding(torch.rand(1, 16_000))
        assert speaker.shape == (1, 20_480)
        assert loaded.project_speaker(style, speaker).shape == (1, 1024, 1)


@pytest.mark.parametrize("kind", PAGES)
def test_a_speaker_network_that_is_not_there_yet_is_made_by_the_page(kind):
    namespace = namespace_of(kind, "v2Pro")
    if kind == "fast":
        namespace["tts_pipeline"].sv_model = None
    else:
        namespace["sv_cn_model"] = None
    loaded = next(WebuiBackend(namespace).provide("sovits.style"))
    assert loaded.speaker_embedding(torch.rand(1, 16_000)).shape == (1, 20_480)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "GPT_SoVITS").mkdir()
    (tmp_path / "webui.py").write_text("")
    (tmp_path / "config.py").write_text(f"pretrained_sovits_name = {host_page.BASES!r}\n")
    return tmp_path


@pytest.mark.parametrize("kind", PAGES)
def test_a_posterior_of_random_values_is_not_lent(kind, checkout):
    path = "SoVITS_weights_v2/anna_v2.pth"
    host_page.save_weights(checkout, path, posterior=False)
    namespace = namespace_of(kind, "v2", root=checkout)
    switch(namespace, path)
    model = WebuiBackend(namespace)._page.sovits
    model.enc_q = host_page.synthesizer("v2", seed=99).enc_q  # as pages keep it
    backend = WebuiBackend(namespace)
    assert "sovits.posterior" not in backend.provides
    with pytest.raises(BackendError, match=r"no posterior encoder.*s2G2333k\.pth"):
        backend.provide("sovits.posterior")
    host_page.save_weights(checkout, host_page.BASES["v2"])
    backend = WebuiBackend(namespace)
    assert "sovits.posterior" in backend.provides
    loaded = list(backend.provide("sovits.posterior"))
    assert len(loaded) == 1
    assert loaded[0].posterior is not model.enc_q
    assert "base model" in loaded[0].source.en


@pytest.mark.parametrize("kind", PAGES)
def test_a_posterior_that_is_the_files_is_lent_where_it_is(kind, checkout):
    host_page.save_weights(checkout, host_page.BASES["v2"])
    namespace = namespace_of(kind, "v2", root=checkout)
    backend = WebuiBackend(namespace)
    loaded = backend.provide("sovits.posterior")
    first, base = next(loaded), next(loaded)
    assert first.posterior is backend._page.sovits.enc_q
    assert first.style is backend._page.sovits.ref_enc
    assert base.posterior is not first.posterior
    spec, lengths = torch.rand(1, 1025, 40), torch.tensor([40])
    style = first.style(spec[:, : first.n_style_bins], torch.ones(1, 1, 40))
    ours, theirs = (each.posterior(spec, lengths, g=style)[1] for each in (first, base))
    torch.testing.assert_close(ours, theirs)
    assert next(loaded, None) is None  # v2 is its own last resort


@pytest.mark.parametrize("version", ["v3", "v4"])
def test_v3_and_v4_take_their_posterior_from_the_v2_base(version, checkout):
    host_page.save_weights(checkout, host_page.BASES["v2"])
    host_page.save_weights(checkout, host_page.BASES[version], posterior=False)
    backend = WebuiBackend(namespace_of("default", version, root=checkout))
    assert [loaded.version for loaded in backend.provide("sovits.posterior")] == ["v2"]
    assert [loaded.version for loaded in backend.provide("sovits.style")] == [
        version,
        version,
        "v2",
    ]


def test_a_base_is_loaded_once_until_its_file_changes(checkout):
    file = host_page.save_weights(checkout, host_page.BASES["v2"])
    backend = WebuiBackend(namespace_of("default", "v4", root=checkout))
    (first,), (again,) = (list(backend.provide("sovits.posterior")) for _ in range(2))
    assert again is first
    stat = file.stat()
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns + 10**9))
    (later,) = backend.provide("sovits.posterior")
    assert later is not first


def published_model():
    """A v1 model by the code of GPT-SoVITS itself, as its package on PyPI has it; full size, random."""
    pytest.importorskip("einops", reason="the model code of gpt-sovits-python needs einops")
    spec = importlib.util.find_spec("gpt_sovits_python")
    if spec is None:
        pytest.skip("no gpt-sovits-python (pip install --no-deps gpt-sovits-python einops)")
    package = type(sys)("gpt_sovits_python")  # its own __init__ imports what only synthesis needs
    package.__path__ = list(spec.submodule_search_locations)
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setitem(sys.modules, "gpt_sovits_python", package)
        from gpt_sovits_python.module.models import SynthesizerTrn

        sizes = (1025, 32, 192, 192, 768, 2, 6, 3, 0.1, "1", [3, 7, 11], [[1, 3, 5]] * 3)
        upsampling = ([10, 8, 2, 2, 2], 512, [16, 16, 8, 2, 2])
        how = {"n_speakers": 300, "gin_channels": 512, "semantic_frame_rate": "25hz"}
        return SynthesizerTrn(*sizes, *upsampling, **how).eval()


def test_a_model_by_gpt_sovits_own_code_is_lent(checkout):
    model = published_model()
    namespace = namespace_of("default", "v1", root=checkout)
    namespace["vq_model"] = model
    file = checkout / host_page.BASES["v1"]
    file.parent.mkdir(parents=True)
    torch.save({"weight": model.state_dict(), "config": {}, "info": ""}, file)
    loaded, base = WebuiBackend(namespace).provide("sovits.posterior")
    assert loaded.posterior is model.enc_q
    assert (loaded.version, loaded.n_style_bins, loaded.style_dim) == ("v1", 1025, 512)
    spec, lengths = torch.rand(1, 1025, 40), torch.tensor([40])
    with torch.no_grad():
        style = loaded.style(spec, torch.ones(1, 1, 40))
        means = [each.posterior(spec, lengths, g=style)[1] for each in (loaded, base)]
    assert style.shape == (1, 512, 1)
    assert means[0].shape == (1, 192, 40)
    torch.testing.assert_close(*means)


def test_lending_leaves_the_random_state_alone(checkout):
    host_page.save_weights(checkout, host_page.BASES["v2"])
    backend = WebuiBackend(namespace_of("default", "v4", root=checkout))
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    list(backend.provide("sovits.posterior"))
    torch.testing.assert_close(torch.rand(4), expected)


# --- speaking ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", PAGES)
@pytest.mark.parametrize("version", list(host_page.BASES))
def test_it_speaks_in_every_version(kind, version, request_):
    backend = WebuiBackend(namespace_of(kind, version))
    audio = backend.synthesise(request_)
    assert audio.sampling_rate_hz == backend.limits.sampling_rate_hz
    assert audio.samples.dtype == np.float32
    assert 0.1 < np.abs(audio.samples).max() <= 1.0
    assert audio.duration_s == pytest.approx(
        0.56, abs=0.1
    )  # without the 0.3 s of silence behind it


def test_one_seed_one_sound(namespace, request_):
    backend = WebuiBackend(namespace)
    first, again, other = (
        backend.synthesise(replace(request_, seed=seed)) for seed in (7, 7, 2**32 + 8)
    )
    np.testing.assert_array_equal(first.samples, again.samples)
    assert not np.array_equal(first.samples, other.samples)


def test_both_pages_are_told_the_same(request_):
    sampling = Sampling(5, 0.9, 0.7, 1.2, "cut5", 0.2)
    request = replace(request_, sampling=sampling, timbre=(request_.reference.path,))
    default, fast = namespace_of("default"), namespace_of("fast")
    for namespace in (default, fast):
        WebuiBackend(namespace).synthesise(request)
    (ours,), (theirs,) = calls_of(default), calls_of(fast)
    same = {
        "ref_wav_path": "ref_audio_path",
        "prompt_text": "prompt_text",
        "text": "text",
        "top_k": "top_k",
        "top_p": "top_p",
        "temperature": "temperature",
        "speed": "speed_factor",
        "sample_steps": "sample_steps",
        "if_sr": "super_sampling",
        "pause_second": "fragment_interval",
    }
    assert {name: ours[name] for name in same} == {name: theirs[same[name]] for name in same}
    assert (ours["how_to_cut"], theirs["text_split_method"]) == ("按标点符号切", "cut5")
    assert (ours["text_language"], theirs["text_lang"]) == ("中文", "all_zh")
    assert [item.name for item in ours["inp_refs"]] == theirs["aux_ref_audio_paths"]
    assert ours["if_freeze"] is False
    assert ours["ref_free"] is False


def test_the_pages_own_defaults(request_):
    namespace = namespace_of("default", "v3")
    WebuiBackend(namespace).synthesise(request_)
    (call,) = calls_of(namespace)
    assert (call["top_k"], call["top_p"], call["temperature"]) == (15, 1.0, 1.0)
    assert call["inp_refs"] is None
    assert call["sample_steps"] == 32
    assert call["how_to_cut"] == "不切"


def test_a_page_in_english(request_):
    namespace = namespace_of("default", language="en_US")
    WebuiBackend(namespace).synthesise(replace(request_, text="Hello there.", language="en"))
    (call,) = calls_of(namespace)
    assert (call["text_language"], call["prompt_language"]) == ("English", "Chinese")
    assert call["how_to_cut"] == "No slice"


SIGNATURES = {
    # tag: what get_tts_wav takes there, beyond the first five
    "20240821v2": "how_to_cut='', top_k=20, top_p=0.6, temperature=0.6, ref_free=False, speed=1, "
    "if_freeze=False, inp_refs=123",
    "20250228v3": "how_to_cut='', top_k=20, top_p=0.6, temperature=0.6, ref_free=False, speed=1, "
    "if_freeze=False, inp_refs=None, sample_steps=8, if_sr=False, pause_second=0.3",
    "2024-04": "how_to_cut='', top_k=20, top_p=0.6, temperature=0.6, ref_free=False",
    "2024-01": "how_to_cut=''",
}


def page_of_the_past(tag: str) -> dict:
    namespace = namespace_of("default")
    source = (
        "def get_tts_wav(ref_wav_path, prompt_text, prompt_language, text, text_language, "
        f"{SIGNATURES[tag]}):\n"
        "    given = dict(locals())\n    calls.append(given)\n"
        "    if 'inp_refs' in given and inp_refs:\n        [path.name for path in inp_refs]\n"
        "    import numpy as np\n"
        "    yield 32000, (np.sin(np.arange(32000) / 40) * 9000).astype(np.int16)\n"
    )
    exec(source, namespace)
    return namespace


@pytest.mark.parametrize("tag", list(SIGNATURES))
def test_pages_of_the_past_are_called_with_what_they_take(tag, request_):
    namespace = page_of_the_past(tag)
    audio = WebuiBackend(namespace).synthesise(request_)
    assert audio.sampling_rate_hz == 32_000
    (call,) = calls_of(namespace)
    assert call["text_language"] == "中文"
    assert call.get("inp_refs") is None


@pytest.mark.parametrize(
    ("tag", "change", "message"),
    [
        ("20240821v2", {"pause_s": 0.5}, r"too old to be told pause_s \(0\.5\)"),
        ("2024-04", {"speed": 1.2}, "too old to be told speed"),
        ("2024-01", {"temperature": 0.5}, "too old to be told temperature"),
    ],
)
def test_pages_of_the_past_refuse_what_they_would_leave_out(tag, change, message, request_):
    backend = WebuiBackend(page_of_the_past(tag))
    with pytest.raises(BackendError, match=message):
        backend.synthesise(replace(request_, sampling=replace(Sampling(), **change)))


def test_pages_from_before_timbre_references(request_):
    backend = WebuiBackend(page_of_the_past("2024-04"))
    assert not backend.limits.timbre_references
    with pytest.raises(BackendError, match="too old for timbre references"):
        backend.synthesise(replace(request_, timbre=(request_.reference.path,)))


def test_a_page_from_before_versions(request_):
    namespace = namespace_of("default", "v1")
    del namespace["model_version"], namespace["version"], namespace["vq_model"].version
    backend = WebuiBackend(namespace)
    assert backend.limits.sampling_rate_hz == 32_000
    assert next(backend.provide("sovits.style")).version == "v1"


def test_the_first_release_of_v3_does_not_tell_its_version():
    namespace = namespace_of("default", "v3")
    del namespace["vq_model"].version
    assert WebuiBackend(namespace).limits.sampling_rate_hz == 24_000


def test_a_stale_table_of_languages_after_a_v1_base(request_):
    namespace = namespace_of("default", "v1")
    namespace["dict_language"] = namespace["dict_language_v2"]
    backend = WebuiBackend(namespace)
    assert "ko" not in backend.limits.languages
    with pytest.raises(BackendError, match=r"Korean \(ko\), which GPT-SoVITS v1 does not speak"):
        backend.synthesise(replace(request_, language="ko"))


def test_super_sampling_of_v3_returns_48_khz(request_):
    request = replace(request_, sampling=Sampling(super_sampling=True))
    for kind in PAGES:
        assert WebuiBackend(namespace_of(kind, "v3")).synthesise(request).sampling_rate_hz == 48_000
        with pytest.raises(BackendError, match=r"super-sampling is for v3.*v4 model is loaded"):
            WebuiBackend(namespace_of(kind, "v4")).synthesise(request)


# --- what is refused before the host is called ---------------------------------------------------


def refused(namespace: dict, request: SynthesisRequest) -> str:
    with pytest.raises(BackendError) as caught:
        WebuiBackend(namespace).synthesise(request)
    assert calls_of(namespace) == []
    message = str(caught.value)
    assert "\n" not in message
    check_says_the_same(caught.value)
    return message


@pytest.mark.parametrize("text", ["", "  \n ", "。。。！", "—…?"])
def test_nothing_to_say(namespace, request_, text):
    assert "correct" in refused(namespace, replace(request_, text=text))


@pytest.mark.parametrize(
    ("language", "message"),
    [
        ("de", r"the text is in the language 'de', which GPT-SoVITS v2 does not speak"),
        ("xx-YY", r"'xx-YY'"),
    ],
)
def test_a_language_it_does_not_speak(namespace, request_, language, message):
    found = refused(namespace, replace(request_, language=language))
    assert re.search(message, found)
    assert "Cantonese (yue)" in found
    assert "correct the language" in found


def test_a_clip_in_a_language_it_does_not_read(namespace, request_):
    clip = replace(request_.reference, language="de", text="Guten Tag")
    found = refused(namespace, replace(request_, reference=clip))
    assert "the text of the reference clip anger.wav is in the language 'de'" in found


@pytest.mark.parametrize("duration_s", [2.9, 10.1])
def test_a_clip_of_the_wrong_length(namespace, request_, tmp_path, duration_s):
    path = tmp_path / "clip.wav"
    write_wav(path, Audio(voiced(duration_s), 16_000))
    clip = replace(request_.reference, path=path)
    found = refused(namespace, replace(request_, reference=clip))
    assert f"clip.wav lasts {duration_s:.2f} s; 3 to 10 s was expected" in found


def test_a_clip_of_the_wrong_length_without_its_text(namespace, request_, tmp_path):
    path = tmp_path / "clip.wav"  # the host itself would not look at its length
    write_wav(path, Audio(voiced(1.0), 16_000))
    clip = replace(request_.reference, path=path, text="")
    assert "lasts 1.00 s" in refused(namespace, replace(request_, reference=clip))


def test_clips_that_cannot_be_used(namespace, request_, tmp_path):
    broken = replace(request_.reference, problem=Sentence("it is a duplicate", "重复"))
    assert "it is a duplicate" in refused(namespace, replace(request_, reference=broken))
    missing = replace(request_.reference, path=tmp_path / "none.wav")
    assert "cannot be used" in refused(namespace, replace(request_, reference=missing))
    found = refused(namespace, replace(request_, timbre=(tmp_path / "none.wav",)))
    assert "a timbre reference cannot be used" in found


@pytest.mark.parametrize("kind", PAGES)
@pytest.mark.parametrize("version", ["v3", "v4"])
def test_what_v3_and_v4_cannot_do(kind, version, request_):
    without_text = replace(request_, reference=replace(request_.reference, text=" \n"))
    found = refused(namespace_of(kind, version), without_text)
    assert f"{version} models need the text of the reference clip" in found
    found = refused(
        namespace_of(kind, version), replace(request_, timbre=(request_.reference.path,))
    )
    assert f"{version} models take no timbre references (1 given)" in found


@pytest.mark.parametrize("kind", PAGES)
@pytest.mark.parametrize("version", ["v1", "v2", "v2Pro"])
def test_without_its_text_a_clip_gives_its_timbre(kind, version, request_):
    namespace = namespace_of(kind, version)
    clip = replace(request_.reference, text="", language="")
    WebuiBackend(namespace).synthesise(replace(request_, reference=clip))
    (call,) = calls_of(namespace)
    assert call["prompt_text"] == ""
    assert call.get("ref_free", True) is True


@pytest.mark.parametrize(
    ("change", "message"),
    [({"cut": "cut9"}, "'cut9'; cut0"), ({"speed": 0.0}, "more than 0"), ({"speed": -1.0}, "-1")],
)
def test_sampling_out_of_range(namespace, request_, change, message):
    request = replace(request_, sampling=replace(Sampling(), **change))
    assert message in refused(namespace, request)


# --- what is noticed afterwards ------------------------------------------------------------------


def test_the_fast_pages_silence_is_not_taken_for_speech(request_):
    namespace = namespace_of("fast")
    namespace["tts_pipeline"].failure = RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")
    before = namespace["tts_pipeline"].vits_model
    with pytest.raises(BackendError, match="ran out of memory") as caught:
        WebuiBackend(namespace).synthesise(request_)
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert namespace["tts_pipeline"].vits_model is not before  # exhausted, so that it could recover
    namespace["tts_pipeline"].failure = None
    assert WebuiBackend(namespace).synthesise(request_).duration_s > 0.3


def test_silence_is_an_error(namespace, request_):
    set_on_page(namespace, loudness=0.0)
    with pytest.raises(BackendError, match="returned silence"):
        WebuiBackend(namespace).synthesise(request_)


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ([], "returned nothing"),
        ([(16_000, np.zeros(16_000, np.int16))], "a second of silence in place of a reason"),
        ([(32_000, np.zeros(16_000, np.int16))], "returned silence"),
        ([(32_000, np.full(3200, np.nan, np.float32))], "not finite"),
        ([(32_000, np.r_[np.zeros(900), 9000, np.zeros(300)].astype(np.int16))], "than a click"),
    ],
)
def test_outputs_that_are_no_speech(outputs, message):
    with pytest.raises(BackendError, match=message) as caught:
        finished_audio(outputs)
    check_says_the_same(caught.value)


def test_outputs_in_parts_and_shapes():
    tone = (np.sin(np.arange(16_000) / 20) * 20_000).astype(np.int16)
    whole = finished_audio([(32_000, tone), (32_000, tone[:, None])])
    assert whole.duration_s == pytest.approx(1.0, abs=0.01)
    assert np.abs(whole.samples).max() == pytest.approx(20_000 / 32_768, rel=1e-3)


_FAILURES = (
    (torch.cuda.OutOfMemoryError("CUDA out of memory."), "ran out of memory"),
    (MemoryError(), "ran out of memory"),
    (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "ran out of memory"),
    (OSError("参考音频在3~10秒范围外，请更换！"), "has to last 3 to 10 s"),
    (OSError("Reference audio is outside the 3-10 second range"), "has to last 3 to 10 s"),
    (NameError("name 'vq_model' is not defined"), "no SoVITS weights loaded"),
    (NameError("name 't2s_model' is not defined"), "no GPT weights loaded"),
    (
        AttributeError("'NoneType' object has no attribute 'model'"),
        "lost its weights after an earlier failure",
    ),
    (ImportError("TorchCodec is required for load_with_torchcodec."), "pip install torchcodec"),
    (
        LookupError("Resource averaged_perceptron_tagger_eng not found. Please use the NLTK …"),
        "python -m nltk.downloader",
    ),
    (
        ConnectionError("HTTPSConnectionPool(host='www.modelscope.cn', port=443): Max retries"),
        "G2PWModel_1.1.zip",
    ),
    (
        FileNotFoundError("Cannot locate config.py in GPT_SoVITS/text/G2PWModel"),
        "G2PWModel_1.1",
    ),
    (ConnectionError("HTTPSConnectionPool(host='huggingface.co')"), "go online once"),
    (OSError("dl.fbaipublicfiles.com: Name or service not known"), "tells languages apart"),
    (ModuleNotFoundError("No module named 'peft'"), "No module named 'peft'.*requirements.txt"),
    (FileNotFoundError(2, "No such file or directory", "vocoder.pth"), "vocoder.pth.*doctor"),
    (KeyError("ʘ"), "has no sound for 'ʘ'"),
    (
        host_page.NO_PROMPT_ERROR("prompt_text cannot be empty"),
        "needs the text of the reference",
    ),
    (RuntimeError("\"slow_conv2d_cpu\" not implemented for 'Half'"), "is_half=False"),
    (RuntimeError("CUDA error: device-side assert triggered"), "restart GPT-SoVITS"),
    (ValueError("请输入有效文本"), "nothing to say in this text"),
    (RuntimeError('Failed to open the input "a.xyz"'), "bring it to a WAV file"),
    (ZeroDivisionError("division by zero"), r"ZeroDivisionError: division by zero.*console"),
    (AssertionError(), r"could not say this \(AssertionError\)"),
    (RuntimeError("one\ntwo " * 200), r"one two one.*…\)"),
)


@pytest.mark.parametrize(("error", "message"), _FAILURES)
@pytest.mark.parametrize("kind", PAGES)
def test_every_failure_is_one_sentence(kind, error, message, request_):
    namespace = namespace_of(kind)
    set_on_page(namespace, failure=error)
    with pytest.raises(BackendError, match=message) as caught:
        WebuiBackend(namespace).synthesise(request_)
    assert caught.value.__cause__ is error
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 450
    check_says_the_same(caught.value)


def test_every_failure_that_is_known_has_been_met():
    met = [str(backend_error(error)) for error, _ in _FAILURES]
    for _, sentence in failures._KNOWN:
        beginning = sentence.en.partition("{")[0]
        assert any(one.startswith(f"GPT-SoVITS {beginning}") for one in met), sentence.en


def test_the_cause_behind_a_failure_counts():
    error = RuntimeError("the front end failed")
    error.__cause__ = ConnectionError("www.modelscope.cn: Max retries exceeded")
    assert "G2PWModel" in str(backend_error(error))
    error.__cause__.__cause__ = error  # a ring does not hold it up
    assert "could not say this" in str(backend_error(RuntimeError("no more than this")))


def test_the_hosts_words_alone_make_a_sentence_too():
    assert "has to last 3 to 10 s" in sentence_of("参考音频在3~10秒范围外，请更换！").en
    assert "it gave no reason" in sentence_of("").en
    assert sentence_of("", backend=Sentence("it there", "那里的它")).zh.startswith(
        "那里的它 合成失败"
    )
    assert backend_error(same := BackendError("as it is")) is same


# --- weights that are switched -------------------------------------------------------------------


def test_a_switch_in_the_middle_is_noticed(namespace, request_):
    set_on_page(namespace, seconds_per_part=0.3)
    switcher = threading.Timer(0.1, switch, (namespace, "SoVITS_weights_v2/bob_v2.pth"))
    switcher.start()
    with pytest.raises(
        BackendError, match="weights were switched while this was being said"
    ) as caught:
        WebuiBackend(namespace).synthesise(request_)
    assert caught.value.say("zh") == "合成期间切换了声音的权重；请重说"
    switcher.join()
    assert WebuiBackend(namespace).synthesise(request_).duration_s > 0.3


def test_a_switch_that_makes_the_synthesis_fail_is_noticed(namespace, request_):
    set_on_page(namespace, seconds_per_part=0.3, failure=RuntimeError("size mismatch"))
    switcher = threading.Timer(0.1, switch, (namespace, "SoVITS_weights_v2/bob_v2.pth"))
    switcher.start()
    with pytest.raises(BackendError, match="weights were switched"):
        WebuiBackend(namespace).synthesise(request_)
    switcher.join()


def test_weights_loaded_into_a_model_that_is_in_place_are_noticed(request_):
    namespace = namespace_of("default")
    set_on_page(namespace, seconds_per_part=0.3)
    model = namespace["vq_model"]
    loader = threading.Timer(0.1, model.load_state_dict, (model.state_dict(),))
    loader.start()
    with pytest.raises(BackendError, match="weights were switched"):
        WebuiBackend(namespace).synthesise(request_)
    loader.join()


def test_other_gpt_weights_are_noticed(request_):
    namespace = namespace_of("default")
    set_on_page(namespace, seconds_per_part=0.3)
    switcher = threading.Timer(0.1, namespace["change_gpt_weights"], ("bob.ckpt",))
    switcher.start()
    with pytest.raises(BackendError, match="weights were switched"):
        WebuiBackend(namespace).synthesise(request_)
    switcher.join()


def test_the_loaded_voice_has_a_mark(namespace):
    backend = WebuiBackend(namespace)
    before = backend.voice_mark
    assert before == backend.voice_mark
    switch(namespace, "SoVITS_weights_v2/bob_v2.pth")
    assert backend.voice_mark != before


def test_in_the_middle_of_a_switch_nothing_is_said(request_):
    namespace = namespace_of("default")
    switching = namespace["change_sovits_weights"]("anna_v3.pth", "中文", "中文")
    next(switching)  # the page says v3, the model is still the old one
    backend = WebuiBackend(namespace)
    with pytest.raises(BackendError, match="being switched, or could not be"):
        backend.synthesise(request_)
    for _ in switching:
        pass
    assert backend.synthesise(request_).sampling_rate_hz == 24_000


def test_a_switch_that_failed_is_told(request_):
    namespace = namespace_of("default")
    namespace["missing_weights"].add("gone_v4.pth")
    with pytest.raises(FileNotFoundError):
        switch(namespace, "gone_v4.pth")
    with pytest.raises(BackendError, match="choose them again"):
        WebuiBackend(namespace).synthesise(request_)


def test_a_page_that_says_v2_of_a_v1_for_good_may_speak(request_):
    namespace = namespace_of("fast", "v1")
    namespace["tts_pipeline"].configs.version = "v2"
    backend = WebuiBackend(namespace)
    assert "ko" not in backend.limits.languages
    assert backend.synthesise(request_).duration_s > 0.3


# --- nothing of the user's is disturbed ----------------------------------------------------------


def draw() -> tuple:
    return random.random(), np.random.rand(), torch.rand(3).tolist()


def seed_everything(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def test_a_users_seed_is_not_disturbed(namespace, request_, monkeypatch):
    monkeypatch.setenv("PYTHONHASHSEED", "42")
    backend = WebuiBackend(namespace)
    seed_everything(5)
    draw()
    expected = draw()
    seed_everything(5)
    draw()
    backend.synthesise(request_)
    assert draw() == expected
    assert os.environ["PYTHONHASHSEED"] == "42"


def test_not_even_by_a_failure(namespace, request_, monkeypatch):
    monkeypatch.delenv("PYTHONHASHSEED", raising=False)
    set_on_page(namespace, failure=RuntimeError("no"))
    seed_everything(5)
    expected = draw()
    seed_everything(5)
    with pytest.raises(BackendError):
        WebuiBackend(namespace).synthesise(request_)
    assert draw() == expected
    assert "PYTHONHASHSEED" not in os.environ


@given(seed=st.integers(-(2**70), 2**70))
def test_any_number_is_a_seed(seed):
    with undisturbed_seed(seed):
        first = draw()
    with undisturbed_seed(seed):
        assert draw() == first


def test_switches_of_the_backends_are_put_back():
    before = torch.backends.cudnn.allow_tf32
    with undisturbed_seed(1):
        torch.backends.cudnn.allow_tf32 = not before
        torch.backends.cudnn.benchmark = True
    assert torch.backends.cudnn.allow_tf32 is before
    assert torch.backends.cudnn.benchmark is False


def test_the_users_last_result_can_still_be_adjusted(request_):
    namespace = namespace_of("default")
    names = {code: name for name, code in namespace["dict_language"].items()}
    theirs = (str(request_.reference.path), "我们去散步", names["all_zh"], "这是我的话。")
    list(namespace["get_tts_wav"](*theirs, names["all_zh"]))
    cache = namespace["cache"]
    WebuiBackend(namespace).synthesise(request_)
    assert namespace["cache"] is cache
    assert cache == {0: "这是我的话。"}


def test_the_users_prompt_on_the_fast_page_stays(request_, tmp_path):
    namespace = namespace_of("fast")
    pipeline = namespace["tts_pipeline"]
    path = tmp_path / "theirs.wav"
    write_wav(path, Audio(voiced(5.0), 16_000))
    inputs = {"text": "好的。", "text_lang": "zh", "prompt_text": "好", "prompt_lang": "zh"}
    inputs |= {"speed_factor": 1.0, "fragment_interval": 0.3}
    list(pipeline.run(inputs | {"ref_audio_path": str(path)}))
    theirs = pipeline.prompt_cache
    WebuiBackend(namespace).synthesise(request_)
    assert pipeline.prompt_cache is theirs
    assert theirs["ref_audio_path"] == str(path)


def test_our_prompt_is_made_anew_each_time(request_, monkeypatch):
    namespace = namespace_of("fast")
    pipeline = namespace["tts_pipeline"]
    seen = []
    run = pipeline.run
    monkeypatch.setattr(
        pipeline,
        "run",
        lambda inputs: (seen.append(pipeline.prompt_cache["ref_audio_path"]), run(inputs))[1],
    )
    backend = WebuiBackend(namespace)
    backend.synthesise(request_)
    backend.synthesise(
        request_
    )  # making it draws random numbers: what is kept would change the sound
    assert seen == [None, None]


# --- cancelling ----------------------------------------------------------------------------------


def test_cancelled_before_it_begins(namespace, request_):
    backend = WebuiBackend(namespace)
    with pytest.raises(BackendError, match="stopped as asked"):
        backend.synthesise(replace(request_, cancelled=lambda: True))
    assert calls_of(namespace) == []


def test_the_fast_page_stops_between_the_parts(request_):
    namespace = namespace_of("fast")
    set_on_page(namespace, seconds_per_part=0.25)
    started = time.monotonic()
    request = replace(
        request_, text="一二三。" * 12, cancelled=lambda: time.monotonic() - started > 0.3
    )
    with pytest.raises(BackendError, match="stopped as asked"):
        WebuiBackend(namespace).synthesise(request)
    assert time.monotonic() - started < 1.5
    assert not any(thread.name == "emotion-cancel" for thread in threading.enumerate())
    set_on_page(namespace, seconds_per_part=0.0)
    assert WebuiBackend(namespace).synthesise(request_).duration_s > 0.3


def test_the_default_page_stops_after_what_it_is_saying(request_):
    namespace = namespace_of("default")
    asked = iter([False, True])
    with pytest.raises(BackendError, match="stopped as asked"):
        WebuiBackend(namespace).synthesise(replace(request_, cancelled=lambda: next(asked)))
    assert len(calls_of(namespace)) == 1


# --- languages -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "text", "code"),
    [
        ("zh", "你好。", "all_zh"),
        ("zh-CN", "打开 Python 吧", "zh"),
        ("cmn", "你好", "all_zh"),
        ("yue", "你好", "all_yue"),
        ("zh-yue", "你好", "all_yue"),
        ("ja", "こんにちは", "all_ja"),
        ("ko", "안녕 hello", "ko"),
        ("en_GB", "Hello", "en"),
        ("", "Hello 你好", "auto"),
        ("auto", "你好", "auto"),
        ("auto_yue", "你好", "auto_yue"),
        ("all_ja", "hello", "all_ja"),
    ],
)
def test_codes(language, text, code):
    assert host_code(language, text=text, codes=V2_CODES) == code


def test_a_page_that_has_only_one_code_for_a_language():
    assert host_code("zh", text="你好", codes={"zh", "en", "ja"}) == "zh"
    assert host_code("zh", text="hi 你好", codes={"all_zh", "en"}) == "all_zh"


def test_spoken_languages():
    assert spoken_languages(V2_CODES) == {"auto", "en", "zh", "ja", "ko", "yue"}
    assert spoken_languages(V1_CODES) == {"auto", "en", "zh", "ja"}


@given(language=st.text(max_size=12), text=st.text(max_size=12))
def test_any_language_gives_a_code_or_a_sentence(language, text):
    with suppress(BackendError):
        assert host_code(language, text=text, codes=V2_CODES) in V2_CODES


def test_what_is_unknown_on_v1_is_told_with_its_remedy():
    with pytest.raises(BackendError, match="load a model of v2 or later"):
        host_code("yue", text="你好", codes=V1_CODES)
    with pytest.raises(BackendError, match="load a model of v2 or later"):
        host_code("all_ko", text="안녕", codes=V1_CODES)


@pytest.mark.parametrize("language", ["", "auto", "en", "ru"])
def test_letters_that_no_front_end_reads_are_refused(language):
    with pytest.raises(
        BackendError, match="the text is in Cyrillic letters, which GPT-SoVITS does not"
    ):
        host_code(language, text="Стой!", codes=V2_CODES)


@pytest.mark.parametrize(
    ("text", "en", "zh"),
    [
        ("หยุดนะ", "Thai letters", "泰文"),
        ("توقف", "Arabic letters", "阿拉伯字母"),
        ("Σταμάτα!", "Greek letters", "希腊字母"),
        ("रुको", "Devanagari letters", "天城文"),
    ],
)
def test_letters_are_named_in_both_languages(text, en, zh):
    with pytest.raises(BackendError) as caught:
        host_code("", text=text, codes=V1_CODES)
    assert en in str(caught.value)
    assert "Japanese (ja)): write it in one of these" in str(caught.value)
    assert zh in caught.value.zh


@pytest.mark.parametrize(
    ("language", "text", "code"),
    [
        ("", "Привет, Anna", "auto"),  # some of it can be said
        ("zh", "α", "all_zh"),  # has a Chinese name in the host
        ("en", "2026 …", "en"),
        ("", "ＯＫ", "auto"),
        ("", "ñandú", "auto"),
    ],
)
def test_other_letters_are_left_to_the_host(language, text, code):
    assert host_code(language, text=text, codes=V2_CODES) == code
