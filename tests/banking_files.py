"""Files that banks are built from."""

from __future__ import annotations

import importlib.resources

import torch
from conftest import voiced

from gpt_sovits_emotion.audio import open_recording, write_wav
from gpt_sovits_emotion.core.records import Audio


def clip(path, duration_s=1.0, f0_hz=150.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    write_wav(path, Audio(voiced(duration_s, f0_hz=f0_hz), 16_000))
    return path


def training(folder, rows, *, features=True):
    """Make ``logs/<exp>`` as GPT-SoVITS leaves it: rows of name, phones, word2ph, text."""
    lines = []
    for name, phones, word2ph, text in rows:
        clip(folder / "5-wav32k" / name)
        lines.append(f"{name}\t{phones}\t{word2ph}\t{text}")
        if features:
            (folder / "4-cnhubert").mkdir(exist_ok=True)
            stored = torch.randn(1, 768, 49, requires_grad=True)
            torch.save(stored, folder / "4-cnhubert" / f"{name}.pt")
    (folder / "2-name2text.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def talk(path):
    """Write half a minute of (synthetic) speech."""
    sample = importlib.resources.files("gpt_sovits_emotion") / "sample_data" / "sample_en.flac"
    with importlib.resources.as_file(sample) as file, open_recording(file) as opened:
        write_wav(path, opened.read(0.0, 25.0))
    return path
