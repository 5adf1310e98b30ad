"""The contract of a head, as one check that every shipped head passes and every author can run."""

from __future__ import annotations

from pathlib import Path

from gpt_sovits_emotion.core.errors import HeadError
from gpt_sovits_emotion.core.labels import EMOTIONS
from gpt_sovits_emotion.core.messages import of_list, tr
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.heads.card import ANY_WEIGHTS
from gpt_sovits_emotion.heads.files import GOLDEN_NAME, WEIGHTS_NAME, load_head
from gpt_sovits_emotion.heads.golden import check_golden
from gpt_sovits_emotion.heads.head import Head
from gpt_sovits_emotion.heads.imported import UNSTATED
from gpt_sovits_emotion.heads.replay import load_replay

__all__ = ["check_head", "remark_on_name"]


def check_head(folder: str | Path) -> tuple[Sentence, ...]:
    """Load a head, hold it against its golden triple, and read its card critically.

    Of a head from a notebook (a state dict with a few lines of YAML) no golden triple and no more of the card
    is asked than it needs to work; what is missing is remarked.

    Args:
        folder: The head's folder.

    Returns:
        Remarks on what is allowed but unwise (free labels, no results, no licence).

    Raises:
        HeadError: The head does not load, gives other probabilities than its golden triple says, what lies
            beside it for adapting is damaged or another head's, or its card lacks what a user must know.
    """
    folder = Path(folder)
    head = load_head(folder)
    imported = not (folder / WEIGHTS_NAME).exists()
    if (folder / GOLDEN_NAME).exists() or not imported:
        check_golden(head, folder / GOLDEN_NAME)
    load_replay(folder, head)  # only adapting reads it, long after anybody could fetch a whole copy
    if not imported and not (head.card.licence.strip() and head.card.corpora):
        raise HeadError(
            tr(
                "{folder}: the card names no licence or no training corpus; a user must know both",
                folder=folder,
            )
        )
    return tuple(_remarks(head, folder))


def _remarks(head: Head, folder: Path) -> list[Sentence]:
    card, remarks = head.card, []

    def remark(what: Sentence) -> None:
        remarks.append(what)

    free = [label for label in card.labels if label not in EMOTIONS]
    if free:
        remark(tr("labels outside the canonical set: {free}", free=of_list(free)))
    if not card.corpora:
        remark(tr("no training corpus is named: nobody knows whose speech it learned from"))
    if not card.licence.strip() or card.licence == UNSTATED:
        remark(tr("no licence is named: nobody knows what it may be used for"))
    if not card.results:
        remark(tr("no measured results: nobody knows how good it is"))
    elif not any(result.protocol.startswith("loso") for result in card.results):
        remark(tr("no speaker-independent result (loso)"))
    if card.encoder.fingerprint == ANY_WEIGHTS:
        remark(
            tr(
                "the weights of its encoder {encoder} are not named: on others than it was trained on it "
                "gives noise, and nothing will warn of that",
                encoder=card.encoder.id,
            )
        )
    if folder.name != card.id:
        remarks.append(remark_on_name(folder, card.id))
    if "speaker" not in head.members:
        remark(tr("no speaker mode: it cannot use what it learns of a speaker"))
    return remarks


def remark_on_name(folder: Path, head_id: str) -> Sentence:
    """Return the remark on a folder that is not called like the head in it."""
    return tr(
        "the folder is called {folder}, the id is {head_id}", folder=folder.name, head_id=head_id
    )
