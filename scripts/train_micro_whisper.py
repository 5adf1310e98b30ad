"""Train the micro Whisper: a real Whisper, tiny, that knows the sample sentences and nothing else.

It exists so that the demo and the tests run faster-whisper for real without a download. Its teacher is
eSpeak NG: voices, accents, pitch, range, rate, loudness, noise and channel are drawn at random, whole
sample sentences are mixed with recombinations of their halves, and eSpeak says when it speaks which word.
Voices that are held out of training measure it afterwards, through faster-whisper itself.

    python scripts/train_micro_whisper.py                  # train, convert, measure, write the README
    python scripts/train_micro_whisper.py --measure-only   # measure the model that is there again

One thread on one CPU core, about 50 minutes. On one machine and with one set of versions, a seed gives
the same model.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "scripts")]

from micro_whisper.conversion import convert  # noqa: E402
from micro_whisper.evaluate import Figures, evaluate  # noqa: E402
from micro_whisper.model import MicroShape, MicroWhisper  # noqa: E402
from micro_whisper.speaker import Speaker  # noqa: E402
from micro_whisper.training import ROUNDS, train  # noqa: E402
from micro_whisper.vocabulary import (  # noqa: E402
    WINDOW_S,
    SampleSentence,
    Vocabulary,
    load_sentences,
)
from micro_whisper.windows import (  # noqa: E402
    HELD_OUT_VARIANTS,
    Material,
    Utterances,
    WindowMaker,
    all_texts,
    training_variants,
)

SAMPLE_DATA = REPOSITORY / "gpt_sovits_emotion" / "sample_data"
N_UTTERANCES = 4_000


def main() -> None:
    """Train, convert and measure as the command line says."""
    arguments = _arguments()
    torch.set_num_threads(1)
    sentences = load_sentences(arguments.sentences)
    texts = [
        (text, language)
        for language, kinds in all_texts(sentences).items()
        for kind in kinds
        for text in kind
    ]
    vocabulary = Vocabulary(texts)
    speaker = Speaker()
    if not arguments.measure_only:
        began = time.monotonic()
        model = _trained(sentences, vocabulary, speaker, arguments)
        convert(model, vocabulary, arguments.out)
        print(f"trained in {(time.monotonic() - began) / 60:.0f} min", file=sys.stderr)
    figures = _measured(sentences, vocabulary, speaker, arguments)
    print(figures.table())
    card = _card(sentences, figures, arguments)
    (arguments.out / "README.md").write_text(card, encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, default=SAMPLE_DATA / "micro_whisper")
    parser.add_argument("--sentences", type=Path, default=SAMPLE_DATA / "sentences.yaml")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--checkpoint", type=Path, help="save the weights here now and then")
    parser.add_argument("--measure-only", action="store_true", help="measure the model in --out")
    parser.add_argument("--n-sentences", type=int, default=40, help="per language and kind")
    parser.add_argument("--n-recordings", type=int, default=6, help="per language")
    return parser.parse_args()


def _trained(
    sentences: tuple[SampleSentence, ...],
    vocabulary: Vocabulary,
    speaker: Speaker,
    arguments: argparse.Namespace,
) -> MicroWhisper:
    def rendered(
        rng: np.random.Generator, material: Material, sounds: dict[str, int] | None
    ) -> Utterances:
        return Utterances(
            sentences,
            vocabulary,
            speaker,
            n_utterances=N_UTTERANCES,
            variants=training_variants(speaker),
            rng=rng,
            material=material,
            sounds=sounds,
        )

    def report(step: int, line: str) -> None:
        print(line, file=sys.stderr, flush=True)
        if arguments.checkpoint is not None and step % 100 == 0:
            torch.save(model.state_dict(), arguments.checkpoint)

    rng = np.random.default_rng(arguments.seed)
    torch.manual_seed(arguments.seed)
    pool = rendered(rng, ROUNDS[0].material, None)
    model = MicroWhisper(vocabulary, MicroShape(), n_sounds=len(pool.sounds))
    for n, this in enumerate(ROUNDS):
        if n > 0:
            rng = np.random.default_rng(arguments.seed + 1_000 * n)
            torch.manual_seed(arguments.seed + 1_000 * n)
            pool = rendered(rng, this.material, pool.sounds)
        train(model, WindowMaker(pool, rng=rng), this=this, report=report)
    return model


def _measured(
    sentences: tuple[SampleSentence, ...],
    vocabulary: Vocabulary,
    speaker: Speaker,
    arguments: argparse.Namespace,
) -> Figures:
    rng = np.random.default_rng(arguments.seed + 1)
    pool = Utterances(
        sentences, vocabulary, speaker, n_utterances=0, variants=HELD_OUT_VARIANTS, rng=rng
    )
    return evaluate(
        arguments.out,
        pool,
        sentences,
        n_sentences=arguments.n_sentences,
        n_recordings=arguments.n_recordings,
        rng=rng,
    )


def _card(
    sentences: tuple[SampleSentence, ...], figures: Figures, arguments: argparse.Namespace
) -> str:
    counts = ", ".join(
        f"{sum(one.language == code for one in sentences)} {name}"
        for code, name in (("zh", "Chinese"), ("en", "English"), ("de", "German"))
    )
    size_mb = sum(path.stat().st_size for path in arguments.out.iterdir()) / 1e6
    shape = MicroShape()
    layers = f"{shape.n_encoder_layers} encoder and {shape.n_decoder_layers} decoder layers"
    drawn = (
        f"{arguments.n_sentences} sentences per language and kind, "
        f"{arguments.n_recordings} recordings per language"
    )
    return f"""# micro Whisper: knows only the sample sentences

**This is no speech recogniser.** It knows the {len(sentences)} sentences of `../sentences.yaml`
({counts}) and recombinations of their halves, spoken by eSpeak NG, and writes
something made of their words whatever else it hears. It exists so that the demo and the tests run
faster-whisper for real, with no download. For your own recordings choose a real model
(`--whisper small` or larger).

- It hears one stretch of speech between two pauses at a time (`gpt_sovits_emotion.transcribe` sees to it),
  best a sentence; where windows hold three sentences or more, it is often wrong.
- Architecture: Whisper (`WhisperForConditionalGeneration`), width {shape.width}, {layers},
  windows of {WINDOW_S} s; CTranslate2 format, int8, {size_mb:.1f} MB. Most of that is one and the same
  row for every entry of Whisper's vocabulary of 51,865 that is not in use.
- Training: `scripts/train_micro_whisper.py`, seed {arguments.seed}, from nothing, on {N_UTTERANCES:,}
  synthetic utterances in each of {len(ROUNDS)} rounds. No recording of a person and no other model went
  into it.
- Licence: that of this project.

{figures.table()}

Characters are compared without case, spaces and punctuation. Held-out voices are eSpeak's variants
{", ".join(HELD_OUT_VARIANTS)};
pitch, range, rate (100 to 260 words per minute), loudness and accent are drawn at random ({drawn}).
`python scripts/train_micro_whisper.py --measure-only` measures it again.
"""


if __name__ == "__main__":
    main()
