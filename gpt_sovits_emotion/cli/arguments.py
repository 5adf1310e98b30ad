"""What an option may be given: places on the disk that are named, numbers that are numbers."""

from __future__ import annotations

import math
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from gpt_sovits_emotion.cli.language import in_language
from gpt_sovits_emotion.core.files import is_ordinary
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.core.records import Sentence

__all__ = [
    "LARGEST_SEED",
    "BadValue",
    "FilePath",
    "Folder",
    "Misuse",
    "Number",
    "Place",
    "Seed",
    "Words",
    "pair_of",
]

LARGEST_SEED = 2**32 - 1  # what numpy and GPT-SoVITS take


class Misuse(click.UsageError):
    """Arguments that do not go together, said in English and Chinese; exit code 2."""

    def __init__(self, message: str | Sentence, *, zh: str | None = None) -> None:
        super().__init__(in_language(message, zh))


class BadValue(click.BadParameter):
    """A value that an option or an argument cannot have, said in English and Chinese; exit code 2."""

    def __init__(
        self,
        message: str | Sentence,
        *,
        zh: str | None = None,
        param: click.Parameter | None = None,
        param_hint: str | None = None,
    ) -> None:
        super().__init__(in_language(message, zh), param=param, param_hint=param_hint)


class Number(click.FloatRange):
    """A number between two ends, neither of which infinity or "not a number" ever is."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number. Raises `BadValue` where it is not finite."""
        found = click.FLOAT.convert(value, param, ctx)
        if not math.isfinite(found):
            raise BadValue(tr("{value} is not a number.", value=value), param=param)
        return float(super().convert(found, param, ctx))


class Seed(click.IntRange):
    """An integer that any generator of random numbers can begin with."""

    def __init__(self) -> None:
        super().__init__(0, LARGEST_SEED)


class Place(click.ParamType):
    """A path that names something: the empty string, which would stand for the current folder, does not.

    Args:
        exists: Whether something has to lie there.
    """

    name = "path"

    def __init__(self, *, exists: bool = False) -> None:
        self._exists = exists

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path. Raises `BadValue` where it is empty, impossible, or not what was asked for."""
        text = os.fspath(value)
        if not text.strip():
            raise BadValue(
                tr("a path was expected, and this one is empty; for the current folder write ."),
                param=param,
            )
        if "\0" in text or not _is_encodable(text, as_name=True):
            raise BadValue(
                tr(
                    "no file can be called {text}: that has a character which no name may have",
                    text=text,
                ),
                param=param,
            )
        path = _of_home(Path(text))
        try:
            mode = path.stat().st_mode
        except OSError:  # what can be said of it is said where it is opened
            mode = None
        if mode is None and self._exists:
            raise BadValue(tr("there is no {path}", path=path), param=param)
        if mode is not None:
            self._check(path, mode, param)
        return path

    def _check(self, path: Path, mode: int, param: click.Parameter | None) -> None:
        """Look at the kind of what lies there; a place of any kind does not mind."""


def _of_home(path: Path) -> Path:
    """Return a path that begins with ``~`` in the home folder, as a shell hands it over in most places."""
    if path.parts[:1] == ("~",) and not os.path.lexists(path):
        with suppress(RuntimeError):  # nobody's home is known
            return path.expanduser()
    return path


class Folder(Place):
    """A folder, there or still to be made."""

    def _check(self, path: Path, mode: int, param: click.Parameter | None) -> None:
        if not stat.S_ISDIR(mode):
            raise BadValue(
                tr("a folder was expected, and {path} is a file", path=path),
                param=param,
            )


class FilePath(Place):
    """A file, there or still to be written: no folder, and nothing that would let us wait for ever.

    Args:
        exists: Whether it has to be there.
        or_stdin: Whether ``-`` stands for the standard input.
        or_folder: Whether a folder is as good, in which the file then has a name of ours.
    """

    def __init__(
        self, *, exists: bool = False, or_stdin: bool = False, or_folder: bool = False
    ) -> None:
        super().__init__(exists=exists)
        self._or_stdin, self._or_folder = or_stdin, or_folder

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path. Raises as `Place.convert`."""
        if self._or_stdin and value == "-":
            return Path("-")
        return super().convert(value, param, ctx)

    def _check(self, path: Path, mode: int, param: click.Parameter | None) -> None:
        if stat.S_ISDIR(mode):
            if self._or_folder:
                return
            raise BadValue(
                tr("a file was expected, and {path} is a folder", path=path),
                param=param,
            )
        if not is_ordinary(path):
            raise BadValue(
                tr(
                    "{path} is no ordinary file but a pipe, a socket or a device; name a file on the disk",
                    path=path,
                ),
                param=param,
            )


class Words(click.ParamType):
    """Text: valid characters, and at least one where it names something.

    Args:
        names: Whether it names something, which may be a path: then it is not empty, and may be any name that
            a file can have. Else it is said, or looked for, and has to be valid text.
    """

    name = "text"

    def __init__(self, *, names: bool) -> None:
        self._names = names

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text. Raises `BadValue` where it is empty, or holds what is no character."""
        text = str(click.STRING.convert(value, param, ctx))
        if self._names and not text.strip():
            raise BadValue(tr("something was expected here, and it is empty"), param=param)
        if "\0" in text or not _is_encodable(text, as_name=self._names):
            raise BadValue(
                tr("{text} is no valid text: characters in UTF-8 were expected", text=text),
                param=param,
            )
        return text


def _is_encodable(text: str, *, as_name: bool) -> bool:
    try:
        text.encode("utf-8", "surrogateescape" if as_name else "strict")
    except UnicodeEncodeError:
        return False
    return True


def pair_of(written: str, form: str, option: str) -> tuple[str, str]:
    """Split ``A=B``; of several equals signs the last counts for folders, the first for anything else."""
    split = written.rpartition if option == "--api-folder" else written.partition
    one, equals, other = split("=")
    if not (one.strip() and equals and other.strip()):
        raise BadValue(
            tr("{written!r} is not {form}", written=written, form=form), param_hint=option
        )
    return one.strip(), other.strip()
