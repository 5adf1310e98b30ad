#!/usr/bin/env bash
# genie-tts 2.0.2 answers POST /tts with 200 and an empty body where nothing could be said: here the character has a
# reference clip, and no model of it was loaded. What it says to the body of an api_v2.py request is 422.
#
# Its models are not needed to see this: two ONNX files that give back what they are given stand in for the Chinese
# HuBERT and the speaker encoder, without which the package does not even start.
#
# Behaviour seen:
#   nothing said: 200 audio/wav, 0 bytes; asked as api_v2.py is: 422
#
# Exits with 1 if it behaves otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check genie-tts==2.0.2 httpx
cd "$folder"
cat > answers.py <<'PY'
import sys
import threading
import time
from pathlib import Path

import httpx
import numpy as np
import onnx
import soundfile
from onnx import TensorProto, helper

PORT = 18_765
URL = f"http://127.0.0.1:{PORT}"


def stand_in(path: Path, name: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, "n"]) for n in (name, "y")]
    same = helper.make_node("Identity", [name], ["y"])
    graph = helper.make_graph([same], "same", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)


stand_in(Path("GenieData/chinese-hubert-base/chinese-hubert-base.onnx"), "input_values")
stand_in(Path("GenieData/speaker_encoder.onnx"), "waveform")
soundfile.write("clip.wav", 0.1 * np.sin(np.arange(160_000) * 0.03), 32_000)

import genie_tts  # looks for GenieData at its import

threading.Thread(target=genie_tts.start_server, kwargs={"port": PORT}, daemon=True).start()
for _ in range(200):
    try:
        httpx.get(f"{URL}/docs")
        break
    except httpx.ConnectError:
        time.sleep(0.1)
clip = {"audio_path": str(Path("clip.wav").resolve()), "audio_text": "こんにちは", "language": "ja"}
httpx.post(f"{URL}/set_reference_audio", json={"character_name": "anna", **clip}).raise_for_status()
said = httpx.post(f"{URL}/tts", json={"character_name": "anna", "text": "こんにちは"}, timeout=60)
question = {"text": "?", "text_lang": "?", "ref_audio_path": "?", "prompt_lang": "?"}
stranger = httpx.post(f"{URL}/tts", json=question)
kind = said.headers["content-type"]
print(
    f"nothing said: {said.status_code} {kind}, {len(said.content)} bytes; "
    f"asked as api_v2.py is: {stranger.status_code}"
)
found = (said.status_code, kind, said.content, stranger.status_code)
sys.exit(found != (200, "audio/wav", b"", 422))
PY
HF_HUB_OFFLINE=1 "$folder/venv/bin/python" answers.py
