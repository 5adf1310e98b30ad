"""The prosody encoder in processes of its own, for the many cores of a machine.

Not `multiprocessing`: its processes import the caller's main module again, and where that is GPT-SoVITS's
page they would start a second page. These are plain interpreters that are told one clip after another over
their standard input. They end when that is closed, so that not even a kill leaves one behind.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import IO

import numpy as np

from gpt_sovits_emotion.records import Sentence
from gpt_sovits_emotion.training.versions import Alteration, embed_clip

__all__ = ["can_use_processes", "embed_in_processes", "serve"]

_START = (
    "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); import json, sys; "
    "sys.path[:] = json.loads(sys.argv[1]); "
    "from gpt_sovits_emotion.training.embed_process import serve; serve()"
)
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_PATIENCE_S = 1.0
_AHEAD = 4  # clips handed out per process: none waits, and few are lost when the run is stopped


def can_use_processes() -> bool:
    """Whether this program knows an interpreter to start (a frozen one is its own)."""
    return bool(sys.executable) and not getattr(sys, "frozen", False)


def embed_in_processes(
    tasks: Sequence[tuple[int, Path, Mapping[str, Alteration]]], *, n_jobs: int
) -> Iterator[tuple[int, np.ndarray | Sentence]]:
    """Embed clips with the prosody encoder, in the order in which they are done.

    Args:
        tasks: Per clip a number to know it by, its file, and the versions of it to embed.
        n_jobs: How many processes.

    Yields:
        The number, and ``(n_versions, dim)`` float32 or the reason why there is none. A process that dies
        of a clip counts as a reason, and is replaced.
    """
    idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
    started: list[_Worker] = []

    def start() -> None:
        started.append(_Worker())
        idle.put(started[-1])

    def run(path: Path, versions: Mapping[str, Alteration]) -> np.ndarray | Sentence:
        worker = idle.get()
        answer = worker.ask(path, versions)
        if answer is not None:
            idle.put(worker)
            return answer
        start()
        code = worker.end()
        return Sentence(
            f"{path.name}: the process that embedded it ended with code {code}",
            f"{path.name}：处理它的进程异常结束（代码 {code}）",
        )

    pool = ThreadPoolExecutor(n_jobs, thread_name_prefix="embed")
    try:
        for _ in range(n_jobs):
            start()
        waiting = iter(tasks)
        running: dict[Future[np.ndarray | Sentence], int] = {}
        while True:
            for index, path, versions in islice(waiting, n_jobs * _AHEAD - len(running)):
                running[pool.submit(run, path, versions)] = index
            if not running:
                return
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(done), done.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for worker in started:
            worker.stop_listening()
        for worker in started:
            worker.end()
        pool.shutdown()
        for worker in started:  # one that was started while the others ended
            worker.end()


class _Worker:
    """One interpreter that embeds what it is asked to."""

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

    def ask(self, path: Path, versions: Mapping[str, Alteration]) -> np.ndarray | Sentence | None:
        """Return ``(n_versions, dim)`` float32, why there is none, or None when the process has ended."""
        question = {
            "path": str(path.absolute()),
            "versions": {name: asdict(alteration) for name, alteration in versions.items()},
        }
        try:
            self._stdin.write(json.dumps(question).encode() + b"\n")
            self._stdin.flush()
            return _received(self._stdout)
        except (OSError, ValueError):
            return None

    def stop_listening(self) -> None:
        """Let the process end by itself, after the clip that it is at."""
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


def _received(stream: IO[bytes]) -> np.ndarray | Sentence | None:
    line = stream.readline()
    if not line.endswith(b"\n"):
        return None
    header = json.loads(line)
    if "en" in header:
        return Sentence(header["en"], header["zh"])
    n_rows, dim = header["shape"]
    data = stream.read(4 * n_rows * dim)
    if len(data) < 4 * n_rows * dim:
        return None
    return np.frombuffer(data, "<f4").astype(np.float32).reshape(n_rows, dim)


def serve() -> None:
    """Answer questions from standard input until it is closed. Runs in a process of its own."""
    from gpt_sovits_emotion.encoders.prosody import ProsodyEncoder

    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not get between the answers
    encoder = ProsodyEncoder()
    for line in sys.stdin.buffer:
        question = json.loads(line)
        versions = {name: Alteration(**fields) for name, fields in question["versions"].items()}
        answer = embed_clip(Path(question["path"]), encoder, versions)
        if isinstance(answer, Sentence):
            answers.write(json.dumps({"en": answer.en, "zh": answer.zh}).encode() + b"\n")
        else:
            answers.write(json.dumps({"shape": answer.shape}).encode() + b"\n")
            answers.write(np.ascontiguousarray(answer, "<f4").tobytes())
        answers.flush()
