"""What a person asks for on the training page, and what is found where it points. No Gradio here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gpt_sovits_emotion.core.errors import CorpusError
from gpt_sovits_emotion.core.files import remove_folder
from gpt_sovits_emotion.core.labels import labels_of
from gpt_sovits_emotion.core.messages import of_error
from gpt_sovits_emotion.core.progress import Progress, no_progress, part_of
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.heads.card import is_head_id
from gpt_sovits_emotion.heads.folder import user_folder
from webui_tab.sessions import PageError, require
from webui_tab.training.form import HeadForm
from webui_tab.training.job import Order

if TYPE_CHECKING:
    from gpt_sovits_emotion.backends.base import Backend
    from gpt_sovits_emotion.training.corpora import Corpus, LabelRow
    from gpt_sovits_emotion.training.train import TrainedHead
    from gpt_sovits_emotion.whisper_models import WhisperModels

__all__ = [
    "FETCHED",
    "Found",
    "add_line",
    "encoders_of",
    "fetch",
    "find",
    "named_corpora",
    "order_of",
    "remove",
]

FETCHED = "emodb"
"""The corpus that the page can fetch: free, small, and what the shipped head was trained on."""

_ON_WHISPER = (
    "whisper-base:1-4",
    "whisper-small:3-8",
    "whisper-medium:6-15",
    "whisper-large-v3-turbo:8-20",
    "whisper-large-v3:8-20",
)


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Corpora as they would be trained on.

    Attributes:
        corpora: What was read.
        rows: How their labels are read.
        warnings: What to mind.
        problem: Why no head can be trained on them; None where one can.
    """

    corpora: tuple[Corpus, ...]
    rows: tuple[LabelRow, ...]
    warnings: tuple[Sentence, ...] = ()
    problem: Sentence | None = None


def named_corpora(written: str) -> tuple[str, ...]:
    r"""Return the corpora that a person wrote, a line each; quotes around a path are taken off.

    Raises:
        PageError: There are none.

    Examples:
        >>> named_corpora('emodb = "/data/emodb"\n\n/data/mine')
        ('emodb=/data/emodb', '/data/mine')
    """
    named = []
    for line in written.splitlines():
        name, equals, folder = (part.strip().strip("\"'").strip() for part in line.partition("="))
        if name:
            named.append(f"{name}{equals}{folder}")
    if not named:
        raise PageError("train_no_corpora")
    return tuple(named)


def order_of(form: HeadForm) -> Order:
    """Return what a page's fields ask for.

    Raises:
        ConsentError: The line about consent is not ticked.
        PageError: No corpus is named, or the head's name cannot be one.
        EncoderError: There is no such encoder.
    """
    from gpt_sovits_emotion.encoders import parse_encoder_id

    named = named_corpora(form.train_corpora)
    require(form.train_consent, "train_consent_missing")
    if not is_head_id(form.train_name):
        raise PageError("train_bad_name", name=form.train_name)
    return Order(
        named,
        parse_encoder_id(form.train_encoder.replace(" ", "")).id,
        form.train_name,
        labels_of(form.train_labels),
        form.train_replace,
    )


def find(
    named: Sequence[str],
    labels: Sequence[str] = (),
    *,
    consent: bool,
    progress: Progress = no_progress,
) -> Found:
    """Read corpora, and look at how their labels are read and at what could go wrong.

    Raises:
        ConsentError: The line about consent is not ticked.
        CorpusError: One of them cannot be read at all.
    """
    from gpt_sovits_emotion.training.corpora import check, label_table, open_corpora

    require(consent, "train_consent_missing")
    wanted = tuple(labels) or None
    progress(0.0, "looking at clips")
    corpora = open_corpora(named, progress=part_of(progress, 0.0, 0.5))
    rows = label_table(corpora, wanted)
    try:
        warnings = check(corpora, wanted, progress=part_of(progress, 0.5, 1.0))
    except CorpusError as error:
        # The table shows best what is wrong, so it is shown all the same.
        return Found(corpora, rows, problem=of_error(error))
    return Found(corpora, rows, warnings)


def fetch(*, progress: Progress = no_progress) -> Path:
    """Fetch EmoDB into the user's folder of corpora, and return where it lies.

    Raises:
        CorpusError: It cannot be fetched; what has arrived is kept, and the next attempt goes on from there.
    """
    from gpt_sovits_emotion.training.corpora import fetch_corpus

    destination = user_folder().parent / "corpora"
    return fetch_corpus(FETCHED, destination, progress=progress)


def add_line(written: str, name: str, folder: Path) -> str:
    """Return the list of corpora with one that was fetched, once."""
    lines = [line for line in written.splitlines() if line.strip()]
    others = [line for line in lines if line.partition("=")[0].strip() != name]
    return "\n".join((*others, f"{name}={folder}"))


def encoders_of(backend: Backend | None, whisper: WhisperModels | None = None) -> tuple[str, ...]:
    """Return the encoders to offer for what is provided at this moment; more can be typed.

    Args:
        backend: Who provides HuBERT and SoVITS.
        whisper: Where Whisper is found, whose middle layers hear emotion best.
    """
    provides = backend.provides if backend is not None else frozenset()
    offered = ["prosody"]
    if whisper is not None:
        offered += [each for each in _ON_WHISPER if whisper.has(each.partition(":")[0])]
    if "hubert" in provides:
        offered += ["hubert:6", "hubert:4-9"]
    offered += [family for family in ("sovits.style", "sovits.posterior") if family in provides]
    if "hubert" in provides:
        offered.append("prosody+hubert:6")
    return tuple(offered)


def remove(trained: TrainedHead, *, heads_dir: Path) -> None:
    """Delete a trained head.

    Args:
        trained: What a training gave.
        heads_dir: The folder that it was put into; nothing outside is touched.

    Raises:
        PageError: It is not there any more.
        OutputError: It could not be deleted.
    """
    folder = trained.folder
    inside = folder.resolve().parent == heads_dir.resolve()
    if not inside or not folder.is_dir() or folder.is_symlink():
        raise PageError("train_nothing_to_remove")
    remove_folder(folder)
