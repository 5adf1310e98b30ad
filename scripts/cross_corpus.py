"""Measure a finished head on corpora it was not trained on: what a user's own voice looks like.

    python scripts/cross_corpus.py DIR [DIR ...] [--head prosody-emodb] [--cache DIR]

Each DIR holds audio files and a ``manifest.csv``. Only the classes that head and corpus share are tested,
and the head chooses among these. Normalised by the training statistics (`global`), and by the statistics of
all clips of the test speaker, without their labels (`speaker`).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gpt_sovits_emotion.engines import DEFAULT_HEAD, open_engines
from gpt_sovits_emotion.errors import CorpusError, EmotionError
from gpt_sovits_emotion.heads import Head, find_head, head_folders
from gpt_sovits_emotion.training.corpora import read_corpus
from gpt_sovits_emotion.training.dataset import LabelledEmbeddings
from gpt_sovits_emotion.training.embed import embed_corpus
from gpt_sovits_emotion.training.measures import (
    bootstrap_over_speakers,
    confusion_matrix,
    unweighted_average_recall,
)

CORE = ("angry", "happy", "neutral", "sad")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("corpora", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--head", default=DEFAULT_HEAD)
    parser.add_argument("--cache", type=Path, help="folder in which embeddings are kept")
    options = parser.parse_args(arguments)
    try:
        head = find_head(options.head, head_folders())
        encoder = open_engines(head=options.head).analyser.encoder
        print(f"head {head.card.id}; UAR and accuracy in %, 95 % intervals over speakers")
        for folder in options.corpora:
            corpus = read_corpus(folder)
            data = embed_corpus(corpus, encoder, copies={}, cache_dir=options.cache)
            for labels in (CORE, head.card.labels):
                _report(head, data, corpus.name, labels)
    except EmotionError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _report(head: Head, data: LabelledEmbeddings, name: str, wanted: Sequence[str]) -> None:
    labels = [label for label in head.card.labels if label in wanted and label in set(data.labels)]
    if len(labels) < 2:
        raise CorpusError(f"{name} shares fewer than two classes with {head.card.id}")
    tested = np.isin(data.labels, labels)
    truth = np.array([labels.index(label) for label in data.labels[tested]])
    columns = [head.card.labels.index(label) for label in labels]
    for mode in ("global", "speaker"):
        probabilities = _probabilities(head, data, mode)[tested][:, columns]
        predicted = probabilities.argmax(axis=1)
        uar = unweighted_average_recall(confusion_matrix(truth, predicted, len(labels)))
        wa = np.mean(predicted == truth)
        low_high, _ = bootstrap_over_speakers(truth, predicted, data.speakers[tested], len(labels))
        print(
            f"  {name:8} {len(labels)} classes  {mode:8} "
            f"UAR {100 * float(uar):5.1f} [{100 * low_high[0]:.1f}-{100 * low_high[1]:.1f}]  "
            f"WA {100 * wa:5.1f}   ({', '.join(labels)}; {len(truth)} clips)"
        )


def _probabilities(head: Head, data: LabelledEmbeddings, mode: str) -> np.ndarray:
    if mode == "global":
        return head.probabilities(data.embeddings)
    rows = np.zeros((len(data.labels), len(head.card.labels)))
    for who in np.unique(data.speakers):
        own = data.speakers == who
        statistics = head.statistics(data.embeddings[own], source="corpus")
        rows[own] = head.probabilities(data.embeddings[own], statistics)
    return rows


if __name__ == "__main__":
    sys.exit(main())
