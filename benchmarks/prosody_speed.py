"""How much of one core the prosody encoder takes, beside openSMILE ComParE_2016 and librosa.pyin.

    python benchmarks/prosody_speed.py [--clips DIR] [--repeats N]

All three hear the same audio: ``*.flac`` and ``*.wav`` of DIR, or, without it, ten generated seconds that
are voiced, unvoiced and silent about as often as speech. Processor time of one thread is counted, not
the clock on the wall, so that a busy machine changes little; the best of N repeats is shown.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy reads it
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import numpy as np

from gpt_sovits_emotion.audio import read_clip
from gpt_sovits_emotion.core.records import Audio
from gpt_sovits_emotion.encoders.prosody import ProsodyEncoder

RATE_HZ = 16_000
BUDGET = 0.03  # seconds of one core per second of audio


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--clips", type=Path, help="folder of audio files (at most 12 are taken)")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args(arguments)

    audios = read_folder(options.clips) if options.clips else [generated_speech(10.0)]
    total_s = sum(audio.duration_s for audio in audios)
    source = f"{len(audios)} clips of {options.clips}" if options.clips else "generated"
    print(f"audio: {source}, {total_s:.1f} s; one core, best of {options.repeats}\n")
    print(f"{'what':<46}{'s per s of audio':>18}{'times the encoder':>20}")
    own = None
    for name, prepare in CANDIDATES:
        try:
            run = prepare()
        except ImportError as error:
            print(f"{name:<46}{'not installed':>18}  ({error.name})")
            continue
        spent = seconds_of_one_core(run, audios, options.repeats) / total_s
        own = own or spent
        print(f"{name:<46}{spent:>18.4f}{spent / own:>19.1f}x")
    if own is not None:
        verdict = "within" if own <= BUDGET else "OVER"
        print(f"\nprosody encoder: {own:.4f}, {verdict} the budget of {BUDGET}")


def seconds_of_one_core(
    run: Callable[[Audio], object], audios: Sequence[Audio], repeats: int
) -> float:
    run(audios[0])  # imports, compilation and caches are not what is measured
    best = np.inf
    for _ in range(repeats):
        start = time.process_time()
        for audio in audios:
            run(audio)
        best = min(best, time.process_time() - start)
    return float(best)


def prosody() -> Callable[[Audio], object]:
    encoder = ProsodyEncoder()
    return lambda audio: encoder.describe([audio])


def compare_2016() -> Callable[[Audio], object]:
    import opensmile

    smile = opensmile.Smile(
        feature_set=opensmile.FeatureSet.ComParE_2016,
        feature_level=opensmile.FeatureLevel.Functionals,
    )
    return lambda audio: smile.process_signal(audio.samples, audio.sampling_rate_hz)


def pyin() -> Callable[[Audio], object]:
    import librosa

    return lambda audio: librosa.pyin(
        audio.samples, fmin=60, fmax=600, sr=RATE_HZ, frame_length=1024, hop_length=160
    )


CANDIDATES: tuple[tuple[str, Callable[[], Callable[[Audio], object]]], ...] = (
    (f"prosody encoder ({ProsodyEncoder().dim} values and tracks)", prosody),
    ("openSMILE ComParE_2016 (6373 values)", compare_2016),
    ("librosa.pyin (F0 alone)", pyin),
)


def read_folder(folder: Path) -> list[Audio]:
    paths = sorted([*folder.glob("*.flac"), *folder.glob("*.wav")])
    if not paths:
        raise SystemExit(f"{folder} holds no .flac or .wav files")
    return [read_clip(path) for path in paths[:: max(1, len(paths) // 12)][:12]]


def generated_speech(seconds: float) -> Audio:
    """Four syllables a second with gliding pitch, every third one hissed, a pause every two seconds."""
    rng = np.random.default_rng(0)
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    phase = 2 * np.pi * np.cumsum(150 * (1 + 0.2 * np.sin(2 * np.pi * 0.4 * t))) / RATE_HZ
    voice = np.sum([np.sin(k * phase) / k for k in range(1, 25)], axis=0)
    hissed = np.floor(t * 4) % 3 == 2
    sound = np.where(hissed, 0.3 * rng.standard_normal(len(t)), voice)
    envelope = np.sin(np.pi * 4 * t) ** 2 * (t % 2 < 1.6)
    return Audio((0.1 * sound * envelope).astype(np.float32), RATE_HZ)


if __name__ == "__main__":
    main()
