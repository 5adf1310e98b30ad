"""Does the reference clip that is chosen carry the emotion of what is to be said?

    python benchmarks/choosing.py [CORPUS ...] [--halves N] [--seed N] [--jobs N] [--cache DIR]
                                  [--encoder ID]

A CORPUS is a folder, or the name of one in ``$GPT_SOVITS_EMOTION_CORPORA`` or in ``../shared/data``; without
any, ``emodb``, ``ravdess`` and ``nemo`` as far as they are there. For each speaker a head is trained on
all others, on the prosody encoder or another by its id. Half of the speaker's clips are the bank,
without labels; for each clip of the other half a clip of the bank is chosen. How it is counted stands in
`reference_choice`. What is printed is Markdown: one table per corpus, one per speaker. On one
core, with cached features: 3 minutes for EmoDB, 15 for RAVDESS.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy reads it
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from reference_choice import (
    WAYS,
    ChoiceOutcome,
    Gain,
    Interval,
    gain_over,
    hear_speakers,
    measure_choice,
)

from gpt_sovits_emotion.audio import probe_duration_s
from gpt_sovits_emotion.binding import provide_encoder
from gpt_sovits_emotion.encoders import Encoder
from gpt_sovits_emotion.encoders.feature_cache import FeatureCache
from gpt_sovits_emotion.encoders.prosody import ProsodyEncoder
from gpt_sovits_emotion.engines import embedded_backend
from gpt_sovits_emotion.training.corpora import Corpus, read_corpus
from gpt_sovits_emotion.training.dataset import LabelledEmbeddings
from gpt_sovits_emotion.training.embed import embed_corpus
from gpt_sovits_emotion.training.fit import FittedHead, fit_head
from gpt_sovits_emotion.training.recipes import recipe_for

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
CORPORA = ("emodb", "ravdess", "nemo")
OURS, BASELINE = "ours", "top label only"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("corpora", nargs="*", help="folders, or names of known places")
    parser.add_argument("--halves", type=int, default=20, help="ways to deal each speaker's clips")
    parser.add_argument("--seed", type=int, default=0, help="of the dealing")
    parser.add_argument("--jobs", type=int, default=1, help="processes for the features")
    parser.add_argument("--cache", type=Path, help="folder or file of kept features")
    parser.add_argument("--encoder", default="prosody", help="id, such as whisper-base:1-4")
    options = parser.parse_args(arguments)
    encoder = _encoder(options.encoder)
    folders = [_folder(name) for name in options.corpora or CORPORA]
    for folder in folders if options.corpora else [one for one in folders if one.is_dir()]:
        corpus = read_corpus(folder)
        data, durations_s = _embedded(corpus, encoder, options.cache, options.jobs)
        speakers = hear_speakers(
            data, durations_s, _heads(data, encoder.id), n_halves=options.halves, seed=options.seed
        )
        outcomes = {way: measure_choice(speakers, way=way, seed=options.seed) for way in WAYS}
        _tell(corpus.name, outcomes, options.halves)


def _folder(name: str) -> Path:
    named = Path(name)
    if named.is_dir():
        return named
    return Path(os.environ.get("GPT_SOVITS_EMOTION_CORPORA", DATA)) / name


def _encoder(encoder_id: str) -> Encoder:
    tracker = ProsodyEncoder()
    return provide_encoder(encoder_id, embedded_backend(tracker), tracker)


def _embedded(
    corpus: Corpus, encoder: Encoder, cache: Path | None, n_jobs: int
) -> tuple[LabelledEmbeddings, np.ndarray]:
    """Return the embeddings with their altered copies, and the length of every clip in seconds."""
    if cache is None:
        data = embed_corpus(corpus, encoder, n_jobs=n_jobs)
    else:
        with FeatureCache(cache) as kept:
            data = embed_corpus(corpus, encoder, cache=kept, n_jobs=n_jobs)
    if data.skipped:
        raise SystemExit(f"{len(data.skipped)} clips were skipped; first: {data.skipped[0].en}")
    return data, np.array([probe_duration_s(clip.path) for clip in corpus.clips])


def _heads(data: LabelledEmbeddings, encoder_id: str) -> dict[str, FittedHead]:
    """Train one head per speaker, on all others."""
    import torch

    torch.set_num_threads(1)
    heads, recipe = {}, recipe_for(encoder_id)
    for name in np.unique(data.speakers):
        started_s = time.perf_counter()
        others = data.select(data.speakers != name)
        heads[str(name)] = fit_head(others, recipe=recipe, classes=data.classes, modes=("speaker",))
        took_s = time.perf_counter() - started_s
        print(f"a head without {name}: {took_s:.0f} s", flush=True)
    return heads


def _tell(name: str, outcomes: dict[str, ChoiceOutcome], n_halves: int) -> None:
    ours, baseline = outcomes[OURS], outcomes[BASELINE]
    n_choices = sum(ours.n_segments.values())
    print(
        f"\n{name}: {len(ours.by_speaker)} speakers, {n_choices // n_halves} segments in each of "
        f"{n_halves} halvings; %, [95 % over speakers]\n"
    )
    print("| chosen | first right | right among three | a person overrules |")
    print("|---|---|---|---|")
    for way, outcome in outcomes.items():
        print(
            f"| {way} | {_share(outcome.first, outcome.first_interval)} | "
            f"{_share(outcome.within_three, outcome.within_three_interval)} | "
            f"{100 * outcome.overruled:.1f} |"
        )
    print(f"| ours over {BASELINE} | {_gain(gain_over(ours, baseline))} | |\n")
    print("| speaker | " + " | ".join(outcomes) + " |")
    print("|---" * (len(outcomes) + 1) + "|")
    for speaker in ours.by_speaker:
        cells = (
            "{:.0f} / {:.0f}".format(*(100 * share for share in outcome.by_speaker[speaker]))
            for outcome in outcomes.values()
        )
        print(f"| {speaker} | " + " | ".join(cells) + " |")
    print(flush=True)


def _share(value: float, interval: Interval) -> str:
    return f"{100 * value:.1f} [{100 * interval[0]:.1f}, {100 * interval[1]:.1f}]"


def _gain(gain: Gain) -> str:
    return " | ".join(
        f"{100 * value:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"
        for value, (low, high) in (
            (gain.first, gain.first_interval),
            (gain.within_three, gain.within_three_interval),
        )
    )


if __name__ == "__main__":
    main()
