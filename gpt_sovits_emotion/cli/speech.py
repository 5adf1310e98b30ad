"""Click's own words, and help, in Chinese; and the option ``--lang`` for every command."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import click

from gpt_sovits_emotion.cli.arguments import Words
from gpt_sovits_emotion.cli.language import language

__all__ = ["SpeakingContext", "in_chinese", "with_common_options"]

_CLICK = tuple(
    (re.compile(english, re.DOTALL), chinese)
    for english, chinese in (
        (r"Usage: (.*)", r"用法：\1"),
        (r"No such option:? (\S+?)\.?", r"没有选项 \1。"),
        (r"No such option:? (\S+?)\.? Did you mean (\S+)\?", r"没有选项 \1。是不是 \2？"),
        (
            r"No such option:? (\S+?)\.? \((?:Did you mean one of|Possible options): (.+)\)",
            r"没有选项 \1。（可能是：\2）",
        ),
        (r"No such command (.+)\.", r"没有命令 \1。"),
        (r"No such command (.+?)\. Did you mean (.+)\?", r"没有命令 \1。是不是 \2？"),
        (
            r"No such command (.+?)\. \((?:Did you mean one of|Possible commands): (.+)\)",
            r"没有命令 \1。（可能是：\2）",
        ),
        (r"Missing command\.", "缺少命令。"),
        (r"Missing argument (.+)\.", r"缺少参数 \1。"),
        (r"Missing option (.+)\. Choose from:(.+)", r"缺少选项 \1。可选：\2"),
        (r"Missing option (.+)\.", r"缺少选项 \1。"),
        (r"Missing parameter:? (.+)", r"缺少参数 \1"),
        (r"Option (.+) requires an argument\.", r"选项 \1 需要一个值。"),
        (r"Option (.+) does not take a value\.", r"选项 \1 不带值。"),
        (r"Got unexpected extra arguments? \((.+)\)", r"多余的参数（\1）"),
        (r"Invalid value for (.+?): (.+)", None),
        (r"Invalid value: (.+)", None),
    )
)
_VALUES = tuple(
    (re.compile(english, re.DOTALL), chinese)
    for english, chinese in (
        (r"(.+) is not one of (.+)\.", r"\1 不是以下之一：\2。"),
        (r"(.+) is not a valid (?:integer|integer range)\.", r"\1 不是整数。"),
        (r"(.+) is not a valid (?:float|float range)\.", r"\1 不是数字。"),
        (r"(.+) is not a valid boolean\..*", r"\1 不是 yes 或 no。"),
        (r"(\S+) is not in the range (.+)\.", r"\1 不在范围 \2 内。"),
    )
)


def in_chinese(told: str) -> str:
    """Return what click says of wrong arguments in Chinese; what is Chinese already stays as it is.

    Examples:
        >>> in_chinese("No such option '--nope'.")
        "没有选项 '--nope'。"
        >>> in_chinese("No such option: --nope"), in_chinese("Missing argument 'FILES...'.")
        ('没有选项 --nope。', "缺少参数 'FILES...'。")
        >>> in_chinese("Invalid value for '--beam-size': 99 is not in the range 1<=x<=20.")
        "'--beam-size' 的值无效：99 不在范围 1<=x<=20 内。"
    """
    for pattern, chinese in _CLICK:
        found = pattern.fullmatch(told)
        if found is None:
            continue
        if chinese is not None:
            return found.expand(chinese)
        what = f"{found[1]} 的值无效" if pattern.groups == 2 else "值无效"
        return f"{what}：{_value_in_chinese(found[pattern.groups])}"
    return told


def _value_in_chinese(told: str) -> str:
    for pattern, chinese in _VALUES:
        found = pattern.fullmatch(told)
        if found is not None:
            return found.expand(chinese)
    return told


class _Translated(click.HelpFormatter):
    """Writes help with Chinese headings."""

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """Write the line on usage."""
        super().write_usage(prog, args, "用法：" if prefix is None else prefix)

    def write_heading(self, heading: str) -> None:
        """Write the heading of a section."""
        super().write_heading({"Options": "选项", "Commands": "命令"}.get(heading, heading))

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        """Write options or commands with what they do."""
        told = [(name, _words_of_click(what)) for name, what in rows]
        super().write_dl(told, col_max, col_spacing)


def _words_of_click(what: str) -> str:
    told = "显示本帮助后退出。" if what == "Show this message and exit." else what
    return (
        told.replace("[default: ", "[默认：")
        .replace("[required]", "[必填]")
        .replace("the number of cores", "CPU 核数")
    )


class SpeakingContext(click.Context):
    """Writes help in the language that is spoken."""

    def make_formatter(self) -> click.HelpFormatter:
        """Return what lays help out."""
        kind = _Translated if language() == "zh" else click.HelpFormatter
        return kind(width=self.terminal_width, max_width=self.max_content_width)


def with_common_options(command: click.Command, words: str) -> click.Command:
    """Give a command, and those in it, ``--lang``, text that is text, and help in the language spoken.

    Args:
        command: The command.
        words: Its name, without the program's.
    """
    if command.context_class is not SpeakingContext:
        command.context_class = SpeakingContext
        _equip(command)
    if isinstance(command, click.Group) and words:
        for name, each in command.commands.items():
            with_common_options(each, f"{words} {name}")
    from gpt_sovits_emotion.cli.chinese import speak

    speak(command, words, language())
    return command


def _equip(command: click.Command) -> None:
    if not isinstance(command, click.Group) and all(
        parameter.name != "lang" for parameter in command.params
    ):
        command.params.append(_lang_option())
    for parameter in command.params:
        if parameter.type is click.STRING:
            parameter.type = Words(names=not _is_text(parameter))


def _lang_option() -> click.Option:
    return click.Option(
        ["--lang"],
        type=click.Choice(["en", "zh"]),
        default="en",
        show_default=True,
        expose_value=False,
        help="Language in which it speaks.",
    )


def _is_text(parameter: click.Parameter) -> bool:
    """Say whether something is a text to be said or looked for, which may be empty, and no name."""
    default: Any = parameter.default
    return default == "" or parameter.name == "texts"
