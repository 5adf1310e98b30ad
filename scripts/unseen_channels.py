"""Measure the prosody recipe on recordings worse than any it was trained on.

    python scripts/unseen_channels.py NAME=DIR

Heads are trained as `train` does it, one speaker held out after another, and tested on copies of the
held-out speaker's clips that are altered in ways that were not trained on. With ``--speeds-only`` they are
trained without the telephone and the noise, which shows what these are there for.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import numpy as np

from gpt_sovits_emotion.core.errors import EmotionError
from gpt_sovits_emotion.core.records import Audio
from gpt_sovits_emotion.encoders.feature_cache import FeatureCache
from gpt_sovits_emotion.encoders.prosody import ProsodyEncoder
from gpt_sovits_emotion.training.augmentation import AS_IT_IS, COPIES, Augmentation
from gpt_sovits_emotion.training.corpora import open_corpora
from gpt_sovits_emotion.training.cross_validation import held_out_predictions
from gpt_sovits_emotion.training.embed import embed_corpus
from gpt_sovits_emotion.training.folds import speaker_folds
from gpt_sovits_emotion.training.held_out import score
from gpt_sovits_emotion.training.recipes import recipe_for

UNSEEN = {
    "noise 15 dB": Augmentation(snr_db=15.0),
    "band 5 kHz, noise 30 dB": Augmentation(cutoff_hz=5000.0, snr_db=30.0),
}


class Through:
    """The prosody encoder behind a channel: it hears what the channel lets through, as at work.

    Args:
        channel: What is done to a clip before anything of it is heard.
        encoder: Who hears it.
    """

    def __init__(self, channel: Augmentation, encoder: ProsodyEncoder) -> None:
        self._channel, self._encoder = channel, encoder
        self.id, self.dim = encoder.id, encoder.dim
        self.sampling_rate_hz, self.frame_rate_hz = encoder.sampling_rate_hz, encoder.frame_rate_hz
        self.input_scaling = encoder.input_scaling
        self.fingerprint = f"{encoder.fingerprint} behind {channel.spelled}"

    def encode(self, audios: Sequence[Audio]) -> np.ndarray:
        """Return ``(n_segments, dim)`` float32 of what the channel lets through."""
        return self._encoder.encode([self._channel.apply(audio) for audio in audios])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("corpus", metavar="NAME=DIR")
    parser.add_argument("--speeds-only", action="store_true")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    options = parser.parse_args(arguments)
    trained = {
        name: alteration
        for name, alteration in COPIES.items()
        if not options.speeds_only or name.startswith("speed")
    }
    try:
        (corpus,) = open_corpora([options.corpus])
        encoder, cache = ProsodyEncoder(), FeatureCache()
        data = embed_corpus(corpus, encoder, copies=trained, cache=cache, n_jobs=options.jobs)
        for name, channel in {"as recorded": AS_IT_IS, **UNSEEN}.items():
            tested = embed_corpus(corpus, Through(channel, encoder), copies={}, cache=cache)
            held_out = held_out_predictions(
                data,
                speaker_folds(data, at_most=12),
                recipe=recipe_for(encoder.id),
                tested=tested.embeddings,
                n_jobs=options.jobs,
            )
            for mode in held_out.logits:
                found = score(held_out, mode=mode)
                low, high = found.uar_interval
                print(
                    f"{name:24} {mode:8} UAR {100 * found.uar:.1f} [{100 * low:.1f}-{100 * high:.1f}]"
                )
    except EmotionError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
