"""Take a head that was trained here out of the folder of heads again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gpt_sovits_emotion.core.files import remove_folder
from webui_tab.sessions import PageError

if TYPE_CHECKING:
    from gpt_sovits_emotion.training.train import TrainedHead

__all__ = ["remove"]


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
