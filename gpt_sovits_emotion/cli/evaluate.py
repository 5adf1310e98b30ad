"""``evaluate``: how good a recipe or a finished head is, on speakers it was not trained on."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Any

import click

from gpt_sovits_emotion.cli.arguments import FilePath, Misuse, Seed
from gpt_sovits_emotion.cli.console import echo, progress_bar, say
from gpt_sovits_emotion.cli.options import (
    encoder_for,
    feature_options,
    heads_dir_option,
    language_option,
    lending_options,
    open_engines_for,
    opened_cache,
    replace_option,
)
from gpt_sovits_emotion.cli.results import check_free, check_writable

if TYPE_CHECKING:
    from gpt_sovits_emotion.training.candidates import Candidate
    from gpt_sovits_emotion.training.evaluation import Comparison, Evaluation, Outcome

__all__ = ["evaluate"]

_LEAST_SHARES = (0.0, 0.5, 0.7, 0.9)  # of the risk-coverage table, in a terminal


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
def evaluate(**given: Any) -> None:
    """Measure a recipe or a finished head on speakers that it was not trained on.

    Prints UAR and accuracy with 95 % intervals over speakers, recalls, confusion, calibration error,
    what staying silent gains, and cost; --json and --page write all of it, with pictures.

    Such as: evaluate --corpus emodb=DIR --baseline opensmile; evaluate --corpus nemo=DIR --head
    prosody-emodb; evaluate --corpus emodb=DIR --corpus nemo=DIR --protocol cross.
    """
    from gpt_sovits_emotion.labels import labels_of
    from gpt_sovits_emotion.report.evaluation import write_evaluation_page
    from gpt_sovits_emotion.training.corpora import open_corpora
    from gpt_sovits_emotion.training.evaluation import write_evaluation
    from gpt_sovits_emotion.training.measuring import EvaluationPlan, measure

    if given["head"] and given["encoder"]:
        raise Misuse(
            "--head and --encoder exclude each other: a head has its encoder",
            zh="--head 和 --encoder 不能同时使用：情感模型自带编码器",
        )
    for path in (given["json_path"], given["page_path"]):
        if path is not None:  # before hours of work
            check_writable(path.parent)
            check_free([path], replace=given["replace"])
    with progress_bar("corpora") as progress:
        corpora = open_corpora(given["corpora"], progress=progress)
    candidate = _candidate(given)
    plan = EvaluationPlan(
        corpora=corpora,
        candidate=candidate,
        others=_others(given),
        protocol=given["protocol"] or _usual_protocol(candidate, corpora),
        labels=labels_of(given["labels"] or ""),
        test_speakers=given["test_speakers"],
        cost=given["cost"],
        n_jobs=given["jobs"],
        command=shlex.join(["gpt-sovits-emotion", *sys.argv[1:]]),
    )
    with progress_bar("evaluate") as progress, opened_cache(given) as cache:
        evaluation = measure(plan, cache=cache, progress=progress)
    for line in _table(evaluation, given["lang"]):
        echo(line)
    if given["json_path"]:
        write_evaluation(evaluation, given["json_path"])
        say(f"written: {given['json_path']}", zh=f"已写入：{given['json_path']}")
    if given["page_path"]:
        write_evaluation_page(evaluation, given["page_path"], language=given["lang"])
        say(f"written: {given['page_path']}", zh=f"已写入：{given['page_path']}")


def _candidate(given: dict[str, Any]) -> Candidate:
    if given["head"]:
        return _of_head(given, given["head"])
    return _of_encoder(given, given["encoder"] or "prosody")


def _others(given: dict[str, Any]) -> tuple[Candidate, ...]:
    from gpt_sovits_emotion.training.candidates import Candidate

    others = [
        _of_encoder(given, name) if _is_encoder(name) else _of_head(given, name)
        for name in given["against"]
    ]
    return tuple(others + ([Candidate.opensmile()] if given["baseline"] else []))


def _is_encoder(name: str) -> bool:
    from gpt_sovits_emotion.encoders import parse_encoder_id
    from gpt_sovits_emotion.errors import EncoderError

    try:
        parse_encoder_id(name)
    except EncoderError:
        return False
    return True


def _of_head(given: dict[str, Any], name: str) -> Candidate:
    from gpt_sovits_emotion.training.candidates import Candidate

    engines = open_engines_for({**given, "head": name})
    return Candidate.of_head(engines.tagger, engines.analyser.encoder)


def _of_encoder(given: dict[str, Any], encoder_id: str) -> Candidate:
    from dataclasses import replace

    from gpt_sovits_emotion.training.candidates import Candidate
    from gpt_sovits_emotion.training.fit import recipe_for

    encoder = encoder_for(given, encoder_id)
    recipe = replace(recipe_for(encoder.id), seed=given["seed"])
    if given["members"]:
        recipe = replace(recipe, n_members=given["members"])
    return Candidate.of_recipe(encoder, recipe)


def _usual_protocol(candidate: Candidate, corpora: Any) -> Any:
    from gpt_sovits_emotion.training.candidates import has_met

    head = candidate.head
    if head is not None and not all(has_met(head, corpus) for corpus in corpora):
        return "cross"
    return "loso"


def _table(evaluation: Evaluation, language: str) -> list[str]:
    """Return what a terminal shows."""
    from gpt_sovits_emotion.training.evaluation import PROTOCOLS

    meaning = PROTOCOLS[evaluation.protocol].say(language)
    lines = [f"{evaluation.protocol}: {meaning}"]
    lines += [f"note: {warning.say(language)}" for warning in evaluation.warnings]
    for contender in evaluation.contenders:
        cost = contender.cost
        took = (
            f"; RTF {cost.encoder_rtf:.3f} + {cost.head_rtf:.5f} for the head ({cost.machine})"
            if cost
            else ""
        )
        lines.append(f"{contender.name}: {contender.kind}, encoder {contender.encoder}{took}")
    for outcome in evaluation.outcomes:
        lines += ["", *_outcome_lines(outcome, language)]
    if evaluation.comparisons:
        lines += ["", "differences on the same clips, in points of UAR (paired, 95 %):"]
        lines += [_comparison_line(comparison) for comparison in evaluation.comparisons]
    return lines


def _outcome_lines(outcome: Outcome, language: str) -> list[str]:
    def percent(value: float, interval: tuple[float, float]) -> str:
        return f"{100 * value:.1f} [{100 * interval[0]:.1f} to {100 * interval[1]:.1f}]"

    where = outcome.corpus
    if outcome.protocol == "cross":
        where = f"{outcome.trained_on} -> {outcome.corpus}"
    note = outcome.note.say(language)
    lines = [
        f"{outcome.contender}, {where}, {outcome.protocol}, {len(outcome.labels)} classes, "
        f"{outcome.normalisation}{f' ({note})' if note else ''}",
        f"  UAR {percent(outcome.uar, outcome.uar_interval)}  "
        f"WA {percent(outcome.wa, outcome.wa_interval)}  ECE {100 * outcome.ece:.1f}  "
        f"{outcome.n_utterances} clips, {outcome.n_speakers} speakers",
        "  " + " " * 10 + "".join(f"{label[:9]:>10}" for label in outcome.labels) + "    recall",
    ]
    for label, counts, recall in zip(
        outcome.labels, outcome.confusion, outcome.recalls, strict=True
    ):
        heard = "-" if recall is None else f"{recall:.1%}"
        lines.append(
            f"  {label:<10}" + "".join(f"{count:>10}" for count in counts) + f"{heard:>10}"
        )
    silent = [
        f"{one.threshold:.1f}: {one.coverage:.0%} judged, "
        + ("-" if one.accuracy is None else f"{one.accuracy:.1%} right")
        for one in outcome.coverage
        if one.threshold in _LEAST_SHARES
    ]
    lines.append("  from a confidence of " + "; ".join(silent))
    if outcome.few:
        few = [
            f"{one.n_clips}: UAR {100 * one.uar:.1f}, WA {100 * one.wa:.1f}" for one in outcome.few
        ]
        lines.append("  statistics from so many clips: " + "; ".join(few))
    lines += _situation_lines(outcome, language)
    return lines


def _situation_lines(outcome: Outcome, language: str) -> list[str]:
    """Return how recordings are heard, put together from the clips of one speaker each."""
    from gpt_sovits_emotion.training.situations import MOODS, REPORTED

    if not outcome.situations:
        return []
    moods = ", ".join(mood for mood in MOODS if mood in outcome.labels)
    lines = [f"  recordings of one speaker in the moods {moods}, UAR:"]
    for one in outcome.situations:
        low, high = (100 * edge for edge in one.uar_interval)
        clips = "clip" if one.n_segments == 1 else "clips"
        size = f"{one.n_recordings} x {one.n_segments} {clips}, {one.n_speakers} speakers"
        lines.append(
            f"  {100 * one.uar:>8.1f} [{low:.1f} to {high:.1f}]  {REPORTED[one.kind].say(language)} ({size})"
        )
    return lines


def _comparison_line(comparison: Comparison) -> str:
    low, high = (100 * edge for edge in comparison.difference.uar_interval)
    where = f"{comparison.corpus}, {comparison.normalisation}"
    certain = "" if comparison.difference.is_certain else "  (not certain)"
    return (
        f"  {where}: {comparison.first} - {comparison.second} = "
        f"{100 * comparison.difference.uar:+.1f} [{low:+.1f} to {high:+.1f}]{certain}"
    )
