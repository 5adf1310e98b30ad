"""The command line. Results go to stdout, talk goes to stderr; heavy imports wait for their command."""

from __future__ import annotations

import importlib
import sys

import click

from gpt_sovits_emotion import __version__
from gpt_sovits_emotion.errors import EmotionError

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
    "launch": ("gpt_sovits_emotion.cli.launch", "launch"),
    "install": ("gpt_sovits_emotion.cli.install", "install"),
    "uninstall": ("gpt_sovits_emotion.cli.install", "uninstall"),
    "doctor": ("gpt_sovits_emotion.cli.doctor", "doctor"),
}

_INTERRUPTED = 130  # 128 + SIGINT, as shells expect


class _Group(click.Group):
    """Imports a command's module when the command is named, so that --help stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order in which a newcomer needs them."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import and return one command."""
        if name not in _COMMANDS:
            return None
        module, attribute = _COMMANDS[name]
        found: click.Command = getattr(importlib.import_module(module), attribute)
        return found


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="gpt-sovits-emotion")
@click.option("--debug", is_flag=True, help="Show the traceback of an unexpected error.")
def command(debug: bool) -> None:
    """Hear a recording, tag the emotion of each segment, say it again in that emotion.

    Everything runs on this machine. Analyse only recordings of people who have agreed to it.
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 an error said in one sentence, 2 usage, 130 Ctrl-C."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        outcome = command.main(arguments, prog_name="gpt-sovits-emotion", standalone_mode=False)
        sys.exit(outcome if isinstance(outcome, int) else 0)
    except EmotionError as error:
        _fail(str(error), 1)
    except click.exceptions.Abort:
        _fail("stopped; files that were finished stay", _INTERRUPTED)
    except KeyboardInterrupt:
        _fail("stopped; files that were finished stay", _INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader of stdout (head, less) went away; there is nobody left to tell.
        sys.stderr.close()
        sys.exit(0)
    except Exception as error:
        if "--debug" in arguments:
            raise
        _fail(
            f"unexpected {type(error).__name__}: {error} (this is a fault of the program; "
            "run again with --debug as the first word and report what it shows)",
            1,
        )


def _fail(sentence: str, exit_code: int) -> None:
    click.echo(f"gpt-sovits-emotion: {sentence}", err=True)
    sys.exit(exit_code)
