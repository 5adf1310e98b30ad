"""Check what surrounds a checkout: path files, temporary folders, proxies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gpt_sovits_emotion.backends.gpt_sovits.layout import Checkout
from gpt_sovits_emotion.core.messages import tr
from gpt_sovits_emotion.doctor.findings import Finding, broken, fine, warning
from gpt_sovits_emotion.doctor.interpreter import Interpreter

__all__ = ["check_settings"]

_AREA = "settings"
_PATH_FILE = "users.pth"
_PROXIES = ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")
_LOCAL = ("localhost", "127.0.0.1")


def check_settings(checkout: Checkout, python: Interpreter) -> Iterator[Finding]:
    """Yield what is the matter around a checkout."""
    if not checkout.config:
        yield warning(
            _AREA,
            tr("config.py cannot be read; the usual paths and ports are assumed"),
            "git checkout -- config.py",
        )
    yield _path_file(checkout, python)
    yield _scratch(checkout, python)
    yield from _proxies(python)


def _path_file(checkout: Checkout, python: Interpreter) -> Finding:
    # webui.py writes it at every start, and the inference page finds its modules by it.
    start = tr(
        "start webui.py of this checkout once: it writes the file; or set PYTHONPATH to its root"
    )
    for folder in python.site_packages:
        path = folder / _PATH_FILE
        if not path.is_file():
            continue
        first = path.read_text(encoding="utf-8", errors="replace").partition("\n")[0].strip()
        if first and _same(Path(first), checkout.root):
            return fine(_AREA, tr("{path_file} points at this checkout", path_file=_PATH_FILE))
        return warning(
            _AREA,
            tr(
                "{path} points at another checkout, {first}: a page that is started by itself mixes the two",
                path=path,
                first=first,
            ),
            start,
        )
    root = str(checkout.root)
    if root in python.variables.get("PYTHONPATH", ""):
        return fine(_AREA, tr("PYTHONPATH holds this checkout"))
    return fine(
        _AREA, tr("no {path_file} yet: webui.py writes it when it starts", path_file=_PATH_FILE)
    )


def _same(first: Path, second: Path) -> bool:
    try:
        return first.resolve() == second.resolve()
    except OSError:
        return False


def _scratch(checkout: Checkout, python: Interpreter) -> Finding:
    if python.scratch is None:
        return broken(
            _AREA,
            tr("there is no folder for temporary files that can be written to"),
            tr("set TEMP to a folder on a disk with room"),
        )
    kept = _kept(checkout.scratch)
    if kept:
        return warning(
            _AREA,
            tr(
                "TEMP holds {kept} files, {name} among them: webui.py deletes them when it starts",
                kept=len(kept),
                name=kept[0].name,
            ),
            tr("move what you want to keep out of {scratch}", scratch=checkout.scratch),
        )
    return fine(
        _AREA,
        tr(
            "temporary files go to {scratch}; under webui.py to TEMP, emptied at every start",
            scratch=python.scratch,
        ),
    )


def _kept(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(
        path for path in folder.iterdir() if path.is_file() and path.name != "jieba.cache"
    )


def _proxies(python: Interpreter) -> Iterator[Finding]:
    variables = python.variables
    proxies = [name for name in _PROXIES if variables.get(name)]
    listed = f"{variables.get('no_proxy', '')},{variables.get('NO_PROXY', '')}".split(",")
    spared = {name.strip() for name in listed}
    unspared = [host for host in _LOCAL if not spared & {host, "*"}]
    if proxies and unspared:
        yield warning(
            _AREA,
            tr(
                "{proxies} is set and {unspared} is not exempt: a page may not find itself",
                proxies=proxies[0],
                unspared=unspared[0],
            ),
            "no_proxy=localhost,127.0.0.1,::1",
        )
