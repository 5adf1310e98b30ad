"""What is to be measured, and that it is measured honestly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gpt_sovits_emotion.core.errors import CorpusError
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.heads.card import MODES
from gpt_sovits_emotion.training.candidates import Candidate, has_met
from gpt_sovits_emotion.training.corpora import Corpus, check
from gpt_sovits_emotion.training.evaluation import Protocol

__all__ = ["EvaluationPlan", "checked_corpora", "fair_candidates"]


@dataclass(frozen=True, slots=True, eq=False)
class EvaluationPlan:
    """What is to be measured.

    Attributes:
        corpora: On what; of different names.
        candidate: Who is measured.
        others: Who is measured on the same folds, to compare.
        protocol: How. A finished head is never trained: where it is to be measured on a corpus it was
            trained on, its recipe is trained anew in each fold instead, and a warning says so.
        labels: The classes; all that the corpora have when empty.
        test_speakers: Of protocol ``split``.
        modes: Which normalisations.
        few_counts: From how many clips of a speaker the speaker mode is measured, besides all.
        cost: Whether to measure the time that it takes.
        n_jobs: Processes.
        command: How to do it again, for the record.
    """

    corpora: tuple[Corpus, ...]
    candidate: Candidate
    others: tuple[Candidate, ...] = ()
    protocol: Protocol = "loso"
    labels: tuple[str, ...] = ()
    test_speakers: tuple[str, ...] = ()
    modes: tuple[str, ...] = MODES
    few_counts: tuple[int, ...] = (5, 10, 20)
    cost: bool = True
    n_jobs: int = 1
    command: str = ""


def fair_candidates(
    plan: EvaluationPlan,
) -> tuple[tuple[Candidate, ...], EvaluationPlan, list[Sentence]]:
    """See to it that no finished head is asked about a corpus it was trained on."""
    names = [corpus.name for corpus in plan.corpora]
    if len(set(names)) < len(names):
        raise CorpusError(
            f"two corpora are called {max(names, key=names.count)!r}; give them names of their own "
            "(--corpus NAME=DIR)",
            zh=f"有两个语料都叫 {max(names, key=names.count)!r}；请分别命名（--corpus NAME=DIR）",
        )
    candidates: list[Candidate] = []
    warnings = _never_tested(plan.corpora)
    for candidate in (plan.candidate, *plan.others):
        met = [one.name for one in plan.corpora if candidate.head and has_met(candidate.head, one)]
        if candidate.head is None or not met:
            candidates.append(candidate)
        elif plan.protocol == "cross" and candidate is plan.candidate and len(met) < len(names):
            rest = tuple(corpus for corpus in plan.corpora if corpus.name not in met)
            _never_tested(rest)
            plan = replace(plan, corpora=rest)
            warnings.append(_left_out(candidate.name, met))
            candidates.append(candidate)
        else:
            candidates.append(candidate.by_recipe())
            warnings.append(_trained_anew(candidate.name, met))
    if len({candidate.name for candidate in candidates}) < len(candidates):
        raise CorpusError(
            f"{candidates[0].name!r} is to be compared with itself; name two different ones",
            zh=f"{candidates[0].name!r} 不能与自身比较；请给出两个不同的对象",
        )
    return tuple(candidates), plan, warnings


def checked_corpora(plan: EvaluationPlan, candidates: Sequence[Candidate]) -> list[Sentence]:
    """Return what a reader must know of the corpora; what only matters to training is left aside."""
    if not any(candidate.is_trained_here for candidate in candidates):
        return [warning for corpus in plan.corpora for warning in corpus.warnings]
    labels = plan.labels
    if plan.protocol == "cross" and not labels:
        having = Counter(label for corpus in plan.corpora for label in corpus.emotions)
        labels = tuple(sorted(label for label, n_corpora in having.items() if n_corpora > 1))
    return list(check(plan.corpora, labels or None))


def _never_tested(corpora: Sequence[Corpus]) -> list[Sentence]:
    """Return why some corpora are trained on alone. Raises `CorpusError` when none is left to test on."""
    reasons = [reason for corpus in corpora if (reason := corpus.train_only_reason())]
    if len(reasons) == len(corpora):
        raise CorpusError(
            f"{'; '.join(reason.en for reason in reasons)}: nothing is left to measure on, name a corpus of "
            "recorded speech as well (--corpus)",
            zh=f"{'；'.join(reason.zh for reason in reasons)}：没有可评测的语料，"
            "请再加入真人录音的语料（--corpus）",
        )
    return reasons


def _left_out(name: str, met: Sequence[str]) -> Sentence:
    return Sentence(
        f"{', '.join(met)} was left out: head {name!r} was trained on it",
        f"已略去 {'、'.join(met)}：情感模型 {name!r} 是用它训练的",
    )


def _trained_anew(name: str, met: Sequence[str]) -> Sentence:
    return Sentence(
        f"head {name!r} was trained on {', '.join(met)}, where it would only show what it remembers; "
        "its recipe was trained anew in each fold on these corpora alone, and that is what is measured",
        f"情感模型 {name!r} 是用 {'、'.join(met)} 训练的，直接评测只会反映它记住了什么；"
        "这里评测的是其配方：在每个划分中仅用这些语料重新训练",
    )
