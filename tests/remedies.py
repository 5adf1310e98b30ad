"""What a command says on stderr names only options that it has, so that a remedy can be followed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from types import ModuleType

import click
import pytest

__all__ = ["OF_OTHERS", "OPTION", "watched"]

OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
OF_OTHERS = {
    # of pip, git, Hugging Face's and GPT-SoVITS's commands, and of our tests and scripts
    "--no-deps", "--user", "--upgrade", "--extra-index-url", "--index-url", "--force-reinstall",
    "--repo-type", "--local-dir", "--no-cache-dir",
}  # fmt: skip
_OF_ALL = {"--help", "--lang", "--debug", "--version"}
_REFUSED = re.compile(r"No such option|Option '|没有这个选项|选项 '|Try '|Missing option|缺少选项")


@cache
def options_of_commands() -> dict[str, frozenset[str]]:
    """Return the options of every command, by the words that name it."""
    from gpt_sovits_emotion.cli import command

    return {
        words: frozenset(
            name for each in found.params for name in (*each.opts, *each.secondary_opts)
        )
        for words, found in _commands(command, "")
    }


def _commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None
        words = f"{path} {name}".strip()
        yield words, found
        if isinstance(found, click.Group):
            yield from _commands(found, words)


def not_there(line: str, words: str) -> list[str]:
    """Return the options that a line names and that neither its command nor one that it names has.

    Examples:
        >>> not_there("cut it, or raise the limit with --max-hours", "refs build")
        ['--max-hours']
        >>> not_there("add it with  refs build LIST --clips DIR", "refs list")
        []
    """
    if _REFUSED.search(line):
        return []
    known = options_of_commands()
    missing = []
    for found in OPTION.finditer(line):
        before = line[: found.start()]
        named = {other for other in known if re.search(rf"(?<![\w-]){other}(?![\w-])", before)}
        there = _OF_ALL | OF_OTHERS | known.get(words, frozenset())
        if found.group() not in there.union(*(known[other] for other in named)):
            missing.append(found.group())
    return missing


def watched(cli: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Watch every command that runs from here on; return where what is wrong will be kept."""
    wrong: list[str] = []
    running: list[str] = []
    run, echo = cli._run, click.echo

    def running_it(arguments: list[str], *more: object) -> object:
        plain = [
            word for word in arguments if not word.startswith("-") and word not in ("en", "zh")
        ]
        known = options_of_commands()
        found = [" ".join(plain[:n]) for n in (2, 1) if " ".join(plain[:n]) in known]
        running.append(found[0] if found else "")
        return run(arguments, *more)

    def echoing(message: object = None, *args: object, **more: object) -> None:
        if running and more.get("err") and "--" in str(message):
            wrong.extend(
                f"{running[-1]}: {option} in {message}"
                for option in not_there(str(message), running[-1])
            )
        echo(message, *args, **more)

    monkeypatch.setattr(cli, "_run", running_it)
    monkeypatch.setattr(click, "echo", echoing)
    return wrong
