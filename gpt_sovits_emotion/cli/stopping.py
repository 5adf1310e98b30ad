"""Ctrl-C and ``kill``: both end a command by way of its clean-up, and say so with their exit codes."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

__all__ = ["Stopped", "stoppable"]


_LATER_S = 0.05


@dataclass(slots=True)
class Stopped:
    """Whether a command was asked to end.

    Attributes:
        exit_code: 130 after Ctrl-C, 143 after ``kill`` (128 and the signal's number, as shells expect); None
            before.
    """

    exit_code: int | None = None


@contextmanager
def stoppable() -> Iterator[Stopped]:
    """Turn the signals that ask a process to end into `KeyboardInterrupt`; yield whether one came.

    A signal that is ignored (``nohup``) stays so, and outside the main thread nothing is changed.
    """
    stopped = Stopped()

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.exit_code = 128 + number
        if _panics(frame):
            again = threading.Timer(_LATER_S, os.kill, (os.getpid(), number))
            again.daemon = True
            again.start()
            return
        raise KeyboardInterrupt

    ending: tuple[signal.Signals, ...] = (signal.SIGINT, signal.SIGTERM)
    if threading.current_thread() is not threading.main_thread():
        ending = ()
    usual = (signal.default_int_handler, signal.SIG_DFL)
    changed = [
        (number, signal.signal(number, stop))
        for number in ending
        if signal.getsignal(number) in usual
    ]
    try:
        yield stopped
    finally:
        for number, before in changed:
            signal.signal(number, before)


def _panics(frame: FrameType | None) -> bool:
    """Say whether an exception here would end in a panic, as in pydantic 2.10, which is Rust inside."""
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] == "pydantic":
            return True
        frame = frame.f_back
    return False
