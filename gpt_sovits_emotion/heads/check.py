"""The contract of a head, as one check that every shipped head passes and every author can run."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np

from gpt_sovits_emotion.errors import HeadError
from gpt_sovits_emotion.heads.files import GOLDEN_NAME, load_head
from gpt_sovits_emotion.heads.head import Head
from gpt_sovits_emotion.labels import EMOTIONS

__all__ = ["check_head"]

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z")
_TOLERANCE = 1e-4


def check_head(folder: str | Path) -> tuple[str, ...]:
    """Load a head, hold it against its golden triple, and read its card critically.

    Args:
        folder: The head's folder.

    Returns:
        Remarks on what is allowed but unwise (free labels, no results, no licence), in words.

    Raises:
        HeadError: The head does not load, gives other probabilities than its golden triple says, or its
            card lacks what a user must know.
    """
    head = load_head(folder)
    _check_golden(head, Path(folder) / GOLDEN_NAME)
    card = head.card
    if not _ID.match(card.id):
        raise HeadError(
            f"{folder}: the id {card.id!r} is not made of small letters, digits and single hyphens"
        )
    if not card.licence.strip() or not card.corpora:
        raise HeadError(
            f"{folder}: the card names no licence or no training corpus; a user must know both"
        )
    return tuple(_remarks(head, Path(folder)))


def _check_golden(head: Head, path: Path) -> None:
    try:
        golden = json.loads(path.read_text(encoding="utf-8"))
        embeddings = np.array(golden["embeddings"], dtype=np.float32)
        expected = {mode: np.array(rows) for mode, rows in golden["probabilities"].items()}
    except OSError as error:
        raise HeadError(f"{path} cannot be read ({error.strerror}); every head has one") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise HeadError(
            f"{path} is not a golden triple; embeddings and probabilities were expected"
        ) from error
    if set(expected) != set(head.members):
        raise HeadError(f"{path} has other modes than the weights: {sorted(expected)}")
    for mode, wanted in expected.items():
        speaker = head.statistics(embeddings, source="golden") if mode == "speaker" else None
        found = head.probabilities(embeddings, speaker)
        if found.shape != wanted.shape or not np.allclose(found, wanted, atol=_TOLERANCE):
            raise HeadError(
                f"{path}: in mode {mode!r} the weights give other probabilities than the golden triple; "
                "weights, card and triple are not of one training"
            )


def _remarks(head: Head, folder: Path) -> list[str]:
    card, remarks = head.card, []
    free = [label for label in card.labels if label not in EMOTIONS]
    if free:
        remarks.append(f"labels outside the canonical set: {', '.join(free)}")
    if not card.results:
        remarks.append("no measured results: nobody knows how good it is")
    elif not any(result.protocol.startswith("loso") for result in card.results):
        remarks.append("no speaker-independent result (loso)")
    if folder.name != card.id:
        remarks.append(f"the folder is called {folder.name}, the id is {card.id}")
    if "speaker" not in head.members:
        remarks.append("no speaker mode: it cannot use what it learns of a speaker")
    return remarks
