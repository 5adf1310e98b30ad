"""What a user waits for and what the machine must have: start-up, `annotate` beyond Whisper, memory."""

from __future__ import annotations

import importlib.resources
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

SAMPLES = Path(str(importlib.resources.files("gpt_sovits_emotion"))) / "sample_data"
SAMPLE = SAMPLES / "sample_en.flac"
MEMORY_LIMIT_GB = 1.5
_RUNS = 5


def start_up() -> list[tuple[str, str]]:
    """Return the best of five of each command, as wall-clock seconds."""
    cli = [sys.executable, "-m", "gpt_sovits_emotion"]
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "--help": [*cli, "--help"],
        "heads list": [*cli, "heads", "list"],
        "annotate --whisper none (42 s of audio)": [
            *cli,
            "annotate",
            str(SAMPLE),
            "--whisper",
            "none",
        ],
        "python -c 'import torch'": [sys.executable, "-c", "import torch"],
    }
    rows = []
    for name, command in commands.items():
        times_s = []
        for _ in range(_RUNS):
            started = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            times_s.append(time.perf_counter() - started)
        rows.append((name, f"{min(times_s):6.2f} s"))
    return rows


def annotate_beyond_whisper() -> list[tuple[str, str]]:
    """Return what each step of `annotate` costs, in seconds per second of audio."""
    from gpt_sovits_emotion.audio import open_recording
    from gpt_sovits_emotion.engines import open_engines
    from gpt_sovits_emotion.tagging import tag
    from gpt_sovits_emotion.transcription import TranscribeOptions, transcribe

    engines = open_engines()
    options = TranscribeOptions(model="base", cpu_threads=1)
    steps: dict[str, list[float]] = {"decode": [], "whisper (base)": [], "tag": []}
    for _ in range(_RUNS + 1):
        started = time.perf_counter()
        with open_recording(SAMPLE) as recording:
            decoded = time.perf_counter()
            transcript = transcribe(recording, options)
            heard = time.perf_counter()
            tag(transcript, recording, engines.analyser)
            tagged = time.perf_counter()
            duration_s = recording.duration_s
        steps["decode"].append((decoded - started) / duration_s)
        steps["whisper (base)"].append((heard - decoded) / duration_s)
        steps["tag"].append((tagged - heard) / duration_s)
    # The first round loads models and fills caches; it is not counted.
    best = {name: min(values[1:]) for name, values in steps.items()}
    rows = [(name, f"{value:.4f} s/s") for name, value in best.items()]
    beyond = best["decode"] + best["tag"]
    return [*rows, ("overhead beyond Whisper (decode + tag)", f"{beyond:.4f} s/s")]


def memory_of_hours(hours: float) -> list[tuple[str, str]]:
    """Return peak resident memory and time of `annotate` on a recording of so many hours."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "long.wav"
        _write_hours(path, hours)
        out = Path(folder) / "out"
        command = [
            sys.executable,
            "-m",
            "gpt_sovits_emotion",
            "annotate",
            str(path),
            "--out",
            str(out),
        ]
        started = time.perf_counter()
        process = subprocess.Popen(
            [*command, "--whisper", "base", "--offline"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        took_s = time.perf_counter() - started
        if process.returncode or not (out / "long.json").stat().st_size:
            raise SystemExit(f"annotate failed on {hours:g} hours (exit {process.returncode})")
        peak_gb = usage.ru_maxrss * 1024 / 1e9
    return [
        (f"peak memory on {hours:g} h", f"{peak_gb:.2f} GB (limit {MEMORY_LIMIT_GB} GB)"),
        ("time", f"{took_s / 60:.1f} min, {took_s / hours / 3600:.4f} s/s"),
    ]


def _write_hours(path: Path, hours: float) -> None:
    """Write the sample over and over, at changing levels, until it lasts `hours`."""
    samples, rate_hz = soundfile.read(SAMPLE, dtype="float32")
    rng = np.random.default_rng(0)
    n_left = round(hours * 3600 * rate_hz)
    with soundfile.SoundFile(path, "w", rate_hz, 1, "PCM_16") as file:
        while n_left > 0:
            piece = samples[:n_left] * rng.uniform(0.3, 1.0)
            file.write(piece)
            n_left -= len(piece)
