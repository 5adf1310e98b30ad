"""Start a GPT-SoVITS whose inference pages have the tab, and end it with everything that it started."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Literal

from gpt_sovits_emotion.core.errors import BackendError
from gpt_sovits_emotion.core.messages import tr
from webui_tab.hook import SCRIPTS
from webui_tab.interpreter import ENVIRONMENT, Interpreter, checkout_root, inspect_python, python_of
from webui_tab.request_guard.access import ALLOW_HOST_VARIABLE, named_hosts

__all__ = ["Page", "start"]

Page = Literal["main", "default", "fast"]

_GRACE_S = 6.0
_SETTINGS_TIMEOUT_S = 120.0

_PATHS = ("", "GPT_SoVITS/BigVGAN", "tools", "tools/asr", "GPT_SoVITS", "tools/uvr5")
"""What webui.py writes to ``users.pth`` in site-packages (its lines 50 to 55), behind everything else."""

_SETTINGS = """
import json, config
names = {"is_half": "is_half", "is_share": "is_share", "infer_ttswebui": "webui_port_infer_tts",
    "cnhubert_base_path": "cnhubert_path", "bert_path": "bert_path"}
print(json.dumps({k: str(getattr(config, v)) for k, v in names.items() if hasattr(config, v)}))
"""
"""Asks the checkout's own config for what webui.py hands on to the page (``change_tts_inference``)."""


def start(
    folder: Path,
    *,
    page: Page = "main",
    python: Path | None = None,
    allowed: Sequence[str] = (),
    arguments: Sequence[str] = (),
) -> int:
    """Start GPT-SoVITS in its own folder, wait for its end, and return its exit code.

    Args:
        folder: The checkout.
        page: ``main`` for webui.py, ``default`` or ``fast`` for the inference page itself.
        python: The python that runs it, as for `webui_tab.install.install`.
        allowed: Further names that its pages are served under (`request_guard.access.Served.allowed`).
        arguments: Handed on to it.

    Returns:
        Its exit code; 128 and the signal's number where it was ended by one.

    Raises:
        BackendError: The folder is no checkout, or that python cannot run the tab.
    """
    root = checkout_root(folder)
    interpreter = inspect_python(python_of(root, python), root)
    interpreter.require_ours()
    if not interpreter.heeds_environment:
        raise BackendError(
            tr(
                "{executable} ignores PYTHONPATH (a ._pth file beside it says so), which launch relies "
                "on; use  gpt-sovits-emotion install  with --route pth, or --route scripts",
                executable=interpreter.executable,
            )
        )
    script = "webui.py" if page == "main" else f"GPT_SoVITS/{SCRIPTS[page == 'fast']}"
    if not (root / script).is_file():
        raise BackendError(
            tr("{root} has no {script}; choose another --page", root=root, script=script)
        )
    command = [str(interpreter.executable), *(["-s"] if page != "main" else []), script]
    environment = _environment(root)
    if allowed:
        beside = environment.get(ALLOW_HOST_VARIABLE, "")
        environment[ALLOW_HOST_VARIABLE] = ",".join(named_hosts([*allowed, beside]))
    if page != "main":
        environment["language"] = _language(root, arguments)
        environment |= _page_environment(root, interpreter, environment)
    return _run([*command, *arguments], root, environment)


def _environment(root: Path) -> dict[str, str]:
    """Return our environment with the tab's ``sitecustomize`` on the path, and the packages' programs."""
    environment = {**os.environ, "PYTHONPATH": _joined(str(ENVIRONMENT), "PYTHONPATH")}
    if (root / "runtime").is_dir():  # as go-webui.bat does
        environment["PATH"] = _joined(str(root / "runtime"), "PATH")
    return environment


def _joined(first: str, name: str) -> str:
    return os.pathsep.join(filter(None, (first, os.environ.get(name))))


def _page_environment(
    root: Path, interpreter: Interpreter, given: Mapping[str, str]
) -> dict[str, str]:
    """Return what webui.py would set for the inference page; what the page is told by a person is kept.

    But for ``TEMP``: it points into the checkout, where webui.py empties it at its start, and nobody would.
    """
    told = _settings(root, interpreter, given)
    version = _version(root / "webui.py")
    if version:
        told["version"] = version
    told |= {name: given[name] for name in told if name in given}
    paths = [str(root / path) for path in _PATHS if (root / path).is_dir()]
    return {
        **told,
        "no_proxy": "localhost, 127.0.0.1, ::1",
        "all_proxy": "",
        "KMP_DUPLICATE_LIB_OK": "TRUE",
        "TORCH_DISTRIBUTED_DEBUG": "INFO",
        "GPT_SOVITS_EMOTION_PATH": os.pathsep.join(paths),
    }


def _language(root: Path, arguments: Sequence[str]) -> str:
    """Return the language that webui.py would take from its last argument."""
    last = arguments[-1] if arguments else ""
    known = last and (root / "tools" / "i18n" / "locale" / f"{last}.json").is_file()
    return last if known else "Auto"


def _version(webui: Path) -> str | None:
    """Return the version that webui.py starts in: the last word of the first line that assigns it."""
    with contextlib.suppress(OSError):
        source = webui.read_text(encoding="utf-8", errors="replace")
        found = re.search(r"""^[^#\n]*\bversion *=.*["'](v\w+)["']$""", source, re.MULTILINE)
        return found[1] if found else None
    return None


def _settings(root: Path, interpreter: Interpreter, given: Mapping[str, str]) -> dict[str, str]:
    try:
        done = subprocess.run(
            [str(interpreter.executable), "-s", "-c", _SETTINGS],
            cwd=root,
            env=dict(given),
            capture_output=True,
            text=True,
            timeout=_SETTINGS_TIMEOUT_S,
            check=True,
        )
        settings: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    except (OSError, ValueError, IndexError, subprocess.SubprocessError) as error:
        print(
            f"gpt-sovits-emotion: the checkout's config could not be read ({error}); "
            "its page starts with its own defaults",
            file=sys.stderr,
        )
        return {}
    return settings


# --- the process -------------------------------------------------------------------------------------


def _run(command: list[str], root: Path, environment: dict[str, str]) -> int:
    # A session of its own, so that ending it ends all that it started, and nothing else.
    process = subprocess.Popen(command, cwd=root, env=environment, start_new_session=True)
    try:
        with _ended_by_signals():
            code = process.wait()
    except KeyboardInterrupt as ending:
        code = -(ending.args[0] if ending.args else signal.SIGINT)
    finally:
        _end(process)
    return 128 - code if code < 0 else code


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Treat a wish to end, or a closed terminal, as Ctrl-C."""

    def end(number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt(number)

    names = ("SIGTERM", "SIGHUP", "SIGBREAK")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.signal(number, end) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and everything that it started: first by asking, and what outlives that by force."""
    if os.name == "nt":
        if process.poll() is None:
            tree = ["taskkill", "/T", "/F", "/PID", str(process.pid)]
            subprocess.run(tree, capture_output=True, check=False)
        process.wait()
        return
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
