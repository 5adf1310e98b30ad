"""``train``: from corpora to a finished, measured, installed head."""

from __future__ import annotations

import shlex
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gpt_sovits_emotion.cli.arguments import Folder, Misuse, Seed
from gpt_sovits_emotion.cli.console import echo, print_json, progress_bar, say
from gpt_sovits_emotion.cli.language import in_language, language
from gpt_sovits_emotion.cli.options import (
    encoder_for,
    feature_options,
    lending_options,
    opened_cache,
)
from gpt_sovits_emotion.cli.settings import FeatureSettings, ModelSettings, with_settings
from gpt_sovits_emotion.core.messages import tr

if TYPE_CHECKING:
    from gpt_sovits_emotion.core.progress import Progress
    from gpt_sovits_emotion.training.corpora import Corpus
    from gpt_sovits_emotion.training.recipes import Preset, TrainingPlan
    from gpt_sovits_emotion.training.train import ProgressEvent, TrainedHead

__all__ = ["train"]

_INTERRUPTED = 130  # 128 + SIGINT, as shells expect


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What is trained: options of this command alone."""

    recipe: str | None
    head_id: str | None
    labels: str | None
    heads_dir: Path | None
    seed: int
    replace: bool
    even_without_gain: bool


@click.command()
@click.option(
    "--recipe",
    metavar="NAME",
    help="A recipe by name (emodb, multi-nc, free, all-nc): its corpora, fetched if they may be, and its "
    "classes.",
)
@click.option(
    "--corpus",
    "corpora",
    multiple=True,
    metavar="NAME=DIR",
    help="A corpus on this machine (repeatable); 'corpora show NAME=DIR' says what is in it.",
)
@click.option(
    "--calibrate-on",
    multiple=True,
    metavar="NAME=DIR",
    help="A corpus that is not trained on (repeatable): temperatures and thresholds are fitted on it, so "
    "that they hold for people whom the head has not met. For heads on Whisper.",
)
@click.option(
    "--encoder",
    "encoder_id",
    default="prosody",
    show_default=True,
    help="prosody; layers of Whisper: whisper-base:1-4; with --checkout hubert:6, hubert:4-9, sovits.style, "
    "sovits.posterior; or several: whisper-base:1-4+prosody; or one that a plug-in adds.",
)
@lending_options
@click.option("--id", "head_id", help="Id of the new head.  [default: from encoder and corpora]")
@click.option("--labels", help="Classes, separated by commas.  [default: all]")
@click.option(
    "--heads-dir",
    type=Folder(),
    help="Folder of heads that it is put into.  [default: the user's own]",
)
@click.option("--replace", is_flag=True, help="Replace a head of this id.")
@click.option("--seed", type=Seed(), default=0, show_default=True)
@feature_options
@click.option(
    "--even-without-gain",
    is_flag=True,
    help="Keep a head on several encoders that is no better than one on the best of them.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the card as JSON on stdout.")
@with_settings(models=ModelSettings, features=FeatureSettings, wanted=_Wanted)
def train(
    corpora: tuple[str, ...],
    calibrate_on: tuple[str, ...],
    as_json: bool,
    models: ModelSettings,
    features: FeatureSettings,
    wanted: _Wanted,
) -> int:
    """Train a head, measure it on speakers it has not met, and put it into a folder of heads.

    Features are kept, so a training that was stopped goes on where it was. Ctrl-C keeps the best so far;
    pressed twice, nothing. The exit code is 130 either way.

    gpt-sovits-emotion train --recipe emodb

    gpt-sovits-emotion train --corpus mine=recordings --encoder whisper-base:1-4

    gpt-sovits-emotion train --corpus mine=recordings --encoder hubert:6 --checkout ~/GPT-SoVITS
    """
    from gpt_sovits_emotion.training.corpora import check, open_corpora
    from gpt_sovits_emotion.training.recipes import preset_named

    preset = preset_named(wanted.recipe) if wanted.recipe else None
    with progress_bar("corpora") as progress:
        named = _corpora_named(corpora, preset, progress)
        opened = open_corpora(named, progress=progress)
        others = open_corpora(calibrate_on, progress=progress) if calibrate_on else ()
    plan = _plan(models, features, wanted, preset, opened, others)
    _show(opened)
    for warning in check(opened, plan.labels or None):
        say(tr("note: {warning}", warning=warning))
    trained, interrupted = _train(opened, plan, models, features)
    for warning in trained.warnings:
        say(tr("note: {warning}", warning=warning))
    _print(trained, as_json=as_json)
    return _INTERRUPTED if interrupted else 0


def _corpora_named(
    named: tuple[str, ...], preset: Preset | None, progress: Progress
) -> tuple[str, ...]:
    """Return NAME=DIR of every corpus, those of a recipe fetched where nobody names a folder."""
    if preset is None:
        if not named:
            raise Misuse(tr("name what to train on: --corpus NAME=DIR, or --recipe NAME"))
        return named
    from gpt_sovits_emotion.core.files import data_folder
    from gpt_sovits_emotion.training.corpora import fetch_corpus

    given = {pair.partition("=")[0]: pair for pair in named}
    unknown = sorted(set(given) - set(preset.corpora))
    if unknown:
        known, others = ", ".join(preset.corpora), ", ".join(unknown)
        raise Misuse(
            tr(
                "the recipe {preset} is trained on {known}, not on {others}; leave --recipe out to train "
                "on corpora of your own",
                preset=preset.name,
                known=known,
                others=others,
            )
        )
    home = data_folder() / "corpora"
    for corpus_id in preset.corpora:
        if corpus_id not in given:
            folder = fetch_corpus(corpus_id, home, progress=progress)
            given[corpus_id] = f"{corpus_id}={folder}"
    return tuple(given[corpus_id] for corpus_id in preset.corpora)


def _plan(
    models: ModelSettings,
    features: FeatureSettings,
    wanted: _Wanted,
    preset: Preset | None,
    corpora: tuple[Corpus, ...],
    others: tuple[Corpus, ...],
) -> TrainingPlan:
    from gpt_sovits_emotion.core.labels import labels_of
    from gpt_sovits_emotion.heads.folder import user_folder
    from gpt_sovits_emotion.training.packaging import free_id
    from gpt_sovits_emotion.training.recipes import TrainingPlan, head_id_for

    encoder_id = _encoder_id(models)
    name = preset.name if preset else "-".join(corpus.info.id for corpus in corpora)
    heads_dir = wanted.heads_dir or user_folder()
    return TrainingPlan(
        head_id=wanted.head_id or free_id(head_id_for(encoder_id, name), heads_dir),
        labels=labels_of(wanted.labels or "") or (preset.labels if preset else ()),
        note=preset.note if preset else None,
        seed=wanted.seed,
        heads_dir=heads_dir,
        replace=wanted.replace,
        even_without_gain=wanted.even_without_gain,
        command=_command(models, wanted, corpora, others),
        n_jobs=features.jobs,
        calibrate_on=others,
    )


def _encoder_id(models: ModelSettings) -> str:
    assert models.encoder_id is not None  # the option has a default
    return models.encoder_id


def _command(
    models: ModelSettings,
    wanted: _Wanted,
    corpora: tuple[Corpus, ...],
    others: tuple[Corpus, ...],
) -> str:
    """Return how to make the head again, without the folders of this machine."""
    words = ["gpt-sovits-emotion", "train"]
    if wanted.recipe:
        words += ["--recipe", wanted.recipe]
    words += [word for corpus in corpora for word in ("--corpus", f"{corpus.info.id}=DIR")]
    words += [word for corpus in others for word in ("--calibrate-on", f"{corpus.info.id}=DIR")]
    words += ["--encoder", _encoder_id(models)]
    if wanted.labels:
        words += ["--labels", wanted.labels]
    if models.sovits_weights:
        words += ["--sovits-weights", models.sovits_weights.name]
    if wanted.seed:
        words += ["--seed", str(wanted.seed)]
    return shlex.join(words)


def _show(corpora: tuple[Corpus, ...]) -> None:
    """Say which labels become which emotions, before anything is trained on them."""
    from gpt_sovits_emotion.cli.corpora import corpus_lines
    from gpt_sovits_emotion.training.corpora import label_table

    table = label_table(corpora)
    for corpus in corpora:
        for line in corpus_lines(corpus, [row for row in table if row.corpus == corpus.name]):
            say(line, zh=line)  # which is in the language that is spoken


def _train(
    corpora: tuple[Corpus, ...],
    plan: TrainingPlan,
    models: ModelSettings,
    features: FeatureSettings,
) -> tuple[TrainedHead, bool]:
    """Train; return the head, and whether Ctrl-C ended the training before its time."""
    from gpt_sovits_emotion.training.train import train as train_head

    encoder = encoder_for(models, _encoder_id(models))
    with (
        opened_cache(features) as cache,
        progress_bar(plan.head_id) as progress,
        _stopped_by_ctrl_c() as cancelled,
    ):

        def watch(moment: ProgressEvent) -> None:
            heard = moment.held_out_uar
            held_out = in_language(tr("held-out UAR"))
            uar = f", {held_out} {100 * heard:.1f}" if heard is not None else ""
            loss = f", loss {moment.loss:.3f}" if moment.loss is not None else ""
            left = moment.seconds_left
            rest = in_language(tr(", {left:.0f} s left", left=left)) if left else ""
            progress(moment.fraction, f"{moment.doing.say(language())}{loss}{uar}{rest}")

        trained = train_head(
            corpora, plan, encoder=encoder, watch=watch, cancelled=cancelled, cache=cache
        )
        return trained, cancelled()


@contextmanager
def _stopped_by_ctrl_c() -> Iterator[Callable[[], bool]]:
    """Yield what says whether Ctrl-C was pressed once; pressed again, it interrupts as usual."""
    pressed = False

    def note(number: int, frame: object) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True
        say(tr("stopping with the best there is (Ctrl-C again: at once, with nothing)"))

    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, before)


def _print(trained: TrainedHead, *, as_json: bool) -> None:
    if as_json:
        print_json(trained.card.to_dict())
        return
    from gpt_sovits_emotion.cli.heads import card_lines

    for line in card_lines(trained.card):
        echo(line)
    use = f"gpt-sovits-emotion annotate RECORDING --head {trained.card.id}"
    echo(in_language(tr("installed: {folder}", folder=trained.folder)))
    echo(in_language(tr("use it:    {use}", use=use)))
