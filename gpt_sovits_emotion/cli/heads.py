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
from gpt_sovits_emotion.core.counting import counted
from gpt_sovits_emotion.core.errors import HeadError

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
        reads = in_language("reads", "读取")
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
                f"{'':24} used; another head of this id, {rival}, is refused",
                zh=f"{'':24} 使用此模型；拒绝同 id 的另一个：{rival}",
            )
    if not entries:
        names = ", ".join(str(folder) for folder in folders)
        say(f"no heads in {names}", zh=f"{names} 中没有情感模型")


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

        echo(
            in_language("  carries   ", "  附带      ")
            + f"{check_carried(found.encoder_file.parent)}"
        )


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
            f"{n_bad} of {counted(len(entries), 'head')} cannot be used; the reasons stand above",
            zh=f"{len(entries)} 个情感模型中有 {n_bad} 个不能使用；原因见上文",
        )


def _is_sound(entry: HeadEntry) -> bool:
    """Check one of many heads, and say what is wrong with it."""
    try:
        if entry.problem is not None and entry.state != "hidden":
            raise HeadError(entry.problem, zh=entry.problem_zh)
        _check_one(entry.path)
    except HeadError as error:
        say(f"{entry.path}: {error}", zh=f"{entry.path}：{error.say('zh')}")
        return False
    return True


def _check_one(path: Path) -> None:
    from gpt_sovits_emotion.heads.check import check_head
    from gpt_sovits_emotion.heads.files import ENCODER_NAME

    for remark in check_head(path):
        say(f"remark: {remark.en}", zh=f"备注：{remark.zh}")
    if (path / ENCODER_NAME).exists():
        from gpt_sovits_emotion.exporting import check_carried

        carried = check_carried(path)
        say(f"carries: {carried}", zh=f"附带：{carried}")
    echo(in_language(f"{path}: sound", f"{path}：完好"))


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
        say(f"remark: {remark.en}", zh=f"备注：{remark.zh}")
    use = f"--head {place.name}"
    echo(in_language(f"{place}: sound; use it with {use}", f"{place}：完好；使用时加 {use}"))


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
        question = in_language(
            f"Delete {asked} with all that is in it?", f"删除 {asked} 及其中的全部内容？"
        )
        try:
            click.confirm(question, abort=True, err=True)
        except click.Abort:
            if sys.stdin.isatty():
                raise
            echo("", err=True)  # behind the question
            raise Misuse(
                "nobody said yes, so it stays; to delete it without being asked, add --yes",
                zh="没有得到确认，因此保留；若要不经询问直接删除，请加 --yes",
            ) from None
    remove_head(entry)
    echo(in_language(f"{entry.path}: removed", f"{entry.path}：已删除"))


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
            f"{place}: {megabytes:.1f} MB; put it to use with  {use}",
            f"{place}：{megabytes:.1f} MB；使用时请运行  {use}",
        )
    )


def card_lines(card: HeadCard) -> list[str]:
    """Return a head's card as lines of text: what it is, what it was trained on, how good it is."""
    lines = [
        f"{card.id}: {card.title.en} / {card.title.zh}",
        f"  {in_language('labels    ', '标签      ')}{', '.join(card.labels)}",
        in_language(
            f"  encoder   {card.encoder.id} ({card.encoder.dim} features, {card.encoder.pooling})",
            f"  编码器    {card.encoder.id}（{card.encoder.dim} 个特征，{card.encoder.pooling}）",
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
            f"  trained   {corpus.name}: {counted(corpus.n_utterances, 'utterance')}, "
            f"{counted(corpus.n_speakers, 'speaker')}, "
            f"{corpus.language}, {corpus.licence}",
            f"  训练      {corpus.name}：{corpus.n_speakers} 位说话人的 {corpus.n_utterances} 句，"
            f"{corpus.language}，{corpus.licence}",
        )
        for corpus in card.corpora
    ]
    if card.moving is not None:
        lines.append(
            in_language(
                "  recording judged against its own mean as far as it seems to hold several moods",
                "  录音      看起来有多种情绪时，按其自身均值判断",
            )
        )
    if card.farthest is not None:
        lines.append(
            in_language(
                f"  farthest  unsure from {card.farthest:g} times the usual distance to the training",
                f"  最远      与训练数据的距离达到通常的 {card.farthest:g} 倍时为不确定",
            )
        )
    if card.calibrated_on is not None:
        on = card.calibrated_on
        lines.append(in_language(f"  calibrated on {on.en}", f"  校准      {on.zh}"))
    lines.append(
        in_language(
            "  measured  (UAR and accuracy in %, with 95 % intervals over speakers)",
            "  测量      （UAR 和准确率，%；括号内为按说话人计算的 95 % 区间）",
        )
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
    classes = in_language(f"{len(result.labels)} classes", f"{len(result.labels)} 类")
    return (
        f"    {result.corpus:8} {result.protocol:10} {classes}  "
        f"{result.normalisation:8} UAR {percent(result.uar, result.uar_interval)}  "
        f"WA {percent(result.wa, result.wa_interval)}{ece}"
        + (f"  ({result.note})" if result.note else "")
    )


def _confusion_lines(result: Result) -> list[str]:
    assert result.confusion is not None
    title = in_language(
        f"  confusion ({result.protocol}, {result.normalisation}; rows true, columns heard)",
        f"  混淆矩阵（{result.protocol}，{result.normalisation}；行为真实情感，列为听到的情感）",
    )
    header = " " * 16 + " ".join(f"{label[:6]:>6}" for label in result.labels)
    rows = [
        f"    {label:12}" + " ".join(f"{count:6d}" for count in row)
        for label, row in zip(result.labels, result.confusion, strict=True)
    ]
    return [title, header, *rows]
