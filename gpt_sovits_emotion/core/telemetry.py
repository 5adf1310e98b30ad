"""What the libraries that recognise speech would tell of their use, and how they are kept from it."""

from __future__ import annotations

import os

__all__ = ["forbid_telemetry"]


def forbid_telemetry() -> None:
    """Keep ONNX Runtime from telling its makers of its use; to be called before it is imported.

    faster-whisper finds speech with it. Since 1.32 its builds for Linux and macOS report their use, keep an
    identifier in the user's cache and leave a file ``.ses`` in the folder for temporary files, all of it
    unless this variable says otherwise when it is imported. A person who has set it keeps what they set.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
