"""Listening in processes of its own, on as many cores as a person gives.

Even a single process is worth it: a page that builds a bank stays as quick as it was, and a file that ends
the decoder ends nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from gpt_sovits_emotion.banks.building.hearing import ClipFacts, HeardClip, Question, hear
from gpt_sovits_emotion.core import workers as interpreters
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.core.workers import Answer, Ended

__all__ = ["hear_all", "serve"]

_FEWEST_FOR_PROCESSES = 8  # clips: an interpreter takes as long to start as these take


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
    if not interpreters.can_start() or len(questions) < _FEWEST_FOR_PROCESSES:
        yield from _heard_here(questions)
        return
    paths = {number: question.path for number, question in questions}
    packed = [(number, _packed(question)) for number, question in questions]
    asked = interpreters.ask_all(packed, module=__name__, n_jobs=min(n_jobs, len(questions)))
    with closing(asked) as answers:
        for number, answer in answers:
            yield number, _heard(answer, paths[number])


def _heard_here(questions: Sequence[tuple[int, Question]]) -> Iterator[tuple[int, HeardClip]]:
    from threadpoolctl import threadpool_limits

    for number, question in questions:
        with threadpool_limits(limits=1):  # as in a process of its own, to the last bit
            heard = hear(question)
        yield number, heard


def _packed(question: Question) -> dict[str, Any]:
    return {
        "path": str(question.path.absolute()),
        "prosody": question.prosody,
        "stored": None if question.stored is None else str(question.stored.absolute()),
    }


def _heard(answer: Answer | Ended, path: Path) -> HeardClip:
    if isinstance(answer, Ended):
        problem = tr(
            "{path}: the process that listened to it ended with code {code}",
            path=path.name,
            code=answer.code,
        )
        return HeardClip(ClipFacts(None, problem=problem))
    rows, start = {}, 0
    for name, n_values in answer.header["rows"].items():
        rows[name] = np.frombuffer(answer.data, "<f4", n_values, start).astype(np.float32)
        start += 4 * n_values
    stored_problem = answer.header["stored_problem"]
    return HeardClip(
        ClipFacts.from_dict(answer.header["facts"]),
        rows,
        None if stored_problem is None else Sentence.from_dict(stored_problem),
    )


def serve() -> None:
    """Answer questions from standard input until it is closed. Runs in a process of its own."""
    interpreters.serve(_answer)


def _answer(question: dict[str, Any]) -> Answer:
    stored = None if question["stored"] is None else Path(question["stored"])
    heard = hear(Question(Path(question["path"]), question["prosody"], stored))
    header = {
        "facts": heard.facts.to_dict(),
        "rows": {name: len(row) for name, row in heard.rows.items()},
        "stored_problem": heard.stored_problem and heard.stored_problem.to_dict(),
    }
    data = b"".join(np.ascontiguousarray(row, "<f4").tobytes() for row in heard.rows.values())
    return Answer(header, data)
