#!/usr/bin/env bash
# What a function behind gr.Audio(type="filepath") gets of an upload: gradio 4.44.1 decodes it (by FFmpeg) and hands over
# a WAV of another name; gradio 6.31.0 hands over the file as it was sent. What a user sent cannot be told from the name.
#
# The files are valid: PyAV 17.1.0 writes and reads them. Needs `ffmpeg` and `ffprobe` (gradio 4 decodes with them).
#
# What was seen on Python 3.11:
#     gradio 4.44.1: message.amr -> message.wav, begins with b'RIFF\xe4?\x00\x00'    (.opus and .m4a alike)
#     gradio 6.31.0: message.amr -> message.amr, begins with b'#!AMR\n\x04c'        (.opus and .m4a alike)
#
# Exit code 0: it still is so. 1: it is not. 2: ffmpeg is missing.
set -euo pipefail
command -v ffmpeg >/dev/null && command -v ffprobe >/dev/null || { echo "ffmpeg is needed" >&2; exit 2; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export GRADIO_ANALYTICS_ENABLED=False
cat >upload.py <<'PY'
import sys
from pathlib import Path

import av
import gradio as gr
from gradio.data_classes import FileData


def write(path: Path, encoder: str, rate_hz: int) -> None:
    """Write a second of silence."""
    with av.open(str(path), "w", format="ogg" if path.suffix == ".opus" else None) as container:
        track = container.add_stream(encoder, rate=rate_hz, layout="mono")
        frame = av.AudioFrame("s16", "mono", rate_hz)
        frame.planes[0].update(bytes(frame.planes[0].buffer_size))
        frame.rate = rate_hz
        resampler = av.AudioResampler(track.format, track.layout, rate_hz, track.frame_size or None)
        for piece in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(track.encode(piece))
        container.mux(track.encode(None))


player = gr.Audio(type="filepath")
as_sent = {}
for name, encoder, rate_hz in (
    ("message.amr", "libopencore_amrnb", 8_000),
    ("message.opus", "libopus", 48_000),
    ("message.m4a", "aac", 44_100),
):
    path = Path(name).absolute()
    write(path, encoder, rate_hz)
    sent = path.read_bytes()
    given = Path(player.preprocess(FileData(path=str(path))))
    as_sent[name] = given.read_bytes() == sent
    print(f"gradio {gr.__version__}: {name} -> {given.name}, begins with {given.read_bytes()[:8]}")
expected = gr.__version__.startswith("6.")
sys.exit(set(as_sent.values()) != {expected})
PY
install() {
    "${PYTHON:-python3}" -m venv "$1"
    "$1/bin/pip" install --quiet --disable-pip-version-check av==17.1.0 "${@:2}"
}
# gradio 4.44.1 has no upper bounds of its own, and fails with what came after it
install four gradio==4.44.1 fastapi==0.115.12 starlette==0.46.2 huggingface_hub==0.36.2 pydantic==2.10.6 'numpy<2' \
    'pandas<3'
four/bin/python -W ignore upload.py
install six gradio==6.31.0
six/bin/python -W ignore upload.py
echo "as described"
