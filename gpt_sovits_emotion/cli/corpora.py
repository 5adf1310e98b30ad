"""``corpora list|show|get|unpack``: which corpora are known, how one is understood, and having one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpt_sovits_emotion.cli.arguments import Folder
from gpt_sovits_emotion.cli.console import (
    echo,
    padded,
    print_json,
    progress_bar,
    say,
    shown_width,
)
from gpt_sovits_emotion.cli.language import in_language, language
from gpt_sovits_emotion.core.messages import of_count, tr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gpt_sovits_emotion.core.records import Sentence
    from gpt_sovits_emotion.training.corpora import Corpus, CorpusInfo, LabelRow

__all__ = ["corpora", "corpus_lines"]


@click.group()
def corpora() -> None:
    """Look at corpora of labelled speech, and fetch those that anybody may have."""


@corpora.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
def list_command(as_json: bool) -> None:
    """List the corpora that are read as they are distributed, with their licences."""
    from gpt_sovits_emotion.training.corpora import (
        KNOWN_CORPORA,
        SOURCES,
        added_infos,
        hub_command,
    )

    infos = (*KNOWN_CORPORA.values(), *added_infos())
    if as_json:
        rows = [
            {
                "id": info.id,
                "title": info.title,
                "language": info.language,
                "licence": info.licence,
                "non_commercial": info.non_commercial,
                "citation": info.citation,
                "url": info.url,
                "can_be_fetched": info.id in SOURCES,
                "hub_command": hub_command(info),
                "train_only": info.synthetic or info.train_only,
            }
            for info in infos
        ]
        print_json(rows)
        return
    for info in infos:
        source = SOURCES.get(info.id)
        how = in_language(tr("from its makers"))
        if source:
            how = in_language(
                tr("corpora get {info} ({megabytes} MB)", info=info.id, megabytes=source.megabytes)
            )
        if info.hub:
            size = f"{info.hub_gigabytes:g} GB"
            how = in_language(tr("Parquet, {size}", size=size))
        use = in_language(tr("; for training only")) if info.synthetic else ""
        echo(f"{info.id:11} {info.language:7} {padded(how, 26)} {info.licence}{use}")
        echo(f"{'':19} {info.url}")
        if info.hub:
            echo(f"{'':19} {hub_command(info)}")
        echo(f"{'':19} {info.citation}")
    say(
        tr(
            "any other corpus: a folder with manifest.csv, a folder per emotion, a .list with emotions, "
            "or Parquet files of the Hugging Face hub"
        )
    )


@corpora.command("show")
@click.argument("named", metavar="NAME=DIR…", nargs=-1, required=True)
@click.option("--labels", metavar="A,B,…", help="The labels that will be used; all by default.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(named: tuple[str, ...], labels: str | None, as_json: bool) -> None:
    """Show how corpora are understood: labels, speakers, licence, and what is wrong with them.

    NAME says which known corpus it is (emodb=DIR), or what to call another; DIR alone finds out.
    """
    from gpt_sovits_emotion.core.labels import labels_of
    from gpt_sovits_emotion.training.corpora import check, label_table, open_corpora

    wanted = labels_of(labels) if labels else None
    with progress_bar("reading") as progress:
        opened = open_corpora(named, progress=progress)
    table = label_table(opened, wanted)
    if not as_json:
        for corpus in opened:
            for line in corpus_lines(corpus, [row for row in table if row.corpus == corpus.name]):
                echo(line)
    with progress_bar("corpora") as progress:
        warnings = check(opened, wanted, progress=progress)
    if as_json:
        print_json(_as_dict(opened, table, warnings))
        return
    for warning in warnings:
        say(tr("warning: {warning}", warning=warning))


@corpora.command("get")
@click.argument("corpus_id", metavar="ID")
@click.option(
    "--to",
    "destination",
    type=Folder(),
    required=True,
    help="The folder that will hold the corpus's folder.",
)
def get(corpus_id: str, destination: Path) -> None:
    """Fetch a corpus from its makers' address; a stopped download goes on where it was."""
    from gpt_sovits_emotion.training.corpora import fetch_corpus, known_corpus

    info = known_corpus(corpus_id)
    if info is not None:
        say(
            tr(
                "{title}: {licence}; cite: {citation} ({url})",
                title=info.title,
                licence=info.licence,
                citation=info.citation,
                url=info.url,
            )
        )
    with progress_bar("fetching") as progress:
        folder = fetch_corpus(corpus_id, destination, progress=progress)
    echo(str(folder))


