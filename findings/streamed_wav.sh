#!/usr/bin/env bash
# A WAV that is streamed begins with a header that says "no sound" (api_v2.py of GPT-SoVITS sends such a one: zero
# frames, written before the length is known). libsndfile (soundfile 0.14.0) and Python's wave believe the header and
# read nothing, without an error; FFmpeg (PyAV 17.1.0) reads to the end of the file.
#
# Behaviour seen:
#   soundfile 0 samples, wave 0 frames, PyAV 32000 samples
#
# Exits with 1 if they behave otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check av==17.1.0 soundfile==0.14.0 numpy
"$folder/venv/bin/python" - "$folder/streamed.wav" <<'PY'
import sys
import wave

import av
import numpy as np
import soundfile

path = sys.argv[1]
with wave.open(path, "wb") as header:
    header.setnchannels(1)
    header.setsampwidth(2)
    header.setframerate(32_000)
sound = (8000 * np.sin(np.arange(32_000) * 0.05)).astype("<i2")
with open(path, "ab") as stream:
    stream.write(sound.tobytes())

n_soundfile = len(soundfile.read(path)[0])
with wave.open(path) as read:
    n_wave = read.getnframes()
with av.open(path) as container:
    n_av = sum(frame.samples for frame in container.decode(audio=0))
print(f"soundfile {n_soundfile} samples, wave {n_wave} frames, PyAV {n_av} samples")
sys.exit((n_soundfile, n_wave, n_av) != (0, 0, 32_000))
PY
