"""``speakers list|show|undo|forget``: what was learned of whom, and how to be rid of it."""

from __future__ import annotations

from pathlib import Path

import click

from gpt_sovits_emotion.cli.console import echo, print_json, say
from gpt_sovits_emotion.cli.options import head_for, heads_dir_option

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
                "problem": entry.problem.en if entry.problem else None,
            }
            for entry in entries
        ]
        print_json(rows)
        return
    for entry in entries:
        told = entry.profile.say() if entry.profile else entry.problem
        echo(f"{entry.head_id:24} {told.en if told else ''}")
    if not entries:
        say(f"nothing has been learned of any speaker ({speakers_folder()} holds no profile)")


@speakers.command("show")
@click.argument("speaker", metavar="NAME")
@_HEAD
@heads_dir_option
def show(speaker: str, head: str | None, heads_dirs: tuple[Path, ...]) -> None:
    """Show what was learned of a speaker for a head, clip by clip."""
    from gpt_sovits_emotion.heads.profiles import known_speaker

    profile = known_speaker(head_for({"head": head, "heads_dirs": heads_dirs}), speaker)
    echo(profile.say().en)
    echo(f"  head      {profile.head_id}")
    echo(f"  changed   {profile.updated_at}")
    echo(f"  learned   {profile.recipe}")
    for place in profile.valid:
        correction = profile.corrections[place]
        waiting = "" if correction.batch in profile.learned else "  (not learned yet)"
        echo(f"  {correction.label:12} {correction.source}{waiting}")


@speakers.command("undo")
@click.argument("speaker", metavar="NAME")
@_HEAD
@heads_dir_option
def undo(speaker: str, head: str | None, heads_dirs: tuple[Path, ...]) -> None:
    """Take back the labelled clips that were added last, and learn anew without them."""
    from gpt_sovits_emotion.heads import head_folders
    from gpt_sovits_emotion.heads.profiles import (
        begin_profile,
        find_replay,
        load_profile,
        save_profile,
        undo_last,
    )
    from gpt_sovits_emotion.training.adapt import learn

    found = head_for({"head": head, "heads_dirs": heads_dirs})
    profile = load_profile(found, speaker) or begin_profile(found, speaker)
    n_before = len(profile.corrections)
    profile = undo_last(profile)
    if profile.n_clips >= found.card.min_speaker_segments:
        profile = learn(found, profile, replay=find_replay(found, head_folders(heads_dirs)))
    save_profile(profile)
    say(f"taken back: {n_before - len(profile.corrections)} labelled clips")
    echo(profile.say().en)


@speakers.command("forget")
@click.argument("speaker", metavar="NAME", required=False)
@click.option("--all", "everyone", is_flag=True, help="Forget every speaker.")
@click.option("--head", "head_id", metavar="ID", help="For this head alone.")
def forget(speaker: str | None, everyone: bool, head_id: str | None) -> int:
    """Delete what was learned of a speaker, for every head; with --all, of everyone.

    The bank of a voice that is forgotten teaches no head any more, until 'refs build --learn' is run on it.
    """
    from gpt_sovits_emotion.banking.teaching import forget_speaker

    if (speaker is None) == (not everyone):
        raise click.UsageError("name one speaker, or give --all")
    deleted, notes = forget_speaker(speaker, head_id=head_id)
    for folder in deleted:
        say(f"deleted: {folder}")
    for note in notes:
        say(note.en)
    if not deleted:
        say(f"nothing was known of {speaker or 'anyone'}")
    return 0 if deleted or everyone else 1
