"""``evaluate``: how good a recipe or a finished head is, on speakers it was not trained on."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from dataclasses import replace as with_fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gpt_sovits_emotion.cli.arguments import FilePath, Misuse, Seed
from gpt_sovits_emotion.cli.console import echo, padded, progress_bar, say, shown_width
from gpt_sovits_emotion.cli.language import in_language
from gpt_sovits_emotion.cli.options import (
    encoder_for,
    feature_options,
    head_for,
    heads_dir_option,
    language_option,
    lending_options,
    open_engines_for,
    opened_cache,
    replace_option,
)
from gpt_sovits_emotion.cli.results import check_free, check_writable
from gpt_sovits_emotion.cli.settings import FeatureSettings, ModelSettings, with_settings
from gpt_sovits_emotion.core.counting import counted
from gpt_sovits_emotion.core.labels import display_name
from gpt_sovits_emotion.core.messages import in_both, of_count, tr

if TYPE_CHECKING:
    from gpt_sovits_emotion.training.evaluation_report import Comparison, Evaluation, Outcome
    from gpt_sovits_emotion.training.metrics import Coverage
    from gpt_sovits_emotion.training.systems import System

__all__ = ["evaluate"]

_KINDS = {"recipe": "配方", "head": "成品情感模型", "baseline": "基线"}
_LEAST_SHARES = (0.0, 0.5, 0.7, 0.9)  # of the risk-coverage table, in a terminal


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What is measured: options of this command alone."""

    protocol: Any
    encoder: str | None
    labels: str | None
    test_speakers: tuple[str, ...]
    against: tuple[str, ...]
    baseline: str | None
    members: int | None
    seed: int
    cost: bool


@click.command()
@click.option(
    "--corpus",
    "corpora",
    metavar="NAME=DIR",
    multiple=True,
    required=True,
    help="A corpus to measure on (repeatable); NAME is a known one (corpora list) or one of yours.",
)
@click.option(
    "--protocol",
    type=click.Choice(["loso", "loso+text", "split", "cross"]),
    help="loso: leave one speaker out. loso+text: leave out speaker and sentence. split: one fixed split. "
    "cross: trained on one corpus, tested on another.  [default: loso; cross with --head on corpora that "
    "the head has not met]",
)
@click.option("--head", metavar="ID|PATH", help="Measure this finished head as it is.")
@click.option(
    "--encoder",
    metavar="ID",
    help="Measure the usual recipe on this encoder, trained anew in each fold.  [default: prosody]",
)
@click.option("--labels", metavar="A,B,…", help="These classes alone.  [default: all]")
@click.option(
    "--test-speaker",
    "test_speakers",
    metavar="NAME",
    multiple=True,
    help="With split: who is tested (repeatable).  [default: every fourth speaker]",
)
@click.option(
    "--against",
    metavar="ID|PATH",
    multiple=True,
    help="A head, or the id of an encoder, to compare with on the same folds (repeatable).",
)
@click.option(
    "--baseline",
    type=click.Choice(["opensmile"]),
    help="Measure openSMILE ComParE_2016 with a linear SVM in the same run (extra: benchmark).",
)
@click.option("--members", type=click.IntRange(1, 50), help="Networks per mode of a recipe.")
@click.option("--seed", type=Seed(), default=0, show_default=True, help="Of a recipe.")
@click.option("--cost/--no-cost", default=True, show_default=True, help="Measure the RTF too.")
@feature_options
@click.option("--json", "json_path", type=FilePath(), help="Write all of it into this JSON file.")
@click.option("--page", "page_path", type=FilePath(), help="Write a page with pictures of it.")
@replace_option
@heads_dir_option
@lending_options
@language_option
@with_settings(models=ModelSettings, features=FeatureSettings, wanted=_Wanted)
def evaluate(
    corpora: tuple[str, ...],
    json_path: Path | None,
    page_path: Path | None,
    replace: bool,
    lang: str,
    models: ModelSettings,
    features: FeatureSettings,
    wanted: _Wanted,
) -> None:
    """Measure a recipe or a finished head on speakers that it was not trained on.

    Prints UAR and accuracy with 95 % intervals over speakers, recalls, confusion, calibration error,
    what staying silent gains, and cost; --json and --page write all of it, with pictures.

    Such as: evaluate --corpus emodb=DIR --baseline opensmile; evaluate --corpus nemo=DIR --head
    prosody-emodb; evaluate --corpus emodb=DIR --corpus nemo=DIR --protocol cross.
    """
    from gpt_sovits_emotion.core.labels import labels_of
    from gpt_sovits_emotion.report.evaluation import write_evaluation_page
    from gpt_sovits_emotion.training.corpora import open_corpora
    from gpt_sovits_emotion.training.evaluation import evaluate as run_evaluation
    from gpt_sovits_emotion.training.evaluation_report import write_evaluation
    from gpt_sovits_emotion.training.systems import EvaluationPlan

    if models.head and wanted.encoder:
        raise Misuse(tr("--head and --encoder exclude each other: a head has its encoder"))
    for path in (json_path, page_path):
        if path is not None:  # before hours of work
            check_writable(path.parent)
            check_free([path], replace=replace)
    with progress_bar("corpora") as progress:
        opened = open_corpora(corpora, progress=progress)
    for name in wanted.against:
        if not _is_encoder(name):
            head_for(with_fields(models, head=name))  # that it is there, before any model is opened
    system = _system(models, wanted)
    plan = EvaluationPlan(
        corpora=opened,
        system=system,
        others=_others(models, wanted),
        protocol=wanted.protocol or _usual_protocol(system, opened),
        labels=labels_of(wanted.labels or ""),
        test_speakers=wanted.test_speakers,
        cost=wanted.cost,
        n_jobs=features.jobs,
        command=shlex.join(["gpt-sovits-emotion", *sys.argv[1:]]),
    )
    with progress_bar("evaluate") as progress, opened_cache(features) as cache:
        evaluation = run_evaluation(plan, cache=cache, progress=progress)
    for line in _table(evaluation, lang):
        echo(line)
    if json_path:
        write_evaluation(evaluation, json_path)
        say(tr("written: {json_path}", json_path=json_path))
    if page_path:
        write_evaluation_page(evaluation, page_path, language=lang)
        say(tr("written: {page_path}", page_path=page_path))


