"""How long a corpus takes to embed, and what a kill in the middle costs.

    python benchmarks/features.py [--corpus DIR] [--jobs N] [--checkout DIR [--encoder ID] [--device NAME]]

DIR is a corpus; when none is named, ``emodb`` in ``$GPT_SOVITS_EMOTION_CORPORA`` or in ``../shared/data``.
Without a checkout: the prosody encoder with all copies in N processes, then again from the cache. With one:
an encoder that the checkout lends (``hubert:4-9``) with N threads, killed halfway without warning and started
again. What is told is the clock on the wall, and the processor time of all processes, which a busy machine
changes less.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy reads it
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from gpt_sovits_emotion.audio import probe_duration_s
from gpt_sovits_emotion.backends.checkout import CheckoutBackend
from gpt_sovits_emotion.binding import provide_encoder
from gpt_sovits_emotion.encoders.feature_cache import FeatureCache
from gpt_sovits_emotion.encoders.prosody import ProsodyEncoder
from gpt_sovits_emotion.training.augmentation import copies_for
from gpt_sovits_emotion.training.corpora import Corpus, read_corpus
from gpt_sovits_emotion.training.embed import embed_corpus

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
PROSODY_BUDGET_S = 60.0
LENT_BUDGET_S = 300.0


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--corpus", type=Path, default=_emodb())
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--checkout", type=Path, help="a GPT-SoVITS with weights")
    parser.add_argument("--encoder", default="hubert:4-9")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--keep", type=Path, help=argparse.SUPPRESS)  # one run, to be killed
    options = parser.parse_args(arguments)
    corpus = read_corpus(options.corpus)
    if options.keep:
        _one_run(corpus, options)
        return
    seconds = sum(probe_duration_s(clip.path) for clip in corpus.clips)
    print(f"{corpus.name}: {len(corpus.clips)} clips, {seconds / 60:.1f} minutes of audio")
    with tempfile.TemporaryDirectory() as scratch:
        if options.checkout:
            _killed_and_resumed(options, len(corpus.clips), Path(scratch))
        else:
            _prosody(corpus, options.jobs, Path(scratch))


def _emodb() -> Path:
    return Path(os.environ.get("GPT_SOVITS_EMOTION_CORPORA", DATA)) / "emodb"


def _prosody(corpus: Corpus, n_jobs: int, scratch: Path) -> None:
    encoder = ProsodyEncoder()
    n_versions = 1 + len(copies_for(encoder.id))
    what = f"{n_versions} versions, {n_jobs} processes"
    for name in (f"prosody, {what}", "the same from the cache"):
        start_s, spent_s = time.perf_counter(), _processor_s()
        with FeatureCache(scratch) as cache:
            embed_corpus(corpus, encoder, cache=cache, n_jobs=n_jobs)
        _tell(name, time.perf_counter() - start_s, _processor_s() - spent_s)
    print(f"budget: {PROSODY_BUDGET_S:.0f} s on two idle cores")


def _killed_and_resumed(options: argparse.Namespace, n_clips: int, scratch: Path) -> None:
    command = [sys.executable, __file__, "--corpus", str(options.corpus), "--keep", str(scratch)]
    command += ["--checkout", str(options.checkout), "--encoder", options.encoder]
    command += ["--device", options.device]
    environment = {**os.environ, "OMP_NUM_THREADS": str(options.jobs)}
    total_s, spent_s = 0.0, _processor_s()
    n_embedded = [0, 0]
    for turn in range(2):
        start_s = time.perf_counter()
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env=environment
        ) as process:
            assert process.stdout is not None
            for line in process.stdout:
                n_embedded[turn] += line.startswith("embedding")
                if turn == 0 and n_embedded[0] == n_clips // 2:
                    process.kill()
                    break
        total_s += time.perf_counter() - start_s
        name = f"{options.encoder}, " + ("killed halfway" if turn == 0 else "started again")
        _tell(name, time.perf_counter() - start_s, _processor_s() - spent_s)
        spent_s = _processor_s()
        if turn == 1 and process.returncode:
            raise SystemExit(f"the second run ended with code {process.returncode}")
    print(f"both runs {total_s:.0f} s; budget {LENT_BUDGET_S:.0f} s")
    print(f"embedded twice: {sum(n_embedded) - n_clips} of {n_clips} clips")


def _one_run(corpus: Corpus, options: argparse.Namespace) -> None:
    backend = CheckoutBackend(options.checkout, device=options.device)
    encoder = provide_encoder(options.encoder, backend, ProsodyEncoder())
    with FeatureCache(options.keep) as cache:
        embed_corpus(
            corpus, encoder, cache=cache, progress=lambda _, doing: print(doing, flush=True)
        )


def _processor_s() -> float:
    """Processor time of this process and of all that it has started and that have ended."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def _tell(name: str, wall_s: float, processor_s: float) -> None:
    print(f"{name:44} {wall_s:7.1f} s, {processor_s:7.1f} s of one core", flush=True)


if __name__ == "__main__":
    main()
