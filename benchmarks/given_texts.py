"""How well a text that is not what is said is told by hearing the clip: true texts against swapped ones.

    python benchmarks/given_texts.py --whisper MODEL --n 40 en=DIR de=DIR …     corpora with a manifest.csv
    python benchmarks/given_texts.py --whisper MODEL --n 40 --again zh=DIR      corpora without texts

Of each corpus N clips of one second or more are heard. A clip's character error rate against its own text
is set beside that against the text of another clip, whose words differ. With ``--again`` a clip's text is
what the same model hears in it through noise 10 dB below the speech, which stands in for a person's writing.
"""

from __future__ import annotations

import argparse
import csv
import random
import tempfile
from pathlib import Path

import numpy as np

_SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)
_THRESHOLDS = (0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9)
_NOISE_DB = -10.0


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python benchmarks/given_texts.py", description=__doc__)
    parser.add_argument("corpora", nargs="+", metavar="LANGUAGE=DIR")
    parser.add_argument("--whisper", default="base", metavar="MODEL")
    parser.add_argument("--n", type=int, default=40)
    parser.add_argument("--again", action="store_true")
    given = parser.parse_args(arguments)
    for pair in given.corpora:
        language, _, where = pair.partition("=")
        own, others = measure(Path(where), language, given.whisper, given.n, again=given.again)
        show(language, Path(where).name, own, others)


def measure(
    corpus: Path, language: str, model: str, n_clips: int, *, again: bool
) -> tuple[list[float], list[float]]:
    """Return the error rates against the clips' own texts, and against those of others."""
    from gpt_sovits_emotion.banks.building.texts import text_error_rate
    from gpt_sovits_emotion.core.character_errors import spoken_characters
    from gpt_sovits_emotion.core.errors import AudioError

    with (corpus / "manifest.csv").open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if float(row["seconds"]) >= 1.0]
    lot = random.Random(1)
    rows = lot.sample(rows, min(n_clips, len(rows)))
    pairs = []
    for row in rows:
        try:
            heard = hear(corpus / row["path"], language, model)
        except AudioError:  # CREMA-D has a silent clip
            continue
        text = heard_through_noise(corpus / row["path"], language, model) if again else row["text"]
        if spoken_characters(text):
            pairs.append((text, heard))
    own = [text_error_rate(text, heard) for text, heard in pairs]
    others = []
    for text, heard in pairs:
        different = [
            other for other, _ in pairs if spoken_characters(other) != spoken_characters(text)
        ]
        others.append(text_error_rate(lot.choice(different), heard))
    return own, others


def hear(path: Path, language: str, model: str) -> str:
    from gpt_sovits_emotion.audio import open_recording
    from gpt_sovits_emotion.transcription import TranscribeOptions, transcribe

    with open_recording(path) as recording:
        heard = transcribe(
            recording, TranscribeOptions(model=model, language=language, allow_download=False)
        )
    return " ".join(segment.text for segment in heard.segments)


def heard_through_noise(path: Path, language: str, model: str) -> str:
    import soundfile

    sound, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    sound = sound.mean(axis=1)
    level = float(np.sqrt(np.mean(np.square(sound)))) * 10 ** (_NOISE_DB / 20)
    noise = np.random.default_rng(1).normal(0.0, level, len(sound)).astype(np.float32)
    with tempfile.TemporaryDirectory() as scratch:
        noisy = Path(scratch) / "noisy.wav"
        soundfile.write(noisy, np.clip(sound + noise, -1, 1), rate_hz)
        return hear(noisy, language, model)


def show(language: str, name: str, own: list[float], others: list[float]) -> None:
    print(f"{language} {name}: {len(own)} clips")
    for what, rates in (("own text", own), ("another text", others)):
        spread = "  ".join(f"{value:.2f}" for value in np.quantile(rates, _SHARES))
        print(f"  {what:13} {spread}   (5, 25, 50, 75, 95 % of the clips below)")
    for threshold in _THRESHOLDS:
        false = np.mean([rate > threshold for rate in own])
        found = np.mean([rate > threshold for rate in others])
        print(
            f"  over {threshold:.2f}: {false:6.1%} of own texts, {found:6.1%} of others", flush=True
        )


if __name__ == "__main__":
    main()
