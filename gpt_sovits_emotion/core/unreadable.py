"""Why a file cannot be read, in words for a person: what parsers say of it names their own insides."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from gpt_sovits_emotion.core.errors import EmotionError
from gpt_sovits_emotion.core.messages import of_error, tr
from gpt_sovits_emotion.core.records import Sentence

__all__ = ["kind_of", "of_the_system", "unreadable", "why_unreadable"]

_KINDS = {
    bool: tr("yes or no"),
    str: tr("a text"),
    int: tr("a number"),
    float: tr("a number"),
    list: tr("a list"),
    dict: tr("fields with names"),
    type(None): tr("nothing"),
}

_OF_THE_SYSTEM = {
    errno.ELOOP: tr("links lead in a circle"),
    errno.ENAMETOOLONG: tr("its name is too long"),
    errno.EIO: tr("the disk, or the network, fails"),
    errno.ESTALE: tr("the network folder is gone"),
}


def unreadable(path: Path | str, error: BaseException, then: Sentence | None = None) -> Sentence:
    """Return that a file cannot be read, why, and what to do.

    Args:
        path: The file or folder.
        error: As for `why_unreadable`.
        then: What was expected or is to be done, with the sign that it begins with.

    Examples:
        >>> error = PermissionError(errno.EACCES, "Permission denied")
        >>> unreadable("a.json", error, Sentence("; copy it again", "；请重新复制")).en
        'a.json cannot be read (Permission denied); copy it again'
    """
    why, then = why_unreadable(error), then or Sentence("", "")
    return tr("{path} cannot be read ({why}){then}", path=path, why=why, then=then)


def of_the_system(error: BaseException) -> OSError | None:
    """Return an error as the system's, None where it is another.

    Before Python 3.13 pathlib says of links that lead in a circle that it is a `RuntimeError`.

    Examples:
        >>> error = of_the_system(RuntimeError("Symlink loop from '/a/b'"))
        >>> error.filename, why_unreadable(error).en
        ('/a/b', 'links lead in a circle')
        >>> of_the_system(RuntimeError("something else"))
    """
    if isinstance(error, OSError):
        return error
    start = "Symlink loop from "
    if isinstance(error, RuntimeError) and str(error).startswith(start):
        name = str(error).removeprefix(start).strip("'\"")
        return OSError(errno.ELOOP, os.strerror(errno.ELOOP), name)
    return None


def why_unreadable(error: BaseException) -> Sentence:
    """Return what is wrong with a file of which a parser, or reading what it parsed, raised an error.

    Args:
        error: Of the system, `json`, PyYAML, decoding, or of parts that are missing or of another kind than
            expected. One of our own says it itself.

    Examples:
        >>> import json
        >>> try:
        ...     json.loads('{"a": 1,}')
        ... except ValueError as error:
        ...     why_unreadable(error).en
        'line 1 breaks off, or holds a sign that does not belong there'
    """
    if isinstance(error, EmotionError):
        return of_error(error)
    mark = getattr(error, "problem_mark", None)  # of PyYAML, which is not imported for this alone
    line = getattr(error, "lineno", None) if mark is None else mark.line + 1
    if isinstance(line, int):
        return tr("line {line} breaks off, or holds a sign that does not belong there", line=line)
    if isinstance(error, UnicodeError):
        return tr("it is not text in UTF-8")
    system = of_the_system(error)
    if system is not None:
        reason = system.strerror or str(system) or "the system would not say why"
        return _OF_THE_SYSTEM.get(system.errno or 0, Sentence(reason, reason))
    if isinstance(error, RecursionError):
        return tr("it is nested too deep")
    if isinstance(error, KeyError) and error.args:
        return tr("{args!r} is missing", args=error.args[0])
    return tr("a value in it is none that belongs there")


def kind_of(value: object) -> Sentence:
    """Return what kind of thing a value out of JSON or YAML is.

    Examples:
        >>> kind_of([1]).en, kind_of(None).zh
        ('a list', '空值')
    """
    return _KINDS.get(type(value), tr("something else"))