def _system(models: ModelSettings, wanted: _Wanted) -> System:
    if models.head:
        return _of_head(models, models.head)
    return _of_encoder(models, wanted, wanted.encoder or "prosody")


def _others(models: ModelSettings, wanted: _Wanted) -> tuple[System, ...]:
    from gpt_sovits_emotion.training.systems import System

    others = [
        _of_encoder(models, wanted, name) if _is_encoder(name) else _of_head(models, name)
        for name in wanted.against
    ]
    return tuple(others + ([System.opensmile()] if wanted.baseline else []))


def _is_encoder(name: str) -> bool:
    from gpt_sovits_emotion.core.errors import EncoderError
    from gpt_sovits_emotion.encoders import parse_encoder_id

    try:
        parse_encoder_id(name)
    except EncoderError:
        return False
    return True


def _of_head(models: ModelSettings, name: str) -> System:
    from gpt_sovits_emotion.training.systems import System

    engines = open_engines_for(with_fields(models, head=name))
    return System.of_head(engines.tagger, engines.analyser.encoder)


def _of_encoder(models: ModelSettings, wanted: _Wanted, encoder_id: str) -> System:
    from gpt_sovits_emotion.training.recipes import recipe_for
    from gpt_sovits_emotion.training.systems import System

    encoder = encoder_for(models, encoder_id)
    recipe = with_fields(recipe_for(encoder.id), seed=wanted.seed)
    if wanted.members:
        recipe = with_fields(recipe, n_members=wanted.members)
    return System.of_recipe(encoder, recipe)


def _usual_protocol(system: System, corpora: Any) -> Any:
    from gpt_sovits_emotion.training.systems import has_met

    head = system.head
    if head is not None and not all(has_met(head, corpus) for corpus in corpora):
        return "cross"
    return "loso"


def _table(evaluation: Evaluation, language: str) -> list[str]:
    """Return what a terminal shows."""
    from gpt_sovits_emotion.training.folds import PROTOCOLS

    meaning = PROTOCOLS[evaluation.protocol].say(language)
    lines = [
        in_language(tr("{protocol}: {meaning}", protocol=evaluation.protocol, meaning=meaning))
    ]
    lines += [
        in_language(tr("note: {warning}", warning=warning)) for warning in evaluation.warnings
    ]
    for contender in evaluation.contenders:
        cost = contender.cost
        took = took_zh = ""
        if cost:
            took = (
                f"; RTF {cost.encoder_rtf:.3f} + {cost.head_rtf:.5f} for the head ({cost.machine})"
            )
            took_zh = (
                f"；RTF {cost.encoder_rtf:.3f}，模型另加 {cost.head_rtf:.5f}（{cost.machine}）"
            )
        lines.append(
            in_language(
                tr(
                    "{contender}: {kind}, encoder {encoder}{took}",
                    contender=contender.name,
                    encoder=contender.encoder,
                    kind=in_both(contender.kind, _KINDS[contender.kind]),
                    took=in_both(took, took_zh),
                )
            )
        )
    for outcome in evaluation.outcomes:
        lines += ["", *_outcome_lines(outcome, language)]
    if evaluation.comparisons:
        lines += [
            "",
            in_language(tr("differences on the same clips, in points of UAR (paired, 95 %):")),
        ]
        lines += [_comparison_line(comparison) for comparison in evaluation.comparisons]
    return lines


