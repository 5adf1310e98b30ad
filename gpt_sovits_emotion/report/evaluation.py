"""The page of an evaluation: one file that needs nothing but a browser, in English and Chinese."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from gpt_sovits_emotion import __version__
from gpt_sovits_emotion.core.counting import counted
from gpt_sovits_emotion.core.files import write_text
from gpt_sovits_emotion.core.labels import colour_of
from gpt_sovits_emotion.core.messages import of_count, of_label, tr
from gpt_sovits_emotion.core.records import Sentence
from gpt_sovits_emotion.report.pictures import (
    confusion_picture,
    coverage_picture,
    interval_picture,
    reliability_picture,
)
from gpt_sovits_emotion.training.calibration import REPORTED
from gpt_sovits_emotion.training.evaluation_report import Comparison, Contender, Evaluation, Outcome
from gpt_sovits_emotion.training.folds import PROTOCOLS
from gpt_sovits_emotion.training.held_out import RecordingScore

__all__ = ["evaluation_page", "write_evaluation_page"]

_OPEN_OUTCOMES = 2
"""So many outcomes are shown unfolded; the rest opens at a click."""

_NORMALISATIONS = {
    "global": tr("first-time speaker (global)"),
    "speaker": tr("known speaker (speaker)"),
}
_KINDS = {
    "recipe": tr("a recipe, trained anew in each fold"),
    "head": tr("a finished head, as it is"),
    "baseline": tr("a baseline, trained anew in each fold"),
}


@dataclass(frozen=True, slots=True)
class _Fact:
    """One entry of the page's head."""

    name: Sentence
    value: Sentence
    note: Sentence | None = None


@dataclass(frozen=True, slots=True)
class _Recall:
    """How well one class is heard; `share` is None where it does not occur."""

    name: Sentence
    colour: str
    share: float | None


@dataclass(frozen=True, slots=True)
class _Recording:
    """How recordings of one kind are heard."""

    kind: Sentence
    size: Sentence
    uar: str
    interval: str


@dataclass(frozen=True, slots=True)
class _Section:
    """One outcome with its pictures, which are SVG."""

    outcome: Outcome
    title: Sentence
    normalisation: Sentence
    uar: str
    wa: str
    interval: str
    situations: tuple[_Recording, ...]
    recalls: tuple[_Recall, ...]
    confusion: str
    reliability: str
    coverage: str


def write_evaluation_page(evaluation: Evaluation, path: Path, *, language: str = "en") -> None:
    """Write the page of an evaluation.

    Args:
        evaluation: What was found.
        path: The page's file.
        language: The language in which it opens, ``"en"`` or ``"zh"``; both are in it.

    Raises:
        OutputError: The file cannot be written.
    """
    write_text(Path(path), evaluation_page(evaluation, language=language))


