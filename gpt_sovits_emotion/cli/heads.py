"""``heads list|show|check|add|remove|export``: which heads there are, what they are, and moving them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpt_sovits_emotion.cli.arguments import Folder, Misuse, Place
from gpt_sovits_emotion.cli.console import echo, print_json, say, visible
from gpt_sovits_emotion.cli.language import in_language, language
from gpt_sovits_emotion.cli.options import heads_dir_option
from gpt_sovits_emotion.core.errors import HeadError
from gpt_sovits_emotion.core.messages import of_count, of_error, tr

if TYPE_CHECKING:
    from gpt_sovits_emotion.heads import HeadEntry
    from gpt_sovits_emotion.heads.card import HeadCard, Result

__all__ = ["card_lines", "heads"]


@click.group()
def heads() -> None:
    """Show, check, add and remove the heads that tag."""


@heads.command("list")
@heads_dir_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
def list_command(heads_dirs: tuple[Path, ...], as_json: bool) -> None:
    """List every head found; those that cannot be used with the reason."""
    from gpt_sovits_emotion.heads import head_folders, list_heads

    folders = head_folders(heads_dirs)
    entries = list_heads(folders)
    if as_json:
        print_json([_row(entry) for entry in entries])
        return
    for entry in entries:
        card = entry.card
        reads = in_language(tr("reads"))
        what = (
            f"{card.title.say(language())}; {reads} {card.encoder.id}; {card.licence}"
            if card
            else ""
        )
        echo(f"{entry.id:24} {what}{'  ' if what else ''}{entry.path}")
        if entry.problem:
            say(f"{'':24} {entry.problem}", zh=f"{'':24} {entry.problem_zh or entry.problem}")
        for rival in entry.rivals:
            say(
                tr(
                    "{value:24} used; another head of this id, {rival}, is refused",
                    value="",
                    rival=rival,
                )
            )
    if not entries:
        names = ", ".join(str(folder) for folder in folders)
        say(tr("no heads in {names}", names=names))


def _row(entry: HeadEntry) -> dict[str, object]:
    card = entry.card
    return {
        "id": entry.id,
        "path": str(entry.path),
        "state": entry.state,
        "encoder": card.encoder.id if card else None,
        "labels": list(card.labels) if card else [],
        "licence": card.licence if card else None,
        "problem": entry.problem,
        "refused": [str(rival) for rival in entry.rivals],
    }


@heads.command("show")
@click.argument("head", metavar="ID|PATH")
@heads_dir_option
def show(head: str, heads_dirs: tuple[Path, ...]) -> None:
    """Show a head's card: labels, training data, licence, measured results."""
    from gpt_sovits_emotion.heads import find_head, head_folders

    found = find_head(head, head_folders(heads_dirs))
    for line in card_lines(found.card):
        echo(line)
    if found.encoder_file is not None:
        from gpt_sovits_emotion.exporting import check_carried

        echo(in_language(tr("  carries   ")) + f"{check_carried(found.encoder_file.parent)}")


@heads.command("check")
@click.argument("head", metavar="[ID|PATH]", required=False)
@heads_dir_option
def check(head: str | None, heads_dirs: tuple[Path, ...]) -> None:
    """Check a head: shapes, values, card, golden triple. Without a name, all that are found."""
    from gpt_sovits_emotion.heads import head_folders, list_heads

    entries = list_heads(head_folders(heads_dirs))
    if head is not None:
        named = [entry for entry in entries if entry.id == head and entry.state == "sound"]
        _check_one(named[0].path if named else Path(head))
        return
    n_bad = sum(not _is_sound(entry) for entry in entries)
    if n_bad:
        raise HeadError(
            tr(
                "{n_bad} of {entries} cannot be used; the reasons stand above",
                n_bad=n_bad,
                entries=of_count(len(entries), "head"),
            )
        )


def _is_sound(entry: HeadEntry) -> bool:
    """Check one of many heads, and say what is wrong with it."""
    try:
        if entry.problem is not None and entry.state != "hidden":
            raise HeadError(entry.problem, zh=entry.problem_zh)
        _check_one(entry.path)
    except HeadError as error:
        say(tr("{path}: {error}", path=entry.path, error=of_error(error)))
        return False
    return True


def _check_one(path: Path) -> None:
    from gpt_sovits_emotion.heads.check import check_head
    from gpt_sovits_emotion.heads.files import ENCODER_NAME

    for remark in check_head(path):
        say(tr("remark: {remark}", remark=remark))
    if (path / ENCODER_NAME).exists():
        from gpt_sovits_emotion.exporting import check_carried

        carried = check_carried(path)
        say(tr("carries: {carried}", carried=carried))
    echo(in_language(tr("{path}: sound", path=path)))


@heads.command("add")
@click.argument("source", type=Place())
@click.option("--replace", is_flag=True, help="Replace a head of the same id.")
@heads_dir_option
def add(source: Path, replace: bool, heads_dirs: tuple[Path, ...]) -> None:
    """Check a head (a folder, or a zip of one) and copy it into your folder of heads.

    With --heads-dir, into the first folder named there. A head from a notebook (head.pt and head.yaml) is
    written as safetensors on the way.
    """
    from gpt_sovits_emotion.heads import head_folders
    from gpt_sovits_emotion.heads.install import add_head

    into = heads_dirs[0] if heads_dirs else None
    place, remarks = add_head(source, folders=head_folders(heads_dirs), into=into, replace=replace)
    for remark in remarks:
        say(tr("remark: {remark}", remark=remark))
    use = f"--head {place.name}"
    echo(in_language(tr("{place}: sound; use it with {use}", place=place, use=use)))


