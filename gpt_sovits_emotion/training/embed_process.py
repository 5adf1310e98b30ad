"""The prosody encoder in processes of its own, for the many cores of a machine."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from gpt_sovits_emotion.core import workers as interpreters
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.core.workers import Answer, Ended
from gpt_sovits_emotion.training.versions import Alteration, embed_clip

__all__ = ["embed_in_processes", "serve"]


def embed_in_processes(
    tasks: Sequence[tuple[int, Path, Mapping[str, Alteration]]], *, n_jobs: int
) -> Generator[tuple[int, np.ndarray | Sentence], None, None]:
    """Embed clips with the prosody encoder, one pass each, in the order in which they are done.

    Args:
        tasks: Per clip a number to know it by, its file, and the versions of it to embed.
        n_jobs: How many processes.

    Yields:
        The number, and ``(n_versions, dim)`` float32 or the reason why there is none. A process that dies
        of a clip counts as a reason, and is replaced.
    """
    paths = {number: path for number, path, _ in tasks}
    questions = [
        (
            number,
            {
                "path": str(path.absolute()),
                "versions": {name: asdict(alteration) for name, alteration in versions.items()},
            },
        )
        for number, path, versions in tasks
    ]
    asked = interpreters.ask_all(questions, module=__name__, n_jobs=n_jobs)
    with closing(asked) as answers:
        for number, answer in answers:
            yield number, _embedded(answer, paths[number])


def _embedded(answer: Answer | Ended, path: Path) -> np.ndarray | Sentence:
    if isinstance(answer, Ended):
        return Sentence(
            f"{path.name}: the process that embedded it ended with code {answer.code}",
            f"{path.name}：处理它的进程异常结束（代码 {answer.code}）",
        )
    if "en" in answer.header:
        return Sentence.from_dict(answer.header)
    return np.frombuffer(answer.data, "<f4").astype(np.float32).reshape(answer.header["shape"])


def serve() -> None:
    """Answer questions from standard input until it is closed. Runs in a process of its own."""
    from gpt_sovits_emotion.encoders.prosody import ProsodyEncoder

    encoder = ProsodyEncoder().once

    def answer(question: dict[str, Any]) -> Answer:
        versions = {name: Alteration(**fields) for name, fields in question["versions"].items()}
        embedded = embed_clip(Path(question["path"]), encoder, versions)
        if isinstance(embedded, Sentence):
            return Answer(embedded.to_dict())
        return Answer({"shape": embedded.shape}, np.ascontiguousarray(embedded, "<f4").tobytes())

    interpreters.serve(answer)
