"""Listening in processes of its own, on as many cores as a person gives.

Not `multiprocessing`, for the reason given in `training.embed_process`: its processes import the caller's
main module again. Even a single process is worth it: a page that builds a bank stays as quick as it was, a
file that ends the decoder ends nothing else, and one thread each makes the numbers the same however many
cores there are.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path
from typing import IO

import numpy as np

from gpt_sovits_emotion.banking.hearing import ClipFacts, HeardClip, Question, hear
from gpt_sovits_emotion.records import Sentence

__all__ = ["hear_all", "serve"]

_START = (
    "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); import json, sys; "
    "sys.path[:] = json.loads(sys.argv[1]); "
    "from gpt_sovits_emotion.banking.processes import serve; serve()"
)
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_PATIENCE_S = 1.0
_FEWEST_FOR_PROCESSES = 8  # clips: an interpreter takes as long to start as these take
_AHEAD = 4  # clips handed out per process: none waits, and few are lost when the build is stopped


def hear_all(
    questions: Sequence[tuple[int, Question]], *, n_jobs: int
) -> Iterator[tuple[int, HeardClip]]:
    """Listen to clips, in the order in which they are done.

    Args:
        questions: Each with a number to know it by.
        n_jobs: How many processes.

    Yields:
        The number and what was heard. A process that dies of a clip counts as the clip's problem, and is
        replaced. A few clips, and all of them where no interpreter can be started, are heard in this process.
    """
    frozen = not sys.executable or getattr(sys, "frozen", False)
    if frozen or len(questions) < _FEWEST_FOR_PROCESSES:
        yield from _heard_here(questions)
        return
    with closing(_heard(questions, min(n_jobs, len(questions)))) as answers:
        yield from answers


def _heard_here(questions: Sequence[tuple[int, Question]]) -> Iterator[tuple[int, HeardClip]]:
    from threadpoolctl import threadpool_limits

    for number, question in questions:
        with threadpool_limits(limits=1):  # as in a process of its own, to the last bit
            heard = hear(question)
        yield number, heard


def _heard(
    questions: Sequence[tuple[int, Question]], n_jobs: int
) -> Generator[tuple[int, HeardClip], None, None]:
    idle: queue.SimpleQueue[_Listener] = queue.SimpleQueue()
    started: list[_Listener] = []

    def start() -> None:
        started.append(_Listener())
        idle.put(started[-1])

    def run(question: Question) -> HeardClip:
        listener = idle.get()
        answer = listener.ask(question)
        if answer is not None:
            idle.put(listener)
            return answer
        start()
        return _lost(question.path, listener.end())

    pool = ThreadPoolExecutor(n_jobs, thread_name_prefix="listen")
    try:
        for _ in range(n_jobs):
            start()
        waiting = iter(questions)
        running: dict[Future[HeardClip], int] = {}
        while True:
            for number, question in islice(waiting, n_jobs * _AHEAD - len(running)):
                running[pool.submit(run, question)] = number
            if not running:
                return
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(done), done.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for listener in started:
            listener.stop()
        for listener in started:
            listener.end()
        pool.shutdown()
        for listener in started:  # one that was started while the others ended
            listener.end()


class _Listener:
    """One interpreter that listens to what it is asked about."""

    def __init__(self) -> None:
        environment = {**os.environ, **dict.fromkeys(_ONE_THREAD, "1")}
        path = [entry or str(Path.cwd()) for entry in sys.path]
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", _START, json.dumps(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin, self._process.stdout

    def ask(self, question: Question) -> HeardClip | None:
        """Return what is heard, None when the process has ended."""
        words = {
            "path": str(question.path.absolute()),
            "prosody": question.prosody,
            "stored": None if question.stored is None else str(question.stored.absolute()),
        }
        try:
            self._stdin.write(json.dumps(words).encode() + b"\n")
            self._stdin.flush()
            return _received(self._stdout)
        except (OSError, ValueError):
            return None

    def stop(self) -> None:
        """Let the process end by itself, after the clip that it is at."""
        with suppress(OSError):  # it may have ended before
            self._stdin.close()

    def end(self) -> int:
        """Wait a second for the process to end, then end it; return its exit code."""
        self.stop()
        try:
            code = self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self._stdout.close()
        return code


def _received(stream: IO[bytes]) -> HeardClip | None:
    line = stream.readline()
    if not line.endswith(b"\n"):
        return None
    header = json.loads(line)
    rows = {}
    for name, n_values in header["rows"].items():
        data = stream.read(4 * n_values)
        if len(data) < 4 * n_values:
            return None
        rows[name] = np.frombuffer(data, "<f4").astype(np.float32)
    stored_problem = header["stored_problem"]
    return HeardClip(
        ClipFacts.from_dict(header["facts"]),
        rows,
        None if stored_problem is None else Sentence.from_dict(stored_problem),
    )


def _lost(path: Path, code: int) -> HeardClip:
    problem = Sentence(
        f"{path.name}: the process that listened to it ended with code {code}",
        f"{path.name}：处理它的进程异常结束（代码 {code}）",
    )
    return HeardClip(ClipFacts(None, problem=problem))


def serve() -> None:
    """Answer questions from standard input until it is closed. Runs in a process of its own."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not get between the answers
    for line in sys.stdin.buffer:
        words = json.loads(line)
        stored = None if words["stored"] is None else Path(words["stored"])
        heard = hear(Question(Path(words["path"]), words["prosody"], stored))
        header = {
            "facts": heard.facts.to_dict(),
            "rows": {name: len(row) for name, row in heard.rows.items()},
            "stored_problem": heard.stored_problem and heard.stored_problem.to_dict(),
        }
        try:
            answers.write(json.dumps(header).encode() + b"\n")
            for row in heard.rows.values():
                answers.write(np.ascontiguousarray(row, "<f4").tobytes())
            answers.flush()
        except BrokenPipeError:
            os._exit(0)  # whoever asked was killed; closing the pipe in order would fail as well