def _outcome_lines(outcome: Outcome, language: str) -> list[str]:
    def percent(value: float, interval: tuple[float, float]) -> str:
        return f"{100 * value:.1f} {_between(interval)}"

    where = outcome.corpus
    if outcome.protocol == "cross":
        where = f"{outcome.trained_on} -> {outcome.corpus}"
    note = outcome.note.say(language)
    n_labels = len(outcome.labels)
    size = in_language(
        tr(
            "{n_utterances}, {n_speakers}",
            n_utterances=of_count(outcome.n_utterances, "clip"),
            n_speakers=of_count(outcome.n_speakers, "speaker"),
        )
    )
    header = "".join(_to_right(_short(label, language), 10) for label in outcome.labels)
    recall_title = _to_right(in_language(tr("recall")), 10)
    lines = [
        in_language(
            tr(
                "{contender}, {where}, {protocol}, {n_labels} classes, {normalisation}{note}",
                contender=outcome.contender,
                where=where,
                protocol=outcome.protocol,
                n_labels=n_labels,
                normalisation=outcome.normalisation,
                note=in_both(f" ({note})" if note else "", f"（{note}）" if note else ""),
            )
        ),
        f"  UAR {percent(outcome.uar, outcome.uar_interval)}  "
        f"WA {percent(outcome.wa, outcome.wa_interval)}  ECE {100 * outcome.ece:.1f}  {size}",
        "  " + " " * 10 + header + recall_title,
    ]
    for label, counts, recall in zip(
        outcome.labels, outcome.confusion, outcome.recalls, strict=True
    ):
        heard = "-" if recall is None else f"{recall:.1%}"
        name = padded(display_name(label, language), 10)
        lines.append(f"  {name}" + "".join(f"{count:>10}" for count in counts) + f"{heard:>10}")
    silent = [_staying_silent(one) for one in outcome.coverage if one.threshold in _LEAST_SHARES]
    begin, between = (
        in_language(tr("  from a confidence of ")),
        in_language(tr("; ")),
    )
    lines.append(begin + between.join(silent))
    if outcome.few:
        few = [
            f"{one.n_clips}: UAR {100 * one.uar:.1f}, WA {100 * one.wa:.1f}" for one in outcome.few
        ]
        begin = in_language(tr("  statistics from so many clips: "))
        lines.append(begin + between.join(few))
    lines += _situation_lines(outcome, language)
    return lines


def _situation_lines(outcome: Outcome, language: str) -> list[str]:
    """Return how recordings are heard, put together from the clips of one speaker each."""
    from gpt_sovits_emotion.training.calibration import REPORTED, SHARED_EMOTIONS

    if not outcome.situations:
        return []
    held = [mood for mood in SHARED_EMOTIONS if mood in outcome.labels]
    moods, moods_zh = ", ".join(held), "、".join(display_name(mood, "zh") for mood in held)
    lines = [
        in_language(
            tr(
                "  recordings of one speaker in the moods {moods}, UAR:",
                moods=in_both(moods, moods_zh),
            )
        )
    ]
    for one in outcome.situations:
        clips, speakers = counted(one.n_segments, "clip"), counted(one.n_speakers, "speaker")
        size = in_language(
            tr(
                "({n_recordings} x {clips}, {speakers})",
                n_recordings=one.n_recordings,
                clips=in_both(clips, one.n_segments),
                speakers=in_both(speakers, one.n_speakers),
            )
        )
        kind = REPORTED[one.kind].say(language)
        gap = in_language(" ", "")
        lines.append(f"  {100 * one.uar:>8.1f} {_between(one.uar_interval)}  {kind}{gap}{size}")
    return lines


def _staying_silent(one: Coverage) -> str:
    right = "-" if one.accuracy is None else f"{one.accuracy:.1%}"
    return in_language(
        f"{one.threshold:.1f}: {one.coverage:.0%} judged, "
        + (right if one.accuracy is None else f"{right} right"),
        f"{one.threshold:.1f}：判断 {one.coverage:.0%}，其中 {right} 正确",
    )


def _between(interval: tuple[float, float]) -> str:
    low, high = (100 * edge for edge in interval)
    return in_language(tr("[{low:.1f} to {high:.1f}]", low=low, high=high))


def _short(label: str, language: str) -> str:
    """Return a label that fits into a column of ten."""
    name = display_name(label, language)
    while shown_width(name) > 9:
        name = name[:-1]
    return name


def _to_right(text: str, width: int) -> str:
    return " " * max(width - shown_width(text), 0) + text


def _comparison_line(comparison: Comparison) -> str:
    low, high = (f"{100 * edge:+.1f}" for edge in comparison.difference.uar_interval)
    names = f"{comparison.first} - {comparison.second} = {100 * comparison.difference.uar:+.1f}"
    is_certain = comparison.difference.is_certain
    return in_language(
        f"  {comparison.corpus}, {comparison.normalisation}: {names} [{low} to {high}]"
        + ("" if is_certain else "  (not certain)"),
        f"  {comparison.corpus}，{comparison.normalisation}：{names} [{low} 至 {high}]"
        + ("" if is_certain else "（不确定）"),
    )
