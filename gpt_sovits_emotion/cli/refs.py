"""``refs build|list|coverage|export|choose|pin``: the reference bank of a voice."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from gpt_sovits_emotion.cli.arguments import FilePath, Folder, Misuse, Place, Seed
from gpt_sovits_emotion.cli.banks import clip_cells, echo_coverage, layout_to_write, opened_bank
from gpt_sovits_emotion.cli.console import echo, print_json, progress_bar, say, styled
from gpt_sovits_emotion.cli.language import in_language
from gpt_sovits_emotion.cli.options import (
    heads_dir_option,
    language_option,
    opened_cache,
    replace_option,
    tell_note,
    whisper_models_of,
    whisper_options_of,
)
from gpt_sovits_emotion.cli.results import check_free
from gpt_sovits_emotion.cli.settings import FeatureSettings, ModelSettings, with_settings
from gpt_sovits_emotion.core.labels import display_name
from gpt_sovits_emotion.core.messages import tr

if TYPE_CHECKING:
    from gpt_sovits_emotion.banks.building import Sources
    from gpt_sovits_emotion.engines import Engines

__all__ = ["refs"]

_BANK = click.argument("bank", type=Place())
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def refs() -> None:
    """Build the bank of a voice's reference clips, look into it, and choose from it.

    A BANK is whatever 'refs build' was pointed at, or a bank that another tool made: a folder per emotion, an
    infer_config.json, clips named 【label】text.wav or label_text.wav, a .list, a folder of clips.
    """


@refs.command("build")
@click.argument("source", type=Place())
@click.option(
    "--whisper",
    metavar="MODEL|none",
    default="auto",
    show_default=True,
    help="Hears the words of clips that have none: tiny, base, small, medium, large-v3, …, or a folder; "
    "'auto' takes small where it is here, else base; 'none' leaves them without. Not fetched where every "
    "clip has its text.",
)
@click.option(
    "--models-dir",
    type=Folder(exists=True),
    help="Folder that holds faster-whisper models.",
)
@click.option("--offline", is_flag=True, help="Never download a model.")
@click.option(
    "--language", metavar="CODE", help="What is spoken in clips that do not say (zh, en, …)."
)
@click.option(
    "--to",
    type=Folder(),
    help="Of a long recording: the new folder for its clips.  [default: <name>.bank beside it]",
)
@click.option(
    "--clips",
    type=Folder(exists=True),
    help="Of a .list or another file that came from elsewhere: the folder that its clips are in now; it is "
    "remembered.",
)
@click.option(
    "--head",
    metavar="ID|PATH",
    help="The head that listens.  [default: the best that works here]",
)
@heads_dir_option
@click.option(
    "--checkout",
    type=Folder(exists=True),
    help="A GPT-SoVITS checkout, which lends HuBERT and SoVITS.  [default: the one that SOURCE lies in]",
)
@click.option(
    "--sovits-weights",
    type=FilePath(),
    help="A fine-tuned SoVITS .pth of the checkout, for heads that read its style encoder.",
)
@click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", show_default=True
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 512),
    default=min(os.cpu_count() or 1, 512),
    show_default="the number of cores",
    help="Processes.",
)
@click.option(
    "--cache",
    type=FilePath(or_folder=True),
    help="File in which features are kept for trainings, too.  [default: in the user's cache]",
)
@click.option("--no-cache", is_flag=True, help="Keep features beside the bank alone.")
@click.option(
    "--learn/--no-learn",
    "learn",
    default=None,
    help="Let clips that carry your own labels fit the head to this voice, or not; a refusal is remembered.  "
    "[default: yes, unless refused before]",
)
@click.option(
    "--check-texts/--no-check-texts",
    "check_texts",
    default=None,
    help="Let Whisper listen whether the texts that clips came with are what is said in them.  [default: yes "
    "where it is on this machine, up to 200 clips]",
)
@language_option
@with_settings(models=ModelSettings, features=FeatureSettings)
def build(
    source: Path,
    language: str | None,
    to: Path | None,
    clips: Path | None,
    learn: bool | None,
    check_texts: bool | None,
    lang: str,
    models: ModelSettings,
    features: FeatureSettings,
) -> None:
    """Listen to every clip of SOURCE and write down beside it what was heard.

    SOURCE is logs/<name> of a GPT-SoVITS training (whose stored HuBERT features are used where the head
    reads hubert:12), a .list, a folder of clips with or without texts, a bank of another tool, or a long
    recording, which is cut at its pauses into clips of 3 to 10 s.

    Your files are only read. A build that was stopped goes on where it was when it is run again, and a
    finished one listens to those clips alone that have changed.
    """
    from gpt_sovits_emotion.banks.building import build_bank, find_sources
    from gpt_sovits_emotion.banks.building.sources import RECORDING

    sources = find_sources(source, clips=clips)
    engines = _engines(sources, models)
    with opened_cache(features) as cache, progress_bar(sources.voice) as progress:
        bank = build_bank(
            source,
            engines=engines,
            whisper=whisper_options_of(models),
            to=to,
            clips=clips,
            language=language,
            cache=cache,
            n_jobs=features.jobs,
            learn=learn,
            check_texts=check_texts,
            progress=progress,
        )
    for note in bank.notes:
        say(note.say(lang))
    echo_coverage(bank, lang)
    beside = sources.path if sources.layout != RECORDING else bank.root
    quoted = shlex.quote(str(beside))
    say(tr("built: {beside}; look into it with  refs list {quoted}", beside=beside, quoted=quoted))


@refs.command("list")
@_BANK
@_JSON
@language_option
def list_command(bank: Path, as_json: bool, lang: str) -> None:
    """List the clips of BANK: emotion, how sure, length, language, text, and what is wrong with each."""
    from gpt_sovits_emotion.banks.building import listing

    loaded = opened_bank(bank, lang)
    if as_json:
        _echo_json(listing(loaded))
        return
    n_usable, n_clips = len(loaded.usable), len(loaded.clips)
    echo(
        styled(
            in_language(
                tr(
                    "{voice} ({layout}, {n_usable} of {n_clips} usable)",
                    voice=loaded.voice,
                    layout=loaded.layout,
                    n_usable=n_usable,
                    n_clips=n_clips,
                )
            ),
            bold=True,
        )
    )
    pinned: dict[Path, list[str]] = {}
    for label, path in loaded.pins.items():
        pinned.setdefault(path, []).append(display_name(label, lang) or in_language(tr("default")))
    for clip in loaded.clips:
        echo("  ".join(clip_cells(clip, lang)).rstrip())
        if clip.path in pinned:
            slots = ", ".join(pinned[clip.path])
            told = in_language(tr("pinned for {slots}", slots=slots))
            echo(f"{'':10}  {told}")
        for remark in (clip.problem, *clip.doubts):
            if remark is not None:
                echo(f"{'':10}  {styled(remark.say(lang), dim=True)}")


@refs.command("coverage")
@_BANK
@_JSON
@click.option(
    "--picture",
    type=FilePath(),
    help="Draw it into this file: .svg or .png.",
)
@replace_option
@language_option
def coverage_command(
    bank: Path, as_json: bool, picture: Path | None, replace: bool, lang: str
) -> None:
    """Show which emotions BANK has, how many seconds and how sure, and what stands in for the others."""
    from gpt_sovits_emotion.banks.library.coverage import coverage

    if picture is not None:
        check_free([picture], replace=replace)
    loaded = opened_bank(bank, lang)
    found = coverage(loaded)
    if picture is not None:
        from gpt_sovits_emotion.report.coverage import write_coverage_picture

        write_coverage_picture(found, picture, language=lang)
        say(tr("picture: {picture}", picture=picture))
    if as_json:
        _echo_json(found.to_dict())
    else:
        echo_coverage(loaded, lang)


@refs.command("export")
@_BANK
@click.option(
    "--format",
    "--layout",
    "layout",
    metavar="NAME",
    callback=layout_to_write,
    required=True,
    help="infer_config: infer_config.json, one clip per emotion; brackets: 【label】text.wav; names: "
    "label_text.wav; or one that a plug-in adds (see plugins).",
)
@click.option("--to", required=True, type=Folder(), help="A new folder.")
@click.option("--replace", is_flag=True, help="Replace an earlier export that lies there.")
@language_option
def export(bank: Path, layout: str, to: Path, replace: bool, lang: str) -> None:
    """Copy the usable clips of BANK into a new folder, in a form that other tools read.

    Clips of which the head is unsure are left out, unless you pinned them.
    """
    from gpt_sovits_emotion.banks.library.clips_to_export import left_out_note
    from gpt_sovits_emotion.banks.library.sidecar import read_sidecar, sidecar_path
    from gpt_sovits_emotion.banks.library.writing import export_bank

    loaded = opened_bank(bank, lang)
    left_out = left_out_note(loaded)
    if left_out is not None:
        say(left_out.say(lang))
    beside = sidecar_path(bank)
    sidecar = read_sidecar(beside) if beside.is_file() else None
    with progress_bar(loaded.voice) as progress:
        folder = export_bank(
            loaded, to, layout=layout, sidecar=sidecar, overwrite=replace, progress=progress
        )
    echo(str(folder))


@refs.command("choose")
@_BANK
@click.option("--emotion", required=True, metavar="LABEL", help="What is to be heard.")
@click.option("--text", default="", help="What will be said.")
@click.option(
    "--language", default="", metavar="CODE", help="Its language; by its script when not given."
)
@click.option("--candidates", type=click.IntRange(1, 100), default=5, show_default=True)
@click.option(
    "--substitute/--no-substitute",
    default=True,
    show_default=True,
    help="Whether another emotion may stand in for a missing one.",
)
@click.option(
    "--order", type=click.Choice(["best", "random", "rotate"]), default="best", show_default=True
)
@click.option("--seed", type=Seed(), default=0, show_default=True, help="With --order random.")
@_JSON
@language_option
def choose_command(
    bank: Path,
    emotion: str,
    text: str,
    language: str,
    candidates: int,
    substitute: bool,
    order: Literal["best", "random", "rotate"],
    seed: int,
    as_json: bool,
    lang: str,
) -> None:
    """Rank the clips of BANK for an emotion and a text, with the reason for each."""
    from gpt_sovits_emotion.banks import choose
    from gpt_sovits_emotion.banks.library.choose import ChoiceOptions

    options = ChoiceOptions(
        n_candidates=candidates,
        substitute=substitute,
        order=order,
        seed=seed,
    )
    choice = choose(
        opened_bank(bank, lang),
        wanted=emotion,
        text=text,
        language=language,
        options=options,
    )
    if as_json:
        _echo_json(choice.to_dict())
        return
    echo(f"{choice.pick.path}: {choice.reason.say(lang)}")
    for rank, candidate in enumerate(choice.candidates, start=1):
        mark = "*" if candidate.clip is choice.pick else " "
        echo(f" {mark}{rank:2d}  {candidate.score:7.3f}  {candidate.clip.path.name}")
        echo(f"{'':15}{styled(candidate.reason.say(lang), dim=True)}")


@refs.command("pin")
@_BANK
@click.argument("emotion")
@click.argument("clip", required=False, type=Place())
@click.option("--clear", is_flag=True, help="Take the pin of EMOTION away.")
def pin(bank: Path, emotion: str, clip: Path | None, clear: bool) -> None:
    """Say which CLIP of BANK is to be used for EMOTION, whatever the ranking says."""
    from gpt_sovits_emotion.banks.library.bank import load_bank, set_pin
    from gpt_sovits_emotion.core.labels import EMOTIONS, canonical_label, slot_label

    if (clip is None) == (not clear):
        raise Misuse(tr("name the clip, or give --clear"))
    set_pin(bank, emotion, clip)
    label = slot_label(emotion)
    held = {canonical_label(each.emotion) for each in load_bank(bank).clips}
    if clip is not None and label not in {"", *EMOTIONS, *held}:
        say(
            tr(
                "{emotion} is no emotion that is known, nor one of this bank: the pin counts for texts "
                "tagged [{emotion}] alone",
                emotion=emotion,
            )
        )
    if clip is None:
        say(tr("{emotion}: no clip is pinned", emotion=emotion))
    else:
        say(tr("{emotion}: {clip} is pinned", emotion=emotion, clip=clip))


# --- inside ----------------------------------------------------------------------------------------


def _engines(sources: Sources, models: ModelSettings) -> Engines:
    """Open the head; the checkout that the source lies in provides what it needs where none is named."""
    from gpt_sovits_emotion.banks.building import engines_to_listen

    head, folders = models.head, models.heads_dirs
    whisper = whisper_models_of(models)
    engines = engines_to_listen(head, heads_dirs=folders, whisper=whisper)
    tell_note(engines.note)
    checkout = models.checkout
    if checkout is None and not engines.tagger.card.encoder.borrows_nothing:
        checkout = sources.checkout
    if checkout is None:
        return engines
    from gpt_sovits_emotion.backends.checkout import CheckoutBackend

    provider = CheckoutBackend(checkout, sovits=models.sovits_weights, device=models.device)
    return engines_to_listen(head, heads_dirs=folders, provider=provider, whisper=whisper)


def _echo_json(held: object) -> None:
    print_json(held)
