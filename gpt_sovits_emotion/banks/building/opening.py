"""A head that listens to a bank, and who provides its encoder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gpt_sovits_emotion.backends.base import Backend
from gpt_sovits_emotion.encoders.prosody import ProsodyEncoder
from gpt_sovits_emotion.engines import Engines, default_head, embedded_backend, folders_with
from gpt_sovits_emotion.heads import find_head, head_folders
from gpt_sovits_emotion.whisper_models import WhisperModels

__all__ = ["engines_to_listen"]


def engines_to_listen(
    head: str | Path | None = None,
    *,
    heads_dirs: Sequence[str | Path] = (),
    provider: Backend | None = None,
    whisper: WhisperModels | None = None,
) -> Engines:
    """Load a head for `build_bank`, which finds out by itself whether what is provided fits.

    Unlike `engines.open_engines` it asks for nobody who provides HuBERT: a head on HuBERT's last layer can
    read the features that GPT-SoVITS has stored.

    Args:
        head: Id or folder of the head; `engines.default_head` when None.
        heads_dirs: Further folders of heads.
        provider: Who provides an encoder that is not our own; None where nobody does.
        whisper: Where heads on Whisper find it; what is on this machine when None.

    Raises:
        HeadError: The head is missing or broken.
    """
    tracker = ProsodyEncoder()
    backend = embedded_backend(tracker)
    whisper = whisper or WhisperModels()
    folders = head_folders(heads_dirs)
    name, note = default_head(folders, whisper) if head is None else (head, None)
    tagger = find_head(name, folders)
    return Engines(
        tagger,
        tagger,
        provider or backend,
        backend,
        tracker,
        whisper=whisper,
        note=note,
        folders=folders_with(head, folders),
    )
