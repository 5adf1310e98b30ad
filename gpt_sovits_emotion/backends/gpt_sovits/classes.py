"""GPT-SoVITS's own model classes, taken from a checkout's files without importing them.

The checkout's modules are called ``module``, ``text``, ``utils``, ``tools``: names that would shadow other
packages and that stay behind in `sys.modules`. So its source is run here in modules of our own, whose
``import`` statements find their neighbours privately. Nothing global is touched: not `sys.modules`, not
`sys.path`, not the working directory, and no ``__pycache__`` is written.
"""

from __future__ import annotations

import builtins
import importlib.util
import threading
import warnings
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from gpt_sovits_emotion.backends.gpt_sovits.parts import SovitsClasses, classes_in
from gpt_sovits_emotion.core.errors import BackendError
from gpt_sovits_emotion.core.messages import tr

__all__ = ["classes_from_checkout", "speaker_modules_from_checkout"]

# What models.py imports but the listening parts do not use: the text front end, the diffusion decoder and
# the quantiser. They would ask for a dozen packages and add seconds.
_UNUSED_BY_LISTENING = frozenset({"text", "f5_tts", "GPT_SoVITS", "utils", "module.quantize"})

_running = threading.RLock()


@lru_cache(maxsize=4)
def classes_from_checkout(root: Path) -> SovitsClasses:
    """Return the classes of the listening parts from the files of a checkout.

    Raises:
        BackendError: The files are not there or do not run; the message says which and why.
    """
    sources = _Sources(root / "GPT_SoVITS", own=("module",), unused=_UNUSED_BY_LISTENING)
    return classes_in(sources.load("module.models"), f"{root}/GPT_SoVITS/module/models.py")


@lru_cache(maxsize=4)
def speaker_modules_from_checkout(root: Path) -> tuple[Any, Any]:
    """Return the class ``ERes2NetV2`` and the function ``kaldi.fbank`` that the Pro models listen with.

    Raises:
        BackendError: As for `classes_from_checkout`; checkouts from before v2Pro have neither.
    """
    own = ("ERes2NetV2", "pooling_layers", "fusion", "kaldi")
    sources = _Sources(root / "GPT_SoVITS" / "eres2net", own=own, unused=frozenset())
    try:
        return sources.load("ERes2NetV2").ERes2NetV2, sources.load("kaldi").fbank
    except AttributeError as error:
        raise BackendError(
            tr(
                "{root}/GPT_SoVITS/eres2net is not as GPT-SoVITS has it ({error}): restore it with git",
                root=root,
                error=error,
            )
        ) from error


class _Sources:
    """Runs modules of one folder privately; their imports of one another never leave it.

    Args:
        folder: Where they lie.
        own: The top-level names that are looked up there; all other names are imported as usual.
        unused: Modules that are replaced by a placeholder, any of whose names is an empty class.
    """

    def __init__(self, folder: Path, *, own: Sequence[str], unused: frozenset[str]) -> None:
        self._folder = folder
        self._own = frozenset(own)
        self._unused = unused
        self._loaded: dict[str, ModuleType] = {}
        self._builtins = {**vars(builtins), "__import__": self._import}

    def load(self, name: str) -> ModuleType:
        """Return the module `name`, run if it has not been.

        Raises:
            BackendError: Its file is missing, or fails when it is run.
        """
        with _running, warnings.catch_warnings():
            # models.py switches every warning off for the whole process; that ends here.
            try:
                return self._module(name)
            except BackendError:
                raise
            except ModuleNotFoundError as error:
                raise BackendError(
                    tr(
                        "{folder} needs the package {error}, which this Python does not have: run  pip "
                        "install {error}  or use the Python that runs GPT-SoVITS",
                        folder=self._folder,
                        error=error.name,
                    )
                ) from error
            except Exception as error:
                # The checkout's code is not ours: whatever it raises, the checkout is at fault.
                raise BackendError(
                    tr(
                        "the model classes in {folder} do not run ({name}: {error}): restore the "
                        "checkout's files with git, or choose a head that reads prosody or hubert",
                        folder=self._folder,
                        name=type(error).__name__,
                        error=error,
                    )
                ) from error

    def _module(self, name: str) -> ModuleType:
        if name in self._loaded:
            return self._loaded[name]
        if self._is_unused(name):
            return self._loaded.setdefault(name, _Placeholder(name))
        parent, _, child = name.rpartition(".")
        parent_module = self._module(parent) if parent else None
        module = self._run(name)
        if parent_module is not None:
            setattr(parent_module, child, module)
        return module

    def _run(self, name: str) -> ModuleType:
        path = self._file_of(name)
        module = ModuleType(f"gpt_sovits_checkout.{name}")
        module.__file__ = str(path)
        vars(module)["__builtins__"] = self._builtins
        self._loaded[name] = module
        try:
            source = importlib.util.decode_source(path.read_bytes())
            exec(compile(source, str(path), "exec", dont_inherit=True), vars(module))
        except BaseException:
            del self._loaded[name]
            raise
        return module

    def _file_of(self, name: str) -> Path:
        place = self._folder.joinpath(*name.split("."))
        for path in (place / "__init__.py", place.with_suffix(".py")):
            if path.is_file():
                return path
        raise BackendError(
            tr(
                "there is no {place}.py in this checkout, which the models of GPT-SoVITS need: restore "
                "the checkout's files with git, or get a checkout that has them",
                place=place,
            )
        )

    def _is_unused(self, name: str) -> bool:
        return any(name == unused or name.startswith(f"{unused}.") for unused in self._unused)

    def _is_private(self, name: str) -> bool:
        return name.partition(".")[0] in self._own or self._is_unused(name)

    def _import(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        """Do what an ``import`` statement of the checkout asks for (see `builtins.__import__`)."""
        if level or not self._is_private(name):
            return builtins.__import__(name, globals, locals, fromlist or (), level)
        module = self._module(name)
        if not fromlist:
            return self._module(name.partition(".")[0])
        for child in fromlist:
            if child != "*" and not hasattr(module, child):
                self._module(f"{name}.{child}")
        return module


class _Placeholder(ModuleType):
    """A module that is imported and never used: whatever is asked of it is an empty class."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})
