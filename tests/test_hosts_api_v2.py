"""The host that speaks over HTTP, against a server of api_v2.py's contract on this machine."""

from __future__ import annotations

import io
import json
import re
import socket
import threading
import time
import wave
import zipfile
from contextlib import closing
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath, PureWindowsPath

import numpy as np
import pytest
from bilingual import check_says_the_same
from conftest import voiced

from gpt_sovits_emotion.audio import write_wav
from gpt_sovits_emotion.backends.api_v2 import DEFAULT_URL, ApiV2Backend
from gpt_sovits_emotion.backends.base import Backend, Sampling, SynthesisRequest
from gpt_sovits_emotion.backends.gpt_sovits.failures import sentence_of
from gpt_sovits_emotion.backends.gpt_sovits.languages import codes_of_version
from gpt_sovits_emotion.core.errors import BackendError
from gpt_sovits_emotion.core.records import Audio, Prosody, ReferenceClip
from gpt_sovits_emotion.testing import check_backend

PROSODY = Prosody(5.0, 4.0, 150.0, 6.0, 4.0, -20.0)


def wav_bytes(samples: np.ndarray, rate_hz: int, *, n_channels: int = 1) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(n_channels)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(samples.astype("<i2").tobytes())
    return buffer.getvalue()


class Server(ThreadingHTTPServer):
    """What api_v2.py answers; its attributes set what happens next."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.version: str | None = "v2"
        self.rate_hz = 32_000
        self.asked: list[dict] = []
        self.answer: tuple[int, str, bytes] | None = None
        self.exception: str | None = None
        self.silent = False
        self.delay_s = 0.0
        self.dropped = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request, client_address) -> None:
        self.dropped.set()  # the client went away


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *args) -> None:
        pass

    def do_POST(self) -> None:
        inputs = json.loads(self.rfile.read(int(self.headers["content-length"])))
        status, kind, body = self.server.answer or self.tts(inputs)
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def tts(self, inputs: dict) -> tuple[int, str, bytes]:
        if self.path != "/tts":
            return self.refuse(404, detail="Not Found")
        server = self.server
        codes = codes_of_version(server.version)
        for name in ("text_lang", "prompt_lang"):
            if inputs[name].lower() not in codes:
                where = f" in version {server.version}" if server.version else ""
                what = f"{name}: {inputs[name]}" if server.version else name
                return self.refuse(400, message=f"{what} is not supported{where}")
        server.asked.append(inputs)
        if not Path(inputs["ref_audio_path"]).exists():
            reason = f"{inputs['ref_audio_path']} not exists"
            return self.refuse(400, message="tts failed", Exception=reason)
        if server.exception is not None:
            return self.refuse(400, message="tts failed", Exception=server.exception)
        for _ in range(int(server.delay_s / 0.05)):
            time.sleep(0.05)
            self.connection.setblocking(False)
            try:
                if self.connection.recv(1, socket.MSG_PEEK) == b"":
                    raise ConnectionResetError("the client hung up")
            except BlockingIOError:
                pass
            self.connection.setblocking(True)
        if server.silent:
            return 200, "audio/wav", wav_bytes(np.zeros(16_000), 16_000)
        t = np.arange(server.rate_hz) / server.rate_hz
        hum = 9_000 * np.sin(2 * np.pi * (100 + inputs["seed"] % 97) * t)
        return 200, "audio/wav", wav_bytes(np.r_[hum, np.zeros(9_600)], server.rate_hz)

    def refuse(self, status: int, **content: str) -> tuple[int, str, bytes]:
        return status, "application/json", json.dumps(content).encode()


@pytest.fixture
def server():
    with Server() as running:
        threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture
def backend(server) -> ApiV2Backend:
    return ApiV2Backend(server.url, timeout_s=120)


@pytest.fixture(scope="module")
def clip_path(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("bank") / "joy.wav"
    write_wav(path, Audio(voiced(4.0), 16_000))
    return path


@pytest.fixture
def request_(clip_path) -> SynthesisRequest:
    clip = ReferenceClip(clip_path, "joy", "我们一起去散步", "zh", 4.0)
    return SynthesisRequest("今天天气很好。", "zh", clip, PROSODY, seed=7)


# --- speaking ------------------------------------------------------------------------------------


def test_it_keeps_the_protocol(backend):
    kept: Backend = backend
    assert kept.id == "api_v2"
    assert backend.url in kept.title.en
    assert backend.url in kept.title.zh
    assert kept.provides == {"prosody"}
    assert list(kept.provide("prosody")) == []
    check_backend(backend)
    check_backend(f"api_v2+{backend.url}")
    with pytest.raises(BackendError, match=r"hubert needs the models.*inside the WebUI"):
        kept.provide("hubert")


@pytest.mark.parametrize(
    ("version", "rate_hz"), [("v1", 32_000), ("v2ProPlus", 32_000), ("v3", 24_000), ("v4", 48_000)]
)
def test_limits_are_asked_of_the_server(server, backend, version, rate_hz):
    server.version = version
    limits = backend.limits
    assert limits.sampling_rate_hz == rate_hz
    assert limits.timbre_references is (version not in ("v3", "v4"))
    assert limits.averages_timbre
    assert ("ko" in limits.languages) is (version != "v1")
    assert server.asked == []  # asking costs the server nothing


def test_a_server_that_does_not_tell_its_version(server, backend, request_):
    server.version = None
    assert "ko" in backend.limits.languages
    assert backend.synthesise(request_).sampling_rate_hz == 32_000


def test_it_speaks_at_the_rate_that_comes_back(server, backend, request_):
    server.rate_hz = 48_000
    audio = backend.synthesise(request_)
    assert audio.sampling_rate_hz == 48_000
    assert audio.duration_s == pytest.approx(1.0, abs=0.1)
    assert np.abs(audio.samples).max() == pytest.approx(9_000 / 32_768, rel=0.01)


def test_what_the_server_is_asked(server, backend, request_):
    sampling = Sampling(5, 0.9, 0.7, 1.2, "cut5", 0.2)
    request = replace(request_, sampling=sampling, timbre=(request_.reference.path,))
    backend.synthesise(request)
    (asked,) = server.asked
    path = str(request_.reference.path)
    for spelt in (asked["ref_audio_path"], *asked["aux_ref_audio_paths"]):
        assert Path(spelt) == request_.reference.path
    asked |= {"ref_audio_path": path, "aux_ref_audio_paths": [path]}
    assert asked == {
        "text": "今天天气很好。",
        "text_lang": "all_zh",
        "ref_audio_path": path,
        "aux_ref_audio_paths": [path],
        "prompt_text": "我们一起去散步",
        "prompt_lang": "all_zh",
        "top_k": 5,
        "top_p": 0.9,
        "temperature": 0.7,
        "text_split_method": "cut5",
        "batch_size": 1,
        "speed_factor": 1.2,
        "fragment_interval": 0.2,
        "seed": 7,
        "sample_steps": 8,
        "super_sampling": False,
        "streaming_mode": False,
        "media_type": "wav",
    }


def test_a_clip_is_spelt_otherwise_each_time(server, backend, request_):
    for _ in range(3):  # the server would take up what it made of it, by its path alone
        backend.synthesise(request_)
    assert len({asked["ref_audio_path"] for asked in server.asked}) == 3


@pytest.mark.parametrize(
    ("there", "expected"),
    [("/data/anna", "/data/anna/joy.wav"), ("D:\\voices\\anna", "D:\\voices\\anna\\joy.wav")],
)
def test_folders_that_the_server_calls_otherwise(server, request_, there, expected):
    folder = request_.reference.path.parent
    backend = ApiV2Backend(server.url, folders={folder: there})
    with pytest.raises(BackendError, match="on its own disk") as caught:
        backend.synthesise(request_)
    asked = server.asked[0]["ref_audio_path"]
    kind = PureWindowsPath if "\\" in there else PurePosixPath
    assert kind(asked) == kind(expected)
    assert expected in str(caught.value)
    assert "(--api-folder HERE=THERE)" in str(caught.value)
    check_says_the_same(caught.value)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("127.0.0.1:9880", DEFAULT_URL),
        ("http://127.0.0.1:9880/", DEFAULT_URL),
        ("http://0.0.0.0:9880/tts", DEFAULT_URL),
        ("https://tts.example.org", "https://tts.example.org"),
    ],
)
def test_addresses(url, expected):
    assert ApiV2Backend(url).url == expected


@pytest.mark.parametrize(
    "url", ["", "ftp://here", "http://", "http://here:port", "http://a:99999", "http://😀"]
)
def test_what_is_no_address(url):
    with pytest.raises(BackendError, match="is no address of a server"):
        ApiV2Backend(url)


# --- sentences -----------------------------------------------------------------------------------


def sentence(backend: ApiV2Backend, request: SynthesisRequest) -> str:
    with pytest.raises(BackendError) as caught:
        backend.synthesise(request)
    assert "\n" not in str(caught.value)
    check_says_the_same(caught.value)
    return str(caught.value)


def test_nothing_listens_there(request_):
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    backend = ApiV2Backend(f"127.0.0.1:{port}")
    said = sentence(backend, request_)
    assert f"nothing listens at http://127.0.0.1:{port}: start" in said
    assert f"python api_v2.py -a 127.0.0.1 -p {port}, from" in said
    with pytest.raises(BackendError, match=r"python api_v2\.py"):
        _ = backend.limits


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((404, "application/json", b'{"detail":"Not Found"}'), "not GPT-SoVITS's api_v2.py"),
        ((405, "text/html", b"<html>"), "start api_v2.py, not api.py or a page"),
        ((200, "text/html", b"<html>Hello</html>"), "not GPT-SoVITS's api_v2.py (HTTP 200"),
        ((400, "application/json", b"[]"), "not GPT-SoVITS's api_v2.py (HTTP 400"),
        ((502, "text/html", b"Bad Gateway"), "as a proxy does: set NO_PROXY"),
        ((500, "text/plain", b"Internal Server Error"), "failed (HTTP 500): its console"),
        # genie-tts and aqua-tts; GSV-TTS-Lite
        ((422, "application/json", b'{"detail":[]}'), "not GPT-SoVITS's api_v2.py (HTTP 422"),
        ((500, "application/json", '{"detail":"ASR模型未启用"}'.encode()), "failed (HTTP 500)"),
    ],
)
def test_something_else_listens_there(server, backend, request_, answer, message):
    server.answer = answer
    assert message in sentence(backend, request_)


@pytest.mark.parametrize(
    ("exception", "message"),
    [
        ("参考音频在3~10秒范围外，请更换！", "has to last 3 to 10 s"),
        ("CUDA out of memory. Tried to allocate 2.00 GiB.", "ran out of memory"),
        ("prompt_text cannot be empty when using SoVITS_V3", "needs the text of the reference"),
        ("name 'x' is not defined", "could not say this (name 'x' is not defined)"),
        ("", "it gave no reason"),
    ],
)
def test_what_the_server_says_becomes_a_sentence(server, backend, request_, exception, message):
    server.exception = exception
    found = sentence(backend, request_)
    assert message in found
    assert found.startswith(f"GPT-SoVITS at {server.url} ")


def test_a_second_of_silence_is_a_failure_without_a_reason(server, backend, request_):
    server.silent = True
    assert "a second of silence in place of a reason" in sentence(backend, request_)


@pytest.mark.parametrize(
    "body", [b"ID3 no wav", b"", wav_bytes(np.zeros(64), 32_000, n_channels=2)]
)
def test_what_is_no_wav(server, backend, request_, body, monkeypatch):
    monkeypatch.setattr(backend, "_version", lambda: "v2")
    server.answer = (200, "audio/ogg", body)
    expected = "answered with audio/ogg that is no 16-bit mono WAV" if body else "no sound at all"
    assert expected in sentence(backend, request_)


def streamed(samples: np.ndarray, rate_hz: int) -> bytes:
    """A WAV as api_v2.py streams it: a head that says 0 frames, then the sound."""
    return wav_bytes(samples[:0], rate_hz) + samples.astype("<i2").tobytes()


def test_a_wav_that_was_streamed_is_heard_whole(server, backend, request_, monkeypatch):
    monkeypatch.setattr(backend, "_version", lambda: "v2")
    hum = 9_000 * np.sin(np.arange(32_000) * 0.05)
    server.answer = (200, "audio/wav", streamed(hum, 32_000))
    audio = backend.synthesise(request_)
    assert audio.sampling_rate_hz == 32_000
    assert audio.duration_s == pytest.approx(1.0, abs=0.01)
    assert np.abs(audio.samples).max() == pytest.approx(9_000 / 32_768, rel=0.01)
    server.answer = (200, "audio/wav", server.answer[2][:-1])  # cut within a sample
    assert backend.synthesise(request_).duration_s == pytest.approx(1.0, abs=0.01)


def test_the_head_of_a_stream_alone_is_no_sound(server, backend, request_, monkeypatch):
    monkeypatch.setattr(backend, "_version", lambda: "v2")
    server.answer = (200, "audio/wav", streamed(np.zeros(0), 32_000))
    assert "sent no sound at all" in sentence(backend, request_)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"text": " "}, "the text is empty"),
        ({"language": "de"}, "which GPT-SoVITS v3 does not speak"),
        ({"timbre": ("x.wav",)}, "v3 models take no timbre references"),
    ],
)
def test_what_can_be_known_beforehand_is_not_asked(server, backend, request_, change, message):
    server.version = "v3"
    if "timbre" in change:
        change = {"timbre": (request_.reference.path,)}
    assert message in sentence(backend, replace(request_, **change))
    assert server.asked == []


def test_a_version_that_refuses_in_the_meantime(server, backend, request_, monkeypatch):
    server.version = "v1"
    monkeypatch.setattr(backend, "_version", lambda: "v2")
    found = sentence(backend, replace(request_, language="ko", text="안녕하세요"))
    assert "text_lang: all_ko is not supported in version v1" in found


def test_it_waits_only_so_long(server, request_):
    server.delay_s = 3.0
    backend = ApiV2Backend(server.url, timeout_s=0.3)
    assert "took longer than 0.3 s" in sentence(backend, request_)


def test_a_connection_that_breaks_off(request_):
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def hang_up() -> None:
            connection, _ = listener.accept()
            connection.recv(64)
            connection.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        backend = ApiV2Backend(f"127.0.0.1:{listener.getsockname()[1]}")
        said = sentence(backend, request_)
        assert "broke off" in said
        assert ".)" not in said
        thread.join()


def test_a_proxy_in_the_environment_is_not_asked_for_what_is_near(
    server, backend, request_, monkeypatch
):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert backend.synthesise(request_).duration_s > 0.5


# --- cancelling ----------------------------------------------------------------------------------


def test_cancelled_before_it_begins(server, backend, request_):
    with pytest.raises(BackendError, match="stopped as asked"):
        backend.synthesise(replace(request_, cancelled=lambda: True))
    assert server.asked == []


def test_cancelling_closes_the_connection(server, backend, request_):
    server.delay_s = 5.0
    started = time.monotonic()
    request = replace(request_, cancelled=lambda: time.monotonic() - started > 0.5)
    with pytest.raises(BackendError, match="stopped as asked"):
        backend.synthesise(request)
    assert time.monotonic() - started < 2.0
    assert server.dropped.wait(2.0)


# What api_v2 sends of a failure is ``str(exception)``: never the name of its class.
_FAILURES = {
    "MemoryError": (MemoryError("Unable to allocate 3.2 GiB for an array"), "ran out of memory"),
    "NameError": (NameError("name 'vq_model' is not defined"), "no SoVITS weights loaded"),
    "no GPT": (NameError("name 't2s_model' is not defined"), "no GPT weights loaded"),
    "ModuleNotFoundError": (ModuleNotFoundError("No module named 'jieba'"), "misses a package"),
    "ImportError": (ImportError("cannot import name 'x' from 'y'"), "misses a package"),
    "FileNotFoundError": (
        FileNotFoundError(2, "No such file or directory", "x.pth"),
        "misses a file",
    ),
    "KeyError": (KeyError("zzz"), "has no sound for 'zzz'"),
    "BadZipFile": (zipfile.BadZipFile("File is not a zip file"), "Chinese pronunciation"),
    "network": (
        OSError("HTTPSConnectionPool(host='x', port=443): Max retries exceeded with url: /"),
        "wanted to fetch a model",
    ),
    "name": (OSError(-3, "Temporary failure in name resolution"), "wanted to fetch a model"),
    "sound file": (RuntimeError("Error opening 'x.wav': Format not recognised."), "reference clip"),
    "length": (OSError("参考音频在3~10秒范围外，请更换！"), "has to last 3 to 10 s"),
    "text": (ValueError("请输入有效文本"), "finds nothing to say"),
}


@pytest.mark.parametrize("name", _FAILURES)
def test_a_failure_is_recognised_by_its_words_alone(name: str) -> None:
    error, expected = _FAILURES[name]
    sentence = sentence_of(str(error))
    assert expected in sentence.en
    assert re.search("[\u4e00-\u9fff]", sentence.zh)
    for ours in ("Errno", type(error).__name__):
        assert ours not in sentence.en + sentence.zh


def test_words_that_nobody_knows_are_passed_on_without_their_number() -> None:
    assert "(Permission denied: 'x')" in sentence_of("[Errno 13] Permission denied: 'x'").en
