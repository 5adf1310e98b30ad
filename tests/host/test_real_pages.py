"""GPT-SoVITS itself, unchanged: every way to start it answers and speaks.

These tests say that a checkout, its environment and its weights are sound, so that a failure elsewhere
is ours.
"""

from __future__ import annotations

import io
import json
import time
import urllib.parse
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import soundfile

from host import checkouts, weights

pytestmark = [pytest.mark.checkout, pytest.mark.slow]

TEXT = "今天天气很好，我们一起去公园散步吧。"
PROMPT = "我们一起去散步。"

RATE_HZ = {
    "v1": 32_000,
    "v2": 32_000,
    "v2Pro": 32_000,
    "v2ProPlus": 32_000,
    "v3": 24_000,
    "v4": 48_000,
}


def client_of(page: checkouts.RunningPage):
    from gradio_client import Client

    return Client(page.url, verbose=False)


def speak(client, checkout: Path, **changes) -> tuple[np.ndarray, int]:
    """Synthesise one sentence through the default page's API: ``(n_samples,)`` float64 and Hz."""
    from gradio_client import handle_file

    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    wanted = {
        "ref_wav_path": handle_file(checkout / weights.REFERENCE),
        "prompt_text": PROMPT,
        "prompt_language": "Chinese",
        "text": TEXT,
        "text_language": "Chinese",
        "how_to_cut": "No slice",
        "inp_refs": None,
        "sample_steps": 4,
    } | changes
    names = {entry["parameter_name"] for entry in endpoints["/get_tts_wav"]["parameters"]}
    given = {name: value for name, value in wanted.items() if name in names}
    return soundfile.read(client.predict(**given, api_name="/get_tts_wav"))


def assert_audible(samples: np.ndarray, rate_hz: int, *, expected_rate_hz: int) -> None:
    assert rate_hz == expected_rate_hz
    assert 1.0 < len(samples) / rate_hz < 8.0
    assert np.sqrt(np.mean(np.square(samples))) > 1e-3


def test_the_default_page_speaks_with_its_base_model(start_page, checkout):
    with start_page(port=9972) as page:
        samples, rate_hz = speak(client_of(page), checkout)
    assert_audible(samples, rate_hz, expected_rate_hz=32_000)


@pytest.mark.parametrize("version", weights.VERSIONS)
def test_the_default_page_speaks_with_fine_tuned_weights(start_page, checkout, version):
    sovits = Path(weights.weights_folder("SoVITS", version), f"{weights.TUNED_NAME}.pth").as_posix()
    gpt = Path(weights.weights_folder("GPT", version), weights.TUNED_GPT_NAME).as_posix()
    if not (checkout / sovits).is_file():
        pytest.skip(f"{checkout} has no {sovits}")
    own = {"sovits_path": sovits, "gpt_path": gpt}
    with start_page(port=9972, version=version, environment=own) as page:
        samples, rate_hz = speak(client_of(page), checkout)
    assert_audible(samples, rate_hz, expected_rate_hz=RATE_HZ[version])


def test_the_fast_page_speaks(start_page, checkout):
    from gradio_client import handle_file

    with start_page(checkouts.FAST_PAGE, port=9972) as page:
        client = client_of(page)
        arguments = {
            "text": TEXT,
            "text_lang": "Chinese",
            "ref_audio_path": handle_file(checkout / weights.REFERENCE),
            "aux_ref_audio_paths": None,
            "prompt_text": PROMPT,
            "prompt_lang": "Chinese",
            "text_split_method": "No slice",
        }
        audio_path, _seed = client.predict(**arguments, api_name="/inference")
    assert_audible(*soundfile.read(audio_path), expected_rate_hz=32_000)


def test_the_api_speaks(start_page, checkout):
    body = {
        "text": TEXT,
        "text_lang": "zh",
        "ref_audio_path": str(checkout / weights.REFERENCE),
        "prompt_lang": "zh",
        "prompt_text": PROMPT,
    }
    with start_page(checkouts.API, port=9980) as page:
        request = urllib.request.Request(
            f"{page.url}/tts",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=180) as answer:
            audio = answer.read()
    assert_audible(*soundfile.read(io.BytesIO(audio)), expected_rate_hz=32_000)


def test_the_main_page_starts_the_speech_page(start_page, checkout, tmp_path):
    """The button of ``webui.py``: its child must come and go with it."""
    version = "v2Pro"  # webui.py starts with it whatever the environment says
    gpt = weights.table_of(checkout, "pretrained_gpt_name", weights.BASE_GPT)[version]
    sovits = weights.table_of(checkout, "pretrained_sovits_name", weights.BASE_SOVITS)[version]
    if not (checkout / sovits).is_file():
        pytest.skip(f"{checkout} has no {sovits}")
    child = f"http://127.0.0.1:{checkouts.TTS_PORT}"
    with start_page(checkouts.MAIN_PAGE) as page:
        choices = (weights.BERT, weights.HUBERT, "0", gpt, sovits, False)
        client_of(page).submit(*choices, api_name="/change_tts_inference")
        checkouts.wait_for(child)
    time.sleep(1)
    with pytest.raises(checkouts.PageError, match="nothing answered"):
        checkouts.wait_for(child, timeout_s=1)
