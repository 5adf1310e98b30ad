"""``heads list|show|check``: which heads there are, what they are, whether they are sound."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpt_sovits_emotion.cli.console import say
from gpt_sovits_emotion.cli.options import heads_dir_option

if TYPE_CHECKING:
    from gpt_sovits_emotion.heads.card import HeadCard, Result

__all__ = ["heads"]


@click.group()
def heads() -> None:
    """Show and check the heads that tag."""


@heads.command("list")
@heads_dir_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
def list_command(heads_dirs: tuple[Path, ...], as_json: bool) -> None:
    """List every head found, the broken ones with the reason."""
    from gpt_sovits_emotion.heads import head_folders, list_heads

    folders = head_folders(heads_dirs)
    entries = list_heads(folders)
    if as_json:
        rows = [
            {
                "id": entry.id,
                "path": str(entry.path),
                "encoder": entry.card.encoder.id if entry.card else None,
                "labels": list(entry.card.labels) if entry.card else [],
                "licence": entry.card.licence if entry.card else None,
                "problem": entry.problem,
            }
            for entry in entries
        ]
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for entry in entries:
        card = entry.card
        what = f"{card.title.en}; reads {card.encoder.id}; {card.licence}" if card else ""
        click.echo(f"{entry.id:24} {what}{'  ' if what else ''}{entry.path}")
        if entry.problem:
            say(f"{'':24} {entry.problem}")
    if not entries:
        say(f"no heads in {', '.join(str(folder) for folder in folders)}")


@heads.command("show")
@click.argument("head", metavar="ID|PATH")
@heads_dir_option
def show(head: str, heads_dirs: tuple[Path, ...]) -> None:
    """Show a head's card: labels, training data, licence, measured results."""
    from gpt_sovits_emotion.heads import find_head, head_folders

    for line in _card_lines(find_head(head, head_folders(heads_dirs)).card):
        click.echo(line)


@heads.command("check")
@click.argument("path", type=click.Path(path_type=Path))
def check(path: Path) -> None:
    """Check a head's folder: shapes, values, card, golden triple."""
    from gpt_sovits_emotion.heads.check import check_head

    remarks = check_head(path)
    for remark in remarks:
        say(f"remark: {remark}")
    click.echo(f"{path}: sound")


def _card_lines(card: HeadCard) -> list[str]:
    lines = [
        f"{card.id}: {card.title.en} / {card.title.zh}",
        f"  labels    {', '.join(card.labels)}",
        f"  encoder   {card.encoder.id} ({card.encoder.dim} features, {card.encoder.pooling})",
        f"  licence   {card.licence}",
    ]
    if card.note:
        lines.append(f"  note      {card.note.en}")
    lines += [
        f"  trained   {corpus.name}: {corpus.n_utterances} utterances, {corpus.n_speakers} speakers, "
        f"{corpus.language}, {corpus.licence}"
        for corpus in card.corpora
    ]
    lines.append("  measured  (UAR and accuracy in %, with 95 % intervals over speakers)")
    lines += [_result_line(result) for result in card.results]
    for result in card.results:
        if result.confusion is not None:
            lines += _confusion_lines(result)
            break
    return lines


def _result_line(result: Result) -> str:
    def percent(value: float, interval: tuple[float, float]) -> str:
        return f"{100 * value:5.1f} [{100 * interval[0]:.1f}-{100 * interval[1]:.1f}]"

    ece = f"  ECE {result.ece:.3f}" if result.ece is not None else ""
    return (
        f"    {result.corpus:8} {result.protocol:10} {len(result.labels)} classes  "
        f"{result.normalisation:8} UAR {percent(result.uar, result.uar_interval)}  "
        f"WA {percent(result.wa, result.wa_interval)}{ece}"
        + (f"  ({result.note})" if result.note else "")
    )


def _confusion_lines(result: Result) -> list[str]:
    assert result.confusion is not None
    title = f"  confusion ({result.protocol}, {result.normalisation}; rows true, columns heard)"
    header = " " * 16 + " ".join(f"{label[:6]:>6}" for label in result.labels)
    rows = [
        f"    {label:12}" + " ".join(f"{count:6d}" for count in row)
        for label, row in zip(result.labels, result.confusion, strict=True)
    ]
    return [title, header, *rows]
