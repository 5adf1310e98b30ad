"""Puts the tab into every inference page of a GPT-SoVITS that was started with ``launch``.

Python imports the first ``sitecustomize`` on its path when it starts; this folder stands first there,
through ``PYTHONPATH``, for the processes of that one GPT-SoVITS. The one that stands next is run as well.
"""

import os
import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec


def _run_next() -> None:
    here = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120  (before pathlib)
    others = [path for path in sys.path if os.path.abspath(path) != here]  # noqa: PTH100
    spec = PathFinder.find_spec("sitecustomize", others)
    if spec is not None and spec.loader is not None:
        module = module_from_spec(spec)
        sys.modules["sitecustomize"] = module
        spec.loader.exec_module(module)


# What the host's main page would have written to its users.pth, when a page is started without it.
_paths = os.environ.get("GPT_SOVITS_EMOTION_PATH", "").split(os.pathsep)
sys.path.extend(path for path in _paths if path and path not in sys.path)

if "inference_webui" in " ".join(getattr(sys, "orig_argv", ())):
    try:
        from webui_tab.hook import arm
    except ImportError as error:
        print(
            f"gpt-sovits-emotion: the tab is not there for this python ({error})", file=sys.stderr
        )
    else:
        arm()

_run_next()
