"""Put the tab into a GPT-SoVITS checkout for good, and take it out without a trace.

Two routes. ``pth`` writes one line into a ``.pth`` file of the python that runs the checkout, and nothing
into the checkout: every way of starting GPT-SoVITS then has the tab. ``scripts`` writes a marked block
into the two scripts that serve the page, for a python that does not read ``.pth`` files.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import Literal

from gpt_sovits_emotion.core.errors import BackendError, EmotionError, OutputError
from gpt_sovits_emotion.core.messages import of_error, tr
from gpt_sovits_emotion.core.records import Sentence
from webui_tab import lines
from webui_tab.hook import SCRIPTS
from webui_tab.interpreter import Interpreter, checkout_root, inspect_python, is_armed, python_of

__all__ = ["ROUTES", "Route", "install", "status", "uninstall"]

Route = Literal["pth", "scripts"]
ROUTES: tuple[Route, ...] = ("pth", "scripts")

_RESTART = tr("Restart GPT-SoVITS: its inference page then has the tab 情感 Emotion.")


def install(root: Path, *, python: Path | None = None, route: Route = "pth") -> list[Sentence]:
    """Put the tab into the inference pages of a checkout.

    Nothing changes if it stands there already, and nothing stays if a step fails.

    Args:
        root: The checkout.
        python: The python that runs it; by default ``runtime/python.exe`` where there is one, else the
            one that runs now.
        route: ``pth`` or ``scripts``.

    Returns:
        What was done, and what to do next.

    Raises:
        BackendError: The folder is no checkout, or that python cannot run the tab.
        OutputError: A file could not be written.
    """
    root = checkout_root(root)
    interpreter = inspect_python(python_of(root, python), root)
    interpreter.require_ours()
    if route == "scripts":
        return _install_blocks(root)
    return _install_line(root, interpreter)


def uninstall(root: Path, *, python: Path | None = None) -> list[Sentence]:
    """Take the tab out of a checkout, whichever way it was put in, and leave all else as it is.

    Args:
        root: The checkout; its folder may be gone by now.
        python: As for `install`.

    Returns:
        What was done, and what a person has to do by hand.

    Raises:
        OutputError: A file could not be written.
    """
    root = root.expanduser().resolve()
    said = [*_remove_blocks(root)]
    try:
        pth = _pth_file(root, python)
    except BackendError as error:
        said.append(_as_sentence(error))
    else:
        said += _remove_line(root, pth)
    return said or [
        tr(
            "The tab was not installed for {root} in this python; if it was installed with --python, "
            "name the same one again.",
            root=root,
        )
    ]


def status(root: Path, *, python: Path | None = None) -> list[Sentence]:
    """Say whether and how the tab is installed for a checkout.

    Raises:
        BackendError: The folder is no checkout.
    """
    root = checkout_root(root)
    said = []
    for script in _scripts(root):
        found = lines.find_block(script.read_bytes())
        if found is not None:
            said.append(_found_sentence(script, found))
    try:
        pth = _pth_file(root, python)
    except BackendError as error:
        return [*said, _as_sentence(error)]
    found = lines.find_line(_content(pth), str(root))
    if found is not None:
        said.append(_found_sentence(pth, found))
    return said or [
        tr(
            "The tab is not installed for {root}; to have it there for good, run  gpt-sovits-emotion "
            'install --checkout "{root}"',
            root=root,
        ),
    ]


# --- route pth ---------------------------------------------------------------------------------------


def _install_line(root: Path, interpreter: Interpreter) -> list[Sentence]:
    pth = interpreter.packages / lines.PTH_NAME
    before = _content(pth)
    found = lines.find_line(before, str(root))
    if found is not None and found.form > lines.FORM:
        raise _newer(pth)
    after = lines.add_line(before, str(root))
    if after == before:
        return [_already(pth), _RESTART]
    _write(pth, after)
    if not is_armed(interpreter, root):
        _write(pth, before)
        raise BackendError(
            tr(
                "{executable} does not read {pth}, so nothing was installed; install with --route scripts",
                executable=interpreter.executable,
                pth=pth,
            )
        )
    return [
        tr("Installed: one line in {pth}; nothing in {root} was changed.", pth=pth, root=root),
        _RESTART,
    ]


def _remove_line(root: Path, pth: Path) -> list[Sentence]:
    before = _content(pth)
    try:
        after = lines.remove_line(before, str(root))
    except lines.EditedError:
        return [_left(pth)]
    if after == before:
        return []
    _write(pth, after)
    return [tr("Removed: the line for {root} in {pth}.", root=root, pth=pth)]


def _pth_file(root: Path, python: Path | None) -> Path:
    folder = root if root.is_dir() else Path.cwd()
    return inspect_python(python_of(root, python), folder).packages / lines.PTH_NAME


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


# --- route scripts -----------------------------------------------------------------------------------


def _scripts(root: Path) -> list[Path]:
    paths = (root / "GPT_SoVITS" / script for script in SCRIPTS)
    return [path for path in paths if path.is_file()]


def _install_blocks(root: Path) -> list[Sentence]:
    sources = {path: path.read_bytes() for path in _scripts(root)}
    edited = {path: _with_block(path, source) for path, source in sources.items()}
    changed = {path: source for path, source in edited.items() if source != sources[path]}
    with contextlib.ExitStack() as restoring:
        for path, source in changed.items():
            _write(path, source)
            restoring.callback(_write, path, sources[path])
        restoring.pop_all()
    done = [
        tr("Installed: a marked block in {path}; all else in it is as it was.", path=path)
        for path in changed
    ]
    return [*done, *(_already(path) for path in sources if path not in changed), _RESTART]


def _with_block(path: Path, source: bytes) -> bytes:
    try:
        return lines.add_block(source)
    except lines.NoPlaceError:
        raise BackendError(
            tr(
                "{path} does not launch its page where every known version of GPT-SoVITS does, so "
                "nothing was installed; use the route pth, or add the manual line from the documentation",
                path=path,
            )
        ) from None
    except lines.EditedError:
        found = lines.find_block(source)
        if found is not None and found.form > lines.FORM:
            raise _newer(path) from None
        raise BackendError(
            tr(
                "the block of gpt-sovits-emotion in {path} is not as it was written, so nothing was "
                "installed; delete it, from '# >>> gpt-sovits-emotion' to '# <<<', and install again",
                path=path,
            )
        ) from None


def _remove_blocks(root: Path) -> list[Sentence]:
    said = []
    for path in _scripts(root):
        before = path.read_bytes()
        try:
            after = lines.remove_block(before)
        except lines.EditedError:
            said.append(_left(path))
            continue
        if after != before:
            _write(path, after)
            said.append(tr("Removed: the block in {path}.", path=path))
    return said


# --- both --------------------------------------------------------------------------------------------


def _write(path: Path, content: bytes) -> None:
    """Put `content` in the place of what a file holds, in one step; a file that would be empty goes.

    Not through `files.write_bytes`: a script keeps its mode here, and what a killed process would leave in
    site-packages must not end in ``.pth``.
    """
    path = path.resolve()
    try:
        if not content:
            path.unlink(missing_ok=True)
            return
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(content)
            temporary = Path(name)
            temporary.chmod(mode)
            temporary.replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OutputError(
            tr(
                "{path} could not be written ({strerror}), so nothing was changed; run this as the user "
                "to whom the folder belongs, or start GPT-SoVITS with  gpt-sovits-emotion launch,  which "
                "writes nothing",
                path=path,
                strerror=error.strerror or error,
            )
        ) from error


def _as_sentence(error: EmotionError) -> Sentence:
    return tr("{error}.", error=of_error(error))


def _newer(path: Path) -> BackendError:
    return BackendError(
        tr(
            "{path} was written by a newer gpt-sovits-emotion than this one, so it was left alone; "
            "update this one with pip, or uninstall with the newer one",
            path=path,
        )
    )


def _already(path: Path) -> Sentence:
    return tr("Already installed in {path}.", path=path)


def _left(path: Path) -> Sentence:
    return tr(
        "Left alone: what stands in {path} is not what this version wrote; somebody changed it, or "
        "another version wrote it. Delete the lines that name gpt-sovits-emotion by hand.",
        path=path,
    )


def _found_sentence(path: Path, found: lines.Found) -> Sentence:
    return _already(path) if found.is_ours else _left(path)
