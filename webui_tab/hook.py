"""Put the tab into GPT-SoVITS's inference page at the moment when that page is launched.

This module is imported while python starts, by a ``.pth`` line, by a ``sitecustomize``, or by the page's
own script. So it is small and knows the standard library alone, and it imports nothing unless it is
needed. What it does is wrap ``gradio.Blocks.launch``, once, when gradio is imported. A page is launched
with the arguments it gave, whatever becomes of the tab: a failure of ours is one line on stderr.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False  # what type checkers take for true; `typing` itself would have to be imported
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

__all__ = ["SCRIPTS", "arm"]

SCRIPTS = ("inference_webui.py", "inference_webui_fast.py")
"""The scripts whose page gets the tab; they lie in the folder ``GPT_SoVITS`` of a checkout."""

_MARK = "inference_webui"
_WRAPPED = "_gpt_sovits_emotion_launch"
_VISITED = "_gpt_sovits_emotion_visited"
_GRADIO = ((4, 24), (5, 0))


def arm(*roots: str) -> None:
    """Make ready to put the tab in, if this process was started to serve an inference page.

    Python's own options may stand in any order before the script, and debuggers and launchers put words
    of their own there, so a process is taken for one if any word of its command names such a script;
    what is launched is looked at more closely when it is.

    Args:
        *roots: Folders of checkouts; the tab goes into the pages of these alone. Into any page if none
            is given, also when an earlier call gave some.
    """
    if not any(_MARK in word for word in getattr(sys, "orig_argv", ())):
        return
    _FINDER.roots = [*_FINDER.roots, *roots] if roots and _FINDER.roots is not None else None
    if _FINDER.is_waiting:
        return
    _FINDER.is_waiting = True
    blocks = sys.modules.get("gradio.blocks")
    if blocks is not None:
        _wrap_launch(blocks)
    else:
        sys.meta_path.insert(0, _FINDER)


class _Finder:
    """Stands first in ``sys.meta_path`` until ``gradio.blocks`` is looked for."""

    roots: list[str] | None = []  # noqa: RUF012  (there is one of it)
    is_waiting = False

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find ``gradio.blocks`` as it would be found anyway, and have it wrapped once it is loaded."""
        if name != "gradio.blocks":
            return None
        sys.meta_path.remove(self)
        import importlib.util

        spec = importlib.util.find_spec(name)
        loader = spec.loader if spec else None
        if loader is None:
            return spec
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            del vars(loader)["exec_module"]
            execute(module)
            _wrap_launch(module)

        vars(loader)["exec_module"] = exec_module
        return spec


_FINDER = _Finder()


def _wrap_launch(module: ModuleType) -> None:
    import functools

    blocks_class = module.Blocks
    original = blocks_class.launch
    if hasattr(original, _WRAPPED):
        return

    @functools.wraps(original)
    def launch(self: Any, *args: Any, **kwargs: Any) -> Any:
        _put_in(self)
        return original(self, *args, **kwargs)

    setattr(launch, _WRAPPED, True)
    blocks_class.launch = launch


def _put_in(app: Any) -> None:
    """Put the tab into `app`, if it is the page of an inference script and has none yet."""
    page = vars(sys.modules["__main__"])
    if page.get("app") is not app or hasattr(app, _VISITED):
        return
    try:
        if not _is_meant(page.get("__file__")):
            return
        setattr(app, _VISITED, True)
        problem = _unfit_gradio()
        if problem:
            _say(problem, "GPT-SoVITS's page is served without it")
            return
        from webui_tab.attach import attach

        attach(app, page)
    except Exception as error:
        _explain(error)


def _is_meant(script: str | None) -> bool:
    if not script or os.path.basename(script) not in SCRIPTS:  # noqa: PTH119  (pathlib is not loaded)
        return False
    place = _normal(script)
    return _FINDER.roots is None or any(
        place.startswith(_normal(root).rstrip(os.sep) + os.sep) for root in _FINDER.roots
    )


def _normal(path: str) -> str:
    return os.path.normcase(os.path.realpath(path))


def _unfit_gradio() -> str | None:
    version = str(getattr(sys.modules.get("gradio"), "__version__", "unknown"))
    parts = version.split(".")
    if len(parts) < 2 or not (parts[0].isdigit() and parts[1].isdigit()):
        return None  # a build of somebody's own: trying does no harm
    if _GRADIO[0] <= (int(parts[0]), int(parts[1])) < _GRADIO[1]:
        return None
    return f"the tab needs gradio 4.24 or newer and below 5, and this page runs on gradio {version}"


def _explain(error: Exception) -> None:
    if os.environ.get("GPT_SOVITS_EMOTION_DEBUG"):
        import traceback

        traceback.print_exc()
    reason = " ".join(str(error).split()) or "no reason given"
    remedy = "run  gpt-sovits-emotion doctor  to see what is amiss"
    if isinstance(error, ModuleNotFoundError) and error.name:
        package = error.name.partition(".")[0]
        remedy = f'run  "{sys.executable}" -m pip install {package}'
    elif not type(error).__module__.startswith("gpt_sovits_emotion."):
        reason = f"{type(error).__name__}: {reason}"
    _say(f"the tab could not be put in ({reason})", f"GPT-SoVITS's page is as it was; {remedy}")


def _say(what: str, then: str) -> None:
    print(f"gpt-sovits-emotion: {what}; {then}", file=sys.stderr, flush=True)
