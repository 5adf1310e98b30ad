"""The contract of a head, as one check that every shipped head passes and every author can run."""

from __future__ import annotations

from pathlib import Path

from gpt_sovits_emotion.core.errors import HeadError
from gpt_sovits_emotion.core.labels import EMOTIONS
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
            f"{folder}: the card names no licence or no training corpus; a user must know both",
            zh=f"{folder}：卡片没有写明许可证或训练语料；使用者必须知道这两项",
        )
    return tuple(_remarks(head, folder))


def _remarks(head: Head, folder: Path) -> list[Sentence]:
    card, remarks = head.card, []

    def remark(en: str, zh: str) -> None:
        remarks.append(Sentence(en, zh))

    free = [label for label in card.labels if label not in EMOTIONS]
    if free:
        remark(
            f"labels outside the canonical set: {', '.join(free)}",
            f"不在标准标签之内的标签：{'、'.join(free)}",
        )
    if not card.corpora:
        remark(
            "no training corpus is named: nobody knows whose speech it learned from",
            "没有写明训练语料：无人知道它从谁的语音学来",
        )
    if not card.licence.strip() or card.licence == UNSTATED:
        remark(
            "no licence is named: nobody knows what it may be used for",
            "没有写明许可证：无人知道它可以用于什么",
        )
    if not card.results:
        remark("no measured results: nobody knows how good it is", "没有测量结果：无人知道它有多好")
    elif not any(result.protocol.startswith("loso") for result in card.results):
        remark("no speaker-independent result (loso)", "没有与说话人无关的测量结果（loso）")
    if card.encoder.fingerprint == ANY_WEIGHTS:
        remark(
            f"the weights of its encoder {card.encoder.id} are not named: on others than it was trained on "
            "it gives noise, and nothing will warn of that",
            f"没有写明编码器 {card.encoder.id} 的权重：若与训练时的不同，结果毫无意义，且不会有任何提醒",
        )
    if folder.name != card.id:
        remarks.append(remark_on_name(folder, card.id))
    if "speaker" not in head.members:
        remark(
            "no speaker mode: it cannot use what it learns of a speaker",
            "没有说话人模式：无法利用对说话人的了解",
        )
    return remarks


def remark_on_name(folder: Path, head_id: str) -> Sentence:
    """Return the remark on a folder that is not called like the head in it."""
    return Sentence(
        f"the folder is called {folder.name}, the id is {head_id}",
        f"文件夹名为 {folder.name}，而 id 是 {head_id}",
    )
