"""Replay rows of a head: a few dozen of its training rows, so that teaching it a speaker forgets nothing.

``replay.safetensors`` beside a head's weights is optional. It holds rows that are normalised speaker by
speaker, as in mode ``speaker``, and says whose weights it belongs to:

| tensor | shape |
|---|---|
| ``rows`` | ``(n_rows, dim)`` float16 z-scores |
| ``targets`` | ``(n_rows,)`` int64, places in the card's labels |

Its metadata has ``statistics``, a digest of the statistics that the rows were normalised by: rows that lie
beside another head are told from its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gpt_sovits_emotion.core.errors import HeadError
from gpt_sovits_emotion.core.files import write_bytes
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.heads.folder import list_heads
from gpt_sovits_emotion.heads.head import Head
from gpt_sovits_emotion.heads.weights import Numbers, read_numbers

__all__ = ["REPLAY_NAME", "Replay", "find_replay", "load_replay", "save_replay"]

REPLAY_NAME = "replay.safetensors"

_MAX_BYTES = 64 << 20


@dataclass(frozen=True, slots=True, eq=False)
class Replay:
    """Training rows in mode ``speaker``.

    Attributes:
        rows: ``(n_rows, dim)`` float32 z-scores, each around its own speaker's mean.
        targets: ``(n_rows,)`` int64 places in the head's labels; every label occurs.
        statistics: Digest of the head's mean and deviation within speakers.
    """

    rows: np.ndarray
    targets: np.ndarray
    statistics: str

    @classmethod
    def of(
        cls,
        rows: np.ndarray,
        targets: np.ndarray,
        mean: np.ndarray,
        within_speaker_std: np.ndarray,
    ) -> Replay:
        """Make one from rows that were normalised with these ``(dim,)`` statistics."""
        digest = _statistics_digest(mean, within_speaker_std)
        return cls(np.asarray(rows, np.float32), np.asarray(targets, np.int64), digest)

    def to_bytes(self) -> bytes:
        """Return the content of ``replay.safetensors``."""
        from safetensors.numpy import save

        tensors = {
            "rows": np.ascontiguousarray(self.rows, np.float16),
            "targets": np.ascontiguousarray(self.targets, np.int64),
        }
        content: bytes = save(tensors, {"statistics": self.statistics})
        return content


def load_replay(folder: str | Path, head: Head) -> Replay | None:
    """Read the replay rows that lie beside a head, None where there are none.

    Raises:
        HeadError: The file is damaged, does not fit the head, or belongs to other weights.
    """
    path = Path(folder) / REPLAY_NAME
    if not path.exists():
        return None
    numbers = read_numbers(path, max_bytes=_MAX_BYTES)
    return _fitting(numbers, head, path)


def find_replay(head: Head, folders: Sequence[Path]) -> Replay | None:
    """Look a head's replay rows up in the folders of heads, None where there are none.

    Rows of another head of the same id are passed over: they would teach what this head never knew.

    Args:
        head: A loaded head.
        folders: From `heads.head_folders`, or the head's own folder.

    Raises:
        HeadError: The file is damaged.
    """
    own = [Path(folder) for folder in folders if (Path(folder) / REPLAY_NAME).exists()]
    listed = [entry.path for entry in list_heads(folders) if entry.id == head.card.id]
    for folder in (*own, *listed):
        path = folder / REPLAY_NAME
        if path.exists():
            numbers = read_numbers(path, max_bytes=_MAX_BYTES)
            if _belongs(numbers, head):
                return _fitting(numbers, head, path)
    return None


def save_replay(folder: str | Path, replay: Replay) -> Path:
    """Write replay rows beside a head, in one step; return the file. Raises `OutputError`."""
    path = Path(folder) / REPLAY_NAME
    write_bytes(path, replay.to_bytes())
    return path


def _statistics_digest(mean: np.ndarray, within_speaker_std: np.ndarray) -> str:
    digest = hashlib.sha256()
    for statistic in (mean, within_speaker_std):
        digest.update(np.ascontiguousarray(statistic, np.float32).tobytes())
    return digest.hexdigest()[:32]


def _belongs(numbers: Numbers, head: Head) -> bool:
    return numbers.metadata.get("statistics") == _statistics_digest(
        head.mean, head.within_speaker_std
    )


def _fitting(numbers: Numbers, head: Head, path: Path) -> Replay:
    tensors, dim, n_labels = numbers.tensors, head.card.encoder.dim, len(head.card.labels)
    if not _belongs(numbers, head):
        raise HeadError(
            tr(
                "{path} belongs to other weights than those of head {card!r}; copy the whole folder of "
                "the head again, or remove this file",
                path=path,
                card=head.card.id,
            )
        )
    rows, targets = tensors.get("rows"), tensors.get("targets")
    sound = (
        set(tensors) == {"rows", "targets"}
        and rows is not None
        and targets is not None
        and rows.ndim == 2
        and rows.shape[1] == dim
        and rows.dtype.kind == "f"
        and targets.shape == (len(rows),)
        and targets.dtype == np.int64
        and bool(np.isfinite(rows).all())
        and set(targets.tolist()) == set(range(n_labels))
    )
    if not sound:
        raise HeadError(
            tr(
                "{path} does not hold replay rows of this head: rows (n, {dim}) and targets (n,) of all "
                "{n_labels} labels were expected; copy it again or remove it",
                path=path,
                dim=dim,
                n_labels=n_labels,
            )
        )
    assert rows is not None
    assert targets is not None
    return Replay(rows.astype(np.float32), targets, numbers.metadata["statistics"])
