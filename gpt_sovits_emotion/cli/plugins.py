"""``plugins``: what is registered in each group, from which package, and what is broken."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from gpt_sovits_emotion.cli.console import echo, padded, print_json, say, styled
from gpt_sovits_emotion.cli.language import in_language, language
from gpt_sovits_emotion.core.messages import tr

if TYPE_CHECKING:
    from gpt_sovits_emotion.core.records import Sentence
    from gpt_sovits_emotion.core.registry import Plugin

__all__ = ["plugins"]


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def plugins(as_json: bool) -> int:
    """List what there is of each kind: ours, what other packages add, and what of that is broken.

    Encoders, backends, transcribers, bank layouts, corpora, transcript formats. The exit code is 1 where a
    plug-in is broken.
    """
    from gpt_sovits_emotion.core import registry

    told: list[Sentence] = []
    with registry.tell_with(told.append):
        listed = [(plugin, _problem_of(plugin)) for plugin in registry.all_plugins()]
        problems = registry.problems()
    if as_json:
        print_json(
            {
                "plugins": [_row(plugin, problem) for plugin, problem in listed],
                "problems": [problem.to_dict() for problem in problems],
            }
        )
        return int(bool(problems))
    for group, about in registry.GROUPS.items():
        echo(styled(f"{about.title.say(language())} ({registry.PREFIX}{group})", bold=True))
        own = [plugin.name for plugin, _ in listed if plugin.group == group and plugin.is_ours]
        echo(f"  {', '.join(own)}")
        for plugin, why in listed:
            if plugin.group == group and not plugin.is_ours:
                state = in_language(tr("broken")) if why else plugin.value
                echo(f"  {padded(plugin.name, 20)} {padded(plugin.origin, 28)} {state}")
    for problem in problems:
        say(tr("note: {problem}", problem=problem))
    return int(bool(problems))


def _problem_of(plugin: Plugin) -> str:
    """Import a plug-in of another package; return what is wrong with it, "" where nothing is."""
    if plugin.is_ours:
        return ""
    from gpt_sovits_emotion.core import registry
    from gpt_sovits_emotion.core.errors import PluginError

    try:
        registry.load(plugin.group, plugin.name)
    except PluginError as error:
        return error.say(language())
    return ""


def _row(plugin: Plugin, problem: str) -> dict[str, Any]:
    return {
        "group": plugin.group,
        "name": plugin.name,
        "package": plugin.package,
        "version": plugin.version,
        "is_ours": plugin.is_ours,
        "value": plugin.value,
        "problem": problem,
    }
