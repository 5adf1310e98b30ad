"""A head that listens to a bank, and who lends it its encoder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gpt_sovits_emotion.encoders.prosody import ProsodyEncoder
from gpt_sovits_emotion.engines import DEFAULT_HEAD, Engines, embedded_host
from gpt_sovits_emotion.heads import find_head, head_folders
from gpt_sovits_emotion.hosts.base import Host

__all__ = ["engines_to_listen"]


def engines_to_listen(
    head: str | Path = DEFAULT_HEAD,
    *,
    heads_dirs: Sequence[str | Path] = (),
    lender: Host | None = None,
) -> Engines:
    """Load a head for `build_bank`, which finds out by itself whether what is lent fits.

    Unlike `engines.open_engines` it asks for nobody who lends HuBERT: a head on HuBERT's last layer can read
    the features that GPT-SoVITS has stored.

    Args:
        head: Id or folder of the head.
        heads_dirs: Further folders of heads.
        lender: Who lends an encoder that is not our own; None where nobody does.

    Raises:
        HeadError: The head is missing or broken.
    """
    tracker = ProsodyEncoder()
    host = embedded_host(tracker)
    tagger = find_head(head, head_folders(heads_dirs))
    return Engines(tagger, tagger, lender or host, host, tracker)
