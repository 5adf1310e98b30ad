"""Interpreters that answer questions on the other cores of a machine.

Not `multiprocessing`: its processes import the caller's main module again, and where that is GPT-SoVITS's
page they would start a second page. These are plain interpreters that are told one question after another
over their standard input. They end when that is closed, so that not even a kill leaves one behind; and
whatever ends one ends nothing else. Each has one thread, which makes its numbers the same however many there
are.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

__all__ = ["Answer", "Ended", "ask_all", "can_start", "serve"]

_START = (
    "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); import json, sys; "
    "sys.path[:] = json.loads(sys.argv[1]); from {module} import serve; serve()"
)
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_PATIENCE_S = 1.0
_AHEAD = 4  # questions handed out per process: none waits, and few are lost when the run is stopped


@dataclass(frozen=True, slots=True)
class Answer:
    """What a process says: a header that goes through JSON, and bytes."""

    header: dict[str, Any]
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Ended:
    """A process ended over a question, with this exit code."""

    code: int


def can_start() -> bool:
    """Whether this program knows an interpreter to start (a frozen one is its own)."""
    return bool(sys.executable) and not getattr(sys, "frozen", False)


def ask_all(
    questions: Sequence[tuple[int, dict[str, Any]]], *, module: str, n_jobs: int
) -> Generator[tuple[int, Answer | Ended], None, None]:
    """Ask every question, and return the answers in the order in which they are given.

    Args:
        questions: Each with a number to know it by; a question goes through JSON.
        module: The module whose ``serve()`` answers (by `serve` below).
        n_jobs: How many processes.

    Yields:
        The number and the answer. A process that ends over a question is replaced.
    """
    idle: queue.SimpleQueue[_Process] = queue.SimpleQueue()
    started: list[_Process] = []

    def start() -> None:
        started.append(_Process(module))
        idle.put(started[-1])

    def run(question: dict[str, Any]) -> Answer | Ended:
        process = idle.get()
        answer = process.ask(question)
        if answer is not None:
            idle.put(process)
            return answer
        start()
        return Ended(process.end())

    pool = ThreadPoolExecutor(n_jobs, thread_name_prefix="ask")
    try:
        for _ in range(n_jobs):
            start()
        waiting = iter(questions)
        running: dict[Future[Answer | Ended], int] = {}
        while True:
            for number, question in islice(waiting, n_jobs * _AHEAD - len(running)):
                running[pool.submit(run, question)] = number
            if not running:
                return
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(done), done.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in started:
            process.stop_listening()
        for process in started:
            process.end()
        pool.shutdown()
        for process in started:  # one that was started while the others ended
            process.end()


class _Process:
    """One interpreter that answers what it is asked."""

    def __init__(self, module: str) -> None:
        environment = {**os.environ, **dict.fromkeys(_ONE_THREAD, "1")}
        path = [entry or str(Path.cwd()) for entry in sys.path]
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", _START.format(module=module), json.dumps(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin, self._process.stdout

    def ask(self, question: dict[str, Any]) -> Answer | None:
        """Return the answer, None when the process has ended."""
        try:
            self._stdin.write(json.dumps(question).encode() + b"\n")
            self._stdin.flush()
            line = self._stdout.readline()
            if not line.endswith(b"\n"):
                return None
            n_bytes, header = json.loads(line)
            data = self._stdout.read(n_bytes)
        except (OSError, ValueError):
            return None
        return Answer(header, data) if len(data) == n_bytes else None

    def stop_listening(self) -> None:
        """Let the process end by itself, after the question that it is at."""
        with suppress(OSError):  # it may have ended before
            self._stdin.close()

    def end(self) -> int:
        """Wait a second for the process to end, then end it; return its exit code."""
        self.stop_listening()
        try:
            code = self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._stdout.close()
        return code


def serve(answer: Callable[[dict[str, Any]], Answer]) -> None:
    """Answer questions from standard input until it is closed. Runs in a process of its own."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not get between the answers
    for line in sys.stdin.buffer:
        said = answer(json.loads(line))
        try:
            answers.write(json.dumps((len(said.data), said.header)).encode() + b"\n")
            answers.write(said.data)
            answers.flush()
        except BrokenPipeError:
            os._exit(0)  # whoever asked was killed; closing the pipe in order would fail as well
