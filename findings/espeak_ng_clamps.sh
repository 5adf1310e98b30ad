#!/usr/bin/env bash
# eSpeak NG 1.52 (in espeakng-loader 0.2.4): pitch and range above 99 sound as 99 does, and a pitch below 0 as 0 does; the
# call that sets them answers that all went well, and the one that asks for them answers what was given. A range below 0,
# a speed above 450 words a minute and a volume above 200 are not clamped.
#
# Behaviour seen:
#   pitch 150 sounds as 99: True; -20 as 0: True; range 150 as 99: True; -20 as 0: False; speed 900 as 450: False;
#   volume 400 as 200: False
#
# Exits with 1 if it behaves otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check espeakng-loader==0.2.4
# Each sentence is said in a process of its own: within one, eSpeak NG does not say the same twice bit by bit.
cat >"$folder/say.py" <<'PY'
import ctypes
import hashlib
import sys

import espeakng_loader

library = ctypes.CDLL(espeakng_loader.get_library_path())
RETRIEVAL, UTF_8 = 1, 1
assert library.espeak_Initialize(RETRIEVAL, 0, espeakng_loader.get_data_path().encode(), 0) > 0
assert library.espeak_SetVoiceByName(b"en") == 0
CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
heard = []


@CALLBACK
def keep(samples, n_samples, _events):
    if samples and n_samples:
        heard.extend(samples[:n_samples])
    return 0


library.espeak_SetSynthCallback(keep)
parameter, value = int(sys.argv[1]), int(sys.argv[2])
assert library.espeak_SetParameter(parameter, value, 0) == 0
assert library.espeak_GetParameter(parameter, 1) == value
text = b"What a lovely day this is!"
assert library.espeak_Synth(text, len(text) + 1, 0, 0, 0, UTF_8, None, None) == 0
library.espeak_Synchronize()
assert heard
print(hashlib.sha256(repr(heard).encode()).hexdigest())
PY
"$folder/venv/bin/python" - "$folder/say.py" <<'PY'
import subprocess
import sys


def said(parameter, value):
    command = [sys.executable, sys.argv[1], str(parameter), str(value)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


NUMBERS = {"speed": 1, "volume": 2, "pitch": 3, "range": 4}
found = []
for name, beyond, end in [
    ("pitch", 150, 99), ("pitch", -20, 0), ("range", 150, 99), ("range", -20, 0), ("speed", 900, 450), ("volume", 400, 200)
]:
    found.append(said(NUMBERS[name], beyond) == said(NUMBERS[name], end))
    print(f"{name} {beyond} sounds as {end}: {found[-1]}")
assert said(NUMBERS["pitch"], 99) != said(NUMBERS["pitch"], 0)
sys.exit(found != [True, True, True, False, False, False])
PY
