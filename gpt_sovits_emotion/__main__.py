"""``python -m gpt_sovits_emotion``, and the command ``gpt-sovits-emotion``.

Nothing is imported before Ctrl-C has its answer: a tenth of a second passes until the command line is there,
on a busy machine more. What Python itself does until this line is no package's to answer.
"""

from __future__ import annotations

import os
import signal
import sys

__all__ = ["main"]


def _leave(number: int, frame: object) -> None:
    os.write(2, b"gpt-sovits-emotion: stopped before anything was done\n")
    os._exit(128 + number)


def main() -> None:
    """Run the command line; see `gpt_sovits_emotion.cli.main`."""
    # Whoever ignores Ctrl-C, as under nohup, goes on doing so.
    ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    if not ignored:
        signal.signal(signal.SIGINT, _leave)
    from gpt_sovits_emotion.cli import main as run

    run(sys.argv[1:], begun_with=None if ignored else _leave)


if __name__ == "__main__":
    main()
