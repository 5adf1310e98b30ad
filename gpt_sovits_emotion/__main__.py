"""``python -m gpt_sovits_emotion``, and the command ``gpt-sovits-emotion``.

Nothing is imported before Ctrl-C has its answer: half a second passes until the command line is there.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType

__all__ = ["main"]


def _leave(number: int, frame: FrameType | None) -> None:
    os.write(2, b"gpt-sovits-emotion: stopped before anything was done\n")
    os._exit(128 + number)


def main() -> None:
    """Run the command line; see `gpt_sovits_emotion.cli.main`."""
    before = signal.signal(signal.SIGINT, _leave)
    from gpt_sovits_emotion.cli import main as run

    if before is not signal.SIG_IGN:  # as under nohup: whoever ignores Ctrl-C goes on doing so
        before = signal.default_int_handler
    signal.signal(signal.SIGINT, before)
    run(sys.argv[1:])


if __name__ == "__main__":
    main()
