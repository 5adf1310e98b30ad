"""Ctrl-C and ``kill``: both end a command by way of its clean-up, and say so with their exit codes."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

__all__ = ["Answer", "Stopped", "stoppable"]


Answer = Callable[[int, "FrameType | None"], object]
"""What is called when a signal comes."""

_LATER_S = 0.05
_IMPORTING = "importlib._bootstrap"
_WAITING = frozenset({"_lock_unlock_module", "acquire", "release", "_get_module_lock", "cb"})


@dataclass(slots=True)
class Stopped:
    """Whether a command was asked to end.

    Attributes:
        exit_code: 130 after Ctrl-C, 143 after ``kill`` (128 and the signal's number, as shells expect); None
            before.
    """

    exit_code: int | None = None


@contextmanager
def stoppable(begun_with: Answer | None = None) -> Iterator[Stopped]:
    """Turn the signals that ask a process to end into `KeyboardInterrupt`; yield whether one came.

    A signal that is ignored (``nohup``) stays so, and outside the main thread nothing is changed.

    Args:
        begun_with: What answers Ctrl-C until now; afterwards, when only Python's own end is left, it ends
            the process at once.
    """
    stopped = Stopped()

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.exit_code = 128 + number
        if _is_lost(frame):
            _again(number)
            return
        raise KeyboardInterrupt

    ending: tuple[signal.Signals, ...] = (signal.SIGINT, signal.SIGTERM)
    if threading.current_thread() is not threading.main_thread():
        ending = ()
    usual = (signal.default_int_handler, signal.SIG_DFL, begun_with)
    changed = [
        (number, signal.signal(number, stop))
        for number in ending
        if signal.getsignal(number) in usual
    ]
    told = sys.unraisablehook

    def unraisable(what: sys.UnraisableHookArgs) -> None:
        # Raised where Python drops it, as while an object is deleted: asked for again, it arrives.
        if issubclass(what.exc_type, KeyboardInterrupt) and stopped.exit_code is not None:
            _again(stopped.exit_code - 128)
        else:
            told(what)

    sys.unraisablehook = unraisable
    try:
        yield stopped
    finally:
        sys.unraisablehook = told
        for number, before in changed:
            signal.signal(number, before if begun_with is None else signal.SIG_DFL)


def _again(number: int) -> None:
    """Send this process a signal once more, a little later."""
    again = threading.Timer(_LATER_S, os.kill, (os.getpid(), number))
    again.daemon = True
    again.start()


def _is_lost(frame: FrameType | None) -> bool:
    """Say whether an exception here would end in a panic, or be printed and forgotten.

    The one in pydantic 2.10, which is Rust inside; the other while one import waits for another, which
    extension modules set off.
    """
    if frame is not None and frame.f_code.co_name in _WAITING and _module_of(frame) == _IMPORTING:
        return True
    while frame is not None:
        if _module_of(frame).partition(".")[0] == "pydantic":
            return True
        frame = frame.f_back
    return False


def _module_of(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))
