"""``speakers list|show|undo|forget``: what was learned of whom, and how to be rid of it."""

from __future__ import annotations

from pathlib import Path

import click

from gpt_sovits_emotion.cli.arguments import Misuse
from gpt_sovits_emotion.cli.console import echo, padded, print_json, say
from gpt_sovits_emotion.cli.language import in_language, language
from gpt_sovits_emotion.cli.options import head_for, heads_dir_option
from gpt_sovits_emotion.cli.settings import ModelSettings
from gpt_sovits_emotion.core.labels import display_name
from gpt_sovits_emotion.core.messages import in_both, of_count, tr

__all__ = ["speakers"]

_HEAD = click.option(
    "--head",
    metavar="ID|PATH",
    default=None,
    help="The head.  [default: the best that works here]",
)


@click.group()
def speakers() -> None:
    """Show, take back and forget what heads learned of speakers (see adapt)."""


@speakers.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
def list_command(as_json: bool) -> None:
    """List every speaker profile of this user, of all heads."""
    from gpt_sovits_emotion.heads.profiles import list_profiles, speakers_folder

    entries = list_profiles()
    if as_json:
        rows = [
            {
                "head": entry.head_id,
                "speaker": entry.speaker,
                "path": str(entry.path),
                "unlabelled": entry.profile.n_unlabelled if entry.profile else None,
                "labelled": entry.profile.counts if entry.profile else None,
                "bank": (entry.profile.bank or None) if entry.profile else None,
                "updated_at": entry.profile.updated_at if entry.profile else None,
                "problem": entry.problem.say(language()) if entry.problem else None,
            }
            for entry in entries
        ]
        print_json(rows)
        return
    for entry in entries:
        told = entry.profile.say() if entry.profile else entry.problem
        echo(f"{entry.head_id:24} {told.say(language()) if told else ''}")
    if not entries:
        folder = speakers_folder()
        say(
            tr("nothing has been learned of any speaker ({folder} holds no profile)", folder=folder)
        )


@speakers.command("show")
@click.argument("speaker", metavar="NAME")
@_HEAD
@heads_dir_option
def show(speaker: str, head: str | None, heads_dirs: tuple[Path, ...]) -> None:
    """Show what was learned of a speaker for a head, clip by clip."""
    from gpt_sovits_emotion.heads.profiles import known_speaker

    profile = known_speaker(head_for(ModelSettings(head=head, heads_dirs=heads_dirs)), speaker)
    echo(profile.say().say(language()))
    echo(in_language(tr("  head      ")) + profile.head_id)
    echo(in_language(tr("  changed   ")) + profile.updated_at)
    echo(in_language(tr("  learned   ")) + profile.recipe)
    for place in profile.valid:
        correction = profile.corrections[place]
        waiting = (
            "" if correction.batch in profile.learned else in_language(tr("  (not learned yet)"))
        )
        label = padded(display_name(correction.label, language()), 12)
        echo(f"  {label} {correction.source}{waiting}")


@speakers.command("undo")
@click.argument("speaker", metavar="NAME")
@_HEAD
@heads_dir_option
def undo(speaker: str, head: str | None, heads_dirs: tuple[Path, ...]) -> None:
    """Take back the labelled clips that were added last, and learn anew without them."""
    from gpt_sovits_emotion.heads import head_folders
    from gpt_sovits_emotion.heads.profiles import (
        begin_profile,
        changing_profiles,
        find_replay,
        load_profile,
        save_profile,
        undo_last,
    )
    from gpt_sovits_emotion.training.adapt import learn

    found = head_for(ModelSettings(head=head, heads_dirs=heads_dirs))
    replay = find_replay(found, head_folders(heads_dirs))
    with changing_profiles():
        profile = load_profile(found, speaker) or begin_profile(found, speaker)
        n_before = len(profile.corrections)
        profile = undo_last(profile)
        if profile.n_clips >= found.card.min_speaker_segments:
            profile = learn(found, profile, replay=replay)
        save_profile(profile)
    n_undone = n_before - len(profile.corrections)
    say(tr("taken back: {n_undone}", n_undone=of_count(n_undone, "labelled clip")))
    echo(profile.say().say(language()))


@speakers.command("forget")
@click.argument("speaker", metavar="NAME", required=False)
@click.option("--all", "everyone", is_flag=True, help="Forget every speaker.")
@click.option("--head", "head_id", metavar="ID", help="For this head alone.")
def forget(speaker: str | None, everyone: bool, head_id: str | None) -> int:
    """Delete what was learned of a speaker, for every head; with --all, of everyone.

    The bank of a voice that is forgotten teaches no head any more, until 'refs build --learn' is run on it.
    """
    from gpt_sovits_emotion.banks.building.teaching import forget_speaker

    if (speaker is None) == (not everyone):
        raise Misuse(tr("name one speaker, or give --all"))
    deleted, notes = forget_speaker(speaker, head_id=head_id)
    for folder in deleted:
        say(tr("deleted: {folder}", folder=folder))
    for note in notes:
        say(note.en, zh=note.zh)
    if not deleted:
        who_zh = f" {speaker} " if speaker else "任何人"
        say(tr("nothing was known of {speaker}", speaker=in_both(speaker or "anyone", who_zh)))
    return 0 if deleted or everyone else 1
