"""What tagging with a HuBERT head costs, beside the bare forward pass of the host's HuBERT on that audio.

    python benchmarks/hubert_speed.py [--threads 1 2] [--rounds N]

HuBERT-base at full size with random weights. Tagging is all of `tag.tag`: reading the recording, the hidden
layer, the prosody that explanations are measured by, the head and the sentences. The bare forward pass is
what GPT-SoVITS itself runs on a reference, ``model(samples)``, on the same segments. One after the
other in every round; medians over the rounds, and for the ratios medians of each round's ratio.

Each number of threads has a process of its own, held to so many cores. With one thread its processor time
is counted, which a busy machine changes little; with more the clock on the wall, which wants an idle one.
Needs transformers.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

SEGMENTS_S = (3.0, 4.5, 6.0, 10.0)
PAUSE_S = 0.5
AIMS = {6: 0.75, 12: 1.05}  # hidden layer -> times the bare forward pass
FINGERPRINT_AIM_S = 0.5


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="threads of torch")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args(arguments)
    for n_threads in options.threads:
        # The number of threads has to be known before numpy and torch are imported.
        threads = dict.fromkeys(
            ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(n_threads)
        )
        code = f"import hubert_speed; hubert_speed.measure({n_threads}, {options.rounds})"
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, **threads, "PYTHONPATH": os.pathsep.join(import_paths())},
            check=True,
        )


def import_paths() -> list[str]:
    here = str(Path(__file__).resolve().parent)
    inherited = os.environ.get("PYTHONPATH")
    return [here, inherited] if inherited else [here]


def measure(n_threads: int, n_rounds: int) -> None:
    """Print the table of one number of threads."""
    hold_to_cores(n_threads)
    import numpy as np
    import torch
    from transformers import HubertConfig, HubertModel

    torch.set_num_threads(n_threads)
    torch.manual_seed(0)
    model = HubertModel(HubertConfig()).eval()
    work = {"bare forward pass": bare_forward(model)}
    with tempfile.TemporaryDirectory() as folder:
        for layer in AIMS:
            work[f"tagging, layer {layer}"] = tagging(model, layer, Path(folder))
    for run in work.values():
        run()  # imports and caches are not what is measured
    clock = time.process_time if n_threads == 1 else time.perf_counter
    times_s: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(n_rounds):
        for name, run in work.items():
            started = clock()
            run()
            times_s[name].append(clock() - started)

    total_s = sum(SEGMENTS_S)
    print(f"\nHuBERT, {n_threads} thread{'s'[: n_threads > 1]}, segments of {SEGMENTS_S} s")
    print(f"  {'what':<24}{'s per s of audio':>18}{'times the bare pass':>22}{'aim':>8}")
    bare = np.array(times_s["bare forward pass"])
    for name, spent in times_s.items():
        aim = AIMS.get(int(name.split()[-1])) if name.startswith("tagging") else None
        ratio = np.median(np.array(spent) / bare)
        print(
            f"  {name:<24}{np.median(spent) / total_s:>18.4f}{ratio:>22.3f}"
            f"{'' if aim is None else f'{aim:>8} ' + ('met' if ratio <= aim else 'MISSED')}",
            flush=True,
        )
    first_s, again_s = fingerprint_s(model)
    verdict = "met" if first_s <= FINGERPRINT_AIM_S else "MISSED"
    print(
        f"  fingerprint: {first_s:.3f} s once (aim {FINGERPRINT_AIM_S}, {verdict}), "
        f"then {again_s * 1e3:.2f} ms",
        flush=True,
    )


def hold_to_cores(n_cores: int) -> None:
    """Keep this process on so many cores, where the system can."""
    if not hasattr(os, "sched_setaffinity"):
        return
    allowed = os.sched_getaffinity(0)
    if len(allowed) < n_cores:  # ``python benchmarks`` has held itself to one
        allowed = set(range(os.cpu_count() or 1))
    os.sched_setaffinity(0, sorted(allowed)[-n_cores:])


def stretches_s() -> list[tuple[float, float]]:
    """Start and end of each segment."""
    stretches, at_s = [], 0.0
    for length_s in SEGMENTS_S:
        stretches.append((at_s, at_s + length_s))
        at_s += length_s + PAUSE_S
    return stretches


def samples() -> Any:
    from prosody_speed import generated_speech

    return generated_speech(sum(SEGMENTS_S) + PAUSE_S * len(SEGMENTS_S)).samples


def bare_forward(model: Any) -> Callable[[], object]:
    """Return what runs the host's model on each segment, as the host does."""
    import torch

    heard = samples()
    inputs = [
        torch.tensor(heard[round(start_s * 16_000) : round(end_s * 16_000)])[None]
        for start_s, end_s in stretches_s()
    ]

    def run() -> None:
        with torch.no_grad():
            for waveform in inputs:
                model(waveform)

    return run


def tagging(model: Any, layer: int, folder: Path) -> Callable[[], object]:
    """Return what tags the segments with a head of random weights on one hidden layer."""
    from gpt_sovits_emotion.audio import recording_from_samples
    from gpt_sovits_emotion.core.loaded_models import LoadedHubert
    from gpt_sovits_emotion.core.records import Segment, Sentence, Transcript
    from gpt_sovits_emotion.encoders import open_encoder
    from gpt_sovits_emotion.encoders.prosody import ProsodyEncoder
    from gpt_sovits_emotion.heads import load_head, save_head
    from gpt_sovits_emotion.heads.card import EncoderSpec
    from gpt_sovits_emotion.tagging import Analyser, tag
    from gpt_sovits_emotion.testing import fake_card, fake_tensors

    loaded = LoadedHubert(model, Sentence("a benchmark", "基准测试"))
    encoder = open_encoder(f"hubert:{layer}", loaded)
    spec = EncoderSpec(
        encoder.id, encoder.dim, encoder.fingerprint, encoder.sampling_rate_hz, "mean, std"
    )
    card = fake_card(id=f"hubert-{layer}", encoder=spec)
    save_head(folder / card.id, card, fake_tensors(dim=encoder.dim, hidden=128))
    head = load_head(folder / card.id)
    tracker = ProsodyEncoder()
    recording = recording_from_samples(samples(), 16_000)
    segments = tuple(Segment(start_s, end_s, "") for start_s, end_s in stretches_s())
    transcript = Transcript(segments, "en", "none")
    # Brought together anew each time, as `binding.bind` does: the fingerprint is checked, too.
    return lambda: tag(
        transcript, recording, Analyser(head, open_encoder(encoder.id, loaded), tracker)
    )


def fingerprint_s(model: Any) -> tuple[float, float]:
    """Return how long the model's fingerprint takes the first time and the second."""
    import torch

    from gpt_sovits_emotion.encoders.fingerprint import fingerprint

    with torch.no_grad():
        next(model.parameters()).add_(0)  # written to: what was remembered no longer counts
    taken = []
    for _ in range(2):
        started = time.perf_counter()
        fingerprint({"hubert": model}, prefix="hubert")
        taken.append(time.perf_counter() - started)
    return taken[0], taken[1]


if __name__ == "__main__":
    main()
