"""Draw how often verdicts of each confidence were right, from what ``evaluate --json`` wrote.

    gpt-sovits-emotion evaluate --head whisper-base-free --corpus ravdess=DIR --corpus nemo=DIR --json FILE
    python scripts/reliability_picture.py FILE docs/images

One picture per corpus and way of judging, ``reliability-<corpus>-<alone|own>.svg``: the bars end on the
dashed line where a confidence can be believed, and are the darker the more verdicts there were.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from gpt_sovits_emotion.core.files import write_text
from gpt_sovits_emotion.report.pictures import reliability_picture
from gpt_sovits_emotion.training.metrics import ReliabilityBin

NAMESPACE = "http://www.w3.org/2000/svg"
WAYS = {"global": "alone", "speaker": "own"}


def main() -> None:
    """Draw all pictures of one evaluation."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("evaluation", type=Path, help="what evaluate --json wrote")
    parser.add_argument("folder", type=Path, help="where the pictures go")
    options = parser.parse_args()
    document = json.loads(options.evaluation.read_text("utf-8"))["document"]
    for outcome in document["outcomes"]:
        bins = [ReliabilityBin(**one) for one in outcome["reliability"]]
        way = WAYS[outcome["normalisation"]]
        target = options.folder / f"reliability-{outcome['corpus']}-{way}.svg"
        # It is made to stand within a page, which hides one of two languages.
        picture = reliability_picture(bins).replace("<svg ", f'<svg xmlns="{NAMESPACE}" ', 1)
        write_text(target, picture.replace(">", "><style>.zh{display:none}</style>", 1))
        print(
            f"{target}: calibration error {outcome['ece']:.3f} over {outcome['n_utterances']} clips"
        )


if __name__ == "__main__":
    main()
