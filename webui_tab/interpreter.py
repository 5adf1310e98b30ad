"""Look at the python that runs a GPT-SoVITS checkout: what it is, what it can import, what it heeds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from gpt_sovits_emotion.core.errors import BackendError
from gpt_sovits_emotion.core.messages import tr
from webui_tab.hook import SCRIPTS

__all__ = ["ENVIRONMENT", "Interpreter", "checkout_root", "inspect_python", "is_armed", "python_of"]

ENVIRONMENT = Path(__file__).with_name("environment")
"""The folder whose ``sitecustomize`` puts the tab in, for processes that have it on ``PYTHONPATH``."""

_CLONE = Path(__file__).resolve().parents[1]
_OLDEST = (3, 10)
_TIMEOUT_S = 120.0

# Of our requirements, those that not every GPT-SoVITS brings: module -> name for pip.
_OURS = {
    # From the clone that this runs from, where it does.
    "webui_tab": f'"{_CLONE}"' if (_CLONE / "setup.py").is_file() else "gpt-sovits-emotion",
    "pysubs2": "pysubs2",
    "opencc": "opencc",
    "av": "av",
    "ctranslate2": "ctranslate2",
    "faster_whisper": "faster-whisper",
    "safetensors": "safetensors",
    "soundfile": "soundfile",
    "soxr": "soxr",
}

_LOOK = """
import importlib.util, json, site, sys, sysconfig
found = {name: importlib.util.find_spec(name) is not None for name in sys.argv[1:]}
print(json.dumps({
    "version": sys.version_info[:3],
    "packages": sysconfig.get_path("purelib"),
    "searched": site.getsitepackages(),
    "missing": [name for name, here in found.items() if not here],
    "path": sys.path,
}))
"""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """What a python said of itself when it was started in a checkout.

    Attributes:
        executable: How it is called.
        version: Such as ``(3, 10, 13)``.
        packages: The folder where pip puts packages, and where this python reads ``.pth`` files.
        missing: Modules that the tab needs and this python does not find.
        heeds_environment: Whether it puts the folders of ``PYTHONPATH`` on its path.
    """

    executable: Path
    version: tuple[int, ...]
    packages: Path
    missing: tuple[str, ...]
    heeds_environment: bool

    def require_ours(self) -> None:
        """Make sure that the tab can run in this python.

        Raises:
            BackendError: It cannot; the sentence holds the command that helps.
        """
        if self.version < _OLDEST:
            raise BackendError(
                tr(
                    "{executable} is Python {dotted}, and the tab needs Python {dotted_2} or newer; run "
                    "GPT-SoVITS in a newer Python and name it with --python",
                    executable=self.executable,
                    dotted=_dotted(self.version),
                    dotted_2=_dotted(_OLDEST),
                )
            )
        if "gradio" in self.missing:
            raise BackendError(
                tr(
                    "{executable} has no gradio, so it is not the python that runs GPT-SoVITS; name that "
                    "one with --python",
                    executable=self.executable,
                )
            )
        if self.missing:
            packages = " ".join(_OURS[name] for name in self.missing)
            doctor = "gpt-sovits-emotion doctor --checkout DIR"
            raise BackendError(
                tr(
                    '{executable} does not find {packages}; run  "{executable}" -m pip install --no-deps '
                    "{packages}  ({doctor} says what else is missing)",
                    executable=self.executable,
                    packages=packages,
                    doctor=doctor,
                )
            )


def checkout_root(folder: Path) -> Path:
    """Return the absolute path of a GPT-SoVITS checkout.

    Raises:
        BackendError: The folder is none.
    """
    root = folder.expanduser().resolve()
    if not any((root / "GPT_SoVITS" / script).is_file() for script in SCRIPTS):
        raise BackendError(
            tr(
                "{root} is no GPT-SoVITS checkout: it holds no GPT_SoVITS/{scripts}; name the folder "
                "that holds webui.py with --checkout",
                root=root,
                scripts=SCRIPTS[0],
            )
        )
    return root


def python_of(root: Path, given: Path | None = None) -> Path:
    """Return the python that runs a checkout.

    That is the one given, else the one that the Windows packages bring along, else the one that runs now.

    Raises:
        BackendError: The one given is not there.
    """
    if given is not None:
        # Not resolved: a virtual environment's python is a link to one without its packages.
        if not given.is_file():
            raise BackendError(
                tr(
                    "there is no python at {given}; name the program itself with --python",
                    given=given,
                )
            )
        return given.absolute()
    packaged = root / "runtime" / "python.exe"
    return packaged if packaged.is_file() else Path(sys.executable)


def inspect_python(executable: Path, root: Path) -> Interpreter:
    """Start a python in a checkout and ask what it is.

    Raises:
        BackendError: It does not start, or does not answer.
    """
    code = ["-c", _LOOK, *_OURS, "gradio"]
    said = _run([str(executable), "-s", *code], root, {"PYTHONPATH": str(ENVIRONMENT)})
    try:
        facts = json.loads(said.splitlines()[-1])
    except (ValueError, IndexError):
        raise BackendError(
            tr(
                "{executable} did not answer as a python does ({said!r}); name the python that runs "
                "GPT-SoVITS with --python",
                executable=executable,
                said=said[:80],
            )
        ) from None
    return Interpreter(
        executable=executable,
        version=tuple(facts["version"]),
        packages=_packages(Path(facts["packages"]), [Path(path) for path in facts["searched"]]),
        missing=tuple(facts["missing"]),
        heeds_environment=str(ENVIRONMENT) in facts["path"],
    )


def is_armed(interpreter: Interpreter, root: Path) -> bool:
    """Say whether this python, started as GPT-SoVITS starts its page, would put the tab in by itself."""
    code = "import sys; print('webui_tab.hook' in sys.modules)"
    said = _run([str(interpreter.executable), "-s", "-c", code, SCRIPTS[0]], root, {})
    return said.split()[-1:] == ["True"]


def _packages(proposed: Path, searched: list[Path]) -> Path:
    # Where pip installs is read at start too, but for some systems' own pythons.
    if proposed in searched or not searched:
        return proposed
    return next((path for path in searched if path.is_dir()), proposed)


def _run(command: list[str], root: Path, environment: dict[str, str]) -> str:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    try:
        done = subprocess.run(
            command,
            cwd=root,
            env={**kept, "PYTHONIOENCODING": "utf-8", **environment},
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BackendError(
            tr(
                "{command} could not be started ({error}); name the python that runs GPT-SoVITS with "
                "--python",
                command=command[0],
                error=error,
            )
        ) from error
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise BackendError(
            tr(
                "{command} could not be asked what it is ({reason}); name the python that runs "
                "GPT-SoVITS with --python",
                command=command[0],
                reason=reason,
            )
        )
    return done.stdout


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
