"""``api_v2.py`` itself: how it streams and fails, and what our client makes of that."""

from __future__ import annotations

import io
import json
import wave
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import httpx
import numpy as np
import pytest
import soundfile

from gpt_sovits_emotion.backends.api_v2 import ApiV2Backend
from gpt_sovits_emotion.backends.base import SynthesisRequest
from gpt_sovits_emotion.core.errors import BackendError
from gpt_sovits_emotion.core.records import Prosody, ReferenceClip
from host import checkouts, weights

pytestmark = [pytest.mark.checkout, pytest.mark.slow]

PORT = 9983
TEXT = "今天天气很好。"
PROMPT = "我们一起去散步。"


@pytest.fixture(scope="module")
def server(
    checkout: Path, host_python: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[checkouts.RunningPage]:
    """One server for all tests here: they ask it one after the other."""
    log = tmp_path_factory.mktemp("api") / "api.log"
    kept = {name: (checkout / name).read_bytes() for name in checkouts.REWRITTEN_BY_HOST}
    with checkouts.running_page(
        checkout, checkouts.API, python=host_python, log=log, port=PORT
    ) as page:
        yield page
    for name, content in kept.items():
        (checkout / name).write_bytes(content)


@pytest.fixture
def asked(checkout: Path) -> dict[str, Any]:
    return {
        "text": TEXT,
        "text_lang": "zh",
        "ref_audio_path": str(checkout / weights.REFERENCE),
        "prompt_lang": "zh",
        "prompt_text": PROMPT,
        "seed": 3,
    }


def raw_answer(url: str, body: Mapping[str, Any]) -> tuple[int, str, bytes, bool]:
    """Status, content type, what came of the body, and whether the server ended it properly."""
    content, whole = b"", True
    with httpx.stream("POST", f"{url}/tts", json=dict(body), timeout=600) as answer:
        try:
            for part in answer.iter_raw():
                content += part
        except httpx.RemoteProtocolError:
            whole = False
        return answer.status_code, answer.headers["content-type"], content, whole


@pytest.mark.parametrize("mode", [0, 1, 2, 3])
def test_a_language_that_it_does_not_know_is_400(server, asked, mode):
    asked |= {"text_lang": "de", "streaming_mode": mode}
    status, _, content, _ = raw_answer(server.url, asked)
    assert status == 400
    assert json.loads(content) == {"message": "text_lang: de is not supported in version v2"}


@pytest.mark.parametrize("mode", [1, 2, 3])
@pytest.mark.parametrize("wrong", ["missing", "short"])
def test_streaming_it_fails_with_200_and_nothing(server, asked, tmp_path, mode, wrong):
    clip = tmp_path / "clip.wav"
    if wrong == "short":
        soundfile.write(clip, np.sin(np.arange(32_000) * 0.05), 32_000)
    asked |= {"ref_audio_path": str(clip), "streaming_mode": mode}
    assert raw_answer(server.url, asked) == (200, "audio/wav", b"", False)
    status, _, content, _ = raw_answer(server.url, asked | {"streaming_mode": 0})
    assert status == 400
    assert json.loads(content)["message"] == "tts failed"


@pytest.mark.parametrize("mode", [1, 2, 3])
def test_the_wav_that_it_streams_has_a_head_of_no_frames(server, asked, tmp_path, mode):
    status, kind, content, whole = raw_answer(server.url, asked | {"streaming_mode": mode})
    assert (status, kind, whole) == (200, "audio/wav", True)
    path = tmp_path / "streamed.wav"
    path.write_bytes(content)
    with wave.open(io.BytesIO(content)) as file:
        assert file.getnframes() == 0
    assert soundfile.info(path).frames == 0
    with av.open(str(path)) as container:
        n_samples = sum(frame.samples for frame in container.decode(audio=0))
    assert n_samples == (len(content) - 44) // 2
    assert n_samples > 32_000


class Streaming(ApiV2Backend):
    """Our client before a server that streams whatever it is asked, as behind a proxy that wants it so."""

    mode = 1

    def _post(
        self, inputs: Mapping[str, Any], *, cancelled: Callable[[], bool] | None = None
    ) -> tuple[int, str, bytes]:
        return super()._post({**inputs, "streaming_mode": self.mode}, cancelled=cancelled)


@pytest.fixture
def request_(checkout: Path) -> SynthesisRequest:
    clip = ReferenceClip(checkout / weights.REFERENCE, "", PROMPT, "zh", 5.0)
    return SynthesisRequest(TEXT, "zh", clip, Prosody(5.0, 4.0, 150.0, 6.0, 4.0, -20.0), seed=3)


def test_our_client_hears_a_stream_whole(server, request_):
    plain = ApiV2Backend(server.url).synthesise(request_)
    streamed = Streaming(server.url).synthesise(request_)
    assert streamed.sampling_rate_hz == plain.sampling_rate_hz
    assert streamed.duration_s == pytest.approx(
        plain.duration_s, abs=0.35
    )  # a pause behind each part
    assert np.abs(streamed.samples).max() > 0.01


def test_our_client_says_in_a_sentence_that_a_stream_failed(server, request_):
    backend = Streaming(server.url, folders={request_.reference.path.parent: "/nowhere"})
    with pytest.raises(BackendError, match=r"the connection to .* broke off .*its console has the"):
        backend.synthesise(replace(request_, text="你好。"))
