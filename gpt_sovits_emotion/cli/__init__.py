"""The command line. Results go to stdout, talk goes to stderr; heavy imports wait for their command.

Exit codes: 0 all of it was done; 1 nothing was, for the reason said in one sentence; 2 the arguments do not
fit; 3 a part was done (some recordings failed, some segments were not said); 130 Ctrl-C, 143 kill.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from gpt_sovits_emotion import __version__
from gpt_sovits_emotion.cli.language import in_language, language, language_of, set_language
from gpt_sovits_emotion.cli.speech import SpeakingContext, in_chinese, with_common_options
from gpt_sovits_emotion.cli.stopping import Answer, Stopped, stoppable
from gpt_sovits_emotion.core.errors import EmotionError
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.unreadable import of_the_system, why_unreadable

if TYPE_CHECKING:
    from gpt_sovits_emotion.core.records import Sentence

__all__ = ["command", "main"]

_COMMANDS = {
    "annotate": ("gpt_sovits_emotion.cli.annotate", "annotate"),
    "roundtrip": ("gpt_sovits_emotion.cli.roundtrip", "roundtrip"),
    "say": ("gpt_sovits_emotion.cli.say", "say"),
    "demo": ("gpt_sovits_emotion.cli.roundtrip", "demo"),
    "refs": ("gpt_sovits_emotion.cli.refs", "refs"),
    "heads": ("gpt_sovits_emotion.cli.heads", "heads"),
    "train": ("gpt_sovits_emotion.cli.train", "train"),
    "evaluate": ("gpt_sovits_emotion.cli.evaluate", "evaluate"),
    "adapt": ("gpt_sovits_emotion.cli.adapt", "adapt"),
    "speakers": ("gpt_sovits_emotion.cli.speakers", "speakers"),
    "corpora": ("gpt_sovits_emotion.cli.corpora", "corpora"),
    "web": ("gpt_sovits_emotion.cli.web", "web"),
    "launch": ("gpt_sovits_emotion.cli.install", "launch"),
    "install": ("gpt_sovits_emotion.cli.install", "install"),
    "uninstall": ("gpt_sovits_emotion.cli.install", "uninstall"),
    "plugins": ("gpt_sovits_emotion.cli.plugins", "plugins"),
    "doctor": ("gpt_sovits_emotion.cli.doctor", "doctor"),
}


class _Group(click.Group):
    """Imports a command's module when the command is named, so that --help stays quick."""

    context_class = SpeakingContext

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order in which a newcomer needs them."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import and return one command."""
        if name not in _COMMANDS:
            return None
        module, attribute = _COMMANDS[name]
        found: click.Command = getattr(importlib.import_module(module), attribute)
        return with_common_options(found, name)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was named, and say what is wrong with plug-ins as soon as it is seen."""
        from gpt_sovits_emotion.core.registry import tell_with

        with tell_with(_note):
            return super().invoke(ctx)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gpt-sovits-emotion")
@click.option("--debug", is_flag=True, help="Show the traceback of an unexpected error.")
@click.option("--lang", type=click.Choice(["en", "zh"]), help="Language in which it speaks.")
def command(debug: bool, lang: str | None) -> None:
    """Hear a recording, tag the emotion of each segment, say it again in that emotion.

    Everything runs on this machine. Analyse only recordings of people who have agreed to it.

    Exit codes: 0 all was done, 1 nothing was, 2 the arguments do not fit, 3 a part was done (some recordings
    failed, or some segments were not said), 130 stopped by Ctrl-C.
    """


def main(arguments: list[str] | None = None, *, begun_with: Answer | None = None) -> None:
    """Run the command line and exit with one of its codes; whatever goes wrong is said in one sentence.

    Args:
        arguments: Those of the process when None.
        begun_with: What answers Ctrl-C until this does, where the process is ours alone.
    """
    from gpt_sovits_emotion.cli.console import abandon_stdout

    arguments = sys.argv[1:] if arguments is None else arguments
    set_language(language_of(arguments))
    with_common_options(command, "")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A terminal of another encoding shows escapes, and the command goes on.
            stream.reconfigure(errors="backslashreplace")
    try:
        with stoppable(begun_with) as stop:
            code = _run(arguments, stop)
            if sys.stdout is not None:
                sys.stdout.flush()
    except BrokenPipeError:
        # The reader of stdout (head, less) went away; there is nobody left to tell.
        abandon_stdout()
        code = 0
    except (EmotionError, OSError) as error:
        abandon_stdout()
        code = _fail(error.say(language()) if isinstance(error, EmotionError) else str(error), 1)
    sys.exit(code)


def _run(arguments: list[str], stop: Stopped) -> int:
    """Run one command and return its exit code."""
    try:
        outcome = command.main(arguments, prog_name="gpt-sovits-emotion", standalone_mode=False)
        return outcome if isinstance(outcome, int) else 0
    except BrokenPipeError:
        raise
    except (click.exceptions.Abort, KeyboardInterrupt):
        return _stopped(stop)
    except Exception as error:
        if stop.exit_code is not None and not isinstance(error, EmotionError):
            # A library that was interrupted while it was imported says something else.
            return _stopped(stop)
        if isinstance(error, EmotionError):
            return _fail(error.say(language()), 1)
        if isinstance(error, click.ClickException):
            return _misused(error)
        if "--debug" in arguments:
            raise
        return _of_the_machine(error) or _of_a_plugin(error) or _unexpected(error)
    except BaseException:
        if stop.exit_code is None:
            raise
        return _stopped(stop)


def _stopped(stop: Stopped) -> int:
    sentence = in_language(tr("stopped; files that were finished stay"))
    return _fail(sentence, stop.exit_code or 130)


def _misused(error: click.ClickException) -> int:
    from gpt_sovits_emotion.cli.console import echo

    if isinstance(error, getattr(click.exceptions, "NoArgsIsHelpError", ())):  # click 8.2 and later
        for line in error.format_message().splitlines():
            echo(line, err=True)
        return error.exit_code
    if isinstance(error, click.UsageError) and error.ctx is not None:
        for line in error.ctx.get_usage().splitlines():
            echo(in_chinese(line) if language() == "zh" else line, err=True)
        hint = f"{error.ctx.command_path} --help"
        echo(in_language(tr("Try '{hint}' for help.", hint=hint)), err=True)
        echo(err=True)
    told = error.format_message()
    echo(f"错误：{in_chinese(told)}" if language() == "zh" else f"Error: {told}", err=True)
    return error.exit_code


def _of_the_machine(error: Exception) -> int | None:
    """Say what the system refused, where no package of ours could say more of it; None for anything else."""
    if isinstance(error, MemoryError):
        return _fail(
            in_language(
                tr(
                    "there is not enough memory; close other programs, or take a smaller model or a "
                    "shorter recording"
                )
            ),
            1,
        )
    system = of_the_system(error)
    if system is not None and system.filename is not None and system.strerror:
        filename, why = system.filename, why_unreadable(system)
        name = os.fsdecode(filename) if isinstance(filename, bytes) else filename
        return _fail(
            in_language(
                tr(
                    "{name} cannot be used ({why}); see what lies there, and its permissions",
                    name=name,
                    why=why,
                )
            ),
            1,
        )
    return None


def _of_a_plugin(error: Exception) -> int | None:
    """Say whose plug-in failed, where it was one of another package."""
    from gpt_sovits_emotion.core.registry import failed_plugin

    failed = failed_plugin(error)
    return None if failed is None else _fail(failed.say(language()), 1)


def _note(problem: Sentence) -> None:
    from gpt_sovits_emotion.cli.console import say

    say(tr("note: {problem}", problem=problem))


def _unexpected(error: Exception) -> int:
    name = type(error).__name__
    return _fail(
        in_language(
            tr(
                "unexpected {name}: {error} (this is a fault of the program; run again with --debug as "
                "the first word and report what it shows)",
                name=name,
                error=error,
            )
        ),
        1,
    )


def _fail(sentence: str, exit_code: int) -> int:
    from gpt_sovits_emotion.cli.console import echo

    echo(f"gpt-sovits-emotion: {sentence}", err=True)
    return exit_code
