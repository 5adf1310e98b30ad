"""Measure and train the shipped head ``prosody-emodb``.

    python scripts/prosody_emodb.py evaluate --corpus DIR
    python scripts/prosody_emodb.py train --corpus DIR --out pretrained_heads/prosody-emodb

DIR holds the Berlin database of emotional speech (EmoDB) as 535 audio files and a ``manifest.csv``
(see ``gpt_sovits_emotion/training/corpora.py`` for its columns). ``evaluate`` prints every figure of the
card; ``train`` measures the same, then trains on all ten speakers and writes the head.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from gpt_sovits_emotion.audio import read_clip
from gpt_sovits_emotion.encoders.prosody import ProsodyEncoder
from gpt_sovits_emotion.errors import EmotionError
from gpt_sovits_emotion.heads.card import CorpusCredit, EncoderSpec, HeadCard, Result
from gpt_sovits_emotion.heads.files import save_head
from gpt_sovits_emotion.records import Sentence
from gpt_sovits_emotion.training.corpora import Corpus, read_corpus
from gpt_sovits_emotion.training.dataset import LabelledEmbeddings
from gpt_sovits_emotion.training.embed import Alteration, embed_corpus
from gpt_sovits_emotion.training.evaluate import (
    HeldOut,
    calibrate,
    held_out_predictions,
    score,
    score_few,
    speaker_and_text_folds,
    speaker_folds,
)
from gpt_sovits_emotion.training.feature_cache import FeatureCache
from gpt_sovits_emotion.training.fit import Recipe, fit_head

RECIPE = Recipe()
ONE_MEMBER = replace(RECIPE, n_members=1)  # for side measurements: keeps them to minutes
FEW_COUNTS = (5, 10, 20)
UNSEEN_CHANNELS = {
    "noise 15 dB": Alteration(snr_db=15.0),
    "band 5 kHz, noise 30 dB": Alteration(cutoff_hz=5000.0, snr_db=30.0),
}
"""Alterations that are tested on and not trained on."""
MODES = ("global", "speaker")
ALL_CLIPS = "statistics from all clips of the test speaker, without labels"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    options = _parse(arguments)
    try:
        corpus = read_corpus(options.corpus)
        encoder = ProsodyEncoder()
        data = embed_corpus(
            corpus, encoder, cache=_cache(options), n_jobs=options.jobs, progress=_report
        )
        held_out, results = _measure(data, corpus.name, options)
        if options.channels:
            results += _measure_channels(data, corpus, encoder, options)
        if options.command == "train":
            _train(data, corpus, encoder, held_out, results, options.out)
    except EmotionError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("command", choices=("evaluate", "train"))
    parser.add_argument("--corpus", type=Path, required=True, help="folder with manifest.csv")
    parser.add_argument("--out", type=Path, default=Path("pretrained_heads/prosody-emodb"))
    parser.add_argument("--cache", type=Path, help="keep embeddings here for the next run")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument(
        "--channels", action="store_true", help="also measure on noisy and band-limited copies"
    )
    parser.add_argument(
        "--quick", action="store_true", help="skip the folds that hold texts out, the slowest part"
    )
    return parser.parse_args(arguments)


def _cache(options: argparse.Namespace) -> FeatureCache | None:
    return None if options.cache is None else FeatureCache(options.cache)


def _report(fraction: float, doing: str) -> None:
    end = "\n" if fraction >= 1.0 else ""
    print(f"\r{fraction:4.0%} {doing:<60}", end=end, file=sys.stderr, flush=True)


def _measure(
    data: LabelledEmbeddings, corpus_name: str, options: argparse.Namespace
) -> tuple[HeldOut, tuple[Result, ...]]:
    """Measure all figures of the card and print them."""
    results: list[Result] = []
    held_out = held_out_predictions(
        data,
        speaker_folds(data),
        recipe=RECIPE,
        few_counts=FEW_COUNTS,
        n_jobs=options.jobs,
        progress=_report,
    )
    results += _scores(held_out, protocol="loso", corpus_name=corpus_name)
    _print_few(held_out)
    for mode in MODES:
        temperature, threshold = calibrate(held_out, mode=mode)
        print(f"calibration, {mode}: temperature {temperature:.3f}, unsure below {threshold:.2f}")
        for row in score(held_out, mode=mode).coverage:
            accuracy = "-" if row.accuracy is None else f"{row.accuracy:.1%}"
            print(f"  at least {row.threshold:.1f}: {row.coverage:6.1%} judged, {accuracy} right")

    without_boredom = data.select(data.labels != "bored")
    six = held_out_predictions(
        without_boredom,
        speaker_folds(without_boredom),
        recipe=RECIPE,
        n_jobs=options.jobs,
        progress=_report,
    )
    results += _scores(six, protocol="loso", corpus_name=corpus_name)
    if not options.quick:
        for part in (data, without_boredom):
            both = held_out_predictions(
                part,
                speaker_and_text_folds(part),
                recipe=ONE_MEMBER,
                n_jobs=options.jobs,
                progress=_report,
            )
            results += _scores(
                both,
                protocol="loso+text",
                corpus_name=corpus_name,
                note="two of the ten sentences and the speaker held out, one network per mode",
            )
    return held_out, tuple(results)


def _measure_channels(
    data: LabelledEmbeddings, corpus: Corpus, encoder: ProsodyEncoder, options: argparse.Namespace
) -> tuple[Result, ...]:
    """Measure on copies of the test clips that are altered in ways that were not trained on."""
    altered = embed_corpus(
        corpus,
        encoder,
        copies=UNSEEN_CHANNELS,
        cache=_cache(options),
        n_jobs=options.jobs,
        progress=_report,
    )
    results: list[Result] = []
    for name, embeddings in altered.copies.items():
        held_out = held_out_predictions(
            data,
            speaker_folds(data),
            recipe=ONE_MEMBER,
            tested=embeddings,
            n_jobs=options.jobs,
            progress=_report,
        )
        results += _scores(
            held_out,
            protocol=f"loso, {name}",
            corpus_name=corpus.name,
            note="test clips altered in a way not trained on, one network per mode",
        )
    return tuple(results)


def _scores(held_out: HeldOut, *, protocol: str, corpus_name: str, note: str = "") -> list[Result]:
    results = []
    for mode in MODES:
        measured = score(held_out, mode=mode)
        result = measured.to_result(
            protocol=protocol,
            corpus=corpus_name,
            normalisation=mode,
            note=", ".join(filter(None, (note, ALL_CLIPS if mode == "speaker" else ""))),
        )
        results.append(result)
        _print_result(result, measured.recalls)
    return results


def _print_result(result: Result, recalls: np.ndarray) -> None:
    def percent(value: float, interval: tuple[float, float]) -> str:
        return f"{100 * value:.1f} [{100 * interval[0]:.1f} to {100 * interval[1]:.1f}]"

    print(
        f"\n{result.protocol}, {len(result.labels)} classes, {result.normalisation}: "
        f"UAR {percent(result.uar, result.uar_interval)}  WA {percent(result.wa, result.wa_interval)}"
        f"  ECE {100 * (result.ece or 0.0):.1f}"
    )
    print("  " + " " * 10 + "".join(f"{label[:9]:>10}" for label in result.labels) + "    recall")
    for label, row, recall in zip(result.labels, result.confusion or (), recalls, strict=True):
        print(f"  {label:<10}" + "".join(f"{count:>10}" for count in row) + f"{recall:>10.1%}")


def _print_few(held_out: HeldOut) -> None:
    print("\nspeaker statistics from few clips without labels (mean of draws):")
    for count in FEW_COUNTS:
        uar, wa = score_few(held_out, count=count)
        print(f"  {count:3d} clips: UAR {100 * uar:.1f}  WA {100 * wa:.1f}")


def _train(
    data: LabelledEmbeddings,
    corpus: Corpus,
    encoder: ProsodyEncoder,
    held_out: HeldOut,
    results: tuple[Result, ...],
    out: Path,
) -> None:
    """Train on all speakers and write the head."""
    fitted = fit_head(data, recipe=RECIPE)
    calibration = {mode: calibrate(held_out, mode=mode) for mode in MODES}
    card = HeadCard(
        id="prosody-emodb",
        title=Sentence(
            "Prosody, trained on EmoDB (acted, German)", "韵律，EmoDB 训练（德语表演语音）"
        ),
        labels=fitted.classes,
        encoder=EncoderSpec(
            id=encoder.id,
            dim=encoder.dim,
            fingerprint=encoder.fingerprint,
            sampling_rate_hz=encoder.sampling_rate_hz,
            pooling="functionals over the frames of a segment",
        ),
        licence="MIT (weights); trained on EmoDB, which asks to be cited",
        clip_z=RECIPE.clip_z,
        min_duration_s=0.6,
        min_speaker_segments=min(FEW_COUNTS),
        prior_segments=RECIPE.prior_segments,
        temperature={mode: round(pair[0], 4) for mode, pair in calibration.items()},
        threshold={mode: pair[1] for mode, pair in calibration.items()},
        baseline=_baseline(corpus, encoder),
        corpora=(
            CorpusCredit(
                name="EmoDB",
                language="de",
                n_utterances=len(corpus.clips),
                n_speakers=len(corpus.speakers),
                licence="CC0-1.0 by the audEERING dataset card, CC BY 4.0 by the nkululeko one",
                citation=(
                    "Burkhardt, Paeschke, Rolfes, Sendlmeier, Weiss (2005): "
                    "A database of German emotional speech, Interspeech"
                ),
            ),
        ),
        recipe={
            **RECIPE.to_dict(),
            "copies": ", ".join(data.copies),
            "command": "python scripts/prosody_emodb.py train",
        },
        results=results,
        note=Sentence(
            "Trained on ten actors who spoke ten German sentences in a studio; expect less on "
            "everyday speech, other languages and noisy recordings.",
            "由十位演员在录音室朗读十句德语训练而成；对日常语音、其他语言和嘈杂录音，准确率会更低。",
        ),
    )
    save_head(out, card, fitted.tensors())
    print(f"\nwritten: {out}")


def _baseline(corpus: Corpus, encoder: ProsodyEncoder) -> dict[str, float]:
    """Return the median over speakers of each speaker's median syllable rate and F0 range."""
    rates: dict[str, list[float]] = {}
    ranges: dict[str, list[float]] = {}
    for clip in corpus.clips:
        audio = read_clip(clip.path)
        prosody = encoder.summarise(encoder.tracks(audio), audio.duration_s)
        if prosody.rate_syl_per_s is not None and prosody.f0_range_st is not None:
            rates.setdefault(clip.speaker, []).append(prosody.rate_syl_per_s)
            ranges.setdefault(clip.speaker, []).append(prosody.f0_range_st)
    return {
        name: round(float(np.median([np.median(values) for values in of_speaker.values()])), 2)
        for name, of_speaker in (("rate_syl_per_s", rates), ("f0_range_st", ranges))
    }


if __name__ == "__main__":
    sys.exit(main())
