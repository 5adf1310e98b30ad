#!/usr/bin/env bash
# aqua-tts 0.3.0 takes what it is to say from the query alone, and answers POST /tts with float32 samples without a head:
# no WAV, the rate in a header of its own. A request as api_v2.py takes it, in the body, is 422; /tts/file gives a WAV.
#
# Its engine (a checkout of GPT-SoVITS with weights) is not needed to see this: what stands in for it yields one chunk.
#
# Behaviour seen:
#   /tts: 200 application/octet-stream, rate 32000, 3200 float32; /tts/file: RIFF; asked as api_v2.py is: 422
#
# Exits with 1 if it behaves otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check aqua-tts==0.3.0 fastapi uvicorn httpx
cd "$folder"
cat > answers.py <<'PY'
import sys
import threading
import time

import httpx
import numpy as np
from aquatts.server import start_server

PORT = 18_766
URL = f"http://127.0.0.1:{PORT}"
SOUND = np.linspace(-0.5, 0.5, 3_200, dtype=np.float32)


class Engine:
    def infer_stream(self, **asked):
        yield 32_000, SOUND, asked["text"]


server = {"port": PORT, "log_level": "warning"}
threading.Thread(target=start_server, args=(Engine(),), kwargs=server, daemon=True).start()
for _ in range(200):
    try:
        httpx.get(f"{URL}/docs")
        break
    except httpx.ConnectError:
        time.sleep(0.1)
asked = {"text": "你好", "ref_audio_path": "clip.wav"}
stream = httpx.post(f"{URL}/tts", params=asked)
file = httpx.post(f"{URL}/tts/file", params=asked)
question = {"text": "?", "text_lang": "?", "ref_audio_path": "?", "prompt_lang": "?"}
stranger = httpx.post(f"{URL}/tts", json=question)
samples = np.frombuffer(stream.content, "<f4")
kind, rate_hz = (stream.headers[name] for name in ("content-type", "x-sample-rate"))
print(
    f"/tts: {stream.status_code} {kind}, rate {rate_hz}, {len(samples)} float32; "
    f"/tts/file: {file.content[:4].decode()}; asked as api_v2.py is: {stranger.status_code}"
)
as_seen = (
    (stream.status_code, kind, rate_hz) == (200, "application/octet-stream", "32000")
    and np.array_equal(samples, SOUND)
    and file.content[:4] == b"RIFF"
    and stranger.status_code == 422
)
sys.exit(not as_seen)
PY
AQUA_VOICE_JSON="$folder/voices.json" "$folder/venv/bin/python" answers.py
