"""What layers of Whisper cost as an encoder, beside the prosody encoder on the same clips.

    python benchmarks/whisper_speed.py [--clips FOLDER] [--model FOLDER] [--layers 1-4] [--rounds N]

One after the other in every round, with one thread, in processor time; medians over the rounds, and for the
ratios medians of each round's ratio. Without clips, on synthetic speech of 1.5 to 6 s. The model is the base
that transcription finds on this machine. With clips, also how often `HEAD` gives a clip, judged alone, the
label in int8 that it gives in float32.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # before anything reads it

import numpy as np

AIM = 0.7  # times the prosody encoder
N_CLIPS = 30
HEAD = "whisper-base-free"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--clips", type=Path, help="folder of audio files")
    parser.add_argument("--model", type=Path, help="folder of a Whisper base")
    parser.add_argument("--layers", default="1-4")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--most", type=int, default=N_CLIPS, help="clips")
    options = parser.parse_args(arguments)

    from gpt_sovits_emotion.core.errors import WhisperModelError
    from gpt_sovits_emotion.encoders import parse_encoder_id
    from gpt_sovits_emotion.encoders.prosody import ProsodyEncoder
    from gpt_sovits_emotion.encoders.whisper.encoder import WhisperEncoder
    from gpt_sovits_emotion.encoders.whisper.sizes import usual_precision
    from gpt_sovits_emotion.whisper_models import WhisperModels

    name = parse_encoder_id(f"whisper-base:{options.layers}")
    try:
        loaded = next(WhisperModels(options.model).provide("whisper-base"))
    except WhisperModelError as error:
        print(f"{name.id}: not measured ({error})")
        return
    usual = usual_precision("cpu")
    clips = _clips(options.clips, options.most)
    length_s = sum(clip.duration_s for clip in clips)
    encoders = {
        precision: WhisperEncoder(loaded, name.layers, precision=precision, device="cpu")
        for precision in ("float32", "int8")
    }
    runs: dict[str, Callable[[], object]] = {"prosody": lambda: ProsodyEncoder().encode(clips)}
    for precision, encoder in encoders.items():
        here = ", taken here" if precision == usual else ""
        runs[f"{name.id} in {precision}{here}"] = lambda encoder=encoder: encoder.encode(clips)
    costs: dict[str, list[float]] = {title: [] for title in runs}
    for number in range(options.rounds + 1):  # the first one warms up
        for title, run in runs.items():
            start = time.process_time()
            run()
            if number:
                costs[title].append((time.process_time() - start) / length_s)
    print(
        f"encoders on one core, {len(clips)} clips of {length_s:.0f} s, seconds per second of audio"
    )
    for title, found in costs.items():
        ratios = [cost / beside for cost, beside in zip(found, costs["prosody"], strict=True)]
        aim = f"   (aim: {AIM})" if "taken here" in title else ""
        print(f"  {title:44} {statistics.median(found):.4f}   {statistics.median(ratios):.2f}{aim}")
    if options.clips is not None and options.layers == "1-4":
        labels = [_labels(encoder.encode(clips)) for encoder in encoders.values()]
        print(f"  labels of {HEAD} that both give: {(labels[0] == labels[1]).mean():.1%}")


def _labels(embeddings: np.ndarray) -> np.ndarray:
    """Return the likeliest label of each clip, judged alone."""
    from gpt_sovits_emotion.heads import find_head, head_folders

    return find_head(HEAD, head_folders(())).probabilities(embeddings).argmax(axis=1)


def _clips(folder: Path | None, most: int) -> list:
    from gpt_sovits_emotion.audio import read_clip
    from gpt_sovits_emotion.core.records import Audio

    if folder is not None:
        kinds = (".wav", ".flac", ".mp3", ".ogg")
        files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in kinds)
        return [read_clip(path) for path in files[:: max(len(files) // most, 1)][:most]]
    rng = np.random.default_rng(0)
    clips = []
    for length_s in np.linspace(1.5, 6.0, most):
        t = np.arange(round(16_000 * length_s)) / 16_000
        phase = 2 * np.pi * 140 * np.cumsum(1 + 0.1 * np.sin(5 * t)) / 16_000
        voice = sum(np.sin(k * phase) / k for k in range(1, 12)) * np.sin(2 * np.pi * 2 * t) ** 2
        samples = 0.1 * voice + rng.normal(0, 0.003, len(t))
        clips.append(Audio(samples.astype(np.float32), 16_000))
    return clips


if __name__ == "__main__":
    main()