@corpora.command("unpack")
@click.argument("named", metavar="NAME=DIR")
@click.option(
    "--to",
    "destination",
    type=Folder(),
    required=True,
    help="A new folder for the audio and its manifest.csv.",
)
def unpack_command(named: str, destination: Path) -> None:
    """Make a folder with audio files and a manifest.csv out of a corpus in Parquet files.

    Other commands read Parquet files as they are, and keep the audio beside the features.
    """
    from gpt_sovits_emotion.training.corpora import unpack_corpus

    with progress_bar("unpacking") as progress:
        corpus = unpack_corpus(named, destination, progress=progress)
    for warning in corpus.warnings:
        say(tr("warning: {warning}", warning=warning))
    n_clips, n_speakers = len(corpus.clips), len(corpus.speakers)
    say(
        tr(
            "{n_clips} of {n_speakers}; {licence}",
            licence=_licence(corpus.info),
            n_clips=of_count(n_clips, "clip"),
            n_speakers=of_count(n_speakers, "speaker"),
        )
    )
    echo(str(destination))


def corpus_lines(corpus: Corpus, rows: Sequence[LabelRow]) -> list[str]:
    """Return what a person reads of a corpus: size, terms, and how its labels are understood."""
    info = corpus.info
    use = in_language(tr(", not for commercial use")) if info.non_commercial else ""
    n_clips, n_speakers = len(corpus.clips), len(corpus.speakers)
    size = in_language(
        tr(
            "{n_clips} of {n_speakers}",
            n_clips=of_count(n_clips, "clip"),
            n_speakers=of_count(n_speakers, "speaker"),
        )
    )
    spoken = ", ".join(corpus.languages)
    spoken = in_language(tr(", in {spoken}", spoken=spoken)) if spoken else ""
    lines = [
        in_language(
            tr(
                "{corpus}: {title}, {size}{spoken}",
                corpus=corpus.name,
                title=info.title,
                size=size,
                spoken=spoken,
            )
        ),
        f"  {in_language('licence ', '许可')} {_licence(info)}{use}",
    ]
    if info.citation:
        lines.append(f"  {in_language('cite    ', '引用')} {info.citation}")
    if info.url:
        lines.append(f"  {in_language('see     ', '网址')} {info.url}")
    if corpus.unpacked is not None:
        lines.append(
            in_language(
                tr(
                    "  audio    unpacked into {unpacked}, which may be deleted at any time",
                    unpacked=corpus.unpacked,
                )
            )
        )
    reason = corpus.train_only_reason()
    if reason is not None:
        lines.append(f"  {in_language('note    ', '注意')} {reason.say(language())}")
    lines += _label_lines(rows)
    return lines


def _label_lines(rows: Sequence[LabelRow]) -> list[str]:
    written, understood = (
        in_language(tr("as written")),
        in_language(tr("understood as")),
    )
    width = max([shown_width(written), *(shown_width(row.written) for row in rows)])
    counts = in_language(tr("clips  speakers"))
    lines = [f"  {padded(written, width)}     {padded(understood, 16)} {counts}"]
    unknown = in_language(tr("  no known emotion: a class of its own"))
    left_out = in_language(tr("  left out"))
    for row in rows:
        remark = "" if row.known else unknown
        remark = remark if row.kept else left_out
        lines.append(
            f"  {padded(row.written, width)}  -> {padded(row.emotion, 16)} {row.n_clips:5d}  "
            f"{row.n_speakers:8d}{remark}"
        )
    return lines


def _as_dict(
    opened: Sequence[Corpus], table: Sequence[LabelRow], warnings: Sequence[Sentence]
) -> dict[str, object]:
    from dataclasses import asdict

    return {
        "corpora": [
            {
                "name": corpus.name,
                "root": str(corpus.root),
                "n_clips": len(corpus.clips),
                "speakers": list(corpus.speakers),
                "languages": list(corpus.languages),
                "info": asdict(corpus.info),
                "unpacked": str(corpus.unpacked) if corpus.unpacked else None,
                "train_only": corpus.train_only,
            }
            for corpus in opened
        ],
        "labels": [asdict(row) for row in table],
        "warnings": [warning.to_dict() for warning in warnings],
    }


def _licence(info: CorpusInfo) -> str:
    """Return a corpus's licence as it is shown; what stands for an unknown one is in the language, too."""
    from gpt_sovits_emotion.training.corpora.corpus import UNKNOWN_LICENCE

    if info.licence != UNKNOWN_LICENCE:
        return info.licence
    return in_language(UNKNOWN_LICENCE, "未知：请询问录制者，并写入 corpus.yaml")
