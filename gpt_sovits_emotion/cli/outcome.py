"""What came of saying something, segment by segment, as a person reads it in a terminal."""

from __future__ import annotations

from pathlib import Path

import click

from gpt_sovits_emotion.cli.console import say
from gpt_sovits_emotion.labels import display_name
from gpt_sovits_emotion.pipeline import RoundTrip
from gpt_sovits_emotion.records import RoundTripReport, RoundTripSegment
from gpt_sovits_emotion.takes import told

__all__ = ["echo_files", "echo_outcome"]


def echo_outcome(result: RoundTrip, language: str, *, with_texts: bool = False) -> None:
    """Print what each segment was said with and what was heard in it, on stdout.

    Args:
        result: Of a round trip, or of texts that were said.
        language: ``en`` or ``zh``.
        with_texts: Whether the texts are shown too.
    """
    report = result.verification.report
    click.secho(f"\n{report.voice} ({report.host_title.say(language)})", bold=True)
    if report.carry != "clip" and report.carry_note is not None:
        click.echo(f"  {report.carry_note.say(language)}")
    for segment in report.segments:
        wanted = display_name(segment.wanted, language)
        if with_texts:
            click.echo(
                f"  {segment.index + 1:3d}  {report.transcript.segments[segment.index].text}"
            )
        number = "   " if with_texts else f"{segment.index + 1:3d}"
        click.echo(f"  {number}  {wanted}: {segment.note.say(language)}")
        _echo_reference(segment, language)
        _echo_takes(segment, language)
    _echo_survival(report)


def echo_files(report: RoundTripReport, out: Path) -> None:
    """Say what was written, on stderr."""
    for role, name in report.files.items():
        say(f"{role}: {out / name}")


def _echo_reference(segment: RoundTripSegment, language: str) -> None:
    carried, choice = segment.carried, segment.choice
    if carried is not None:
        click.echo(f"       {click.style(carried.note.say(language), dim=True)}")
    if choice is not None and (carried is None or carried.way != "recording"):
        reason = click.style(choice.reason.say(language), dim=True)
        click.echo(f"       {choice.pick.path.name}: {reason}")


def _echo_takes(segment: RoundTripSegment, language: str) -> None:
    for take in segment.takes:
        mark = "*" if take.kept else " "
        told_of = click.style(told(take).say(language), dim=True)
        click.echo(f"      {mark}{take.number} {take.clip.path.name}, seed {take.seed}: {told_of}")
        if take.text:
            click.echo(f"        {click.style(take.text, dim=True)}")


def _echo_survival(report: RoundTripReport) -> None:
    kept = f"{report.survived} of {report.compared}"
    click.echo(f"  emotion survived in {kept} segments, judged by {report.judge_id}")
    if report.judge_is_tagger:
        click.echo(
            "  (the judge is the head that tagged: this shows that the path holds together, "
            "not that a person would agree)"
        )
