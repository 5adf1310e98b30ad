#!/usr/bin/env bash
# A voice message in SILK is no AMR, though WeChat and QQ name it .amr (or .slk): its first bytes are "#!SILK_V3", with a
# byte 02 before them in Tencent's, where AMR has "#!AMR". FFmpeg (PyAV 17.1.0) reads AMR, and knows SILK under no name.
#
# What is written is whole and valid: the encoder's own decoder (silk-python 0.2.9, Skype's SILK SDK) reads all of it.
#
# Behaviour seen, for 2 s of a tone:
#   AMR: b'#!AMR\n', PyAV reads 2.0 s as .amr
#   SILK: b'\x02#!SILK_V3', silk-python reads 2.0 s, PyAV: {'.amr': None, '.slk': None, '.silk': None}
#   SILK: b'#!SILK_V3', silk-python reads 2.0 s, PyAV: {'.amr': None, '.slk': None, '.silk': None}
#
# Exits with 1 if they behave otherwise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check av==17.1.0 silk-python==0.2.9
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import array
import io
import math
import sys
from pathlib import Path

import av
import pysilk


def tone(rate_hz: int) -> bytes:
    samples = (round(8000 * math.sin(2 * math.pi * 220 * n / rate_hz)) for n in range(2 * rate_hz))
    return array.array("h", samples).tobytes()


def read_s(path: Path) -> float | None:
    """Return how long the sound is that FFmpeg reads, None where it refuses the file."""
    try:
        with av.open(str(path)) as container:
            return sum(frame.samples / frame.rate for frame in container.decode(audio=0))
    except av.error.InvalidDataError:
        return None


amr = Path("message.amr")
with av.open(str(amr), "w") as container:
    track = container.add_stream("libopencore_amrnb", rate=8_000, layout="mono")
    frame = av.AudioFrame("s16", "mono", 16_000)
    frame.planes[0].update(tone(8_000))
    frame.rate = 8_000
    fifo = av.AudioFifo()
    fifo.write(frame)
    while (piece := fifo.read(160)) is not None:
        container.mux(track.encode(piece))
    container.mux(track.encode(None))
data = amr.read_bytes()
amr_s = read_s(amr)
print(f"AMR: {data[:6]}, PyAV reads {amr_s:.1f} s as .amr")
as_described = data.startswith(b"#!AMR\n") and abs(amr_s - 2) < 0.1

for tencent, begins in ((True, b"\x02#!SILK_V3"), (False, b"#!SILK_V3")):
    written, decoded = io.BytesIO(), io.BytesIO()
    pysilk.encode(io.BytesIO(tone(24_000)), written, 24_000, 24_000, tencent=tencent)
    data = written.getvalue()
    pysilk.decode(io.BytesIO(data), decoded, 24_000)
    decoded_s = len(decoded.getvalue()) / 2 / 24_000
    found = {}
    for ending in (".amr", ".slk", ".silk"):
        path = Path("message" + ending)
        path.write_bytes(data)
        found[ending] = read_s(path)
    print(f"SILK: {data[: len(begins)]}, silk-python reads {decoded_s:.1f} s, PyAV: {found}")
    as_described &= data.startswith(begins) and abs(decoded_s - 2) < 0.1
    as_described &= set(found.values()) == {None}
print("as described" if as_described else "CHANGED")
sys.exit(not as_described)
PY
