#!/usr/bin/env bash
# soundfile 0.14.0 (libsndfile 1.2.2) reads the first part of a joined Ogg file, and says nothing of the others.
#
# Ogg files joined end to end ("chained") are one valid Ogg file (RFC 3533, section 4): that is how stations and
# recorders that run for days write them, and what `cat a.ogg b.ogg` makes. What reads audio through libsndfile
# (soundfile, librosa, torchaudio with that backend) takes the first part for the whole, without an error.
# FFmpeg (PyAV 17.1.0) reads all parts of one rate, although it announces the length of one.
#
# What was seen, with soundfile 0.14.0 and PyAV 17.1.0 on Python 3.11, for three parts of 2 s each:
#     soundfile: 2.00 s, PyAV announces 2.00 s and decodes 6.02 s
#
# Exit code 0: it still is so. 1: it is not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    'soundfile==0.14.0' 'av==17.1.0' 'numpy==1.26.4'
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import av
import numpy as np
import soundfile

rate_hz = 48_000
tone = 0.3 * np.sin(2 * np.pi * 220 * np.arange(2 * rate_hz) / rate_hz)
parts = []
for _ in range(3):
    soundfile.write("part.ogg", tone, rate_hz, format="OGG", subtype="VORBIS")
    with open("part.ogg", "rb") as file:
        parts.append(file.read())
with open("joined.ogg", "wb") as file:
    file.write(b"".join(parts))

read_s = len(soundfile.read("joined.ogg")[0]) / rate_hz
with av.open("joined.ogg") as container:
    track = container.streams.audio[0]
    announced_s = float(track.duration * track.time_base)
    decoded_s = sum(frame.samples for frame in container.decode(track)) / rate_hz
print(f"soundfile: {read_s:.2f} s, PyAV announces {announced_s:.2f} s and decodes {decoded_s:.2f} s")

as_described = abs(read_s - 2) < 0.1 and abs(announced_s - 2) < 0.1 and abs(decoded_s - 6) < 0.1
print("as described" if as_described else "CHANGED")
sys.exit(not as_described)
PYTHON
