"""The golden triple: embeddings with the probabilities that a head gives them, for others to check."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from gpt_sovits_emotion.core.errors import EncoderError, HeadError
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.heads.head import Head
from gpt_sovits_emotion.heads.untrusted import UnfinishedError, read_file

__all__ = ["GOLDEN_NAME", "check_golden", "golden_text"]

GOLDEN_NAME = "golden.json"

_MAX_BYTES = 32 << 20
_TOLERANCE = 1e-4


def golden_text(head: Head) -> str:
    """Return the golden triple of a head, as JSON."""
    n_segments = max(head.card.min_speaker_segments, 3)
    steps = np.arange(head.card.encoder.dim)
    waves = np.stack([np.sin((row + 1) * 0.7 * steps + row) for row in range(n_segments)])
    exact = head.mean + 1.5 * waves * head.std
    # Six significant digits keep the file readable; what is written is what is judged.
    rounded = [[float(f"{value:.6g}") for value in row] for row in exact.tolist()]
    embeddings = np.array(rounded, np.float32)
    speaker = head.statistics(embeddings, source="golden")
    probabilities = {"global": head.probabilities(embeddings).tolist()}
    if speaker is not None:
        probabilities["speaker"] = head.probabilities(embeddings, speaker).tolist()
    return json.dumps({"embeddings": rounded, "probabilities": probabilities}, indent=1) + "\n"


def check_golden(head: Head, path: Path) -> None:
    """Hold a head against its golden triple.

    Raises:
        UnfinishedError: The file is missing, or ends before its time.
        HeadError: It is no golden triple, or the head gives other probabilities.
    """
    text = read_file(path, max_bytes=_MAX_BYTES)
    try:
        golden = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnfinishedError(
            tr(
                "{path} is not JSON; the copy is under way or was cut off: wait, or copy it again",
                path=path,
            )
        ) from error
    try:
        with np.errstate(over="ignore"):
            embeddings = np.array(golden["embeddings"], dtype=np.float32)
        expected = {
            mode: np.array(rows, dtype=np.float64) for mode, rows in golden["probabilities"].items()
        }
        modes = sorted(expected)
        if modes != sorted(head.members):
            raise HeadError(
                tr(
                    "{path} has other modes than the weights: {modes}",
                    path=path,
                    modes=", ".join(modes)[:80],
                )
            )
        for mode, wanted in expected.items():
            speaker = head.statistics(embeddings, source="golden") if mode == "speaker" else None
            found = head.probabilities(embeddings, speaker)
            if found.shape != wanted.shape or not np.allclose(found, wanted, atol=_TOLERANCE):
                raise _other(path, mode)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, EncoderError) as error:
        if isinstance(error, HeadError):
            raise
        raise HeadError(
            tr(
                "{path} is not a golden triple; embeddings of this head and probabilities were expected",
                path=path,
            )
        ) from error


def _other(path: Path, mode: str) -> HeadError:
    return HeadError(
        tr(
            "{path}: in mode {mode!r} the weights give other probabilities than the golden triple; "
            "weights, card and triple are not of one training",
            path=path,
            mode=mode,
        )
    )