def evaluation_page(evaluation: Evaluation, *, language: str = "en") -> str:
    """Return the page of an evaluation as HTML."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    script = _part("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    first = evaluation.contenders[0].name
    sections = [_section(outcome) for outcome in evaluation.outcomes]
    values: dict[str, Any] = {
        "title": " / ".join(contender.name for contender in evaluation.contenders),
        "language": language if language in ("en", "zh") else "en",
        "facts": _facts(evaluation),
        "warnings": evaluation.warnings,
        "sections": sections,
        "unfolded": [one for one in sections if one.outcome.contender == first][:_OPEN_OUTCOMES],
        "comparisons": [
            (comparison, _verdict(comparison)) for comparison in evaluation.comparisons
        ],
        "normalisations": _NORMALISATIONS,
        "command": evaluation.command,
        "version": __version__,
        # Ours: files of the package, and pictures whose words are escaped already.
        "markup": Markup,
        "script": Markup(script),
        "style": Markup(_part("page.css") + _part("evaluation.css")),
        "script_digest": digest,
    }
    return environment.from_string(_part("evaluation.html")).render(values)


def _section(outcome: Outcome) -> _Section:
    elsewhere = f"{outcome.trained_on} → {outcome.corpus}"
    title = elsewhere if outcome.protocol == "cross" else outcome.corpus
    chance = 1.0 / max(sum(share is not None for share in outcome.recalls), 1)
    return _Section(
        outcome=outcome,
        title=Sentence(title, title),
        normalisation=_NORMALISATIONS[outcome.normalisation],
        uar=_percent(outcome.uar, outcome.uar_interval),
        wa=_percent(outcome.wa, outcome.wa_interval),
        interval=interval_picture(outcome.uar, outcome.uar_interval, chance=chance),
        situations=tuple(_recording(one, chance) for one in outcome.situations),
        recalls=tuple(
            _Recall(
                of_label(label),
                colour_of(label),
                share,
            )
            for label, share in zip(outcome.labels, outcome.recalls, strict=True)
        ),
        confusion=confusion_picture(outcome.labels, outcome.confusion),
        reliability=reliability_picture(outcome.reliability),
        coverage=coverage_picture(outcome.curve),
    )


def _recording(one: RecordingScore, chance: float) -> _Recording:
    return _Recording(
        kind=REPORTED[one.kind],
        size=tr(
            "{n_recordings} × {n_segments}, {n_speakers}",
            n_recordings=one.n_recordings,
            n_segments=of_count(one.n_segments, "clip"),
            n_speakers=of_count(one.n_speakers, "speaker"),
        ),
        uar=_percent(one.uar, one.uar_interval),
        interval=interval_picture(one.uar, one.uar_interval, chance=chance),
    )


def _percent(value: float, interval: tuple[float, float]) -> str:
    return f"{100 * value:.1f} [{100 * interval[0]:.1f}–{100 * interval[1]:.1f}]"


def _facts(evaluation: Evaluation) -> list[_Fact]:
    facts = [_contender_fact(contender) for contender in evaluation.contenders]
    facts += [
        _Fact(
            tr("Corpus {credit}", credit=credit.name),
            Sentence(
                f"{counted(credit.n_utterances, 'clip')}, {counted(credit.n_speakers, 'speaker')}"
                + (f", {credit.language}" if credit.language else ""),
                f"{credit.n_utterances} 条录音，{credit.n_speakers} 位说话人"
                + (f"，{credit.language}" if credit.language else ""),
            ),
            Sentence(credit.licence, credit.licence),
        )
        for credit in evaluation.corpora
    ]
    facts.append(
        _Fact(
            tr("Protocol"),
            Sentence(evaluation.protocol, evaluation.protocol),
            PROTOCOLS[evaluation.protocol],
        )
    )
    facts.append(
        _Fact(
            tr("Measured on"),
            Sentence(evaluation.measured_on, evaluation.measured_on),
            tr("in {took_s:.0f} s", took_s=evaluation.took_s),
        )
    )
    return facts


def _contender_fact(contender: Contender) -> _Fact:
    kind, cost = _KINDS[contender.kind], contender.cost
    en, zh = f"{kind.en}; encoder {contender.encoder}", f"{kind.zh}；编码器 {contender.encoder}"
    if cost is not None:
        en += (
            f"; RTF {cost.encoder_rtf:.3f} for the encoder, {cost.head_rtf:.5f} for the head "
            f"({cost.machine})"
        )
        zh += (
            f"；实时率：编码器 {cost.encoder_rtf:.3f}，分类头 {cost.head_rtf:.5f}（{cost.machine}）"
        )
    return _Fact(
        tr("Measured"),
        Sentence(contender.name, contender.name),
        Sentence(en, zh),
    )


def _verdict(comparison: Comparison) -> Sentence:
    difference = comparison.difference
    low, high = difference.uar_interval
    points = f"{100 * difference.uar:+.1f} [{100 * low:+.1f}, {100 * high:+.1f}]"
    if not difference.is_certain:
        return tr("{points}: no certain difference with these speakers", points=points)
    if difference.uar > 0:
        return tr("{points}: the first is better", points=points)
    return tr("{points}: the second is better", points=points)


def _part(name: str) -> str:
    package = resources.files("gpt_sovits_emotion.report")
    return (package / "template" / name).read_text(encoding="utf-8")