@heads.command("remove")
@click.argument("head", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
@heads_dir_option
def remove(head: str, yes: bool, heads_dirs: tuple[Path, ...]) -> None:
    """Delete a head from its folder of heads."""
    from gpt_sovits_emotion.heads import head_folders
    from gpt_sovits_emotion.heads.install import removable, remove_head

    entry = removable(head, head_folders(heads_dirs))
    if not yes:
        asked = visible(str(entry.path))
        question = in_language(tr("Delete {asked} with all that is in it?", asked=asked))
        try:
            click.confirm(question, abort=True, err=True)
        except click.Abort:
            if sys.stdin.isatty():
                raise
            echo("", err=True)  # behind the question
            raise Misuse(
                tr("nobody said yes, so it stays; to delete it without being asked, add --yes")
            ) from None
    remove_head(entry)
    echo(in_language(tr("{path}: removed", path=entry.path)))


@heads.command("export")
@click.argument("head", metavar="ID|PATH")
@click.option(
    "--with-encoder",
    is_flag=True,
    help="Write the layers of Whisper that it reads beside it (float16), so that it works without that one.",
)
@click.option(
    "--out",
    type=Folder(),
    default=".",
    help="Folder that the copy is put into.  [default: this one]",
)
@click.option(
    "--whisper-model",
    type=Folder(exists=True),
    help="The folder of the Whisper that it reads.  [default: as transcription finds it]",
)
@heads_dir_option
def export(
    head: str,
    with_encoder: bool,
    out: Path,
    whisper_model: Path | None,
    heads_dirs: tuple[Path, ...],
) -> None:
    """Copy a head out of its folder of heads, to give it to somebody."""
    from gpt_sovits_emotion.cli.options import whisper_models_of
    from gpt_sovits_emotion.cli.settings import ModelSettings
    from gpt_sovits_emotion.exporting import export_head
    from gpt_sovits_emotion.heads import head_folders, list_heads

    entries = list_heads(head_folders(heads_dirs))
    named = [entry.path for entry in entries if entry.id == head and entry.state == "sound"]
    place = export_head(
        named[0] if named else Path(head),
        out,
        whisper=whisper_models_of(ModelSettings(whisper_model=whisper_model)),
        with_encoder=with_encoder,
    )
    megabytes = sum(path.stat().st_size for path in place.iterdir()) / 1e6
    use = f"gpt-sovits-emotion heads add {place}"
    echo(
        in_language(
            tr(
                "{place}: {megabytes:.1f} MB; put it to use with  {use}",
                place=place,
                megabytes=megabytes,
                use=use,
            )
        )
    )


def card_lines(card: HeadCard) -> list[str]:
    """Return a head's card as lines of text: what it is, what it was trained on, how good it is."""
    lines = [
        f"{card.id}: {card.title.en} / {card.title.zh}",
        f"  {in_language('labels    ', '标签      ')}{', '.join(card.labels)}",
        in_language(
            tr(
                "  encoder   {encoder} ({dim} features, {pooling})",
                encoder=card.encoder.id,
                dim=card.encoder.dim,
                pooling=card.encoder.pooling,
            )
        ),
        f"  {in_language('licence   ', '许可      ')}{card.licence}",
    ]
    if card.note:
        lines.append(f"  {in_language('note      ', '备注      ')}{card.note.say(language())}")
    lines += [
        f"  {in_language('layers    ', '层        ')}{mode}: "
        f"{', '.join(f'{weight:.2f}' for weight in weights)}"
        for mode, weights in card.layer_weights.items()
    ]
    lines += [
        in_language(
            tr(
                "  trained   {corpus}: {n_utterances}, {n_speakers}, {language}, {licence}",
                corpus=corpus.name,
                language=corpus.language,
                licence=corpus.licence,
                n_utterances=of_count(corpus.n_utterances, "utterance"),
                n_speakers=of_count(corpus.n_speakers, "speaker"),
            )
        )
        for corpus in card.corpora
    ]
    if card.moving is not None:
        lines.append(
            in_language(
                tr(
                    "  recording judged against its own mean as far as it seems to hold several moods"
                )
            )
        )
    if card.farthest is not None:
        lines.append(
            in_language(
                tr(
                    "  farthest  unsure from {farthest:g} times the usual distance to the training",
                    farthest=card.farthest,
                )
            )
        )
    if card.calibrated_on is not None:
        on = card.calibrated_on
        lines.append(in_language(tr("  calibrated on {on}", on=on)))
    lines.append(
        in_language(tr("  measured  (UAR and accuracy in %, with 95 % intervals over speakers)"))
    )
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
    classes = in_language(tr("{labels} classes", labels=len(result.labels)))
    return (
        f"    {result.corpus:8} {result.protocol:10} {classes}  "
        f"{result.normalisation:8} UAR {percent(result.uar, result.uar_interval)}  "
        f"WA {percent(result.wa, result.wa_interval)}{ece}"
        + (f"  ({result.note})" if result.note else "")
    )


def _confusion_lines(result: Result) -> list[str]:
    assert result.confusion is not None
    title = in_language(
        tr(
            "  confusion ({protocol}, {normalisation}; rows true, columns heard)",
            protocol=result.protocol,
            normalisation=result.normalisation,
        )
    )
    header = " " * 16 + " ".join(f"{label[:6]:>6}" for label in result.labels)
    rows = [
        f"    {label:12}" + " ".join(f"{count:6d}" for count in row)
        for label, row in zip(result.labels, result.confusion, strict=True)
    ]
    return [title, header, *rows]
